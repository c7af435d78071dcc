//! Optional stage after the last: how far the frame is from its truth, where that is known.

use super::super::quality::psnr_db;
use super::super::{RestoreError, Stage};
use crate::frame::{Frame, FramePsnr};

/// Notes the frame's peak signal-to-noise ratios.
#[derive(Debug, Clone, Copy, Default)]
pub struct Assess;

impl Stage for Assess {
    fn name(&self) -> &str {
        "assess"
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        #[expect(clippy::cast_possible_truncation, reason = "a few digits are enough")]
        let db = |picture, truth| psnr_db(picture, truth) as f32;
        let truth = frame.truth.as_ref();
        frame.meta.psnr = truth.map(|truth| FramePsnr {
            blurred_db: db(&frame.blurred, truth),
            restored_db: db(&frame.restored, truth),
        });
        Ok(())
    }
}
