//! What is known, or expected on average, of every coefficient of a plane, and the filters that
//! follow from it.

use std::sync::Arc;

use super::regulariser::Regulariser;
use crate::fft::{Complex, Filter, coefficients};
use crate::frame::Extent;
use crate::optics::{Light, Psf, PsfError, natural_chroma_power, natural_power};

/// What all planes of one extent are assumed to be like; white has amplitude 1.
#[derive(Debug)]
pub(super) struct Assumed {
    extent: Extent,
    regulariser: Regulariser,
    power: Power,
    /// Power of the sharp picture, by coefficient.
    signal: Arc<Vec<f64>>,
    /// Power of the noise.
    noise: f64,
}

/// What planes hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Power {
    /// Luma, or one of the colours.
    Luma,
    /// Differences of colour, in samples that stand for so many of luma each.
    Chroma(f64),
}

/// What is expected of planes that were blurred by one PSF.
#[derive(Debug)]
pub(super) struct Expected {
    assumed: Arc<Assumed>,
    otf: Vec<Complex>,
}

/// What a filter is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// `H+_mR` for this `m`.
    Wiener(f64),
    /// `P_c` for this `c`.
    Projection(f64),
}

impl Power {
    fn at(self, extent: Extent, index: usize) -> f64 {
        match self {
            Self::Luma => natural_power(extent, index),
            Self::Chroma(share) => natural_chroma_power(extent, share, index),
        }
    }
}

impl Assumed {
    pub(super) fn new(extent: Extent, regulariser: Regulariser, noise: Light) -> Arc<Self> {
        Self::holding(Power::Luma, extent, regulariser, noise)
    }

    /// The same of planes that hold this.
    pub(super) fn holding(
        power: Power,
        extent: Extent,
        regulariser: Regulariser,
        Light(sigma): Light,
    ) -> Arc<Self> {
        // Once for all filters: most of the time that planning takes.
        let signal = (0..coefficients(extent)).map(|index| power.at(extent, index));
        let signal = Arc::new(signal.collect());
        Arc::new(Self { extent, regulariser, power, signal, noise: sigma * sigma })
    }

    /// The same with `share` of the noise's power.
    pub(super) fn quieter(&self, share: f64) -> Arc<Self> {
        let regulariser = match self.regulariser {
            Regulariser::Flat(eps) => Regulariser::Flat(eps * share),
            Regulariser::Spectral => Regulariser::Spectral,
        };
        let signal = Arc::clone(&self.signal);
        Arc::new(Self { regulariser, signal, noise: share * self.noise, ..*self })
    }

    /// Extent of the planes.
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// The same of planes of another extent.
    pub(super) fn sampled(&self, extent: Extent) -> Arc<Self> {
        Self::holding(self.power, extent, self.regulariser, Light(self.noise.sqrt()))
    }

    /// What is expected of planes blurred by `psf`.
    ///
    /// # Errors
    /// Where the PSF is larger than the planes.
    pub(super) fn blurred_by(self: &Arc<Self>, psf: &Psf) -> Result<Expected, PsfError> {
        Ok(self.seen_through(psf.otf(self.extent)?))
    }

    /// What is expected of planes blurred by the PSF of this OTF.
    pub(super) fn seen_through(self: &Arc<Self>, otf: Vec<Complex>) -> Expected {
        Expected { assumed: Arc::clone(self), otf }
    }
}

impl Expected {
    /// Amplitudes of the OTF below this are taken for rounding: what they carried is lost.
    const NOTHING_LEFT: f64 = 1e-5;

    /// The filter as it is defined.
    pub(super) fn filter(&self, kind: Kind) -> Filter {
        match kind {
            Kind::Wiener(strength) => {
                Filter::complex(self.assumed.extent, |index| self.inverse(strength, index))
            }
            Kind::Projection(strength) => {
                Filter::real(self.assumed.extent, |index| self.projection(strength, index))
            }
        }
    }

    /// The same, simplified where that adds at most `budget` to the squared error.
    pub(super) fn simple_filter(&self, kind: Kind, budget: f64) -> Filter {
        self.filter(kind).simplified(|index| self.power(kind, index), budget)
    }

    /// By how much the filter differs from that of `other`.
    pub(super) fn difference(&self, kind: Kind, other: &Self) -> Filter {
        let extent = self.assumed.extent;
        match kind {
            Kind::Wiener(strength) => Filter::complex(extent, |index| {
                self.inverse(strength, index) - other.inverse(strength, index)
            }),
            Kind::Projection(strength) => Filter::real(extent, |index| {
                self.projection(strength, index) - other.projection(strength, index)
            }),
        }
    }

    /// The factor of a coefficient.
    pub(super) fn factor(&self, kind: Kind, index: usize) -> Complex {
        match kind {
            Kind::Wiener(strength) => self.inverse(strength, index),
            #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
            Kind::Projection(strength) => {
                Complex::new(self.projection(strength, index) as f32, 0.0)
            }
        }
    }

    /// Expected power of a coefficient of what the filter is given.
    pub(super) fn power(&self, kind: Kind, index: usize) -> f64 {
        match kind {
            Kind::Wiener(_) => self.seen(index),
            Kind::Projection(strength) => self.projected(strength, index),
        }
    }

    /// Number of coefficients.
    pub(super) fn coefficients(&self) -> usize {
        self.otf.len()
    }

    /// `E |x_w - x|^2`, of all coefficients together.
    pub(super) fn error(&self) -> f64 {
        (0..self.otf.len()).map(|index| self.error_at(index)).sum()
    }

    /// What the Wiener filter leaves of the squared error of the planes as they are.
    pub(super) fn left(&self) -> f64 {
        let blurred = |index: usize| {
            let loss = f64::from((Complex::new(1.0, 0.0) - self.otf[index]).norm_sqr());
            loss * self.assumed.signal[index] + self.assumed.noise
        };
        self.error() / (0..self.otf.len()).map(blurred).sum::<f64>()
    }

    /// `H`
    pub(super) fn otf(&self) -> &[Complex] {
        &self.otf
    }

    /// Power of the sharp picture.
    pub(super) fn signal(&self, index: usize) -> f64 {
        self.assumed.signal[index]
    }

    /// Power of the noise.
    pub(super) fn noise(&self) -> f64 {
        self.assumed.noise
    }

    /// `H+_R`
    pub(super) fn wiener(&self, index: usize) -> Complex {
        self.inverse(1.0, index)
    }

    /// `H+_mR` for strength `m`.
    fn inverse(&self, strength: f64, index: usize) -> Complex {
        let r = strength * self.r(index);
        match index {
            0 => Complex::new(1.0, 0.0),
            _ if self.is_lost(index) => Complex::default(),
            #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
            _ => self.otf[index].conj() * (1.0 / (self.gain(index) + r)) as f32,
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
    pub(super) fn seen(&self, index: usize) -> f64 {
        self.gain(index) * self.assumed.signal[index] + self.assumed.noise
    }

    /// `E |x_w|^2`
    fn estimated(&self, index: usize) -> f64 {
        f64::from(self.wiener(index).norm_sqr()) * self.seen(index)
    }

    /// `E |x_w - x|^2`
    fn error_at(&self, index: usize) -> f64 {
        let wiener = f64::from(self.wiener(index).norm_sqr());
        self.projection(1.0, index).powi(2) * self.assumed.signal[index]
            + wiener * self.assumed.noise
    }

    /// The most to expect of `|g + f - (1 - 1/c) x_w|^2`, where `g + f` is near the sharp picture.
    fn projected(&self, strength: f64, index: usize) -> f64 {
        let known = (1.0 - 1.0 / strength).abs();
        (self.assumed.signal[index].sqrt() + known * self.estimated(index).sqrt()).powi(2)
    }

    /// `|H|^2`
    fn gain(&self, index: usize) -> f64 {
        f64::from(self.otf[index].norm_sqr())
    }

    fn r(&self, index: usize) -> f64 {
        match self.assumed.regulariser {
            Regulariser::Flat(eps) => eps,
            Regulariser::Spectral => self.assumed.noise / self.assumed.signal[index],
        }
    }

    fn is_lost(&self, index: usize) -> bool {
        self.r(index) == 0.0 && self.gain(index).sqrt() < Self::NOTHING_LEFT
    }
}
