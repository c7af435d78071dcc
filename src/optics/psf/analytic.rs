//! PSFs given by formula: defocus, diffraction-like spread and constant motion.
//!
//! Each is the ideal spread integrated over the area of a pixel, by averaging sub-samples.

use super::{Psf, PsfError};
use crate::frame::{Extent, Plane};

/// Sub-samples along each side of a pixel.
const SUBSAMPLES: u16 = 16;

/// The greatest radius, standard deviation or length in pixels.
const MAX_REACH: f64 = 200.0;

impl Psf {
    /// The names of formulas.
    pub const FORMULAS: [&str; 3] = ["gaussian", "disk", "motion"];

    /// The formulas with what they take.
    pub const EXPECTED: &str = "gaussian:SIGMA, disk:RADIUS or motion:LENGTH,ANGLE";

    /// Reads `gaussian:SIGMA`, `disk:RADIUS` or `motion:LENGTH,ANGLE`; lengths in pixels, the
    /// angle in degrees counter-clockwise from the positive x axis. `None` where the text begins
    /// with none of these names.
    pub fn from_formula(text: &str) -> Option<Result<Self, PsfError>> {
        let (name, parameters) = text.split_once(':')?;
        match name {
            "gaussian" => Some(gaussian(text, parameters)),
            "disk" => Some(disk(text, parameters)),
            "motion" => Some(motion(text, parameters)),
            _ => None,
        }
    }
}

fn gaussian(text: &str, parameters: &str) -> Result<Psf, PsfError> {
    let expected = "gaussian:SIGMA with a standard deviation above 0, at most 200 pixels";
    let sigma = length(parameters).ok_or_else(|| wrong(text, expected))?;
    integrate((4.0 * sigma, 4.0 * sigma), |x, y| (-(x * x + y * y) / (2.0 * sigma * sigma)).exp())
}

fn disk(text: &str, parameters: &str) -> Result<Psf, PsfError> {
    let expected = "disk:RADIUS with a radius above 0, at most 200 pixels";
    let radius = length(parameters).ok_or_else(|| wrong(text, expected))?;
    integrate((radius, radius), |x, y| f64::from(u8::from(x * x + y * y <= radius * radius)))
}

fn motion(text: &str, parameters: &str) -> Result<Psf, PsfError> {
    let expected = "motion:LENGTH,ANGLE with a length above 0, at most 200 pixels, and degrees";
    let parsed = parameters.split_once(',').and_then(|(reach, angle)| {
        let angle: f64 = angle.trim().parse().ok()?;
        Some((length(reach)?, angle.is_finite().then_some(angle)?))
    });
    let (reach, angle) = parsed.ok_or_else(|| wrong(text, expected))?;
    // Image rows grow downwards, the angle turns upwards.
    let (cos, sin) = (angle.to_radians().cos(), -angle.to_radians().sin());
    // A box of one pixel's width along the path: constant speed, no spread across.
    let half = |along: f64, across: f64| (reach * along.abs() + across.abs()) / 2.0;
    integrate((half(cos, sin), half(sin, cos)), |x, y| {
        let (along, across) = ((x * cos + y * sin).abs(), (y * cos - x * sin).abs());
        f64::from(u8::from(along <= reach / 2.0 && across <= 0.5))
    })
}

/// The spread `density(x, y)`, integrated over the pixels that it reaches: `reach` is how far from
/// the centre it is not zero, along x and y.
fn integrate(reach: (f64, f64), density: impl Fn(f64, f64) -> f64) -> Result<Psf, PsfError> {
    // The pixel at distance r begins at r - 1/2; the rest is rounding of sines.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 800")]
    let radius = |reach: f64| {
        (reach - 0.5 - 1e-9).ceil().clamp(0.0, Psf::MAX_SIDE as f64 / 2.0 - 1.0) as usize
    };
    let (radius_x, radius_y) = (radius(reach.0), radius(reach.1));
    let offsets = (0..SUBSAMPLES)
        .map(|index| (f64::from(index) + 0.5) / f64::from(SUBSAMPLES) - 0.5)
        .collect::<Vec<_>>();
    let extent = Extent::new(2 * radius_x + 1, 2 * radius_y + 1);
    Psf::new(Plane::from_fn(extent, |x, y| {
        let (x, y) = (x as f64 - radius_x as f64, y as f64 - radius_y as f64);
        let column = |dy: &f64| offsets.iter().map(|dx| density(x + dx, y + dy)).sum::<f64>();
        offsets.iter().map(column).sum::<f64>()
    }))
}

fn length(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|&value| value > 0.0 && value <= MAX_REACH)
}

fn wrong(text: &str, expected: &'static str) -> PsfError {
    PsfError::Parameters { text: text.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn psf(text: &str) -> Psf {
        Psf::from_formula(text).expect("a formula").expect("a PSF")
    }

    /// Variance of the spread along x and along y, in square pixels.
    fn variance(psf: &Psf) -> (f64, f64) {
        let (centre_x, centre_y) = psf.radius();
        let mut sums = (0.0, 0.0);
        for (y, row) in psf.samples().rows().enumerate() {
            for (x, sample) in row.iter().enumerate() {
                sums.0 += sample * (x as f64 - centre_x as f64).powi(2);
                sums.1 += sample * (y as f64 - centre_y as f64).powi(2);
            }
        }
        sums
    }

    #[track_caller]
    fn check_variance(text: &str, expected: (f64, f64)) {
        let (x, y) = variance(&psf(text));
        let close = |is: f64, wanted: f64| (is - wanted).abs() < 0.02 * wanted.max(0.2);
        assert!(close(x, expected.0) && close(y, expected.1), "{text}: {x} {y}");
    }

    #[test]
    fn formulas_have_the_variance_of_their_spread() {
        let pixel = 1.0 / 12.0;
        check_variance("gaussian:1.6", (2.56 + pixel, 2.56 + pixel));
        check_variance("disk:3", (2.25 + pixel, 2.25 + pixel));
        check_variance("motion:12,0", (12.0 + 2.0 * pixel, 0.0));
        check_variance("motion:12,90", (0.0, 12.0 + 2.0 * pixel));
    }

    #[test]
    fn a_psf_is_no_larger_than_its_spread() {
        for (text, extent) in [
            ("motion:12,0", Extent::new(13, 1)),
            ("motion:12,90", Extent::new(1, 13)),
            ("motion:15,30", Extent::new(15, 9)),
            ("disk:3", Extent::new(7, 7)),
            ("disk:2.5", Extent::new(5, 5)),
            ("disk:0.1", Extent::new(1, 1)),
        ] {
            assert_eq!(psf(text).extent(), extent, "{text}");
        }
    }

    #[test]
    fn the_angle_turns_counter_clockwise() {
        let psf = psf("motion:9,45");
        let (centre, centre_y) = psf.radius();
        assert_eq!(centre, centre_y, "45 degrees");
        let upper_right = psf.samples().row(centre - 2)[centre + 2];
        let upper_left = psf.samples().row(centre - 2)[centre - 2];
        assert!(upper_right > 0.05 && upper_left == 0.0, "{upper_right} {upper_left}");
    }

    #[test]
    fn wrong_parameters_are_named() {
        for text in [
            "gaussian:",
            "gaussian:-1",
            "disk:nan",
            "disk:201",
            "motion:3",
            "motion:0,4",
            "motion:3,x",
        ] {
            let error = Psf::from_formula(text).expect("a formula").expect_err("wrong").to_string();
            assert!(error.contains(text), "{error}");
        }
        assert!(Psf::from_formula("a/file.txt").is_none());
    }
}
