//! The memory of a filter: what a plane becomes between the steps, and what their parts work in.

use super::super::spare::Spare;
use super::Complex;
use super::pairs::{self, SHARE};
use crate::frame::Extent;

/// Pairs of rows in a part: few, so that a part stays in the second-level cache.
pub(super) const PAIRS: usize = 16;

/// What a plane becomes between the steps, and the memory that the steps work in.
#[derive(Debug)]
pub struct Spectrum {
    /// `[part of rows][block of columns]` while rows are worked on, `[block][part]` while columns are.
    pub(super) pieces: Vec<Piece>,
    /// Where they are put in the other order.
    reordered: Vec<Piece>,
    pub(super) desks: Desks,
}

/// Shares of the pairs of rows of a part.
pub(super) type Piece = Box<[Complex]>;

/// What one part works on.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) rows: [Vec<f32>; 2],
    pub(super) pairs: Vec<Complex>,
    pub(super) columns: Vec<Complex>,
    pub(super) scratch: Vec<Complex>,
}

/// One for every planned thread.
#[derive(Debug)]
pub(super) struct Desks {
    free: Spare<Desk>,
    extent: Extent,
    scratch: usize,
}

/// Parts of the rows.
pub(super) fn parts(extent: Extent) -> usize {
    extent.height.div_ceil(2 * PAIRS)
}

/// Pairs of rows of a part; the last pair is half empty where the rows are odd.
pub(super) fn pairs_of(extent: Extent, part: usize) -> usize {
    PAIRS.min(extent.height.div_ceil(2) - part * PAIRS)
}

impl Spectrum {
    /// For planes of `extent` and up to `threads` threads, whose transforms need room for `scratch`
    /// coefficients.
    pub(super) fn new(extent: Extent, threads: usize, scratch: usize) -> Self {
        let count = parts(extent) * pairs::blocks(extent).len();
        let piece = || vec![Complex::default(); PAIRS * SHARE].into_boxed_slice();
        let free = Spare::new(threads, || Desk::new(extent, scratch));
        Self {
            pieces: std::iter::repeat_with(piece).take(count).collect(),
            reordered: std::iter::repeat_with(Piece::default).take(count).collect(),
            desks: Desks { free, extent, scratch },
        }
    }

    /// Puts pieces that lie in `groups` in the order of their places within these.
    pub(super) fn reorder(&mut self, groups: usize) {
        let length = self.pieces.len() / groups;
        let places = (0..length).flat_map(|at| (0..groups).map(move |group| group * length + at));
        for (piece, place) in self.reordered.iter_mut().zip(places) {
            std::mem::swap(piece, &mut self.pieces[place]);
        }
        std::mem::swap(&mut self.pieces, &mut self.reordered);
    }
}

impl Desk {
    fn new(extent: Extent, scratch: usize) -> Self {
        let zeros = |count| vec![Complex::default(); count];
        Self {
            rows: [vec![0.0; extent.width], vec![0.0; extent.width]],
            pairs: zeros(PAIRS * extent.width),
            columns: zeros(pairs::room(extent)),
            scratch: zeros(scratch),
        }
    }
}

impl Desks {
    /// Works on a free desk.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        self.free.with(|| Desk::new(self.extent, self.scratch), work)
    }
}
