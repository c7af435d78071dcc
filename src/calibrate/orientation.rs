//! Which way a PSF stands, told from a blurred picture and its truth.
//!
//! A PSF and the same turned by 180 degrees have OTFs of one magnitude: no spectrum of a blurred
//! picture tells them apart, only its phases do, and those of the scene must be known. Here the
//! truth is blurred with both, `h * x` and `h' * x`, each is moved to where it correlates best with
//! the blurred picture `y`, and what it leaves unexplained of the variance of `y` is `1 - r^2`, `r`
//! being the coefficient of correlation; that is blind to brightness and contrast. Only samples
//! count for which the truth is known as far as the PSF and the shift reach.

use crate::fft::{Complex, Filter, RealFft2d};
use crate::frame::{Extent, Plane};
use crate::optics::{Psf, PsfError};

/// Samples by which the blurred picture may have moved, beside what the turn itself moves.
const MOVED: usize = 8;

/// The least side of what is compared.
const SIDE_MIN: usize = 16;

/// A turned PSF fits better where it leaves less than this share of what the PSF as it is leaves.
const BETTER: f64 = 0.9;

/// What PSFs leave unexplained of the variance of a blurred picture, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orientation {
    /// The PSF as it is.
    pub as_is: f64,
    /// The PSF turned by 180 degrees.
    pub turned: f64,
}

impl Orientation {
    /// Compares a blurred plane with a sharp one of the same extent; `None` where they are too small
    /// for the PSF, or have no content.
    ///
    /// # Errors
    /// Where the PSF is larger than the planes.
    pub fn of(
        blurred: &Plane<f32>,
        sharp: &Plane<f32>,
        psf: &Psf,
    ) -> Result<Option<Self>, PsfError> {
        let as_is = unexplained(blurred, sharp, psf)?;
        let turned = unexplained(blurred, sharp, &psf.turned())?;
        Ok(as_is.zip(turned).map(|(as_is, turned)| Self { as_is, turned }))
    }

    /// Whether the turned PSF fits better.
    pub fn is_turned(&self) -> bool {
        self.turned < BETTER * self.as_is
    }
}

/// What the sharp plane, blurred by the PSF, leaves unexplained of the blurred one.
fn unexplained(
    blurred: &Plane<f32>,
    sharp: &Plane<f32>,
    psf: &Psf,
) -> Result<Option<f64>, PsfError> {
    let extent = blurred.extent();
    let (radius_x, radius_y) = psf.radius();
    // A turned PSF lies up to two radii elsewhere.
    let reach = (2 * radius_x + MOVED, 2 * radius_y + MOVED);
    let margin = (radius_x + reach.0, radius_y + reach.1);
    let inner = extent.shrunk(margin.0, margin.1);
    if inner.width.min(inner.height) < SIDE_MIN {
        return Ok(None);
    }
    let otf = psf.otf(extent)?;
    let expected = filtered(sharp, |index| otf[index]);
    let spectrum = RealFft2d::plan(extent).transform(&without_mean(&expected));
    let window = inside(&without_mean(blurred), margin);
    let correlation = filtered(&window, |index| spectrum[index].conj());
    let Some((right, down)) = greatest(&correlation, reach) else { return Ok(None) };
    let moved = Plane::from_fn(inner, |x, y| {
        let at = |place: usize, shift: isize| place.saturating_add_signed(-shift);
        expected.row(at(y + margin.1, down))[at(x + margin.0, right)]
    });
    let seen = Plane::from_fn(inner, |x, y| blurred.row(y + margin.1)[x + margin.0]);
    Ok(correlated(&seen, &moved).map(|squared| 1.0 - squared))
}

fn filtered(plane: &Plane<f32>, factor: impl Fn(usize) -> Complex) -> Plane<f32> {
    let extent = plane.extent();
    let fft = RealFft2d::plan(extent);
    let mut output = Plane::new(extent, 0.0);
    fft.filter(&mut fft.spectrum(1), &Filter::complex(extent, factor), plane, &mut output);
    output
}

fn without_mean(plane: &Plane<f32>) -> Plane<f32> {
    let mean = plane.mean();
    Plane::from_fn(plane.extent(), |x, y| plane.row(y)[x] - mean)
}

/// The plane with zeros in a margin.
fn inside(plane: &Plane<f32>, (margin_x, margin_y): (usize, usize)) -> Plane<f32> {
    let Extent { width, height } = plane.extent();
    let (columns, rows) = (margin_x..width - margin_x, margin_y..height - margin_y);
    Plane::from_fn(plane.extent(), |x, y| {
        if columns.contains(&x) && rows.contains(&y) { plane.row(y)[x] } else { 0.0 }
    })
}

/// Where within reach of the origin a periodic plane is greatest.
fn greatest(plane: &Plane<f32>, (reach_x, reach_y): (usize, usize)) -> Option<(isize, isize)> {
    let Extent { width, height } = plane.extent();
    let signed = |reach: usize| {
        let reach = reach.cast_signed();
        -reach..=reach
    };
    let wrapped = |at: isize, side: usize| at.rem_euclid(side.cast_signed()).cast_unsigned();
    let value = |x, y| plane.row(wrapped(y, height))[wrapped(x, width)];
    let places = signed(reach_y).flat_map(|y| signed(reach_x).map(move |x| (x, y)));
    places.max_by(|a, b| value(a.0, a.1).total_cmp(&value(b.0, b.1)))
}

/// The squared coefficient of correlation; `None` where one of the planes is flat.
fn correlated(a: &Plane<f32>, b: &Plane<f32>) -> Option<f64> {
    let (mean_a, mean_b) = (f64::from(a.mean()), f64::from(b.mean()));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.samples().iter().zip(b.samples()) {
        let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
        (aa, bb, ab) = (aa + a * a, bb + b * b, ab + a * b);
    }
    (aa > 0.0 && bb > 0.0).then(|| ab * ab / (aa * bb))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_plane;

    /// A lopsided PSF.
    fn lopsided() -> Psf {
        Psf::from_bytes(b"0 0 0 0 1\n0 0 0 1 0\n0 0 4 0 0\n0 9 0 0 0\n9 0 0 0 0\n").expect("a PSF")
    }

    /// The sharp plane blurred, moved, made paler, and noisy.
    fn blurred(sharp: &Plane<f32>, psf: &Psf, (right, down): (usize, usize)) -> Plane<f32> {
        let extent = sharp.extent();
        let otf = psf.otf(extent).expect("fits");
        let (blurred, noise) = (filtered(sharp, |index| otf[index]), random_plane(extent, 9));
        Plane::from_fn(extent, |x, y| {
            let (x, y) = (
                (x + extent.width - right) % extent.width,
                (y + extent.height - down) % extent.height,
            );
            0.3 + 0.5 * blurred.row(y)[x] + 0.02 * noise.row(y)[x]
        })
    }

    #[test]
    fn a_turned_psf_is_found_out() {
        let sharp = random_plane(Extent::new(120, 90), 4);
        for shift in [(0, 0), (3, 2)] {
            let seen = blurred(&sharp, &lopsided(), shift);
            let right =
                Orientation::of(&seen, &sharp, &lopsided()).expect("fits").expect("content");
            assert!(!right.is_turned() && right.as_is < 0.2, "{right:?}");
            let wrong = Orientation::of(&seen, &sharp, &lopsided().turned());
            let wrong = wrong.expect("fits").expect("content");
            assert!(wrong.is_turned(), "{wrong:?}");
            assert!((wrong.turned - right.as_is).abs() < 1e-6, "{wrong:?} {right:?}");
        }
    }

    #[test]
    fn a_symmetric_psf_stands_either_way() {
        let psf = Psf::from_formula("disk:2").expect("a formula").expect("a PSF");
        let sharp = random_plane(Extent::new(120, 90), 4);
        let seen = blurred(&sharp, &psf, (0, 0));
        let told = Orientation::of(&seen, &sharp, &psf).expect("fits").expect("content");
        assert!(!told.is_turned() && (told.as_is - told.turned).abs() < 1e-6, "{told:?}");
    }

    #[test]
    fn where_nothing_can_be_told_nothing_is() {
        let small = random_plane(Extent::new(40, 40), 1);
        assert_eq!(Orientation::of(&small, &small, &lopsided()), Ok(None));
        let flat = Plane::new(Extent::new(120, 90), 0.5);
        assert_eq!(Orientation::of(&flat, &flat, &lopsided()), Ok(None));
    }
}
