//! The kernel that defines the result: plain loops, one output at a time.

use super::super::packed::{Addition, PackedLast, PackedLayer, PackedSlide, SIDE};
use super::super::weights::{GROUP, LANES, TILE, Weights};
use super::kernel::{Kernel, PADDING, Rows, Seen, check_last, check_layer, check_slide};
use crate::plan::network::Quantiser;

/// Runs everywhere.
#[derive(Debug)]
pub(super) struct Scalar;

impl Kernel for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        assert_eq!(samples.len(), out.len(), "samples and bytes");
        quantise(quantiser, samples, out);
    }

    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(bytes.len(), out.len(), "bytes and samples");
        dequantise(quantiser, bytes, out);
    }

    fn slide(&self, slide: &PackedSlide, seen: Seen<'_>, width: usize, out: &mut [u8]) {
        check_slide(slide, seen, width, 1, out);
        let (weights, pixel) = (&slide.weights, slide.weights.blocks * LANES);
        for (x, target) in out.chunks_exact_mut(pixel).take(width).enumerate() {
            for (channel, target) in target.iter_mut().enumerate() {
                let groups =
                    seen.rows.iter().flat_map(|row| slide.seen(row, x).chunks_exact(GROUP));
                let sum = accumulate(weights, channel, groups);
                let branch = requantise(weights, channel, sum, [0.0, 255.0]);
                let skip =
                    slide.addition.map(|addition| (addition, seen.skip[x * pixel + channel]));
                *target = added(branch, skip);
            }
        }
    }

    fn convolve(&self, layer: &PackedLayer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        check_layer(layer, rows, width, 1, out);
        let weights = &layer.weights;
        for (x, pixel) in out.chunks_exact_mut(weights.blocks * LANES).take(width).enumerate() {
            for (channel, target) in pixel.iter_mut().enumerate() {
                let sum = accumulate(weights, channel, seen(layer, rows, x));
                let branch = requantise(weights, channel, sum, [0.0, 255.0]);
                let skip =
                    |addition| (addition, rows.seen(1, x, PADDING, layer.in_blocks)[channel]);
                *target = added(branch, layer.addition.map(skip));
            }
        }
    }

    fn finish(&self, last: &PackedLast, rows: Rows<'_>, zero: u8, [top, bottom]: [&mut [u8]; 2]) {
        check_last(last, rows, 1, [top.len(), bottom.len()]);
        let (layer, zero) = (&last.layer, f32::from(zero));
        let pairs = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
        for (x, (top, bottom)) in pairs.enumerate() {
            for (channel, target) in top.iter_mut().chain(bottom).enumerate() {
                let sum = accumulate(&layer.weights, channel, seen(layer, rows, x));
                let steps = requantise(&layer.weights, channel, sum, [-zero, 255.0 - zero]);
                *target = byte(steps + zero);
            }
        }
    }
}

/// See [`Kernel::quantise`]. Kernels compile it for their own instructions.
#[inline(always)]
pub(super) fn quantise(quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
    let zero = f32::from(quantiser.zero);
    for (q, sample) in out.iter_mut().zip(samples) {
        *q = byte((sample / quantiser.scale).round_ties_even() + zero);
    }
}

/// See [`Kernel::dequantise`]. Kernels compile it for their own instructions.
#[inline(always)]
pub(super) fn dequantise(quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
    let zero = i16::from(quantiser.zero);
    for (sample, &q) in out.iter_mut().zip(bytes) {
        *sample = f32::from(i16::from(q) - zero) * quantiser.scale;
    }
}

/// What the window around pixel `x` sees, in the order of the taps.
fn seen<'a>(layer: &PackedLayer, rows: Rows<'a>, x: usize) -> impl Iterator<Item = &'a [u8]> {
    let (blocks, groups) = (layer.in_blocks, layer.groups);
    (0..SIDE * groups * SIDE).map(move |tap| {
        let (row, group, column) = (tap / SIDE / groups, tap / SIDE % groups, tap % SIDE);
        &rows.seen(row, x, column, blocks)[group * GROUP..][..GROUP]
    })
}

/// The sum over the taps of one output channel.
fn accumulate<'a>(weights: &Weights, channel: usize, seen: impl Iterator<Item = &'a [u8]>) -> i32 {
    let (block, lane) = (channel / LANES, channel % LANES);
    let mut sum = weights.biases(block)[lane];
    for (tile, seen) in weights.tiles(block).chunks_exact(TILE).zip(seen) {
        let tile = &tile[lane * GROUP..][..GROUP];
        let products = seen.iter().zip(tile).map(|(&q, &w)| i32::from(q) * i32::from(w));
        sum += products.sum::<i32>();
    }
    sum
}

/// An accumulator in steps of the output, within bounds.
fn requantise(weights: &Weights, channel: usize, sum: i32, [low, high]: [f32; 2]) -> f32 {
    let multiplier = weights.multipliers(channel / LANES)[channel % LANES];
    (sum as f32 * multiplier).clamp(low, high).round_ties_even()
}

/// What a convolution gives, with what is added to it.
fn added(branch: f32, skip: Option<(Addition, u8)>) -> u8 {
    byte(skip.map_or(branch, |(addition, skip)| {
        let sum = branch * addition.branch + f32::from(skip) * addition.skip;
        sum.clamp(0.0, 255.0).round_ties_even()
    }))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn byte(value: f32) -> u8 {
    value as u8
}
