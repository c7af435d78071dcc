//! `deblurd restore`: pictures, or a stream, made sharp.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{bail, ensure};
use clap::Args;

use super::assemble::{Assembly, open_y4m_sink, open_y4m_source};
use super::exit::Interrupted;
use super::inputs::{Job, is_stream, jobs, write_picture};
use super::options::{PsfArgument, Restoration, Threads, gray_levels};
use super::{load, terminal};
use crate::frame::{Frame, Picture, PictureFormat};
use crate::pipeline::{Overflow, PipelineOptions};
use crate::restore::executor::Executor;
use crate::restore::noise::estimate_sigma;
use crate::restore::psf::Psf;
use crate::restore::residual::ResidualModel;
use crate::restore::{Restorer, luma};
use crate::service::Shutdown;
use crate::source::read_picture;

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
    /// Standard deviation of the noise in 8-bit gray levels [default: estimated from each picture].
    #[arg(long, value_parser = gray_levels)]
    sigma: Option<f64>,
    #[command(flatten)]
    restoration: Restoration,
    #[command(flatten)]
    threads: Threads,
}

impl Restore {
    pub(super) fn run(&self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let psf = self.psf.load()?;
        let model = self.restoration.load_model()?;
        let executor = self.threads.executor()?;
        if self.input.iter().any(|input| is_stream(input)) {
            ensure!(
                self.input.len() == 1,
                "a Y4M stream is restored by itself, without further inputs"
            );
            return self.run_stream(&psf, model.as_ref(), executor, shutdown);
        }
        if is_stream(&self.output) {
            bail!(
                "pictures cannot be written to {} (expected a file or a folder)",
                self.output.display()
            );
        }
        let jobs = jobs(&self.input, &self.output)?;
        let mut pictures = Pictures { command: self, psf, model, executor, planned: None };
        pictures.restore_all(&jobs, shutdown)
    }

    fn run_stream(
        &self,
        psf: &Psf,
        model: Option<&ResidualModel>,
        executor: Arc<dyn Executor>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<()> {
        let Some(sigma) = self.sigma else {
            bail!("the noise of a stream is not estimated: state it with --sigma GRAY_LEVELS");
        };
        load::warn_of_noise(model, sigma);
        let assembly = Assembly {
            source: open_y4m_source(&self.input[0], false)?,
            degradation: None,
            psf,
            model,
            options: self.restoration.options(sigma),
            executor,
            pipeline: PipelineOptions { queue_capacity: 1, overflow: Overflow::Wait },
        };
        let sink = open_y4m_sink(&self.output)?;
        let running = assembly.build(&["y4m".to_owned()], |_| Ok(vec![sink]))?.start()?;
        super::daemon::watch(running, shutdown)
    }
}

/// Restores picture after picture; what was planned for one serves the next of its kind.
struct Pictures<'a> {
    command: &'a Restore,
    psf: Psf,
    model: Option<ResidualModel>,
    executor: Arc<dyn Executor>,
    planned: Option<(PictureFormat, f64, Restorer)>,
}

impl Pictures<'_> {
    /// Restores all pictures. One that fails is told and does not keep the others from being done.
    fn restore_all(&mut self, jobs: &[Job], shutdown: &Shutdown) -> anyhow::Result<()> {
        let progress = terminal::progress(jobs.len(), "restoring");
        let mut first_failure = None;
        for job in jobs {
            if let Some(signal) = shutdown.requested() {
                return Err(Interrupted(signal).into());
            }
            if let Err(error) = self.restore(job, |line| progress.suspend(|| terminal::note(line)))
            {
                progress.suspend(|| terminal::note(&format!("{}: {error:#}", job.input.display())));
                first_failure.get_or_insert(error);
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        match first_failure {
            Some(error) => Err(error.context("not all pictures were restored; the first failure")),
            None => Ok(()),
        }
    }

    fn restore(&mut self, job: &Job, note: impl Fn(&str)) -> anyhow::Result<()> {
        let blurred = read_picture(&job.input)?;
        let sigma = self.command.sigma.unwrap_or_else(|| self.estimate(&blurred, job, &note));
        let mut frame = Frame::new(blurred.format());
        frame.blurred = blurred;
        self.restorer(frame.blurred.format(), sigma)?.restore(&mut frame)?;
        write_picture(&frame.restored, &job.output)
    }

    fn estimate(&self, blurred: &Picture, job: &Job, note: impl Fn(&str)) -> f64 {
        let sigma = estimate_sigma(&luma(blurred));
        note(&format!("{}: noise estimated at {sigma:.2} gray levels", job.input.display()));
        sigma
    }

    fn restorer(&mut self, format: PictureFormat, sigma: f64) -> anyhow::Result<&mut Restorer> {
        let fits = |planned: &(PictureFormat, f64, Restorer)| {
            planned.0 == format && planned.1.to_bits() == sigma.to_bits()
        };
        let planned = match self.planned.take().filter(fits) {
            Some(planned) => planned,
            None => {
                load::warn_of_noise(self.model.as_ref(), sigma);
                let options = self.command.restoration.options(sigma);
                let model = self.model.as_ref();
                (
                    format,
                    sigma,
                    Restorer::plan(&options, &self.psf, model, format, &self.executor, 1)?,
                )
            }
        };
        Ok(&mut self.planned.insert(planned).2)
    }
}
