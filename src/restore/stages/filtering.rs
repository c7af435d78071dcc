//! The transforms that all stages of a restoration share: one plan, and memory for as many frames
//! as are in work at once.

use std::sync::Arc;

use super::super::RestoreError;
use super::super::executor::Executor;
use super::super::fft2d::{Filter, RealFft2d, Spectrum};
use crate::frame::{Extent, Lease, Plane, Pool};

/// Filters planes of one extent.
#[derive(Debug)]
pub(crate) struct Filtering {
    fft: RealFft2d,
    spectra: Pool<Spectrum>,
    executor: Arc<dyn Executor>,
}

/// A plane whose rows have been transformed.
pub(super) struct Begun<'a> {
    filtering: &'a Filtering,
    lease: Lease<Spectrum>,
}

impl Filtering {
    /// Plans for `in_work` frames at a time.
    pub(crate) fn plan(extent: Extent, in_work: usize, executor: &Arc<dyn Executor>) -> Self {
        let fft = RealFft2d::plan(extent);
        let spectra = Pool::new(in_work, || fft.spectrum(executor.threads()));
        Self { fft, spectra, executor: Arc::clone(executor) }
    }

    /// Takes a plane in: `load(y, row)` fills row `y`.
    pub(super) fn begin(
        &self,
        load: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Result<Begun<'_>, RestoreError> {
        let mut lease = self.spectra.lease().ok_or(RestoreError::NoWorkspace)?;
        self.fft.forward(&mut lease.get(), &*self.executor, load);
        Ok(Begun { filtering: self, lease })
    }
}

impl Begun<'_> {
    /// Gives the filtered plane out: `store(y, samples, row)` makes row `y` of `output` of its row.
    pub(super) fn finish(
        mut self,
        filter: &Filter,
        output: &mut Plane<f32>,
        store: &(dyn Fn(usize, &[f32], &mut [f32]) + Sync),
    ) {
        let Filtering { fft, executor, .. } = self.filtering;
        fft.filter_back(&mut self.lease.get(), filter, &**executor, output, store);
    }
}
