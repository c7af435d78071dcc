//! Convolutions, pooling and activations of real numbers.

use super::{
    Channels, Moves, PLAIN, convolve, direct_convolution, direct_transposed, run_one, small,
    transpose,
};
use crate::harness::{apply, trial};
use crate::onnx::ints;

/// The example's input and kernel.
fn example() -> (Channels<f32>, Channels<f32>) {
    (
        Channels::of(&[&[&[0.0, 1.0, 2.0], &[3.0, 4.0, 5.0], &[6.0, 7.0, 8.0]]]),
        Channels::of(&[&[&[0.0, 1.0], &[2.0, 3.0]]]),
    )
}

#[apply(trial)]
fn cross_correlation() {
    let (input, kernel) = example();
    let is = convolve(&input, &[&kernel], PLAIN);
    assert_eq!(is, Channels::of(&[&[&[19.0, 25.0], &[37.0, 43.0]]]), "cross-correlation");
}

#[apply(trial)]
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
#[apply(trial)]
fn strides() {
    let (input, kernel) = example();
    let moves = Moves { padding: (1, 1), strides: (3, 2) };
    let is = convolve(&input, &[&kernel], moves);
    assert_eq!(is, Channels::of(&[&[&[0.0, 8.0], &[6.0, 8.0]]]), "the worked example");
    assert_eq!(is, direct_convolution(&input, &[&kernel], moves), "a direct loop");
}

/// A kernel that sees vertical edges: 1 from bright to dark, -1 from dark to bright, and blind to
/// horizontal ones.
#[apply(trial)]
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

#[apply(trial)]
fn input_channels() {
    let (input, kernel) = two_channels();
    let is = convolve(&input, &[&kernel], PLAIN);
    assert_eq!(is, Channels::of(&[&[&[56.0, 72.0], &[104.0, 120.0]]]), "two input channels");
}

#[apply(trial)]
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

#[apply(trial)]
fn pooling() {
    let (input, _) = example();
    let window = ints("kernel_shape", &[2, 2]);
    let pool = |operator| run_one(operator, &input, &[], std::slice::from_ref(&window));
    assert_eq!(pool("MaxPool"), Channels::of(&[&[&[4.0, 5.0], &[7.0, 8.0]]]), "maximum");
    assert_eq!(pool("AveragePool"), Channels::of(&[&[&[2.0, 3.0], &[5.0, 6.0]]]), "average");
}

#[apply(trial)]
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

#[apply(trial)]
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
#[apply(trial)]
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
