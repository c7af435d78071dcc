//! Wiener filter and null-space projection: what can be undone, and what the network may fill.
//!
//! The camera gives `y = Hx + n`. In frequency `H` is diagonal, and the regularised inverse is
//!
//! ```text
//! H+_R = conj(H) / (|H|^2 + R)      the Wiener filter; x_w = H+_R y
//! P    = I - H+_R H = R / (|H|^2 + R)      the null-space projection
//! P_c  = cR / (|H|^2 + cR)                 the same, the data trusted c times less
//! ```
//!
//! With `R = 0` these are the Moore-Penrose pseudo-inverse and the projection onto the null space
//! of `H`: for noise-free `y` and *any* `f`, `g = x_w + P f` satisfies `H g = y`. With noise, `R`
//! is the ratio of noise power to signal power: either flat, or `sigma^2 / S` with the mean power
//! spectrum of natural images `S = exp(-3.92) G^-1.753`, `G = 4 sin^2(pi u) + 4 sin^2(pi v)`.
//!
//! Source: López-Tapia, Mateos, Molina, Katsaggelos, Digital Signal Processing 142 (2023) 104193;
//! the spectrum was fitted to 200 photographs.
//!
//! The mean of a frame is set aside by the caller: a PSF sums to 1, so it passes the blur as it
//! is. At frequency zero the factors are therefore exactly 1 and 0.

use std::f64::consts::PI;

use crate::fft::{Complex, Filter, coefficients, frequency};
use crate::frame::Extent;
use crate::optics::{Light, Psf, PsfError};

/// The assumed ratio of noise power to signal power, by frequency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regulariser {
    /// Noise power over the mean power spectrum of natural images.
    Spectral,
    /// The same ratio at every frequency; 0 is the pseudo-inverse.
    Flat(f64),
}

impl std::str::FromStr for Regulariser {
    type Err = String;

    /// Reads `spectral` or `flat:EPS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let flat = |eps: &str| eps.parse().ok().filter(|&eps: &f64| (0.0..=1e6).contains(&eps));
        match text.strip_prefix("flat:") {
            Some(eps) => flat(eps).map(Self::Flat),
            None => (text == "spectral").then_some(Self::Spectral),
        }
        .ok_or_else(|| {
            format!(
                "'{text}' is no regulariser (expected spectral, or flat:EPS with EPS from 0 to 1e6)"
            )
        })
    }
}

impl std::fmt::Display for Regulariser {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Spectral => write!(out, "spectral"),
            Self::Flat(eps) => write!(out, "flat:{eps}"),
        }
    }
}

/// The filters of one PSF on planes of one extent.
#[derive(Debug, Clone)]
pub struct Filters {
    /// The Wiener filter `H+_R`.
    pub wiener: Filter,
    /// A null-space projection `P_c` for each strength `c`; `P_1` is `I - H+_R H`.
    pub projections: Vec<Filter>,
}

/// What is known, or expected on average, of every coefficient of a plane; white has amplitude 1.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) otf: Vec<Complex>,
    regulariser: Regulariser,
    /// Power of the sharp picture.
    pub(super) signal: Vec<f64>,
    /// Power of the noise.
    pub(super) noise: f64,
}

impl Filters {
    /// What each filter may add to the squared error of the Wiener estimate by being simplified.
    /// All filters of the released models together cost less than 0.01 dB on photographs, and up to
    /// 0.02 dB on a picture of fine patterns, which have more at high frequencies.
    const BUDGET: f64 = 1e-4;

    /// Precomputes the filters of `psf` on planes of `extent` for this noise, with a projection for each of `strengths`. Columns of coefficients
    /// that a filter is expected to leave alone, or to lose, are simplified so.
    ///
    /// # Errors
    /// Where the PSF is larger than `extent`.
    pub fn plan(
        psf: &Psf,
        extent: Extent,
        regulariser: Regulariser,
        noise: Light,
        strengths: &[f64],
    ) -> Result<Self, PsfError> {
        let expected = Expected::new(psf, extent, regulariser, noise)?;
        let Self { wiener, projections } = expected.filters(extent, strengths);
        let errors = (0..coefficients(extent)).map(|index| expected.error(index));
        let budget = Self::BUDGET * errors.sum::<f64>();
        let projections = projections.into_iter().zip(strengths).map(|(projection, &strength)| {
            projection.simplified(|index| expected.projected(strength, index), budget)
        });
        Ok(Self {
            wiener: wiener.simplified(|index| expected.seen(index), budget),
            projections: projections.collect(),
        })
    }
}

impl Expected {
    /// Amplitudes of the OTF below this are taken for rounding: what they carried is lost.
    const NOTHING_LEFT: f64 = 1e-5;

    pub(super) fn new(
        psf: &Psf,
        extent: Extent,
        regulariser: Regulariser,
        Light(sigma): Light,
    ) -> Result<Self, PsfError> {
        // Once for all filters: most of the time that planning takes.
        let signal = (0..coefficients(extent)).map(|index| natural_power(extent, index)).collect();
        Ok(Self { otf: psf.otf(extent)?, regulariser, signal, noise: sigma * sigma })
    }

    /// The filters as they are defined.
    fn filters(&self, extent: Extent, strengths: &[f64]) -> Filters {
        let projection =
            |&strength: &f64| Filter::real(extent, |index| self.projection(strength, index));
        Filters {
            wiener: Filter::complex(extent, |index| self.wiener(index)),
            projections: strengths.iter().map(projection).collect(),
        }
    }

    /// `H+_R`
    pub(super) fn wiener(&self, index: usize) -> Complex {
        match index {
            0 => Complex::new(1.0, 0.0),
            _ if self.is_lost(index) => Complex::default(),
            #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
            _ => self.otf[index].conj() * (1.0 / (self.gain(index) + self.r(index))) as f32,
        }
    }

    /// `P_c` for strength `c`.
    pub(super) fn projection(&self, strength: f64, index: usize) -> f64 {
        let r = strength * self.r(index);
        match index {
            0 => 0.0,
            _ if self.is_lost(index) => 1.0,
            _ => r / (self.gain(index) + r),
        }
    }

    /// `E |y|^2`
    fn seen(&self, index: usize) -> f64 {
        self.gain(index) * self.signal[index] + self.noise
    }

    /// `E |x_w|^2`
    fn estimated(&self, index: usize) -> f64 {
        f64::from(self.wiener(index).norm_sqr()) * self.seen(index)
    }

    /// `E |x_w - x|^2`
    fn error(&self, index: usize) -> f64 {
        let wiener = f64::from(self.wiener(index).norm_sqr());
        self.projection(1.0, index).powi(2) * self.signal[index] + wiener * self.noise
    }

    /// The most to expect of `|g + f - (1 - 1/c) x_w|^2`, where `g + f` is near the sharp picture.
    fn projected(&self, strength: f64, index: usize) -> f64 {
        let known = (1.0 - 1.0 / strength).abs();
        (self.signal[index].sqrt() + known * self.estimated(index).sqrt()).powi(2)
    }

    /// `|H|^2`
    fn gain(&self, index: usize) -> f64 {
        f64::from(self.otf[index].norm_sqr())
    }

    fn r(&self, index: usize) -> f64 {
        match self.regulariser {
            Regulariser::Flat(eps) => eps,
            Regulariser::Spectral => self.noise / self.signal[index],
        }
    }

    fn is_lost(&self, index: usize) -> bool {
        self.r(index) == 0.0 && self.gain(index).sqrt() < Self::NOTHING_LEFT
    }
}

/// Mean power spectrum of natural images at the coefficient `index`, for samples in [0, 1].
fn natural_power(extent: Extent, index: usize) -> f64 {
    let (u, v) = frequency(extent, index);
    let laplacian = 4.0 * (PI * u).sin().powi(2) + 4.0 * (PI * v).sin().powi(2);
    (-3.92_f64).exp() * laplacian.max(1e-6).powf(-1.753)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Plane;
    use crate::testing::{filtered, largest_difference, random_plane, random_psf};
    use proptest::prelude::*;

    /// The blur `H`.
    fn blur(psf: &Psf, extent: Extent) -> Filter {
        let otf = psf.otf(extent).expect("the PSF fits");
        Filter::complex(extent, |index| otf[index])
    }

    /// Filters as they are defined, for one strength.
    fn filters(
        psf: &Psf,
        extent: Extent,
        regulariser: Regulariser,
        (sigma, strength): (f64, f64),
    ) -> Filters {
        let expected = Expected::new(psf, extent, regulariser, Light(sigma)).expect("the PSF fits");
        expected.filters(extent, &[strength])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn without_noise_the_blurred_answer_is_what_was_seen(
            width in 9_usize..40, height in 9_usize..40, seed: u64,
        ) {
            let extent = Extent::new(width, height);
            let psf = random_psf(seed, 9);
            let blur = blur(&psf, extent);
            let filters = filters(&psf, extent, Regulariser::Flat(0.0), (0.0, 1.0));
            let y = filtered(&random_plane(extent, seed), &blur);
            // Whatever a network may answer.
            let f = random_plane(extent, seed ^ 1);
            let (x_w, p_f) = (filtered(&y, &filters.wiener), filtered(&f, &filters.projections[0]));
            let g = Plane::from_fn(extent, |x, y| x_w.row(y)[x] + p_f.row(y)[x]);
            let difference = largest_difference(&filtered(&g, &blur), &y);
            prop_assert!(difference < 1e-4, "H g differs from y by {}", difference);
        }

        #[test]
        fn what_is_inverted_and_what_is_projected_make_the_whole(
            width in 9_usize..40, height in 9_usize..40, seed: u64, sigma in 0.001_f64..0.1,
        ) {
            let extent = Extent::new(width, height);
            let psf = random_psf(seed, 9);
            let blur = blur(&psf, extent);
            let filters = filters(&psf, extent, Regulariser::Spectral, (sigma, 1.0));
            let mut x = random_plane(extent, seed);
            let mean = x.mean();
            x.samples_mut().iter_mut().for_each(|sample| *sample -= mean);
            let inverted = filtered(&filtered(&x, &blur), &filters.wiener);
            let projected = filtered(&x, &filters.projections[0]);
            let sum = Plane::from_fn(extent, |x, y| inverted.row(y)[x] + projected.row(y)[x]);
            prop_assert!(largest_difference(&sum, &x) < 1e-4);
        }

        #[test]
        fn a_network_that_tells_the_truth_is_left_alone(
            width in 9_usize..40, height in 9_usize..40, seed: u64, strength in 0.05_f32..100.0,
        ) {
            let extent = Extent::new(width, height);
            let psf = random_psf(seed, 9);
            let of = (0.02, f64::from(strength));
            let filters = filters(&psf, extent, Regulariser::Spectral, of);
            let mut x = random_plane(extent, seed);
            let mean = x.mean();
            x.samples_mut().iter_mut().for_each(|sample| *sample -= mean);
            let x_w = filtered(&filtered(&x, &blur(&psf, extent)), &filters.wiener);
            let share = 1.0 - 1.0 / strength;
            let v = Plane::from_fn(extent, |at, y| x.row(y)[at] - share * x_w.row(y)[at]);
            let projected = filtered(&v, &filters.projections[0]);
            let g = Plane::from_fn(extent, |at, y| x_w.row(y)[at] + projected.row(y)[at]);
            let difference = largest_difference(&g, &x);
            prop_assert!(difference < 1e-3, "strength {}: {} away", strength, difference);
        }
    }

    /// Pictures with the mean spectrum of natural ones, seen with noise: simplified filters estimate
    /// them as well as those that were simplified are expected to.
    #[test]
    fn simplified_filters_cost_what_they_may() {
        let (extent, sigma) = (Extent::new(300, 200), 0.03);
        let psf = Psf::from_formula("gaussian:1.5").expect("a formula").expect("a PSF");
        let exact = filters(&psf, extent, Regulariser::Spectral, (sigma, 1.0)).wiener;
        let simple = Filters::plan(&psf, extent, Regulariser::Spectral, Light(sigma), &[]);
        let simple = simple.expect("the PSF fits").wiener;
        assert!(simple.share() < 0.8, "{} of the columns are multiplied", simple.share());
        let colour = |at: usize| if at == 0 { 0.0 } else { natural_power(extent, at).sqrt() };
        let colour = Filter::real(extent, colour);
        // Uniform between -0.5 and 0.5 has a variance of 1/12.
        let white = |seed, deviation: f32| {
            let scale = 12.0_f32.sqrt() * deviation;
            let plane = random_plane(extent, seed);
            Plane::from_fn(extent, |x, y| scale * plane.row(y)[x])
        };
        let x = filtered(&white(1, 1.0), &colour);
        let (blurred, noise) = (filtered(&x, &blur(&psf, extent)), white(2, 0.03));
        let y = Plane::from_fn(extent, |at, row| blurred.row(row)[at] + noise.row(row)[at]);
        let error = |filter: &Filter| -> f64 {
            let pairs = filtered(&y, filter);
            let pairs = pairs.samples().iter().zip(x.samples());
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let (exact, simple) = (error(&exact), error(&simple));
        let cost = simple / exact - 1.0;
        assert!(cost.abs() < 3.0 * Filters::BUDGET, "errors {exact} and {simple}: {cost} more");
    }

    #[test]
    fn regularisers_are_read_back_as_written() {
        for text in ["spectral", "flat:0.01", "flat:0"] {
            assert_eq!(text.parse::<Regulariser>().expect("valid").to_string(), text);
        }
        for text in ["", "flat", "flat:", "flat:-1", "flat:nan", "Spectral"] {
            assert!(text.parse::<Regulariser>().is_err(), "{text} was accepted");
        }
    }
}
