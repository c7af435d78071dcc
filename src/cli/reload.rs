//! Loading the configuration again while frames flow.
//!
//! A thread of its own loads configuration, PSF and model, makes a restorer for the pictures of the
//! running source, and has another one made alike restore a golden frame. Only then is the new
//! one offered to the pipeline, which changes to it between two frames. Where anything is wrong
//! the old one stays; the reason is in the log, in the status and in the metrics.
//!
//! Requests that come meanwhile are met by one more reload. What cannot change while frames flow,
//! as source and sinks, is named in the log and waits for a restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::check::restore_golden;
use super::daemon::Loaded;
use crate::config::Config;
use crate::executor::{Executor, Sequential};
use crate::frame::PictureFormat;
use crate::metrics::SourceState;
use crate::pipeline::RunningPipeline;
use crate::restore::Restorer;
use crate::service::Supervisor;

/// Time that a reload may take: a file may lie on a device that does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time in which a live source brings the frame with which the restorer changes.
const CHANGE_PATIENCE: Duration = Duration::from_secs(2);

/// Meets requests to load the configuration again.
pub(super) struct Reloader<'a> {
    supervisor: &'a Supervisor,
    running: Running,
    /// Requests that were met or are being met.
    seen: u64,
    step: Step,
    /// Time that one may take.
    patience: Duration,
}

/// What a new restorer is made from and must fit.
#[derive(Clone)]
pub(super) struct Running {
    /// Where the configuration lies.
    pub(super) path: PathBuf,
    /// As the program was started with it.
    pub(super) config: Config,
    /// What the source gives.
    pub(super) format: PictureFormat,
    pub(super) executor: Arc<dyn Executor>,
}

/// How far a reload has come.
enum Step {
    Idle,
    Loading(JoinHandle<anyhow::Result<Box<dyn Restorer>>>, Instant),
    /// The restorer is offered; the next frame changes to it.
    Changing(Instant),
    /// It took too long, and may still be at it.
    Stuck(JoinHandle<anyhow::Result<Box<dyn Restorer>>>),
}

impl Running {
    /// Loads and checks everything anew.
    fn load(&self) -> anyhow::Result<Box<dyn Restorer>> {
        let loaded = Loaded::from_file(&self.path)?;
        name_what_waits(&self.config, &loaded.config);
        let golden = restore_golden(&loaded.recipe(Arc::new(Sequential)))?;
        let restorer = loaded.recipe(Arc::clone(&self.executor)).restorer(self.format)?;
        log::info!("reload: golden frame {golden}");
        Ok(restorer)
    }
}

impl<'a> Reloader<'a> {
    pub(super) fn new(supervisor: &'a Supervisor, running: Running) -> Self {
        Self { supervisor, running, seen: 0, step: Step::Idle, patience: PATIENCE }
    }

    /// Does what is due; to be called often. `requests` is how often a reload was asked for.
    pub(super) fn attend(&mut self, requests: u64, pipeline: &RunningPipeline) {
        self.step = match std::mem::replace(&mut self.step, Step::Idle) {
            Step::Idle if requests > self.seen => {
                self.seen = requests;
                self.begin(pipeline)
            }
            Step::Idle => Step::Idle,
            Step::Loading(loading, since) => self.follow(loading, since, pipeline),
            Step::Changing(since) => self.settle(since, pipeline),
            Step::Stuck(loading) if loading.is_finished() => Step::Idle,
            Step::Stuck(loading) if requests > self.seen => {
                self.seen = requests;
                self.supervisor.reloading();
                self.refuse(&anyhow!("an earlier reload still hangs"), pipeline);
                Step::Stuck(loading)
            }
            Step::Stuck(loading) => Step::Stuck(loading),
        };
    }

    fn begin(&self, pipeline: &RunningPipeline) -> Step {
        log::info!("reload: loading {}", self.running.path.display());
        self.supervisor.reloading();
        let running = self.running.clone();
        let thread = std::thread::Builder::new().name("reload".to_owned());
        match thread.spawn(move || running.load()) {
            Ok(loading) => Step::Loading(loading, Instant::now()),
            Err(error) => {
                self.refuse(&error.into(), pipeline);
                Step::Idle
            }
        }
    }

    fn follow(
        &self,
        loading: JoinHandle<anyhow::Result<Box<dyn Restorer>>>,
        since: Instant,
        pipeline: &RunningPipeline,
    ) -> Step {
        if !loading.is_finished() && since.elapsed() < self.patience {
            return Step::Loading(loading, since);
        }
        if !loading.is_finished() {
            self.refuse(&anyhow!("it takes longer than {:?}", self.patience), pipeline);
            return Step::Stuck(loading);
        }
        match change(loading, pipeline) {
            Ok(()) => Step::Changing(Instant::now()),
            Err(error) => {
                self.refuse(&error, pipeline);
                Step::Idle
            }
        }
    }

    /// Waits for the frame that changes the restorer, unless there is none to be expected.
    fn settle(&self, since: Instant, pipeline: &RunningPipeline) -> Step {
        let is_live = pipeline.metrics().source.state() == SourceState::Live;
        if !pipeline.has_changed() && is_live && since.elapsed() < CHANGE_PATIENCE {
            return Step::Changing(since);
        }
        pipeline.metrics().reload.succeed();
        log::info!("reload: done");
        self.supervisor.ready();
        Step::Idle
    }

    fn refuse(&self, error: &anyhow::Error, pipeline: &RunningPipeline) {
        log::error!("reload refused, the last good configuration goes on: {error:#}");
        pipeline.metrics().reload.refuse(&format!("{error:#}"));
        self.supervisor.ready();
    }
}

/// Offers the restorer that a thread has made to the pipeline.
fn change(
    loading: JoinHandle<anyhow::Result<Box<dyn Restorer>>>,
    pipeline: &RunningPipeline,
) -> anyhow::Result<()> {
    let Ok(restorer) = loading.join() else { bail!("the reload panicked") };
    pipeline.change_restorer(restorer?);
    Ok(())
}

/// Names the sections that differ and are not looked at before a restart.
fn name_what_waits(running: &Config, new: &Config) {
    let differences = [
        ("source", running.source != new.source),
        ("simulate", running.simulate != new.simulate),
        ("sink", running.sinks != new.sinks),
        ("pipeline", running.pipeline != new.pipeline),
        ("overload", running.overload != new.overload),
    ];
    let waiting: Vec<&str> =
        differences.iter().filter(|(_, differs)| *differs).map(|(section, _)| *section).collect();
    if !waiting.is_empty() {
        log::warn!("reload: what changed in {} waits for a restart", waiting.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::assemble::open_sinks;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::Path;

    const CONFIGURATION: &str = "\
        [source]\nkind = 'scene'\nextent = '64x36'\n\
        [restore]\npsf = 'gaussian:0.7'\nsigma = 1.0\nmodel = 'none'\n\
        [[sink]]\nkind = 'y4m'\npath = '/dev/null'\n";

    /// A pipeline that runs, and what a reload from `path` must fit.
    fn start(path: &Path) -> (RunningPipeline, Running) {
        let loaded = Loaded::load(Config::read(CONFIGURATION, []).expect("a configuration"));
        let loaded = loaded.expect("a PSF");
        let assembly = loaded.assembly().expect("stages");
        let format = assembly.source.format();
        let executor = Arc::clone(&assembly.recipe.executor);
        let sinks = &loaded.config.sinks;
        let pipeline = assembly.build(|metrics| open_sinks(sinks, metrics, &mut Vec::new()));
        let pipeline = pipeline.expect("a pipeline");
        let (path, config) = (path.to_owned(), loaded.config);
        let running = Running { path, config, format, executor };
        (pipeline.start().expect("threads"), running)
    }

    /// The configuration lies where nobody answers: in a FIFO that nobody writes to.
    #[test]
    fn a_reload_that_hangs_is_given_up_and_does_not_block_the_next_for_ever() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("deblurd.toml");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0)
            .expect("a FIFO");
        let supervisor = Supervisor::of_process();
        let (pipeline, running) = start(&path);
        let mut reloader = Reloader::new(&supervisor, running);
        reloader.patience = Duration::ZERO;
        let told = || pipeline.metrics().reload.snapshot();

        reloader.attend(1, &pipeline);
        assert_eq!(told().refused, 0, "given up before it began");
        reloader.attend(1, &pipeline);
        assert_eq!(told().problem, "it takes longer than 0ns");
        reloader.attend(1, &pipeline);
        assert_eq!(told().refused, 1, "one reload is refused twice");
        reloader.attend(2, &pipeline);
        assert_eq!(told().problem, "an earlier reload still hangs");
        assert_eq!(told().refused, 2);

        // What hung gets its answer; what it brings comes too late.
        write!(OpenOptions::new().write(true).open(&path).expect("a reader"), "{CONFIGURATION}")
            .expect("a reader");
        while !matches!(reloader.step, Step::Idle) {
            reloader.attend(2, &pipeline);
            std::thread::yield_now();
        }
        assert_eq!((told().done, told().refused), (0, 2), "a reload that was given up took place");
        std::fs::remove_file(&path).expect("a FIFO");
        std::fs::write(&path, CONFIGURATION).expect("a file");
        reloader.patience = PATIENCE;
        while told().done == 0 {
            reloader.attend(3, &pipeline);
            assert_eq!(told().refused, 2, "{:?}", told().problem);
            std::thread::yield_now();
        }
        pipeline.stop(PATIENCE).expect("its end");
    }
}
