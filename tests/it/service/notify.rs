//! The protocol of the service manager, spoken by the real program.

use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

use super::manager::{Manager, SMALL};
use crate::harness::{apply, trial};
use crate::program::{CONTRACT, Running, Workshop, page_of, stream, wait_for_state};

/// Sends a signal and sees the program end in time with one of the codes.
#[track_caller]
pub(super) fn check_ends(running: Running, signal: &str, codes: &[i32]) {
    let sent = Instant::now();
    running.signal(signal);
    let outcome = running.finish();
    let took = sent.elapsed();
    let code = outcome.code.expect("an exit code");
    assert!(codes.contains(&code), "{signal}: exit code {code}: {}", outcome.stderr);
    assert!(took <= CONTRACT, "{signal}: it took {took:?} to end: {}", outcome.stderr);
}

#[apply(trial)]
fn ready_comes_with_the_first_frame() {
    let workshop = Workshop::new();
    workshop.write("run.toml", SMALL);
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let manager = Manager::of(&workshop, &mut command);
    let mut running = Running::start(&mut command);
    let page = page_of(&mut running);
    let before = manager.until("READY=1");
    assert_eq!(before[0], "STATUS=loading and planning");
    assert!(
        before.iter().rev().skip(1).all(|message| message.starts_with("STATUS=")),
        "{before:?}"
    );
    let state = wait_for_state(&page, |_| true);
    assert!(state["metrics"]["trunk"]["delivered"].as_u64() > Some(0), "no frame yet: {state}");
    let status = manager.next();
    assert!(status.starts_with("STATUS=") && status.contains(" frames/s, "), "{status}");
    assert!(status.contains(" frames dropped"), "{status}");
    assert!(manager.until("STATUS=").len() == 1, "no watchdog was asked for");
    running.signal("TERM");
    let last = manager.until("STOPPING=1");
    assert!(last.iter().rev().skip(1).all(|message| message.starts_with("STATUS=")), "{last:?}");
    assert_eq!(running.finish().code, Some(0));
}

#[apply(trial)]
fn the_watchdog_is_fed_while_frames_flow() {
    let workshop = Workshop::new();
    workshop.write("run.toml", SMALL);
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let manager = Manager::of(&workshop, command.env("WATCHDOG_USEC", "200000"));
    let running = Running::start(&mut command);
    let before = manager.until("READY=1");
    assert!(!before.contains(&"WATCHDOG=1".to_owned()), "fed before it was ready: {before:?}");
    (0..5).for_each(|_| drop(manager.until("WATCHDOG=1")));
    check_ends(running, "TERM", &[0]);
}

/// Where no frame may be lost, a reader that takes none holds up every stage: whatever else the
/// program does, the watchdog is not fed until frames flow again.
#[apply(trial)]
fn the_watchdog_starves_while_stages_hang() {
    let workshop = Workshop::new();
    let config = SMALL.replace("[[sink]]", "[pipeline]\noverflow = 'wait'\n[[sink]]");
    workshop.write("run.toml", format!("{config}[[sink]]\nkind = 'y4m'\npath = '-'\n"));
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let manager = Manager::of(&workshop, command.env("WATCHDOG_USEC", "200000"));
    let mut running = Running::start_unread(&mut command);
    let mut pipe = running.take_stdout();
    manager.until("WATCHDOG=1");
    manager.until("STATUS=0.0 frames/s");
    let hung: Vec<String> = (0..3).flat_map(|_| manager.until("STATUS=0.0 frames/s")).collect();
    assert!(!hung.contains(&"WATCHDOG=1".to_owned()), "{hung:?}");
    let reader = std::thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()));
    (0..3).for_each(|_| drop(manager.until("WATCHDOG=1")));
    check_ends(running, "TERM", &[0]);
    reader.join().expect("a reader").expect("a stream");
}

/// A stream whose writer pauses: the source says so, and that is enough for readiness and watchdog.
#[apply(trial)]
fn a_source_that_waits_is_no_failure() {
    let workshop = Workshop::new();
    let from_stdin = SMALL.replace("kind = 'scene'\nextent = '64x48'", "kind = 'y4m'\npath = '-'");
    workshop.write("run.toml", from_stdin);
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let manager = Manager::of(&workshop, command.env("WATCHDOG_USEC", "200000"));
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let mut pipe = running.take_stdin();
    let bytes = stream(64, 48, 2);
    let (header, frames) =
        bytes.split_at(bytes.iter().position(|&b| b == b'\n').expect("a line") + 1);
    pipe.write_all(header).expect("a reader");
    let before = manager.until("READY=1");
    let waits = "STATUS=waiting for the first frame";
    assert!(before.iter().any(|message| message.starts_with(waits)), "{before:?}");
    assert!(manager.until("STATUS=").last().expect("it").contains("silent: no picture comes"));
    (0..5).for_each(|_| drop(manager.until("WATCHDOG=1")));
    pipe.write_all(frames).expect("a reader");
    let live = |message: &String| message.contains(" frames/s, ");
    while !manager.until("STATUS=").last().is_some_and(live) {}
    while !manager.until("STATUS=").last().expect("it").contains("silent") {}
    check_ends(running, "TERM", &[0]);
}

/// A camera that is not there is a state like any other: ready, fed, loaded again, ended in time.
#[apply(trial)]
fn a_missing_camera_is_no_failure() {
    let workshop = Workshop::new();
    let camera = "kind = 'v4l2'\ndevice = 'no-camera'\nformats = ['GREY']\nextent = '64x48'";
    let config = SMALL.replace("kind = 'scene'\nextent = '64x48'", camera);
    workshop.write("run.toml", config);
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let manager = Manager::of(&workshop, command.env("WATCHDOG_USEC", "200000"));
    let running = Running::start(&mut command);
    manager.until("READY=1");
    let status = manager.until("STATUS=").pop().expect("it");
    assert!(status.starts_with("STATUS=the source is absent: no-camera: "), "{status}");
    (0..5).for_each(|_| drop(manager.until("WATCHDOG=1")));
    running.signal("HUP");
    manager.until("RELOADING=1");
    manager.until("READY=1");
    (0..2).for_each(|_| drop(manager.until("WATCHDOG=1")));
    check_ends(running, "TERM", &[0]);
}

#[apply(trial)]
fn a_failure_is_told() {
    let workshop = Workshop::new();
    workshop.write("run.toml", SMALL.replace("2.55", "-1"));
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let manager = Manager::of(&workshop, &mut command);
    let outcome = Running::start(&mut command).finish();
    assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
    let last = manager.until("STATUS=failed: ");
    assert!(last[last.len() - 1].contains("restore.sigma: -1 (expected"), "{last:?}");
    assert!(last.contains(&"STOPPING=1".to_owned()) && !last.contains(&"READY=1".to_owned()));
    let mut command = workshop.command(&["run", "--config", "missing.toml"]);
    command.env("NOTIFY_SOCKET", workshop.path("notify"));
    let outcome = Running::start(&mut command).finish();
    assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
    assert!(manager.until("ERRNO=2").iter().any(|told| told.contains("cannot read missing.toml")));
}

#[apply(trial)]
fn signals_end_it_while_it_starts() {
    for signal in ["TERM", "INT"] {
        let workshop = Workshop::new();
        // A frame whose networks take long to plan and to run.
        let large = SMALL.replace("64x48", "1920x1080").replace("none", "base");
        workshop.write("run.toml", large);
        let mut command = workshop.command(&["run", "--config", "run.toml"]);
        let manager = Manager::of(&workshop, &mut command);
        let running = Running::start(&mut command);
        manager.until("STATUS=loading and planning");
        check_ends(running, signal, &[0, 143, 130]);
    }
}

/// Standard output that nobody reads, and a second signal at once.
#[apply(trial)]
fn signals_end_it_with_stuck_sinks() {
    for (signals, codes) in [(["TERM", "TERM"], [0, 143]), (["INT", "TERM"], [0, 143])] {
        let workshop = Workshop::new();
        let stuck = format!("{SMALL}[[sink]]\nkind = 'y4m'\npath = '-'\n");
        workshop.write("run.toml", stuck.replace("64x48", "640x480"));
        let mut command = workshop.command(&["run", "--config", "run.toml"]);
        let mut running = Running::start_unread(&mut command);
        let page = page_of(&mut running);
        wait_for_state(&page, |state| {
            let sinks = state["metrics"]["sinks"].as_array().expect("the sinks");
            sinks.iter().any(|sink| sink["books"]["dropped_overflow"].as_u64() > Some(3))
        });
        running.signal(signals[0]);
        check_ends(running, signals[1], &codes);
    }
}

/// A service manager that hangs: nothing can be told.
#[apply(trial)]
fn a_deaf_manager_holds_nothing_up() {
    let workshop = Workshop::new();
    workshop.write("run.toml", SMALL);
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let deaf = Manager::of(&workshop, command.env("WATCHDOG_USEC", "2"));
    deaf.turn_deaf();
    let mut running = Running::start(&mut command);
    let page = page_of(&mut running);
    wait_for_state(&page, |state| state["metrics"]["trunk"]["delivered"].as_u64() > Some(60));
    check_ends(running, "TERM", &[0]);
}

#[apply(trial)]
fn a_missing_manager_holds_nothing_up() {
    for socket in ["/nowhere/at/all", "", "@abstract"] {
        let workshop = Workshop::new();
        workshop.write("run.toml", SMALL);
        let mut command = workshop.command(&["run", "--config", "run.toml"]);
        command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", "nonsense");
        let mut running = Running::start(&mut command);
        let page = page_of(&mut running);
        wait_for_state(&page, |state| state["metrics"]["trunk"]["delivered"].as_u64() > Some(3));
        check_ends(running, "TERM", &[0]);
    }
}
