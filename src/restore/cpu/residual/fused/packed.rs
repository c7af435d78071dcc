//! Convolutions of a quantised network, packed for the kernels.
//!
//! Activations are unsigned bytes, [`LANES`] channels a block, the blocks of a pixel side by side,
//! pixels in rows. An accumulator sums `q w` over the window; with the zero point of the input
//! folded into the bias it is the real result in steps of input scale times weight scale. Its
//! `multiplier` turns it into steps of the output:
//!
//! ```text
//! q_out = clamp(round(accumulator * multiplier), 0, 255)          a convolution and its ReLU
//! q_out = clamp(round(q_branch * branch + q_in * skip), 0, 255)   where its input is added
//! ```
//!
//! Every product and sum is rounded to f32 by itself, and halves to even, in this order in every
//! kernel: so all of them give the same bits. This is what ONNX Runtime's quantised convolution and
//! addition do, but for the order of the factors.

use super::weights::{GROUP, LANES, Weights};
use crate::plan::network::{Convolution, Quantiser};

/// Rows and columns of the window of a [`PackedLayer`].
pub(super) const SIDE: usize = 3;
/// Rows and columns of the window of a [`Head`], at most.
pub(super) const HEAD_SIDE: usize = 6;

/// How a branch and what it goes around are added: their steps in steps of the sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Addition {
    pub(super) branch: f32,
    pub(super) skip: f32,
}

/// The first convolution: of stride 2, from planes of bytes to pixels of half the size.
///
/// Four neighbouring samples of a row are four inputs of the dot product. So planes need not be
/// interleaved, and a window of four columns wastes nothing.
#[derive(Debug)]
pub(super) struct PackedHead {
    pub(super) planes: usize,
    /// Rows of the window.
    pub(super) side: usize,
    /// Groups of samples that the window has in a row.
    pub(super) groups: usize,
    /// Taps: `[plane][row][group]`.
    pub(super) weights: Weights,
}

impl PackedHead {
    /// Packs a convolution of 4x4 or 6x6.
    pub(super) fn pack(convolution: &Convolution, ends: [Quantiser; 2]) -> Self {
        let (planes, side) = (convolution.inputs, convolution.side);
        let groups = side.div_ceil(GROUP);
        let weights =
            Weights::new(convolution, ends, planes * side * groups, |output, tap, place| {
                let (plane, row, group) = (tap / groups / side, tap / groups % side, tap % groups);
                convolution.weight(output, plane, [row, group * GROUP + place])
            });
        Self { planes, side, groups, weights }
    }

    /// What the window sees of a row of samples for pixel `x`, whole groups.
    pub(super) fn seen<'a>(&self, row: &'a [u8], x: usize) -> &'a [u8] {
        &row[2 * x..][..self.groups * GROUP]
    }
}

/// A 3x3 convolution from pixels to pixels; missing channels are zero.
#[derive(Debug)]
pub(super) struct PackedLayer {
    pub(super) in_blocks: usize,
    /// Groups of input channels that hold anything.
    pub(super) groups: usize,
    /// Taps: `[row][group][column]`.
    pub(super) weights: Weights,
    pub(super) addition: Option<Addition>,
}

impl PackedLayer {
    /// Packs a convolution from bytes of one quantiser to bytes of another.
    pub(super) fn pack(
        convolution: &Convolution,
        ends: [Quantiser; 2],
        addition: Option<Addition>,
    ) -> Self {
        let groups = convolution.inputs.div_ceil(GROUP);
        let weights =
            Weights::new(convolution, ends, SIDE * groups * SIDE, |output, tap, place| {
                let (row, group, column) = (tap / SIDE / groups, tap / SIDE % groups, tap % SIDE);
                convolution.weight(output, group * GROUP + place, [row, column])
            });
        let in_blocks = convolution.inputs.div_ceil(LANES);
        Self { in_blocks, groups, weights, addition }
    }
}

/// The last convolution, from pixels to up to four channels.
#[derive(Debug)]
pub(super) struct PackedLast {
    /// The convolution, without an addition.
    pub(super) layer: PackedLayer,
    /// Its weights once more:
    /// `[row][column][block][output][four times the same sixteen input channels]`.
    #[cfg(target_arch = "x86_64")]
    pub(super) quads: Vec<i8>,
}

impl PackedLast {
    /// Packs a convolution from bytes of one quantiser to bytes of another.
    ///
    /// # Panics
    /// Where it has none or more than four outputs.
    pub(super) fn pack(convolution: &Convolution, ends: [Quantiser; 2]) -> Self {
        let outputs = convolution.outputs;
        assert!((1..=GROUP).contains(&outputs), "{outputs} outputs (expected 1 to {GROUP})");
        Self {
            layer: PackedLayer::pack(convolution, ends, None),
            #[cfg(target_arch = "x86_64")]
            quads: quads(convolution),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn quads(convolution: &Convolution) -> Vec<i8> {
    use super::weights::TILE;
    let in_blocks = convolution.inputs.div_ceil(LANES);
    let mut quads = Vec::with_capacity(SIDE * SIDE * in_blocks * GROUP * TILE);
    for at in 0..SIDE * SIDE {
        for block in 0..in_blocks {
            for output in 0..GROUP {
                let input = |index: usize| block * LANES + index % LANES;
                let weight =
                    |index| convolution.weight(output, input(index), [at / SIDE, at % SIDE]);
                quads.extend((0..TILE).map(weight));
            }
        }
    }
    quads
}
