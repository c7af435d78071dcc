//! Networks packed for the matrices of `kernels/residual.cu`.
//!
//! A step of a convolution is a product of 16 pixels x 32 bytes by 32 bytes x 8 channels. A lane of a warp holds
//! eight of the weights: of column `lane / 4`, the bytes `4 (lane % 4)` and on in each half of the 32. What the
//! 32 bytes are, and which channel a column is, is told here.

use std::sync::Arc;

use super::driver::layout::{Addition, Convolution, Matrices, NETWORK_LAYERS, PLANES};
use super::driver::{Buffer, Device, GpuError};
use crate::plan::network::{self, Coarse, Integers, Quantiser};

/// Bytes of a pixel that a half of a step holds.
const HALF: usize = 16;
/// Columns of a matrix.
const COLUMNS: usize = 8;
/// Rows and columns of a head's window, as the programs have it.
const HEAD_SIDE: usize = 4;
/// Rows and columns of a layer's.
const SIDE: usize = 3;
/// Sums of rectified layers are below it, see `Own` in the programs, and above as much below 0.
const SUMS: i64 = 1 << 23;

/// A network on a card.
#[derive(Debug)]
pub(super) struct DeviceNetwork {
    /// Channels of a pixel.
    pub(super) channels: usize,
    /// Planes that the head sees.
    pub(super) planes: usize,
    pub(super) input: Quantiser,
    pub(super) head: Uploaded,
    pub(super) coarse: Option<DeviceCoarse>,
    pub(super) layers: Vec<Uploaded>,
    pub(super) last: Uploaded,
    pub(super) output: Quantiser,
}

/// A coarse branch on a card.
#[derive(Debug)]
pub(super) struct DeviceCoarse {
    pub(super) down: Uploaded,
    pub(super) layers: Vec<Uploaded>,
    pub(super) up: Uploaded,
}

/// A convolution on a card.
#[derive(Debug)]
pub(super) struct Uploaded {
    weights: Buffer<u32>,
    bias: Buffer<i32>,
    multiplier: Buffer<f32>,
    addition: Addition,
}

impl Uploaded {
    /// Where it is.
    pub(super) fn matrices(&self) -> Matrices {
        let Self { weights, bias, multiplier, .. } = self;
        Matrices {
            weights: weights.address(),
            bias: bias.address(),
            multiplier: multiplier.address(),
        }
    }

    /// The same, with what is added.
    pub(super) fn convolution(&self) -> Convolution {
        Convolution { matrices: self.matrices(), addition: self.addition }
    }
}

/// Which output channel columns stand for: block after block, column after column.
#[derive(Debug, Clone, Copy)]
struct Columns {
    /// Blocks of columns.
    blocks: usize,
    /// The channel of a column of a block, among [`Columns::count`].
    channel: fn(block: usize, column: usize) -> usize,
    /// Channels there is a bias and a multiplier for.
    count: usize,
}

/// A thread holds columns `2 q` and `2 q + 1` of two blocks, and these are to be neighbours.
fn dealt(block: usize, column: usize) -> usize {
    HALF * (block / 2) + 4 * (column / 2) + 2 * (block % 2) + column % 2
}

impl DeviceNetwork {
    /// Packs a network and uploads it.
    ///
    /// # Errors
    /// Where it is of another shape than the programs are for, or the card has no room.
    pub(super) fn new(device: &Arc<Device>, integers: &Integers) -> Result<Self, GpuError> {
        let Integers { input, head, rectified, coarse, layers, tail, output } = integers;
        let channels = head.outputs;
        check(integers)?;
        let mut before = *rectified;
        let coarse = match coarse {
            Some(coarse) => Some(branch(device, coarse, (&mut before, channels))?),
            None => None,
        };
        let layers = layers.iter().map(|layer| follower(device, layer, &mut before));
        let layers = layers.collect::<Result<_, _>>()?;
        Ok(Self {
            channels,
            planes: head.inputs,
            input: *input,
            head: pack_head(device, head, [*input, *rectified])?,
            coarse,
            layers,
            last: pack_last(device, tail, [before, *output])?,
            output: *output,
        })
    }
}

fn check(integers: &Integers) -> Result<(), GpuError> {
    let Integers { head, coarse, layers, tail, .. } = integers;
    let channels = head.outputs;
    let is_layer = |layer: &network::Layer| is_of(&layer.convolution, [channels, channels, SIDE]);
    let coarse_fits = coarse.as_ref().is_none_or(|coarse| {
        is_of(&coarse.down, [channels, channels, 2])
            && is_of(&coarse.up, [channels, 4 * channels, 1])
            && coarse.layers.len() <= NETWORK_LAYERS
            && coarse.layers.iter().all(is_layer)
    });
    let rectified = layers.iter().chain(coarse.iter().flat_map(|coarse| &coarse.layers));
    let rectified = rectified.map(|layer| &layer.convolution).chain([head]);
    let mut rectified =
        rectified.chain(coarse.iter().flat_map(|coarse| [&coarse.down, &coarse.up]));
    let fits = rectified.all(are_small)
        && matches!(channels, HALF | 32)
        && (1..=PLANES).contains(&head.inputs)
        && matches!(head.side, 2 | HEAD_SIDE)
        && layers.len() <= NETWORK_LAYERS
        && layers.iter().all(is_layer)
        && is_of(tail, [channels, 4, SIDE])
        && coarse_fits;
    if fits { Ok(()) } else { Err(GpuError::Unfit("networks of this shape".to_owned())) }
}

/// Whether the sums of a convolution are, whatever it sees.
fn are_small(convolution: &network::Convolution) -> bool {
    let network::Convolution { inputs, outputs, side, .. } = *convolution;
    (0..outputs).all(|output| {
        let taps = (0..inputs * side * side).map(|at| {
            let (input, tap) = (at / (side * side), at % (side * side));
            i64::from(convolution.weight(output, input, [tap / side, tap % side]))
        });
        // Biases are folded with whatever zero the bytes have.
        let most: i64 = taps.map(|weight| 255 * weight.abs()).sum();
        most + i64::from(convolution.bias[output].abs()) < SUMS
    })
}

fn is_of(convolution: &network::Convolution, [inputs, outputs, side]: [usize; 3]) -> bool {
    (convolution.inputs, convolution.outputs, convolution.side) == (inputs, outputs, side)
}

fn branch(
    device: &Arc<Device>,
    coarse: &Coarse,
    (before, channels): (&mut Quantiser, usize),
) -> Result<DeviceCoarse, GpuError> {
    let head = std::mem::replace(before, coarse.rectified);
    let down = pack_down(device, &coarse.down, [head, coarse.rectified])?;
    let layers = coarse.layers.iter().map(|layer| follower(device, layer, before));
    let layers = layers.collect::<Result<_, _>>()?;
    let addition = added(coarse.shuffled, head, coarse.sum);
    let up =
        Uploaded { addition, ..pack_up(device, &coarse.up, [*before, coarse.shuffled], channels)? };
    *before = coarse.sum;
    Ok(DeviceCoarse { down, layers, up })
}

/// The layer behind bytes of `before`, which are those of the layer then.
fn follower(
    device: &Arc<Device>,
    layer: &network::Layer,
    before: &mut Quantiser,
) -> Result<Uploaded, GpuError> {
    let input = std::mem::replace(before, layer.output());
    let addition = layer.sum.map(|sum| added(layer.rectified, input, sum)).unwrap_or_default();
    Ok(Uploaded { addition, ..pack_layer(device, &layer.convolution, [input, layer.rectified])? })
}

fn added(branch: Quantiser, skip: Quantiser, sum: Quantiser) -> Addition {
    Addition { branch: branch.scale / sum.scale, skip: skip.scale / sum.scale, is_there: 1 }
}

/// A step is two planes: the halves are their windows, four rows of four bytes.
fn pack_head(
    device: &Arc<Device>,
    head: &network::Convolution,
    ends: [Quantiser; 2],
) -> Result<Uploaded, GpuError> {
    // A smaller window lies in the middle.
    let margin = (HEAD_SIDE - head.side) / 2;
    let weight = |output: usize, step: usize, byte: usize| {
        let (half, row, column) = (byte / HALF, byte % HALF / HEAD_SIDE, byte % HEAD_SIDE);
        match (row.checked_sub(margin), column.checked_sub(margin)) {
            (Some(row), Some(column)) => head.weight(output, 2 * step + half, [row, column]),
            _ => 0,
        }
    };
    pack(device, head, ends, (PLANES.div_ceil(2), of_channels(head.outputs)), weight)
}

/// 32 bytes are a tap of 32 channels or two of 16.
fn tap_and_channel(channels: usize, step: usize, byte: usize) -> (usize, usize) {
    if channels == HALF { (2 * step + byte / HALF, byte % HALF) } else { (step, byte) }
}

fn pack_layer(
    device: &Arc<Device>,
    layer: &network::Convolution,
    ends: [Quantiser; 2],
) -> Result<Uploaded, GpuError> {
    let weight = |output: usize, step: usize, byte: usize| {
        let (tap, input) = tap_and_channel(layer.inputs, step, byte);
        layer.weight(output, input, [tap / SIDE, tap % SIDE])
    };
    pack(device, layer, ends, (window_steps(layer.inputs), of_channels(layer.outputs)), weight)
}

fn pack_down(
    device: &Arc<Device>,
    down: &network::Convolution,
    ends: [Quantiser; 2],
) -> Result<Uploaded, GpuError> {
    let weight = |output: usize, step: usize, byte: usize| {
        let (tap, input) = tap_and_channel(down.inputs, step, byte);
        down.weight(output, input, [tap / 2, tap % 2])
    };
    pack(device, down, ends, (4 * down.inputs / 32, of_channels(down.outputs)), weight)
}

/// The four pixels that a coarse one stands for, one after the other: a step each, of which the second half is
/// empty where there are 16 channels.
fn pack_up(
    device: &Arc<Device>,
    up: &network::Convolution,
    ends: [Quantiser; 2],
    channels: usize,
) -> Result<Uploaded, GpuError> {
    let columns = Columns {
        blocks: 4 * channels / COLUMNS,
        // All channels of the first pixel, then those of the second.
        channel: dealt,
        count: 4 * channels,
    };
    // Of the file's, channel `4 c + i` is channel `c` of pixel `i`.
    let of_file = |own: usize| 4 * (own % channels) + own / channels;
    let weight = |own: usize, _: usize, byte: usize| up.weight(of_file(own), byte, [0, 0]);
    let (bias, multiplier) =
        (up.folded_bias(i32::from(ends[0].zero)), up.multipliers(ends[0], ends[1]));
    let in_order = 0..columns.count;
    upload(
        device,
        (1, columns),
        weight,
        (
            &in_order.clone().map(|own| bias[of_file(own)]).collect::<Vec<_>>(),
            &in_order.map(|own| multiplier[of_file(own)]).collect::<Vec<_>>(),
        ),
    )
}

/// One block of columns, of which four are channels.
fn pack_last(
    device: &Arc<Device>,
    last: &network::Convolution,
    ends: [Quantiser; 2],
) -> Result<Uploaded, GpuError> {
    let columns = Columns { blocks: 1, channel: |_, column| column, count: COLUMNS };
    let weight = |output: usize, step: usize, byte: usize| {
        let (tap, input) = tap_and_channel(last.inputs, step, byte);
        last.weight(output, input, [tap / SIDE, tap % SIDE])
    };
    pack(device, last, ends, (window_steps(last.inputs), columns), weight)
}

fn window_steps(channels: usize) -> usize {
    (SIDE * SIDE * channels).div_ceil(2 * HALF)
}

fn of_channels(channels: usize) -> Columns {
    Columns { blocks: channels / COLUMNS, channel: dealt, count: channels }
}

fn pack(
    device: &Arc<Device>,
    convolution: &network::Convolution,
    [input, output]: [Quantiser; 2],
    (steps, columns): (usize, Columns),
    weight: impl Fn(usize, usize, usize) -> i8,
) -> Result<Uploaded, GpuError> {
    let mut bias = convolution.folded_bias(i32::from(input.zero));
    let mut multiplier = convolution.multipliers(input, output);
    bias.resize(columns.count, 0);
    multiplier.resize(columns.count, 0.0);
    upload(device, (steps, columns), weight, (&bias, &multiplier))
}

/// Weights `[step][block][half][lane]`, four to a word, `weight(output channel, step, byte of the step)` each.
fn upload(
    device: &Arc<Device>,
    (steps, columns): (usize, Columns),
    weight: impl Fn(usize, usize, usize) -> i8,
    (bias, multiplier): (&[i32], &[f32]),
) -> Result<Uploaded, GpuError> {
    let mut words = Vec::with_capacity(steps * columns.blocks * 2 * 32);
    for step in 0..steps {
        for block in 0..columns.blocks {
            for (half, lane) in (0..2).flat_map(|half| (0..32).map(move |lane| (half, lane))) {
                let output = (columns.channel)(block, lane / 4);
                let byte = |at: usize| weight(output, step, half * HALF + lane % 4 * 4 + at);
                words.push(u32::from_le_bytes([0, 1, 2, 3].map(|at| byte(at).to_le_bytes()[0])));
            }
        }
    }
    Ok(Uploaded {
        weights: Buffer::of(device, &words)?,
        bias: Buffer::of(device, bias)?,
        multiplier: Buffer::of(device, multiplier)?,
        addition: Addition::default(),
    })
}
