//! Fused networks give what tract's own operators give, and other networks are told from them.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::super::inputs::Inputs;
use super::super::network::ResidualNet;
use super::super::stock::Stock;
use super::*;
use crate::executor::Sequential;
use crate::frame::Extent;
use crate::plan::network::{Model, Network};
use crate::restore::model;

/// The models that are released.
const MODELS: [&[u8]; 4] = [
    include_bytes!("../../../../../models/nano.onnx"),
    include_bytes!("../../../../../models/small.onnx"),
    include_bytes!("../../../../../models/base.onnx"),
    include_bytes!("../../../../../models/large.onnx"),
];

fn load(bytes: &[u8]) -> Model {
    model::load(bytes).expect("a model")
}

fn integers(network: &Network) -> &Integers {
    network.integers.as_ref().expect("a known network")
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
    let memory = Inputs::new(1);
    let net =
        ResidualNet::on(&engine, inputs.len(), [extent; 2], [rows, halo], &memory).expect("a plan");
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
    for model in MODELS.map(load) {
        for network in &model.networks {
            let integers = integers(network);
            for (width, height) in [(4, 4), (16, 8), (52, 36), (124, 64)] {
                let inputs = planes(network.planes, Extent::new(width, height));
                let stock = answer(
                    Arc::new(Stock::new(network, &[]).expect("a graph")),
                    &inputs,
                    height,
                    0,
                );
                let fused = Fused::new(integers, &[], KernelChoice::fastest()).expect("a kernel");
                let fused = answer(Arc::new(fused), &inputs, height, 0);
                check_close(&stock, &fused, integers.output.scale);
            }
        }
    }
}

/// The answers of the networks of a model to noise, as the first digits of their SHA-256.
fn fingerprint(model: &Model) -> String {
    let extent = Extent::new(52, 36);
    let noise = |plane: usize, x: usize, y: usize| {
        let place = ((plane * 36 + y) * 52 + x) as u64;
        let noise = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        noise as f32 / 65536.0 - 0.5
    };
    let mut hash = Sha256::new();
    for network in &model.networks {
        let fused = Fused::new(integers(network), &[], KernelChoice::fastest()).expect("a kernel");
        let planes = 0..network.planes;
        let inputs = planes.map(|plane| Plane::from_fn(extent, |x, y| noise(plane, x, y)));
        let f = answer(Arc::new(fused), &inputs.collect::<Vec<_>>(), 36, 0);
        f.samples().iter().for_each(|sample| hash.update(sample.to_le_bytes()));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn released_models_answer_as_ever() {
    let expected = ["6858463fb9f43db1", "b8f2f583f232af40", "a98eb5f02fe61ee1", "86bb7c5e7bb1a37b"];
    assert_eq!(MODELS.map(|bytes| fingerprint(&load(bytes))), expected);
}

#[test]
fn every_kernel_and_division_gives_the_same_bits() {
    for model in MODELS.map(load) {
        let halo = model.contract.halo;
        for network in &model.networks {
            let integers = integers(network);
            for (width, height) in [(4, 4), (24, 40), (52, 72)] {
                let inputs = planes(network.planes, Extent::new(width, height));
                let scalar = KernelChoice::named("scalar").expect("a kernel");
                let scalar = Fused::new(integers, &[], scalar).expect("a kernel");
                let whole = answer(Arc::new(scalar), &inputs, height, halo);
                for kernel in KernelChoice::all() {
                    let Some(fused) = Fused::new(integers, &[], kernel) else { continue };
                    let fused = Arc::new(fused);
                    for rows in [4, 16, height] {
                        let is = answer(fused.clone(), &inputs, rows, halo);
                        assert!(is == whole, "{} in bands of {rows} rows", kernel.name());
                    }
                }
            }
        }
    }
}

#[test]
fn planes_that_are_the_same_all_over_need_not_be_given() {
    const VALUE: f32 = 0.3;
    for model in MODELS.map(load) {
        let network = model.networks.last().expect("a network");
        let extent = Extent::new(52, 40);
        let mut inputs = planes(network.planes, extent);
        inputs[1] = Plane::new(extent, VALUE);
        let mut constants = vec![None; network.planes];
        constants[1] = Some(VALUE);
        let mut varying = inputs.clone();
        varying.remove(1);
        let engines = |constants: &[Option<f32>]| -> Vec<Arc<dyn Engine>> {
            let choices = KernelChoice::all();
            let fused =
                choices.filter_map(|choice| Fused::new(integers(network), constants, choice));
            let stock = Stock::new(network, constants).expect("a graph");
            let fused = fused.map(|fused| Arc::new(fused) as Arc<dyn Engine>);
            fused.chain([Arc::new(stock) as Arc<dyn Engine>]).collect()
        };
        let halo = model.contract.halo;
        for (given, told) in engines(&[]).into_iter().zip(engines(&constants)) {
            let (given, told) =
                (answer(given, &inputs, 16, halo), answer(told, &varying, 16, halo));
            assert!(given == told, "{} differs", model.contract.name);
        }
    }
}

#[test]
fn other_networks_are_told_from_them() {
    let model = load(include_bytes!("../../../../../models/base-f32.onnx"));
    let unfit = model.networks[0].integers.as_ref().expect_err("real numbers");
    assert_eq!(unfit.to_string(), "stage1/tail: expected bytes that are dequantised");
    assert_eq!(KernelChoice::fastest().names_for(&model), "stock");
}
