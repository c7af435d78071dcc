//! `deblurd simulate`: sharp pictures blurred as a camera would.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Context, Result};
use super::inputs::{Job, jobs, write_tagged};
use super::options::PsfArgument;
use super::work::Work;
use crate::daemon::Shutdown;
use crate::frame::Picture;
use crate::optics::{Blur, GrayLevels};
use crate::plan::Edges;
use crate::simulate::{Degrade, DegradeOptions};
use crate::source::read_tagged;

/// Blurs sharp pictures and adds noise, as a camera would.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  deblurd simulate photo.png --psf disk:3 --sigma 2.55 -o blurred.png
  deblurd simulate folder/ --psf kernel.txt -o blurred/
  deblurd simulate photo.png --psf field.npz -o blurred.png

The PSFs of a field belong to the centres of the cells that divide the blurred picture evenly; between
them every sample gathers its light by the PSF interpolated at its place.")]
pub(super) struct Simulate {
    /// Pictures and folders of pictures.
    #[arg(required = true)]
    input: Vec<PathBuf>,
    #[command(flatten)]
    psf: PsfArgument,
    /// File or folder for what was blurred.
    #[arg(short, long)]
    output: PathBuf,
    /// Standard deviation of the noise in 8-bit gray levels [default: that of the calibration, else
    /// 2.55].
    #[arg(long)]
    sigma: Option<GrayLevels>,
    /// What lies beyond the edges: open cuts off what the blur would bring in from there.
    #[arg(long, visible_alias = "boundary", value_enum, default_value = "open")]
    edges: Edges,
    /// Seed of the noise; each picture gets its own from it.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Simulate {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        let known = self.psf.load()?;
        let blur = known.blur();
        let sigma = self.sigma.or(known.noise()).unwrap_or(GrayLevels::USUAL);
        let options = DegradeOptions { sigma, edges: self.edges, seed: self.seed };
        let jobs = jobs(&self.input, &[Path::new(&self.psf.psf)], &self.output)?;
        let what = Work { doing: "blurring", undone: "pictures were not blurred" };
        what.each(&jobs, shutdown, |(index, job), _| simulate((&blur, options), index, job))
    }
}

fn simulate((blur, options): (&Blur, DegradeOptions), index: usize, job: &Job) -> Result<()> {
    let (sharp, tags) = read_tagged(&job.input)?;
    let mut degrade = Degrade::plan(blur, options, sharp.format())
        .with_context(|| job.input.display().to_string())?;
    let mut blurred = Picture::new(degrade.degraded_format());
    let mut truth = blurred.clone();
    degrade.run(&sharp, index as u64, &mut blurred, &mut truth);
    write_tagged(&blurred, &tags, &job.output)
}
