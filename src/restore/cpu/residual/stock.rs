//! Networks on tract's own operators, in real numbers.

use super::bands::BandRows;
use super::engine::Engine;
use crate::frame::{Extent, Plane};
use crate::plan::network::Network;
use crate::restore::model::{self, ModelError};
use crate::restore::tract::pb::ModelProto;
use crate::restore::tract::{Tensor, TractResult, TypedModel};

/// A network as its file has it.
#[derive(Debug)]
pub(super) struct Stock {
    index: usize,
    planes: usize,
    proto: ModelProto,
}

impl Stock {
    /// Reads the graph of a network.
    ///
    /// # Errors
    /// Where it is damaged.
    pub(super) fn new(network: &Network) -> Result<Self, ModelError> {
        let Network { index, planes, .. } = *network;
        Ok(Self { index, planes, proto: model::parse(&network.onnx)? })
    }
}

impl Engine for Stock {
    fn compile(&self, rows: BandRows, width: usize) -> Result<TypedModel, ModelError> {
        let extent = Extent::new(width, rows.seen());
        Ok(model::typed(&self.proto, self.index, extent)?.into_optimized()?)
    }

    fn input(&self, rows: BandRows, width: usize) -> TractResult<Tensor> {
        Tensor::zero::<f32>(&[1, self.planes, rows.seen(), width])
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
