//! Outputs that are inputs, by any door and any name, are refused before anything is written.

use std::os::unix::fs::symlink;

use super::run_line;
use crate::harness::{apply, trial};
use crate::program::{Workshop, stream};

const RESTORE: &str = "--psf disk:2 --sigma 2 --model none";

/// A folder with a picture and a stream, each under three names, a PSF and a truth.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 64, 48);
    workshop.write("in.y4m", stream(64, 48, 1));
    workshop.write("kernel.txt", "0 1 0\n1 2 1\n0 1 0\n");
    for ending in ["png", "y4m"] {
        let real = workshop.path(&format!("in.{ending}"));
        std::fs::hard_link(&real, workshop.path(&format!("hard.{ending}"))).expect("a link");
        symlink(&real, workshop.path(&format!("soft.{ending}"))).expect("a link");
    }
    workshop.make_folder("truth");
    workshop.write_scene("truth/in.png", 64, 48);
    workshop
}

/// The line must end with `code` and those words, and leave every byte as it was.
#[track_caller]
fn check_kept(workshop: &Workshop, line: &str, code: i32, words: &str) {
    let (files, bytes) = (workshop.inventory(), contents(workshop));
    let outcome = run_line(workshop, line);
    assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
    assert!(outcome.stderr.contains(words), "{line} does not say '{words}': {}", outcome.stderr);
    assert_eq!(workshop.inventory(), files, "{line}");
    assert!(contents(workshop) == bytes, "{line} changes a file");
}

fn contents(workshop: &Workshop) -> Vec<Option<Vec<u8>>> {
    let names = workshop.inventory().into_keys();
    names.map(|name| std::fs::read(workshop.path(&name)).ok()).collect()
}

#[apply(trial)]
fn no_command_replaces_what_it_reads() {
    let workshop = workshop();
    for output in ["in.y4m", "hard.y4m", "soft.y4m", "./truth/../in.y4m"] {
        let words = format!("{output} is an input, too (expected another output)");
        for input in ["in.y4m", "soft.y4m", "- < in.y4m", "- < hard.y4m"] {
            let line = format!("deblurd restore {RESTORE} -o {output} {input}");
            check_kept(&workshop, &line, 2, &words);
        }
    }
    for output in ["- 1<> in.y4m", "- >> soft.y4m", "/dev/stdout >> in.y4m"] {
        let line = format!("deblurd restore in.y4m {RESTORE} -o {output}");
        check_kept(&workshop, &line, 2, "is an input, too");
    }
    for command in ["restore", "simulate"] {
        for output in ["hard.png", "soft.png", "/dev/stdout >> in.png"] {
            let line = format!("deblurd {command} in.png --psf disk:2 -o {output}");
            check_kept(&workshop, &line, 2, "is an input, too");
        }
        workshop.write_scene("kernel.png", 5, 5);
        let line = format!("deblurd {command} in.png --psf kernel.png -o kernel.png");
        check_kept(&workshop, &line, 2, "kernel.png is an input, too");
    }
    for truth in ["truth/in.png -o truth/in.png", "truth -o truth"] {
        let line = format!("deblurd restore in.png {RESTORE} --truth {truth}");
        check_kept(&workshop, &line, 2, "truth/in.png is an input, too");
    }
    let evaluate = "deblurd evaluate in.png --psf kernel.txt --sigma 2 --model none --json";
    for output in ["in.png", "soft.png", "kernel.txt"] {
        check_kept(&workshop, &format!("{evaluate} {output}"), 2, "is an input, too");
    }
    std::fs::hard_link(workshop.path("in.png"), workshop.path("in.npz")).expect("a link");
    for command in ["estimate", "calibrate"] {
        let line = format!("deblurd {command} in.png -o in.npz");
        check_kept(&workshop, &line, 2, "in.npz is an input, too");
        let line = format!("deblurd {command} truth -o new.npz --report new.npz");
        check_kept(&workshop, &line, 2, "new.npz for two outputs");
    }
}

/// What runs as the same, device to device, is nobody's loss.
#[apply(trial)]
fn devices_may_be_read_and_written() {
    let workshop = workshop();
    let line = format!("deblurd restore - {RESTORE} -o - < in.y4m | cat > out.y4m");
    assert_eq!(run_line(&workshop, &line).code, Some(0));
    let line = format!("deblurd restore in.y4m {RESTORE} -o /dev/null < /dev/null");
    assert_eq!(run_line(&workshop, &line).code, Some(0));
}

/// The configuration must be refused by check and run, with the key and those words.
#[track_caller]
fn check_refused(workshop: &Workshop, source: &str, sinks: &str, words: &str) {
    let restore = "[restore]\npsf = 'kernel.txt'\nsigma = 2\nmodel = 'none'\n";
    workshop.write("run.toml", format!("[source]\n{source}\n{restore}{sinks}"));
    for command in ["check", "run"] {
        let line = format!("deblurd {command} --config run.toml < in.y4m");
        check_kept(workshop, &line, 78, words);
    }
}

#[apply(trial)]
fn no_daemon_replaces_what_it_reads() {
    let workshop = workshop();
    let y4m = |path: &str| format!("[[sink]]\nkind = 'y4m'\npath = '{path}'\n");
    let png = |path: &str| format!("[[sink]]\nkind = 'png'\nfolder = '{path}'\n");
    let record =
        |path: &str| format!("[[sink]]\nkind = 'record'\nfolder = '{path}'\nsize_max_mb = 9\n");
    let stream = "kind = 'y4m'\npath = 'in.y4m'";
    for path in ["in.y4m", "hard.y4m", "soft.y4m", "kernel.txt", "run.toml"] {
        let words = format!("sink.0.path: '{path}' is read, too (expected another place)");
        check_refused(&workshop, stream, &y4m(path), &words);
    }
    let standard = "kind = 'y4m'\npath = '-'";
    check_refused(&workshop, standard, &y4m("soft.y4m"), "sink.0.path: 'soft.y4m' is read, too");
    let files = "kind = 'files'\npaths = ['truth']";
    for sink in [png("truth"), record("./truth"), y4m("truth/in.png")] {
        check_refused(&workshop, files, &sink, "is read, too");
    }
    let file = "kind = 'files'\npaths = ['truth/in.png']";
    check_refused(&workshop, file, &png("truth"), "sink.0.folder: 'truth' is read, too");
    let scene = "kind = 'scene'\nextent = '64x48'";
    workshop.make_folder("out");
    symlink("out", workshop.path("also")).expect("a link");
    for (first, second) in [
        (y4m("new.y4m"), y4m("./new.y4m")),
        (y4m("-"), y4m("-")),
        (png("out"), png("also")),
        (png("new"), record("out/../new")),
    ] {
        let words = "is written by sink.0.";
        check_refused(&workshop, scene, &format!("{first}{second}"), words);
    }
}
