//! Pictures: their numbers, their times, and where their samples lie.

use std::time::Duration;

use super::super::{SampleShift, V4l2Options};
use super::stage::{FRAME, RECOVERY, SILENCE, Stage, options};
use crate::frame::{Extent, PictureFormat};
use crate::metrics::SourceState;
use crate::v4l2::FourCc;
use crate::v4l2::model::{Condition, Cure, DriverModel, Personality};

scripts! {
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
