//! `deblurd restore`: pictures, or a stream, made sharp.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::exit::{Context, Failure, Result};
use super::inputs::{Job, is_stream, jobs, keeps, write_tagged};
use super::options::{PsfArgument, Threads};
use super::terminal;
use super::truth::Truth;
use super::work::Work;
use crate::calibrate::level::{Basis, Level, LevelGauge, Unfit};
use crate::daemon::{Shutdown, watch};
use crate::executor::Executor;
use crate::frame::{Effort, Picture, PictureFormat};
use crate::metrics::Metrics;
use crate::optics::{Clue, GrayLevels, Sigma};
use crate::pipeline::{Overflow, PipelineOptions, Stop, Stoppable};
use crate::plan::network::Model;
use crate::plan::{Channels, RestoreOptions};
use crate::restore::{Restorer, Unwatched};
use crate::sink::is_special;
use crate::source::{Y4mOptions, Y4mSource, read_tagged};
use crate::station::{Assembly, Fault, Hear, Known, Recipe, gauge, load, open_y4m_sink};

/// Restores pictures, or a Y4M stream from a file or from standard input (`-`).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  deblurd restore blurred.png --psf kernel.txt -o sharp.png
  deblurd restore folder/ --psf disk:3 --sigma 2.55 -o sharp/
  ffmpeg -i clip.mp4 -f yuv4mpegpipe - | deblurd restore - --psf motion:9,0 --sigma 2 -o - | ffplay -")]
pub(super) struct Restore {
    /// Pictures and folders of pictures, or one Y4M stream.
    #[arg(required = true)]
    input: Vec<PathBuf>,
    #[command(flatten)]
    psf: PsfArgument,
    /// File or folder for what was restored; `-` is standard output.
    #[arg(short, long)]
    output: PathBuf,
    /// Standard deviation of the noise in 8-bit gray levels, or `auto`: estimated from each picture, and
    /// followed along a stream [default: that of the calibration, else auto].
    #[arg(long)]
    sigma: Option<Sigma>,
    /// Sharp picture, or a folder of sharp pictures of the same names: says how near the restored ones
    /// came, and where the PSF turned by 180 degrees fits better.
    #[arg(long, value_name = "PATH")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    restoration: RestoreOptions,
    #[command(flatten)]
    threads: Threads,
}

impl Restore {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        let known = self.psf.load()?;
        let model = load::model(&self.restoration.model)?;
        let executor = self.threads.executor()?;
        if self.input.iter().any(|input| is_stream(input)) {
            let problem = "a Y4M stream is restored by itself, without further inputs";
            if self.input.len() > 1 {
                return Err(Failure::usage(problem));
            }
            let shown = self.output.display();
            let problem =
                format!("{shown} for a Y4M stream (expected .y4m, -, a pipe or a device)");
            if !is_stream(&self.output) && !is_special(&self.output) {
                return Err(Failure::usage(problem));
            }
            if let Some(truth) = &self.truth {
                let shown = truth.display();
                let problem = format!("{shown} as the truth of a Y4M stream (expected pictures)");
                return Err(Failure::usage(problem));
            }
            let read =
                [self.input[0].as_os_str(), self.psf.psf.as_ref(), self.restoration.model.as_ref()];
            keeps(&read, &self.output)?;
            return self.run_stream(&known, model, executor, shutdown);
        }
        let shown = self.output.display();
        let problem = format!("{shown} for pictures (expected .png, .jpg or a folder)");
        if is_stream(&self.output) {
            return Err(Failure::usage(problem));
        }
        let truths = self.truth.as_deref().map(|path| Truth(path).files()).transpose()?;
        let mut others = vec![Path::new(&self.psf.psf), Path::new(&self.restoration.model)];
        others.extend(truths.iter().flatten().map(PathBuf::as_path));
        let jobs = jobs(&self.input, &others, &self.output)?;
        let camera = known.camera(GrayLevels::USUAL, self.restoration.transfer, Clue::Silent);
        let gauge = gauge(&camera, &self.restoration);
        let mut pictures = Pictures { command: self, known, model, executor, planned: None, gauge };
        pictures.restore_all(&jobs, shutdown)
    }

    fn run_stream(
        &self,
        known: &Known,
        model: Option<Arc<Model>>,
        executor: Arc<dyn Executor>,
        shutdown: &Shutdown,
    ) -> Result<()> {
        let stream = Y4mOptions { path: self.input[0].clone(), live: false };
        let source = Y4mSource::open(&stream)?;
        let given = self.given(known);
        let stop = Stop::default();
        let executor = Arc::new(Stoppable { executor, stop: stop.clone() });
        let noise = given.or(known.noise()).unwrap_or(GrayLevels::USUAL);
        if given.is_some() {
            load::warn_of_noise(model.as_deref(), noise);
        }
        let camera = known.camera(noise, self.restoration.transfer, Clue::Silent);
        let options = self.restoration.clone();
        let assembly = Assembly {
            source: Box::new(source),
            recipe: Recipe { camera, model, options, executor },
            pipeline: PipelineOptions::new(Overflow::Wait),
            ladder: None,
            metrics: Arc::new(Metrics::new(&["y4m".to_owned()])),
            follow: Some((given, self.hear(given))),
            stop,
        };
        let sink = open_y4m_sink(&self.output)?;
        let running = assembly.build(|_| Ok::<_, Fault>(vec![sink]))?.start()?;
        watch(running, shutdown, &terminal::note, |_| ())?;
        match shutdown.requested() {
            Some(signal) => Err(Failure::interrupted(signal)),
            None => Ok(()),
        }
    }

    /// The noise, where the pictures are not to tell it.
    fn given(&self, known: &Known) -> Option<GrayLevels> {
        self.sigma.map_or_else(|| known.noise(), Sigma::given)
    }

    /// Tells what a stream is restored by, where that was not given.
    fn hear(&self, given: Option<GrayLevels>) -> Hear {
        let input = self.input[0].clone();
        Box::new(move |look, recipe| {
            if given.is_none() {
                terminal::note(&told(&input, look));
                if look.is_ok() {
                    let noise = recipe.camera.noise;
                    load::warn_of_noise(recipe.model.as_deref(), noise);
                }
            }
        })
    }
}

/// What was estimated of a picture, or assumed for want of an estimate.
fn told(input: &Path, look: std::result::Result<Level, Unfit>) -> String {
    let input = input.display();
    match look {
        Ok(level) => format!("{input}: noise estimated at {level}"),
        Err(unfit) => format!(
            "{input}: nothing to estimate the noise from, as {unfit}: {:.2} gray levels are assumed",
            GrayLevels::USUAL
        ),
    }
}

/// Restores picture after picture; what was planned for one serves the next of its kind.
struct Pictures<'a> {
    command: &'a Restore,
    known: Known,
    model: Option<Arc<Model>>,
    executor: Arc<dyn Executor>,
    planned: Option<Planned>,
    gauge: LevelGauge,
}

/// The level that is reckoned with, where the picture tells one; else the noise.
type Reckoned = std::result::Result<Level, GrayLevels>;

/// A restorer and what it was planned for.
struct Planned {
    format: PictureFormat,
    level: Reckoned,
    channels: Channels,
    restorer: Box<dyn Restorer>,
}

impl Pictures<'_> {
    /// Restores all pictures.
    fn restore_all(&mut self, jobs: &[Job], shutdown: &Shutdown) -> Result<()> {
        let work = Work { doing: "restoring", undone: "pictures were not restored" };
        work.each(jobs, shutdown, |(_, job), note| self.restore(job, note))
    }

    fn restore(&mut self, job: &Job, note: impl Fn(&str)) -> Result<()> {
        let (blurred, tags) = read_tagged(&job.input)?;
        let level = self.level(&blurred, &job.input, &note);
        let mut restored = Picture::new(blurred.format());
        let channels = self.channels(&blurred, &job.input, &note);
        let outcome = self.restorer(blurred.format(), level, channels).and_then(|restorer| {
            // Pictures need not be of one scene.
            restorer.forget();
            Ok(restorer.restore(&blurred, &mut restored, Effort::Full, &mut Unwatched)?)
        });
        outcome.with_context(|| job.input.display().to_string())?;
        write_tagged(&restored, &tags, &job.output)?;
        if let (Some(truth), Ok(psf)) = (&self.command.truth, self.known.uniform()) {
            let told = Truth(truth).judge(&job.input, [&blurred, &restored], psf)?;
            told.iter().for_each(|line| note(line));
        }
        Ok(())
    }

    /// The noise that was given or is estimated, and the contrast.
    fn level(&mut self, blurred: &Picture, input: &Path, note: impl Fn(&str)) -> Reckoned {
        let given = self.command.given(&self.known);
        let look = self.gauge.look_by(blurred, given).map(|level| level.by(given));
        if given.is_none() {
            note(&told(input, look));
        }
        let Ok(level) = look else { return Err(given.unwrap_or(GrayLevels::USUAL)) };
        if level.basis == Basis::Shown && !level.verdict.is_sharp() {
            let (input, sigma) = (input.display(), level.sigma);
            note(&format!(
                "{input}: shows a noise of {sigma:.2} gray levels, more than was told: restored by that \
                 (--guard false where what was told is sure)"
            ));
        }
        if level.verdict.is_sharp() {
            let input = input.display();
            note(&format!(
                "{input}: is sharp already: it goes on as it came (--trust measured where the PSF is sure)"
            ));
            return Ok(level);
        }
        if let Some(rival) = level.verdict.rival() {
            let (input, sigma) = (input.display(), level.sigma);
            note(&format!(
                "{input}: speaks for another blur, {rival}: restored with more care, at a noise of {sigma:.2} \
                 gray levels (--trust measured where the PSF is sure)"
            ));
        }
        Ok(level)
    }

    /// Which planes are restored of a picture. Coding leaves less of colours than of luma, mostly at half their
    /// resolution: red, green and blue each by itself would be worse than luma and chroma.
    fn channels(&self, blurred: &Picture, input: &Path, note: impl Fn(&str)) -> Channels {
        let asked = self.command.restoration.channels;
        if asked == Channels::Luma || blurred.coding_noise() == 0.0 {
            return asked;
        }
        let input = input.display();
        note(&format!("{input}: its colours were coded, so luma and chroma are restored"));
        Channels::Luma
    }

    fn restorer(
        &mut self,
        format: PictureFormat,
        level: Reckoned,
        channels: Channels,
    ) -> Result<&mut dyn Restorer> {
        let fits = |planned: &Planned| {
            (planned.format, planned.level, planned.channels) == (format, level, channels)
        };
        let planned = match self.planned.take().filter(fits) {
            Some(planned) => planned,
            None => {
                let restorer = self.plan(format, level, channels)?;
                Planned { format, level, channels, restorer }
            }
        };
        Ok(&mut *self.planned.insert(planned).restorer)
    }

    fn plan(
        &self,
        format: PictureFormat,
        level: Reckoned,
        channels: Channels,
    ) -> Result<Box<dyn Restorer>> {
        let Restore { restoration, .. } = self.command;
        let sigma = level.map_or_else(|sigma| sigma, |level| level.sigma);
        let camera = self.known.camera(sigma, restoration.transfer, Clue::Silent);
        let options = RestoreOptions { channels, ..restoration.clone() };
        let (model, executor) = (self.model.clone(), Arc::clone(&self.executor));
        let mut recipe = Recipe { camera, model, options, executor };
        if let Ok(level) = level {
            recipe.set_level(level);
        }
        let told = GrayLevels::saturating(sigma.get() / recipe.options.contrast.get());
        load::warn_of_noise(self.model.as_deref(), told);
        Ok(recipe.restorer(format)?)
    }
}
