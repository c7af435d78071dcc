//! Blocks of columns, and the parts of rows that they cross.
//!
//! Columns are transformed sixteen side by side, and so are pairs of rows: a part of the rows crosses a block of
//! columns in 32 by 16 coefficients. These stay together.

use std::ops::Range;

use super::lanes::WIDTH;
use super::layout::half_width;
use crate::frame::Extent;

/// Rows of a part: two for each lane.
pub(super) const ROWS: usize = 2 * WIDTH;

/// A block of the columns that are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    extent: Extent,
    first: usize,
    count: usize,
}

/// Number of blocks of the columns that are kept.
pub(super) fn block_count(extent: Extent) -> usize {
    half_width(extent).div_ceil(WIDTH)
}

/// The blocks of the columns that are kept.
pub(super) fn blocks(extent: Extent) -> impl ExactSizeIterator<Item = Block> {
    (0..block_count(extent)).map(move |index| {
        let first = index * WIDTH;
        Block { extent, first, count: WIDTH.min(half_width(extent) - first) }
    })
}

/// Parts of the rows.
pub(super) fn parts(extent: Extent) -> usize {
    extent.height.div_ceil(ROWS)
}

impl Block {
    /// Indices of its coefficients.
    pub(super) fn coefficients(self) -> Range<usize> {
        let height = self.extent.height;
        self.first * height..(self.first + self.count) * height
    }
}
