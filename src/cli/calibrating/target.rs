//! `deblurd target`: the target to print or to show.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::calibrate::target::{Paper, Pattern, Sheet};
use crate::cli::exit::{Failure, Result};
use crate::cli::terminal;
use crate::exit::Status;
use crate::sink::{try_writing, write_whole};

/// Draws the target that `calibrate` looks for.
#[derive(Debug, Args)]
#[command(after_help = "\
Print it without scaling, flat and matt. Beside it a .json is written, which tells `calibrate --target`
the seed where that is not 0.

Examples:
  deblurd target                              # target.svg, for A4
  deblurd target -o target.pdf --paper letter
  deblurd target -o target.png --paper screen # shown in full on a screen of 1080 rows")]
pub(in crate::cli) struct Target {
    /// File for the target, .svg, .pdf or .png.
    #[arg(short, long, value_name = "FILE", default_value = "target.svg")]
    output: PathBuf,
    /// Side of a cell in millimetres [default: the largest that fits].
    #[arg(long, value_name = "MM")]
    cell: Option<f64>,
    /// What it is for.
    #[arg(long, value_enum, default_value = "a4")]
    paper: Kind,
    /// What its noise is drawn with.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    A4,
    Letter,
    /// A screen of 1080 rows: a .png in whole pixels a cell.
    Screen,
}

impl Target {
    pub(in crate::cli) fn run(&self) -> Result<()> {
        let pattern = Pattern::noise(self.seed);
        let drawn = self.drawn(&pattern)?;
        let beside = self.output.with_extension("json");
        try_writing(&self.output)?;
        try_writing(&beside)?;
        let description = serde_json::to_vec(pattern.description())?;
        write(&self.output, &drawn)?;
        write(&beside, &description)?;
        let (output, beside) = (self.output.display(), beside.display());
        Ok(terminal::print(&format!("written   {output}, {beside}\n"))?)
    }

    fn drawn(&self, pattern: &Pattern) -> Result<Vec<u8>> {
        let ending = self.output.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let (is_screen, shown) = (self.paper == Kind::Screen, self.output.display());
        if is_screen && self.cell.is_some() {
            return Err(Failure::usage("--cell for a screen (expected none: it has whole pixels)"));
        }
        let paper = match self.paper {
            Kind::A4 => Paper::A4,
            Kind::Letter => Paper::Letter,
            Kind::Screen => Paper::Screen,
        };
        let sheet = Sheet::new(pattern, paper, self.cell).map_err(Failure::usage)?;
        match ending {
            "svg" if !is_screen => Ok(sheet.svg().into_bytes()),
            "pdf" if !is_screen => Ok(sheet.pdf()),
            "png" => sheet
                .png()
                .map_err(|error| Failure::new(format!("{shown}: {error}"), Status::Failed)),
            _ if is_screen => Err(Failure::usage(format!("{shown} for a screen (expected .png)"))),
            _ => Err(Failure::usage(format!("{shown} (expected .svg, .pdf or .png)"))),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(write_whole(path, |file| file.write_all(bytes))?)
}
