//! A chain gives what its convolutions say, written down plainly, in one strip and in several.
//!
//! Small and portable: Miri runs this too, on less.

use super::super::kernels::available;
use super::*;
use crate::plan::network::Convolution;

const WIDTH: usize = if cfg!(miri) { 4 } else { 12 };
const HEIGHT: usize = if cfg!(miri) { 8 } else { 24 };
/// The second of them is the same all over.
const PLANES: usize = 3;
const INPUT: Quantiser = Quantiser { zero: 100, scale: 0.01 };
const OUTPUT: Quantiser = Quantiser { zero: 90, scale: 0.02 };
const CONSTANT: u8 = 170;
/// Behind the head, behind a layer's ReLU and of its sum.
const HEAD: Quantiser = scaled(0.5);
const BRANCH: Quantiser = scaled(0.6);
const SUM: Quantiser = scaled(1.0);
/// Behind the way down, and behind the way up and its shuffle.
const DOWN: Quantiser = scaled(0.7);
const UP: Quantiser = scaled(0.8);

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

/// A layer with an addition behind bytes of `input`.
fn layer(channels: usize, input: Quantiser) -> network::Layer {
    let convolution = convolution([channels, channels], 3, BRANCH.scale / input.scale);
    network::Layer { convolution, rectified: BRANCH, sum: Some(SUM) }
}

/// A network whose head is of `side` rows and columns, with so many layers in its coarse branch.
fn network(side: usize, coarse: Option<usize>) -> Integers {
    let scaled = |channels, side, [input, output]: [Quantiser; 2]| {
        convolution(channels, side, output.scale / input.scale)
    };
    let coarse = coarse.map(|count| Coarse {
        down: scaled([5, 6], 2, [HEAD, DOWN]),
        rectified: DOWN,
        layers: (0..count).map(|at| layer(6, if at == 0 { DOWN } else { SUM })).collect(),
        up: scaled([6, 20], 1, [if count == 0 { DOWN } else { SUM }, UP]),
        shuffled: UP,
        sum: SUM,
    });
    let before = if coarse.is_some() { SUM } else { HEAD };
    Integers {
        input: INPUT,
        head: scaled([PLANES, 5], side, [INPUT, HEAD]),
        rectified: HEAD,
        coarse,
        layers: vec![layer(5, before)],
        tail: scaled([5, 4], 3, [SUM, OUTPUT]),
        output: OUTPUT,
    }
}

/// Bytes by channel, row and column; beyond them lies what means zero.
type Map = Vec<Vec<Vec<u8>>>;

fn planes() -> Map {
    let byte = |index: usize| u8::try_from(scattered(index, 256)).expect("a byte");
    let row = |start: usize| (start..start + WIDTH).map(byte).collect();
    let plane = |plane: usize| (0..HEIGHT).map(|y| row((plane * HEIGHT + y) * WIDTH)).collect();
    let constant = vec![vec![CONSTANT; WIDTH]; HEIGHT];
    (0..PLANES).map(|at| if at == 1 { constant.clone() } else { plane(at) }).collect()
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

/// A convolution with its ReLU, from bytes of one quantiser to bytes of another.
fn rectified(map: &Map, convolution: &Convolution, ends: [Quantiser; 2], stride: usize) -> Map {
    bytes(&convolved(map, convolution, ends, stride), 0)
}

/// The sum of two maps.
fn added(branch: &Map, skip: &Map, [of_branch, of_skip, sum]: [Quantiser; 3]) -> Map {
    let factors = [of_branch.scale / sum.scale, of_skip.scale / sum.scale];
    let sample = |(&branch, &skip): (&u8, &u8)| {
        f32::from(branch) * factors[0] + f32::from(skip) * factors[1]
    };
    let row = |(a, b): (&Vec<u8>, &Vec<u8>)| a.iter().zip(b).map(sample).collect();
    let channel = |(a, b): (&Vec<Vec<u8>>, &Vec<Vec<u8>>)| a.iter().zip(b).map(row).collect();
    bytes(&branch.iter().zip(skip).map(channel).collect::<Vec<_>>(), 0)
}

/// Bytes behind layers, and what they mean.
fn through(layers: &[network::Layer], map: Map, quantiser: Quantiser) -> (Map, Quantiser) {
    layers.iter().fold((map, quantiser), |(map, before), layer| {
        let branch = rectified(&map, &layer.convolution, [before, layer.rectified], 1);
        let sum = layer.sum.expect("an addition");
        (added(&branch, &map, [layer.rectified, before, sum]), sum)
    })
}

/// Four channels as the pixels of twice as many rows and columns.
fn shuffled(map: &Map) -> Map {
    let (height, width) = (map[0].len(), map[0][0].len());
    let at = |c: usize, y: usize, x: usize| map[4 * c + y % 2 * 2 + x % 2][y / 2][x / 2];
    let row = |c, y| (0..2 * width).map(|x| at(c, y, x)).collect();
    (0..map.len() / 4).map(|c| (0..2 * height).map(|y| row(c, y)).collect()).collect()
}

/// What the network answers, row by row.
fn plainly(network: &Integers) -> Vec<u8> {
    let mut a = rectified(&planes(), &network.head, [INPUT, HEAD], 2);
    let mut before = HEAD;
    if let Some(Coarse { down, layers, up, .. }) = &network.coarse {
        let below = rectified(&a, down, [HEAD, DOWN], 2);
        let (below, of_below) = through(layers, below, DOWN);
        let branch = shuffled(&rectified(&below, up, [of_below, UP], 1));
        (a, before) = (added(&branch, &a, [UP, HEAD, SUM]), SUM);
    }
    let (a, before) = through(&network.layers, a, before);
    let f = bytes(&convolved(&a, &network.tail, [before, OUTPUT], 1), OUTPUT.zero);
    shuffled(&f).concat().concat()
}

/// The same by the chain, in strips of `own` rows of half the height.
fn in_strips(chain: &Chain, kernel: &dyn Kernel, own: usize) -> Vec<u8> {
    let (halo, rows, planes) = (10, HEIGHT / 2, planes());
    let varying = || planes.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, plane)| plane);
    let strip = |start: usize| {
        let (first, end) = (start.saturating_sub(halo), (start + own).min(rows));
        let last = (end + halo).min(rows);
        let strip = Strip { seen: last - first, above: start - first, own: end - start };
        let mut z = vec![INPUT.zero; chain.varying() * 2 * strip.seen * input_bytes(WIDTH)];
        let seen = varying().flat_map(|plane| &plane[2 * first..2 * last]);
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
    let value = (f32::from(CONSTANT) - f32::from(INPUT.zero)) * INPUT.scale;
    let constants = [None, Some(value)];
    for (side, coarse) in [(2, None), (4, Some(0)), (4, Some(1)), (6, Some(3)), (6, None)] {
        let network = network(side, coarse);
        let expected = plainly(&network);
        assert!(expected.iter().any(|&byte| byte != expected[0]), "all the same");
        for kernel in available() {
            let chain = Chain::pack(&network, &constants, kernel);
            for own in [2, HEIGHT / 4, HEIGHT / 2] {
                let is = in_strips(&chain, kernel, own);
                let of = format!("{}, window of {side}, {coarse:?}, {own} rows", kernel.name());
                assert_eq!(is, expected, "{of}");
            }
        }
    }
}
