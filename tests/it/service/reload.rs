//! SIGHUP: the configuration is loaded again while frames flow.

use std::process::Command;

use serde_json::Value;

use super::manager::{Manager, SMALL};
use super::notify::check_ends;
use crate::harness::{apply, trial};
use crate::onnx::{sealed, tiny_model, wide_model};
use crate::program::{Running, Workshop, page_of, wait_for_state};

/// A daemon that runs, its service manager and its live page.
pub(super) struct Daemon {
    pub(super) workshop: Workshop,
    pub(super) running: Running,
    manager: Manager,
    pub(super) page: String,
}

impl Daemon {
    /// One that serves frames.
    pub(super) fn start(config: &str) -> Self {
        Self::start_in(Workshop::new(), config)
    }

    /// One that finds there what it needs.
    pub(super) fn start_in(workshop: Workshop, config: &str) -> Self {
        workshop.write("run.toml", config);
        let mut command = workshop.command(&["run", "--config", "run.toml"]);
        let manager = Manager::of(&workshop, &mut command);
        let mut running = Running::start(&mut command);
        let page = page_of(&mut running);
        manager.until("READY=1");
        Self { workshop, running, manager, page }
    }

    /// Has a configuration loaded; the state afterwards.
    #[track_caller]
    pub(super) fn reload(&self, config: &str) -> Value {
        self.workshop.write("run.toml", config);
        self.running.signal("HUP");
        let begun = self.manager.until("RELOADING=1");
        let begun = begun.last().expect("it");
        let time = begun.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("a time");
        assert!(time.parse::<u64>().is_ok_and(|time| time > 0), "{begun}");
        self.manager.until("READY=1");
        self.state()
    }

    pub(super) fn state(&self) -> Value {
        wait_for_state(&self.page, |_| true)
    }

    /// Sees that frames go on.
    pub(super) fn check_flows(&self) {
        let now = delivered(&self.state());
        wait_for_state(&self.page, |state| delivered(state) > now + 3);
    }
}

fn delivered(state: &Value) -> u64 {
    state["metrics"]["trunk"]["delivered"].as_u64().expect("a number")
}

pub(super) fn stages(state: &Value) -> Vec<String> {
    let stages = state["metrics"]["stages"].as_array().expect("the stages");
    stages.iter().map(|stage| stage["name"].as_str().expect("a name").to_owned()).collect()
}

/// How many reloads were done and refused, and why the last one was refused.
pub(super) fn reloads(state: &Value) -> (u64, u64, &str) {
    let reload = &state["metrics"]["reload"];
    let number = |name: &str| reload[name].as_u64().expect("a number");
    (number("done"), number("refused"), reload["problem"].as_str().expect("text"))
}

/// What restores frames: its number, its PSF and its model.
fn served(state: &Value) -> (u64, &str, &str) {
    let it = &state["metrics"]["restoration"];
    let text = |name: &str| it[name].as_str().expect("text");
    (it["number"].as_u64().expect("a number"), text("psf"), text("model"))
}

#[apply(trial)]
fn a_reload_changes_the_stages() {
    let daemon = Daemon::start(SMALL);
    let plain = stages(&daemon.state());
    assert_eq!(served(&daemon.state()), (1, "disk:2", "none"));
    assert!(!plain.iter().any(|name| name.starts_with("residual")), "{plain:?}");
    let state = daemon.reload(&SMALL.replace("'none'", "'base'"));
    assert_eq!(reloads(&state), (1, 0, ""));
    assert!(stages(&state).iter().any(|name| name == "residual 1"), "{state}");
    assert_eq!(served(&state), (2, "disk:2", "base"));
    daemon.check_flows();
    let state = daemon.reload(&SMALL.replace("disk:2", "motion:5,0"));
    assert_eq!((reloads(&state), stages(&state)), ((2, 0, ""), plain));
    assert_eq!(served(&state), (3, "motion:5,0", "none"));
    daemon.check_flows();
    check_ends(daemon.running, "TERM", &[0]);
}

#[apply(trial)]
fn bad_reloads_leave_the_old_stages() {
    let daemon = Daemon::start(SMALL);
    let before = stages(&daemon.state());
    daemon.workshop.write("empty.txt", "");
    daemon.workshop.write("bad.onnx", "no model at all");
    // A model like any other, which nobody has trained.
    daemon.workshop.write("wild.onnx", sealed(&tiny_model(2, 8, 1, false)));
    let bad = [
        ("[source]", "[source", "not TOML"),
        ("sigma = 2.55", "sigma = -1", "restore.sigma: -1 (expected"),
        ("sigma = 2.55", "sgima = 2.55", "restore.sgima: unknown field"),
        ("'disk:2'", "'missing.txt'", "cannot read missing.txt"),
        ("'disk:2'", "'empty.txt'", "PSF empty.txt"),
        ("'disk:2'", "'disk:40'", "(expected at most the frame's 64x48)"),
        ("'none'", "'bad.onnx'", "model bad.onnx"),
        ("'none'", "'wild.onnx'", "the golden frame is worse after"),
        ("'none'", "'missing.onnx'", "model missing.onnx"),
    ];
    for (number, (from, to, problem)) in (1..).zip(bad) {
        let state = daemon.reload(&SMALL.replace(from, to));
        let (done, refused, told) = reloads(&state);
        assert_eq!((done, refused), (0, number), "{to}: {told}");
        assert!(told.contains(problem), "{to}: {told}");
        assert_eq!(stages(&state), before, "{to}");
        assert_eq!(served(&state), (1, "disk:2", "none"), "{to}");
        let status = daemon.manager.until("STATUS=").pop().expect("it");
        assert!(status.contains("the last reload was refused: "), "{status}");
        daemon.check_flows();
    }
    let (done, _, problem) = (1, 0, "");
    let state = daemon.reload(SMALL);
    assert_eq!(reloads(&state), (done, bad.len() as u64, problem), "a good one is taken again");
    std::fs::remove_file(daemon.workshop.path("run.toml")).expect("a file");
    std::os::unix::fs::symlink("/dev/zero", daemon.workshop.path("run.toml")).expect("a link");
    daemon.running.signal("HUP");
    daemon.manager.until("RELOADING=1");
    daemon.manager.until("READY=1");
    let state = daemon.state();
    assert!(reloads(&state).2.contains("larger than 1 MiB"), "{state}");
    daemon.check_flows();
    check_ends(daemon.running, "TERM", &[0]);
}

/// Whatever ends the process in which a configuration is tried, as a library that panics would,
/// leaves the one that restores frames alone.
#[apply(trial)]
fn a_trial_that_dies_is_refused() {
    let daemon = Daemon::start(SMALL);
    daemon.workshop.write("run.toml", SMALL.replace("'none'", "'base'"));
    daemon.running.signal("HUP");
    daemon.manager.until("RELOADING=1");
    daemon.running.signal_child("ABRT");
    daemon.manager.until("READY=1");
    let state = daemon.state();
    let (done, refused, told) = reloads(&state);
    assert_eq!((done, refused), (0, 1), "{told}");
    assert!(told.contains("the trial was ended by signal 6"), "{told}");
    daemon.check_flows();
    assert_eq!(reloads(&daemon.reload(SMALL)), (1, 1, ""), "a good one is taken again");
    check_ends(daemon.running, "TERM", &[0]);
}

/// A model whose planes would take 1.2 GiB: the process that tries it is ended before they do.
#[apply(trial)]
fn a_trial_that_takes_much_memory_is_refused() {
    let daemon = Daemon::start(SMALL);
    let before = stages(&daemon.state());
    daemon.workshop.write("wide.onnx", sealed(&wide_model(1 << 14)));
    let state = daemon.reload(&SMALL.replace("'none'", "'wide.onnx'"));
    let (done, refused, told) = reloads(&state);
    assert_eq!((done, refused), (0, 1), "{told}");
    assert!(told.contains("the trial took more than 768 MiB of memory"), "{told}");
    assert_eq!(stages(&state), before, "the stages have changed");
    daemon.check_flows();
    assert_eq!(reloads(&daemon.reload(SMALL)), (1, 1, ""), "a good one is taken again");
    check_ends(daemon.running, "TERM", &[0]);
}

/// Nobody has trained this model: neither the daemon nor a check takes it.
#[apply(trial)]
fn the_golden_frame_is_restored_at_the_start() {
    let workshop = Workshop::new();
    workshop.write("wild.onnx", sealed(&tiny_model(2, 8, 1, false)));
    workshop.write("run.toml", SMALL.replace("'none'", "'wild.onnx'"));
    for command in ["run", "check"] {
        let outcome = workshop.run(&[command, "--config", "run.toml"]);
        assert_eq!(outcome.code, Some(78), "{command}: {}", outcome.stderr);
        let words = "deblurd: the configuration cannot be run: the golden frame is worse after";
        assert!(outcome.stderr.contains(words), "no '{words}' in {}", outcome.stderr);
    }
}

/// The simulated camera stays what it is; how its frames are restored changes.
#[apply(trial)]
fn a_reload_keeps_the_simulation() {
    let follows = format!("{SMALL}[simulate]\nsigma = 2.55\n");
    let named = format!("{follows}psf = 'disk:2'\n");
    for config in [&follows, &named] {
        let mut daemon = Daemon::start(config);
        let state = daemon.reload(&config.replacen("disk:2", "disk:3", 1));
        assert_eq!(reloads(&state), (1, 0, ""));
        let state = daemon.reload(&config.replace("sigma = 2.55", "sigma = 3"));
        assert_eq!(reloads(&state), (2, 0, ""));
        daemon.running.wait_for("what changed in simulate needs a restart");
        daemon.check_flows();
        check_ends(daemon.running, "TERM", &[0]);
    }
}

#[apply(trial)]
fn what_cannot_be_reloaded_is_named() {
    let mut daemon = Daemon::start(SMALL);
    let state = daemon.reload(
        &SMALL
            .replace("64x48", "96x64")
            .replace("127.0.0.1:0", "127.0.0.1:1")
            .replace("[[sink]]", "[pipeline]\nthreads = 1\n[[sink]]"),
    );
    daemon.running.wait_for("what changed in source, sink, pipeline needs a restart");
    assert_eq!(reloads(&state), (1, 0, ""));
    daemon.check_flows();
    check_ends(daemon.running, "TERM", &[0]);
}

/// A PSF that is read from a FIFO into which nobody writes: loading hangs, and nothing else does.
#[apply(trial)]
fn frames_flow_while_a_reload_hangs() {
    let daemon = Daemon::start(SMALL);
    let fifo = daemon.workshop.path("psf.txt");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success(), "no FIFO");
    daemon.workshop.write("run.toml", SMALL.replace("disk:2", "psf.txt"));
    daemon.running.signal("HUP");
    daemon.manager.until("RELOADING=1");
    (0..3).for_each(|_| daemon.check_flows());
    assert_eq!(reloads(&daemon.state()), (0, 0, ""), "it is not over yet");
    std::fs::write(&fifo, "1 2 1\n").expect("a reader");
    daemon.manager.until("READY=1");
    assert_eq!(reloads(&daemon.state()), (1, 0, ""));
    daemon.running.signal("HUP");
    daemon.manager.until("RELOADING=1");
    // It hangs again, and holds nothing up.
    check_ends(daemon.running, "TERM", &[0]);
}

/// A hundred requests while frames flow, the configuration being another one each time, and now and
/// then none at all.
#[apply(trial)]
fn reloads_storm_without_harm() {
    let daemon = Daemon::start(SMALL);
    for number in 0..100 {
        let sigma = format!("sigma = 2.{number:02}");
        let config = SMALL.replace("sigma = 2.55", &sigma);
        daemon.workshop.write("run.toml", if number % 10 == 9 { "[" } else { &config });
        daemon.running.signal("HUP");
    }
    daemon.check_flows();
    let before = daemon.running.resources();
    // A request counts once it has begun: this last one comes after all of the others.
    let state = daemon.reload(SMALL);
    wait_for_state(&daemon.page, |state| reloads(state).0 > 0);
    let (done, refused, _) = reloads(&state);
    assert!(done + refused <= 101, "{done} done, {refused} refused");
    (0..20).for_each(|_| drop(daemon.reload(SMALL)));
    let after = daemon.running.resources();
    // A connection that closes right now may count, twenty leaks would.
    let is_flat = after.0 < before.0 + 10 && after.1 < before.1 + 10;
    assert!(is_flat, "{before:?} descriptors and threads have become {after:?}");
    daemon.check_flows();
    check_ends(daemon.running, "TERM", &[0]);
}

#[apply(trial)]
fn signals_end_it_while_it_reloads() {
    for signal in ["TERM", "INT"] {
        let daemon = Daemon::start(SMALL);
        daemon.workshop.write("run.toml", SMALL.replace("'none'", "'base'"));
        daemon.running.signal("HUP");
        daemon.manager.until("RELOADING=1");
        check_ends(daemon.running, signal, &[0]);
    }
}
