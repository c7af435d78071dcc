//! Products of 16 bits, added in pairs to 32 bits: what every 64-bit Arm has.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::aarch64::*;

use super::super::super::packed::{PackedLast, PackedLayer, PackedSlide, SIDE};
use super::super::super::weights::{GROUP, LANES, TILE, Weights};
use super::super::kernel::{Rows, Seen};
use super::super::scalar;
use super::super::tile::Tile;
use super::sums::{QUARTERS, Sums, biases, four, last, pairs, rectified, slid, store};
use crate::plan::network::Quantiser;

/// With what every 64-bit Arm has.
#[derive(Debug)]
pub(in super::super) struct Plain(());

impl Plain {
    pub(in super::super) fn detect() -> Option<&'static Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(&Self(()))
    }
}

// SAFETY: [`Plain::detect`] alone makes a value, where the processor has the instructions; the functions
// read and write no more than they are promised.
unsafe impl Tile for Plain {
    const NAME: &'static str = "neon";
    const PIXELS: usize = 1;
    const PIXELS_LAST: usize = 1;

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        scalar::quantise(quantiser, samples, out);
    }

    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
        scalar::dequantise(quantiser, bytes, out);
    }

    #[inline]
    unsafe fn slide(
        &self,
        slide: &PackedSlide,
        seen: Seen<'_>,
        x: usize,
        block: usize,
        out: &mut [u8],
    ) {
        // SAFETY: `self` is proof of the instructions; as promised.
        unsafe {
            let sums = widening_slide(slide, seen.rows, x, block);
            store(&slide.weights, x, block, slid(slide, seen, x, block, sums), out);
        }
    }

    #[inline]
    unsafe fn convolve(
        &self,
        layer: &PackedLayer,
        rows: Rows<'_>,
        x: usize,
        block: usize,
        out: &mut [u8],
    ) {
        // SAFETY: `self` is proof of the instructions; as promised.
        unsafe {
            let sums = widening(layer, rows, x, block);
            store(&layer.weights, x, block, rectified(layer, rows, x, block, sums), out);
        }
    }

    #[inline]
    unsafe fn finish(
        &self,
        PackedLast { layer, .. }: &PackedLast,
        rows: Rows<'_>,
        x: usize,
        zero: u8,
        [top, bottom]: [&mut [u8]; 2],
    ) {
        // SAFETY: `self` is proof of the instructions; as promised.
        let sums = [unsafe { widening(layer, rows, x, 0) }];
        for ([sum], (top, bottom)) in sums.into_iter().zip(pairs(top, bottom)) {
            last(&layer.weights, zero, sum, top, bottom);
        }
    }
}

/// The sums of one pixel of an output block of a slide, by products in 16 bits.
///
/// # Safety
/// The rows reach that far and are as many as the window's.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn widening_slide(slide: &PackedSlide, rows: &[&[u8]], x: usize, block: usize) -> Sums {
    let mut tiles = slide.weights.tiles(block).as_ptr();
    let mut parts = [[vdupq_n_s32(0); 2]; QUARTERS];
    // SAFETY: as promised; there is a tile for every row and group.
    unsafe {
        for row in rows {
            for group in 0..slide.groups {
                widen(&mut parts, four(row.as_ptr().add(slide.step * x + group * GROUP)), tiles);
                tiles = tiles.add(TILE);
            }
        }
    }
    joined(&slide.weights, block, parts)
}

/// The sums of one pixel of an output block, by products in 16 bits.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn widening<const Q: usize>(
    layer: &PackedLayer,
    rows: Rows<'_>,
    x: usize,
    block: usize,
) -> Sums<Q> {
    let stride = layer.in_blocks * LANES;
    let mut tiles = layer.weights.tiles(block).as_ptr();
    let mut parts = [[vdupq_n_s32(0); 2]; Q];
    // SAFETY: the rows reach two pixels beyond `x`; there is a tile for every row, group and column.
    unsafe {
        for row in rows.0 {
            for group in 0..layer.groups {
                for column in 0..SIDE {
                    let pixel = row.as_ptr().add((x + column) * stride + group * GROUP);
                    widen(&mut parts, four(pixel), tiles);
                    tiles = tiles.add(TILE);
                }
            }
        }
    }
    joined(&layer.weights, block, parts)
}

/// Adds the products of one tap. Each lane holds a part of the sum of an output channel; its
/// neighbour holds the rest.
///
/// # Safety
/// A tile lies at `tile`.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn widen<const Q: usize>(parts: &mut [[int32x4_t; 2]; Q], four: int8x16_t, tile: *const i8) {
    for (quarter, [low, high]) in parts.iter_mut().enumerate() {
        // SAFETY: as promised.
        let weights = unsafe { vld1q_s8(tile.add(quarter * LANES)) };
        *low = vpadalq_s16(*low, vmull_s8(vget_low_s8(weights), vget_low_s8(four)));
        *high = vpadalq_s16(*high, vmull_high_s8(weights, four));
    }
}

/// Sums of their parts, biases added.
#[target_feature(enable = "neon")]
#[inline]
fn joined<const Q: usize>(weights: &Weights, block: usize, parts: [[int32x4_t; 2]; Q]) -> Sums<Q> {
    let mut sums = biases(weights, block);
    for (sum, [low, high]) in sums.iter_mut().zip(parts) {
        *sum = vaddq_s32(*sum, vpaddq_s32(low, high));
    }
    sums
}
