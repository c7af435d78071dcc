//! What a restorer is made of.

use std::sync::Arc;

use super::error::Fault;
use crate::calibrate::level::{Level, LevelGauge};
use crate::executor::Executor;
use crate::frame::{Effort, Picture, PictureFormat};
use crate::optics::{Calibration, Contrast, GrayLevels};
use crate::plan::network::Model;
use crate::plan::{Edges, RestoreOptions, RestorePlan};
use crate::restore::{Backend, CpuBackend, RestoreError, Restorer, Unwatched};

/// What a restorer is made of, for the pictures of any source.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What is known of the camera.
    pub camera: Calibration,
    /// The model, where there is one.
    pub model: Option<Arc<Model>>,
    /// How frames are restored.
    pub options: RestoreOptions,
    /// What does the parts.
    pub executor: Arc<dyn Executor>,
}

impl Recipe {
    /// The noise and the contrast that are reckoned with.
    pub fn level(&self) -> (GrayLevels, Contrast) {
        (self.camera.noise, self.options.contrast)
    }

    /// What tells the level of its frames.
    pub fn gauge(&self) -> LevelGauge {
        gauge(&self.camera, self.options.edges)
    }

    /// Reckons with what frames told.
    pub fn set_level(&mut self, level: Level) {
        (self.camera.noise, self.options.contrast) = (level.sigma, level.contrast);
    }

    /// A restorer of pictures of `format`.
    ///
    /// # Errors
    /// Where PSF or model cannot serve such pictures.
    pub fn restorer(&self, format: PictureFormat) -> Result<Box<dyn Restorer>, Fault> {
        let plan = RestorePlan::new(&self.camera, self.model.clone(), &self.options, format);
        let plan = plan.map_err(RestoreError::from)?;
        Ok(CpuBackend::new(Arc::clone(&self.executor)).load(plan)?)
    }

    /// What it makes of one picture.
    ///
    /// # Errors
    /// Where PSF or model cannot serve it.
    pub fn restored(&self, picture: &Picture) -> Result<Picture, Fault> {
        let mut restored = Picture::new(picture.format());
        let mut restorer = self.restorer(picture.format())?;
        restorer.restore(picture, &mut restored, Effort::Full, &mut Unwatched)?;
        Ok(restored)
    }
}

/// What tells the level of frames of a camera.
pub fn gauge(camera: &Calibration, edges: Edges) -> LevelGauge {
    let gauge = LevelGauge::new(camera.blur.central(), camera.transfer);
    if edges == Edges::Open { gauge.with_open_edges() } else { gauge }
}
