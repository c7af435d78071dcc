//! Where on the target the samples of a frame look.
//!
//! A sample at `p` first loses the lens's distortion, `p_u = c + (p - c)(1 + a r^2 + b r^4)` with
//! `c` the middle of the frame and `r = |p - c|` over half its diagonal, then a homography takes it
//! to cells. This is the way that rendering goes; the way back is found by Newton's method.
//! The homography acts on coordinates around the target's middle in units of its size, so that its
//! numbers are of one order.

use super::super::linear::Normal;
use crate::frame::Extent;

/// A place: column and row in samples of a frame (the middle of the first sample is 0, 0), or in
/// cells of the target (its upper left corner is 0, 0).
pub type Point = [f64; 2];

/// The numbers of a geometry: eight of the homography, two of the distortion.
pub(crate) const PARAMETERS: usize = 10;

/// From samples of a frame to cells of the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Middle of the frame and half its diagonal.
    frame: (Point, f64),
    /// Middle of the target in the frame and its size there.
    target: (Point, f64),
    parameters: [f64; PARAMETERS],
}

/// Where a point was seen, and where it lies on the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Match {
    pub(crate) frame: Point,
    pub(crate) cell: Point,
}

impl Geometry {
    /// The geometry that takes the frame's points of the matches to their cells, in the sense of
    /// least squares; `None` where they do not determine one. Fewer than 20 matches say nothing
    /// of the distortion.
    pub(crate) fn fit(frame: Extent, matches: &[Match]) -> Option<Self> {
        let mut geometry = Self::homography(frame, matches)?;
        let unknowns = if matches.len() < 20 { 8 } else { PARAMETERS };
        for _ in 0..8 {
            let mut normal = Normal::new(unknowns);
            for &Match { frame, cell } in matches {
                let found = geometry.cell(frame);
                let slopes = geometry.slopes(frame);
                for axis in 0..2 {
                    let row: [f64; PARAMETERS] = std::array::from_fn(|k| slopes[k][axis]);
                    normal.add(&row[..unknowns], cell[axis] - found[axis], 1.0);
                }
            }
            // Far from the edges of the frame, distortion and perspective look alike.
            geometry = geometry.moved(&normal.solve(1e-6)?);
        }
        geometry.parameters.iter().all(|value| value.is_finite()).then_some(geometry)
    }

    /// Without distortion, by the linear equations of the homography.
    fn homography(frame: Extent, matches: &[Match]) -> Option<Self> {
        let count = matches.len().max(1) as f64;
        let middle = [0, 1].map(|axis| matches.iter().map(|m| m.frame[axis]).sum::<f64>() / count);
        let squares = matches.iter().map(|m| distance(m.frame, middle).powi(2)).sum::<f64>();
        let size = (squares / count).sqrt();
        let mut normal = Normal::new(8);
        for &Match { frame: [x, y], cell } in matches {
            let (x, y) = ((x - middle[0]) / size, (y - middle[1]) / size);
            let [u, v] = cell;
            normal.add(&[x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], u, 1.0);
            normal.add(&[0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y], v, 1.0);
        }
        let solved = normal.solve(0.0).filter(|_| size > 0.0)?;
        let mut parameters = [0.0; PARAMETERS];
        parameters[..8].copy_from_slice(&solved);
        let (width, height) = (frame.width as f64, frame.height as f64);
        let frame = ([(width - 1.0) / 2.0, (height - 1.0) / 2.0], width.hypot(height) / 2.0);
        Some(Self { frame, target: (middle, size), parameters })
    }

    /// The cell at which the sample at `point` looks.
    pub fn cell(&self, point: Point) -> Point {
        let (centre, reach) = self.frame;
        let (x, y) = (point[0] - centre[0], point[1] - centre[1]);
        let square = (x * x + y * y) / (reach * reach);
        let [.., a, b] = self.parameters;
        let stretch = 1.0 + square * (a + square * b);
        let (middle, size) = self.target;
        let x = (x * stretch + centre[0] - middle[0]) / size;
        let y = (y * stretch + centre[1] - middle[1]) / size;
        let h = &self.parameters;
        let depth = h[6] * x + h[7] * y + 1.0;
        [(h[0] * x + h[1] * y + h[2]) / depth, (h[3] * x + h[4] * y + h[5]) / depth]
    }

    /// The sample that looks at the place `cell` of the target; `None` where none does.
    pub fn point(&self, cell: Point) -> Option<Point> {
        let mut point = self.target.0;
        for _ in 0..20 {
            let found = self.cell(point);
            let step = solve2(self.jacobian(point), [cell[0] - found[0], cell[1] - found[1]])?;
            // A far place is come to in steps, lest the horizon be passed.
            let limit = (self.target.1 * 2.0 / step[0].hypot(step[1])).min(1.0);
            point = [point[0] + limit * step[0], point[1] + limit * step[1]];
            if step[0].hypot(step[1]) < 1e-9 {
                break;
            }
        }
        let back = self.cell(point);
        (distance(back, cell) < 1e-3).then_some(point)
    }

    /// Derivatives of the cell by the sample's column and row: `[[du/dx, du/dy], [dv/dx, dv/dy]]`.
    pub(crate) fn jacobian(&self, [x, y]: Point) -> [[f64; 2]; 2] {
        const STEP: f64 = 1e-3;
        let slope = |a: Point, b: Point| [0, 1].map(|axis| (a[axis] - b[axis]) / (2.0 * STEP));
        let across = slope(self.cell([x + STEP, y]), self.cell([x - STEP, y]));
        let down = slope(self.cell([x, y + STEP]), self.cell([x, y - STEP]));
        [[across[0], down[0]], [across[1], down[1]]]
    }

    /// Derivatives of the cell of `point` by each parameter.
    pub(crate) fn slopes(&self, point: Point) -> [Point; PARAMETERS] {
        std::array::from_fn(|index| {
            let step = 1e-6 * self.parameters[index].abs().max(1e-2);
            let [above, below] = [step, -step].map(|step| {
                let mut moved = self.clone();
                moved.parameters[index] += step;
                moved.cell(point)
            });
            [0, 1].map(|axis| (above[axis] - below[axis]) / (2.0 * step))
        })
    }

    /// The geometry whose first parameters are greater by `steps`.
    pub(crate) fn moved(&self, steps: &[f64]) -> Self {
        let mut moved = self.clone();
        moved.parameters.iter_mut().zip(steps).for_each(|(value, step)| *value += step);
        moved
    }

    /// The geometry in which everything is seen `shift` samples further right and down.
    pub(crate) fn shifted(&self, shift: Point) -> Self {
        let mut shifted = self.clone();
        // The distortion stays with the frame: what it moves by this is far below a thousandth.
        shifted.target.0 = [self.target.0[0] + shift[0], self.target.0[1] + shift[1]];
        shifted
    }

    /// Samples on a side of a cell at the place `cell`, where it is seen smallest.
    pub(crate) fn samples_per_cell(&self, cell: Point) -> Option<f64> {
        let [[a, b], [c, d]] = self.jacobian(self.point(cell)?);
        // One over the greater singular value.
        let half = (a * a + b * b + c * c + d * d) / 2.0;
        let determinant = a * d - b * c;
        Some(1.0 / (half + (half * half - determinant * determinant).max(0.0).sqrt()).sqrt())
    }

    /// Whether the target is seen as in a mirror at `point`.
    pub(crate) fn is_mirrored(&self, point: Point) -> bool {
        let [[a, b], [c, d]] = self.jacobian(point);
        a * d < b * c
    }
}

/// The distance of two points.
pub(crate) fn distance(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The solution of two equations; `None` where there is none.
pub(crate) fn solve2([[a, b], [c, d]]: [[f64; 2]; 2], [e, f]: Point) -> Option<Point> {
    let determinant = a * d - b * c;
    let solution = [(e * d - b * f) / determinant, (a * f - e * c) / determinant];
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: Extent = Extent::new(640, 480);

    /// Seen under perspective and distortion.
    fn seen([u, v]: Point, tilt: f64, bend: f64) -> Point {
        let (u, v) = ((u - 50.0) / 100.0, (v - 70.0) / 100.0);
        let depth = 1.0 + tilt * u - 0.5 * tilt * v;
        let (x, y) = (180.0 * (0.9 * u + 0.3 * v) / depth, 180.0 * (0.9 * v - 0.3 * u) / depth);
        // The middle of the frame, 400 samples from its corners.
        let (x, y) = (x + 40.5, y - 19.5);
        let square = (x * x + y * y) / 160_000.0;
        [319.5 + x * (1.0 + bend * square), 239.5 + y * (1.0 + bend * square)]
    }

    proptest! {
        #[test]
        fn what_was_seen_is_found_again(tilt in -0.3_f64..0.3, bend in -0.1_f64..0.1) {
            let cells = (0..49).map(|k| [f64::from(k % 7) * 16.0, f64::from(k / 7) * 22.0]);
            let matches: Vec<Match> =
                cells.map(|cell| Match { frame: seen(cell, tilt, bend), cell }).collect();
            let geometry = Geometry::fit(FRAME, &matches).expect("a geometry");
            for Match { frame, cell } in matches {
                prop_assert!(distance(geometry.cell(frame), cell) < 0.05, "{frame:?}");
                let point = geometry.point(cell).expect("a point");
                prop_assert!(distance(geometry.cell(point), cell) < 1e-6);
            }
        }
    }

    #[test]
    fn points_on_a_line_determine_nothing() {
        let on_line = |k: i32| [f64::from(k), 2.0 * f64::from(k)];
        let matches: Vec<_> =
            (0..9).map(|k| Match { frame: on_line(k), cell: on_line(k) }).collect();
        assert_eq!(Geometry::fit(FRAME, &matches), None);
        assert_eq!(Geometry::fit(FRAME, &[]), None);
    }
}
