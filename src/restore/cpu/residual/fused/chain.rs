//! A whole network, row by row: every layer follows the one before it by a row, so that only three
//! rows of activations lie between them, and stay in the cache.
//!
//! ```text
//! planes of bytes -> head -> [3 rows] -> layer 1 -> [3 rows] -> … -> last layer -> bytes of the plane
//! ```
//!
//! Row `r` of a layer needs rows `r - 1` to `r + 1` of the one before: in step `t` layer `k`, the head
//! being layer 0, computes row `t - k`. Beyond the first and the last row lie rows of zeros, as
//! convolutions are padded.

use super::kernels::{Kernel, PADDING, Rows, SLACK, row_bytes};
use super::packed::{Addition, HEAD_SIDE, PackedHead, PackedLast, PackedLayer};
use super::weights::LANES;
use crate::plan::network::{self, Integers, Quantiser};

/// Planes that a network may see.
pub(super) const PLANES_MAX: usize = 4;
/// Samples left of a row of the input: what the widest window sees beyond it.
const MARGIN: usize = HEAD_SIDE / 2 - 1;

/// A network on frames of half the width and height.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) input: Quantiser,
    pub(super) head: PackedHead,
    /// All layers between the first and the last.
    pub(super) layers: Vec<PackedLayer>,
    /// Gives four channels: the pixels of the plane.
    pub(super) last: PackedLast,
    pub(super) output: Quantiser,
}

/// Rows of frames of half the height: what is seen of the input and what is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strip {
    /// Rows that are there.
    pub(super) seen: usize,
    /// Rows above those that are wanted.
    pub(super) above: usize,
    /// Rows that are wanted.
    pub(super) own: usize,
}

impl Strip {
    /// Whether a row is wanted from a layer that `after` layers follow: each sees a row more.
    fn wants(self, row: usize, after: usize) -> bool {
        row < self.seen && row + after >= self.above && row < self.above + self.own + after
    }
}

/// What a chain keeps while it runs over planes of one width.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    /// Pixels in a row of the half-size frame.
    width: usize,
    strip: Strip,
    /// A row of input beyond the frame.
    blank: Vec<u8>,
    /// What each layer but the head sees.
    rings: Vec<Ring>,
}

impl Scratch {
    /// For planes that are `width` samples wide.
    pub(super) fn new(chain: &Chain, width: usize, strip: Strip) -> Self {
        let pixels = width / 2;
        let layers = chain.layers.iter().chain([&chain.last.layer]);
        Self {
            width: pixels,
            strip,
            blank: vec![chain.input.zero; input_bytes(width)],
            rings: layers.map(|layer| Ring::new(pixels, layer.in_blocks)).collect(),
        }
    }
}

/// Bytes of a row of input of `width` samples with what is around it.
pub(super) const fn input_bytes(width: usize) -> usize {
    MARGIN + width + 2 * SLACK
}

impl Chain {
    /// Packs a network for the kernels.
    pub(super) fn pack(integers: &Integers) -> Self {
        let Integers { input, head, rectified, layers, tail, output } = integers;
        let mut before = *rectified;
        let mut next = |layer: &network::Layer| {
            let input = std::mem::replace(&mut before, layer.output());
            let addition = layer.sum.map(|sum| Addition {
                branch: layer.rectified.scale / sum.scale,
                skip: input.scale / sum.scale,
            });
            PackedLayer::pack(&layer.convolution, [input, layer.rectified], addition)
        };
        let layers = layers.iter().map(&mut next).collect();
        Self {
            input: *input,
            head: PackedHead::pack(head, [*input, *rectified]),
            layers,
            last: PackedLast::pack(tail, [before, *output]),
            output: *output,
        }
    }

    /// Quantises a row of a plane into a row of input; beyond its last sample it goes on with it.
    pub(super) fn load(&self, kernel: &dyn Kernel, row: &[f32], width: usize, input: &mut [u8]) {
        let (inside, beyond) = input[MARGIN..][..width].split_at_mut(row.len());
        kernel.quantise(self.input, row, inside);
        if let Some(&last) = inside.last() {
            beyond.fill(last);
        }
    }

    /// Computes the bytes of `f` from those of the planes, each of as many rows as are seen.
    pub(super) fn run(&self, kernel: &dyn Kernel, z: &[u8], f: &mut [u8], scratch: &mut Scratch) {
        let Strip { above, own, .. } = scratch.strip;
        let depth = self.layers.len() + 1;
        for step in 0..above + own + depth {
            if scratch.strip.wants(step, depth) {
                self.enter(kernel, z, step, scratch);
            }
            for (layer, index) in self.layers.iter().zip(1..) {
                let row = step.checked_sub(index);
                if let Some(row) = row.filter(|&row| scratch.strip.wants(row, depth - index)) {
                    follow(kernel, layer, index, row, scratch);
                }
            }
            let row = step.checked_sub(depth);
            if let Some(row) = row.filter(|&row| scratch.strip.wants(row, 0)) {
                self.finish(kernel, row, f, scratch);
            }
        }
    }

    /// Computes row `y` of the head.
    fn enter(&self, kernel: &dyn Kernel, z: &[u8], y: usize, scratch: &mut Scratch) {
        let Scratch { width, strip, blank, rings } = scratch;
        let (side, bytes) = (self.head.side, blank.len());
        // Of the margin, a smaller window sees less.
        let start = MARGIN - (side / 2 - 1);
        let mut rows = [&blank[..]; PLANES_MAX * HEAD_SIDE];
        for (plane, rows) in rows.chunks_exact_mut(side).take(self.head.planes).enumerate() {
            for (index, row) in rows.iter_mut().enumerate() {
                let inside = (2 * y + index).checked_sub(side / 2 - 1);
                if let Some(at) = inside.filter(|&at| at < 2 * strip.seen) {
                    *row = &z[(plane * 2 * strip.seen + at) * bytes..][..bytes];
                }
                *row = &row[start..];
            }
        }
        let rows = &rows[..self.head.planes * side];
        kernel.enter(&self.head, rows, *width, rings[0].pixels_mut(y));
        rings[0].pad(y, *width);
    }

    /// Computes the two rows of the plane that row `y` of the last layer holds.
    fn finish(&self, kernel: &dyn Kernel, y: usize, f: &mut [u8], scratch: &Scratch) {
        let Scratch { width, strip, rings, .. } = scratch;
        let rows = rings[self.layers.len()].around(y, strip.seen);
        let (top, bottom) = f[(y - strip.above) * 4 * width..][..4 * width].split_at_mut(2 * width);
        kernel.finish(&self.last, rows, self.output.zero, [top, bottom]);
    }
}

/// Computes row `y` of layer `index`.
fn follow(kernel: &dyn Kernel, layer: &PackedLayer, index: usize, y: usize, scratch: &mut Scratch) {
    let Scratch { width, strip, rings, .. } = scratch;
    let (before, after) = rings.split_at_mut(index);
    let rows = before[index - 1].around(y, strip.seen);
    kernel.convolve(layer, rows, *width, after[0].pixels_mut(y));
    after[0].pad(y, *width);
}

/// The rows that a layer sees: three of activations, and one of zeros.
#[derive(Debug, Clone)]
struct Ring {
    rows: [Vec<u8>; 3],
    blank: Vec<u8>,
    blocks: usize,
}

impl Ring {
    fn new(pixels: usize, blocks: usize) -> Self {
        let row = || vec![0; row_bytes(pixels, blocks)];
        Self { rows: [row(), row(), row()], blank: row(), blocks }
    }

    /// Row `y` and its neighbours, of `height` rows.
    fn around(&self, y: usize, height: usize) -> Rows<'_> {
        let row = |y: Option<usize>| match y.filter(|&y| y < height) {
            Some(y) => self.rows[y % 3].as_slice(),
            None => &self.blank,
        };
        Rows([row(y.checked_sub(1)), row(Some(y)), row(Some(y + 1))])
    }

    /// The pixels of row `y` and what lies behind them, to be filled.
    fn pixels_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.rows[y % 3][PADDING * self.blocks * LANES..]
    }

    /// Makes what the window sees behind the last of `width` pixels zero again.
    fn pad(&mut self, y: usize, width: usize) {
        let stride = self.blocks * LANES;
        self.rows[y % 3][(PADDING + width) * stride..(2 * PADDING + width) * stride].fill(0);
    }
}

#[cfg(test)]
mod tests;
