//! Reads the integers of a quantised network where they stand in its file.
//!
//! Such a network is written with its bytes wrapped in real numbers: each convolution takes
//! dequantised bytes and dequantised weights and is quantised again behind its ReLU, and so is each
//! sum. `Q` and `DQ` are `QuantizeLinear` and `DequantizeLinear`; their constants are the numbers.
//!
//! ```text
//! z -> Q -> DQ -> Conv 6x6 or 4x4, stride 2 -> Relu -> Q -> DQ = a
//! a -> Conv 3x3 -> Relu -> Q -> DQ = b                              any number of times; or
//! a -> Conv 3x3 -> Relu -> Q -> DQ -> Add a -> Q -> DQ = b          with an addition around it
//! b -> Conv 3x3 to four channels -> Q -> DQ -> DepthToSpace -> f
//! ```
//!
//! The graph is walked from its end to its beginning. A network with anything else in it is none of
//! this kind.

use std::collections::HashMap;

use super::constants::{floats, integers, number, shape, signed_bytes, unsigned_bytes};
use crate::plan::network::{Convolution, Integers, Layer, Quantiser, Unfit};
use crate::restore::tract::pb::{GraphProto, NodeProto, TensorProto};

/// Rows and columns of the windows there are, and by how much they move.
const WINDOWS: [(usize, usize); 3] = [(SIDE, 1), (4, 2), (6, 2)];
/// Rows and columns of the window of all convolutions but the first.
const SIDE: usize = 3;
/// Channels of the last convolution: the samples of the plane in a pixel of half its size.
const UNSHUFFLED: usize = 4;
/// Channels that a layer may have: more, and a pixel's rows leave the cache.
const CHANNELS_MAX: usize = 64;
/// Planes that a network may see.
const PLANES_MAX: usize = 4;
/// Bound of a bias: sums of the greatest products still fit into 32 bits beside it.
const BIAS_MAX: u32 = 1 << 30;
/// A product of scales may be rounded once more than ours.
const UNIT_ERROR: f32 = 1e-6;
/// Sizes of a step of weights. Outside, sums in steps of the output are no ordinary numbers.
const STEPS: std::ops::RangeInclusive<f32> = 1e-12..=1e3;

/// Reads the network of a graph that stands alone and has been checked.
///
/// # Errors
/// Where it is of another kind: at which tensor, and why.
pub(super) fn read(graph: &GraphProto, planes: usize) -> Result<Integers, Unfit> {
    let [output] = &graph.output[..] else {
        return Err(Unfit::new("the graph", "expected one output"));
    };
    let graph = Graph::new(graph);
    let end = graph.wrapped(graph.before_shuffle(&output.name)?)?;
    let last = graph.convolution(end.from)?;
    let mut at = graph.wrapped(last.input)?;
    let tail = last.integers(&graph, at.quantiser)?;
    if (tail.side, tail.outputs) != (SIDE, UNSHUFFLED) {
        return last.unfit("expected 3x3 to four channels");
    }
    let mut layers = Vec::new();
    loop {
        let found = graph.layer(at)?;
        let before = graph.wrapped(found.convolution.input)?;
        let convolution = found.convolution.integers(&graph, before.quantiser)?;
        if convolution.side != SIDE {
            graph.check_input(before.from)?;
            layers.reverse();
            let (input, rectified, output) = (before.quantiser, at.quantiser, end.quantiser);
            let all = Integers { input, head: convolution, rectified, layers, tail, output };
            return check_channels(all, planes);
        }
        layers.push(Layer { convolution, rectified: found.rectified, sum: found.sum });
        at = before;
    }
}

/// Checks that every convolution takes as many channels as there are before it.
fn check_channels(all: Integers, planes: usize) -> Result<Integers, Unfit> {
    let mut channels = planes;
    let layers = all.layers.iter().map(|layer| (&layer.convolution, layer.sum.is_some()));
    for (convolution, is_sum) in
        [(&all.head, false)].into_iter().chain(layers).chain([(&all.tail, false)])
    {
        let Convolution { inputs, outputs, .. } = *convolution;
        if inputs != channels || is_sum && inputs != outputs {
            return Err(Unfit::new("the graph", "expected as many channels as there are before"));
        }
        channels = outputs;
    }
    if planes > PLANES_MAX {
        return Err(Unfit::new("the graph", "expected up to four planes"));
    }
    Ok(all)
}

/// Bytes wrapped in real numbers.
#[derive(Debug, Clone, Copy)]
struct Wrapped<'a> {
    quantiser: Quantiser,
    /// What was quantised.
    from: &'a str,
    /// What stands for the bytes.
    tensor: &'a str,
}

/// A convolution with what is around it.
struct Found<'a> {
    convolution: Conv<'a>,
    rectified: Quantiser,
    sum: Option<Quantiser>,
}

/// A convolution as the graph has it.
struct Conv<'a> {
    name: &'a str,
    input: &'a str,
    weights: &'a str,
    bias: &'a str,
    stride: usize,
    side: usize,
}

/// Integers that are constants of a graph, with the sizes of their steps.
struct Constant<'a> {
    integers: &'a TensorProto,
    scales: Vec<f32>,
}

struct Graph<'a> {
    inputs: Vec<&'a str>,
    /// Nodes by what they compute.
    nodes: HashMap<&'a str, &'a NodeProto>,
    constants: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> Graph<'a> {
    fn new(graph: &'a GraphProto) -> Self {
        let outputs = |node: &'a NodeProto| node.output.iter().map(move |o| (o.as_str(), node));
        let nodes = graph.node.iter().flat_map(outputs);
        let constants = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
        Self {
            inputs: graph.input.iter().map(|input| input.name.as_str()).collect(),
            nodes: nodes.filter(|(name, _)| !name.is_empty()).collect(),
            constants: constants.filter(|(name, _)| !name.is_empty()).collect(),
        }
    }

    /// The node that computes `tensor`, which must be of that operator and know no attributes but
    /// `attributes`.
    fn node(
        &self,
        tensor: &str,
        operator: &str,
        attributes: &[&str],
        why: &'static str,
    ) -> Result<&'a NodeProto, Unfit> {
        let node = self.nodes.get(tensor).filter(|node| node.op_type == operator);
        let node = node.ok_or_else(|| Unfit::new(tensor, why))?;
        let mut names = node.attribute.iter().map(|attribute| attribute.name.as_str());
        if names.all(|name| attributes.contains(&name)) {
            Ok(node)
        } else {
            Err(Unfit::new(tensor, "expected no more attributes"))
        }
    }

    /// What goes into the shuffle at the end.
    fn before_shuffle(&self, output: &str) -> Result<&'a str, Unfit> {
        const WHY: &str = "expected DepthToSpace by 2";
        // Both modes are the same where there is one plane.
        let node = self.node(output, "DepthToSpace", &["blocksize", "mode"], WHY)?;
        if number(node, "blocksize", 0) == Some(2) {
            Ok(input(node, 0))
        } else {
            Err(Unfit::new(output, WHY))
        }
    }

    /// A dequantisation and the quantisation before it.
    fn wrapped(&self, tensor: &'a str) -> Result<Wrapped<'a>, Unfit> {
        const AXIS: &[&str] = &["axis"];
        let why = "expected bytes that are dequantised";
        let after = self.node(tensor, "DequantizeLinear", AXIS, why)?;
        let why = "expected a quantisation to unsigned bytes";
        let before = self.node(input(after, 0), "QuantizeLinear", AXIS, why)?;
        let quantisers = [before, after].map(|node| self.quantiser(node));
        let [Some(quantiser), Some(same)] = quantisers else {
            return Err(Unfit::new(tensor, why));
        };
        if quantiser != same {
            return Err(Unfit::new(tensor, "expected the steps of the quantisation before it"));
        }
        Ok(Wrapped { quantiser, from: input(before, 0), tensor })
    }

    /// Scale and zero point of a node that has one of each for all channels.
    fn quantiser(&self, node: &NodeProto) -> Option<Quantiser> {
        let [scale] = floats(self.constants.get(input(node, 1))?)?[..] else { return None };
        let zero = match input(node, 2) {
            "" => 0,
            name => match unsigned_bytes(self.constants.get(name)?)?[..] {
                [zero] => zero,
                _ => return None,
            },
        };
        Some(Quantiser { zero, scale })
    }

    /// The layer whose bytes `at` is, or the head.
    fn layer(&self, at: Wrapped<'a>) -> Result<Found<'a>, Unfit> {
        if at.quantiser.zero != 0 {
            return Err(Unfit::new(at.tensor, "expected zero to be byte 0 behind a ReLU"));
        }
        if self.nodes.get(at.from).is_some_and(|node| node.op_type == "Add") {
            return self.addition(at);
        }
        let convolution = self.convolution(self.before_relu(at.from)?)?;
        Ok(Found { convolution, rectified: at.quantiser, sum: None })
    }

    /// A convolution whose input is added to what it gives, and whose sum is quantised to `at`.
    fn addition(&self, at: Wrapped<'a>) -> Result<Found<'a>, Unfit> {
        let sum = self.node(at.from, "Add", &[], "expected a sum")?;
        let orders = [(input(sum, 1), input(sum, 0)), (input(sum, 0), input(sum, 1))];
        let around = |(branch, skip)| self.around(branch, skip);
        let Some((branch, convolution)) = orders.into_iter().find_map(around) else {
            return Err(Unfit::new(at.from, "expected an addition around one convolution"));
        };
        if branch.quantiser.zero != 0 || self.wrapped(convolution.input)?.quantiser.zero != 0 {
            return Err(Unfit::new(at.from, "expected zero to be byte 0 in what is added"));
        }
        if convolution.stride != 1 {
            return convolution.unfit("expected 3x3 and as many channels as are added");
        }
        let (rectified, sum) = (branch.quantiser, Some(at.quantiser));
        Ok(Found { convolution, rectified, sum })
    }

    /// The convolution that `branch` is of `skip`, if it is.
    fn around(&self, branch: &'a str, skip: &str) -> Option<(Wrapped<'a>, Conv<'a>)> {
        let branch = self.wrapped(branch).ok()?;
        let convolution = self.convolution(self.before_relu(branch.from).ok()?).ok()?;
        (convolution.input == skip).then_some((branch, convolution))
    }

    /// What goes into a ReLU.
    fn before_relu(&self, tensor: &str) -> Result<&'a str, Unfit> {
        Ok(input(self.node(tensor, "Relu", &[], "expected a ReLU")?, 0))
    }

    /// A convolution of the kinds there are.
    fn convolution(&self, tensor: &'a str) -> Result<Conv<'a>, Unfit> {
        const KNOWN: [&str; 5] = ["kernel_shape", "strides", "pads", "dilations", "group"];
        let node = self.node(tensor, "Conv", &KNOWN, "expected a convolution")?;
        let numbers =
            [("kernel_shape", 0), ("strides", 1), ("pads", 0), ("dilations", 1), ("group", 1)]
                .map(|(name, default)| number(node, name, default));
        let is_window = |&&(side, stride): &&(usize, usize)| {
            numbers == [side, stride, (side - 1) / 2, 1, 1].map(Some)
        };
        let Some(&(side, stride)) = WINDOWS.iter().find(is_window) else {
            return Err(Unfit::new(tensor, "expected 3x3, or 6x6 or 4x4 of stride 2"));
        };
        let [input, weights, bias] = [0, 1, 2].map(|index| input(node, index));
        Ok(Conv { name: tensor, input, weights, bias, stride, side })
    }

    /// Constant integers that are dequantised by channel, their first axis, or all alike.
    fn constant(&self, tensor: &str) -> Option<Constant<'a>> {
        let node = self.node(tensor, "DequantizeLinear", &["axis"], "").ok()?;
        let integers = *self.constants.get(input(node, 0))?;
        let channels = *shape(integers)?.first()?;
        let mut scales = floats(self.constants.get(input(node, 1))?)?;
        if let [scale] = scales[..] {
            scales = vec![scale; channels.min(CHANNELS_MAX)];
        } else if number(node, "axis", 1) != Some(0) {
            return None;
        }
        let zeros = match input(node, 2) {
            "" => true,
            name => is_zero(self.constants.get(name)?),
        };
        (zeros && scales.len() == channels).then_some(Constant { integers, scales })
    }

    /// Checks that `tensor` is the input of the network.
    fn check_input(&self, tensor: &str) -> Result<(), Unfit> {
        if self.inputs == [tensor] {
            Ok(())
        } else {
            Err(Unfit::new(tensor, "expected the input of the network"))
        }
    }
}

impl Conv<'_> {
    /// The integers, for bytes of `input`.
    fn integers(&self, graph: &Graph<'_>, input: Quantiser) -> Result<Convolution, Unfit> {
        let whole = graph.constant(self.weights);
        let Some(Constant { integers: tensor, scales }) = whole else {
            return self.unfit("expected weights that are dequantised by output channel");
        };
        let (weights, sides) = (signed_bytes(tensor), shape(tensor).unwrap_or_default());
        let ([outputs, inputs, height, width], Some(weights)) = (&sides[..], weights) else {
            return self.unfit("expected weights of signed bytes");
        };
        let (outputs, inputs, side) = (*outputs, *inputs, self.side);
        if [*height, *width] != [side; 2] || outputs.max(inputs) > CHANNELS_MAX {
            return self.unfit("expected a weight for each place and up to 64 channels");
        }
        if weights.contains(&i8::MIN) || !scales.iter().all(|scale| STEPS.contains(scale)) {
            return self.unfit("expected weights from -127 to 127 and steps from 1e-12 to 1e3");
        }
        let bias = self.bias(graph, input, &scales)?;
        Ok(Convolution { inputs, outputs, side, weights, scales, bias })
    }

    /// The bias of a convolution whose weights have steps of `scales`.
    fn bias(&self, graph: &Graph<'_>, input: Quantiser, scales: &[f32]) -> Result<Vec<i32>, Unfit> {
        let constant = graph.constant(self.bias);
        let bias = constant.as_ref().and_then(|bias| integers(bias.integers));
        let (Some(Constant { scales: units, .. }), Some(bias)) = (constant, bias) else {
            return self.unfit("expected a bias that is dequantised");
        };
        let is_unit = |(unit, scale): (&f32, &f32)| {
            let expected = input.scale * scale;
            (unit - expected).abs() <= UNIT_ERROR * expected
        };
        if bias.len() != scales.len() || !units.iter().zip(scales).all(is_unit) {
            return self.unfit("expected a bias in steps of input times weights");
        }
        if bias.iter().any(|bias| bias.unsigned_abs() > BIAS_MAX) {
            return self.unfit("expected a bias of 30 bits");
        }
        Ok(bias)
    }

    fn unfit<T>(&self, why: &'static str) -> Result<T, Unfit> {
        Err(Unfit::new(self.name, why))
    }
}

/// Name of an input of a node; empty where it has none.
fn input(node: &NodeProto, index: usize) -> &str {
    node.input.get(index).map_or("", String::as_str)
}

/// Whether all integers of a constant are zero.
fn is_zero(tensor: &TensorProto) -> bool {
    let is_zero = |all: Vec<i32>| all.iter().all(|&integer| integer == 0);
    let bytes = || Some(signed_bytes(tensor)?.into_iter().map(i32::from).collect());
    integers(tensor).or_else(bytes).is_some_and(is_zero)
}
