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
//! tract has turned the weights to real numbers by then; the steps of an output channel are the
//! widest of which all its weights are whole numbers.

use tract_onnx::tract_core::internal::{AxisOp, DatumType, OutletId, TypedModel, TypedNode, tvec};
use tract_onnx::tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::math::{Add, Max};
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_core::ops::quant::{DequantizeLinearF32, QuantizeLinearU8};
use tract_onnx::tract_core::ops::source::TypedSource;

use super::chain::{Chain, PLANES_MAX};
use super::kernels::Quantiser;
use super::layer::{Convolution, HEAD_SIDE, Head, Layer, Residual, SIDE};

/// Rows and columns of the first convolution of a small network.
const SMALL_HEAD_SIDE: usize = 4;
/// Channels of the last convolution: the samples of the plane in a pixel of half its size.
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

impl Unfit {
    /// At `node`, something else was expected.
    pub(in super::super) fn new(node: &str, why: &'static str) -> Self {
        Self { node: node.to_owned(), why }
    }
}

/// Finds the network of a graph with concrete extents.
///
/// # Errors
/// Where the graph is another one: at which node, and why.
pub(super) fn recognise(model: &TypedModel) -> Result<Chain, Unfit> {
    let graph = Graph(model);
    let outputs = model.output_outlets().unwrap_or_default();
    let [output] = *outputs else {
        return Err(Unfit::new("the graph", "expected one output"));
    };
    let shuffled = graph.before_shuffle(output)?;
    let end = graph.dequantised(shuffled)?;
    let tail = graph.convolution(end.from)?;
    let mut at = graph.dequantised(tail.input)?;
    if (tail.side, tail.outputs) != (SIDE, UNSHUFFLED) {
        return tail.unfit("expected 3x3 to four channels");
    }
    let last = Layer::pack(&tail.integers(at.quantiser, end.quantiser.scale)?, None);
    let mut layers = Vec::new();
    let head = loop {
        let (step, before) = graph.step(at)?;
        at = before;
        match step {
            Step::Layer(layer) => layers.push(layer),
            Step::Head(head) => break head,
        }
    };
    layers.reverse();
    graph.check_source(at.from, head.planes)?;
    Ok(Chain { input: at.quantiser, head, layers, last, output: end.quantiser })
}

/// A convolution with what is around it.
enum Step {
    Head(Head),
    Layer(Layer),
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
        Err(Unfit::new(&self.node(outlet).name, why))
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

    /// The step whose bytes `at` is, and what goes into it.
    fn step(&self, at: Wrapped) -> Result<(Step, Wrapped), Unfit> {
        if at.quantiser.zero != 0 {
            return self.unfit(at.outlet, "expected zero to be byte 0 behind a ReLU");
        }
        if self.is_binary::<Add>(at.from) {
            return self.residual(at);
        }
        let found = self.convolution(self.before_relu(at.from)?)?;
        let before = self.dequantised(found.input)?;
        let integers = found.integers(before.quantiser, at.quantiser.scale)?;
        let step = match found.side {
            SIDE => Step::Layer(Layer::pack(&integers, None)),
            _ => Step::Head(Head::pack(&integers)),
        };
        Ok((step, before))
    }

    /// A convolution with a residual around it, whose sum is quantised to `at`.
    fn residual(&self, at: Wrapped) -> Result<(Step, Wrapped), Unfit> {
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
        let integers = found.integers(before.quantiser, branch.quantiser.scale)?;
        if found.side != SIDE || found.inputs != found.outputs {
            return found.unfit("expected 3x3 and as many channels as the residual");
        }
        Ok((Step::Layer(Layer::pack(&integers, Some(residual))), before))
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

    /// Checks that `outlet` is the source and has as many planes as can be.
    fn check_source(&self, outlet: OutletId, planes: usize) -> Result<(), Unfit> {
        if self.node(outlet).op_as::<TypedSource>().is_none() {
            return self.unfit(outlet, "expected the input of the network");
        }
        let [1, seen, _, _] = *self.shape(outlet)? else {
            return self.unfit(outlet, "expected planes");
        };
        if seen == planes && planes <= PLANES_MAX {
            Ok(())
        } else {
            self.unfit(outlet, "expected up to four planes")
        }
    }
}

impl Found<'_> {
    /// The integers, for bytes of `input` and an output of steps of `scale`.
    fn integers(&self, input: Quantiser, scale: f32) -> Result<Convolution, Unfit> {
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
        let &Self { inputs, outputs, side, .. } = self;
        let input_zero = input.zero;
        Ok(Convolution { inputs, outputs, side, weights, bias, multiplier, input_zero })
    }

    fn unfit<T>(&self, why: &'static str) -> Result<T, Unfit> {
        Err(Unfit::new(&self.node.name, why))
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
