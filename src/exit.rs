//! The exit statuses of the program, as in `sysexits.h`, and what an error says about them.

use rustix::io::Errno;

/// What the system says where it has no more threads or memory, or files for all or for one process,
/// or buffers, for now.
const SHORTAGES: [i32; 5] = [
    Errno::AGAIN.raw_os_error(),
    Errno::NOMEM.raw_os_error(),
    Errno::NFILE.raw_os_error(),
    Errno::MFILE.raw_os_error(),
    Errno::NOBUFS.raw_os_error(),
];

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It failed while it ran.
    Failed,
    /// The command line is wrong.
    Usage,
    /// What was read is not what it should be.
    Data,
    /// What was to be read cannot be read.
    NoInput,
    /// An address, or a service, cannot be had.
    Unavailable,
    /// What was to be written cannot be written.
    CannotCreate,
    /// Trying again may help.
    TryAgain,
    /// The configuration is wrong.
    Config,
    /// A signal ended it before its work was done.
    Signal(i32),
}

/// An error that knows the exit status of a program that ends because of it.
pub trait ExitStatus: std::error::Error {
    /// The exit status.
    fn status(&self) -> Status;

    /// The error number of the system, where it was the system that failed.
    fn errno(&self) -> Option<i32> {
        None
    }

    /// How the program ends of it: where the system is short of something, whatever it was needed
    /// for, trying again may help.
    fn outcome(&self) -> Status {
        let is_short = self.errno().is_some_and(|errno| SHORTAGES.contains(&errno));
        if is_short { Status::TryAgain } else { self.status() }
    }
}

impl Status {
    /// The number that the system is given.
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Data => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::CannotCreate => 73,
            Self::TryAgain => 75,
            Self::Config => 78,
            // 128 and the signal's number, as shells have it.
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(1),
        }
    }
}

impl ExitStatus for std::io::Error {
    fn status(&self) -> Status {
        Status::Failed
    }

    fn errno(&self) -> Option<i32> {
        self.raw_os_error()
    }
}

impl ExitStatus for serde_json::Error {
    fn status(&self) -> Status {
        Status::Failed
    }
}
