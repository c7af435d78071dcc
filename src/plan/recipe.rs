//! From what is known of a camera to what a restorer is made of.

use std::sync::Arc;

use displaydoc::Display;

use super::borders::Borders;
use super::chroma::Chroma;
use super::conditions::Conditions;
use super::edges::Framing;
use super::expected::Assumed;
use super::faults::Faults;
use super::filters::Filters;
use super::fusion::Fusion;
use super::guard::Guard;
use super::highlights::Highlights;
use super::network::{Input, Model};
use super::options::{Channels, RestoreOptions};
use super::regulariser::Regulariser;
use super::stripes::Stripes;
use super::tone::ToneCurve;
use crate::exit::{ExitStatus, Status};
use crate::fft::FieldFilter;
use crate::frame::{Extent, PictureFormat};
use crate::optics::{Calibration, Contrast, Light, PsfError};

/// Everything a restorer of frames of one format is made of.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    /// Format of the frames.
    pub format: PictureFormat,
    /// Which of their planes are restored.
    pub channels: Channels,
    /// From samples to light and back.
    pub tone: ToneCurve,
    /// How much fainter than ordinary ones the frames are; the planes are brought to the amplitudes of
    /// those, which filters and networks are made for.
    pub contrast: Contrast,
    /// Where a frame lies in the planes it is restored on.
    pub framing: Framing,
    /// How the margin around a frame is found, where a smooth one does not serve.
    pub borders: Option<Borders>,
    /// How hot and dead pixels are told, where they can be.
    pub faults: Option<Faults>,
    /// How stripes of rows and columns are told, where frames are large enough.
    pub stripes: Option<Stripes>,
    /// How restored frames are looked at, where they are.
    pub guard: Option<Guard>,
    /// How light beyond white is looked for.
    pub highlights: Highlights,
    /// The Wiener filter `H+_R`.
    pub wiener: FieldFilter,
    /// The same with a tenth of the regulariser, where the networks want it.
    pub weak: Option<FieldFilter>,
    /// The networks, where there are any.
    pub model: Option<Arc<Model>>,
    /// What the networks are told beside the picture.
    pub conditions: Conditions,
    /// Whether frames have no blur, and go on as they came.
    pub are_sharp: bool,
    /// Whether networks know what to make of so much noise; else they are not asked.
    pub are_asked: bool,
    /// A projection for each network.
    pub projections: Vec<Projection>,
    /// How frames of a scene at rest are averaged, where they are.
    pub fusion: Option<Fusion>,
    /// How chroma is restored beside luma, where it is.
    pub chroma: Option<Chroma>,
}

/// A null-space projection `P_c`.
#[derive(Debug, Clone)]
pub struct Projection {
    /// `c`: how much more than natural images the network before it weighs.
    pub strength: f64,
    /// The factors.
    pub filter: FieldFilter,
}

impl Projection {
    /// The share of the Wiener estimate that is taken away before the filter: `1 - 1/c`.
    pub fn known(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let known = (1.0 - 1.0 / self.strength) as f32;
        known
    }
}

/// Why no restoration can be planned.
#[derive(Debug, Display, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// {0}
    Psf(#[from] PsfError),
    /// the camera was calibrated at {calibrated} and gives {is} (expected the same extent)
    Extent {
        /// Extent of the calibration.
        calibrated: Extent,
        /// Extent of the frames.
        is: Extent,
    },
}

impl ExitStatus for PlanError {
    fn status(&self) -> Status {
        Status::Data
    }
}

impl RestorePlan {
    /// The filters of single frames.
    pub fn filters(&self) -> Filters {
        let projections = self.projections.iter().map(|projection| projection.filter.clone());
        let (wiener, weak) = (self.wiener.clone(), self.weak.clone());
        Filters { wiener, weak, projections: projections.collect() }
    }

    /// Plans the restoration of frames of `format` from the camera that `camera` tells of.
    ///
    /// # Errors
    /// Where the blur cannot be that of such frames, or cannot be restored.
    pub fn new(
        camera: &Calibration,
        model: Option<Arc<Model>>,
        options: &RestoreOptions,
        format: PictureFormat,
    ) -> Result<Self, PlanError> {
        let psf = camera.blur.extent();
        check_extent(camera.extent, format.extent)?;
        check_fit(psf, format.extent)?;
        let framing = Framing::plan(options.edges, format.extent, psf);
        let contract = model.as_ref().map(|model| &model.contract);
        let strengths = contract.map_or(&[][..], |contract| &contract.consistency);
        let trained = contract.map(|contract| contract.regulariser);
        let regulariser = options.regulariser.or(trained).unwrap_or(Regulariser::Spectral);
        let noise = camera.noise.in_light(camera.transfer, format.range);
        let of_usual = Light(noise.0 / options.contrast.get());
        let has_weak = contract.is_some_and(|contract| contract.inputs.contains(&Input::Weak));
        let assumed = Assumed::new(framing.outer, regulariser, of_usual);
        let filters = Filters::plan(&camera.blur, framing, &assumed, has_weak, strengths)?;
        let fused = (&filters, &assumed, strengths);
        let fusion = Fusion::plan(camera, options.temporal, framing, format, fused)?;
        let Filters { wiener, weak, projections } = filters;
        let projections = projections.into_iter().zip(strengths);
        let highlights =
            Highlights::plan(&camera.blur, camera.noise, camera.transfer, format.range)?;
        let highlights = match options.is_live {
            true => highlights.within(framing.outer, strengths.len()),
            false => highlights,
        };
        let guard = Guard::plan(&camera.blur, framing, of_usual)?
            .filter(|_| options.guard)
            .map(|guard| if options.is_seen { guard.for_lamps() } else { guard });
        Ok(Self {
            format,
            channels: options.channels,
            tone: ToneCurve::new(camera.transfer, format),
            contrast: options.contrast,
            framing,
            borders: Borders::plan(&camera.blur, framing, of_usual)?,
            faults: Faults::plan(&camera.blur, camera.noise, format),
            stripes: Stripes::plan(&camera.blur, noise, options.contrast, framing),
            guard,
            highlights,
            wiener,
            weak,
            are_sharp: options.is_sharp,
            are_asked: model.as_ref().is_some_and(|model| can_tell(model, of_usual)),
            conditions: Conditions::new(options.trust(), camera, of_usual),
            projections: projections
                .map(|(filter, &strength)| Projection { strength, filter })
                .collect(),
            model,
            fusion,
            chroma: Chroma::plan(camera, options, format)?,
        })
    }
}

/// Times the most noise that networks were trained for, up to which they are asked. Of dark frames whose noise is
/// ten times that, `base` makes 2.3 dB less than the Wiener filter.
const UNTRAINED: f64 = 2.0;

/// Whether networks know what to make of so much noise.
fn can_tell(model: &Model, noise: Light) -> bool {
    255.0 * noise.0 <= UNTRAINED * model.contract.sigma.end()
}

/// A PSF in samples holds for frames of the extent at which it was found.
fn check_extent(calibrated: Option<Extent>, is: Extent) -> Result<(), PlanError> {
    match calibrated {
        Some(calibrated) if calibrated != is => Err(PlanError::Extent { calibrated, is }),
        _ => Ok(()),
    }
}

/// A PSF that is larger than the frames can hardly be theirs.
fn check_fit(psf: Extent, frame: Extent) -> Result<(), PsfError> {
    let fits = psf.width <= frame.width && psf.height <= frame.height;
    fits.then_some(()).ok_or(PsfError::LargerThanFrame { psf, frame })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::{GrayLevels, Psf};

    #[track_caller]
    fn check_refused(camera: &Calibration, expected: &PlanError) {
        let format = PictureFormat::gray(Extent::new(64, 48));
        let error = RestorePlan::new(camera, None, &RestoreOptions::default(), format);
        assert_eq!(&error.expect_err("no plan"), expected);
    }

    #[test]
    fn what_cannot_be_the_camera_of_the_frames_is_refused() {
        let calibrated = Extent::new(640, 480);
        let camera = Calibration::new(Psf::delta(), GrayLevels::NONE);
        check_refused(
            &Calibration { extent: Some(calibrated), ..camera },
            &PlanError::Extent { calibrated, is: Extent::new(64, 48) },
        );
        let psf = Psf::from_formula("disk:30").expect("a formula").expect("a PSF");
        let (large, frame) = (psf.extent(), Extent::new(64, 48));
        check_refused(
            &Calibration::new(psf, GrayLevels::NONE),
            &PsfError::LargerThanFrame { psf: large, frame }.into(),
        );
    }
}
