//! Pictures and streams that are missing, damaged, rare or dangerous.

use std::io::Write;
use std::process::Stdio;

use deblurd::frame::Extent;
use deblurd::sink::encode_png;
use deblurd::source::read_picture;
use image::{DynamicImage, ImageFormat};

use super::{check_refused, check_told, encoded};
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, play, scene, stream};

/// As [`check_refused`], of this picture simulated, restored and evaluated.
#[track_caller]
fn check_picture(workshop: &Workshop, name: &str, code: i32, words: &[&str]) {
    let words = [&[name], words].concat();
    for command in ["restore", "simulate"] {
        let arguments = [command, name, "--psf", "disk:2", "-o", "out.png"];
        check_refused(workshop, &arguments, code, &words);
    }
    check_refused(workshop, &["evaluate", name, "--psf", "disk:2", "--sigma", "2"], code, &words);
}

#[apply(trial)]
fn bad_pictures_are_refused() {
    let workshop = Workshop::new();
    let png = encode_png(&scene(64, 36)).expect("a PNG");
    let jpeg = encoded(&DynamicImage::new_rgb8(64, 48), ImageFormat::Jpeg);
    check_picture(&workshop, "missing.png", 66, &["No such file"]);
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    let crc = crc32(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&crc);
    let mut empty = png.clone();
    empty[16..20].fill(0);
    let crc = crc32(&empty[12..29]).to_be_bytes();
    empty[29..33].copy_from_slice(&crc);
    for (name, bytes, words) in [
        ("half.png", &png[..png.len() / 2], ""),
        ("head.png", &png[..20], ""),
        ("half.jpg", &jpeg[..jpeg.len() / 2], ""),
        ("end.jpg", &jpeg[..jpeg.len() - 9], "cut short"),
        ("nothing.png", &[], "empty"),
        ("zero.png", &empty, ""),
        ("bomb.png", &bomb, "65535x65535 is more than 120 megapixels"),
        ("text.png", b"no picture", "neither PNG nor JPEG"),
    ] {
        workshop.write(name, bytes);
        check_picture(&workshop, name, 65, &[words]);
    }
    workshop.make_folder("empty");
    workshop.write("empty/notes.txt", "");
    check_picture(&workshop, "empty", 65, &["holds no PNG or JPEG pictures"]);
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[apply(trial)]
fn rare_pictures_are_restored() {
    let workshop = Workshop::new();
    let save = |name: &str, image: DynamicImage| {
        workshop.write(name, encoded(&image, ImageFormat::Png));
    };
    workshop.write("point.txt", "1");
    save("pixel.png", DynamicImage::new_luma8(1, 1));
    save("alpha.png", DynamicImage::new_rgba8(40, 30));
    save("gray-alpha.png", DynamicImage::new_luma_a8(40, 30));
    save("deep.png", DynamicImage::new_rgb16(40, 30));
    save("row.png", DynamicImage::new_luma8(31, 1));
    let mut cmyk = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut cmyk, 95);
    encoder.encode(&[0; 40 * 30 * 4], 40, 30, jpeg_encoder::ColorType::Cmyk).expect("a JPEG");
    workshop.write("cmyk.jpg", cmyk);
    workshop.write("palette.png", palette_png());
    for (name, extent) in [
        ("pixel.png", (1, 1)),
        ("row.png", (31, 1)),
        ("alpha.png", (40, 30)),
        ("gray-alpha.png", (40, 30)),
        ("deep.png", (40, 30)),
        ("cmyk.jpg", (40, 30)),
        ("palette.png", (2, 1)),
    ] {
        workshop.succeed(&["restore", name, "--psf", "point.txt", "--sigma", "1", "-o", "out.png"]);
        let restored = read_picture(&workshop.path("out.png")).expect("a picture");
        assert_eq!(restored.extent(), Extent::new(extent.0, extent.1), "{name}");
        let blurred = read_picture(&workshop.path(name)).expect("a picture");
        assert_eq!(restored.format(), blurred.format(), "{name}");
        // Without a sigma it is estimated, even where there is nothing to estimate it from.
        workshop.succeed(&["restore", name, "--psf", "point.txt", "-o", "out.png"]);
    }
}

/// 2x1, two palette entries of one bit: red, blue.
fn palette_png() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let stored = [0x78, 1, 1, 2, 0, 0xFD, 0xFF, 0, 0b0100_0000, 0, 0x42, 0, 0x41];
    for (kind, data) in [
        (b"IHDR", [0, 0, 0, 2, 0, 0, 0, 1, 1, 3, 0, 0, 0].as_slice()),
        (b"PLTE", &[255, 0, 0, 0, 0, 255]),
        (b"IDAT", &stored),
        (b"IEND", &[]),
    ] {
        png.extend(u32::try_from(data.len()).expect("a short chunk").to_be_bytes());
        let start = png.len();
        png.extend(kind);
        png.extend(data);
        png.extend(crc32(&png[start..]).to_be_bytes());
    }
    png
}

#[apply(trial)]
fn one_bad_picture_stops_no_other() {
    let workshop = Workshop::new();
    workshop.make_folder("in");
    workshop.write_scene("in/a.png", 64, 48);
    workshop.write("in/b.png", "no picture");
    workshop.write_scene("in/c.png", 3, 3);
    workshop.write_scene("in/d.png", 64, 48);
    let outcome = workshop.run(&["restore", "in", "--psf", "disk:2", "--sigma", "2", "-o", "out"]);
    let words = ["in/b.png: ", "in/c.png: the PSF is 5x5 (expected at most", "2 of 4 pictures"];
    check_told(&outcome, 65, &words);
    let names: Vec<_> =
        workshop.inventory().into_keys().filter(|name| name.starts_with("out")).collect();
    assert_eq!(names, ["out/", "out/a.png", "out/d.png"]);
}

#[apply(trial)]
fn bad_streams_are_refused() {
    let workshop = Workshop::new();
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "out.y4m"];
    check_refused(&workshop, &restore, 66, &["in.y4m", "No such file"]);
    for (head, words) in [
        ("", "not a Y4M stream: it is empty"),
        ("RIFF", "does not begin with YUV4MPEG2"),
        ("YUV4MPEG2 W64 H48 F25:1", "cut short"),
        ("YUV4MPEG2 W64 H48 F25:1 C411\n", "colour space 411 is not one of mono"),
        ("YUV4MPEG2 W64 H48 F25:1 C420p16\n", "colour space 420p16"),
        ("YUV4MPEG2 W64 H48 F0:1 Cmono\n", "rate is 0:1 (expected"),
        ("YUV4MPEG2 W64 H48 F25:0 Cmono\n", "rate is 25:0 (expected"),
        ("YUV4MPEG2 W0 H48 F25:1 Cmono\n", "W0 H48 (expected 1 to"),
        ("YUV4MPEG2 W65535 H65535 F25:1 Cmono\n", "at most 36 megapixels"),
        ("YUV4MPEG2 W3 H3 F25:1 Cmono\n", "the PSF is 5x5 (expected at most the frame's 3x3)"),
    ] {
        workshop.write("in.y4m", head);
        let named = if head.contains("W3 ") { "" } else { "in.y4m" };
        check_refused(&workshop, &restore, 65, &[named, words]);
    }
}

#[apply(trial)]
fn a_cut_stream_gives_its_whole_frames() {
    let workshop = Workshop::new();
    let bytes = stream(80, 60, 3);
    workshop.write("in.y4m", &bytes[..bytes.len() - 100]);
    let arguments = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "out.y4m"];
    let outcome = workshop.run(&arguments);
    check_told(&outcome, 65, &["in.y4m", "cut in the middle of a frame", "2 = 2 delivered"]);
    let (frames, error) = play(&workshop.path("out.y4m"));
    assert!(frames.len() == 2 && error.is_none(), "{} frames, {error:?}", frames.len());
    assert_eq!(workshop.inventory().len(), 2, "something is left");

    let mut piped =
        workshop.command(&["restore", "-", "--psf", "disk:2", "--sigma", "2", "-o", "-"]);
    let mut running = Running::start(piped.stdin(Stdio::piped()));
    running.take_stdin().write_all(&bytes[..bytes.len() - 100]).expect("a reader");
    let outcome = running.finish();
    check_told(&outcome, 65, &["standard input", "cut in the middle of a frame"]);
    assert!(outcome.stdout == std::fs::read(workshop.path("out.y4m")).expect("a stream"));
}
