//! Files that are written: numbered on, limited in size, or no files but devices and pipes.

use deblurd::source::{decode_picture, read_picture};

use super::run_line;
use crate::harness::{apply, trial};
use crate::program::{Workshop, stream};

const RESTORE: &str = "--psf disk:2 --sigma 2 --model none";

#[apply(trial)]
fn a_restart_replaces_no_picture() {
    let workshop = Workshop::new();
    workshop.write(
        "run.toml",
        "[source]\nkind = 'scene'\nextent = '64x48'\nframes = 2\nlive = false\n\
         [restore]\npsf = 'disk:1'\nsigma = 2\nmodel = 'none'\n\
         [pipeline]\noverflow = 'wait'\n[[sink]]\nkind = 'png'\nfolder = 'out'\n",
    );
    workshop.succeed(&["run", "--config", "run.toml"]);
    let first = std::fs::read(workshop.path("out/000000.png")).expect("a picture");
    let line = "DEBLURD_SOURCE__SEED=9 deblurd run --config run.toml";
    assert_eq!(run_line(&workshop, line).code, Some(0));
    let names: Vec<_> = workshop.inventory().into_keys().filter(|n| n.ends_with("png")).collect();
    let expected = ["000000", "000001", "000002", "000003"].map(|n| format!("out/{n}.png"));
    assert_eq!(names, expected);
    let again = std::fs::read(workshop.path("out/000000.png")).expect("a picture");
    assert!(again == first, "an old picture was replaced");
}

#[apply(trial)]
fn a_limit_of_file_sizes_is_an_error() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 320, 240);
    workshop.write("in.y4m", stream(320, 240, 2));
    let before = workshop.inventory();
    for (input, output) in [("in.png", "out.png"), ("in.y4m", "out.y4m")] {
        let line = format!("ulimit -f 8; deblurd restore {input} {RESTORE} -o {output}");
        let outcome = run_line(&workshop, &line);
        assert_eq!(outcome.code, Some(73), "{output}: {}", outcome.stderr);
        let words = format!("cannot write {output}: File too large");
        assert!(outcome.stderr.contains(&words), "{}", outcome.stderr);
        assert_eq!(workshop.inventory(), before, "something is left of {output}");
    }
    let line = format!("ulimit -f 8; deblurd restore in.png {RESTORE} -o /dev/stdout > out.png");
    assert_eq!(run_line(&workshop, &line).code, Some(73));
}

/// A picture written to a device or a pipe must be the one that a file gets.
#[track_caller]
fn check_written(workshop: &Workshop, line: &str, expected: &[u8]) {
    let outcome = run_line(workshop, line);
    assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
    assert!(outcome.stdout == expected, "{line} gives {} bytes", outcome.stdout.len());
}

#[apply(trial)]
fn pictures_go_to_devices_and_pipes() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 64, 48);
    let restore = format!("deblurd restore in.png {RESTORE} -o");
    run_line(&workshop, &format!("{restore} out.png"));
    let picture = std::fs::read(workshop.path("out.png")).expect("a picture");
    for line in [
        format!("{restore} /dev/stdout"),
        format!("{restore} /proc/self/fd/1 | cat"),
        format!("{restore} /dev/stdout > new.png && cat new.png"),
        format!("printf x > log; {restore} /dev/stdout >> log; tail -c +2 log"),
        format!("mkfifo pipe; cat pipe & {restore} pipe; wait"),
    ] {
        check_written(&workshop, &line, &picture);
    }
    check_written(&workshop, &format!("{restore} /dev/null"), &[]);
    let jpeg = run_line(&workshop, &format!("mkfifo p.jpg; cat p.jpg & {restore} p.jpg; wait"));
    decode_picture(&jpeg.stdout, "p.jpg".as_ref()).expect("a picture");
    assert!(jpeg.stdout.starts_with(b"\xFF\xD8"), "the ending says JPEG");
    let blurred = run_line(&workshop, "deblurd simulate in.png --psf disk:2 -o /dev/stdout");
    let extent = decode_picture(&blurred.stdout, "-".as_ref()).expect("a picture").extent();
    let sharp = read_picture(&workshop.path("in.png")).expect("a picture").extent();
    assert_eq!((extent.width, extent.height), (sharp.width - 4, sharp.height - 4));
    let many =
        run_line(&workshop, &format!("deblurd restore in.png in.png {RESTORE} -o /dev/null"));
    assert_eq!(many.code, Some(2), "{}", many.stderr);
}
