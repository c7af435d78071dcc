//! The loops over a row, the same for every kernel that works on tiles of pixels with vector
//! instructions.

#![expect(
    unsafe_code,
    reason = "calls what reads and writes raw addresses, after checking lengths"
)]

use std::fmt::Debug;

use super::super::packed::{PackedLast, PackedLayer, PackedSlide};
use super::kernel::{Kernel, Rows, Seen, check_last, check_layer, check_slide};
use crate::plan::network::Quantiser;

/// The arithmetic of one kind of processor, on tiles of neighbouring pixels.
///
/// # Safety
/// There is a value of the type only where the processor has its instructions. No function reads or
/// writes more than its own section on safety promises it.
pub(super) unsafe trait Tile: Debug + Send + Sync {
    /// Name for people.
    const NAME: &'static str;
    /// Pixels in a tile of a slide and of a layer.
    const PIXELS: usize;
    /// Pixels in a tile of the last layer.
    const PIXELS_LAST: usize;

    /// See [`Kernel::quantise`].
    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]);

    /// See [`Kernel::dequantise`].
    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]);

    /// Computes a tile of an output block of a slide from pixel `x` on.
    ///
    /// # Safety
    /// [`check_slide`] passed for what is seen and `out`, tiles of [`Tile::PIXELS`] and a width beyond
    /// `x`, which is a multiple of them; there is such a block.
    unsafe fn slide(
        &self,
        slide: &PackedSlide,
        seen: Seen<'_>,
        x: usize,
        block: usize,
        out: &mut [u8],
    );

    /// Computes a tile of an output block of a layer from pixel `x` on.
    ///
    /// # Safety
    /// As of [`Tile::slide`], by [`check_layer`].
    unsafe fn convolve(
        &self,
        layer: &PackedLayer,
        rows: Rows<'_>,
        x: usize,
        block: usize,
        out: &mut [u8],
    );

    /// Computes the bytes of a tile of the last layer from pixel `x` on, as many as there is room for.
    ///
    /// # Safety
    /// [`check_last`] passed for these rows, tiles of [`Tile::PIXELS_LAST`] and rows of bytes beyond
    /// pixel `x`, which is a multiple of them; both parts of `out` hold the same whole pixels, no
    /// more than a tile.
    unsafe fn finish(
        &self,
        last: &PackedLast,
        rows: Rows<'_>,
        x: usize,
        zero: u8,
        out: [&mut [u8]; 2],
    );
}

impl<T: Tile> Kernel for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        assert_eq!(samples.len(), out.len(), "samples and bytes");
        Tile::quantise(self, quantiser, samples, out);
    }

    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(bytes.len(), out.len(), "bytes and samples");
        Tile::dequantise(self, quantiser, bytes, out);
    }

    fn slide(&self, slide: &PackedSlide, seen: Seen<'_>, width: usize, out: &mut [u8]) {
        check_slide(slide, seen, width, T::PIXELS, out);
        for block in 0..slide.weights.blocks {
            for x in (0..width).step_by(T::PIXELS) {
                // SAFETY: it was checked, and `x` lies below `width`.
                unsafe { Tile::slide(self, slide, seen, x, block, out) };
            }
        }
    }

    fn convolve(&self, layer: &PackedLayer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        check_layer(layer, rows, width, T::PIXELS, out);
        for block in 0..layer.weights.blocks {
            for x in (0..width).step_by(T::PIXELS) {
                // SAFETY: it was checked, and `x` lies below `width`.
                unsafe { Tile::convolve(self, layer, rows, x, block, out) };
            }
        }
    }

    fn finish(&self, last: &PackedLast, rows: Rows<'_>, zero: u8, [top, bottom]: [&mut [u8]; 2]) {
        check_last(last, rows, T::PIXELS_LAST, [top.len(), bottom.len()]);
        let bytes = 2 * T::PIXELS_LAST;
        let parts = top.chunks_mut(bytes).zip(bottom.chunks_mut(bytes));
        for (part, (top, bottom)) in parts.enumerate() {
            // SAFETY: it was checked; both rows are divided alike, into tiles.
            unsafe { Tile::finish(self, last, rows, part * T::PIXELS_LAST, zero, [top, bottom]) };
        }
    }
}
