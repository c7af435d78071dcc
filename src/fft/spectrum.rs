//! The memory of a filter: what a plane becomes between the steps, and what their parts work in.

use std::sync::Arc;

use super::blocks::{ROWS, block_count, parts};
use super::lanes::Sample;
use super::rows::{RowFft, RowPair};
use crate::executor::FreeList;
use crate::frame::Extent;

/// What a plane becomes between the steps, and the memory that the steps work in.
#[derive(Debug)]
pub struct Spectrum {
    /// `[part of rows][block of columns]` while rows are worked on, `[block][part]` while columns are.
    pub(super) pieces: Vec<Piece>,
    /// Where they are put in the other order.
    reordered: Vec<Piece>,
    pub(super) scratches: Scratches,
}

/// Where a part of the rows crosses a block of columns, the columns side by side: rows of what is filtered, and
/// then of what each layer of the filter makes of it, one layer behind the other.
pub(super) type Piece = Box<[Sample]>;

/// What one part works on.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Two rows.
    pub(super) pair: RowPair,
    /// Columns, sixteen side by side.
    pub(super) columns: Vec<Sample>,
    /// What a layer makes of the columns; empty where there is only one.
    pub(super) product: Vec<Sample>,
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
#[derive(Debug, Clone)]
pub(super) struct Size {
    pub(super) extent: Extent,
    /// Layers of the filters, at most.
    pub(super) layers: usize,
    /// What transforms the rows.
    pub(super) rows: Arc<RowFft>,
    /// Samples that a column needs room for.
    pub(super) column: usize,
}

/// The rows of a piece, in one of its layers.
pub(super) fn layer(piece: &[Sample], layer: usize) -> &[Sample] {
    &piece[layer * ROWS..][..ROWS]
}

/// The rows of a piece, in one of its layers.
pub(super) fn layer_mut(piece: &mut [Sample], layer: usize) -> &mut [Sample] {
    &mut piece[layer * ROWS..][..ROWS]
}

/// Copies what is filtered to a layer of the piece.
pub(super) fn copy_to_layer(piece: &mut [Sample], layer: usize) {
    piece.copy_within(..ROWS, layer * ROWS);
}

impl Spectrum {
    /// For planes of this size and up to `threads` threads.
    pub(super) fn new(size: Size, threads: usize) -> Self {
        let (extent, layers) = (size.extent, size.layers);
        let count = parts(extent) * block_count(extent);
        let piece = || vec![Sample::default(); layers * ROWS].into_boxed_slice();
        let free = FreeList::new(threads, || Scratch::new(&size));
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
    fn new(Size { extent, layers, rows, column }: &Size) -> Self {
        let if_layered = |count| if *layers > 1 { count } else { 0 };
        Self {
            pair: rows.room(),
            columns: vec![Sample::default(); *column],
            product: vec![Sample::default(); if_layered(*column)],
            sums: vec![0.0; if_layered(ROWS * extent.width)],
        }
    }
}

impl Scratches {
    /// Works on a free scratch.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        self.free.with(|| Scratch::new(&self.size), work)
    }
}
