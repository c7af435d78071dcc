//! A process with all that it starts: one group, which is signalled as one.
//!
//! To signal a group takes a system call that our dependencies do not offer as they are built, and
//! unsafe code of ours has other addresses; so the shell does it, whose `kill` is part of POSIX.
//! Should no shell start, the process itself is still ended, by the standard library.
//!
//! The leader of a group is reaped last: until then nobody else can be given its number, and no
//! signal of ours meets a stranger.
//!
//! Groups stand in a list while they run, so that a process that ends at once takes them with it.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::program::SHELL;

/// How long a process that ends at once waits for one that is just being started.
const LOCK_PATIENCE: Duration = Duration::from_millis(150);

/// Pause between two looks at a process.
const GLANCE: Duration = Duration::from_millis(10);

/// How long a process that was killed is waited for.
const DEATH: Duration = Duration::from_millis(200);

/// Processes that did not die when they were killed, before nothing is started any more.
const UNDEAD_MAX: usize = 8;

/// The groups of this process.
static GROUPS: Mutex<Groups> =
    Mutex::new(Groups { is_closed: false, leaders: Vec::new(), undead: Vec::new() });

struct Groups {
    /// Whether this process ends: nothing is started any more.
    is_closed: bool,
    leaders: Vec<u32>,
    /// Killed and not gone when they were last looked at: the kernel is busy, or waits for something.
    undead: Vec<Child>,
}

/// A process and all that it has started.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Child>,
    id: u32,
}

/// Ends all groups, for a process that ends at once, and lets none be started any more.
pub fn end_all() {
    let begun = Instant::now();
    loop {
        let mut groups = match GROUPS.try_lock() {
            Ok(groups) => groups,
            Err(TryLockError::Poisoned(groups)) => groups.into_inner(),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(GLANCE);
                continue;
            }
            Err(TryLockError::WouldBlock) => return,
        };
        groups.is_closed = true;
        return signal("KILL", &groups.leaders);
    }
}

impl Group {
    /// Starts a process, which leads a new group.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        // Locked from before the process is there until it stands in the list: none escapes the end.
        let mut groups = groups();
        groups.undead.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if groups.is_closed {
            return Err(io::Error::other("this process ends"));
        }
        if groups.undead.len() >= UNDEAD_MAX {
            return Err(io::Error::other(format!("{UNDEAD_MAX} killed processes do not die")));
        }
        let child = command.process_group(0).spawn()?;
        let id = child.id();
        groups.leaders.push(id);
        Ok(Self { leader: Some(child), id })
    }

    /// Whether the leader has ended, or does so within `patience`. It is not reaped.
    pub(super) fn is_over(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        loop {
            if self.leader.is_none() || is_zombie(self.id) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Asks the group to end, where the leader has not yet, and ends what has not done so within
    /// `grace`; the leader's status, where it has died.
    pub(super) fn end(&mut self, grace: Duration) -> Option<ExitStatus> {
        if !grace.is_zero() && !self.is_over(Duration::ZERO) {
            signal("TERM", &[self.id]);
            self.is_over(grace);
        }
        let mut leader = self.leader.take()?;
        signal("KILL", &[self.id]);
        // Where the shell could not.
        let _ = leader.kill();
        groups().leaders.retain(|id| *id != self.id);
        let end = Instant::now() + DEATH;
        loop {
            match leader.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < end => std::thread::sleep(GLANCE),
                Ok(None) => {
                    log::debug!("process {} was killed and is not gone yet", self.id);
                    groups().undead.push(leader);
                    return None;
                }
                Err(error) => {
                    log::debug!("process {}: {error}", self.id);
                    return None;
                }
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

fn groups() -> MutexGuard<'static, Groups> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signals groups by the numbers of their leaders; those that are gone are passed over.
fn signal(name: &str, leaders: &[u32]) {
    if leaders.is_empty() {
        return;
    }
    let mut shell = Command::new(SHELL);
    shell.args(["-c", "for group; do kill -s \"$0\" -- \"-$group\"; done", name]);
    shell.args(leaders.iter().map(u32::to_string));
    let silent = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = silent.status() {
        log::warn!("a command's group cannot be signalled: {SHELL}: {error}");
    }
}

/// Whether a process of ours has ended and was not reaped yet; so, too, where nothing tells.
fn is_zombie(id: u32) -> bool {
    let Ok(stat) = std::fs::read(format!("/proc/{id}/stat")) else { return true };
    // `12 (name) Z …`; the name may hold anything.
    let stat = String::from_utf8_lossy(&stat);
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['Z', 'X']))
}
