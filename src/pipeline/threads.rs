//! What each thread of a pipeline does, from its first frame to its last.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

use super::Stop;
use super::queue::{Consumer, Producer, Pushed};
use crate::frame::{Frame, Lease, Pool, Shared};
use crate::metrics::{Metrics, Reason, Ticket};
use crate::restore::Stage;
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
}

/// Takes frames from the source and numbers them.
pub(super) struct SourceThread {
    pub(super) source: Box<dyn Source>,
    pub(super) pool: Pool<Frame>,
    pub(super) output: Producer<Moving>,
    pub(super) common: Common,
}

impl SourceThread {
    pub(super) fn run(mut self) {
        let mut sequence = 0;
        while !self.common.stop.is_set() {
            let lease = self.pool.lease();
            assert!(lease.is_some(), "the pool holds fewer frames than the pipeline can");
            let Some(mut frame) = lease else { return };
            let filled = self.source.fill(&mut frame.get());
            frame.get().meta.sequence = sequence;
            match filled {
                Ok(Filled::Frame) => self.send(frame),
                Ok(Filled::Unusable(error)) => {
                    log::warn!("frame {sequence} is lost: {error}");
                    self.common.metrics.trunk.enter().lose(Reason::Unusable);
                }
                Ok(Filled::Waiting) => continue,
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

    fn send(&self, frame: Lease<Frame>) {
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
    /// Index of the group's first stage among all stages.
    pub(super) first: usize,
    pub(super) stages: Vec<Box<dyn Stage>>,
    pub(super) input: Consumer<Moving>,
    pub(super) output: Outlet,
    pub(super) common: Common,
}

impl StageThread {
    pub(super) fn run(mut self) {
        while let Some(mut moving) = self.input.pop() {
            if self.common.stop.is_set() {
                moving.lose(Reason::Shutdown);
                continue;
            }
            self.apply(&mut moving.frame.get());
            if self.common.stop.is_set() {
                // The stages may have left their work undone.
                moving.lose(Reason::Shutdown);
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

    /// Runs the stages until the pipeline is told to stop. One that fails is passed over, counted
    /// and noted in the frame.
    fn apply(&mut self, frame: &mut Frame) {
        frame.meta.degraded = false;
        let books = &self.common.metrics.stages[self.first..];
        for (stage, books) in self.stages.iter_mut().zip(books) {
            if self.common.stop.is_set() {
                return;
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
        }
    }
}

/// Ends the frame's way through the stages and offers it to every sink.
fn offer(moving: Moving, outputs: &[Producer<Offered>], metrics: &Metrics) {
    let Moving { frame, ticket } = moving;
    let frame = frame.share();
    if let Some(psnr) = frame.get().meta.psnr {
        metrics.quality.record(psnr.blurred_db, psnr.restored_db);
    }
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

/// Gives frame after frame to one sink. A sink that fails gets no more frames.
pub(super) struct SinkThread {
    pub(super) index: usize,
    pub(super) sink: Box<dyn Sink>,
    pub(super) input: Consumer<Offered>,
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
            if self.common.stop.is_set() {
                offered.ticket.lose(Reason::Shutdown);
                continue;
            }
            let frame = offered.frame.get();
            match self.sink.deliver(&frame) {
                Ok(()) => offered.ticket.deliver(),
                Err(error) => {
                    offered.ticket.lose(Reason::SinkFailed);
                    return Err(error);
                }
            }
            books.latency.record(frame.meta.captured_at.elapsed());
        }
        Ok(())
    }
}
