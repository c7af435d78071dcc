//! What one frame tells of the calibration.

use super::controls::Controls;
use crate::calibrate::watch::{Gauge, Reference, Unfit};
use crate::executor::Executor;
use crate::frame::Picture;
use crate::optics::{Calibration, Psf, Transfer};

/// Looks at frames.
#[derive(Debug)]
pub(super) struct Eye {
    psf: Psf,
    transfer: Transfer,
    reference: Reference,
    /// Made at the first look, away from the thread that has other things to do.
    gauge: Option<Gauge>,
    controls: Option<Controls>,
}

/// What was seen, and all that is needed for the next look.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) eye: Eye,
    pub(super) picture: Picture,
    /// Logarithm of how much wider the blur is, or why that is not told.
    pub(super) figure: Result<f64, Unfit>,
    /// What is certainly not as it was; empty where nothing is.
    pub(super) alarm: String,
}

impl Eye {
    pub(super) fn new(
        camera: &Calibration,
        reference: Reference,
        controls: Option<Controls>,
    ) -> Self {
        let psf = camera.blur.central().clone();
        Self { psf, transfer: camera.transfer, reference, gauge: None, controls }
    }

    /// Looks at a frame and at the camera's controls.
    pub(super) fn look(
        &mut self,
        picture: &Picture,
        executor: &dyn Executor,
    ) -> (Result<f64, Unfit>, String) {
        let Self { psf, transfer, reference, .. } = self;
        let gauge = self.gauge.get_or_insert_with(|| Gauge::new(psf, *transfer, reference));
        let figure = gauge.look(picture, executor);
        (figure, self.controls.as_ref().map_or_else(String::new, Controls::alarm))
    }
}
