//! The one integration binary: features through the public face of the crate and of the program.
//!
//! It has a harness of its own because some tests need more than Rust and a C compiler (the
//! photographs, a browser). Such a test is *reported as ignored*, with the reason in its name,
//! where its need is not met; it never passes without having run.

#![expect(
    clippy::missing_assert_message,
    reason = "compared values speak for themselves; clippy knows only the standard harness"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod agreement;
mod allocations;
mod books;
mod browser;
mod calibration;
mod camera;
mod cli;
mod commands;
mod conformance;
mod drivers;
mod faults;
mod field;
mod fifos;
#[cfg(feature = "fleet")]
mod fleet;
#[cfg(not(feature = "fleet"))]
mod fleetless;
mod fuzzing;
mod gpu;
mod http;
mod integers;
mod lamps;
mod layering;
mod model;
mod mutants;
mod onnx;
mod oracle;
mod pictures;
mod pins;
mod pipeline;
mod planes;
mod program;
mod properties;
mod recording;
mod restorations;
mod service;
mod shared;
mod soak;
mod streams;
mod support;
mod target;
mod temporal;
mod terms;
mod unpack;

fn main() -> std::process::ExitCode {
    if let Some(code) = allocations::measure_if_asked() {
        return code;
    }
    #[cfg(feature = "fleet")]
    if let Some(code) = fleet::play_if_asked() {
        return code;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = harness::trials(None, |case| (case.test)());
    libtest_mimic::run(&arguments, trials).exit_code()
}
