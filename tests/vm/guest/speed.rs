//! Frames a second and latency from capture to output. In emulation they are no measure of a
//! device; that none is lost without a reason, and that latency does not grow, holds everywhere.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::{Daemon, camera};
use crate::drivers::Background;
use crate::drivers::{Loopback, Vivid, ctl_command};
use crate::harness::{apply, trial};
use crate::rig::{figure, wait_or};

#[apply(trial)]
fn wiener_640x480() {
    measure("640x480", "none");
}

#[apply(trial)]
fn wiener_1280x720() {
    measure("1280x720", "none");
}

#[apply(trial)]
fn smallest_model_640x480() {
    measure("640x480", "nano");
}

#[apply(trial)]
fn smallest_model_1280x720() {
    measure("1280x720", "nano");
}

/// How long frames are counted; how many come in it is up to the emulator.
const WHILE: Duration = Duration::from_secs(15);

/// Streams from the kernel's camera to the loopback device with a reader.
fn measure(extent: &str, model: &str) {
    let vivid = Vivid::webcam();
    let device = Loopback::load(20, false);
    let settings = format!("formats = ['YUYV']\nextent = '{extent}'\nrate = 15\n");
    let daemon = Daemon::start(&format!(
        "{}[restore]\npsf = 'gaussian:1.5'\nsigma = 2.55\nmodel = '{model}'\n\
         [pipeline]\ndeadline_ms = 0\n[overload]\nrate_min = 0\n\
         [[sink]]\nkind = 'v4l2'\ndevice = '{}'\nformat = 'YUYV'\n",
        camera(&vivid.camera(), &settings),
        device.path.display()
    ));
    daemon.wait_for_frames(1);
    let _reader =
        Background::start(&mut ctl_command(&device.path, &["--stream-mmap", "--stream-count=0"]));
    let captured = || daemon.count("/trunk/entered");
    let (before, captured_before, begun) = (daemon.frames(), captured(), Instant::now());
    let lacks = || format!("further frame; log:\n{}", daemon.log());
    let took = wait_or(lacks, || begun.elapsed() >= WHILE && daemon.frames() > before);
    let a_second = |frames: u64| format!("{:.2}", frames as f64 / took.as_secs_f64());
    figure("captured a second", a_second(captured() - captured_before));
    figure("restored a second", a_second(daemon.frames() - before));
    let sinks = daemon.told("/sinks");
    let output =
        sinks.as_array().and_then(|sinks| sinks.iter().find(|sink| sink["name"] == "v4l2"));
    let output = output.unwrap_or_else(|| panic!("no output v4l2 in {sinks}"));
    let milliseconds = |name: &str| output["latency"][name].as_f64().expect("a figure");
    figure("capture to output, p50", format!("{:.1} ms", milliseconds("p50_ms")));
    figure("capture to output, p99", format!("{:.1} ms", milliseconds("p99_ms")));
    check_books(&daemon.told("/trunk"));
    check_books(&output["books"]);
}

/// What came in has gone out, was lost for a reason, or is on its way.
#[track_caller]
fn check_books(books: &Value) {
    let books = books.as_object().expect("books");
    let entered = books["entered"].as_u64().expect("a number");
    let rest = books.iter().filter(|(name, _)| *name != "entered");
    assert_eq!(entered, rest.filter_map(|(_, value)| value.as_u64()).sum::<u64>(), "{books:?}");
}
