//! Times of every step of the restoration, of a transform, and of the whole.
//!
//! ```text
//! cargo bench --bench restore                                 all, in a few minutes
//! cargo bench --bench restore -- '1280x720/.*/1 thread'       one extent on one thread
//! ```
//!
//! The first call compiles the dependencies again: benchmarks unwind, the released program does not.
//!
//! A benchmark is named `EXTENT/WHAT/THREADS`. `fft` is the forward and the inverse transform with
//! a product between them, on planes of the extent that frames are extended to, on the caller's
//! thread alone. All else is a step of a restorer or, as `whole`, all of its steps in order on one
//! frame, on one thread and on two: frames of 8-bit luma, a motion of 15 pixels, noise of 2.55
//! gray levels, the model that is shipped, as in a stream whose first frames have told noise and PSF. Frames
//! with light at white or faults take longer.
//!
//! Nothing here fails because it was slow. `benches/peers/peer.py` sets the steps beside those of
//! another implementation.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode};

use deblurd::executor::{Executor, Sequential};
use deblurd::fft::{Filter, RealFft2d};
use deblurd::frame::{Effort, Extent, Picture, PictureFormat, Plane};
use deblurd::optics::{Calibration, GrayLevels, Psf};
use deblurd::pipeline::Workers;
use deblurd::plan::network::Model;
use deblurd::plan::{Edges, Framing, RestoreOptions, RestorePlan};
use deblurd::restore::model;
use deblurd::restore::{Backend, CpuBackend, RestoreError, Restorer, Unwatched, Watch};

/// Extents of the frames.
const EXTENTS: [Extent; 3] =
    [Extent::new(640, 360), Extent::new(1280, 720), Extent::new(1920, 1080)];

/// Blur of the frames.
const PSF: &str = "motion:15,30";

/// Standard deviation of their noise in gray levels.
const SIGMA: f64 = 2.55;

/// Model, from the root of the package.
const MODEL: &str = "models/base.onnx";

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let psf = Psf::from_formula(PSF).expect("a formula").expect("a PSF");
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(MODEL)).expect("the model");
    let model = model::load(&bytes).expect("the model meets its contract");
    let model = Arc::new(model);
    let executors: [(&str, Arc<dyn Executor>); 2] = [
        ("1 thread", Arc::new(Sequential)),
        ("2 threads", Arc::new(Workers::start(2).expect("two threads"))),
    ];
    for extent in EXTENTS {
        let mut group = criterion.benchmark_group(extent.to_string());
        // Some of these take a tenth of a second: as many runs in every sample.
        group.sampling_mode(SamplingMode::Flat);
        bench_transform(&mut group, extent, &psf);
        for (threads, executor) in &executors {
            bench_steps(&mut group, threads, &mut Subject::plan(extent, &psf, &model, executor));
        }
        group.finish();
    }
    criterion.final_summary();
}

/// What filters are made of.
fn bench_transform(group: &mut BenchmarkGroup<'_, WallTime>, extent: Extent, psf: &Psf) {
    let outer = Framing::plan(Edges::Open, extent, psf.extent()).outer;
    let plane = Plane::from_fn(outer, |x, y| f32::from(sample(x, y)) / 255.0);
    let (fft, filter) = (RealFft2d::plan(outer), Filter::real(outer, |_| 1.0));
    let mut spectrum = fft.spectrum(1);
    let mut output = Plane::new(outer, 0.0);
    group.bench_function(BenchmarkId::new("fft", "1 thread"), |bencher| {
        bencher.iter(|| {
            fft.filter(&mut spectrum, &filter, &plane, &mut output);
        });
    });
}

/// Every step by itself, then all of them.
fn bench_steps(group: &mut BenchmarkGroup<'_, WallTime>, threads: &str, subject: &mut Subject) {
    for index in 0..subject.restorer.steps().len() {
        let name = subject.restorer.steps()[index].name.clone();
        group.bench_function(BenchmarkId::new(name, threads), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| subject.time_step(index)).sum());
        });
    }
    group.bench_function(BenchmarkId::new("whole", threads), |bencher| {
        bencher.iter(|| subject.restore(&mut Unwatched));
    });
}

/// A restorer and a picture to run it on.
struct Subject {
    restorer: Box<dyn Restorer>,
    blurred: Picture,
    restored: Picture,
}

impl Subject {
    fn plan(extent: Extent, psf: &Psf, model: &Arc<Model>, executor: &Arc<dyn Executor>) -> Self {
        let format = PictureFormat::gray(extent);
        let camera = Calibration::new(psf.clone(), GrayLevels::new(SIGMA).expect("gray levels"));
        let (model, options) = (
            Some(Arc::clone(model)),
            RestoreOptions { is_seen: true, ..RestoreOptions::default() },
        );
        let plan = RestorePlan::new(&camera, model, &options, format).expect("a plan");
        let restorer = CpuBackend::new(Arc::clone(executor)).load(plan).expect("a restorer");
        let mut blurred = Picture::new(format);
        blurred.planes_mut()[0] = Plane::from_fn(extent, sample);
        Self { restorer, blurred, restored: Picture::new(format) }
    }

    fn restore(&mut self, watch: &mut dyn Watch) {
        let Self { restorer, blurred, restored } = self;
        restorer.restore(blurred, restored, Effort::Full, watch).expect("restores");
    }

    /// The time of step `index` of one run of all.
    fn time_step(&mut self, index: usize) -> Duration {
        let mut lap = Lap { index, since: Instant::now(), time: Duration::ZERO };
        self.restore(&mut lap);
        lap.time
    }
}

/// Times one step.
struct Lap {
    index: usize,
    since: Instant,
    time: Duration,
}

impl Watch for Lap {
    fn done(&mut self, step: usize, _: Option<&RestoreError>) {
        if step == self.index {
            self.time = self.since.elapsed();
        }
        self.since = Instant::now();
    }
}

/// A picture with detail of every kind that a blur leaves.
fn sample(x: usize, y: usize) -> u16 {
    let pattern = (x * x / 970 + y * y / 610 + x * y / 830) % 400;
    u16::try_from(20 + if pattern < 200 { pattern } else { 399 - pattern }).unwrap_or(0)
}
