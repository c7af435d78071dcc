//! Stages that are changed while frames flow, frames that are too old, and frames for which less
//! is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deblurd::frame::{Effort, Extent, Frame, FrameRate, PictureFormat};
use deblurd::metrics::{Metrics, Reason};
use deblurd::pipeline::{Overflow, Pipeline, PipelineError, PipelineOptions, Stop};
use deblurd::restore::{RestoreError, RestoreOptions, Restorer, Stage};
use deblurd::source::{Filled, Source, SourceError};
use proptest::prelude::*;

use super::{Idle, Recorder};
use crate::properties::{check_property, model, random_picture, random_psf};

const FORMAT: PictureFormat = PictureFormat::gray(Extent::new(2, 2));

/// Frames as old as told, until there were so many; how many there were is known.
struct Numbered {
    taken: Arc<AtomicU64>,
    until: Arc<AtomicU64>,
    age: Duration,
}

impl Source for Numbered {
    fn format(&self) -> PictureFormat {
        FORMAT
    }

    fn rate(&self) -> FrameRate {
        FrameRate::per_second(25)
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.until.load(Ordering::Relaxed) {
            return Ok(Filled::End);
        }
        frame.meta.captured_at = Instant::now().checked_sub(self.age).expect("a time");
        Ok(Filled::Frame)
    }
}

fn frames(count: u64) -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(count))
}

/// A stage of a plan: passes on the mark of its plan, and fails where that of the stage before it
/// is another's.
struct Marking {
    mark: u16,
    is_first: bool,
}

impl Stage for Marking {
    fn name(&self) -> &str {
        "marking"
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        let sample = &mut frame.restored.planes_mut()[0].samples_mut()[0];
        if self.is_first {
            *sample = self.mark;
        }
        (*sample == self.mark).then_some(()).ok_or(RestoreError::NotDecoded)
    }
}

fn marked(mark: u16, groups: usize) -> Vec<Vec<Box<dyn Stage>>> {
    let stage = |index| Box::new(Marking { mark, is_first: index == 0 }) as Box<dyn Stage>;
    (0..groups).map(|index| vec![stage(index)]).collect()
}

/// However often and whenever stages are changed, each frame is served by those of one plan, no
/// frame is lost to the change, and the last plan is the one that serves in the end.
pub(super) fn plans_do_not_mix() {
    let changes = prop::collection::vec(0_u64..200, 1..20);
    check_property((changes, 1_usize..4, any::<bool>()), |(mut changes, groups, is_live)| {
        changes.sort_unstable();
        let overflow = if is_live { Overflow::DropOldest } else { Overflow::Wait };
        let (taken, age) = (Arc::new(AtomicU64::new(0)), Duration::ZERO);
        let until = frames(u64::MAX);
        let source = Numbered { taken: Arc::clone(&taken), until: Arc::clone(&until), age };
        let (sink, record) = Recorder::new(None, None);
        let pipeline = pipeline(source, marked(0, groups), sink, PipelineOptions::new(overflow));
        let running = pipeline.start().expect("starts");
        let mut last = 0;
        for (mark, at) in (1..).zip(changes) {
            while taken.load(Ordering::Relaxed) < at {
                std::thread::yield_now();
            }
            running.change_stages(marked(mark, groups)).expect("as many groups");
            last = mark;
        }
        until.store(taken.load(Ordering::Relaxed) + 50, Ordering::Relaxed);
        let report = running.finish().expect("ends");
        for stage in report.metrics.stages() {
            prop_assert_eq!(stage.failed.get(), 0, "stages of two plans served one frame");
        }
        let marks: Vec<u16> =
            record.pictures().iter().map(|picture| picture.planes()[0].samples()[0]).collect();
        prop_assert!(marks.is_sorted(), "plans served out of order");
        prop_assert_eq!(marks.last(), Some(&last), "the last plan does not serve");
        let lost = report.metrics.trunk.books().dropped_in_all();
        prop_assert!(is_live || lost == 0, "{} frames were lost", lost);
        Ok(())
    });
}

/// Stages that do not fit the threads are refused, and the old ones go on.
pub(super) fn plans_that_do_not_fit_are_refused() {
    let taken = Arc::default();
    let source = Numbered { taken, until: frames(5_000), age: Duration::ZERO };
    let (sink, record) = Recorder::new(None, None);
    let options = PipelineOptions::new(Overflow::Wait);
    let running = pipeline(source, marked(3, 2), sink, options).start().expect("starts");
    let error = running.change_stages(marked(4, 3)).expect_err("a misfit");
    assert!(matches!(error, PipelineError::Groups { offered: 3, running: 2 }), "{error}");
    running.finish().expect("ends");
    assert!(record.pictures().iter().all(|picture| picture.planes()[0].samples()[0] == 3));
}

/// A frame older than the deadline is dropped where it is found to be, with its reason.
pub(super) fn old_frames_are_dropped() {
    for (age, is_dropped) in [(Duration::from_secs(30), true), (Duration::ZERO, false)] {
        let source = Numbered { taken: Arc::default(), until: frames(100), age };
        let (sink, record) = Recorder::new(None, None);
        let options = PipelineOptions {
            deadline: Some(Duration::from_secs(20)),
            ..PipelineOptions::new(Overflow::Wait)
        };
        let pipeline = pipeline(source, vec![vec![Box::new(Idle)]], sink, options);
        let report = pipeline.start().expect("starts").finish().expect("ends");
        let books = report.metrics.trunk.books();
        let (late, frames) = if is_dropped { (100, 0) } else { (0, 100) };
        assert_eq!(books.dropped_by(Reason::Deadline), late, "{books}");
        assert_eq!(record.sequences().len(), frames, "frames that arrived");
    }
}

/// With less effort a frame is what a restorer without networks makes of it, or what it was, and
/// the frames before and after it are none the worse.
pub(super) fn less_effort_is_a_shorter_list() {
    let format = PictureFormat::gray(Extent::new(53, 40));
    let options = RestoreOptions::for_noise(2.55);
    let (psf, model, picture) = (random_psf(3, 5), model(2, 4, 8, true), random_picture(format, 7));
    let executor: Arc<dyn deblurd::restore::executor::Executor> =
        Arc::new(deblurd::restore::executor::Sequential);
    let plan = |model| Restorer::plan(&options, &psf, model, format, &executor, 1).expect("a plan");
    let (mut full, mut wiener) = (plan(Some(&model)), plan(None));
    let restored = |restorer: &mut Restorer, effort| {
        let mut frame = Frame::new(format);
        frame.blurred.copy_from(&picture);
        frame.meta.effort = effort;
        restorer.restore(&mut frame).expect("a restored frame");
        frame.restored
    };
    let expected = restored(&mut full, Effort::Full);
    assert!(restored(&mut full, Effort::Wiener) == restored(&mut wiener, Effort::Full));
    assert!(restored(&mut full, Effort::Passthrough) == picture);
    assert!(restored(&mut full, Effort::Full) == expected, "an earlier frame left its mark");
}

fn pipeline(
    source: Numbered,
    groups: Vec<Vec<Box<dyn Stage>>>,
    sink: Recorder,
    options: PipelineOptions,
) -> Pipeline {
    Pipeline {
        source: Box::new(source),
        groups,
        sinks: vec![Box::new(sink)],
        restored: FORMAT,
        options,
        metrics: Arc::new(Metrics::new(&["recorder".to_owned()])),
        stop: Stop::default(),
    }
}
