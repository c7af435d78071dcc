//! `deblurd calibrate`: a camera's blur, noise and curve from frames of the target.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::file;
use super::frames::Frames;
use super::grid;
use super::report::Report;
use crate::calibrate::measured;
use crate::calibrate::target::{
    self, Description, FRAMES_MAX, Gathering, Hint, Outcome, Pattern, Position,
};
use crate::cli::exit::{Failure, Result};
use crate::cli::options::Threads;
use crate::cli::terminal;
use crate::daemon::Shutdown;
use crate::exit::Status;
use crate::frame::Picture;
use crate::optics::{Calibration, Curve, Method};
use crate::source::decode_picture;
use crate::station::{Settings, load, origin};

/// Frames of a live camera without a target after which it is given up.
const PATIENCE: usize = 300;

/// Time between two frames of a live camera.
const PAUSE: Duration = Duration::from_millis(100);

/// Finds blur, noise and transfer curve of a camera from frames that show the target.
#[derive(Debug, Args)]
#[command(after_help = "\
Print the target (`deblurd target`), put it flat where the camera looks, fix focus, exposure and gain,
and hold both still. About two pixels a cell are best; several positions, one folder each, cover a
larger part of the frame.

Examples:
  deblurd calibrate frames/ -o camera.npz --report report.html
  deblurd calibrate --device /dev/video0 -o camera.npz
  deblurd calibrate left/ middle/ right/ --grid 3x3 -o camera.npz")]
pub(in crate::cli) struct Calibrate {
    #[command(flatten)]
    frames: Frames,
    /// File for the calibration, .npz.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The target: the .json that `deblurd target` wrote beside it, or a picture of a pattern of noise
    /// from elsewhere, one sample a cell [default: the target of seed 0].
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    /// PSFs over the frame: 1, or as 3x3.
    #[arg(long, default_value = "1", value_name = "WxH", value_parser = grid::parse)]
    grid: (usize, usize),
    /// The camera's transfer curve: auto, none, srgb, bt709 or gamma:G. `auto` finds it from the gray
    /// patches of the target.
    #[arg(long, default_value = "auto")]
    transfer: Curve,
    /// File for a page that shows what was found.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    threads: Threads,
}

/// The frames of each position, and why others are none.
type Groups = (Vec<Vec<Picture>>, Vec<Failure>);

impl Calibrate {
    pub(in crate::cli) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        let mut inputs = self.frames.inputs()?;
        inputs.extend(self.target.clone());
        file::try_outputs(&self.output, self.report.as_deref(), &inputs)?;
        let pattern = pattern(self.target.as_deref())?;
        let executor = self.threads.executor()?;
        let (groups, failures) = self.groups(&pattern, shutdown)?;
        let frames: usize = groups.iter().map(Vec::len).sum();
        let line = terminal::status_line();
        line.set_message(format!("calibrating from {frames} frames"));
        let shown: Vec<&[Picture]> = groups.iter().map(Vec::as_slice).collect();
        let options = self.options();
        let outcome = target::calibrate(&shown, &pattern, &options, &*executor);
        line.finish_and_clear();
        let outcome = outcome?;
        let Settings { controls, pixel_format, temperature, .. } = self.frames.settings()?;
        let calibration = Calibration {
            controls,
            pixel_format,
            temperature,
            origin: Some(origin(Method::Target, outcome.frames())),
            ..measured(&outcome, &shown, &*executor)
        };
        terminal::print(&described(&outcome, &calibration, frames))?;
        file::write(&calibration, &self.output)?;
        if let Some(path) = &self.report {
            let notes: Vec<String> = outcome.verdicts.iter().map(ToString::to_string).collect();
            Report::new("Calibrated from the target", &calibration, notes)?
                .measured(&outcome)
                .compared(&groups[0][0], &executor)?
                .write(path)?;
        }
        file::tell_use(&self.output)?;
        file::conclude(failures, frames)
    }

    fn options(&self) -> target::Options {
        let curve = self.transfer.given().map(target::Curve::Known);
        target::Options { curve, grid: self.grid }
    }

    /// The frames, one group for each position of the target: one for each input that is a folder. And
    /// why some are none.
    fn groups(&self, pattern: &Pattern, shutdown: &Shutdown) -> Result<Groups> {
        if self.frames.is_live() {
            return Ok((self.watch(pattern, shutdown)?, Vec::new()));
        }
        let (mut groups, mut failures) = (Vec::new(), Vec::new());
        for part in self.frames.parts() {
            let mut group = Vec::new();
            failures.extend(part.each(PAUSE, shutdown, &mut |picture| {
                group.push(picture);
                Ok(ControlFlow::Continue(()))
            })?);
            groups.push(group);
        }
        Ok((groups, failures))
    }

    /// Frames of a live camera that show the target well; says what is missing until then.
    fn watch(&self, pattern: &Pattern, shutdown: &Shutdown) -> Result<Vec<Vec<Picture>>> {
        let line = terminal::status_line();
        let mut gathering = Gathering::new(pattern, &self.options(), self.grid);
        let (mut tries, mut hints) = (0, Vec::new());
        let watched = self.frames.each(PAUSE, shutdown, &mut |picture| {
            tries += 1;
            hints = gathering.take(&picture).hints;
            if hints.is_empty() {
                line.set_message(format!(
                    "hold still: {} of {FRAMES_MAX} frames",
                    gathering.frames()
                ));
            } else {
                line.set_message(listed(&hints));
            }
            let has_enough = gathering.is_complete() || tries >= PATIENCE;
            Ok(if has_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        line.finish_and_clear();
        watched?;
        if gathering.frames() == 0 {
            let problem = format!("the camera does not see the target well: {}", listed(&hints));
            return Err(Failure::new(problem, Status::Data));
        }
        Ok(gathering.groups().into_iter().map(<[Picture]>::to_vec).collect())
    }
}

fn listed(hints: &[Hint]) -> String {
    let hints: Vec<String> = hints.iter().map(Hint::to_string).collect();
    hints.join(", ")
}

/// The target in the frames.
fn pattern(path: Option<&Path>) -> Result<Pattern> {
    let Some(path) = path else { return Ok(Pattern::default()) };
    let bytes = load::bytes(path)?;
    let wrong = |problem: String| {
        let problem = format!("{}: {problem}", path.display());
        Failure::new(problem, Status::Data)
    };
    let expected = "expected the .json beside a target, or a picture of one sample a cell";
    let pattern = if bytes.trim_ascii_start().starts_with(b"{") {
        let description: Description = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("{error} ({expected})")))?;
        Pattern::new(description)
    } else {
        let picture = decode_picture(&bytes, path)
            .map_err(|error| Failure::new(format!("{error} ({expected})"), Status::Data))?;
        Pattern::from_picture(&target::luma(&picture))
    };
    pattern.map_err(|error| wrong(error.to_string()))
}

fn described(outcome: &Outcome, calibration: &Calibration, frames: usize) -> String {
    let psfs = calibration.blur.psfs();
    let psf = &psfs[psfs.len() / 2];
    let (columns, rows) = calibration.blur.grid();
    let mut text = format!(
        "PSF       {columns}x{rows} of {}, {}\nnoise     {:.2} gray levels\ncurve     {}\n\
         explained {:.2} times the noise is left where the PSF was not learned (1 is best)\n\
         halves    PSFs of two halves differ by {:.1} %\nfrom      {} of {frames} frames, {} positions\n",
        psf.extent(),
        psf.shape(),
        outcome.sigma,
        calibration.transfer,
        outcome.residual_over_sigma,
        100.0 * outcome.repeatability,
        outcome.frames(),
        outcome.positions.len(),
    );
    for Position { found, .. } in &outcome.positions {
        text += &format!(
            "target    {} corners, {:.1} samples a cell, noise alike to {:.2}\n",
            found.corners.len(),
            found.samples_per_cell,
            found.correlation,
        );
    }
    for verdict in &outcome.verdicts {
        text += &format!("but       {verdict}\n");
    }
    text
}
