//! A network planned for planes of one extent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bands::{BandRows, divide};
use super::engine::Engine;
use super::fused::{Fused, KernelChoice};
use super::inputs::Inputs;
use super::stock::Stock;
use crate::executor::{Executor, for_chunks};
use crate::frame::{Extent, Plane};
use crate::plan::network::{Contract, Model};
use crate::restore::model::ModelError;
use crate::restore::tract::{
    IntoRunnable, IntoTValue, TractResult, TypedRunnableModel, TypedSimpleState, tvec,
};

/// A network planned for planes of one extent.
#[derive(Debug)]
pub struct ResidualNet {
    extent: Extent,
    planes: usize,
    band_rows: usize,
    bands: Vec<Mutex<Band>>,
    inputs: Arc<Inputs>,
}

impl ResidualNet {
    /// Plans network `index` of a model for planes of `extent`, computed in bands of about
    /// `band_rows` rows by `kernel`, in the memory of `inputs`. `constants` are what is the same all over of the
    /// planes that it sees, in order, and is not given again; those behind them vary.
    ///
    /// # Errors
    /// Where tract cannot run the network.
    ///
    /// # Panics
    /// Where the model has no such network, or it sees fewer planes.
    pub fn plan(
        model: &Model,
        index: usize,
        kernel: KernelChoice,
        (extent, band_rows): (Extent, usize),
        constants: &[Option<f32>],
        inputs: &Arc<Inputs>,
    ) -> Result<Self, ModelError> {
        let Contract { alignment, halo, .. } = model.contract;
        let aligned = Extent {
            width: extent.width.next_multiple_of(alignment),
            height: extent.height.next_multiple_of(alignment),
        };
        let rows = [band_rows.max(1).next_multiple_of(alignment), halo];
        let network = &model.networks[index];
        let integers = network.integers.as_ref().ok();
        let engine: Arc<dyn Engine> =
            match integers.and_then(|integers| Fused::new(integers, constants, kernel)) {
                Some(fused) => Arc::new(fused),
                None => Arc::new(Stock::new(network, constants)?),
            };
        let varying = network.planes - constants.iter().flatten().count();
        Self::on(&engine, varying, [extent, aligned], rows, inputs)
    }

    /// Plans for `planes` planes of `extent` that are computed as planes of `aligned` would be.
    pub(super) fn on(
        engine: &Arc<dyn Engine>,
        planes: usize,
        [extent, aligned]: [Extent; 2],
        [band_rows, halo]: [usize; 2],
        inputs: &Arc<Inputs>,
    ) -> Result<Self, ModelError> {
        let mut plans: HashMap<[usize; 3], Arc<TypedRunnableModel>> = HashMap::new();
        let mut bands = Vec::new();
        let inputs = Arc::clone(inputs);
        for rows in divide(aligned.height, band_rows, halo) {
            let plan = match plans.get(&rows.shape()) {
                Some(plan) => Arc::clone(plan),
                None => engine.compile(rows, aligned.width)?.into_runnable()?,
            };
            let (engine, state) = (Arc::clone(engine), plan.spawn()?);
            plans.insert(rows.shape(), plan);
            let shape = engine.shape(rows, aligned.width);
            bands.push(Mutex::new(Band { engine, rows, width: aligned.width, plan: state, shape }));
        }
        let shapes: Vec<Vec<usize>> = bands.iter().map(|band| lock(band).shape.clone()).collect();
        for shape in &shapes {
            let alike = shapes.iter().filter(|other| *other == shape).count();
            inputs.provide(shape, alike, || engine.input(shape))?;
        }
        Ok(Self { extent, planes, band_rows, bands, inputs })
    }

    /// Number of input planes that vary.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Computes `f` from the input planes that vary.
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
            let mut f = rows.chunks_exact_mut(width);
            let outcome = lock(&self.bands[index]).run(inputs, &self.inputs, &mut f);
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

#[derive(Debug)]
struct Band {
    engine: Arc<dyn Engine>,
    rows: BandRows,
    width: usize,
    plan: TypedSimpleState,
    /// Of what the network is given.
    shape: Vec<usize>,
}

impl Band {
    fn run(
        &mut self,
        planes: &[&Plane<f32>],
        inputs: &Inputs,
        f: &mut dyn Iterator<Item = &mut [f32]>,
    ) -> TractResult<()> {
        let Self { engine, rows, width, plan, shape } = self;
        let free = inputs.take(shape);
        let mut z = free.map_or_else(|| engine.input(shape).map(Arc::new), Ok)?;
        // tract gave its share back when the last run ended; else this makes a copy.
        engine.load(planes, *rows, *width, Arc::make_mut(&mut z))?;
        let answer = plan.run(tvec![Arc::clone(&z).into_tvalue()])?;
        inputs.put(z);
        engine.store(&answer[0], *rows, *width, f)
    }
}
