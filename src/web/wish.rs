//! What viewers want of a station.

use serde::{Deserialize, Serialize};

/// What frames shall be restored by; what is absent is as the configuration has it, so that an empty
/// wish takes all back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// A formula of a PSF.
    pub psf: Option<String>,
    /// Deviation of the noise in 8-bit gray levels.
    pub sigma: Option<f64>,
    /// A transfer curve.
    pub transfer: Option<String>,
    /// A released model by name, or `none`.
    pub model: Option<String>,
    /// Which planes are restored.
    pub channels: Option<String>,
}

/// What a viewer wants of the calibration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum Order {
    /// Gather frames and find PSFs.
    Start {
        /// Columns and rows of PSFs.
        grid: [usize; 2],
    },
    /// The frames that were gathered shall do.
    Enough,
    /// Break off.
    Cancel,
    /// Write what was found where the configuration says.
    Save,
    /// Restore frames by what was found, for now.
    Use,
}
