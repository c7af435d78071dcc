//! Filtering in frequency: rows, columns, rows.
//!
//! Filtering is all that the restoration needs: the Wiener filter, the null-space projection and
//! the blur itself are products in frequency. It takes three steps, each of many equal parts that
//! an [`Executor`] may run side by side:
//!
//! ```text
//! forward      rows, two in one complex transform                        -> shares
//! filter_back  columns, a block at a time in the cache: transformed,
//!              multiplied, transformed back                              -> shares, in place
//!              rows transformed back                                     -> plane
//! ```
//!
//! A share is what rows and columns have in common: a block of columns of a pair of rows. A plane is
//! larger than the caches of small processors, so each step reads and writes it once, in pieces:
//! the shares that a part of the rows has of a block. Between the steps the pieces change their
//! order, not their place: so each part of a step has its own, and one memory serves all steps.
//!
//! Blocks that a filter makes zero or leaves as they are need no second step.
//!
//! Everything is planned by [`RealFft2d::plan`] and allocated by [`RealFft2d::spectrum`]; filtering
//! allocates nothing, and its result does not depend on who runs the parts.

use std::fmt;
use std::sync::Arc;

use rustfft::{Fft, FftPlanner};

use super::filter::{ColumnPass, Filter};
use super::layout::{Complex, coefficients};
use super::pairs::{self, Block, SHARE};
use super::spectrum::{PAIRS, Piece, Scratch, Spectrum, pairs_of, parts};
use crate::executor::{Executor, Sequential, for_all, for_chunks};
use crate::frame::{Extent, Plane};

/// Fills the row of that index of a plane.
pub type Load<'a> = dyn Fn(usize, &mut [f32]) + Sync + 'a;

/// Makes of a filtered row, of that index, the row of the output.
pub type Store<'a> = dyn Fn(usize, &[f32], &mut [f32]) + Sync + 'a;

/// A planned transform of planes of one extent.
#[derive(Clone)]
pub struct RealFft2d {
    extent: Extent,
    row_forward: Arc<dyn Fft<f32>>,
    row_inverse: Arc<dyn Fft<f32>>,
    column_forward: Arc<dyn Fft<f32>>,
    column_inverse: Arc<dyn Fft<f32>>,
}

impl RealFft2d {
    /// Plans the transforms of planes of `extent`, which must not be empty.
    pub fn plan(extent: Extent) -> Self {
        assert!(!extent.is_empty(), "cannot plan a transform of {extent} samples");
        let mut planner = FftPlanner::new();
        Self {
            extent,
            row_forward: planner.plan_fft_forward(extent.width),
            row_inverse: planner.plan_fft_inverse(extent.width),
            column_forward: planner.plan_fft_forward(extent.height),
            column_inverse: planner.plan_fft_inverse(extent.height),
        }
    }

    /// Memory to work in, on up to `threads` threads at once.
    pub fn spectrum(&self, threads: usize) -> Spectrum {
        Spectrum::new(self.extent, threads, self.transform_room())
    }

    /// First step of a filter; `load(y, row)` fills row `y` of the plane.
    ///
    /// # Panics
    /// Where the filter is not of the planned extent.
    pub fn forward(
        &self,
        spectrum: &mut Spectrum,
        filter: &Filter,
        executor: &dyn Executor,
        load: &Load<'_>,
    ) {
        assert_eq!(filter.extent(), self.extent, "a filter of another extent than planned");
        self.rows_forward(spectrum, Some(filter.passes()), executor, load);
    }

    /// The other steps: `store(y, samples, row)` is given row `y` of the filtered plane and makes of
    /// it row `y` of `output`. The filter is the one of the first step.
    ///
    /// # Panics
    /// Where filter or output are not of the planned extent.
    pub fn filter_back(
        &self,
        spectrum: &mut Spectrum,
        filter: &Filter,
        executor: &dyn Executor,
        output: &mut Plane<f32>,
        store: &Store<'_>,
    ) {
        assert_eq!(filter.extent(), self.extent, "a filter of another extent than planned");
        assert_eq!(output.extent(), self.extent, "a plane of another extent than planned");
        let (parts, blocks) = (parts(self.extent), filter.passes().len());
        let Spectrum { pieces, scratches, .. } = spectrum;
        let columns = pieces.chunks_mut(parts).zip(filter.passes()).enumerate();
        for_all(executor, columns, &|(index, (pieces, pass))| {
            if let ColumnPass::Multiply(start) = pass {
                scratches.with(|scratch| {
                    self.filter_block(index, (filter, *start), scratch, pieces);
                });
            }
        });
        spectrum.reorder(blocks);
        let Spectrum { pieces, scratches, .. } = &*spectrum;
        for_chunks(executor, output.samples_mut(), 2 * PAIRS * self.extent.width, &|part, out| {
            scratches.with(|scratch| {
                self.collect(filter.passes(), &pieces[part * blocks..], scratch);
                self.restore_rows(part, scratch, out, store);
            });
        });
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
        self.forward(spectrum, filter, &Sequential, &|y, row| row.copy_from_slice(input.row(y)));
        let copy = |_: usize, samples: &[f32], row: &mut [f32]| row.copy_from_slice(samples);
        self.filter_back(spectrum, filter, &Sequential, output, &copy);
    }

    /// The coefficients of `input`, not scaled.
    ///
    /// # Panics
    /// Where it is not of the planned extent.
    pub fn transform(&self, input: &Plane<f32>) -> Vec<Complex> {
        assert_eq!(input.extent(), self.extent, "a plane of another extent than planned");
        let mut spectrum = self.spectrum(1);
        let load = |y: usize, row: &mut [f32]| row.copy_from_slice(input.row(y));
        self.rows_forward(&mut spectrum, None, &Sequential, &load);
        // Pairs of rows are told apart without halving, and were divided by their length.
        let scale = 0.5 * self.extent.width as f32;
        let mut all = Vec::with_capacity(coefficients(self.extent));
        for (index, block) in pairs::blocks(self.extent).enumerate() {
            let pieces = &spectrum.pieces[index * parts(self.extent)..];
            spectrum.scratches.with(|scratch| {
                self.gather(block, pieces, scratch);
                for column in block.columns(&mut scratch.columns) {
                    self.column_forward.process_with_scratch(column, &mut scratch.transform);
                    all.extend(column.iter().map(|value| value * scale));
                }
            });
        }
        all
    }

    /// Transforms the rows; shares of blocks that become zero, where passes are given, are left out.
    fn rows_forward(
        &self,
        spectrum: &mut Spectrum,
        passes: Option<&[ColumnPass]>,
        executor: &dyn Executor,
        load: &Load<'_>,
    ) {
        let blocks = pairs::blocks(self.extent).len();
        let Spectrum { pieces, scratches, .. } = &mut *spectrum;
        for_chunks(executor, pieces, blocks, &|part, pieces| {
            scratches.with(|scratch| self.transform_rows(part, passes, scratch, load, pieces));
        });
        spectrum.reorder(parts(self.extent));
    }

    /// Transforms a part of the rows and deals it out to the blocks of columns.
    fn transform_rows(
        &self,
        part: usize,
        passes: Option<&[ColumnPass]>,
        scratch: &mut Scratch,
        load: &Load<'_>,
        pieces: &mut [Piece],
    ) {
        let Extent { width, height } = self.extent;
        let scale = 1.0 / width as f32;
        let count = pairs_of(self.extent, part);
        let ([even, odd], pairs) = (&mut scratch.rows, &mut scratch.pairs[..count * width]);
        for (offset, pair) in pairs.chunks_exact_mut(width).enumerate() {
            let y = 2 * (part * PAIRS + offset);
            load(y, even);
            if y + 1 < height {
                load(y + 1, odd)
            } else {
                odd.fill(0.0)
            }
            let samples = even.iter().zip(odd.iter());
            pair.iter_mut()
                .zip(samples)
                .for_each(|(z, (a, b))| *z = Complex::new(scale * a, scale * b));
        }
        self.row_forward.process_with_scratch(pairs, &mut scratch.transform);
        for (index, (block, piece)) in pairs::blocks(self.extent).zip(pieces).enumerate() {
            if passes.is_some_and(|passes| passes[index] == ColumnPass::Zero) {
                continue;
            }
            let shares = piece.chunks_exact_mut(SHARE);
            shares
                .zip(pairs.chunks_exact(width))
                .for_each(|(share, pair)| block.share(pair, share));
        }
    }

    /// Fills the scratch's columns with those of a block, whose pieces come first.
    fn gather(&self, block: Block, pieces: &[Piece], scratch: &mut Scratch) {
        for (part, piece) in pieces[..parts(self.extent)].iter().enumerate() {
            let count = pairs_of(self.extent, part);
            block.take(part * PAIRS, &piece[..count * SHARE], &mut scratch.columns);
        }
    }

    /// Filters a block of columns by the factors from `start` on.
    fn filter_block(
        &self,
        index: usize,
        (filter, start): (&Filter, usize),
        scratch: &mut Scratch,
        pieces: &mut [Piece],
    ) {
        let block = Block::new(self.extent, index);
        self.gather(block, pieces, scratch);
        let starts = (start..).step_by(self.extent.height);
        for (start, column) in starts.zip(block.columns(&mut scratch.columns)) {
            self.column_forward.process_with_scratch(column, &mut scratch.transform);
            filter.apply(start, column);
            self.column_inverse.process_with_scratch(column, &mut scratch.transform);
        }
        for (part, piece) in pieces.iter_mut().enumerate() {
            let count = pairs_of(self.extent, part);
            block.put(part * PAIRS, &mut scratch.columns, &mut piece[..count * SHARE]);
        }
    }

    /// Puts a part of the rows together on the scratch.
    fn collect(&self, passes: &[ColumnPass], pieces: &[Piece], scratch: &mut Scratch) {
        let blocks = pairs::blocks(self.extent).zip(passes).zip(pieces);
        for ((block, pass), piece) in blocks {
            let pairs = scratch.pairs.chunks_exact_mut(self.extent.width);
            if *pass == ColumnPass::Zero {
                pairs.for_each(|pair| block.clear(pair));
            } else {
                let shares = piece.chunks_exact(SHARE);
                pairs.zip(shares).for_each(|(pair, share)| block.give(share, pair));
            }
        }
    }

    /// Transforms the part of the rows on the scratch back.
    fn restore_rows(
        &self,
        part: usize,
        scratch: &mut Scratch,
        rows: &mut [f32],
        store: &Store<'_>,
    ) {
        let width = self.extent.width;
        let count = rows.len().div_ceil(2 * width);
        let pairs = &mut scratch.pairs[..count * width];
        self.row_inverse.process_with_scratch(pairs, &mut scratch.transform);
        let [even, odd] = &mut scratch.rows;
        for (index, (rows, pair)) in rows.chunks_mut(2 * width).zip(pairs.chunks(width)).enumerate()
        {
            let samples = even.iter_mut().zip(odd.iter_mut());
            samples.zip(pair).for_each(|((a, b), z)| (*a, *b) = (z.re, z.im));
            let y = 2 * (part * PAIRS + index);
            let samples = [&even[..], &odd[..]];
            for ((y, row), samples) in (y..).zip(rows.chunks_mut(width)).zip(samples) {
                store(y, samples, row);
            }
        }
    }

    /// Room that any of the transforms needs.
    fn transform_room(&self) -> usize {
        let plans =
            [&self.row_forward, &self.row_inverse, &self.column_forward, &self.column_inverse];
        plans.into_iter().map(|plan| plan.get_inplace_scratch_len()).max().unwrap_or(0)
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
}
