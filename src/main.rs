//! The program: command line in, exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    deblurd::cli::main()
}
