//! What only the Jetson's own camera driver asks for.

use rustix::io::Errno;

use super::super::{Setting, V4l2Options};
use super::stage::{SILENCE, Stage, options};
use crate::frame::FrameRate;
use crate::metrics::SourceState;
use crate::v4l2::model::{DriverModel, Personality};

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
