//! What a source does about each trouble of its camera, played through without one.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rustix::io::Errno;

use super::fake::{Cure, FRAME, FakeCamera, Trouble, agreed};
use super::supervisor::Supervisor;
use super::{CameraError, V4l2Options};
use crate::frame::{Extent, Frame, PictureFormat};
use crate::metrics::{SourceMetrics, SourceSnapshot, SourceState};
use crate::source::Filled;

const SILENCE: Duration = Duration::from_millis(1000);
/// Time to recovery, once nothing hinders it.
const RECOVERY: Duration = Duration::from_secs(2);

/// A source with its camera.
struct Stage {
    camera: FakeCamera,
    metrics: Arc<SourceMetrics>,
    supervisor: Supervisor,
    frame: Frame,
}

/// What came while time passed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    pictures: u32,
    placeholders: u32,
    unusable: u32,
}

fn options() -> V4l2Options {
    V4l2Options {
        formats: vec!["GREY".parse().expect("a pixel format")],
        extent: Extent::new(16, 12),
        silence: SILENCE,
        reopens: 0,
        ..V4l2Options::of("/dev/fake".into())
    }
}

impl Stage {
    fn new(trouble: Trouble) -> Self {
        Self::with(trouble, options()).expect("a source")
    }

    fn with(trouble: Trouble, options: V4l2Options) -> Result<Self, CameraError> {
        let (camera, metrics) = (FakeCamera::new(), Arc::<SourceMetrics>::default());
        camera.world().trouble = trouble;
        let supervisor =
            Supervisor::start(Box::new(camera.clone()), options, Arc::clone(&metrics))?;
        let frame = Frame::new(supervisor.format());
        Ok(Self { camera, metrics, supervisor, frame })
    }

    /// Lets the source run for a time.
    fn run(&mut self, time: Duration) -> Result<Seen, CameraError> {
        let end = self.camera.elapsed() + time;
        let mut seen = Seen::default();
        while self.camera.elapsed() < end {
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
        let before = self.camera.elapsed();
        let filled = self.supervisor.fill(&mut self.frame)?;
        let took = self.camera.elapsed() - before;
        assert!(took <= Duration::from_millis(250), "a call took {took:?}");
        assert_eq!(self.frame.blurred.format(), self.supervisor.format());
        Ok(filled)
    }

    /// Lets the source run until a picture comes, and says how long that took.
    fn time_to_picture(&mut self) -> Duration {
        let start = self.camera.elapsed();
        for _ in 0..100_000 {
            if matches!(self.fill().expect("it goes on"), Filled::Frame) {
                return self.camera.elapsed() - start;
            }
        }
        panic!("no picture came");
    }

    fn snapshot(&self) -> SourceSnapshot {
        self.metrics.snapshot()
    }

    #[track_caller]
    fn check_state(&self, state: SourceState, words: &str) {
        let snapshot = self.snapshot();
        assert_eq!(snapshot.state, state, "{snapshot:?}");
        assert!(snapshot.problem.contains(words), "{snapshot:?}");
    }
}

/// A trouble that begins while pictures come leads to a state, and its end to pictures.
#[track_caller]
fn check_recovery(trouble: Trouble, state: SourceState, words: &str) {
    let mut stage = Stage::new(Trouble::None);
    assert!(stage.run(Duration::from_secs(1)).expect("it goes on").pictures > 20);
    stage.check_state(SourceState::Live, "");
    stage.camera.world().trouble = trouble;
    let seen = stage.run(Duration::from_secs(10)).expect("it goes on");
    stage.check_state(state, words);
    assert_eq!(seen.pictures, 0);
    assert!((35..=50).contains(&seen.placeholders), "{seen:?}");
    stage.camera.world().trouble = Trouble::None;
    let took = stage.time_to_picture();
    assert!(took <= RECOVERY, "recovered in {took:?}");
    stage.check_state(SourceState::Live, "");
}

#[test]
fn every_trouble_is_a_state_and_ends() {
    check_recovery(Trouble::Unplugged, SourceState::Absent, "not there");
    check_recovery(Trouble::Silent, SourceState::Silent, "no picture comes");
    check_recovery(Trouble::Broken(Errno::IO), SourceState::Failing, "VIDIOC_DQBUF");
    check_recovery(Trouble::Broken(Errno::INVAL), SourceState::Failing, "VIDIOC_DQBUF");
    check_recovery(Trouble::Damaged, SourceState::Failing, "marked the frame as damaged");
    check_recovery(Trouble::Short, SourceState::Failing, "holds 7 bytes (expected 192)");
}

#[test]
fn a_device_that_must_be_closed_is_closed() {
    let mut stage = Stage::new(Trouble::None);
    stage.time_to_picture();
    stage.camera.world().trouble = Trouble::Disconnected;
    assert!(stage.time_to_picture() < RECOVERY);
    assert_eq!(stage.snapshot().opened, 2);
}

#[test]
fn an_absent_camera_is_waited_for() {
    let mut stage = Stage::new(Trouble::Unplugged);
    assert_eq!(stage.supervisor.format(), PictureFormat::gray(Extent::new(16, 12)));
    let seen = stage.run(Duration::from_secs(600)).expect("it goes on");
    assert!(seen.pictures == 0 && seen.placeholders > 2900, "{seen:?}");
    stage.check_state(SourceState::Absent, "not there");
    assert_eq!(stage.snapshot().transitions, 1);
    stage.camera.world().trouble = Trouble::None;
    assert!(stage.time_to_picture() < Duration::from_millis(500));
}

#[test]
fn the_stream_is_restarted_before_the_device_is_opened_again() {
    let told = |cure| {
        let mut stage = Stage::new(Trouble::None);
        stage.time_to_picture();
        stage.camera.world().trouble = Trouble::Silent;
        stage.camera.world().cure = cure;
        let took = stage.time_to_picture();
        let snapshot = stage.snapshot();
        assert_eq!(snapshot.timeouts, snapshot.restarted + u64::from(cure == Cure::Reopen));
        (snapshot.restarted, snapshot.opened, took.as_millis() / 1000)
    };
    assert_eq!(told(Cure::Restart), (1, 1, 1));
    assert_eq!(told(Cure::Reopen), (1, 2, 2));
}

#[test]
fn a_frozen_sensor_is_noticed_where_that_is_asked_for() {
    let run = |frozen_frames, cure| {
        let mut stage = Stage::with(Trouble::None, V4l2Options { frozen_frames, ..options() })
            .expect("a source");
        stage.time_to_picture();
        stage.camera.world().trouble = Trouble::Frozen;
        stage.camera.world().cure = cure;
        (stage.run(Duration::from_secs(20)).expect("it goes on"), stage.snapshot())
    };
    let (seen, snapshot) = run(10, Cure::Script);
    assert_eq!((snapshot.state, seen.pictures), (SourceState::Frozen, 9), "{snapshot:?}");
    assert!(snapshot.opened > 2 && seen.placeholders > 50, "{seen:?} {snapshot:?}");
    let (_, snapshot) = run(10, Cure::Restart);
    assert_eq!((snapshot.state, snapshot.restarted), (SourceState::Live, 1), "{snapshot:?}");
    let (_, snapshot) = run(0, Cure::Script);
    assert_eq!((snapshot.state, snapshot.transitions), (SourceState::Live, 1), "{snapshot:?}");
}

#[test]
fn a_camera_that_may_not_be_opened_is_told_of() {
    let check = |errno, words: &str| {
        let mut stage = Stage::new(Trouble::Closed(errno));
        stage.run(Duration::from_secs(5)).expect("it goes on");
        stage.check_state(SourceState::Failing, words);
        assert_eq!(stage.snapshot().transitions, 1);
        stage.camera.world().trouble = Trouble::None;
        assert!(stage.time_to_picture() < RECOVERY);
    };
    check(Errno::BUSY, "(is another program using the camera?)");
    check(Errno::ACCESS, "(is this user in the group of the device?)");
    check(Errno::IO, "open: ");
}

#[test]
fn a_camera_that_cannot_do_it_is_refused_at_the_start_only() {
    let refused = Stage::with(Trouble::Refusing, options()).err().expect("a refusal").to_string();
    assert_eq!(
        refused,
        "/dev/fake: the camera has none of GREY in a form that can be used; it has (size at most frames/s)\n  H264"
    );
    let mut stage = Stage::new(Trouble::Unplugged);
    stage.camera.world().trouble = Trouble::Refusing;
    stage.run(Duration::from_secs(5)).expect("it goes on");
    stage.check_state(SourceState::Failing, "none of GREY");
}

#[test]
fn a_camera_that_does_not_come_back_is_given_up() {
    let limited = |trouble| {
        let options = V4l2Options { reopens: 5, ..options() };
        let mut stage = Stage::with(Trouble::None, options).expect("a source");
        stage.time_to_picture();
        stage.camera.world().trouble = trouble;
        stage.run(Duration::from_secs(120))
    };
    for trouble in [Trouble::Silent, Trouble::Broken(Errno::IO), Trouble::Damaged] {
        let error = limited(trouble).expect_err("given up");
        let words = "the camera is given up after 5 openings: /dev/fake: ";
        assert!(error.to_string().starts_with(words), "{error}");
    }
    let seen = limited(Trouble::Unplugged).expect("an absent camera is waited for");
    assert!(seen.placeholders > 500, "{seen:?}");
    let options = V4l2Options { reopens: 5, ..options() };
    let mut busy = Stage::with(Trouble::Closed(Errno::BUSY), options).expect("a source");
    busy.run(Duration::from_secs(120)).expect("a busy camera is waited for");
}

#[test]
fn another_format_after_a_new_start_is_adapted() {
    let mut stage = Stage::new(Trouble::None);
    stage.time_to_picture();
    for (format, width, height) in [("YUYV", 32, 8), ("RGB3", 5, 40), ("GREY", 16, 12)] {
        stage.camera.world().trouble = Trouble::Unplugged;
        stage.run(Duration::from_secs(1)).expect("it goes on");
        stage.camera.world().agreed = agreed(format, width, height);
        stage.camera.world().trouble = Trouble::None;
        assert!(stage.time_to_picture() < RECOVERY, "{format}");
    }
    assert_eq!(stage.supervisor.format(), PictureFormat::gray(Extent::new(16, 12)));
}

#[test]
fn what_the_driver_loses_shows_in_the_numbers_of_pictures() {
    let mut stage = Stage::new(Trouble::None);
    stage.time_to_picture();
    let mut gap = |lost, trouble, cure| {
        {
            let mut world = stage.camera.world();
            (world.lost, world.trouble, world.cure) = (lost, trouble, cure);
        }
        stage.time_to_picture();
        stage.frame.meta.gap
    };
    assert_eq!(gap(0, Trouble::None, Cure::Script), 0);
    assert_eq!(gap(3, Trouble::None, Cure::Script), 3);
    assert_eq!(gap(0, Trouble::None, Cure::Script), 0);
    // The driver's numbers start again with the stream; ours go on.
    assert_eq!(gap(0, Trouble::Silent, Cure::Restart), 0);
    assert_eq!(gap(5, Trouble::Silent, Cure::Reopen), 5);
    assert_eq!(stage.snapshot().gaps, 8);
}

#[test]
fn pictures_that_are_not_given_are_numbered_all_the_same() {
    let mut stage = Stage::with(Trouble::None, V4l2Options { frozen_frames: 2, ..options() })
        .expect("a source");
    stage.time_to_picture();
    stage.camera.world().trouble = Trouble::Frozen;
    assert_eq!(stage.run(4 * FRAME).expect("it goes on").pictures, 1);
    stage.camera.world().trouble = Trouble::None;
    stage.time_to_picture();
    assert_eq!(stage.frame.meta.gap, 3, "frozen pictures");
    stage.camera.world().trouble = Trouble::Damaged;
    stage.camera.world().lost = 2;
    assert_eq!(stage.run(2 * FRAME).expect("it goes on").unusable, 2);
    stage.camera.world().trouble = Trouble::None;
    stage.time_to_picture();
    // The pipeline numbers what it is told to be unusable.
    assert_eq!(stage.frame.meta.gap, 2, "frames lost before damaged ones");
}

#[test]
fn times_of_pictures_never_go_back() {
    let mut stage = Stage::new(Trouble::None);
    let mut last = None;
    for age_ms in [5, 10, 80, 300, 0, 50, 20] {
        stage.camera.world().age = Duration::from_millis(age_ms);
        stage.time_to_picture();
        let time = stage.frame.meta.captured_at;
        assert!(last.is_none_or(|last| last <= time), "{age_ms} ms of age go back");
        last = Some(time);
    }
}

fn troubles() -> impl Strategy<Value = Vec<(Trouble, Cure, u64)>> {
    let errno = prop::sample::select(vec![
        Errno::IO,
        Errno::INVAL,
        Errno::NODEV,
        Errno::BUSY,
        Errno::ACCESS,
        Errno::PROTO,
        Errno::PIPE,
        Errno::NOSPC,
        Errno::SHUTDOWN,
        Errno::INTR,
        Errno::AGAIN,
        Errno::NOMEM,
    ]);
    let trouble = prop_oneof![
        Just(Trouble::None),
        Just(Trouble::Unplugged),
        Just(Trouble::Disconnected),
        Just(Trouble::Refusing),
        Just(Trouble::Silent),
        Just(Trouble::Frozen),
        Just(Trouble::Damaged),
        Just(Trouble::Short),
        errno.clone().prop_map(Trouble::Closed),
        errno.prop_map(Trouble::Broken),
    ];
    let cure = prop::sample::select(vec![Cure::Restart, Cure::Reopen, Cure::Script]);
    prop::collection::vec((trouble, cure, 0_u64..6000), 0..25)
}

proptest! {
    /// The camera itself asserts that it is never opened twice, and never used closed.
    #[test]
    fn whatever_happens_pictures_come_afterwards(script in troubles(), frozen_frames in 0_u32..9) {
        let mut stage = Stage::with(Trouble::None, V4l2Options { frozen_frames, ..options() })
            .expect("a source");
        for (trouble, cure, time_ms) in script {
            {
                let mut world = stage.camera.world();
                (world.trouble, world.cure) = (trouble, cure);
            }
            stage.run(Duration::from_millis(time_ms)).expect("it goes on");
        }
        stage.camera.world().trouble = Trouble::None;
        prop_assert!(stage.time_to_picture() <= RECOVERY);
        let seen = stage.run(Duration::from_secs(1)).expect("it goes on");
        prop_assert!(seen.pictures >= u32::try_from(1000 / FRAME.as_millis()).expect("small"));
        prop_assert!(stage.camera.world().is_open);
        prop_assert_eq!(u64::from(stage.camera.world().openings), stage.snapshot().opened);
        prop_assert_eq!(stage.snapshot().state, SourceState::Live);
    }
}
