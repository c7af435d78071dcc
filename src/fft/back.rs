//! The second half of filtering: columns multiplied by every layer of a filter, and rows transformed
//! back and added up.

use super::filter::{ColumnPass, Filter};
use super::layout::Complex;
use super::pairs::{self, Block, CROSSING};
use super::spectrum::{
    PAIRS, Piece, Scratch, Scratches, Spectrum, copy_to_layer, layer, layer_mut, pairs_of, parts,
};
use super::transform::{Layers, Output, RealFft2d, Store};
use crate::executor::{Executor, for_chunks};

impl RealFft2d {
    /// The step behind the first, for the layers of filters of one plane.
    pub(super) fn columns_back(
        &self,
        spectrum: &mut Spectrum,
        filters: &[&[Filter]],
        executor: &dyn Executor,
    ) {
        self.check(filters);
        let (parts, blocks) = (parts(self.extent), pairs::blocks(self.extent).len());
        let Spectrum { pieces, scratches, .. } = &mut *spectrum;
        for_chunks(executor, pieces, parts, &|index, pieces| {
            self.filter_block(index, filters, scratches, pieces);
        });
        spectrum.reorder(blocks);
    }

    /// The last step, for a filter whose layers are those from `first` on.
    pub(super) fn rows_back(
        &self,
        spectrum: &Spectrum,
        first: usize,
        layers: Layers<'_>,
        executor: &dyn Executor,
        Output { plane, store }: Output<'_>,
    ) {
        assert_eq!(plane.extent(), self.extent, "a plane of another extent than planned");
        let blocks = pairs::blocks(self.extent).len();
        let Spectrum { pieces, scratches, .. } = spectrum;
        for_chunks(executor, plane.samples_mut(), 2 * PAIRS * self.extent.width, &|part, rows| {
            let pieces = &pieces[part * blocks..];
            scratches.with(|scratch| {
                self.restore_rows(part, (first, layers), pieces, scratch, (rows, store));
            });
        });
    }

    /// Filters a block of columns by all layers. What a layer leaves as it is needs no transform,
    /// what it makes zero is not looked at again.
    fn filter_block(
        &self,
        index: usize,
        filters: &[&[Filter]],
        scratches: &Scratches,
        pieces: &mut [Piece],
    ) {
        let layers = || filters.iter().copied().flatten().enumerate();
        let passes = || layers().map(|(at, filter)| (at, filter.passes()[index]));
        for (at, _) in passes().skip(1).filter(|(_, pass)| *pass == ColumnPass::Leave) {
            pieces.iter_mut().for_each(|piece| copy_to_layer(piece, at));
        }
        let starts = || {
            layers().filter_map(|(at, filter)| Some((at, filter, filter.passes()[index].start()?)))
        };
        let Some((at, filter, start)) = starts().next() else { return };
        scratches.with(|scratch| {
            let block = Block::new(self.extent, index);
            self.gather(block, pieces, &mut scratch.columns);
            if starts().nth(1).is_none() {
                self.convolve(block, filter, start, scratch);
                return self.scatter(block, at, &mut scratch.columns, pieces);
            }
            self.transform_columns(block, scratch);
            for (at, filter, start) in starts() {
                self.multiply(block, filter, start, scratch);
                self.scatter(block, at, &mut scratch.product, pieces);
            }
        });
    }

    /// Filters the scratch's columns in place, by the factors from `start` on.
    fn convolve(&self, block: Block, filter: &Filter, start: usize, scratch: &mut Scratch) {
        let starts = (start..).step_by(self.extent.height);
        for (start, column) in starts.zip(block.columns(&mut scratch.columns)) {
            self.column_forward.process_with_scratch(column, &mut scratch.transform);
            filter.apply(start, column);
            self.column_inverse.process_with_scratch(column, &mut scratch.transform);
        }
    }

    fn transform_columns(&self, block: Block, scratch: &mut Scratch) {
        for column in block.columns(&mut scratch.columns) {
            self.column_forward.process_with_scratch(column, &mut scratch.transform);
        }
    }

    /// Makes the scratch's product of its transformed columns and the factors from `start` on.
    fn multiply(&self, block: Block, filter: &Filter, start: usize, scratch: &mut Scratch) {
        let Scratch { columns, product, transform, .. } = scratch;
        let columns = block.columns(columns).zip(block.columns(product));
        for (start, (column, product)) in (start..).step_by(self.extent.height).zip(columns) {
            product.copy_from_slice(column);
            filter.apply(start, product);
            self.column_inverse.process_with_scratch(product, transform);
        }
    }

    /// Writes the columns of a block to a layer of its pieces.
    fn scatter(&self, block: Block, at: usize, columns: &mut [Complex], pieces: &mut [Piece]) {
        for (part, piece) in pieces.iter_mut().enumerate() {
            let count = pairs_of(self.extent, part);
            block.put(part * PAIRS, columns, layer_mut(piece, at, count));
        }
    }

    /// Transforms the rows of a part back, adds up those of all layers, and stores them.
    fn restore_rows(
        &self,
        part: usize,
        (first, layers): (usize, Layers<'_>),
        pieces: &[Piece],
        scratch: &mut Scratch,
        (rows, store): (&mut [f32], &Store<'_>),
    ) {
        let width = self.extent.width;
        self.restore_layer(part, (first, &layers.0[0]), pieces, scratch);
        if !layers.1.is_empty() {
            self.sum_layers(part, (first, layers), pieces, scratch);
            let sums = rows.chunks_mut(width).zip(scratch.sums.chunks(width));
            return (2 * part * PAIRS..).zip(sums).for_each(|(y, (row, sums))| store(y, sums, row));
        }
        let Scratch { rows: [even, odd], pairs, .. } = scratch;
        for (index, (rows, pair)) in rows.chunks_mut(2 * width).zip(pairs.chunks(width)).enumerate()
        {
            unpack(pair, even, odd);
            let samples = [&even[..], &odd[..]];
            let y = 2 * (part * PAIRS + index);
            for ((y, row), samples) in (y..).zip(rows.chunks_mut(width)).zip(samples) {
                store(y, samples, row);
            }
        }
    }

    /// Fills the scratch's sums with the rows of the first layer, which are there already, and of all
    /// others.
    fn sum_layers(
        &self,
        part: usize,
        (first, (filters, weights)): (usize, Layers<'_>),
        pieces: &[Piece],
        scratch: &mut Scratch,
    ) {
        let width = self.extent.width;
        for (pair, sums) in scratch.pairs.chunks(width).zip(scratch.sums.chunks_mut(2 * width)) {
            let (even, odd) = sums.split_at_mut(width);
            unpack(pair, even, odd);
        }
        let top = 2 * part * PAIRS;
        let all = top..self.extent.height.min(top + 2 * PAIRS);
        for (at, (filter, weights)) in (first + 1..).zip(filters[1..].iter().zip(weights)) {
            if weights.are_zero(all.clone()) {
                continue;
            }
            self.restore_layer(part, (at, filter), pieces, scratch);
            let ys = (top..self.extent.height).step_by(2);
            let sums = scratch.sums.chunks_mut(2 * width);
            for (y, (pair, sums)) in ys.zip(scratch.pairs.chunks(width).zip(sums)) {
                let (even, odd) = sums.split_at_mut(width);
                weights.add(y, pair.iter().map(|z| z.re), even);
                if y + 1 < self.extent.height {
                    weights.add(y + 1, pair.iter().map(|z| z.im), odd);
                }
            }
        }
    }

    /// Puts a part of the rows of a layer together on the scratch, and transforms it back.
    fn restore_layer(
        &self,
        part: usize,
        (at, filter): (usize, &Filter),
        pieces: &[Piece],
        scratch: &mut Scratch,
    ) {
        let width = self.extent.width;
        for ((block, pass), piece) in pairs::blocks(self.extent).zip(filter.passes()).zip(pieces) {
            let pairs = scratch.pairs.chunks_exact_mut(width);
            if *pass == ColumnPass::Zero {
                pairs.for_each(|pair| block.clear(pair));
            } else {
                let crossings = layer(piece, at, PAIRS).chunks_exact(CROSSING);
                pairs.zip(crossings).for_each(|(pair, crossing)| block.give(crossing, pair));
            }
        }
        let pairs = &mut scratch.pairs[..pairs_of(self.extent, part) * width];
        self.row_inverse.process_with_scratch(pairs, &mut scratch.transform);
    }
}

/// The two rows of a pair.
fn unpack(pair: &[Complex], even: &mut [f32], odd: &mut [f32]) {
    let samples = even.iter_mut().zip(odd.iter_mut());
    samples.zip(pair).for_each(|((a, b), z)| (*a, *b) = (z.re, z.im));
}
