//! Restorers that change while frames flow, frames that are too old, and frames for which less
//! is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deblurd::executor::Sequential;
use deblurd::frame::{Effort, Extent, Frame, FrameRate, Picture, PictureFormat};
use deblurd::metrics::{Metrics, Reason};
use deblurd::pipeline::{Overflow, Pipeline, PipelineOptions, Stop};
use deblurd::restore::{RestoreError, Restorer, Step, Watch};
use deblurd::source::{Filled, Source, SourceError};
use proptest::prelude::*;

use super::{Idle, Recorder};
use crate::harness::{apply, trial};
use crate::restorations::{Restoration, check_property, model, random_picture, random_psf, run};

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

/// A restorer that does less than is asked of it.
struct Passing;

impl Restorer for Passing {
    fn backend(&self) -> &'static str {
        "none"
    }

    fn steps(&self) -> &[Step] {
        &[]
    }

    fn effort(&self, _: Effort) -> Effort {
        Effort::Passthrough
    }

    fn restore(
        &mut self,
        _: &Picture,
        _: &mut Picture,
        effort: Effort,
        _: &mut dyn Watch,
    ) -> Result<(), RestoreError> {
        assert_eq!(effort, Effort::Passthrough);
        Ok(())
    }
}

/// A restorer that writes its mark into every sample.
struct Marking(u16);

impl Restorer for Marking {
    fn backend(&self) -> &'static str {
        "none"
    }

    fn steps(&self) -> &[Step] {
        &[]
    }

    fn restore(
        &mut self,
        _: &Picture,
        restored: &mut Picture,
        _: Effort,
        _: &mut dyn Watch,
    ) -> Result<(), RestoreError> {
        restored.planes_mut()[0].samples_mut().fill(self.0);
        Ok(())
    }
}

/// However often and whenever the restorer changes, each frame is restored by one of them, no frame
/// is lost to the change, and the last one is at work in the end.
#[apply(trial)]
fn restorers_do_not_mix() {
    let changes = prop::collection::vec(0_u64..200, 1..20);
    check_property((changes, any::<bool>()), |(mut changes, is_live)| {
        changes.sort_unstable();
        let overflow = if is_live { Overflow::DropOldest } else { Overflow::Wait };
        let (taken, age) = (Arc::new(AtomicU64::new(0)), Duration::ZERO);
        let until = frames(u64::MAX);
        let source = Numbered { taken: Arc::clone(&taken), until: Arc::clone(&until), age };
        let (sink, record) = Recorder::new(None, None);
        let pipeline = pipeline(source, Box::new(Marking(0)), sink, PipelineOptions::new(overflow));
        let running = pipeline.start().expect("starts");
        let mut last = 0;
        for (mark, at) in (1..).zip(changes) {
            while taken.load(Ordering::Relaxed) < at {
                std::thread::yield_now();
            }
            running.change_restorer(Box::new(Marking(mark)));
            last = mark;
        }
        until.store(taken.load(Ordering::Relaxed) + 50, Ordering::Relaxed);
        let report = running.finish().expect("ends");
        let mut marks = Vec::new();
        for picture in record.pictures() {
            let samples = picture.planes()[0].samples();
            prop_assert!(samples.iter().all(|sample| *sample == samples[0]), "two marks");
            marks.push(samples[0]);
        }
        prop_assert!(marks.is_sorted(), "restorers took turns out of order");
        prop_assert_eq!(marks.last(), Some(&last), "the last restorer is not at work");
        let lost = report.metrics.trunk.books().dropped_in_all();
        prop_assert!(is_live || lost == 0, "{} frames were lost", lost);
        Ok(())
    });
}

/// A frame older than the deadline is dropped where it is found to be, with its reason.
#[apply(trial)]
fn old_frames_are_dropped() {
    for (age, is_dropped) in [(Duration::from_secs(30), true), (Duration::ZERO, false)] {
        let source = Numbered { taken: Arc::default(), until: frames(100), age };
        let (sink, record) = Recorder::new(None, None);
        let options = PipelineOptions {
            queue_capacity: 128,
            deadline: Duration::from_secs(20),
            ..PipelineOptions::new(Overflow::DropOldest)
        };
        let pipeline = pipeline(source, Box::new(Idle), sink, options);
        let report = pipeline.start().expect("starts").finish().expect("ends");
        let books = report.metrics.trunk.books();
        let (late, frames) = if is_dropped { (100, 0) } else { (0, 100) };
        assert_eq!(books.dropped_by(Reason::Deadline), late, "{books}");
        assert_eq!(record.sequences().len(), frames, "frames that arrived");
    }
}

/// What is told of a frame is what its restorer does, not what was asked.
#[apply(trial)]
fn frames_that_are_passed_on_are_told_as_such() {
    let source = Numbered { taken: Arc::default(), until: frames(20), age: Duration::ZERO };
    let (sink, record) = Recorder::new(None, None);
    let pipeline = pipeline(source, Box::new(Passing), sink, PipelineOptions::new(Overflow::Wait));
    let report = pipeline.start().expect("starts").finish().expect("ends");
    let load = &report.metrics.load;
    assert_eq!((load.passthrough.get(), load.full.get()), (20, 0));
    assert_eq!(record.sequences().len(), 20);
}

/// With less effort a frame is what a restorer without networks makes of it, or what it was, and
/// the frames before and after it are none the worse.
#[apply(trial)]
fn less_effort_is_a_shorter_list() {
    let format = PictureFormat::gray(Extent::new(53, 40));
    let how = Restoration::for_noise(2.55);
    let (psf, model, picture) = (random_psf(3, 5), model(2, 4, 8, true), random_picture(format, 7));
    let restorer = |model| how.restorer(&psf, model, format, Arc::new(Sequential));
    let (mut full, mut wiener) = (restorer(Some(&model)), restorer(None));
    let mut with = |effort| run(&mut *full, &picture, effort);
    let expected = with(Effort::Full);
    assert!(with(Effort::Wiener) == run(&mut *wiener, &picture, Effort::Full));
    assert!(with(Effort::Passthrough) == picture);
    assert!(with(Effort::Full) == expected, "an earlier frame left its mark");
    // Of frames that are sharp already, less is all.
    let mut sharp =
        how.of_sharp_frames().restorer(&psf, Some(&model), format, Arc::new(Sequential));
    assert_eq!(sharp.effort(Effort::Full), Effort::Passthrough);
    assert!(run(&mut *sharp, &picture, Effort::Full) == picture);
}

fn pipeline(
    source: Numbered,
    restorer: Box<dyn Restorer>,
    sink: Recorder,
    options: PipelineOptions,
) -> Pipeline {
    Pipeline {
        source: Box::new(source),
        restorer,
        sinks: vec![Box::new(sink)],
        options,
        ladder: None,
        metrics: Arc::new(Metrics::new(&["recorder".to_owned()])),
        stop: Stop::default(),
    }
}
