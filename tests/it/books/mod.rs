//! The bookkeeping of files and streams: what a file says beside its samples, inputs that outputs
//! never replace, and what is odd but no reason to stop.

mod files;
mod odd;
mod places;
mod tags;

use std::process::Command;

use crate::program::{Outcome, Running, Workshop};

/// Runs a line of the shell in which `deblurd` is the program.
fn run_line(workshop: &Workshop, line: &str) -> Outcome {
    let program = workshop.command(&[]);
    let shown = program.get_program().display();
    let script = format!("deblurd() {{ {shown} \"$@\"; }}; {line}");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(workshop.path("."));
    Running::start(&mut command).finish()
}
