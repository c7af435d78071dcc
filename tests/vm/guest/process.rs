//! A process as the kernel sees it, and programs that are run to their end.

use std::fs;
use std::process::Command;

/// A process that belongs to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Number of its open file descriptors.
    pub(crate) fn descriptors(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0)).expect("a running process").count()
    }

    /// Number of its memory mappings.
    pub(crate) fn mappings(self) -> usize {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.0));
        maps.expect("a running process").lines().count()
    }

    /// What it does, in the kernel's letters.
    pub(crate) fn state(self) -> char {
        let status = fs::read_to_string(format!("/proc/{}/stat", self.0));
        let status = status.expect("a process");
        // Its name, in brackets, may hold anything.
        let rest = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
        rest.expect("its state")
    }

    /// Its resident memory in KiB.
    pub(crate) fn memory_kib(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0));
        let status = status.expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("its resident memory")
    }

    /// Sends a signal by name.
    pub(crate) fn signal(self, name: &str) {
        run("kill", &["-s", name, &self.0.to_string()]);
    }

    /// Its thread whose name begins so.
    pub(crate) fn thread(self, name: &str) -> i32 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).expect("a running process");
        let mut ids = threads.flatten().map(|thread| thread.path());
        let is_named = |path: &std::path::PathBuf| {
            fs::read_to_string(path.join("comm")).is_ok_and(|found| found.starts_with(name))
        };
        let thread = ids.find(is_named).unwrap_or_else(|| panic!("a thread '{name}'"));
        let id = thread.file_name().and_then(|id| id.to_str()?.parse().ok());
        id.expect("the number of a thread")
    }
}

/// Runs a program, which must succeed, and gives what it says.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("a program of the machine");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}: {told}{error}", output.status);
    told
}
