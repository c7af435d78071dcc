//! The daemon and real subscribers: the examples, and what becomes of one when the other is
//! stopped or killed.

use std::process::Command;
use std::time::Instant;

use deblurd::source::read_picture;

use super::{Consumer, folder, service};
use crate::harness::{apply, trial};
use crate::program::{DEADLINE, Running, Workshop};
use crate::support::{python_with, root};

fn daemon(workshop: &Workshop, more: &str) -> Command {
    super::daemon(workshop, &folder(), more)
}

#[apply(trial)]
#[needs(Examples)]
fn the_rust_example_receives() {
    check_example(Consumer::example);
}

#[apply(trial)]
#[needs(PythonIceoryx2)]
fn the_python_example_receives() {
    check_example(|workshop, arguments| {
        let mut program = Command::new(python_with("iceoryx2").expect("a Python with iceoryx2"));
        program.arg(root().join("examples/subscribe.py"));
        Consumer::start(workshop, program, arguments)
    });
}

/// Numbers rise, and the picture that is saved is the one that another sink has under that number.
fn check_example(start: impl FnOnce(&Workshop, &[&str]) -> Consumer) {
    let workshop = Workshop::new();
    // Every frame goes to both sinks.
    let more = "[[sink]]\nkind = 'png'\nfolder = 'out'\n[pipeline]\noverflow = 'wait'\n";
    let running = Running::start(&mut daemon(&workshop, more));
    let png = workshop.path("shared.png");
    let mut consumer = start(&workshop, &["--frames", "5", "--png", png.to_str().expect("a path")]);
    let numbers: Vec<u64> = std::iter::from_fn(|| consumer.next_frame()).collect();
    let outcome = consumer.running.finish();
    assert_eq!((outcome.code, numbers.len()), (Some(0), 5), "{}", outcome.stderr);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let same = workshop.path(&format!("out/{:06}.png", numbers[4]));
    let deadline = Instant::now() + DEADLINE;
    while !same.exists() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    running.signal("TERM");
    let told = running.finish();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let [shared, same] = [&png, &same].map(|path| read_picture(path).expect("a picture"));
    // The scene has colours that PNG has as RGB; what is shared has them as the source gives them.
    assert_eq!(shared.extent(), same.extent());
    assert!(shared == same, "the shared picture is another one");
}

#[apply(trial)]
#[needs(Examples)]
fn stopped_and_killed_subscribers_delay_nobody() {
    let workshop = Workshop::new();
    let running = Running::start(&mut daemon(&workshop, ""));
    let mut stopped = Consumer::example(&workshop, &[]);
    stopped.next_frame().expect("a frame");
    stopped.running.signal("STOP");
    for _ in 0..5 {
        // The place of a dead subscriber is free for the next: there are only two.
        let mut killed = Consumer::example(&workshop, &[]);
        killed.next_frame().expect("a frame");
        killed.running.signal("KILL");
        while killed.next_frame().is_some() {}
        assert_eq!(killed.running.finish().code, None);
    }
    let mut last = Consumer::example(&workshop, &["--frames", "20"]);
    let numbers: Vec<u64> = std::iter::from_fn(|| last.next_frame()).collect();
    assert_eq!(numbers.len(), 20);
    last.running.finish();
    stopped.running.signal("CONT");
    while stopped.next_frame().expect("a frame") < numbers[19] {}
    stopped.running.signal("KILL");
    stopped.running.finish();
    running.signal("TERM");
    let told = running.finish();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
}

#[apply(trial)]
#[needs(Examples)]
fn a_killed_daemon_is_replaced() {
    let workshop = Workshop::new();
    let first = Running::start(&mut daemon(&workshop, ""));
    let mut consumer = Consumer::example(&workshop, &[]);
    let last = consumer.next_frame().expect("a frame");
    while consumer.next_frame().expect("a frame") < last + 30 {}
    first.signal("KILL");
    assert_eq!(first.finish().code, None);
    let second = Running::start(&mut daemon(&workshop, ""));
    // The numbers of the new daemon begin anew.
    while consumer.next_frame().expect("a frame") >= last + 30 {}
    consumer.next_frame().expect("another frame");
    consumer.running.signal("INT");
    second.signal("TERM");
    let told = second.finish();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
}

#[apply(trial)]
fn a_name_in_use_is_an_error() {
    let workshop = Workshop::new();
    let mut command = daemon(&workshop, "[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n");
    let mut first = Running::start(&mut command);
    first.wait_for("live page");
    let told = Running::start(&mut command).finish();
    assert_eq!(told.code, Some(69), "{}", told.stderr);
    let (name, words) = (service(&workshop), "another process publishes under this name");
    let words = format!("cannot publish as '{name}': {words}");
    assert!(told.stderr.contains(&words), "{}", told.stderr);
    first.signal("TERM");
    first.finish();
}
