//! What is told of a restoration: in numbers, and as a picture of its PSF.

use super::portrait::portrait;
use super::recipe::{Recipe, Reckoned};
use crate::calibrate::level::Basis;
use crate::metrics::{Metrics, Restoration};
use crate::optics::{Calibration, Trust};
use crate::plan::Channels;
use crate::sink::from_words;

/// Side of the picture in pixels.
const SIDE: usize = 96;

/// What is told of one restoration.
#[derive(Debug, Clone)]
pub struct Told {
    restoration: Restoration,
    /// A PNG.
    picture: Vec<u8>,
}

impl Told {
    /// Of what `recipe` makes, whose PSF was asked for by that name.
    pub fn of(psf: &str, recipe: &Recipe) -> Self {
        let Recipe { camera, model, options, .. } = recipe;
        let model = model.as_ref().map_or("none", |model| &model.contract.name);
        let channels = match options.channels {
            Channels::Luma => "luma",
            Channels::Rgb => "rgb",
        };
        let restoration = Restoration {
            psf: psf.to_owned(),
            model: model.to_owned(),
            channels: channels.to_owned(),
            contrast: options.contrast.get(),
            frames: options.temporal.frames.max(1),
            ..of_camera(camera)
        };
        Self { restoration, picture: portrait(&camera.blur.central().clone().into(), SIDE) }
    }

    /// What is told now; nothing before the first restoration was.
    pub fn now(metrics: &Metrics) -> Option<Self> {
        let restoration = metrics.restoration.snapshot()?;
        Some(Self { restoration, picture: metrics.restoration.picture()?.to_vec() })
    }

    /// The same at the level of `recipe`, which is otherwise the one that was told of.
    #[must_use]
    pub fn of_level(mut self, recipe: &Recipe) -> Self {
        let Reckoned { noise, contrast, .. } = recipe.reckoned();
        (self.restoration.sigma, self.restoration.contrast) = (noise.get(), contrast.get());
        self.restoration.trust = trust(&recipe.camera, recipe.options.trust());
        self
    }

    /// The same, and that some of it is as a viewer wants it.
    #[must_use]
    pub fn tuned(mut self, is_tuned: bool) -> Self {
        self.restoration.is_tuned = is_tuned;
        self
    }

    /// The same, and that the noise follows the frames.
    #[must_use]
    pub fn following(mut self, is_followed: bool) -> Self {
        self.restoration.is_followed = is_followed;
        self
    }

    /// The same, with what told the noise.
    #[must_use]
    pub fn because(mut self, basis: Basis) -> Self {
        self.restoration.basis = Some(basis.to_string());
        self
    }

    /// Tells it from now on.
    pub fn tell(self, metrics: &Metrics) {
        metrics.restoration.set(self.restoration, self.picture);
    }
}

/// How far the PSF is trusted: as it was `told`, else as the calibration says.
fn trust(camera: &Calibration, told: Option<Trust>) -> Option<String> {
    told.or(camera.certainty.map(|certainty| certainty.trust)).map(|trust| trust.to_string())
}

fn of_camera(camera: &Calibration) -> Restoration {
    let ((columns, rows), shape) = (camera.blur.grid(), camera.blur.central().shape());
    let made = camera.origin.as_ref();
    let date = made.map(|made| made.date.clone()).filter(|date| !date.is_empty());
    Restoration {
        grid: [columns, rows],
        extent: camera.blur.extent(),
        right: shape.right,
        down: shape.down,
        width: shape.width(),
        along: shape.along,
        across: shape.across,
        angle: shape.angle,
        sigma: camera.noise.get(),
        transfer: camera.transfer.to_string(),
        method: made.map(|made| made.method.to_string()),
        trust: trust(camera, None),
        calibrated_at_s: date.as_deref().and_then(from_words),
        calibrated: date,
        ..Restoration::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::optics::{Certainty, GrayLevels, Method, Origin, Psf, Transfer};
    use crate::plan::RestoreOptions;
    use std::sync::Arc;

    #[test]
    fn all_that_is_known_of_a_camera_is_told() {
        let psf = Psf::from_formula("motion:9,30").expect("a formula").expect("a PSF");
        let camera = Calibration {
            transfer: Transfer::Srgb,
            origin: Some(Origin {
                method: Method::Target,
                frames: 16,
                program: String::new(),
                date: "2026-11-23T14:15:30Z".to_owned(),
            }),
            certainty: Some(Certainty {
                trust: Trust::Measured,
                relative_error: None,
                residual: None,
            }),
            ..Calibration::new(psf.clone(), GrayLevels::USUAL)
        };
        let options = RestoreOptions::default();
        let recipe = Recipe { camera, model: None, options, executor: Arc::new(Sequential) };
        let metrics = Metrics::new(&[]);
        Told::of("camera.npz", &recipe).tell(&metrics);
        let told = metrics.restoration.snapshot().expect("it");
        assert_eq!((told.psf.as_str(), told.extent), ("camera.npz", psf.extent()));
        assert!((told.width - psf.shape().width()).abs() < 1e-12);
        assert!((told.angle - 30.0).abs() < 1.0, "{told:?}");
        assert_eq!((told.model.as_str(), told.transfer.as_str()), ("none", "srgb"));
        assert_eq!(told.channels, "luma");
        assert_eq!(told.trust.as_deref(), Some("measured"));
        assert_eq!(told.calibrated_at_s, Some(1_795_443_330.0));
        let picture = metrics.restoration.picture().expect("a picture");
        let read = image::load_from_memory(&picture).expect("a PNG").into_luma8();
        assert_eq!((read.width(), read.height()), (96, 96));
        assert!(read.get_pixel(48, 48).0[0] > 200 && read.get_pixel(0, 0).0[0] == 0);
    }
}
