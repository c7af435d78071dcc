//! Consumers that stop reading, on every output: capture must not notice.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::daemon::{CHEAP, Daemon, SMALL, camera};
use crate::drivers::{Background, Loopback, Vivid, ctl_command};
use crate::http;
use crate::process::{Process, run};
use crate::rig::{figure, seconds, trial, wait_until};

/// Frames of five seconds.
const FRAMES: u64 = 75;

/// What is left of the rate, at least, where nothing is the matter.
const STEADY: f64 = 0.8;
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("consumers::stopped_on_every_output", stopped_on_every_output),
        trial("consumers::ends_in_time_with_all_stopped", ends_in_time_with_all_stopped),
        trial("consumers::killed_and_started_again", killed_and_started_again),
    ]
}

/// The daemon with every output, each with a reader.
struct Scene {
    daemon: Daemon,
    readers: Vec<Background>,
    viewer: std::net::TcpStream,
    _device: Loopback,
    _vivid: Vivid,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let vivid = Vivid::webcam();
        let device = Loopback::load(20, false);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("frames.y4m");
        let path = fifo.to_str().expect("a path");
        run("mkfifo", &[path]);
        let mut readers = vec![Background::start(Command::new("cat").arg(path))];
        let daemon = Daemon::start(&configuration(&vivid, &device, path));
        daemon.wait_for_frames(5);
        let endless = ["--stream-mmap", "--stream-count=0"];
        readers.push(Background::start(&mut ctl_command(&device.path, &endless)));
        let mut viewer = http::connect(daemon.server).expect("a connection");
        let request = format!("GET /stream.mjpg HTTP/1.1\r\nHost: {}\r\n\r\n", daemon.server);
        viewer.write_all(request.as_bytes()).expect("a request");
        daemon.wait_for_frames(5);
        Self { daemon, readers, viewer, _device: device, _vivid: vivid, _folder: folder }
    }

    /// Stops every reader; the viewer of the page has never read.
    fn stop_readers(&self) {
        for reader in &self.readers {
            Process(reader.id()).signal("STOP");
        }
        self.viewer.take_error().expect("a viewer who is still there");
    }
}

fn configuration(vivid: &Vivid, device: &Loopback, fifo: &str) -> String {
    let device = device.path.display();
    format!(
        "{}{CHEAP}[[sink]]\nkind = 'v4l2'\ndevice = '{device}'\nformat = 'YUYV'\n\
         [[sink]]\nkind = 'y4m'\npath = '{fifo}'\n",
        camera(&vivid.camera(), SMALL)
    )
}

fn stopped_on_every_output() {
    let scene = Scene::new();
    let before = scene.daemon.capture_rate(FRAMES);
    scene.stop_readers();
    // The pipe and all queues are full after this.
    scene.daemon.capture_rate(FRAMES);
    let restored = scene.daemon.frames();
    let after = scene.daemon.capture_rate(FRAMES);
    figure("captures a second, all read", format!("{before:.2}"));
    figure("captures a second, nobody reads", format!("{after:.2}"));
    assert!(after > before * STEADY, "readers that stop slow the capture down");
    assert!(scene.daemon.frames() > restored, "readers that stop hold up the restoration");
    let lost = scene.daemon.told("/sinks");
    figure("books of the outputs", lost);
}

fn ends_in_time_with_all_stopped() {
    let scene = Scene::new();
    scene.stop_readers();
    scene.daemon.capture_rate(FRAMES);
    let Scene { daemon, .. } = scene;
    let (code, took) = daemon.end();
    figure("end after SIGTERM", seconds(took));
    assert!(code.is_some(), "ended by a signal");
    assert!(took <= Duration::from_secs(2), "{took:?} until the end");
}

/// kill -9, and at once the same daemon on the same camera, device and page.
fn killed_and_started_again() {
    let vivid = Vivid::webcam();
    let device = Loopback::load(20, true);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = folder.path().join("frames.y4m");
    let text = configuration(&vivid, &device, stream.to_str().expect("a path"));
    for _ in 0..3 {
        let daemon = Daemon::start(&text);
        daemon.wait_for_frames(5);
        let mut reader = ctl_command(&device.path, &["--stream-mmap", "--stream-count=3"]);
        let read = reader.status().expect("v4l2-ctl");
        assert!(read.success(), "nothing to be read; log:\n{}", daemon.log());
        daemon.process().signal("KILL");
        drop(daemon);
        assert!(!stream.exists(), "half a file under its final name");
    }
    let left = || std::fs::read_dir(folder.path()).expect("a folder").count();
    let daemon = Daemon::start(&text);
    daemon.wait_for_frames(5);
    let (code, took) = daemon.end();
    assert_eq!(code, Some(0));
    figure("end after SIGTERM", seconds(took));
    wait_until("the stream", || stream.exists());
    figure("files left by three kills", left() - 1);
}
