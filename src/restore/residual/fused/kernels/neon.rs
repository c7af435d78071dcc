//! Arm with NEON: four output channels a register, sixteen bytes of weights at a time.
//!
//! Both kernels take the input's bytes as signed numbers, 128 less than they are; the bias makes up
//! for it. [`Dot`] uses `sdot`, which adds four products to each lane. [`Plain`], for processors
//! without it, sums two products in 16 bits, where they just fit, and then pairs of those in 32.
//!
//! The intrinsic of `sdot` is not stable in Rust yet; the instruction itself is written instead.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::super::layer::{GROUP, LANES, Layer, SIDE, TILE};
use super::{Kernel, PADDING, Quantiser, Rows, check_out, scalar};

/// Registers that hold the output channels of a block.
const QUARTERS: usize = LANES / 4;
/// Neighbouring outputs that [`Dot`] computes side by side.
const POSITIONS: usize = 4;

type Sums = [int32x4_t; QUARTERS];

/// With the dot product of Armv8.2: having one means that the processor has it.
#[derive(Debug)]
pub(super) struct Dot(());

/// With what every 64-bit Arm has.
#[derive(Debug)]
pub(super) struct Plain(());

impl Dot {
    pub(super) fn detect() -> Option<&'static Self> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(&Self(()))
    }
}

impl Plain {
    pub(super) fn detect() -> Option<&'static Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(&Self(()))
    }
}

impl Kernel for Dot {
    fn name(&self) -> &'static str {
        "neon-dotprod"
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        scalar::quantise(quantiser, samples, out);
    }

    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        rows.check(layer, width, POSITIONS);
        check_out(layer, width, POSITIONS, out);
        for block in 0..layer.out_blocks {
            for x in (0..width).step_by(POSITIONS) {
                // SAFETY: `self` is proof of the instructions, and the lengths were checked.
                unsafe {
                    let sums = dot(layer, rows, x, block);
                    for (x, sums) in (x..).zip(sums) {
                        store(layer, rows, x, block, sums, out);
                    }
                }
            }
        }
    }

    fn finish(&self, layer: &Layer, rows: Rows<'_>, output: Quantiser, out: [&mut [f32]; 2]) {
        let [top, bottom] = out;
        rows.check(layer, top.len() / 2, POSITIONS);
        let parts = top.chunks_mut(2 * POSITIONS).zip(bottom.chunks_mut(2 * POSITIONS));
        for (part, (top, bottom)) in parts.enumerate() {
            // SAFETY: `self` is proof of the instructions, and the lengths were checked.
            let sums = unsafe { dot(layer, rows, part * POSITIONS, 0) };
            for (sums, (top, bottom)) in sums.into_iter().zip(pairs(top, bottom)) {
                reals(layer, output, sums[0], top, bottom);
            }
        }
    }
}

impl Kernel for Plain {
    fn name(&self) -> &'static str {
        "neon"
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        scalar::quantise(quantiser, samples, out);
    }

    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        rows.check(layer, width, 1);
        check_out(layer, width, 1, out);
        for block in 0..layer.out_blocks {
            for x in 0..width {
                // SAFETY: `self` is proof of the instructions, and the lengths were checked.
                unsafe { store(layer, rows, x, block, widening(layer, rows, x, block), out) };
            }
        }
    }

    fn finish(&self, layer: &Layer, rows: Rows<'_>, output: Quantiser, out: [&mut [f32]; 2]) {
        let [top, bottom] = out;
        rows.check(layer, top.len() / 2, 1);
        for (x, (top, bottom)) in pairs(top, bottom).enumerate() {
            // SAFETY: `self` is proof of the instructions, and the lengths were checked.
            let sums = unsafe { widening(layer, rows, x, 0) };
            reals(layer, output, sums[0], top, bottom);
        }
    }
}

/// The sums of [`POSITIONS`] pixels of an output block from pixel `x` on, by dot products.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn dot(layer: &Layer, rows: Rows<'_>, x: usize, block: usize) -> [Sums; POSITIONS] {
    let stride = layer.in_blocks * LANES;
    let mut tiles = layer.tiles(block).as_ptr();
    let mut sums = [biases(layer, block); POSITIONS];
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
                add_group::<0>(&mut sums, &pixels, tiles);
                if groups > 1 {
                    add_group::<1>(&mut sums, &pixels, tiles.add(SIDE * TILE));
                }
                if groups > 2 {
                    add_group::<2>(&mut sums, &pixels, tiles.add(2 * SIDE * TILE));
                }
                if groups > 3 {
                    add_group::<3>(&mut sums, &pixels, tiles.add(3 * SIDE * TILE));
                }
                tiles = tiles.add(groups * SIDE * TILE);
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
unsafe fn add_group<const G: i32>(
    sums: &mut [Sums; POSITIONS],
    pixels: &[int8x16_t; POSITIONS + SIDE - 1],
    tiles: *const i8,
) {
    for column in 0..SIDE {
        // SAFETY: as promised.
        let quarter = |at: usize| unsafe { vld1q_s8(tiles.add(column * TILE + at * LANES)) };
        let weights = [quarter(0), quarter(1), quarter(2), quarter(3)];
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

/// The sums of one pixel of an output block, by products in 16 bits.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn widening(layer: &Layer, rows: Rows<'_>, x: usize, block: usize) -> Sums {
    let stride = layer.in_blocks * LANES;
    let mut tiles = layer.tiles(block).as_ptr();
    // Each lane holds a part of the sum of an output channel; its neighbour holds the rest.
    let mut parts = [[vdupq_n_s32(0); 2]; QUARTERS];
    // SAFETY: the rows reach two pixels beyond `x`; there is a tile for every row, group and column.
    unsafe {
        for row in rows.0 {
            for group in 0..layer.groups {
                for column in 0..SIDE {
                    let pixel = row.as_ptr().add((x + column) * stride + group * GROUP);
                    let four = vdupq_n_u32(pixel.cast::<u32>().read_unaligned());
                    let pixel = signed(vreinterpretq_u8_u32(four));
                    for (quarter, [low, high]) in parts.iter_mut().enumerate() {
                        let weights = vld1q_s8(tiles.add(quarter * LANES));
                        let products = vmull_s8(vget_low_s8(weights), vget_low_s8(pixel));
                        *low = vpadalq_s16(*low, products);
                        *high = vpadalq_s16(*high, vmull_high_s8(weights, pixel));
                    }
                    tiles = tiles.add(TILE);
                }
            }
        }
    }
    let mut sums = biases(layer, block);
    for (sum, [low, high]) in sums.iter_mut().zip(parts) {
        *sum = vaddq_s32(*sum, vpaddq_s32(low, high));
    }
    sums
}

/// Writes the bytes of pixel `x` of an output block.
///
/// # Safety
/// Rows and `out` reach that far.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn store(layer: &Layer, rows: Rows<'_>, x: usize, block: usize, sums: Sums, out: &mut [u8]) {
    let multipliers = layer.multipliers(block).as_ptr();
    // SAFETY: as promised; there are as many multipliers as channels in a block.
    unsafe {
        let mut quarters = sums;
        for (quarter, q) in quarters.iter_mut().enumerate() {
            let multiplier = vld1q_f32(multipliers.add(4 * quarter));
            *q = round(vmulq_f32(vcvtq_f32_s32(*q), multiplier));
        }
        if let Some(residual) = layer.residual {
            let at = (x + PADDING) * layer.in_blocks * LANES + block * LANES;
            let skips = widened(vld1q_u8(rows.0[1].as_ptr().add(at)));
            for (q, skip) in quarters.iter_mut().zip(skips) {
                let branch = vmulq_n_f32(vcvtq_f32_s32(*q), residual.branch);
                let skip = vmulq_n_f32(vcvtq_f32_s32(skip), residual.skip);
                *q = round(vaddq_f32(branch, skip));
            }
        }
        let [a, b, c, d] = quarters.map(|q| vmovn_s32(q));
        let (low, high) = (vcombine_s16(a, b), vcombine_s16(c, d));
        let bytes = vcombine_u8(vqmovun_s16(low), vqmovun_s16(high));
        vst1q_u8(out.as_mut_ptr().add((x * layer.out_blocks + block) * LANES), bytes);
    }
}

/// Writes the real numbers of one pixel.
fn reals(
    layer: &Layer,
    output: Quantiser,
    sums: int32x4_t,
    top: &mut [f32; 2],
    bottom: &mut [f32; 2],
) {
    let zero = f32::from(output.zero);
    // SAFETY: every 64-bit Arm has these instructions; the rows have room for two numbers each.
    unsafe {
        let multiplier = vld1q_f32(layer.multipliers(0).as_ptr());
        let value = vmulq_f32(vcvtq_f32_s32(sums), multiplier);
        let value = vminq_f32(vmaxq_f32(value, vdupq_n_f32(-zero)), vdupq_n_f32(255.0 - zero));
        let value = vmulq_n_f32(vrndnq_f32(value), output.scale);
        vst1_f32(top.as_mut_ptr(), vget_low_f32(value));
        vst1_f32(bottom.as_mut_ptr(), vget_high_f32(value));
    }
}

/// The places of one pixel after the other in both rows.
fn pairs<'a>(
    top: &'a mut [f32],
    bottom: &'a mut [f32],
) -> impl Iterator<Item = (&'a mut [f32; 2], &'a mut [f32; 2])> {
    top.as_chunks_mut::<2>().0.iter_mut().zip(bottom.as_chunks_mut::<2>().0)
}

/// The sums before the first product.
#[target_feature(enable = "neon")]
#[inline]
fn biases(layer: &Layer, block: usize) -> Sums {
    let biases = layer.signed_biases(block).as_ptr();
    // SAFETY: there are as many as channels in a block.
    [0, 4, 8, 12].map(|at| unsafe { vld1q_s32(biases.add(at)) })
}

/// Bytes as numbers 128 less than they are.
#[target_feature(enable = "neon")]
#[inline]
fn signed(bytes: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80)))
}

/// Sixteen bytes as integers.
#[target_feature(enable = "neon")]
#[inline]
fn widened(bytes: uint8x16_t) -> Sums {
    let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes));
    [
        vmovl_u16(vget_low_u16(low)),
        vmovl_high_u16(low),
        vmovl_u16(vget_low_u16(high)),
        vmovl_high_u16(high),
    ]
    .map(|wide| vreinterpretq_s32_u32(wide))
}

/// Rounds to bytes, halves to even.
#[target_feature(enable = "neon")]
#[inline]
fn round(value: float32x4_t) -> int32x4_t {
    let bounded = vminq_f32(vmaxq_f32(value, vdupq_n_f32(0.0)), vdupq_n_f32(255.0));
    vcvtnq_s32_f32(bounded)
}
