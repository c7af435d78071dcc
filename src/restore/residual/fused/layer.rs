//! A quantised 3x3 convolution, packed for the kernels.
//!
//! Activations are unsigned bytes, [`LANES`] channels a block, the blocks of a pixel side by side,
//! pixels in rows. An accumulator sums `q w` over nine pixels; with the zero point of the input
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

/// Channels of a block.
pub(super) const LANES: usize = 16;
/// Input channels whose products one 32-bit lane sums.
pub(super) const GROUP: usize = 4;
/// Rows and columns of the window.
pub(super) const SIDE: usize = 3;
/// Weights that a group of input channels has for a block of output channels.
pub(super) const TILE: usize = LANES * GROUP;

/// A convolution as a model has it.
#[derive(Debug, Clone)]
pub(super) struct Convolution {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `[output][input][row][column]`.
    pub(super) weights: Vec<i8>,
    /// One an output channel, in steps of the accumulator.
    pub(super) bias: Vec<i32>,
    /// Steps of the accumulator in steps of the output, one an output channel.
    pub(super) multiplier: Vec<f32>,
    /// The byte that means zero in the input.
    pub(super) input_zero: u8,
}

/// How a branch and what it goes around are added: their steps in steps of the sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Residual {
    pub(super) branch: f32,
    pub(super) skip: f32,
}

/// A convolution from blocks of channels to blocks of channels; missing channels are zero.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) in_blocks: usize,
    pub(super) out_blocks: usize,
    /// Groups of input channels that hold anything.
    pub(super) groups: usize,
    /// `[block][row][group][column][output channel][input channel of the group]`.
    tiles: Vec<i8>,
    /// The same as 16-bit numbers:
    /// `[block][row][group][column][pair of inputs][output channel][input channel of the pair]`.
    #[cfg(target_arch = "x86_64")]
    pairs: Vec<i16>,
    /// Of a layer with up to four outputs:
    /// `[row][column][group][four times the same][output channel][input channel of the group]`.
    #[cfg(target_arch = "x86_64")]
    quads: Vec<i8>,
    /// One an output channel, the zero point of the input folded in.
    pub(super) bias: Vec<i32>,
    /// The bias for kernels that take a byte of the input as signed, 128 less than it is.
    #[cfg(target_arch = "aarch64")]
    signed_bias: Vec<i32>,
    pub(super) multiplier: Vec<f32>,
    pub(super) residual: Option<Residual>,
}

impl Layer {
    /// Packs a convolution.
    pub(super) fn pack(convolution: &Convolution, residual: Option<Residual>) -> Self {
        let groups = convolution.inputs.div_ceil(GROUP);
        let out_blocks = convolution.outputs.div_ceil(LANES);
        let tiles = tiles(convolution, groups, out_blocks);
        let padded = out_blocks * LANES;
        let padded_bias = |zero: i32| {
            let mut bias = convolution.folded_bias(zero);
            bias.resize(padded, 0);
            bias
        };
        let zero = i32::from(convolution.input_zero);
        let mut multiplier = convolution.multiplier.clone();
        multiplier.resize(padded, 0.0);
        Self {
            in_blocks: convolution.inputs.div_ceil(LANES),
            out_blocks,
            groups,
            #[cfg(target_arch = "x86_64")]
            pairs: pairs(&tiles),
            #[cfg(target_arch = "x86_64")]
            quads: quads(convolution, groups),
            tiles,
            bias: padded_bias(zero),
            #[cfg(target_arch = "aarch64")]
            signed_bias: padded_bias(zero - 128),
            multiplier,
            residual,
        }
    }

    /// Weights of an output block, a [`TILE`] for each row, group and column in turn.
    pub(super) fn tiles(&self, block: usize) -> &[i8] {
        let length = SIDE * SIDE * self.groups * TILE;
        &self.tiles[block * length..][..length]
    }

    /// As [`Layer::tiles`], as pairs of 16-bit numbers.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn pairs(&self, block: usize) -> &[i16] {
        let length = SIDE * SIDE * self.groups * TILE;
        &self.pairs[block * length..][..length]
    }

    /// Weights of up to four outputs for four pixels at once, a [`TILE`] for each row, column and
    /// group in turn.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn quads(&self) -> &[i8] {
        &self.quads
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

impl Convolution {
    /// The weight of an output and input channel; zero where there is no such channel.
    fn weight(&self, output: usize, input: usize, at: usize) -> i8 {
        let exists = output < self.outputs && input < self.inputs;
        if exists { self.weights[(output * self.inputs + input) * SIDE * SIDE + at] } else { 0 }
    }

    /// `bias - zero sum(w)`: bytes that mean nothing at `zero` can be summed as they are then.
    fn folded_bias(&self, zero: i32) -> Vec<i32> {
        let weights = self.weights.chunks_exact(self.inputs * SIDE * SIDE);
        let sums = weights.map(|own| own.iter().map(|&weight| i32::from(weight)).sum::<i32>());
        self.bias.iter().zip(sums).map(|(bias, sum)| bias - zero * sum).collect()
    }
}

fn tiles(convolution: &Convolution, groups: usize, out_blocks: usize) -> Vec<i8> {
    let mut tiles = Vec::with_capacity(out_blocks * SIDE * SIDE * groups * TILE);
    for block in 0..out_blocks {
        for row in 0..SIDE {
            for group in 0..groups {
                for column in 0..SIDE {
                    let weight = |index: usize| {
                        let (lane, input) = (index / GROUP, index % GROUP);
                        let (output, input) = (block * LANES + lane, group * GROUP + input);
                        convolution.weight(output, input, row * SIDE + column)
                    };
                    tiles.extend((0..TILE).map(weight));
                }
            }
        }
    }
    tiles
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

#[cfg(target_arch = "x86_64")]
fn quads(convolution: &Convolution, groups: usize) -> Vec<i8> {
    if convolution.outputs > GROUP {
        return Vec::new();
    }
    let mut quads = Vec::with_capacity(SIDE * SIDE * groups * TILE);
    for at in 0..SIDE * SIDE {
        for group in 0..groups {
            let weight = |index: usize| {
                let (output, input) = (index / GROUP % GROUP, group * GROUP + index % GROUP);
                convolution.weight(output, input, at)
            };
            quads.extend((0..TILE).map(weight));
        }
    }
    quads
}

fn lanes<T>(values: &[T], block: usize) -> &[T; LANES] {
    values.as_chunks::<LANES>().0.get(block).expect("values are padded to whole blocks")
}
