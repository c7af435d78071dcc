//! Another implementation of Zenoh hears the same: the example in Python.

use std::process::{Command, Stdio};

use deblurd::source::read_picture;

use super::hosts::one;
use super::roles::{Accounts, Router, subscribed};
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop};
use crate::support::{python_with, root};

/// Beside a subscriber in Rust: from the first frame that the one in Python had, both keep the same account.
#[apply(trial)]
#[needs(PythonZenoh)]
fn the_python_example_counts_the_same() {
    let (workshop, router) = (Workshop::new(), Router::start());
    router.write_config(&workshop);
    let (_session, frames) = subscribed(&router.endpoint);
    let daemon = one(&workshop, "host", "");
    let mut python = Command::new(python_with("zenoh").expect("a Python with zenoh"));
    python.arg(root().join("examples/fleet.py")).current_dir(workshop.path(""));
    python.args(["--config", "zenoh.json5", "--frames", "30", "--jpeg", "frame.jpg"]);
    let told = Running::start(python.stdin(Stdio::null())).finish();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let last = told.text().lines().last().expect("an account").to_owned();
    let python = Accounts::read(&last).of("host/camera");
    daemon.signal("TERM");
    assert_eq!(daemon.finish().code, Some(0));
    let mut own = Accounts::default();
    for frame in frames.try_iter().filter(|it| it.publication.number >= python[0].first) {
        if frame.publication.number <= python[0].last {
            own.enter(&frame);
        }
    }
    assert_eq!((python.len(), python[0].received), (1, 30), "{last}");
    let own = own.of("host/camera")[0];
    assert_eq!(own.received + own.lost(), python[0].received + python[0].lost());
    let picture = read_picture(&workshop.path("frame.jpg")).expect("a picture");
    assert_eq!((picture.extent().width, picture.extent().height), (64, 48));
}
