//! What a picture file says beside its samples is in the restored file, or said to be lost.

use std::path::Path;

use deblurd::frame::{Density, Length, Picture, Tags};
use deblurd::sink::{encode_jpeg, encode_png, encode_tagged_jpeg, encode_tagged_png};
use deblurd::source::read_tagged;

use super::run_line;
use crate::harness::{apply, trial};
use crate::program::{Workshop, scene};

/// EXIF with one field, the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif
}

/// The head of a profile for colours of a space.
fn profile(space: &[u8; 4]) -> Vec<u8> {
    let mut profile = vec![0; 132];
    profile[0..4].copy_from_slice(&132_u32.to_be_bytes());
    profile[12..16].copy_from_slice(b"mntr");
    profile[16..20].copy_from_slice(space);
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

/// Everything that both kinds of files have a place for.
fn common() -> Tags {
    Tags {
        exif: Some(exif(6)),
        orientation: Some(6),
        profile: Some(profile(b"RGB ")),
        density: Some(Density { samples: [300, 300], per: Some(Length::Inch) }),
        ..Tags::default()
    }
}

/// What PNG alone has places for.
fn chunks() -> Vec<([u8; 4], Vec<u8>)> {
    [
        (*b"gAMA", 45_455_u32.to_be_bytes().to_vec()),
        (*b"cHRM", [1_u32; 8].map(u32::to_be_bytes).concat()),
        (*b"cICP", vec![9, 16, 0, 1]),
        (*b"sBIT", vec![5, 6, 5]),
        (*b"tEXt", b"Author\0somebody".to_vec()),
    ]
    .into()
}

/// Writes a file, has it restored to `output`, and gives what that says and what was told.
fn restored(bytes: &[u8], [input, output]: [&str; 2]) -> (Tags, String) {
    let workshop = Workshop::new();
    workshop.write(input, bytes);
    let line = format!("deblurd restore {input} --psf disk:1 --sigma 2 --model none -o {output}");
    let outcome = run_line(&workshop, &line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let (picture, tags) = read_tagged(&workshop.path(output)).expect("a picture");
    assert_eq!(picture.extent(), scene(64, 48).extent(), "the samples were turned");
    (tags, outcome.stderr)
}

/// What the files say is kept, but for what is `told` to be lost.
#[track_caller]
fn check_kept(bytes: &[u8], names: [&str; 2], kept: &Tags, told: &[&str]) {
    let (tags, stderr) = restored(bytes, names);
    let per_metre = |tags: &Tags| tags.density.map(Density::per_metre);
    assert_eq!(per_metre(&tags), per_metre(kept), "{names:?}");
    assert_eq!(Tags { density: None, ..tags }, Tags { density: None, ..kept.clone() }, "{names:?}");
    assert_eq!(stderr.contains("not kept of its input"), !told.is_empty(), "{stderr}");
    told.iter().for_each(|word| assert!(stderr.contains(word), "no '{word}' in: {stderr}"));
}

fn png(picture: &Picture, tags: &Tags) -> Vec<u8> {
    encode_tagged_png(picture, tags).expect("a PNG").0
}

fn jpeg(picture: &Picture, tags: &Tags) -> Vec<u8> {
    encode_tagged_jpeg(picture, 95, tags).expect("a JPEG").0
}

#[apply(trial)]
fn what_files_say_is_kept() {
    let colour = scene(64, 48);
    let common = common();
    let all = Tags { chunks: chunks(), ..common.clone() };
    check_kept(&png(&colour, &all), ["a.png", "b.png"], &all, &[]);
    check_kept(&jpeg(&colour, &common), ["a.jpg", "b.jpg"], &common, &[]);
    check_kept(&jpeg(&colour, &common), ["a.jpg", "b.png"], &common, &[]);
    let lost = ["(gAMA)", "(cHRM)", "(cICP)", "(sBIT)", "text"];
    check_kept(&png(&colour, &all), ["a.png", "b.jpg"], &common, &lost);
    let xmp = (1, b"http://ns.adobe.com/xap/1.0/\0<x/>".to_vec());
    let with_text = Tags { segments: vec![xmp], ..common.clone() };
    check_kept(&jpeg(&colour, &with_text), ["a.jpg", "b.jpg"], &with_text, &[]);
    check_kept(&jpeg(&colour, &with_text), ["a.jpg", "b.png"], &common, &["text"]);
    // A picture of which nothing is said, and one whose colours are the usual ones.
    check_kept(
        &encode_jpeg(&colour, 95).expect("a JPEG"),
        ["a.jpg", "b.png"],
        &Tags::default(),
        &[],
    );
    let usual = Tags { chunks: vec![(*b"sRGB", vec![0])], ..Tags::default() };
    check_kept(&png(&colour, &usual), ["a.png", "b.jpg"], &Tags::default(), &[]);
    // A profile of other colours than those of the samples.
    let inks = Tags { profile: Some(profile(b"CMYK")), ..Tags::default() };
    let lost = ["a colour profile (ICC) of other colours"];
    check_kept(&jpeg(&colour, &inks), ["a.jpg", "b.jpg"], &Tags::default(), &lost);
}

#[apply(trial)]
fn who_keeps_nothing_says_so() {
    let workshop = Workshop::new();
    workshop.write("in.jpg", jpeg(&scene(64, 48), &common()));
    let told = run_line(&workshop, "deblurd estimate in.jpg -o camera.npz").stderr;
    assert!(told.contains("in.jpg: the orientation 6 is ignored"), "{told}");
    workshop.write(
        "run.toml",
        "[source]\nkind = 'files'\npaths = ['in.jpg', 'in.jpg']\n\
         [restore]\npsf = 'disk:1'\nsigma = 2\nmodel = 'none'\n\
         [pipeline]\noverflow = 'wait'\n[[sink]]\nkind = 'png'\nfolder = 'out'\n",
    );
    let told = workshop.succeed(&["run", "--config", "run.toml"]).stderr;
    let words = "in.jpg: not kept in a stream: EXIF with the orientation 6, the colour profile (ICC), \
                 the resolution";
    assert_eq!(told.matches(words).count(), 1, "{told}");
}

/// A PNG of 1x1 whose profile, packed, is a gigabyte of noughts must be read in little memory.
#[apply(trial)]
fn a_profile_that_unpacks_without_end_is_left() {
    let workshop = Workshop::new();
    let picture = encode_png(&scene(64, 48)).expect("a PNG");
    workshop.write("plain.png", &picture);
    let script = "import sys, struct, zlib\n\
        plain = open('plain.png', 'rb').read()\n\
        packer = zlib.compressobj(9)\n\
        data = b'x\\0\\0' + b''.join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()\n\
        chunk = b'iCCP' + data\n\
        chunk = struct.pack('>I', len(data)) + chunk + struct.pack('>I', zlib.crc32(chunk))\n\
        open('bomb.png', 'wb').write(plain[:33] + chunk + plain[33:])\n";
    workshop.write("make.py", script);
    let made = run_line(&workshop, "python3 make.py");
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let line = "ulimit -v 2000000; deblurd restore bomb.png --psf disk:1 --sigma 2 --model none \
                --threads 1 -o out.png";
    let outcome = run_line(&workshop, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("a damaged colour profile (ICC)"), "{}", outcome.stderr);
    let restored = read_tagged(Path::new(&workshop.path("out.png"))).expect("a picture");
    assert_eq!(restored.1, Tags::default());
}
