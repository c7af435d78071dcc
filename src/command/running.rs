//! A command from its start to its end.

use std::fmt;
use std::io::{self, PipeWriter};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::group::Group;
use super::outlet::Outlet;
use super::program::Program;
use super::words::listen;
use crate::owner;

/// Time that a command and all that it started have to end when they are asked to.
pub const GRACE: Duration = Duration::from_millis(300);

/// A command that runs, or has ended by itself. When it is dropped, it is ended.
#[derive(Debug)]
pub struct Running {
    group: Group,
    is_ended: Arc<AtomicBool>,
    words: Option<JoinHandle<Vec<String>>>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it ended by itself.
    pub by_itself: bool,
    /// `None` where it does not die.
    status: Option<ExitStatus>,
    words: Vec<String>,
}

impl Running {
    /// Starts a command that writes to us.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn writer(program: &Program) -> io::Result<(Self, Outlet)> {
        let (ours, theirs) = io::pipe()?;
        let running = Self::start(program, Stdio::null(), Some(theirs.into()))?;
        let outlet = Outlet::new(ours, Arc::clone(&running.is_ended));
        Ok((running, outlet))
    }

    /// Starts a command that reads from us. What it prints is for people.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn reader(program: &Program) -> io::Result<(Self, PipeWriter)> {
        let (theirs, ours) = io::pipe()?;
        Ok((Self::start(program, theirs.into(), None)?, ours))
    }

    fn start(program: &Program, stdin: Stdio, stdout: Option<Stdio>) -> io::Result<Self> {
        let (ours, theirs) = io::pipe()?;
        let stdout = match stdout {
            Some(stdout) => stdout,
            None => theirs.try_clone()?.into(),
        };
        // Our copies of their ends are closed with the command: an end of the pipe is theirs to make.
        let group = Group::start(program.command().stdin(stdin).stdout(stdout).stderr(theirs))?;
        let is_ended = Arc::new(AtomicBool::new(false));
        let (outlet, name) = (Outlet::new(ours, Arc::clone(&is_ended)), program.to_string());
        let hear = move || listen(outlet, &|line| log::debug!("{name}: {line}"));
        let words = owner::spawn("words", hear)?;
        Ok(Self { group, is_ended, words: Some(words) })
    }

    /// Whether it has ended, or does so within `patience`.
    pub fn is_over(&self, patience: Duration) -> bool {
        self.group.is_over(patience)
    }

    /// Ends it and all that it has started; says how it ended. Takes [`GRACE`] and a little, at most.
    pub fn end(&mut self) -> Ended {
        let by_itself = self.group.is_over(Duration::ZERO);
        let status = self.group.end(GRACE);
        self.is_ended.store(true, Ordering::Relaxed);
        // The thread ends at once now.
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        Ended { by_itself, status, words }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.words.is_some() {
            self.end();
        }
    }
}

impl Ended {
    /// Whether it ended by itself and had nothing to complain of.
    pub fn is_success(&self) -> bool {
        self.by_itself && self.status.is_some_and(|status| status.success())
    }

    /// The last line that it wrote for people.
    pub fn last_word(&self) -> Option<&str> {
        self.words.last().map(String::as_str)
    }

    /// The last lines, on one.
    pub fn last_words(&self) -> String {
        if self.words.is_empty() { "it said nothing".to_owned() } else { self.words.join(" | ") }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(status) = self.status.filter(|_| self.by_itself) else {
            return out.write_str("was ended");
        };
        match (status.code(), status.signal()) {
            (Some(code), _) => write!(out, "ended with status {code}"),
            (None, Some(signal)) => write!(out, "was ended by signal {signal}"),
            (None, None) => out.write_str("ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::time::Instant;

    fn shell(text: &str) -> Program {
        Program::Shell(text.to_owned())
    }

    /// Whether a process is there and no zombie.
    fn is_alive(id: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
    }

    #[track_caller]
    fn check_ended(text: &str, told: &str, words: &str) {
        let (mut running, mut outlet) = Running::writer(&shell(text)).expect("a start");
        outlet.read_to_end(&mut Vec::new()).expect("an end");
        assert!(running.is_over(Duration::from_secs(60)), "{text} goes on");
        let ended = running.end();
        assert_eq!((&*ended.to_string(), &*ended.last_words()), (told, words), "{text}");
        assert_eq!(ended.is_success(), told == "ended with status 0");
    }

    #[test]
    fn how_a_command_ended_is_told() {
        check_ended("exit 0", "ended with status 0", "it said nothing");
        check_ended("echo a >&2; echo b >&2; exit 7", "ended with status 7", "a | b");
        check_ended("kill -s SEGV $$", "was ended by signal 11", "it said nothing");
    }

    /// Starts what `text` says, which writes the number of a process that it has started, and ends it.
    #[track_caller]
    fn check_gone(text: &str) {
        let (mut running, mut outlet) = Running::writer(&shell(text)).expect("a start");
        let mut told = Vec::new();
        let mut byte = [0];
        while outlet.read(&mut byte).expect("a line") == 1 && byte != *b"\n" {
            told.push(byte[0]);
        }
        let id = String::from_utf8(told).expect("a number");
        let (begun, ended) = (Instant::now(), running.end());
        assert!(!ended.is_success(), "{text}: {ended}");
        // What was killed may be on its way still.
        while is_alive(&id) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{text}: {id} lives");
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_a_command_has_started_ends_with_it() {
        check_gone("tail -f /dev/null & echo $!; wait");
        check_gone("trap '' TERM; tail -f /dev/null & echo $!; wait; wait");
        // It leaves others behind.
        check_gone("tail -f /dev/null >/dev/null 2>&1 & echo $!; exit 1");
        // It was stopped.
        check_gone("echo $$; kill -s STOP $$; tail -f /dev/null");
    }

    #[test]
    fn words_are_not_interpreted() {
        let words = ["echo", "$(id)", ";", "*", "`x`", ">", "a b"].map(str::to_owned);
        let (_running, mut outlet) = Running::writer(&Program::Words(words.into())).expect("echo");
        let mut told = String::new();
        outlet.read_to_string(&mut told).expect("text");
        assert_eq!(told, "$(id) ; * `x` > a b\n");
    }

    #[test]
    fn a_command_reads_what_it_is_given() {
        let (mut running, mut inlet) = Running::reader(&shell("cat; exit 3")).expect("cat");
        inlet.write_all(b"heard\n").expect("room");
        drop(inlet);
        assert!(running.is_over(Duration::from_secs(60)), "cat goes on");
        let ended = running.end();
        assert_eq!(
            (ended.last_word(), &*ended.to_string()),
            (Some("heard"), "ended with status 3")
        );
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        let program = Program::Words(vec!["/no/such/program".to_owned()]);
        let error = Running::writer(&program).expect_err("no such program");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
