//! Two real rows in one complex transform, and what of it belongs to which columns.
//!
//! The transform of `z = a + ib`, `a` and `b` real rows of `W` samples, holds those of both:
//!
//! ```text
//! 2 A_k = Z_k + conj(Z_(W-k))          Z_k     = A_k + i B_k
//! 2 B_k = -i (Z_k - conj(Z_(W-k)))     Z_(W-k) = conj(A_k) + i conj(B_k)
//! ```
//!
//! That spares half of the work. Columns are worked on in blocks, and a block's crossing with a pair of
//! rows is kept in one piece: so the rows are told apart and put together again where coefficients
//! move between rows and columns anyway, and every move is of whole cache lines.

use std::ops::Range;

use super::layout::{Complex, half_width};
use crate::frame::Extent;

/// Columns of a block: two cache lines of every pair of rows.
const COLUMNS: usize = 16;

/// Coefficients that a block has of a pair of rows: those of its columns and, behind them and
/// backwards, their partners: that of column `W - k` for column `k`.
pub(super) const CROSSING: usize = 2 * COLUMNS;

/// Complex samples by which columns lie further apart than they are long: were they a power of two
/// apart, a cache would hold few of them at once.
const GAP: usize = 8;

/// A block of the columns that are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    extent: Extent,
    first: usize,
    count: usize,
    /// Columns without a partner: column 0 is its own.
    single: usize,
}

/// The blocks of the columns that are kept.
pub(super) fn blocks(extent: Extent) -> impl ExactSizeIterator<Item = Block> {
    (0..half_width(extent).div_ceil(COLUMNS)).map(move |index| Block::new(extent, index))
}

/// Room for the columns of a block.
pub(super) fn room(extent: Extent) -> usize {
    COLUMNS * (extent.height + GAP)
}

impl Block {
    /// Block `index` of planes of `extent`.
    pub(super) fn new(extent: Extent, index: usize) -> Self {
        let first = index * COLUMNS;
        let count = COLUMNS.min(half_width(extent) - first);
        Self { extent, first, count, single: usize::from(first == 0) }
    }

    /// Takes the block's crossing from the transform of a pair of rows.
    pub(super) fn collect(self, pair: &[Complex], crossing: &mut [Complex]) {
        let (own, partners) = self.of_pair();
        if self.is_whole() {
            // Lengths that the compiler knows spare a call for every two cache lines.
            crossing[..COLUMNS].copy_from_slice(&pair[own.start..][..COLUMNS]);
            crossing[COLUMNS..CROSSING].copy_from_slice(&pair[partners.start..][..COLUMNS]);
            return;
        }
        crossing[..self.single].copy_from_slice(&pair[..self.single]);
        crossing[CROSSING - self.single..].copy_from_slice(&pair[..self.single]);
        crossing[self.single..self.count].copy_from_slice(&pair[own]);
        crossing[CROSSING - self.count..CROSSING - self.single].copy_from_slice(&pair[partners]);
    }

    /// Moves the block's crossing to its places in the pair of rows.
    pub(super) fn give(self, crossing: &[Complex], pair: &mut [Complex]) {
        let (own, partners) = self.of_pair();
        if self.is_whole() {
            pair[own.start..][..COLUMNS].copy_from_slice(&crossing[..COLUMNS]);
            pair[partners.start..][..COLUMNS].copy_from_slice(&crossing[COLUMNS..CROSSING]);
            return;
        }
        pair[..self.single].copy_from_slice(&crossing[..self.single]);
        pair[own].copy_from_slice(&crossing[self.single..self.count]);
        pair[partners].copy_from_slice(&crossing[CROSSING - self.count..CROSSING - self.single]);
    }

    /// Makes the places of the block's crossing in the pair of rows zero.
    pub(super) fn clear(self, pair: &mut [Complex]) {
        let (own, partners) = self.of_pair();
        for places in [0..self.single, own, partners] {
            pair[places].fill(Complex::default());
        }
    }

    /// Fills two samples of all columns with twice the coefficients of the two rows of a pair, for
    /// consecutive pairs from `first` on.
    pub(super) fn take(self, first: usize, crossings: &[Complex], columns: &mut [Complex]) {
        let (crossings, _) = crossings.as_chunks::<CROSSING>();
        for (index, column) in (0..COLUMNS).zip(self.all_columns(columns)) {
            let (rows, _) = column[2 * first..].as_chunks_mut::<2>();
            for (crossing, [even, odd]) in crossings.iter().zip(rows) {
                let (z, partner) = (crossing[index], crossing[CROSSING - 1 - index]);
                *even = Complex::new(z.re + partner.re, z.im - partner.im);
                *odd = Complex::new(z.im + partner.im, partner.re - z.re);
            }
        }
    }

    /// Packs what [`Block::take`] told apart, of consecutive pairs from `first` on.
    pub(super) fn put(self, first: usize, columns: &mut [Complex], crossings: &mut [Complex]) {
        let (crossings, _) = crossings.as_chunks_mut::<CROSSING>();
        for (index, column) in (0..COLUMNS).zip(self.all_columns(columns)) {
            let (rows, _) = column[2 * first..].as_chunks::<2>();
            for (crossing, [a, b]) in crossings.iter_mut().zip(rows) {
                crossing[index] = Complex::new(a.re - b.im, a.im + b.re);
                crossing[CROSSING - 1 - index] = Complex::new(a.re + b.im, b.re - a.im);
            }
        }
    }

    /// The columns of the block.
    pub(super) fn columns(self, columns: &mut [Complex]) -> impl Iterator<Item = &mut [Complex]> {
        let height = self.extent.height;
        self.all_columns(columns).map(move |column| &mut column[..height])
    }

    /// Indices of its coefficients.
    pub(super) fn coefficients(self) -> Range<usize> {
        let height = self.extent.height;
        self.first * height..(self.first + self.count) * height
    }

    /// The columns with the room behind them: one sample more where the last pair is half empty.
    fn all_columns(self, columns: &mut [Complex]) -> impl Iterator<Item = &mut [Complex]> {
        columns.chunks_exact_mut(self.extent.height + GAP).take(self.count)
    }

    /// Whether it has all columns, and all of them have partners.
    fn is_whole(self) -> bool {
        self.count == COLUMNS && self.single == 0
    }

    /// Where in a pair of rows the columns with partners are, and where their partners.
    fn of_pair(self) -> (Range<usize>, Range<usize>) {
        let Self { extent: Extent { width, .. }, first, count, single } = self;
        (first + single..first + count, width + 1 - first - count..width + 1 - first - single)
    }
}
