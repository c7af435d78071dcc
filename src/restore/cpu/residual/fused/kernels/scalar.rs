//! The kernel that defines the result: plain loops, one output at a time.

use super::super::layer::{Head, Layer, SIDE};
use super::super::packed::{GROUP, LANES, Packed, TILE};
use super::{Kernel, PADDING, Rows};
use crate::plan::network::Quantiser;

/// Runs everywhere.
#[derive(Debug)]
pub(super) struct Scalar;

impl Kernel for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]) {
        quantise(quantiser, samples, out);
    }

    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]) {
        dequantise(quantiser, bytes, out);
    }

    fn enter(&self, head: &Head, rows: &[&[u8]], width: usize, out: &mut [u8]) {
        let packed = &head.packed;
        for (x, pixel) in out.chunks_exact_mut(packed.blocks * LANES).take(width).enumerate() {
            for (channel, target) in pixel.iter_mut().enumerate() {
                let seen = rows.iter().flat_map(|row| head.seen(row, x).chunks_exact(GROUP));
                let sum = accumulate(packed, channel, seen);
                *target = byte(requantise(packed, channel, sum, [0.0, 255.0]));
            }
        }
    }

    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        let packed = &layer.packed;
        for (x, pixel) in out.chunks_exact_mut(packed.blocks * LANES).take(width).enumerate() {
            for (channel, target) in pixel.iter_mut().enumerate() {
                let sum = accumulate(packed, channel, seen(layer, rows, x));
                let branch = requantise(packed, channel, sum, [0.0, 255.0]);
                let value = layer.residual.map_or(branch, |residual| {
                    let skip = f32::from(rows.seen(1, x, PADDING, layer.in_blocks)[channel]);
                    let sum = branch * residual.branch + skip * residual.skip;
                    sum.clamp(0.0, 255.0).round_ties_even()
                });
                *target = byte(value);
            }
        }
    }

    fn finish(&self, layer: &Layer, rows: Rows<'_>, zero: u8, out: [&mut [u8]; 2]) {
        let zero = f32::from(zero);
        let [top, bottom] = out;
        let pairs = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
        for (x, (top, bottom)) in pairs.enumerate() {
            for (channel, target) in top.iter_mut().chain(bottom).enumerate() {
                let sum = accumulate(&layer.packed, channel, seen(layer, rows, x));
                let steps = requantise(&layer.packed, channel, sum, [-zero, 255.0 - zero]);
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
fn seen<'a>(layer: &Layer, rows: Rows<'a>, x: usize) -> impl Iterator<Item = &'a [u8]> {
    let (blocks, groups) = (layer.in_blocks, layer.groups);
    (0..SIDE * groups * SIDE).map(move |tap| {
        let (row, group, column) = (tap / SIDE / groups, tap / SIDE % groups, tap % SIDE);
        &rows.seen(row, x, column, blocks)[group * GROUP..][..GROUP]
    })
}

/// The sum over the taps of one output channel.
fn accumulate<'a>(packed: &Packed, channel: usize, seen: impl Iterator<Item = &'a [u8]>) -> i32 {
    let (block, lane) = (channel / LANES, channel % LANES);
    let mut sum = packed.biases(block)[lane];
    for (tile, seen) in packed.tiles(block).chunks_exact(TILE).zip(seen) {
        let weights = &tile[lane * GROUP..][..GROUP];
        let products = seen.iter().zip(weights).map(|(&q, &w)| i32::from(q) * i32::from(w));
        sum += products.sum::<i32>();
    }
    sum
}

/// An accumulator in steps of the output, within bounds.
fn requantise(packed: &Packed, channel: usize, sum: i32, [low, high]: [f32; 2]) -> f32 {
    let multiplier = packed.multipliers(channel / LANES)[channel % LANES];
    (sum as f32 * multiplier).clamp(low, high).round_ties_even()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn byte(value: f32) -> u8 {
    value as u8
}
