//! What a restorer is made of.

use std::sync::Arc;

use super::backend;
use super::error::Fault;
use crate::calibrate::level::{Level, LevelGauge, Verdict};
use crate::executor::Executor;
use crate::frame::{Effort, Picture, PictureFormat};
use crate::optics::{Calibration, Contrast, GrayLevels, Trust};
use crate::plan::network::Model;
use crate::plan::{Edges, RestoreOptions, RestorePlan};
use crate::restore::{CpuBackend, RestoreError, Restorer, Unwatched};

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

/// What of the frames a restoration reckons with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reckoned {
    /// Deviation of the noise.
    pub noise: GrayLevels,
    /// How much fainter than ordinary pictures they are.
    pub contrast: Contrast,
    /// Whether they speak for another PSF.
    pub is_doubted: bool,
    /// Whether they speak for none.
    pub is_sharp: bool,
    /// Whether they have told so.
    pub is_seen: bool,
}

impl Recipe {
    /// What of the frames is reckoned with.
    pub fn reckoned(&self) -> Reckoned {
        let RestoreOptions { contrast, is_doubted, is_sharp, is_seen, .. } = self.options;
        Reckoned { noise: self.camera.noise, contrast, is_doubted, is_sharp, is_seen }
    }

    /// What tells the level of its frames.
    pub fn gauge(&self) -> LevelGauge {
        gauge(&self.camera, &self.options)
    }

    /// Reckons with what frames told.
    pub fn set_level(&mut self, level: Level) {
        (self.camera.noise, self.options.contrast) = (level.sigma, level.contrast);
        self.options.is_doubted = level.verdict.is_rival();
        self.options.is_sharp = level.verdict.is_sharp();
        self.options.is_seen =
            level.shown > GrayLevels::NONE && !matches!(level.verdict, Verdict::Wrong(_));
    }

    /// Reckons with what another recipe does.
    pub fn reckon_as(&mut self, other: &Self) {
        let Reckoned { noise, contrast, is_doubted, is_sharp, is_seen } = other.reckoned();
        (self.camera.noise, self.options.contrast) = (noise, contrast);
        (self.options.is_doubted, self.options.is_sharp) = (is_doubted, is_sharp);
        self.options.is_seen = is_seen;
    }

    /// A restorer of pictures of `format`.
    ///
    /// # Errors
    /// Where PSF or model cannot serve such pictures.
    pub fn restorer(&self, format: PictureFormat) -> Result<Box<dyn Restorer>, Fault> {
        let plan = RestorePlan::new(&self.camera, self.model.clone(), &self.options, format);
        let plan = plan.map_err(RestoreError::from)?;
        let cpu = CpuBackend::new(Arc::clone(&self.executor));
        Ok(backend::load(plan, self.options.backend, &cpu)?)
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
pub fn gauge(camera: &Calibration, options: &RestoreOptions) -> LevelGauge {
    let gauge = LevelGauge::new(camera.blur.central(), camera.transfer);
    let gauge = if options.edges == Edges::Open { gauge.with_open_edges() } else { gauge };
    // Spectra of a frame of which each part has a PSF of its own speak for none of them.
    let is_believed = options.trust == Some(Trust::Measured) || camera.blur.grid() != (1, 1);
    match (options.guard, is_believed) {
        (false, _) => gauge.believing_all(),
        (true, true) => gauge.believing(),
        (true, false) => gauge,
    }
}
