//! Finds the integers of a quantised network in tract's graph.
//!
//! Such a network is written with its bytes wrapped in real numbers: each convolution takes
//! dequantised bytes and is quantised again behind its ReLU, and so is each sum. tract computes it
//! as it is written, in real numbers. From the end to the beginning, the pattern is
//!
//! ```text
//! source -> Q -> DQ -> Conv 6x6 or 4x4, stride 2 -> ReLU -> Q -> DQ = a
//! a -> Conv 3x3 -> ReLU -> Q -> DQ = b                              any number of times; or
//! a -> Conv 3x3 -> ReLU -> Q -> DQ -> Add a -> Q -> DQ = b          with a residual around it
//! b -> Conv 3x3 to four channels -> Q -> DQ -> DepthToSpace -> output
//! ```
//!
//! The first convolution is one of 3x3 on frames of half the size, whose pixels hold four samples of
//! each plane. tract has turned the weights to real numbers by then; the steps of an output channel
//! are the widest of which all its weights are whole numbers.

use tract_onnx::tract_core::internal::{AxisOp, DatumType, OutletId, TypedModel, TypedNode, tvec};
use tract_onnx::tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Max};
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_core::ops::quant::{DequantizeLinearF32, QuantizeLinearU8};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::chain::Chain;
use super::kernels::Quantiser;
use super::layer::{Convolution, Layer, Residual, SIDE};

/// Rows and columns of the first convolution, at most.
const HEAD_SIDE: usize = 2 * SIDE;
/// And of the first convolution of a small network.
const SMALL_HEAD_SIDE: usize = 4;
/// Channels of the last convolution, and samples of a plane in a pixel of the half-size frame.
const UNSHUFFLED: usize = 4;
/// Channels that a layer may have: more, and a pixel's rows leave the cache.
const CHANNELS_MAX: usize = 64;
/// Weights are whole numbers of steps to this share of a step.
const WHOLE: f64 = 1e-3;

/// Why a graph is not such a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {why}")]
pub(in super::super) struct Unfit {
    /// The node at which it is not.
    node: String,
    /// What was expected.
    why: &'static str,
}

/// Finds the network of a graph with concrete extents.
///
/// # Errors
/// Where the graph is another one: at which node, and why.
pub(super) fn recognise(model: &TypedModel) -> Result<Chain, Unfit> {
    let graph = Graph(model);
    let outputs = model.output_outlets().unwrap_or_default();
    let [output] = *outputs else {
        return Err(Unfit { node: "the graph".to_owned(), why: "expected one output" });
    };
    let shuffled = graph.before_shuffle(output)?;
    let end = graph.dequantised(shuffled)?;
    let tail = graph.convolution(end.from)?;
    let mut at = graph.dequantised(tail.input)?;
    let last = tail.packed(at.quantiser, end.quantiser.scale, None)?;
    let mut layers = Vec::new();
    loop {
        let (layer, before, is_first) = graph.layer(at)?;
        layers.push(layer);
        at = before;
        if is_first {
            break;
        }
    }
    layers.reverse();
    let planes = graph.source_planes(at.from)?;
    Ok(Chain { planes, input: at.quantiser, layers, last, output: end.quantiser })
}

/// Bytes wrapped in real numbers.
#[derive(Debug, Clone, Copy)]
struct Wrapped {
    quantiser: Quantiser,
    /// What was quantised.
    from: OutletId,
    /// What stands for the bytes.
    outlet: OutletId,
}

/// A convolution as the graph has it.
struct Found<'a> {
    node: &'a TypedNode,
    input: OutletId,
    side: usize,
    outputs: usize,
    inputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

struct Graph<'a>(&'a TypedModel);

impl<'a> Graph<'a> {
    fn node(&self, outlet: OutletId) -> &'a TypedNode {
        &self.0.nodes[outlet.node]
    }

    fn unfit<T>(&self, outlet: OutletId, why: &'static str) -> Result<T, Unfit> {
        Err(Unfit { node: self.node(outlet).name.clone(), why })
    }

    /// What goes into the changes of axes that make `DepthToSpace` by two.
    fn before_shuffle(&self, output: OutletId) -> Result<OutletId, Unfit> {
        let mut found = Vec::new();
        let mut outlet = output;
        while let Some(change) = self.node(outlet).op_as::<AxisOp>() {
            found.push(change.clone());
            outlet = self.node(outlet).inputs[0];
        }
        let shape = self.shape(outlet)?;
        let [1, UNSHUFFLED, height, width] = *shape.as_slice() else {
            return self.unfit(outlet, "expected four channels to shuffle");
        };
        let dims = |values: &[usize]| values.iter().map(|&value| value.into()).collect();
        let expected = [
            AxisOp::Reshape(2, dims(&[height, 2, width, 2]), dims(&[2 * height, 2 * width])),
            AxisOp::Move(2, 3),
            AxisOp::Move(3, 5),
            AxisOp::Reshape(1, dims(&[UNSHUFFLED]), dims(&[1, 2, 2])),
        ];
        if found == expected {
            Ok(outlet)
        } else {
            self.unfit(output, "expected DepthToSpace by 2")
        }
    }

    /// A dequantisation and the quantisation before it.
    fn dequantised(&self, outlet: OutletId) -> Result<Wrapped, Unfit> {
        let node = self.node(outlet);
        let Some(dequantise) = node.op_as::<DequantizeLinearF32>() else {
            return self.unfit(outlet, "expected bytes that are dequantised");
        };
        let before = self.node(node.inputs[0]);
        let quantise = before.op_as::<ElementWiseOp>();
        let Some(quantise) = quantise.and_then(|op| op.0.downcast_ref::<QuantizeLinearU8>()) else {
            return self.unfit(node.inputs[0], "expected a quantisation to unsigned bytes");
        };
        let same_steps = (quantise.scale * dequantise.scale - 1.0).abs() < 1e-6;
        if !same_steps || i32::from(quantise.zero_point) != dequantise.zero_point {
            return self.unfit(outlet, "expected the steps of the quantisation before it");
        }
        let quantiser = Quantiser { zero: quantise.zero_point, scale: dequantise.scale };
        Ok(Wrapped { quantiser, from: before.inputs[0], outlet })
    }

    /// The layer whose bytes `at` is, what goes into it, and whether it is the first.
    fn layer(&self, at: Wrapped) -> Result<(Layer, Wrapped, bool), Unfit> {
        if at.quantiser.zero != 0 {
            return self.unfit(at.outlet, "expected zero to be byte 0 behind a ReLU");
        }
        if !self.is_binary::<Add>(at.from) {
            let found = self.convolution(self.before_relu(at.from)?)?;
            let before = self.dequantised(found.input)?;
            let layer = found.packed(before.quantiser, at.quantiser.scale, None)?;
            return Ok((layer, before, found.side != SIDE));
        }
        let operands = &self.node(at.from).inputs;
        let pair = |branch: usize| (operands[branch], operands[1 - branch]);
        let is_branch = |&(branch, skip): &(OutletId, OutletId)| self.goes_around(branch, skip);
        let Some((branch, skip)) = [pair(1), pair(0)].into_iter().find(is_branch) else {
            return self.unfit(at.from, "expected a residual around one convolution");
        };
        let (branch, before) = (self.dequantised(branch)?, self.dequantised(skip)?);
        if branch.quantiser.zero != 0 || before.quantiser.zero != 0 {
            return self.unfit(at.from, "expected zero to be byte 0 in what is added");
        }
        let found = self.convolution(self.before_relu(branch.from)?)?;
        let residual = Residual {
            branch: branch.quantiser.scale / at.quantiser.scale,
            skip: before.quantiser.scale / at.quantiser.scale,
        };
        let layer = found.packed(before.quantiser, branch.quantiser.scale, Some(residual))?;
        Ok((layer, before, false))
    }

    /// Whether `branch` is a convolution of `skip`, quantised.
    fn goes_around(&self, branch: OutletId, skip: OutletId) -> bool {
        let from = self.dequantised(branch).and_then(|branch| self.before_relu(branch.from));
        from.and_then(|from| self.convolution(from)).is_ok_and(|found| found.input == skip)
    }

    fn is_binary<T: BinMiniOp>(&self, outlet: OutletId) -> bool {
        self.node(outlet).op_as::<TypedBinOp>().is_some_and(|op| op.0.downcast_ref::<T>().is_some())
    }

    /// What goes into a ReLU.
    fn before_relu(&self, outlet: OutletId) -> Result<OutletId, Unfit> {
        let inputs = &self.node(outlet).inputs;
        let is_zero = |&outlet: &OutletId| self.constant(outlet).is_ok_and(|all| all == [0.0]);
        match inputs.iter().position(is_zero).filter(|_| self.is_binary::<Max>(outlet)) {
            Some(zero) => Ok(inputs[1 - zero]),
            None => self.unfit(outlet, "expected a ReLU"),
        }
    }

    /// A convolution of the kinds there are.
    fn convolution(&self, outlet: OutletId) -> Result<Found<'a>, Unfit> {
        let node = self.node(outlet);
        let Some(conv) = node.op_as::<Conv>() else {
            return self.unfit(outlet, "expected a convolution");
        };
        let pool = &conv.pool_spec;
        let (side, stride) = (pool.kernel_shape[0], pool.stride(0));
        let padding = side.saturating_sub(1) / 2;
        let is_known = [(SIDE, 1), (HEAD_SIDE, 2), (SMALL_HEAD_SIDE, 2)].contains(&(side, stride))
            && pool.kernel_shape[..] == [side; 2]
            && pool.stride(1) == stride
            && (0..2).all(|axis| pool.dilation(axis) == 1)
            && pool.padding == PaddingSpec::Explicit(tvec![padding; 2], tvec![padding; 2])
            && pool.data_format == DataFormat::NCHW
            && conv.kernel_fmt == KernelFormat::OIHW
            && (conv.group, conv.q_params.is_none()) == (1, true);
        let channels = pool.input_channels.max(pool.output_channels);
        if !is_known || channels > CHANNELS_MAX {
            let why = "expected 3x3, or 6x6 or 4x4 of stride 2, and up to 64 channels";
            return self.unfit(outlet, why);
        }
        let (weights, bias) = (self.constant(node.inputs[1])?, self.constant(node.inputs[2])?);
        let (inputs, outputs) = (pool.input_channels, pool.output_channels);
        if weights.len() != inputs * outputs * side * side || bias.len() != outputs {
            return self.unfit(outlet, "expected a weight for each channel and a bias");
        }
        Ok(Found { node, input: node.inputs[0], side, outputs, inputs, weights, bias })
    }

    /// The real numbers of a constant, casts passed over.
    fn constant(&self, outlet: OutletId) -> Result<Vec<f32>, Unfit> {
        let node = self.node(outlet);
        if node.op_as::<Cast>().is_some_and(|cast| cast.to == DatumType::F32) {
            return self.constant(node.inputs[0]);
        }
        let konst = self.0.outlet_fact(outlet).ok().and_then(|fact| fact.konst.clone());
        let numbers = konst.as_ref().and_then(|tensor| {
            tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok().map(<[f32]>::to_vec)
        });
        numbers.map_or_else(|| self.unfit(outlet, "expected constant real numbers"), Ok)
    }

    fn shape(&self, outlet: OutletId) -> Result<Vec<usize>, Unfit> {
        let fact = self.0.outlet_fact(outlet).ok();
        let shape = fact.and_then(|fact| fact.shape.as_concrete().map(<[usize]>::to_vec));
        shape.map_or_else(|| self.unfit(outlet, "expected a known shape"), Ok)
    }

    /// Planes of the source, which `outlet` must be.
    fn source_planes(&self, outlet: OutletId) -> Result<usize, Unfit> {
        if self.node(outlet).op_as::<TypedSource>().is_none() {
            return self.unfit(outlet, "expected the input of the network");
        }
        match *self.shape(outlet)? {
            [1, planes, _, _] => Ok(planes),
            _ => self.unfit(outlet, "expected planes"),
        }
    }
}

impl Found<'_> {
    /// The integers, for bytes of `input` and an output of steps of `scale`.
    fn packed(
        &self,
        input: Quantiser,
        scale: f32,
        residual: Option<Residual>,
    ) -> Result<Layer, Unfit> {
        let own = self.weights.len() / self.outputs;
        let (mut weights, mut bias, mut multiplier) = (Vec::new(), Vec::new(), Vec::new());
        for (real, &real_bias) in self.weights.chunks_exact(own).zip(&self.bias) {
            let Some((steps, whole)) = whole_numbers(real) else {
                return self.unfit("expected weights that are whole numbers of steps");
            };
            let unit = f64::from(input.scale) * steps;
            let Some(whole_bias) = whole_bias(f64::from(real_bias) / unit) else {
                return self.unfit("expected a bias of 30 bits");
            };
            weights.extend(whole);
            bias.push(whole_bias);
            #[expect(clippy::cast_possible_truncation, reason = "products are f32")]
            multiplier.push((unit / f64::from(scale)) as f32);
        }
        let (inputs, weights) = match self.side {
            SIDE => (self.inputs, weights),
            side => (UNSHUFFLED * self.inputs, unshuffled(&widened(&weights, side))),
        };
        let input_zero = input.zero;
        let outputs = self.outputs;
        let convolution = Convolution { inputs, outputs, weights, bias, multiplier, input_zero };
        Ok(Layer::pack(&convolution, residual))
    }

    fn unfit<T>(&self, why: &'static str) -> Result<T, Unfit> {
        Err(Unfit { node: self.node.name.clone(), why })
    }
}

/// The widest steps of which all numbers are whole ones from -127 to 127, and these.
fn whole_numbers(real: &[f32]) -> Option<(f64, Vec<i8>)> {
    let greatest = real.iter().fold(0.0_f64, |most, &value| most.max(f64::from(value).abs()));
    if greatest == 0.0 {
        return Some((1.0, vec![0; real.len()]));
    }
    (1..=127_u8).find_map(|levels| {
        let steps = greatest / f64::from(levels);
        let whole = |&value: &f32| {
            let (exact, rounded) = (f64::from(value) / steps, (f64::from(value) / steps).round());
            #[expect(clippy::cast_possible_truncation, reason = "at most 127")]
            let whole = rounded as i8;
            ((exact - rounded).abs() < WHOLE).then_some(whole)
        };
        real.iter().map(whole).collect::<Option<Vec<i8>>>().map(|whole| (steps, whole))
    })
}

fn whole_bias(bias: f64) -> Option<i32> {
    const MOST: f64 = (1 << 30) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    let whole = bias.round() as i32;
    (bias.abs() < MOST).then_some(whole)
}

/// From windows of `side` rows and columns to 6x6 windows with zeros around them.
fn widened(weights: &[i8], side: usize) -> Vec<i8> {
    let border = (HEAD_SIDE - side) / 2;
    let inside = border..border + side;
    let mut result = Vec::with_capacity(weights.len() / (side * side) * HEAD_SIDE * HEAD_SIDE);
    for window in weights.chunks_exact(side * side) {
        for at in 0..HEAD_SIDE * HEAD_SIDE {
            let (row, column) = (at / HEAD_SIDE, at % HEAD_SIDE);
            let is_inside = inside.contains(&row) && inside.contains(&column);
            let place = || (row - border) * side + column - border;
            result.push(if is_inside { window[place()] } else { 0 });
        }
    }
    result
}

/// From 6x6 windows of stride 2 to 3x3 windows of pixels that hold 2x2 samples.
fn unshuffled(weights: &[i8]) -> Vec<i8> {
    let mut result = Vec::with_capacity(weights.len());
    for window in weights.chunks_exact(HEAD_SIDE * HEAD_SIDE) {
        for sample in 0..UNSHUFFLED {
            for at in 0..SIDE * SIDE {
                let (row, column) = (2 * (at / SIDE) + sample / 2, 2 * (at % SIDE) + sample % 2);
                result.push(window[row * HEAD_SIDE + column]);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_numbers_are_found_again(
            numbers in prop::collection::vec(-127_i8..=127, 1..60), steps in 1e-5_f32..1.0,
        ) {
            let real: Vec<f32> = numbers.iter().map(|&number| f32::from(number) * steps).collect();
            let (found, whole) = whole_numbers(&real).expect("whole numbers");
            for (whole, real) in whole.iter().zip(&real) {
                let again = f64::from(*whole) * found;
                prop_assert!((again - f64::from(*real)).abs() <= 2e-3 * found, "{again} for {real}");
            }
        }
    }
}
