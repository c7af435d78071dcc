//! Restored bytes, pinned: what a refactoring must not change.
//!
//! Pictures made here by integers alone are restored by the program's public command line, on one
//! thread and on three, and what comes out is hashed. The libraries that transform and multiply
//! choose their instructions by the processor, so that last bits differ from one kind to the next:
//! hashes of one commit are compared with those of another on the same machine. With
//! `DEBLURD_PIN=FILE`, a file that is not there is written, and one that is there is compared:
//!
//! ```text
//! git switch --detach BASELINE && DEBLURD_PIN=/tmp/pins cargo test --test it -- pins
//! git switch - && DEBLURD_PIN=/tmp/pins cargo test --test it -- pins
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use image::{DynamicImage, ImageBuffer};
use sha2::{Digest, Sha256};

use crate::harness::{apply, trial};
use crate::program::Workshop;

/// Inputs by name: kind, extent and ending; then what the program is told besides.
const CASES: &[(&str, &str)] = &[
    // Models.
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model none"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model small"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model base"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model large"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model MODELS/nano-f32.onnx"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model MODELS/base-f32.onnx"),
    // Levels of noise, estimated and far from the models' own.
    ("gray8-97x61.png", "--psf gaussian:1.5 --model nano"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 0 --model none"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 7.65 --model nano"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model none --regulariser flat:0.01"),
    ("gray8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model nano --regulariser spectral"),
    // PSFs.
    ("gray8-97x61.png", "--psf gaussian:0.5 --sigma 2.55 --model none"),
    ("gray8-97x61.png", "--psf disk:3 --sigma 2.55 --model none"),
    ("gray8-97x61.png", "--psf disk:3.5 --sigma 2.55 --model nano"),
    ("gray8-97x61.png", "--psf motion:9,30 --sigma 2.55 --model none"),
    ("gray8-97x61.png", "--psf motion:9,30 --sigma 2.55 --model nano"),
    // Extents.
    ("gray8-16x16.png", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("gray8-33x17.png", "--psf gaussian:1.5 --sigma 2.55 --model base"),
    ("gray8-128x96.png", "--psf gaussian:1.5 --sigma 2.55 --model base"),
    ("gray8-251x83.png", "--psf disk:2 --sigma 2.55 --model base"),
    ("gray8-320x240.png", "--psf motion:15,45 --sigma 2.55 --model small"),
    // Edges.
    ("gray8-97x61.png", "--psf disk:3 --sigma 2.55 --model none --boundary circular"),
    ("gray8-97x61.png", "--psf disk:3 --sigma 2.55 --model nano --boundary circular"),
    ("gray8-120x80.png", "--psf motion:9,30 --sigma 2.55 --model base --boundary circular"),
    // Curves.
    ("gray8-97x61.png", "--psf disk:3 --sigma 2.55 --model none --transfer srgb"),
    ("gray8-97x61.png", "--psf disk:3 --sigma 2.55 --model nano --transfer srgb"),
    ("gray8-97x61.png", "--psf disk:3 --sigma 2.55 --model nano --transfer bt709"),
    ("gray8-97x61.png", "--psf disk:3 --model nano --transfer srgb"),
    // Depths and colours of pictures.
    ("gray16-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model none"),
    ("gray16-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("gray16-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model nano --transfer srgb"),
    ("rgb8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model none"),
    ("rgb8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("rgb8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model none --channels rgb"),
    ("rgb8-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model nano --channels rgb"),
    ("rgb8-97x61.png", "--psf disk:2 --model base --channels rgb --transfer srgb"),
    ("rgb16-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model nano --channels rgb"),
    ("rgb16-97x61.png", "--psf gaussian:1.5 --sigma 2.55 --model none --transfer srgb"),
    // Streams: layouts, depths, ranges.
    ("mono-full-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("mono-limited-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model none"),
    ("mono-limited-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("mono-limited-97x61.y4m", "--psf gaussian:1.5 --model nano --transfer bt709"),
    ("mono12-full-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("mono12-limited-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model none"),
    ("420-full-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("420-limited-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("420-full-96x64.y4m", "--psf gaussian:1.5 --sigma 2.55 --model base"),
    ("420p10-full-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("420p10-limited-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("420p12-full-97x61.y4m", "--psf disk:2 --sigma 2.55 --model none"),
    ("422-full-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("422p10-limited-97x61.y4m", "--psf disk:2 --sigma 2.55 --model none --transfer bt709"),
    ("444-full-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
    ("444p12-full-97x61.y4m", "--psf gaussian:1.5 --sigma 2.55 --model nano"),
];

/// The file to write or to compare with.
pub(crate) fn file() -> Option<PathBuf> {
    std::env::var_os("DEBLURD_PIN").map(PathBuf::from)
}

#[apply(trial)]
#[needs(PinFile)]
fn restored_bytes_stay() {
    let file = file().expect("a test that needs it");
    let hashes: BTreeMap<String, String> = CASES.iter().map(pin).collect();
    let Ok(pinned) = std::fs::read_to_string(&file) else {
        let lines = hashes.iter().map(|(case, hash)| format!("{hash} {case}\n"));
        std::fs::write(&file, lines.collect::<String>()).expect("a file to be written");
        return;
    };
    let pinned: BTreeMap<&str, &str> = pinned
        .lines()
        .filter_map(|line| line.split_once(' ').map(|(hash, case)| (case, hash)))
        .collect();
    let mut changed = String::new();
    for (case, hash) in &hashes {
        let known = pinned.get(case.as_str());
        if known.is_none_or(|known| known != hash) {
            writeln!(changed, "  {case}: {hash}, pinned {known:?}").expect("a string");
        }
    }
    assert!(changed.is_empty(), "restored otherwise than in {}:\n{changed}", file.display());
}

/// Restores by one and by three threads, which must give the same, and hashes it.
fn pin((input, arguments): &(&str, &str)) -> (String, String) {
    let workshop = Workshop::new();
    workshop.write(input, picture(input));
    let models = crate::support::root().join("models");
    let told = arguments.replace("MODELS", &models.to_string_lossy());
    let hashes = ["1", "3"].map(|threads| {
        let output = format!("restored-{input}");
        let mut command = vec!["restore", input, "-o", &output, "--threads", threads];
        command.extend(told.split(' '));
        workshop.succeed(&command);
        let path = workshop.path(&output);
        if input.ends_with(".png") {
            let read = image::open(path).expect("a picture");
            let said = format!("{:?} {}x{}", read.color(), read.width(), read.height());
            hash(&[said.as_bytes(), read.as_bytes()])
        } else {
            hash(&[&std::fs::read(path).expect("a stream")])
        }
    });
    assert_eq!(hashes[0], hashes[1], "one thread and three: {input} {arguments}");
    (format!("{input} {arguments}"), hashes[0].clone())
}

/// The first 64 bits of SHA-256.
fn hash(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of an input file, from its name.
fn picture(name: &str) -> Vec<u8> {
    let (rest, ending) = name.split_once('.').expect("an ending");
    let (kind, extent) = rest.rsplit_once('-').expect("an extent");
    let (width, height) = extent.split_once('x').expect("an extent");
    let side = |text: &str| text.parse::<u32>().expect("a number");
    let (width, height) = (side(width), side(height));
    if ending == "y4m" { stream(kind, width, height) } else { png(kind, width, height) }
}

fn png(kind: &str, width: u32, height: u32) -> Vec<u8> {
    let gray = |depth: u32| plane(width, height, 0, (0, (1 << depth) - 1));
    let colours = |depth: u32| {
        let planes = [0, 1, 2].map(|seed| plane(width, height, seed, (0, (1 << depth) - 1)));
        (0..planes[0].len())
            .flat_map(move |at| [planes[0][at], planes[1][at], planes[2][at]])
            .collect()
    };
    let bytes =
        |samples: Vec<u16>| samples.into_iter().map(|sample| sample.to_le_bytes()[0]).collect();
    let picture: Option<DynamicImage> = match kind {
        "gray8" => {
            ImageBuffer::from_raw(width, height, bytes(gray(8))).map(DynamicImage::ImageLuma8)
        }
        "gray16" => ImageBuffer::from_raw(width, height, gray(16)).map(DynamicImage::ImageLuma16),
        "rgb8" => {
            ImageBuffer::from_raw(width, height, bytes(colours(8))).map(DynamicImage::ImageRgb8)
        }
        "rgb16" => ImageBuffer::from_raw(width, height, colours(16)).map(DynamicImage::ImageRgb16),
        _ => panic!("a picture of {kind}"),
    };
    let mut file = std::io::Cursor::new(Vec::new());
    picture.expect("all samples").write_to(&mut file, image::ImageFormat::Png).expect("a PNG");
    file.into_inner()
}

/// Two frames.
fn stream(kind: &str, width: u32, height: u32) -> Vec<u8> {
    let (space, range) = kind.split_once('-').expect("a range");
    let depth = if space.ends_with("12") {
        12
    } else if space.ends_with("p10") {
        10
    } else {
        8
    };
    let levels = if range == "full" {
        (0, (1 << depth) - 1)
    } else {
        (16 << (depth - 8), 235 << (depth - 8))
    };
    let chroma = match &space[..3] {
        "420" => Some((width.div_ceil(2), height.div_ceil(2))),
        "422" => Some((width.div_ceil(2), height)),
        "444" => Some((width, height)),
        _ => None,
    };
    let range = range.to_uppercase();
    let mut file = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip C{space} XCOLORRANGE={range}\n")
        .into_bytes();
    for frame in 0..2 {
        file.extend(b"FRAME\n");
        let extents = [Some((width, height)), chroma, chroma];
        for (seed, (width, height)) in (3 * frame..).zip(extents.into_iter().flatten()) {
            for sample in plane(width, height, seed, levels) {
                let bytes = sample.to_le_bytes();
                file.extend(if depth == 8 { &bytes[..1] } else { &bytes[..] });
            }
        }
    }
    file
}

/// Ramps, squares and grain between two levels, by integers alone: the same on every machine.
fn plane(width: u32, height: u32, seed: u32, (least, most): (u32, u32)) -> Vec<u16> {
    let ramp = |at: u32, period: u32| (at % (2 * period)).abs_diff(period) * 20_000 / period;
    let mut grain = 0x9e37_79b9_u32 ^ seed.wrapping_mul(0x85eb_ca6b);
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let square = ((x / 11 + y / 7 + seed) % 3) * 9_000;
            let level = ramp(x + 5 * seed, 37) + ramp(2 * y + x, 53) + square + (grain >> 20);
            let sample = least + level.min(65_535) * (most - least) / 65_535;
            samples.push(u16::try_from(sample).expect("a sample"));
        }
    }
    samples
}
