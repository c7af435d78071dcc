//! How tract runs a network: what it is given and what its answer means.

use super::bands::BandRows;
use crate::frame::Plane;
use crate::restore::model::ModelError;
use crate::restore::tract::{Tensor, TractResult, TypedModel};

/// How tract runs a network: what it is given and what its answer means.
pub(super) trait Engine: std::fmt::Debug + Send + Sync {
    /// The network for a band of planes that are `width` samples wide.
    fn compile(&self, rows: BandRows, width: usize) -> Result<TypedModel, ModelError>;

    /// The shape of what [`Engine::load`] fills.
    fn shape(&self, rows: BandRows, width: usize) -> Vec<usize>;

    /// Memory for that.
    fn input(&self, shape: &[usize]) -> TractResult<Tensor>;

    /// Fills the network's input, all of it, with the planes that vary and what is the same all over. Beyond planes
    /// their last samples go on.
    fn load(
        &self,
        planes: &[&Plane<f32>],
        rows: BandRows,
        width: usize,
        z: &mut Tensor,
    ) -> TractResult<()>;

    /// Turns the network's answer into the band's own rows, as many as `f` has.
    fn store(
        &self,
        answer: &Tensor,
        rows: BandRows,
        width: usize,
        f: &mut dyn Iterator<Item = &mut [f32]>,
    ) -> TractResult<()>;
}
