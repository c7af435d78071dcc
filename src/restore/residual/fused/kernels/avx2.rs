//! x86-64 with AVX2: eight output channels a register, pairs of input channels as 16-bit numbers.
//!
//! `vpmaddwd` sums two products of 16-bit numbers exactly; the instruction for bytes saturates.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::x86_64::*;

use super::super::layer::{GROUP, LANES, Layer, SIDE, TILE};
use super::{Kernel, PADDING, Quantiser, Rows, check_out, scalar};

/// Neighbouring outputs that are computed side by side, two registers each.
const POSITIONS: usize = 5;

type Sums = [[__m256i; 2]; POSITIONS];

/// Having one means that the processor has the instructions.
#[derive(Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<&'static Self> {
        is_x86_feature_detected!("avx2").then_some(&Self(()))
    }
}

impl Kernel for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
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
        rows.check(layer, top.len() / 2, POSITIONS);
        let parts = top.chunks_mut(2 * POSITIONS).zip(bottom.chunks_mut(2 * POSITIONS));
        for (part, (top, bottom)) in parts.enumerate() {
            // SAFETY: `self` is proof of the instructions, and the lengths were checked.
            unsafe { finish(layer, rows, part * POSITIONS, output, [top, bottom]) };
        }
    }
}

#[target_feature(enable = "avx2")]
fn quantise(quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
    scalar::quantise(quantiser, samples, out);
}

/// The sums of [`POSITIONS`] pixels of an output block from pixel `x` on.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn accumulate(layer: &Layer, rows: Rows<'_>, x: usize, block: usize) -> Sums {
    let stride = layer.in_blocks * LANES;
    let bias = layer.biases(block).as_ptr();
    let mut tiles = layer.pairs(block).as_ptr();
    // SAFETY: the rows reach `POSITIONS + 2` pixels beyond `x`; there is a tile for every row, group
    // and column.
    unsafe {
        let bias = [0, 8].map(|at| _mm256_loadu_si256(bias.add(at).cast()));
        let mut sums = [bias; POSITIONS];
        for row in rows.0 {
            for group in 0..layer.groups {
                for column in 0..SIDE {
                    let start = row.as_ptr().add((x + column) * stride + group * GROUP);
                    let [a0, a1, b0, b1] =
                        [0, 16, 32, 48].map(|at| _mm256_loadu_si256(tiles.add(at).cast()));
                    tiles = tiles.add(TILE);
                    for (position, [low, high]) in sums.iter_mut().enumerate() {
                        let pixel = start.add(position * stride).cast::<i32>().read_unaligned();
                        let wide = _mm_cvtepu8_epi16(_mm_cvtsi32_si128(pixel));
                        let first = _mm256_broadcastd_epi32(wide);
                        let second = _mm256_broadcastd_epi32(_mm_srli_si128::<4>(wide));
                        *low = _mm256_add_epi32(*low, _mm256_madd_epi16(first, a0));
                        *high = _mm256_add_epi32(*high, _mm256_madd_epi16(first, a1));
                        *low = _mm256_add_epi32(*low, _mm256_madd_epi16(second, b0));
                        *high = _mm256_add_epi32(*high, _mm256_madd_epi16(second, b1));
                    }
                }
            }
        }
        sums
    }
}

/// Computes [`POSITIONS`] pixels of an output block from pixel `x` on.
///
/// # Safety
/// Rows and `out` reach that far.
#[target_feature(enable = "avx2")]
unsafe fn convolve(layer: &Layer, rows: Rows<'_>, x: usize, block: usize, out: &mut [u8]) {
    let stride = layer.in_blocks * LANES;
    // SAFETY: as promised.
    unsafe {
        let sums = accumulate(layer, rows, x, block);
        for (position, sums) in (x..).zip(sums) {
            let mut bytes = sums;
            for (half, q) in bytes.iter_mut().enumerate() {
                let multiplier = &layer.multipliers(block)[8 * half..];
                let multiplier = _mm256_loadu_ps(multiplier.as_ptr());
                *q = round(_mm256_mul_ps(_mm256_cvtepi32_ps(*q), multiplier));
                if let Some(residual) = layer.residual {
                    let channel = block * LANES + 8 * half;
                    let pixel = rows.0[1].as_ptr().add((position + PADDING) * stride + channel);
                    let skip = _mm256_cvtepu8_epi32(_mm_loadl_epi64(pixel.cast()));
                    let sum =
                        _mm256_add_ps(scaled(*q, residual.branch), scaled(skip, residual.skip));
                    *q = round(sum);
                }
            }
            let target = out.as_mut_ptr().add((position * layer.out_blocks + block) * LANES);
            _mm_storeu_si128(target.cast(), packed(bytes));
        }
    }
}

/// Computes real numbers for up to [`POSITIONS`] pixels from pixel `x` on.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "avx2")]
unsafe fn finish(
    layer: &Layer,
    rows: Rows<'_>,
    x: usize,
    output: Quantiser,
    [top, bottom]: [&mut [f32]; 2],
) {
    let zero = f32::from(output.zero);
    let (low, high) = (_mm_set1_ps(-zero), _mm_set1_ps(255.0 - zero));
    let pairs = top.as_chunks_mut::<2>().0.iter_mut().zip(bottom.as_chunks_mut::<2>().0);
    // SAFETY: as promised; both pairs have room for two numbers.
    unsafe {
        let multiplier = _mm_loadu_ps(layer.multipliers(0).as_ptr());
        for ([sum, _], (top, bottom)) in accumulate(layer, rows, x, 0).into_iter().zip(pairs) {
            let value = _mm_mul_ps(_mm_cvtepi32_ps(_mm256_castsi256_si128(sum)), multiplier);
            let value = _mm_min_ps(_mm_max_ps(value, low), high);
            let value = _mm_mul_ps(_mm_round_ps::<0>(value), _mm_set1_ps(output.scale));
            _mm_storel_pd(top.as_mut_ptr().cast(), _mm_castps_pd(value));
            _mm_storeh_pd(bottom.as_mut_ptr().cast(), _mm_castps_pd(value));
        }
    }
}

/// Integers times a factor.
#[target_feature(enable = "avx2")]
#[inline]
fn scaled(q: __m256i, factor: f32) -> __m256 {
    _mm256_mul_ps(_mm256_cvtepi32_ps(q), _mm256_set1_ps(factor))
}

/// Rounds to bytes, halves to even.
#[target_feature(enable = "avx2")]
#[inline]
fn round(value: __m256) -> __m256i {
    let bounded = _mm256_min_ps(_mm256_max_ps(value, _mm256_setzero_ps()), _mm256_set1_ps(255.0));
    _mm256_cvtps_epi32(bounded)
}

/// Sixteen integers that are bytes, as bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn packed([low, high]: [__m256i; 2]) -> __m128i {
    const IN_ORDER: i32 = 0b11_01_10_00;
    let words = _mm256_permute4x64_epi64::<IN_ORDER>(_mm256_packus_epi32(low, high));
    _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
}
