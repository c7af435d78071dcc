//! Speed of the networks by themselves, on every kernel of this processor.
//!
//! ```text
//! cargo bench --bench residual                            all, in a few minutes
//! cargo bench --bench residual -- avx512-vnni/base        one kernel, one model
//! ```
//!
//! A benchmark is named `KERNEL/MODEL, network K`, `stock` being the operators of tract. It runs a
//! planned network on planes of 1344x768, as frames of 1280x720 are extended to, in the caller's
//! thread. Elements are multiply-accumulates, so a rate of 150 Gelem/s is 150 GMAC/s; what is not a
//! multiply-accumulate, as quantising, is in the time. Networks differ in their layers: the
//! difference between `base` and `nano` is one convolution from 16 to 16 channels, that between
//! `large` and `base` another.
//!
//! Nothing here fails because it was slow.

use std::fs;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

use deblurd::executor::Sequential;
use deblurd::frame::{Extent, Plane};
use deblurd::plan::Conditions;
use deblurd::restore::cpu::residual::{Inputs, KernelChoice, ResidualNet, band_rows};
use deblurd::restore::model;

/// Extent of the planes.
const EXTENT: Extent = Extent::new(1344, 768);

/// What the networks are told.
const CONDITIONS: Conditions = Conditions { sigma: 0.1, trust: 1.0 };

/// Networks of the models, one without and one with the estimate so far among its inputs.
const NETWORKS: [usize; 2] = [0, 1];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for kernel in KernelChoice::all() {
        for name in ["nano", "base", "large"] {
            bench_model(&mut criterion, kernel, name);
        }
    }
    criterion.final_summary();
}

fn bench_model(criterion: &mut Criterion, kernel: KernelChoice, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/{name}.onnx"));
    let model = model::load(&fs::read(path).expect("the model")).expect("a model");
    let mut group = criterion.benchmark_group(kernel.name());
    group.sampling_mode(SamplingMode::Flat);
    for stage in NETWORKS {
        let constants = CONDITIONS.told(&model.contract.inputs, false);
        let bands = (EXTENT, band_rows(EXTENT.height, 1));
        let net = ResidualNet::plan(&model, stage, kernel, bands, &constants, &Inputs::new(1))
            .expect("a plan");
        let planes = vec![Plane::from_fn(EXTENT, sample); net.planes()];
        let inputs: Vec<&Plane<f32>> = planes.iter().collect();
        let mut f = Plane::new(EXTENT, 0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let macs = (model.networks[stage].summary.macs_per_pixel() * EXTENT.area() as f64) as u64;
        group.throughput(Throughput::Elements(macs));
        let id = BenchmarkId::from_parameter(format!("{name}, network {}", stage + 1));
        group.bench_function(id, |bencher| {
            bencher.iter(|| net.run(&inputs, &mut f, &Sequential).expect("runs"));
        });
    }
    group.finish();
}

/// Detail of every kind. Times do not depend on it.
fn sample(x: usize, y: usize) -> f32 {
    ((x * x / 97 + y * y / 61 + x * y / 83) % 256) as f32 / 255.0 - 0.5
}
