//! From frames to what is known of a camera: the target, calibration, estimation.

use std::collections::BTreeSet;

use deblurd::calibrate::target::Pattern;
use deblurd::frame::{Extent, Picture, PictureFormat};
use deblurd::optics::{Calibration, Method, Psf, Trust};
use deblurd::sink::encode_png;
use deblurd::source::read_picture;

use crate::harness::{apply, trial};
use crate::program::Workshop;
use crate::support::shared_data;

/// Samples a cell of the photographs.
const CELL: usize = 2;

fn formula(text: &str) -> Psf {
    Psf::from_formula(text).expect("a formula").expect("a PSF")
}

/// The target on a gray wall, straight on.
fn photograph(extent: Extent) -> Picture {
    let pattern = Pattern::noise(0);
    let Extent { width, height } = pattern.extent();
    let (left, top) = ((extent.width - CELL * width) / 2, (extent.height - CELL * height) / 2);
    let mut picture = Picture::new(PictureFormat::gray(extent));
    for (y, row) in picture.planes_mut()[0].rows_mut().enumerate() {
        for (x, sample) in row.iter_mut().enumerate() {
            let cell = x.checked_sub(left).zip(y.checked_sub(top));
            let cell = cell.map(|(x, y)| (x / CELL, y / CELL));
            let inside = cell.filter(|(x, y)| *x < width && *y < height);
            *sample = match inside {
                Some((x, y)) if pattern.cells().row(y)[x] > 0.5 => 200,
                Some(_) => 40,
                None => 120,
            };
        }
    }
    picture
}

fn write_picture(workshop: &Workshop, name: &str, picture: &Picture) {
    workshop.write(name, encode_png(picture).expect("a PNG"));
}

fn calibration(workshop: &Workshop, name: &str) -> Calibration {
    let bytes = std::fs::read(workshop.path(name)).expect("a file");
    Calibration::from_bytes(&bytes).expect("a calibration")
}

#[apply(trial)]
fn the_target_is_drawn_for_paper_and_screen() {
    let workshop = Workshop::new();
    let told = workshop.succeed(&["target"]).text();
    assert!(told.contains("target.svg, target.json"), "{told}");
    workshop.succeed(&["target", "-o", "sheet.pdf", "--paper", "letter", "--cell", "1.5"]);
    workshop.succeed(&["target", "-o", "screen.png", "--paper", "screen", "--seed", "7"]);
    let text = |name: &str| std::fs::read(workshop.path(name)).expect("a file");
    assert!(text("target.svg").starts_with(b"<svg") && text("sheet.pdf").starts_with(b"%PDF-1.4"));
    assert_eq!(
        read_picture(&workshop.path("screen.png")).expect("a picture").extent().height,
        1080
    );
    assert_eq!(text("screen.json"), br#"{"target":"noise","seed":7}"#);
}

#[apply(trial)]
fn frames_of_the_target_become_a_calibration_that_restores() {
    let workshop = Workshop::new();
    let extent = Extent::new(420, 380);
    write_picture(&workshop, "photo.png", &photograph(extent));
    workshop.make_folder("frames");
    for seed in ["1", "2", "3"] {
        let frame = format!("frames/{seed}.png");
        let simulate = ["simulate", "photo.png", "--psf", "disk:2", "--sigma", "2", "--seed", seed];
        workshop.succeed(&[&simulate[..], &["-o", &frame]].concat());
    }
    let calibrate = ["calibrate", "frames", "--transfer", "none", "-o", "camera.npz"];
    let told = workshop.succeed(&[&calibrate[..], &["--report", "report.html"]].concat()).text();
    for words in ["PSF", "noise", "curve     none", "3 of 3 frames", "written   camera.npz"] {
        assert!(told.contains(words), "no {words} in:\n{told}");
    }
    let camera = calibration(&workshop, "camera.npz");
    let error = formula("disk:2").compare(&camera.blur.psfs()[0]).expect("comparable").distance;
    assert!(error < 0.05, "the PSF is {error} off");
    assert!((camera.noise.get() - 2.0).abs() < 0.3, "{} gray levels", camera.noise);
    let origin = camera.origin.expect("an origin");
    assert_eq!((origin.method, origin.frames), (Method::Target, 3));
    assert_eq!(camera.certainty.expect("a certainty").trust, Trust::Measured);
    let report = std::fs::read_to_string(workshop.path("report.html")).expect("a report");
    for words in ["<svg", "data:image/png;base64,", "Decibels lost"] {
        assert!(report.contains(words), "the report has no {words}");
    }
    assert!(!report.contains("http"), "the report is not by itself");
    workshop.succeed(&["restore", "frames/1.png", "--psf", "camera.npz", "-o", "sharp.png"]);
    // A calibration is of one extent.
    write_picture(&workshop, "other.png", &photograph(Extent::new(300, 300)));
    let refused = workshop.run(&["restore", "other.png", "--psf", "camera.npz", "-o", "x.png"]);
    assert_eq!(refused.code, Some(65));
}

/// The command fails with that status and those words, and leaves nothing behind.
#[track_caller]
fn check_refused(workshop: &Workshop, arguments: &[&str], status: i32, words: &str) {
    let before: BTreeSet<String> = workshop.inventory().into_keys().collect();
    let outcome = workshop.run(arguments);
    assert_eq!(outcome.code, Some(status), "{arguments:?}: {}", outcome.stderr);
    assert!(outcome.stderr.contains(words), "no '{words}' in:\n{}", outcome.stderr);
    let after: BTreeSet<String> = workshop.inventory().into_keys().collect();
    assert_eq!(after, before, "{arguments:?} left something");
}

#[apply(trial)]
fn frames_that_tell_nothing_are_refused_by_what_they_lack() {
    let workshop = Workshop::new();
    let extent = Extent::new(320, 240);
    let whole = photograph(Extent::new(420, 380));
    write_picture(&workshop, "photo.png", &whole);
    let mut flat = Picture::new(PictureFormat::gray(extent));
    write_picture(&workshop, "black.png", &flat);
    flat.planes_mut()[0].samples_mut().fill(255);
    write_picture(&workshop, "white.png", &flat);
    flat.planes_mut()[0].samples_mut().fill(128);
    write_picture(&workshop, "flat.png", &flat);
    workshop.write("text.png", "no picture");
    workshop.make_folder("empty");
    let check = |arguments: &[&str], status, words| {
        check_refused(&workshop, arguments, status, words);
    };
    for picture in ["black.png", "white.png", "flat.png"] {
        check(&["calibrate", picture, "-o", "x.npz"], 65, "no target is in the picture");
    }
    // What the others tell is kept.
    let outcome = workshop.run(&["calibrate", "photo.png", "flat.png", "-o", "one.npz"]);
    assert_eq!(outcome.code, Some(65), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("expected 420x380"), "{}", outcome.stderr);
    assert!(workshop.inventory().contains_key("one.npz"), "nothing was written");
    check(&["calibrate", "empty", "-o", "x.npz"], 65, "holds no PNG or JPEG");
    check(&["calibrate", "nowhere", "-o", "x.npz"], 66, "cannot read nowhere");
    check(&["calibrate", "text.png", "-o", "x.npz"], 65, "text.png");
    check(&["calibrate", "photo.png", "-o", "nowhere/x.npz"], 73, "cannot write nowhere/x.npz");
    check(&["calibrate", "photo.png", "-o", "x.txt"], 2, "x.txt (expected .npz)");
    check(&["calibrate", "-o", "x.npz"], 2, "FRAMES");
    check(&["calibrate", "photo.png", "-o", "x.npz", "--grid", "0x3"], 2, "expected 1, or columns");
    check(&["calibrate", "photo.png", "-o", "x.npz", "--target", "flat.png"], 65, "flat.png");
    let as_target = |target, words| {
        check(&["calibrate", "photo.png", "-o", "x.npz", "--target", target], 65, words);
    };
    workshop.write_scene("scene.png", 64, 48);
    as_target("scene.png", "% of the pattern are gray");
    write_picture(&workshop, "wide.png", &Picture::new(PictureFormat::gray(Extent::new(2049, 16))));
    as_target("wide.png", "2049x16 cells (expected 16 to 2048 on a side)");
    as_target("text.png", "a picture of one sample a cell");
    check(&["estimate", "black.png", "-o", "x.npz"], 65, "the frames are black");
    check(&["estimate", "white.png", "-o", "x.npz"], 65, "is clipped");
    check(&["estimate", "flat.png", "-o", "x.npz"], 65, "next to nothing above their noise");
    check(&["target", "--cell", "9"], 2, "a cell of 9 mm");
    check(&["target", "-o", "x.gif"], 2, "x.gif (expected .svg, .pdf or .png)");
    check(&["run", "--device", "/dev/video99", "--psf", "disk:3"], 66, "/dev/video99");
}

#[apply(trial)]
#[needs(SharedData)]
fn ordinary_frames_tell_the_width_of_the_blur() {
    let kodak = shared_data().join("test/kodak");
    let workshop = Workshop::new();
    workshop.make_folder("sharp");
    for name in ["1.png", "2.png", "3.png"] {
        std::fs::copy(kodak.join(name), workshop.path(&format!("sharp/{name}"))).expect("a copy");
    }
    workshop.succeed(&["simulate", "sharp", "--psf", "disk:3", "--sigma", "2.55", "-o", "blurred"]);
    let estimate = ["estimate", "blurred", "--family", "disk", "--transfer", "none"];
    let told = workshop.succeed(&[&estimate[..], &["-o", "camera.npz"]].concat()).text();
    assert!(told.contains("a disk of radius"), "{told}");
    let camera = calibration(&workshop, "camera.npz");
    let width = camera.blur.psfs()[0].shape().disk_radius();
    assert!((width / 3.0 - 1.0).abs() < 0.04, "a radius of {width}");
    assert!(camera.reference.is_some(), "no spectra to hold later frames against");
    assert_eq!(camera.certainty.expect("a certainty").trust, Trust::Estimated);
}
