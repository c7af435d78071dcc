//! Mosaics: against convolutions written out, and against what theory says of them.

use deblurd::frame::{Extent, Layout, Picture, Plane};
use deblurd::optics::Transfer;
use deblurd::source::unpack::{Demosaic, Memory, PixelFormat, UnpackOptions, Unpacker};
use proptest::prelude::*;

use super::{check_property, unpack};
use crate::harness::{apply, trial};

/// Code, bits, and the colours of a cell of two by two: 0 red, 1 green, 2 blue.
type Kind = (&'static [u8; 4], u8, [[usize; 2]; 2]);

const RGGB: [[usize; 2]; 2] = [[0, 1], [1, 2]];
const GRBG: [[usize; 2]; 2] = [[1, 0], [2, 1]];
const GBRG: [[usize; 2]; 2] = [[1, 2], [0, 1]];
const BGGR: [[usize; 2]; 2] = [[2, 1], [1, 0]];

const KINDS: [Kind; 16] = [
    (b"RGGB", 8, RGGB),
    (b"GRBG", 8, GRBG),
    (b"GBRG", 8, GBRG),
    (b"BA81", 8, BGGR),
    (b"RG10", 10, RGGB),
    (b"BA10", 10, GRBG),
    (b"GB10", 10, GBRG),
    (b"BG10", 10, BGGR),
    (b"RG12", 12, RGGB),
    (b"BA12", 12, GRBG),
    (b"GB12", 12, GBRG),
    (b"BG12", 12, BGGR),
    (b"RG16", 16, RGGB),
    (b"GR16", 16, GRBG),
    (b"GB16", 16, GBRG),
    (b"BYR2", 16, BGGR),
];

fn options(demosaic: Demosaic) -> UnpackOptions {
    let mut options = UnpackOptions::default();
    options.raw.demosaic = demosaic;
    options
}

/// The picture of a mosaic of the sensor's values.
fn developed(kind: Kind, values: &Plane<u16>, pad: usize, options: &UnpackOptions) -> Picture {
    let (code, depth, _) = kind;
    let extent = values.extent();
    let bytes = if depth > 8 { 2 } else { 1 };
    let stride = bytes * extent.width + pad;
    let mut buffer = Vec::new();
    for row in values.rows() {
        row.iter().for_each(|value| buffer.extend(&value.to_le_bytes()[..bytes]));
        buffer.resize(buffer.len() + pad, 0xA5);
    }
    let format = PixelFormat::from_fourcc(*code).expect("a known code");
    let memory = Memory { extent, strides: [stride, 0, 0] };
    let mut unpacker = Unpacker::plan(format, memory, options).expect("a plan");
    let picture = unpack(&mut unpacker, &[buffer]).expect("a picture");
    assert_eq!(picture.format(), unpacker.format());
    picture
}

/// A sample of a plane that is folded at its edges.
fn folded(values: &Plane<u16>, x: isize, y: isize) -> f64 {
    let fold = |place: isize, count: usize| {
        let last = isize::try_from(count).expect("small") - 1;
        let place = place.abs();
        usize::try_from(if place > last { 2 * last - place } else { place }).expect("folded")
    };
    let Extent { width, height } = values.extent();
    f64::from(values.row(fold(y, height))[fold(x, width)])
}

/// Coefficients of Malvar, He and Cutler, figure 2, in eighths.
const GREEN: [[f64; 5]; 5] = [
    [0.0, 0.0, -1.0, 0.0, 0.0],
    [0.0, 0.0, 2.0, 0.0, 0.0],
    [-1.0, 2.0, 4.0, 2.0, -1.0],
    [0.0, 0.0, 2.0, 0.0, 0.0],
    [0.0, 0.0, -1.0, 0.0, 0.0],
];
const BESIDE: [[f64; 5]; 5] = [
    [0.0, 0.0, 0.5, 0.0, 0.0],
    [0.0, -1.0, 0.0, -1.0, 0.0],
    [-1.0, 4.0, 5.0, 4.0, -1.0],
    [0.0, -1.0, 0.0, -1.0, 0.0],
    [0.0, 0.0, 0.5, 0.0, 0.0],
];
const ACROSS: [[f64; 5]; 5] = [
    [0.0, 0.0, -1.5, 0.0, 0.0],
    [0.0, 2.0, 0.0, 2.0, 0.0],
    [-1.5, 0.0, 6.0, 0.0, -1.5],
    [0.0, 2.0, 0.0, 2.0, 0.0],
    [0.0, 0.0, -1.5, 0.0, 0.0],
];
const MIX: [[f64; 5]; 5] = [
    [0.0; 5],
    [0.0, 0.5, 1.0, 0.5, 0.0],
    [0.0, 1.0, 2.0, 1.0, 0.0],
    [0.0, 0.5, 1.0, 0.5, 0.0],
    [0.0; 5],
];

fn convolved(values: &Plane<u16>, x: usize, y: usize, kernel: &[[f64; 5]; 5]) -> u16 {
    let place = |at: usize, offset: usize| {
        isize::try_from(at).expect("small") + isize::try_from(offset).expect("small") - 2
    };
    let mut sum = 0.0;
    for (dy, row) in kernel.iter().enumerate() {
        for (dx, part) in row.iter().enumerate() {
            sum += part * folded(values, place(x, dx), place(y, dy));
        }
    }
    // Sixteenths are exact in binary; halves round up.
    let rounded = (sum / 8.0 + 0.5).floor().clamp(0.0, 65_535.0);
    format!("{rounded}").parse().expect("a sample")
}

/// What colour `wanted` is at a place of a mosaic.
fn expected(
    values: &Plane<u16>,
    cell: [[usize; 2]; 2],
    (x, y): (usize, usize),
    wanted: usize,
) -> u16 {
    let here = cell[y % 2][x % 2];
    let beside = cell[y % 2][(x + 1) % 2];
    let transposed: [[f64; 5]; 5] = std::array::from_fn(|i| std::array::from_fn(|j| BESIDE[j][i]));
    if here == wanted {
        values.row(y)[x]
    } else if wanted == 1 {
        convolved(values, x, y, &GREEN)
    } else if here != 1 {
        convolved(values, x, y, &ACROSS)
    } else if beside == wanted {
        convolved(values, x, y, &BESIDE)
    } else {
        convolved(values, x, y, &transposed)
    }
}

fn random_values(width: usize, height: usize, white: u16, seed: u64) -> Plane<u16> {
    let mut state = seed | 1;
    Plane::from_fn(Extent::new(width, height), |_, _| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99_991);
        u16::try_from(state >> 48).expect("16 bits") & white
    })
}

#[apply(trial)]
fn equals_the_filters_written_out() {
    let case = (4_usize..23, 4_usize..13, 0_usize..5, any::<u64>(), 0_usize..4);
    check_property(120, case, |(width, height, pad, seed, order)| {
        // 16 bits need no scaling: the filters can be compared exactly.
        let kind = KINDS[12 + order];
        let values = random_values(width, height, 0xFFFF, seed);
        let luma = developed(kind, &values, pad, &options(Demosaic::Luma));
        let colours = developed(kind, &values, pad, &options(Demosaic::Rgb));
        assert_eq!(luma.format().layout, Layout::Gray);
        assert_eq!(colours.format().layout, Layout::Rgb);
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            assert_eq!(
                luma.planes()[0].row(y)[x],
                convolved(&values, x, y, &MIX),
                "luma at {x}, {y}"
            );
            for (colour, plane) in colours.planes().iter().enumerate() {
                let wanted = expected(&values, kind.2, (x, y), colour);
                assert_eq!(plane.row(y)[x], wanted, "colour {colour} at {x}, {y} of {:?}", kind.0);
            }
        }
    });
}

/// The mosaic of a scene of three colours.
fn mosaic(kind: Kind, extent: Extent, scene: impl Fn(usize, usize, usize) -> u16) -> Plane<u16> {
    Plane::from_fn(extent, |x, y| scene(kind.2[y % 2][x % 2], x, y))
}

#[apply(trial)]
fn constant_scenes_are_exact() {
    for kind in KINDS {
        let white = u32::from(u16::MAX >> (16 - kind.1));
        let level = |colour: usize| [white / 3, white / 2, white - 1][colour];
        let sample =
            |colour: usize| (f64::from(level(colour)) * 65_535.0 / f64::from(white)).round();
        let values = mosaic(kind, Extent::new(9, 6), |colour, _, _| {
            u16::try_from(level(colour)).expect("a value")
        });
        let colours = developed(kind, &values, 0, &options(Demosaic::Rgb));
        for (colour, plane) in colours.planes().iter().enumerate() {
            assert!(
                plane.samples().iter().all(|&s| f64::from(s) == sample(colour)),
                "{:?}",
                kind.0
            );
        }
        let mean = ((sample(0) + 2.0 * sample(1) + sample(2)) / 4.0 + 0.5).floor();
        let luma = developed(kind, &values, 0, &options(Demosaic::Luma));
        assert!(luma.planes()[0].samples().iter().all(|&s| f64::from(s) == mean), "{:?}", kind.0);
    }
}

#[apply(trial)]
fn ramps_are_exact_inside() {
    for kind in &KINDS[12..] {
        let scene = |colour: usize, x: usize, y: usize| {
            let value =
                [16_000 + 64 * x + 32 * y, 40_000 - 48 * x + 16 * y, 9_000 + 80 * y][colour];
            u16::try_from(value).expect("a value")
        };
        let extent = Extent::new(15, 11);
        let values = mosaic(*kind, extent, scene);
        let colours = developed(*kind, &values, 0, &options(Demosaic::Rgb));
        let luma = developed(*kind, &values, 0, &options(Demosaic::Luma));
        for (x, y) in (2..9).flat_map(|y| (2..13).map(move |x| (x, y))) {
            let wanted: Vec<u16> = (0..3).map(|colour| scene(colour, x, y)).collect();
            let found: Vec<u16> = colours.planes().iter().map(|plane| plane.row(y)[x]).collect();
            assert_eq!(found, wanted, "at {x}, {y} of {:?}", kind.0);
            let mean = (u32::from(wanted[0]) + 2 * u32::from(wanted[1]) + u32::from(wanted[2])) / 4;
            assert_eq!(u32::from(luma.planes()[0].row(y)[x]), mean, "luma at {x}, {y}");
        }
    }
}

/// A gray scene that moves by one pixel gives luma that moves by one pixel, whatever the phase of
/// the mosaic: the way from light to luma is a convolution.
#[apply(trial)]
fn luma_moves_with_the_scene() {
    check_property(
        60,
        (any::<u64>(), 0_usize..2, 0_usize..2, 0_usize..16),
        |(seed, dx, dy, kind)| {
            let kind = KINDS[kind];
            let white = u16::MAX >> (16 - kind.1);
            let scene = random_values(20, 16, white, seed);
            let seen = |dx: usize, dy: usize| {
                let view = Plane::from_fn(Extent::new(16, 12), |x, y| scene.row(y + dy)[x + dx]);
                developed(kind, &view, 0, &options(Demosaic::Luma))
            };
            let (still, moved) = (seen(0, 0), seen(dx, dy));
            for (x, y) in (2..10).flat_map(|y| (2..14).map(move |x| (x, y))) {
                let (a, b) = (still.planes()[0].row(y + dy)[x + dx], moved.planes()[0].row(y)[x]);
                assert_eq!(a, b, "at {x}, {y} moved by {dx}, {dy} of {:?}", kind.0);
            }
        },
    );
}

#[apply(trial)]
fn levels_are_those_asked_for() {
    let check = |value: u16, options: UnpackOptions, wanted: [u16; 3]| {
        let kind: Kind = (b"RG10", 10, RGGB);
        let values = Plane::new(Extent::new(4, 4), value);
        let picture = developed(kind, &values, 0, &options);
        let found: Vec<u16> = picture.planes().iter().map(|plane| plane.row(1)[1]).collect();
        assert_eq!(found, wanted, "{value}");
    };
    let mut options = options(Demosaic::Rgb);
    options.raw.black_level = 64;
    options.raw.white_balance = [2.0, 1.0, 0.5];
    check(64, options, [0, 0, 0]);
    check(10, options, [0, 0, 0]);
    check(1023, options, [65_535, 65_535, 32_768]);
    check(1023 | 0xFC00, options, [65_535, 65_535, 32_768]);
    let light = 100.0 / (1023.0 - 64.0) * 65_535.0;
    check(
        164,
        options,
        [2.0, 1.0, 0.5].map(|gain: f64| format!("{:.0}", light * gain).parse().expect("u16")),
    );
    options.shift = 6;
    check(
        164 << 6,
        options,
        [2.0, 1.0, 0.5].map(|gain: f64| format!("{:.0}", light * gain).parse().expect("u16")),
    );
}

/// With the curve of sRGB, undoing it gives the linear samples to within one.
#[apply(trial)]
fn the_curve_is_undone_by_the_restoration() {
    let kind: Kind = (b"RG16", 16, RGGB);
    let values = random_values(64, 48, 0xFFFF, 7);
    let linear = developed(kind, &values, 0, &options(Demosaic::Luma));
    let mut options = options(Demosaic::Luma);
    options.raw.encode = Some(|light| Transfer::Srgb.encode(light));
    let encoded = developed(kind, &values, 0, &options);
    let samples = linear.planes()[0].samples().iter().zip(encoded.planes()[0].samples());
    for (&linear, &encoded) in samples {
        let light = Transfer::Srgb.decode(f64::from(encoded) / 65_535.0) * 65_535.0;
        // The curve is at most 2.3 times flatter than the line.
        assert!((light - f64::from(linear)).abs() < 1.2, "{linear} became {encoded}, {light:.2}");
    }
}

#[apply(trial)]
fn short_buffers_are_errors() {
    for (kind, demosaic) in
        KINDS.into_iter().zip([Demosaic::Luma, Demosaic::Rgb].into_iter().cycle())
    {
        let format = PixelFormat::from_fourcc(*kind.0).expect("a known code");
        let memory = Memory { extent: Extent::new(6, 4), strides: [16, 0, 0] };
        let mut unpacker = Unpacker::plan(format, memory, &options(demosaic)).expect("a plan");
        let needed = 3 * 16 + if kind.1 > 8 { 12 } else { 6 };
        assert_eq!(unpacker.bytes_needed(), [needed, 0, 0]);
        unpack(&mut unpacker, &[vec![1; needed]]).expect("enough");
        let error = unpack(&mut unpacker, &[vec![1; needed - 1]]).expect_err("too little");
        assert!(error.to_string().contains(&format!("(expected {needed})")), "{error}");
    }
}
