//! What each thread of a pipeline does, from its first frame to its last.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::ladder::Governor;
use super::mailbox::{Counted, Mailbox};
use super::pictures::Pictures;
use super::queue::{Consumer, Overflow, Producer, Pushed};
use super::stop::Stop;
use super::tap::Taps;
use crate::frame::{Effort, Frame, FrameMeta, Lease, Pool, Shared};
use crate::metrics::{Metrics, Reason, SourceState, StageMetrics, Ticket};
use crate::restore::quality::assess;
use crate::restore::{Fused, Lamps, Mended, RestoreError, Striped, Watch};
use crate::sink::{Sink, SinkError};
use crate::source::{Filled, Source, SourceError};

/// A frame before it is restored: it has one owner.
#[derive(Debug)]
pub(super) struct Moving {
    frame: Lease<Frame>,
    ticket: Ticket,
}

impl Moving {
    fn lose(self, reason: Reason) {
        self.ticket.lose(reason);
    }
}

/// A restored frame, as one sink sees it.
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
    /// Closed first at the end: a source that takes its time to go holds up nobody.
    pub(super) output: Producer<Moving>,
    pub(super) source: Box<dyn Source>,
    pub(super) pool: Pool<Frame>,
    pub(super) pictures: Pictures,
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
            frame.get().meta = FrameMeta::new(sequence);
            self.pictures.capture(&mut frame.get());
            let filled = self.source.fill(&mut frame.get());
            self.common.metrics.source.heartbeats.add(1);
            match filled {
                Ok(Filled::Frame) => {
                    last = Instant::now();
                    self.note_live();
                    let effort = self.governor.effort();
                    sequence += frame.get().meta.gap;
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
        let meta = frame.get().meta;
        frame.get().meta = FrameMeta { sequence, effort, placeholder, ..meta };
        let ticket = self.common.metrics.trunk.enter();
        match self.output.push(Moving { frame, ticket }) {
            Pushed::Queued => {}
            Pushed::Displaced(oldest) => oldest.lose(Reason::Overflow),
            Pushed::Closed(moving) => moving.lose(Reason::Shutdown),
        }
    }
}

/// A frame behind more lost ones does not follow those before it. Behind fewer, which slow devices lose
/// all the time, whatever moved meanwhile is seen.
const GAP_MAX: u64 = 8;

/// Restores frame after frame and offers each to every sink.
pub(super) struct RestoreThread {
    pub(super) counted: Counted,
    /// Where the next restorer comes from.
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) taps: Taps,
    pub(super) pictures: Pictures,
    pub(super) input: Consumer<Moving>,
    pub(super) outputs: Vec<Producer<Offered>>,
    pub(super) common: Common,
}

impl RestoreThread {
    pub(super) fn run(mut self) {
        while let Some(mut moving) = self.input.pop() {
            self.mailbox.relieve(&mut self.counted);
            let refusal = self.common.refuses(&moving.frame.get().meta);
            if let Some(reason) = refusal {
                moving.lose(reason);
                continue;
            }
            self.pictures.restore(&mut moving.frame.get());
            self.restore(&mut moving.frame.get());
            // The work may have been left undone, or have taken too long.
            let refusal = self.common.refuses(&moving.frame.get().meta);
            self.taps.give(&moving.frame.get());
            self.pictures.offer(&mut moving.frame.get());
            match refusal {
                Some(reason) => moving.lose(reason),
                None => offer(moving, &self.outputs, &self.common.metrics),
            }
        }
    }

    /// Does to a frame what its effort asks for, until the pipeline is told to stop.
    fn restore(&mut self, frame: &mut Frame) {
        let Counted { restorer, books } = &mut self.counted;
        let Frame { meta, blurred, restored, .. } = &mut *frame;
        let Common { stop, metrics, .. } = &self.common;
        if meta.placeholder || meta.gap > GAP_MAX {
            metrics.fusion.forgotten.add(1);
            restorer.forget();
        }
        meta.effort = restorer.effort(meta.effort);
        let mut laps = Laps { books, metrics, stop, meta, since: Instant::now() };
        let failed = restorer.restore(blurred, restored, meta.effort, &mut laps).is_err();
        if failed {
            metrics.restoration.serve_by(restorer.backend());
        }
        frame.meta.degraded = failed;
        if !stop.is_set() {
            frame.meta.psnr = assess(frame);
        }
    }
}

/// Times the steps of one frame's restoration and counts those that fail.
struct Laps<'a> {
    books: &'a [Arc<StageMetrics>],
    metrics: &'a Metrics,
    stop: &'a Stop,
    meta: &'a FrameMeta,
    since: Instant,
}

impl Watch for Laps<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }

    fn done(&mut self, step: usize, failure: Option<&RestoreError>) {
        let books = &self.books[step];
        if let Some(error) = failure {
            log::warn!("{} failed on frame {}: {error}", books.name, self.meta.sequence);
            books.failed.add(1);
        }
        books.busy.record(self.since.elapsed());
        if !self.meta.placeholder {
            books.age.record(self.meta.captured_at.elapsed());
        }
        self.since = Instant::now();
    }

    fn fused(&mut self, Fused { at_rest, noise_left }: Fused) {
        self.metrics.fusion.record(at_rest, noise_left);
    }

    fn mended(&mut self, Mended { samples, known }: Mended) {
        self.metrics.faults.record(samples, known);
    }

    fn peeled(&mut self, Lamps { tiles, postponed }: Lamps) {
        self.metrics.lamps.record(tiles, postponed);
    }

    fn levelled(&mut self, Striped { rows, columns }: Striped) {
        let [rows, columns] = [rows, columns].map(|deviation| 255.0 * f64::from(deviation));
        self.metrics.faults.record_stripes(rows, columns);
    }

    fn worked(&mut self, seconds: f64) {
        self.metrics.card.record(seconds);
    }

    fn held(&mut self, share: f32) {
        self.metrics.guard.record(share);
    }
}

/// Ends the frame's way through the restorer and offers it to every sink.
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
        if let Err(error) = self.deliver_all().and_then(|()| self.finish()) {
            let name = self.sink.name().to_owned();
            // Nobody listening means that the pipeline is being taken down.
            let _ = self.common.news.send(News::Sink(name, error));
        }
        // What is still offered to a sink that failed is lost to it, and is counted so.
        while let Some(offered) = self.input.pop() {
            offered.ticket.lose(Reason::SinkFailed);
        }
    }

    /// Finishes the sink; where that takes a while, until the pipeline is told to stop.
    fn finish(&mut self) -> Result<(), SinkError> {
        loop {
            match self.sink.finish() {
                Err(SinkError::Later) if self.common.stop.is_set() => return Ok(()),
                Err(SinkError::Later) => std::thread::sleep(PAUSE),
                finished => return finished,
            }
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

/// Pause before something is tried with a sink again.
const PAUSE: Duration = Duration::from_millis(5);

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
            Err(SinkError::Later) if overflow == Overflow::Wait && !stop.is_set() => {
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}
