//! Every pixel format that the kernel's camera has, at two sizes; and MJPEG, which it has not.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use deblurd::frame::{Extent, Layout, Picture};

use crate::daemon::{CHEAP, Daemon, camera};
use crate::drivers::{Loopback, Vivid, ctl};
use crate::harness::{apply, trial};
use crate::pictures::{Stream, gray, likeness, of_yuyv, offline, scene};
use crate::rig::figure;

/// Luma and chroma.
const VIDEO: &[&str] = &["YUYV", "UYVY", "YVYU", "NV12", "NV21", "YU12"];
const RGB: &[&str] = &["RGB3", "BGR3"];
const GRAY: &[&str] = &["GREY", "Y10", "Y12", "Y16"];
/// Four orders in each of four depths.
const BAYER: &[&str] = &[
    "RGGB", "GRBG", "GBRG", "BA81", "RG10", "BA10", "GB10", "BG10", "RG12", "BA12", "GB12", "BG12",
    "RG16", "GR16", "GB16", "BYR2",
];
/// In several buffers each; the camera must have the multi-planar interface for them.
const PLANAR: &[&str] = &["NM12", "NM21", "YM12", "YUYV", "GREY"];

const SIZES: [(usize, usize); 2] = [(320, 180), (640, 360)];

/// What becomes of mosaics: colours, so that their order is seen; the camera's are of encoded light.
const MOSAICS: &str = "demosaic = 'rgb'\ntone = 'linear'\n";

/// How alike a restored picture and the camera's own must be.
const LIKENESS: f64 = 0.97;

#[apply(trial)]
fn luma_and_chroma() {
    check_formats(&Vivid::webcam(), VIDEO);
}

#[apply(trial)]
fn rgb() {
    check_formats(&Vivid::webcam(), RGB);
}

#[apply(trial)]
fn gray_of_8_to_16_bits() {
    check_formats(&Vivid::webcam(), GRAY);
}

#[apply(trial)]
fn bayer_of_8_to_16_bits() {
    check_formats(&Vivid::webcam(), BAYER);
}

#[apply(trial)]
fn multi_planar() {
    check_formats(&Vivid::multiplanar(), PLANAR);
}

fn check_formats(vivid: &Vivid, formats: &[&str]) {
    for (width, height) in SIZES {
        let extent = Extent::new(width, height);
        let expected = offline(&test_picture(vivid, extent));
        for format in formats {
            let likenesses = check_format(vivid, format, extent, &expected);
            figure(&format!("{format} {extent}"), format!("likeness {likenesses}"));
        }
    }
}

/// The camera's test picture, standing still, as v4l2-ctl reads it.
fn test_picture(vivid: &Vivid, extent: Extent) -> Picture {
    vivid.control("osd_text_mode", 2);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("picture.yuyv");
    let (Extent { width, height }, to) = (extent, format!("--stream-to={}", file.display()));
    let format = format!("--set-fmt-video=width={width},height={height},pixelformat=YUYV");
    ctl(&vivid.camera(), &[&format, "--stream-mmap", "--stream-count=1", &to]);
    of_yuyv(extent, &std::fs::read(&file).expect("a picture"))
}

/// Runs the daemon on one format. The formats differ in range and in where their chroma lies, so
/// that planes are not compared sample by sample.
#[track_caller]
fn check_format(vivid: &Vivid, format: &str, extent: Extent, expected: &Picture) -> String {
    let wanted = format!("formats = ['{format}']\nextent = '{extent}'\nrate = 5\n{MOSAICS}");
    let source = camera(&vivid.camera(), &wanted);
    let sink = "[[sink]]\nkind = 'y4m'\npath = '-'\n";
    let mut daemon = Daemon::start(&format!("{source}{CHEAP}{sink}"));
    daemon.wait_for_frames(2);
    let mut stream = Stream::new(daemon.take_stdout());
    // Stand-ins may have come first; all that wait were written before this one.
    let picture = (0..4).map(|_| stream.next()).last().expect("a frame");
    assert_eq!(picture.extent(), extent, "{format}");
    let mut told = Vec::new();
    for (index, plane) in picture.planes().iter().enumerate() {
        let likeness = likeness(plane.samples(), &reference(expected, &picture, index));
        let is_alike = likeness > LIKENESS;
        assert!(is_alike, "{format} {extent}: plane {index} is like the camera's by {likeness:.4}");
        told.push(format!("{likeness:.4}"));
    }
    told.join(" ")
}

/// The samples of `expected`, which is 4:2:2, at the places of those of another layout.
fn reference(expected: &Picture, picture: &Picture, index: usize) -> Vec<u16> {
    let plane = &picture.planes()[index];
    let (width, height) = (plane.extent().width, plane.extent().height);
    let from = &expected.planes()[index];
    let (over_x, over_y) = (from.extent().width, from.extent().height);
    let row = |y: usize| from.row(y * over_y / height);
    (0..height).flat_map(|y| (0..width).map(move |x| row(y)[x * over_x / width])).collect()
}

#[apply(trial)]
fn refusal_tells_what_there_is() {
    let vivid = Vivid::webcam();
    let source = camera(&vivid.camera(), "formats = ['MJPG']\nextent = '320x180'\n");
    let daemon = Daemon::start_unasked(&format!("{source}{CHEAP}"));
    let (code, log) = daemon.wait();
    assert_eq!(code, Some(78), "{log}");
    for word in ["MJPG", "YUYV", "UYVY", "320x180", "1280x720"] {
        assert!(log.contains(word), "no {word} in:\n{log}");
    }
}

/// JPEG pictures as cameras give them: without tables, with bytes after the end, with restart
/// markers; through the loopback device, written as a file.
#[apply(trial)]
fn mjpeg() {
    let device = Loopback::load(20, false);
    let extent = Extent::new(320, 240);
    let picture = scene(extent, 1).remove(0);
    let expected = offline(&gray(&picture));
    let whole = jpeg(&picture, None);
    let variants = [
        ("whole", whole.clone()),
        ("without tables", without_tables(&whole)),
        ("bytes after the end", [whole.as_slice(), &[0; 700]].concat()),
        ("restart markers", jpeg(&picture, Some(8))),
    ];
    for (name, bytes) in variants {
        let _writer = Writer::start(&device, bytes);
        let source = camera(&device.path, "formats = ['MJPG']\nextent = '320x240'\n");
        let mut daemon =
            Daemon::start(&format!("{source}{CHEAP}[[sink]]\nkind = 'y4m'\npath = '-'\n"));
        daemon.wait_for_frames(2);
        let mut stream = Stream::new(daemon.take_stdout());
        let restored = (0..4).map(|_| stream.next()).last().expect("a frame");
        let likeness = likeness(restored.planes()[0].samples(), expected.planes()[0].samples());
        assert!(likeness > LIKENESS, "{name}: like what was written by {likeness:.4}");
        figure(name, format!("likeness {likeness:.4}"));
    }
}

/// The luma of a picture as a JPEG in colour.
fn jpeg(picture: &Picture, restart: Option<u16>) -> Vec<u8> {
    assert_eq!(picture.format().layout, Layout::Yuv422);
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_2);
    if let Some(interval) = restart {
        encoder.set_restart_interval(interval);
    }
    let samples = picture.planes()[0].samples().iter();
    let rgb: Vec<u8> = samples.flat_map(|&s| [u8::try_from(s).expect("8 bits"); 3]).collect();
    let side = |length: usize| u16::try_from(length).expect("a small picture");
    let (width, height) = (side(picture.extent().width), side(picture.extent().height));
    encoder.encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb).expect("a JPEG");
    bytes
}

/// A JPEG without its Huffman tables: as most cameras send it.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    const TABLES: u8 = 0xC4;
    const SCAN: u8 = 0xDA;
    let mut bytes = jpeg[..2].to_vec();
    let mut at = 2;
    loop {
        let (marker, length) =
            (jpeg[at + 1], usize::from(jpeg[at + 2]) << 8 | usize::from(jpeg[at + 3]));
        if marker == SCAN {
            break;
        }
        if marker != TABLES {
            bytes.extend_from_slice(&jpeg[at..at + 2 + length]);
        }
        at += 2 + length;
    }
    bytes.extend_from_slice(&jpeg[at..]);
    bytes
}

/// Writes one JPEG again and again into the loopback device, until dropped.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    fn start(device: &Loopback, jpeg: Vec<u8>) -> Self {
        let open = OpenOptions::new().write(true).open(&device.path);
        let mut file = open.expect("the loopback device");
        ctl(&device.path, &["--set-fmt-video-out=width=320,height=240,pixelformat=MJPG"]);
        file.write_all(&jpeg).expect("a picture");
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                file.write_all(&jpeg).expect("a picture");
                thread::sleep(Duration::from_millis(66));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(thread::JoinHandle::join));
    }
}
