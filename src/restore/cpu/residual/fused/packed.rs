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
/// Rows and columns of the window of a first convolution, at most.
pub(super) const HEAD_SIDE: usize = 6;

/// How a branch and what it goes around are added: their steps in steps of the sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Addition {
    pub(super) branch: f32,
    pub(super) skip: f32,
}

/// A convolution whose window lies in rows of bytes, and moves by some of them from pixel to pixel: the
/// first one, and those at the ends of a coarse branch.
///
/// Neighbouring bytes of a row are the inputs of the dot product, whatever they are. The window of the
/// head, of stride 2, sees samples of planes: so planes need not be interleaved, and a window of four
/// columns wastes nothing. That of the way down, 2x2 of stride 2, sees two whole pixels in each of two
/// rows; that of the way up one pixel, and gives the two pixels of a row of twice the size, so that what
/// it writes lies as it should.
#[derive(Debug)]
pub(super) struct PackedSlide {
    /// Rows that the window sees.
    pub(super) rows: usize,
    /// Bytes from pixel to pixel.
    pub(super) step: usize,
    /// Groups of bytes that the window sees in a row.
    pub(super) groups: usize,
    /// Taps: `[row][group]`.
    pub(super) weights: Weights,
    /// Where a row, which has as many bytes as are written, is added to what the convolution gives.
    pub(super) addition: Option<Addition>,
}

impl PackedSlide {
    /// Packs a first convolution, of stride 2. The rows that its window sees of the first plane come
    /// first, then those of the second, and so on.
    pub(super) fn head(convolution: &Convolution, ends: [Quantiser; 2]) -> Self {
        let side = convolution.side;
        let rows = convolution.inputs * side;
        let groups = side.div_ceil(GROUP);
        let weights = Weights::new(convolution, ends, rows * groups, |output, tap, place| {
            let (row, group) = (tap / groups, tap % groups);
            convolution.weight(output, row / side, [row % side, group * GROUP + place])
        });
        Self { rows, step: 2, groups, weights, addition: None }
    }

    /// Packs a convolution of 2x2 and stride 2 from pixels to pixels of a half of the resolution.
    pub(super) fn down(convolution: &Convolution, ends: [Quantiser; 2]) -> Self {
        let pixel = convolution.inputs.div_ceil(LANES) * LANES;
        let (rows, step) = (2, 2 * pixel);
        let groups = step / GROUP;
        let weights = Weights::new(convolution, ends, rows * groups, |output, tap, place| {
            let (row, byte) = (tap / groups, tap % groups * GROUP + place);
            convolution.weight(output, byte % pixel, [row, byte / pixel])
        });
        Self { rows, step, groups, weights, addition: None }
    }

    /// Packs what gives row `row` of the two rows of pixels of twice the resolution that a convolution
    /// of 1x1 and the shuffle behind it give.
    pub(super) fn up(
        convolution: &Convolution,
        row: usize,
        ends: [Quantiser; 2],
        addition: Addition,
    ) -> Self {
        let convolution = row_of_shuffled(convolution, row);
        let groups = convolution.inputs.div_ceil(GROUP);
        let weights = Weights::new(&convolution, ends, groups, |output, tap, place| {
            convolution.weight(output, tap * GROUP + place, [0, 0])
        });
        let step = convolution.inputs.div_ceil(LANES) * LANES;
        Self { rows: 1, step, groups, weights, addition: Some(addition) }
    }

    /// What the window sees of a row for pixel `x`, whole groups.
    pub(super) fn seen<'a>(&self, row: &'a [u8], x: usize) -> &'a [u8] {
        &row[self.step * x..][..self.groups * GROUP]
    }
}

/// The outputs of a convolution that the shuffle puts into row `row`: those of the left pixel, filled up
/// to whole blocks, and then those of the right one. Missing outputs are zero.
fn row_of_shuffled(convolution: &Convolution, row: usize) -> Convolution {
    let Convolution { inputs, outputs, .. } = *convolution;
    let channels = outputs / 4;
    let pixel = channels.div_ceil(LANES) * LANES;
    let from = |at: usize| {
        let (column, channel) = (at / pixel, at % pixel);
        (channel < channels).then_some(4 * channel + 2 * row + column)
    };
    let all = || (0..2 * pixel).map(from);
    let weights = all().flat_map(|from| {
        let weight = move |input| from.map_or(0, |from| convolution.weight(from, input, [0, 0]));
        (0..inputs).map(weight)
    });
    Convolution {
        inputs,
        outputs: 2 * pixel,
        side: 1,
        weights: weights.collect(),
        scales: all().map(|from| from.map_or(0.0, |from| convolution.scales[from])).collect(),
        bias: all().map(|from| from.map_or(0, |from| convolution.bias[from])).collect(),
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
