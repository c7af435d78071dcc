//! Fused networks give what tract's own operators give, and other networks are told from them.

use std::sync::Arc;

use super::super::ResidualModel;
use super::super::network::{Engine, ResidualNet};
use super::*;
use crate::executor::Sequential;
use crate::frame::Extent;

/// The models that are released.
const MODELS: [&[u8]; 4] = [
    include_bytes!("../../../../models/nano.onnx"),
    include_bytes!("../../../../models/small.onnx"),
    include_bytes!("../../../../models/base.onnx"),
    include_bytes!("../../../../models/large.onnx"),
];

fn model(bytes: &[u8]) -> ResidualModel {
    ResidualModel::from_bytes(bytes).expect("a model")
}

/// Smooth planes with the range of a picture's, without mean.
fn planes(count: usize, extent: Extent) -> Vec<Plane<f32>> {
    let wave = |plane: usize, x: usize, y: usize| {
        let (y, x) = (y as f32 * 0.37, x as f32 * 0.23);
        0.3 * (y + plane as f32).sin() * x.cos() + 0.1 * (3.1 * x + y).sin()
    };
    (0..count).map(|plane| Plane::from_fn(extent, |x, y| wave(plane, x, y))).collect()
}

fn answer(engine: Arc<dyn Engine>, inputs: &[Plane<f32>], rows: usize, halo: usize) -> Plane<f32> {
    let extent = inputs[0].extent();
    let net = ResidualNet::plan(&engine, inputs.len(), [extent; 2], [rows, halo]).expect("a plan");
    let mut f = Plane::new(extent, f32::NAN);
    net.run(&inputs.iter().collect::<Vec<_>>(), &mut f, &Sequential).expect("runs");
    f
}

/// Where two sums that are rounded lie on either side of a half, they part by one step.
#[track_caller]
fn check_close(stock: &Plane<f32>, fused: &Plane<f32>, step: f32) {
    let pairs = stock.samples().iter().zip(fused.samples());
    let differences: Vec<f32> = pairs.map(|(a, b)| (a - b).abs()).collect();
    let worst = differences.iter().fold(0.0_f32, |worst, &d| worst.max(d));
    let moved = differences.iter().filter(|&&d| d > step / 2.0).count();
    assert!(worst < 1.01 * step, "off by {} steps at {}", worst / step, stock.extent());
    assert!(moved * 50 <= differences.len(), "{moved} of {} moved", differences.len());
}

#[test]
fn released_models_give_what_stock_operators_give() {
    for model in MODELS.map(model) {
        for network in &model.networks {
            let integers = network.integers.as_ref().expect("a known network");
            let planes_seen = integers.0.head.planes;
            for (width, height) in [(2, 2), (14, 6), (50, 34), (126, 62)] {
                let inputs = planes(planes_seen, Extent::new(width, height));
                let stock = answer(Arc::new(network.stock.clone()), &inputs, height, 0);
                let kernel = Arithmetic::available().next().expect("a kernel");
                let fused = answer(Arc::new(Fused::new(integers, kernel)), &inputs, height, 0);
                check_close(&stock, &fused, integers.0.output.scale);
            }
        }
    }
}

#[test]
fn every_kernel_and_division_gives_the_same_bits() {
    for model in MODELS.map(model) {
        let halo = model.contract.halo;
        for network in &model.networks {
            let integers = network.integers.as_ref().expect("a known network");
            for (width, height) in [(2, 2), (22, 38), (54, 72)] {
                let inputs = planes(integers.0.head.planes, Extent::new(width, height));
                let run = |kernel, rows| {
                    answer(Arc::new(Fused::new(integers, kernel)), &inputs, rows, halo)
                };
                let scalar = Arithmetic::available().last().expect("the scalar kernel");
                let whole = run(scalar, height);
                for kernel in Arithmetic::available() {
                    for rows in [2, 16, height] {
                        let is = run(kernel, rows);
                        assert!(is == whole, "{} in bands of {rows} rows", kernel.name());
                    }
                }
            }
        }
    }
}

#[test]
fn other_networks_are_told_from_them() {
    let model = model(include_bytes!("../../../../models/base-f32.onnx"));
    let unfit = model.networks[0].integers.as_ref().expect_err("real numbers");
    assert_eq!(unfit.to_string(), "stage1/tail: expected bytes that are dequantised");
    assert_eq!(model.kernel(), "stock");
}
