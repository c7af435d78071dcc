//! A source with a camera of the model, and the time that passes for both.

use std::sync::Arc;
use std::time::Duration;

use super::super::fake::FakeHost;
use super::super::recovery::Recovery;
use super::super::{CameraError, V4l2Options};
use crate::frame::{Extent, Frame};
use crate::metrics::{SourceMetrics, SourceSnapshot, SourceState};
use crate::source::Filled;
use crate::v4l2::model::{Condition, Cure, DriverModel, Personality};

/// Time without a picture after which the camera counts as silent.
pub(super) const SILENCE: Duration = Duration::from_millis(1000);
/// Time to recovery, once nothing hinders it.
pub(super) const RECOVERY: Duration = Duration::from_secs(2);
/// Time from one frame to the next.
pub(super) const FRAME: Duration = Duration::from_millis(33);

/// A source with its camera.
pub(super) struct Stage {
    pub(super) camera: DriverModel,
    metrics: Arc<SourceMetrics>,
    pub(super) recovery: Recovery<FakeHost>,
    pub(super) frame: Frame,
}

/// What came while time passed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) pictures: u32,
    pub(super) placeholders: u32,
    pub(super) unusable: u32,
}

pub(super) fn options() -> V4l2Options {
    let formats = ["GREY", "YUYV", "RGB3", "Y10"];
    V4l2Options {
        formats: formats.map(|name| name.parse().expect("a pixel format")).to_vec(),
        extent: Extent::new(16, 12),
        silence: SILENCE,
        reopens: 0,
        ..V4l2Options::of("/dev/fake".into())
    }
}

impl Stage {
    /// A camera that is well, and gives pictures.
    pub(super) fn live(driver: Personality) -> Self {
        let mut stage = Self::with(driver, |_| (), options()).expect("a source");
        stage.time_to_picture();
        stage
    }

    /// A camera that is in trouble from the start.
    pub(super) fn troubled(driver: Personality, condition: Condition) -> Result<Self, CameraError> {
        Self::with(driver, |camera| camera.state().condition = condition, options())
    }

    pub(super) fn with(
        driver: Personality,
        prepare: impl FnOnce(&DriverModel),
        options: V4l2Options,
    ) -> Result<Self, CameraError> {
        let (camera, metrics) = (DriverModel::camera(driver), Arc::<SourceMetrics>::default());
        prepare(&camera);
        let recovery = Recovery::start(FakeHost(camera.clone()), options, Arc::clone(&metrics))?;
        let frame = Frame::new(recovery.format());
        Ok(Self { camera, metrics, recovery, frame })
    }

    /// Brings trouble about.
    pub(super) fn bring(&self, condition: Condition, cure: Cure) {
        let mut state = self.camera.state();
        (state.condition, state.cure) = (condition, cure);
    }

    pub(super) fn heal(&self) {
        self.camera.state().condition = Condition::Well;
    }

    fn elapsed(&self) -> Duration {
        self.camera.state().now
    }

    /// Lets the source run for a time.
    pub(super) fn run(&mut self, time: Duration) -> Result<Seen, CameraError> {
        let end = self.elapsed() + time;
        let mut seen = Seen::default();
        while self.elapsed() < end {
            match self.fill()? {
                Filled::Frame => seen.pictures += 1,
                Filled::Placeholder => seen.placeholders += 1,
                Filled::Unusable(_) => seen.unusable += 1,
                Filled::Waiting => {}
                Filled::End => panic!("a camera has no end"),
            }
        }
        Ok(seen)
    }

    fn fill(&mut self) -> Result<Filled, CameraError> {
        let before = self.elapsed();
        let filled = self.recovery.fill(&mut self.frame)?;
        let took = self.elapsed() - before;
        assert!(took <= Duration::from_millis(250), "a call took {took:?}");
        assert_eq!(self.frame.blurred.format(), self.recovery.format());
        Ok(filled)
    }

    /// Lets the source run until a picture comes, and says how long that took.
    pub(super) fn time_to_picture(&mut self) -> Duration {
        let start = self.elapsed();
        for _ in 0..100_000 {
            if matches!(self.fill().expect("it goes on"), Filled::Frame) {
                return self.elapsed() - start;
            }
        }
        panic!("no picture came");
    }

    pub(super) fn snapshot(&self) -> SourceSnapshot {
        self.metrics.snapshot()
    }

    #[track_caller]
    pub(super) fn check_state(&self, state: SourceState, words: &str) {
        let snapshot = self.snapshot();
        assert_eq!(snapshot.state, state, "{snapshot:?}");
        assert!(snapshot.problem.contains(words), "{snapshot:?}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let breaches = std::mem::take(&mut self.camera.state().breaches);
        assert!(breaches.is_empty() || std::thread::panicking(), "{breaches:?}");
    }
}
