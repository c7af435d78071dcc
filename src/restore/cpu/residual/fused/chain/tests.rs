//! A chain gives what its convolutions say, written down plainly, in one strip and in several.
//!
//! Small and portable: Miri runs this too, on less.

use super::super::kernels::available;
use super::*;
use crate::plan::network::Convolution;

const WIDTH: usize = if cfg!(miri) { 4 } else { 10 };
const HEIGHT: usize = if cfg!(miri) { 6 } else { 12 };
const PLANES: usize = 2;
const INPUT: Quantiser = Quantiser { zero: 100, scale: 0.01 };
const OUTPUT: Quantiser = Quantiser { zero: 90, scale: 0.02 };
/// Behind the head, behind the layer's ReLU and of its sum.
const RECTIFIED: [Quantiser; 3] = [scaled(0.5), scaled(0.6), scaled(1.0)];
const RESIDUAL: Addition = Addition { branch: 0.6, skip: 0.5 };

const fn scaled(scale: f32) -> Quantiser {
    Quantiser { zero: 0, scale }
}

/// Numbers without order below `below`.
fn scattered(index: usize, below: usize) -> i32 {
    let number = (index + 7) * (index + 7) * 2_654_435_761 % 1_000_003 % below;
    i32::try_from(number).expect("a small number")
}

fn convolution([inputs, outputs]: [usize; 2], side: usize, scale: f32) -> Convolution {
    let count = inputs * outputs * side * side;
    let weights = (0..count).map(|index| i8::try_from(scattered(index, 255) - 127));
    Convolution {
        inputs,
        outputs,
        side,
        weights: weights.map(|weight| weight.expect("a weight")).collect(),
        bias: (0..outputs).map(|index| scattered(index, 4000) - 1000).collect(),
        scales: (0..outputs).map(|index| (0.002 + 1e-4 * index as f32) * scale).collect(),
    }
}

/// A network whose head is of `side` rows and columns.
fn network(side: usize) -> Integers {
    let [head, rectified, sum] = RECTIFIED;
    let convolution = |channels, side, [input, output]: [Quantiser; 2]| {
        convolution(channels, side, output.scale / input.scale)
    };
    let body = convolution([5, 5], 3, [head, rectified]);
    Integers {
        input: INPUT,
        head: convolution([PLANES, 5], side, [INPUT, head]),
        rectified: head,
        layers: vec![network::Layer { convolution: body, rectified, sum: Some(sum) }],
        tail: convolution([5, 4], 3, [sum, OUTPUT]),
        output: OUTPUT,
    }
}

/// Bytes by channel, row and column; beyond them lies what means zero.
type Map = Vec<Vec<Vec<u8>>>;

fn planes() -> Map {
    let byte = |index: usize| u8::try_from(scattered(index, 256)).expect("a byte");
    let row = |start: usize| (start..start + WIDTH).map(byte).collect();
    let plane = |plane: usize| (0..HEIGHT).map(|y| row((plane * HEIGHT + y) * WIDTH)).collect();
    (0..PLANES).map(plane).collect()
}

/// The real results of a convolution, in steps of its output.
fn convolved(
    map: &Map,
    convolution: &Convolution,
    [input, output]: [Quantiser; 2],
    stride: usize,
) -> Vec<Vec<Vec<f32>>> {
    let (height, width) = (map[0].len(), map[0][0].len());
    let border = (convolution.side - 1) / 2;
    let zero = i32::from(input.zero);
    let at = |input: usize, y: usize, x: usize| -> i32 {
        let inside = (y >= border && x >= border).then(|| (y - border, x - border));
        let inside = inside.filter(|&(y, x)| y < height && x < width);
        inside.map_or(0, |(y, x)| i32::from(map[input][y][x]) - zero)
    };
    let sum = |output: usize, y: usize, x: usize| -> i32 {
        let mut sum = convolution.bias[output];
        for input in 0..convolution.inputs {
            for (row, column) in (0..convolution.side)
                .flat_map(|row| (0..convolution.side).map(move |column| (row, column)))
            {
                let weight = convolution.weight(output, input, [row, column]);
                sum += i32::from(weight) * at(input, stride * y + row, stride * x + column);
            }
        }
        sum
    };
    let multipliers = convolution.multipliers(input, output);
    let value = |output: usize, y, x| sum(output, y, x) as f32 * multipliers[output];
    let row = |output, y| (0..width / stride).map(|x| value(output, y, x)).collect();
    let channel = |output| (0..height / stride).map(|y| row(output, y)).collect();
    (0..convolution.outputs).map(channel).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn bytes(values: &[Vec<Vec<f32>>], zero: u8) -> Map {
    let byte = |value: &f32| (value.round_ties_even() + f32::from(zero)) as u8;
    let row = |row: &Vec<f32>| row.iter().map(byte).collect();
    values.iter().map(|channel| channel.iter().map(row).collect()).collect()
}

/// What the network answers, row by row.
fn plainly(network: &Integers) -> Vec<u8> {
    let [head, rectified, sum] = RECTIFIED;
    let a = bytes(&convolved(&planes(), &network.head, [INPUT, head], 2), 0);
    let body = &network.layers[0].convolution;
    let mut b = bytes(&convolved(&a, body, [head, rectified], 1), 0);
    for (branch, skip) in b.iter_mut().flatten().flatten().zip(a.iter().flatten().flatten()) {
        let sum = f32::from(*branch) * RESIDUAL.branch + f32::from(*skip) * RESIDUAL.skip;
        *branch = bytes(&[vec![vec![sum]]], 0)[0][0][0];
    }
    let f = bytes(&convolved(&b, &network.tail, [sum, OUTPUT], 1), OUTPUT.zero);
    let sample = |at: usize| {
        let (y, x) = (at / WIDTH, at % WIDTH);
        f[y % 2 * 2 + x % 2][y / 2][x / 2]
    };
    (0..WIDTH * HEIGHT).map(sample).collect()
}

/// The same by the chain, in strips of `own` rows of half the height.
fn in_strips(chain: &Chain, kernel: &dyn Kernel, own: usize) -> Vec<u8> {
    let (halo, rows, planes) = (4, HEIGHT / 2, planes());
    let strip = |start: usize| {
        let (first, end) = (start.saturating_sub(halo), (start + own).min(rows));
        let last = (end + halo).min(rows);
        let strip = Strip { seen: last - first, above: start - first, own: end - start };
        let mut z = vec![INPUT.zero; PLANES * 2 * strip.seen * input_bytes(WIDTH)];
        let seen = planes.iter().flat_map(|plane| &plane[2 * first..2 * last]);
        for (row, target) in seen.zip(z.chunks_exact_mut(input_bytes(WIDTH))) {
            let real = |&byte: &u8| (f32::from(byte) - f32::from(INPUT.zero)) * INPUT.scale;
            chain.load(kernel, &row.iter().map(real).collect::<Vec<_>>(), WIDTH, target);
        }
        let mut f = vec![0; 2 * strip.own * WIDTH];
        chain.run(kernel, &z, &mut f, &mut Scratch::new(chain, WIDTH, strip));
        f
    };
    (0..rows).step_by(own).flat_map(strip).collect()
}

#[test]
fn a_chain_is_its_convolutions() {
    for side in [4, 6] {
        let network = network(side);
        let (chain, expected) = (Chain::pack(&network), plainly(&network));
        assert!(expected.iter().any(|&byte| byte != expected[0]), "all the same");
        for kernel in available() {
            for own in [2, HEIGHT / 2] {
                let is = in_strips(&chain, kernel, own);
                assert_eq!(is, expected, "{}, window of {side}, {own} rows", kernel.name());
            }
        }
    }
}
