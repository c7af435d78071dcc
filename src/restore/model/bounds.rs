//! Bounds on what a graph may ask for. The engine trusts its files: a stride of zero or weights
//! without samples would end the program, so they are refused here, by name.

use std::collections::HashSet;

use crate::restore::tract::pb::attribute_proto::AttributeType;
use crate::restore::tract::pb::tensor_proto::{DataLocation, DataType};
use crate::restore::tract::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

use super::constants::floats;
use super::error::{ModelError, shown};

/// Bytes of one constant, at most.
const MOST_BYTES: usize = 1 << 28;

/// The operators that networks are made of. Of all others it is not known what the engine does with
/// what a hostile file asks of them.
pub const OPERATORS: &[&str] = &[
    "Add",
    "Cast",
    "Clip",
    "Concat",
    "Conv",
    "DepthToSpace",
    "DequantizeLinear",
    "Identity",
    "LeakyRelu",
    "Mul",
    "PRelu",
    "QuantizeLinear",
    "Relu",
    "Sub",
];

/// Checks constants, attributes and the order of a network that stands alone in its graph.
pub(super) fn check(graph: &GraphProto) -> Result<(), ModelError> {
    graph.initializer.iter().try_for_each(|tensor| check_constant(&tensor.name, tensor))?;
    let mut known = HashSet::from([""]); // an optional input that is left out
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    for name in inputs.chain(graph.initializer.iter().map(|tensor| tensor.name.as_str())) {
        check_that(known.insert(name), name, "given twice", "one input or constant of that name")?;
    }
    for node in &graph.node {
        check_node(node, &known)?;
        check_scale(graph, node)?;
        known.extend(node.output.iter().map(String::as_str));
    }
    Ok(())
}

fn check_node(node: &NodeProto, known: &HashSet<&str>) -> Result<(), ModelError> {
    let operator = &node.op_type;
    let is_known = OPERATORS.contains(&operator.as_str());
    let named = node.output.first().unwrap_or(&node.name);
    let is = format!("computed by {operator}");
    check_that(is_known, named, &is, &format!("one of {}", OPERATORS.join(", ")))?;
    for input in &node.input {
        let expected =
            format!("a constant, an input or computed before the {operator} that uses it");
        check_that(known.contains(input.as_str()), input, "not known", &expected)?;
    }
    for output in &node.output {
        let is_new = output.is_empty() || !known.contains(output.as_str());
        check_that(is_new, output, "computed twice", "one computation")?;
    }
    for (index, attribute) in node.attribute.iter().enumerate() {
        check_attribute(operator, attribute)?;
        let is_new = node.attribute[..index].iter().all(|other| other.name != attribute.name);
        check_that(is_new, &format!("{} of {operator}", attribute.name), "given twice", "once")?;
    }
    Ok(())
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
    // In networks on planes, what goes by direction has two numbers, what goes by edge four.
    let (range, count) = match attribute.name.as_str() {
        "strides" | "dilations" | "kernel_shape" => (1..=1024, Some(2)),
        "pads" => (0..=1024, Some(4)),
        "blocksize" | "group" => (1..=1024, None),
        "axis" => (-8..=7, None),
        "to" => (1..=16, None),
        "mode" | "auto_pad" => return check_type(attribute, AttributeType::String, &named),
        "alpha" => return check_type(attribute, AttributeType::Float, &named),
        _ => return check_that(false, &named, "not known", "no such attribute"),
    };
    let kind = if count.is_some() { AttributeType::Ints } else { AttributeType::Int };
    check_type(attribute, kind, &named)?;
    let single = std::slice::from_ref(&attribute.i);
    let numbers = if count.is_some() { &attribute.ints[..] } else { single };
    let has_count = count.is_none_or(|count| count == numbers.len());
    let fits = has_count && numbers.iter().all(|number| range.contains(number));
    let words = count.map_or("a number".to_owned(), |count| format!("{count} numbers"));
    let expected = format!("{words} from {} to {}", range.start(), range.end());
    check_that(fits, &named, &format!("{numbers:?}"), &expected)
}

/// An attribute holds what its type says, and nothing else.
fn check_type(
    attribute: &AttributeProto,
    kind: AttributeType,
    named: &str,
) -> Result<(), ModelError> {
    let AttributeProto { g, graphs, t, tensors, ints, floats, strings, .. } = attribute;
    let holds_more = g.is_some()
        || t.is_some()
        || !(graphs.is_empty() && tensors.is_empty() && floats.is_empty() && strings.is_empty())
        || !(ints.is_empty() || kind == AttributeType::Ints);
    let is = format!("of type {}, with more than that: {holds_more}", attribute.r#type);
    let fits = attribute.r#type == kind as i32 && !holds_more;
    check_that(fits, named, &is, &format!("{kind:?} alone"))
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
    check_that(bytes.is_some() && bytes == held, name, &is, &expected)?;
    check_finite(name, tensor)
}

/// One weight that is no number makes a whole frame none.
fn check_finite(name: &str, tensor: &TensorProto) -> Result<(), ModelError> {
    let numbers = floats(tensor).unwrap_or_default();
    match numbers.iter().enumerate().find(|(_, number)| !number.is_finite()) {
        Some((at, number)) => {
            check_that(false, &format!("{name}[{at}]"), &number.to_string(), "a finite number")
        }
        None => Ok(()),
    }
}

fn check_that(holds: bool, what: &str, is: &str, expected: &str) -> Result<(), ModelError> {
    if holds {
        return Ok(());
    }
    let [tensor, is] = [what, is].map(shown);
    Err(ModelError::Tensor { tensor, is, expected: expected.to_owned() })
}
