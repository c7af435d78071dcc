//! Networks on tract's own operators, in real numbers.

use super::bands::BandRows;
use super::engine::Engine;
use crate::frame::{Extent, Plane};
use crate::plan::network::Network;
use crate::restore::model::{self, ModelError};
use crate::restore::tract::pb::ModelProto;
use crate::restore::tract::{Tensor, TractError, TractResult, TypedModel};

/// The greatest magnitude of samples that networks were trained on: greater ones count as that.
const GREATEST: f32 = 2.0;

/// Answers beyond this are none: after a transform they would be in every sample of the frame.
const MOST: f32 = 1e4;

/// A network as its file has it.
#[derive(Debug)]
pub(super) struct Stock {
    index: usize,
    /// What is the same all over of each plane.
    constants: Vec<Option<f32>>,
    proto: ModelProto,
}

impl Stock {
    /// Reads the graph of a network; `constants` are what is the same all over of the planes that it
    /// sees, in order.
    ///
    /// # Errors
    /// Where it is damaged.
    pub(super) fn new(network: &Network, constants: &[Option<f32>]) -> Result<Self, ModelError> {
        let mut constants = constants.to_vec();
        constants.resize(network.planes, None);
        Ok(Self { index: network.index, constants, proto: model::parse(&network.onnx)? })
    }
}

impl Engine for Stock {
    fn compile(&self, rows: BandRows, width: usize) -> Result<TypedModel, ModelError> {
        let extent = Extent::new(width, rows.seen());
        Ok(model::typed(&self.proto, (self.index, self.constants.len()), extent)?
            .into_optimized()?)
    }

    fn shape(&self, rows: BandRows, width: usize) -> Vec<usize> {
        vec![1, self.constants.len(), rows.seen(), width]
    }

    fn input(&self, shape: &[usize]) -> TractResult<Tensor> {
        Tensor::zero::<f32>(shape)
    }

    fn load(
        &self,
        planes: &[&Plane<f32>],
        rows: BandRows,
        width: usize,
        z: &mut Tensor,
    ) -> TractResult<()> {
        let mut view = z.try_as_plain_ram_mut()?;
        let targets = view.as_slice_mut::<f32>()?.chunks_exact_mut(rows.seen() * width);
        let mut sources = rows.sources(planes);
        for (plane, constant) in targets.zip(&self.constants) {
            if let Some(value) = constant {
                plane.fill(within(*value));
                continue;
            }
            for (target, source) in plane.chunks_exact_mut(width).zip(&mut sources) {
                let (inside, beyond) = target.split_at_mut(source.len());
                inside
                    .iter_mut()
                    .zip(source)
                    .for_each(|(target, &sample)| *target = within(sample));
                beyond.fill(inside[inside.len() - 1]);
            }
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
            // NaN is in no range.
            if let Some(odd) = row.iter().find(|sample| !(-MOST..=MOST).contains(*sample)) {
                return Err(TractError::msg(format!(
                    "an answer of {odd} (expected {MOST} at most)"
                )));
            }
        }
        Ok(())
    }
}

/// A sample as networks know it.
fn within(sample: f32) -> f32 {
    sample.clamp(-GREATEST, GREATEST)
}
