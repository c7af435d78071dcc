//! How frames move: source, restorer and sinks on threads of their own, joined by bounded queues.
//!
//! ```text
//! source ═▶ queue ═▶ restorer ═┬▶ queue ═▶ sink
//!                              └▶ queue ═▶ sink
//! ```
//!
//! Frames move by ownership up to the restorer; from there each sink holds it too and reads. The
//! pool has exactly as many frames as the queues and threads can hold, so an empty pool is a
//! defect, not a state. One thread restores, since each step divides its work among all workers:
//! a second one would hold more frames without making more.
//!
//! The end is forward, too: a source that ends drops its end of the queue, each thread drains its
//! queue and then drops its own, sinks finish, and [`RunningPipeline::finish`] joins all. Told to
//! stop, the threads do the same but lose the frames that wait instead of working on them.

mod ladder;
mod mailbox;
mod options;
mod pictures; // of frames, on a part of their way
mod queue;
mod seats;
mod standing;
mod stop;
mod tap;
mod threads;
mod workers;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use ladder::LadderOptions;
pub use options::PipelineOptions;
pub use queue::Overflow;
pub use seats::{Seated, Seats};
pub use standing::stand;
pub use stop::Stop;
pub use tap::{Copied, Pair, Tap, Taps};
pub use workers::{Stoppable, Workers};

use crate::exit::{ExitStatus, Status};
use crate::frame::{Frame, Pool};
use crate::metrics::Metrics;
use crate::owner;
use crate::priority::Standing;
use crate::restore::Restorer;
use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError};
use ladder::Governor;
use mailbox::{Counted, Mailbox};
use pictures::Pictures;
use queue::{Consumer, Producer};
use threads::{Common, Moving, News, Offered, RestoreThread, SinkThread, SourceThread};

/// A pipeline that was put together and does not run yet.
pub struct Pipeline {
    /// Where frames come from.
    pub source: Box<dyn Source>,
    /// What restores them.
    pub restorer: Box<dyn Restorer>,
    /// Where they go.
    pub sinks: Vec<Box<dyn Sink>>,
    /// How they move.
    pub options: PipelineOptions,
    /// When less is done to each of them; never where absent, or where none may be lost.
    pub ladder: Option<LadderOptions>,
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
    mailbox: Arc<Mailbox>,
    taps: Taps,
    report: Report,
}

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
#[derive(Debug, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum PipelineError {
    /// cannot start the thread '{name}': {cause}
    Thread { name: String, cause: std::io::Error },
    /// sink {name}: {cause}
    Sink { name: String, cause: SinkError },
    /// still running {waited:?} after the stop: {threads}
    Stuck { waited: Duration, threads: String },
    /// the thread '{0}' panicked
    Panicked(String),
}

impl ExitStatus for PipelineError {
    fn status(&self) -> Status {
        match self {
            Self::Sink { cause, .. } => cause.status(),
            _ => Status::Failed,
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Sink { cause, .. } => cause.errno(),
            Self::Thread { cause, .. } => cause.raw_os_error(),
            _ => None,
        }
    }
}

impl Pipeline {
    /// Starts all threads.
    ///
    /// # Errors
    /// Where a sink cannot take the frames or a thread cannot be started. Threads already started
    /// end by themselves then.
    pub fn start(mut self) -> Result<RunningPipeline, PipelineError> {
        let notes = self.source.notes();
        for sink in &mut self.sinks {
            sink.heed(&notes);
            let started = sink.start(self.source.format(), self.source.rate());
            started.map_err(|cause| PipelineError::Sink { name: sink.name().to_owned(), cause })?;
        }
        let (sender, news) = mpsc::channel();
        let metrics = Arc::clone(&self.metrics);
        let stop = self.stop.clone();
        let mailbox = Arc::<Mailbox>::default();
        let taps = Taps::default();
        let common = Common {
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
            news: sender,
            deadline: self.options.live_deadline(),
        };
        let threads = self.start_threads(&common, &mailbox, &taps)?;
        let report = Report { metrics, source_failure: None, sink_failures: Vec::new() };
        Ok(RunningPipeline { stop, news, threads, mailbox, taps, report })
    }

    /// Starts the threads from the last to the first, so that each finds its queue read.
    fn start_threads(
        self,
        common: &Common,
        mailbox: &Arc<Mailbox>,
        taps: &Taps,
    ) -> Result<Vec<(String, JoinHandle<()>)>, PipelineError> {
        let Self { source, restorer, sinks, options, ladder, .. } = self;
        let keeps_captured = sinks.iter().any(|sink| sink.shows_captured());
        let pictures = Pictures::new(source.format(), (sinks.len(), keeps_captured), options);
        let bare = || {
            let mut frame = Frame::vacant(source.format());
            source.prepare(&mut frame);
            frame
        };
        let home = pictures.clone();
        let tidy = move |frame: &mut Frame| home.come_home(frame);
        let pool = Pool::tidied(frames(sinks.len(), options), bare, tidy);
        let standings = options.standings(source.is_paced());
        let books = &common.metrics;
        let mut started = Vec::new();
        let mut outputs = Vec::new();
        for (index, sink) in sinks.into_iter().enumerate() {
            let name = format!("sink {}", common.metrics.sinks[index].name);
            let (output, input) = queue::<Offered>(options, &name, &common.metrics);
            outputs.push(output);
            let overflow = options.overflow;
            let standing = if sink.gives_way() { standings.page } else { standings.output };
            let thread = SinkThread { index, sink, input, overflow, common: common.clone() };
            started.push(spawn(name, standing, books, move || thread.run())?);
        }
        let name = "restore".to_owned();
        let (output, input) = queue::<Moving>(options, &name, &common.metrics);
        let counted = counted(restorer, &common.metrics);
        let (mailbox, taps) = (Arc::clone(mailbox), taps.clone());
        let thread = RestoreThread {
            counted,
            mailbox,
            taps,
            pictures: pictures.clone(),
            input,
            outputs,
            common: common.clone(),
        };
        started.push(spawn(name, standings.restoring, books, move || thread.run())?);
        let governor =
            Governor::new(ladder.filter(|_| options.is_live()), Arc::clone(&common.metrics));
        let thread =
            SourceThread { source, pool, pictures, output, governor, common: common.clone() };
        started.push(spawn("source".to_owned(), standings.capture, books, move || thread.run())?);
        Ok(started)
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.restorer.steps().iter().map(|step| &step.name)).finish()
    }
}

impl RunningPipeline {
    /// The switch that stops this pipeline.
    pub fn stop_switch(&self) -> Stop {
        self.stop.clone()
    }

    /// Has the frames from now on restored by another restorer of frames of the same format.
    pub fn change_restorer(&self, restorer: Box<dyn Restorer>) {
        self.mailbox.offer(counted(restorer, self.metrics()));
    }

    /// Where copies of frames as captured can be had.
    pub fn taps(&self) -> &Taps {
        &self.taps
    }

    /// Whether the restorer that was offered last is the one at work.
    pub fn has_changed(&self) -> bool {
        self.mailbox.is_empty()
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
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.mailbox.free_relieved();
                    return false;
                }
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
        let names: Vec<&str> = running.map(|(name, _)| name.as_str()).collect();
        Err(PipelineError::Stuck { waited: patience, threads: names.join(", ") })
    }

    fn join(self) -> Result<Report, PipelineError> {
        for (name, thread) in self.threads {
            thread.join().map_err(|_| PipelineError::Panicked(name))?;
        }
        Ok(self.report)
    }
}

/// Frames that can be under way at once: those in queues, one in the hands of each thread, and one
/// that the restorer has just displaced while it still holds the one it offers.
fn frames(sinks: usize, options: PipelineOptions) -> usize {
    let queues = 1 + sinks;
    let threads = 2 + sinks;
    queues * options.queue_capacity.max(1) + threads + 1
}

/// A restorer with the books that its steps are counted in.
fn counted(restorer: Box<dyn Restorer>, metrics: &Metrics) -> Counted {
    let names: Vec<String> = restorer.steps().iter().map(|step| step.name.clone()).collect();
    metrics.restoration.serve_by(restorer.backend());
    Counted { restorer, books: metrics.set_stages(&names) }
}

/// A queue that is counted under the name of the thread that takes from it.
fn queue<T>(options: PipelineOptions, name: &str, metrics: &Metrics) -> (Producer<T>, Consumer<T>) {
    let capacity = options.queue_capacity.max(1);
    queue::queue(capacity, options.overflow, metrics.add_queue(name, capacity))
}

fn spawn(
    name: String,
    standing: Standing,
    metrics: &Arc<Metrics>,
    run: impl FnOnce() + Send + 'static,
) -> Result<(String, JoinHandle<()>), PipelineError> {
    // The kernel keeps 15 bytes of a thread's name.
    let short: String = name.chars().take(15).collect();
    let (metrics, thread) = (Arc::clone(metrics), name.clone());
    let stood = move || {
        stand(&thread, standing, &metrics.scheduling);
        run();
    };
    match owner::spawn(short, stood) {
        Ok(thread) => Ok((name, thread)),
        Err(cause) => Err(PipelineError::Thread { name, cause }),
    }
}
