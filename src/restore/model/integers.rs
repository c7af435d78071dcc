//! Reads the integers of a quantised network where they stand in its file.
//!
//! Such a network is written with its bytes wrapped in real numbers: each convolution takes
//! dequantised bytes and dequantised weights and is quantised again behind its ReLU, and so is each
//! sum. `Q` and `DQ` are `QuantizeLinear` and `DequantizeLinear`; their constants are the numbers.
//!
//! ```text
//! z -> Q -> DQ -> Conv 6x6, 4x4 or 2x2, stride 2 -> Relu -> Q -> DQ = a
//! a -> Conv 3x3 -> Relu -> Q -> DQ = b                              any number of times; or
//! a -> Conv 3x3 -> Relu -> Q -> DQ -> Add a -> Q -> DQ = b          with an addition around it
//! b -> Conv 3x3 to four channels -> Q -> DQ -> DepthToSpace -> f
//! ```
//!
//! Between the head and the first of these there may be a coarse branch:
//!
//! ```text
//! a -> Conv 2x2, stride 2 -> Relu -> Q -> DQ = b;   b -> … -> c   as above, any number of times
//! c -> Conv 1x1 -> Relu -> Q -> DQ -> DepthToSpace -> Add a -> Q -> DQ = a
//! ```
//!
//! The graph is walked from its end to its beginning. A network with anything else in it is none of
//! this kind.

use super::qdq::{Conv, DOWN, Graph, SIDE, UNSHUFFLED, UP, Wrapped, input};
use crate::plan::network::{Coarse, Convolution, Integers, Layer, Quantiser, Unfit};
use crate::restore::tract::pb::GraphProto;

/// Planes that a network may see: all there are, and the estimate so far.
const PLANES_MAX: usize = 6;

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
    let at = graph.wrapped(last.input)?;
    let tail = last.integers(&graph, at.quantiser)?;
    if (tail.side, tail.outputs) != (SIDE, UNSHUFFLED) {
        return last.unfit("expected 3x3 to four channels");
    }
    let (layers, found, at) = graph.layers(at)?;
    let (coarse, found, at) = graph.coarse(found, at)?;
    let Found::Convolution(head) = found else {
        return Err(Unfit::new(
            at.tensor,
            "expected the first convolution before the coarse branch",
        ));
    };
    let before = graph.wrapped(head.input)?;
    graph.check_input(before.from)?;
    if head.stride != 2 {
        return head.unfit("expected a first convolution of stride 2");
    }
    let head = head.integers(&graph, before.quantiser)?;
    let (input, rectified, output) = (before.quantiser, at.quantiser, end.quantiser);
    check_channels(Integers { input, head, rectified, coarse, layers, tail, output }, planes)
}

/// Checks that every convolution takes as many channels as there are before it.
fn check_channels(all: Integers, planes: usize) -> Result<Integers, Unfit> {
    let why = "expected as many channels as there are before";
    let unlike = || Err(Unfit::new("the graph", why));
    if planes > PLANES_MAX {
        return Err(Unfit::new("the graph", "expected up to six planes"));
    }
    if all.head.inputs != planes {
        return unlike();
    }
    let channels = all.head.outputs;
    if let Some(Coarse { down, layers, up, .. }) = &all.coarse {
        let fits = down.inputs == channels
            && through(layers, down.outputs) == Some(up.inputs)
            && up.outputs == UNSHUFFLED * channels;
        if !fits {
            return unlike();
        }
    }
    if through(&all.layers, channels) == Some(all.tail.inputs) { Ok(all) } else { unlike() }
}

/// Channels behind layers; `None` where one of them takes another number than there are.
fn through(layers: &[Layer], channels: usize) -> Option<usize> {
    layers.iter().try_fold(channels, |channels, Layer { convolution, sum, .. }| {
        let Convolution { inputs, outputs, .. } = *convolution;
        (inputs == channels && (sum.is_none() || inputs == outputs)).then_some(outputs)
    })
}

/// What gives bytes.
enum Found<'a> {
    /// A convolution and its ReLU.
    Convolution(Conv<'a>),
    /// The same, its input added.
    Sum(Conv<'a>, Quantiser),
    /// A coarse branch and what it is added to.
    Coarse(Conv<'a>, Quantiser, Wrapped<'a>),
}

impl<'a> Graph<'a> {
    /// The layers that end in the bytes `at`, and what is before the first of them: what gives its
    /// bytes, and these.
    fn layers(&self, mut at: Wrapped<'a>) -> Result<(Vec<Layer>, Found<'a>, Wrapped<'a>), Unfit> {
        let mut layers = Vec::new();
        loop {
            let found = self.found(at)?;
            let (conv, rectified, sum) = match &found {
                Found::Convolution(conv) if conv.stride == 1 => (conv, at.quantiser, None),
                Found::Sum(conv, branch) => (conv, *branch, Some(at.quantiser)),
                Found::Convolution(_) | Found::Coarse(..) => {
                    layers.reverse();
                    return Ok((layers, found, at));
                }
            };
            let before = self.wrapped(conv.input)?;
            let convolution = conv.integers(self, before.quantiser)?;
            if convolution.side != SIDE {
                return conv.unfit("expected 3x3");
            }
            layers.push(Layer { convolution, rectified, sum });
            at = before;
        }
    }

    /// The coarse branch where `found`, which gives the bytes `at`, is one; and what is before it.
    fn coarse(
        &self,
        found: Found<'a>,
        at: Wrapped<'a>,
    ) -> Result<(Option<Coarse>, Found<'a>, Wrapped<'a>), Unfit> {
        let Found::Coarse(last, shuffled, skip) = found else { return Ok((None, found, at)) };
        let behind = self.wrapped(last.input)?;
        let up = last.integers(self, behind.quantiser)?;
        let (layers, found, before) = self.layers(behind)?;
        let Found::Convolution(first) = found else {
            return last.unfit("expected one coarse branch");
        };
        if (first.side, first.stride) != DOWN || first.input != skip.tensor {
            return first.unfit("expected 2x2 of stride 2 on what the branch is added to");
        }
        let down = first.integers(self, skip.quantiser)?;
        let (rectified, sum) = (before.quantiser, at.quantiser);
        let coarse = Coarse { down, rectified, layers, up, shuffled, sum };
        Ok((Some(coarse), self.found(skip)?, skip))
    }

    /// What gives the bytes `at`.
    fn found(&self, at: Wrapped<'a>) -> Result<Found<'a>, Unfit> {
        if at.quantiser.zero != 0 {
            return Err(Unfit::new(at.tensor, "expected zero to be byte 0 behind a ReLU"));
        }
        if self.is_by(at.from, "Add") {
            return self.addition(at);
        }
        self.convolution(self.before_relu(at.from)?).map(Found::Convolution)
    }

    /// A sum that is quantised to `at`: of a convolution and its input, or of a coarse branch and what
    /// it is of.
    fn addition(&self, at: Wrapped<'a>) -> Result<Found<'a>, Unfit> {
        let sum = self.node(at.from, "Add", &[], "expected a sum")?;
        let orders = [(input(sum, 1), input(sum, 0)), (input(sum, 0), input(sum, 1))];
        let is_joint = |(branch, _): &(&str, &str)| self.is_by(branch, "DepthToSpace");
        if let Some((branch, skip)) = orders.into_iter().find(is_joint) {
            return self.joint(branch, skip);
        }
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
        Ok(Found::Sum(convolution, branch.quantiser))
    }

    /// The coarse branch whose shuffled end is `branch`, added to `skip`.
    fn joint(&self, branch: &'a str, skip: &'a str) -> Result<Found<'a>, Unfit> {
        let shuffled = self.wrapped(self.before_shuffle(branch)?)?;
        let skip = self.wrapped(skip)?;
        let up = self.convolution(self.before_relu(shuffled.from)?)?;
        if (up.side, up.stride) != UP {
            return up.unfit("expected 1x1 before a shuffle");
        }
        if shuffled.quantiser.zero != 0 || skip.quantiser.zero != 0 {
            return Err(Unfit::new(branch, "expected zero to be byte 0 in what is added"));
        }
        Ok(Found::Coarse(up, shuffled.quantiser, skip))
    }

    /// The convolution that `branch` is of `skip`, if it is.
    fn around(&self, branch: &'a str, skip: &str) -> Option<(Wrapped<'a>, Conv<'a>)> {
        let branch = self.wrapped(branch).ok()?;
        let convolution = self.convolution(self.before_relu(branch.from).ok()?).ok()?;
        (convolution.input == skip).then_some((branch, convolution))
    }
}
