//! How light beyond white is looked for.
//!
//! A sample at white is no measurement: it says that there was at least so much light. A lamp of ten
//! times white leaves a white spot, and around it the skirts of its blur, which the Wiener filter takes
//! for a picture and turns into rings. So the light beyond white is found first, and its blur taken
//! away, in tiles around the samples at white: an iteration over the whole frame would cost more than
//! its restoration.
//!
//! Where frames come at a rate they must not wait for it: as many tiles are looked at in one as take a quarter of
//! the time that its restoration takes. That is counted in filters of a tile's samples, beside those of the
//! frame's: [`Highlights::within`].

use super::places::Places;
use crate::fft::{Filter, good_size};
use crate::frame::{Extent, Range};
use crate::optics::{Blur, GrayLevels, Light, Psf, PsfError, Transfer};

/// The tiles of a frame, and the blur in them.
#[derive(Debug, Clone)]
pub struct Highlights {
    /// Samples on a side of a tile with its margin.
    pub side: usize,
    /// Samples around a tile that are looked at and not changed.
    pub margin: usize,
    /// What light that is nowhere beyond white leaves unexplained of a sample, from which on there is some.
    pub evidence: f32,
    /// Light from which on a sample is a lower bound: noise and coding come behind white, too.
    pub white: f32,
    /// Filters of a tile that may be spent on a frame; any number where there is none.
    pub filters_most: Option<usize>,
    tiles: Places<TileBlur>,
}

/// The blur of a tile.
#[derive(Debug, Clone)]
pub struct TileBlur {
    /// `H`.
    pub blur: Filter,
    /// Its transpose.
    pub transpose: Filter,
}

impl Highlights {
    /// Part of a frame's time.
    const SHARE: f64 = 0.25;
    /// Filters of a frame that a network takes with its projection.
    const NETWORK: f64 = 2.4;
    /// Filters in which light is found that is beyond white, and blurred as far as it may change what is known,
    /// two tiles each way; and in which it is asked whether there is any.
    const FILTERS: (usize, usize) = (49 + 2 * 25, 49);
    /// Tiles of which something is known in a stream: some megabytes.
    const KNOWN_MOST: usize = 512;

    /// Samples of a margin beside those that a PSF is wide.
    const MORE: usize = 3;

    /// The fewest samples on a side of a tile that are changed.
    const CORE: usize = 24;

    /// What noise, and rounds too few for an edge, leave unexplained; the skirts of lamps are 0.3 to 0.8.
    fn evidence(noise: Light) -> f64 {
        0.04 + 4.0 * noise.0
    }

    /// Deviations of the noise below white.
    const DEVIATIONS: f64 = 3.0;
    /// Encoded samples between which white begins.
    const WHITE: (f64, f64) = (0.94, 0.996);

    /// Plans the search under the blur, the noise and the curve of a camera.
    ///
    /// # Errors
    /// Where a PSF has no extent that can be transformed.
    pub fn plan(
        blur: &Blur,
        noise: GrayLevels,
        transfer: Transfer,
        range: Range,
    ) -> Result<Self, PsfError> {
        let Extent { width, height } = blur.extent();
        // Light reaches a sample from within the PSF, and is told by others as far away again.
        let margin = width.max(height) + Self::MORE;
        let side = good_size(2 * margin + Self::CORE.max(margin));
        let extent = Extent::new(side, side);
        let tile = |psf: &Psf| {
            let otf = psf.otf(extent)?;
            Ok(TileBlur {
                blur: Filter::complex(extent, |index| otf[index]),
                transpose: Filter::complex(extent, |index| otf[index].conj()),
            })
        };
        let tiles = Places::of(blur, tile)?;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let evidence = Self::evidence(noise.in_light(transfer, range)) as f32;
        let (least, most) = Self::WHITE;
        let white = (1.0 - Self::DEVIATIONS * noise.get() / 255.0).clamp(least, most);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let white = transfer.decode(white) as f32;
        Ok(Self { side, margin, evidence, white, filters_most: None, tiles })
    }

    /// The same within a quarter of the time that restoration with so many networks takes of planes of `outer`.
    #[must_use]
    pub fn within(self, outer: Extent, networks: usize) -> Self {
        let frame = outer.area() as f64 * (1.0 + Self::NETWORK * networks as f64);
        let filters = Self::SHARE * frame / (self.side * self.side) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive")]
        let filters_most = Some(filters as usize);
        Self { filters_most, ..self }
    }

    /// Filters that a tile takes; fewer where there are known to have been lamps.
    pub const fn filters(were: bool) -> usize {
        if were { Self::FILTERS.0 } else { Self::FILTERS.0 + Self::FILTERS.1 }
    }

    /// Tiles, of so many, of which something is known at the same time.
    pub fn known_most(&self, tiles: usize) -> usize {
        if self.filters_most.is_some() { tiles.min(Self::KNOWN_MOST) } else { tiles }
    }

    /// Samples from the border of a tile that light from beyond it reaches.
    pub const fn reach(&self) -> usize {
        (self.margin - Self::MORE) / 2
    }

    /// Samples on a side of a tile that are changed.
    pub fn core(&self) -> usize {
        self.side - 2 * self.margin
    }

    /// The blur of the tile whose middle lies at the part `u` of the width and `v` of the height, both
    /// from 0 to 1: that of the nearest PSF.
    pub fn blur_at(&self, u: f64, v: f64) -> &TileBlur {
        self.tiles.at(u, v)
    }
}
