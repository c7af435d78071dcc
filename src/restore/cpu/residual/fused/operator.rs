//! The operator of tract that runs a chain over a strip of rows.

#![allow(clippy::wildcard_imports, reason = "tract's macros need most of its names")]

use std::sync::Arc;

use super::chain::{Chain, Scratch, Strip, input_bytes};
use super::kernels::Kernel;
use crate::restore::tract::internal::*;

/// From bytes `[plane][row][sample with what is around it]` to bytes `[row][sample]`.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    chain: Arc<Chain>,
    kernel: &'static dyn Kernel,
    strip: Strip,
    width: usize,
}

impl Operator {
    pub(super) fn new(
        chain: Arc<Chain>,
        kernel: &'static dyn Kernel,
        strip: Strip,
        width: usize,
    ) -> Self {
        Self { chain, kernel, strip, width }
    }

    /// A model of nothing but this operator.
    pub(super) fn into_model(self) -> TractResult<TypedModel> {
        let rows = [self.chain.varying(), 2 * self.strip.seen, input_bytes(self.width)];
        let mut model = TypedModel::default();
        let source = model.add_source("z", u8::fact(rows))?;
        let outlets = model.wire_node("fused", self, &[source])?;
        model.select_output_outlets(&outlets)?;
        Ok(model)
    }

    fn shape(&self) -> [usize; 2] {
        [2 * self.strip.own, self.width]
    }

    fn blank(&self) -> TractResult<Arc<Tensor>> {
        Ok(Arc::new(Tensor::zero::<u8>(&self.shape())?))
    }
}

impl PartialEq for Operator {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chain, &other.chain)
            && (self.strip, self.width) == (other.strip, other.width)
    }
}

impl Eq for Operator {}

impl Op for Operator {
    fn name(&self) -> StaticName {
        "FusedResidualNetwork".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Operator {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext<'_>) -> TractResult<Option<Box<dyn OpState>>> {
        let scratch = Scratch::new(&self.chain, self.width, self.strip);
        Ok(Some(Box::new(State { operator: self.clone(), scratch, output: self.blank()? })))
    }
}

impl TypedOp for Operator {
    as_op!();

    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(u8::fact(self.shape())))
    }
}

/// What the operator keeps from one turn to the next, so that a turn allocates nothing.
#[derive(Debug, Clone)]
struct State {
    operator: Operator,
    scratch: Scratch,
    output: Arc<Tensor>,
}

impl OpState for State {
    fn eval(
        &mut self,
        _: &EvalContext<'_>,
        _: &dyn Op,
        inputs: TVec<TValue>,
    ) -> TractResult<TVec<TValue>> {
        let Operator { chain, kernel, .. } = &self.operator;
        if Arc::get_mut(&mut self.output).is_none() {
            // Somebody still holds the last result.
            self.output = self.operator.blank()?;
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
