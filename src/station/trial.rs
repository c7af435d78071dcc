//! A trial of a configuration in a process of its own.
//!
//! A model is a program that a library runs, and a bad one can make the library panic, run for ever
//! or take all memory. None of that may reach a daemon that restores frames. So the program starts
//! itself once more and gives that process all that it has read; only if the process restores the
//! golden frame in time is the configuration loaded here, from the same bytes.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::{ExitStatusExt, parent_id};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use displaydoc::Display;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use thiserror::Error;

use crate::frame::Extent;

/// The hidden command of the program that is one trial.
pub const COMMAND: &str = "try";

/// Time that a trial may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Memory that a trial may take; with the daemon it stays below the limit of the unit.
const MEMORY_BYTES_MAX: u64 = 768 << 20;

/// How often the memory of a trial is looked at, and whether its daemon is still there.
const GLANCE: Duration = Duration::from_millis(50);

/// Bytes of a page of memory, at least; a larger page makes the limit a stricter one.
const PAGE_BYTES: u64 = 4096;

/// Bytes of an answer that are kept.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// Bytes of a reason that are kept.
const REASON_BYTES_MAX: u64 = 4 << 10;

/// Why a configuration did not pass its trial.
#[derive(Debug, Display, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum TrialError {
    /// the trial cannot be run: {0}
    System(#[from] io::Error),
    /// the trial took longer than {0:?}
    Late(Duration),
    /// the trial took more than {0} MiB of memory
    Large(u64),
    /// the trial was ended by signal {signal}: {reason}
    Killed { signal: i32, reason: String },
    /// {0}
    Refused(String),
}

/// Runs one trial: starts this program with [`COMMAND`] and, where it is known, the extent of
/// frames, and waits for it. What `material` writes is what the process reads from its standard
/// input; the answer is what it prints.
///
/// # Errors
/// Where the process did not print an answer and end with status 0, in time and in little memory.
pub fn run(
    extent: Option<Extent>,
    material: impl FnOnce(&mut File) -> io::Result<()>,
    patience: Duration,
) -> Result<String, TrialError> {
    let mut program = Command::new("/proc/self/exe");
    program.arg(COMMAND).args(extent.map(|extent| extent.to_string())).env("DEBLURD_LOG", "off");
    attempt(&mut program, material, patience)
}

fn attempt(
    program: &mut Command,
    material: impl FnOnce(&mut File) -> io::Result<()>,
    patience: Duration,
) -> Result<String, TrialError> {
    // Files in memory: whatever the process does, no pipe blocks us.
    let [mut input, reason] = [memory_file()?, memory_file()?];
    material(&mut input)?;
    input.rewind()?;
    program.stdin(input).stdout(Stdio::piped()).stderr(reason.try_clone()?);
    let mut child = program.spawn()?;
    let (ended, answer) = match wait(&mut child, patience) {
        Ok(ended) => ended,
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
    };
    if ended.success() {
        return Ok(one_line(&answer));
    }
    let reason = one_line(&content(reason)?);
    let reason = reason.strip_prefix("deblurd: ").unwrap_or(&reason).to_owned();
    Err(match ended.signal() {
        Some(signal) => TrialError::Killed { signal, reason },
        None => TrialError::Refused(reason),
    })
}

/// To be called by the process of a trial: it is the first to go if memory is short, and ends with
/// the daemon that started it.
pub fn restrain() {
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "1000") {
        log::debug!("a trial like any other process where memory is short: {error}");
    }
    let daemon = parent_id();
    let follow = move || {
        while parent_id() == daemon {
            std::thread::sleep(GLANCE);
        }
        std::process::abort();
    };
    if let Err(error) = std::thread::Builder::new().name("daemon".to_owned()).spawn(follow) {
        log::debug!("a trial that may outlive its daemon: {error}");
    }
}

fn memory_file() -> io::Result<File> {
    Ok(memfd_create("trial", MemfdFlags::CLOEXEC).map_err(io::Error::from)?.into())
}

/// Waits for the end of a process; gives what it printed.
fn wait(child: &mut Child, patience: Duration) -> Result<(ExitStatus, Vec<u8>), TrialError> {
    let mut answer = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        let deadline = Instant::now() + patience;
        let mut bytes = [0; 512];
        loop {
            if is_readable(&pipe)? {
                match pipe.read(&mut bytes)? {
                    0 => break,
                    count if answer.len() < ANSWER_BYTES_MAX => {
                        answer.extend_from_slice(&bytes[..count]);
                    }
                    _ => {}
                }
            }
            if Instant::now() >= deadline {
                return Err(TrialError::Late(patience));
            }
            if memory_bytes(child).is_some_and(|bytes| bytes > MEMORY_BYTES_MAX) {
                return Err(TrialError::Large(MEMORY_BYTES_MAX >> 20));
            }
        }
    }
    Ok((child.wait()?, answer))
}

/// Waits for [`GLANCE`], at most, until there is something to read or the other end is closed.
fn is_readable(pipe: &ChildStdout) -> io::Result<bool> {
    let glance = Timespec::try_from(GLANCE).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&glance)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Memory that a process has in use, as far as the system says it.
fn memory_bytes(child: &Child) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/statm", child.id())).ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

/// What a file in memory holds.
fn content(mut file: File) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(REASON_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A text in one line, without the notes of the runtime.
fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("note: "));
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Tries a process that runs `script` and is given `material`.
    #[track_caller]
    fn check(script: &str, patience: Duration, expected: Result<&str, &str>) {
        let material = |input: &mut File| input.write_all(b"material");
        let outcome = attempt(Command::new("sh").args(["-c", script]), material, patience);
        let outcome = outcome.map_err(|error| error.to_string());
        assert_eq!(outcome.as_deref().map_err(String::as_str), expected, "{script}");
    }

    #[test]
    fn only_an_answer_in_time_is_a_success() {
        check("echo; cat; echo ' is good'", PATIENCE, Ok("material is good"));
        check("echo 'deblurd: model bad' >&2; exit 78", PATIENCE, Err("model bad"));
        let panics = "echo \"thread 'main' panicked at x.rs:1:\" >&2; echo 'no axis 99' >&2; \
             echo 'note: run with' >&2; kill -ABRT $$";
        let told = "the trial was ended by signal 6: thread 'main' panicked at x.rs:1:; no axis 99";
        check(panics, PATIENCE, Err(told));
        check("exec tail -f /dev/null", Duration::ZERO, Err("the trial took longer than 0ns"));
        // A line that never ends.
        let hoards = "exec sort /dev/zero";
        check(hoards, PATIENCE, Err("the trial took more than 768 MiB of memory"));
    }
}
