//! Every kernel gives the bits of the scalar one.

use proptest::prelude::*;

use super::super::layer::{Convolution, GROUP, LANES, Layer, Residual, SIDE};
use super::Kernel;
use super::{PADDING, Quantiser, Rows, Scalar, available, row_bytes};

/// Bytes that are all random, or all at an end of their range.
fn extremes(random: Vec<u8>, kind: u8) -> Vec<u8> {
    let end = |byte: u8| if byte & 1 == 0 { 0 } else { 255 };
    match kind {
        0 => random,
        1 => random.into_iter().map(end).collect(),
        _ => vec![255; random.len()],
    }
}

/// A random convolution; of kind 1 and 2 with the greatest weights there are.
fn convolution(inputs: usize, outputs: usize, seed: u64, kind: u8) -> Convolution {
    let mut state = seed | 1;
    let mut next = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i32
    };
    let weight = |random: i32| match kind {
        0 => random % 128,
        1 => 127 * (random % 2 * 2 - 1).signum(),
        _ => 127,
    };
    Convolution {
        inputs,
        outputs,
        weights: (0..inputs * outputs * SIDE * SIDE)
            .map(|_| i8::try_from(weight(next())).expect("a weight"))
            .collect(),
        bias: (0..outputs).map(|_| next() % 100_000).collect(),
        multiplier: (0..outputs).map(|_| (next() % 1000) as f32 * 2e-6).collect(),
        input_zero: if seed.is_multiple_of(2) { 0 } else { 128 },
    }
}

proptest! {
    #[test]
    fn convolutions_are_the_scalar_ones(
        (inputs, outputs) in (1_usize..40, 1_usize..40), width in 1_usize..70, seed: u64,
        kind in 0_u8..3, is_residual: bool,
        noise in prop::collection::vec(any::<u8>(), 1009),
    ) {
        let residual = is_residual.then_some(Residual { branch: 0.37, skip: 0.81 });
        let outputs = if is_residual { inputs } else { outputs };
        let layer = Layer::pack(&convolution(inputs, outputs, seed, kind), residual);
        let noise = extremes(noise, kind);
        let row = |shift: usize| -> Vec<u8> {
            noise.iter().cycle().skip(shift).take(row_bytes(width, layer.in_blocks)).copied().collect()
        };
        let rows = [row(0), row(311), row(622)];
        let rows = Rows([&rows[0], &rows[1], &rows[2]]);
        let convolved = |kernel: &dyn Kernel| {
            let mut out = vec![0; row_bytes(width, layer.out_blocks) - PADDING * layer.out_blocks * LANES];
            kernel.convolve(&layer, rows, width, &mut out);
            out.truncate(width * layer.out_blocks * LANES);
            out
        };
        let expected = convolved(&Scalar);
        for kernel in available() {
            prop_assert!(convolved(kernel) == expected, "{} differs", kernel.name());
        }
        if outputs <= GROUP {
            let finished = |kernel: &dyn Kernel| {
                let (mut top, mut bottom) = (vec![0.0; 2 * width], vec![0.0; 2 * width]);
                let output = Quantiser { zero: 128, scale: 0.0037 };
                kernel.finish(&layer, rows, output, [&mut top, &mut bottom]);
                [top, bottom].concat()
            };
            let expected = finished(&Scalar);
            for kernel in available() {
                prop_assert!(finished(kernel) == expected, "{} differs", kernel.name());
            }
        }
    }

    #[test]
    fn quantised_samples_are_the_scalar_ones(
        samples in prop::collection::vec(prop_oneof![-2.0_f32..2.0, any::<f32>()], 0..100),
        scale in 0.001_f32..0.1, zero: u8,
    ) {
        let quantised = |kernel: &dyn Kernel| {
            let mut bytes = vec![0; samples.len()];
            kernel.quantise(Quantiser { zero, scale }, &samples, &mut bytes);
            bytes
        };
        let expected = quantised(&Scalar);
        for kernel in available() {
            prop_assert_eq!(quantised(kernel), expected.clone(), "{}", kernel.name());
        }
    }
}
