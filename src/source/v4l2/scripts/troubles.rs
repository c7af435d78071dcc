//! Troubles: each is a state, and each ends.

use std::time::Duration;

use proptest::prelude::*;
use rustix::io::Errno;

use super::super::V4l2Options;
use super::stage::{FRAME, RECOVERY, Stage, options};
use crate::frame::{Extent, PictureFormat};
use crate::metrics::SourceState;
use crate::v4l2::model::{Condition, Cure, DriverModel, Personality};

scripts! {
    every_trouble_is_a_state_and_ends
    a_device_that_must_be_closed_is_closed
    an_absent_camera_is_waited_for
    the_stream_is_restarted_before_the_device_is_opened_again
    a_frozen_sensor_is_noticed_where_that_is_asked_for
    a_camera_that_may_not_be_opened_is_told_of
    a_camera_that_cannot_do_it_is_refused_at_the_start_only
    a_camera_that_does_not_come_back_is_given_up
    whatever_happens_pictures_come_afterwards
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
