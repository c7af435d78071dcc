//! Times of unpacking a camera's buffers, by pixel format.
//!
//! ```text
//! cargo bench --bench unpack
//! ```
//!
//! A benchmark is named `EXTENT/FORMAT`. Mosaics are of 10 bits; `luma` and `rgb` say what is made
//! of them, `srgb` that the light is encoded afterwards. The JPEG picture is 4:2:2 of quality 80.

use std::time::Duration;

use criterion::Criterion;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use deblurd::frame::{Extent, Picture};
use deblurd::optics::Transfer;
use deblurd::source::unpack::{Demosaic, Memory, UnpackOptions, Unpacker};

const EXTENT: Extent = Extent::new(1280, 720);

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let plain = UnpackOptions::default();
    for code in ["GREY", "Y10", "YUYV", "NV12", "YU12", "RGB24"] {
        bench(&mut criterion, code, code, &plain, None);
    }
    bench(&mut criterion, "MJPEG", "MJPEG", &plain, Some(jpeg()));
    for (name, demosaic, encode) in [
        ("RG10 luma", Demosaic::Luma, None),
        ("RG10 luma srgb", Demosaic::Luma, Some(srgb as fn(f64) -> f64)),
        ("RG10 rgb", Demosaic::Rgb, None),
        ("RG10 rgb srgb", Demosaic::Rgb, Some(srgb)),
    ] {
        let mut options = plain;
        (options.raw.demosaic, options.raw.encode) = (demosaic, encode);
        bench(&mut criterion, name, "RG10", &options, None);
    }
    criterion.final_summary();
}

fn bench(
    criterion: &mut Criterion,
    name: &str,
    code: &str,
    options: &UnpackOptions,
    bytes: Option<Vec<u8>>,
) {
    let memory = Memory { extent: EXTENT, strides: [0; 3] };
    let mut unpacker =
        Unpacker::plan(code.parse().expect("a code"), memory, options).expect("a plan");
    let [needed, ..] = unpacker.bytes_needed();
    let bytes = bytes.unwrap_or_else(|| (0..needed).map(texture).collect());
    let mut picture = Picture::new(unpacker.format());
    criterion.bench_function(&format!("{EXTENT}/{name}"), |bencher| {
        bencher.iter(|| unpacker.unpack(&[&bytes], &mut picture).expect("a picture"));
    });
}

fn srgb(light: f64) -> f64 {
    Transfer::Srgb.encode(light)
}

/// A picture with detail, and not more of it than cameras see.
fn jpeg() -> Vec<u8> {
    let samples: Vec<u8> = (0..EXTENT.area() * 3).map(|at| texture(at / 24)).collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 80);
    encoder.set_sampling_factor(SamplingFactor::F_2_1);
    encoder.encode(&samples, 1280, 720, ColorType::Ycbcr).expect("encodes");
    bytes
}

fn texture(at: usize) -> u8 {
    let (x, y) = (at % EXTENT.width, at / EXTENT.width);
    u8::try_from((x * x / 97 + y * y / 61 + x * y / 83) % 256).unwrap_or(0)
}
