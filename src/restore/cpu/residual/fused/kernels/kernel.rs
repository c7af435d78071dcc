//! What a kernel does, and what it checks before it does it.

use std::fmt::Debug;

use super::super::packed::{PackedLast, PackedLayer, PackedSlide, SIDE};
use super::super::weights::{GROUP, LANES};
use crate::plan::network::Quantiser;

/// The arithmetic of a network's layers. All functions panic where what they are given is shorter
/// than they say, or of different lengths.
pub(in super::super) trait Kernel: Debug + Send + Sync {
    /// Name for people.
    fn name(&self) -> &'static str;

    /// Bytes of as many real numbers: `clamp(round(sample / scale) + zero, 0, 255)`.
    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]);

    /// Real numbers of as many bytes: `(byte - zero) scale`.
    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]);

    /// One row of a convolution with its ReLU and, where it has one, its addition: the first `width`
    /// pixels of `out`. What lies behind them is unspecified afterwards. Of the rows that the window
    /// sees, each begins with the first byte seen for pixel 0. Rows and `out` have [`SLACK`].
    fn slide(&self, slide: &PackedSlide, seen: Seen<'_>, width: usize, out: &mut [u8]);

    /// As [`Kernel::slide`] of a 3x3 convolution between pixels, whose addition is of the middle row.
    fn convolve(&self, layer: &PackedLayer, rows: Rows<'_>, width: usize, out: &mut [u8]);

    /// One row of the last convolution, as two rows of bytes twice as long: channels 0 and 1 of a
    /// pixel lie side by side in the first, 2 and 3 in the second. Byte `zero` means 0.
    fn finish(&self, last: &PackedLast, rows: Rows<'_>, zero: u8, out: [&mut [u8]; 2]);
}

/// Pixels of padding left of a row: what the window sees beyond it.
pub(in super::super) const PADDING: usize = 1;
/// Pixels behind a row: padding, and room for kernels to work on whole tiles of pixels.
pub(in super::super) const SLACK: usize = 32;

/// Bytes of a row of `width` pixels with what is around it.
pub(in super::super) const fn row_bytes(width: usize, blocks: usize) -> usize {
    (PADDING + width + SLACK) * blocks * LANES
}

/// What the window of a [`PackedSlide`] sees.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Seen<'a> {
    /// As many rows as it has.
    pub(in super::super) rows: &'a [&'a [u8]],
    /// What is added to what it gives; empty where nothing is.
    pub(in super::super) skip: &'a [u8],
}

/// Three rows with their padding: the window's.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Rows<'a>(pub(in super::super) [&'a [u8]; 3]);

impl<'a> Rows<'a> {
    /// The channels that column `column` of the window sees for pixel `x`.
    pub(super) fn seen(self, row: usize, x: usize, column: usize, blocks: usize) -> &'a [u8] {
        &self.0[row][(x + column) * blocks * LANES..][..blocks * LANES]
    }
}

/// Panics unless what [`Kernel::slide`] is given suffices for whole tiles of `tile` pixels.
pub(super) fn check_slide(
    slide: &PackedSlide,
    Seen { rows, skip }: Seen<'_>,
    width: usize,
    tile: usize,
    out: &[u8],
) {
    let PackedSlide { rows: count, step, groups, weights, addition } = slide;
    assert_eq!(weights.taps(), count * groups, "taps of a window");
    assert_eq!(rows.len(), *count, "rows that the window sees");
    let shortest = rows.iter().map(|row| row.len()).min().unwrap_or(0);
    check_length("rows", shortest, bytes(width, tile, 0, *step), groups * GROUP);
    let written = bytes(width, tile, 0, weights.blocks * LANES);
    check_length("a row", out.len(), written, 0);
    if addition.is_some() {
        check_length("what is added", skip.len(), written, 0);
    }
}

/// Panics unless what [`Kernel::convolve`] is given suffices for whole tiles of `tile` pixels.
pub(super) fn check_layer(
    layer: &PackedLayer,
    rows: Rows<'_>,
    width: usize,
    tile: usize,
    out: &[u8],
) {
    let blocks = layer.weights.blocks;
    check_rows(layer, rows, width, tile);
    assert!(layer.addition.is_none() || blocks <= layer.in_blocks, "fewer channels to be added");
    check_length("a row", out.len(), bytes(width, tile, 0, blocks * LANES), 0);
}

/// Panics unless what [`Kernel::finish`] is given suffices for whole tiles of `tile` pixels, and the
/// rows of bytes, whose `lengths` these are, hold the same whole pixels.
pub(super) fn check_last(last: &PackedLast, rows: Rows<'_>, tile: usize, lengths: [usize; 2]) {
    let [top, bottom] = lengths;
    assert!(top == bottom && top.is_multiple_of(2), "rows of {top} and {bottom} bytes");
    assert!(last.layer.weights.blocks > 0, "no outputs");
    check_rows(&last.layer, rows, top / 2, tile);
}

/// Panics unless tiles that cover `width` pixels see no more than the rows and there are weights for
/// all of the window.
fn check_rows(layer: &PackedLayer, rows: Rows<'_>, width: usize, tile: usize) {
    let PackedLayer { in_blocks, groups, weights, .. } = layer;
    assert_eq!(weights.taps(), SIDE * SIDE * groups, "taps of a layer");
    assert!(groups * GROUP <= in_blocks * LANES, "groups beyond the channels");
    let shortest = rows.0.iter().map(|row| row.len()).min().unwrap_or(0);
    // One pixel more lets the last be read by loads that are longer than it.
    check_length("rows", shortest, bytes(width, tile, 2 * PADDING + 1, in_blocks * LANES), 0);
}

/// Bytes of whole tiles that cover `width` pixels and of `more` pixels; `None` where that is beyond
/// all numbers.
fn bytes(width: usize, tile: usize, more: usize, pixel: usize) -> Option<usize> {
    width.checked_next_multiple_of(tile)?.checked_add(more)?.checked_mul(pixel)
}

fn check_length(what: &str, is: usize, bytes: Option<usize>, more: usize) {
    let fits = bytes.and_then(|bytes| bytes.checked_add(more)).is_some_and(|bytes| bytes <= is);
    assert!(fits, "{what} of {is} bytes instead of {bytes:?} and {more}");
}
