//! Consumers that stop reading, on every output: capture must not notice.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{NodeBuilder, ServiceName, ipc};

use crate::daemon::{CHEAP, Daemon, SMALL, camera};
use crate::drivers::{Background, Disk, Loopback, Vivid, ctl_command};
use crate::harness::{apply, trial};
use crate::http;
use crate::process::{Process, run};
use crate::rig::{figure, seconds, wait_for, wait_until};

/// Frames of five seconds.
const FRAMES: u64 = 75;

/// What is left of the rate, at least, where nothing is the matter.
const STEADY: f64 = 0.8;

/// Where frames are published.
const SERVICE: &str = "deblurd/trial";

/// The daemon with every output, each with a reader.
struct Scene {
    /// Dropped first: while it is frozen, the daemon cannot end.
    disk: Disk,
    daemon: Daemon,
    readers: Vec<Background>,
    viewer: std::net::TcpStream,
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    _device: Loopback,
    _vivid: Vivid,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let vivid = Vivid::webcam();
        let device = Loopback::load(20, false);
        let (folder, disk) = (tempfile::tempdir().expect("a temporary folder"), Disk::mount());
        let fifo = folder.path().join("frames.y4m");
        let path = fifo.to_str().expect("a path");
        run("mkfifo", &[path]);
        let mut readers = vec![Background::start(Command::new("cat").arg(path))];
        let more = format!(
            "[[sink]]\nkind = 'record'\nfolder = '{}'\nsize_max_mb = 10\n\
             [[sink]]\nkind = 'iceoryx2'\nservice = '{SERVICE}'\n",
            disk.path.join("recording").display()
        );
        let daemon = Daemon::start(&(configuration(&vivid, &device, path) + &more));
        daemon.wait_for_frames(5);
        let endless = ["--stream-mmap", "--stream-count=0"];
        readers.push(Background::start(&mut ctl_command(&device.path, &endless)));
        let mut viewer = http::connect(daemon.server).expect("a connection");
        let request = format!("GET /stream.mjpg HTTP/1.1\r\nHost: {}\r\n\r\n", daemon.server);
        viewer.write_all(request.as_bytes()).expect("a request");
        let subscriber = subscribe();
        wait_for("frame in shared memory", || subscriber.receive().expect("a connection"));
        daemon.wait_for_frames(5);
        let (_device, _vivid, _folder) = (device, vivid, folder);
        Self { disk, daemon, readers, viewer, subscriber, _device, _vivid, _folder }
    }

    /// Stops every reader, and the disk; the viewer of the page has never read.
    fn stop_readers(&self) {
        assert!(delivered(&self.daemon, "record") > 0, "nothing was recorded");
        self.disk.freeze();
        for reader in &self.readers {
            Process(reader.id()).signal("STOP");
        }
        self.viewer.take_error().expect("a viewer who is still there");
    }
}

/// Somebody who can be given frames in shared memory.
fn subscribe() -> Subscriber<ipc::Service, [u8], ()> {
    let node = NodeBuilder::new().create::<ipc::Service>().expect("a node");
    let name = ServiceName::new(SERVICE).expect("a name");
    let (service, _) =
        wait_for("service", || node.service_builder(&name).publish_subscribe::<[u8]>().open().ok());
    service.subscriber_builder().create().expect("a subscriber")
}

/// Frames that an output has taken.
#[track_caller]
fn delivered(daemon: &Daemon, output: &str) -> u64 {
    let sinks = daemon.told("/sinks");
    let sink = sinks.as_array().and_then(|sinks| sinks.iter().find(|sink| sink["name"] == output));
    let sink = sink.unwrap_or_else(|| panic!("no output {output} in {sinks}"));
    sink["books"]["delivered"].as_u64().expect("a number")
}

fn configuration(vivid: &Vivid, device: &Loopback, fifo: &str) -> String {
    let device = device.path.display();
    format!(
        "{}{CHEAP}[[sink]]\nkind = 'v4l2'\ndevice = '{device}'\nformat = 'YUYV'\n\
         [[sink]]\nkind = 'y4m'\npath = '{fifo}'\n",
        camera(&vivid.camera(), SMALL)
    )
}

#[apply(trial)]
fn stopped_on_every_output() {
    let scene = Scene::new();
    let before = scene.daemon.capture_rate(FRAMES);
    scene.stop_readers();
    // The pipe and all queues are full after this.
    scene.daemon.capture_rate(FRAMES);
    let (restored, recorded) = (scene.daemon.frames(), delivered(&scene.daemon, "record"));
    let after = scene.daemon.capture_rate(FRAMES);
    figure("captures a second, all read", format!("{before:.2}"));
    figure("captures a second, nobody reads", format!("{after:.2}"));
    assert!(after > before * STEADY, "readers that stop slow the capture down");
    assert!(scene.daemon.frames() > restored, "readers that stop hold up the restoration");
    assert_eq!(delivered(&scene.daemon, "record"), recorded, "the disk is not frozen");
    let waiting = std::iter::from_fn(|| scene.subscriber.receive().expect("a connection")).count();
    figure("frames that wait in shared memory", waiting);
    assert!(waiting > 0, "the latest frames are not there for one who comes back");
    scene.disk.thaw();
    wait_until("recording", || delivered(&scene.daemon, "record") > recorded);
    let lost = scene.daemon.told("/sinks");
    figure("books of the outputs", lost);
}

#[apply(trial)]
fn ends_in_time_with_all_stopped() {
    let scene = Scene::new();
    scene.stop_readers();
    scene.daemon.capture_rate(FRAMES);
    scene.daemon.process().signal("TERM");
    // The thread that the kernel holds for the disk cannot be ended by anybody; all others can.
    let is_ended = || scene.daemon.process().state() == 'Z';
    let took = wait_until("end of all that can be ended", is_ended);
    figure("end after SIGTERM", seconds(took));
    scene.disk.thaw();
    let Scene { daemon, .. } = scene;
    let (code, log) = daemon.wait();
    assert!(code.is_some(), "ended by a signal; log:\n{log}");
    assert!(took <= Duration::from_secs(2), "{took:?} until the end");
}

/// kill -9, and at once the same daemon on the same camera, device and page.
#[apply(trial)]
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
    assert_eq!(left(), 1, "what the killed ones were writing is left");
}
