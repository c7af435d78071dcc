//! The golden frame: a frame whose truth is known, blurred with the configured blur and noise and
//! restored as cameras' frames will be. A restoration that makes it worse is not used.

use std::fmt;
use std::sync::Arc;

use super::error::{Fault, GoldenError};
use super::recipe::Recipe;
use crate::frame::colour::luma;
use crate::frame::{Extent, Frame, FrameRate, Picture, PictureFormat};
use crate::optics::{Calibration, Contrast, GrayLevels};
use crate::plan::{Chosen, Edges, RestoreOptions, TemporalOptions};
use crate::restore::quality::psnr_db;
use crate::simulate::{Degrade, DegradeOptions};
use crate::source::{Filled, SceneOptions, SceneSource, Source};

/// Extent of the golden frame, at least; a large PSF needs a larger one.
const EXTENT: Extent = Extent::new(320, 240);

/// What a restoration may lose in decibels, where there is nothing to gain.
const TOLERANCE_DB: f64 = 0.1;

/// How much better the golden frame became: PSNR in decibels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Golden {
    /// Of the blurred frame.
    pub blurred: f64,
    /// Of the restored frame.
    pub restored: f64,
}

impl Golden {
    /// Blurs and restores the golden frame. It is periodic: it judges PSF and model, not how edges
    /// are extended.
    ///
    /// # Errors
    /// Where it cannot be restored, or becomes worse.
    pub fn restore(recipe: &Recipe) -> Result<Self, Fault> {
        // The golden frame is of an extent of its own, and of ordinary contrast: its noise is as strong
        // beside it as that of the frames is beside them.
        let noise = recipe.camera.noise.get() / recipe.options.contrast.get();
        let noise = GrayLevels::saturating(noise);
        let camera = Calibration { extent: None, noise, ..recipe.camera.clone() };
        let edges = Edges::Circular;
        let sharp = sharp_picture(camera.blur.extent())?;
        let format = sharp.format();
        let [mut blurred, mut truth] = [(); 2].map(|()| Picture::new(format));
        let degradation = DegradeOptions { edges, sigma: camera.noise, seed: 0 };
        let mut degrade = Degrade::plan(&camera.blur, degradation, format)?;
        degrade.run(&sharp, 0, &mut blurred, &mut truth);
        let contrast = Contrast::USUAL;
        let temporal = TemporalOptions::default();
        // It judges what is restored by, not who restores: cards are compared with processors elsewhere.
        let backend = Chosen::Cpu;
        let options = RestoreOptions {
            edges,
            contrast,
            temporal,
            backend,
            is_sharp: false,
            ..recipe.options.clone()
        };
        let golden = Recipe {
            camera,
            model: recipe.model.clone(),
            options,
            executor: Arc::clone(&recipe.executor),
        };
        let restored = golden.restored(&blurred)?;
        let (before, after) = (psnr_db(&blurred, &truth), psnr_db(&restored, &truth));
        let is_good = after > before - TOLERANCE_DB;
        let golden = is_good.then_some(Self { blurred: before, restored: after });
        Ok(golden.ok_or(GoldenError::Worse { before, after })?)
    }
}

/// Restores a gray frame of `extent`, whatever comes of it: networks are planned for an extent.
///
/// # Errors
/// Where it cannot be restored.
pub fn rehearse(recipe: &Recipe, extent: Extent) -> Result<(), Fault> {
    recipe.restored(&Picture::new(PictureFormat::gray(extent))).map(drop)
}

impl fmt::Display for Golden {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2} dB blurred, {:.2} dB restored", self.blurred, self.restored)
    }
}

/// A gray picture of the scene that is large enough for the PSF.
fn sharp_picture(psf: Extent) -> Result<Picture, Fault> {
    let extent = Extent::new(EXTENT.width.max(2 * psf.width), EXTENT.height.max(2 * psf.height));
    let rate = FrameRate::per_second(30);
    let mut scene =
        SceneSource::new(SceneOptions { extent, rate, seed: 0, live: false, frames: Some(1) })?;
    let mut frame = Frame::new(scene.format());
    let Filled::Frame = scene.fill(&mut frame)? else { return Err(GoldenError::NoScene.into()) };
    Ok(luma(&frame.blurred))
}
