//! The pipeline on real threads: it gives what one thread gives, and its books balance whatever
//! overflows, fails or is stopped.

mod changing;
mod numbers;
mod stress;

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use deblurd::executor::{Executor, Sequential};
use deblurd::frame::{Effort, Extent, Frame, FrameRate, Layout, Picture, PictureFormat};
use deblurd::metrics::{Metrics, Reason};
use deblurd::pipeline::{Overflow, Pipeline, PipelineOptions, Report, Stop, Workers};
use deblurd::plan::Channels;
use deblurd::restore::{RestoreError, Restorer, Step, Watch};
use deblurd::sink::{Sink, SinkError};
use deblurd::source::{Filled, Source, SourceError};
use proptest::prelude::*;

use crate::harness::{apply, trial};
use crate::restorations::{
    Restoration, check_property, model, random_picture, random_psf, restored,
};

#[apply(trial)]
fn threads_give_the_restorers_bytes() {
    let model = model(2, 4, 8, true);
    for layout in [Layout::Gray, Layout::Rgb, Layout::Yuv420] {
        let format = PictureFormat { layout, ..PictureFormat::gray(Extent::new(45, 77)) };
        let pictures: Vec<Picture> = (0..7).map(|seed| random_picture(format, seed)).collect();
        let how = Restoration::for_noise(2.55).channels(Channels::Rgb);
        let psf = random_psf(3, 5);
        let expected: Vec<Picture> =
            pictures.iter().map(|picture| restored(&how, &psf, Some(&model), picture)).collect();
        for threads in 1..=4 {
            let executor: Arc<dyn Executor> = match threads {
                1 => Arc::new(Sequential),
                threads => Arc::new(Workers::start(threads).expect("threads")),
            };
            let restorer = how.restorer(&psf, Some(&model), format, executor);
            let (sink, taken) = Recorder::new(None, None);
            let source = Pictures { pictures: pictures.clone(), next: 0, unusable: |_| false };
            let assembly = Assembly { capacity: 1, overflow: Overflow::Wait };
            let pipeline = assembly.pipeline(source, restorer, vec![sink]);
            let report = pipeline.start().expect("starts").finish().expect("ends");
            check_books(&report, pictures.len(), &[&taken]);
            let restored = taken.pictures();
            assert!(restored == expected, "{threads} threads give other bytes ({layout:?})");
        }
    }
}

/// How a random pipeline is made.
#[derive(Debug, Clone)]
struct Case {
    capacity: usize,
    frames: usize,
    /// Frames that each sink takes before it is held.
    patience: Vec<usize>,
    /// One frame in so many is lost by the source.
    unusable: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let patience = prop::collection::vec(0_usize..30, 1..4);
    (1_usize..4, 1_usize..120, patience, 2_usize..9).prop_map(
        |(capacity, frames, patience, unusable)| Case { capacity, frames, patience, unusable },
    )
}

#[apply(trial)]
fn files_lose_nothing() {
    check_property(cases(), |case| {
        let (report, taken, sent) = run(&case, Overflow::Wait);
        let trunk = report.metrics.trunk.books();
        prop_assert_eq!(trunk.dropped_in_all(), trunk.dropped_by(Reason::Unusable));
        for taken in &taken {
            prop_assert_eq!(taken.sequences().len(), sent);
        }
        Ok(())
    });
}

/// Slow sinks, and a restorer that is overtaken. The pool is as small as it may be, and the source
/// thread panics where it is empty: far more frames than it holds go through it only because each
/// one comes home.
#[apply(trial)]
fn live_books_balance() {
    check_property(cases(), |case| {
        let (report, taken, sent) = run(&case, Overflow::DropOldest);
        let trunk = report.metrics.trunk.books();
        prop_assert_eq!(trunk.dropped_by(Reason::Shutdown), 0);
        prop_assert_eq!(trunk.dropped_by(Reason::SinkFailed), 0);
        prop_assert!(sent == 0 || trunk.delivered > 0, "nothing arrived: {trunk}");
        for (taken, sink) in taken.iter().zip(&report.metrics.sinks) {
            let books = sink.ledger.books();
            prop_assert_eq!(books.dropped_in_all(), books.dropped_by(Reason::Overflow));
            let sequences = taken.sequences();
            prop_assert!(sequences.is_sorted_by(|a, b| a < b), "out of order: {sequences:?}");
            let last = (0..case.frames).rev().find(|&index| !lost(index, case.unusable));
            let last_taken = sequences.last().and_then(|&sequence| usize::try_from(sequence).ok());
            prop_assert_eq!(last_taken, last, "the freshest frame wins");
        }
        Ok(())
    });
}

fn lost(index: usize, unusable: usize) -> bool {
    index % unusable == unusable - 1
}

/// Runs the case with a restorer that does nothing. Live, each sink takes some frames and then holds on
/// to one until the source has ended. Under `Wait` the source would never end then, so that nobody
/// is held.
fn run(case: &Case, overflow: Overflow) -> (Report, Vec<Arc<Taken>>, usize) {
    let format = PictureFormat::gray(Extent::new(2, 2));
    let (mut sinks, mut taken, mut gates) = (Vec::new(), Vec::new(), Vec::new());
    for &patience in &case.patience {
        let (open, gate) = mpsc::channel();
        let (sink, record) = Recorder::new(Some((patience, gate)), None);
        sinks.push(sink);
        taken.push(record);
        gates.push(open);
    }
    let unusable = case.unusable;
    let source = Pictures {
        pictures: vec![Picture::new(format); case.frames],
        next: 0,
        unusable: move |index| lost(index, unusable),
    };
    let (ended, end) = mpsc::channel();
    let source = Telling { source, ended };
    let assembly = Assembly { capacity: case.capacity, overflow };
    let running = assembly.pipeline(source, Box::new(Idle), sinks).start().expect("starts");
    if overflow == Overflow::DropOldest {
        // The source never waits for a sink: it ends although all of them are held.
        end.recv().expect_err("says nothing but its end");
        let books = running.metrics().trunk.books();
        assert_eq!(books.entered, case.frames as u64, "frames that entered");
        for sink in &running.metrics().sinks {
            let books = sink.ledger.books();
            let most = case.capacity as u64 + 1;
            // One more is entered while the frame that it displaces is still in the books.
            assert!(books.in_flight <= most + 1, "a sink holds {books}");
        }
    }
    drop(gates);
    let report = running.finish().expect("ends");
    let sent = (0..case.frames).filter(|&index| !lost(index, unusable)).count();
    check_books(&report, case.frames, &taken.iter().map(|taken| &**taken).collect::<Vec<_>>());
    assert_eq!(
        report.metrics.trunk.books().dropped_by(Reason::Unusable),
        (case.frames - sent) as u64,
        "frames that the source lost"
    );
    (report, taken, sent)
}

/// Every frame is in the books once: what went in came out, was delivered or was lost.
#[track_caller]
fn check_books(report: &Report, frames: usize, taken: &[&Taken]) {
    let trunk = report.metrics.trunk.books();
    assert_eq!(trunk.entered, frames as u64, "frames that entered");
    assert_eq!(trunk.in_flight, 0, "frames still under way at the end");
    assert_eq!(trunk.entered, trunk.delivered + trunk.dropped_in_all(), "{trunk}");
    for (sink, taken) in report.metrics.sinks.iter().zip(taken) {
        let books = sink.ledger.books();
        assert_eq!(books.entered, trunk.delivered, "every sink is offered every frame");
        assert_eq!(books.in_flight, 0, "frames still offered at the end");
        assert_eq!(books.entered, books.delivered + books.dropped_in_all(), "{books}");
        assert_eq!(books.delivered, taken.sequences().len() as u64, "frames that the sink took");
    }
}

/// Stopped while sinks are held: what was under way is lost and counted.
#[apply(trial)]
fn stopped_books_balance() {
    let strategy = (cases(), any::<bool>());
    check_property(strategy, |(case, is_live)| {
        let overflow = if is_live { Overflow::DropOldest } else { Overflow::Wait };
        let format = PictureFormat::gray(Extent::new(2, 2));
        let (open, gate) = mpsc::channel();
        let (sink, taken) = Recorder::new(Some((case.patience[0], gate)), None);
        let source = Endless(format);
        let assembly = Assembly { capacity: case.capacity, overflow };
        let running =
            assembly.pipeline(source, Box::new(Idle), vec![sink]).start().expect("starts");
        taken.wait_until_held();
        running.stop_switch().set();
        drop(open);
        let report = running.finish().expect("ends");
        let entered = usize::try_from(report.metrics.trunk.books().entered).expect("few");
        check_books(&report, entered, &[&taken]);
        prop_assert!(taken.sequences().len() <= case.patience[0] + 1, "works on after the stop");
        Ok(())
    });
}

#[apply(trial)]
fn a_sink_that_fails_is_alone() {
    for (overflow, fails_at) in
        [(Overflow::Wait, 0), (Overflow::Wait, 5), (Overflow::DropOldest, 3)]
    {
        let format = PictureFormat::gray(Extent::new(2, 2));
        let (bad, of_bad) = Recorder::new(None, Some(fails_at));
        let (good, of_good) = Recorder::new(None, None);
        let source =
            Pictures { pictures: vec![Picture::new(format); 60], next: 0, unusable: |_| false };
        let assembly = Assembly { capacity: 2, overflow };
        let pipeline = assembly.pipeline(source, Box::new(Idle), vec![bad, good]);
        let report = pipeline.start().expect("starts").finish().expect("ends");
        check_books(&report, 60, &[&of_bad, &of_good]);
        if overflow == Overflow::Wait {
            assert_eq!(of_good.sequences().len(), 60, "the other sink goes on");
            let books = report.metrics.sinks[0].ledger.books();
            assert_eq!(books.dropped_by(Reason::SinkFailed), 60 - fails_at as u64, "{books}");
            assert_eq!(report.sink_failures.len(), 1, "failures told");
        }
    }
}

/// How frames move in the pipelines of these tests.
#[derive(Clone, Copy)]
struct Assembly {
    capacity: usize,
    overflow: Overflow,
}

impl Assembly {
    fn pipeline(
        self,
        source: impl Source + 'static,
        restorer: Box<dyn Restorer>,
        sinks: Vec<Recorder>,
    ) -> Pipeline {
        let names: Vec<String> = sinks.iter().map(|sink| sink.name().to_owned()).collect();
        Pipeline {
            source: Box::new(source),
            restorer,
            sinks: sinks.into_iter().map(|sink| Box::new(sink) as Box<dyn Sink>).collect(),
            options: PipelineOptions {
                queue_capacity: self.capacity,
                ..PipelineOptions::new(self.overflow)
            },
            ladder: None,
            metrics: Arc::new(Metrics::new(&names)),
            stop: Stop::default(),
        }
    }
}

/// Gives its pictures once, but for those it loses.
struct Pictures<F> {
    pictures: Vec<Picture>,
    next: usize,
    unusable: F,
}

impl<F: Fn(usize) -> bool + Send> Source for Pictures<F> {
    fn format(&self) -> PictureFormat {
        self.pictures[0].format()
    }

    fn rate(&self) -> FrameRate {
        FrameRate::per_second(25)
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let Some(picture) = self.pictures.get(self.next) else { return Ok(Filled::End) };
        self.next += 1;
        if (self.unusable)(self.next - 1) {
            return Ok(Filled::Unusable(SourceError::Empty("a picture".into())));
        }
        frame.blurred.copy_from(picture);
        Ok(Filled::Frame)
    }
}

/// A source that hangs up when it has ended.
struct Telling<S> {
    source: S,
    ended: mpsc::Sender<()>,
}

impl<S: Source> Source for Telling<S> {
    fn format(&self) -> PictureFormat {
        self.source.format()
    }

    fn rate(&self) -> FrameRate {
        self.source.rate()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let filled = self.source.fill(frame);
        if matches!(filled, Ok(Filled::End)) {
            self.ended = mpsc::channel().0;
        }
        filled
    }
}

/// Gives frames until it is stopped.
struct Endless(PictureFormat);

impl Source for Endless {
    fn format(&self) -> PictureFormat {
        self.0
    }

    fn rate(&self) -> FrameRate {
        FrameRate::per_second(25)
    }

    fn fill(&mut self, _: &mut Frame) -> Result<Filled, SourceError> {
        Ok(Filled::Frame)
    }
}

/// A restorer that does nothing.
struct Idle;

impl Restorer for Idle {
    fn backend(&self) -> &'static str {
        "none"
    }

    fn steps(&self) -> &[Step] {
        &[]
    }

    fn restore(
        &mut self,
        _: &Picture,
        _: &mut Picture,
        _: Effort,
        _: &mut dyn Watch,
    ) -> Result<(), RestoreError> {
        Ok(())
    }
}

/// What a [`Recorder`] took.
#[derive(Default)]
struct Taken {
    frames: Mutex<Vec<(u64, Picture)>>,
    held: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Taken {
    fn sequences(&self) -> Vec<u64> {
        let frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.iter().map(|(sequence, _)| *sequence).collect()
    }

    fn pictures(&self) -> Vec<Picture> {
        let frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.iter().map(|(_, picture)| picture.clone()).collect()
    }

    /// Waits until the sink holds a frame at its gate.
    fn wait_until_held(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        held.expect("a gate").recv().expect("the sink comes to its gate");
    }
}

/// A sink that keeps what it is given. It may be held at a gate after some frames, and may fail at
/// one.
struct Recorder {
    taken: Arc<Taken>,
    gate: Option<(usize, mpsc::Receiver<()>)>,
    arrived: mpsc::Sender<()>,
    fails_at: Option<usize>,
}

impl Recorder {
    fn new(
        gate: Option<(usize, mpsc::Receiver<()>)>,
        fails_at: Option<usize>,
    ) -> (Self, Arc<Taken>) {
        let (arrived, held) = mpsc::channel();
        let taken = Arc::new(Taken { held: Mutex::new(Some(held)), ..Taken::default() });
        (Self { taken: Arc::clone(&taken), gate, arrived, fails_at }, taken)
    }
}

impl Sink for Recorder {
    fn name(&self) -> &str {
        "recorder"
    }

    fn start(&mut self, _: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let count = self.taken.sequences().len();
        if self.fails_at == Some(count) {
            return Err(SinkError::Closed("recorder".into()));
        }
        if let Some((patience, gate)) = &self.gate
            && count == *patience
        {
            // Nobody may be waiting to be told; the gate opens when its other end is dropped.
            let _ = self.arrived.send(());
            let _ = gate.recv();
            self.gate = None;
        }
        let entry = (frame.meta.sequence, frame.restored.clone());
        self.taken.frames.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
