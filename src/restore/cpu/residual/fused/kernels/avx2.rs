//! x86-64 with AVX2: eight output channels a register, pairs of input channels as 16-bit numbers.
//!
//! `vpmaddwd` sums two products of 16-bit numbers exactly; the instruction for bytes saturates.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::x86_64::*;

use super::super::packed::{Addition, PackedLast, PackedLayer, PackedSlide, SIDE};
use super::super::weights::{GROUP, LANES, TILE, Weights};
use super::kernel::{PADDING, Rows, Seen};
use super::scalar;
use super::tile::Tile;
use crate::plan::network::Quantiser;

/// Neighbouring outputs that are computed side by side, two registers each.
const POSITIONS: usize = 5;

/// Steps of slides: those of the head, and all.
const HEAD: usize = 2;
const ANY: usize = 0;
/// Registers that hold the output channels of a block.
const HALVES: usize = 2;

/// Of every position, for the first `H` halves of a block.
type Sums<const H: usize = HALVES> = [[__m256i; H]; POSITIONS];

/// Having one means that the processor has the instructions.
#[derive(Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<&'static Self> {
        is_x86_feature_detected!("avx2").then_some(&Self(()))
    }
}

// SAFETY: [`Avx2::detect`] alone makes a value, where the processor has the instructions; the functions
// read and write no more than they are promised.
unsafe impl Tile for Avx2 {
    const NAME: &'static str = "avx2";
    const PIXELS: usize = POSITIONS;
    const PIXELS_LAST: usize = POSITIONS;

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        // SAFETY: `self` is proof of the instructions.
        unsafe { quantise(quantiser, samples, out) }
    }

    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
        // SAFETY: `self` is proof of the instructions.
        unsafe { dequantise(quantiser, bytes, out) }
    }

    // SAFETY: what the trait asks of callers is all that is relied on.
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
            match slide.step {
                HEAD => slide_over::<HEAD>(slide, seen, x, block, out),
                _ => slide_over::<ANY>(slide, seen, x, block, out),
            }
        }
    }

    // SAFETY: what the trait asks of callers is all that is relied on.
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
        unsafe { convolve(layer, rows, x, block, out) };
    }

    // SAFETY: what the trait asks of callers is all that is relied on.
    #[inline]
    unsafe fn finish(
        &self,
        last: &PackedLast,
        rows: Rows<'_>,
        x: usize,
        zero: u8,
        out: [&mut [u8]; 2],
    ) {
        // SAFETY: `self` is proof of the instructions; as promised.
        unsafe { finish(&last.layer, rows, x, zero, out) };
    }
}

#[target_feature(enable = "avx2")]
fn quantise(quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
    let (whole, rest) = samples.as_chunks::<LANES>();
    let (out, out_rest) = out.split_at_mut(LANES * whole.len());
    let scale = _mm256_set1_ps(quantiser.scale);
    let low = -f32::from(quantiser.zero);
    let (low, high) = (_mm256_set1_ps(low), _mm256_set1_ps(low + 255.0));
    let zero = _mm256_set1_epi32(quantiser.zero.into());
    for (samples, out) in whole.iter().zip(out.as_chunks_mut::<LANES>().0) {
        let mut halves = [zero; HALVES];
        for (samples, half) in samples.as_chunks::<8>().0.iter().zip(&mut halves) {
            // SAFETY: there are eight.
            let steps = unsafe { _mm256_div_ps(_mm256_loadu_ps(samples.as_ptr()), scale) };
            let steps = _mm256_min_ps(_mm256_max_ps(steps, low), high);
            *half = _mm256_add_epi32(*half, _mm256_cvtps_epi32(steps));
        }
        // SAFETY: there are sixteen.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), packed_bytes(halves)) };
    }
    scalar::quantise(quantiser, rest, out_rest);
}

#[target_feature(enable = "avx2")]
fn dequantise(quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
    scalar::dequantise(quantiser, bytes, out);
}

/// Computes [`POSITIONS`] pixels of an output block of a slide from pixel `x` on. `STEP` is its own, or
/// [`ANY`]: where it is known, addresses need no arithmetic.
///
/// # Safety
/// Rows, what is added and `out` reach that far, and the rows are as many as the window's.
#[target_feature(enable = "avx2")]
unsafe fn slide_over<const STEP: usize>(
    slide: &PackedSlide,
    Seen { rows, skip }: Seen<'_>,
    x: usize,
    block: usize,
    out: &mut [u8],
) {
    let step = if STEP == ANY { slide.step } else { STEP };
    let weights = &slide.weights;
    let mut sums = start(weights, block);
    // SAFETY: as promised; there is a tile for every row and group.
    unsafe {
        let mut tiles = weights.pairs(block).as_ptr();
        for row in rows {
            for group in 0..slide.groups {
                add_tap(&mut sums, row.as_ptr().add(step * x + group * GROUP), step, tiles);
                tiles = tiles.add(TILE);
            }
        }
        let stride = weights.blocks * LANES;
        let skip = slide.addition.map(|added| (added, skip[x * stride..].as_ptr(), stride));
        write(sums, weights, (x, block), skip, out);
    }
}

/// Computes [`POSITIONS`] pixels of an output block from pixel `x` on.
///
/// # Safety
/// Rows and `out` reach that far.
#[target_feature(enable = "avx2")]
unsafe fn convolve(layer: &PackedLayer, rows: Rows<'_>, x: usize, block: usize, out: &mut [u8]) {
    let stride = layer.in_blocks * LANES;
    // SAFETY: as promised.
    unsafe {
        let skip = layer
            .addition
            .map(|added| (added, rows.0[1].as_ptr().add((x + PADDING) * stride), stride));
        write(accumulate(layer, rows, x, block), &layer.weights, (x, block), skip, out);
    }
}

/// Turns the sums of an output block into bytes from pixel `x` on: rectified, and with `skip` added,
/// where there is any; its pixels lie as far from one another as it says.
///
/// # Safety
/// There are [`POSITIONS`] pixels of `skip`, and `out` reaches as far beyond `x`.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn write(
    sums: Sums,
    weights: &Weights,
    (x, block): (usize, usize),
    skip: Option<(Addition, *const u8, usize)>,
    out: &mut [u8],
) {
    for (position, sums) in sums.into_iter().enumerate() {
        let mut bytes = requantised(weights, block, sums);
        // SAFETY: as promised.
        unsafe {
            if let Some((addition, start, stride)) = skip {
                let pixel = start.add(position * stride + block * LANES);
                for (half, q) in bytes.iter_mut().enumerate() {
                    let skip = _mm256_cvtepu8_epi32(_mm_loadl_epi64(pixel.add(8 * half).cast()));
                    let sum =
                        _mm256_add_ps(scaled(*q, addition.branch), scaled(skip, addition.skip));
                    *q = round(sum);
                }
            }
            store(weights, x + position, block, bytes, out);
        }
    }
}

/// The sums before the first product.
#[target_feature(enable = "avx2")]
#[inline]
fn start<const H: usize>(weights: &Weights, block: usize) -> Sums<H> {
    let biases = weights.biases(block).as_ptr();
    let mut halves = [_mm256_setzero_si256(); H];
    for (half, sum) in halves.iter_mut().enumerate() {
        // SAFETY: there are sixteen.
        *sum = unsafe { _mm256_loadu_si256(biases.add(8 * half).cast()) };
    }
    [halves; POSITIONS]
}

/// The sums of [`POSITIONS`] pixels of an output block from pixel `x` on.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn accumulate<const H: usize>(
    layer: &PackedLayer,
    rows: Rows<'_>,
    x: usize,
    block: usize,
) -> Sums<H> {
    let stride = layer.in_blocks * LANES;
    let mut sums = start(&layer.weights, block);
    // SAFETY: the rows reach `POSITIONS + 2` pixels beyond `x`; there is a tile for every row, group
    // and column.
    unsafe {
        let mut tiles = layer.weights.pairs(block).as_ptr();
        for row in rows.0 {
            for group in 0..layer.groups {
                for column in 0..SIDE {
                    let start = row.as_ptr().add((x + column) * stride + group * GROUP);
                    add_tap(&mut sums, start, stride, tiles);
                    tiles = tiles.add(TILE);
                }
            }
        }
    }
    sums
}

/// Adds the products of one tap, whose inputs lie `step` bytes apart from one pixel to the next.
///
/// # Safety
/// Four bytes lie there for every position, and a tile at `tile`.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn add_tap<const H: usize>(
    sums: &mut Sums<H>,
    start: *const u8,
    step: usize,
    tile: *const i16,
) {
    let mut weights = [[_mm256_setzero_si256(); 2]; H];
    for (half, pairs) in weights.iter_mut().enumerate() {
        for (pair, weights) in pairs.iter_mut().enumerate() {
            // SAFETY: as promised.
            *weights = unsafe { _mm256_loadu_si256(tile.add(32 * pair + 16 * half).cast()) };
        }
    }
    for (position, sums) in sums.iter_mut().enumerate() {
        // SAFETY: as promised.
        let four = unsafe { start.add(position * step).cast::<i32>().read_unaligned() };
        let wide = _mm_cvtepu8_epi16(_mm_cvtsi32_si128(four));
        let first = _mm256_broadcastd_epi32(wide);
        let second = _mm256_broadcastd_epi32(_mm_srli_si128::<4>(wide));
        for (sum, [a, b]) in sums.iter_mut().zip(weights) {
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(first, a));
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(second, b));
        }
    }
}

/// Sums of a pixel in steps of the output, rectified.
#[target_feature(enable = "avx2")]
#[inline]
fn requantised(weights: &Weights, block: usize, sums: [__m256i; 2]) -> [__m256i; 2] {
    let multipliers = weights.multipliers(block).as_ptr();
    // SAFETY: there are sixteen.
    let [low, high] = [0, 8].map(|at| unsafe { _mm256_loadu_ps(multipliers.add(at)) });
    let steps = |sum, multiplier| round(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), multiplier));
    [steps(sums[0], low), steps(sums[1], high)]
}

/// Writes the bytes of pixel `x` of an output block.
///
/// # Safety
/// `out` reaches that far.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn store(weights: &Weights, x: usize, block: usize, q: [__m256i; 2], out: &mut [u8]) {
    // SAFETY: as promised.
    unsafe {
        let target = out.as_mut_ptr().add((x * weights.blocks + block) * LANES);
        _mm_storeu_si128(target.cast(), packed_bytes(q));
    }
}

/// Sixteen integers that are bytes, as bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn packed_bytes([low, high]: [__m256i; 2]) -> __m128i {
    const IN_ORDER: i32 = 0b11_01_10_00;
    let words = _mm256_permute4x64_epi64::<IN_ORDER>(_mm256_packus_epi32(low, high));
    _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
}

/// Computes bytes for up to [`POSITIONS`] pixels from pixel `x` on.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "avx2")]
unsafe fn finish(
    layer: &PackedLayer,
    rows: Rows<'_>,
    x: usize,
    zero: u8,
    [top, bottom]: [&mut [u8]; 2],
) {
    let low = -f32::from(zero);
    let (low, high) = (_mm_set1_ps(low), _mm_set1_ps(low + 255.0));
    let pairs = top.as_chunks_mut::<2>().0.iter_mut().zip(bottom.as_chunks_mut::<2>().0);
    // SAFETY: as promised; a block has more than four multipliers.
    let (multiplier, sums) = unsafe {
        let multiplier = _mm_loadu_ps(layer.weights.multipliers(0).as_ptr());
        (multiplier, accumulate(layer, rows, x, 0))
    };
    for ([sum], (top, bottom)) in sums.into_iter().zip(pairs) {
        let value = _mm_mul_ps(_mm_cvtepi32_ps(_mm256_castsi256_si128(sum)), multiplier);
        let steps = _mm_cvtps_epi32(_mm_min_ps(_mm_max_ps(value, low), high));
        let words = _mm_add_epi32(steps, _mm_set1_epi32(zero.into()));
        let words = _mm_packus_epi32(words, words);
        let four = _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes();
        [*top, *bottom] = [[four[0], four[1]], [four[2], four[3]]];
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
