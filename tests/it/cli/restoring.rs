//! Pictures and streams, made sharp.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

use deblurd::frame::colour::luma;
use deblurd::frame::{Extent, Layout, Picture, PictureFormat};
use deblurd::restore::quality::psnr_db;
use deblurd::sink::{encode_jpeg, encode_png};
use deblurd::source::read_picture;
use serde_json::Value;

use super::check_books;
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, play, scene, stream};
use crate::support::shared_data;

/// Blurs a picture and restores it; the result must be of the same kind and clearly better.
#[track_caller]
fn check_restores(name: &str, sharp: &Picture, bytes: &[u8]) {
    let workshop = Workshop::new();
    let (blurred, restored) = (format!("blurred-{name}"), format!("restored-{name}"));
    workshop.write(name, bytes);
    let options = ["--psf", "motion:9,30", "--sigma", "1", "--boundary", "circular"];
    workshop.succeed(&[&["simulate", name, "-o", &blurred], options.as_slice()].concat());
    workshop.succeed(&[&["restore", &blurred, "-o", &restored], options.as_slice()].concat());
    let [blurred, restored] =
        [&blurred, &restored].map(|name| read_picture(&workshop.path(name)).expect("a picture"));
    assert_eq!(restored.format(), sharp.format(), "{name}");
    let [before, after] = [&blurred, &restored].map(|p| psnr_db(&luma(p), &luma(sharp)));
    assert!(after > before + 3.0, "{name}: {before:.2} dB before, {after:.2} dB after");
}

#[apply(trial)]
fn pictures_of_every_kind_are_restored() {
    let colour = scene(160, 121);
    let gray = luma(&colour);
    for (name, picture) in [("rgb.png", &colour), ("gray.png", &gray)] {
        check_restores(name, picture, &encode_png(picture).expect("a PNG"));
        let deep = deepened(picture);
        check_restores(&format!("deep-{name}"), &deep, &encode_png(&deep).expect("a PNG"));
    }
    for (name, picture) in [("rgb.jpg", &colour), ("gray.jpeg", &gray)] {
        let jpeg = encode_jpeg(picture, 97).expect("a JPEG");
        let decoded = deblurd::source::decode_picture(&jpeg, name.as_ref()).expect("a picture");
        check_restores(name, &decoded, &jpeg);
    }
}

/// The same picture with 16 bits.
fn deepened(picture: &Picture) -> Picture {
    let mut deep = Picture::new(PictureFormat { depth: 16, ..picture.format() });
    for (target, source) in deep.planes_mut().iter_mut().zip(picture.planes()) {
        let samples = target.samples_mut().iter_mut().zip(source.samples());
        samples.for_each(|(target, source)| *target = source * 257);
    }
    deep
}

#[apply(trial)]
fn a_folder_is_restored() {
    let workshop = Workshop::new();
    workshop.make_folder("in");
    workshop.write_scene("in/a.png", 96, 64);
    workshop.write_scene("in/b.v2.png", 80, 60);
    workshop.write("in/c.jpg", encode_jpeg(&scene(70, 50), 90).expect("a JPEG"));
    workshop.write("in/notes.txt", "no picture");
    workshop.succeed(&["restore", "in", "--psf", "disk:2", "--sigma", "2", "-o", "out"]);
    let names: Vec<String> =
        workshop.inventory().into_keys().filter(|name| name.starts_with("out/")).collect();
    assert_eq!(names, ["out/", "out/a.png", "out/b.v2.png", "out/c.png"]);
    let picture = read_picture(&workshop.path("out/c.png")).expect("a picture");
    assert_eq!((picture.extent(), picture.format().layout), (Extent::new(70, 50), Layout::Rgb));
}

#[apply(trial)]
fn every_option_of_restore_works() {
    let workshop = Workshop::new();
    workshop.write("in.png", encode_png(&scene(64, 48)).expect("a PNG"));
    let mut results = BTreeSet::new();
    for options in [
        [].as_slice(),
        // It is sharp: where it may overrule what is told it shows more noise than networks are asked about.
        &["--guard", "false", "--model", "none"],
        &["--model", "none", "--regulariser", "flat:0.01"],
        &["--guard", "false", "--model", "base-f32"],
        &["--regulariser", "flat:1"],
        &["--boundary", "circular"],
        &["--transfer", "srgb"],
        &["--transfer", "bt709"],
        &["--channels", "rgb"],
        &["--guard", "false"],
        &["--guard", "false", "--sigma", "5"],
    ] {
        let fixed = ["restore", "in.png", "--psf", "disk:2", "-o", "out.png"];
        let sigma = if options.contains(&"--sigma") { &[][..] } else { &["--sigma", "2"] };
        workshop.succeed(&[fixed.as_slice(), sigma, options].concat());
        let result = std::fs::read(workshop.path("out.png")).expect("a picture");
        assert!(results.insert(result), "{options:?} changes nothing");
    }
    for threads in ["1", "3"] {
        let fixed = ["restore", "in.png", "--psf", "disk:2", "--sigma", "2", "-o", "out.png"];
        workshop.succeed(&[fixed.as_slice(), &["--threads", threads]].concat());
        let result = std::fs::read(workshop.path("out.png")).expect("a picture");
        assert!(results.contains(&result), "{threads} threads change the result");
    }
}

#[apply(trial)]
fn every_form_of_psf_is_read() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 64, 48);
    let mut point = Picture::new(PictureFormat::gray(Extent::new(5, 3)));
    point.planes_mut()[0].row_mut(1).copy_from_slice(&[0, 30, 60, 30, 0]);
    workshop.write("kernel.png", encode_png(&point).expect("a PNG"));
    workshop.write("kernel.txt", "0 0 0 0 0\n0 1 2 1 0\n0 0 0 0 0\n");
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 5), }";
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(format!("{header:<117}\n").bytes());
    let samples = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0_f64];
    npy.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    workshop.write("kernel.npy", npy);
    let mut results = BTreeSet::new();
    for kernel in ["kernel.png", "kernel.txt", "kernel.npy"] {
        workshop.succeed(&["restore", "in.png", "--psf", kernel, "--sigma", "2", "-o", "out.png"]);
        results.insert(std::fs::read(workshop.path("out.png")).expect("a picture"));
    }
    assert_eq!(results.len(), 1, "one PSF in three formats gives several results");
    for formula in ["gaussian:1.5", "disk:2", "motion:7,45"] {
        workshop.succeed(&["restore", "in.png", "--psf", formula, "--sigma", "2", "-o", "out.png"]);
        results.insert(std::fs::read(workshop.path("out.png")).expect("a picture"));
    }
    assert_eq!(results.len(), 4, "PSFs that differ give one result");
}

/// The estimate that the program tells must be near the noise that was added.
#[track_caller]
fn check_estimate(stderr: &str) {
    let (_, rest) = stderr.split_once("noise estimated at ").expect("an estimate");
    let sigma: f64 = rest.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    assert!((3.5..6.5).contains(&sigma), "noise of 5 is estimated at {sigma}");
}

#[apply(trial)]
fn noise_is_estimated_and_told() {
    let workshop = Workshop::new();
    workshop.write_scene("sharp.png", 200, 150);
    let psf = ["--psf", "disk:3"];
    let simulate = ["simulate", "sharp.png", "--sigma", "5", "-o", "in.png"];
    workshop.succeed(&[simulate.as_slice(), &psf].concat());
    let told =
        workshop.succeed(&[["restore", "in.png", "-o", "out.png"].as_slice(), &psf].concat());
    check_estimate(&told.stderr);
    assert!(told.stderr.starts_with("in.png: "), "{}", told.stderr);

    let picture = read_picture(&workshop.path("in.png")).expect("a picture");
    let Extent { width, height } = picture.extent();
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F25:1 Cmono\nFRAME\n").into_bytes();
    let samples = picture.planes()[0].samples().iter();
    bytes.extend(samples.map(|&sample| u8::try_from(sample).expect("8 bits")));
    workshop.write("in.y4m", &bytes);
    let told =
        workshop.succeed(&[["restore", "in.y4m", "-o", "out.y4m"].as_slice(), &psf].concat());
    check_estimate(&told.stderr);
    assert_eq!(play(&workshop.path("out.y4m")).0.len(), 1, "the first frame is lost");
    workshop
        .write("none.y4m", &bytes[..bytes.iter().position(|&b| b == b'\n').expect("a line") + 1]);
    workshop.succeed(&[["restore", "none.y4m", "-o", "none-out.y4m"].as_slice(), &psf].concat());
    assert_eq!(play(&workshop.path("none-out.y4m")).0.len(), 0, "frames out of nothing");
}

/// Somebody has found the focus since the blur was told.
#[apply(trial)]
fn a_sharp_picture_goes_on_as_it_came() {
    let workshop = Workshop::new();
    let sharp = scene(320, 240);
    workshop.write("sharp.png", encode_png(&sharp).expect("a PNG"));
    let command = ["restore", "sharp.png", "-o", "out.png", "--psf", "disk:4", "--sigma", "2"];
    let said = workshop.succeed(&command).stderr;
    assert!(
        said.contains("sharp.png: is sharp already") && !said.contains("shows a noise"),
        "{said}"
    );
    assert!(read_picture(&workshop.path("out.png")).expect("a picture") == sharp);
    // Whoever is sure is believed.
    workshop.succeed(&[&command[..], &["--trust", "measured"]].concat());
    assert!(read_picture(&workshop.path("out.png")).expect("a picture") != sharp);
}

#[apply(trial)]
fn files_and_pipes_give_the_same_stream() {
    let workshop = Workshop::new();
    let bytes = stream(96, 64, 5);
    workshop.write("in.y4m", &bytes);
    let options = ["--psf", "motion:7,0", "--sigma", "2"];
    let told =
        workshop.succeed(&[["restore", "in.y4m", "-o", "out.y4m"].as_slice(), &options].concat());
    check_books(&told, "captured", 5);
    check_books(&told, "y4m:", 5);
    let file = std::fs::read(workshop.path("out.y4m")).expect("a stream");
    assert_eq!(play(&workshop.path("out.y4m")).0.len(), 5);

    let mut command =
        workshop.command(&[["restore", "-", "-o", "-"].as_slice(), &options].concat());
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.take_stdin().write_all(&bytes).expect("a reader");
    let piped = running.finish();
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
    assert!(
        piped.stdout == file,
        "a pipe gives {} bytes, a file {}",
        piped.stdout.len(),
        file.len()
    );
}

#[apply(trial)]
#[needs(SharedData)]
fn photographs_get_sharper() {
    let workshop = Workshop::new();
    let kodak = shared_data().join("test/kodak");
    let mut photographs: Vec<_> = std::fs::read_dir(&kodak)
        .expect("the photographs")
        .filter_map(|e| Some(e.ok()?.path()))
        .collect();
    photographs.sort();
    let psf = std::fs::read_dir(shared_data().join("psf/levin")).expect("the kernels");
    let mut psfs: Vec<_> = psf.filter_map(|entry| Some(entry.ok()?.path())).collect();
    psfs.sort();
    let shown = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let (photograph, psf) = (shown(&photographs[0]), shown(&psfs[0]));
    let arguments =
        ["evaluate", &photograph, "--psf", &psf, "--sigma", "2.55", "--json", "table.json"];
    workshop.succeed(&arguments);
    let table = std::fs::read(workshop.path("table.json")).expect("a file");
    let table: Value = serde_json::from_slice(&table).expect("JSON");
    let psnr = |index: usize| table["mean"][index]["psnr_db"].as_f64().expect("a number");
    assert!(psnr(2) > psnr(1) && psnr(1) > psnr(0), "{}", table["mean"]);
}
