//! Residual networks: what the blur destroyed, filled in by `f(x_w, y)`.
//!
//! A [`ResidualModel`] is one or more networks in one ONNX file, run in turn; [`Contract`] says what
//! such a file promises. A [`ResidualNet`] is one of them planned for planes of one extent. It works
//! in bands of rows with a halo: each band is computed from its rows and as many rows on either
//! side as the network can see, so that any division into bands gives the same result, a band's
//! activations stay in the cache, and bands can be computed side by side.
//!
//! tract runs the networks. Its types do not leave this module.

mod bounds;
mod contract;
mod fused;
mod graph;
mod summary;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{
    Datum, Framework, InferenceModelExt, IntoRunnable, IntoTValue, Tensor, TypedRunnableModel,
    TypedSimpleState, tvec,
};
use tract_onnx::tract_hir::infer::InferenceFact;

pub use contract::{Contract, ModelError};
pub use summary::{Layer, StageSummary};

use super::executor::Executor;
use crate::frame::{Extent, Plane};

/// One or more residual networks that were trained to work in turn.
#[derive(Debug)]
pub struct ResidualModel {
    contract: Contract,
    stages: Vec<ModelProto>,
    summaries: Vec<StageSummary>,
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
        let model = Self { contract, stages, summaries };
        // A trial plan shows at once what tract cannot run.
        let side = 2 * model.contract.alignment.max(8);
        for stage in 0..model.stages() {
            model.plan(stage, Extent::new(side, side), BAND_ROWS)?;
        }
        Ok(model)
    }

    /// Number of networks.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// What the file promises.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// What the networks are made of.
    pub fn summaries(&self) -> &[StageSummary] {
        &self.summaries
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
        let aligned = Extent {
            width: extent.width.next_multiple_of(self.contract.alignment),
            height: extent.height.next_multiple_of(self.contract.alignment),
        };
        let mut plans = HashMap::new();
        let mut bands = Vec::new();
        for rows in divide(
            aligned.height,
            band_rows.next_multiple_of(self.contract.alignment),
            self.contract.halo,
        ) {
            let plan = match plans.get(&rows.seen()) {
                Some(plan) => Arc::clone(plan),
                None => self.compile(stage, Extent::new(aligned.width, rows.seen()))?,
            };
            plans.insert(rows.seen(), Arc::clone(&plan));
            bands.push(Mutex::new(Band::new(
                rows,
                aligned.width,
                graph::planes(stage),
                extent,
                &plan,
            )?));
        }
        Ok(ResidualNet { extent, planes: graph::planes(stage), bands })
    }

    /// Compiles a network for planes of one extent.
    fn compile(&self, stage: usize, extent: Extent) -> Result<Arc<TypedRunnableModel>, ModelError> {
        let shape = tvec![1, graph::planes(stage), extent.height, extent.width];
        let input = InferenceFact::dt_shape(f32::datum_type(), shape);
        let parsed =
            tract_onnx::onnx().model_for_proto_model(&self.stages[stage]).map_err(engine)?;
        let typed = parsed
            .with_input_fact(0, input)
            .and_then(InferenceModelExt::into_typed)
            .map_err(engine)?;
        let typed = match fused::fuse(&typed) {
            Ok(fused) => fused,
            Err(unfit) => {
                log::debug!("network {} runs on stock operators: {unfit}", stage + 1);
                typed.into_optimized().map_err(engine)?
            }
        };
        let given =
            typed.output_fact(0).map_err(engine)?.shape.as_concrete().map(<[usize]>::to_vec);
        let expected = vec![1, 1, extent.height, extent.width];
        if given.as_deref() != Some(&expected) {
            let output = graph::output_name(stage);
            return Err(ModelError::OutputShape { output, is: format!("{given:?}"), expected });
        }
        typed.into_runnable().map_err(engine)
    }
}

/// Rows of a band: few enough that its activations stay in the second-level cache, many enough
/// that the halo is a small share of the work.
pub const BAND_ROWS: usize = 128;

/// A network planned for planes of one extent.
#[derive(Debug)]
pub struct ResidualNet {
    extent: Extent,
    planes: usize,
    bands: Vec<Mutex<Band>>,
}

impl ResidualNet {
    /// Computes `f` from the input planes `(x_w, y)` or `(x_w, y, g)`.
    ///
    /// # Errors
    /// Where tract fails; `f` is unspecified then.
    ///
    /// # Panics
    /// Where the planes are not as many or not of the extent that was planned.
    pub fn run(
        &self,
        inputs: &[&Plane<f32>],
        f: &mut Plane<f32>,
        executor: &dyn Executor,
    ) -> Result<(), ModelError> {
        assert_eq!(inputs.len(), self.planes, "input planes of the network");
        let all_fit =
            inputs.iter().all(|plane| plane.extent() == self.extent) && f.extent() == self.extent;
        assert!(all_fit, "planes of another extent than planned");
        executor.run(self.bands.len(), &|index| self.lock(index).run(inputs));
        for index in 0..self.bands.len() {
            self.lock(index).store(f)?;
        }
        Ok(())
    }

    fn lock(&self, index: usize) -> std::sync::MutexGuard<'_, Band> {
        self.bands[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows a band gives and the rows it needs to see for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BandRows {
    own_start: usize,
    own_end: usize,
    seen_start: usize,
    seen_end: usize,
}

impl BandRows {
    fn seen(self) -> usize {
        self.seen_end - self.seen_start
    }
}

/// Divides `height` rows into bands of `band_rows`, the last as it comes out.
fn divide(height: usize, band_rows: usize, halo: usize) -> impl Iterator<Item = BandRows> {
    (0..height).step_by(band_rows.max(1)).map(move |own_start| {
        let own_end = (own_start + band_rows).min(height);
        BandRows {
            own_start,
            own_end,
            seen_start: own_start.saturating_sub(halo),
            seen_end: (own_end + halo).min(height),
        }
    })
}

#[derive(Debug)]
struct Band {
    rows: BandRows,
    aligned_width: usize,
    plan: TypedSimpleState,
    z: Arc<Tensor>,
    output: Plane<f32>,
    failure: Option<ModelError>,
}

impl Band {
    fn new(
        rows: BandRows,
        aligned_width: usize,
        planes: usize,
        frame: Extent,
        plan: &Arc<TypedRunnableModel>,
    ) -> Result<Self, ModelError> {
        let z = Tensor::zero::<f32>(&[1, planes, rows.seen(), aligned_width]).map_err(engine)?;
        let own = rows.own_end.min(frame.height).saturating_sub(rows.own_start);
        let output = Plane::new(Extent::new(frame.width, own), 0.0);
        let plan = plan.spawn().map_err(engine)?;
        Ok(Self { rows, aligned_width, plan, z: Arc::new(z), output, failure: None })
    }

    fn run(&mut self, inputs: &[&Plane<f32>]) {
        self.failure = self.try_run(inputs).err().map(engine);
    }

    fn try_run(&mut self, inputs: &[&Plane<f32>]) -> tract_onnx::prelude::TractResult<()> {
        let (seen, width) = (self.rows.seen(), self.aligned_width);
        // The engine gave its share back when the last run ended; else this makes a copy.
        let mut view = Arc::make_mut(&mut self.z).try_as_plain_ram_mut()?;
        for (plane, target) in
            inputs.iter().zip(view.as_slice_mut::<f32>()?.chunks_exact_mut(seen * width))
        {
            for (offset, row) in target.chunks_exact_mut(width).enumerate() {
                load_row(plane, self.rows.seen_start + offset, row);
            }
        }
        let outputs = self.plan.run(tvec![Arc::clone(&self.z).into_tvalue()])?;
        let samples = outputs[0].try_as_plain_ram()?.as_slice::<f32>()?;
        let own = samples.chunks_exact(width).skip(self.rows.own_start - self.rows.seen_start);
        for (target, source) in self.output.rows_mut().zip(own) {
            target.copy_from_slice(&source[..target.len()]);
        }
        Ok(())
    }

    /// Copies the band's rows to their place.
    fn store(&mut self, f: &mut Plane<f32>) -> Result<(), ModelError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        for (offset, row) in self.output.rows().enumerate() {
            f.row_mut(self.rows.own_start + offset).copy_from_slice(row);
        }
        Ok(())
    }
}

fn engine(error: tract_onnx::prelude::TractError) -> ModelError {
    ModelError::Engine(format!("{error:#}"))
}

/// Row `y` of the plane, padded to alignment by repeating what is outermost.
fn load_row(plane: &Plane<f32>, y: usize, target: &mut [f32]) {
    let row = plane.row(y.min(plane.extent().height - 1));
    let (inside, beyond) = target.split_at_mut(row.len());
    inside.copy_from_slice(row);
    beyond.fill(row[row.len() - 1]);
}
