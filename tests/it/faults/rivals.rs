//! Two daemons that would write to one place: the second is refused, and the first goes on.

use std::process::{Command, Stdio};

use super::{SCENE, check_refused};
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, page_of, wait_for_state};

const PAGE: &str = "[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n";

/// A daemon with that sink runs, and one of another configuration with the same is refused.
#[track_caller]
fn check_rival(sink: &str, words: &[&str]) {
    let workshop = Workshop::new();
    let made = Command::new("mkfifo").arg(workshop.path("fifo")).status().expect("mkfifo");
    assert!(made.success(), "no FIFO");
    let mut reader = Command::new("sh");
    reader.args(["-c", "exec cat fifo"]).current_dir(workshop.path("."));
    let mut reader = reader.stdout(Stdio::null()).spawn().expect("a reader");
    let config = format!("{}{sink}", SCENE.replace("2.55\n", "2.55\nmodel = 'none'\n"));
    workshop.write("first.toml", format!("{config}{PAGE}"));
    workshop.write("second.toml", config);
    let mut first = Running::start(&mut workshop.command(&["run", "--config", "first.toml"]));
    let page = page_of(&mut first);
    let delivered = |more: u64| {
        wait_for_state(&page, |state| {
            let sinks = state["metrics"]["sinks"].as_array().expect("the sinks");
            sinks.iter().all(|sink| sink["books"]["delivered"].as_u64() > Some(more))
        })
    };
    let sum = delivered(1)["metrics"]["sinks"][0]["books"]["delivered"].as_u64().expect("a number");
    let second = workshop.run(&["run", "--config", "second.toml"]);
    super::check_told(&second, 73, words);
    delivered(sum + 2);
    first.signal("TERM");
    let outcome = first.finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    // The reader of the pipe ends with its writer, where there was one.
    drop(reader.kill());
    reader.wait().expect("an end");
}

#[apply(trial)]
fn one_place_has_one_writer() {
    let busy = "another sink, or another program, writes it";
    let record = "[[sink]]\nkind = 'record'\nfolder = 'kept'\nsize_max_mb = 5\nrate_max = 240\n";
    check_rival(record, &["cannot write kept", busy]);
    check_rival("[[sink]]\nkind = 'png'\nfolder = 'kept'\n", &["cannot write kept", busy]);
    check_rival("[[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n", &["cannot write out.y4m", busy]);
    check_rival("[[sink]]\nkind = 'y4m'\npath = 'fifo'\n", &["cannot write fifo", busy]);
}

#[apply(trial)]
fn one_port_has_one_page() {
    let workshop = Workshop::new();
    for (first, second, fits) in [
        ("127.0.0.1:9", "127.0.0.1:9", false),
        ("127.0.0.1:9", "0.0.0.0:9", false),
        ("127.0.0.1:0", "127.0.0.1:0", true),
    ] {
        let page = |listen: &str| {
            let token = "token = '0123456789abcdef'\n";
            format!("[[sink]]\nkind = 'http'\nlisten = '{listen}'\n{token}")
        };
        let scene = SCENE.replace("2.55\n", "2.55\nmodel = 'none'\n");
        workshop.write("run.toml", format!("{scene}{}{}", page(first), page(second)));
        if fits {
            workshop.succeed(&["check", "--config", "run.toml"]);
            continue;
        }
        let words = format!("sink.1.listen: '{second}' is listened at by sink.0.listen, too");
        check_refused(&workshop, &["run", "--config", "run.toml"], 78, &[&words]);
    }
}
