//! Places that cannot be written to or listened on.

use std::net::TcpListener;
use std::process::Command;

use deblurd::frame::colour::luma;
use deblurd::sink::encode_png;
use image::{DynamicImage, ImageFormat};

use super::{SCENE, check_refused, check_told, encoded};
use crate::harness::{apply, trial};
use crate::program::{Outcome, Running, Workshop, scene, stream};

/// As [`check_refused`], of an output that every command must find out about before it works.
#[track_caller]
fn check_output(workshop: &Workshop, output: &str, code: i32, words: &[&str]) {
    for command in ["restore", "simulate"] {
        let arguments = [command, "in.png", "--psf", "disk:2", "-o", output];
        check_refused(workshop, &arguments, code, words);
    }
}

#[apply(trial)]
fn outputs_that_cannot_be_are_told_first() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 80, 60);
    workshop.write("in.y4m", stream(80, 60, 1));
    workshop.write("file", "");
    for output in ["no/out.png", "no/such/folder", "file/out.png", "file/out", "/proc/out.png"] {
        check_output(&workshop, output, 73, &["cannot write", output]);
    }
    check_output(&workshop, "out.bmp", 2, &["out.bmp (expected .png, .jpg or a folder)"]);
    check_output(&workshop, "out.y4m", 2, &["out.y4m", "expected .png, .jpg or a folder"]);
    for output in ["no/out.y4m", "file/out.y4m", "/proc/out.y4m"] {
        let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", output];
        check_refused(&workshop, &restore, 73, &["cannot write", output]);
    }
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "out.png"];
    check_refused(&workshop, &restore, 2, &["out.png", "expected .y4m"]);
    for command in [
        ["evaluate", "in.png", "--psf", "disk:2", "--sigma", "2", "--json", "no/table.json"]
            .as_slice(),
        &["bench", "--size", "64x48", "--frames", "1", "--json", "no/times.json"],
        &["demo", "--frames", "1", "--out", "no/such"],
        &["demo", "--frames", "1", "--out", "file"],
        &["man", "no"],
    ] {
        check_refused(&workshop, command, 73, &["cannot write", command[command.len() - 1]]);
    }
    let sinks = [
        "[[sink]]\nkind = 'png'\nfolder = 'no/out'\n",
        "[[sink]]\nkind = 'y4m'\npath = 'no/out'\n",
        "[[sink]]\nkind = 'record'\nfolder = 'no/out'\nsize_max_mb = 9\n",
    ];
    for sink in sinks {
        workshop.write("run.toml", format!("{SCENE}{sink}"));
        for command in ["run", "check"] {
            let arguments = [command, "--config", "run.toml"];
            check_refused(&workshop, &arguments, 73, &["cannot write no/out"]);
        }
    }
}

#[apply(trial)]
fn inputs_are_not_overwritten() {
    let workshop = Workshop::new();
    for folder in ["a", "b"] {
        workshop.make_folder(folder);
        workshop.write_scene(&format!("{folder}/1.png"), 64, 48);
    }
    workshop.write("a/1.jpg", encoded(&DynamicImage::new_luma8(64, 48), ImageFormat::Jpeg));
    for command in ["restore", "simulate"] {
        let psf = ["--psf", "disk:2", "-o"];
        let check = |inputs: &[&str], output: &str, words: &[&str]| {
            let arguments = [&[command], inputs, &psf, &[output]].concat();
            check_refused(&workshop, &arguments, 2, words);
        };
        let both = ["a/1.png", "b/1.png", "would both be written to out/1.png"];
        check(&["a/1.png", "b/1.png"], "out", &both);
        check(&["a"], "out", &["a/1.jpg", "a/1.png", "would both be written to out/1.png"]);
        check(&["b"], "b", &["b/1.png is an input, too (expected another output)"]);
        check(&["b/1.png"], "b/../b/1.png", &["is an input, too"]);
        check(&["a/1.png", "a/1.jpg"], "out.png", &["out.png for 2 pictures (expected a folder)"]);
    }
}

#[apply(trial)]
#[needs(FullDevice)]
fn a_full_device_is_an_error() {
    let full = std::path::Path::new("/dev/full");
    let workshop = Workshop::new();
    workshop.write("in.y4m", stream(320, 240, 3));
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "/dev/full"];
    check_refused(&workshop, &restore, 73, &["cannot write /dev/full", "No space left"]);
    let mut command = Command::new("sh");
    let program = workshop.command(&[]);
    let shown = program.get_program().display();
    for arguments in ["model base", "completions bash"] {
        command.args(["-c", &format!("{shown} {arguments} > /dev/full")]);
        let outcome = Running::start(&mut command).finish();
        check_told(&outcome, 73, &["cannot write standard output", "No space left"]);
        command = Command::new("sh");
    }
    workshop.write("table.png", encode_png(&luma(&scene(64, 48))).expect("a PNG"));
    let evaluate =
        ["evaluate", "table.png", "--psf", "disk:2", "--sigma", "2", "--json", "/dev/full"];
    check_refused(&workshop, &evaluate, 73, &["cannot write /dev/full", "No space left"]);
    assert!(!full.is_file(), "the device was replaced by a file");
}

/// Runs the program beside a small disk of its own, `disk`, mounted where only it sees it; what is
/// on the disk afterwards is told on standard output.
fn run_with_disk(workshop: &Workshop, options: &str, arguments: &str) -> Outcome {
    let program = workshop.command(&[]);
    let shown = program.get_program().display();
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs disk && {shown} {arguments} > out.txt; code=$?; \
         ls -A disk; exit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).current_dir(workshop.path("."));
    Running::start(&mut command).finish()
}

#[apply(trial)]
#[needs(PrivateMounts)]
fn a_full_disk_is_an_error() {
    let workshop = Workshop::new();
    workshop.make_folder("disk");
    workshop.write_scene("in.png", 320, 240);
    workshop.write("in.y4m", stream(320, 240, 3));
    for (arguments, name) in [
        ("restore in.y4m --psf disk:2 --sigma 2 -o disk/out.y4m", "disk/out.y4m"),
        ("restore in.png --psf disk:2 --sigma 2 -o disk/out.png", "disk/out.png"),
        ("simulate in.png --psf disk:2 --sigma 9 -o disk/out.png", "disk/out.png"),
        ("demo --frames 1 --size 320x240 --listen 127.0.0.1:0 --out disk", "disk/before.png"),
    ] {
        let outcome = run_with_disk(&workshop, "size=16k", arguments);
        check_told(&outcome, 73, &["cannot write", name, "No space left"]);
        assert_eq!(outcome.text(), "", "{arguments} leaves something");
    }
}

#[apply(trial)]
#[needs(PrivateMounts)]
fn a_read_only_disk_is_an_error() {
    let workshop = Workshop::new();
    workshop.make_folder("disk");
    workshop.write_scene("in.png", 64, 48);
    workshop.write("in.y4m", stream(64, 48, 1));
    workshop.write("run.toml", format!("{SCENE}[[sink]]\nkind = 'png'\nfolder = 'disk'\n"));
    for (arguments, name) in [
        ("restore in.y4m --psf disk:2 --sigma 2 -o disk/out.y4m", "disk/out.y4m"),
        ("restore in.png --psf disk:2 -o disk/out.png", "disk/out.png"),
        ("restore in.png --psf disk:2 -o disk", "disk"),
        ("simulate in.png --psf disk:2 -o disk/out", "disk/out"),
        ("demo --frames 1 --out disk", "disk"),
        ("run --config run.toml", "disk"),
    ] {
        let outcome = run_with_disk(&workshop, "ro", arguments);
        check_told(&outcome, 73, &["cannot write", name, "Read-only"]);
    }
}

#[apply(trial)]
fn a_port_in_use_is_an_error() {
    let workshop = Workshop::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let words = ["cannot listen on", address.as_str(), "in use"];
    let demo = ["demo", "--frames", "1", "--listen", &address];
    let outcome = workshop.run(&demo);
    check_told(&outcome, 69, &words);
    workshop.write("run.toml", format!("{SCENE}[[sink]]\nkind = 'http'\nlisten = '{address}'\n"));
    check_refused(&workshop, &["run", "--config", "run.toml"], 69, &words);
    // Very likely it is the daemon that has it, so that it is told and no failure.
    let told = workshop.succeed(&["check", "--config", "run.toml"]).text();
    assert!(told.contains(&format!("not tried: {address}, which is in use now")), "{told}");
}

/// What can be used is tried, and left as it was.
#[apply(trial)]
fn a_check_leaves_nothing_behind() {
    let workshop = Workshop::new();
    workshop.make_folder("old");
    let sinks = "[[sink]]\nkind = 'png'\nfolder = 'new'\n\
         [[sink]]\nkind = 'record'\nfolder = 'old'\nsize_max_mb = 9\n\
         [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n\
         [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n\
         [[sink]]\nkind = 'iceoryx2'\n";
    workshop.write("run.toml", format!("{SCENE}{sinks}"));
    let before = workshop.inventory();
    let told = workshop.succeed(&["check", "--config", "run.toml"]).text();
    let line = "sinks    png, record, y4m, http, iceoryx2 (not tried: shared memory)\n";
    assert!(told.contains(line), "{told}");
    assert_eq!(workshop.inventory(), before, "something is left");
}

#[apply(trial)]
fn outputs_that_are_no_devices_are_told() {
    let workshop = Workshop::new();
    let line = "modprobe v4l2loopback video_nr=10 exclusive_caps=1 card_label=deblurd";
    let check = |device: &str, words: &[&str]| {
        let sink = format!("[[sink]]\nkind = 'v4l2'\ndevice = '{device}'\n");
        workshop.write("run.toml", format!("{SCENE}{sink}"));
        for command in ["run", "check"] {
            check_refused(&workshop, &[command, "--config", "run.toml"], 73, words);
        }
    };
    check("no/video10", &["cannot use no/video10", "No such file", line]);
    check("/dev/null", &["/dev/null: it is not a video device", "modprobe v4l2loopback"]);
    for (device, words) in [
        ("no/video10", ["no/video10", "No such file"]),
        ("/dev/null", ["/dev/null", "not a video device"]),
    ] {
        check_refused(&workshop, &["probe", device], 66, &words);
        check_refused(&workshop, &["probe", "--json", device], 66, &words);
    }
}
