//! Quantised networks in integers, as one operator of tract.
//!
//! tract computes a quantised network as it is written, in real numbers and layer by layer. Where
//! [`recognise`] finds the integers of a whole network, [`fuse`] puts one operator in the place of
//! all others: a [`Chain`] that runs depth first on bytes, with a [`kernel`](kernels) for the
//! processor it is on. What is not recognised runs as it is.

#![allow(clippy::wildcard_imports, reason = "tract's macros need most of its names")]

mod chain;
mod kernels;
mod layer;
mod recognise;

use std::sync::Arc;

use tract_onnx::tract_core::internal::*;

use chain::{Chain, Scratch};
use kernels::Kernel;
pub(super) use recognise::Unfit;

/// A model of one operator that gives what `model` gives, to one step of its output.
///
/// # Errors
/// Where `model` is no network that is known; it must be used as it is then.
pub(super) fn fuse(model: &TypedModel) -> Result<TypedModel, FuseError> {
    let chain = recognise::recognise(model)?;
    let (input, output) =
        (model.input_fact(0)?.without_value(), model.output_fact(0)?.without_value());
    let kernel = kernels::available().swap_remove(0);
    log::debug!("a network of {} layers runs fused, by {}", chain.layers.len() + 1, kernel.name());
    let operator = Fused { chain: Arc::new(chain), kernel, output };
    let mut fused = TypedModel::default();
    let source = fused.add_source("z", input)?;
    let outlets = fused.wire_node("fused", operator, &[source])?;
    fused.select_output_outlets(&outlets)?;
    Ok(fused)
}

/// Why a model is not fused.
#[derive(Debug, thiserror::Error)]
pub(super) enum FuseError {
    /// It is another network than the known ones.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// tract refuses the operator.
    #[error("{0:#}")]
    Engine(#[from] TractError),
}

/// The operator.
#[derive(Debug, Clone)]
struct Fused {
    chain: Arc<Chain>,
    kernel: &'static dyn Kernel,
    output: TypedFact,
}

impl PartialEq for Fused {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chain, &other.chain)
    }
}

impl Eq for Fused {}

impl Op for Fused {
    fn name(&self) -> StaticName {
        "FusedResidualNetwork".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Fused {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext<'_>) -> TractResult<Option<Box<dyn OpState>>> {
        let shape = self.output.shape.as_concrete().context("a known shape")?;
        let width = *shape.last().context("a width")?;
        let output = Arc::new(Tensor::zero::<f32>(shape)?);
        let scratch = Scratch::new(&self.chain, width);
        Ok(Some(Box::new(FusedState { operator: self.clone(), scratch, output })))
    }
}

impl TypedOp for Fused {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.output.clone()))
    }
}

/// What the operator keeps from one turn to the next, so that a turn allocates nothing.
#[derive(Debug, Clone)]
struct FusedState {
    operator: Fused,
    scratch: Scratch,
    output: Arc<Tensor>,
}

impl OpState for FusedState {
    fn eval(
        &mut self,
        _: &EvalContext<'_>,
        _: &dyn Op,
        inputs: TVec<TValue>,
    ) -> TractResult<TVec<TValue>> {
        let Fused { chain, kernel, output: fact } = &self.operator;
        if Arc::get_mut(&mut self.output).is_none() {
            // Somebody still holds the last result.
            let shape = fact.shape.as_concrete().context("a known shape")?;
            self.output = Arc::new(Tensor::zero::<f32>(shape)?);
        }
        let z = inputs.first().context("an input")?.try_as_plain_ram()?;
        let output = Arc::get_mut(&mut self.output).context("an output of our own")?;
        let mut f = output.try_as_plain_ram_mut()?;
        chain.run(*kernel, z.as_slice()?, f.as_slice_mut()?, &mut self.scratch);
        Ok(tvec!(Arc::clone(&self.output).into_tvalue()))
    }

    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        // Nothing of one turn is seen by the next.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ResidualModel, graph};
    use super::*;
    use tract_onnx::prelude::{Framework, InferenceModelExt, IntoRunnable};
    use tract_onnx::tract_hir::infer::InferenceFact;

    /// Network `stage` of a model, for planes of some extent.
    fn typed(model: &ResidualModel, stage: usize, [height, width]: [usize; 2]) -> TypedModel {
        let shape = tvec![1, graph::planes(stage), height, width];
        let parsed = tract_onnx::onnx().model_for_proto_model(&model.stages[stage]);
        let fact = InferenceFact::dt_shape(f32::datum_type(), shape);
        parsed.and_then(|model| model.with_input_fact(0, fact)?.into_typed()).expect("a model")
    }

    /// Smooth planes with the range of a picture's, without mean.
    fn planes(count: usize, [height, width]: [usize; 2]) -> Tensor {
        let wave = |plane: usize, y: usize, x: usize| {
            let (y, x) = (y as f32 * 0.37, x as f32 * 0.23);
            0.3 * (y + plane as f32).sin() * x.cos() + 0.1 * (3.1 * x + y).sin()
        };
        let samples = (0..count * height * width)
            .map(|at| wave(at / (height * width), at / width % height, at % width));
        let samples: Vec<f32> = samples.collect();
        Tensor::from_shape(&[1, count, height, width], &samples).expect("a tensor")
    }

    fn run(model: TypedModel, z: Tensor) -> Vec<f32> {
        let outputs = model.into_runnable().and_then(|plan| plan.run(tvec![z.into_tvalue()]));
        let outputs = outputs.expect("an output");
        let samples = outputs[0]
            .try_as_plain_ram()
            .and_then(|output| output.as_slice::<f32>().map(<[f32]>::to_vec));
        samples.expect("real numbers")
    }

    #[test]
    fn the_released_model_is_fused_and_gives_what_stock_operators_give() {
        let bytes = include_bytes!("../../../../models/base.onnx");
        let model = ResidualModel::from_bytes(bytes).expect("a model");
        for stage in 0..model.stages() {
            for extent in [[2, 2], [6, 14], [34, 50], [62, 126]] {
                let stock = typed(&model, stage, extent);
                let fused = fuse(&stock).expect("a known network");
                let step = recognise::recognise(&stock).expect("a known network").output.scale;
                let z = planes(graph::planes(stage), extent);
                let expected = run(stock.into_optimized().expect("a model"), z.clone());
                let given = run(fused, z);
                let differences: Vec<f32> =
                    expected.iter().zip(&given).map(|(a, b)| (a - b).abs()).collect();
                let worst = differences.iter().fold(0.0_f32, |worst, &d| worst.max(d));
                let moved = differences.iter().filter(|&&d| d > step / 2.0).count();
                assert!(worst < 1.01 * step, "off by {} steps at {extent:?}", worst / step);
                assert!(moved * 50 <= given.len(), "{moved} of {} moved", given.len());
            }
        }
    }

    #[test]
    fn other_networks_are_told_from_it() {
        let bytes = include_bytes!("../../../../models/base-f32.onnx");
        let model = ResidualModel::from_bytes(bytes).expect("a model");
        let error = fuse(&typed(&model, 0, [16, 16])).expect_err("real numbers");
        assert_eq!(error.to_string(), "stage1/tail: expected bytes that are dequantised");
    }
}
