//! Pipelines to which everything happens at once: queues of a frame or two, a source that loses, delays
//! and stops giving frames, sinks that are slow, busy, held for long or die, restorers that fail and are
//! replaced, and a stop at any moment. Whatever happens, the books tell of every frame what became
//! of it, and why, as those at both ends saw it.
//!
//! Nothing here looks at a clock. Who is held up says so, and waits until the test lets go; meanwhile a
//! restorer is replaced and the books are read.

mod actors;

use std::cell::Cell;
use std::sync::{Arc, PoisonError, mpsc};

use deblurd::metrics::{Books, Metrics, Reason};
use deblurd::pipeline::{Overflow, Pipeline, PipelineOptions, Report, RunningPipeline, Stop};
use deblurd::sink::Sink;
use proptest::prelude::*;

use crate::harness::{apply, trial};
use crate::restorations::check_property;
use actors::{Account, Event, Given, MoodyRestorer, MoodySink, MoodySource, OLD, Taken};

/// What happens to a pipeline. The seed says what each of its parts does with each frame.
#[derive(Debug, Clone)]
struct Case {
    capacity: usize,
    overflow: Overflow,
    frames: u64,
    seed: u64,
    /// Whether the source fails at its end.
    fails: bool,
    /// For each sink the frame at which it dies.
    deaths: Vec<Option<u64>>,
    /// The event at which the pipeline is told to stop.
    stop: Option<usize>,
}

fn cases() -> impl Strategy<Value = Case> {
    let deaths = prop::collection::vec(prop::option::of(0_u64..300), 1..5);
    let overflow = prop_oneof![Just(Overflow::Wait), Just(Overflow::DropOldest)];
    let stop = prop::option::of(0_usize..40);
    (1_usize..4, overflow, 1_u64..1500, any::<u64>(), any::<bool>(), deaths, stop).prop_map(
        |(capacity, overflow, frames, seed, fails, deaths, stop)| Case {
            capacity,
            overflow,
            frames,
            seed,
            fails,
            deaths,
            stop,
        },
    )
}

/// Frames lost in all cases, by reason.
type Lost = [u64; Reason::ALL.len()];

#[apply(trial)]
fn the_books_are_exact_whatever_happens() {
    let lost = Cell::new(Lost::default());
    check_property(cases(), |case| {
        let (pipeline, witnesses) = assemble(&case);
        let running = pipeline.start().expect("starts");
        let was_stopped = drive(&case, &running, &witnesses.events)?;
        let report = running.finish().expect("no thread panics");
        let end = End { case: &case, was_stopped, report: &report };
        end.check_trunk(&witnesses.given.lock().unwrap_or_else(PoisonError::into_inner))?;
        for (index, taken) in witnesses.taken.iter().enumerate() {
            end.check_sink(index, &taken.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        lost.set(end.losses(lost.get()));
        Ok(())
    });
    for (reason, count) in Reason::ALL.into_iter().zip(lost.get()) {
        assert!(count > 0, "no frame was lost because of {}: too little happens", reason.name());
    }
}

/// What those at both ends saw, and who is held up.
struct Witnesses {
    events: mpsc::Receiver<Event>,
    given: Account<Given>,
    taken: Vec<Account<Taken>>,
}

fn assemble(case: &Case) -> (Pipeline, Witnesses) {
    let (teller, events) = mpsc::channel();
    let given = Account::default();
    let source =
        MoodySource::new(case.seed, case.frames, case.fails, teller.clone(), given.clone());
    let (mut sinks, mut taken) = (Vec::new(), Vec::new());
    for (index, &death) in (1..).zip(&case.deaths) {
        let record = Account::default();
        let sink = MoodySink::new(case.seed ^ index, death, teller.clone(), record.clone());
        sinks.push(Box::new(sink) as Box<dyn Sink>);
        taken.push(record);
    }
    let names: Vec<String> = sinks.iter().map(|sink| sink.name().to_owned()).collect();
    let pipeline = Pipeline {
        source: Box::new(source),
        restorer: Box::new(MoodyRestorer::new(case.seed, 0)),
        sinks,
        options: PipelineOptions {
            queue_capacity: case.capacity,
            deadline: OLD / 2,
            ..PipelineOptions::new(case.overflow)
        },
        ladder: None,
        metrics: Arc::new(Metrics::new(&names)),
        stop: Stop::default(),
    };
    (pipeline, Witnesses { events, given, taken })
}

/// Meets each event with a reload, and lets go whoever is held: where frames wait for each other, at once;
/// else a sink is held until the source tells of itself, which waits for nobody. Whether the pipeline
/// was told to stop.
fn drive(
    case: &Case,
    running: &RunningPipeline,
    events: &mpsc::Receiver<Event>,
) -> Result<bool, TestCaseError> {
    let (mut held, mut source_is_gone, mut was_stopped) = (Vec::new(), false, false);
    for (number, event) in (0..).zip(events) {
        check_running(case, running)?;
        running.change_restorer(Box::new(MoodyRestorer::new(case.seed, number + 1)));
        if case.stop == Some(usize::from(number)) {
            running.stop_switch().set();
            was_stopped = true;
        }
        match event {
            Event::SinkHeld(gate) if case.overflow == Overflow::DropOldest && !source_is_gone => {
                held.push(gate);
            }
            Event::SinkHeld(gate) => drop(gate),
            Event::SourceHeld(gate) => {
                held.clear();
                drop(gate);
            }
            Event::SourceGone => {
                held.clear();
                source_is_gone = true;
            }
        }
    }
    Ok(was_stopped)
}

/// The law of the books, and no more frames under way than there is room for.
fn check_running(case: &Case, running: &RunningPipeline) -> Result<(), TestCaseError> {
    let sinks = running.metrics().sinks.iter().map(|sink| sink.ledger.books());
    // Before the restorer and in the hands of two threads, or before a sink and in its hands; and one
    // that was displaced and is not written off yet.
    let most = case.capacity as u64 + 3;
    for books in sinks.chain([running.metrics().trunk.books()]) {
        prop_assert!(is_balanced(&books), "{}", books);
        prop_assert!(books.in_flight <= most, "{} (at most {} under way)", books, most);
    }
    Ok(())
}

fn is_balanced(books: &Books) -> bool {
    books.entered == books.delivered + books.dropped_in_all() + books.in_flight
}

/// How a pipeline ended.
struct End<'a> {
    case: &'a Case,
    was_stopped: bool,
    report: &'a Report,
}

impl End<'_> {
    fn is_live(&self) -> bool {
        self.case.overflow == Overflow::DropOldest
    }

    /// What must hold of the books of every stretch.
    fn check(&self, books: &Books, cannot_be: [Reason; 2]) -> Result<(), TestCaseError> {
        prop_assert!(is_balanced(books) && books.in_flight == 0, "{}", books);
        for reason in cannot_be {
            prop_assert_eq!(books.dropped_by(reason), 0, "{}", books);
        }
        prop_assert!(self.is_live() || books.dropped_by(Reason::Overflow) == 0, "{}", books);
        prop_assert!(self.was_stopped || books.dropped_by(Reason::Shutdown) == 0, "{}", books);
        Ok(())
    }

    /// The books from source to restorer.
    fn check_trunk(&self, given: &Given) -> Result<(), TestCaseError> {
        let books = self.report.metrics.trunk.books();
        self.check(&books, [Reason::SinkFailed, Reason::SinkBusy])?;
        prop_assert_eq!(books.entered, given.entered(), "{}", books);
        prop_assert_eq!(books.dropped_by(Reason::Unusable), given.unusable, "{}", books);
        // One that is too old may have been displaced before anybody looked.
        let most = if self.is_live() { given.old } else { 0 };
        prop_assert!(books.dropped_by(Reason::Deadline) <= most, "{} ({} old)", books, most);
        prop_assert_eq!(self.report.source_failure.is_some(), given.has_failed);
        Ok(())
    }

    /// The books of one sink.
    fn check_sink(&self, index: usize, taken: &Taken) -> Result<(), TestCaseError> {
        let sink = &self.report.metrics.sinks[index];
        let books = sink.ledger.books();
        self.check(&books, [Reason::Unusable, Reason::Deadline])?;
        prop_assert_eq!(books.entered, self.report.metrics.trunk.books().delivered, "{}", books);
        prop_assert_eq!(books.delivered, taken.frames, "{}", books);
        prop_assert!(taken.is_in_order, "frames out of order, or marks of restorers");
        prop_assert!(!self.is_live() || taken.old == 0, "{} frames were too old", taken.old);
        let busy = books.dropped_by(Reason::SinkBusy);
        match (self.is_live(), self.was_stopped) {
            (true, _) => prop_assert_eq!(busy, taken.busy + taken.later, "{}", books),
            (false, false) => prop_assert_eq!(busy, taken.busy, "{}", books),
            // One was to be offered again.
            (false, true) => prop_assert!((0..=1).contains(&(busy - taken.busy)), "{}", books),
        }
        let told = self.report.sink_failures.iter().filter(|(name, _)| *name == sink.name);
        prop_assert_eq!(told.count(), usize::from(taken.has_failed), "failures told");
        prop_assert!(taken.has_failed || books.dropped_by(Reason::SinkFailed) == 0, "{}", books);
        Ok(())
    }

    /// The frames that were lost, and those before.
    fn losses(&self, mut lost: Lost) -> Lost {
        let sinks = self.report.metrics.sinks.iter().map(|sink| sink.ledger.books());
        for books in sinks.chain([self.report.metrics.trunk.books()]) {
            lost.iter_mut().zip(books.dropped).for_each(|(lost, more)| *lost += more);
        }
        lost
    }
}
