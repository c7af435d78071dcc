//! What each thread of a pipeline does, from its first frame to its last.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Stop;
use super::ladder::Governor;
use super::plans::{Group, Plans};
use super::queue::{Consumer, Overflow, Producer, Pushed};
use crate::frame::{Effort, Frame, FrameMeta, Lease, Pool, Shared};
use crate::metrics::{Metrics, Reason, SourceState, Ticket};
use crate::sink::{Sink, SinkError};
use crate::source::{Filled, Source, SourceError};

/// A frame before the last stage: it has one owner.
#[derive(Debug)]
pub(super) struct Moving {
    frame: Lease<Frame>,
    ticket: Ticket,
}

impl Moving {
    /// Lets the frame go. Its workspace goes home at once, not when the frame is used again.
    fn lose(mut self, reason: Reason) {
        self.frame.get().work = None;
        self.ticket.lose(reason);
    }
}

/// A frame after the last stage, as one sink sees it.
#[derive(Debug)]
pub(super) struct Offered {
    frame: Shared<Frame>,
    ticket: Ticket,
}

/// Bad news of a thread. All threads hold a sender: when it is closed, all have ended.
#[derive(Debug)]
pub(super) enum News {
    Source(SourceError),
    Sink(String, SinkError),
}

/// What all threads share.
#[derive(Debug, Clone)]
pub(super) struct Common {
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: Stop,
    pub(super) news: mpsc::Sender<News>,
    pub(super) plans: Arc<Plans>,
    /// Age from which a frame is not worth its work any more.
    pub(super) deadline: Option<Duration>,
}

impl Common {
    /// Why a frame that was taken from a queue is not to be worked on.
    fn refuses(&self, meta: &FrameMeta) -> Option<Reason> {
        let is_late = |deadline| meta.captured_at.elapsed() > deadline;
        if self.stop.is_set() {
            Some(Reason::Shutdown)
        } else {
            self.deadline.is_some_and(is_late).then_some(Reason::Deadline)
        }
    }
}

/// A source that has nothing to say of itself is silent after so long without a picture.
const SILENCE: Duration = Duration::from_secs(2);

/// Takes frames from the source and numbers them.
pub(super) struct SourceThread {
    pub(super) source: Box<dyn Source>,
    pub(super) pool: Pool<Frame>,
    pub(super) output: Producer<Moving>,
    pub(super) governor: Governor,
    pub(super) common: Common,
}

impl SourceThread {
    pub(super) fn run(mut self) {
        let mut sequence = 0;
        let mut last = Instant::now();
        while !self.common.stop.is_set() {
            let lease = self.pool.lease();
            assert!(lease.is_some(), "the pool holds fewer frames than the pipeline can");
            let Some(mut frame) = lease else { return };
            let filled = self.source.fill(&mut frame.get());
            self.common.metrics.source.heartbeats.add(1);
            match filled {
                Ok(Filled::Frame) => {
                    last = Instant::now();
                    self.note_live();
                    let effort = self.governor.effort();
                    self.send(frame, sequence, effort, false);
                }
                Ok(Filled::Placeholder) => {
                    self.common.metrics.source.placeholders.add(1);
                    self.send(frame, sequence, Effort::Passthrough, true);
                }
                Ok(Filled::Unusable(error)) => {
                    log::warn!("a frame is lost: {error}");
                    self.common.metrics.trunk.enter().lose(Reason::Unusable);
                }
                Ok(Filled::Waiting) => {
                    self.note_silence(last.elapsed());
                    continue;
                }
                Ok(Filled::End) => return,
                Err(error) => {
                    // Nobody listening means that the pipeline is being taken down.
                    let _ = self.common.news.send(News::Source(error));
                    return;
                }
            }
            sequence += 1;
        }
    }

    /// A frame tells of a source that does not tell of itself.
    fn note_live(&self) {
        let source = &self.common.metrics.source;
        if matches!(source.state(), SourceState::Starting | SourceState::Silent) {
            source.enter(SourceState::Live, "");
        }
    }

    /// Long waiting, too. One that opens a device knows better how long is long.
    fn note_silence(&self, waited: Duration) {
        let source = &self.common.metrics.source;
        let could_be_live = matches!(source.state(), SourceState::Starting | SourceState::Live);
        if could_be_live && waited >= SILENCE && source.opened.get() == 0 {
            log::warn!("no picture has come for {waited:.0?}");
            source.enter(SourceState::Silent, "no picture comes");
        }
    }

    fn send(&self, mut frame: Lease<Frame>, sequence: u64, effort: Effort, placeholder: bool) {
        let captured_at = frame.get().meta.captured_at;
        frame.get().meta =
            FrameMeta { captured_at, effort, placeholder, ..FrameMeta::new(sequence) };
        let ticket = self.common.metrics.trunk.enter();
        match self.output.push(Moving { frame, ticket }) {
            Pushed::Queued => {}
            Pushed::Displaced(oldest) => oldest.lose(Reason::Overflow),
            Pushed::Closed(moving) => moving.lose(Reason::Shutdown),
        }
    }
}

/// Where a group of stages puts its frames.
pub(super) enum Outlet {
    /// On to the next group.
    Next(Producer<Moving>),
    /// To every sink.
    Sinks(Vec<Producer<Offered>>),
}

/// Runs a group of stages on frame after frame.
pub(super) struct StageThread {
    /// Place of the group among all groups.
    pub(super) index: usize,
    pub(super) stages: Group,
    /// Number of the plan that the stages belong to.
    pub(super) plan: u64,
    pub(super) input: Consumer<Moving>,
    pub(super) output: Outlet,
    pub(super) common: Common,
}

impl StageThread {
    pub(super) fn run(mut self) {
        while let Some(mut moving) = self.input.pop() {
            self.follow_plan(&mut moving.frame.get().meta);
            let refusal = self.common.refuses(&moving.frame.get().meta);
            if let Some(reason) = refusal {
                moving.lose(reason);
                continue;
            }
            self.apply(&mut moving.frame.get());
            // The stages may have left their work undone, or taken too long.
            let refusal = self.common.refuses(&moving.frame.get().meta);
            if let Some(reason) = refusal {
                moving.lose(reason);
                continue;
            }
            match &self.output {
                Outlet::Next(output) => match output.push(moving) {
                    Pushed::Queued => {}
                    Pushed::Displaced(oldest) => oldest.lose(Reason::Overflow),
                    Pushed::Closed(moving) => moving.lose(Reason::Shutdown),
                },
                Outlet::Sinks(outputs) => offer(moving, outputs, &self.common.metrics),
            }
        }
    }

    /// Changes to the plan that serves the frame; the first group decides which one that is.
    fn follow_plan(&mut self, meta: &mut FrameMeta) {
        let next = match self.index {
            0 => self.common.plans.newer_than(self.plan),
            _ if meta.plan > self.plan => {
                self.common.plans.take(meta.plan, self.index).map(|stages| (meta.plan, stages))
            }
            _ => None,
        };
        if let Some((number, stages)) = next {
            (self.plan, self.stages) = (number, stages);
        }
        if self.index == 0 {
            meta.plan = self.plan;
        }
    }

    /// Runs the stages that the frame's effort asks for, until the pipeline is told to stop. One
    /// that fails is passed over, counted and noted in the frame.
    fn apply(&mut self, frame: &mut Frame) {
        for (stage, books) in &mut self.stages {
            if self.common.stop.is_set() {
                return;
            }
            if stage.least_effort() > frame.meta.effort {
                continue;
            }
            let start = Instant::now();
            if let Err(error) = stage.apply(frame) {
                log::warn!(
                    "stage {} failed on frame {}: {error}",
                    stage.name(),
                    frame.meta.sequence
                );
                books.failed.add(1);
                frame.meta.degraded = true;
            }
            books.busy.record(start.elapsed());
            if !frame.meta.placeholder {
                books.age.record(frame.meta.captured_at.elapsed());
            }
        }
    }
}

/// Ends the frame's way through the stages and offers it to every sink.
fn offer(moving: Moving, outputs: &[Producer<Offered>], metrics: &Metrics) {
    let Moving { frame, ticket } = moving;
    let frame = frame.share();
    count(&frame.get().meta, metrics);
    ticket.deliver();
    for (output, sink) in outputs.iter().zip(&metrics.sinks) {
        let offered = Offered { frame: frame.clone(), ticket: sink.ledger.enter() };
        match output.push(offered) {
            Pushed::Queued => {}
            Pushed::Displaced(oldest) => oldest.ticket.lose(Reason::Overflow),
            Pushed::Closed(offered) => offered.ticket.lose(Reason::SinkFailed),
        }
    }
}

/// Counts what was done to a frame.
fn count(meta: &FrameMeta, metrics: &Metrics) {
    if meta.placeholder {
        return;
    }
    if let Some(psnr) = meta.psnr {
        metrics.quality.record(psnr.blurred_db, psnr.restored_db);
    }
    let load = &metrics.load;
    let frames = match meta.effort {
        Effort::Full => &load.full,
        Effort::Wiener => &load.wiener,
        Effort::Passthrough => &load.passthrough,
    };
    frames.add(1);
}

/// Gives frame after frame to one sink. A sink that fails gets no more frames.
pub(super) struct SinkThread {
    pub(super) index: usize,
    pub(super) sink: Box<dyn Sink>,
    pub(super) input: Consumer<Offered>,
    /// Whether a frame that the sink does not take now is offered again.
    pub(super) overflow: Overflow,
    pub(super) common: Common,
}

impl SinkThread {
    pub(super) fn run(mut self) {
        if let Err(error) = self.deliver_all().and_then(|()| self.sink.finish()) {
            let name = self.sink.name().to_owned();
            // Nobody listening means that the pipeline is being taken down.
            let _ = self.common.news.send(News::Sink(name, error));
        }
        // What is still offered to a sink that failed is lost to it, and is counted so.
        while let Some(offered) = self.input.pop() {
            offered.ticket.lose(Reason::SinkFailed);
        }
    }

    fn deliver_all(&mut self) -> Result<(), SinkError> {
        let books = &self.common.metrics.sinks[self.index];
        while let Some(offered) = self.input.pop() {
            let frame = offered.frame.get();
            if let Some(reason) = self.common.refuses(&frame.meta) {
                offered.ticket.lose(reason);
                continue;
            }
            match give(self.sink.as_mut(), &frame, self.overflow, &self.common.stop) {
                Ok(()) => offered.ticket.deliver(),
                Err(SinkError::Busy | SinkError::Later) => {
                    offered.ticket.lose(Reason::SinkBusy);
                    continue;
                }
                Err(error) => {
                    offered.ticket.lose(Reason::SinkFailed);
                    return Err(error);
                }
            }
            if !frame.meta.placeholder {
                books.latency.record(frame.meta.captured_at.elapsed());
            }
        }
        Ok(())
    }
}

/// Gives a frame to a sink; where no frame may be lost, until it is taken or the pipeline is told
/// to stop.
fn give(
    sink: &mut dyn Sink,
    frame: &Frame,
    overflow: Overflow,
    stop: &Stop,
) -> Result<(), SinkError> {
    loop {
        match sink.deliver(frame) {
            Err(SinkError::Later) if overflow == Overflow::Wait && !stop.is_set() => {}
            result => return result,
        }
    }
}
