//! Shared memory that is too small, may not be used, or is filled by others: never the end of the
//! daemon.

use std::process::Command;

use super::{daemon, service};
use crate::harness::{apply, trial};
use crate::program::{Outcome, Running, Workshop};

/// Runs a script with the daemon as `"$@"`, in the workshop, where shared memory is a disk of its
/// own.
fn run_with_memory(workshop: &Workshop, more: &str, options: &str, script: &str) -> Outcome {
    let daemon = daemon(workshop, &workshop.path("services"), more);
    let mut command = Command::new("unshare");
    let script = format!("mount -t tmpfs -o {options} tmpfs /dev/shm && {{ {script}\n}}");
    command.args(["-rm", "sh", "-c", &script, "sh"]);
    command.arg(daemon.get_program()).args(daemon.get_args()).current_dir(workshop.path("."));
    Running::start(&mut command).finish()
}

#[track_caller]
fn check_refused(options: &str, words: &str) {
    let workshop = Workshop::new();
    let outcome = run_with_memory(&workshop, "", options, "\"$@\"");
    assert_eq!(outcome.code, Some(69), "{}", outcome.stderr);
    for words in [&format!("cannot publish as '{}': ", service(&workshop)), words] {
        assert!(outcome.stderr.contains(words), "no '{words}' in: {}", outcome.stderr);
    }
}

#[apply(trial)]
#[needs(PrivateMounts)]
fn too_little_memory_is_an_error() {
    check_refused("size=64k", "/dev/shm has 0.1 MiB left (expected at least 1.0 MiB)");
    // Enough to begin with, and too little for the frames.
    check_refused("size=1056k", "/dev/shm has 1.0 MiB left (expected at least 1.");
    check_refused("ro", "/dev/shm: Read-only file system");
}

/// The last page of shared memory is taken while frames flow: they go on to flow. The script reads
/// them from a pipe, which is how it waits.
#[apply(trial)]
#[needs(PrivateMounts)]
fn memory_that_others_fill_ends_nobody() {
    let workshop = Workshop::new();
    let script = "mkfifo pipe && { \"$@\" & } && daemon=$! && exec 3< pipe
        head -c 100000 <&3 | wc -c
        dd if=/dev/zero of=/dev/shm/full bs=4k 2> /dev/null
        head -c 1000000 <&3 | wc -c
        exec 3<&- ; kill -TERM $daemon; wait $daemon";
    let pipe = "[[sink]]\nkind = 'y4m'\npath = 'pipe'\n";
    let outcome = run_with_memory(&workshop, pipe, "size=4m", script);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.text(), "100000\n1000000\n");
    let books = outcome.stderr.lines().find_map(|line| line.strip_prefix("iceoryx2: "));
    let delivered = books.and_then(|books| books.split(' ').next()?.parse::<u64>().ok());
    assert!(delivered.is_some_and(|frames| frames > 100), "{}", outcome.stderr);
}
