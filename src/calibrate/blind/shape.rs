//! Families of blurs, in frequency.
//!
//! A family is a spread of light (a disk of defocus, a Gaussian, the line of a constant motion,
//! convolved with each other), integrated over the area of a pixel and then sampled, as formulas
//! such as `disk:R` are ([`Psf::from_formula`]). Sampling repeats the spread's transform at every
//! whole frequency, so its OTF is
//!
//! ```text
//! H(u, v) = sum_(m, n) h(u + m, v + n) sinc(u + m) sinc(v + n)
//! disk R        h = 2 J1(2 pi R f) / (2 pi R f)
//! Gaussian s    h = exp(-2 pi^2 s^2 f^2)
//! line L        h = sinc(L f_along) sinc(f_across), a path of one pixel's width
//! ```
//!
//! a smooth function of the widths: what is sought can be moved continuously.

use std::f64::consts::PI;

use super::bessel::jinc;
use std::fmt;

use super::simplex::Point;
use crate::frame::{Extent, Plane};
use crate::optics::{Psf, PsfError};

/// A blur of one of the families, lengths in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// No blur.
    Delta,
    /// Defocus: a disk, convolved with a Gaussian of standard deviation `spread`.
    Disk {
        /// Its radius.
        radius: f64,
        /// Of the Gaussian; 0 for none.
        spread: f64,
    },
    /// A Gaussian, of different deviations along two axes at right angles.
    Gaussian {
        /// Deviation along the first axis.
        along: f64,
        /// Deviation along the other.
        across: f64,
        /// Direction of the first axis, counter-clockwise from the positive x axis.
        degrees: f64,
    },
    /// Constant motion along a line, convolved with a Gaussian of standard deviation `spread`.
    Motion {
        /// Length of the line.
        length: f64,
        /// Its direction, counter-clockwise from the positive x axis.
        degrees: f64,
        /// Of the Gaussian; 0 for none.
        spread: f64,
    },
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Delta => write!(out, "none"),
            Self::Disk { radius, spread } => {
                write!(out, "a disk of radius {radius:.2}")?;
                softened(out, spread)
            }
            Self::Gaussian { along, across, degrees } if (along - across).abs() > 0.005 => {
                write!(
                    out,
                    "a Gaussian of {along:.2} along {degrees:.0} degrees, {across:.2} across"
                )
            }
            Self::Gaussian { along, .. } => write!(out, "a Gaussian of {along:.2}"),
            Self::Motion { length, degrees, spread } => {
                write!(out, "motion over {length:.2} along {degrees:.0} degrees")?;
                softened(out, spread)
            }
        }
    }
}

fn softened(out: &mut fmt::Formatter<'_>, spread: f64) -> fmt::Result {
    if spread > 0.005 { write!(out, ", softened by {spread:.2}") } else { Ok(()) }
}

/// What a shape's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Delta,
    Disk,
    DiskGaussian,
    Gaussian,
    Ellipse,
    Motion,
    MotionGaussian,
}

/// Repetitions of the spectrum that are summed, on either side.
const REPEATS: i32 = 1;

/// Sub-samples along each side of a pixel, where a shape is drawn.
const SUBSAMPLES: usize = 8;

impl Shape {
    /// The OTF at horizontal and vertical frequencies in cycles a sample; real, for every family is
    /// symmetric about its centre.
    pub(super) fn otf(&self, u: f64, v: f64) -> f64 {
        if matches!(self, Self::Delta) {
            return 1.0;
        }
        let mut sum = 0.0;
        for n in -REPEATS..=REPEATS {
            for m in -REPEATS..=REPEATS {
                let (u, v) = (u + f64::from(m), v + f64::from(n));
                let pixel = sinc(u) * sinc(v);
                if pixel.abs() > 1e-7 {
                    sum += pixel * self.transform(u, v);
                }
            }
        }
        sum
    }

    /// The transform of the spread itself.
    fn transform(&self, u: f64, v: f64) -> f64 {
        match *self {
            Self::Delta => 1.0,
            Self::Disk { radius, spread } => {
                let square = u * u + v * v;
                gauss(spread * spread * square) * jinc(2.0 * PI * radius * square.sqrt())
            }
            Self::Gaussian { along, across, degrees } => {
                let (a, b) = turned(u, v, degrees);
                gauss((along * a).powi(2) + (across * b).powi(2))
            }
            Self::Motion { length, degrees, spread } => {
                let (a, b) = turned(u, v, degrees);
                gauss(spread * spread * (u * u + v * v)) * sinc(length * a) * sinc(b)
            }
        }
    }

    /// Square root of the mean variance along two axes, in pixels: how wide it is, without the
    /// pixel's own width.
    pub fn width(&self) -> f64 {
        match *self {
            Self::Delta => 0.0,
            Self::Disk { radius, spread } => (radius * radius / 4.0 + spread * spread).sqrt(),
            Self::Gaussian { along, across, .. } => {
                ((along * along + across * across) / 2.0).sqrt()
            }
            Self::Motion { length, spread, .. } => {
                (length * length / 24.0 + spread * spread).sqrt()
            }
        }
    }

    /// The same shape, `factor` times as wide.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        match *self {
            Self::Delta => Self::Delta,
            Self::Disk { radius, spread } => {
                Self::Disk { radius: radius * factor, spread: spread * factor }
            }
            Self::Gaussian { along, across, degrees } => {
                Self::Gaussian { along: along * factor, across: across * factor, degrees }
            }
            Self::Motion { length, degrees, spread } => {
                Self::Motion { length: length * factor, degrees, spread: spread * factor }
            }
        }
    }

    /// Its PSF.
    ///
    /// # Errors
    /// Where it is too wide for one.
    pub fn psf(&self) -> Result<Psf, PsfError> {
        let (reach_x, reach_y) = self.reach();
        let side = |reach: f64| 2 * whole((reach - 0.5 - 1e-9).max(0.0)) + 1;
        let extent = Extent::new(side(reach_x), side(reach_y));
        if extent.width.max(extent.height) > Psf::MAX_SIDE {
            return Err(PsfError::TooLarge(extent));
        }
        let lit = Extent::new(extent.width * SUBSAMPLES, extent.height * SUBSAMPLES);
        let drawn =
            Plane::from_fn(lit, |x, y| self.density(offset(x, lit.width), offset(y, lit.height)));
        let soft = spread_by(&drawn, self.drawn_spread() * SUBSAMPLES as f64);
        Psf::new(Plane::from_fn(extent, |x, y| {
            let rows = (0..SUBSAMPLES).map(|row| soft.row(y * SUBSAMPLES + row));
            rows.map(|row| row[x * SUBSAMPLES..][..SUBSAMPLES].iter().sum::<f64>()).sum()
        }))
    }

    /// How far it reaches from its centre, along x and y.
    fn reach(&self) -> (f64, f64) {
        match *self {
            Self::Delta => (0.5, 0.5),
            Self::Disk { radius, spread } => (radius + 3.0 * spread, radius + 3.0 * spread),
            Self::Gaussian { along, across, degrees } => {
                let (cos, sin) = axis(degrees);
                let reach = |a: f64, b: f64| 4.0 * (along * a).hypot(across * b);
                (reach(cos, sin), reach(sin, cos))
            }
            Self::Motion { length, degrees, spread } => {
                let (cos, sin) = axis(degrees);
                let reach = |a: f64, b: f64| (length * a.abs() + b.abs()) / 2.0 + 3.0 * spread;
                (reach(cos, sin), reach(sin, cos))
            }
        }
    }

    /// The spread at a place, without the Gaussian that it is convolved with.
    fn density(&self, x: f64, y: f64) -> f64 {
        let inside = |is: bool| f64::from(u8::from(is));
        match *self {
            Self::Delta => 1.0,
            Self::Disk { radius, .. } => inside(x * x + y * y <= radius * radius),
            Self::Gaussian { along, across, degrees } => {
                let (a, b) = turned(x, y, degrees);
                (-0.5 * ((a / along).powi(2) + (b / across).powi(2))).exp()
            }
            Self::Motion { length, degrees, .. } => {
                let (a, b) = turned(x, y, degrees);
                inside(a.abs() <= length / 2.0 && b.abs() <= 0.5)
            }
        }
    }

    /// Deviation of the Gaussian that `density` is convolved with.
    fn drawn_spread(&self) -> f64 {
        match *self {
            Self::Disk { spread, .. } | Self::Motion { spread, .. } => spread,
            Self::Delta | Self::Gaussian { .. } => 0.0,
        }
    }
}

impl Kind {
    /// Numbers that it has.
    pub(super) fn parameters(self) -> usize {
        match self {
            Self::Delta => 0,
            Self::Disk | Self::Gaussian => 1,
            Self::DiskGaussian | Self::Motion => 2,
            Self::Ellipse | Self::MotionGaussian => 3,
        }
    }

    /// The shape at a point: logarithms of lengths, and angles in radians.
    pub(super) fn shape(self, at: &Point) -> Shape {
        let length = |index: usize| at[index].clamp(LEAST.ln(), MOST.ln()).exp();
        match self {
            Self::Delta => Shape::Delta,
            Self::Disk => Shape::Disk { radius: length(0), spread: 0.0 },
            Self::DiskGaussian => Shape::Disk { radius: length(0), spread: length(1) },
            Self::Gaussian => Shape::Gaussian { along: length(0), across: length(0), degrees: 0.0 },
            Self::Ellipse => {
                Shape::Gaussian { along: length(0), across: length(1), degrees: at[2].to_degrees() }
            }
            Self::Motion => {
                Shape::Motion { length: length(0), degrees: at[1].to_degrees(), spread: 0.0 }
            }
            Self::MotionGaussian => {
                Shape::Motion { length: length(0), degrees: at[1].to_degrees(), spread: length(2) }
            }
        }
    }
}

/// Widths that can be told from a spectrum, in pixels.
pub(super) const LEAST: f64 = 0.1;
pub(super) const MOST: f64 = 40.0;

/// Cosine and sine of an angle, rows growing downwards.
fn axis(degrees: f64) -> (f64, f64) {
    (degrees.to_radians().cos(), -degrees.to_radians().sin())
}

/// Coordinates along an axis and across.
fn turned(x: f64, y: f64, degrees: f64) -> (f64, f64) {
    let (cos, sin) = axis(degrees);
    (x * cos + y * sin, y * cos - x * sin)
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-6 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn gauss(square: f64) -> f64 {
    (-2.0 * PI * PI * square).exp()
}

/// Place of sub-sample `index` of `count`, from the centre, in pixels.
fn offset(index: usize, count: usize) -> f64 {
    (index as f64 + 0.5 - count as f64 / 2.0) / SUBSAMPLES as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few pixels")]
fn whole(length: f64) -> usize {
    length.ceil().min(Psf::MAX_SIDE as f64) as usize
}

/// The plane convolved with a Gaussian of deviation `sigma` samples, dark beyond its edges.
fn spread_by(plane: &Plane<f64>, sigma: f64) -> Plane<f64> {
    if sigma < 0.05 {
        return plane.clone();
    }
    let reach = whole(4.0 * sigma);
    let taps: Vec<f64> = (0..=2 * reach)
        .map(|i| (-0.5 * ((i as f64 - reach as f64) / sigma).powi(2)).exp())
        .collect();
    let along = |plane: &Plane<f64>| {
        let Extent { width, height } = plane.extent();
        // Turned over its diagonal, so that twice makes both directions.
        Plane::from_fn(Extent::new(height, width), |y, x| {
            let (row, first) = (plane.row(y), x.saturating_sub(reach));
            let seen = &row[first..(x + reach + 1).min(width)];
            seen.iter().zip(&taps[first + reach - x..]).map(|(a, b)| a * b).sum()
        })
    };
    along(&along(plane))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transform of a PSF, summed as it is written down.
    fn transform(psf: &Psf, u: f64, v: f64) -> f64 {
        let (centre_x, centre_y) = psf.radius();
        let mut sum = 0.0;
        for (y, row) in psf.samples().rows().enumerate() {
            for (x, sample) in row.iter().enumerate() {
                let (x, y) = (x as f64 - centre_x as f64, y as f64 - centre_y as f64);
                sum += sample * (2.0 * PI * (u * x + v * y)).cos();
            }
        }
        sum
    }

    #[track_caller]
    fn check_otf(shape: Shape, psf: &Psf, tolerance: f64) {
        for (u, v) in [(0.0, 0.0), (0.05, 0.02), (0.1, -0.2), (0.31, 0.3), (-0.45, 0.1), (0.5, 0.5)]
        {
            let (is, wanted) = (shape.otf(u, v), transform(psf, u, v));
            assert!((is - wanted).abs() < tolerance, "{shape:?} at {u},{v}: {is}, not {wanted}");
        }
    }

    #[test]
    fn shapes_are_the_formulas_that_configurations_know() {
        let formula = |text| Psf::from_formula(text).expect("a formula").expect("a PSF");
        let round = |s| Shape::Gaussian { along: s, across: s, degrees: 0.0 };
        check_otf(Shape::Disk { radius: 3.0, spread: 0.0 }, &formula("disk:3"), 3e-3);
        check_otf(Shape::Disk { radius: 2.3, spread: 0.0 }, &formula("disk:2.3"), 4e-3);
        check_otf(round(1.6), &formula("gaussian:1.6"), 1e-3);
        check_otf(round(1.0), &formula("gaussian:1"), 1e-3);
        let motion = Shape::Motion { length: 9.0, degrees: 30.0, spread: 0.0 };
        check_otf(motion, &formula("motion:9,30"), 6e-3);
    }

    #[test]
    fn a_shape_is_drawn_as_its_otf_says() {
        for shape in [
            Shape::Delta,
            Shape::Disk { radius: 2.5, spread: 0.8 },
            Shape::Gaussian { along: 2.5, across: 1.2, degrees: 25.0 },
            Shape::Motion { length: 11.0, degrees: -40.0, spread: 0.7 },
        ] {
            check_otf(shape, &shape.psf().expect("a PSF"), 6e-3);
        }
    }

    #[test]
    fn a_shape_too_wide_is_refused() {
        let error = Shape::Disk { radius: 600.0, spread: 0.0 }.psf().expect_err("too wide");
        assert!(matches!(error, PsfError::TooLarge(_)), "{error}");
    }
}
