//! A PSF in numbers: where its centre of mass is, how wide it is, in which direction.
//!
//! Widths are root mean squares about the centre of mass, in samples, along one axis: the square
//! roots of the eigenvalues of `C = sum h (r - m)(r - m)'`. A disk of radius `r` has `r / 2`, a
//! Gaussian its deviation, and the area of a sample adds a twelfth to the variance of each: that
//! is taken off again where a width is told as that of a disk or a Gaussian.

use std::fmt;

use serde::Serialize;

use super::Psf;
use crate::frame::Extent;

/// Samples below this share of the greatest do not count as support.
const SUPPORT: f64 = 1e-3;

/// Variance of the area of a sample along one axis.
const SAMPLE: f64 = 1.0 / 12.0;

/// A PSF in numbers, lengths in samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shape {
    /// How far the centre of mass is to the right of the central sample.
    pub right: f64,
    /// How far it is below.
    pub down: f64,
    /// Width along the direction in which it is widest.
    pub along: f64,
    /// Width across that.
    pub across: f64,
    /// That direction, in degrees counter-clockwise from the right: above -90, at most 90.
    pub angle: f64,
    /// The smallest rectangle that holds all samples of at least a thousandth of the greatest.
    pub support: Extent,
}

impl Psf {
    /// Where it lies and how wide it is.
    pub fn shape(&self) -> Shape {
        let (right, down) = self.mean(|x, y| (x, y));
        let (xx, yy) = self.mean(|x, y| ((x - right).powi(2), (y - down).powi(2)));
        let (xy, _) = self.mean(|x, y| ((x - right) * (y - down), 0.0));
        let (half, spread) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
        let root = |variance: f64| variance.max(0.0).sqrt();
        // Rows grow downwards, angles upwards.
        let angle = (-2.0 * xy).atan2(xx - yy).to_degrees() / 2.0;
        let angle = if angle <= -90.0 { 90.0 } else { angle };
        let (along, across) = (root(half + spread), root(half - spread));
        Shape { right, down, along, across, angle, support: self.support() }
    }

    /// Mean, weighted by the samples, of a pair at each sample's place right of and below the centre.
    fn mean(&self, pair: impl Fn(f64, f64) -> (f64, f64)) -> (f64, f64) {
        let (centre_x, centre_y) = self.radius();
        let mut mean = (0.0, 0.0);
        for (y, row) in self.samples.rows().enumerate() {
            for (x, sample) in row.iter().enumerate() {
                let (a, b) = pair(x as f64 - centre_x as f64, y as f64 - centre_y as f64);
                mean = (mean.0 + sample * a, mean.1 + sample * b);
            }
        }
        mean
    }

    fn support(&self) -> Extent {
        let greatest = self.samples.samples().iter().copied().fold(0.0, f64::max);
        let counts = |sample: &f64| *sample >= SUPPORT * greatest;
        let span = |lines: &mut dyn Iterator<Item = usize>| {
            let (first, last) = lines.fold((usize::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
            (last + 1).saturating_sub(first)
        };
        let rows = || self.samples.rows().enumerate();
        let mut high = rows().filter(|(_, row)| row.iter().any(counts)).map(|(y, _)| y);
        let mut wide = rows().flat_map(|(_, row)| {
            row.iter().enumerate().filter(|(_, sample)| counts(sample)).map(|(x, _)| x)
        });
        Extent::new(span(&mut wide), span(&mut high))
    }
}

impl Shape {
    /// Root mean square of the widths along all directions.
    pub fn width(&self) -> f64 {
        (self.along.hypot(self.across)) / 2.0_f64.sqrt()
    }

    /// Radius of the disk that is as wide.
    pub fn disk_radius(&self) -> f64 {
        2.0 * self.gaussian_sigma()
    }

    /// Deviation of the Gaussian that is as wide.
    pub fn gaussian_sigma(&self) -> f64 {
        (self.width().powi(2) - SAMPLE).max(0.0).sqrt()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.width();
        write!(out, "centroid {:.2},{:.2}, width {width:.2}", self.right, self.down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(formula: &str) -> Shape {
        Psf::from_formula(formula).expect("a formula").expect("a PSF").shape()
    }

    #[track_caller]
    fn check_close(is: f64, expected: f64, tolerance: f64) {
        assert!((is - expected).abs() < tolerance, "{is} is not {expected}");
    }

    #[test]
    fn formulas_are_as_wide_as_they_say() {
        for radius in [2.0, 3.0, 5.5] {
            let disk = shape(&format!("disk:{radius}"));
            check_close(disk.disk_radius(), radius, 0.02 * radius);
            check_close(disk.along, disk.across, 1e-9);
        }
        check_close(shape("gaussian:1.6").gaussian_sigma(), 1.6, 0.01);
        assert_eq!(Psf::delta().shape().gaussian_sigma().to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn motion_has_a_direction() {
        for angle in [0.0, 30.0, 45.0, 90.0, -60.0] {
            let motion = shape(&format!("motion:15,{angle}"));
            check_close(motion.angle, angle, 1.0);
            check_close(motion.along, 15.0 / 12.0_f64.sqrt(), 0.1);
            assert!(motion.across < 0.7, "{motion:?}");
            check_close(motion.right, 0.0, 1e-9);
        }
    }

    #[test]
    fn what_lies_beside_the_centre_is_told() {
        let psf = Psf::from_bytes(b"0 0 0 0 0\n0 0 0 0 0\n0 0 0 1 1\n").expect("a PSF").shape();
        check_close(psf.right, 1.5, 1e-12);
        check_close(psf.down, 1.0, 1e-12);
        assert_eq!(psf.support, Extent::new(2, 1));
    }
}
