//! Signals and closed pipes: the program ends in time and leaves whole files.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use deblurd::frame::Picture;
use deblurd::source::read_picture;
use serde_json::Value;

use super::SCENE;
use crate::harness::{apply, trial};
use crate::program::{CONTRACT, Outcome, Running, Workshop, page_of, play, stream, wait_for_state};

/// Sends a signal to a program and sees it end in time.
#[track_caller]
fn check_ends(running: Running, signal: &str, code: i32) -> Outcome {
    let sent = Instant::now();
    running.signal(signal);
    let outcome = running.finish();
    let took = sent.elapsed();
    assert_eq!(outcome.code, Some(code), "{signal}: {}", outcome.stderr);
    assert!(took <= CONTRACT, "{signal}: it took {took:?} to end: {}", outcome.stderr);
    outcome
}

/// No file is left aside, and every picture has all its samples.
#[track_caller]
fn check_whole(workshop: &Workshop) {
    for name in workshop.inventory().into_keys() {
        assert!(!name.ends_with(".part"), "{name} is left");
        if name.ends_with(".png") {
            assert!(read_picture(&workshop.path(&name)).is_ok(), "{name} is not whole");
        }
    }
}

#[apply(trial)]
fn signals_end_restore() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let workshop = Workshop::new();
        workshop.make_folder("in");
        for name in ["in/1.png", "in/2.png"] {
            workshop.write_scene(name, 3000, 2000);
        }
        let mut command = workshop.command(&["restore", "in", "--psf", "disk:3", "-o", "out"]);
        let mut running = Running::start(&mut command);
        running.wait_for("in/1.png: noise estimated at");
        let outcome = check_ends(running, signal, code);
        check_whole(&workshop);
        assert!(!workshop.path("out/2.png").exists(), "it went on: {}", outcome.stderr);
    }
}

#[apply(trial)]
fn signals_end_a_stream_at_a_frame() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let workshop = Workshop::new();
        let restore = ["restore", "-", "--psf", "disk:2", "-o", "out.y4m"];
        let mut command = workshop.command(&restore);
        let mut running = Running::start(command.stdin(Stdio::piped()));
        // The stream does not end: it waits for more.
        let mut pipe = running.take_stdin();
        pipe.write_all(&stream(80, 60, 3)).expect("a reader");
        running.wait_for("noise estimated at");
        check_ends(running, signal, code);
        check_whole(&workshop);
        let (frames, error) = play(&workshop.path("out.y4m"));
        assert!(frames.len() <= 3 && error.is_none(), "{} frames, {error:?}", frames.len());
    }
}

fn all_sinks_have_frames(state: &Value) -> bool {
    let sinks = state["metrics"]["sinks"].as_array().expect("the sinks");
    sinks.iter().all(|sink| sink["books"]["delivered"].as_u64() > Some(0))
}

#[apply(trial)]
fn signals_end_run_with_whole_files() {
    for signal in ["TERM", "INT"] {
        let workshop = Workshop::new();
        workshop.make_folder("in");
        workshop.write_scene("in/1.png", 1920, 1080);
        workshop.write(
            "run.toml",
            "[source]\nkind = 'files'\npaths = ['in']\nrepeat = true\n\
             [restore]\npsf = 'disk:3'\nsigma = 2.55\n\
             [pipeline]\noverflow = 'wait'\n\
             [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n\
             [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n\
             [[sink]]\nkind = 'png'\nfolder = 'out'\n",
        );
        let mut running = Running::start(&mut workshop.command(&["run", "--config", "run.toml"]));
        let page = page_of(&mut running);
        wait_for_state(&page, all_sinks_have_frames);
        check_ends(running, signal, 0);
        check_whole(&workshop);
        let (frames, error) = play(&workshop.path("out.y4m"));
        assert!(!frames.is_empty() && error.is_none(), "{} frames, {error:?}", frames.len());
        let first = read_picture(&workshop.path("out/000000.png")).expect("a picture");
        assert!(frames.iter().all(|frame| *frame == first), "a frame is not whole");
    }
}

#[apply(trial)]
fn signals_end_demo_with_whole_files() {
    for signal in ["TERM", "INT"] {
        let workshop = Workshop::new();
        let arguments = ["demo", "--size", "1280x720", "--listen", "127.0.0.1:0", "--out", "shown"];
        let mut command =
            workshop.command(&[arguments.as_slice(), &["--frames", "100000"]].concat());
        let mut running = Running::start(&mut command);
        let page = page_of(&mut running);
        wait_for_state(&page, all_sinks_have_frames);
        check_ends(running, signal, 0);
        check_whole(&workshop);
        for name in ["before", "after", "side-by-side"] {
            let picture = read_picture(&workshop.path(&format!("shown/{name}.png")));
            let is_black = |picture: Picture| picture.planes()[0].samples().iter().all(|&s| s == 0);
            assert!(picture.is_ok_and(|picture| !is_black(picture)), "{name} shows nothing");
        }
    }
}

#[apply(trial)]
fn a_second_signal_ends_at_once() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 3000, 2000);
    let mut command = workshop.command(&["restore", "in.png", "--psf", "disk:3", "-o", "out.png"]);
    let mut running = Running::start(&mut command);
    running.wait_for("noise estimated at");
    running.signal("INT");
    // Had it waited for the end of its patience, the first signal would be the code.
    check_ends(running, "TERM", 143);
    check_whole(&workshop);
    assert!(!workshop.path("out.png").exists(), "it went on");
}

#[apply(trial)]
fn forced_ends_leave_nothing_aside() {
    let workshop = Workshop::new();
    workshop.write(
        "run.toml",
        "[source]\nkind = 'scene'\nextent = '1920x1080'\n\
         [simulate]\nsigma = 2.55\n\
         [restore]\npsf = 'disk:3'\nsigma = 2.55\n\
         [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n\
         [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n",
    );
    let mut running = Running::start(&mut workshop.command(&["run", "--config", "run.toml"]));
    let page = page_of(&mut running);
    wait_for_state(&page, |state| state["metrics"]["trunk"]["entered"].as_u64() > Some(0));
    running.signal("INT");
    running.signal("TERM");
    let outcome = running.finish();
    // The first signal may have been enough.
    assert!(matches!(outcome.code, Some(143 | 0)), "{:?}: {}", outcome.code, outcome.stderr);
    check_whole(&workshop);
    assert!(outcome.code == Some(143) || play(&workshop.path("out.y4m")).1.is_none());
}

/// Takes a few bytes from the program and closes the pipe; it must end in peace.
#[track_caller]
fn check_closed(command: &mut Command) {
    let mut running = Running::start_unread(command);
    let mut pipe = running.take_stdout();
    pipe.read_exact(&mut [0; 100]).expect("some bytes");
    drop(pipe);
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

#[apply(trial)]
fn closed_pipes_end_the_program() {
    let workshop = Workshop::new();
    check_closed(&mut workshop.command(&["model", "base"]));
    check_closed(&mut workshop.command(&["completions", "bash"]));
    workshop.write("in.y4m", stream(320, 240, 8));
    let restore = ["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2", "-o", "-"];
    check_closed(&mut workshop.command(&restore));
    // A source without end, and nobody left to show it to.
    workshop.write("run.toml", format!("{SCENE}[[sink]]\nkind = 'y4m'\npath = '-'\n"));
    check_closed(&mut workshop.command(&["run", "--config", "run.toml"]));
}
