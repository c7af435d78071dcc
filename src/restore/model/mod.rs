//! From the bytes of an ONNX file to a [`Model`].
//!
//! The file is checked against its seal and bounded before it is parsed; the contract is read; each
//! network is cut out, bounded, measured, tried by tract on small planes, and its integers are read,
//! where it is of the known kind.

mod bounds;
mod constants;
mod contract;
mod error;
mod graph;
mod integers;
mod qdq;
mod seal;
mod summary;
mod wire;

pub use bounds::OPERATORS;
pub use error::ModelError;
pub(super) use graph::{parse, typed};

use super::tract::{self, IntoRunnable};
use crate::frame::Extent;
use crate::plan::network::{Contract, Model, Network, Unfit};

/// Reads a model from the bytes of an ONNX file and checks it against the contract.
///
/// # Errors
/// Where the file is damaged or does not meet the contract.
pub fn load(bytes: &[u8]) -> Result<Model, ModelError> {
    seal::check(bytes)?;
    let proto = graph::parse(bytes)?;
    let contract = contract::read(&proto)?;
    let network = |index| network(&proto, &contract, index);
    let networks = (0..contract.stages).map(network).collect::<Result<Vec<_>, _>>()?;
    contract::check_sight(&contract, &networks)?;
    Ok(Model { contract, networks })
}

/// Reads network `index` and compiles it for small planes, which shows at once what tract cannot
/// run.
fn network(
    model: &tract::pb::ModelProto,
    contract: &Contract,
    index: usize,
) -> Result<Network, ModelError> {
    let proto = graph::cut(model, contract, index)?;
    let planes = graph::planes(contract, index);
    let summary = summary::summarise(&proto);
    let side = 2 * contract.alignment.max(8);
    let typed = graph::typed(&proto, (index, planes), Extent::new(side, side))?;
    // Of other operators it is not known that they do the same at every extent.
    let is_known = summary.reach.is_some() && contract.alignment.is_multiple_of(2);
    let integers = match proto.graph.as_ref().filter(|_| is_known) {
        Some(graph) => integers::read(graph, planes),
        None => Err(Unfit::new("the graph", "expected known operators and an even alignment")),
    };
    if integers.is_err() {
        typed.into_optimized()?.into_runnable()?;
    }
    Ok(Network { index, planes, summary, integers, onnx: tract::encode(&proto) })
}

impl From<tract::TractError> for ModelError {
    fn from(error: tract::TractError) -> Self {
        Self::Engine(format!("{error:#}"))
    }
}
