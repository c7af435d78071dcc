//! `deblurd try`: one trial of a configuration, started by the daemon itself.

use std::io::stdin;
use std::sync::Arc;

use clap::Args;

use super::exit::Result;
use super::terminal;
use crate::executor::Sequential;
use crate::frame::Extent;
use crate::station::{Golden, Material, rehearse, trial};

/// Restores one golden frame with what the daemon gives on standard input.
#[derive(Debug, Args)]
pub(super) struct Try {
    /// Extent of the frames that come, where it is known.
    extent: Option<Extent>,
}

impl Try {
    pub(super) fn run(&self) -> Result<()> {
        trial::restrain();
        let loaded = Material::take(&mut stdin().lock())?.load()?;
        let recipe = loaded.recipe(Arc::new(Sequential));
        let golden = Golden::restore(&recipe)?;
        self.extent.map_or(Ok(()), |extent| rehearse(&recipe, extent))?;
        Ok(terminal::print(&golden.to_string())?)
    }
}
