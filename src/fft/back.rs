//! The second half of filtering: columns multiplied by every layer of a filter, and rows transformed
//! back and added up.

use super::blocks::{ROWS, block_count, parts};
use super::filter::{BlockFactors, ColumnPass, Filter};
use super::lanes::{Lanes, Sample, Work};
use super::spectrum::{Piece, Scratch, Scratches, Spectrum, copy_to_layer, layer, layer_mut};
use super::transform::{Gather, Layers, Output, RealFft2d, Store};
use super::turns::Collect;
use super::wide::WideFft;
use crate::executor::{Executor, for_chunks};
use crate::frame::Extent;

/// Filters columns: they are transformed, multiplied, and transformed back, real and imaginary parts exchanged.
struct FilterColumns<'a> {
    fft: &'a WideFft,
    columns: &'a mut [Sample],
    factors: BlockFactors<'a>,
}

impl Work for FilterColumns<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { fft, columns, factors } = self;
        match factors {
            BlockFactors::Real(factors) => fft.filter(lanes, columns, &factors),
            BlockFactors::Complex(factors) => fft.filter(lanes, columns, &factors),
        }
    }
}

impl RealFft2d {
    /// The step behind the first, for the layers of filters of one plane.
    pub(super) fn columns_back(
        &self,
        spectrum: &mut Spectrum,
        filters: &[&[Filter]],
        executor: &dyn Executor,
    ) {
        self.check(filters);
        let (parts, blocks) = (parts(self.extent), block_count(self.extent));
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
        let blocks = block_count(self.extent);
        let Spectrum { pieces, scratches, .. } = spectrum;
        for_chunks(executor, plane.samples_mut(), ROWS * self.extent.width, &|part, rows| {
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
        let count = starts().count();
        if count == 0 {
            return;
        }
        scratches.with(|scratch| {
            let Scratch { columns: lines, product, .. } = scratch;
            let columns = &mut lines[..self.extent.height];
            self.processor.run(Gather { pieces, columns });
            for (index, (at, filter, start)) in starts().enumerate() {
                let factors = filter.block(start);
                // The last one needs no copy of the columns.
                let columns = if index + 1 == count {
                    &mut *lines
                } else {
                    product.copy_from_slice(lines);
                    &mut product[..]
                };
                self.processor.run(FilterColumns { fft: &self.columns, columns, factors });
                scatter(&columns[..self.extent.height], at, pieces);
            }
        });
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
        let (width, top) = (self.extent.width, part * ROWS);
        if layers.1.is_empty() {
            let mut rows = (top..).zip(rows.chunks_mut(width));
            return self.each_row(part, (first, &layers.0[0]), pieces, scratch, |_, samples, _| {
                if let Some((y, row)) = rows.next() {
                    store(y, samples, row);
                }
            });
        }
        self.each_row(part, (first, &layers.0[0]), pieces, scratch, |y, samples, sums| {
            sums[(y - top) * width..][..width].copy_from_slice(samples);
        });
        self.add_layers(part, (first, layers), pieces, scratch);
        let sums = rows.chunks_mut(width).zip(scratch.sums.chunks(width));
        (top..).zip(sums).for_each(|(y, (row, sums))| store(y, sums, row));
    }

    /// Adds to the scratch's sums the rows of all layers but the first.
    fn add_layers(
        &self,
        part: usize,
        (first, (filters, weights)): (usize, Layers<'_>),
        pieces: &[Piece],
        scratch: &mut Scratch,
    ) {
        let Extent { width, height } = self.extent;
        let all = part * ROWS..height.min((part + 1) * ROWS);
        for (at, (filter, weights)) in (first + 1..).zip(filters[1..].iter().zip(weights)) {
            if weights.are_zero(all.clone()) {
                continue;
            }
            self.each_row(part, (at, filter), pieces, scratch, |y, samples, sums| {
                let sums = &mut sums[(y - all.start) * width..][..width];
                weights.add(y, samples.iter().copied(), sums);
            });
        }
    }

    /// Transforms the rows of a part of a layer back, and calls `each` with the index of each in the plane, the row,
    /// and the scratch's sums.
    fn each_row(
        &self,
        part: usize,
        (at, filter): (usize, &Filter),
        pieces: &[Piece],
        scratch: &mut Scratch,
        mut each: impl FnMut(usize, &[f32], &mut [f32]),
    ) {
        let Extent { width, height } = self.extent;
        let Scratch { pair, sums, .. } = scratch;
        for (index, y) in (part * ROWS..height.min((part + 1) * ROWS)).step_by(2).enumerate() {
            let blocks = filter.passes().iter().zip(pieces).enumerate();
            let blocks = blocks.map(|(block, (pass, piece))| {
                let rows = || &layer(piece, at)[2 * index..];
                (block, (*pass != ColumnPass::Zero).then(rows))
            });
            self.processor.run(Collect { line: &mut pair.line, width, blocks });
            self.rows.inverse(self.processor, pair);
            for (y, row) in (y..height).zip(&pair.rows) {
                each(y, row, sums);
            }
        }
    }
}

/// Puts columns, whose real and imaginary parts are exchanged, to a layer of their pieces.
fn scatter(columns: &[Sample], at: usize, pieces: &mut [Piece]) {
    for (rows, piece) in columns.chunks(ROWS).zip(pieces) {
        for (to, [im, re]) in layer_mut(piece, at).iter_mut().zip(rows) {
            *to = [*re, *im];
        }
    }
}
