//! PSFs and models that are missing, damaged or not what they should be.

use std::io::Write;
use std::process::{Command, Stdio};

use deblurd::sink::encode_png;
use image::{DynamicImage, ImageFormat};
use prost::Message;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{ModelProto, ValueInfoProto, type_proto};

use super::{check_refused, check_told, encoded};
use crate::harness::{apply, trial};
use crate::onnx::{UNSEALED, sealed, set_metadata};
use crate::program::{Running, Workshop, scene};
use crate::support::root;

/// As [`check_refused`], of a picture restored with the PSF `psf`.
#[track_caller]
fn check_psf(workshop: &Workshop, psf: &str, code: i32, words: &[&str]) {
    check_refused(workshop, &["restore", "in.png", "--psf", psf, "-o", "out.png"], code, words);
}

#[apply(trial)]
fn bad_psfs_are_refused() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    check_psf(&workshop, "missing.txt", 66, &["missing.txt", "No such file"]);
    let formulas = "expected gaussian:SIGMA, disk:RADIUS or motion:LENGTH,ANGLE";
    check_psf(&workshop, "disc:3", 66, &["disc:3", formulas, "did you mean disk:3?"]);
    check_psf(&workshop, "disk", 66, &["No such file", formulas]);
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
    workshop.write("bytes.txt", [0xFF, 0xFD, 0, 1]);
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

#[apply(trial)]
fn huge_psfs_are_refused_in_little_memory() {
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

#[apply(trial)]
fn bad_models_are_refused() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    let model = std::fs::read(root().join("models/base.onnx")).expect("the model");
    check_model(
        &workshop,
        "missing.onnx",
        66,
        &["missing.onnx", "No such file", "expected none, nano"],
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

#[apply(trial)]
fn broken_model_contracts_are_refused() {
    let value = |model: &mut ModelProto, key: &str, value: &str| {
        let entry = model.metadata_props.iter_mut().find(|entry| entry.key == key);
        entry.expect("an entry").value = value.to_owned();
    };
    check_changed(
        |m| value(m, "deblurd.contract", "1"),
        &["deblurd.contract' is '1' (expected 3)"],
    );
    check_changed(
        |m| value(m, "deblurd.contract", "2"),
        &["contract 2", "python3 models/training/convert.py OLD.onnx NEW.onnx"],
    );
    check_changed(|m| value(m, "deblurd.halo", "4"), &["halo is 4", "expected"]);
    check_changed(|m| value(m, "deblurd.alignment", "x"), &["deblurd.alignment' is 'x' (expected"]);
    let five_stages = |m: &mut ModelProto| {
        value(m, "deblurd.stages", "5");
        value(m, "deblurd.consistency", "1 1 1 1 1");
    };
    check_changed(five_stages, &["z4 is missing", "expected [1, 5, H, W]"]);
    check_changed(
        |m| value(m, "deblurd.inputs", "estimate noise"),
        &["deblurd.inputs' is 'estimate noise' (expected estimate and others"],
    );
    check_changed(
        |m| value(m, "deblurd.consistency", "1"),
        &["deblurd.consistency' is '1' (expected"],
    );
    check_changed(|m| value(m, "deblurd.regulariser", "some"), &["'some' (expected spectral"]);
    check_changed(
        |m| m.metadata_props.retain(|entry| entry.key != "deblurd.sigma_max"),
        &["no metadata 'deblurd.sigma_max' (expected"],
    );
    check_changed(|m| m.metadata_props.clear(), &["no metadata 'deblurd.seal' (expected"]);
    check_changed(
        |m| input(m).name = "picture".to_owned(),
        &["z is missing", "expected [1, 4, H, W]"],
    );
    check_changed(
        |m| set_side(input(m), 1, 5),
        &["z is [1, 5, free, free]", "expected [1, 4, H, W]"],
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
