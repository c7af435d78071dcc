//! How alike two PSFs are, wherever they lie: a blur that is also a shift moves the picture and
//! costs no sharpness.
//!
//! The shift `s` at which `|a - b(. - s)|^2` is least is that at which the correlation
//! `C(s) = sum_w conj(A) B e^(-i w s)` is greatest. It is found to a sample by the inverse transform
//! of `conj(B) A`, and further by Newton's method on `C`, whose derivatives are sums over the same
//! coefficients.

use std::f64::consts::TAU;

use super::{Psf, PsfError};
use crate::fft::{Complex, Filter, RealFft2d, good_size, multiplicity, signed_frequency};
use crate::frame::{Extent, Plane};

/// Steps of Newton's method: it converges in three or four.
const STEPS: usize = 12;

/// The longest step of it, in samples.
const STEP_MAX: f64 = 0.5;

/// How alike another PSF is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// How far the other has to be moved to the right and down to lie on this one, in samples.
    pub shift: (f64, f64),
    /// Norm of the difference that remains, relative to that of this PSF.
    pub distance: f64,
    /// How many times as wide the other is.
    pub width: f64,
}

/// Coefficients of two PSFs on one plane.
struct Pair {
    extent: Extent,
    a: Vec<Complex>,
    b: Vec<Complex>,
}

impl Psf {
    /// Compares with another PSF, moved so that it lies on this one as well as it can.
    ///
    /// # Errors
    /// None is known: both fit the planes that are taken.
    pub fn compare(&self, other: &Self) -> Result<Likeness, PsfError> {
        let (is, that) = (self.extent(), other.extent());
        let side = |a: usize, b: usize| good_size(2 * a.max(b) + 1);
        let extent = Extent::new(side(is.width, that.width), side(is.height, that.height));
        let pair = Pair { extent, a: self.otf(extent)?, b: other.otf(extent)? };
        let shift = pair.refined(pair.nearest(&self.rolled(extent)?));
        let norm = pair.sum(|index| f64::from(pair.a[index].norm_sqr()));
        let distance = pair.sum(|index| pair.difference(index, shift));
        let width = other.shape().width() / self.shape().width();
        Ok(Likeness { shift, distance: (distance / norm).sqrt(), width })
    }
}

impl Pair {
    /// Sum over all coefficients of the whole spectrum.
    fn sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        (0..self.a.len()).map(|index| multiplicity(self.extent, index) * value(index)).sum()
    }

    /// The shift in whole samples at which the correlation is greatest.
    fn nearest(&self, a: &Plane<f32>) -> (f64, f64) {
        let fft = RealFft2d::plan(self.extent);
        let filter = Filter::complex(self.extent, |index| self.b[index].conj());
        let mut correlation = Plane::new(self.extent, 0.0);
        fft.filter(&mut fft.spectrum(1), &filter, a, &mut correlation);
        let samples = correlation.samples().iter().enumerate();
        let place = samples.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(index, _)| index);
        let signed = |at: usize, side: usize| {
            if 2 * at > side { at as f64 - side as f64 } else { at as f64 }
        };
        let Extent { width, height } = self.extent;
        (signed(place % width, width), signed(place / width, height))
    }

    /// `A conj(B) e^(i w s)`: its real part is the correlation's, its imaginary part the slope's.
    fn product(&self, index: usize, shift: (f64, f64)) -> (f64, f64) {
        let product = self.a[index] * self.b[index].conj();
        let (re, im) = (f64::from(product.re), f64::from(product.im));
        let (sin, cos) = phase(self.extent, index, shift).sin_cos();
        (re * cos - im * sin, re * sin + im * cos)
    }

    /// Climbs from a shift to the greatest correlation nearby.
    fn refined(&self, mut shift: (f64, f64)) -> (f64, f64) {
        for _ in 0..STEPS {
            let (mut slope, mut bend) = ((0.0, 0.0), (0.0, 0.0, 0.0));
            for index in 0..self.a.len() {
                let (u, v) = signed_frequency(self.extent, index);
                let (re, im) = self.product(index, shift);
                let weight = multiplicity(self.extent, index);
                let (re, im) = (weight * re, weight * im);
                slope = (slope.0 - u * im, slope.1 - v * im);
                bend = (bend.0 - u * u * re, bend.1 - u * v * re, bend.2 - v * v * re);
            }
            let determinant = bend.0 * bend.2 - bend.1 * bend.1;
            let is_peak = bend.0 < 0.0 && determinant > 1e-12 * bend.0 * bend.2;
            if !is_peak {
                break;
            }
            let step = |value: f64| (value / determinant / TAU).clamp(-STEP_MAX, STEP_MAX);
            let x = step(bend.1 * slope.1 - bend.2 * slope.0);
            let y = step(bend.1 * slope.0 - bend.0 * slope.1);
            shift = (shift.0 + x, shift.1 + y);
            if x.hypot(y) < 1e-6 {
                break;
            }
        }
        shift
    }

    /// `|A - B e^(-i w s)|^2`
    fn difference(&self, index: usize, shift: (f64, f64)) -> f64 {
        let (sin, cos) = phase(self.extent, index, shift).sin_cos();
        let (a, b) = (self.a[index], self.b[index]);
        let (re, im) = (f64::from(b.re), f64::from(b.im));
        let (re, im) = (re * cos + im * sin, im * cos - re * sin);
        (f64::from(a.re) - re).powi(2) + (f64::from(a.im) - im).powi(2)
    }
}

/// `w s` at a coefficient.
fn phase(extent: Extent, index: usize, (right, down): (f64, f64)) -> f64 {
    let (u, v) = signed_frequency(extent, index);
    TAU * (u * right + v * down)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_psf;

    fn formula(text: &str) -> Psf {
        Psf::from_formula(text).expect("a formula").expect("a PSF")
    }

    /// A Gaussian of deviation 1.5 about a place right of and below the centre.
    fn gaussian(right: f64, down: f64) -> Psf {
        let samples = Plane::from_fn(Extent::new(25, 21), |x, y| {
            let (x, y) = (x as f64 - 12.0 - right, y as f64 - 10.0 - down);
            (-(x * x + y * y) / 4.5).exp()
        });
        Psf::new(samples).expect("a PSF")
    }

    #[track_caller]
    fn check_likeness(a: &Psf, b: &Psf, shift: (f64, f64), distance: f64) {
        let like = a.compare(b).expect("both fit");
        let off = (like.shift.0 - shift.0).hypot(like.shift.1 - shift.1);
        assert!(off < 5e-3, "{like:?}, expected {shift:?}");
        assert!((like.distance - distance).abs() < 3e-3, "{like:?}, expected {distance}");
    }

    #[test]
    fn a_shift_makes_no_difference() {
        check_likeness(&formula("disk:3"), &formula("disk:3"), (0.0, 0.0), 0.0);
        check_likeness(&gaussian(0.0, 0.0), &gaussian(3.0, -2.0), (-3.0, 2.0), 0.0);
        check_likeness(&gaussian(0.0, 0.0), &gaussian(-1.37, 0.61), (1.37, -0.61), 0.0);
        check_likeness(&formula("motion:9,0"), &formula("motion:9,0"), (0.0, 0.0), 0.0);
    }

    /// Two Gaussians of deviations a and b: `|a - b|^2 / |a|^2 = 1 + q^-2 - 4 / (1 + q^2)`, q = b / a.
    #[test]
    fn a_difference_is_what_it_is_by_integration() {
        let distance = |q: f64| (1.0 + q.powi(-2) - 4.0 / (1.0 + q * q)).sqrt();
        let (a, b) = (formula("gaussian:3"), formula("gaussian:3.3"));
        check_likeness(&a, &b, (0.0, 0.0), distance(1.1));
        let width = a.compare(&b).expect("both fit").width;
        assert!((width - 1.1).abs() < 2e-3, "{width}");
    }

    #[test]
    fn a_turned_psf_is_another() {
        let psf = random_psf(5, 7);
        assert!(psf.compare(&psf.turned()).expect("both fit").distance > 0.2);
        assert!(psf.compare(&psf.turned().turned()).expect("both fit").distance < 1e-5);
    }
}
