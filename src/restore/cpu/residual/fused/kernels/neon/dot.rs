//! Sums by the dot product of Armv8.2.
//!
//! The intrinsic of `sdot` is not stable in Rust yet; the instruction itself is written instead.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::super::super::layer::{Head, Layer, SIDE};
use super::super::super::packed::{GROUP, LANES, TILE};
use super::super::{Kernel, Rows, check_head, check_out, scalar};
use super::{Sums, biases, four, last, pairs, rectified, requantised, signed, store};
use crate::plan::network::Quantiser;

/// Neighbouring outputs that are computed side by side.
const POSITIONS: usize = 4;

/// With the dot product of Armv8.2: having one means that the processor has it.
#[derive(Debug)]
pub(in super::super) struct Dot(());

impl Dot {
    pub(in super::super) fn detect() -> Option<&'static Self> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(&Self(()))
    }
}

impl Kernel for Dot {
    fn name(&self) -> &'static str {
        "neon-dotprod"
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        scalar::quantise(quantiser, samples, out);
    }

    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
        scalar::dequantise(quantiser, bytes, out);
    }

    fn enter(&self, head: &Head, rows: &[&[u8]], width: usize, out: &mut [u8]) {
        check_head(head, rows, width, POSITIONS);
        check_out(&head.packed, width, POSITIONS, out);
        for block in 0..head.packed.blocks {
            for x in (0..width).step_by(POSITIONS) {
                // SAFETY: `self` is proof of the instructions, and the lengths were checked.
                unsafe {
                    let sums = dot_head(head, rows, x, block);
                    for (x, sums) in (x..).zip(sums) {
                        store(&head.packed, x, block, requantised(&head.packed, block, sums), out);
                    }
                }
            }
        }
    }

    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        rows.check(layer, width, POSITIONS);
        check_out(&layer.packed, width, POSITIONS, out);
        for block in 0..layer.packed.blocks {
            for x in (0..width).step_by(POSITIONS) {
                // SAFETY: `self` is proof of the instructions, and the lengths were checked.
                unsafe {
                    let sums = dot(layer, rows, x, block);
                    for (x, sums) in (x..).zip(sums) {
                        let bytes = rectified(layer, rows, x, block, sums);
                        store(&layer.packed, x, block, bytes, out);
                    }
                }
            }
        }
    }

    fn finish(&self, layer: &Layer, rows: Rows<'_>, zero: u8, out: [&mut [u8]; 2]) {
        let [top, bottom] = out;
        rows.check(layer, top.len() / 2, POSITIONS);
        let parts = top.chunks_mut(2 * POSITIONS).zip(bottom.chunks_mut(2 * POSITIONS));
        for (part, (top, bottom)) in parts.enumerate() {
            // SAFETY: `self` is proof of the instructions, and the lengths were checked.
            let sums = unsafe { dot(layer, rows, part * POSITIONS, 0) };
            for ([sum], (top, bottom)) in sums.into_iter().zip(pairs(top, bottom)) {
                last(&layer.packed, zero, sum, top, bottom);
            }
        }
    }
}

/// The sums of [`POSITIONS`] pixels of an output block from pixel `x` on.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn dot<const Q: usize>(
    layer: &Layer,
    rows: Rows<'_>,
    x: usize,
    block: usize,
) -> [Sums<Q>; POSITIONS] {
    let stride = layer.in_blocks * LANES;
    let mut tiles = layer.packed.tiles(block).as_ptr();
    let mut sums = [biases(&layer.packed, block); POSITIONS];
    // SAFETY: the rows reach `POSITIONS + 2` pixels beyond `x`; there is a tile for every row, group
    // and column.
    unsafe {
        for row in rows.0 {
            for first in (0..layer.groups).step_by(LANES / GROUP) {
                let start = row.as_ptr().add(x * stride + first * GROUP);
                let mut pixels = [vdupq_n_s8(0); POSITIONS + SIDE - 1];
                for (at, pixel) in pixels.iter_mut().enumerate() {
                    *pixel = signed(vld1q_u8(start.add(at * stride)));
                }
                let groups = (layer.groups - first).min(LANES / GROUP);
                add_group::<0, Q>(&mut sums, &pixels, tiles);
                if groups > 1 {
                    add_group::<1, Q>(&mut sums, &pixels, tiles.add(SIDE * TILE));
                }
                if groups > 2 {
                    add_group::<2, Q>(&mut sums, &pixels, tiles.add(2 * SIDE * TILE));
                }
                if groups > 3 {
                    add_group::<3, Q>(&mut sums, &pixels, tiles.add(3 * SIDE * TILE));
                }
                tiles = tiles.add(groups * SIDE * TILE);
            }
        }
    }
    sums
}

/// The sums of [`POSITIONS`] pixels of an output block of the head from pixel `x` on.
///
/// # Safety
/// The rows reach that far and are as many as the window's.
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn dot_head(head: &Head, rows: &[&[u8]], x: usize, block: usize) -> [Sums; POSITIONS] {
    let mut tiles = head.packed.tiles(block).as_ptr();
    let mut sums = [biases(&head.packed, block); POSITIONS];
    // SAFETY: as promised; there is a tile for every row and group.
    unsafe {
        for row in rows {
            for group in 0..head.groups {
                let start = row.as_ptr().add(2 * x + group * GROUP);
                let weights = [0, 1, 2, 3].map(|quarter| vld1q_s8(tiles.add(quarter * LANES)));
                tiles = tiles.add(TILE);
                for (position, sums) in sums.iter_mut().enumerate() {
                    let samples = four(start.add(2 * position));
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = sdot::<0>(*sum, weights, samples);
                    }
                }
            }
        }
    }
    sums
}

/// Adds the products of group `G` of the pixels for all columns of the window.
///
/// # Safety
/// Three tiles lie at `tiles`.
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn add_group<const G: i32, const Q: usize>(
    sums: &mut [Sums<Q>; POSITIONS],
    pixels: &[int8x16_t; POSITIONS + SIDE - 1],
    tiles: *const i8,
) {
    for column in 0..SIDE {
        let mut weights = [vdupq_n_s8(0); Q];
        for (quarter, weights) in weights.iter_mut().enumerate() {
            // SAFETY: as promised.
            *weights = unsafe { vld1q_s8(tiles.add(column * TILE + quarter * LANES)) };
        }
        for (sums, pixel) in sums.iter_mut().zip(&pixels[column..]) {
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = sdot::<G>(*sum, weights, *pixel);
            }
        }
    }
}

/// Adds to each lane the products of its four weights and the four bytes of lane `G`.
#[target_feature(enable = "neon,dotprod")]
#[inline]
fn sdot<const G: i32>(sum: int32x4_t, weights: int8x16_t, pixel: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: the instruction is there and touches only these registers.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {weights:v}.16b, {pixel:v}.4b[{group}]",
            sum = inout(vreg) sum,
            weights = in(vreg) weights,
            // An index needs one of the lower registers in no form of the instruction.
            pixel = in(vreg) pixel,
            group = const G,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
