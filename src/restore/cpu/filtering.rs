//! The filters of a restoration: the Wiener filter and the null-space projections.
//!
//! All of them share one plan of transforms and the memory of one plane in frequency.

use std::sync::Arc;

use super::workspace::{Channel, Estimate};
use crate::executor::Executor;
use crate::fft::{FieldFilter, Output, RealFft2d, Spectrum, Weighted};
use crate::frame::{Extent, Plane};

/// Filters planes of one extent.
#[derive(Debug)]
pub(crate) struct Filtering {
    fft: RealFft2d,
    spectrum: Spectrum,
    executor: Arc<dyn Executor>,
}

/// How much of the plane a filter looks at.
pub(crate) fn columns(filter: &FieldFilter) -> String {
    let layers = match filter.layers() {
        1 => String::new(),
        layers => format!("{layers} layers, "),
    };
    format!("{layers}{:.0} % of the columns", 100.0 * filter.share())
}

impl Filtering {
    /// Plans for planes of `extent` and filters of up to `layers` layers.
    pub(crate) fn plan(extent: Extent, layers: usize, executor: &Arc<dyn Executor>) -> Self {
        let fft = RealFft2d::plan(extent);
        let spectrum = fft.layered_spectrum(layers, executor.threads());
        Self { fft, spectrum, executor: Arc::clone(executor) }
    }

    /// Fills `output` with `input` filtered.
    pub(crate) fn apply(
        &mut self,
        filter: Weighted<'_>,
        input: &Plane<f32>,
        output: &mut Plane<f32>,
    ) {
        let (spectrum, executor) = (&mut self.spectrum, &*self.executor);
        let load = |at: usize, row: &mut [f32]| row.copy_from_slice(input.row(at));
        let store = &|_: usize, samples: &[f32], row: &mut [f32]| row.copy_from_slice(samples);
        self.fft.forward(spectrum, [filter.0], executor, &load);
        self.fft.filter_back(spectrum, [filter], executor, [Output { plane: output, store }]);
    }

    /// `x_w = H+_R y`, and the weak estimate by the transform of the same `y`, where there is one.
    pub(crate) fn wiener(
        &mut self,
        filter: Weighted<'_>,
        weak_filter: Option<Weighted<'_>>,
        channel: &mut Channel,
    ) {
        let Channel { y, x_w, weak, .. } = channel;
        let Some(weak_filter) = weak_filter else { return self.apply(filter, y, x_w) };
        let (spectrum, executor) = (&mut self.spectrum, &*self.executor);
        let load = |at: usize, row: &mut [f32]| row.copy_from_slice(y.row(at));
        let store = &|_: usize, samples: &[f32], row: &mut [f32]| row.copy_from_slice(samples);
        let outputs = [x_w, weak].map(|plane| Output { plane, store });
        self.fft.forward(spectrum, [filter.0, weak_filter.0], executor, &load);
        self.fft.filter_back(spectrum, [filter, weak_filter], executor, outputs);
    }

    /// `g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k)`, where `g_0 = x_w` and `known` is `1 - 1/c`.
    ///
    /// That is `(conj(H) y + c R v) / (|H|^2 + c R)` in frequency for `v = g_(k-1) + f_k`, written so
    /// that the spectrum of `y` need not be kept: the best compromise between the data and what the
    /// network makes of the estimate, the network weighing `c` times what natural images weigh.
    pub(crate) fn project(
        &mut self,
        (known, projection): (f32, Weighted<'_>),
        before: Estimate,
        channel: &mut Channel,
    ) {
        let Channel { x_w, f, g, .. } = channel;
        let (spectrum, executor) = (&mut self.spectrum, &*self.executor);
        {
            let before = if before == Estimate::Wiener { &*x_w } else { &*g };
            let load = |y: usize, row: &mut [f32]| {
                let estimates = before.row(y).iter().zip(x_w.row(y));
                let terms = f.row(y).iter().zip(estimates);
                row.iter_mut().zip(terms).for_each(|(sum, (f, (before, x_w)))| {
                    *sum = f + (before - known * x_w);
                });
            };
            self.fft.forward(spectrum, [projection.0], executor, &load);
        }
        let store = |y: usize, projected: &[f32], row: &mut [f32]| {
            let terms = x_w.row(y).iter().zip(projected);
            row.iter_mut().zip(terms).for_each(|(g, (x_w, p))| *g = x_w + p);
        };
        let output = Output { plane: g, store: &store };
        self.fft.filter_back(spectrum, [projection], executor, [output]);
    }
}
