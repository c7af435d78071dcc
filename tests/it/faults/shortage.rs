//! What the system is short of for now: trying again may help, which the status says.

use std::process::Command;

use super::SCENE;
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop};

/// With every number of files that is too small for the daemon, from which on it runs.
#[apply(trial)]
fn a_shortage_of_files_is_no_fault_of_the_configuration() {
    let workshop = Workshop::new();
    let scene = SCENE.replace("'64x48'", "'64x48'\nframes = 2\nlive = false");
    let scene = scene.replace("2.55\n", "2.55\nmodel = 'none'\n");
    workshop.write("run.toml", format!("{scene}[[sink]]\nkind = 'y4m'\npath = '/dev/null'\n"));
    let program = workshop.command(&[]);
    let mut refused = 0;
    for files in 5..40 {
        let run = format!("exec {} run --config run.toml", program.get_program().display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {files}; {run}")]).current_dir(workshop.path("."));
        let outcome = Running::start(&mut shell).finish();
        match outcome.code {
            Some(0) => break,
            // Libraries cannot be loaded: the system's own loader says so, before any of ours runs.
            Some(127) if outcome.stderr.contains("shared libraries") => {}
            code => {
                assert_eq!(code, Some(75), "{files} files: {}", outcome.stderr);
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "nothing was short");
}
