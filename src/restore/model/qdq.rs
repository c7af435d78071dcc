//! The parts of a graph whose bytes are wrapped in real numbers: quantisations, convolutions, constants.

use std::collections::HashMap;

use super::constants::{floats, integers, number, shape, signed_bytes, unsigned_bytes, word};
use crate::plan::network::{Convolution, Quantiser, Unfit};
use crate::restore::tract::pb::{GraphProto, NodeProto, TensorProto};

/// Rows and columns of the windows there are, and by how much they move.
const WINDOWS: [(usize, usize); 5] = [(SIDE, 1), UP, DOWN, (4, 2), (6, 2)];
/// Rows and columns of the window of all convolutions that keep the resolution.
pub(super) const SIDE: usize = 3;
/// The convolutions at the ends of a coarse branch.
pub(super) const DOWN: (usize, usize) = (2, 2);
pub(super) const UP: (usize, usize) = (1, 1);
/// Channels of the last convolution: the samples of the plane in a pixel of half its size.
pub(super) const UNSHUFFLED: usize = 4;
/// Channels that a layer may have: more, and a pixel's rows leave the cache.
const CHANNELS_MAX: usize = 64;
/// Bound of a bias: sums of the greatest products still fit into 32 bits beside it.
const BIAS_MAX: u32 = 1 << 30;
/// A product of scales may be rounded once more than ours.
const UNIT_ERROR: f32 = 1e-6;
/// Sizes of a step of weights. Outside, sums in steps of the output are no ordinary numbers.
const STEPS: std::ops::RangeInclusive<f32> = 1e-12..=1e3;

/// Bytes wrapped in real numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrapped<'a> {
    pub(super) quantiser: Quantiser,
    /// What was quantised.
    pub(super) from: &'a str,
    /// What stands for the bytes.
    pub(super) tensor: &'a str,
}

/// A convolution as the graph has it.
pub(super) struct Conv<'a> {
    name: &'a str,
    pub(super) input: &'a str,
    weights: &'a str,
    bias: &'a str,
    pub(super) stride: usize,
    pub(super) side: usize,
}

/// Integers that are constants of a graph, with the sizes of their steps.
struct Constant<'a> {
    integers: &'a TensorProto,
    scales: Vec<f32>,
}

/// A graph by names.
pub(super) struct Graph<'a> {
    inputs: Vec<&'a str>,
    /// Nodes by what they compute.
    nodes: HashMap<&'a str, &'a NodeProto>,
    constants: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(graph: &'a GraphProto) -> Self {
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
    pub(super) fn node(
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

    /// Whether `tensor` is computed by that operator.
    pub(super) fn is_by(&self, tensor: &str, operator: &str) -> bool {
        self.nodes.get(tensor).is_some_and(|node| node.op_type == operator)
    }

    /// What goes into a shuffle.
    pub(super) fn before_shuffle(&self, output: &str) -> Result<&'a str, Unfit> {
        const WHY: &str = "expected DepthToSpace by 2 in mode CRD";
        let node = self.node(output, "DepthToSpace", &["blocksize", "mode"], WHY)?;
        if number(node, "blocksize", 0) == Some(2) && word(node, "mode") == Some(b"CRD") {
            Ok(input(node, 0))
        } else {
            Err(Unfit::new(output, WHY))
        }
    }

    /// A dequantisation and the quantisation before it.
    pub(super) fn wrapped(&self, tensor: &'a str) -> Result<Wrapped<'a>, Unfit> {
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

    /// What goes into a ReLU.
    pub(super) fn before_relu(&self, tensor: &str) -> Result<&'a str, Unfit> {
        Ok(input(self.node(tensor, "Relu", &[], "expected a ReLU")?, 0))
    }

    /// A convolution of the kinds there are.
    pub(super) fn convolution(&self, tensor: &'a str) -> Result<Conv<'a>, Unfit> {
        const KNOWN: [&str; 5] = ["kernel_shape", "strides", "pads", "dilations", "group"];
        let node = self.node(tensor, "Conv", &KNOWN, "expected a convolution")?;
        let numbers =
            [("kernel_shape", 0), ("strides", 1), ("pads", 0), ("dilations", 1), ("group", 1)]
                .map(|(name, default)| number(node, name, default));
        let is_window = |&&(side, stride): &&(usize, usize)| {
            numbers == [side, stride, (side - 1) / 2, 1, 1].map(Some)
        };
        let Some(&(side, stride)) = WINDOWS.iter().find(is_window) else {
            return Err(Unfit::new(tensor, "expected 3x3, 1x1, or 6x6, 4x4 or 2x2 of stride 2"));
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
            scales = vec![scale; channels.min(UNSHUFFLED * CHANNELS_MAX)];
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
    pub(super) fn check_input(&self, tensor: &str) -> Result<(), Unfit> {
        if self.inputs == [tensor] {
            Ok(())
        } else {
            Err(Unfit::new(tensor, "expected the input of the network"))
        }
    }
}

impl Conv<'_> {
    /// The integers, for bytes of `input`.
    pub(super) fn integers(
        &self,
        graph: &Graph<'_>,
        input: Quantiser,
    ) -> Result<Convolution, Unfit> {
        let whole = graph.constant(self.weights);
        let Some(Constant { integers: tensor, scales }) = whole else {
            return self.unfit("expected weights that are dequantised by output channel");
        };
        let (weights, sides) = (signed_bytes(tensor), shape(tensor).unwrap_or_default());
        let ([outputs, inputs, height, width], Some(weights)) = (&sides[..], weights) else {
            return self.unfit("expected weights of signed bytes");
        };
        let (outputs, inputs, side) = (*outputs, *inputs, self.side);
        // What is shuffled has the channels of four pixels.
        let most = if (side, self.stride) == UP { UNSHUFFLED * CHANNELS_MAX } else { CHANNELS_MAX };
        if [*height, *width] != [side; 2] || outputs > most || inputs > CHANNELS_MAX {
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

    pub(super) fn unfit<T>(&self, why: &'static str) -> Result<T, Unfit> {
        Err(Unfit::new(self.name, why))
    }
}

/// Name of an input of a node; empty where it has none.
pub(super) fn input(node: &NodeProto, index: usize) -> &str {
    node.input.get(index).map_or("", String::as_str)
}

/// Whether all integers of a constant are zero.
fn is_zero(tensor: &TensorProto) -> bool {
    let is_zero = |all: Vec<i32>| all.iter().all(|&integer| integer == 0);
    let bytes = || Some(signed_bytes(tensor)?.into_iter().map(i32::from).collect());
    integers(tensor).or_else(bytes).is_some_and(is_zero)
}
