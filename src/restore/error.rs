//! Why a frame cannot be restored.

use displaydoc::Display;

use super::gpu::{GpuError, NoGpu};
use super::model::ModelError;
use crate::exit::{ExitStatus, Status};
use crate::frame::Extent;
use crate::plan::PlanError;

/// Why a frame cannot be restored.
#[derive(Debug, Display, thiserror::Error)]
pub enum RestoreError {
    /// {0}
    Plan(#[from] PlanError),
    /// {0}
    Model(#[from] ModelError),
    /// {0}
    Gpu(#[from] GpuError),
    /// no graphics card restores: {0}
    NoGpu(#[from] NoGpu),
    /// a frame is {is} (expected {planned}, as planned)
    Format {
        /// Extent of the frame.
        is: Extent,
        /// The planned extent.
        planned: Extent,
    },
}

impl ExitStatus for RestoreError {
    fn status(&self) -> Status {
        Status::Data
    }
}
