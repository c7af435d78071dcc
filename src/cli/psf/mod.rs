//! `deblurd psf`: PSFs and calibrations shown, converted, turned and compared.

mod convert;
mod describe;
mod draw;
mod numbers;
mod subject;

use std::path::{Path, PathBuf};

use clap::Args;

use self::convert::Format;
use self::numbers::{Compared, Numbers};
use self::subject::{Subject, Turn};
use super::exit::{Context, Failure, Result};
use super::inputs::{keeps, keeps_apart};
use super::options::JsonArgument;
use super::terminal;
use super::work::conclude;
use crate::optics::GrayLevels;
use crate::sink::try_writing;

/// Shows PSFs in numbers and pictures; converts, turns and compares them.
#[derive(Debug, Args)]
#[command(after_help = "\
A PSF stands as in convolution: what lies to the right of its centre is what a point of light gives to
the right of its place. Published kernels are often given for correlation: --turn 180 turns them.

What is lost is told as the Wiener filter sees it: a frequency of which more than half is left to be
filled in. Losses and gains are those of that filter on a mean photograph; networks gain more, and lose
more by a wrong PSF.

Examples:
  deblurd psf kernel.txt --picture kernel.png
  deblurd psf levin4.txt --turn 180 -o kernel.npy
  deblurd psf disk:3 --compare disk:3.3 --sigma 2.55
  deblurd psf kernel.txt --sigma 2 -o camera.npz")]
pub(super) struct Psf {
    /// Text matrices, gray PNG, .npy and .npz files, or formulas.
    #[arg(required = true, value_name = "PSF")]
    inputs: Vec<String>,
    /// Standard deviation of the noise in 8-bit gray levels [default: that of the calibration, else
    /// 2.55].
    #[arg(long)]
    sigma: Option<GrayLevels>,
    /// Turns every PSF first: by degrees counter-clockwise, or left and right exchanged.
    #[arg(long, value_enum)]
    turn: Option<Turn>,
    /// Another PSF: how far it is from each, and what is lost by taking one for the other.
    #[arg(long, value_name = "PSF")]
    compare: Option<String>,
    /// PNG to draw PSF, OTF and what is lost in.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// File to write the PSF to: .txt, .npy, .png (16 bits), or .npz, a calibration.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArgument,
}

impl Psf {
    pub(super) fn run(&self) -> Result<()> {
        let format = self.check_outputs()?;
        let other = self.compare.as_deref().map(|name| Subject::load(name, None)).transpose()?;
        let (mut subjects, mut failures) = (Vec::new(), Vec::new());
        for name in &self.inputs {
            match Subject::load(name, self.turn) {
                Ok(subject) => subjects.push(subject),
                Err(failure) => failures.push(failure),
            }
        }
        self.show(&subjects, other.as_ref())?;
        if let (Some(path), Some(format), [subject]) = (&self.output, format, subjects.as_slice()) {
            convert::write(subject, self.sigma, format, path)?;
        }
        tell(failures, self.inputs.len())
    }

    /// Prints, draws and writes what subjects are like.
    fn show(&self, subjects: &[Subject], other: Option<&Subject>) -> Result<()> {
        let mut numbers = Vec::new();
        for subject in subjects {
            let described = self.numbers(subject, other);
            numbers.push(described.with_context(|| format!("PSF {}", subject.name))?);
        }
        self.json.write(&numbers)?;
        for (subject, numbers) in subjects.iter().zip(&numbers) {
            let blocks = draw::blocks(subject.central());
            terminal::print(&format!("{}{blocks}\n", describe::text(numbers)))?;
        }
        match &self.picture {
            Some(path) if !subjects.is_empty() => {
                let sigma = |subject: &Subject| self.noise(subject);
                draw::write(subjects, sigma, path)
            }
            _ => Ok(()),
        }
    }

    fn numbers(&self, subject: &Subject, other: Option<&Subject>) -> Result<Numbers> {
        let noise = self.noise(subject);
        let mut numbers = Numbers::of(subject, noise)?;
        if let Some(other) = other {
            let psfs = [subject.uniform()?, other.uniform()?];
            numbers.compared = Some(Compared::of(psfs, &other.name, noise)?);
        }
        Ok(numbers)
    }

    /// The noise at which is told what is lost of a subject.
    fn noise(&self, subject: &Subject) -> GrayLevels {
        self.sigma.or(subject.known.noise()).unwrap_or(GrayLevels::USUAL)
    }

    /// Finds out before the work whether what is asked for can be written; the format of the output.
    fn check_outputs(&self) -> Result<Option<Format>> {
        let outputs = [self.output.as_deref(), self.picture.as_deref(), self.json.path()];
        let outputs: Vec<&Path> = outputs.into_iter().flatten().collect();
        let files = self.inputs.iter().chain(&self.compare).map(Path::new).collect::<Vec<_>>();
        outputs.iter().try_for_each(|output| keeps(&files, output))?;
        keeps_apart(&outputs)?;
        if let Some(path) = &self.picture
            && !convert::has_ending(path, "png")
        {
            return Err(Failure::usage(format!("{} (expected .png)", path.display())));
        }
        let format = self.output.as_deref().map(|path| self.output_format(path)).transpose()?;
        outputs.iter().try_for_each(|output| try_writing(output))?;
        Ok(format)
    }

    fn output_format(&self, path: &Path) -> Result<Format> {
        let shown = path.display();
        if self.inputs.len() > 1 {
            let count = self.inputs.len();
            return Err(Failure::usage(format!("{shown} for {count} PSFs (expected one PSF)")));
        }
        Format::of(path)
            .ok_or_else(|| Failure::usage(format!("{shown} (expected .txt, .npy, .png or .npz)")))
    }
}

/// Tells what could not be read.
fn tell(failures: Vec<Failure>, all: usize) -> Result<()> {
    if all > 1 {
        failures.iter().for_each(|failure| terminal::note(&failure.to_string()));
    }
    conclude(failures, all, "PSFs were not read")
}
