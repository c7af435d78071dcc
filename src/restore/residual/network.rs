//! A network planned for planes of one extent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tract_onnx::prelude::{
    IntoRunnable, IntoTValue, Tensor, TractError, TractResult, TypedModel, TypedRunnableModel,
    TypedSimpleState, tvec,
};

use super::bands::{BandRows, divide};
use super::contract::ModelError;
use crate::executor::{Executor, for_chunks};
use crate::frame::{Extent, Plane};

/// How tract runs a network: what it is given and what its answer means.
pub(super) trait Engine: std::fmt::Debug + Send + Sync {
    /// The network for a band of planes that are `width` samples wide.
    fn compile(&self, rows: BandRows, width: usize) -> Result<TypedModel, ModelError>;

    /// What [`Engine::load`] fills.
    fn input(&self, rows: BandRows, width: usize) -> TractResult<Tensor>;

    /// Fills the network's input. Beyond the planes their last samples go on.
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

/// A network planned for planes of one extent.
#[derive(Debug)]
pub struct ResidualNet {
    extent: Extent,
    planes: usize,
    band_rows: usize,
    bands: Vec<Mutex<Band>>,
}

impl ResidualNet {
    /// Plans for `planes` planes of `extent` that are computed as planes of `aligned` would be.
    pub(super) fn plan(
        engine: &Arc<dyn Engine>,
        planes: usize,
        [extent, aligned]: [Extent; 2],
        [band_rows, halo]: [usize; 2],
    ) -> Result<Self, ModelError> {
        let mut plans: HashMap<[usize; 3], Arc<TypedRunnableModel>> = HashMap::new();
        let mut bands = Vec::new();
        for rows in divide(aligned.height, band_rows, halo) {
            let plan = match plans.get(&rows.shape()) {
                Some(plan) => Arc::clone(plan),
                None => engine.compile(rows, aligned.width)?.into_runnable()?,
            };
            let (engine, state) = (Arc::clone(engine), plan.spawn()?);
            plans.insert(rows.shape(), plan);
            let z = Arc::new(engine.input(rows, aligned.width)?);
            bands.push(Mutex::new(Band { engine, rows, width: aligned.width, plan: state, z }));
        }
        Ok(Self { extent, planes, band_rows, bands })
    }

    /// Number of input planes.
    pub fn planes(&self) -> usize {
        self.planes
    }

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
        let width = self.extent.width;
        let failure = Mutex::new(None);
        for_chunks(executor, f.samples_mut(), self.band_rows * width, &|index, rows| {
            let outcome = lock(&self.bands[index]).run(inputs, &mut rows.chunks_exact_mut(width));
            if let Err(error) = outcome {
                *lock(&failure) = Some(error.into());
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<TractError> for ModelError {
    fn from(error: TractError) -> Self {
        Self::Engine(format!("{error:#}"))
    }
}

#[derive(Debug)]
struct Band {
    engine: Arc<dyn Engine>,
    rows: BandRows,
    width: usize,
    plan: TypedSimpleState,
    z: Arc<Tensor>,
}

impl Band {
    fn run(
        &mut self,
        inputs: &[&Plane<f32>],
        f: &mut dyn Iterator<Item = &mut [f32]>,
    ) -> TractResult<()> {
        // tract gave its share back when the last run ended; else this makes a copy.
        self.engine.load(inputs, self.rows, self.width, Arc::make_mut(&mut self.z))?;
        let answer = self.plan.run(tvec![Arc::clone(&self.z).into_tvalue()])?;
        self.engine.store(&answer[0], self.rows, self.width, f)
    }
}
