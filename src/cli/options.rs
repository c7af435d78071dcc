//! Options that several commands share.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::exit::Result;
use crate::executor::Executor;
use crate::sink::{SinkError, try_writing, write_whole};
use crate::station::{self, Known, load};

/// The PSF of the blur.
#[derive(Debug, Clone, Args)]
pub(super) struct PsfArgument {
    /// PSF of the blur: a calibration (.npz), a text matrix, gray PNG or .npy file, or
    /// gaussian:SIGMA, disk:RADIUS, motion:LENGTH,ANGLE (pixels, degrees counter-clockwise). A
    /// calibration brings noise and transfer curve, too.
    #[arg(long, value_name = "PSF")]
    pub(super) psf: String,
}

impl PsfArgument {
    pub(super) fn load(&self) -> Result<Known> {
        Ok(load::known(&self.psf)?)
    }
}

/// A file for numbers.
#[derive(Debug, Clone, Args)]
pub(super) struct JsonArgument {
    /// File for the numbers as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl JsonArgument {
    /// The file, where there is one.
    pub(super) fn path(&self) -> Option<&Path> {
        self.json.as_deref()
    }

    /// Finds out before the work whether the file can be written.
    pub(super) fn try_writing(&self) -> Result<(), SinkError> {
        self.json.as_deref().map_or(Ok(()), try_writing)
    }

    /// Writes the numbers, where that was asked for.
    pub(super) fn write(&self, numbers: &impl Serialize) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let text = serde_json::to_vec_pretty(numbers)?;
        Ok(write_whole(path, |file| file.write_all(&text))?)
    }
}

/// How many threads.
#[derive(Debug, Clone, Args)]
pub(super) struct Threads {
    /// Threads for filters and networks [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) threads: Option<u16>,
}

impl Threads {
    pub(super) fn count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.threads.map_or_else(cores, usize::from)
    }

    pub(super) fn executor(&self) -> Result<Arc<dyn Executor>> {
        Ok(station::executor(self.count())?)
    }
}
