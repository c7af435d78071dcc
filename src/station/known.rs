//! What the name of a PSF brings: the PSF alone, or all that is known of a camera.

use crate::optics::{Blur, Calibration, Clue, Curve, Field, Found, GrayLevels, Psf, Transfer};

/// What is known of a camera by the name of its PSF.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// A PSF by formula.
    Formula(Psf),
    /// A PSF from a file, and what was found in that.
    File(Psf, Found),
    /// All of it.
    Calibration(Box<Calibration>),
}

impl Known {
    /// The blur.
    pub fn blur(&self) -> Blur {
        match self {
            Self::Formula(psf) | Self::File(psf, _) => psf.clone().into(),
            Self::Calibration(calibration) => calibration.blur.clone(),
        }
    }

    /// The PSF.
    ///
    /// # Errors
    /// The field, where the blur differs over it.
    pub fn uniform(&self) -> Result<&Psf, &Field> {
        match self {
            Self::Formula(psf) | Self::File(psf, _) => Ok(psf),
            Self::Calibration(calibration) => match &calibration.blur {
                Blur::Uniform(psf) => Ok(psf),
                Blur::Field(field) => Err(field),
            },
        }
    }

    /// The noise, where it is known.
    pub fn noise(&self) -> Option<GrayLevels> {
        self.calibration().map(|calibration| calibration.noise)
    }

    /// The calibration, where it is one.
    pub fn calibration(&self) -> Option<&Calibration> {
        match self {
            Self::Calibration(calibration) => Some(calibration),
            Self::Formula(_) | Self::File(..) => None,
        }
    }

    /// The transfer curve, where it is known.
    pub fn transfer(&self) -> Option<Transfer> {
        self.calibration().map(|calibration| calibration.transfer)
    }

    /// The camera, where its noise is that; a transfer curve that was asked for goes before its own, and
    /// its own before what the source tells.
    pub fn camera(&self, noise: GrayLevels, curve: Curve, clue: Clue) -> Calibration {
        let camera = match self {
            Self::Formula(psf) | Self::File(psf, _) => Calibration::new(psf.clone(), noise),
            Self::Calibration(calibration) => Calibration { noise, ..(**calibration).clone() },
        };
        Calibration { transfer: curve.resolve(self.transfer(), clue).transfer, ..camera }
    }

    /// Tells on the log what was read under a name, and what had to be assumed.
    pub(super) fn tell(&self, name: &str) {
        match self {
            Self::Formula(_) => {}
            Self::File(psf, found) => {
                log::info!("PSF {name}: {found}, {}", psf.shape());
                found.notes.iter().for_each(|note| log::warn!("PSF {name}: {note}"));
            }
            Self::Calibration(camera) => {
                let ((columns, rows), extent) = (camera.blur.grid(), camera.blur.extent());
                let (noise, transfer) = (camera.noise, camera.transfer);
                let shape = camera.blur.psfs()[0].shape();
                log::info!(
                    "PSF {name}: a calibration, {columns}x{rows} PSFs of {extent}, noise {noise:.2}, \
                     transfer {transfer}, {shape}"
                );
            }
        }
    }
}
