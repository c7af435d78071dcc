//! How frames move: source, stages and sinks on threads of their own, joined by bounded queues.
//!
//! ```text
//! source ═▶ queue ═▶ group of stages ═▶ queue ═▶ … ═▶ last group ═┬▶ queue ═▶ sink
//!                                                                 └▶ queue ═▶ sink
//! ```
//!
//! Frames move by ownership up to the last group; from there each sink holds a share and reads.
//! The pool has exactly as many frames as the queues and threads can hold, so an empty pool is a
//! defect, not a state.
//!
//! The end is forward, too: a source that ends drops its end of the queue, each thread drains its
//! queue and then drops its own, sinks finish, and [`RunningPipeline::finish`] joins all. Told to
//! stop, the threads do the same but lose the frames that wait instead of working on them.

mod ladder;
mod plans;
mod queue;
mod threads;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use ladder::LadderOptions;
pub use queue::Overflow;
pub use workers::{Stoppable, Workers};

use crate::frame::{Frame, PictureFormat, Pool};
use crate::metrics::Metrics;
use crate::restore::Stage;
use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError};
use ladder::Governor;
use plans::{Group, Plans};
use queue::{Consumer, Producer};
use threads::{Common, Moving, News, Offered, Outlet, SinkThread, SourceThread, StageThread};

/// How frames move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PipelineOptions {
    /// Frames that wait before each thread, at least one.
    pub queue_capacity: usize,
    /// What full queues do.
    pub overflow: Overflow,
    /// Age from which frames are dropped, where there is one.
    pub deadline: Option<Duration>,
    /// When less is done to each frame; never where absent.
    pub ladder: Option<LadderOptions>,
}

impl PipelineOptions {
    /// Queues of one frame, without a deadline and without a ladder.
    pub const fn new(overflow: Overflow) -> Self {
        Self { queue_capacity: 1, overflow, deadline: None, ladder: None }
    }
}

/// A pipeline that was put together and does not run yet.
pub struct Pipeline {
    /// Where frames come from.
    pub source: Box<dyn Source>,
    /// What is done to them: each group on a thread of its own, in order; at least one group.
    pub groups: Vec<Vec<Box<dyn Stage>>>,
    /// Where they go.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Format in which they leave the last group.
    pub restored: PictureFormat,
    /// How they move.
    pub options: PipelineOptions,
    /// Where they are counted: made for the names of these stages and sinks.
    pub metrics: Arc<Metrics>,
    /// What stops them.
    pub stop: Stop,
}

/// A pipeline whose threads run.
#[derive(Debug)]
pub struct RunningPipeline {
    stop: Stop,
    news: mpsc::Receiver<News>,
    threads: Vec<(String, JoinHandle<()>)>,
    plans: Arc<Plans>,
    groups: usize,
    report: Report,
}

/// A switch that tells a running pipeline to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// How a pipeline ended.
#[derive(Debug)]
pub struct Report {
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// Why the source gave up, where it did.
    pub source_failure: Option<SourceError>,
    /// Sinks that failed, and why.
    pub sink_failures: Vec<(String, SinkError)>,
}

/// Why a pipeline cannot run or did not end.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The system gives no more threads.
    #[error("cannot start the thread '{name}': {cause}")]
    Thread {
        /// Name of the thread.
        name: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A sink cannot take the frames.
    #[error("sink {name}: {cause}")]
    Sink {
        /// Name of the sink.
        name: String,
        /// Why not.
        cause: SinkError,
    },
    /// Threads did not end in time.
    #[error("still running {waited:?} after the stop: {}", threads.join(", "))]
    Stuck {
        /// How long they were given.
        waited: Duration,
        /// Names of the threads.
        threads: Vec<String>,
    },
    /// New stages do not fit the running threads.
    #[error("{offered} groups of stages were offered to {running} running threads")]
    Groups {
        /// Groups that were offered.
        offered: usize,
        /// Groups that run.
        running: usize,
    },
    /// A thread panicked.
    #[error("the thread '{0}' panicked")]
    Panicked(String),
}

impl Pipeline {
    /// Starts all threads.
    ///
    /// # Errors
    /// Where a sink cannot take the frames or a thread cannot be started. Threads already started
    /// end by themselves then.
    pub fn start(mut self) -> Result<RunningPipeline, PipelineError> {
        for sink in &mut self.sinks {
            let started = sink.start(self.restored, self.source.rate());
            started.map_err(|cause| PipelineError::Sink { name: sink.name().to_owned(), cause })?;
        }
        let (sender, news) = mpsc::channel();
        let metrics = Arc::clone(&self.metrics);
        let stop = self.stop.clone();
        let (plans, groups) = (Arc::<Plans>::default(), self.groups.len());
        let common = Common {
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
            news: sender,
            plans: Arc::clone(&plans),
            deadline: self.options.deadline,
        };
        let threads = self.start_threads(&common)?;
        let report = Report { metrics, source_failure: None, sink_failures: Vec::new() };
        Ok(RunningPipeline { stop, news, threads, plans, groups, report })
    }

    /// Starts the threads from the last to the first, so that each finds its queue read.
    fn start_threads(
        self,
        common: &Common,
    ) -> Result<Vec<(String, JoinHandle<()>)>, PipelineError> {
        let Self { source, groups, sinks, options, .. } = self;
        let pool = Pool::new(frames(groups.len(), sinks.len(), options), || {
            let mut frame = Frame::new(source.format());
            groups.iter().flatten().for_each(|stage| stage.prepare(&mut frame));
            frame
        });
        let mut started = Vec::new();
        let mut outlets = Vec::new();
        for (index, sink) in sinks.into_iter().enumerate() {
            let name = format!("sink {}", common.metrics.sinks[index].name);
            let (output, input) = queue::<Offered>(options, &name, &common.metrics);
            outlets.push(output);
            let overflow = options.overflow;
            let thread = SinkThread { index, sink, input, overflow, common: common.clone() };
            started.push(spawn(name, move || thread.run())?);
        }
        let mut output = Outlet::Sinks(outlets);
        for (index, stages) in counted(groups, &common.metrics).into_iter().enumerate().rev() {
            let names: Vec<&str> = stages.iter().map(|(stage, _)| stage.name()).collect();
            let name = if names.is_empty() { "passing on".to_owned() } else { names.join("+") };
            let (producer, input) = queue::<Moving>(options, &name, &common.metrics);
            let common = common.clone();
            let thread = StageThread { index, stages, plan: 0, input, output, common };
            started.push(spawn(name, move || thread.run())?);
            output = Outlet::Next(producer);
        }
        if let Outlet::Next(output) = output {
            let governor = Governor::new(options.ladder, Arc::clone(&common.metrics));
            let thread = SourceThread { source, pool, output, governor, common: common.clone() };
            started.push(spawn("source".to_owned(), move || thread.run())?);
        }
        Ok(started)
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self
            .groups
            .iter()
            .map(|group| group.iter().map(|stage| stage.name()).collect::<Vec<_>>());
        out.debug_list().entries(names).finish()
    }
}

impl RunningPipeline {
    /// The switch that stops this pipeline.
    pub fn stop_switch(&self) -> Stop {
        self.stop.clone()
    }

    /// Has the frames from now on served by other stages: the same number of groups, planned
    /// together for the pictures of this pipeline. No frame is lost or served by stages of both.
    ///
    /// # Errors
    /// Where the number of groups is another; the old stages go on.
    pub fn change_stages(&self, groups: Vec<Vec<Box<dyn Stage>>>) -> Result<(), PipelineError> {
        if groups.len() != self.groups {
            return Err(PipelineError::Groups { offered: groups.len(), running: self.groups });
        }
        self.plans.offer(counted(groups, self.metrics()));
        Ok(())
    }

    /// Whether all threads have changed to the stages that were offered last.
    pub fn has_changed(&self) -> bool {
        self.plans.is_settled()
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.report.metrics
    }

    /// Whether a sink is left that has not failed.
    pub fn has_sinks(&self) -> bool {
        self.report.sink_failures.len() < self.report.metrics.sinks.len()
    }

    /// Waits until all threads have ended, at most for `patience`; whether they have.
    pub fn wait_for(&mut self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        loop {
            match self.news.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(News::Source(error)) => self.report.source_failure = Some(error),
                Ok(News::Sink(name, error)) => {
                    self.report.sink_failures.push((name, error));
                    self.tell_loss();
                }
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
                Err(mpsc::RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    /// Tells of the newest failure where the pipeline goes on without that sink.
    fn tell_loss(&self) {
        if let (Some((name, error)), true) = (self.report.sink_failures.last(), self.has_sinks()) {
            log::error!("sink {name}: {error}; the others go on");
        }
    }

    /// Waits until every frame has arrived and all threads have ended.
    ///
    /// # Errors
    /// Where a thread panicked.
    pub fn finish(mut self) -> Result<Report, PipelineError> {
        while !self.wait_for(Duration::from_secs(3600)) {}
        self.join()
    }

    /// Tells the threads to stop and waits until they have, at most for `patience`. Frames still
    /// on their way are lost and counted.
    ///
    /// # Errors
    /// Where a thread is stuck or panicked.
    pub fn stop(mut self, patience: Duration) -> Result<Report, PipelineError> {
        self.stop.set();
        if self.wait_for(patience) {
            return self.join();
        }
        let running = self.threads.iter().filter(|(_, thread)| !thread.is_finished());
        Err(PipelineError::Stuck {
            waited: patience,
            threads: running.map(|(name, _)| name.clone()).collect(),
        })
    }

    fn join(self) -> Result<Report, PipelineError> {
        for (name, thread) in self.threads {
            thread.join().map_err(|_| PipelineError::Panicked(name))?;
        }
        Ok(self.report)
    }
}

impl Stop {
    /// Tells the pipeline to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Frames that can be under way at once: those in queues, one in the hands of each thread, and one
/// that the last group has just displaced while it still holds the one it offers.
fn frames(groups: usize, sinks: usize, options: PipelineOptions) -> usize {
    let queues = groups + sinks;
    let threads = 1 + groups + sinks;
    queues * options.queue_capacity.max(1) + threads + 1
}

/// Stages with the books that they are counted in.
fn counted(groups: Vec<Vec<Box<dyn Stage>>>, metrics: &Metrics) -> Vec<Group> {
    let names: Vec<String> = groups.iter().flatten().map(|stage| stage.name().to_owned()).collect();
    let mut books = metrics.set_stages(&names).into_iter();
    groups.into_iter().map(|stages| stages.into_iter().zip(books.by_ref()).collect()).collect()
}

/// A queue that is counted under the name of the thread that takes from it.
fn queue<T>(options: PipelineOptions, name: &str, metrics: &Metrics) -> (Producer<T>, Consumer<T>) {
    let capacity = options.queue_capacity.max(1);
    queue::queue(capacity, options.overflow, metrics.add_queue(name, capacity))
}

fn spawn(
    name: String,
    run: impl FnOnce() + Send + 'static,
) -> Result<(String, JoinHandle<()>), PipelineError> {
    // The kernel keeps 15 bytes of a thread's name.
    let short: String = name.chars().take(15).collect();
    match std::thread::Builder::new().name(short).spawn(run) {
        Ok(thread) => Ok((name, thread)),
        Err(cause) => Err(PipelineError::Thread { name, cause }),
    }
}
