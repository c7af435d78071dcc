//! The memory of a filter: what a plane becomes between the steps, and what their parts work in.

use super::layout::Complex;
use super::pairs::{self, SHARE};
use crate::executor::FreeList;
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
    pub(super) scratches: Scratches,
}

/// Shares of the pairs of rows of a part.
pub(super) type Piece = Box<[Complex]>;

/// What one part works on.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) rows: [Vec<f32>; 2],
    pub(super) pairs: Vec<Complex>,
    pub(super) columns: Vec<Complex>,
    pub(super) transform: Vec<Complex>,
}

/// One for every planned thread.
#[derive(Debug)]
pub(super) struct Scratches {
    free: FreeList<Scratch>,
    extent: Extent,
    room: usize,
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
    /// For planes of `extent` and up to `threads` threads, whose transforms need room for `room`
    /// coefficients.
    pub(super) fn new(extent: Extent, threads: usize, room: usize) -> Self {
        let count = parts(extent) * pairs::blocks(extent).len();
        let piece = || vec![Complex::default(); PAIRS * SHARE].into_boxed_slice();
        let free = FreeList::new(threads, || Scratch::new(extent, room));
        Self {
            pieces: std::iter::repeat_with(piece).take(count).collect(),
            reordered: std::iter::repeat_with(Piece::default).take(count).collect(),
            scratches: Scratches { free, extent, room },
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

impl Scratch {
    fn new(extent: Extent, room: usize) -> Self {
        let zeros = |count| vec![Complex::default(); count];
        Self {
            rows: [vec![0.0; extent.width], vec![0.0; extent.width]],
            pairs: zeros(PAIRS * extent.width),
            columns: zeros(pairs::room(extent)),
            transform: zeros(room),
        }
    }
}

impl Scratches {
    /// Works on a free scratch.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        self.free.with(|| Scratch::new(self.extent, self.room), work)
    }
}
