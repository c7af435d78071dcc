//! Which networks are computed in integers: those of the form that the fused path knows, by the integers of
//! their file. All others run on tract's operators.

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use crate::harness::{apply, trial};
use crate::model::{graph, load, runs};
use crate::onnx::{coarse_model, tiny_model, word};

/// The integers of a constant of bytes.
fn integers_of(model: &ModelProto, name: &str) -> Vec<i8> {
    let graph = model.graph.as_ref().expect("a graph");
    let constant = graph.initializer.iter().find(|constant| constant.name == name);
    constant.expect("a constant").raw_data.iter().map(|&byte| byte.cast_signed()).collect()
}

#[apply(trial)]
fn integers_are_those_of_the_file() {
    let proto = tiny_model(2, 5, 1, true);
    for network in load(&proto).expect("a model").networks {
        let prefix = format!("stage{}", network.index + 1);
        let integers = network.integers.expect("a known network");
        let weights = |name: &str| integers_of(&proto, &format!("{prefix}/{name}/weight/integers"));
        assert_eq!(integers.head.weights, weights("head"));
        assert_eq!(integers.tail.weights, weights("tail"));
        assert_eq!((integers.input.zero, integers.input.scale), (128, 1.0 / 64.0));
        assert_eq!(integers.layers.len(), 2, "layers");
        for (layer, number) in integers.layers.iter().zip(1..) {
            assert_eq!(layer.convolution.weights, weights(&format!("body{number}")));
            assert_eq!(layer.sum.map(|sum| sum.scale), Some(1.0 / 128.0));
        }
    }
}

#[apply(trial)]
fn other_networks_run_on_stock_operators() {
    check_stock("a weight of -128", |graph| constant(graph, "body1/weight/integers")[7] = 0x80);
    check_stock("a zero point of weights", |graph| constant(graph, "body1/weight/zeros")[0] = 1);
    check_stock("other steps of a bias", |graph| constant(graph, "body1/bias/scales")[2] ^= 0x40);
    check_stock("a greater bias", |graph| constant(graph, "body1/bias/integers")[3] = 0x60);
    check_stock("no bias", |graph| drop(node(graph, "body1").input.pop()));
    check_stock("a sum of another tensor", |graph| {
        let other = node(graph, "body1/sum").input[0].clone();
        node(graph, "body2/sum").input[0] = other;
    });
    check_stock("no ReLU", |graph| node(graph, "body1/relu").op_type = "Identity".to_owned());
}

#[apply(trial)]
fn other_coarse_branches_run_on_stock_operators() {
    check_coarse("another order", |graph| {
        node(graph, "coarse/shuffle").attribute[1] = word("mode", "DCR");
    });
    check_coarse("no ReLU above", |graph| {
        node(graph, "coarse/up/relu").op_type = "Identity".to_owned();
    });
    check_coarse("a way down from a sum", |graph| {
        // What goes up is added to the head; what goes down is not the same.
        let rounded = node(graph, "coarse/sum").input[0].clone();
        let doubled = NodeProto {
            input: vec![rounded.clone(), rounded],
            output: vec!["doubled".to_owned()],
            op_type: "Add".to_owned(),
            ..Default::default()
        };
        let down = graph.node.iter().position(|node| node.output[0] == "stage1/coarse/down");
        let down = down.expect("a way down");
        graph.node[down].input[0] = "doubled".to_owned();
        graph.node.insert(down, doubled);
    });
    check_coarse("a weight of -128", |graph| {
        constant(graph, "coarse/up/weight/integers")[7] = 0x80
    });
}

/// As [`check_stock`] of a network with a coarse branch.
#[track_caller]
fn check_coarse(what: &str, change: impl Fn(&mut GraphProto)) {
    check_changed(what, coarse_model(1, 1, 1, true), change);
}

/// Checks that a quantised network that was changed runs, and that its integers are not taken for
/// those of a known one.
#[track_caller]
fn check_stock(what: &str, change: impl Fn(&mut GraphProto)) {
    check_changed(what, tiny_model(1, 4, 1, true), change);
}

#[track_caller]
fn check_changed(what: &str, mut model: ModelProto, change: impl Fn(&mut GraphProto)) {
    change(graph(&mut model));
    let model = load(&model).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(model.networks[0].integers.is_err(), "{what} goes unnoticed");
    assert!(runs(&model), "{what}");
}

fn constant<'a>(graph: &'a mut GraphProto, name: &str) -> &'a mut Vec<u8> {
    let name = format!("stage1/{name}");
    let constant = graph.initializer.iter_mut().find(|constant| constant.name == name);
    &mut constant.expect("a constant").raw_data
}

fn node<'a>(graph: &'a mut GraphProto, name: &str) -> &'a mut NodeProto {
    let name = format!("stage1/{name}");
    graph.node.iter_mut().find(|node| node.output[0] == name).expect("a node")
}
