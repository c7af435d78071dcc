//! Pixel formats to pictures, against naive packers and demosaicers that share nothing with them.

mod bayer;
mod jpeg;
mod oracle;

use deblurd::frame::{Extent, Layout, Picture, PictureFormat, Range};
use deblurd::source::unpack::{Memory, PixelFormat, UnpackError, UnpackOptions, Unpacker};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{apply, trial};

/// Codes of the formats whose samples are only dealt out, and what they give.
const PLAIN: [(&[u8; 4], Layout, u8); 15] = [
    (b"GREY", Layout::Gray, 8),
    (b"Y10 ", Layout::Gray, 10),
    (b"Y12 ", Layout::Gray, 12),
    (b"Y16 ", Layout::Gray, 16),
    (b"YUYV", Layout::Yuv422, 8),
    (b"UYVY", Layout::Yuv422, 8),
    (b"YVYU", Layout::Yuv422, 8),
    (b"NV12", Layout::Yuv420, 8),
    (b"NV21", Layout::Yuv420, 8),
    (b"NM12", Layout::Yuv420, 8),
    (b"NM21", Layout::Yuv420, 8),
    (b"YU12", Layout::Yuv420, 8),
    (b"YM12", Layout::Yuv420, 8),
    (b"RGB3", Layout::Rgb, 8),
    (b"BGR3", Layout::Rgb, 8),
];

/// A picture in the buffers of a camera.
#[derive(Debug, Clone)]
struct Packed {
    code: &'static [u8; 4],
    picture: Picture,
    strides: [usize; 3],
    buffers: Vec<Vec<u8>>,
}

/// Pictures of any plain format, size and padding.
fn packed() -> impl Strategy<Value = Packed> {
    let kind = (0..PLAIN.len(), 1_usize..35, 1_usize..19, 0_usize..4, any::<bool>());
    (kind, any::<u64>()).prop_map(|((kind, width, height, pad, full), seed)| {
        let (code, layout, depth) = PLAIN[kind];
        let range = if full { Range::Full } else { Range::Limited };
        let extent = Extent::new(width, height);
        let picture = noise(PictureFormat { extent, layout, depth, range }, seed);
        // 4:2:0 in one buffer has chroma rows half as far apart.
        let strides = oracle::strides(code, extent)
            .map(|stride| if stride > 0 { stride + 2 * pad } else { 0 });
        let buffers = oracle::pack(code, &picture, strides);
        Packed { code, picture, strides, buffers }
    })
}

/// A picture without any order.
fn noise(format: PictureFormat, seed: u64) -> Picture {
    let mut picture = Picture::new(format);
    let mut state = seed | 1;
    for plane in picture.planes_mut() {
        for sample in plane.samples_mut() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *sample = u16::try_from(state >> 48).expect("16 bits") & format.white();
        }
    }
    picture
}

fn plan(packed: &Packed) -> Result<Unpacker, UnpackError> {
    let format = PixelFormat::from_fourcc(*packed.code).expect("a known code");
    let memory = Memory { extent: packed.picture.extent(), strides: packed.strides };
    let options =
        UnpackOptions { range: packed.picture.format().range, ..UnpackOptions::default() };
    Unpacker::plan(format, memory, &options)
}

fn unpack(unpacker: &mut Unpacker, buffers: &[Vec<u8>]) -> Result<Picture, UnpackError> {
    let mut picture = Picture::new(PictureFormat::gray(Extent::new(1, 1)));
    let buffers: Vec<&[u8]> = buffers.iter().map(Vec::as_slice).collect();
    unpacker.unpack(&buffers, &mut picture).map(|()| picture)
}

fn check_property<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value)) {
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&strategy, |value| {
        check(value);
        Ok(())
    });
    outcome.expect("holds for every case");
}

#[apply(trial)]
fn every_format_is_unpacked() {
    check_property(600, packed(), |packed| {
        let mut unpacker = plan(&packed).expect("a plan");
        assert_eq!(unpacker.format(), packed.picture.format());
        let picture = unpack(&mut unpacker, &packed.buffers).expect("a picture");
        assert!(picture == packed.picture, "{:?} differs", packed.code);
    });
}

#[apply(trial)]
fn short_buffers_are_errors() {
    check_property(
        300,
        (packed(), any::<prop::sample::Index>(), 1_usize..5),
        |(packed, which, cut)| {
            let mut unpacker = plan(&packed).expect("a plan");
            let mut buffers = packed.buffers.clone();
            let at = which.index(buffers.len());
            let needed = unpacker.bytes_needed()[at];
            // The padding of the last row need not be there.
            buffers[at].truncate(needed);
            assert!(unpack(&mut unpacker, &buffers).expect("enough") == packed.picture);
            let held = needed.saturating_sub(cut);
            buffers[at].truncate(held);
            let error = unpack(&mut unpacker, &buffers).expect_err("too little");
            assert_eq!(error, UnpackError::Short { buffer: at, held, needed });
            buffers.remove(at);
            assert!(matches!(unpack(&mut unpacker, &buffers), Err(UnpackError::Buffers { .. })));
        },
    );
}

#[apply(trial)]
fn bits_above_the_depth_are_left_out() {
    let check = |code: &str, shift, word: u16, sample: u16| {
        let memory = Memory { extent: Extent::new(1, 1), strides: [0; 3] };
        let options = UnpackOptions { shift, ..UnpackOptions::default() };
        let mut unpacker =
            Unpacker::plan(code.parse().expect("a code"), memory, &options).expect("a plan");
        let picture = unpack(&mut unpacker, &[word.to_le_bytes().to_vec()]).expect("a picture");
        assert_eq!(picture.planes()[0].samples(), [sample], "{code} {word:04x} >> {shift}");
    };
    check("Y10", 0, 0xFFFF, 0x03FF);
    check("Y10", 6, 0xABCD, 0xABCD >> 6);
    check("Y12", 0, 0xA123, 0x0123);
    check("Y12", 4, 0xA123, 0x0A12);
    check("Y16", 0, 0xA123, 0xA123);
}

#[track_caller]
fn check_refused(
    code: &str,
    extent: (usize, usize),
    stride: usize,
    options: UnpackOptions,
    words: &str,
) {
    let memory = Memory { extent: Extent::new(extent.0, extent.1), strides: [stride; 3] };
    let error = Unpacker::plan(code.parse().expect("a code"), memory, &options);
    let error = error.expect_err("a refusal").to_string();
    assert!(error.contains(words), "{error}");
}

#[apply(trial)]
fn what_cannot_be_planned_is_named() {
    let usual = UnpackOptions::default();
    check_refused(
        "GREY",
        (0, 4),
        0,
        usual,
        "0x4 cannot be unpacked (expected sides of 1 to 16384)",
    );
    check_refused("MJPG", (65_535, 65_535), 0, usual, "65535x65535 cannot be unpacked");
    check_refused("RGGB", (3, 8), 0, usual, "3x8 cannot be unpacked (expected sides of 4");
    check_refused("YUYV", (5, 4), 11, usual, "11 bytes apart (expected 12 or a little more)");
    check_refused("GREY", (5, 4), usize::MAX, usual, "bytes apart (expected 5");
    let raw = |change: fn(&mut UnpackOptions)| {
        let mut options = usual;
        change(&mut options);
        options
    };
    let refused = |options, words| check_refused("RG10", (8, 8), 0, options, words);
    refused(
        raw(|o| o.raw.black_level = 1023),
        "black_level is 1023 (expected 0 to 1022 for 10 bits)",
    );
    refused(
        raw(|o| o.raw.white_balance[1] = 0.0),
        "white_balance is [1.0, 0.0, 1.0] (expected three",
    );
    refused(raw(|o| o.raw.white_balance[2] = f32::NAN), "white_balance is [1.0, 1.0, NaN]");
    refused(raw(|o| o.shift = 9), "sample_shift is 9 (expected 0 to 8)");
}
