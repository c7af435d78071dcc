//! The frequencies that a blur does not pass, in bands.
//!
//! What the projection `P = R / (|H|^2 + R)` leaves of a frame `y = H x + n` is next to nothing of the
//! picture and all of the noise at frequencies that `H` loses. In each band `b` of them
//!
//! ```text
//! sigma_b^2 = E |P^2 y|^2 / E |P^2 n|^2 , n white of deviation 1
//! ```
//!
//! For white noise all bands say the same. A coder, a scaler or a denoiser leaves less in the highest
//! band and more than that in lower ones, where it harms; a wrong PSF leaves traces of the picture. So the
//! greatest counts. `R` is that of a faint noise: the picture must vanish, not the noise.

use crate::fft::{Filter, RealFft2d, coefficients, multiplicity, signed_frequency};
use crate::frame::{Extent, Plane};
use crate::optics::{Psf, PsfError, natural_power};

/// Limits of the bands in cycles a sample.
const LIMITS: [(f64, f64); 4] = [(0.08, 0.16), (0.16, 0.25), (0.25, 0.36), (0.36, 0.71)];

/// Share of a band that must be lost for it to tell.
const LEAST_SHARE: f64 = 0.05;

/// The faint noise, in light of an ordinary picture: fainter pictures have it fainter.
const FAINT: f64 = 0.5 / 255.0;

/// What tells of noise in planes of one extent.
#[derive(Debug)]
pub(super) struct Bands {
    fft: RealFft2d,
    bands: Vec<Band>,
}

#[derive(Debug)]
struct Band {
    filter: Filter,
    /// Deviation of what is left of white noise of deviation 1.
    gain: f64,
}

impl Bands {
    /// Of planes of `extent` that `psf` blurred.
    ///
    /// # Errors
    /// Where the PSF is larger than the planes.
    pub(super) fn plan(extent: Extent, psf: &Psf) -> Result<Self, PsfError> {
        let otf = psf.otf(extent)?;
        let lost = |index: usize| {
            let regulariser = FAINT * FAINT / natural_power(extent, index);
            let lost = regulariser / (f64::from(otf[index].norm_sqr()) + regulariser);
            if index == 0 { 0.0 } else { lost * lost }
        };
        let bands = LIMITS.iter().filter_map(|limits| Band::plan(extent, *limits, &lost));
        Ok(Self { fft: RealFft2d::plan(extent), bands: bands.collect() })
    }

    /// For each band, what it leaves of a plane, over what it leaves of white noise of deviation 1.
    pub(super) fn residues(&self, plane: &Plane<f32>) -> impl Iterator<Item = (Plane<f32>, f64)> {
        let mut spectrum = self.fft.spectrum(1);
        self.bands.iter().map(move |band| {
            let mut left = Plane::new(plane.extent(), 0.0);
            self.fft.filter(&mut spectrum, &band.filter, plane, &mut left);
            (left, band.gain)
        })
    }
}

impl Band {
    fn plan(extent: Extent, limits: (f64, f64), lost: &impl Fn(usize) -> f64) -> Option<Self> {
        let factor = |index: usize| {
            let (u, v) = signed_frequency(extent, index);
            let is_within = (limits.0..limits.1).contains(&u.hypot(v));
            if is_within { lost(index) } else { 0.0 }
        };
        let (mut power, mut kept, mut all) = (0.0, 0.0, 0.0);
        for index in 0..coefficients(extent) {
            let (u, v) = signed_frequency(extent, index);
            if (limits.0..limits.1).contains(&u.hypot(v)) {
                let (weight, factor) = (multiplicity(extent, index), lost(index));
                (power, kept) = (power + weight * factor * factor, kept + weight * factor);
                all += weight;
            }
        }
        let gain = (power / extent.area() as f64).sqrt();
        (kept >= LEAST_SHARE * all && gain > 0.0)
            .then(|| Self { filter: Filter::real(extent, factor), gain })
    }
}
