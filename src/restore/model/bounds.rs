//! Bounds on what a graph may ask for. The engine trusts its files: a stride of zero or weights
//! without samples would end the program, so they are refused here, by name.

use std::collections::HashSet;

use crate::restore::tract::pb::attribute_proto::AttributeType;
use crate::restore::tract::pb::tensor_proto::{DataLocation, DataType};
use crate::restore::tract::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

use super::error::ModelError;

/// Bytes of one constant, at most.
const MOST_BYTES: usize = 1 << 28;

/// Checks constants, attributes and the order of a network that stands alone in its graph.
pub(super) fn check(graph: &GraphProto) -> Result<(), ModelError> {
    graph.initializer.iter().try_for_each(|tensor| check_constant(&tensor.name, tensor))?;
    let mut known: HashSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    known.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    known.insert(""); // an optional input that is left out
    for node in &graph.node {
        check_node(node, &known)?;
        check_scale(graph, node)?;
        known.extend(node.output.iter().map(String::as_str));
    }
    Ok(())
}

fn check_node(node: &NodeProto, known: &HashSet<&str>) -> Result<(), ModelError> {
    let operator = &node.op_type;
    for input in &node.input {
        let expected =
            format!("a constant, an input or computed before the {operator} that uses it");
        check_that(known.contains(input.as_str()), input, "not known", &expected)?;
    }
    for output in &node.output {
        let is_new = output.is_empty() || !known.contains(output.as_str());
        check_that(is_new, output, "computed twice", "one computation")?;
    }
    node.attribute.iter().try_for_each(|attribute| check_attribute(operator, attribute))
}

/// Activations divided by a tiny scale leave the range of the integers they become.
fn check_scale(graph: &GraphProto, node: &NodeProto) -> Result<(), ModelError> {
    let named = node.input.get(1).filter(|_| node.op_type == "QuantizeLinear");
    let constants = graph.initializer.iter();
    for scale in constants.filter(|constant| Some(&constant.name) == named) {
        let raw = scale.raw_data.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok());
        let values = scale.float_data.iter().copied().chain(raw.map(f32::from_le_bytes));
        for value in values {
            let fits = (1e-6..=1e3).contains(&value);
            check_that(fits, &scale.name, &value.to_string(), "a scale from 1e-6 to 1e3")?;
        }
    }
    Ok(())
}

fn check_attribute(operator: &str, attribute: &AttributeProto) -> Result<(), ModelError> {
    let named = format!("{} of {operator}", attribute.name);
    let has_graph = attribute.g.is_some() || !attribute.graphs.is_empty();
    check_that(!has_graph, &named, "a graph", "a plain value")?;
    if let Some(tensor) = &attribute.t {
        check_constant(&named, tensor)?;
    }
    // In networks on planes, what goes by direction has two numbers, what goes by edge four.
    let (range, count) = match attribute.name.as_str() {
        "strides" | "dilations" | "kernel_shape" => (1..=1024, Some(2)),
        "pads" => (0..=1024, Some(4)),
        "output_padding" => (0..=1024, Some(2)),
        "blocksize" | "group" => (1..=1024, None),
        "axis" => (-8..=7, None),
        _ => return Ok(()),
    };
    let is_list = attribute.r#type == AttributeType::Ints as i32;
    let single = std::slice::from_ref(&attribute.i);
    let numbers = if is_list { &attribute.ints[..] } else { single };
    let has_count = if is_list { count == Some(numbers.len()) } else { count.is_none() };
    let fits = has_count && numbers.iter().all(|number| range.contains(number));
    let words = count.map_or("a number".to_owned(), |count| format!("{count} numbers"));
    let expected = format!("{words} from {} to {}", range.start(), range.end());
    check_that(fits, &named, &format!("{numbers:?}"), &expected)
}

/// A constant must have a known type, at least one sample, and as many as its shape says.
fn check_constant(name: &str, tensor: &TensorProto) -> Result<(), ModelError> {
    let size = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Uint8 | DataType::Int8 | DataType::Bool) => 1,
        Ok(DataType::Uint16 | DataType::Int16 | DataType::Float16) => 2,
        Ok(DataType::Float | DataType::Int32) => 4,
        Ok(DataType::Double | DataType::Int64) => 8,
        _ => {
            let is = format!("of element type {}", tensor.data_type);
            return check_that(false, name, &is, "floats, integers or truth values");
        }
    };
    let is_inside = tensor.data_location.unwrap_or(0) != DataLocation::External as i32;
    check_that(is_inside, name, "kept in another file", "all in one file")?;
    let mut sides = tensor.dims.iter().map(|&side| usize::try_from(side).ok().filter(|&n| n > 0));
    let count = sides.try_fold(1_usize, |count, side| count.checked_mul(side?));
    let bytes = count.and_then(|count| count.checked_mul(size));
    let bytes = bytes.filter(|&bytes| bytes <= MOST_BYTES && tensor.dims.len() <= 8);
    let held = if tensor.raw_data.is_empty() {
        let counts = [
            tensor.float_data.len(),
            tensor.int32_data.len(),
            tensor.int64_data.len(),
            tensor.double_data.len(),
        ];
        counts.into_iter().sum::<usize>().checked_mul(size)
    } else {
        Some(tensor.raw_data.len())
    };
    let is = format!("{held:?} bytes of shape {:?}", tensor.dims);
    let expected = format!("{size} bytes a sample, as many as the shape says");
    check_that(bytes.is_some() && bytes == held, name, &is, &expected)
}

fn check_that(holds: bool, what: &str, is: &str, expected: &str) -> Result<(), ModelError> {
    if holds {
        return Ok(());
    }
    let [tensor, is, expected] = [what, is, expected].map(str::to_owned);
    Err(ModelError::Tensor { tensor, is, expected })
}
