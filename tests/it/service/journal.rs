//! The log of the real program: repeats folded, priorities for the journal.

use std::process::Command;

use serde_json::Value;

use super::manager::SMALL;
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, page_of, wait_for_state};

fn unusable(state: &Value) -> u64 {
    state["metrics"]["trunk"]["dropped_unusable"].as_u64().expect("a number")
}

/// Pictures of which every second cannot be used, again and again.
fn half_bad() -> Workshop {
    let workshop = Workshop::new();
    workshop.make_folder("in");
    workshop.write_scene("in/1.png", 64, 48);
    workshop.write("in/2.png", "no picture at all");
    let source = "kind = 'files'\npaths = ['in']\nrepeat = true";
    workshop.write("run.toml", SMALL.replace("kind = 'scene'\nextent = '64x48'", source));
    workshop
}

#[apply(trial)]
fn errors_that_repeat_are_folded() {
    let workshop = half_bad();
    let mut running = Running::start(&mut workshop.command(&["run", "--config", "run.toml"]));
    let page = page_of(&mut running);
    wait_for_state(&page, |state| unusable(state) > 200);
    running.signal("TERM");
    let told = running.finish().stderr;
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("a frame is lost: ")).collect();
    let repeats = |line: &str| {
        let (_, after) = line.split_once("… repeated ")?;
        after.split(' ').next()?.parse::<u64>().ok()
    };
    let counted: u64 = lines.iter().filter_map(|line| repeats(line)).sum();
    assert!(counted >= 200, "{counted} repeats in {lines:#?}");
    assert!(lines.len() < 20, "{} lines are not folded", lines.len());
    let lost = told.lines().find_map(|line| line.strip_prefix("captured ")).expect("the books");
    let alone = lines.iter().filter(|line| repeats(line).is_none()).count() as u64;
    assert!(lost.contains(&format!(" + {} dropped (unusable)", counted + alone)), "{lost}");
}

#[apply(trial)]
fn the_journal_gets_priorities() {
    let workshop = half_bad();
    let program = env!("CARGO_BIN_EXE_deblurd");
    // The variable names the pipe that the program's standard error is.
    let script = format!(
        "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec {program} -v run --config run.toml"
    );
    let mut shell = Command::new("sh");
    let path = workshop.path("");
    let mut running = Running::start(shell.args(["-c", &script]).current_dir(&path));
    let page = page_of(&mut running);
    wait_for_state(&page, |state| unusable(state) > 0);
    running.signal("TERM");
    let told = running.finish().stderr;
    assert!(told.lines().any(|line| line.starts_with("<4>a frame is lost: ")), "{told}");
    assert!(told.lines().any(|line| line.starts_with("<6>steps ")), "{told}");
    assert!(!told.contains(" WARN "), "{told}");
}
