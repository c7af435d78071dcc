//! Quantised networks in integers, as one operator of tract.
//!
//! tract computes a quantised network as it is written, in real numbers and layer by layer. Where the
//! integers of a whole network are known, a [`Fused`] network puts one operator in the place of all
//! others, from bytes to bytes: a [`Chain`] that runs depth first, with a [`kernel`](kernels) for the
//! processor it is on.

mod chain;
mod choice;
mod kernels;
mod operator;
mod packed;
mod weights;

use std::sync::Arc;

use super::bands::BandRows;
use super::engine::Engine;
use crate::frame::Plane;
use crate::plan::network::Integers;
use crate::restore::model::ModelError;
use crate::restore::tract::{Tensor, TractResult, TypedModel};
use chain::{Chain, Strip, input_bytes};
pub use choice::{KernelChoice, NoKernel};
use kernels::Kernel;
use operator::Operator;

/// A network that runs in integers.
#[derive(Debug)]
pub(super) struct Fused {
    chain: Arc<Chain>,
    kernel: &'static dyn Kernel,
}

impl Fused {
    /// A network by one of our kernels, where one is chosen; `constants` are what is the same all over
    /// of the planes that it sees, in order.
    pub(super) fn new(
        integers: &Integers,
        constants: &[Option<f32>],
        choice: KernelChoice,
    ) -> Option<Self> {
        let kernel = choice.kernel()?;
        Some(Self { chain: Arc::new(Chain::pack(integers, constants, kernel)), kernel })
    }
}

impl Engine for Fused {
    fn compile(&self, rows: BandRows, width: usize) -> Result<TypedModel, ModelError> {
        let chain = Arc::clone(&self.chain);
        Ok(Operator::new(chain, self.kernel, strip(rows), width).into_model()?)
    }

    fn shape(&self, rows: BandRows, width: usize) -> Vec<usize> {
        vec![self.chain.varying(), rows.seen(), input_bytes(width)]
    }

    fn input(&self, shape: &[usize]) -> TractResult<Tensor> {
        Tensor::zero::<u8>(shape)
    }

    fn load(
        &self,
        planes: &[&Plane<f32>],
        rows: BandRows,
        width: usize,
        z: &mut Tensor,
    ) -> TractResult<()> {
        let mut view = z.try_as_plain_ram_mut()?;
        let targets = view.as_slice_mut::<u8>()?.chunks_exact_mut(input_bytes(width));
        for (source, target) in rows.sources(planes).zip(targets) {
            self.chain.load(self.kernel, source, width, target);
        }
        Ok(())
    }

    fn store(
        &self,
        answer: &Tensor,
        _: BandRows,
        width: usize,
        f: &mut dyn Iterator<Item = &mut [f32]>,
    ) -> TractResult<()> {
        let view = answer.try_as_plain_ram()?;
        for (row, bytes) in f.zip(view.as_slice::<u8>()?.chunks_exact(width)) {
            self.kernel.dequantise(self.chain.output, &bytes[..row.len()], row);
        }
        Ok(())
    }
}

/// The rows of a band in frames of half the height.
fn strip(rows: BandRows) -> Strip {
    Strip {
        seen: rows.seen() / 2,
        above: (rows.own_start - rows.seen_start) / 2,
        own: (rows.own_end - rows.own_start) / 2,
    }
}

#[cfg(test)]
mod tests;
