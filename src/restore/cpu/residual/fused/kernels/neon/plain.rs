//! Sums by products in 16 bits, with what every 64-bit Arm has.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::aarch64::*;

use super::super::super::layer::{Head, Layer, SIDE};
use super::super::super::packed::{GROUP, LANES, Packed, TILE};
use super::super::{Kernel, Rows, check_head, check_out, scalar};
use super::{QUARTERS, Sums, biases, four, last, pairs, rectified, requantised, store};
use crate::plan::network::Quantiser;

/// With what every 64-bit Arm has.
#[derive(Debug)]
pub(in super::super) struct Plain(());

impl Plain {
    pub(in super::super) fn detect() -> Option<&'static Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(&Self(()))
    }
}

impl Kernel for Plain {
    fn name(&self) -> &'static str {
        "neon"
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        scalar::quantise(quantiser, samples, out);
    }

    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
        scalar::dequantise(quantiser, bytes, out);
    }

    fn enter(&self, head: &Head, rows: &[&[u8]], width: usize, out: &mut [u8]) {
        check_head(head, rows, width, 1);
        check_out(&head.packed, width, 1, out);
        for block in 0..head.packed.blocks {
            for x in 0..width {
                // SAFETY: `self` is proof of the instructions, and the lengths were checked.
                unsafe {
                    let sums = widening_head(head, rows, x, block);
                    store(&head.packed, x, block, requantised(&head.packed, block, sums), out);
                }
            }
        }
    }

    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        rows.check(layer, width, 1);
        check_out(&layer.packed, width, 1, out);
        for block in 0..layer.packed.blocks {
            for x in 0..width {
                // SAFETY: `self` is proof of the instructions, and the lengths were checked.
                unsafe {
                    let sums = widening(layer, rows, x, block);
                    let bytes = rectified(layer, rows, x, block, sums);
                    store(&layer.packed, x, block, bytes, out);
                }
            }
        }
    }

    fn finish(&self, layer: &Layer, rows: Rows<'_>, zero: u8, out: [&mut [u8]; 2]) {
        let [top, bottom] = out;
        rows.check(layer, top.len() / 2, 1);
        for (x, (top, bottom)) in pairs(top, bottom).enumerate() {
            // SAFETY: `self` is proof of the instructions, and the lengths were checked.
            let [sum] = unsafe { widening(layer, rows, x, 0) };
            last(&layer.packed, zero, sum, top, bottom);
        }
    }
}

/// The sums of one pixel of an output block of the head, by products in 16 bits.
///
/// # Safety
/// The rows reach that far and are as many as the window's.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn widening_head(head: &Head, rows: &[&[u8]], x: usize, block: usize) -> Sums {
    let mut tiles = head.packed.tiles(block).as_ptr();
    let mut parts = [[vdupq_n_s32(0); 2]; QUARTERS];
    // SAFETY: as promised; there is a tile for every row and group.
    unsafe {
        for row in rows {
            for group in 0..head.groups {
                widen(&mut parts, four(row.as_ptr().add(2 * x + group * GROUP)), tiles);
                tiles = tiles.add(TILE);
            }
        }
    }
    joined(&head.packed, block, parts)
}

/// The sums of one pixel of an output block, by products in 16 bits.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn widening<const Q: usize>(
    layer: &Layer,
    rows: Rows<'_>,
    x: usize,
    block: usize,
) -> Sums<Q> {
    let stride = layer.in_blocks * LANES;
    let mut tiles = layer.packed.tiles(block).as_ptr();
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
    joined(&layer.packed, block, parts)
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
fn joined<const Q: usize>(packed: &Packed, block: usize, parts: [[int32x4_t; 2]; Q]) -> Sums<Q> {
    let mut sums = biases(packed, block);
    for (sum, [low, high]) in sums.iter_mut().zip(parts) {
        *sum = vaddq_s32(*sum, vpaddq_s32(low, high));
    }
    sums
}
