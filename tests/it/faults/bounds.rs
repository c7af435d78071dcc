//! Inputs that ask for more than there is, or never end: refused in little memory, whatever they say.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Command;

use tract_onnx::pb::NodeProto;

use super::check_told;
use crate::harness::{apply, trial};
use crate::onnx::{sealed, tiny_model};
use crate::program::{Outcome, Running, Workshop};

/// The program with no more than half a gigabyte of addresses.
fn bounded(workshop: &Workshop, command: &str) -> Outcome {
    let program = workshop.command(&[]);
    let limited = format!("ulimit -v 524288; exec {} {command}", program.get_program().display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &limited]).current_dir(workshop.path("."));
    Running::start(&mut shell).finish()
}

/// As [`bounded`]; it must refuse what it is given, and leave nothing.
#[track_caller]
fn check_bounded(workshop: &Workshop, command: &str, code: i32, words: &[&str]) {
    let before = workshop.inventory();
    check_told(&bounded(workshop, command), code, words);
    assert_eq!(workshop.inventory(), before, "{command} leaves something");
}

#[apply(trial)]
fn links_to_what_never_ends_are_refused() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    for name in ["zero.png", "zero.txt", "zero.onnx", "zero.y4m", "zero.toml"] {
        symlink("/dev/zero", workshop.path(name)).expect("a link");
    }
    let large = "larger than 1 MiB";
    for (command, code, words) in [
        ("restore zero.png --psf disk:2 -o out.png", 65, ["zero.png", large]),
        ("restore in.png --psf zero.txt -o out.png", 66, ["zero.txt", large]),
        ("model zero.onnx", 66, ["zero.onnx", large]),
        ("run --config zero.toml", 78, ["zero.toml", large]),
        ("restore zero.y4m --psf disk:2 -o out.y4m", 65, ["zero.y4m", "does not begin with"]),
    ] {
        check_bounded(&workshop, command, code, &words);
    }
}

#[apply(trial)]
fn pipes_that_nobody_writes_to_are_refused() {
    let workshop = Workshop::new();
    let made = Command::new("mkfifo").arg(workshop.path("pipe")).status().expect("mkfifo");
    assert!(made.success(), "no pipe");
    for (command, code) in
        [("check --config pipe", 78), ("psf pipe", 66), ("restore pipe --psf disk:2 -o o.png", 66)]
    {
        check_bounded(&workshop, command, code, &["pipe", "nothing came through this pipe in 5 s"]);
    }
}

/// A first line is all there is of these streams.
#[apply(trial)]
fn streams_of_a_first_line_are_refused() {
    let workshop = Workshop::new();
    for (line, words) in [
        (
            "W10900 H11000 F25:1 C444p12",
            "W10900 H11000 (expected 1 to 65535, at most 36 megapixels)",
        ),
        (
            "W8192 H4320 F25:1 C444p12",
            "36 bytes (expected frames of at least 35389440, as it begins)",
        ),
        ("W8192 H4320 F25:1 Cmono", "(expected frames of at least 35389440,"),
    ] {
        workshop.write("in.y4m", format!("YUV4MPEG2 {line}\n"));
        let restore = "restore in.y4m --psf disk:2 --sigma 2 -o out.y4m";
        check_bounded(&workshop, restore, 65, &["in.y4m", words]);
    }
}

/// A gigabyte of zeros, packed into a chunk of a small picture.
#[apply(trial)]
fn packed_zeros_beside_a_picture_take_no_memory() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    let png = std::fs::read(workshop.path("in.png")).expect("a picture");
    let zeros = packed_zeros(1 << 30);
    for name in [b"iCCP", b"zTXt"] {
        let chunk = chunk_of(name, &[b"x\0\0", zeros.as_slice()].concat());
        let (head, rest) = png.split_at(33);
        workshop.write("packed.png", [head, &chunk, rest].concat());
        let restore = "restore packed.png --psf disk:2 --sigma 2 --model none -o out.png";
        check_told(&bounded(&workshop, restore), 0, &[]);
    }
}

/// So many zeros as zlib packs them: 258 of a match of distance 1 in two bits each, by a fixed code
/// (RFC 1951, 3.2.6): length code 285 is 11000101, distance code 0 is 00000.
fn packed_zeros(count: usize) -> Vec<u8> {
    let (mut bits, mut bytes) = ((0_u64, 0_u32), vec![0x78, 1]);
    let mut put = |value: u64, count: u32| {
        bits.0 |= value << bits.1;
        bits.1 += count;
        while bits.1 >= 8 {
            bytes.push(bits.0.to_le_bytes()[0]);
            bits = (bits.0 >> 8, bits.1 - 8);
        }
    };
    put(0b011, 3);
    // The literal 0 is 00110000, first bit first.
    put(0b0000_1100, 8);
    for _ in 0..count / 258 {
        put(0b1010_0011, 8);
        put(0, 5);
    }
    put(0, 7 + 8);
    // A sum that nobody gets to.
    bytes.extend([0; 4]);
    bytes
}

fn chunk_of(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), data].concat();
    let length = u32::try_from(data.len()).expect("a short chunk").to_be_bytes();
    let sum = super::inputs::crc32(&named).to_be_bytes();
    [length.as_slice(), &named, &sum].concat()
}

/// An archive that lists more files than anybody needs; of each its reader would take memory.
#[apply(trial)]
fn an_archive_of_many_files_is_refused() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    let listed = [b"PK\x01\x02".as_slice(), &[0; 42], b"name"].concat();
    workshop.write("many.npz", [b"PK\x03\x04".as_slice(), &listed.repeat(500_000)].concat());
    let restore = "restore in.png --psf many.npz -o out.png";
    check_bounded(&workshop, restore, 65, &["many.npz", "500000 files are in it"]);
}

/// Weights are numbers, and what they sum to is none.
#[apply(trial)]
fn answers_that_are_no_light_enter_no_picture() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    let mut model = tiny_model(1, 2, 1, false);
    for constant in &mut model.graph.as_mut().expect("a graph").initializer {
        constant.raw_data = 1e38_f32.to_le_bytes().repeat(constant.raw_data.len() / 4);
    }
    workshop.write("model.onnx", sealed(&model));
    let restore =
        "restore in.png --psf disk:2 --sigma 2 --guard false --model model.onnx -o out.png";
    check_bounded(&workshop, restore, 65, &["in.png", "an answer of"]);
}

/// Two bytes say "here is an operator", of which a parser makes hundreds.
#[apply(trial)]
fn models_of_empty_operators_are_refused_before_they_are_parsed() {
    let workshop = Workshop::new();
    // The field 7 of a model, of 40,000,000 bytes in groups of seven bits.
    let graph = [0x3A, 0x80, 0xB4, 0x89, 0x13];
    let mut file = std::fs::File::create(workshop.path("unsealed.onnx")).expect("a file");
    let operators = [0x0A, 0].repeat(20_000_000);
    file.write_all(&graph).and_then(|()| file.write_all(&operators)).expect("a file");
    check_bounded(&workshop, "model unsealed.onnx", 65, &["no metadata 'deblurd.seal'"]);
    let mut model = tiny_model(1, 2, 1, true);
    let graph = model.graph.as_mut().expect("a graph");
    graph.node.extend(std::iter::repeat_n(NodeProto::default(), 400_000));
    workshop.write("sealed.onnx", sealed(&model));
    let words = ["beside the numbers of its constants (expected at most 524288)"];
    check_bounded(&workshop, "model sealed.onnx", 65, &words);
    let second = [sealed(&tiny_model(1, 2, 1, true)), vec![0x3A, 0]].concat();
    workshop.write("two.onnx", second);
    check_bounded(&workshop, "model two.onnx", 65, &["more than one graph"]);
}
