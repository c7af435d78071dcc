//! What is allocated while frames flow: nothing of ours, once every buffer was used.
//!
//! The whole binary runs on an allocator that can be listened to. Each case is a pipeline on its
//! own threads in a child process, so that other trials do not disturb it; there, every allocation
//! of every thread is counted between two frames long after the first.

use std::cell::Cell;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use deblurd::executor::Executor;
use deblurd::frame::{Extent, Frame, FrameRate, Layout, Picture, PictureFormat};
use deblurd::metrics::Metrics;
use deblurd::optics::{Blur, Field, GrayLevels};
use deblurd::pipeline::{
    LadderOptions, Overflow, Pipeline, PipelineOptions, Stop, Stoppable, Workers,
};
use deblurd::plan::Edges;
use deblurd::plan::network::Model;
use deblurd::restore::model;
use deblurd::simulate::{DegradeOptions, Simulated};
use deblurd::sink::{Iceoryx2Sink, ShowcaseSink, Sink, SinkError, Y4mSink};
use deblurd::source::{Filled, SceneOptions, SceneSource, Source, SourceError, Y4mSource};
use deblurd::web::HttpOptions;
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

use crate::harness::{apply, trial};
use crate::onnx::coarse_model;
use crate::program::{Workshop, stream};
use crate::restorations::{Restoration, loaded, model, random_picture, random_psf};
use crate::shared;
use crate::support::root;

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

#[apply(trial)]
fn pictures_need_none() {
    check_case("pictures", 0);
}

/// Either end of each of its two channels makes its place to wait when it first waits.
#[apply(trial)]
fn a_stream_needs_none_a_frame() {
    check_case("stream", 4);
}

#[apply(trial)]
fn a_live_scene_needs_none() {
    check_case("scene", 0);
}

#[apply(trial)]
fn fused_networks_need_none() {
    check_case("networks", 0);
}

#[apply(trial)]
fn stock_networks_need_none_of_ours() {
    check_case("stock", 0);
}

#[apply(trial)]
fn a_field_needs_none() {
    check_case("field", 0);
}

/// Frames of a scene at rest, with noise, in colour.
#[apply(trial)]
fn an_average_needs_none() {
    check_case("average", 0);
}

/// Tells a child which case to measure.
const CASE: &str = "DEBLURD_TEST_ALLOCATIONS";

/// Frames before the measurement begins, and while it goes on. The first use every buffer of the
/// pool many times, even where half of them are displaced.
const WARM: u64 = 240;
const MEASURED: u64 = 200;

const EXTENT: Extent = Extent::new(96, 72);

/// Runs the case in a child, which tells what it has counted: at most `most` of ours, less than one
/// in thirty times that the workers were given work, whose queue takes a block for 63, and three a
/// frame of iceoryx2, which keeps the state of each loan and its list of subscribers on the heap.
fn check_case(case: &str, most: u64) {
    let binary = std::env::current_exe().expect("this binary");
    let output = Command::new(binary).env(CASE, case).output().expect("a child");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = told.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [frames, ours, workers, runs, networks, loans] = numbers[..] else {
        panic!("{case}: {}", String::from_utf8_lossy(&output.stderr))
    };
    assert!(ours <= most && workers <= runs / 30, "{case}: {told}");
    // Some frames were under way when the counting began.
    assert!(loans < 3 * frames + 30, "{case}: {told}");
    // Only tract's own operators need any.
    assert_eq!((frames, networks > 0), (MEASURED, case == "stock"), "{case}: {told}");
}

/// In a child: measures what it was started for.
pub(crate) fn measure_if_asked() -> Option<ExitCode> {
    let case = std::env::var(CASE).ok()?;
    AllocationRegistry::set_global_tracker(Listener).ok()?;
    measure(&case);
    tell();
    Some(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "how a child tells")]
fn tell() {
    let counts = [&COUNTS.ours, &COUNTS.workers, &COUNTS.runs, &COUNTS.networks, &COUNTS.loans];
    let [ours, workers, runs, networks, loans] = counts.map(|count| count.load(Ordering::Relaxed));
    println!(
        "{MEASURED} frames: {ours} of ours, {workers} of the workers in {runs} runs, {networks} of \
         the networks and filters, {loans} of the loans"
    );
    let places = COUNTS.first.get().into_iter().flat_map(|place| place.lines());
    for place in places.filter(|line| line.contains("at ./")) {
        println!("the first of ours: {}", place.trim());
    }
}

/// On whose behalf a thread works.
#[derive(Clone, Copy)]
enum Doing {
    Ours,
    Workers,
    Networks,
    Loans,
}

thread_local! {
    static DOING: Cell<Doing> = const { Cell::new(Doing::Ours) };
}

struct Counts {
    ours: AtomicU64,
    workers: AtomicU64,
    /// Times that the workers were given parts, those before the measurement too.
    runs: AtomicU64,
    networks: AtomicU64,
    loans: AtomicU64,
    /// Where the first allocation of ours was.
    first: OnceLock<String>,
}

static COUNTS: Counts = Counts {
    ours: AtomicU64::new(0),
    workers: AtomicU64::new(0),
    runs: AtomicU64::new(0),
    networks: AtomicU64::new(0),
    loans: AtomicU64::new(0),
    first: OnceLock::new(),
};

/// Counts while the registry has it listen.
struct Listener;

impl AllocationTracker for Listener {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        let count = match DOING.get() {
            Doing::Ours => {
                COUNTS.first.get_or_init(|| std::backtrace::Backtrace::force_capture().to_string());
                &COUNTS.ours
            }
            Doing::Workers => &COUNTS.workers,
            Doing::Networks => &COUNTS.networks,
            Doing::Loans => &COUNTS.loans,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn deallocated(
        &self,
        _: usize,
        _: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
    }
}

/// Has everything within the parts counted as the networks' and filters' own, and everything around them as
/// that of the threads that share them.
#[derive(Debug)]
struct Marked(Workers);

impl Executor for Marked {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        COUNTS.runs.fetch_add(1, Ordering::Relaxed);
        DOING.set(Doing::Workers);
        self.0.run(count, &|index| {
            DOING.set(Doing::Networks);
            part(index);
            DOING.set(Doing::Workers);
        });
        DOING.set(Doing::Ours);
    }

    fn threads(&self) -> usize {
        self.0.threads()
    }

    fn host(&self, work: &mut (dyn FnMut() + Send)) {
        COUNTS.runs.fetch_add(1, Ordering::Relaxed);
        DOING.set(Doing::Workers);
        self.0.host(&mut || {
            DOING.set(Doing::Ours);
            work();
            DOING.set(Doing::Workers);
        });
        DOING.set(Doing::Ours);
    }
}

/// Has what is allocated while a frame is published counted as that of the loan.
struct Loaning(Iceoryx2Sink);

impl Sink for Loaning {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        self.0.start(format, rate)
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        DOING.set(Doing::Loans);
        let outcome = self.0.deliver(frame);
        DOING.set(Doing::Ours);
        outcome
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.0.finish()
    }
}

/// Begins and ends the counting at its frames, and the stream after them.
struct Counted<S> {
    source: S,
    frames: u64,
}

impl<S: Source> Source for Counted<S> {
    fn format(&self) -> PictureFormat {
        self.source.format()
    }

    fn rate(&self) -> FrameRate {
        self.source.rate()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        if self.frames == WARM {
            AllocationRegistry::enable_tracking();
        }
        if self.frames == WARM + MEASURED {
            AllocationRegistry::disable_tracking();
            return Ok(Filled::End);
        }
        let filled = self.source.fill(frame)?;
        if matches!(filled, Filled::Frame) {
            self.frames += 1;
        }
        Ok(filled)
    }
}

/// The same pictures in turn, again and again.
struct Again {
    pictures: Vec<Picture>,
    next: usize,
}

impl Again {
    fn new(pictures: Vec<Picture>) -> Self {
        Self { pictures, next: 0 }
    }

    /// One picture of random samples.
    fn gray() -> Self {
        Self::new(vec![random_picture(PictureFormat::gray(EXTENT), 1)])
    }

    /// Gray with noise of two and a half gray levels, in colour.
    fn noisy() -> Self {
        let format = PictureFormat { layout: Layout::Yuv420, ..PictureFormat::gray(EXTENT) };
        let picture = |seed: u64| {
            let mut picture = random_picture(format, seed);
            let samples = picture.planes_mut().iter_mut().flat_map(|plane| plane.samples_mut());
            samples.for_each(|sample| *sample = 124 + *sample % 9);
            picture
        };
        Self::new((0..7).map(picture).collect())
    }
}

impl Source for Again {
    fn format(&self) -> PictureFormat {
        self.pictures[0].format()
    }

    fn rate(&self) -> FrameRate {
        FrameRate::per_second(25)
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        frame.blurred.copy_from(&self.pictures[self.next]);
        self.next = (self.next + 1) % self.pictures.len();
        Ok(Filled::Frame)
    }
}

/// Takes frames and does nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn name(&self) -> &str {
        "nowhere"
    }

    fn start(&mut self, _: PictureFormat, _: FrameRate) -> Result<(), SinkError> {
        Ok(())
    }

    fn deliver(&mut self, _: &Frame) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn measure(case: &str) {
    let files = PipelineOptions::new(Overflow::Wait);
    let one = random_psf(3, 5);
    match case {
        "pictures" => run(Again::gray(), &one, None, files),
        "average" => {
            let how = Restoration::for_noise(2.55).guarded().averaged();
            let model = Arc::new(loaded(&coarse_model(2, 2, 8, true)));
            run_as(&how, Again::noisy(), &one, Some(model), files);
        }
        "networks" => {
            let model = std::fs::read(root().join("models/base.onnx")).expect("the model");
            let model = model::load(&model).expect("a model");
            run(Again::gray(), &one, Some(Arc::new(model)), files);
        }
        "stock" => run(Again::gray(), &one, Some(model(2, 4, 8, false)), files),
        "field" => {
            let psfs = (0..4).map(|seed| random_psf(seed, 5)).collect();
            let field = Field::new(2, psfs).expect("a grid");
            run(Again::gray(), &field, Some(model(2, 4, 8, true)), files);
        }
        "stream" => {
            let frames = usize::try_from(WARM + MEASURED).expect("few");
            let bytes = stream(EXTENT.width, EXTENT.height, frames);
            let source = Y4mSource::new(std::io::Cursor::new(bytes), "a stream".into(), false);
            run(source.expect("a stream"), &one, None, files);
        }
        "scene" => {
            let rate = FrameRate::per_second(200);
            let options = SceneOptions { extent: EXTENT, rate, seed: 1, live: true, frames: None };
            let source = SceneSource::new(options).expect("a scene");
            let sigma = GrayLevels::new(2.55).expect("gray levels");
            let options = DegradeOptions { edges: Edges::Open, sigma, seed: 0 };
            let source = Simulated::new(source, &one.clone().into(), options).expect("a camera");
            let live = PipelineOptions {
                deadline: std::time::Duration::from_secs(5),
                ..PipelineOptions::new(Overflow::DropOldest)
            };
            run(source, &one, None, live);
        }
        other => panic!("no case {other}"),
    }
}

/// Runs a pipeline that restores every frame for itself.
fn run(
    source: impl Source + 'static,
    blur: &(impl Clone + Into<Blur>),
    model: Option<Arc<Model>>,
    options: PipelineOptions,
) {
    run_as(&Restoration::for_noise(2.55).guarded(), source, blur, model, options);
}

/// Runs a pipeline with all sinks that can be without a device and a client.
fn run_as(
    how: &Restoration,
    source: impl Source + 'static,
    blur: &(impl Clone + Into<Blur>),
    model: Option<Arc<Model>>,
    options: PipelineOptions,
) {
    let format = source.format();
    let stop = Stop::default();
    let workers = Marked(Workers::start(2).expect("threads"));
    let executor = Arc::new(Stoppable { executor: Arc::new(workers), stop: stop.clone() });
    let restorer = how.restorer(blur, model.as_ref(), format, executor);
    let names = ["nowhere", "y4m", "http", "iceoryx2"].map(str::to_owned);
    let metrics = Arc::new(Metrics::new(&names));
    let workshop = Workshop::new();
    let showcase = ShowcaseSink::new(85, 30);
    let _server = crate::http::serve(HttpOptions::default(), &showcase, &metrics);
    let sinks = sinks(showcase, &workshop);
    // It never takes anything: the newest frames displace each other.
    let _subscriber = shared::subscribe(&workshop);
    let source = Box::new(Counted { source, frames: 0 });
    let ladder = Some(LadderOptions::default());
    let pipeline = Pipeline { source, restorer, sinks, options, ladder, metrics, stop };
    let report = pipeline.start().expect("starts").finish().expect("ends");
    assert!(report.sink_failures.is_empty(), "{:?}", report.sink_failures);
    let trunk = report.metrics.trunk.books();
    assert!(trunk.delivered > 0, "{trunk}");
}

fn sinks(showcase: ShowcaseSink, workshop: &Workshop) -> Vec<Box<dyn Sink>> {
    vec![
        Box::new(Nowhere),
        Box::new(Y4mSink::create(Path::new("/dev/null")).expect("a sink")),
        Box::new(showcase),
        Box::new(Loaning(shared::sink(workshop))),
    ]
}
