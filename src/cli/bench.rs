//! `deblurd bench`: the time every step takes on this machine.

use std::fmt::Write;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::exit::{Failure, Result};
use super::options::{JsonArgument, Threads};
use super::terminal;
use crate::daemon::Shutdown;
use crate::frame::{Effort, Extent, Picture, PictureFormat};
use crate::optics::GrayLevels;
use crate::plan::{RestoreOptions, RestorePlan};
use crate::restore::cpu::residual::KernelChoice;
use crate::restore::{CpuBackend, RestoreError, Watch};
use crate::station::{backend, load, pattern};

/// Times every step of the restoration, in order on one frame after another.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Extent of the frames.
    #[arg(long, default_value = "1280x720", value_name = "WxH")]
    size: Extent,
    /// Frames that are timed, after two that are not.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    frames: u32,
    /// PSF of the blur.
    #[arg(long, default_value = "motion:15,30")]
    psf: String,
    /// What computes the networks: the kernel for some kind of processor, or `stock`, the operators
    /// of tract [default: the first].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(KernelChoice::all().map(KernelChoice::name)))]
    kernel: Option<String>,
    #[command(flatten)]
    json: JsonArgument,
    #[command(flatten)]
    restoration: RestoreOptions,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Debug, Serialize)]
struct Timing {
    stage: String,
    median_ms: f64,
    min_ms: f64,
    max_ms: f64,
    share: f64,
    /// What was chosen when the step was planned, where there was a choice.
    choice: Option<String>,
}

#[derive(Debug, Serialize)]
struct Timings {
    extent: Extent,
    threads: usize,
    frames: u32,
    model: String,
    kernel: String,
    stages: Vec<Timing>,
    frames_per_second: f64,
}

impl Bench {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        self.json.try_writing()?;
        let blur = load::blur(&self.psf)?;
        let model = load::model(&self.restoration.model)?;
        let choice = self.kernel.as_deref().map(KernelChoice::named).transpose()?;
        let choice = choice.unwrap_or_default();
        let kernel = load::kernel(model.as_deref(), choice);
        let camera = self.restoration.camera(blur, GrayLevels::new(2.55).unwrap_or_default());
        let format = PictureFormat::gray(self.size);
        // As in a stream whose first frames have told noise and PSF.
        let options = RestoreOptions { is_seen: true, ..self.restoration.clone() };
        let plan = RestorePlan::new(&camera, model, &options, format)?;
        let cpu = CpuBackend::new(self.threads.executor()?).with_kernel(choice);
        let mut restorer = backend::load(plan, self.restoration.backend, &cpu)?;
        let blurred = pattern(format);
        let mut restored = Picture::new(format);
        let mut times: Vec<Vec<Duration>> = vec![Vec::new(); restorer.steps().len() + 2];
        for round in 0..self.frames + 2 {
            if let Some(signal) = shutdown.requested() {
                return Err(Failure::interrupted(signal));
            }
            let mut laps = Laps::start();
            restorer.restore(&blurred, &mut restored, Effort::Full, &mut laps)?;
            // The first two rounds warm up.
            if round >= 2 {
                times.iter_mut().zip(laps.end()).for_each(|(times, lap)| times.push(lap));
            }
        }
        let steps = restorer.steps().iter().map(|step| (step.name.clone(), step.choice.clone()));
        let names = steps.chain([("in all".to_owned(), None), (CARD.to_owned(), None)]).collect();
        self.report(&timings(self, kernel, names, times))
    }

    fn report(&self, timings: &Timings) -> Result<()> {
        self.json.write(timings)?;
        let Timings { extent, threads, frames, model, kernel, frames_per_second, .. } = timings;
        let mut text = format!(
            "{extent}, model {model}, kernel {kernel}, {threads} threads, median of {frames} frames\n"
        );
        for timing in &timings.stages {
            let Timing { stage, median_ms, min_ms, max_ms, share, choice } = timing;
            let choice = choice.as_ref().map_or(String::new(), |choice| format!("  {choice}"));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{stage:<14} {median_ms:8.2} ms  ({min_ms:.2} to {max_ms:.2})  {:5.1} %{choice}",
                100.0 * share
            );
        }
        let _ = writeln!(text, "{frames_per_second:.1} frames/s, one after another");
        Ok(terminal::print(&text)?)
    }
}

/// What a graphics card works at a frame, by its own clock.
const CARD: &str = "the card";

/// Times the steps of one frame.
struct Laps {
    start: Instant,
    since: Instant,
    laps: Vec<Duration>,
    on_card: Option<Duration>,
}

impl Laps {
    fn start() -> Self {
        let now = Instant::now();
        Self { start: now, since: now, laps: Vec::new(), on_card: None }
    }

    /// The times of all steps, then that of the whole frame and, where there is one, that of the card.
    fn end(mut self) -> Vec<Duration> {
        self.laps.push(self.start.elapsed());
        self.laps.extend(self.on_card);
        self.laps
    }
}

impl Watch for Laps {
    fn done(&mut self, _: usize, _: Option<&RestoreError>) {
        self.laps.push(self.since.elapsed());
        self.since = Instant::now();
    }

    fn worked(&mut self, seconds: f64) {
        self.on_card = Duration::try_from_secs_f64(seconds).ok();
    }
}

fn timings(
    bench: &Bench,
    kernel: String,
    names: Vec<(String, Option<String>)>,
    times: Vec<Vec<Duration>>,
) -> Timings {
    let milliseconds = |duration: &Duration| duration.as_secs_f64() * 1e3;
    let mut stages: Vec<Timing> = Vec::new();
    let known = names.into_iter().zip(times).filter(|(_, times)| !times.is_empty());
    for ((stage, choice), mut times) in known {
        times.sort_unstable();
        let [min_ms, median_ms, max_ms] =
            [0, times.len() / 2, times.len() - 1].map(|index| milliseconds(&times[index]));
        stages.push(Timing { stage, median_ms, min_ms, max_ms, share: 0.0, choice });
    }
    let whole = stages.iter().rev().find(|timing| timing.stage != CARD);
    let whole = whole.map_or(1.0, |timing| timing.median_ms);
    stages.iter_mut().for_each(|timing| timing.share = timing.median_ms / whole);
    Timings {
        extent: bench.size,
        threads: bench.threads.count(),
        frames: bench.frames,
        model: bench.restoration.model.clone(),
        kernel,
        stages,
        frames_per_second: 1e3 / whole,
    }
}
