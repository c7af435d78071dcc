//! Model files, good and bad: what meets the contract runs, what does not is refused with a
//! message that names it, and no bytes whatever make the program panic.

use deblurd::executor::Sequential;
use deblurd::frame::{Extent, Plane};
use deblurd::plan::network::{Input, Model};
use deblurd::restore::cpu::residual::{Inputs, KernelChoice, ResidualNet, band_rows};
use deblurd::restore::model::{self, ModelError};
use prost::Message;
use rand::{RngExt, SeedableRng};
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Side;
use tract_onnx::pb::{ModelProto, TensorProto, TypeProto, ValueInfoProto, type_proto};

use crate::harness::{apply, trial};
use crate::onnx::{Element, coarse_model, int, ints, sealed, set_metadata, tiny_model};

#[apply(trial)]
fn good_models_run() {
    for stages in 1..=3 {
        for quantised in [false, true] {
            let model = load(&tiny_model(stages, 4, 1, quantised)).expect("a good model");
            assert_eq!(model.networks.len(), stages, "networks");
            assert_eq!(model.contract.halo, 10, "the halo");
            for (stage, network) in model.networks.iter().enumerate() {
                let summary = &network.summary;
                assert_eq!(summary.reach, Some(9), "reach of network {stage}");
                let int8 = summary.operations.iter().any(|operation| operation.is_int8);
                assert_eq!(int8, quantised, "network {stage} has int8 weights");
            }
            assert!(runs(&model), "its networks do not run");
        }
    }
}

#[apply(trial)]
fn coarse_branches_run() {
    for (coarse, quantised) in [(0, true), (3, true), (2, false)] {
        let model = load(&coarse_model(2, coarse, 1, quantised)).expect("a good model");
        let inputs = [Input::Estimate, Input::Sigma, Input::Weak, Input::Blurred, Input::Trust];
        assert_eq!(model.contract.inputs, inputs, "what the networks see");
        for network in &model.networks {
            let summary = &network.summary;
            // Head, tail and shuffle, a layer; down and up, and the layers between.
            let reach = 3 + 2 * 2 + 2 + 4 * coarse;
            assert_eq!((summary.reach, summary.step), (Some(reach), 4), "what it sees");
            let planes = 5 + network.index;
            let half = 36 * planes * 6 + 9 * 36 + 9 * 6 * 4;
            let quarter = 4 * 36 + 9 * 36 * coarse + 4 * 36;
            let macs = half as f64 / 4.0 + quarter as f64 / 16.0;
            assert!((summary.macs_per_pixel() - macs).abs() < 1e-9, "{macs} multiply-accumulates");
            let integers = network.integers.as_ref();
            let layers = integers.ok().and_then(|all| Some(all.coarse.as_ref()?.layers.len()));
            assert_eq!(layers, quantised.then_some(coarse), "layers of the branch");
        }
        assert!(runs(&model), "its networks do not run");
    }
}

#[apply(trial)]
fn files_of_the_contract_before_are_told_how_to_become_new() {
    let mut model = tiny_model(1, 2, 1, false);
    set_metadata(&mut model, "deblurd.contract", "2");
    let command = "python3 models/training/convert.py OLD.onnx NEW.onnx";
    check_refused(&model, &["contract 2", "expected contract 3", command, "retrain.py"]);
}

#[apply(trial)]
fn missing_metadata_is_named() {
    let keys: Vec<String> =
        tiny_model(1, 2, 1, false).metadata_props.into_iter().map(|entry| entry.key).collect();
    for key in keys {
        let mut model = tiny_model(1, 2, 1, false);
        model.metadata_props.retain(|entry| entry.key != key);
        check_refused(&model, &[&key, "expected"]);
    }
}

#[apply(trial)]
fn invalid_metadata_is_named() {
    for (key, value, expected) in [
        ("deblurd.contract", "1", "expected 3"),
        ("deblurd.contract", "three", "expected 3"),
        ("deblurd.inputs", "", "expected estimate and others"),
        ("deblurd.inputs", "blurred weak", "expected estimate and others"),
        ("deblurd.inputs", "estimate noise", "expected estimate and others"),
        ("deblurd.inputs", "estimate weak estimate", "each once"),
        ("deblurd.stages", "0", "from 1 to 8"),
        ("deblurd.stages", "9", "from 1 to 8"),
        ("deblurd.stages", "-1", "from 1 to 8"),
        ("deblurd.consistency", "", "for each stage"),
        ("deblurd.consistency", "1 1", "for each stage"),
        ("deblurd.consistency", "0", "from 0.001 to 1e6"),
        ("deblurd.consistency", "-1", "from 0.001 to 1e6"),
        ("deblurd.consistency", "NaN", "from 0.001 to 1e6"),
        ("deblurd.consistency", "1e7", "from 0.001 to 1e6"),
        ("deblurd.alignment", "0", "from 1 to 256"),
        ("deblurd.alignment", "1000000", "from 1 to 256"),
        ("deblurd.alignment", "99999999999999999999", "from 1 to 256"),
        ("deblurd.halo", "11", "multiple of the alignment"),
        ("deblurd.halo", "4098", "at most 4096"),
        ("deblurd.halo", "", "multiple of the alignment"),
        ("deblurd.sigma_min", "-1", "gray levels from 0"),
        ("deblurd.sigma_min", "NaN", "gray levels from 0"),
        ("deblurd.sigma_max", "x", "gray levels"),
        ("deblurd.sigma_max", "NaN", "gray levels"),
        ("deblurd.regulariser", "flat", "spectral or flat:EPS"),
        ("deblurd.seal", "1234", "64 hexadecimal digits"),
        ("deblurd.seal", "", "64 hexadecimal digits"),
    ] {
        let mut model = tiny_model(1, 2, 1, false);
        set_metadata(&mut model, key, value);
        check_refused(&model, &[key, &format!("'{value}'"), expected]);
    }
    let mut model = tiny_model(1, 2, 1, false);
    set_metadata(&mut model, "deblurd.sigma_min", "20");
    check_refused(&model, &["deblurd.sigma_max", "'12.75'", "deblurd.sigma_min"]);
}

#[apply(trial)]
fn wrong_tensors_are_named() {
    check_changed_input(|input| input.name = "x".to_owned(), &["z is missing", "[1, 2, H, W]"]);
    check_changed_input(|input| input.r#type = None, &["z is untyped", "[1, 2, H, W]"]);
    check_changed_input(|input| *side(input, 1) = Side::DimValue(3), &["z is [1, 3, free, free]"]);
    check_changed_input(|input| *side(input, 0) = Side::DimValue(2), &["z is [2, 2, free, free]"]);
    check_changed_input(|input| *side(input, 2) = Side::DimValue(64), &["z is [1, 2, 64, free]"]);
    check_changed_input(|input| *side(input, 3) = Side::DimValue(64), &["z is [1, 2, free, 64]"]);
    for kind in [f64::TYPE, i32::TYPE, u8::TYPE, 99] {
        let is = format!("element type {kind}");
        check_changed_input(|input| tensor(input).elem_type = kind, &[&is, "f32"]);
    }
    check_changed_input(|input| tensor(input).shape = None, &["z is []", "[1, 2, H, W]"]);
    let mut model = tiny_model(2, 2, 1, false);
    graph(&mut model).output[1].name = "g".to_owned();
    check_refused(&model, &["f2 is missing", "[1, 1, H, W]"]);
    let mut model = tiny_model(2, 2, 1, false);
    graph(&mut model).input.swap_remove(0);
    check_refused(&model, &["z is missing"]);
    let mut model = tiny_model(1, 2, 1, false);
    set_metadata(&mut model, "deblurd.stages", "2");
    set_metadata(&mut model, "deblurd.consistency", "1.5 1.5");
    check_refused(&model, &["z2 is missing", "[1, 3, H, W]"]);
    let mut model = tiny_model(2, 2, 1, false);
    let inputs = graph(&mut model).node.iter_mut().flat_map(|node| &mut node.input);
    inputs.filter(|input| *input == "z2").for_each(|input| *input = "z".to_owned());
    check_refused(&model, &["f2 is not", "computed from z2 (stage 2 of 2)"]);
}

#[track_caller]
fn check_changed_input(change: impl Fn(&mut ValueInfoProto), expected: &[&str]) {
    let mut model = tiny_model(1, 2, 1, false);
    change(&mut graph(&mut model).input[0]);
    check_refused(&model, expected);
}

#[apply(trial)]
fn wrong_shapes_are_named() {
    // Without the shuffle: four planes of half size.
    let mut model = tiny_model(1, 2, 1, false);
    let nodes = &mut graph(&mut model).node;
    nodes.pop();
    if let Some(last) = nodes.last_mut() {
        last.output = vec!["f".to_owned()];
    }
    check_refused(&model, &["f has shape", "[1, 4, 8, 8]", "[1, 1, 16, 16]"]);
    // A network that makes its picture larger.
    let mut model = tiny_model(1, 2, 1, false);
    set_metadata(&mut model, "deblurd.halo", "100");
    graph(&mut model).node[0].attribute[2] = ints("pads", &[4, 4, 4, 4]);
    check_refused(&model, &["f has shape", "[1, 1, 16, 16]"]);
    // One that needs frames of a multiple of 4.
    let mut model = tiny_model(1, 2, 1, false);
    set_metadata(&mut model, "deblurd.halo", "100");
    graph(&mut model).node[0].attribute[1] = ints("strides", &[4, 4]);
    check_refused(&model, &["f has shape"]);
}

#[apply(trial)]
fn a_halo_too_small_is_refused() {
    for halo in ["0", "8"] {
        let mut model = tiny_model(1, 2, 1, false);
        set_metadata(&mut model, "deblurd.halo", halo);
        check_refused(&model, &[&format!("halo is {halo}"), "9 samples around", "expected"]);
    }
}

#[apply(trial)]
fn an_alignment_too_small_is_refused() {
    let mut model = coarse_model(1, 1, 1, true);
    set_metadata(&mut model, "deblurd.alignment", "2");
    check_refused(&model, &["alignment is 2", "blocks of 4 samples", "expected a multiple"]);
}

#[apply(trial)]
fn unknown_operators_are_named() {
    for operator in ["Dblurr", "NonMaxSuppression", "LSTM", "If"] {
        let mut model = tiny_model(1, 2, 1, false);
        graph(&mut model).node[1].op_type = operator.to_owned();
        check_refused(&model, &[operator]);
    }
}

#[apply(trial)]
fn what_is_not_onnx_is_refused() {
    let mut random = rand_pcg::Pcg64::seed_from_u64(1);
    let noise: Vec<u8> = (0..5000).map(|_| random.random_range(0..=255)).collect();
    for bytes in [&b""[..], b"0 1 2\n", b"\x89PNG\r\n\x1a\n", &[0; 64], &[0xff; 64], &noise] {
        let error = model::load(bytes).expect_err("not a model");
        assert!(matches!(error, ModelError::NotOnnx(_)), "{error}");
    }
}

#[apply(trial)]
fn a_part_of_a_file_is_refused() {
    let bytes = sealed(&tiny_model(1, 2, 1, true));
    for length in (0..bytes.len()).step_by(7).chain(bytes.len() - 40..bytes.len()) {
        let error = model::load(&bytes[..length]);
        assert!(error.is_err(), "the first {length} of {} bytes were accepted", bytes.len());
    }
}

#[apply(trial)]
fn a_flipped_bit_is_noticed() {
    let bytes = sealed(&tiny_model(1, 2, 1, true));
    model::load(&bytes).expect("a model");
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            let error = model::load(&damaged);
            assert!(error.is_err(), "bit {bit} of byte {place} was flipped unnoticed");
        }
    }
}

#[apply(trial)]
fn without_a_seal_nothing_is_run() {
    let unsealed = tiny_model(1, 2, 1, true).encode_to_vec();
    let error = model::load(&unsealed).err().map(|error| error.to_string());
    assert!(error.as_deref().is_some_and(|error| error.contains("seal is 0000")), "{error:?}");
    let mut model = tiny_model(1, 2, 1, true);
    set_metadata(&mut model, "deblurd.seal", "none");
    check_refused(&model, &["deblurd.seal' is 'none'", "expected 64 hexadecimal digits"]);
}

#[apply(trial)]
fn hostile_graphs_are_refused() {
    for (name, values) in [
        ("strides", [0, 0]),
        ("strides", [-1, 1]),
        ("strides", [i64::MAX, 1]),
        ("kernel_shape", [0, 0]),
        ("kernel_shape", [1 << 40, 1 << 40]),
        ("dilations", [0, 1]),
        ("dilations", [i64::MAX, i64::MAX]),
        ("pads", [-9, -9]),
        ("pads", [i64::MAX, 1]),
    ] {
        let attribute = if name == "pads" {
            ints(name, &[values, values].concat())
        } else {
            ints(name, &values)
        };
        check_hostile_attribute(0, attribute, &[name]);
    }
    check_hostile_attribute(0, int("group", 0), &["group"]);
    check_hostile_attribute(0, int("group", i64::MAX), &["group"]);
    let last = 9;
    for blocksize in [0, -2, i64::MAX] {
        check_hostile_attribute(last, int("blocksize", blocksize), &["blocksize"]);
    }
    check_hostile_weights(|weights| weights.dims[0] = 0, &["stage1/head/weight"]);
    check_hostile_weights(|weights| weights.dims[0] = -4, &["stage1/head/weight"]);
    check_hostile_weights(|weights| weights.dims = vec![1 << 32; 4], &["stage1/head/weight"]);
    check_hostile_weights(|weights| weights.raw_data.truncate(5), &["stage1/head/weight"]);
    check_hostile_weights(|weights| weights.raw_data.clear(), &["stage1/head/weight"]);
    for weight in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let told = weight.to_string();
        let spoil = |weights: &mut TensorProto| {
            weights.raw_data[8..12].copy_from_slice(&weight.to_le_bytes())
        };
        check_hostile_weights(spoil, &["stage1/head/weight[2]", &told, "a finite number"]);
    }
    check_hostile_weights(|weights| weights.data_type = 8, &["stage1/head/weight"]);
    check_hostile_weights(|weights| weights.data_type = 77, &["stage1/head/weight"]);
    check_hostile_weights(|weights| weights.data_location = Some(1), &["stage1/head/weight"]);
    let mut model = tiny_model(1, 2, 1, false);
    let nodes = &mut graph(&mut model).node;
    nodes[0].input[0] = "f".to_owned();
    check_refused(&model, &["f"]);
    for scale in [0.0, 1e-30, -1.0, f32::NAN, f32::INFINITY] {
        check_hostile_scale(scale);
    }
}

#[apply(trial)]
fn what_is_said_twice_is_refused() {
    let mut model = tiny_model(1, 2, 1, false);
    let again = graph(&mut model).initializer[0].clone();
    graph(&mut model).initializer.push(again);
    check_refused(&model, &["stage1/head/weight", "given twice"]);
    let mut model = tiny_model(1, 2, 1, false);
    let last = graph(&mut model).node.last_mut().expect("a shuffle");
    last.attribute.push(int("blocksize", 2));
    check_refused(&model, &["blocksize of DepthToSpace", "given twice"]);
    // A number that is a list as well: whoever reads the other one divides by zero.
    let mut model = tiny_model(1, 2, 1, false);
    let last = graph(&mut model).node.last_mut().expect("a shuffle");
    last.attribute[0].ints = vec![0];
    check_refused(&model, &["blocksize of DepthToSpace", "Int alone"]);
}

/// Sets the scale of the first quantisation of a tiny model.
#[track_caller]
fn check_hostile_scale(scale: f32) {
    let mut model = tiny_model(1, 2, 1, true);
    let graph = graph(&mut model);
    let first = graph.node.iter().find(|node| node.op_type == "QuantizeLinear");
    let name = first.expect("a quantisation").input[1].clone();
    let constant = graph.initializer.iter_mut().find(|constant| constant.name == name);
    constant.expect("its scale").raw_data = scale.to_le_bytes().to_vec();
    let expected = if scale.is_finite() { "a scale from 1e-6 to 1e3" } else { "a finite number" };
    check_refused(&model, &[&name, &scale.to_string(), expected]);
}

/// Sets an attribute of a node of a tiny model.
#[track_caller]
fn check_hostile_attribute(
    node: usize,
    attribute: tract_onnx::pb::AttributeProto,
    expected: &[&str],
) {
    let mut model = tiny_model(1, 2, 1, false);
    let node = &mut graph(&mut model).node[node];
    node.attribute.retain(|other| other.name != attribute.name);
    node.attribute.push(attribute);
    check_refused(&model, expected);
}

#[track_caller]
fn check_hostile_weights(change: impl Fn(&mut TensorProto), expected: &[&str]) {
    let mut model = tiny_model(1, 2, 1, false);
    change(&mut graph(&mut model).initializer[0]);
    check_refused(&model, expected);
}

/// The error must name every one of `expected`.
#[track_caller]
fn check_refused(model: &ModelProto, expected: &[&str]) {
    let error = load(model).map(drop).expect_err("a bad model was accepted").to_string();
    for expected in expected {
        assert!(error.contains(expected), "no '{expected}' in: {error}");
    }
}

pub(crate) fn load(model: &ModelProto) -> Result<Model, ModelError> {
    model::load(&sealed(model))
}

/// Whether all networks give an answer.
pub(crate) fn runs(model: &Model) -> bool {
    let extent = Extent::new(5, 7);
    let plane = Plane::new(extent, 0.25);
    (0..model.networks.len()).all(|stage| {
        let (kernel, rows) = (KernelChoice::fastest(), band_rows(extent.height, 1));
        let inputs = Inputs::new(1);
        let Ok(net) = ResidualNet::plan(model, stage, kernel, (extent, rows), &[], &inputs) else {
            return false;
        };
        let inputs = vec![&plane; net.planes()];
        net.run(&inputs, &mut Plane::new(extent, 0.0), &Sequential).is_ok()
    })
}

pub(crate) fn graph(model: &mut ModelProto) -> &mut tract_onnx::pb::GraphProto {
    model.graph.as_mut().expect("a graph")
}

fn tensor(value: &mut ValueInfoProto) -> &mut type_proto::Tensor {
    match &mut value.r#type {
        Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), .. }) => tensor,
        _ => panic!("{} is no tensor", value.name),
    }
}

fn side(value: &mut ValueInfoProto, index: usize) -> &mut Side {
    let shape = tensor(value).shape.as_mut().expect("a shape");
    shape.dim[index].value.as_mut().expect("a side")
}
