//! Streams against the model of a driver: each trouble by itself, then all in any order.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{option, prop_assert, prop_assert_eq, proptest};
use rustix::io::Errno;

use super::model::{DriverModel, Personality, Place, Trouble};
use super::{
    BufferKind, Capture, Clock, Damage, Device, Direction, Distrust, Driver, ErrorKind, Output,
    Setting, V4l2Error,
};

const CAMERA: &str = "/dev/camera";
const PATIENCE: Duration = Duration::from_millis(100);
const CAPTURE: BufferKind = BufferKind { direction: Direction::Capture, multiplanar: false };
const OUTPUT: BufferKind = BufferKind { direction: Direction::Output, multiplanar: false };

fn camera() -> (DriverModel, Capture<DriverModel>) {
    let model = DriverModel::new(false, 4, &[64]);
    let capture = Capture::start(model.clone(), (Path::new(CAMERA), CAPTURE), 4).expect("a stream");
    (model, capture)
}

fn display(planes: &[usize]) -> (DriverModel, Output<DriverModel>) {
    let model = DriverModel::new(true, 3, planes);
    let output =
        Output::start(model.clone(), (Path::new("/dev/display"), OUTPUT), 3).expect("a stream");
    (model, output)
}

/// The sequence number of the next frame.
#[track_caller]
fn check_frame(capture: &mut Capture<DriverModel>) -> u32 {
    let frame = capture.next(PATIENCE).expect("no error").expect("a frame");
    assert_eq!(frame.damage(), None);
    assert_eq!(frame.planes().map(<[u8]>::len).collect::<Vec<_>>(), [64]);
    frame.sequence()
}

#[track_caller]
fn check_fails(result: Result<Option<u32>, V4l2Error>, kind: ErrorKind, words: &str) {
    let error = result.expect_err("an error");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(CAMERA) && error.to_string().contains(words), "{error}");
}

fn next(capture: &mut Capture<DriverModel>) -> Result<Option<u32>, V4l2Error> {
    Ok(capture.next(PATIENCE)?.map(|frame| frame.sequence()))
}

/// What must be true of a driver after a stream is gone.
#[track_caller]
fn check_left(model: &DriverModel) {
    let state = model.state();
    assert_eq!(state.breaches, Vec::<String>::new());
    assert!(!state.is_streaming, "the stream still runs");
    assert_eq!((state.mapped, state.buffers.len()), (0, 0), "mappings and buffers");
}

#[test]
fn frames_come_in_order_and_everything_is_given_back() {
    let (model, mut capture) = camera();
    let sequences: Vec<u32> = (0..20).map(|_| check_frame(&mut capture)).collect();
    assert_eq!(sequences, (1..=20).collect::<Vec<_>>());
    assert!(model.state().buffers.iter().all(|&place| place == Place::Driver));
    drop(capture);
    check_left(&model);
}

#[test]
fn fewer_buffers_than_asked_for_are_enough() {
    let model = DriverModel::new(false, 2, &[64]);
    let mut capture =
        Capture::start(model.clone(), (Path::new(CAMERA), CAPTURE), 8).expect("a stream");
    assert_eq!(capture.buffers(), 2);
    assert_eq!([check_frame(&mut capture), check_frame(&mut capture)], [1, 2]);
    let none = Capture::start(DriverModel::new(false, 0, &[64]), (Path::new(CAMERA), CAPTURE), 8);
    assert!(none.expect_err("no buffers").to_string().contains("no buffers"));
}

#[test]
fn the_newest_frame_wins() {
    let (model, mut capture) = camera();
    model.work(3);
    let newest = capture.newest(PATIENCE).expect("no error").expect("a frame");
    assert_eq!((newest.sequence(), newest.skipped()), (3, 2));
    drop(newest);
    assert_eq!(check_frame(&mut capture), 4);
}

#[test]
fn signals_and_silence_are_no_errors() {
    let (model, mut capture) = camera();
    model.trouble([Some(Trouble::Fails(Errno::INTR)); 7]);
    assert_eq!(check_frame(&mut capture), 1);
    let start = model.state().now;
    model.trouble([None, Some(Trouble::Silence)]);
    assert_eq!(next(&mut capture).expect("no error"), None);
    assert_eq!(model.state().now - start, PATIENCE);
    assert_eq!(check_frame(&mut capture), 2);
}

#[test]
fn a_device_that_is_ready_for_ever_is_not_asked_all_the_time() {
    let (model, mut capture) = camera();
    model.trouble([None, Some(Trouble::Ready), None].repeat(1000));
    assert_eq!(next(&mut capture).expect("no error"), None);
    let asked = 3000 - model.state().troubles.len();
    assert!(asked < 200, "it was asked {asked} times");
}

#[test]
fn damaged_frames_say_so_and_their_buffers_go_back() {
    let (model, mut capture) = camera();
    for (trouble, damage, length) in [
        (Trouble::Marked, Damage::Marked, 64),
        (Trouble::Empty, Damage::Empty { plane: 0 }, 0),
        (Trouble::Beyond, Damage::Beyond { plane: 0, offset: 0, end: usize::MAX, length: 64 }, 64),
    ] {
        model.work(1);
        model.trouble([Some(trouble)]);
        let frame = capture.next(PATIENCE).expect("no error").expect("a frame");
        assert_eq!((frame.damage(), frame.plane(0).len()), (Some(damage), length));
        assert!(frame.plane(1).is_empty() && frame.plane(99).is_empty());
    }
    assert!(model.state().buffers.iter().all(|&place| place == Place::Driver));
    check_frame(&mut capture);
}

#[test]
fn a_buffer_that_is_not_taken_back_is_told_once_and_tried_again() {
    let (model, mut capture) = camera();
    model.work(1);
    model.trouble([None, Some(Trouble::Fails(Errno::INVAL))]);
    check_frame(&mut capture);
    assert!(model.state().buffers.contains(&Place::User));
    check_fails(next(&mut capture), ErrorKind::Transient, "VIDIOC_QBUF");
    check_frame(&mut capture);
    assert!(!model.state().buffers.contains(&Place::User));
}

#[test]
fn errors_say_what_helps() {
    let (model, mut capture) = camera();
    for (troubles, kind, words) in [
        (vec![Trouble::Fails(Errno::IO)], ErrorKind::Transient, "VIDIOC_DQBUF"),
        (vec![Trouble::NoSuchBuffer], ErrorKind::Transient, "answered buffer 4294967295"),
        (vec![Trouble::NotItsBuffer, Trouble::Error], ErrorKind::Transient, "reports an error"),
        (vec![Trouble::NotItsBuffer, Trouble::Changed], ErrorKind::Transient, "input changed"),
        (vec![Trouble::Gone], ErrorKind::Gone, "No such device"),
    ] {
        model.work(usize::from(troubles[0] == Trouble::NoSuchBuffer));
        model.trouble(troubles.into_iter().map(Some));
        check_fails(next(&mut capture), kind, words);
        model.trouble([]);
        assert_eq!(capture.restart().is_ok(), kind == ErrorKind::Transient);
    }
    drop(capture);
    assert_eq!(model.state().breaches, Vec::<String>::new());
    assert_eq!(model.state().mapped, 0);
}

#[test]
fn a_stream_that_cannot_start_leaves_nothing() {
    for calls in 0..10 {
        for errno in [Errno::INVAL, Errno::BUSY, Errno::NOMEM, Errno::NOSPC] {
            let model = DriverModel::new(false, 4, &[64, 32]);
            let troubles = std::iter::repeat_n(None, calls);
            model.trouble(troubles.chain([Some(Trouble::Fails(errno))]));
            let result = Capture::start(model.clone(), (Path::new(CAMERA), CAPTURE), 4);
            assert_eq!(result.is_err(), calls < 10, "call {calls}");
            drop(result);
            check_left(&model);
        }
    }
}

#[track_caller]
fn check_age(stamp: impl Fn(Duration) -> Duration, age: Option<Duration>) {
    let (model, mut capture) = camera();
    model.work(1);
    let now = model.state().now;
    model.state().stamp = Some(stamp(now));
    let frame = capture.next(PATIENCE).expect("no error").expect("a frame");
    assert_eq!(frame.clock() == Clock::Driver, age.is_some(), "{:?}", frame.clock());
    assert_eq!(frame.captured_at() + age.unwrap_or_default(), model.instant());
}

#[test]
fn times_are_those_of_the_driver_where_they_make_sense() {
    let ms = Duration::from_millis;
    check_age(|now| now - ms(40), Some(ms(40)));
    check_age(|now| now + ms(180), Some(Duration::ZERO));
    check_age(|_| Duration::ZERO, None);
    check_age(|now| now - ms(500), None);
    check_age(|now| now - ms(61_000), None);
    check_age(|_| Duration::from_secs(1_790_000_000), None);
}

/// The clocks of the next frames, each of which is waited for.
#[track_caller]
fn clocks(capture: &mut Capture<DriverModel>, frames: usize) -> Vec<Clock> {
    let mut clock = || capture.next(PATIENCE).expect("no error").expect("a frame").clock();
    (0..frames).map(|_| clock()).collect()
}

#[test]
fn a_clock_that_lags_is_not_believed() {
    let (model, mut capture) = camera();
    let half = Duration::from_millis(500);
    model.state().age = half;
    let distrusts = clocks(&mut capture, 5);
    let (perhaps, lagging) = (Distrust::Perhaps(half), Distrust::Lagging(half));
    let expected = [perhaps, perhaps, lagging, lagging, lagging].map(Clock::Arrival);
    assert_eq!(distrusts, expected);
    let before = model.instant();
    let frame = capture.next(PATIENCE).expect("no error").expect("a frame");
    assert!(frame.captured_at() > before, "it counts as old");
}

#[test]
fn a_frame_that_lay_there_is_as_old_as_it_is() {
    let (model, mut capture) = camera();
    assert_eq!(clocks(&mut capture, 1), [Clock::Driver]);
    model.work(1);
    model.rest(Duration::from_millis(700));
    let frame = capture.next(PATIENCE).expect("no error").expect("a frame");
    let age = model.instant() - frame.captured_at();
    assert_eq!((frame.clock(), age), (Clock::Driver, Duration::from_millis(700)));
    drop(frame);
    // This process may be kept from looking while it waits: the clock is as good as before.
    model.state().age = Duration::from_millis(400);
    assert_eq!(clocks(&mut capture, 2), [Clock::Driver; 2]);
}

#[test]
fn numbers_without_a_range_are_left_to_the_driver() {
    let model = DriverModel::camera(Personality::Tegra);
    let device = Device::over(model.open().expect("it opens"), Path::new(CAMERA));
    let device = device.expect("a device");
    let set = |name, value| device.set_control(name, &Setting::Integer(value));
    let kept = |name, value| set(name, value).expect("it is taken").expect("a value").to_string();
    assert_eq!(kept("gain", 100), "100");
    assert_eq!(kept("gain", 1_000), "356");
    assert_eq!(kept("exposure", 20_000), "20000");
    let refused = set("bypass_mode", 2).expect_err("a menu").to_string();
    assert!(refused.contains("bypass_mode: 2 (expected 0 (0), 1 (1))"), "{refused}");
    let text = device.set_control("gain", &Setting::Text("high".to_owned()));
    let text = text.expect_err("no number").to_string();
    assert!(text.contains("(expected a number; the driver does not tell which)"), "{text}");
    model.state().device.control_named("Gain").refuses = Some(Errno::RANGE);
    let refused = set("gain", 7).expect_err("the driver refuses");
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let words = "/dev/camera: control gain: 7 is not taken: VIDIOC_S_EXT_CTRLS: ";
    assert!(refused.to_string().starts_with(words), "{refused}");
}

#[test]
fn outputs_start_with_the_first_picture_and_never_wait_long() {
    let (model, mut output) = display(&[64]);
    for picture in 0..3 {
        let mut vacant = output.vacant(PATIENCE).expect("no error").expect("a buffer");
        assert_eq!(vacant.planes(), 1);
        vacant.plane_mut(0).fill(9);
        assert!(vacant.plane_mut(1).is_empty());
        vacant.send(&[1000], Instant::now()).expect("it is taken");
        assert_eq!(model.state().queued.len(), picture + 1);
    }
    assert_eq!(model.state().queued, [(0, 64), (1, 64), (2, 64)]);
    // The driver shows nothing: a consumer was stopped.
    let start = model.state().now;
    model.trouble([None, Some(Trouble::Silence)]);
    assert!(output.vacant(PATIENCE).expect("no error").is_none());
    assert_eq!(model.state().now - start, PATIENCE);
    model.work(2);
    let unsent = output.vacant(Duration::ZERO).expect("no error").map(|vacant| vacant.planes());
    assert_eq!(unsent, Some(1));
    let again = output.vacant(Duration::ZERO).expect("no error").expect("the same buffer");
    again.send(&[64], Instant::now()).expect("it is taken");
    assert_eq!(model.state().queued.last(), Some(&(0, 64)));
    drop(output);
    check_left(&model);
}

#[test]
fn outputs_that_give_back_what_they_do_not_have_are_borne() {
    let (model, mut output) = display(&[64]);
    for _ in 0..20 {
        model.work(1);
        model.trouble([None, Some(Trouble::NotItsBuffer)]);
        let vacant = output.vacant(PATIENCE).expect("no error").expect("a buffer");
        vacant.send(&[64], Instant::now()).expect("it is taken");
    }
    drop(output);
    check_left(&model);
}

/// What a program does with a camera.
#[derive(Debug, Clone, Copy)]
enum Step {
    Next(u64),
    Newest(u64),
    Restart,
    Work(usize),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..200_u64).prop_map(Step::Next),
        4 => (0..200_u64).prop_map(Step::Newest),
        1 => Just(Step::Restart),
        2 => (0..5_usize).prop_map(Step::Work),
    ]
}

fn troubles() -> impl Strategy<Value = Vec<Option<Trouble>>> {
    let errnos = [Errno::INTR, Errno::INVAL, Errno::IO, Errno::AGAIN, Errno::NOMEM, Errno::PROTO];
    let one = prop_oneof![
        8 => (0..errnos.len()).prop_map(move |at| Trouble::Fails(errnos[at])),
        1 => Just(Trouble::Gone),
        2 => Just(Trouble::Marked),
        2 => Just(Trouble::Empty),
        2 => Just(Trouble::Beyond),
        1 => Just(Trouble::NoSuchBuffer),
        2 => Just(Trouble::NotItsBuffer),
        2 => Just(Trouble::Silence),
        2 => Just(Trouble::Error),
        2 => Just(Trouble::Ready),
        1 => Just(Trouble::Changed),
    ];
    vec(option::weighted(0.3, one), 0..120)
}

/// Time over the patience that a call may take: a tick of the model and a pause.
const SLACK: Duration = Duration::from_millis(15);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever goes wrong, a buffer that counts as ours is ours, none is given twice, nothing
    /// waits longer than told, and all is given back.
    #[test]
    fn captures_keep_their_books(
        limit in 1..6_u32,
        planes in vec(1..100_usize, 1..4),
        steps in vec(steps(), 0..40),
        troubles in troubles(),
    ) {
        let model = DriverModel::new(false, limit, &planes);
        model.trouble(troubles);
        let mut capture = Capture::start(model.clone(), (Path::new(CAMERA), CAPTURE), 4).ok();
        for step in steps {
            let Some(capture) = capture.as_mut() else { break };
            let start = model.state().now;
            let patience = match step {
                Step::Next(patience) | Step::Newest(patience) => Duration::from_millis(patience),
                Step::Restart | Step::Work(_) => Duration::ZERO,
            };
            let taken = match step {
                Step::Next(_) => capture.next(patience).ok().flatten(),
                Step::Newest(_) => capture.newest(patience).ok().flatten(),
                Step::Restart => capture.restart().ok().and(None),
                Step::Work(frames) => {
                    model.work(frames);
                    continue;
                }
            };
            if let Some(frame) = taken {
                prop_assert_eq!(frame.planes().count(), planes.len());
                prop_assert!(frame.planes().zip(&planes).all(|(bytes, &most)| bytes.len() <= most));
            }
            let spent = model.state().now - start;
            prop_assert!(spent <= patience + SLACK, "{step:?} took {spent:?}");
        }
        drop(capture);
        prop_assert_eq!(&model.state().breaches, &Vec::<String>::new());
        prop_assert_eq!(model.state().mapped, 0);
    }

    /// The same of outputs.
    #[test]
    fn outputs_keep_their_books(
        planes in vec(1..100_usize, 1..4),
        steps in vec((0..30_u64, 0..3_usize, any::<bool>()), 0..40),
        troubles in troubles(),
    ) {
        let model = DriverModel::new(true, 3, &planes);
        model.trouble(troubles);
        let mut output = Output::start(model.clone(), (Path::new(CAMERA), OUTPUT), 3).ok();
        for (patience, frames, is_sent) in steps {
            let Some(output) = output.as_mut() else { break };
            let (start, patience) = (model.state().now, Duration::from_millis(patience));
            if let Ok(Some(mut vacant)) = output.vacant(patience) {
                vacant.plane_mut(0).fill(1);
                if is_sent {
                    // A failure is the model's wish; its books are looked at below.
                    let _ = vacant.send(&[usize::MAX; 8], Instant::now());
                }
            }
            let spent = model.state().now - start;
            prop_assert!(spent <= patience + SLACK, "it took {spent:?}");
            model.work(frames);
        }
        drop(output);
        prop_assert_eq!(&model.state().breaches, &Vec::<String>::new());
        prop_assert_eq!(model.state().mapped, 0);
    }
}
