//! tract, the engine of networks: all that is used of it, at one address.

use std::io::Cursor;

use prost::Message;
use tract_onnx::prelude::{Framework, InferenceModelExt};
use tract_onnx::tract_hir::infer::InferenceFact;

pub(super) use tract_onnx::pb;
pub(super) use tract_onnx::prelude::{
    Datum, IntoRunnable, IntoTValue, Tensor, TractError, TractResult, TypedModel,
    TypedRunnableModel, TypedSimpleState, tvec,
};
pub(super) use tract_onnx::tract_core::internal;

use crate::frame::Extent;

/// Reads the bytes of an ONNX file.
///
/// # Errors
/// Where they are none.
pub(super) fn parse(bytes: &[u8]) -> TractResult<pb::ModelProto> {
    tract_onnx::onnx().proto_model_for_read(&mut Cursor::new(bytes))
}

/// The bytes of an ONNX file.
pub(super) fn encode(proto: &pb::ModelProto) -> Vec<u8> {
    proto.encode_to_vec()
}

/// A network on `planes` planes of one extent, as it is written.
///
/// # Errors
/// Where it cannot be run.
pub(super) fn typed(
    proto: &pb::ModelProto,
    planes: usize,
    extent: Extent,
) -> TractResult<TypedModel> {
    let shape = tvec![1, planes, extent.height, extent.width];
    let input = InferenceFact::dt_shape(f32::datum_type(), shape);
    tract_onnx::onnx().model_for_proto_model(proto)?.with_input_fact(0, input)?.into_typed()
}
