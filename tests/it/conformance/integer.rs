//! Convolutions of integers, checked against arithmetic by hand.

use super::{Channels, Moves, byte, parameters, places, run, side, weight};
use crate::harness::{apply, trial};
use crate::onnx::{Element, Graph};

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

#[apply(trial)]
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

#[apply(trial)]
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
#[apply(trial)]
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
#[apply(trial)]
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn saturated(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}
