//! Filtering in frequency: rows, columns, rows.
//!
//! Filtering is all that the restoration needs: the Wiener filter, the null-space projection and
//! the blur itself are products in frequency. It takes three steps, each of many equal parts that
//! an [`Executor`] may run side by side:
//!
//! ```text
//! forward      rows, two in one complex transform                        -> crossings
//! filter_back  columns, a block at a time in the cache: transformed,
//!              multiplied, transformed back                              -> crossings, in place
//!              rows transformed back                                     -> plane
//! ```
//!
//! Rows are transformed in parts of sixteen pairs, columns in blocks of sixteen, each side by side in the lanes of
//! vectors (`wide.rs`). A crossing is what a part and a block have in common; there coefficients are turned over
//! from the one to the other (`turns.rs`). A plane is larger than the caches of small processors, so each step reads
//! and writes it once, in pieces: the crossings. Between the steps the pieces change their order, not their place:
//! so each part of a step has its own, and one memory serves all steps.
//!
//! Blocks that a filter makes zero or leaves as they are need no second step. A filter of several
//! layers (see `field.rs`) multiplies a block's columns once for each of them, and its rows are
//! added up, weighted, where they are transformed back. Several filters of one plane share the first
//! step and the transform of the columns, as layers do, and each gives a plane of its own.
//!
//! Everything is planned by [`RealFft2d::plan`] and allocated by [`RealFft2d::spectrum`]; filtering
//! allocates nothing, and its result does not depend on who runs the parts.

use std::fmt;
use std::sync::Arc;

use super::blocks::{ROWS, block_count, parts};
use super::field::{FieldFilter, Weighted, Weights};
use super::filter::{ColumnPass, Filter};
use super::lanes::{Lanes, Processor, Sample, WIDTH, Work};
use super::layout::{Complex, coefficients, half_width};
use super::rows::RowFft;
use super::spectrum::{Piece, Scratch, Size, Spectrum, layer, layer_mut};
use super::turns::Deal;
use super::wide::WideFft;
use crate::executor::{Executor, Sequential, for_chunks};
use crate::frame::{Extent, Plane};

/// Fills the row of that index of a plane.
pub type Load<'a> = dyn Fn(usize, &mut [f32]) + Sync + 'a;

/// Makes of a filtered row, of that index, the row of the output.
pub type Store<'a> = dyn Fn(usize, &[f32], &mut [f32]) + Sync + 'a;

/// Where a filtered plane goes, and how its rows are made.
pub struct Output<'a> {
    /// The plane.
    pub plane: &'a mut Plane<f32>,
    /// Makes its rows.
    pub store: &'a Store<'a>,
}

/// The layers of a filter, and the weights of all but the first of them.
pub(super) type Layers<'a> = (&'a [Filter], &'a [Weights]);

/// A planned transform of planes of one extent.
#[derive(Clone)]
pub struct RealFft2d {
    pub(super) extent: Extent,
    pub(super) processor: Processor,
    pub(super) rows: Arc<RowFft>,
    pub(super) columns: Arc<WideFft>,
}

impl RealFft2d {
    /// Plans the transforms of planes of `extent`, which must not be empty.
    pub fn plan(extent: Extent) -> Self {
        Self::plan_for(Processor::detect(), extent)
    }

    /// The same for vectors of some kind.
    pub(super) fn plan_for(processor: Processor, extent: Extent) -> Self {
        assert!(!extent.is_empty(), "cannot plan a transform of {extent} samples");
        let rows = Arc::new(RowFft::plan(extent.width));
        Self { extent, processor, rows, columns: Arc::new(WideFft::plan(extent.height)) }
    }

    /// Memory to work in, on up to `threads` threads at once, by filters of one layer.
    pub fn spectrum(&self, threads: usize) -> Spectrum {
        self.layered_spectrum(1, threads)
    }

    /// Memory to work in, on up to `threads` threads at once, by filters of up to `layers` layers, those of
    /// several filters of one plane together.
    pub fn layered_spectrum(&self, layers: usize, threads: usize) -> Spectrum {
        let size = Size {
            extent: self.extent,
            layers,
            rows: Arc::clone(&self.rows),
            column: self.columns.room(),
        };
        Spectrum::new(size, threads)
    }

    /// First step of filters of one plane; `load(y, row)` fills its row `y`.
    ///
    /// # Panics
    /// Where a filter is not of the planned extent.
    pub fn forward<const N: usize>(
        &self,
        spectrum: &mut Spectrum,
        filters: [&FieldFilter; N],
        executor: &dyn Executor,
        load: &Load<'_>,
    ) {
        self.rows_forward(spectrum, &filters.map(FieldFilter::filters), executor, load);
    }

    /// The other steps: `store(y, samples, row)` of each output is given row `y` of the plane that its
    /// filter gives and makes of it row `y` of the output. The filters are those of the first step.
    ///
    /// # Panics
    /// Where filters or outputs are not of the planned extent, the filters have more layers than the memory,
    /// or one of them has not as many weights as layers behind the first.
    pub fn filter_back<const N: usize>(
        &self,
        spectrum: &mut Spectrum,
        filters: [Weighted<'_>; N],
        executor: &dyn Executor,
        outputs: [Output<'_>; N],
    ) {
        self.columns_back(spectrum, &filters.map(|(filter, _)| filter.filters()), executor);
        let mut first = 0;
        for ((filter, weights), output) in filters.into_iter().zip(outputs) {
            assert_eq!(filter.layers(), weights.len() + 1, "weights of another number of layers");
            self.rows_back(spectrum, first, (filter.filters(), weights), executor, output);
            first += filter.layers();
        }
    }

    /// Filters `input` into `output` on the caller's thread.
    ///
    /// # Panics
    /// Where one of them is not of the planned extent.
    pub fn filter(
        &self,
        spectrum: &mut Spectrum,
        filter: &Filter,
        input: &Plane<f32>,
        output: &mut Plane<f32>,
    ) {
        assert_eq!(input.extent(), self.extent, "a plane of another extent than planned");
        let filters = std::slice::from_ref(filter);
        let load = |y: usize, row: &mut [f32]| row.copy_from_slice(input.row(y));
        self.rows_forward(spectrum, &[filters], &Sequential, &load);
        self.columns_back(spectrum, &[filters], &Sequential);
        let store = &|_: usize, samples: &[f32], row: &mut [f32]| row.copy_from_slice(samples);
        let output = Output { plane: output, store };
        self.rows_back(spectrum, 0, (filters, &[]), &Sequential, output);
    }

    /// The coefficients of `input`, not scaled.
    ///
    /// # Panics
    /// Where it is not of the planned extent.
    pub fn transform(&self, input: &Plane<f32>) -> Vec<Complex> {
        assert_eq!(input.extent(), self.extent, "a plane of another extent than planned");
        let mut spectrum = self.spectrum(1);
        let load = |y: usize, row: &mut [f32]| row.copy_from_slice(input.row(y));
        self.rows_forward(&mut spectrum, &[], &Sequential, &load);
        // Rows were divided by their length.
        let scale = self.extent.width as f32;
        let height = self.extent.height;
        let places = self.columns.places();
        let mut all = Vec::with_capacity(coefficients(self.extent));
        for (index, pieces) in spectrum.pieces.chunks(parts(self.extent)).enumerate() {
            spectrum.scratches.with(|scratch| {
                let lines = &mut scratch.columns[..];
                self.processor.run(Gather { pieces, columns: &mut lines[..height] });
                self.processor.run(TransformColumns { fft: &self.columns, lines });
                let columns = WIDTH.min(half_width(self.extent) - index * WIDTH);
                for lane in 0..columns {
                    let values = places.iter().map(|place| &lines[*place]);
                    all.extend(values.map(|[re, im]| Complex::new(re.0[lane], im.0[lane]) * scale));
                }
            });
        }
        all
    }

    /// Transforms the rows; crossings of blocks that all of the filters, if there are any, make zero are
    /// left out.
    fn rows_forward(
        &self,
        spectrum: &mut Spectrum,
        filters: &[&[Filter]],
        executor: &dyn Executor,
        load: &Load<'_>,
    ) {
        self.check(filters);
        let Spectrum { pieces, scratches, .. } = &mut *spectrum;
        for_chunks(executor, pieces, block_count(self.extent), &|part, pieces| {
            scratches.with(|scratch| self.transform_rows(part, filters, scratch, load, pieces));
        });
        spectrum.reorder(parts(self.extent));
    }

    /// Transforms a part of the rows and deals it out to the blocks of columns.
    fn transform_rows(
        &self,
        part: usize,
        filters: &[&[Filter]],
        scratch: &mut Scratch,
        load: &Load<'_>,
        pieces: &mut [Piece],
    ) {
        let Extent { width, height } = self.extent;
        // What is told apart of a pair of rows is twice what it is.
        let scale = 0.5 / width as f32;
        let pair = &mut scratch.pair;
        let is_zero = |index: usize| {
            let mut all = filters.iter().copied().flatten();
            !filters.is_empty() && all.all(|filter| filter.passes()[index] == ColumnPass::Zero)
        };
        for (at, y) in (part * ROWS..height.min((part + 1) * ROWS)).step_by(2).enumerate() {
            let [even, odd] = &mut pair.rows;
            load(y, even);
            if y + 1 < height {
                load(y + 1, odd)
            } else {
                odd.fill(0.0)
            }
            self.rows.forward(self.processor, pair, scale);
            let blocks = pieces.iter_mut().enumerate().filter(|(index, _)| !is_zero(*index));
            let blocks = blocks.map(|(index, piece)| (index, &mut layer_mut(piece, 0)[2 * at..]));
            self.processor.run(Deal { line: &pair.line, width, blocks });
        }
    }

    pub(super) fn check(&self, filters: &[&[Filter]]) {
        let fit = filters.iter().copied().flatten().all(|filter| filter.extent() == self.extent);
        assert!(fit, "a filter of another extent than planned");
    }
}

/// Transforms columns.
struct TransformColumns<'a> {
    fft: &'a WideFft,
    lines: &'a mut [Sample],
}

impl Work for TransformColumns<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        self.fft.forward(lanes, self.lines);
    }
}

/// Fills the columns of a block from its pieces.
pub(super) struct Gather<'a> {
    pub(super) pieces: &'a [Piece],
    pub(super) columns: &'a mut [Sample],
}

impl Work for Gather<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let next = self.pieces.iter().skip(1).map(|piece| layer(piece, 0)).chain([&[][..]]);
        for ((rows, piece), next) in self.columns.chunks_mut(ROWS).zip(self.pieces).zip(next) {
            next.iter().for_each(|sample| lanes.prefetch(sample));
            rows.copy_from_slice(&layer(piece, 0)[..rows.len()]);
        }
    }
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Output({})", self.plane.extent())
    }
}

impl fmt::Debug for RealFft2d {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RealFft2d({})", self.extent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fft::frequency;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    fn plane(extent: Extent, seed: u32) -> Plane<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        Plane::from_fn(extent, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        })
    }

    fn filtered(input: &Plane<f32>, filter: &Filter) -> Plane<f32> {
        let mut output = Plane::new(input.extent(), 0.0);
        let fft = RealFft2d::plan(input.extent());
        fft.filter(&mut fft.spectrum(1), filter, input, &mut output);
        output
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_coefficients_are_those_of_the_definition(
            width in 1_usize..12, height in 1_usize..40, seed: u32,
        ) {
            let extent = Extent::new(width, height);
            let input = plane(extent, seed);
            let spectrum = RealFft2d::plan(extent).transform(&input);
            for (index, value) in spectrum.iter().enumerate() {
                let (u, v) = frequency(extent, index);
                let (mut re, mut im) = (0.0, 0.0);
                for (y, row) in input.rows().enumerate() {
                    for (x, &sample) in row.iter().enumerate() {
                        let angle = -TAU * (u * x as f64 + v * y as f64);
                        re += f64::from(sample) * angle.cos();
                        im += f64::from(sample) * angle.sin();
                    }
                }
                let error = (f64::from(value.re) - re).hypot(f64::from(value.im) - im);
                prop_assert!(error < 2e-5, "coefficient {} of {} is off by {}", index, extent, error);
            }
        }

        #[test]
        fn the_filter_of_ones_changes_nothing(width in 1_usize..90, height in 1_usize..90, seed: u32) {
            let input = plane(Extent::new(width, height), seed);
            let output = filtered(&input, &Filter::real(input.extent(), |_| 1.0));
            for (is, was) in output.samples().iter().zip(input.samples()) {
                prop_assert!((is - was).abs() < 1e-5);
            }
        }
    }

    /// The bits of a plane, filtered on some processor.
    fn bits(processor: Processor, input: &Plane<f32>, filter: &Filter) -> Vec<u32> {
        let mut output = Plane::new(input.extent(), 0.0);
        let fft = RealFft2d::plan_for(processor, input.extent());
        fft.filter(&mut fft.spectrum(1), filter, input, &mut output);
        output.samples().iter().map(|sample| sample.to_bits()).collect()
    }

    #[test]
    fn vectors_of_all_lengths_give_the_same_bits() {
        for (width, height) in [(336, 108), (300, 101), (31, 64)] {
            let input = plane(Extent::new(width, height), 7);
            let filter = Filter::real(input.extent(), |index| 1.0 / (1 + index % 5) as f64);
            let vectors = Processor::all().filter(|processor| processor.is_fused());
            let all: Vec<_> = vectors.map(|processor| bits(processor, &input, &filter)).collect();
            assert!(all.windows(2).all(|two| two[0] == two[1]), "{width}x{height}");
        }
    }
}
