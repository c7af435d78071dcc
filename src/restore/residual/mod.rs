//! Residual networks: what the blur destroyed, filled in by `f(x_w, y)`.
//!
//! A [`ResidualModel`] is one or more networks in one ONNX file, run in turn; [`Contract`] says what
//! such a file promises. A [`ResidualNet`] is one of them planned for planes of one extent. It works
//! in bands of rows with a halo: each band is computed from its rows and as many rows on either
//! side as the network can see, so that any division into bands gives the same result and bands can
//! be computed side by side.
//!
//! tract runs the networks: those it is known how to, in integers as one operator of ours
//! (`fused`), all others as they are (`stock`). Its types do not leave this module.

mod bands;
mod bounds;
mod contract;
mod fused;
mod graph;
mod network;
mod stock;
mod summary;

use std::sync::Arc;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::IntoRunnable;

pub use bands::band_rows;
pub use contract::{Contract, ModelError};
pub use network::ResidualNet;
pub use summary::{Layer, StageSummary};

use crate::frame::Extent;
use fused::{Arithmetic, Fused, Integers, Unfit};
use network::Engine;
use stock::Stock;

/// The choice of no kernel: tract's own operators.
const STOCK: &str = "stock";

/// One or more residual networks that were trained to work in turn.
#[derive(Debug)]
pub struct ResidualModel {
    contract: Contract,
    networks: Vec<Network>,
    summaries: Vec<StageSummary>,
    /// What computes networks whose integers are known.
    arithmetic: Option<Arithmetic>,
}

/// One network, as it is and, where they are known, in integers.
#[derive(Debug)]
struct Network {
    stock: Stock,
    integers: Result<Integers, Unfit>,
}

impl ResidualModel {
    /// Reads a model from the bytes of an ONNX file and checks it against the contract.
    ///
    /// # Errors
    /// Where the file is damaged or does not meet the contract.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let proto = graph::parse(bytes)?;
        let contract = Contract::read(&proto, bytes)?;
        let stage = |index| graph::stage(&proto, &contract, index);
        let stages = (0..contract.stages).map(stage).collect::<Result<Vec<_>, _>>()?;
        let summaries = stages.iter().map(summary::summarise).collect::<Vec<_>>();
        contract.check_halo(&summaries)?;
        let mut networks = Vec::new();
        for (index, proto) in stages.into_iter().enumerate() {
            networks.push(Network::try_out(index, proto, &summaries[index], &contract)?);
        }
        warn_of_stock(&networks);
        Ok(Self { contract, networks, summaries, arithmetic: Arithmetic::available().next() })
    }

    /// Number of networks.
    pub fn stages(&self) -> usize {
        self.networks.len()
    }

    /// What the file promises.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// What the networks are made of.
    pub fn summaries(&self) -> &[StageSummary] {
        &self.summaries
    }

    /// Names of what can compute networks here, the fastest first.
    pub fn kernels() -> impl Iterator<Item = &'static str> {
        Arithmetic::available().map(Arithmetic::name).chain([STOCK])
    }

    /// Has networks that are planned from now on computed by the kernel of that name.
    ///
    /// # Errors
    /// Where there is none of that name here.
    pub fn use_kernel(&mut self, name: &str) -> Result<(), ModelError> {
        let arithmetic = Arithmetic::available().find(|kernel| kernel.name() == name);
        if arithmetic.is_none() && name != STOCK {
            let expected = Self::kernels().collect::<Vec<_>>().join(", ");
            return Err(ModelError::Kernel { is: name.to_owned(), expected });
        }
        self.arithmetic = arithmetic;
        Ok(())
    }

    /// Name of what computes the networks that are planned from now on; both, where only some of
    /// them are known.
    pub fn kernel(&self) -> String {
        let arithmetic = |network: &Network| network.integers.as_ref().ok().and(self.arithmetic);
        let name = |network| arithmetic(network).map_or(STOCK, Arithmetic::name);
        let mut names: Vec<_> = self.networks.iter().map(name).collect();
        names.sort_by_key(|&name| name == STOCK);
        names.dedup();
        names.join(", ")
    }

    /// Plans network `stage` for planes of `extent`, computed in bands of about `band_rows` rows.
    ///
    /// # Errors
    /// Where tract cannot run the network.
    pub fn plan(
        &self,
        stage: usize,
        extent: Extent,
        band_rows: usize,
    ) -> Result<ResidualNet, ModelError> {
        let Contract { alignment, halo, .. } = self.contract;
        let aligned = Extent {
            width: extent.width.next_multiple_of(alignment),
            height: extent.height.next_multiple_of(alignment),
        };
        let rows = [band_rows.max(1).next_multiple_of(alignment), halo];
        let network = &self.networks[stage];
        let engine: Arc<dyn Engine> = match (&network.integers, self.arithmetic) {
            (Ok(integers), Some(arithmetic)) => Arc::new(Fused::new(integers, arithmetic)),
            _ => Arc::new(network.stock.clone()),
        };
        ResidualNet::plan(&engine, graph::planes(stage), [extent, aligned], rows)
    }
}

impl Network {
    /// Compiles network `stage` for small planes, which shows at once what tract cannot run, and
    /// looks for its integers.
    fn try_out(
        stage: usize,
        proto: ModelProto,
        summary: &StageSummary,
        contract: &Contract,
    ) -> Result<Self, ModelError> {
        let side = 2 * contract.alignment.max(8);
        let stock = Stock { stage, proto };
        let typed = stock.typed(Extent::new(side, side))?;
        // Of other operators it is not known that they do the same at every extent.
        let is_known = summary.reach.is_some();
        let integers = if is_known && contract.alignment.is_multiple_of(2) {
            Integers::of(&typed)
        } else {
            Err(Unfit::new("the graph", "expected known operators and an even alignment"))
        };
        if integers.is_err() {
            typed.into_optimized().and_then(IntoRunnable::into_runnable)?;
        }
        Ok(Self { stock, integers })
    }
}

/// Names the networks that are slow, and why they are.
fn warn_of_stock(networks: &[Network]) {
    let unfit = |(network, stage): (&Network, usize)| {
        network.integers.as_ref().err().map(|why| format!("network {stage}: {why}"))
    };
    let unfit: Vec<String> = networks.iter().zip(1..).filter_map(unfit).collect();
    if !unfit.is_empty() {
        log::warn!("the model runs on stock operators, much slower: {}", unfit.join("; "));
    }
}
