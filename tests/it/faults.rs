//! What goes wrong, tried on the real program: bad inputs, bad outputs, signals, closed pipes.
//!
//! Every refusal has its documented exit code and names what is wrong, its value and what was
//! expected; nothing panics, and no file is left that was not whole.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deblurd::frame::{Extent, Picture};
use deblurd::restore::luma;
use deblurd::sink::encode_png;
use deblurd::source::read_picture;
use image::{DynamicImage, ImageFormat};
use libtest_mimic::Trial;
use prost::Message;
use serde_json::Value;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{ModelProto, ValueInfoProto, type_proto};

use crate::onnx::{UNSEALED, sealed, set_metadata};
use crate::program::{CONTRACT, DEADLINE, Outcome, Running, Workshop, play, scene, stream};
use crate::support::{Need, root, trial, trial_needing};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("faults::bad_psfs_are_refused", bad_psfs_are_refused),
        trial("faults::huge_psfs_are_refused_in_little_memory", huge_psfs_are_refused),
        trial("faults::bad_models_are_refused", bad_models_are_refused),
        trial("faults::broken_model_contracts_are_refused", broken_contracts_are_refused),
        trial("faults::bad_pictures_are_refused", bad_pictures_are_refused),
        trial("faults::rare_pictures_are_restored", rare_pictures_are_restored),
        trial("faults::one_bad_picture_stops_no_other", one_bad_picture_stops_no_other),
        trial("faults::bad_streams_are_refused", bad_streams_are_refused),
        trial("faults::a_cut_stream_gives_its_whole_frames", a_cut_stream_gives_its_whole_frames),
        trial("faults::outputs_that_cannot_be_are_told_first", outputs_that_cannot_be),
        trial("faults::inputs_are_not_overwritten", inputs_are_not_overwritten),
        trial_needing(
            Need::FullDevice,
            "faults::a_full_device_is_an_error",
            a_full_device_is_an_error,
        ),
        trial_needing(Need::PrivateMounts, "faults::a_full_disk_is_an_error", a_full_disk),
        trial_needing(
            Need::PrivateMounts,
            "faults::a_read_only_disk_is_an_error",
            a_read_only_disk,
        ),
        trial("faults::a_port_in_use_is_an_error", a_port_in_use_is_an_error),
        trial("faults::bad_configurations_are_refused", bad_configurations_are_refused),
        trial("faults::bad_command_lines_are_refused", bad_command_lines_are_refused),
        trial("faults::signals_end_restore", signals_end_restore),
        trial("faults::signals_end_a_stream_at_a_frame", signals_end_a_stream_at_a_frame),
        trial("faults::signals_end_run_with_whole_files", signals_end_run_with_whole_files),
        trial("faults::signals_end_demo_with_whole_files", signals_end_demo_with_whole_files),
        trial("faults::a_second_signal_ends_at_once", a_second_signal_ends_at_once),
        trial("faults::forced_ends_leave_nothing_aside", forced_ends_leave_nothing_aside),
        trial("faults::closed_pipes_end_the_program", closed_pipes_end_the_program),
    ]
}

/// Runs the program, which must refuse with `code` and `words` and leave the folder as it was.
#[track_caller]
fn check_refused(workshop: &Workshop, arguments: &[&str], code: i32, words: &[&str]) {
    let before = workshop.inventory();
    let outcome = workshop.run(arguments);
    check_told(&outcome, code, words);
    assert_eq!(workshop.inventory(), before, "{arguments:?} leaves something");
}

#[track_caller]
fn check_told(outcome: &Outcome, code: i32, words: &[&str]) {
    let stderr = &outcome.stderr;
    assert_eq!(outcome.code, Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in: {stderr}");
    }
    assert!(!stderr.contains(".part"), "a name that means nothing: {stderr}");
}

/// As [`check_refused`], of a picture restored with the PSF `psf`.
#[track_caller]
fn check_psf(workshop: &Workshop, psf: &str, code: i32, words: &[&str]) {
    check_refused(workshop, &["restore", "in.png", "--psf", psf, "-o", "out.png"], code, words);
}

fn bad_psfs_are_refused() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    check_psf(&workshop, "missing.txt", 66, &["missing.txt", "No such file"]);
    for (name, text, words) in [
        ("empty.txt", "", ["empty", "expected a matrix"]),
        ("blank.txt", "\n# nothing\n", ["empty", "expected a matrix"]),
        ("words.txt", "0 1 0\n0 no 0\n", ["row 2, column 2", "'no' (expected a number)"]),
        ("ragged.txt", "0 1 0\n0 1\n", ["row 2", "2 numbers (expected 3"]),
        ("nan.txt", "0 1 0\n0 nan 0\n", ["1,1", "NaN (expected a finite number)"]),
        ("infinite.txt", "0 inf\n", ["1,0", "inf (expected a finite number)"]),
        ("negative.txt", "1 1\n1 -0.5\n", ["1,1", "-0.5 (expected a number from 0)"]),
        ("zero.txt", "0 0 0\n", ["sum to 0", "expected a positive sum"]),
    ] {
        workshop.write(name, text);
        check_psf(&workshop, name, 65, &[[name].as_slice(), &words].concat());
    }
    workshop.write("bytes.txt", [0xFF, 0xFE, 0, 1]);
    check_psf(&workshop, "bytes.txt", 65, &["bytes.txt", "not text", "expected a text matrix"]);
    workshop.write("colour.png", encode_png(&scene(64, 36)).expect("a PNG"));
    check_psf(&workshop, "colour.png", 65, &["colour.png", "Rgb8", "gray PNG"]);
    workshop.write("cut.npy", b"\x93NUMPY\x01\x00");
    check_psf(&workshop, "cut.npy", 65, &["cut.npy", "expected"]);
    check_psf(&workshop, ".", 66, &["cannot read .", "directory"]);
    for formula in ["disk:-1", "disk:nan", "gaussian:0", "motion:5", "motion:500,0", "disk:"] {
        check_psf(&workshop, formula, 65, &[formula, "expected"]);
    }
    let words = ["in.png", "the PSF is 101x101 (expected at most the frame's 80x60)"];
    check_psf(&workshop, "disk:50", 65, &words);
    for command in ["simulate", "restore"] {
        let arguments = [command, "in.png", "--psf", "disk:35", "--boundary", "circular"];
        let words = ["71x71 (expected at most the frame's 80x60)"];
        check_refused(&workshop, &[arguments.as_slice(), &["-o", "out.png"]].concat(), 65, &words);
    }
    let nothing = ["simulate", "in.png", "--psf", "disk:29", "-o", "out.png"];
    check_refused(&workshop, &nothing, 65, &["in.png", "59x59", "80x60"]);
}

/// A PSF that comes through a pipe, row after row for as long as the program reads; it may not
/// have more than half a gigabyte of addresses.
#[track_caller]
fn check_huge_psf(head: &[u8], row: &[u8], code: i32, words: &[&str]) {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    let before = workshop.inventory();
    let program = workshop.command(&[]);
    let restore = "restore in.png --psf /dev/stdin -o out.png";
    let mut shell = Command::new("sh");
    let limited = format!("ulimit -v 524288; exec {} {restore}", program.get_program().display());
    shell.args(["-c", &limited]).current_dir(workshop.path("."));
    let mut running = Running::start(shell.stdin(Stdio::piped()));
    let mut pipe = running.take_stdin();
    let written =
        pipe.write_all(head).and_then(|()| (0..10_000).try_for_each(|_| pipe.write_all(row)));
    // The program may refuse before it has read all.
    drop((written, pipe));
    check_told(&running.finish(), code, words);
    assert_eq!(workshop.inventory(), before, "something is left");
}

fn huge_psfs_are_refused() {
    let row = format!("{}\n", "0.5 ".repeat(10_000));
    check_huge_psf(b"", row.as_bytes(), 66, &["/dev/stdin", "larger than 64 MiB"]);
    check_huge_psf(b"", &[b"1 ".repeat(1000).as_slice(), b"\n"].concat(), 65, &["1023x1023"]);
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (10000, 10000), }";
    let npy = format!("{header:<117}\n");
    let npy = [b"\x93NUMPY\x01\x00\x76\x00", npy.as_bytes()].concat();
    check_huge_psf(&npy, &[0; 8], 65, &["10000x10000 samples (expected at most 1023x1023)"]);
    let png = DynamicImage::new_luma8(10_000, 10_000);
    let png = encoded(&png, ImageFormat::Png);
    check_huge_psf(&png, &[], 65, &["10000x10000 samples (expected at most 1023x1023)"]);
}

/// As [`check_refused`], of a picture restored with the model `model`.
#[track_caller]
fn check_model(workshop: &Workshop, model: &str, code: i32, words: &[&str]) {
    let restore = ["restore", "in.png", "--psf", "disk:2", "-o", "out.png", "--model", model];
    check_refused(workshop, &restore, code, words);
    check_refused(workshop, &["model", model], code, words);
}

fn bad_models_are_refused() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    let model = std::fs::read(root().join("models/base.onnx")).expect("the model");
    check_model(
        &workshop,
        "missing.onnx",
        66,
        &["missing.onnx", "No such file", "expected none, base"],
    );
    for length in [0, 1, 100, model.len() / 2, model.len() - 1] {
        workshop.write("cut.onnx", &model[..length]);
        check_model(&workshop, "cut.onnx", 65, &["cut.onnx", "the model"]);
    }
    for (place, bit) in (0..40).map(|n| (n * (model.len() - 1) / 39, n % 8)) {
        let mut flipped = model.clone();
        flipped[place] ^= 1 << bit;
        workshop.write("flipped.onnx", &flipped);
        check_refused(&workshop, &["model", "flipped.onnx"], 65, &["flipped.onnx", "the model"]);
    }
    for (name, bytes) in [
        ("text.onnx", b"this is no model".to_vec()),
        ("picture.onnx", std::fs::read(workshop.path("in.png")).expect("a picture")),
        ("zeros.onnx", vec![0; 1000]),
    ] {
        workshop.write(name, bytes);
        check_model(&workshop, name, 65, &[name, "the model is no ONNX file"]);
    }
}

/// Changes the released model into one that must be refused though its seal is intact.
#[track_caller]
fn check_changed(change: impl FnOnce(&mut ModelProto), words: &[&str]) {
    let workshop = Workshop::new();
    let bytes = std::fs::read(root().join("models/base.onnx")).expect("the model");
    let mut model = ModelProto::decode(bytes.as_slice()).expect("ONNX");
    set_metadata(&mut model, "deblurd.seal", UNSEALED);
    change(&mut model);
    workshop.write("changed.onnx", sealed(&model));
    check_refused(&workshop, &["model", "changed.onnx"], 65, &[&["changed.onnx"], words].concat());
}

fn broken_contracts_are_refused() {
    let value = |model: &mut ModelProto, key: &str, value: &str| {
        let entry = model.metadata_props.iter_mut().find(|entry| entry.key == key);
        entry.expect("an entry").value = value.to_owned();
    };
    check_changed(
        |m| value(m, "deblurd.contract", "2"),
        &["deblurd.contract' is '2' (expected 1)"],
    );
    check_changed(|m| value(m, "deblurd.halo", "2"), &["halo is 2", "expected"]);
    check_changed(|m| value(m, "deblurd.alignment", "x"), &["deblurd.alignment' is 'x' (expected"]);
    check_changed(|m| value(m, "deblurd.stages", "3"), &["z3 is missing", "expected [1, 3, H, W]"]);
    check_changed(|m| value(m, "deblurd.regulariser", "some"), &["'some' (expected spectral"]);
    check_changed(
        |m| m.metadata_props.retain(|entry| entry.key != "deblurd.sigma_max"),
        &["no metadata 'deblurd.sigma_max' (expected"],
    );
    check_changed(|m| m.metadata_props.clear(), &["no metadata 'deblurd.seal' (expected"]);
    check_changed(
        |m| input(m).name = "picture".to_owned(),
        &["z is missing", "expected [1, 2, H, W]"],
    );
    check_changed(
        |m| set_side(input(m), 1, 5),
        &["z is [1, 5, free, free]", "expected [1, 2, H, W]"],
    );
    check_changed(|m| set_side(input(m), 2, 64), &["z is", "64", "H and W free"]);
    check_changed(|m| set_side(output(m), 1, 3), &["f is", "expected [1, 1, H, W]"]);
    check_changed(|m| output(m).name = "stage1/head".to_owned(), &["f is missing"]);
    check_changed(
        |m| m.graph.as_mut().expect("a graph").node.truncate(5),
        &["the model's f is not (expected computed from z"],
    );
    check_changed(|m| m.graph = None, &["no graph"]);
}

fn input(model: &mut ModelProto) -> &mut ValueInfoProto {
    &mut model.graph.as_mut().expect("a graph").input[0]
}

fn output(model: &mut ModelProto) -> &mut ValueInfoProto {
    &mut model.graph.as_mut().expect("a graph").output[0]
}

fn set_side(tensor: &mut ValueInfoProto, index: usize, side: i64) {
    let kind = tensor.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    let Some(type_proto::Value::TensorType(tensor)) = kind else { panic!("no tensor") };
    tensor.shape.as_mut().expect("a shape").dim[index].value = Some(Dimension::DimValue(side));
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an encoded picture");
    bytes.into_inner()
}

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
        ("end.jpg", &jpeg[..jpeg.len() - 2], "cut short"),
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

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

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

fn bad_streams_are_refused() {
    let workshop = Workshop::new();
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "out.y4m"];
    check_refused(&workshop, &restore, 66, &["in.y4m", "No such file"]);
    for (head, words) in [
        ("", "does not begin with YUV4MPEG2"),
        ("RIFF", "does not begin with YUV4MPEG2"),
        ("YUV4MPEG2 W64 H48 F25:1", "cut short"),
        ("YUV4MPEG2 W64 H48 F25:1 C411\n", "colour space 411 is not one of mono"),
        ("YUV4MPEG2 W64 H48 F25:1 C420p16\n", "colour space 420p16"),
        ("YUV4MPEG2 W64 H48 F0:1 Cmono\n", "rate is 0:1 (expected"),
        ("YUV4MPEG2 W64 H48 F25:0 Cmono\n", "rate is 25:0 (expected"),
        ("YUV4MPEG2 W0 H48 F25:1 Cmono\n", "W0 H48 (expected 1 to"),
        ("YUV4MPEG2 W65535 H65535 F25:1 Cmono\n", "at most 120 megapixels"),
        ("YUV4MPEG2 W3 H3 F25:1 Cmono\n", "the PSF is 5x5 (expected at most the frame's 3x3)"),
    ] {
        workshop.write("in.y4m", head);
        let named = if head.contains("W3 ") { "" } else { "in.y4m" };
        check_refused(&workshop, &restore, 65, &[named, words]);
    }
}

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

/// As [`check_refused`], of an output that every command must find out about before it works.
#[track_caller]
fn check_output(workshop: &Workshop, output: &str, code: i32, words: &[&str]) {
    for command in ["restore", "simulate"] {
        let arguments = [command, "in.png", "--psf", "disk:2", "-o", output];
        check_refused(workshop, &arguments, code, words);
    }
}

fn outputs_that_cannot_be() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    workshop.write("in.y4m", stream(80, 60, 1));
    workshop.write("file", "");
    for output in ["no/out.png", "no/such/folder", "file/out.png", "file/out", "/proc/out.png"] {
        check_output(&workshop, output, 73, &["cannot write", output]);
    }
    check_output(&workshop, "out.bmp", 2, &["out.bmp (expected .png, .jpg or a folder)"]);
    check_output(&workshop, "out.y4m", 2, &["out.y4m", "expected .png, .jpg or a folder"]);
    for output in ["no/out.y4m", "file/out.y4m", "/proc/out.y4m"] {
        let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", output];
        check_refused(&workshop, &restore, 73, &["cannot write", output]);
    }
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "out.png"];
    check_refused(&workshop, &restore, 2, &["out.png", "expected .y4m"]);
    for command in [
        ["evaluate", "in.png", "--psf", "disk:2", "--sigma", "2", "--json", "no/table.json"]
            .as_slice(),
        &["bench", "--size", "64x48", "--frames", "1", "--json", "no/times.json"],
        &["demo", "--frames", "1", "--out", "no/such"],
        &["demo", "--frames", "1", "--out", "file"],
        &["man", "no"],
    ] {
        check_refused(&workshop, command, 73, &["cannot write", command[command.len() - 1]]);
    }
    let sinks = [
        "[[sink]]\nkind = 'png'\nfolder = 'no/out'\n",
        "[[sink]]\nkind = 'y4m'\npath = 'no/out'\n",
    ];
    for sink in sinks {
        workshop.write("run.toml", format!("{SCENE}{sink}"));
        check_refused(&workshop, &["run", "--config", "run.toml"], 73, &["cannot write no/out"]);
    }
}

/// A configuration without its sinks.
const SCENE: &str =
    "[source]\nkind = 'scene'\nextent = '64x48'\n[restore]\npsf = 'disk:2'\nsigma = 2.55\n";

fn inputs_are_not_overwritten() {
    let workshop = Workshop::new();
    for folder in ["a", "b"] {
        workshop.make_folder(folder);
        workshop.write_scene(&format!("{folder}/1.png"), 64, 48);
    }
    workshop.write("a/1.jpg", encoded(&DynamicImage::new_luma8(64, 48), ImageFormat::Jpeg));
    for command in ["restore", "simulate"] {
        let psf = ["--psf", "disk:2", "-o"];
        let check = |inputs: &[&str], output: &str, words: &[&str]| {
            let arguments = [&[command], inputs, &psf, &[output]].concat();
            check_refused(&workshop, &arguments, 2, words);
        };
        let both = ["a/1.png", "b/1.png", "would both be written to out/1.png"];
        check(&["a/1.png", "b/1.png"], "out", &both);
        check(&["a"], "out", &["a/1.jpg", "a/1.png", "would both be written to out/1.png"]);
        check(&["b"], "b", &["b/1.png is an input, too (expected another output)"]);
        check(&["b/1.png"], "b/../b/1.png", &["is an input, too"]);
        check(&["a/1.png", "a/1.jpg"], "out.png", &["out.png for 2 pictures (expected a folder)"]);
    }
}

fn a_full_device_is_an_error() {
    let full = std::path::Path::new("/dev/full");
    let workshop = Workshop::new();
    workshop.write("in.y4m", stream(320, 240, 3));
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "/dev/full"];
    check_refused(&workshop, &restore, 73, &["cannot write /dev/full", "No space left"]);
    let mut command = Command::new("sh");
    let program = workshop.command(&[]);
    let shown = program.get_program().display();
    for arguments in ["model base", "completions bash"] {
        command.args(["-c", &format!("{shown} {arguments} > /dev/full")]);
        let outcome = Running::start(&mut command).finish();
        check_told(&outcome, 73, &["cannot write standard output", "No space left"]);
        command = Command::new("sh");
    }
    workshop.write("table.png", encode_png(&luma(&scene(64, 48))).expect("a PNG"));
    let evaluate =
        ["evaluate", "table.png", "--psf", "disk:2", "--sigma", "2", "--json", "/dev/full"];
    check_refused(&workshop, &evaluate, 73, &["cannot write /dev/full", "No space left"]);
    assert!(!full.is_file(), "the device was replaced by a file");
}

/// Runs the program beside a small disk of its own, `disk`, mounted where only it sees it; what is
/// on the disk afterwards is told on standard output.
fn run_with_disk(workshop: &Workshop, options: &str, arguments: &str) -> Outcome {
    let program = workshop.command(&[]);
    let shown = program.get_program().display();
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs disk && {shown} {arguments} > out.txt; code=$?; \
         ls -A disk; exit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).current_dir(workshop.path("."));
    Running::start(&mut command).finish()
}

fn a_full_disk() {
    let workshop = Workshop::new();
    workshop.make_folder("disk");
    workshop.write_scene("in.png", 320, 240);
    workshop.write("in.y4m", stream(320, 240, 3));
    for (arguments, name) in [
        ("restore in.y4m --psf disk:2 --sigma 2 -o disk/out.y4m", "disk/out.y4m"),
        ("restore in.png --psf disk:2 --sigma 2 -o disk/out.png", "disk/out.png"),
        ("simulate in.png --psf disk:2 --sigma 9 -o disk/out.png", "disk/out.png"),
        ("demo --frames 1 --size 320x240 --listen 127.0.0.1:0 --out disk", "disk/before.png"),
    ] {
        let outcome = run_with_disk(&workshop, "size=16k", arguments);
        check_told(&outcome, 73, &["cannot write", name, "No space left"]);
        assert_eq!(outcome.text(), "", "{arguments} leaves something");
    }
}

fn a_read_only_disk() {
    let workshop = Workshop::new();
    workshop.make_folder("disk");
    workshop.write_scene("in.png", 64, 48);
    workshop.write("in.y4m", stream(64, 48, 1));
    workshop.write("run.toml", format!("{SCENE}[[sink]]\nkind = 'png'\nfolder = 'disk'\n"));
    for (arguments, name) in [
        ("restore in.y4m --psf disk:2 --sigma 2 -o disk/out.y4m", "disk/out.y4m"),
        ("restore in.png --psf disk:2 -o disk/out.png", "disk/out.png"),
        ("restore in.png --psf disk:2 -o disk", "disk"),
        ("simulate in.png --psf disk:2 -o disk/out", "disk/out"),
        ("demo --frames 1 --out disk", "disk"),
        ("run --config run.toml", "disk"),
    ] {
        let outcome = run_with_disk(&workshop, "ro", arguments);
        check_told(&outcome, 73, &["cannot write", name, "Read-only"]);
    }
}

fn a_port_in_use_is_an_error() {
    let workshop = Workshop::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let words = ["cannot listen on", address.as_str(), "in use"];
    let demo = ["demo", "--frames", "1", "--listen", &address];
    let outcome = workshop.run(&demo);
    check_told(&outcome, 69, &words);
    workshop.write("run.toml", format!("{SCENE}[[sink]]\nkind = 'http'\nlisten = '{address}'\n"));
    check_refused(&workshop, &["run", "--config", "run.toml"], 69, &words);
}

/// As [`check_refused`], of a configuration in which `from` stands as `to`.
#[track_caller]
fn check_configuration(from: &str, to: &str, words: &[&str]) {
    let workshop = Workshop::new();
    let good = format!(
        "{SCENE}[pipeline]\nqueue_capacity = 1\n[[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n"
    );
    assert!(good.contains(from), "{from} is not in the configuration");
    workshop.write("bad.toml", good.replace(from, to));
    for command in ["run", "check"] {
        check_refused(&workshop, &[command, "--config", "bad.toml"], 78, words);
    }
}

fn bad_configurations_are_refused() {
    let workshop = Workshop::new();
    for command in ["run", "check"] {
        let words = ["cannot read missing.toml", "No such file"];
        check_refused(&workshop, &[command, "--config", "missing.toml"], 78, &words);
    }
    check_configuration("[source]", "[source", &["bad.toml", "not TOML"]);
    check_configuration(
        "sigma",
        "sgima",
        &["bad.toml", "restore.sgima", "unknown field", "expected"],
    );
    check_configuration("sigma = 2.55", "sigma = 'much'", &["restore.sigma", "much", "expected"]);
    check_configuration(
        "sigma = 2.55",
        "sigma = 200",
        &["restore.sigma: 200 (expected gray levels from 0 to 128)"],
    );
    check_configuration("sigma = 2.55", "sigma = -1", &["restore.sigma: -1 (expected"]);
    check_configuration("sigma = 2.55", "", &["restore: missing field `sigma`"]);
    check_configuration(
        "queue_capacity = 1",
        "queue_capacity = 0",
        &["pipeline.queue_capacity: 0 (expected a whole number from 1 to 64)"],
    );
    check_configuration(
        "queue_capacity = 1",
        "overflow = 'block'",
        &["pipeline.overflow", "block", "drop_oldest"],
    );
    check_configuration(
        "queue_capacity = 1",
        "threads = 9999",
        &["pipeline.threads: 9999 (expected"],
    );
    check_configuration(
        "'scene'",
        "'camera'",
        &["source.kind: \"camera\" (expected one of files, y4m, scene)"],
    );
    check_configuration("'64x48'", "'64'", &["source.extent: '64' is not WIDTHxHEIGHT"]);
    check_configuration("'64x48'", "'2x2'", &["extent is 2x2 (expected 64x36 to"]);
    check_configuration("[source]", "[sauce]", &["source: missing"]);
    check_configuration("[restore]", "[simulate]", &["restore: missing"]);
    check_configuration(
        "[[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n",
        "",
        &["sink: missing (expected at least one"],
    );
    check_configuration("'y4m'", "'http'", &["sink.0.path: unknown field `path`"]);
    check_configuration(
        "[pipeline]",
        "[pipe]\n[pipeline]",
        &["pipe: unknown section (expected source,"],
    );
    check_configuration("'disk:2'", "'disk:0'", &["disk:0", "expected disk:RADIUS"]);
    check_configuration("'disk:2'", "'kernel.txt'", &["cannot read kernel.txt"]);
    check_configuration("'disk:2'", "'disk:40'", &["81x81 (expected at most the frame's 64x48)"]);
    check_configuration(
        "sigma = 2.55",
        "sigma = 2.55\nmodel = 'better'",
        &["model better", "expected none, base"],
    );
    check_configuration(
        "kind = 'scene'\nextent = '64x48'",
        "kind = 'files'\npaths = ['no']",
        &["cannot read no"],
    );
    check_configuration(
        "kind = 'scene'\nextent = '64x48'",
        "kind = 'y4m'\npath = 'no.y4m'",
        &["cannot read no.y4m"],
    );

    workshop.write("good.toml", format!("{SCENE}[[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n"));
    for (name, value, words) in [
        ("DEBLURD_RESTORE__SIGMA", "-1", "restore.sigma: -1 (expected"),
        ("DEBLURD_RESTORE__SGIMA", "1", "restore.sgima: unknown field"),
        (
            "DEBLURD_SINK__3__PATH",
            "x",
            "DEBLURD_SINK__3__PATH names no key (expected DEBLURD_SECTION__KEY)",
        ),
        ("DEBLURD_SIGMA", "1", "DEBLURD_SIGMA names no key"),
    ] {
        let mut command = workshop.command(&["check", "--config", "good.toml"]);
        check_told(&Running::start(command.env(name, value)).finish(), 78, &[words]);
    }
}

fn bad_command_lines_are_refused() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 64, 48);
    workshop.write("in.y4m", stream(64, 48, 1));
    let restore = ["restore", "in.png", "--psf", "disk:2", "-o", "out.png"];
    for (options, words) in [
        (["--sigma", "200"], ["'200'", "expected gray levels from 0 to 128"]),
        (["--sigma", "nan"], ["'nan'", "expected gray levels from 0 to 128"]),
        (["--threads", "0"], ["'0'", "1..=256"]),
        (["--regulariser", "flat:-1"], ["'flat:-1'", "expected spectral, or flat:EPS"]),
        (["--boundary", "valid"], ["'valid'", "extend, circular"]),
    ] {
        check_refused(&workshop, &[restore.as_slice(), &options].concat(), 2, &words);
    }
    check_refused(&workshop, &[], 2, &["Usage"]);
    check_refused(&workshop, &["sharpen"], 2, &["'sharpen'"]);
    check_refused(&workshop, &["restore", "in.png"], 2, &["--psf", "--output"]);
    check_refused(&workshop, &["bench", "--size", "64"], 2, &["'64'", "WIDTHxHEIGHT"]);
    check_refused(&workshop, &["demo", "--size", "2x2"], 2, &["expected 64x36 to 7680x4320"]);
    check_refused(&workshop, &["demo", "--listen", "here"], 2, &["'here'"]);
    check_refused(&workshop, &["demo", "--frames", "0"], 2, &["'0'"]);
    let both = ["restore", "in.y4m", "in.png", "--psf", "disk:2", "-o", "out"];
    check_refused(&workshop, &both, 2, &["a Y4M stream is restored by itself"]);
    let picture = ["restore", "in.png", "--psf", "disk:2", "-o", "-"];
    check_refused(&workshop, &picture, 2, &["- for pictures (expected"]);
}

/// Sends a signal to a program and sees it end in time.
#[track_caller]
fn check_ends(running: Running, signal: &str, code: i32) -> Outcome {
    let sent = Instant::now();
    running.signal(signal);
    let outcome = running.finish();
    let took = sent.elapsed();
    assert_eq!(outcome.code, Some(code), "{signal}: {}", outcome.stderr);
    assert!(took <= CONTRACT, "{signal}: it took {took:?} to end: {}", outcome.stderr);
    outcome
}

/// No file is left aside, and every picture has all its samples.
#[track_caller]
fn check_whole(workshop: &Workshop) {
    for name in workshop.inventory().into_keys() {
        assert!(!name.ends_with(".part"), "{name} is left");
        if name.ends_with(".png") {
            assert!(read_picture(&workshop.path(&name)).is_ok(), "{name} is not whole");
        }
    }
}

fn signals_end_restore() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let workshop = Workshop::new();
        workshop.make_folder("in");
        for name in ["in/1.png", "in/2.png"] {
            workshop.write_scene(name, 3000, 2000);
        }
        let mut command = workshop.command(&["restore", "in", "--psf", "disk:3", "-o", "out"]);
        let mut running = Running::start(&mut command);
        running.wait_for("in/1.png: noise estimated at");
        let outcome = check_ends(running, signal, code);
        check_whole(&workshop);
        assert!(!workshop.path("out/2.png").exists(), "it went on: {}", outcome.stderr);
    }
}

fn signals_end_a_stream_at_a_frame() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let workshop = Workshop::new();
        let restore = ["restore", "-", "--psf", "disk:2", "-o", "out.y4m"];
        let mut command = workshop.command(&restore);
        let mut running = Running::start(command.stdin(Stdio::piped()));
        // The stream does not end: it waits for more.
        let mut pipe = running.take_stdin();
        pipe.write_all(&stream(80, 60, 3)).expect("a reader");
        running.wait_for("noise estimated at");
        check_ends(running, signal, code);
        check_whole(&workshop);
        let (frames, error) = play(&workshop.path("out.y4m"));
        assert!(frames.len() <= 3 && error.is_none(), "{} frames, {error:?}", frames.len());
    }
}

/// The state that the live page tells, asked for until it is as `wanted`.
fn wait_for_state(address: &str, wanted: impl Fn(&Value) -> bool) {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        let address: SocketAddr = address.parse().expect("an address");
        let mut stream = TcpStream::connect(address).expect("a connection");
        let request = "GET /state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("a request");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, json) = answer.split_once("\r\n\r\n").expect("a body");
        if wanted(&serde_json::from_str(json).expect("JSON")) {
            return;
        }
    }
    panic!("the state never comes");
}

fn all_sinks_have_frames(state: &Value) -> bool {
    let sinks = state["metrics"]["sinks"].as_array().expect("the sinks");
    sinks.iter().all(|sink| sink["books"]["delivered"].as_u64() > Some(0))
}

/// The address of the live page, once the program has told it.
fn page_of(running: &mut Running) -> String {
    let line = running.wait_for("live page: http://");
    line.trim_start_matches("live page: http://").trim_end_matches('/').to_owned()
}

fn signals_end_run_with_whole_files() {
    for signal in ["TERM", "INT"] {
        let workshop = Workshop::new();
        workshop.make_folder("in");
        workshop.write_scene("in/1.png", 1920, 1080);
        workshop.write(
            "run.toml",
            "[source]\nkind = 'files'\npaths = ['in']\nrepeat = true\n\
             [restore]\npsf = 'disk:3'\nsigma = 2.55\n\
             [pipeline]\noverflow = 'wait'\n\
             [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n\
             [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n\
             [[sink]]\nkind = 'png'\nfolder = 'out'\n",
        );
        let mut running = Running::start(&mut workshop.command(&["run", "--config", "run.toml"]));
        let page = page_of(&mut running);
        wait_for_state(&page, all_sinks_have_frames);
        check_ends(running, signal, 0);
        check_whole(&workshop);
        let (frames, error) = play(&workshop.path("out.y4m"));
        assert!(!frames.is_empty() && error.is_none(), "{} frames, {error:?}", frames.len());
        let first = read_picture(&workshop.path("out/000000.png")).expect("a picture");
        assert!(frames.iter().all(|frame| *frame == first), "a frame is not whole");
    }
}

fn signals_end_demo_with_whole_files() {
    for signal in ["TERM", "INT"] {
        let workshop = Workshop::new();
        let arguments =
            ["demo", "--size", "1920x1080", "--listen", "127.0.0.1:0", "--out", "shown"];
        let mut command =
            workshop.command(&[arguments.as_slice(), &["--frames", "100000"]].concat());
        let mut running = Running::start(&mut command);
        let page = page_of(&mut running);
        wait_for_state(&page, all_sinks_have_frames);
        check_ends(running, signal, 0);
        check_whole(&workshop);
        for name in ["before", "after", "side-by-side"] {
            let picture = read_picture(&workshop.path(&format!("shown/{name}.png")));
            let is_black = |picture: Picture| picture.planes()[0].samples().iter().all(|&s| s == 0);
            assert!(picture.is_ok_and(|picture| !is_black(picture)), "{name} shows nothing");
        }
    }
}

fn a_second_signal_ends_at_once() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 3000, 2000);
    let mut command = workshop.command(&["restore", "in.png", "--psf", "disk:3", "-o", "out.png"]);
    let mut running = Running::start(&mut command);
    running.wait_for("noise estimated at");
    running.signal("INT");
    // Had it waited for the end of its patience, the first signal would be the code.
    check_ends(running, "TERM", 143);
    check_whole(&workshop);
    assert!(!workshop.path("out.png").exists(), "it went on");
}

fn forced_ends_leave_nothing_aside() {
    let workshop = Workshop::new();
    workshop.write(
        "run.toml",
        "[source]\nkind = 'scene'\nextent = '1920x1080'\n\
         [simulate]\nsigma = 2.55\n\
         [restore]\npsf = 'disk:3'\nsigma = 2.55\n\
         [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n\
         [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n",
    );
    let mut running = Running::start(&mut workshop.command(&["run", "--config", "run.toml"]));
    let page = page_of(&mut running);
    wait_for_state(&page, |state| state["metrics"]["trunk"]["entered"].as_u64() > Some(0));
    running.signal("INT");
    running.signal("TERM");
    let outcome = running.finish();
    // The first signal may have been enough.
    assert!(matches!(outcome.code, Some(143 | 0)), "{:?}: {}", outcome.code, outcome.stderr);
    check_whole(&workshop);
    assert!(outcome.code == Some(143) || play(&workshop.path("out.y4m")).1.is_none());
}

/// Takes a few bytes from the program and closes the pipe; it must end in peace.
#[track_caller]
fn check_closed(command: &mut Command) {
    let mut running = Running::start_unread(command);
    let mut pipe = running.take_stdout();
    pipe.read_exact(&mut [0; 100]).expect("some bytes");
    drop(pipe);
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

fn closed_pipes_end_the_program() {
    let workshop = Workshop::new();
    check_closed(&mut workshop.command(&["model", "base"]));
    check_closed(&mut workshop.command(&["completions", "bash"]));
    workshop.write("in.y4m", stream(320, 240, 8));
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "-"];
    check_closed(&mut workshop.command(&restore));
    // A source without end, and nobody left to show it to.
    workshop.write("run.toml", format!("{SCENE}[[sink]]\nkind = 'y4m'\npath = '-'\n"));
    check_closed(&mut workshop.command(&["run", "--config", "run.toml"]));
}
