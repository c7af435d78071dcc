//! Frames a second and latency from capture to output. In emulation they are no measure of a
//! device; that none is lost without a reason, and that latency does not grow, holds everywhere.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::daemon::{Daemon, camera};
use crate::drivers::Background;
use crate::drivers::{Loopback, Vivid, ctl_command};
use crate::rig::{figure, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("speed::wiener_640x480", || measure("640x480", "none", 150)),
        trial("speed::wiener_1280x720", || measure("1280x720", "none", 60)),
        trial("speed::smallest_model_640x480", || measure("640x480", "nano", 8)),
        trial("speed::smallest_model_1280x720", || measure("1280x720", "nano", 2)),
    ]
}

/// Streams from the kernel's camera to the loopback device with a reader.
fn measure(extent: &str, model: &str, frames: u64) {
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
    daemon.wait_for_frames(2);
    let _reader =
        Background::start(&mut ctl_command(&device.path, &["--stream-mmap", "--stream-count=0"]));
    let before = daemon.frames();
    let took = daemon.wait_for_frames(frames);
    let delivered = daemon.frames() - before;
    figure("frames a second", format!("{:.2}", delivered as f64 / took.as_secs_f64()));
    let sinks = daemon.told("/sinks");
    let output =
        sinks.as_array().and_then(|sinks| sinks.iter().find(|sink| sink["name"] == "v4l2"));
    let output = output.unwrap_or_else(|| panic!("no output v4l2 in {sinks}"));
    let milliseconds = |name: &str| output["latency"][name].as_f64().expect("a figure");
    figure("capture to output, p50", format!("{:.1} ms", milliseconds("p50_ms")));
    figure("capture to output, p99", format!("{:.1} ms", milliseconds("p99_ms")));
    figure("captured by the camera at", "15 frames a second");
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
