//! Models that were changed at random and sealed again, as whoever wants to may: each is loaded or
//! refused, and none ends the program.

use deblurd::restore::model;
use prost::Message;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

use crate::harness::{apply, trial};
use crate::onnx::{UNSEALED, int, ints, sealed, set_metadata, tiny_model, word};
use crate::support::root;

/// Numbers at the ends of what may be.
const NUMBERS: [i64; 12] = [0, 1, 2, 3, 5, 7, 16, 1024, -1, i64::MAX, i64::MIN, 1 << 32];

fn pick<T: Clone>(random: &mut Pcg64, of: &[T]) -> T {
    of[random.random_range(0..of.len())].clone()
}

/// An attribute of a known name, whose value may be anything.
fn attribute(random: &mut Pcg64) -> AttributeProto {
    let names =
        ["strides", "dilations", "kernel_shape", "pads", "blocksize", "group", "axis", "to"];
    let name = pick(random, &names);
    match random.random_range(0..4) {
        0 => int(name, pick(random, &NUMBERS)),
        1 => word("mode", pick(random, &["CRD", "DCR", "evil"])),
        2 => word("auto_pad", pick(random, &["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])),
        _ => {
            let count = random.random_range(0..6);
            ints(name, &(0..count).map(|_| pick(random, &NUMBERS)).collect::<Vec<_>>())
        }
    }
}

fn change_node(random: &mut Pcg64, node: &mut NodeProto, names: &[String]) {
    match random.random_range(0..7) {
        0 => node.op_type = pick(random, model::OPERATORS).to_owned(),
        1 => node.attribute.push(attribute(random)),
        2 => node.attribute.clear(),
        3 => {
            let place = random.random_range(0..=node.input.len());
            node.input.insert(place, pick(random, names));
        }
        4 => drop(node.input.pop()),
        5 => {
            if let Some(input) = node.input.first_mut() {
                *input = pick(random, names);
            }
        }
        _ => {
            let value = attribute(random);
            node.attribute.retain(|other| other.name != value.name);
            node.attribute.push(value);
        }
    }
}

fn change_constant(random: &mut Pcg64, constant: &mut TensorProto) {
    match random.random_range(0..5) {
        0 => constant.dims.push(pick(random, &[1, 1, 2, 0, -1, i64::MAX])),
        1 => drop(constant.dims.pop()),
        2 => constant.dims.reverse(),
        3 => constant.data_type = random.random_range(0..24),
        _ => {
            let value = pick(random, &[f32::NAN, f32::INFINITY, 0.0, -1.0, 1e-30, 1e30, 1.0]);
            let count = constant.raw_data.len() / 4;
            constant.raw_data.truncate(4 * count);
            if count > 0 {
                let at = 4 * random.random_range(0..count);
                constant.raw_data[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
}

/// Changes something of a graph.
fn change(random: &mut Pcg64, graph: &mut GraphProto) {
    let outputs = graph.node.iter().flat_map(|node| node.output.iter());
    let constants = graph.initializer.iter().map(|constant| &constant.name);
    let names: Vec<String> = outputs.chain(constants).cloned().collect();
    let place = random.random_range(0..graph.node.len());
    match random.random_range(0..8) {
        0..4 => change_node(random, &mut graph.node[place], &names),
        4 | 5 => {
            let place = random.random_range(0..graph.initializer.len());
            change_constant(random, &mut graph.initializer[place]);
        }
        6 => {
            let other = random.random_range(0..graph.node.len());
            graph.node.swap(place, other);
        }
        _ if graph.node.len() > 2 => drop(graph.node.remove(place)),
        _ => {}
    }
}

/// Loads so many mutants of a model; a panic is one of this test.
#[track_caller]
fn check_mutants(original: &ModelProto, seed: u64, count: usize) {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut loaded = 0;
    for _ in 0..count {
        let mut mutant = original.clone();
        set_metadata(&mut mutant, "deblurd.seal", UNSEALED);
        for _ in 0..random.random_range(1..4) {
            change(&mut random, mutant.graph.as_mut().expect("a graph"));
        }
        match model::load(&sealed(&mutant)) {
            Ok(_) => loaded += 1,
            Err(error) => assert!(error.to_string().len() > 10, "{error}"),
        }
    }
    assert!(loaded < count, "every mutant is a model");
}

#[apply(trial)]
fn no_mutant_ends_the_loader() {
    check_mutants(&tiny_model(1, 2, 1, true), 1, 300);
    check_mutants(&tiny_model(2, 4, 1, false), 2, 300);
    let released = std::fs::read(root().join("models/nano.onnx")).expect("a model");
    check_mutants(&ModelProto::decode(released.as_slice()).expect("ONNX"), 3, 100);
}
