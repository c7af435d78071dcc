//! Residual networks: what fills in what the blur destroyed.
//!
//! A [`Model`] is one or more networks that were trained to work in turn. Of a [`Network`] of the
//! known kind the [`Integers`] are at hand, for backends that compute in integers; every network has
//! its own ONNX graph, for engines that run it as it is written.

mod contract;
mod integers;
mod summary;

pub use contract::{Contract, Input, NoInput};
pub use integers::{Coarse, Convolution, Integers, Layer, Quantiser, Unfit};
pub use summary::{NetworkSummary, Operation};

/// One or more networks that were trained to work in turn.
#[derive(Debug, Clone)]
pub struct Model {
    /// What the file promises.
    pub contract: Contract,
    /// As many as the contract says.
    pub networks: Vec<Network>,
}

/// One network of a model.
#[derive(Debug, Clone)]
pub struct Network {
    /// Its place in the model, counted from 0.
    pub index: usize,
    /// Input planes.
    pub planes: usize,
    /// What it is made of.
    pub summary: NetworkSummary,
    /// Its integers; why it has none, where it is of another kind.
    pub integers: Result<Integers, Unfit>,
    /// An ONNX file of this network alone.
    pub onnx: Vec<u8>,
}
