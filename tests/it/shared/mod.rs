//! Frames in shared memory: what subscribers get, and that none of them, alive, stopped or dead,
//! holds up the daemon.

mod consumers;
mod room;

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command};
use std::time::Instant;

use deblurd::frame::{Effort, Extent, Frame, FrameRate, Layout, PictureFormat, Range};
use deblurd::sink::{Iceoryx2Options, Iceoryx2Sink, Sink, wire};
use iceoryx2::config::Config;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{NodeBuilder, SemanticString, ServiceName, ipc};
use iceoryx2::service::builder::publish_subscribe::PublishSubscribeOpenError;

use crate::harness::{apply, trial};
use crate::program::{DEADLINE, Running, Workshop};
use crate::restorations::random_picture;
use crate::support::example;

/// Where services are noted: for all tests one folder, since iceoryx2 leaves a segment for each.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("services")
}

/// The service of a workshop.
pub(crate) fn service(workshop: &Workshop) -> String {
    let path = workshop.path("");
    format!("deblurd/{}", path.file_name().expect("a name").to_string_lossy())
}

/// A sink that publishes the service of a workshop.
pub(crate) fn sink(workshop: &Workshop) -> Iceoryx2Sink {
    Iceoryx2Sink::open(options(&service(workshop))).expect("a sink")
}

fn options(service: &str) -> Iceoryx2Options {
    Iceoryx2Options { service: service.to_owned(), subscribers: 2, folder: Some(folder()) }
}

pub(crate) type Received = Subscriber<ipc::Service, [u8], ()>;

/// A subscriber to the service of a workshop.
pub(crate) fn subscribe(workshop: &Workshop) -> Received {
    let mut config = Config::global_config().clone();
    let path = SemanticString::new(folder().to_str().expect("a path").as_bytes());
    config.global.set_root_path(&path.expect("a folder"));
    let node = NodeBuilder::new().config(&config).create::<ipc::Service>().expect("a node");
    let name = ServiceName::new(&service(workshop)).expect("a name");
    // A daemon that was just started may not offer it yet.
    let deadline = Instant::now() + DEADLINE;
    let service = loop {
        match node.service_builder(&name).publish_subscribe::<[u8]>().open() {
            Err(PublishSubscribeOpenError::DoesNotExist) if Instant::now() < deadline => {
                std::thread::yield_now();
            }
            found => break found.expect("the service"),
        }
    };
    service.subscriber_builder().create().expect("a subscriber")
}

/// The frames that wait for a subscriber.
fn received(subscriber: &Received) -> Vec<wire::Received> {
    let samples = std::iter::from_fn(|| subscriber.receive().expect("a connection"));
    samples.map(|sample| wire::read(sample.payload()).expect("a frame")).collect()
}

pub(crate) fn sequences(subscriber: &Received) -> Vec<u64> {
    received(subscriber).iter().map(|frame| frame.sequence).collect()
}

fn start(sink: &mut Iceoryx2Sink, format: PictureFormat) {
    sink.start(format, FrameRate::per_second(30)).expect("a start");
}

fn numbered(format: PictureFormat, sequence: u64) -> Frame {
    let mut frame = Frame::new(format);
    frame.meta.sequence = sequence;
    frame
}

/// Bytes of the segments that connect a subscriber to its publisher: how many they are long, and of
/// how many the memory is allocated.
fn connected(subscriber: &Received) -> (u64, u64) {
    let id = subscriber.id().value().to_string();
    let segments = std::fs::read_dir("/dev/shm").expect("shared memory").flatten();
    let own = segments.filter(|segment| segment.file_name().to_string_lossy().contains(&id));
    let bytes = own.filter_map(|segment| {
        let data = segment.metadata().ok()?;
        Some((data.len(), data.blocks() * 512))
    });
    bytes.fold((0, 0), |sum, bytes| (sum.0 + bytes.0, sum.1 + bytes.1))
}

/// Memory that is not allocated beforehand ends a process that touches it when there is none left.
#[apply(trial)]
fn a_subscriber_in_the_place_of_another_has_its_memory() {
    let workshop = Workshop::new();
    let format = PictureFormat::gray(Extent::new(16, 8));
    let mut sink = sink(&workshop);
    start(&mut sink, format);
    let mut subscriber = subscribe(&workshop);
    for sequence in 0..3 {
        sink.deliver(&numbered(format, sequence)).expect("a delivery");
        assert_eq!(sequences(&subscriber).last(), Some(&sequence));
        let (length, allocated) = connected(&subscriber);
        assert!(length > 0 && allocated >= length, "{sequence}: {allocated} of {length} bytes");
        // One goes and one comes between two frames.
        drop(subscriber);
        subscriber = subscribe(&workshop);
    }
    sink.finish().expect("an end");
}

#[apply(trial)]
fn every_format_arrives() {
    let workshop = Workshop::new();
    let layouts = [Layout::Gray, Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb];
    for (seed, layout) in layouts.into_iter().enumerate() {
        for (depth, range) in [(8, Range::Full), (10, Range::Limited), (16, Range::Full)] {
            let format = PictureFormat { extent: Extent::new(35, 21), layout, depth, range };
            let mut sink = sink(&workshop);
            start(&mut sink, format);
            let subscriber = subscribe(&workshop);
            let mut frame = numbered(format, 1 << 40);
            frame.restored = random_picture(format, seed as u64);
            frame.meta.effort = Effort::Wiener;
            (frame.meta.placeholder, frame.meta.degraded) = (depth == 8, depth == 10);
            sink.deliver(&frame).expect("a delivery");
            let found = received(&subscriber);
            assert_eq!(found.len(), 1, "frames of {format:?}");
            assert!(found[0].picture == frame.restored, "{format:?} is not what was published");
            assert_eq!((found[0].sequence, found[0].effort), (1 << 40, Effort::Wiener));
            assert_eq!((found[0].placeholder, found[0].degraded), (depth == 8, depth == 10));
            sink.finish().expect("an end");
        }
    }
}

/// Neither one who takes nothing nor one who gives nothing back is waited for.
#[apply(trial)]
fn the_newest_frames_wait() {
    let workshop = Workshop::new();
    let format = PictureFormat::gray(Extent::new(16, 16));
    let mut sink = sink(&workshop);
    start(&mut sink, format);
    let (idle, greedy) = (subscribe(&workshop), subscribe(&workshop));
    let mut kept = Vec::new();
    for number in 0..1_000 {
        sink.deliver(&numbered(format, number)).expect("a delivery");
        if kept.len() < 2 {
            kept.extend(greedy.receive().expect("a connection"));
        }
    }
    assert_eq!(sequences(&idle), [998, 999]);
    let kept: Vec<u64> =
        kept.iter().map(|sample| wire::read(sample.payload()).expect("a frame").sequence).collect();
    assert_eq!(kept, [0, 1], "what a subscriber holds is not written over");
}

#[apply(trial)]
fn a_latecomer_gets_the_last_frame() {
    let workshop = Workshop::new();
    let format = PictureFormat::gray(Extent::new(16, 16));
    let mut sink = sink(&workshop);
    start(&mut sink, format);
    for number in 0..5 {
        sink.deliver(&numbered(format, number)).expect("a delivery");
    }
    let late = subscribe(&workshop);
    sink.deliver(&numbered(format, 5)).expect("a delivery");
    assert_eq!(sequences(&late), [4, 5]);
    sink.finish().expect("an end");
}

#[apply(trial)]
fn names_that_cannot_be_are_refused() {
    for name in [String::new(), "x".repeat(256), "iox2://x".to_owned()] {
        let error = Iceoryx2Sink::open(options(&name)).expect_err("a refusal");
        let error = error.to_string();
        let words = format!("cannot publish as '{name}': not a name (expected 1 to 255 bytes");
        assert!(error.starts_with(&words), "{error}");
    }
    let relative = Iceoryx2Options { folder: Some("here".into()), ..options("a name") };
    let error = Iceoryx2Sink::open(relative).expect_err("a refusal").to_string();
    assert!(error.ends_with("'here' (expected an absolute path)"), "{error}");
}

/// The daemon with a small live scene, published as the service of the workshop.
fn daemon(workshop: &Workshop, folder: &Path, more: &str) -> Command {
    let (service, folder) = (service(workshop), folder.display());
    let text = format!(
        "[source]\nkind = 'scene'\nextent = '64x48'\nrate = 100\n\
         [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n\
         [[sink]]\nkind = 'iceoryx2'\nsubscribers = 2\nservice = '{service}'\nfolder = '{folder}'\n{more}"
    );
    workshop.write("daemon.toml", text);
    workshop.command(&["run", "--config", "daemon.toml"])
}

/// An example that receives from the daemon of a workshop.
struct Consumer {
    running: Running,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Consumer {
    fn start(workshop: &Workshop, program: Command, arguments: &[&str]) -> Self {
        let mut program = program;
        program.arg("--folder").arg(folder()).args(["--service", &service(workshop)]);
        program.args(arguments);
        let mut running = Running::start_unread(&mut program);
        let lines = BufReader::new(running.take_stdout()).lines();
        Self { running, lines }
    }

    fn example(workshop: &Workshop, arguments: &[&str]) -> Self {
        Self::start(workshop, Command::new(example("subscribe")), arguments)
    }

    /// The number of the next frame that it tells of.
    #[track_caller]
    fn next_frame(&mut self) -> Option<u64> {
        let line = self.lines.next()?.expect("a line");
        let number = line.strip_prefix("frame ").and_then(|rest| rest.split(':').next());
        let number = number.and_then(|number| number.parse().ok());
        assert!(number.is_some(), "not a frame: {line}");
        number
    }
}
