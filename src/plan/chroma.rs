//! How chroma is restored where luma is: by a Wiener filter at its own resolution, or half of it.
//!
//! Colours are blurred as light is. Restored beside a sharp luma, they would spill over its edges; and the
//! eye sees no more of them than the filter gives back without a network. Chroma of natural pictures has
//! about a fortieth of the power of luma and falls off more slowly (`optics/natural.rs`).
//!
//! Its noise is reckoned as [`NOISE`](Chroma::NOISE) of what was told. Of equal noise in red, green and blue
//! the matrix leaves 0.62 and 0.66 in the differences of blue and red, and 0.67 in luma, of which sigma may
//! have been measured. Measured on Kodak pictures under three PSFs, at sigma 2.55 and 7.65, as RGB, 4:2:2,
//! 4:2:0 and JPEG of quality 95 and 75: 0.7 to 1 of the noise of red, green and blue is the best everywhere,
//! and nowhere worse than chroma that passes through but for JPEG 75 at 7.65, where 1 is, by 0.1 dB in half
//! of the pictures; a quarter of it is worse by 3 dB. Averages of two and four samples have less noise of the
//! sensor, and as much more from what they leave out.
//!
//! Chroma in full resolution, as red, green and blue have it, is restored in means of two samples along
//! each side, and linear between them, where that is expected to add little to the error: the filter leaves next
//! to nothing of fine differences of colour anyway, and a quarter of the samples take a quarter of the time. Of
//! what is expected photographs lose a quarter: at 2.55, 0.19 dB under `disk:1`, which stays in full, 0.09 under
//! `disk:2`, nothing under `disk:4` and `motion:11,30`; at 7.65 nothing under any of these.

use std::f64::consts::PI;
use std::sync::Arc;

use super::edges::Framing;
use super::expected::{Assumed, Expected, Power};
use super::filters::Filters;
use super::options::RestoreOptions;
use super::regulariser::Regulariser;
use crate::fft::{FieldFilter, signed_frequency};
use crate::frame::colour::Scale;
use crate::frame::{Extent, Layout, PictureFormat};
use crate::optics::{Blur, Calibration, Light, PsfError};

/// How the chroma planes of a picture are restored.
#[derive(Debug, Clone)]
pub struct Chroma {
    /// Whether one sample that is restored stands for two of the plane, from left to right and downwards.
    pub halved: (bool, bool),
    /// Where a plane of those samples lies in the planes it is restored on.
    pub framing: Framing,
    /// The Wiener filter.
    pub wiener: FieldFilter,
}

impl Chroma {
    /// Noise of chroma over that of the samples.
    const NOISE: f64 = 0.8;

    /// Where the filter is expected to leave more of the error than this, it is not worth its time.
    const WORTH: f64 = 0.9;

    /// Times the error up to which chroma is restored at half its resolution.
    const HALVED: f64 = 1.12;

    /// Plans it for the frames of a camera; nothing where they have no chroma, every colour is restored by
    /// itself, or there is nothing to gain.
    ///
    /// # Errors
    /// Where the PSFs of a field cannot be reduced.
    pub(super) fn plan(
        camera: &Calibration,
        options: &RestoreOptions,
        format: PictureFormat,
    ) -> Result<Option<Self>, PsfError> {
        let layout = format.layout;
        if layout == Layout::Gray || options.channels.count(layout) > 1 {
            return Ok(None);
        }
        let Some(sampled) = Sampled::plan(camera, options, format, (false, false))? else {
            return Ok(None);
        };
        let expected = sampled.assumed.blurred_by(sampled.blur.central())?;
        if expected.left() > Self::WORTH {
            return Ok(None);
        }
        let inner = extent_of(format);
        let is_full = (inner.width == format.extent.width, inner.height == format.extent.height);
        let loss = halved_error(&expected, sampled.framing.outer, is_full) / expected.error();
        let halved = if loss > Self::HALVED { (false, false) } else { is_full };
        match Sampled::plan(camera, options, format, halved)? {
            Some(sampled) if halved != (false, false) => sampled.filter(halved).map(Some),
            _ => sampled.filter((false, false)).map(Some),
        }
    }
}

/// The planes that chroma is restored on.
struct Sampled {
    blur: Blur,
    framing: Framing,
    assumed: Arc<Assumed>,
}

impl Sampled {
    /// Those of so much of the chroma's resolution; none where the PSF does not fit them.
    fn plan(
        camera: &Calibration,
        options: &RestoreOptions,
        format: PictureFormat,
        halved: (bool, bool),
    ) -> Result<Option<Self>, PsfError> {
        let part = |length: usize, is_halved| if is_halved { length.div_ceil(2) } else { length };
        let Extent { width, height } = extent_of(format);
        let inner = Extent::new(part(width, halved.0), part(height, halved.1));
        let of_luma = (inner.width < format.extent.width, inner.height < format.extent.height);
        let blur = camera.blur.map(|psf| psf.reduced(of_luma))?;
        if blur.extent().width > inner.width || blur.extent().height > inner.height {
            return Ok(None);
        }
        let framing = Framing::plan(options.edges, inner, blur.extent());
        let share = if of_luma.0 { 2.0 } else { 1.0 } * if of_luma.1 { 2.0 } else { 1.0 };
        let assumed = Assumed::holding(
            Power::Chroma(share),
            framing.outer,
            Regulariser::Spectral,
            noise(camera, options, format),
        );
        Ok(Some(Self { blur, framing, assumed }))
    }

    fn filter(self, halved: (bool, bool)) -> Result<Chroma, PsfError> {
        let Self { blur, framing, assumed } = self;
        let Filters { wiener, .. } = Filters::plan(&blur, framing, &assumed, false, &[])?;
        Ok(Chroma { halved, framing, wiener })
    }
}

/// The squared error that is expected of planes of `extent` restored in means of two samples, where `halved`,
/// and linear between them: these pass `cos^4(pi f)` of the frequencies below a quarter, and nothing above.
fn halved_error(expected: &Expected, extent: Extent, halved: (bool, bool)) -> f64 {
    let passed = |frequency: f64, is_halved| match (is_halved, frequency.abs() <= 0.25) {
        (false, _) => 1.0,
        (true, true) => (PI * frequency).cos().powi(4),
        (true, false) => 0.0,
    };
    let error = |index: usize| {
        let (u, v) = signed_frequency(extent, index);
        let pass = passed(u, halved.0) * passed(v, halved.1);
        let wiener = expected.wiener(index);
        let left = 1.0 - pass * f64::from((wiener * expected.otf()[index]).re);
        left.powi(2) * expected.signal(index)
            + pass.powi(2) * f64::from(wiener.norm_sqr()) * expected.noise()
    };
    (0..expected.coefficients()).map(error).sum()
}

/// Extent of the planes that hold the chroma of a picture: red, green and blue have it in full.
fn extent_of(format: PictureFormat) -> Extent {
    format.layout.plane_extent(format.extent, 1)
}

/// Deviation of the noise in values of chroma of an ordinary picture, rounding included.
fn noise(camera: &Calibration, options: &RestoreOptions, format: PictureFormat) -> Light {
    let span = |depth| f64::from(Scale::luma(depth, format.range).span());
    let told = Chroma::NOISE * camera.noise.get() / span(8);
    let rounding = 1.0 / (12.0_f64.sqrt() * span(format.depth));
    Light(told.hypot(rounding) / options.contrast.get())
}
