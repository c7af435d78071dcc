//! The commands: they parse, call and print.

mod bench;
mod calibrating;
mod check;
mod client;
mod demo;
mod evaluate;
mod exit;
mod fleet;
mod inputs;
mod model;
mod options;
mod probe;
mod psf;
mod restore;
mod run;
mod simulate;
mod snapshot;
mod status;
mod terminal;
mod top;
mod trial;
mod truth;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::exit::Result;
use crate::command::end_all;
use crate::daemon::{HangUp, Shutdown, start_log};
use crate::heap;
use crate::sink::{SinkError, remove_unfinished};
use crate::station;

/// Makes blurred pictures and camera frames sharp.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = EXIT_CODES, subcommand_required = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print more messages; twice for those of debugging.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed at run time
  2    wrong command line
  65   a picture, stream, PSF or model is damaged or not what it should be
  66   an input cannot be read
  69   an address cannot be listened on, shared memory cannot be used, or no daemon answers
       (status, top, snapshot)
  73   an output cannot be written
  75   the camera is there but gives no pictures, or the system is short of threads, memory or
       files for now: start again (run); the daemon runs but is not ready (status, snapshot)
  78   the configuration is wrong (run, check)
  129  ended by SIGHUP before the work was done (run loads its configuration again)
  130  ended by SIGINT before the work was done
  134  a defect of the program, which aborted: please report it
  143  ended by SIGTERM before the work was done

Environment:
  DEBLURD_LOG              level of the log: off, error, warn, info, debug, trace (instead of -v)
  DEBLURD_SECTION__KEY     overrides a key of the configuration (run, check)

Examples:
  deblurd demo
  deblurd probe
  deblurd restore blurred.png --psf kernel.txt -o sharp.png
  deblurd simulate photos/ --psf disk:3 --sigma 2.55 -o blurred/
  ffmpeg -i clip.mp4 -f yuv4mpegpipe - | deblurd restore - --psf motion:9,0 -o - | ffplay -";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a moving scene being blurred and restored; needs no camera and no files.
    Demo(demo::Demo),
    /// Restore pictures or a Y4M stream.
    Restore(restore::Restore),
    /// Blur sharp pictures as a camera would.
    Simulate(simulate::Simulate),
    /// Measure restoration on sharp pictures that are blurred first.
    Evaluate(evaluate::Evaluate),
    /// Run the daemon.
    Run(run::Run),
    /// Test a configuration: load all it names, restore one frame, try its outputs.
    Check(check::Check),
    /// Show the state of a running daemon.
    Status(status::Status),
    /// Show a running daemon live in the terminal.
    Top(top::Top),
    /// List and direct the cameras of all hosts.
    Fleet(fleet::Fleet),
    /// Take one picture from a running daemon.
    Snapshot(snapshot::Snapshot),
    /// Time every stage of the restoration.
    Bench(bench::Bench),
    /// Describe a model.
    Model(model::Model),
    /// Show, convert, turn and compare PSFs.
    Psf(psf::Psf),
    /// Draw the target that calibration looks for.
    Target(calibrating::Target),
    /// Find a camera's blur, noise and curve from frames of the target.
    Calibrate(calibrating::Calibrate),
    /// Find a camera's blur from ordinary frames.
    Estimate(calibrating::Estimate),
    /// Show cameras and video outputs, and the configuration lines that use them.
    Probe(probe::Probe),
    /// Restore one golden frame with what the daemon gives on standard input.
    #[command(name = station::trial::COMMAND, hide = true)]
    Try(trial::Try),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        /// The folder, which must exist.
        folder: PathBuf,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    end_with_any_panic();
    heap::give_back_what_is_large();
    let arguments = Arguments::parse();
    start_log(&log_filter(arguments.verbose));
    let code = exit::code(run(arguments.command));
    log::logger().flush();
    code
}

/// A thread that panics ends the process, however it was compiled: frames that are no longer
/// restored would show as little as a process that is still there.
fn end_with_any_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        std::process::abort();
    }));
}

fn run(command: Command) -> Result<()> {
    let hang_up = match command {
        Command::Run(_) => HangUp::Reload,
        _ => HangUp::End,
    };
    let shutdown = Shutdown::listen(hang_up, clean_up)?;
    match command {
        Command::Demo(demo) => demo.run(&shutdown),
        Command::Restore(restore) => restore.run(&shutdown),
        Command::Simulate(simulate) => simulate.run(&shutdown),
        Command::Evaluate(evaluate) => evaluate.run(&shutdown),
        Command::Run(run) => run.run(&shutdown),
        Command::Check(check) => check.run(),
        Command::Status(status) => status.run(),
        Command::Top(top) => top.run(&shutdown),
        Command::Fleet(fleet) => fleet.run(),
        Command::Snapshot(snapshot) => snapshot.run(),
        Command::Bench(bench) => bench.run(&shutdown),
        Command::Model(model) => model.run(),
        Command::Probe(probe) => probe.run(),
        Command::Psf(psf) => psf.run(),
        Command::Target(target) => target.run(),
        Command::Calibrate(calibrate) => calibrate.run(&shutdown),
        Command::Estimate(estimate) => estimate.run(&shutdown),
        Command::Try(trial) => trial.run(),
        Command::Completions { shell } => completions(shell),
        Command::Man { folder } => manual(&folder),
    }
}

/// What is left behind by no process that ends at once.
fn clean_up() {
    end_all();
    remove_unfinished();
}

fn manual(folder: &Path) -> Result<()> {
    let written = clap_mangen::generate_to(Arguments::command(), folder);
    Ok(written.map_err(|cause| SinkError::Write { path: folder.to_owned(), cause })?)
}

fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "deblurd", &mut script);
    Ok(terminal::print(&String::from_utf8_lossy(&script))?)
}

/// What is logged unless the environment says otherwise.
fn log_filter(verbose: u8) -> String {
    let level = ["warn", "info", "debug"][usize::from(verbose.min(2))];
    // tract logs its own matters at these levels.
    format!("{level},tract=warn")
}
