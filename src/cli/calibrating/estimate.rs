//! `deblurd estimate`: the blur of a camera from ordinary frames, without a target.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::file;
use super::frames::Frames;
use super::grid;
use super::report::Report;
use crate::calibrate::blind::{self, Doubt, Estimate as Found, Gather, MOST_SCENES, Stage};
use crate::calibrate::estimate_sigma;
use crate::calibrate::watch::Reference;
use crate::cli::exit::{Failure, Result};
use crate::cli::options::Threads;
use crate::cli::terminal;
use crate::daemon::Shutdown;
use crate::executor::Executor;
use crate::exit::Status;
use crate::frame::colour::luma;
use crate::frame::{Extent, Picture};
use crate::optics::{
    Blur, Calibration, Certainty, Clue, Curve, GrayLevels, Method, Psf, Transfer, Trust,
};
use crate::station::{Settings, origin};

/// Time between two frames of a live camera: neighbours show the same.
const PAUSE: Duration = Duration::from_millis(500);

/// Finds the blur of a camera in ordinary frames of it, without a target.
#[derive(Debug, Args)]
#[command(after_help = "\
Frames of different scenes tell more than many of one: move what the camera looks at, not its focus.
Nothing is written where the blur is not sure; --force writes a narrower one then, which does no harm.

Examples:
  deblurd estimate frames/ -o camera.npz
  deblurd estimate --device /dev/video0 -o camera.npz --report report.html
  deblurd estimate --url http://camera.example:8080 --token-file token -o camera.npz")]
pub(in crate::cli) struct Estimate {
    #[command(flatten)]
    frames: Frames,
    /// File for the calibration, .npz.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What blur is sought.
    #[arg(long, value_enum, default_value = "auto")]
    family: Family,
    /// PSFs over the frame: 1, or as 3x3. The shape of the blur is the same in all; each has its own width.
    #[arg(long, default_value = "1", value_name = "WxH", value_parser = grid::parse)]
    grid: (usize, usize),
    /// The camera's transfer curve: auto, none, srgb, bt709 or gamma:G. `auto` takes that of sRGB for
    /// samples of 8 bits, none for deeper ones.
    #[arg(long, default_value = "auto")]
    transfer: Curve,
    /// Seconds that a live camera is looked at, at most.
    #[arg(long, default_value = "30", value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Writes a narrower PSF where the blur is not sure.
    #[arg(long)]
    force: bool,
    /// File for a page that shows what was found.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Family {
    /// Whatever explains the frames best.
    Auto,
    /// Defocus.
    Disk,
    /// A soft lens.
    Gaussian,
    /// Constant motion.
    Motion,
    /// No family.
    Free,
}

/// What was seen.
struct Seen {
    gather: Gather,
    transfer: Transfer,
    /// Noise of each frame.
    noises: Vec<f64>,
    extent: Extent,
    /// The last frame.
    example: Picture,
}

impl Estimate {
    pub(in crate::cli) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        file::try_outputs(&self.output, self.report.as_deref(), &self.frames.inputs()?)?;
        let executor = self.threads.executor()?;
        let (seen, failures) = self.look(shutdown)?;
        let (frames, noise) = (seen.gather.frames(), seen.noise());
        let (transfer, extent, example) = (seen.transfer, seen.extent, seen.example);
        let scenes = seen.gather.finish()?;
        let found = search(&scenes, self.options(), &executor, shutdown)?;
        terminal::print(&described(&found, frames))?;
        let blur = self.believed(&found, &scenes, &*executor)?;
        terminal::print(&widths(&blur))?;
        let Settings { controls, pixel_format, temperature, .. } = self.frames.settings()?;
        let calibration = Calibration {
            transfer,
            extent: Some(extent),
            controls,
            pixel_format,
            temperature,
            reference: Reference::new(&scenes, &*executor)?.to_plane(),
            origin: Some(origin(Method::Estimate, frames)),
            certainty: Some(Certainty {
                trust: Trust::Estimated,
                relative_error: Some(found.spread),
                residual: None,
            }),
            ..Calibration::new(blur, noise)
        };
        file::write(&calibration, &self.output)?;
        if let Some(path) = &self.report {
            let notes: Vec<String> = found.doubts.iter().map(Doubt::to_string).collect();
            Report::new("Estimated from ordinary frames", &calibration, notes)?
                .compared(&example, &executor)?
                .write(path)?;
        }
        file::tell_use(&self.output)?;
        file::conclude(failures, frames as usize)
    }

    /// Gathers what the frames show; and why some show nothing.
    fn look(&self, shutdown: &Shutdown) -> Result<(Seen, Vec<Failure>)> {
        let mut seen: Option<Seen> = None;
        let (line, begun) = (terminal::status_line(), Instant::now());
        let patience = Duration::from_secs(self.seconds.into());
        let looked = self.frames.each(PAUSE, shutdown, &mut |picture| {
            let transfer =
                self.transfer.resolve(None, Clue::of_depth(picture.format().depth)).transfer;
            let seen = seen.get_or_insert_with(|| Seen {
                gather: Gather::new(transfer),
                transfer,
                noises: Vec::new(),
                extent: picture.extent(),
                example: picture.clone(),
            });
            seen.gather.add(&picture)?;
            seen.noises.push(estimate_sigma(&luma(&picture)).get());
            seen.example = picture;
            let (frames, scenes) = (seen.gather.frames(), seen.gather.scenes());
            line.set_message(format!("{frames} frames, {scenes} scenes"));
            let is_late = self.frames.is_live() && begun.elapsed() >= patience;
            let is_full = self.frames.is_live() && scenes >= MOST_SCENES;
            Ok(if is_late || is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        line.finish_and_clear();
        let failures = looked?;
        Ok((seen.ok_or(blind::BlindError::NoFrames)?, failures))
    }

    fn options(&self) -> blind::Options {
        let family = match self.family {
            Family::Auto => blind::Family::Auto,
            Family::Disk => blind::Family::Disk,
            Family::Gaussian => blind::Family::Gaussian,
            Family::Motion => blind::Family::Motion,
            Family::Free => blind::Family::Free,
        };
        blind::Options { family, ..blind::Options::default() }
    }

    /// The blur to write: the one that was found, or a narrower one where that is not sure.
    fn believed(
        &self,
        found: &Found,
        scenes: &[blind::Scene],
        executor: &dyn Executor,
    ) -> Result<Blur> {
        if found.is_sure() {
            return Ok(match self.grid {
                (1, 1) => Blur::Uniform(found.psf.clone()),
                grid => blind::field(scenes, found, grid, executor)?,
            });
        }
        let grave: Vec<String> =
            found.doubts.iter().filter(|doubt| doubt.is_grave()).map(Doubt::to_string).collect();
        let grave = grave.join("; ");
        if !self.force {
            let problem = format!(
                "the blur is not sure, nothing is written: {grave} (more frames of other scenes help; \
                 --force writes a narrower PSF)"
            );
            return Err(Failure::new(problem, Status::Data));
        }
        terminal::note(&format!("the blur is not sure, a narrower PSF is written: {grave}"));
        Ok(Blur::Uniform(found.narrower()?))
    }
}

impl Seen {
    /// Median of the noise of all frames: one frame alone may have nothing to tell it by.
    fn noise(&self) -> GrayLevels {
        let mut noises = self.noises.clone();
        noises.sort_by(f64::total_cmp);
        GrayLevels::saturating(noises.get(noises.len() / 2).copied().unwrap_or_default())
    }
}

fn search(
    scenes: &[blind::Scene],
    options: blind::Options,
    executor: &Arc<dyn Executor>,
    shutdown: &Shutdown,
) -> Result<Found> {
    let line = terminal::status_line();
    let progress = |stage: Stage, done: f64| {
        let what = match stage {
            Stage::Spectra => "spectra",
            Stage::Families => "families of blurs",
            Stage::Refinement => "a blur of no family",
        };
        line.set_message(format!("{what}: {:.0} %", 100.0 * done));
        if shutdown.requested().is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let found = blind::estimate(scenes, options, &**executor, &progress);
    line.finish_and_clear();
    match shutdown.requested() {
        Some(signal) => Err(Failure::interrupted(signal)),
        None => Ok(found?),
    }
}

/// The widths of the cells of a grid, row by row, against that of the middle.
fn widths(blur: &Blur) -> String {
    let (columns, rows) = blur.grid();
    if (columns, rows) == (1, 1) {
        return String::new();
    }
    let middle = blur.central().shape().width();
    let row = |psfs: &[Psf]| {
        let widths = psfs.iter().map(|psf| format!("{:.2}", psf.shape().width() / middle));
        format!("widths    {}\n", widths.collect::<Vec<_>>().join(" "))
    };
    blur.psfs().chunks(columns).map(row).collect()
}

fn described(found: &Found, frames: u32) -> String {
    let shape = found.shape.map_or_else(|| "of no family".to_owned(), |shape| shape.to_string());
    let mut text = format!(
        "blur      {shape}\nPSF       {}, {}\nwidth     uncertain by {:.1} %\nfrom      {frames} frames of {} scenes\n",
        found.psf.extent(),
        found.psf.shape(),
        100.0 * found.spread,
        found.scenes,
    );
    if let Some(alike) = found.repeatability {
        text += &format!("halves    {:.0} % alike\n", 100.0 * alike);
    }
    for doubt in &found.doubts {
        text += &format!("but       {doubt}\n");
    }
    text
}
