//! What lies beyond the edges of a frame, found so that it agrees with what is seen within.
//!
//! A margin that only leads smoothly from edge to edge is no blurred picture: near the zeros of `H` it
//! has power that no scene can have, and the inverse makes stripes of that far into the frame. Of all
//! margins the likeliest is the mean of those that pictures with the spectrum `E |Y|^2 = |H|^2 S + sigma^2`
//! have beside such a frame: a linear prediction (Rasmussen and Williams, "Gaussian processes for machine
//! learning", 2006, equation 2.19), which is told by the samples near the edge:
//!
//! ```text
//! m = C_mf C_ff^-1 f
//! ```
//!
//! with `f` the samples of the frame up to `reach` away from the margin at both of its sides, and `C` the
//! covariances. After a transform along the edge every frequency is a prediction of its own, of the
//! margin's lines from the frame's. The margin beside the frame is predicted first, then that above and
//! below it, corners included, from rows as wide as the planes. A sigma of less than some gray levels is
//! not reckoned with: a prediction from many samples would raise what the spectrum says wrong of them.
//!
//! `C` has a real spectrum, so each covariance is the conjugate of that at the opposite distance. Lines at
//! equal distances from the middle of the margin, added and subtracted, therefore obey *real* equations: with
//! `c(d) = r(d) + i s(d)`, sums `p` and differences, of which `q` is `-i` times the transform,
//!
//! ```text
//! E p_j p_k* = r(t_j - t_k) + r(t_j + t_k)     E p_j q_k* = s(t_j + t_k) - s(t_j - t_k)
//! E q_j q_k* = r(t_j - t_k) - r(t_j + t_k)     E q_j p_k* = s(t_j + t_k) + s(t_j - t_k)
//! ```
//!
//! for lines at `t` from the middle (all of them doubled). What predicts changes slowly from frequency to
//! frequency, as covariances reach no farther along the edge than across it: it is planned at some of them,
//! the *knots*, and linear in between.
//!
//! That pays where the inverse is steep. The harm of a smooth margin is estimated as what the Wiener filter
//! changes in edges around the frame, whose power falls by the Laplacian `G`, over the error that it has anyway.

use super::edges::{Edges, Framing};
use super::expected::{Assumed, Expected};
use super::regulariser::Regulariser;
use crate::fft::{Covariances, coefficients};
use crate::frame::Extent;
use crate::optics::{Blur, Light, PsfError, laplacian};

/// How the margin of a frame is found.
#[derive(Debug, Clone)]
pub struct Borders {
    /// Of the columns beside it.
    pub beside: Band,
    /// Of the rows above and below it.
    pub below: Band,
}

/// How the lines of a margin between two edges are predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Lines of the margin.
    pub count: usize,
    /// Lines of the frame at each edge that tell of them.
    pub reach: usize,
    /// Samples in a line.
    pub length: usize,
    /// Frequencies from one knot to the next.
    pub step: usize,
    /// For each knot, and each sum and then each difference of two lines of the frame at equal distances, the
    /// farthest first: its part in each half sum and then each half difference of two lines of the margin, the
    /// outermost first. Scaled for twice the transform of what is known, and transforms back that do not scale.
    pub factors: Vec<f32>,
}

/// The direction of a band's lines.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lines {
    Columns,
    Rows,
}

impl Borders {
    /// The noise that margins are reckoned with beside the frame's. Of 1.25, 2.5 and 5 gray levels, it is within
    /// 0.1 dB of the best for long motions at sigma 0.5 and at 2.55.
    const FLOOR: Light = Light(2.5 / 255.0);
    /// The least noise that there is: what eight bits round away, and some.
    const LEAST: Light = Light(0.4 / 255.0);
    /// Harm from which on it is mended; Set12 then gains 0.3 dB and more by it.
    const HARM: f64 = 40.0;

    /// Plans margins for frames under this blur and this noise; none where the smooth one serves.
    ///
    /// # Errors
    /// Where the PSF is larger than the planes.
    pub fn plan(blur: &Blur, framing: Framing, noise: Light) -> Result<Option<Self>, PsfError> {
        // A margin is wide where the PSF is, and a field's PSFs are near enough to that in the middle.
        let psf = blur.central();
        let told = Light(noise.0.max(Self::LEAST.0));
        let seen = Assumed::new(framing.outer, Regulariser::Spectral, told).blurred_by(psf)?;
        let harm =
            |index| f64::from(seen.wiener(index).norm_sqr()) / laplacian(framing.outer, index);
        let harm: f64 = (1..coefficients(framing.outer)).map(harm).sum();
        let Extent { width, height } = framing.inner;
        let edges = 2.0 * (width + height) as f64 / framing.inner.area() as f64;
        let is_small = width.min(height) < 2;
        if framing.edges == Edges::Circular || is_small || harm / seen.error() * edges < Self::HARM
        {
            return Ok(None);
        }
        let noise = Light(told.0.hypot(Self::FLOOR.0));
        let seen = Assumed::new(framing.outer, Regulariser::Spectral, noise).blurred_by(psf)?;
        let side = psf.extent().width.max(psf.extent().height);
        let (at_little, at_more, more) = Band::REACH;
        let sides = if told.0 < more.0 { at_little } else { at_more };
        let band = |lines| Band::plan(&seen, framing, (side, sides), lines);
        Ok(Some(Self { beside: band(Lines::Columns), below: band(Lines::Rows) }))
    }
}

impl Band {
    /// Sides of the PSF up to which samples tell of a margin: at little noise, and at more than so much.
    const REACH: (usize, usize, Light) = (3, 2, Light(1.5 / 255.0));
    /// Lines that tell at most.
    const FARTHEST: usize = 96;
    /// Factors of a line that is known come in so many at once, the last of them 0.
    pub const LANES: usize = 8;
    /// Knots for each sample of the PSF's side: half as many cost 0.2 dB at sigma 0.5, twice as many gain 0.01.
    const KNOTS: usize = 4;
    /// Factors at most: 32 MiB of them.
    const MOST: usize = 1 << 23;

    /// Plans a band of planes that are seen so, under a PSF with this longer side; so many of them tell.
    fn plan(
        seen: &Expected,
        framing: Framing,
        (side, sides): (usize, usize),
        lines: Lines,
    ) -> Self {
        let (inner, outer, length) = match lines {
            Lines::Columns => (framing.inner.width, framing.outer.width, framing.outer.height),
            Lines::Rows => (framing.inner.height, framing.outer.height, framing.outer.width),
        };
        let count = outer - inner;
        let reach = (sides * side).min(Self::FARTHEST).min(inner / 2);
        let half = length / 2;
        let mut band = Self { count, reach, length, step: 1, factors: Vec::new() };
        let fewest = (half * band.factors_of_knot()).div_ceil(Self::MOST);
        band.step = (half / (Self::KNOTS * side)).max(fewest).max(1);
        let mut covariances = Covariances::plan(outer);
        for knot in 0..=half.div_ceil(band.step) {
            let powers = powers(seen, framing.outer, lines, knot * band.step % length);
            let covariances = covariances.of(powers).iter().map(|c| (c.re, c.im)).collect();
            let prediction = Prediction { covariances, count, reach };
            prediction.solve(0.25 / length as f64, &mut band.factors);
        }
        band
    }

    /// Sums and differences of lines of the margin, that in the middle of an odd number with itself.
    pub fn pairs(&self) -> usize {
        self.count.div_ceil(2)
    }

    /// Sums and differences of lines that are known.
    pub fn inputs(&self) -> usize {
        2 * self.reach
    }

    /// Factors of each of them.
    pub fn outputs(&self) -> usize {
        outputs(self.count)
    }

    /// The factors of a knot.
    pub fn knot(&self, knot: usize) -> &[f32] {
        &self.factors[knot * self.factors_of_knot()..][..self.factors_of_knot()]
    }

    fn factors_of_knot(&self) -> usize {
        self.inputs() * self.outputs()
    }
}

/// Factors of each line that is known, for a margin of so many.
fn outputs(count: usize) -> usize {
    (2 * count.div_ceil(2)).next_multiple_of(Band::LANES)
}

/// Powers at a frequency along the lines, by the frequency across them.
fn powers(
    seen: &Expected,
    outer: Extent,
    lines: Lines,
    along: usize,
) -> impl ExactSizeIterator<Item = f64> {
    let Extent { width, height } = outer;
    let power = move |x: usize, y: usize| {
        let (x, y) = if 2 * x <= width { (x, y) } else { (width - x, (height - y) % height) };
        seen.seen(x * height + y)
    };
    let across = if lines == Lines::Columns { width } else { height };
    (0..across).map(move |across| match lines {
        Lines::Columns => power(across, along),
        Lines::Rows => power(along, across),
    })
}

/// The prediction of a margin's lines at one frequency.
struct Prediction {
    /// Real and imaginary part, by distance.
    covariances: Vec<(f64, f64)>,
    count: usize,
    reach: usize,
}

/// A sum of two lines, or a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Sum,
    Difference,
}

impl Prediction {
    /// Appends what predicts, times `scale`: normal equations, by Cholesky's factors.
    fn solve(&self, scale: f64, factors: &mut Vec<f32>) {
        let (reach, pairs) = (self.reach, self.count.div_ceil(2));
        let parts = |from: usize, count: usize| {
            let of = move |part| (from..from + count).map(move |line| (part, line));
            of(Part::Sum).chain(of(Part::Difference))
        };
        let known: Vec<_> = parts(0, reach).collect();
        let mut triangle: Vec<Vec<f64>> = Vec::with_capacity(known.len());
        for (row, &part) in known.iter().enumerate() {
            let line = known[..=row].iter().map(|&other| self.covariance(part, other));
            let line = eliminated(&triangle, line.collect());
            triangle.push(line);
        }
        let solved: Vec<_> = parts(reach, pairs)
            .map(|part| {
                let line = known.iter().map(|&other| self.covariance(part, other)).collect();
                substituted(&triangle, eliminated(&triangle, line))
            })
            .collect();
        for input in 0..known.len() {
            let end = factors.len() + outputs(self.count);
            #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
            factors.extend(solved.iter().map(|line| (scale * line[input]) as f32));
            factors.resize(end, 0.0);
        }
    }

    /// The covariance of two parts, of lines counted from the farthest one of the frame before the margin.
    fn covariance(&self, (part, line): (Part, usize), (other, far): (Part, usize)) -> f64 {
        let (apart, around) = (self.at(line, far), self.at_mirrored(line, far));
        match (part, other) {
            (Part::Sum, Part::Sum) => apart.0 + around.0,
            (Part::Difference, Part::Difference) => apart.0 - around.0,
            (Part::Sum, Part::Difference) => around.1 - apart.1,
            (Part::Difference, Part::Sum) => around.1 + apart.1,
        }
    }

    /// That of two lines before the middle.
    fn at(&self, line: usize, other: usize) -> (f64, f64) {
        let length = self.covariances.len();
        self.covariances[(line + length - other) % length]
    }

    /// That of a line and the other's mirror image behind the middle.
    fn at_mirrored(&self, line: usize, other: usize) -> (f64, f64) {
        self.at(line + other, self.count + 2 * self.reach - 1)
    }
}

/// `L^-1 line` with the rows of `L` that there are, of which it may be the next: then its last element is
/// the root of what is left.
fn eliminated(triangle: &[Vec<f64>], mut line: Vec<f64>) -> Vec<f64> {
    for (column, above) in triangle.iter().enumerate() {
        let (known, rest) = line.split_at_mut(column);
        rest[0] = (rest[0] - product(known, above)) / above[column];
    }
    if line.len() > triangle.len() {
        let (known, last) = line.split_at_mut(triangle.len());
        last[0] = (last[0] - product(known, known)).max(f64::MIN_POSITIVE).sqrt();
    }
    line
}

/// `L'^-1 line`
fn substituted(triangle: &[Vec<f64>], mut line: Vec<f64>) -> Vec<f64> {
    for (column, row) in triangle.iter().enumerate().rev() {
        let (before, rest) = line.split_at_mut(column);
        rest[0] /= row[column];
        before.iter_mut().zip(row).for_each(|(value, factor)| *value -= factor * rest[0]);
    }
    line
}

/// The sum of products with as many of `b`, in parts side by side: one would wait for each addition.
fn product(a: &[f64], b: &[f64]) -> f64 {
    let ((a, last), (b, last_of_b)) = (a.as_chunks::<8>(), b[..a.len()].as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let last = last.iter().zip(last_of_b).map(|(a, b)| a * b);
    sums.iter().sum::<f64>() + last.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Psf;

    #[track_caller]
    fn check_planned(psf: &str, sigma: f64, edges: Edges, expected: bool) {
        let psf = Psf::from_formula(psf).expect("a formula").expect("a PSF");
        let framing = Framing::plan(edges, Extent::new(256, 256), psf.extent());
        let borders = Borders::plan(&psf.into(), framing, Light(sigma / 255.0)).expect("it fits");
        assert_eq!(borders.is_some(), expected);
    }

    #[test]
    fn margins_are_found_where_the_inverse_is_steep() {
        check_planned("motion:31,30", 0.5, Edges::Open, true);
        check_planned("motion:31,30", 2.55, Edges::Open, true);
        check_planned("disk:3", 0.5, Edges::Open, true);
        check_planned("gaussian:1", 2.55, Edges::Open, false);
        check_planned("disk:3", 7.65, Edges::Open, false);
        check_planned("motion:31,30", 0.5, Edges::Circular, false);
    }

    /// Normal equations in real parts are those of the lines themselves: what is not predicted of a line of
    /// the margin has nothing to do with any line that tells of it.
    #[test]
    fn what_is_left_has_nothing_to_do_with_what_tells() {
        let (length, reach) = (24, 4);
        let random = crate::testing::random_plane(Extent::new(length, 1), 3);
        let powers = random.samples().iter().map(|&power| 0.6 + f64::from(power));
        let mut all = Covariances::plan(length);
        let covariances: Vec<_> = all.of(powers).iter().map(|c| (c.re, c.im)).collect();
        for count in [5, 6] {
            let prediction = Prediction { covariances: covariances.clone(), count, reach };
            let mut factors = Vec::new();
            prediction.solve(1.0, &mut factors);
            let (outputs, pairs) = (outputs(count), count.div_ceil(2));
            let parts = |from: usize, count: usize| {
                let of = move |part| (from..from + count).map(move |line| (part, line));
                of(Part::Sum).chain(of(Part::Difference))
            };
            for (at, output) in parts(reach, pairs).enumerate() {
                for told in parts(0, reach) {
                    let predicted: f64 = (parts(0, reach).enumerate())
                        .map(|(input, part)| {
                            let factor = f64::from(factors[input * outputs + at]);
                            factor * prediction.covariance(part, told)
                        })
                        .sum();
                    let left = prediction.covariance(output, told) - predicted;
                    assert!(left.abs() < 1e-5, "{output:?} and {told:?}: {left}");
                }
            }
        }
    }
}
