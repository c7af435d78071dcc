//! The inference runtime does what ONNX says: the worked examples of a course on convolutional
//! networks, and direct loops for the rest. Each tiny graph runs twice, as it stands in the file
//! and as the runtime optimises it.

use libtest_mimic::Trial;
use tract_onnx::pb::AttributeProto;
use tract_onnx::prelude::{
    Datum, Framework, InferenceFact, InferenceModelExt, IntoRunnable, IntoTValue, TVec, Tensor,
    TractResult, tvec,
};

use crate::onnx::{Element, Graph, ints};
use crate::support::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("conformance::cross_correlation", cross_correlation),
        trial("conformance::zero_padding", zero_padding),
        trial("conformance::strides", strides),
        trial("conformance::edges", edges),
        trial("conformance::input_channels", input_channels),
        trial("conformance::output_channels", output_channels),
        trial("conformance::pooling", pooling),
        trial("conformance::transposed_convolution", transposed_convolution),
        trial("conformance::activations", activations),
        trial("conformance::output_sizes", output_sizes),
        trial("conformance::integer_convolution", integer_convolution),
        trial("conformance::quantised_convolution", quantised_convolution),
        trial("conformance::convolution_between_quantisations", convolution_between_quantisations),
        trial("conformance::rounding_and_saturation", rounding_and_saturation),
    ]
}

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

/// The example's input and kernel.
fn example() -> (Channels<f32>, Channels<f32>) {
    (
        Channels::of(&[&[&[0.0, 1.0, 2.0], &[3.0, 4.0, 5.0], &[6.0, 7.0, 8.0]]]),
        Channels::of(&[&[&[0.0, 1.0], &[2.0, 3.0]]]),
    )
}

fn cross_correlation() {
    let (input, kernel) = example();
    let is = convolve(&input, &[&kernel], PLAIN);
    assert_eq!(is, Channels::of(&[&[&[19.0, 25.0], &[37.0, 43.0]]]), "cross-correlation");
}

fn zero_padding() {
    let (input, kernel) = example();
    let is = convolve(&input, &[&kernel], Moves { padding: (1, 1), ..PLAIN });
    let expected = Channels::of(&[&[
        &[0.0, 3.0, 8.0, 4.0],
        &[9.0, 19.0, 25.0, 10.0],
        &[21.0, 37.0, 43.0, 16.0],
        &[6.0, 7.0, 8.0, 0.0],
    ]]);
    assert_eq!(is, expected, "one ring of zeros");
}

/// Strides 3 and 2 (height and width) over the padded input.
fn strides() {
    let (input, kernel) = example();
    let moves = Moves { padding: (1, 1), strides: (3, 2) };
    let is = convolve(&input, &[&kernel], moves);
    assert_eq!(is, Channels::of(&[&[&[0.0, 8.0], &[6.0, 8.0]]]), "the worked example");
    assert_eq!(is, direct_convolution(&input, &[&kernel], moves), "a direct loop");
}

/// A kernel that sees vertical edges: 1 from bright to dark, -1 from dark to bright, and blind to
/// horizontal ones.
fn edges() {
    let image = Channels::from_fn((1, 6, 8), |_, _, x| if (2..6).contains(&x) { 0.0 } else { 1.0 });
    let kernel = Channels::of(&[&[&[1.0, -1.0]]]);
    let row: &[f32] = &[0.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0];
    assert_eq!(convolve(&image, &[&kernel], PLAIN), Channels::of(&[&[row; 6]]), "edges");
    let turned = Channels::from_fn((1, 8, 6), |_, y, x| image.at(0, x, y));
    let silent = Channels::from_fn((1, 8, 5), |_, _, _| 0.0);
    assert_eq!(convolve(&turned, &[&kernel], PLAIN), silent, "edges along the kernel");
}

/// The example with a second channel.
fn two_channels() -> (Channels<f32>, Channels<f32>) {
    (
        Channels::of(&[
            &[&[0.0, 1.0, 2.0], &[3.0, 4.0, 5.0], &[6.0, 7.0, 8.0]],
            &[&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], &[7.0, 8.0, 9.0]],
        ]),
        Channels::of(&[&[&[0.0, 1.0], &[2.0, 3.0]], &[&[1.0, 2.0], &[3.0, 4.0]]]),
    )
}

fn input_channels() {
    let (input, kernel) = two_channels();
    let is = convolve(&input, &[&kernel], PLAIN);
    assert_eq!(is, Channels::of(&[&[&[56.0, 72.0], &[104.0, 120.0]]]), "two input channels");
}

fn output_channels() {
    let (input, kernel) = two_channels();
    let plus = |by: f32| {
        let samples = kernel.samples.iter().map(|weight| weight + by).collect();
        Channels { samples, ..kernel.clone() }
    };
    let is = convolve(&input, &[&kernel, &plus(1.0), &plus(2.0)], PLAIN);
    let expected = Channels::of(&[
        &[&[56.0, 72.0], &[104.0, 120.0]],
        &[&[76.0, 100.0], &[148.0, 172.0]],
        &[&[96.0, 128.0], &[192.0, 224.0]],
    ]);
    assert_eq!(is, expected, "kernels K, K+1, K+2");
}

fn pooling() {
    let (input, _) = example();
    let window = ints("kernel_shape", &[2, 2]);
    let pool = |operator| run_one(operator, &input, &[], std::slice::from_ref(&window));
    assert_eq!(pool("MaxPool"), Channels::of(&[&[&[4.0, 5.0], &[7.0, 8.0]]]), "maximum");
    assert_eq!(pool("AveragePool"), Channels::of(&[&[&[2.0, 3.0], &[5.0, 6.0]]]), "average");
}

fn transposed_convolution() {
    let input = Channels::of(&[&[&[0.0, 1.0], &[2.0, 3.0]]]);
    let is = transpose(&input, &[&input], 1);
    let expected = Channels::of(&[&[&[0.0, 0.0, 1.0], &[0.0, 4.0, 6.0], &[4.0, 12.0, 9.0]]]);
    assert_eq!(is, expected, "stride 1");
    let is = transpose(&input, &[&input], 2);
    let expected = Channels::of(&[&[
        &[0.0, 0.0, 0.0, 1.0],
        &[0.0, 0.0, 2.0, 3.0],
        &[0.0, 2.0, 0.0, 3.0],
        &[4.0, 6.0, 6.0, 9.0],
    ]]);
    assert_eq!(is, expected, "stride 2");
    for stride in [1, 2] {
        for (height, width, kernel_side) in [(1, 1, 2), (3, 5, 2), (4, 3, 3), (6, 2, 4)] {
            let input = Channels::from_fn((2, height, width), |c, y, x| small(31 * c + 7 * y + x));
            let kernels: Vec<Channels<f32>> = (0..2)
                .map(|k| {
                    let shape = (3, kernel_side, kernel_side);
                    Channels::from_fn(shape, |c, y, x| small(11 * k + 5 * c + 3 * y + x))
                })
                .collect();
            let kernels: Vec<&Channels<f32>> = kernels.iter().collect();
            let expected = direct_transposed(&input, &kernels, stride);
            assert_eq!(transpose(&input, &kernels, stride), expected, "stride {stride}");
        }
    }
}

fn activations() {
    let values: Vec<f32> = (-80..=80_i8).map(|step| f32::from(step) / 10.0).collect();
    check_activation("Relu", &values, 0.0, |x| x.max(0.0));
    check_activation("Sigmoid", &values, 1e-6, |x| 1.0 / (1.0 + (-x).exp()));
    check_activation("Tanh", &values, 1e-6, f64::tanh);
}

#[track_caller]
fn check_activation(operator: &str, values: &[f32], tolerance: f64, expected: fn(f64) -> f64) {
    let input = Channels { count: 1, height: 1, width: values.len(), samples: values.to_vec() };
    let is = run_one(operator, &input, &[], &[]);
    for (x, y) in values.iter().zip(is.samples) {
        let difference = (f64::from(y) - expected(f64::from(*x))).abs();
        assert!(difference <= tolerance, "{operator}({x}) is {y}");
    }
}

/// `floor((n - k + 2 p + s) / s)` samples, in both directions, with the samples of a direct loop.
fn output_sizes() {
    for (height, width) in [(1, 1), (4, 7), (8, 5), (11, 9)] {
        let input = Channels::from_fn((1, height, width), |_, y, x| small(5 * y + 3 * x));
        for (kernel_height, kernel_width) in [(1, 1), (2, 3), (3, 2), (5, 5)] {
            let shape = (1, kernel_height, kernel_width);
            let kernel = Channels::from_fn(shape, |_, y, x| small(2 * y + x + 1));
            for padding in [(0, 0), (1, 1), (2, 1)] {
                for strides in [(1, 1), (2, 2), (3, 2)] {
                    let fits = height + 2 * padding.0 >= kernel_height
                        && width + 2 * padding.1 >= kernel_width;
                    if fits {
                        check_output_size(&input, &kernel, Moves { padding, strides });
                    }
                }
            }
        }
    }
}

#[track_caller]
fn check_output_size(input: &Channels<f32>, kernel: &Channels<f32>, moves: Moves) {
    let is = convolve(input, &[kernel], moves);
    let size = |n: usize, k: usize, p: usize, s: usize| (n + 2 * p + s - k) / s;
    let height = size(input.height, kernel.height, moves.padding.0, moves.strides.0);
    let width = size(input.width, kernel.width, moves.padding.1, moves.strides.1);
    assert_eq!(is.shape(), [1, height, width], "{moves:?} of {:?}", input.shape());
    assert_eq!(is, direct_convolution(input, &[kernel], moves), "{moves:?}");
}

/// Bytes, signed weights and zero points, as the shipped models have them.
struct Integers {
    input: Channels<u8>,
    kernels: Vec<Channels<i8>>,
    zero_point: u8,
}

const INT8_MOVES: Moves = Moves { padding: (1, 1), strides: (1, 1) };

impl Integers {
    fn new(zero_point: u8) -> Self {
        let input = Channels::from_fn((2, 5, 6), |c, y, x| byte(97 * c + 41 * y + 67 * x));
        let kernel = |k: usize| {
            Channels::from_fn((2, 3, 3), |c, y, x| weight(59 * k + 83 * c + 29 * y + 31 * x))
        };
        Self { input, kernels: (0..3).map(kernel).collect(), zero_point }
    }

    /// The sums of products that 32-bit accumulators hold. The ring of padding is the zero point.
    fn sums(&self) -> Channels<i32> {
        let zero = i32::from(self.zero_point);
        let (height, width) = (self.input.height, self.input.width);
        Channels::from_fn((self.kernels.len(), height, width), |k, y, x| {
            let kernel = &self.kernels[k];
            let mut sum = 0;
            for (c, dy, dx) in places(kernel) {
                let (y, x) = ((y + dy).wrapping_sub(1), (x + dx).wrapping_sub(1));
                let sample = self.input.at_or(c, y, x, zero) - zero;
                sum += sample * i32::from(kernel.at(c, dy, dx));
            }
            sum
        })
    }

    fn weights(&self, graph: &mut Graph) -> String {
        let all: Vec<i8> = self.kernels.iter().flat_map(|k| k.samples.clone()).collect();
        graph.constant("weights", &[side(self.kernels.len()), 2, 3, 3], &all)
    }
}

fn integer_convolution() {
    for zero_point in [0, 128, 7] {
        let integers = Integers::new(zero_point);
        let mut graph = Graph::default();
        graph.input("x", u8::TYPE, &[1, 2, 5, 6]);
        graph.output("y", i32::TYPE, &[1, 3, 5, 6]);
        let weights = integers.weights(&mut graph);
        let zero = graph.constant("zero", &[], &[zero_point]);
        graph.node("ConvInteger", "y", &["x", &weights, &zero], &INT8_MOVES.attributes());
        let is: Channels<i32> = run(graph, &integers.input);
        assert_eq!(is, integers.sums(), "zero point {zero_point}");
    }
}

/// Scales of weights: one for all, or one an output channel. All are powers of two, so that the
/// expected values are exact.
const SCALES: [&[f32]; 2] = [&[0.0625], &[0.0625, 0.03125, 0.125]];
const INPUT_SCALE: f32 = 0.25;
const OUTPUT_SCALE: f32 = 8.0;
const OUTPUT_ZERO: u8 = 100;
const BIASES: [i32; 3] = [0, 700, -1500];

fn quantised_convolution() {
    for scales in SCALES {
        let integers = Integers::new(128);
        let mut graph = Graph::default();
        graph.input("x", u8::TYPE, &[1, 2, 5, 6]);
        graph.output("y", u8::TYPE, &[1, 3, 5, 6]);
        let weights = integers.weights(&mut graph);
        let inputs = [
            "x".to_owned(),
            graph.constant("x/scale", &[], &[INPUT_SCALE]),
            graph.constant("x/zero", &[], &[128_u8]),
            weights,
            parameters(&mut graph, "weights/scale", scales),
            parameters(&mut graph, "weights/zero", &vec![0_i8; scales.len()]),
            graph.constant("y/scale", &[], &[OUTPUT_SCALE]),
            graph.constant("y/zero", &[], &[OUTPUT_ZERO]),
            graph.constant("bias", &[3], &BIASES),
        ];
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        graph.node("QLinearConv", "y", &inputs, &INT8_MOVES.attributes());
        check_requantised(&run(graph, &integers.input), &integers, scales);
    }
}

/// The form of the shipped models: a convolution of floats between pairs of quantisations. With
/// scales that are powers of two every sum is exact in floats, too.
fn convolution_between_quantisations() {
    for scales in SCALES {
        let integers = Integers::new(128);
        let mut graph = Graph::default();
        graph.input("x", u8::TYPE, &[1, 2, 5, 6]);
        graph.output("y", u8::TYPE, &[1, 3, 5, 6]);
        let input_scale = graph.constant("x/scale", &[], &[INPUT_SCALE]);
        let input_zero = graph.constant("x/zero", &[], &[128_u8]);
        let z = graph.node("DequantizeLinear", "z", &["x", &input_scale, &input_zero], &[]);
        let weights = integers.weights(&mut graph);
        let axis = [crate::onnx::int("axis", 0)];
        let weight_scale = parameters(&mut graph, "weights/scale", scales);
        let weight_zero = parameters(&mut graph, "weights/zero", &vec![0_i8; scales.len()]);
        let weights =
            graph.node("DequantizeLinear", "w", &[&weights, &weight_scale, &weight_zero], &axis);
        let units: Vec<f32> =
            (0..3).map(|k| INPUT_SCALE * scales[k.min(scales.len() - 1)]).collect();
        let bias = graph.constant("bias", &[3], &BIASES);
        let bias_scale = graph.constant("bias/scale", &[3], &units);
        let bias_zero = graph.constant("bias/zero", &[3], &[0_i32; 3]);
        let bias = graph.node("DequantizeLinear", "b", &[&bias, &bias_scale, &bias_zero], &axis);
        let sum = graph.node("Conv", "sum", &[&z, &weights, &bias], &INT8_MOVES.attributes());
        let output_scale = graph.constant("y/scale", &[], &[OUTPUT_SCALE]);
        let output_zero = graph.constant("y/zero", &[], &[OUTPUT_ZERO]);
        graph.node("QuantizeLinear", "y", &[&sum, &output_scale, &output_zero], &[]);
        check_requantised(&run(graph, &integers.input), &integers, scales);
    }
}

/// `saturate(round(sum * input scale * weight scale / output scale) + zero point)`.
#[track_caller]
fn check_requantised(is: &Channels<u8>, integers: &Integers, scales: &[f32]) {
    let sums = integers.sums();
    let expected = Channels::from_fn((3, 5, 6), |k, y, x| {
        let unit = INPUT_SCALE * scales[k.min(scales.len() - 1)];
        let sum = f64::from(sums.at(k, y, x) + BIASES[k]) * f64::from(unit);
        saturated((sum / f64::from(OUTPUT_SCALE)).round_ties_even() + f64::from(OUTPUT_ZERO))
    });
    let distinct = expected.samples.iter().collect::<std::collections::HashSet<_>>().len();
    assert!(distinct > 20, "the example says too little: {distinct} values");
    assert_eq!(*is, expected, "scales {scales:?}");
}

/// Halves go to the even neighbour, and what a byte cannot hold stays at its ends.
fn rounding_and_saturation() {
    let values: Vec<f32> = (-600..=600_i16).map(|step| f32::from(step) / 4.0).collect();
    let input = Channels { count: 1, height: 1, width: values.len(), samples: values.clone() };
    let mut graph = Graph::default();
    graph.input("x", f32::TYPE, &[1, 1, 1, side(values.len())]);
    graph.output("y", u8::TYPE, &[1, 1, 1, side(values.len())]);
    let scale = graph.constant("scale", &[], &[0.5_f32]);
    let zero = graph.constant("zero", &[], &[128_u8]);
    graph.node("QuantizeLinear", "y", &["x", &scale, &zero], &[]);
    let is: Channels<u8> = run(graph, &input);
    let expected = |x: &f32| saturated((f64::from(*x) / 0.5).round_ties_even() + 128.0);
    assert_eq!(is.samples, values.iter().map(expected).collect::<Vec<u8>>(), "quantisation");
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn saturated(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}
