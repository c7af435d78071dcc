//! What is known of a camera, as configurations say it.

use serde::Deserialize;

use super::sigma::Sigma;

/// The blur and the noise of a camera.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraOptions {
    /// PSF file or formula, or a calibration.
    pub psf: String,
    /// Standard deviation of the noise in 8-bit gray levels, or `auto`, followed along the frames; that of
    /// the calibration where absent.
    pub sigma: Option<Sigma>,
}
