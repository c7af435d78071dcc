//! The path around the estimates: what every source, every picture format and every sink costs a frame.
//!
//! ```text
//! cargo bench --bench path                         all, in half a minute
//! cargo bench --bench path -- sink                 what has this in its name
//! ```
//!
//! A line is the median of [`ROUNDS`] frames of 1280x720 in milliseconds, and the least of them:
//!
//! - `unpack FORMAT`: a camera's buffer to a picture. Mosaics are of 10 bits; `luma` and `rgb` say what is
//!   made of them, `srgb` that the light is encoded afterwards. The JPEG picture is 4:2:2 of quality 80.
//! - `read y4m`: a stream in memory to pictures, by the thread that reads it.
//! - `STEP LAYOUT CURVE THREADS`: the restorer's steps beside the estimates, frames of 8 bits, a motion of 15
//!   pixels, no network, as in a stream whose first frames have told noise and PSF.
//! - `sink KIND LAYOUT`: what a sink does with a frame, its bytes going nowhere: a Y4M stream, the bytes of a video
//!   device, JPEG as the live page has it (one picture, and before above after), shared memory without subscribers.

use std::hint::black_box;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use deblurd::executor::{Executor, Sequential};
use deblurd::frame::{Effort, Extent, Frame, FrameRate, Layout, Picture, PictureFormat, Range};
use deblurd::optics::{Calibration, GrayLevels, Psf, Transfer};
use deblurd::pipeline::Workers;
use deblurd::plan::{RestoreOptions, RestorePlan};
use deblurd::restore::{Backend, CpuBackend, RestoreError, Watch};
use deblurd::sink::{
    Iceoryx2Options, Iceoryx2Sink, OutputFormat, Packer, ShowcaseSink, Side, Sink, View, Y4mSink,
};
use deblurd::source::unpack::{Demosaic, Memory, UnpackOptions, Unpacker};
use deblurd::source::{Filled, Source, Y4mSource};

const EXTENT: Extent = Extent::new(1280, 720);
/// Frames that are timed, after [`WARM_UP`] that are not.
const ROUNDS: usize = 41;
const WARM_UP: usize = 4;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let bench = Bench { wanted };
    unpack(&bench);
    bench.line("read y4m 4:2:0", y4m_reader);
    steps(&bench);
    sinks(&bench);
}

/// Prints the lines that are wanted.
struct Bench {
    /// Parts of their names.
    wanted: Vec<String>,
}

impl Bench {
    /// A line: `prepare` makes what is timed.
    fn line<F: FnMut()>(&self, name: &str, prepare: impl FnOnce() -> F) {
        if !self.wants(name) {
            return;
        }
        let mut work = prepare();
        (0..WARM_UP).for_each(|_| work());
        let mut lap = || {
            let start = Instant::now();
            work();
            start.elapsed()
        };
        print(name, (0..ROUNDS).map(|_| lap()).collect());
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.iter().all(|part| name.contains(part.as_str()))
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark says what it found")]
fn print(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let [least, median] = [0, times.len() / 2].map(|at| times[at].as_secs_f64() * 1e3);
    println!("{name:<36} {median:8.3} {least:8.3}");
}

fn unpack(bench: &Bench) {
    let plain = UnpackOptions::default();
    for code in ["GREY", "Y10", "YUYV", "NV12", "YU12", "RGB24"] {
        bench.line(&format!("unpack {code}"), || unpacking(code, &plain, None));
    }
    bench.line("unpack MJPEG", || unpacking("MJPEG", &plain, Some(jpeg())));
    for (name, demosaic, encode) in [
        ("RG10 luma", Demosaic::Luma, None),
        ("RG10 luma srgb", Demosaic::Luma, Some(srgb as fn(f64) -> f64)),
        ("RG10 rgb", Demosaic::Rgb, None),
        ("RG10 rgb srgb", Demosaic::Rgb, Some(srgb)),
    ] {
        let mut options = plain;
        (options.raw.demosaic, options.raw.encode) = (demosaic, encode);
        bench.line(&format!("unpack {name}"), || unpacking("RG10", &options, None));
    }
}

fn unpacking(code: &str, options: &UnpackOptions, bytes: Option<Vec<u8>>) -> impl FnMut() + use<> {
    let memory = Memory { extent: EXTENT, strides: [0; 3] };
    let mut unpacker =
        Unpacker::plan(code.parse().expect("a code"), memory, options).expect("a plan");
    let [needed, ..] = unpacker.bytes_needed();
    let bytes = bytes.unwrap_or_else(|| (0..needed).map(texture).collect());
    let mut picture = Picture::new(unpacker.format());
    move || unpacker.unpack(&[&bytes], &mut picture).expect("a picture")
}

fn srgb(light: f64) -> f64 {
    Transfer::Srgb.encode(light)
}

/// A picture with detail, and not more of it than cameras see.
fn jpeg() -> Vec<u8> {
    let samples: Vec<u8> = (0..EXTENT.area() * 3).map(|at| texture(at / 24)).collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 80);
    encoder.set_sampling_factor(SamplingFactor::F_2_1);
    encoder.encode(&samples, 1280, 720, ColorType::Ycbcr).expect("encodes");
    bytes
}

fn texture(at: usize) -> u8 {
    let (x, y) = (at % EXTENT.width, at / EXTENT.width);
    u8::try_from((x * x / 97 + y * y / 61 + x * y / 83) % 256).unwrap_or(0)
}

/// A stream that begins anew for ever.
struct Endless {
    first_line: io::Cursor<Vec<u8>>,
    frame: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.first_line.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let count = (&self.frame[self.at..]).read(buffer)?;
        self.at = (self.at + count) % self.frame.len();
        Ok(count)
    }
}

fn y4m_reader() -> impl FnMut() {
    let first_line = io::Cursor::new(b"YUV4MPEG2 W1280 H720 F30:1 C420jpeg\n".to_vec());
    let frame = b"FRAME\n".iter().copied().chain((0..EXTENT.area() * 3 / 2).map(texture)).collect();
    let endless = Endless { first_line, frame, at: 0 };
    let mut source =
        Y4mSource::new(endless, PathBuf::from("a stream"), false).expect("a stream begins");
    let mut frame = Frame::new(source.format());
    move || assert!(matches!(source.fill(&mut frame), Ok(Filled::Frame)), "no frame")
}

/// The layouts of pictures and what they are called here.
const LAYOUTS: [(Layout, &str); 5] = [
    (Layout::Gray, "gray"),
    (Layout::Yuv420, "4:2:0"),
    (Layout::Yuv422, "4:2:2"),
    (Layout::Yuv444, "4:4:4"),
    (Layout::Rgb, "rgb"),
];

fn format(layout: Layout) -> PictureFormat {
    PictureFormat { extent: EXTENT, layout, depth: 8, range: Range::Full }
}

/// A picture with detail of every kind that a blur leaves, in all planes.
fn picture(layout: Layout) -> Picture {
    let mut picture = Picture::new(format(layout));
    for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let pattern = (x * x / 970 + y * y / 610 + x * y / 830 + 50 * index) % 400;
                let folded = if pattern < 200 { pattern } else { 399 - pattern };
                *sample = u16::try_from(20 + folded).unwrap_or(0);
            }
        }
    }
    picture
}

fn steps(bench: &Bench) {
    let executors: [(&str, Arc<dyn Executor>); 2] = [
        ("1 thread", Arc::new(Sequential)),
        ("2 threads", Arc::new(Workers::start(2).expect("two threads"))),
    ];
    for (layout, name) in LAYOUTS {
        for (curve, transfer) in [("none", Transfer::None), ("srgb", Transfer::Srgb)] {
            for (threads, executor) in &executors {
                let whole = format!("{name} {curve} {threads}");
                if ["decode", "chroma", "encode"]
                    .iter()
                    .any(|step| bench.wants(&format!("{step} {whole}")))
                {
                    let laps = time_steps(layout, transfer, executor);
                    for (step, times) in laps.into_iter().filter(|(step, _)| step != "wiener") {
                        print(&format!("{step} {whole}"), times);
                    }
                }
            }
        }
    }
}

/// The times of every step of a restorer of pictures of a layout.
fn time_steps(
    layout: Layout,
    transfer: Transfer,
    executor: &Arc<dyn Executor>,
) -> Vec<(String, Vec<Duration>)> {
    let psf = Psf::from_formula("motion:15,30").expect("a formula").expect("a PSF");
    let noise = GrayLevels::new(2.55).expect("gray levels");
    let camera = Calibration { transfer, ..Calibration::new(psf, noise) };
    let options = RestoreOptions { is_seen: true, ..RestoreOptions::default() };
    let plan = RestorePlan::new(&camera, None, &options, format(layout)).expect("a plan");
    let mut restorer = CpuBackend::new(Arc::clone(executor)).load(plan).expect("a restorer");
    let (blurred, mut restored) = (picture(layout), Picture::new(format(layout)));
    let mut times: Vec<_> =
        restorer.steps().iter().map(|step| (step.name.clone(), Vec::new())).collect();
    for round in 0..WARM_UP + ROUNDS {
        let mut laps = Laps { since: Instant::now(), laps: Vec::new() };
        restorer.restore(&blurred, &mut restored, Effort::Full, &mut laps).expect("restores");
        if round >= WARM_UP {
            times.iter_mut().zip(laps.laps).for_each(|((_, times), lap)| times.push(lap));
        }
    }
    times
}

struct Laps {
    since: Instant,
    laps: Vec<Duration>,
}

impl Watch for Laps {
    fn done(&mut self, _: usize, _: Option<&RestoreError>) {
        self.laps.push(self.since.elapsed());
        self.since = Instant::now();
    }
}

fn sinks(bench: &Bench) {
    for (layout, name) in LAYOUTS {
        bench.line(&format!("sink y4m {name}"), || delivering(y4m_sink(), layout));
        for output in ["YUYV", "YU12", "GREY"] {
            bench.line(&format!("sink v4l2 {output} {name}"), || packing(output, layout));
        }
        for (view, shown) in [(View::Moving(Side::After), "one"), (View::Pair, "pair")] {
            bench.line(&format!("sink http {shown} {name}"), || showing(view, layout));
        }
        bench.line(&format!("sink memory {name}"), || delivering(memory_sink(), layout));
    }
}

fn frame(layout: Layout) -> Frame {
    let mut frame = Frame::new(format(layout));
    frame.blurred = picture(layout);
    frame.restored = picture(layout);
    frame
}

fn delivering(mut sink: impl Sink, layout: Layout) -> impl FnMut() {
    let frame = frame(layout);
    sink.start(format(layout), FrameRate::per_second(30)).expect("it starts");
    move || sink.deliver(&frame).expect("a delivery")
}

fn y4m_sink() -> Y4mSink {
    Y4mSink::to_writer(Box::new(io::sink()), PathBuf::from("nowhere"))
}

fn memory_sink() -> Iceoryx2Sink {
    let service = format!("deblurd/bench/{}", std::process::id());
    let folder = std::env::temp_dir().join("deblurd-bench-iceoryx2");
    let options = Iceoryx2Options { service, folder: Some(folder), ..Iceoryx2Options::default() };
    Iceoryx2Sink::open(options).expect("shared memory")
}

fn packing(output: &str, layout: Layout) -> impl FnMut() {
    let output: OutputFormat = output.parse().expect("a format");
    let (picture, mut packer) = (picture(layout), Packer::new(output));
    let stride = output.row_bytes(EXTENT.width);
    let mut bytes = vec![0; output.bytes(EXTENT, stride)];
    move || assert!(packer.pack(&picture, stride, black_box(&mut bytes)), "no room")
}

/// A viewer who waits all the time.
fn showing(view: View, layout: Layout) -> impl FnMut() {
    let frame = frame(layout);
    let mut sink = ShowcaseSink::new(85, 1_000_000);
    let viewer = sink.showcase().next(view, 0);
    move || {
        let _ = &viewer;
        sink.deliver(&frame).expect("a delivery");
    }
}
