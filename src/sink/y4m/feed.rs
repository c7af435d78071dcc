//! A stream into a pipe whose reader may be absent, slow, stopped or gone.
//!
//! A reader gets the first line and whole frames. What it does not take in a moment is kept, and
//! continued when the sink is called again; meanwhile frames are offered in vain.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::pipe::Pipe;
use crate::sink::contract::SinkError;

/// How long a call waits for the reader.
const PATIENCE: Duration = Duration::from_millis(200);
/// Pause between two looks for a reader.
const PAUSE: Duration = Duration::from_millis(50);

/// How many readers there may be, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// When the first goes, the stream ends.
    One,
    /// When one goes, the next is waited for.
    Many,
}

/// A stream into a pipe.
#[derive(Debug)]
pub(super) struct Feed {
    path: PathBuf,
    readers: Readers,
    pipe: Option<Pipe>,
    /// Whether the reader has seen nothing yet.
    is_new: bool,
    /// The frame that is being written, with the first line where that goes before it.
    bytes: Vec<u8>,
    /// Bytes of it that are written.
    written: usize,
    /// Number of that frame.
    sequence: Option<u64>,
}

impl Feed {
    /// A stream into the FIFO `path`.
    ///
    /// # Errors
    /// Where it is none, or may not be written to.
    pub(super) fn open(path: PathBuf, readers: Readers) -> Result<Self, SinkError> {
        match Pipe::open(&path) {
            Ok(pipe) => {
                if pipe.is_none() {
                    log::info!("waiting for a reader of {}", path.display());
                }
                Ok(Self::new(path, readers, pipe))
            }
            Err(cause) => Err(SinkError::Write { path, cause }),
        }
    }

    /// A stream into `pipe`, whose reader is there.
    pub(super) fn into_pipe(pipe: Pipe, path: PathBuf) -> Self {
        Self::new(path, Readers::One, Some(pipe))
    }

    fn new(path: PathBuf, readers: Readers, pipe: Option<Pipe>) -> Self {
        Self { path, readers, pipe, is_new: true, bytes: Vec::new(), written: 0, sequence: None }
    }

    /// Writes frame number `sequence`, which `compose` appends to a buffer, with `first_line`
    /// before it for a new reader. Offered again, a frame that was begun is continued.
    ///
    /// # Errors
    /// [`SinkError::Later`] where the reader does not take it now.
    pub(super) fn offer(
        &mut self,
        sequence: u64,
        first_line: &[u8],
        compose: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SinkError> {
        let end = Instant::now() + PATIENCE;
        self.connect()?;
        if self.sequence != Some(sequence) {
            // A reader that has begun a frame gets all of it, whether it is counted or not.
            self.push(end)?;
            self.bytes.clear();
            self.written = 0;
            if std::mem::take(&mut self.is_new) {
                self.bytes.extend(first_line);
            }
            compose(&mut self.bytes);
            self.sequence = Some(sequence);
        }
        self.push(end)
    }

    /// Gives the reader a last chance to take what it has begun, and lets it go.
    pub(super) fn finish(&mut self) {
        let rest = self.push(Instant::now() + PATIENCE);
        if rest.is_err() && self.pipe.is_some() {
            log::warn!("the reader of {} did not take its last frame", self.path.display());
        }
        self.pipe = None;
    }

    fn connect(&mut self) -> Result<(), SinkError> {
        if self.pipe.is_none() {
            self.pipe = Pipe::open(&self.path).map_err(|cause| self.failed(cause))?;
            self.is_new = true;
        }
        if self.pipe.is_none() {
            std::thread::sleep(PAUSE);
            return Err(SinkError::Later);
        }
        Ok(())
    }

    /// Writes what is left of the frame.
    fn push(&mut self, end: Instant) -> Result<(), SinkError> {
        let Some(pipe) = &self.pipe else { return Ok(()) };
        match pipe.write(&self.bytes[self.written..], end) {
            Ok(count) => self.written += count,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(self.lose()),
            Err(error) => return Err(self.failed(error)),
        }
        let is_taken = self.written == self.bytes.len();
        is_taken.then_some(()).ok_or(SinkError::Later)
    }

    /// The reader is gone.
    fn lose(&mut self) -> SinkError {
        self.pipe = None;
        self.bytes.clear();
        (self.written, self.sequence) = (0, None);
        match self.readers {
            Readers::One => SinkError::Closed(self.path.clone()),
            Readers::Many => {
                log::info!("the reader of {} went away; waiting for another", self.path.display());
                SinkError::Later
            }
        }
    }

    fn failed(&self, cause: io::Error) -> SinkError {
        SinkError::Write { path: self.path.clone(), cause }
    }
}
