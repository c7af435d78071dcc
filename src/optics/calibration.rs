//! All that is known of a camera.

use std::collections::BTreeMap;

use super::blur::Blur;
use super::noise::GrayLevels;
use super::transfer::Transfer;
use crate::frame::Extent;

/// All that is known of a camera: what a restoration of its frames is planned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// What becomes of a point of light.
    pub blur: Blur,
    /// Deviation of the noise of its samples.
    pub noise: GrayLevels,
    /// The curve by which it encodes light.
    pub transfer: Transfer,
    /// The extent of its frames, where it is known: a PSF in samples holds for no other.
    pub extent: Option<Extent>,
    /// Its controls and what they were set to when it was calibrated.
    pub controls: BTreeMap<String, i64>,
}

impl Calibration {
    /// A camera of which the blur and the noise are known, and whose samples are restored as they are.
    pub fn new(blur: impl Into<Blur>, noise: GrayLevels) -> Self {
        Self {
            blur: blur.into(),
            noise,
            transfer: Transfer::None,
            extent: None,
            controls: BTreeMap::new(),
        }
    }
}
