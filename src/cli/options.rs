//! Options that several commands share.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::load;
use crate::pipeline::Workers;
use crate::restore::Channels;
use crate::restore::RestoreOptions;
use crate::restore::boundary::Boundary;
use crate::restore::degrade::Scenery;
use crate::restore::executor::{Executor, Sequential};
use crate::restore::psf::Psf;
use crate::restore::residual::ResidualModel;
use crate::restore::transfer::Transfer;
use crate::restore::wiener::Regulariser;
use crate::sink::{SinkError, try_writing, write_whole};

/// How to restore.
#[derive(Debug, Clone, Args)]
pub(super) struct Restoration {
    /// A released model by name, an .onnx file, or `none` for the Wiener filter alone.
    #[arg(long, default_value = "base", value_name = "FILE")]
    pub(super) model: String,
    /// Assumed ratio of noise to signal: spectral, or flat:EPS [default: that of the model].
    #[arg(long)]
    pub(super) regulariser: Option<Regulariser>,
    /// How pictures are made periodic.
    #[arg(long, value_enum, default_value = "extend")]
    pub(super) boundary: BoundaryArgument,
    /// Transfer curve to undo before and redo after.
    #[arg(long, value_enum, default_value = "none")]
    pub(super) transfer: TransferArgument,
    /// What is restored: luma, colours passing through, or red, green and blue each by itself.
    #[arg(long, value_enum, default_value = "luma")]
    pub(super) channels: ChannelsArgument,
}

impl Restoration {
    pub(super) fn options(&self, sigma: f64) -> RestoreOptions {
        RestoreOptions {
            sigma,
            regulariser: self.regulariser,
            boundary: self.boundary.into(),
            transfer: self.transfer.into(),
            channels: self.channels.into(),
        }
    }

    pub(super) fn load_model(&self) -> anyhow::Result<Option<ResidualModel>> {
        load::model(&self.model)
    }
}

/// The PSF of the blur.
#[derive(Debug, Clone, Args)]
pub(super) struct PsfArgument {
    /// PSF of the blur: a text matrix, gray PNG or .npy file, or gaussian:SIGMA, disk:RADIUS,
    /// motion:LENGTH,ANGLE (pixels, degrees counter-clockwise).
    #[arg(long, value_name = "PSF")]
    pub(super) psf: String,
}

impl PsfArgument {
    pub(super) fn load(&self) -> anyhow::Result<Psf> {
        load::psf(&self.psf)
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
    /// Finds out before the work whether the file can be written.
    pub(super) fn try_writing(&self) -> Result<(), SinkError> {
        self.json.as_deref().map_or(Ok(()), try_writing)
    }

    /// Writes the numbers, where that was asked for.
    pub(super) fn write(&self, numbers: &impl Serialize) -> anyhow::Result<()> {
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

    pub(super) fn executor(&self) -> anyhow::Result<Arc<dyn Executor>> {
        executor(self.count())
    }
}

/// Who does the parts of a stage, on that many threads.
pub(super) fn executor(threads: usize) -> anyhow::Result<Arc<dyn Executor>> {
    Ok(if threads == 1 { Arc::new(Sequential) } else { Arc::new(Workers::start(threads)?) })
}

/// Reads a standard deviation in 8-bit gray levels.
pub(super) fn gray_levels(text: &str) -> Result<f64, String> {
    let sigma = text.parse().ok().filter(|sigma: &f64| (0.0..=128.0).contains(sigma));
    sigma.ok_or_else(|| format!("'{text}' (expected gray levels from 0 to 128)"))
}

/// As [`Boundary`].
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum BoundaryArgument {
    /// Extended smoothly, as real frames need.
    Extend,
    /// Taken as periodic, as simulations may be.
    Circular,
}

/// As [`Scenery`].
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum SceneryArgument {
    /// Nothing is known beyond the edges; the picture becomes smaller.
    Valid,
    /// The opposite edge is there.
    Circular,
}

/// As [`Transfer`].
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum TransferArgument {
    /// Samples are restored as they are.
    None,
    /// IEC 61966-2-1.
    Srgb,
    /// ITU-R BT.709.
    Bt709,
}

/// As [`Channels`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ChannelsArgument {
    /// Luma; colours pass through.
    Luma,
    /// Red, green and blue, each by itself.
    Rgb,
}

impl From<BoundaryArgument> for Boundary {
    fn from(argument: BoundaryArgument) -> Self {
        match argument {
            BoundaryArgument::Extend => Self::Extend,
            BoundaryArgument::Circular => Self::Circular,
        }
    }
}

impl From<SceneryArgument> for Scenery {
    fn from(argument: SceneryArgument) -> Self {
        match argument {
            SceneryArgument::Valid => Self::Valid,
            SceneryArgument::Circular => Self::Circular,
        }
    }
}

impl From<TransferArgument> for Transfer {
    fn from(argument: TransferArgument) -> Self {
        match argument {
            TransferArgument::None => Self::None,
            TransferArgument::Srgb => Self::Srgb,
            TransferArgument::Bt709 => Self::Bt709,
        }
    }
}

impl From<ChannelsArgument> for Channels {
    fn from(argument: ChannelsArgument) -> Self {
        match argument {
            ChannelsArgument::Luma => Self::Luma,
            ChannelsArgument::Rgb => Self::Rgb,
        }
    }
}
