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
use crate::calibrate::estimate_sigma;
use crate::daemon::{Shutdown, watch};
use crate::executor::Executor;
use crate::frame::colour::luma;
use crate::frame::{Effort, Frame, FrameRate, Picture, PictureFormat, StreamNotes};
use crate::metrics::Metrics;
use crate::optics::GrayLevels;
use crate::pipeline::{Overflow, PipelineOptions, Stop, Stoppable};
use crate::plan::network::Model;
use crate::plan::{RestoreOptions, RestorePlan};
use crate::restore::{Backend, CpuBackend, Restorer, Unwatched};
use crate::sink::is_special;
use crate::source::{Filled, Source, SourceError, Y4mOptions, Y4mSource, read_tagged};
use crate::station::{Assembly, Fault, Known, Recipe, load, open_y4m_sink};

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
    /// Standard deviation of the noise in 8-bit gray levels [default: that of the calibration, else
    /// estimated from each picture].
    #[arg(long)]
    sigma: Option<GrayLevels>,
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
        let mut pictures = Pictures { command: self, known, model, executor, planned: None };
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
        let mut source = Peeked { source: Box::new(Y4mSource::open(&stream)?), first: None };
        let sigma = match self.sigma.or(known.noise()) {
            Some(sigma) => sigma,
            // Without a frame there is no noise, and nothing to restore.
            None => source.peek(shutdown)?.map_or(GrayLevels::NONE, |first| {
                self.estimate(first, &self.input[0], terminal::note)
            }),
        };
        load::warn_of_noise(model.as_deref(), sigma);
        let stop = Stop::default();
        let executor = Arc::new(Stoppable { executor, stop: stop.clone() });
        let camera = known.camera(sigma, self.restoration.transfer);
        let options = self.restoration.clone();
        let assembly = Assembly {
            source: Box::new(source),
            recipe: Recipe { camera, model, options, executor },
            pipeline: PipelineOptions::new(Overflow::Wait),
            ladder: None,
            metrics: Arc::new(Metrics::new(&["y4m".to_owned()])),
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

    fn estimate(&self, blurred: &Picture, input: &Path, note: impl Fn(&str)) -> GrayLevels {
        let sigma = estimate_sigma(&luma(blurred));
        note(&format!("{}: noise estimated at {sigma:.2} gray levels", input.display()));
        sigma
    }
}

/// Restores picture after picture; what was planned for one serves the next of its kind.
struct Pictures<'a> {
    command: &'a Restore,
    known: Known,
    model: Option<Arc<Model>>,
    executor: Arc<dyn Executor>,
    planned: Option<Planned>,
}

/// A restorer and what it was planned for.
struct Planned {
    format: PictureFormat,
    sigma: GrayLevels,
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
        let sigma = self
            .command
            .sigma
            .or(self.known.noise())
            .unwrap_or_else(|| self.command.estimate(&blurred, &job.input, &note));
        let mut restored = Picture::new(blurred.format());
        let outcome = self.restorer(blurred.format(), sigma).and_then(|restorer| {
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

    fn restorer(&mut self, format: PictureFormat, sigma: GrayLevels) -> Result<&mut dyn Restorer> {
        let fits = |planned: &Planned| planned.format == format && planned.sigma == sigma;
        let planned = match self.planned.take().filter(fits) {
            Some(planned) => planned,
            None => Planned { format, sigma, restorer: self.plan(format, sigma)? },
        };
        Ok(&mut *self.planned.insert(planned).restorer)
    }

    fn plan(&self, format: PictureFormat, sigma: GrayLevels) -> Result<Box<dyn Restorer>> {
        load::warn_of_noise(self.model.as_deref(), sigma);
        let Restore { restoration, .. } = self.command;
        let camera = self.known.camera(sigma, restoration.transfer);
        let plan = RestorePlan::new(&camera, self.model.clone(), restoration, format)?;
        Ok(CpuBackend::new(Arc::clone(&self.executor)).load(plan)?)
    }
}

/// A stream whose first frame was looked at before it is played.
struct Peeked {
    source: Box<dyn Source>,
    first: Option<Frame>,
}

impl Peeked {
    /// The first picture, if there is one.
    fn peek(&mut self, shutdown: &Shutdown) -> Result<Option<&Picture>> {
        let mut frame = Frame::new(self.source.format());
        loop {
            if let Some(signal) = shutdown.requested() {
                return Err(Failure::interrupted(signal));
            }
            match self.source.fill(&mut frame)? {
                Filled::Frame => return Ok(Some(&self.first.insert(frame).blurred)),
                Filled::End => return Ok(None),
                Filled::Unusable(_) | Filled::Waiting | Filled::Placeholder => {}
            }
        }
    }
}

impl Source for Peeked {
    fn format(&self) -> PictureFormat {
        self.source.format()
    }

    fn rate(&self) -> FrameRate {
        self.source.rate()
    }

    fn notes(&self) -> StreamNotes {
        self.source.notes()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let Some(first) = self.first.take() else { return self.source.fill(frame) };
        frame.meta = first.meta;
        frame.blurred = first.blurred;
        Ok(Filled::Frame)
    }
}
