//! x86-64 with AVX-512-VNNI: sixteen output channels in the lanes of a register.
//!
//! `vpdpbusd` adds to each 32-bit lane the products of four unsigned and four signed bytes. Four
//! bytes of the input are broadcast to all lanes and meet the weights of sixteen outputs; between
//! pixels, each load serves the three columns of the window. [`POSITIONS`] accumulators hide the
//! latency of the instruction; weights come from the first-level cache.
//!
//! The last layer has four outputs only: there a register holds all channels of four neighbouring
//! pixels, which meet the weights of one output; the sums of the channels are added up at the end.

#![expect(unsafe_code, reason = "vector instructions on raw addresses")]
#![allow(clippy::wildcard_imports, reason = "the instructions have names of their own")]

use std::arch::x86_64::*;

use super::super::packed::{Addition, PackedLast, PackedLayer, PackedSlide, SIDE};
use super::super::weights::{GROUP, LANES, TILE, Weights};
use super::kernel::{PADDING, Rows, Seen};
use super::scalar;
use super::tile::Tile;
use crate::plan::network::Quantiser;

/// Neighbouring outputs that are computed side by side.
const POSITIONS: usize = 12;
/// Steps of slides: those of the head, and all.
const HEAD: usize = 2;
const ANY: usize = 0;
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

// SAFETY: [`Avx512::detect`] alone makes a value, where the processor has the instructions; the functions
// read and write no more than they are promised.
unsafe impl Tile for Avx512 {
    const NAME: &'static str = "avx512-vnni";
    const PIXELS: usize = POSITIONS;
    const PIXELS_LAST: usize = 4 * QUADS;

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
        unsafe { finish(last, rows, x, zero, out) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn quantise(quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
    let (whole, rest) = samples.as_chunks::<LANES>();
    let (out, out_rest) = out.split_at_mut(LANES * whole.len());
    let scale = _mm512_set1_ps(quantiser.scale);
    let (low, zero) = (-f32::from(quantiser.zero), _mm512_set1_epi32(quantiser.zero.into()));
    for (samples, out) in whole.iter().zip(out.as_chunks_mut::<LANES>().0) {
        // SAFETY: both are sixteen long.
        unsafe {
            let steps = _mm512_div_ps(_mm512_loadu_ps(samples.as_ptr()), scale);
            let q = _mm512_add_epi32(round(steps, low), zero);
            _mm_storeu_si128(out.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(q));
        }
    }
    scalar::quantise(quantiser, rest, out_rest);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn dequantise(quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
    scalar::dequantise(quantiser, bytes, out);
}

/// Computes [`POSITIONS`] pixels of an output block of a slide from pixel `x` on. `STEP` is its own, or
/// [`ANY`]: where it is known, addresses need no arithmetic.
///
/// # Safety
/// Rows, what is added and `out` reach that far, and the rows are as many as the window's.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
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
    // SAFETY: the rows reach `POSITIONS` steps and the window's groups beyond pixel `x`; there is a
    // tile for every row and group; what is added reaches `POSITIONS` pixels beyond `x`, as `out`.
    unsafe {
        let mut tiles = weights.tiles(block).as_ptr();
        for row in rows {
            for group in 0..slide.groups {
                let weights = _mm512_loadu_si512(tiles.cast());
                tiles = tiles.add(TILE);
                let start = row.as_ptr().add(step * x + group * GROUP);
                for (position, sum) in sums.iter_mut().enumerate() {
                    *sum = _mm512_dpbusd_epi32(*sum, four(start.add(step * position)), weights);
                }
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
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn convolve(layer: &PackedLayer, rows: Rows<'_>, x: usize, block: usize, out: &mut [u8]) {
    let (stride, weights) = (layer.in_blocks * LANES, &layer.weights);
    let mut sums = start(weights, block);
    // SAFETY: the rows reach `POSITIONS + 2` pixels beyond `x`, `out` `POSITIONS`; there is a tile
    // for every row, group and column.
    unsafe {
        let mut tiles = weights.tiles(block).as_ptr();
        for row in rows.0 {
            for group in 0..layer.groups {
                let start = row.as_ptr().add(x * stride + group * GROUP);
                let columns =
                    [0, TILE, 2 * TILE].map(|at| _mm512_loadu_si512(tiles.add(at).cast()));
                tiles = tiles.add(SIDE * TILE);
                accumulate(&mut sums, start, stride, columns);
            }
        }
        let skip = layer
            .addition
            .map(|added| (added, rows.0[1].as_ptr().add((x + PADDING) * stride), stride));
        write(sums, weights, (x, block), skip, out);
    }
}

/// Turns the sums of an output block into bytes from pixel `x` on: rectified, and with `skip` added,
/// where there is any; its pixels lie as far from one another as it says.
///
/// # Safety
/// There are [`POSITIONS`] pixels of `skip`, and `out` reaches as far beyond `x`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
unsafe fn write(
    sums: [__m512i; POSITIONS],
    weights: &Weights,
    (x, block): (usize, usize),
    skip: Option<(Addition, *const u8, usize)>,
    out: &mut [u8],
) {
    // SAFETY: as promised; there are as many multipliers as lanes.
    unsafe {
        let multiplier = _mm512_loadu_ps(weights.multipliers(block).as_ptr());
        for (position, sum) in sums.into_iter().enumerate() {
            let mut value = positive(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier));
            if let Some((addition, start, stride)) = skip {
                let pixel = start.add(position * stride + block * LANES);
                let skip = _mm512_cvtepu8_epi32(_mm_loadu_si128(pixel.cast()));
                value = sum_of(value, _mm512_cvtepi32_ps(skip), addition);
            }
            let target = out.as_mut_ptr().add(((x + position) * weights.blocks + block) * LANES);
            _mm_storeu_si128(target.cast(), bytes(value));
        }
    }
}

/// The sums before the first product.
#[target_feature(enable = "avx512f")]
#[inline]
fn start(weights: &Weights, block: usize) -> [__m512i; POSITIONS] {
    // SAFETY: there are as many as lanes.
    [unsafe { _mm512_loadu_si512(weights.biases(block).as_ptr().cast()) }; POSITIONS]
}

/// Four bytes of the input in every lane.
///
/// # Safety
/// Four bytes lie at `start`.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn four(start: *const u8) -> __m512i {
    // SAFETY: as promised.
    _mm512_set1_epi32(unsafe { start.cast::<i32>().read_unaligned() })
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
        let pixel = unsafe { four(start.add(at * stride)) };
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

/// Computes bytes for `4 * QUADS` pixels from pixel `x` on, as many as there is room for.
///
/// # Safety
/// The rows reach that far.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn finish(
    last: &PackedLast,
    rows: Rows<'_>,
    x: usize,
    zero: u8,
    [top, bottom]: [&mut [u8]; 2],
) {
    let layer = &last.layer;
    let stride = layer.in_blocks * LANES;
    let mut sums = [[_mm512_setzero_si512(); GROUP]; QUADS];
    // SAFETY: the rows reach `4 * QUADS + 2` pixels beyond `x`; there are weights of four outputs
    // for every row, column and block.
    unsafe {
        let mut tiles = last.quads.as_ptr();
        for row in rows.0 {
            for place in 0..SIDE * layer.in_blocks {
                let weights = [0, TILE, 2 * TILE, 3 * TILE]
                    .map(|at| _mm512_loadu_si512(tiles.add(at).cast()));
                tiles = tiles.add(GROUP * TILE);
                let start = row.as_ptr().add(x * stride + place * LANES);
                for (quad, sums) in sums.iter_mut().enumerate() {
                    let pixels = four_pixels(start.add(4 * quad * stride), stride);
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, pixels, weights);
                    }
                }
            }
        }
    }
    store(sums, &layer.weights, zero, top, bottom);
}

/// A block of channels of four neighbouring pixels.
///
/// # Safety
/// Four pixels lie at `start`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
unsafe fn four_pixels(start: *const u8, stride: usize) -> __m512i {
    // SAFETY: as promised.
    unsafe {
        if stride == LANES {
            return _mm512_loadu_si512(start.cast());
        }
        let pixel = |index: usize| _mm_loadu_si128(start.add(index * stride).cast());
        let pair = |index: usize| _mm256_set_m128i(pixel(index + 1), pixel(index));
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(pair(0)), pair(2))
    }
}

/// Turns sums into bytes, channels 0 and 1 to the top row, 2 and 3 to the bottom row.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
#[inline]
fn store(
    sums: [[__m512i; GROUP]; QUADS],
    weights: &Weights,
    zero: u8,
    top: &mut [u8],
    bottom: &mut [u8],
) {
    // SAFETY: a block has more than four of each.
    let (multiplier, bias) = unsafe {
        let bias = _mm_loadu_si128(weights.biases(0).as_ptr().cast());
        let multiplier = _mm_loadu_ps(weights.multipliers(0).as_ptr());
        (_mm512_broadcast_f32x4(multiplier), _mm512_broadcast_i32x4(bias))
    };
    let low = -f32::from(zero);
    let order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    for ((sums, top), bottom) in sums.into_iter().zip(top.chunks_mut(8)).zip(bottom.chunks_mut(8)) {
        let sum = _mm512_add_epi32(across(sums), bias);
        let q = round(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier), low);
        let bytes = _mm512_cvtepi32_epi8(_mm512_add_epi32(q, _mm512_set1_epi32(zero.into())));
        let bytes = _mm_shuffle_epi8(bytes, order);
        let mask = 0xff >> (8 - top.len().min(bottom.len()));
        // SAFETY: the mask is no longer than the rows.
        unsafe {
            _mm_mask_storeu_epi8(top.as_mut_ptr().cast(), mask, bytes);
            let upper = _mm_unpackhi_epi64(bytes, bytes);
            _mm_mask_storeu_epi8(bottom.as_mut_ptr().cast(), mask, upper);
        }
    }
}

/// Adds up the four lanes of every pixel: of four outputs by pixel, four pixels by output.
#[target_feature(enable = "avx512f")]
#[inline]
fn across([a, b, c, d]: [__m512i; GROUP]) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd))
}

/// Rectified.
#[target_feature(enable = "avx512f")]
#[inline]
fn positive(value: __m512) -> __m512 {
    _mm512_max_ps(value, _mm512_setzero_ps())
}

/// A branch that becomes bytes and what it goes around: a sum of positive numbers.
#[target_feature(enable = "avx512f")]
#[inline]
fn sum_of(branch: __m512, skip: __m512, addition: Addition) -> __m512 {
    let branch = _mm512_roundscale_ps::<0>(_mm512_min_ps(branch, _mm512_set1_ps(255.0)));
    _mm512_add_ps(
        _mm512_mul_ps(branch, _mm512_set1_ps(addition.branch)),
        _mm512_mul_ps(skip, _mm512_set1_ps(addition.skip)),
    )
}

/// Positive numbers as bytes, halves to even. What is greater than any integer becomes the greatest
/// unsigned one or half of it, and so the greatest byte.
#[target_feature(enable = "avx512f")]
#[inline]
fn bytes(value: __m512) -> __m128i {
    _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(value))
}

/// Rounds to one of 256 integers from `low` on, halves to even.
#[target_feature(enable = "avx512f")]
#[inline]
fn round(value: __m512, low: f32) -> __m512i {
    let bounded = _mm512_max_ps(value, _mm512_set1_ps(low));
    _mm512_cvtps_epi32(_mm512_min_ps(bounded, _mm512_set1_ps(low + 255.0)))
}
