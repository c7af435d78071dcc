//! The daemon against real kernel drivers and a real systemd.
//!
//! Runs inside the machine that `tests/vm/run` makes, where it may load drivers and break them.
//! Everywhere else each trial is *reported as ignored*, with the reason in its name.
//!
//! `v4l2-ctl` feeds, reads and breaks the devices: it is nobody of ours.

#![expect(
    clippy::missing_assert_message,
    reason = "compared values speak for themselves; clippy knows only the standard harness"
)]

#[path = "../../harness/mod.rs"]
mod harness;

mod daemon;
mod drivers;
mod http;
mod pictures;
mod process;
mod rig;

#[path = "../../it/target/photograph.rs"]
mod photograph;

mod calibration;
mod clients;
mod consumers;
mod exact;
mod faults;
mod formats;
mod outputs;
mod service;
mod speed;
mod unplug;

fn main() -> std::process::ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    // There is one set of drivers, and no time to be measured beside another trial.
    arguments.test_threads = Some(1);
    let lacks =
        std::env::var_os("RIG_PROGRAM").is_none().then_some("not in the machine of tests/vm/run");
    let trials = harness::trials(lacks, rig::run);
    let conclusion = libtest_mimic::run(&arguments, trials);
    rig::tell_figures();
    conclusion.exit_code()
}
