//! The stages of the restoration, one file each, in the order they run in.

mod assess;
mod decode;
mod encode;
mod filtering;
mod projection;
mod residual;
mod wiener;

pub use assess::Assess;
pub(super) use decode::{Decode, channels};
pub(super) use encode::Encode;
pub(super) use filtering::Filtering;
pub(super) use projection::Projection;
pub(super) use residual::Residual;
pub(super) use wiener::Wiener;

use super::RestoreError;
use crate::frame::{Frame, Workspace};

/// Rows in a part of the work on a picture: some tens of parts in a large one.
const ROWS: usize = 16;

/// Runs `work` on the frame's workspace.
fn with_workspace<T>(
    frame: &mut Frame,
    work: impl FnOnce(&mut Workspace) -> Result<T, RestoreError>,
) -> Result<T, RestoreError> {
    work(&mut frame.work.as_mut().ok_or(RestoreError::NotDecoded)?.get())
}
