//! What is known of a camera: PSFs and calibrations, shown, converted, compared and used.

use std::collections::BTreeMap;

use deblurd::frame::Extent;
use deblurd::optics::{Blur, Calibration, Field, GrayLevels, Psf, Transfer};
use deblurd::restore::quality::psnr_db;
use deblurd::source::read_picture;
use serde_json::Value;

use crate::harness::{apply, trial};
use crate::program::Workshop;
use crate::support::shared_data;

/// A PSF that stands in no way like the same turned.
const LOPSIDED: &str = "0 0 0 0 1\n0 0 0 1 0\n0 0 4 0 0\n0 9 0 0 0\n9 0 0 0 0\n";

fn psf(bytes: &[u8]) -> Psf {
    Psf::from_bytes(bytes).expect("a PSF")
}

fn bytes(workshop: &Workshop, name: &str) -> Vec<u8> {
    std::fs::read(workshop.path(name)).expect("a file")
}

/// The numbers that the program writes of those PSFs.
#[track_caller]
fn numbers(workshop: &Workshop, arguments: &[&str]) -> Vec<Value> {
    workshop.succeed(&[&["psf", "--json", "numbers.json"], arguments].concat());
    let numbers: Value = serde_json::from_slice(&bytes(workshop, "numbers.json")).expect("JSON");
    numbers.as_array().expect("a list").clone()
}

#[track_caller]
fn check_close(value: &Value, expected: f64, tolerance: f64) {
    let is = value.as_f64().unwrap_or(f64::NAN);
    assert!((is - expected).abs() <= tolerance, "{is} is not {expected}");
}

#[apply(trial)]
fn psfs_are_told_in_numbers() {
    let workshop = Workshop::new();
    workshop.write("kernel.txt", "0,5; 1; 0,5\n0,5; 1; 0,5\n");
    let told = numbers(&workshop, &["disk:3", "kernel.txt", "--sigma", "1.5"]);
    let [disk, kernel] = told.as_slice() else { panic!("{told:?}") };
    check_close(&disk["disk_radius"], 3.0, 0.05);
    check_close(&disk["lost"]["sigma"], 1.5, 0.0);
    check_close(&kernel["sum"], 4.0, 1e-12);
    assert_eq!(kernel["extent"], serde_json::json!({"width": 3, "height": 3}));
    check_close(&kernel["shape"]["down"], -0.5, 1e-12);
    let notes = kernel["notes"].to_string();
    assert!(notes.contains("decimal points") && notes.contains("the height 2 is even"), "{notes}");
    let text = workshop.succeed(&["psf", "kernel.txt"]).text();
    for words in ["text, 3x2, sum 4\n", "decimal points", "as in convolution", "lost", "▓▓██▓▓"]
    {
        assert!(text.contains(words), "no {words} in:\n{text}");
    }
}

#[apply(trial)]
fn psfs_are_drawn() {
    let workshop = Workshop::new();
    workshop.write("kernel.txt", LOPSIDED);
    workshop.succeed(&["psf", "kernel.txt", "motion:200,10", "--picture", "drawn.png"]);
    let drawn = read_picture(&workshop.path("drawn.png")).expect("a picture");
    assert_eq!(drawn.extent(), Extent::new(832, 608));
    let sample = |x: usize, y: usize| drawn.planes()[0].row(y)[x];
    // 51 pixels a sample: the brightest is the lower left one; frequency zero keeps everything.
    assert_eq!(sample(16 + 25, 16 + 24 + 230), 255, "the PSF stands otherwise");
    assert_eq!(sample(16 + 25, 16 + 24 + 25), 0, "the PSF stands otherwise");
    assert_eq!(sample(288 + 128, 16 + 24 + 128), 255, "the OTF is not 1 at frequency zero");
    assert_eq!(sample(560 + 128, 16 + 24 + 128), 0, "frequency zero is lost");
}

#[apply(trial)]
fn psfs_are_converted_and_turned() {
    let workshop = Workshop::new();
    workshop.write("kernel.txt", LOPSIDED);
    let is = psf(LOPSIDED.as_bytes());
    for (name, turn, expected, tolerance) in [
        ("a.txt", vec![], is.clone(), 1e-6),
        ("b.npy", vec!["--turn", "180"], is.turned(), 1e-6),
        ("c.png", vec!["--turn", "90"], is.turned_left(), 2e-5),
        ("d.TXT", vec!["--turn", "270"], is.turned_left().turned(), 1e-6),
        ("e.npy", vec!["--turn", "mirror"], is.mirrored(), 1e-6),
    ] {
        let outcome =
            workshop.succeed(&[["psf", "kernel.txt", "-o", name].as_slice(), &turn].concat());
        let like = psf(&bytes(&workshop, name)).compare(&expected).expect("both fit");
        assert!(like.distance < tolerance && like.shift.0.abs() < 1e-3, "{name}: {like:?}");
        assert_eq!(outcome.stderr.contains("of the norm is lost"), name == "c.png", "{name}");
    }
    workshop.succeed(&["psf", "kernel.txt", "--sigma", "2", "-o", "f.npz"]);
    let camera = Calibration::from_bytes(&bytes(&workshop, "f.npz")).expect("a calibration");
    assert!(camera.blur == Blur::from(is) && camera.noise == GrayLevels::saturating(2.0));
    let told = workshop.succeed(&["psf", "f.npz"]).text();
    for words in ["calibration", "noise       2.00", "made        by file", "trust       guessed"] {
        assert!(told.contains(words), "no {words} in:\n{told}");
    }
}

#[apply(trial)]
fn psfs_are_compared() {
    let workshop = Workshop::new();
    workshop.write("kernel.txt", LOPSIDED);
    workshop.succeed(&["psf", "kernel.txt", "--turn", "180", "-o", "turned.txt"]);
    let told = numbers(&workshop, &["kernel.txt", "--compare", "turned.txt"]);
    let compared = &told[0]["compared"];
    check_close(&compared["distance_turned"], 0.0, 1e-3);
    check_close(&compared["width"], 1.0, 1e-9);
    assert!(compared["distance"].as_f64() > Some(0.3), "{compared}");
    assert!(compared["loss_db"].as_f64() > Some(1.0), "{compared}");
    let text = workshop.succeed(&["psf", "kernel.txt", "--compare", "turned.txt"]).text();
    assert!(text.contains("by 180 degrees the other is nearer"), "{text}");
    // Too wide costs more than too narrow.
    let loss = |other: &str| {
        let told = numbers(&workshop, &["disk:3", "--compare", other, "--sigma", "2.55"]);
        told[0]["compared"]["loss_db"].as_f64().expect("a number")
    };
    let (narrow, wide) = (loss("disk:2.7"), loss("disk:3.3"));
    assert!(wide > narrow && narrow > 0.1, "{narrow} dB and {wide} dB");
}

/// A calibration of frames of 160x120.
fn calibration(blur: impl Into<Blur>) -> Calibration {
    Calibration {
        transfer: Transfer::Gamma(2.2),
        extent: Some(Extent::new(160, 120)),
        controls: BTreeMap::from([("focus_absolute".to_owned(), 40)]),
        ..Calibration::new(blur, GrayLevels::saturating(1.5))
    }
}

#[apply(trial)]
fn a_calibration_brings_all_that_is_known() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 160, 120);
    workshop.write("kernel.txt", "0 1 0\n1 3 1\n0 1 0\n");
    let camera = calibration(psf(b"0 1 0\n1 3 1\n0 1 0\n"));
    workshop.write("camera.npz", camera.to_bytes().expect("an archive"));
    let restored = |options: &[&str]| {
        let fixed = ["restore", "in.png", "--model", "none", "-o", "out.png"];
        let outcome = workshop.succeed(&[fixed.as_slice(), options].concat());
        assert!(!outcome.stderr.contains("estimated"), "{}", outcome.stderr);
        bytes(&workshop, "out.png")
    };
    let kernel = |sigma, transfer| {
        restored(&["--psf", "kernel.txt", "--sigma", sigma, "--transfer", transfer])
    };
    let all = ["--psf", "camera.npz"];
    assert!(restored(&all) == kernel("1.5", "gamma:2.2"), "noise or curve did not come with it");
    let louder = [all.as_slice(), &["--sigma", "5"]].concat();
    assert!(restored(&louder) == kernel("5", "gamma:2.2"), "--sigma does not go before");
    let plain = [all.as_slice(), &["--transfer", "none"]].concat();
    assert!(restored(&plain) == kernel("1.5", "none"), "--transfer does not go before");
    // Noise alone is simulated: the curve is not that of a simulated camera.
    let simulated = |options: &[&str]| {
        workshop.succeed(&[["simulate", "in.png", "-o", "out.png"].as_slice(), options].concat());
        bytes(&workshop, "out.png")
    };
    assert!(simulated(&all) == simulated(&["--psf", "kernel.txt", "--sigma", "1.5"]));
    workshop.write_scene("small.png", 80, 60);
    let outcome = workshop.run(&["restore", "small.png", "--psf", "camera.npz", "-o", "out.png"]);
    assert_eq!(outcome.code, Some(65));
    let words = "the camera was calibrated at 160x120 and gives 80x60";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
}

#[apply(trial)]
fn a_configuration_may_name_a_calibration() {
    let workshop = Workshop::new();
    let configuration = |extent: &str, keys: &str| {
        format!(
            "[source]\nkind = 'scene'\nextent = '{extent}'\n\
             [restore]\npsf = 'camera.npz'\nmodel = 'none'\n{keys}\n\
             [[sink]]\nkind = 'y4m'\npath = '/dev/null'\n"
        )
    };
    let check = |code, extent: &str, keys: &str, words: &str| {
        workshop.write("deblurd.toml", configuration(extent, keys));
        let outcome = workshop.run(&["check", "--config", "deblurd.toml"]);
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        let told = outcome.text() + &outcome.stderr;
        assert!(told.contains(words), "no '{words}' in: {told}");
    };
    let one = psf(b"0 1 0\n1 3 1\n0 1 0\n");
    workshop.write("camera.npz", calibration(one.clone()).to_bytes().expect("an archive"));
    check(0, "160x120", "", "PSF      3x3");
    check(0, "160x120", "sigma = 2.0\ntransfer = 'gamma:2'", "PSF      3x3");
    check(78, "320x240", "", "the camera was calibrated at 160x120 and gives 320x240");
    check(
        78,
        "160x120",
        "transfer = 'gamma:7'",
        "'gamma:7' (expected auto, none, srgb, bt709, or gamma:G",
    );
    workshop.write("camera.npz", "0 1 0\n1 3 1\n0 1 0\n");
    check(78, "160x120", "", "restore: missing field `sigma` (expected gray levels of noise");
    check(0, "160x120", "sigma = 2.0", "PSF      3x3");
    let field = Field::new(2, vec![one; 4]).expect("a grid");
    workshop.write("camera.npz", calibration(field).to_bytes().expect("an archive"));
    check(0, "160x120", "", "PSF      2x2 of 3x3");
    workshop.write("camera.npz", b"PK\x03\x04no archive");
    check(78, "160x120", "", "camera.npz: the calibration cannot be read");
}

#[apply(trial)]
fn a_field_is_shown_simulated_and_restored() {
    let workshop = Workshop::new();
    let sharp = workshop.write_scene("in.png", 160, 120);
    let grid = [2.0, 2.5, 3.0, 3.5, 4.0, 4.5].map(|radius: f64| {
        let disk = Psf::from_formula(&format!("disk:{radius}")).expect("a formula");
        let text = disk.expect("a PSF").to_text();
        // All of the extent of the largest.
        let padded = psf(text.as_bytes()).rolled(Extent::new(11, 11)).expect("fits");
        let at = |n: usize| (n + 11 - 5) % 11;
        let samples = deblurd::frame::Plane::from_fn(Extent::new(11, 11), |x, y| {
            f64::from(padded.row(at(y))[at(x)])
        });
        Psf::new(samples).expect("a PSF")
    });
    let field = Field::new(3, grid.to_vec()).expect("a grid");
    workshop.write("camera.npz", calibration(field).to_bytes().expect("an archive"));
    let told = workshop.succeed(&["psf", "camera.npz", "--turn", "180", "-o", "turned.npz"]).text();
    assert!(told.contains("3x2 PSFs of 11x11") && told.contains("widths"), "{told}");
    let turned = Calibration::from_bytes(&bytes(&workshop, "turned.npz")).expect("a calibration");
    assert_eq!((turned.blur.grid(), turned.transfer), ((3, 2), Transfer::Gamma(2.2)));
    for arguments in [
        ["psf", "camera.npz", "--compare", "disk:3", "--sigma", "2"],
        ["psf", "camera.npz", "-o", "out.txt", "--sigma", "2"],
    ] {
        let outcome = workshop.run(&arguments);
        assert_eq!(outcome.code, Some(65), "{arguments:?}: {}", outcome.stderr);
        let words = "the blur differs over the field, in 3x2 PSFs (expected one PSF)";
        assert!(outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
    }
    let psf = ["--psf", "camera.npz", "--edges", "circular"];
    workshop.succeed(&[&["simulate", "in.png", "-o", "blurred.png"], &psf[..]].concat());
    let curve = ["--transfer", "none", "-o", "out.png"];
    workshop.succeed(&[&["restore", "blurred.png"], &psf[..], &curve].concat());
    let [blurred, restored] = ["blurred.png", "out.png"]
        .map(|name| psnr_db(&read_picture(&workshop.path(name)).expect("a picture"), &sharp));
    assert!(restored > blurred + 0.5, "{restored:.2} dB after {blurred:.2}");
}

#[apply(trial)]
fn what_psf_cannot_do_is_refused() {
    let workshop = Workshop::new();
    workshop.write("kernel.txt", LOPSIDED);
    workshop.write("other.txt", "1 2\n");
    workshop.write("not.npz", b"PK\x03\x04");
    workshop.write("ambiguous.csv", "1,2;3,4\n");
    workshop.make_folder("folder");
    let check = |arguments: &[&str], code: i32, words: &str| {
        let before = workshop.inventory();
        let outcome = workshop.run(&[&["psf"], arguments].concat());
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "no '{words}' in: {}", outcome.stderr);
        assert_eq!(workshop.inventory(), before, "{arguments:?} leaves something");
    };
    check(&["missing.txt"], 66, "cannot read missing.txt");
    check(&["folder"], 66, "cannot read folder");
    check(&["not.npz"], 65, "PSF not.npz: the calibration cannot be read");
    check(&["ambiguous.csv"], 65, "commas of the PSF may be decimal points or separate numbers");
    check(&["disk:0"], 65, "disk:RADIUS with a radius above 0");
    check(&["kernel.txt", "-o", "kernel.txt"], 2, "kernel.txt is an input, too");
    check(&["kernel.txt", "--compare", "other.txt", "-o", "other.txt"], 2, "is an input, too");
    check(&["kernel.txt", "--json", "./kernel.txt"], 2, "is an input, too");
    check(&["kernel.txt", "-o", "a.png", "--picture", "a.png"], 2, "a.png for two outputs");
    check(&["kernel.txt", "-o", "a.tiff"], 2, "a.tiff (expected .txt, .npy, .png or .npz)");
    check(&["kernel.txt", "--picture", "a.jpg"], 2, "a.jpg (expected .png)");
    check(&["kernel.txt", "other.txt", "-o", "a.txt"], 2, "a.txt for 2 PSFs (expected one PSF)");
    check(&["kernel.txt", "-o", "no/a.txt"], 73, "cannot write no/a.txt");
    check(&["kernel.txt", "-o", "a.npz"], 2, "expected --sigma");
    check(&["kernel.txt", "--turn", "45"], 2, "possible values: 90, 180, 270, mirror");
    check(&["kernel.txt", "missing.txt", "other.txt"], 66, "1 of 3 PSFs were not read; the first");
}

#[apply(trial)]
fn the_truth_tells_which_way_a_psf_stands() {
    let workshop = Workshop::new();
    workshop.write_scene("sharp.png", 160, 120);
    workshop.write("kernel.txt", LOPSIDED);
    workshop.succeed(&["psf", "kernel.txt", "--turn", "180", "-o", "turned.txt"]);
    workshop.succeed(&["simulate", "sharp.png", "--psf", "kernel.txt", "-o", "blurred.png"]);
    let told = |psf: &str| {
        let fixed = ["restore", "blurred.png", "--truth", "sharp.png", "--model", "none"];
        workshop.succeed(&[fixed.as_slice(), &["-o", "out.png", "--psf", psf]].concat()).stderr
    };
    let (right, wrong) = (told("kernel.txt"), told("turned.txt"));
    for told in [&right, &wrong] {
        assert!(told.contains(" dB blurred, "), "{told}");
    }
    let words = "the PSF turned by 180 degrees fits better";
    assert!(wrong.contains(words) && !right.contains(words), "{right}\n{wrong}");
    let arguments = ["restore", "sharp.png", "--psf", "disk:2", "--truth", "blurred.png"];
    let outcome = workshop.run(&[arguments.as_slice(), &["-o", "out.png"]].concat());
    assert_eq!(outcome.code, Some(65), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("(expected at least 160x120"), "{}", outcome.stderr);
}

/// Photographs whose kernels are published for correlation.
#[apply(trial)]
#[needs(SharedData)]
fn published_kernels_are_found_to_be_turned() {
    let workshop = Workshop::new();
    let data = shared_data().join("blind/levin");
    let name = |name: String| data.join(name).to_string_lossy().into_owned();
    for kernel in 1..=8 {
        let (photograph, psf) =
            (name(format!("im1_kernel{kernel}.png")), name(format!("kernel{kernel}.txt")));
        workshop.succeed(&["psf", &psf, "--turn", "180", "-o", "turned.txt"]);
        let sharp = name("im1_sharp.png".to_owned());
        for (psf, is_turned) in [(psf.as_str(), false), ("turned.txt", true)] {
            let fixed = ["restore", &photograph, "--truth", &sharp, "--model", "none"];
            let told =
                workshop.succeed(&[fixed.as_slice(), &["--psf", psf, "-o", "out.png"]].concat());
            let words = "the PSF turned by 180 degrees fits better";
            assert_eq!(told.stderr.contains(words), is_turned, "{kernel}: {}", told.stderr);
        }
    }
}
