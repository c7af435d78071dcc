//! Configurations and command lines that ask for what cannot be.

use super::{SCENE, check_refused, check_told};
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, stream};

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

#[apply(trial)]
fn bad_configurations_are_refused() {
    let workshop = Workshop::new();
    for command in ["run", "check"] {
        let words = ["cannot read missing.toml", "No such file"];
        check_refused(&workshop, &[command, "--config", "missing.toml"], 78, &words);
    }
    workshop.write("latin.toml", b"# caf\xe9");
    for (name, problem) in [("/dev/zero", "larger than 1 MiB"), ("latin.toml", "utf-8")] {
        for command in ["run", "check"] {
            check_refused(&workshop, &[command, "--config", name], 78, &["cannot read", problem]);
        }
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
        &["source.kind: \"camera\" (expected one of v4l2, command, files, y4m, scene)"],
    );
    check_configuration("'64x48'", "'64'", &["source.extent: '64' is not WIDTHxHEIGHT"]);
    check_configuration("'64x48'", "'2x2'", &["extent is 2x2 (expected 64x36 to"]);
    check_configuration("[source]", "[sauce]", &["sauce: unknown section"]);
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
        &["model better", "expected none, nano"],
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

    let locked = "[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\ntoken_file = 'token'\n";
    workshop.write("locked.toml", format!("{SCENE}{locked}"));
    for command in ["run", "check"] {
        let arguments = [command, "--config", "locked.toml"];
        check_refused(&workshop, &arguments, 78, &["cannot read token"]);
    }
    workshop.write("token", "short\n");
    for command in ["run", "check"] {
        let words = ["the token in token: 5 characters (expected 16 to 256"];
        check_refused(&workshop, &[command, "--config", "locked.toml"], 78, &words);
    }

    workshop.write("good.toml", format!("{SCENE}[[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n"));
    for (name, value, words) in [
        ("DEBLURD_RESTORE__SIGMA", "-1", "restore.sigma: -1 (expected"),
        ("DEBLURD_RESTORE__SGIMA", "1", "restore.sgima: unknown field"),
        (
            "DEBLURD_SINK__3__PATH",
            "x",
            "DEBLURD_SINK__3__PATH names no key (expected DEBLURD_SECTION__KEY)",
        ),
    ] {
        let mut command = workshop.command(&["check", "--config", "good.toml"]);
        check_told(&Running::start(command.env(name, value)).finish(), 78, &[words]);
    }
}

#[apply(trial)]
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
        (["--edges", "round"], ["'round'", "open, circular"]),
    ] {
        check_refused(&workshop, &[restore.as_slice(), &options].concat(), 2, &words);
    }
    check_refused(&workshop, &[], 2, &["Usage"]);
    check_refused(&workshop, &["sharpen"], 2, &["'sharpen'"]);
    check_refused(&workshop, &["restore", "in.png"], 2, &["--psf", "--output"]);
    check_refused(&workshop, &["bench", "--size", "64"], 2, &["'64'", "WIDTHxHEIGHT"]);
    check_refused(&workshop, &["bench", "--kernel", "abacus"], 2, &["'abacus'", "scalar, stock"]);
    check_refused(&workshop, &["demo", "--size", "2x2"], 2, &["expected 64x36 to 7680x4320"]);
    check_refused(&workshop, &["demo", "--listen", "here"], 2, &["'here'"]);
    check_refused(&workshop, &["demo", "--frames", "0"], 2, &["'0'"]);
    let both = ["restore", "in.y4m", "in.png", "--psf", "disk:2", "-o", "out"];
    check_refused(&workshop, &both, 2, &["a Y4M stream is restored by itself"]);
    let picture = ["restore", "in.png", "--psf", "disk:2", "-o", "-"];
    check_refused(&workshop, &picture, 2, &["- for pictures (expected"]);
}
