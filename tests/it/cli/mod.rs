//! The commands of the real program, as people use them.

mod asking;
mod calibrating;
mod finding;
mod helping;
mod measuring;
mod probing;
mod restoring;
mod running;

use crate::program::Outcome;

/// The books must say that every one of `count` frames arrived.
#[track_caller]
fn check_books(outcome: &Outcome, name: &str, count: usize) {
    let line = format!("{name} {count} = {count} delivered + 0 in flight");
    assert!(outcome.stderr.contains(&line), "no '{line}' in:\n{}", outcome.stderr);
}
