//! How chroma is restored where luma is: by a Wiener filter at its own resolution.
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

use super::edges::Framing;
use super::expected::{Assumed, Power};
use super::filters::Filters;
use super::options::RestoreOptions;
use super::regulariser::Regulariser;
use crate::fft::FieldFilter;
use crate::frame::colour::Scale;
use crate::frame::{Extent, Layout, PictureFormat};
use crate::optics::{Calibration, Light, PsfError};

/// How the chroma planes of a picture are restored.
#[derive(Debug, Clone)]
pub struct Chroma {
    /// Where a chroma plane lies in the planes it is restored on.
    pub framing: Framing,
    /// The Wiener filter.
    pub wiener: FieldFilter,
}

impl Chroma {
    /// Noise of chroma over that of the samples.
    const NOISE: f64 = 0.8;

    /// Where the filter is expected to leave more of the error than this, it is not worth its time.
    const WORTH: f64 = 0.9;

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
        let inner = extent_of(format);
        let halved = (inner.width < format.extent.width, inner.height < format.extent.height);
        let blur = camera.blur.map(|psf| psf.reduced(halved))?;
        if blur.extent().width > inner.width || blur.extent().height > inner.height {
            return Ok(None);
        }
        let framing = Framing::plan(options.edges, inner, blur.extent());
        let share = if halved.0 { 2.0 } else { 1.0 } * if halved.1 { 2.0 } else { 1.0 };
        let assumed = Assumed::holding(
            Power::Chroma(share),
            framing.outer,
            Regulariser::Spectral,
            noise(camera, options, format),
        );
        if assumed.blurred_by(blur.central())?.left() > Self::WORTH {
            return Ok(None);
        }
        let Filters { wiener, .. } = Filters::plan(&blur, framing, &assumed, false, &[])?;
        Ok(Some(Self { framing, wiener }))
    }
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
