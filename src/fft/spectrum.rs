//! The memory of a filter: what a plane becomes between the steps, and what their parts work in.

use super::layout::Complex;
use super::pairs::{self, CROSSING};
use crate::executor::FreeList;
use crate::frame::Extent;

/// Pairs of rows in a part: few, so that a part stays in the second-level cache.
pub(super) const PAIRS: usize = 16;

/// Coefficients that a piece has for each layer.
const LAYER: usize = PAIRS * CROSSING;

/// What a plane becomes between the steps, and the memory that the steps work in.
#[derive(Debug)]
pub struct Spectrum {
    /// `[part of rows][block of columns]` while rows are worked on, `[block][part]` while columns are.
    pub(super) pieces: Vec<Piece>,
    /// Where they are put in the other order.
    reordered: Vec<Piece>,
    pub(super) scratches: Scratches,
}

/// Crossings of the pairs of rows of a part: of what is filtered, and then of what each layer of the
/// filter makes of it, one layer behind the other.
pub(super) type Piece = Box<[Complex]>;

/// What one part works on.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) rows: [Vec<f32>; 2],
    pub(super) pairs: Vec<Complex>,
    pub(super) columns: Vec<Complex>,
    pub(super) transform: Vec<Complex>,
    /// What a layer makes of the columns; empty where there is only one.
    pub(super) product: Vec<Complex>,
    /// The sum of the layers' rows; empty where there is only one layer.
    pub(super) sums: Vec<f32>,
}

/// One for every planned thread.
#[derive(Debug)]
pub(super) struct Scratches {
    free: FreeList<Scratch>,
    size: Size,
}

/// What the memory of a part depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) extent: Extent,
    /// Layers of the filters, at most.
    pub(super) layers: usize,
    /// Coefficients that the transforms need room for.
    pub(super) room: usize,
}

/// Parts of the rows.
pub(super) fn parts(extent: Extent) -> usize {
    extent.height.div_ceil(2 * PAIRS)
}

/// Pairs of rows of a part; the last pair is half empty where the rows are odd.
pub(super) fn pairs_of(extent: Extent, part: usize) -> usize {
    PAIRS.min(extent.height.div_ceil(2) - part * PAIRS)
}

/// The first `count` pairs of rows of a piece, in one of its layers.
pub(super) fn layer(piece: &[Complex], layer: usize, count: usize) -> &[Complex] {
    &piece[layer * LAYER..][..count * CROSSING]
}

/// The first `count` pairs of rows of a piece, in one of its layers.
pub(super) fn layer_mut(piece: &mut [Complex], layer: usize, count: usize) -> &mut [Complex] {
    &mut piece[layer * LAYER..][..count * CROSSING]
}

/// Copies what is filtered to a layer of the piece.
pub(super) fn copy_to_layer(piece: &mut [Complex], layer: usize) {
    piece.copy_within(..LAYER, layer * LAYER);
}

impl Spectrum {
    /// For planes of this size and up to `threads` threads.
    pub(super) fn new(size: Size, threads: usize) -> Self {
        let Size { extent, layers, .. } = size;
        let count = parts(extent) * pairs::blocks(extent).len();
        let piece = || vec![Complex::default(); layers * LAYER].into_boxed_slice();
        let free = FreeList::new(threads, || Scratch::new(size));
        Self {
            pieces: std::iter::repeat_with(piece).take(count).collect(),
            reordered: std::iter::repeat_with(Piece::default).take(count).collect(),
            scratches: Scratches { free, size },
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
    fn new(Size { extent, layers, room }: Size) -> Self {
        let zeros = |count| vec![Complex::default(); count];
        let if_layered = |count| if layers > 1 { count } else { 0 };
        Self {
            rows: [vec![0.0; extent.width], vec![0.0; extent.width]],
            pairs: zeros(PAIRS * extent.width),
            columns: zeros(pairs::room(extent)),
            transform: zeros(room),
            product: zeros(if_layered(pairs::room(extent))),
            sums: vec![0.0; if_layered(2 * PAIRS * extent.width)],
        }
    }
}

impl Scratches {
    /// Works on a free scratch.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        self.free.with(|| Scratch::new(self.size), work)
    }
}
