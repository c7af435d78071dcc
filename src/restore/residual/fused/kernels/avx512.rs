//! x86-64 with AVX-512-VNNI: sixteen output channels in the lanes of a register.
//!
//! `vpdpbusd` adds to each 32-bit lane the products of four unsigned and four signed bytes. Four
//! input channels of a pixel are broadcast to all lanes and meet the weights of the three columns
//! of a row: each load serves three outputs. [`POSITIONS`] accumulators hide the latency of the
//! instruction; weights come from the first-level cache. The last layer has four outputs only, and
//! takes four pixels a register instead.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::x86_64::*;

use super::super::layer::{GROUP, LANES, Layer, SIDE, TILE};
use super::{Kernel, PADDING, Quantiser, Rows, check_out, scalar};

/// Neighbouring outputs that are computed side by side.
const POSITIONS: usize = 12;
/// Registers of four pixels that the last layer computes side by side.
const QUADS: usize = 6;

/// Having one means that the processor has the instructions.
#[derive(Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<&'static Self> {
        let has_all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        has_all.then_some(&Self(()))
    }
}

impl Kernel for Avx512 {
    fn name(&self) -> &'static str {
        "avx512-vnni"
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        // SAFETY: `self` is proof of the instructions.
        unsafe { quantise(quantiser, samples, out) }
    }

    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        rows.check(layer, width, POSITIONS);
        check_out(layer, width, POSITIONS, out);
        for block in 0..layer.out_blocks {
            for x in (0..width).step_by(POSITIONS) {
                // SAFETY: `self` is proof of the instructions, and the lengths were checked.
                unsafe { convolve(layer, rows, x, block, out) };
            }
        }
    }

    fn finish(&self, layer: &Layer, rows: Rows<'_>, output: Quantiser, out: [&mut [f32]; 2]) {
        let [top, bottom] = out;
        rows.check(layer, top.len() / 2, 4 * QUADS);
        let parts = top.chunks_mut(8 * QUADS).zip(bottom.chunks_mut(8 * QUADS));
        for (part, (top, bottom)) in parts.enumerate() {
            // SAFETY: `self` is proof of the instructions, and the lengths were checked.
            unsafe { finish(layer, rows, part * 4 * QUADS, output, [top, bottom]) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn quantise(quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
    scalar::quantise(quantiser, samples, out);
}

/// Computes [`POSITIONS`] pixels of an output block from pixel `x` on.
///
/// # Safety
/// Rows and `out` reach that far.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn convolve(layer: &Layer, rows: Rows<'_>, x: usize, block: usize, out: &mut [u8]) {
    let stride = layer.in_blocks * LANES;
    // SAFETY: the rows reach `POSITIONS + 2` pixels beyond `x`, `out` `POSITIONS`; there is a tile
    // for every row, group and column.
    unsafe {
        let mut sums = [_mm512_loadu_si512(layer.biases(block).as_ptr().cast()); POSITIONS];
        let mut tiles = layer.tiles(block).as_ptr();
        for row in rows.0 {
            for group in 0..layer.groups {
                let start = row.as_ptr().add(x * stride + group * GROUP);
                let columns =
                    [0, TILE, 2 * TILE].map(|at| _mm512_loadu_si512(tiles.add(at).cast()));
                tiles = tiles.add(SIDE * TILE);
                accumulate(&mut sums, start, stride, columns);
            }
        }
        let multiplier = _mm512_loadu_ps(layer.multipliers(block).as_ptr());
        for (position, sum) in (x..).zip(sums) {
            let mut q = round(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier));
            if let Some(residual) = layer.residual {
                let pixel = rows.0[1].as_ptr().add((position + PADDING) * stride + block * LANES);
                let skip = _mm512_cvtepu8_epi32(_mm_loadu_si128(pixel.cast()));
                q = round(_mm512_add_ps(scaled(q, residual.branch), scaled(skip, residual.skip)));
            }
            let target = out.as_mut_ptr().add((position * layer.out_blocks + block) * LANES);
            _mm_storeu_si128(target.cast(), _mm512_cvtepi32_epi8(q));
        }
    }
}

/// Adds the products of one group of input channels for all columns of the window. The loop is
/// unrolled by the compiler, which keeps the sums in registers.
///
/// # Safety
/// `POSITIONS + 2` pixels lie at `start`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
unsafe fn accumulate(
    sums: &mut [__m512i; POSITIONS],
    start: *const u8,
    stride: usize,
    [left, middle, right]: [__m512i; SIDE],
) {
    let mut at = 0;
    while at < POSITIONS + 2 {
        // SAFETY: as promised.
        let pixel = unsafe { start.add(at * stride).cast::<i32>().read_unaligned() };
        let pixel = _mm512_set1_epi32(pixel);
        if at < POSITIONS {
            sums[at] = _mm512_dpbusd_epi32(sums[at], pixel, left);
        }
        if (1..=POSITIONS).contains(&at) {
            sums[at - 1] = _mm512_dpbusd_epi32(sums[at - 1], pixel, middle);
        }
        if at >= 2 {
            sums[at - 2] = _mm512_dpbusd_epi32(sums[at - 2], pixel, right);
        }
        at += 1;
    }
}

/// Computes real numbers for `4 * QUADS` pixels from pixel `x` on, as many as there is room for.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn finish(
    layer: &Layer,
    rows: Rows<'_>,
    x: usize,
    output: Quantiser,
    [top, bottom]: [&mut [f32]; 2],
) {
    let stride = layer.in_blocks * LANES;
    let mut tiles = layer.quads().chunks_exact(TILE);
    // SAFETY: the rows reach `4 * QUADS + 2` pixels beyond `x`; only what there is room for is
    // written.
    unsafe {
        let bias = _mm_loadu_si128(layer.biases(0).as_ptr().cast());
        let mut sums = [_mm512_broadcast_i32x4(bias); QUADS];
        for row in rows.0 {
            for column in 0..SIDE {
                for group in 0..layer.groups {
                    let tile = tiles.next().map_or(std::ptr::null(), <[i8]>::as_ptr);
                    let tile = _mm512_loadu_si512(tile.cast());
                    let start = row.as_ptr().add((x + column) * stride + group * GROUP);
                    for (quad, sum) in sums.iter_mut().enumerate() {
                        let pixels = four_pixels(start.add(4 * quad * stride), stride);
                        *sum = _mm512_dpbusd_epi32(*sum, pixels, tile);
                    }
                }
            }
        }
        store(sums, layer, output, top, bottom);
    }
}

/// Four channels of four neighbouring pixels, each repeated four times.
///
/// # Safety
/// Four pixels and one more lie at `start`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
unsafe fn four_pixels(start: *const u8, stride: usize) -> __m512i {
    // SAFETY: as promised.
    unsafe {
        if stride == LANES {
            return _mm512_shuffle_epi32::<0>(_mm512_loadu_si512(start.cast()));
        }
        let pixel = |index: usize| start.add(index * stride).cast::<i32>().read_unaligned();
        let pixels = _mm_setr_epi32(pixel(0), pixel(1), pixel(2), pixel(3));
        let order = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
        _mm512_permutexvar_epi32(order, _mm512_castsi128_si512(pixels))
    }
}

/// Turns sums into real numbers, channels 0 and 1 to the top row, 2 and 3 to the bottom row.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
fn store(
    sums: [__m512i; QUADS],
    layer: &Layer,
    output: Quantiser,
    top: &mut [f32],
    bottom: &mut [f32],
) {
    let zero = f32::from(output.zero);
    let (low, high) = (_mm512_set1_ps(-zero), _mm512_set1_ps(255.0 - zero));
    let four = &layer.multipliers(0)[..GROUP];
    // SAFETY: there are four.
    let multiplier = _mm512_broadcast_f32x4(unsafe { _mm_loadu_ps(four.as_ptr()) });
    let order = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    for ((sum, top), bottom) in sums.into_iter().zip(top.chunks_mut(8)).zip(bottom.chunks_mut(8)) {
        let value = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier);
        let value = _mm512_min_ps(_mm512_max_ps(value, low), high);
        let value = _mm512_mul_ps(_mm512_roundscale_ps::<0>(value), _mm512_set1_ps(output.scale));
        let value = _mm512_permutexvar_ps(order, value);
        let mask = u8::MAX >> (8 - top.len());
        // SAFETY: the mask is as long as the rows.
        unsafe {
            _mm256_mask_storeu_ps(top.as_mut_ptr(), mask, _mm512_castps512_ps256(value));
            let upper = _mm512_extractf32x8_ps::<1>(value);
            _mm256_mask_storeu_ps(bottom.as_mut_ptr(), mask, upper);
        }
    }
}

/// Integers times a factor.
#[target_feature(enable = "avx512f")]
#[inline]
fn scaled(q: __m512i, factor: f32) -> __m512 {
    _mm512_mul_ps(_mm512_cvtepi32_ps(q), _mm512_set1_ps(factor))
}

/// Rounds to bytes, halves to even.
#[target_feature(enable = "avx512f")]
#[inline]
fn round(value: __m512) -> __m512i {
    let bounded = _mm512_min_ps(_mm512_max_ps(value, _mm512_setzero_ps()), _mm512_set1_ps(255.0));
    _mm512_cvtps_epi32(bounded)
}
