//! What a source does about each trouble of its camera, played through without one. Every script is
//! played with each driver that the model knows.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rustix::io::Errno;

use super::fake::FakeHost;
use super::recovery::Recovery;
use super::{CameraError, SampleShift, Setting, V4l2Options};
use crate::frame::{Extent, Frame, FrameRate, PictureFormat};
use crate::metrics::{SourceMetrics, SourceSnapshot, SourceState};
use crate::source::Filled;
use crate::v4l2::FourCc;
use crate::v4l2::model::{Condition, Cure, DriverModel, Personality};

const SILENCE: Duration = Duration::from_millis(1000);
/// Time to recovery, once nothing hinders it.
const RECOVERY: Duration = Duration::from_secs(2);
/// Time from one frame to the next.
const FRAME: Duration = Duration::from_millis(33);

/// Plays scripts with every driver.
macro_rules! scripts {
    ($($script:ident)*) => {
        mod webcam {
            $(#[test] fn $script() { super::$script(super::Personality::Webcam); })*
        }
        mod tegra {
            $(#[test] fn $script() { super::$script(super::Personality::Tegra); })*
        }
    };
}

scripts! {
    every_trouble_is_a_state_and_ends
    a_device_that_must_be_closed_is_closed
    an_absent_camera_is_waited_for
    the_stream_is_restarted_before_the_device_is_opened_again
    a_frozen_sensor_is_noticed_where_that_is_asked_for
    a_camera_that_may_not_be_opened_is_told_of
    a_camera_that_cannot_do_it_is_refused_at_the_start_only
    a_camera_that_does_not_come_back_is_given_up
    another_format_after_a_new_start_is_adapted
    what_the_driver_loses_shows_in_the_numbers_of_pictures
    pictures_that_are_not_given_are_numbered_all_the_same
    times_of_pictures_never_go_back
    a_clock_that_lags_does_not_age_pictures
    interlaced_pictures_show_one_moment
    fields_by_themselves_are_refused_by_name
    rows_lie_where_the_driver_puts_them
    rows_above_the_picture_are_skipped
    samples_tell_where_their_bits_are
    whatever_happens_pictures_come_afterwards
}

/// A source with its camera.
struct Stage {
    camera: DriverModel,
    metrics: Arc<SourceMetrics>,
    recovery: Recovery<FakeHost>,
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
    fn live(driver: Personality) -> Self {
        let mut stage = Self::with(driver, |_| (), options()).expect("a source");
        stage.time_to_picture();
        stage
    }

    /// A camera that is in trouble from the start.
    fn troubled(driver: Personality, condition: Condition) -> Result<Self, CameraError> {
        Self::with(driver, |camera| camera.state().condition = condition, options())
    }

    fn with(
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
    fn bring(&self, condition: Condition, cure: Cure) {
        let mut state = self.camera.state();
        (state.condition, state.cure) = (condition, cure);
    }

    fn heal(&self) {
        self.camera.state().condition = Condition::Well;
    }

    fn elapsed(&self) -> Duration {
        self.camera.state().now
    }

    /// Lets the source run for a time.
    fn run(&mut self, time: Duration) -> Result<Seen, CameraError> {
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
    fn time_to_picture(&mut self) -> Duration {
        let start = self.elapsed();
        for _ in 0..100_000 {
            if matches!(self.fill().expect("it goes on"), Filled::Frame) {
                return self.elapsed() - start;
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

impl Drop for Stage {
    fn drop(&mut self) {
        let breaches = std::mem::take(&mut self.camera.state().breaches);
        assert!(breaches.is_empty() || std::thread::panicking(), "{breaches:?}");
    }
}

fn every_trouble_is_a_state_and_ends(driver: Personality) {
    // A trouble that begins while pictures come leads to a state, and its end to pictures.
    let check_recovery = |condition, state, words| {
        let mut stage = Stage::live(driver);
        assert!(stage.run(Duration::from_secs(1)).expect("it goes on").pictures > 20);
        stage.check_state(SourceState::Live, "");
        stage.bring(condition, Cure::Script);
        let seen = stage.run(Duration::from_secs(10)).expect("it goes on");
        // A stream that sticks when it is restarted is silent for a while, whatever the trouble.
        for _ in 0..100 {
            let snapshot = stage.snapshot();
            if snapshot.state == state && snapshot.problem.contains(words) {
                break;
            }
            stage.run(FRAME).expect("it goes on");
        }
        stage.check_state(state, words);
        assert_eq!(seen.pictures, 0);
        assert!((35..=50).contains(&seen.placeholders), "{seen:?}");
        stage.heal();
        let took = stage.time_to_picture();
        assert!(took <= RECOVERY, "recovered from {condition:?} in {took:?}");
        stage.check_state(SourceState::Live, "");
    };
    check_recovery(Condition::Unplugged, SourceState::Absent, "not there");
    check_recovery(Condition::Silent, SourceState::Silent, "no picture comes");
    check_recovery(Condition::Broken(Errno::IO), SourceState::Failing, "VIDIOC_DQBUF");
    check_recovery(Condition::Broken(Errno::INVAL), SourceState::Failing, "VIDIOC_DQBUF");
    check_recovery(Condition::Damaged, SourceState::Failing, "marked the frame as damaged");
    check_recovery(Condition::Short, SourceState::Failing, "holds 7 bytes (expected ");
}

fn a_device_that_must_be_closed_is_closed(driver: Personality) {
    let mut stage = Stage::live(driver);
    stage.bring(Condition::Disconnected, Cure::Script);
    assert!(stage.time_to_picture() < RECOVERY);
    assert_eq!(stage.snapshot().opened, 2);
}

fn an_absent_camera_is_waited_for(driver: Personality) {
    let mut stage = Stage::troubled(driver, Condition::Unplugged).expect("a source");
    assert_eq!(stage.recovery.format(), PictureFormat::gray(Extent::new(16, 12)));
    let seen = stage.run(Duration::from_secs(600)).expect("it goes on");
    assert!(seen.pictures == 0 && seen.placeholders > 2900, "{seen:?}");
    stage.check_state(SourceState::Absent, "not there");
    assert_eq!(stage.snapshot().transitions, 1);
    stage.heal();
    assert!(stage.time_to_picture() < Duration::from_millis(500));
}

fn the_stream_is_restarted_before_the_device_is_opened_again(driver: Personality) {
    let told = |cure| {
        let mut stage = Stage::live(driver);
        stage.bring(Condition::Silent, cure);
        let took = stage.time_to_picture();
        let snapshot = stage.snapshot();
        assert_eq!(snapshot.timeouts, snapshot.restarted + (snapshot.opened - 1));
        (snapshot.restarted, snapshot.opened, took.as_millis() / 100)
    };
    match driver {
        Personality::Webcam => {
            assert_eq!(told(Cure::Restart), (1, 1, 10));
            assert_eq!(told(Cure::Reopen), (1, 2, 21));
        }
        // The restart sticks. It is not waited for as long, and the device rests for a second.
        Personality::Tegra => {
            assert_eq!(told(Cure::Restart), (1, 2, 26));
            assert_eq!(told(Cure::Reopen), (1, 2, 26));
        }
    }
}

fn a_frozen_sensor_is_noticed_where_that_is_asked_for(driver: Personality) {
    let run = |frozen_frames, cure| {
        let options = V4l2Options { frozen_frames, ..options() };
        let mut stage = Stage::with(driver, |_| (), options).expect("a source");
        stage.time_to_picture();
        stage.bring(Condition::Frozen, cure);
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

fn a_camera_that_may_not_be_opened_is_told_of(driver: Personality) {
    let check = |errno, words: &str| {
        let mut stage = Stage::troubled(driver, Condition::Closed(errno)).expect("a source");
        stage.run(Duration::from_secs(5)).expect("it goes on");
        stage.check_state(SourceState::Failing, words);
        assert_eq!(stage.snapshot().transitions, 1);
        stage.heal();
        assert!(stage.time_to_picture() < RECOVERY);
    };
    check(Errno::BUSY, "(is another program using the camera?)");
    check(Errno::ACCESS, "(is this user in the group of the device?)");
    check(Errno::IO, "open: ");
}

fn a_camera_that_cannot_do_it_is_refused_at_the_start_only(driver: Personality) {
    let refused = Stage::troubled(driver, Condition::Refusing).err().expect("a refusal");
    assert_eq!(
        refused.to_string(),
        "/dev/fake: the camera has none of GREY, YUYV, RGB3, Y10 in a form that can be used; \
         it has (size at most frames/s)\n  H264"
    );
    let mut stage = Stage::troubled(driver, Condition::Unplugged).expect("a source");
    stage.bring(Condition::Refusing, Cure::Script);
    stage.run(Duration::from_secs(5)).expect("it goes on");
    stage.check_state(SourceState::Failing, "none of GREY");
}

fn a_camera_that_does_not_come_back_is_given_up(driver: Personality) {
    let limited = |condition| {
        let options = V4l2Options { reopens: 5, ..options() };
        let mut stage = Stage::with(driver, |_| (), options).expect("a source");
        stage.time_to_picture();
        stage.bring(condition, Cure::Script);
        stage.run(Duration::from_secs(120))
    };
    for condition in [Condition::Silent, Condition::Broken(Errno::IO), Condition::Damaged] {
        let error = limited(condition).expect_err("given up");
        let words = "the camera is given up after 5 openings: /dev/fake: ";
        assert!(error.to_string().starts_with(words), "{error}");
    }
    let seen = limited(Condition::Unplugged).expect("an absent camera is waited for");
    assert!(seen.placeholders > 500, "{seen:?}");
    let options = V4l2Options { reopens: 5, ..options() };
    let busy = |camera: &DriverModel| camera.state().condition = Condition::Closed(Errno::BUSY);
    let mut busy = Stage::with(driver, busy, options).expect("a source");
    busy.run(Duration::from_secs(120)).expect("a busy camera is waited for");
}

fn another_format_after_a_new_start_is_adapted(driver: Personality) {
    let mut stage = Stage::live(driver);
    for (format, width, height) in [(b"YUYV", 32, 8), (b"RGB3", 5, 40), (b"GREY", 16, 12)] {
        stage.bring(Condition::Unplugged, Cure::Script);
        stage.run(Duration::from_secs(1)).expect("it goes on");
        let format = (FourCc::new(*format), Extent::new(width, height));
        stage.camera.state().device.formats = vec![format];
        stage.heal();
        assert!(stage.time_to_picture() < RECOVERY, "{format:?}");
    }
    assert_eq!(stage.recovery.format(), PictureFormat::gray(Extent::new(16, 12)));
}

fn what_the_driver_loses_shows_in_the_numbers_of_pictures(driver: Personality) {
    let mut stage = Stage::live(driver);
    let mut gap = |lost, condition, cure| {
        stage.bring(condition, cure);
        stage.camera.state().lost = lost;
        let before = stage.snapshot().gaps;
        stage.time_to_picture();
        (stage.frame.meta.gap, stage.snapshot().gaps - before)
    };
    assert_eq!(gap(0, Condition::Well, Cure::Script), (0, 0));
    assert_eq!(gap(3, Condition::Well, Cure::Script), (3, 3));
    assert_eq!(gap(0, Condition::Well, Cure::Script), (0, 0));
    // The driver's numbers start again with the stream; ours go on.
    assert_eq!(gap(0, Condition::Silent, Cure::Restart), (0, 0));
    assert_eq!(gap(0, Condition::Silent, Cure::Reopen), (0, 0));
    assert_eq!(gap(2, Condition::Well, Cure::Script), (2, 2));
}

fn pictures_that_are_not_given_are_numbered_all_the_same(driver: Personality) {
    let options = V4l2Options { frozen_frames: 2, ..options() };
    let mut stage = Stage::with(driver, |_| (), options).expect("a source");
    stage.time_to_picture();
    stage.bring(Condition::Frozen, Cure::Script);
    assert_eq!(stage.run(4 * FRAME).expect("it goes on").pictures, 1);
    stage.heal();
    stage.time_to_picture();
    assert_eq!(stage.frame.meta.gap, 3, "frozen pictures");
    stage.bring(Condition::Damaged, Cure::Script);
    stage.camera.state().lost = 2;
    assert_eq!(stage.run(2 * FRAME).expect("it goes on").unusable, 2);
    stage.heal();
    stage.time_to_picture();
    // The pipeline numbers what it is told to be unusable.
    assert_eq!(stage.frame.meta.gap, 2, "frames lost before damaged ones");
}

fn times_of_pictures_never_go_back(driver: Personality) {
    let mut stage = Stage::live(driver);
    let mut last = None;
    for age_ms in [5, 10, 80, 300, 0, 50, 20] {
        stage.camera.state().age = Duration::from_millis(age_ms);
        stage.time_to_picture();
        let time = stage.frame.meta.captured_at;
        assert!(last.is_none_or(|last| last <= time), "{age_ms} ms of age go back");
        last = Some(time);
    }
}

fn a_clock_that_lags_does_not_age_pictures(driver: Personality) {
    for age in [Duration::from_millis(500), Duration::from_secs(50), Duration::from_secs(900)] {
        let lag = |camera: &DriverModel| camera.state().age = age;
        let mut stage = Stage::with(driver, lag, options()).expect("a source");
        for frame in 0..20 {
            stage.time_to_picture();
            let found = stage.camera.state().instant() - stage.frame.meta.captured_at;
            assert!(found < Duration::from_millis(100), "frame {frame} is {found:?} old");
        }
    }
}

fn interlaced_pictures_show_one_moment(driver: Personality) {
    // The odd rows of the model's pictures are brighter then.
    for code in [4, 8, 9] {
        let interlaced = |camera: &DriverModel| {
            let mut state = camera.state();
            (state.device.field, state.field) = (code, code);
        };
        let mut stage = Stage::with(driver, interlaced, options()).expect("a source");
        stage.time_to_picture();
        let samples = stage.frame.blurred.planes()[0].samples();
        assert!(samples.iter().all(|&sample| sample == samples[0]), "{samples:?}");
    }
}

fn fields_by_themselves_are_refused_by_name(driver: Personality) {
    for (code, name) in
        [(2, "top"), (5, "sequential, top first"), (7, "alternate"), (99, "number 99")]
    {
        let apart = |camera: &DriverModel| camera.state().device.field = code;
        let refused = Stage::with(driver, apart, options()).err().expect("a refusal").to_string();
        let words = format!("/dev/fake: the camera gives fields ({name}) instead of frames");
        assert!(refused.starts_with(&words), "{refused}");
    }
    // The driver agreed on frames, and gives fields.
    let mut stage = Stage::live(driver);
    stage.camera.state().field = 3;
    assert_eq!(stage.run(2 * FRAME).expect("it goes on").unusable, 2);
    stage.run(SILENCE + 2 * FRAME).expect("it goes on");
    stage.check_state(SourceState::Failing, "the buffer holds a field (bottom) instead of a frame");
}

fn rows_lie_where_the_driver_puts_them(driver: Personality) {
    let stage = Stage::live(driver);
    let samples = stage.frame.blurred.planes()[0].samples();
    assert!(samples.iter().all(|&sample| sample == samples[0] && sample < 99), "{samples:?}");
}

fn rows_above_the_picture_are_skipped(driver: Personality) {
    let options = V4l2Options { skip_rows: 3, ..options() };
    let mut stage = Stage::with(driver, |_| (), options).expect("a source");
    stage.time_to_picture();
    assert_eq!(stage.recovery.format().extent, Extent::new(16, 9));
    let options = V4l2Options { skip_rows: 12, ..self::options() };
    let refused = Stage::with(driver, |_| (), options).err().expect("a refusal").to_string();
    assert!(refused.contains("skip_rows is 12 (expected "), "{refused}");
}

fn samples_tell_where_their_bits_are(driver: Personality) {
    let options = V4l2Options { sample_shift: SampleShift::Auto, ..options() };
    let words = |camera: &DriverModel| {
        camera.state().device.formats = vec![(FourCc::new(*b"Y10 "), Extent::new(16, 12))];
    };
    let mut stage = Stage::with(driver, words, options).expect("a source");
    stage.time_to_picture();
    // Three frames are looked at, of which the last is given.
    assert!(stage.frame.meta.gap >= 2, "{:?}", stage.frame.meta);
    stage.bring(Condition::Disconnected, Cure::Script);
    stage.time_to_picture();
    assert_eq!(stage.frame.meta.gap, 0, "it was found out again");
}

#[test]
fn frames_come_past_the_bypass() {
    let mut stage = Stage::live(Personality::Tegra);
    assert_eq!(stage.camera.state().device.control_named("Bypass Mode").value, 0);
    // Some sensors refuse; then the camera is tried as it is, and its silence explained.
    let refuses = |camera: &DriverModel| {
        camera.state().device.control_named("Bypass Mode").refuses = Some(Errno::RANGE);
    };
    stage = Stage::with(Personality::Tegra, refuses, options()).expect("a source");
    stage.run(2 * SILENCE).expect("it goes on");
    stage.check_state(SourceState::Silent, "no picture comes (bypass_mode is 1, with which");
    // Who asks for it gets it.
    let controls = [("bypass_mode".to_owned(), Setting::Integer(1))].into();
    let options = V4l2Options { controls, ..options() };
    stage = Stage::with(Personality::Tegra, |_| (), options).expect("a source");
    assert_eq!(stage.camera.state().device.control_named("Bypass Mode").value, 1);
    stage.run(2 * SILENCE).expect("it goes on");
    stage.check_state(SourceState::Silent, "bypass_mode is 1");
}

#[test]
fn rates_that_cannot_be_asked_are_taken_from_the_control() {
    let stage = Stage::live(Personality::Tegra);
    assert_eq!(stage.recovery.rate(), FrameRate::per_second(30));
    assert_eq!(stage.camera.state().device.control_named("Frame Rate").value, 30_000_000);
    drop(stage);
    let without = |camera: &DriverModel| camera.state().device.controls.clear();
    let mut stage = Stage::with(Personality::Tegra, without, options()).expect("a source");
    assert_eq!(stage.recovery.rate(), FrameRate::per_second(30));
    stage.time_to_picture();
}

#[test]
fn exposure_and_gain_can_be_set_where_ranges_are_nothing() {
    let set = |name: &str, value| (name.to_owned(), Setting::Integer(value));
    let controls = [set("gain", 200), set("exposure", 20_000)].into();
    let options = V4l2Options { controls, ..options() };
    let mut stage = Stage::with(Personality::Tegra, |_| (), options).expect("a source");
    stage.time_to_picture();
    let mut state = stage.camera.state();
    assert_eq!(state.device.control_named("Gain").value, 200);
    assert_eq!(state.device.control_named("Exposure").value, 20_000);
}

fn conditions() -> impl Strategy<Value = Vec<(Condition, Cure, u64)>> {
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
    let condition = prop_oneof![
        Just(Condition::Well),
        Just(Condition::Unplugged),
        Just(Condition::Disconnected),
        Just(Condition::Refusing),
        Just(Condition::Silent),
        Just(Condition::Frozen),
        Just(Condition::Damaged),
        Just(Condition::Short),
        errno.clone().prop_map(Condition::Closed),
        errno.prop_map(Condition::Broken),
    ];
    let cure = prop::sample::select(vec![Cure::Restart, Cure::Reopen, Cure::Script]);
    prop::collection::vec((condition, cure, 0_u64..6000), 0..25)
}

/// The camera itself asserts that it is never opened twice, and never used closed.
fn whatever_happens_pictures_come_afterwards(driver: Personality) {
    proptest!(|(script in conditions(), frozen_frames in 0_u32..9)| {
        let options = V4l2Options { frozen_frames, ..options() };
        let mut stage = Stage::with(driver, |_| (), options).expect("a source");
        for (condition, cure, time_ms) in script {
            stage.bring(condition, cure);
            stage.run(Duration::from_millis(time_ms)).expect("it goes on");
        }
        stage.heal();
        prop_assert!(stage.time_to_picture() <= RECOVERY);
        let seen = stage.run(Duration::from_secs(1)).expect("it goes on");
        prop_assert!(seen.pictures >= u32::try_from(1000 / FRAME.as_millis()).expect("small"));
        prop_assert!(stage.camera.state().is_open());
        prop_assert_eq!(u64::from(stage.camera.state().streamed), stage.snapshot().opened);
        prop_assert_eq!(stage.snapshot().state, SourceState::Live);
    });
}
