//! Every kernel gives the bits of the scalar one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use super::super::packed::{Addition, PackedLast, PackedLayer, PackedSlide, SIDE};
use super::super::weights::{GROUP, LANES};
use super::{Kernel, PADDING, Rows, SLACK, Scalar, Seen, available, row_bytes};
use crate::plan::network::{Convolution, Quantiser};

/// Bytes that are all random, or all at an end of their range.
fn extremes(random: Vec<u8>, kind: u8) -> Vec<u8> {
    let end = |byte: u8| if byte & 1 == 0 { 0 } else { 255 };
    match kind {
        0 => random,
        1 => random.into_iter().map(end).collect(),
        _ => vec![255; random.len()],
    }
}

/// A random convolution from and to so many channels; of kind 1 and 2 with the greatest weights
/// there are.
fn convolution([inputs, outputs]: [usize; 2], side: usize, seed: u64, kind: u8) -> Convolution {
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
        side,
        weights: (0..inputs * outputs * side * side)
            .map(|_| i8::try_from(weight(next())).expect("a weight"))
            .collect(),
        bias: (0..outputs).map(|_| next() % 100_000).collect(),
        scales: (0..outputs).map(|_| (next() % 1000) as f32 * 2e-6).collect(),
    }
}

/// Quantisers of input and output of a convolution.
fn ends(seed: u64) -> [Quantiser; 2] {
    let zero = if seed.is_multiple_of(2) { 0 } else { 128 };
    [Quantiser { zero, scale: 1.0 }, Quantiser { zero: 0, scale: 1.0 }]
}

/// A row of `length` bytes, others for every index.
fn row(noise: &[u8], index: usize, length: usize) -> Vec<u8> {
    noise.iter().cycle().skip(311 * index % noise.len()).take(length).copied().collect()
}

/// Checks that no kernel does what it is asked to without panicking.
#[track_caller]
fn check_refused(what: &str, run: impl Fn(&dyn Kernel)) {
    for kernel in available() {
        let refused = catch_unwind(AssertUnwindSafe(|| run(kernel))).is_err();
        assert!(refused, "{} takes {what}", kernel.name());
    }
}

/// Checks that every kernel writes what the scalar one writes, `length` bytes.
fn check(length: usize, room: usize, run: impl Fn(&dyn Kernel, &mut [u8])) {
    let written = |kernel: &dyn Kernel| {
        let mut out = vec![0; room];
        run(kernel, &mut out);
        out.truncate(length);
        out
    };
    let expected = written(&Scalar);
    for kernel in available() {
        assert!(written(kernel) == expected, "{} differs", kernel.name());
    }
}

proptest! {
    #[test]
    #[cfg_attr(miri, ignore = "too large, and Miri has only the scalar kernel")]
    fn heads_are_the_scalar_ones(
        (planes, outputs) in (1_usize..7, 1_usize..40), width in 1_usize..70, seed: u64,
        kind in 0_u8..3, half in 1_usize..4,
        noise in prop::collection::vec(any::<u8>(), 1009),
    ) {
        let side = 2 * half;
        let head = PackedSlide::head(&convolution([planes, outputs], side, seed, kind), ends(seed));
        let noise = extremes(noise, kind);
        let rows = (0..planes * side).map(|index| row(&noise, index, 2 * (width + SLACK)));
        let rows: Vec<_> = rows.collect();
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let pixel = head.weights.blocks * LANES;
        check(width * pixel, (width + SLACK) * pixel, |kernel, out| {
            kernel.slide(&head, Seen { rows: &rows, skip: &[] }, width, out);
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "too large, and Miri has only the scalar kernel")]
    fn ways_down_are_the_scalar_ones(
        (inputs, outputs) in (1_usize..40, 1_usize..40), width in 1_usize..70, seed: u64,
        kind in 0_u8..3,
        noise in prop::collection::vec(any::<u8>(), 1009),
    ) {
        let down = PackedSlide::down(&convolution([inputs, outputs], 2, seed, kind), ends(seed));
        let noise = extremes(noise, kind);
        let rows = [0, 1].map(|index| row(&noise, index, (width + SLACK) * down.step));
        let rows = [&rows[0][..], &rows[1][..]];
        let pixel = down.weights.blocks * LANES;
        check(width * pixel, (width + SLACK) * pixel, |kernel, out| {
            kernel.slide(&down, Seen { rows: &rows, skip: &[] }, width, out);
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "too large, and Miri has only the scalar kernel")]
    fn ways_up_are_the_scalar_ones(
        (inputs, channels) in (1_usize..40, 1_usize..40), width in 1_usize..70, seed: u64,
        kind in 0_u8..3, row_of_two in 0_usize..2,
        noise in prop::collection::vec(any::<u8>(), 1009),
    ) {
        let addition = Addition { branch: 0.37, skip: 0.81 };
        let convolution = convolution([inputs, 4 * channels], 1, seed, kind);
        let up = PackedSlide::up(&convolution, row_of_two, ends(seed), addition);
        let noise = extremes(noise, kind);
        let pixel = up.weights.blocks * LANES;
        let (below, skip) =
            (row(&noise, 0, (width + SLACK) * up.step), row(&noise, 1, (width + SLACK) * pixel));
        let seen = Seen { rows: &[&below], skip: &skip };
        check(width * pixel, (width + SLACK) * pixel, |kernel, out| {
            kernel.slide(&up, seen, width, out);
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "too large, and Miri has only the scalar kernel")]
    fn convolutions_are_the_scalar_ones(
        (inputs, outputs) in (1_usize..40, 1_usize..40), width in 1_usize..70, seed: u64,
        kind in 0_u8..3, is_addition: bool,
        noise in prop::collection::vec(any::<u8>(), 1009),
    ) {
        let addition = is_addition.then_some(Addition { branch: 0.37, skip: 0.81 });
        let outputs = if is_addition { inputs } else { outputs };
        let layer = PackedLayer::pack(&convolution([inputs, outputs], SIDE, seed, kind), ends(seed), addition);
        let noise = extremes(noise, kind);
        let rows = [0, 1, 2].map(|index| row(&noise, index, row_bytes(width, layer.in_blocks)));
        let rows = Rows([&rows[0], &rows[1], &rows[2]]);
        let pixel = layer.weights.blocks * LANES;
        let room = row_bytes(width, layer.weights.blocks) - PADDING * pixel;
        check(width * pixel, room, |kernel, out| kernel.convolve(&layer, rows, width, out));
    }

    #[test]
    #[cfg_attr(miri, ignore = "too large, and Miri has only the scalar kernel")]
    fn last_layers_are_the_scalar_ones(
        (inputs, outputs) in (1_usize..40, 1_usize..=GROUP), width in 1_usize..70, seed: u64,
        kind in 0_u8..3, zero: u8,
        noise in prop::collection::vec(any::<u8>(), 1009),
    ) {
        let convolution = convolution([inputs, outputs], SIDE, seed, kind);
        let last = PackedLast::pack(&convolution, ends(seed));
        let noise = extremes(noise, kind);
        let bytes = row_bytes(width, last.layer.in_blocks);
        let rows = [0, 1, 2].map(|index| row(&noise, index, bytes));
        let rows = Rows([&rows[0], &rows[1], &rows[2]]);
        check(4 * width, 4 * width, |kernel, out| {
            kernel.finish(&last, rows, zero, out.split_at_mut(2 * width).into());
        });
    }

    #[test]
    fn bytes_are_the_scalar_ones_real_numbers(
        bytes in prop::collection::vec(any::<u8>(), 0..100), scale in 0.001_f32..0.1, zero: u8,
    ) {
        let dequantised = |kernel: &dyn Kernel| {
            let mut samples = vec![0.0; bytes.len()];
            kernel.dequantise(Quantiser { zero, scale }, &bytes, &mut samples);
            samples
        };
        let expected = dequantised(&Scalar);
        for kernel in available() {
            prop_assert_eq!(dequantised(kernel), expected.clone(), "{}", kernel.name());
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

/// Rows for a width of 24 pixels of one block, which is whole tiles for every kernel.
const WIDTH: usize = 24;

#[test]
fn slides_of_too_short_rows_are_refused() {
    let head = PackedSlide::head(&convolution([2, 16], 6, 2, 0), ends(2));
    let enough = vec![0; 2 * (WIDTH + SLACK)];
    let run = |kernel: &dyn Kernel, rows: &[&[u8]], room: usize| {
        let seen = Seen { rows, skip: &[] };
        kernel.slide(&head, seen, WIDTH, &mut vec![0; room * LANES]);
    };
    for kernel in available() {
        run(kernel, &[enough.as_slice(); 12], WIDTH + SLACK);
    }
    check_refused("a row too few", |kernel| run(kernel, &[enough.as_slice(); 11], WIDTH + SLACK));
    check_refused("rows too short", |kernel| {
        run(kernel, &[&enough[..2 * WIDTH]; 12], WIDTH + SLACK);
    });
    check_refused("no room", |kernel| run(kernel, &[enough.as_slice(); 12], WIDTH - 1));
}

#[test]
fn slides_with_too_little_to_add_are_refused() {
    let addition = Addition { branch: 0.5, skip: 0.5 };
    let up = PackedSlide::up(&convolution([16, 64], 1, 2, 0), 0, ends(2), addition);
    let enough = vec![0; 2 * (WIDTH + SLACK) * LANES];
    let run = |kernel: &dyn Kernel, below: usize, skip: usize| {
        let seen = Seen { rows: &[&enough[..below]], skip: &enough[..skip] };
        kernel.slide(&up, seen, WIDTH, &mut vec![0; enough.len()]);
    };
    for kernel in available() {
        run(kernel, (WIDTH + SLACK) * LANES, enough.len());
    }
    check_refused("a row too short", |kernel| run(kernel, WIDTH * LANES - 1, enough.len()));
    check_refused("too little to add", |kernel| run(kernel, enough.len(), 2 * WIDTH * LANES - 1));
    check_refused("nothing to add", |kernel| run(kernel, enough.len(), 0));
}

#[test]
fn convolutions_of_too_short_rows_are_refused() {
    let pack = |[inputs, outputs]: [usize; 2], addition| {
        PackedLayer::pack(&convolution([inputs, outputs], SIDE, 2, 0), ends(2), addition)
    };
    let addition = Some(Addition { branch: 0.5, skip: 0.5 });
    let (layer, wider) = (pack([16, 16], addition), pack([16, 32], addition));
    let enough = vec![0; row_bytes(WIDTH, 1)];
    let run = |kernel: &dyn Kernel, layer: &PackedLayer, length: usize, room: usize| {
        let rows = Rows([&enough, &enough[..length], &enough]);
        kernel.convolve(layer, rows, WIDTH, &mut vec![0; room * LANES]);
    };
    for kernel in available() {
        run(kernel, &layer, enough.len(), WIDTH + SLACK);
    }
    check_refused("a row too short", |kernel| {
        run(kernel, &layer, (WIDTH + 1) * LANES, WIDTH + SLACK);
    });
    check_refused("no room", |kernel| run(kernel, &layer, enough.len(), WIDTH - 1));
    check_refused("more channels than are added", |kernel| {
        run(kernel, &wider, enough.len(), 2 * (WIDTH + SLACK));
    });
}

#[test]
fn last_layers_of_unlike_rows_are_refused() {
    let last = PackedLast::pack(&convolution([16, 4], SIDE, 2, 0), ends(2));
    let enough = vec![0; row_bytes(WIDTH, 1)];
    let run = |kernel: &dyn Kernel, length: usize, [top, bottom]: [usize; 2]| {
        let rows = Rows([&enough, &enough, &enough[..length]]);
        kernel.finish(&last, rows, 0, [&mut vec![0; top], &mut vec![0; bottom]]);
    };
    for kernel in available() {
        run(kernel, enough.len(), [2 * WIDTH; 2]);
        run(kernel, enough.len(), [0; 2]);
    }
    check_refused("a lower row too short", |kernel| {
        run(kernel, enough.len(), [2 * WIDTH, 2 * WIDTH - 2]);
    });
    check_refused("an upper row too short", |kernel| run(kernel, enough.len(), [2, 2 * WIDTH]));
    check_refused("half a pixel", |kernel| run(kernel, enough.len(), [2 * WIDTH + 1; 2]));
    check_refused("a row too short", |kernel| run(kernel, (WIDTH + 1) * LANES, [2 * WIDTH; 2]));
}

#[test]
fn bytes_and_samples_are_as_many() {
    let quantiser = Quantiser { zero: 0, scale: 1.0 };
    check_refused("more bytes than samples", |kernel| {
        kernel.quantise(quantiser, &[0.0; 15], &mut [0; 16]);
    });
    check_refused("more samples than bytes", |kernel| {
        kernel.dequantise(quantiser, &[0; 15], &mut [0.0; 16]);
    });
}
