//! The graph of an ONNX file: parsing it, and cutting out the sub-graph of one network.

use std::collections::HashSet;

use super::bounds;
use super::error::ModelError;
use crate::frame::Extent;
use crate::plan::network::Contract;
use crate::restore::tract::pb::tensor_shape_proto::dimension::Value as Dimension;
use crate::restore::tract::pb::{GraphProto, ModelProto, ValueInfoProto, type_proto};
use crate::restore::tract::{self, TypedModel};

/// The element type of 32-bit floating-point tensors in ONNX.
const FLOAT: i32 = 1;

/// Reads the bytes of an ONNX file.
pub(in crate::restore) fn parse(bytes: &[u8]) -> Result<ModelProto, ModelError> {
    let not_onnx = |error: &dyn std::fmt::Display| ModelError::NotOnnx(error.to_string());
    let proto = tract::parse(bytes).map_err(|error| not_onnx(&format!("{error:#}")))?;
    match &proto.graph {
        Some(graph) if !graph.node.is_empty() => Ok(proto),
        _ => Err(not_onnx(&"it holds no graph")),
    }
}

/// The model with nothing left but the network `stage` of it.
pub(super) fn cut(
    proto: &ModelProto,
    contract: &Contract,
    stage: usize,
) -> Result<ModelProto, ModelError> {
    let graph =
        proto.graph.as_ref().ok_or_else(|| ModelError::NotOnnx("it holds no graph".to_owned()))?;
    let (input, output) = (input_name(stage), output_name(stage));
    let planes = planes(contract, stage);
    let z = find(&graph.input, &input, &format!("[1, {planes}, H, W] of f32"))?;
    check_tensor(z, planes)?;
    let f = find(&graph.output, &output, "[1, 1, H, W] of f32")?;
    check_tensor(f, 1)?;
    let needed = needed_for(graph, &output);
    if !needed.contains(input.as_str()) {
        let expected =
            format!("computed from {input} (stage {} of {})", stage + 1, contract.stages);
        return Err(ModelError::Tensor { tensor: output, is: "not".to_owned(), expected });
    }
    let cut = GraphProto {
        node: graph
            .node
            .iter()
            .filter(|n| n.output.iter().any(|o| needed.contains(o.as_str())))
            .cloned()
            .collect(),
        initializer: graph
            .initializer
            .iter()
            .filter(|i| needed.contains(i.name.as_str()))
            .cloned()
            .collect(),
        input: vec![z.clone()],
        output: vec![f.clone()],
        name: graph.name.clone(),
        ..GraphProto::default()
    };
    bounds::check(&cut)?;
    Ok(ModelProto {
        ir_version: proto.ir_version,
        opset_import: proto.opset_import.clone(),
        graph: Some(cut),
        ..ModelProto::default()
    })
}

/// Network `stage`, on so many planes of one extent, as it is written.
///
/// # Errors
/// Where it cannot be run, or gives planes of another extent.
pub(in crate::restore) fn typed(
    proto: &ModelProto,
    (stage, planes): (usize, usize),
    extent: Extent,
) -> Result<TypedModel, ModelError> {
    let typed = tract::typed(proto, planes, extent)?;
    let given = typed.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec);
    let expected = vec![1, 1, extent.height, extent.width];
    if given.as_ref() == Some(&expected) {
        return Ok(typed);
    }
    Err(ModelError::OutputShape { output: output_name(stage), is: format!("{given:?}"), expected })
}

/// Name of the input of network `stage`, counted from 0.
fn input_name(stage: usize) -> String {
    numbered("z", stage)
}

/// Name of the output of network `stage`, counted from 0.
fn output_name(stage: usize) -> String {
    numbered("f", stage)
}

/// Number of planes network `stage` sees: the later ones see the estimate so far, too.
pub(super) fn planes(contract: &Contract, stage: usize) -> usize {
    contract.inputs.len() + usize::from(stage > 0)
}

fn numbered(name: &str, stage: usize) -> String {
    if stage == 0 { name.to_owned() } else { format!("{name}{}", stage + 1) }
}

fn find<'a>(
    values: &'a [ValueInfoProto],
    name: &str,
    expected: &str,
) -> Result<&'a ValueInfoProto, ModelError> {
    values.iter().find(|value| value.name == name).ok_or_else(|| ModelError::Tensor {
        tensor: name.to_owned(),
        is: "missing".to_owned(),
        expected: expected.to_owned(),
    })
}

fn check_tensor(value: &ValueInfoProto, planes: usize) -> Result<(), ModelError> {
    let type_proto::Value::TensorType(tensor) = value
        .r#type
        .as_ref()
        .and_then(|kind| kind.value.as_ref())
        .ok_or_else(|| wrong(value, planes, "untyped"))?;
    let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
    let fixed = |index: usize| match dims.get(index).and_then(|dim| dim.value.as_ref()) {
        Some(Dimension::DimValue(value)) => usize::try_from(*value).ok(),
        _ => None,
    };
    let is_free = |index: usize| fixed(index).is_none();
    let fits = dims.len() == 4 && fixed(0).is_none_or(|n| n == 1) && fixed(1) == Some(planes);
    if fits && is_free(2) && is_free(3) && tensor.elem_type == FLOAT {
        return Ok(());
    }
    let shown = |index: usize| fixed(index).map_or("free".to_owned(), |n| n.to_string());
    let shape = (0..dims.len()).map(shown).collect::<Vec<_>>().join(", ");
    Err(wrong(value, planes, &format!("[{shape}] of element type {}", tensor.elem_type)))
}

fn wrong(value: &ValueInfoProto, planes: usize, is: &str) -> ModelError {
    let expected = format!("[1, {planes}, H, W] of f32 (element type {FLOAT}), H and W free");
    ModelError::Tensor { tensor: value.name.clone(), is: is.to_owned(), expected }
}

/// Names of all tensors that `output` is computed from, itself included.
fn needed_for<'a>(graph: &'a GraphProto, output: &'a str) -> HashSet<&'a str> {
    let mut needed = HashSet::from([output]);
    // Nodes stand in the order they are computed in, so one walk from the end finds all.
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| needed.contains(name.as_str())) {
            needed.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}
