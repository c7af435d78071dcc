//! A PSF or a calibration that was named, as it is shown, compared and written.

use clap::ValueEnum;

use crate::cli::exit::{Context, Result};
use crate::optics::{Blur, Psf, PsfError};
use crate::station::{Known, LoadError, load};

/// How a PSF is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Turn {
    #[value(name = "90")]
    Left,
    #[value(name = "180")]
    Half,
    #[value(name = "270")]
    Right,
    Mirror,
}

/// What is known by one name, turned.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) known: Known,
    pub(super) blur: Blur,
}

impl Turn {
    fn of(self, blur: &Blur) -> Result<Blur, PsfError> {
        blur.map(|psf| match self {
            Self::Left => psf.turned_left(),
            Self::Half => psf.turned(),
            Self::Right => psf.turned().turned_left(),
            Self::Mirror => psf.mirrored(),
        })
    }
}

impl Subject {
    /// Loads what is known by a name, and turns it.
    pub(super) fn load(name: &str, turn: Option<Turn>) -> Result<Self> {
        let known = load::known(name)?;
        let turned = turn.map_or_else(|| Ok(known.blur()), |turn| turn.of(&known.blur()));
        let blur = turned.with_context(|| format!("PSF {name}"))?;
        Ok(Self { name: name.to_owned(), known, blur })
    }

    /// The PSF of the middle of the frame.
    pub(super) fn central(&self) -> &Psf {
        self.blur.central()
    }

    /// The PSF.
    pub(super) fn uniform(&self) -> Result<&Psf> {
        match &self.blur {
            Blur::Uniform(psf) => Ok(psf),
            Blur::Field(field) => Err(LoadError::field(&self.name, field).into()),
        }
    }
}
