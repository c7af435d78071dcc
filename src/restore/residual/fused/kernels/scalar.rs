//! The kernel that defines the result: plain loops, one output at a time.

use super::super::layer::{GROUP, LANES, Layer, SIDE};
use super::{Kernel, PADDING, Quantiser, Rows};

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

    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]) {
        let channels = layer.out_blocks * LANES;
        for (x, pixel) in out.chunks_exact_mut(channels).take(width).enumerate() {
            for (channel, target) in pixel.iter_mut().enumerate() {
                let sum = accumulate(layer, rows, x, channel);
                let branch = requantise(sum, layer.multiplier[channel], 0.0, 255.0);
                let value = layer.residual.map_or(branch, |residual| {
                    let skip = f32::from(rows.seen(1, x, PADDING, layer.in_blocks)[channel]);
                    let sum = branch * residual.branch + skip * residual.skip;
                    sum.clamp(0.0, 255.0).round_ties_even()
                });
                *target = byte(value);
            }
        }
    }

    fn finish(&self, layer: &Layer, rows: Rows<'_>, output: Quantiser, out: [&mut [f32]; 2]) {
        let zero = f32::from(output.zero);
        let [top, bottom] = out;
        let pairs = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
        for (x, (top, bottom)) in pairs.enumerate() {
            for (channel, target) in top.iter_mut().chain(bottom).enumerate() {
                let sum = accumulate(layer, rows, x, channel);
                let steps = requantise(sum, layer.multiplier[channel], -zero, 255.0 - zero);
                *target = steps * output.scale;
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

/// The sum over the window around pixel `x`, for one output channel.
fn accumulate(layer: &Layer, rows: Rows<'_>, x: usize, channel: usize) -> i32 {
    let (block, lane) = (channel / LANES, channel % LANES);
    let mut tiles = layer.tiles(block).chunks_exact(LANES * GROUP);
    let mut sum = layer.bias[channel];
    for row in 0..SIDE {
        for group in 0..layer.groups {
            for (column, tile) in (0..SIDE).zip(tiles.by_ref()) {
                let seen = &rows.seen(row, x, column, layer.in_blocks)[group * GROUP..][..GROUP];
                let weights = &tile[lane * GROUP..][..GROUP];
                let products = seen.iter().zip(weights).map(|(&q, &w)| i32::from(q) * i32::from(w));
                sum += products.sum::<i32>();
            }
        }
    }
    sum
}

/// An accumulator in steps of the output, within bounds.
fn requantise(sum: i32, multiplier: f32, low: f32, high: f32) -> f32 {
    (sum as f32 * multiplier).clamp(low, high).round_ties_even()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn byte(value: f32) -> u8 {
    value as u8
}
