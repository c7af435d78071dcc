//! What a network is made of and what it costs, read off its graph.

use std::collections::HashMap;

use super::constants::number;
use crate::plan::network::{NetworkSummary, Operation};
use crate::restore::tract::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

/// Where the samples of a tensor lie in the frame.
#[derive(Debug, Clone, Copy)]
struct Sight {
    /// Frame samples from one sample to the next.
    step: usize,
    /// Frame samples seen before and after.
    before: usize,
    after: usize,
}

/// Reads a network that stands alone in its graph.
pub(super) fn summarise(stage: &ModelProto) -> NetworkSummary {
    let Some(graph) = &stage.graph else {
        return NetworkSummary { operations: Vec::new(), reach: None, step: 1 };
    };
    let start = Sight { step: 1, before: 0, after: 0 };
    let mut sights: HashMap<&str, Sight> =
        graph.input.iter().map(|i| (i.name.as_str(), start)).collect();
    let (mut operations, mut is_known) = (Vec::new(), true);
    for node in &graph.node {
        let seen =
            node.input.iter().filter_map(|name| sights.get(name.as_str()).copied()).reduce(widest);
        let Some(seen) = seen else { continue };
        let Some(sight) = after_node(graph, node, seen) else {
            is_known = false;
            continue;
        };
        sights.extend(node.output.iter().map(|name| (name.as_str(), sight)));
        if !matches!(node.op_type.as_str(), "QuantizeLinear" | "DequantizeLinear") {
            operations.push(operation(graph, node, sight.step));
        }
    }
    let last = graph.output.first().and_then(|output| sights.get(output.name.as_str()));
    let reach = last.filter(|_| is_known).map(|sight| sight.before.max(sight.after));
    let step = sights.values().map(|sight| sight.step).max().unwrap_or(1);
    NetworkSummary { operations, reach, step }
}

fn widest(a: Sight, b: Sight) -> Sight {
    Sight { step: a.step.max(b.step), before: a.before.max(b.before), after: a.after.max(b.after) }
}

/// What a node's output sees, given what its input sees.
fn after_node(graph: &GraphProto, node: &NodeProto, seen: Sight) -> Option<Sight> {
    match node.op_type.as_str() {
        "Conv" => {
            let side = *weights(graph, node)?.0.get(2)?;
            let padding = number(node, "pads", 0)?;
            let reach = (side - 1) * number(node, "dilations", 1)?;
            Some(Sight {
                step: seen.step.saturating_mul(number(node, "strides", 1)?),
                before: seen.before.saturating_add(padding.min(reach).saturating_mul(seen.step)),
                after: (reach.saturating_sub(padding).saturating_mul(seen.step))
                    .saturating_add(seen.after),
            })
        }
        "DepthToSpace" => {
            let step = (seen.step / number(node, "blocksize", 1)?.max(1)).max(1);
            // The last sample of a block lies this much further from what the block saw.
            Some(Sight { step, before: seen.before.saturating_add(seen.step - step), ..seen })
        }
        "Relu" | "Clip" | "LeakyRelu" | "PRelu" | "Add" | "Sub" | "Mul" | "Concat"
        | "QuantizeLinear" | "DequantizeLinear" | "Cast" | "Identity" => Some(seen),
        _ => None,
    }
}

fn operation(graph: &GraphProto, node: &NodeProto, step: usize) -> Operation {
    let (weights, is_int8) = weights(graph, node).unwrap_or_default();
    let count: usize = weights.iter().product();
    let has_weights = !weights.is_empty();
    let bias = node
        .input
        .get(2)
        .and_then(|name| initializer(graph, name))
        .map_or(0, |bias| dims(bias).iter().product());
    Operation {
        name: if node.name.is_empty() { node.output.join(" ") } else { node.name.clone() },
        operator: node.op_type.clone(),
        parameters: if has_weights { count + bias } else { 0 },
        macs_per_pixel: if has_weights { count as f64 / (step as f64).powi(2) } else { 0.0 },
        weights,
        is_int8,
    }
}

/// Shape of a convolution's weights and whether they are 8-bit integers.
fn weights(graph: &GraphProto, node: &NodeProto) -> Option<(Vec<usize>, bool)> {
    const INT8: i32 = 3;
    if node.op_type != "Conv" {
        return None;
    }
    let tensor = initializer(graph, node.input.get(1)?)?;
    Some((dims(tensor), tensor.data_type == INT8))
}

/// The constant of that name, looked up through a dequantisation.
fn initializer<'a>(graph: &'a GraphProto, name: &str) -> Option<&'a TensorProto> {
    let dequantised = graph
        .node
        .iter()
        .find(|node| node.op_type == "DequantizeLinear" && node.output.iter().any(|o| o == name));
    let name = dequantised.and_then(|node| node.input.first()).map_or(name, String::as_str);
    graph.initializer.iter().find(|tensor| tensor.name == name)
}

fn dims(tensor: &TensorProto) -> Vec<usize> {
    tensor.dims.iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect()
}
