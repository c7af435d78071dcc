//! Networks on tract's own operators, in real numbers.

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{
    Datum, Framework, InferenceModelExt, Tensor, TractResult, TypedModel, tvec,
};
use tract_onnx::tract_hir::infer::InferenceFact;

use super::bands::BandRows;
use super::contract::ModelError;
use super::graph;
use super::network::Engine;
use crate::frame::{Extent, Plane};

/// A network as its file has it.
#[derive(Debug, Clone)]
pub(super) struct Stock {
    /// Which network of the model it is.
    pub(super) stage: usize,
    pub(super) proto: ModelProto,
}

impl Stock {
    /// The network for planes of one extent, as it is written.
    ///
    /// # Errors
    /// Where it cannot be run, or gives planes of another extent.
    pub(super) fn typed(&self, extent: Extent) -> Result<TypedModel, ModelError> {
        let shape = tvec![1, graph::planes(self.stage), extent.height, extent.width];
        let input = InferenceFact::dt_shape(f32::datum_type(), shape);
        let parsed = tract_onnx::onnx().model_for_proto_model(&self.proto)?;
        let typed = parsed.with_input_fact(0, input)?.into_typed()?;
        let given = typed.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec);
        let expected = vec![1, 1, extent.height, extent.width];
        if given.as_ref() != Some(&expected) {
            let output = graph::output_name(self.stage);
            return Err(ModelError::OutputShape { output, is: format!("{given:?}"), expected });
        }
        Ok(typed)
    }
}

impl Engine for Stock {
    fn compile(&self, rows: BandRows, width: usize) -> Result<TypedModel, ModelError> {
        Ok(self.typed(Extent::new(width, rows.seen()))?.into_optimized()?)
    }

    fn input(&self, rows: BandRows, width: usize) -> TractResult<Tensor> {
        Tensor::zero::<f32>(&[1, graph::planes(self.stage), rows.seen(), width])
    }

    fn load(
        &self,
        planes: &[&Plane<f32>],
        rows: BandRows,
        width: usize,
        z: &mut Tensor,
    ) -> TractResult<()> {
        let mut view = z.try_as_plain_ram_mut()?;
        let targets = view.as_slice_mut::<f32>()?.chunks_exact_mut(width);
        for (source, target) in rows.sources(planes).zip(targets) {
            let (inside, beyond) = target.split_at_mut(source.len());
            inside.copy_from_slice(source);
            beyond.fill(source[source.len() - 1]);
        }
        Ok(())
    }

    fn store(
        &self,
        answer: &Tensor,
        rows: BandRows,
        width: usize,
        f: &mut dyn Iterator<Item = &mut [f32]>,
    ) -> TractResult<()> {
        let view = answer.try_as_plain_ram()?;
        let [above, ..] = rows.shape();
        for (row, samples) in f.zip(view.as_slice::<f32>()?.chunks_exact(width).skip(above)) {
            row.copy_from_slice(&samples[..row.len()]);
        }
        Ok(())
    }
}
