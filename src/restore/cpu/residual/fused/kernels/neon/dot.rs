//! Sums by the dot product of Armv8.2.
//!
//! The intrinsic of `sdot` is not stable in Rust yet; the instruction itself is written instead.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::super::super::packed::{PackedLast, PackedLayer, PackedSlide, SIDE};
use super::super::super::weights::{GROUP, LANES, TILE};
use super::super::kernel::{Rows, Seen};
use super::super::scalar;
use super::super::tile::Tile;
use super::sums::{Sums, biases, four, last, pairs, rectified, signed, slid, store};
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

// SAFETY: [`Dot::detect`] alone makes a value, where the processor has the instructions; the functions
// read and write no more than they are promised.
unsafe impl Tile for Dot {
    const NAME: &'static str = "neon-dotprod";
    const PIXELS: usize = POSITIONS;
    const PIXELS_LAST: usize = POSITIONS;

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
            for (x, sums) in (x..).zip(dot_slide(slide, seen.rows, x, block)) {
                store(&slide.weights, x, block, slid(slide, seen, x, block, sums), out);
            }
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
            for (x, sums) in (x..).zip(dot(layer, rows, x, block)) {
                store(&layer.weights, x, block, rectified(layer, rows, x, block, sums), out);
            }
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
        let sums = unsafe { dot(layer, rows, x, 0) };
        for ([sum], (top, bottom)) in sums.into_iter().zip(pairs(top, bottom)) {
            last(&layer.weights, zero, sum, top, bottom);
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
    layer: &PackedLayer,
    rows: Rows<'_>,
    x: usize,
    block: usize,
) -> [Sums<Q>; POSITIONS] {
    let stride = layer.in_blocks * LANES;
    let mut tiles = layer.weights.tiles(block).as_ptr();
    let mut sums = [biases(&layer.weights, block); POSITIONS];
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

/// The sums of [`POSITIONS`] pixels of an output block of a slide from pixel `x` on.
///
/// # Safety
/// The rows reach that far and are as many as the window's.
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn dot_slide(
    slide: &PackedSlide,
    rows: &[&[u8]],
    x: usize,
    block: usize,
) -> [Sums; POSITIONS] {
    let step = slide.step;
    let mut tiles = slide.weights.tiles(block).as_ptr();
    let mut sums = [biases(&slide.weights, block); POSITIONS];
    // SAFETY: as promised; there is a tile for every row and group.
    unsafe {
        for row in rows {
            for group in 0..slide.groups {
                let start = row.as_ptr().add(step * x + group * GROUP);
                let weights = [0, 1, 2, 3].map(|quarter| vld1q_s8(tiles.add(quarter * LANES)));
                tiles = tiles.add(TILE);
                for (position, sums) in sums.iter_mut().enumerate() {
                    let samples = four(start.add(step * position));
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
