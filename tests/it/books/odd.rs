//! What is odd but no reason to stop: a bad file among good ones, variables of others.

use super::run_line;
use crate::harness::{apply, trial};
use crate::program::Workshop;

/// Two pictures, one that is none, and one that another system has left.
fn folder() -> Workshop {
    let workshop = Workshop::new();
    workshop.make_folder("in");
    workshop.write_scene("in/a.png", 64, 48);
    workshop.write("in/._a.png", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ");
    workshop.write("in/b.png", "no picture");
    workshop.write_scene("in/z.png", 64, 48);
    workshop
}

/// The command does what it can, and says what it could not.
#[track_caller]
fn check_goes_on(workshop: &Workshop, arguments: &str, made: &[&str], words: &[&str]) {
    let outcome = run_line(workshop, &format!("deblurd {arguments}"));
    assert_eq!(outcome.code, Some(65), "{arguments}: {}", outcome.stderr);
    for word in [&["in/b.png: neither PNG nor JPEG"], words].concat() {
        assert!(outcome.stderr.contains(word), "{arguments}: no '{word}' in {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("._a.png"), "{}", outcome.stderr);
    for name in made {
        assert!(workshop.path(name).is_file(), "{arguments} makes no {name}");
    }
}

#[apply(trial)]
fn one_bad_file_ends_no_work() {
    let workshop = folder();
    let restore = "restore in --psf disk:2 --sigma 2 --model none -o out";
    let out = ["out/a.png", "out/z.png"];
    check_goes_on(&workshop, restore, &out, &["1 of 3 pictures were not restored"]);
    let simulate = "simulate in --psf disk:2 -o blurred";
    let blurred = ["blurred/a.png", "blurred/z.png"];
    check_goes_on(&workshop, simulate, &blurred, &["1 of 3 pictures were not blurred"]);
    workshop.make_folder("psfs");
    workshop.write("psfs/good.txt", "0 1 0\n1 2 1\n0 1 0\n");
    workshop.write("psfs/bad.txt", "no PSF");
    workshop.write("psfs/.bad.txt", "no PSF either");
    let evaluate = "evaluate in --psf psfs --sigma 2 --model none --json table.json";
    check_goes_on(&workshop, evaluate, &["table.json"], &["psfs/bad.txt", "passed over"]);
    let table = std::fs::read_to_string(workshop.path("table.json")).expect("a table");
    assert!(table.contains("a.png") && table.contains("z.png") && !table.contains("bad"));
}

#[apply(trial)]
fn one_bad_file_ends_no_calibration() {
    let workshop = folder();
    workshop.write_scene("in/a.png", 80, 80);
    let outcome = run_line(&workshop, "deblurd estimate in -o camera.npz --family disk --force");
    for words in [
        "in/b.png: neither PNG nor JPEG: passed over",
        "z.png is 64x48 (expected 80x80, as the first): passed over",
    ] {
        assert!(outcome.stderr.contains(words), "no {words} in {}", outcome.stderr);
    }
    assert_eq!(outcome.code, Some(65));
}

#[apply(trial)]
fn variables_of_others_are_left_alone() {
    let workshop = Workshop::new();
    workshop.write(
        "run.toml",
        "[source]\nkind = 'scene'\nextent = '64x48'\n\
         [restore]\npsf = 'disk:1'\nsigma = 2\nmodel = 'none'\n\
         [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n",
    );
    let check = |variable: &str, code: i32, words: &str| {
        let outcome = run_line(&workshop, &format!("{variable} deblurd check --config run.toml"));
        assert_eq!(outcome.code, Some(code), "{variable}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{variable}: {}", outcome.stderr);
    };
    check("DEBLURD_PORT=tcp://10.0.0.1:8080", 0, "DEBLURD_PORT is left alone");
    check("DEBLURD_SINK__0__TOKEN=1234567890123456", 0, "");
    check("DEBLURD_SINK__0__NO=1", 78, "sink.0.no");
}

#[apply(trial)]
fn a_level_that_is_none_silences_nothing() {
    let workshop = Workshop::new();
    let picture = image::RgbaImage::new(40, 30);
    picture.save(workshop.path("in.png")).expect("a picture");
    for level in ["verbose", "WARNING", "deblurd=loud"] {
        let restore = "deblurd restore in.png --psf disk:2 --sigma 2 --model none -o out.png";
        let told = run_line(&workshop, &format!("DEBLURD_LOG={level} {restore}")).stderr;
        assert!(
            told.contains(&format!("DEBLURD_LOG has '{level}' (expected error, warn")),
            "{told}"
        );
        assert_eq!(told.matches("transparency is ignored").count(), 1, "{told}");
    }
}
