//! A pipe that is written to without ever waiting longer than told.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::sink::whole::written_by_another;

/// What a pipe takes without waiting when it can take anything (`PIPE_BUF`).
const ATOMIC_BYTES: usize = 4096;

/// The writing end of a pipe.
#[derive(Debug)]
pub(super) struct Pipe {
    file: File,
    /// Bytes of a write, at most.
    chunk: usize,
}

impl Pipe {
    /// Opens a FIFO; `None` while nobody reads it.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = match File::options().write(true).custom_flags(flags).open(path) {
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                return Ok(None);
            }
            opened => opened?,
        };
        if !file.metadata()?.file_type().is_fifo() {
            return Err(io::Error::other("it is no FIFO any more"));
        }
        // Frames of two writers would come in pieces.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(written_by_another());
        }
        Ok(Some(Self { file, chunk: usize::MAX }))
    }

    /// A pipe whose writing end is nobody else's.
    pub(super) fn own(end: OwnedFd) -> io::Result<Self> {
        fcntl_setfl(&end, fcntl_getfl(&end)? | OFlags::NONBLOCK)?;
        Ok(Self { file: end.into(), chunk: usize::MAX })
    }

    /// Standard output, which belongs to others, too, and therefore stays as it is: written to in
    /// pieces that a pipe takes at once.
    pub(super) fn stdout() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let chunk = if file.metadata()?.is_file() { usize::MAX } else { ATOMIC_BYTES };
        Ok(Self { file, chunk })
    }

    /// Writes what is taken until `end`; the number of bytes.
    pub(super) fn write(&self, bytes: &[u8], end: Instant) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            if !self.wait(end.saturating_duration_since(Instant::now()))? {
                break;
            }
            let chunk = &bytes[written..][..self.chunk.min(bytes.len() - written)];
            match (&self.file).write(chunk) {
                Ok(count) => written += count,
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Waits until something can be written; whether it can.
    fn wait(&self, patience: Duration) -> io::Result<bool> {
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], Some(&patience)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
