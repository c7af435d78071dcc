//! Quantised convolutions, packed for the kernels.
//!
//! Activations are unsigned bytes, [`LANES`] channels a block, the blocks of a pixel side by side,
//! pixels in rows. An accumulator sums `q w` over the window; with the zero point of the input
//! folded into the bias it is the real result in steps of input scale times weight scale. Its
//! `multiplier` turns it into steps of the output:
//!
//! ```text
//! q_out = clamp(round(accumulator * multiplier), 0, 255)          a convolution and its ReLU
//! q_out = clamp(round(q_branch * branch + q_in * skip), 0, 255)   with a residual around it
//! ```
//!
//! Every product and sum is rounded to f32 by itself, and halves to even, in this order in every
//! kernel: so all of them give the same bits. This is what ONNX Runtime's quantised convolution and
//! addition do, but for the order of the factors.

use super::packed::{GROUP, LANES, Packed};
use crate::plan::network::{Convolution, Quantiser};

/// Rows and columns of the window of a [`Layer`].
pub(super) const SIDE: usize = 3;
/// Rows and columns of the window of a [`Head`], at most.
pub(super) const HEAD_SIDE: usize = 6;

/// How a branch and what it goes around are added: their steps in steps of the sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Residual {
    pub(super) branch: f32,
    pub(super) skip: f32,
}

/// The first convolution: of stride 2, from planes of bytes to pixels of half the size.
///
/// Four neighbouring samples of a row are four inputs of the dot product. So planes need not be
/// interleaved, and a window of four columns wastes nothing.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) planes: usize,
    /// Rows of the window.
    pub(super) side: usize,
    /// Groups of samples that the window has in a row.
    pub(super) groups: usize,
    /// Taps: `[plane][row][group]`.
    pub(super) packed: Packed,
}

impl Head {
    /// Packs a convolution of 4x4 or 6x6.
    pub(super) fn pack(convolution: &Convolution, ends: [Quantiser; 2]) -> Self {
        let (planes, side) = (convolution.inputs, convolution.side);
        let groups = side.div_ceil(GROUP);
        let packed =
            Packed::new(convolution, ends, planes * side * groups, |output, tap, place| {
                let (plane, row, group) = (tap / groups / side, tap / groups % side, tap % groups);
                convolution.weight(output, plane, [row, group * GROUP + place])
            });
        Self { planes, side, groups, packed }
    }

    /// What the window sees of a row of samples for pixel `x`, whole groups.
    pub(super) fn seen<'a>(&self, row: &'a [u8], x: usize) -> &'a [u8] {
        &row[2 * x..][..self.groups * GROUP]
    }
}

/// A 3x3 convolution from pixels to pixels; missing channels are zero.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) in_blocks: usize,
    /// Groups of input channels that hold anything.
    pub(super) groups: usize,
    /// Taps: `[row][group][column]`.
    pub(super) packed: Packed,
    /// Of a layer with up to four outputs:
    /// `[row][column][block][output][four times the same sixteen input channels]`.
    #[cfg(target_arch = "x86_64")]
    pub(super) quads: Vec<i8>,
    pub(super) residual: Option<Residual>,
}

impl Layer {
    /// Packs a convolution from bytes of one quantiser to bytes of another.
    pub(super) fn pack(
        convolution: &Convolution,
        ends: [Quantiser; 2],
        residual: Option<Residual>,
    ) -> Self {
        let groups = convolution.inputs.div_ceil(GROUP);
        let packed = Packed::new(convolution, ends, SIDE * groups * SIDE, |output, tap, place| {
            let (row, group, column) = (tap / SIDE / groups, tap / SIDE % groups, tap % SIDE);
            convolution.weight(output, group * GROUP + place, [row, column])
        });
        let in_blocks = convolution.inputs.div_ceil(LANES);
        Self {
            in_blocks,
            groups,
            packed,
            #[cfg(target_arch = "x86_64")]
            quads: quads(convolution, in_blocks),
            residual,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn quads(convolution: &Convolution, in_blocks: usize) -> Vec<i8> {
    use super::packed::TILE;
    if convolution.outputs > GROUP {
        return Vec::new();
    }
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
