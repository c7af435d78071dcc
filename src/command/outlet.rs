//! What a command writes, read without ever waiting for it alone.

use std::io::{self, PipeReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How soon a reader sees that it is not wanted any more.
const GLANCE: Duration = Duration::from_millis(50);

/// What a pipe may still hold then: that much is read to the end.
const REST_BYTES: usize = 1 << 16;

/// The reading end of a pipe that a command writes to. It ends when all who write have closed theirs,
/// or soon after the command was ended, even if something that it started lives on and holds the pipe.
#[derive(Debug)]
pub struct Outlet {
    pipe: PipeReader,
    /// Whether the command was ended.
    is_ended: Arc<AtomicBool>,
    /// Bytes that may be read after that.
    left: usize,
}

impl Outlet {
    pub(super) fn new(pipe: PipeReader, is_ended: Arc<AtomicBool>) -> Self {
        Self { pipe, is_ended, left: REST_BYTES }
    }

    /// Waits until there is something to read, or the other end is closed; whether it is so.
    fn is_ready(&self, patience: Duration) -> io::Result<bool> {
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&patience)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Outlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let is_ended = self.is_ended.load(Ordering::Relaxed);
            if is_ended && self.left == 0 {
                return Ok(0);
            }
            let is_ready = self.is_ready(if is_ended { Duration::ZERO } else { GLANCE })?;
            if is_ready {
                let count = self.pipe.read(buffer)?;
                self.left = if is_ended { self.left.saturating_sub(count) } else { self.left };
                return Ok(count);
            }
            if is_ended {
                return Ok(0);
            }
        }
    }
}
