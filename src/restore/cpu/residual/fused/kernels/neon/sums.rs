//! From sums to bytes, the same for both kernels.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::aarch64::*;

use super::super::super::packed::{Addition, PackedLayer, PackedSlide};
use super::super::super::weights::{LANES, Weights};
use super::super::kernel::{PADDING, Rows, Seen};

/// Registers that hold the output channels of a block.
pub(super) const QUARTERS: usize = LANES / 4;

/// Of one pixel, for the first `Q` quarters of a block.
pub(super) type Sums<const Q: usize = QUARTERS> = [int32x4_t; Q];

/// Four bytes of the input, signed, four times.
///
/// # Safety
/// Four bytes lie at `start`.
#[target_feature(enable = "neon")]
#[inline]
pub(super) unsafe fn four(start: *const u8) -> int8x16_t {
    // SAFETY: as promised.
    let four = unsafe { start.cast::<u32>().read_unaligned() };
    signed(vreinterpretq_u8_u32(vdupq_n_u32(four)))
}

/// Sums of a pixel in steps of the output, rectified.
#[target_feature(enable = "neon")]
#[inline]
pub(super) fn requantised(weights: &Weights, block: usize, sums: Sums) -> Sums {
    let multipliers = weights.multipliers(block).as_ptr();
    let mut quarters = sums;
    for (quarter, q) in quarters.iter_mut().enumerate() {
        // SAFETY: there are as many multipliers as channels in a block.
        let multiplier = unsafe { vld1q_f32(multipliers.add(4 * quarter)) };
        *q = round(vmulq_f32(vcvtq_f32_s32(*q), multiplier));
    }
    quarters
}

/// As [`requantised`], with the layer's addition.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "neon")]
#[inline]
pub(super) unsafe fn rectified(
    layer: &PackedLayer,
    rows: Rows<'_>,
    x: usize,
    block: usize,
    sums: Sums,
) -> Sums {
    let quarters = requantised(&layer.weights, block, sums);
    let Some(addition) = layer.addition else { return quarters };
    let at = (x + PADDING) * layer.in_blocks * LANES + block * LANES;
    // SAFETY: as promised.
    added(quarters, addition, unsafe { vld1q_u8(rows.0[1].as_ptr().add(at)) })
}

/// As [`requantised`], with the addition of a slide.
///
/// # Safety
/// What is added reaches that far.
#[target_feature(enable = "neon")]
#[inline]
pub(super) unsafe fn slid(
    slide: &PackedSlide,
    seen: Seen<'_>,
    x: usize,
    block: usize,
    sums: Sums,
) -> Sums {
    let quarters = requantised(&slide.weights, block, sums);
    let Some(addition) = slide.addition else { return quarters };
    let at = (x * slide.weights.blocks + block) * LANES;
    // SAFETY: as promised.
    added(quarters, addition, unsafe { vld1q_u8(seen.skip.as_ptr().add(at)) })
}

/// The bytes of a branch with those of what it goes around.
#[target_feature(enable = "neon")]
#[inline]
fn added(quarters: Sums, addition: Addition, skip: uint8x16_t) -> Sums {
    let mut sums = quarters;
    for (q, skip) in sums.iter_mut().zip(widened(skip)) {
        let branch = vmulq_n_f32(vcvtq_f32_s32(*q), addition.branch);
        let skip = vmulq_n_f32(vcvtq_f32_s32(skip), addition.skip);
        *q = round(vaddq_f32(branch, skip));
    }
    sums
}

/// Writes the bytes of pixel `x` of an output block.
///
/// # Safety
/// `out` reaches that far.
#[target_feature(enable = "neon")]
#[inline]
pub(super) unsafe fn store(
    weights: &Weights,
    x: usize,
    block: usize,
    quarters: Sums,
    out: &mut [u8],
) {
    let [a, b, c, d] = quarters.map(|q| vmovn_s32(q));
    let (low, high) = (vcombine_s16(a, b), vcombine_s16(c, d));
    let bytes = vcombine_u8(vqmovun_s16(low), vqmovun_s16(high));
    // SAFETY: as promised.
    unsafe { vst1q_u8(out.as_mut_ptr().add((x * weights.blocks + block) * LANES), bytes) };
}

/// Writes the bytes of one pixel of the last layer.
pub(super) fn last(
    weights: &Weights,
    zero: u8,
    sums: int32x4_t,
    top: &mut [u8; 2],
    bottom: &mut [u8; 2],
) {
    let low = -f32::from(zero);
    // SAFETY: every 64-bit Arm has these instructions; a block has more than four multipliers.
    let four = unsafe {
        let multiplier = vld1q_f32(weights.multipliers(0).as_ptr());
        let value = vmulq_f32(vcvtq_f32_s32(sums), multiplier);
        let value = vminq_f32(vmaxq_f32(value, vdupq_n_f32(low)), vdupq_n_f32(low + 255.0));
        let words = vmovn_s32(vaddq_s32(vcvtnq_s32_f32(value), vdupq_n_s32(zero.into())));
        let bytes = vqmovun_s16(vcombine_s16(words, words));
        vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)).to_le_bytes()
    };
    [*top, *bottom] = [[four[0], four[1]], [four[2], four[3]]];
}

/// The places of one pixel after the other in both rows.
pub(super) fn pairs<'a>(
    top: &'a mut [u8],
    bottom: &'a mut [u8],
) -> impl Iterator<Item = (&'a mut [u8; 2], &'a mut [u8; 2])> {
    top.as_chunks_mut::<2>().0.iter_mut().zip(bottom.as_chunks_mut::<2>().0)
}

/// The sums before the first product.
#[target_feature(enable = "neon")]
#[inline]
pub(super) fn biases<const Q: usize>(weights: &Weights, block: usize) -> Sums<Q> {
    let biases = weights.signed_biases(block).as_ptr();
    let mut quarters = [vdupq_n_s32(0); Q];
    for (quarter, sum) in quarters.iter_mut().enumerate() {
        // SAFETY: there are as many as channels in a block.
        *sum = unsafe { vld1q_s32(biases.add(4 * quarter)) };
    }
    quarters
}

/// Bytes as numbers 128 less than they are.
#[target_feature(enable = "neon")]
#[inline]
pub(super) fn signed(bytes: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80)))
}

/// Sixteen bytes as integers.
#[target_feature(enable = "neon")]
#[inline]
pub(super) fn widened(bytes: uint8x16_t) -> Sums {
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
pub(super) fn round(value: float32x4_t) -> int32x4_t {
    let bounded = vminq_f32(vmaxq_f32(value, vdupq_n_f32(0.0)), vdupq_n_f32(255.0));
    vcvtnq_s32_f32(bounded)
}
