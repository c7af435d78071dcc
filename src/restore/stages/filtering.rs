//! The transforms that all stages of a restoration share: one plan, and memory for as many planes as
//! are filtered at once.

use std::sync::Arc;

use super::super::executor::Executor;
use super::super::fft2d::{Filter, Load, RealFft2d, Spectrum, Store};
use super::super::spare::Spare;
use crate::frame::{Extent, Plane};

/// Planes that are filtered at once where frames follow each other: one by the Wiener filter, one
/// by a projection.
const AT_ONCE: usize = 2;

/// Filters planes of one extent.
#[derive(Debug)]
pub(crate) struct Filtering {
    fft: RealFft2d,
    spectra: Spare<Spectrum>,
    executor: Arc<dyn Executor>,
}

/// A plane whose rows have been transformed.
pub(super) struct Begun<'a> {
    filtering: &'a Filtering,
    filter: &'a Filter,
    spectrum: Spectrum,
}

/// How much of the plane a filter looks at.
pub(super) fn columns(filter: &Filter) -> String {
    format!("{:.0} % of the columns", 100.0 * filter.share())
}

impl Filtering {
    /// Plans for up to `in_work` frames at a time.
    pub(crate) fn plan(extent: Extent, in_work: usize, executor: &Arc<dyn Executor>) -> Self {
        let fft = RealFft2d::plan(extent);
        let spectra = Spare::new(AT_ONCE.min(in_work), || fft.spectrum(executor.threads()));
        Self { fft, spectra, executor: Arc::clone(executor) }
    }

    /// Takes a plane in: `load(y, row)` fills row `y`.
    pub(super) fn begin<'a>(&'a self, filter: &'a Filter, load: &Load<'_>) -> Begun<'a> {
        let mut spectrum = self.spectra.take(|| self.fft.spectrum(self.executor.threads()));
        self.fft.forward(&mut spectrum, filter, &*self.executor, load);
        Begun { filtering: self, filter, spectrum }
    }
}

impl Begun<'_> {
    /// Gives the filtered plane out: `store(y, samples, row)` makes row `y` of `output` of its row.
    pub(super) fn finish(mut self, output: &mut Plane<f32>, store: &Store<'_>) {
        let Filtering { fft, spectra, executor } = self.filtering;
        fft.filter_back(&mut self.spectrum, self.filter, &**executor, output, store);
        spectra.put(self.spectrum);
    }
}
