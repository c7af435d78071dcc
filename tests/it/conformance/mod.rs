//! The inference runtime does what ONNX says: the worked examples of a course on convolutional
//! networks, and direct loops for the rest. Each tiny graph runs twice, as it stands in the file
//! and as the runtime optimises it.

mod float;
mod integer;

use tract_onnx::pb::AttributeProto;
use tract_onnx::prelude::{
    Datum, Framework, InferenceFact, InferenceModelExt, IntoRunnable, IntoTValue, TVec, Tensor,
    TractResult, tvec,
};

use crate::onnx::{Element, Graph, ints};

/// Samples in channels, rows and columns.
#[derive(Debug, Clone, PartialEq)]
struct Channels<T> {
    count: usize,
    height: usize,
    width: usize,
    samples: Vec<T>,
}

impl<T: Copy> Channels<T> {
    fn of(channels: &[&[&[T]]]) -> Self {
        let samples = channels.concat().concat();
        let (height, width) = (channels[0].len(), channels[0][0].len());
        assert_eq!(samples.len(), channels.len() * height * width, "ragged rows");
        Self { count: channels.len(), height, width, samples }
    }

    fn from_fn(
        (count, height, width): (usize, usize, usize),
        mut value: impl FnMut(usize, usize, usize) -> T,
    ) -> Self {
        let mut samples = Vec::new();
        for channel in 0..count {
            for y in 0..height {
                samples.extend((0..width).map(|x| value(channel, y, x)));
            }
        }
        Self { count, height, width, samples }
    }

    fn at(&self, channel: usize, y: usize, x: usize) -> T {
        self.samples[(channel * self.height + y) * self.width + x]
    }

    /// The sample, or zero beyond the edges.
    fn at_or<U: From<T>>(&self, channel: usize, y: usize, x: usize, beyond: U) -> U {
        let inside = y < self.height && x < self.width;
        if inside { self.at(channel, y, x).into() } else { beyond }
    }

    fn shape(&self) -> [usize; 3] {
        [self.count, self.height, self.width]
    }
}

/// How a kernel is moved over its input.
#[derive(Debug, Clone, Copy)]
struct Moves {
    padding: (usize, usize),
    strides: (usize, usize),
}

const PLAIN: Moves = Moves { padding: (0, 0), strides: (1, 1) };

impl Moves {
    fn attributes(self) -> [AttributeProto; 2] {
        let ((py, px), (sy, sx)) = (self.padding, self.strides);
        [ints("pads", &[py, px, py, px].map(side)), ints("strides", &[sy, sx].map(side))]
    }
}

/// Runs a convolution of the input with kernels that make one output channel each.
fn convolve(input: &Channels<f32>, kernels: &[&Channels<f32>], moves: Moves) -> Channels<f32> {
    run_one("Conv", input, kernels, &moves.attributes())
}

/// Runs a transposed convolution, whose kernels take one input channel each.
fn transpose(input: &Channels<f32>, kernels: &[&Channels<f32>], stride: usize) -> Channels<f32> {
    run_one("ConvTranspose", input, kernels, &[ints("strides", &[side(stride); 2])])
}

/// Runs a graph of one operator from `x` to `y`.
fn run_one(
    operator: &str,
    input: &Channels<f32>,
    kernels: &[&Channels<f32>],
    attributes: &[AttributeProto],
) -> Channels<f32> {
    let mut graph = Graph::default();
    graph.input("x", f32::TYPE, &[1, side(input.count), 0, 0]);
    graph.output("y", f32::TYPE, &[1, 0, 0, 0]);
    let mut inputs = vec!["x"];
    if let Some(first) = kernels.first() {
        let shape = [kernels.len(), first.count, first.height, first.width].map(side);
        let all: Vec<f32> = kernels.iter().flat_map(|kernel| kernel.samples.clone()).collect();
        graph.constant("kernels", &shape, &all);
        inputs.push("kernels");
    }
    graph.node(operator, "y", &inputs, attributes);
    run(graph, input)
}

/// Runs the graph as it stands and optimised, which must agree.
fn run<I: Datum + Copy, O: Datum + Copy + PartialEq>(
    graph: Graph,
    input: &Channels<I>,
) -> Channels<O> {
    let proto = graph.into_model();
    let answer = |optimise: bool| -> TractResult<Channels<O>> {
        let shape = [1, input.count, input.height, input.width];
        let fact = InferenceFact::dt_shape(I::datum_type(), shape);
        let model = tract_onnx::onnx().model_for_proto_model(&proto)?.with_input_fact(0, fact)?;
        let model = if optimise { model.into_optimized()? } else { model.into_typed()? };
        let input = Tensor::from_shape(&shape, &input.samples)?;
        let outputs: TVec<_> = model.into_runnable()?.run(tvec![input.into_tvalue()])?;
        let &[1, count, height, width] = outputs[0].shape() else {
            panic!("the output has shape {:?}", outputs[0].shape());
        };
        let samples = outputs[0].try_as_plain_ram()?.as_slice::<O>()?.to_vec();
        Ok(Channels { count, height, width, samples })
    };
    let (plain, optimised) =
        (answer(false).expect("runs as it stands"), answer(true).expect("runs optimised"));
    assert_eq!(plain, optimised, "optimising changes the answer");
    optimised
}

fn direct_convolution(
    input: &Channels<f32>,
    kernels: &[&Channels<f32>],
    moves: Moves,
) -> Channels<f32> {
    let ((py, px), (sy, sx)) = (moves.padding, moves.strides);
    let height = (input.height + 2 * py - kernels[0].height) / sy + 1;
    let width = (input.width + 2 * px - kernels[0].width) / sx + 1;
    Channels::from_fn((kernels.len(), height, width), |k, y, x| {
        let kernel = kernels[k];
        let product = |(c, dy, dx): (usize, usize, usize)| {
            // A place before the edge wraps to one far beyond it.
            let (y, x) = ((y * sy + dy).wrapping_sub(py), (x * sx + dx).wrapping_sub(px));
            input.at_or(c, y, x, 0.0) * kernel.at(c, dy, dx)
        };
        places(kernel).map(product).sum()
    })
}

fn direct_transposed(
    input: &Channels<f32>,
    kernels: &[&Channels<f32>],
    stride: usize,
) -> Channels<f32> {
    let kernel = kernels[0];
    let height = (input.height - 1) * stride + kernel.height;
    let width = (input.width - 1) * stride + kernel.width;
    let mut output = Channels::from_fn((kernel.count, height, width), |_, _, _| 0.0);
    for (c, y, x) in places(input) {
        for (k, dy, dx) in places(kernel) {
            let place = (k * height + y * stride + dy) * width + x * stride + dx;
            output.samples[place] += input.at(c, y, x) * kernels[c].at(k, dy, dx);
        }
    }
    output
}

/// All places of channel, row and column.
fn places<T>(channels: &Channels<T>) -> impl Iterator<Item = (usize, usize, usize)> + use<T> {
    let (count, height, width) = (channels.count, channels.height, channels.width);
    (0..count).flat_map(move |c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))))
}

fn parameters<T: Element>(graph: &mut Graph, name: &str, values: &[T]) -> String {
    let sides: &[i64] = if values.len() == 1 { &[] } else { &[side(values.len())] };
    graph.constant(name, sides, values)
}

fn side(side: usize) -> i64 {
    i64::try_from(side).expect("a small number")
}

/// A small whole number that differs from its neighbours; sums of such are exact in floats.
fn small(index: usize) -> f32 {
    f32::from(weight(index) / 10)
}

fn byte(index: usize) -> u8 {
    u8::try_from(index * 37 % 256).expect("a byte")
}

fn weight(index: usize) -> i8 {
    i8::try_from(i32::from(byte(index)) - 128).expect("a signed byte")
}
