//! Loading the configuration again while frames flow.
//!
//! A thread of its own reads the configuration and all that it names, and has a [trial](super::trial)
//! restore a golden frame with it. Only then is it loaded here; the restorer that is made of it,
//! for the pictures of the running source, is offered to the pipeline, which changes to it between
//! two frames. If anything is wrong, the old one stays; the reason is in the log, in the status and
//! in the metrics.
//!
//! Requests that come meanwhile are met by one more reload. What cannot change while frames flow,
//! as source and sinks, is named in the log: it needs a restart.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use displaydoc::Display;
use thiserror::Error;

use super::doubts;
use super::entry::Entry;
use super::error::{Fault, StationError};
use super::golden::Golden;
use super::material::{Attempt, Material};
use super::recipe::Recipe;
use super::told::Told;
use super::tuning::Tuning;
use crate::calibrate::level::Level;
use crate::config::Config;
use crate::executor::Sequential;
use crate::frame::PictureFormat;
use crate::metrics::SourceState;
use crate::optics::Clue;
use crate::owner;
use crate::pipeline::RunningPipeline;
use crate::priority;
use crate::restore::Restorer;

/// Time that a reload may take: a file may lie on a device that does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time in which a live source brings the frame with which the restorer changes.
const CHANGE_PATIENCE: Duration = Duration::from_secs(2);

/// Meets requests to load the configuration again.
#[derive(Debug)]
pub struct Reloader {
    running: Running,
    attempt: Attempt,
    /// Requests that were met or are being met.
    seen: u64,
    step: Step,
    /// How what is loaded differs from the configuration, and whether that is a wish not met yet.
    tuning: Tuning,
    is_wished: bool,
    /// What is known of the camera since the last one.
    changed: Option<Recipe>,
    /// The level that frames told, and that no restorer was made for yet.
    level: Option<Level>,
    /// Time that one may take.
    patience: Duration,
}

/// What a new restorer is made from and must fit.
#[derive(Debug, Clone)]
pub struct Running {
    /// Where the configuration stands.
    pub entry: Entry,
    /// As the program was started with it.
    pub config: Config,
    /// What the source gives.
    pub format: PictureFormat,
    /// What the source tells of the curve of its samples.
    pub clue: Clue,
    /// The pixel format of the camera, where it is one.
    pub pixel_format: Option<String>,
    /// What restores frames, and what is told of it.
    pub recipe: Recipe,
    /// Whether the noise follows the frames.
    pub follows: bool,
}

/// How far a reload is; each ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has begun.
    Begun,
    /// It is over, successful or not.
    Over,
}

/// Why a reload is refused.
#[derive(Debug, Display, Error)]
enum Refusal {
    /// {0}
    Station(#[from] StationError),
    /// it takes longer than {0:?}
    Late(Duration),
    /// an earlier reload still hangs
    Stuck,
    /// the thread of the reload panicked
    Panicked,
    /// cannot start a thread: {0}
    Thread(std::io::Error),
}

type Loading = JoinHandle<Result<Loaded, StationError>>;

/// A restorer that could be made, and what becomes known once it serves.
struct Loaded {
    restorer: Box<dyn Restorer>,
    served: Served,
}

/// What is known of a restorer that serves.
#[derive(Debug)]
struct Served {
    told: Told,
    recipe: Recipe,
    follows: bool,
    /// Whether nothing but the level is another.
    is_level: bool,
}

/// What the reload does now.
#[derive(Debug)]
enum Step {
    Idle,
    Loading(Loading, Instant),
    /// The restorer is offered; the next frame changes to it.
    Changing(Box<Served>, Instant),
    /// It took too long, and may still be at it.
    Stuck(Loading),
}

impl Running {
    /// Loads and checks everything anew; `attempt` restores a golden frame with it.
    fn load(&self, attempt: Attempt, tuning: &Tuning) -> Result<Loaded, StationError> {
        let material = Material::tuned(&self.entry, tuning)?;
        let golden = attempt(&material, Some(self.format.extent)).map_err(Fault::from)?;
        let mut loaded = material.load()?;
        loaded.see(self.clue);
        name_what_waits(&self.config, &loaded.config);
        let mut recipe = loaded.recipe(Arc::clone(&self.recipe.executor));
        if self.follows && loaded.config.follows() {
            // What the frames have told is not forgotten.
            recipe.reckon_as(&self.recipe);
        }
        let restorer = recipe.restorer(self.format)?;
        log::info!("reload: golden frame {golden}");
        let told = loaded.told(&recipe).tuned(!tuning.is_empty());
        let follows = loaded.config.follows();
        Ok(Loaded { restorer, served: Served { told, recipe, follows, is_level: false } })
    }

    /// Makes a restorer of what serves now, for another level.
    fn at(mut self, level: Level, told: Told) -> Result<Loaded, StationError> {
        self.recipe.set_level(level);
        let golden = Recipe { executor: Arc::new(Sequential), ..self.recipe.clone() };
        let golden = Golden::restore(&golden)?;
        let restorer = self.recipe.restorer(self.format)?;
        log::info!("noise {level}, golden frame {golden}");
        let told = told.of_level(&self.recipe).because(level.basis);
        let served = Served { told, recipe: self.recipe, follows: self.follows, is_level: true };
        Ok(Loaded { restorer, served })
    }
}

impl Reloader {
    /// Meets requests for the pipeline `running`; [`Material::attempt`] is the usual `attempt`.
    pub fn new(running: Running, attempt: Attempt) -> Self {
        let step = Step::Idle;
        let tuning = Tuning::default();
        let patience = PATIENCE;
        let (is_wished, changed, level) = (false, None, None);
        Self { running, attempt, seen: 0, step, tuning, is_wished, changed, level, patience }
    }

    /// Asks for the configuration with some keys otherwise, in the place of an earlier wish. A
    /// reload that is asked for after that takes it back.
    pub fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
        self.is_wished = true;
    }

    /// What serves since a reload, once after each that succeeded, and whether its noise follows the
    /// frames.
    pub fn changed(&mut self) -> Option<(Recipe, bool)> {
        self.changed.take().map(|recipe| (recipe, self.running.follows))
    }

    /// Has frames restored by what serves now, for another level: by the same door, once nothing else is
    /// under way. It is no reload, and nothing is read.
    pub fn tell_level(&mut self, level: Level) {
        self.level = Some(level);
    }

    /// Does what is due; to be called often. `requests` is how often a reload was asked for; `tell`
    /// is called where one begins and where it is over.
    pub fn attend(
        &mut self,
        requests: u64,
        pipeline: &RunningPipeline,
        tell: &mut dyn FnMut(Phase),
    ) {
        let is_asked = requests > self.seen;
        if is_asked {
            self.tuning = Tuning::default();
        }
        let is_asked = is_asked || self.is_wished;
        let (step, refusal) = match std::mem::replace(&mut self.step, Step::Idle) {
            Step::Idle if is_asked => {
                (self.seen, self.is_wished) = (requests, false);
                tell(Phase::Begun);
                self.begin()
            }
            Step::Idle => match self.level.take() {
                Some(level) => self.begin_level(level, pipeline),
                None => (Step::Idle, None),
            },
            Step::Stuck(loading) if loading.is_finished() => (Step::Idle, None),
            Step::Stuck(loading) if is_asked => {
                (self.seen, self.is_wished) = (requests, false);
                tell(Phase::Begun);
                (Step::Stuck(loading), Some(Refusal::Stuck))
            }
            Step::Loading(loading, since) => self.follow(loading, since, pipeline),
            Step::Changing(served, since) if is_settled(since, pipeline) => {
                self.settle(*served, pipeline, tell);
                (Step::Idle, None)
            }
            step => (step, None),
        };
        self.step = step;
        if let Some(refusal) = refusal {
            log::error!("reload refused, the configuration in use stays: {refusal}");
            pipeline.metrics().reload.refuse(&refusal.to_string());
            tell(Phase::Over);
        }
    }

    /// Notes what serves from now on.
    fn settle(&mut self, served: Served, pipeline: &RunningPipeline, tell: &mut dyn FnMut(Phase)) {
        let Served { told, recipe, follows, is_level } = served;
        told.tell(pipeline.metrics());
        let pixel_format = self.running.pixel_format.as_deref();
        doubts::tell(doubts::of_source(&recipe.camera, pixel_format), pipeline.metrics());
        (self.running.recipe, self.running.follows) = (recipe.clone(), follows);
        if is_level {
            return;
        }
        self.changed = Some(recipe);
        pipeline.metrics().reload.succeed();
        log::info!("reload: done");
        tell(Phase::Over);
    }

    fn begin_level(&self, level: Level, pipeline: &RunningPipeline) -> (Step, Option<Refusal>) {
        let Some(told) = Told::now(pipeline.metrics()) else { return (Step::Idle, None) };
        let running = self.running.clone();
        let plan = move || {
            priority::give_way();
            running.at(level, told)
        };
        match owner::spawn("level", plan) {
            Ok(loading) => (Step::Loading(loading, Instant::now()), None),
            Err(error) => (Step::Idle, Some(Refusal::Thread(error))),
        }
    }

    fn begin(&self) -> (Step, Option<Refusal>) {
        log::info!("reload: loading {}", self.running.entry.path.display());
        let (running, attempt, tuning) = (self.running.clone(), self.attempt, self.tuning.clone());
        match owner::spawn("reload", move || running.load(attempt, &tuning)) {
            Ok(loading) => (Step::Loading(loading, Instant::now()), None),
            Err(error) => (Step::Idle, Some(Refusal::Thread(error))),
        }
    }

    fn follow(
        &self,
        loading: Loading,
        since: Instant,
        pipeline: &RunningPipeline,
    ) -> (Step, Option<Refusal>) {
        if loading.is_finished() {
            return match change(loading, pipeline) {
                Ok(served) => (Step::Changing(Box::new(served), Instant::now()), None),
                Err(refusal) => (Step::Idle, Some(refusal)),
            };
        }
        if since.elapsed() < self.patience {
            return (Step::Loading(loading, since), None);
        }
        (Step::Stuck(loading), Some(Refusal::Late(self.patience)))
    }
}

/// Whether the restorer has changed, or no frame is to be expected with which they would.
fn is_settled(since: Instant, pipeline: &RunningPipeline) -> bool {
    let is_live = pipeline.metrics().source.state() == SourceState::Live;
    pipeline.has_changed() || !is_live || since.elapsed() >= CHANGE_PATIENCE
}

/// Offers the restorer that a thread has made to the pipeline; what becomes known once it serves.
fn change(loading: Loading, pipeline: &RunningPipeline) -> Result<Served, Refusal> {
    let Loaded { restorer, served } = loading.join().map_err(|_| Refusal::Panicked)??;
    pipeline.change_restorer(restorer);
    Ok(served)
}

/// Names the sections that differ and need a restart.
fn name_what_waits(running: &Config, new: &Config) {
    let differences = [
        ("source", running.source != new.source),
        ("simulate", is_simulation_changed(running, new)),
        ("sink", running.sinks != new.sinks),
        ("pipeline", running.pipeline != new.pipeline),
        ("overload", running.overload != new.overload),
        ("calibrate", running.calibrate != new.calibrate),
    ];
    let waiting: Vec<&str> =
        differences.iter().filter(|(_, differs)| *differs).map(|(section, _)| *section).collect();
    if !waiting.is_empty() {
        log::warn!("reload: what changed in {} needs a restart", waiting.join(", "));
    }
}

/// Where no PSF is named for it, the simulated blur is that of [restore].
fn is_simulation_changed(running: &Config, new: &Config) -> bool {
    let follows = running.simulate.as_ref().is_some_and(|simulate| simulate.psf.is_none());
    running.simulate != new.simulate || (follows && running.camera.psf != new.camera.psf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::Outputs;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::Path;

    const CONFIGURATION: &str = "\
        [source]\nkind = 'scene'\nextent = '64x36'\n\
        [restore]\npsf = 'gaussian:0.7'\nsigma = 1.0\nmodel = 'none'\n\
        [[sink]]\nkind = 'y4m'\npath = '/dev/null'\n";

    /// A pipeline that runs, and what a reload from `path` must fit.
    fn start(path: &Path) -> (RunningPipeline, Running) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("deblurd.toml");
        std::fs::write(&file, CONFIGURATION).expect("a file");
        let mut loaded =
            Material::read(&Entry::file(&file)).and_then(|it| Ok(it.load()?)).expect("a PSF");
        let assembly = loaded.assembly(None).expect("stages");
        let format = assembly.source.format();
        let (clue, recipe) = (assembly.source.clue(), assembly.recipe.clone());
        let sinks = &loaded.config.sinks;
        let pipeline = assembly
            .build(|_| Ok::<_, StationError>(Outputs::open(sinks)?.sinks))
            .expect("a pipeline");
        let (entry, config, follows) = (Entry::file(path), loaded.config, false);
        let pixel_format = None;
        let running = Running { entry, config, format, clue, pixel_format, recipe, follows };
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
        let (pipeline, running) = start(&path);
        let mut reloader = Reloader::new(running, |_, _| Ok(String::new()));
        reloader.patience = Duration::ZERO;
        let told = || pipeline.metrics().reload.snapshot();

        reloader.attend(1, &pipeline, &mut |_| ());
        assert_eq!(told().refused, 0, "given up before it began");
        reloader.attend(1, &pipeline, &mut |_| ());
        assert_eq!(told().problem, "it takes longer than 0ns");
        reloader.attend(1, &pipeline, &mut |_| ());
        assert_eq!(told().refused, 1, "one reload is refused twice");
        reloader.attend(2, &pipeline, &mut |_| ());
        assert_eq!(told().problem, "an earlier reload still hangs");
        assert_eq!(told().refused, 2);

        // What hung gets its answer; what it brings comes too late.
        write!(OpenOptions::new().write(true).open(&path).expect("a reader"), "{CONFIGURATION}")
            .expect("a reader");
        while !matches!(reloader.step, Step::Idle) {
            reloader.attend(2, &pipeline, &mut |_| ());
            std::thread::yield_now();
        }
        assert_eq!((told().done, told().refused), (0, 2), "a reload that was given up took place");
        std::fs::remove_file(&path).expect("a FIFO");
        std::fs::write(&path, CONFIGURATION).expect("a file");
        reloader.patience = PATIENCE;
        while told().done == 0 {
            reloader.attend(3, &pipeline, &mut |_| ());
            assert_eq!(told().refused, 2, "{:?}", told().problem);
            std::thread::yield_now();
        }
        pipeline.stop(PATIENCE).expect("its end");
    }
}
