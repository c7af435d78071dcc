//! What can go wrong with a video device, and what can be done about it.
//!
//! The same number means different things after different calls: EINVAL from a format is a wish
//! that the driver cannot meet, EINVAL from a buffer that worked a moment ago is a hiccup. So the
//! call is kept with the number, and [`V4l2Error::kind`] is all that recovery needs to look at.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::exit::{ExitStatus, Status};

/// Why a video device did not do what it was asked for.
#[derive(Debug, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum V4l2Error {
    /// {device}: {fault}
    Call { device: PathBuf, fault: Fault },
    /// {device}: {problem}
    Unsuited { device: PathBuf, problem: String },
    /// {device}: {problem}
    Occupied { device: PathBuf, problem: String },
    /// {device}: the stream is broken: {reason}
    Broken { device: PathBuf, reason: &'static str },
    /// {0}: the device's input changed
    Changed(PathBuf),
    /// {device}: {call} answered {answer} (expected {expected})
    Answer { device: PathBuf, call: &'static str, answer: String, expected: String },
    /// {device}: control {control}: {problem}
    Control { device: PathBuf, control: String, problem: String },
}

impl ExitStatus for V4l2Error {
    fn status(&self) -> Status {
        Status::NoInput
    }
}

/// What can be done about a [`V4l2Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The device is not there, or no more: close everything, open again when it is back.
    Gone,
    /// Somebody else has it, or what it needs: try again later.
    Busy,
    /// This process may not: tell a person, who can change it.
    Denied,
    /// A hiccup of stream or bus: start the stream again, then open the device again.
    Transient,
    /// The device cannot do it, now or ever.
    Unsupported,
    /// None of these.
    Other,
}

/// {call}: {cause}
#[derive(Debug, displaydoc::Display, thiserror::Error)]
pub struct Fault {
    /// Name of the call.
    pub call: &'static str,
    /// What the system said.
    pub cause: io::Error,
}

impl V4l2Error {
    pub(super) fn call(device: &Path, fault: Fault) -> Self {
        Self::Call { device: device.to_owned(), fault }
    }

    /// What can be done about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Call { fault, .. } => fault.kind(),
            Self::Occupied { .. } => ErrorKind::Busy,
            Self::Unsuited { .. } | Self::Control { .. } => ErrorKind::Unsupported,
            Self::Broken { .. } | Self::Changed(_) | Self::Answer { .. } => ErrorKind::Transient,
        }
    }
}

/// Calls on buffers and streams, whose arguments the driver itself gave or took before.
const STREAMING: &[&str] = &[
    "VIDIOC_REQBUFS",
    "VIDIOC_QUERYBUF",
    "VIDIOC_QBUF",
    "VIDIOC_DQBUF",
    "VIDIOC_STREAMON",
    "VIDIOC_STREAMOFF",
    "mmap",
];

impl Fault {
    /// What can be done about it.
    pub fn kind(&self) -> ErrorKind {
        match Errno::from_io_error(&self.cause) {
            Some(Errno::NODEV | Errno::NXIO | Errno::SHUTDOWN | Errno::NOENT | Errno::BADF) => {
                ErrorKind::Gone
            }
            // No space is what a USB bus says that has no bandwidth left.
            Some(Errno::BUSY | Errno::NOSPC | Errno::USERS) => ErrorKind::Busy,
            Some(Errno::ACCESS | Errno::PERM) => ErrorKind::Denied,
            Some(Errno::INVAL) if STREAMING.contains(&self.call) => ErrorKind::Transient,
            Some(
                Errno::IO
                | Errno::PROTO
                | Errno::PIPE
                | Errno::AGAIN
                | Errno::INTR
                | Errno::TIMEDOUT
                | Errno::TIME
                | Errno::ILSEQ
                | Errno::COMM
                | Errno::OVERFLOW
                | Errno::REMOTEIO
                | Errno::NOLINK
                | Errno::NOMEM
                | Errno::CONNRESET
                | Errno::NODATA,
            ) => ErrorKind::Transient,
            Some(Errno::NOTTY | Errno::INVAL | Errno::OPNOTSUPP | Errno::RANGE) => {
                ErrorKind::Unsupported
            }
            _ => ErrorKind::Other,
        }
    }

    /// Whether the call failed with this number.
    pub(super) fn is(&self, errno: Errno) -> bool {
        Errno::from_io_error(&self.cause) == Some(errno)
    }
}

/// How often a call that signals interrupt is made again.
const INTERRUPTED_MAX: u32 = 1000;

/// Makes a call again while signals interrupt it.
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut left = INTERRUPTED_MAX;
    loop {
        match call() {
            Err(fault) if fault.is(Errno::INTR) && left > 0 => left -= 1,
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(call: &'static str, errno: Errno) -> Fault {
        Fault { call, cause: errno.into() }
    }

    #[track_caller]
    fn check_kind(call: &'static str, errnos: &[Errno], kind: ErrorKind) {
        for &errno in errnos {
            let error = V4l2Error::call(Path::new("/dev/video7"), fault(call, errno));
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().starts_with(&format!("/dev/video7: {call}: ")), "{error}");
        }
    }

    #[test]
    fn errors_are_told_apart_by_what_helps() {
        let gone = [Errno::NODEV, Errno::NXIO, Errno::SHUTDOWN, Errno::NOENT];
        check_kind("VIDIOC_DQBUF", &gone, ErrorKind::Gone);
        check_kind("VIDIOC_S_FMT", &[Errno::BUSY], ErrorKind::Busy);
        check_kind("VIDIOC_STREAMON", &[Errno::NOSPC], ErrorKind::Busy);
        check_kind("open", &[Errno::ACCESS, Errno::PERM], ErrorKind::Denied);
        let hiccups = [Errno::IO, Errno::PROTO, Errno::PIPE, Errno::AGAIN, Errno::INVAL];
        check_kind("VIDIOC_QBUF", &hiccups, ErrorKind::Transient);
        check_kind("VIDIOC_S_FMT", &[Errno::INVAL, Errno::NOTTY], ErrorKind::Unsupported);
        check_kind("VIDIOC_S_FMT", &[Errno::MFILE], ErrorKind::Other);
    }

    #[test]
    fn interruptions_do_not_last_for_ever() {
        let mut calls = 0;
        let ended = uninterrupted(|| {
            calls += 1;
            if calls < 9 { Err(fault("poll", Errno::INTR)) } else { Ok(calls) }
        });
        assert_eq!(ended.expect("an end"), 9);
        let storm = uninterrupted::<()>(|| Err(fault("poll", Errno::INTR)));
        assert!(storm.expect_err("a storm").is(Errno::INTR));
    }
}
