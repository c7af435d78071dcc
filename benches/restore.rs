//! Times of every stage of the restoration, of what the stages are made of, and of the whole.
//!
//! ```text
//! cargo bench --bench restore                                 all, in a few minutes
//! cargo bench --bench restore -- '1280x720/.*/1 thread'       one extent on one thread
//! ```
//!
//! The first call compiles the dependencies again: benchmarks unwind, the released program does not.
//!
//! A benchmark is named `EXTENT/WHAT/THREADS`. `fft` is the forward and the inverse transform with
//! a product between them, on planes of the extent that frames are extended to; `extension` is the
//! smooth margin around a frame without the decoding of samples. They run on the caller's thread
//! alone. All else is a stage of a [`Restorer`] or, as `whole`, all of its stages in order on one
//! frame, on one thread and on two: frames of 8-bit luma, a motion of 15 pixels, noise of 2.55
//! gray levels, the model that is shipped. Times do not depend on what is in the frame.
//!
//! Nothing here fails because it was slow. `benches/peers/peer.py` sets the stages beside those of
//! another implementation.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode};

use deblurd::frame::{Extent, Frame, PictureFormat, Plane};
use deblurd::pipeline::Workers;
use deblurd::restore::boundary::{Boundary, Extension};
use deblurd::restore::executor::{Executor, Sequential};
use deblurd::restore::fft2d::{Filter, RealFft2d};
use deblurd::restore::psf::Psf;
use deblurd::restore::residual::ResidualModel;
use deblurd::restore::{RestoreOptions, Restorer};

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
    let model = ResidualModel::from_bytes(&bytes).expect("the model meets its contract");
    let executors: [(&str, Arc<dyn Executor>); 2] = [
        ("1 thread", Arc::new(Sequential)),
        ("2 threads", Arc::new(Workers::start(2).expect("two threads"))),
    ];
    for extent in EXTENTS {
        let mut group = criterion.benchmark_group(extent.to_string());
        // Some of these take a tenth of a second: as many runs in every sample.
        group.sampling_mode(SamplingMode::Flat);
        bench_parts(&mut group, extent, &psf);
        for (threads, executor) in &executors {
            bench_stages(&mut group, threads, &mut Subject::plan(extent, &psf, &model, executor));
        }
        group.finish();
    }
    criterion.final_summary();
}

/// What the stages are made of.
fn bench_parts(group: &mut BenchmarkGroup<'_, WallTime>, extent: Extent, psf: &Psf) {
    let mut extension = Extension::plan(Boundary::Extend, extent, psf.extent(), 1);
    let outer = extension.outer();
    let mut extended = Plane::from_fn(outer, |x, y| f32::from(sample(x, y)) / 255.0);
    group.bench_function(BenchmarkId::new("extension", "1 thread"), |bencher| {
        bencher.iter(|| {
            extension.apply(&Sequential, &mut extended);
        });
    });
    let (fft, filter) = (RealFft2d::plan(outer), Filter::real(outer, |_| 1.0));
    let mut spectrum = fft.spectrum(1);
    let mut output = Plane::new(outer, 0.0);
    group.bench_function(BenchmarkId::new("fft", "1 thread"), |bencher| {
        bencher.iter(|| {
            fft.filter(&mut spectrum, &filter, &extended, &mut output);
        });
    });
}

/// Every stage by itself, then all of them.
fn bench_stages(group: &mut BenchmarkGroup<'_, WallTime>, threads: &str, subject: &mut Subject) {
    for index in 0..subject.restorer.stages_mut().len() {
        let name = subject.restorer.stages_mut()[index].name().to_owned();
        group.bench_function(BenchmarkId::new(name, threads), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| subject.time_stage(index)).sum());
        });
    }
    group.bench_function(BenchmarkId::new("whole", threads), |bencher| {
        bencher.iter(|| subject.restorer.restore(&mut subject.frame).expect("restores"));
    });
}

/// A planned restoration and a frame to run it on.
struct Subject {
    restorer: Restorer,
    frame: Frame,
    /// What a network answers. A projection works in its place, so it is put back before each.
    answer: Plane<f32>,
}

impl Subject {
    fn plan(
        extent: Extent,
        psf: &Psf,
        model: &ResidualModel,
        executor: &Arc<dyn Executor>,
    ) -> Self {
        let (format, options) = (PictureFormat::gray(extent), RestoreOptions::for_noise(SIGMA));
        let mut restorer =
            Restorer::plan(&options, psf, Some(model), format, executor, 1).expect("a plan");
        let mut frame = Frame::new(format);
        frame.blurred.planes_mut()[0] = Plane::from_fn(extent, sample);
        restorer.restore(&mut frame).expect("restores");
        // The one workspace, leased again, holds what the last network answered.
        restorer.stages_mut()[0].apply(&mut frame).expect("decodes");
        let answer = frame.work.as_mut().expect("decoded").get().channels[0].f.clone();
        Self { restorer, frame, answer }
    }

    /// The time of one run of stage `index`.
    fn time_stage(&mut self, index: usize) -> Duration {
        self.enter(index);
        let start = Instant::now();
        self.apply(index);
        start.elapsed()
    }

    /// Puts the frame where it is before stage `index`: decoded, except before the first, and with
    /// the planes that the last whole run left.
    fn enter(&mut self, index: usize) {
        if index == 0 {
            self.frame.work = None;
            return;
        }
        if self.frame.work.is_none() {
            self.apply(0);
        }
        let Self { frame, answer, .. } = self;
        let mut work = frame.work.as_mut().expect("decoded").get();
        work.channels[0].f.samples_mut().copy_from_slice(answer.samples());
    }

    fn apply(&mut self, index: usize) {
        self.restorer.stages_mut()[index].apply(&mut self.frame).expect("applies");
    }
}

/// A picture with detail of every kind.
fn sample(x: usize, y: usize) -> u16 {
    u16::try_from((x * x / 97 + y * y / 61 + x * y / 83) % 256).unwrap_or(0)
}
