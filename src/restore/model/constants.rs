//! The numbers of ONNX constants and attributes.

use crate::restore::tract::pb::attribute_proto::AttributeType;
use crate::restore::tract::pb::tensor_proto::DataType;
use crate::restore::tract::pb::{NodeProto, TensorProto};

/// The numbers of a constant of f32.
pub(super) fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    numbers(tensor, DataType::Float, f32::from_le_bytes, || Some(tensor.float_data.clone()))
}

/// The numbers of a constant of unsigned bytes.
pub(super) fn unsigned_bytes(tensor: &TensorProto) -> Option<Vec<u8>> {
    numbers(tensor, DataType::Uint8, u8::from_le_bytes, || narrowed(tensor))
}

/// The numbers of a constant of signed bytes.
pub(super) fn signed_bytes(tensor: &TensorProto) -> Option<Vec<i8>> {
    numbers(tensor, DataType::Int8, i8::from_le_bytes, || narrowed(tensor))
}

/// The numbers of a constant of i32.
pub(super) fn integers(tensor: &TensorProto) -> Option<Vec<i32>> {
    numbers(tensor, DataType::Int32, i32::from_le_bytes, || Some(tensor.int32_data.clone()))
}

/// The numbers of a constant of that type, as many as its shape says: from bytes where it has any.
fn numbers<T, const N: usize>(
    tensor: &TensorProto,
    kind: DataType,
    from_bytes: impl Fn([u8; N]) -> T,
    from_fields: impl Fn() -> Option<Vec<T>>,
) -> Option<Vec<T>> {
    if tensor.data_type != kind as i32 {
        return None;
    }
    let numbers = if tensor.raw_data.is_empty() {
        from_fields()?
    } else {
        let (whole, []) = tensor.raw_data.as_chunks::<N>() else { return None };
        whole.iter().map(|&bytes| from_bytes(bytes)).collect()
    };
    let count = shape(tensor)?.into_iter().try_fold(1_usize, usize::checked_mul);
    (count == Some(numbers.len())).then_some(numbers)
}

/// Small integers, which stand in fields for greater ones.
fn narrowed<T: TryFrom<i32>>(tensor: &TensorProto) -> Option<Vec<T>> {
    tensor.int32_data.iter().map(|&number| number.try_into().ok()).collect()
}

/// The sides of a constant.
pub(super) fn shape(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|&side| side.try_into().ok()).collect()
}

/// The number of an attribute, or of a list of equal ones; `default` where the node has none of that
/// name, `None` where the numbers differ or are negative.
pub(super) fn number(node: &NodeProto, name: &str, default: usize) -> Option<usize> {
    let Some(attribute) = node.attribute.iter().find(|attribute| attribute.name == name) else {
        return Some(default);
    };
    let is_list = attribute.r#type == AttributeType::Ints as i32;
    let numbers = if is_list { &attribute.ints[..] } else { std::slice::from_ref(&attribute.i) };
    let (&first, rest) = numbers.split_first()?;
    if rest.iter().all(|&number| number == first) { first.try_into().ok() } else { None }
}

/// The word of an attribute; `None` where the node has none of that name.
pub(super) fn word<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [u8]> {
    let attribute = node.attribute.iter().find(|attribute| attribute.name == name)?;
    (attribute.r#type == AttributeType::String as i32).then_some(attribute.s.as_slice())
}
