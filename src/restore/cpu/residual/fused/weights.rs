//! The weights of a convolution in the order in which kernels read them, and what is done to sums.
//!
//! A convolution is a sum over *taps*: for each, four bytes of the input meet four weights of every
//! output channel. Which four bytes they are is the convolution's own matter.

use crate::plan::network::{Convolution, Quantiser};

/// Channels of a block.
pub(super) const LANES: usize = 16;
/// Input bytes whose products one 32-bit lane sums.
pub(super) const GROUP: usize = 4;
/// Weights that a tap has for a block of output channels.
pub(super) const TILE: usize = LANES * GROUP;

/// Weights weights, for blocks of output channels; missing channels are zero.
#[derive(Debug)]
pub(super) struct Weights {
    /// Blocks of output channels.
    pub(super) blocks: usize,
    taps: usize,
    /// `[block][tap][output channel][input]`.
    tiles: Vec<i8>,
    /// The same as 16-bit numbers: `[block][tap][pair of inputs][output channel][input]`.
    #[cfg(target_arch = "x86_64")]
    pairs: Vec<i16>,
    /// One an output channel, the zero point of the input folded in.
    bias: Vec<i32>,
    /// The bias for kernels that take a byte of the input as signed, 128 less than it is.
    #[cfg(target_arch = "aarch64")]
    signed_bias: Vec<i32>,
    multiplier: Vec<f32>,
}

impl Weights {
    /// Packs a convolution of `taps` taps, whose weights are told by output channel, tap and input,
    /// from bytes of one quantiser to bytes of another.
    pub(super) fn new(
        convolution: &Convolution,
        [input, output]: [Quantiser; 2],
        taps: usize,
        weight: impl Fn(usize, usize, usize) -> i8,
    ) -> Self {
        let blocks = convolution.outputs.div_ceil(LANES);
        let mut tiles = Vec::with_capacity(blocks * taps * TILE);
        for block in 0..blocks {
            for tap in 0..taps {
                let at = |index: usize| weight(block * LANES + index / GROUP, tap, index % GROUP);
                tiles.extend((0..TILE).map(at));
            }
        }
        let padded_bias = |zero: i32| {
            let mut bias = convolution.folded_bias(zero);
            bias.resize(blocks * LANES, 0);
            bias
        };
        let zero = i32::from(input.zero);
        let mut multiplier = convolution.multipliers(input, output);
        multiplier.resize(blocks * LANES, 0.0);
        Self {
            blocks,
            taps,
            #[cfg(target_arch = "x86_64")]
            pairs: pairs(&tiles),
            tiles,
            bias: padded_bias(zero),
            #[cfg(target_arch = "aarch64")]
            signed_bias: padded_bias(zero - 128),
            multiplier,
        }
    }

    /// Four-byte groups that meet weights.
    pub(super) fn taps(&self) -> usize {
        self.taps
    }

    /// Weights of an output block, a [`TILE`] a tap.
    pub(super) fn tiles(&self, block: usize) -> &[i8] {
        &self.tiles[block * self.taps * TILE..][..self.taps * TILE]
    }

    /// As [`Weights::tiles`], as pairs of 16-bit numbers.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn pairs(&self, block: usize) -> &[i16] {
        &self.pairs[block * self.taps * TILE..][..self.taps * TILE]
    }

    /// Multiplier of an output block.
    pub(super) fn multipliers(&self, block: usize) -> &[f32; LANES] {
        lanes(&self.multiplier, block)
    }

    /// Bias of an output block.
    pub(super) fn biases(&self, block: usize) -> &[i32; LANES] {
        lanes(&self.bias, block)
    }

    /// Bias of an output block for a signed input.
    #[cfg(target_arch = "aarch64")]
    pub(super) fn signed_biases(&self, block: usize) -> &[i32; LANES] {
        lanes(&self.signed_bias, block)
    }
}

#[cfg(target_arch = "x86_64")]
fn pairs(tiles: &[i8]) -> Vec<i16> {
    let half = |tile: &[i8], pair: usize| {
        let fours = tile.chunks_exact(GROUP);
        let wide = fours.flat_map(|four| four[2 * pair..][..2].iter().map(|&w| i16::from(w)));
        wide.collect::<Vec<_>>()
    };
    tiles.chunks_exact(TILE).flat_map(|tile| [half(tile, 0), half(tile, 1)].concat()).collect()
}

fn lanes<T>(values: &[T], block: usize) -> &[T; LANES] {
    values.as_chunks::<LANES>().0.get(block).expect("values are padded to whole blocks")
}
