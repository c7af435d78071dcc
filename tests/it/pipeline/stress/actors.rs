//! A source, sinks and restorers that do with each frame what chance says, and keep account of it.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use deblurd::frame::{Effort, Extent, Frame, FrameRate, Picture, PictureFormat};
use deblurd::restore::{RestoreError, Restorer, Step, Watch};
use deblurd::sink::{Sink, SinkError};
use deblurd::source::{Filled, Source, SourceError};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const FORMAT: PictureFormat = PictureFormat::gray(Extent::new(2, 2));
/// The age of a frame that is too old to be worked on.
pub(super) const OLD: Duration = Duration::from_secs(2000);

/// What the test is told. A gate opens when it is dropped.
pub(super) enum Event {
    SinkHeld(mpsc::Sender<()>),
    SourceHeld(mpsc::Sender<()>),
    SourceGone,
}

/// An account that one keeps and the test reads.
pub(super) type Account<T> = Arc<Mutex<T>>;

/// Waits at a gate until the test, told of it, opens it.
fn wait(teller: &mpsc::Sender<Event>, event: fn(mpsc::Sender<()>) -> Event) {
    let (open, gate) = mpsc::channel();
    if teller.send(event(open)).is_ok() {
        gate.recv().expect_err("nobody sends; the gate opens");
    }
}

/// Lets others go first, now and then many times.
fn dawdle(random: &mut Pcg64) {
    let turns = if random.random_ratio(1, 50) { 200 } else { random.random_range(0..3) };
    (0..turns).for_each(|_| std::thread::yield_now());
}

/// What a source gave.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) frames: u64,
    pub(super) placeholders: u64,
    pub(super) unusable: u64,
    /// Of the frames, those that were too old.
    pub(super) old: u64,
    pub(super) has_failed: bool,
}

impl Given {
    pub(super) fn entered(&self) -> u64 {
        self.frames + self.placeholders + self.unusable
    }
}

/// A source that asks for patience, gives old frames and stand-ins, loses some, and is held up.
pub(super) struct MoodySource {
    random: Pcg64,
    left: u64,
    fails: bool,
    teller: mpsc::Sender<Event>,
    given: Account<Given>,
}

impl MoodySource {
    pub(super) fn new(
        seed: u64,
        left: u64,
        fails: bool,
        teller: mpsc::Sender<Event>,
        given: Account<Given>,
    ) -> Self {
        Self { random: Pcg64::seed_from_u64(seed), left, fails, teller, given }
    }
}

impl Source for MoodySource {
    fn format(&self) -> PictureFormat {
        FORMAT
    }

    fn rate(&self) -> FrameRate {
        FrameRate::per_second(25)
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let error = || SourceError::Empty("a source of chance".into());
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if self.left == 0 {
            given.has_failed = self.fails;
            return if self.fails { Err(error()) } else { Ok(Filled::End) };
        }
        self.left -= 1;
        dawdle(&mut self.random);
        frame.meta.captured_at = Instant::now();
        match self.random.random_range(0..100) {
            0..5 => {
                given.unusable += 1;
                return Ok(Filled::Unusable(error()));
            }
            5..10 => {
                given.placeholders += 1;
                return Ok(Filled::Placeholder);
            }
            10..20 => return Ok(Filled::Waiting),
            20..30 => {
                given.old += 1;
                let then = frame.meta.captured_at.checked_sub(OLD);
                frame.meta.captured_at = then.expect("a time");
            }
            30..34 => wait(&self.teller, Event::SourceHeld),
            _ => {}
        }
        given.frames += 1;
        Ok(Filled::Frame)
    }
}

impl Drop for MoodySource {
    fn drop(&mut self) {
        // Nobody listens where the test has failed.
        let _ = self.teller.send(Event::SourceGone);
    }
}

/// What a sink answered.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) frames: u64,
    pub(super) busy: u64,
    pub(super) later: u64,
    /// Of the frames, those that were too old.
    pub(super) old: u64,
    /// Whether numbers of frames grew, and marks of restorers did not fall.
    pub(super) is_in_order: bool,
    pub(super) has_failed: bool,
    last: Option<(u64, u16)>,
}

impl Default for Taken {
    fn default() -> Self {
        let (frames, busy, later, old) = (0, 0, 0, 0);
        Self { frames, busy, later, old, is_in_order: true, has_failed: false, last: None }
    }
}

impl Taken {
    fn take(&mut self, frame: &Frame) {
        let (sequence, mark) = (frame.meta.sequence, frame.restored.planes()[0].samples()[0]);
        let follows = |(before, older): (u64, u16)| before < sequence && older <= mark;
        self.is_in_order &= self.last.is_none_or(follows);
        self.last = Some((sequence, mark));
        self.old += u64::from(frame.meta.captured_at.elapsed() >= OLD);
        self.frames += 1;
    }
}

/// A sink that is slow, busy, held, and may die at a frame or fail at its end.
pub(super) struct MoodySink {
    name: String,
    random: Pcg64,
    death: Option<u64>,
    teller: mpsc::Sender<Event>,
    taken: Account<Taken>,
}

impl MoodySink {
    pub(super) fn new(
        seed: u64,
        death: Option<u64>,
        teller: mpsc::Sender<Event>,
        taken: Account<Taken>,
    ) -> Self {
        let name = format!("sink of {seed}");
        Self { name, random: Pcg64::seed_from_u64(seed), death, teller, taken }
    }
}

impl Sink for MoodySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn start(&mut self, _: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        dawdle(&mut self.random);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if self.death == Some(taken.frames) {
            taken.has_failed = true;
            return Err(SinkError::Closed("a sink of chance".into()));
        }
        match self.random.random_range(0..100) {
            0..8 => {
                taken.busy += 1;
                return Err(SinkError::Busy);
            }
            8 => {
                taken.later += 1;
                return Err(SinkError::Later);
            }
            9..13 => wait(&self.teller, Event::SinkHeld),
            _ => {}
        }
        taken.take(frame);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        match self.random.random_range(0..4) {
            0 => Err(SinkError::Later),
            1 => {
                let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.has_failed = true;
                Err(SinkError::Closed("a sink of chance, at its end".into()))
            }
            _ => Ok(()),
        }
    }
}

/// A restorer that takes its time, fails now and then, and leaves its mark in every sample.
pub(super) struct MoodyRestorer {
    random: Pcg64,
    mark: u16,
}

impl MoodyRestorer {
    pub(super) fn new(seed: u64, mark: u16) -> Self {
        Self { random: Pcg64::seed_from_u64(seed ^ u64::from(mark) << 32), mark }
    }
}

impl Restorer for MoodyRestorer {
    fn backend(&self) -> &'static str {
        "chance"
    }

    fn steps(&self) -> &[Step] {
        &[]
    }

    fn restore(
        &mut self,
        blurred: &Picture,
        restored: &mut Picture,
        _: Effort,
        _: &mut dyn Watch,
    ) -> Result<(), RestoreError> {
        dawdle(&mut self.random);
        restored.planes_mut()[0].samples_mut().fill(self.mark);
        if self.random.random_ratio(1, 20) {
            let is = blurred.format().extent;
            return Err(RestoreError::Format { is, planned: Extent::new(0, 0) });
        }
        Ok(())
    }
}
