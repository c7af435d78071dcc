//! Y4M (YUV4MPEG2) streams from a file or standard input.
//!
//! The stream is read by a thread of its own, so that [`Source::fill`] returns within a second.
//!
//! A stream that does not say so has limited range, as broadcast video. What it says of itself beside
//! is noted, for whoever writes it out again. Interlaced frames are taken as they are, which is said.

mod header;
mod stream;
mod ahead; // read by a thread

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Filled, Source, SourceError, ticks};
use crate::frame::{Frame, FrameRate, PictureFormat, StreamNotes};
use crate::pace::Ticks;
pub(super) use ahead::{Ahead, Arrival, Next, Opening};

/// How long a call waits for a picture.
const PATIENCE: Duration = Duration::from_millis(500);

/// How a [`Y4mSource`] plays.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Y4mOptions {
    /// A file, a FIFO or a device; `-` is standard input.
    pub path: PathBuf,
    /// Whether pictures come at the stream's rate, as from a camera; otherwise as fast as they
    /// can be read.
    #[serde(default)]
    pub live: bool,
}

/// A Y4M stream.
#[derive(Debug)]
pub struct Y4mSource {
    opening: Opening,
    ticks: Option<Ticks>,
    ahead: Ahead,
}

impl Y4mSource {
    /// Opens a stream.
    ///
    /// # Errors
    /// Where it cannot be opened or does not begin as a Y4M stream that can be read.
    pub fn open(options: &Y4mOptions) -> Result<Self, SourceError> {
        let Y4mOptions { path, live } = options;
        if path == Path::new("-") {
            return Self::new(std::io::stdin(), PathBuf::from("standard input"), *live);
        }
        let failed = |cause| SourceError::Read { path: path.to_owned(), cause };
        if std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
            // The format is in the stream's first line: there is no start without a writer.
            log::info!("waiting for a writer of {}", path.display());
        }
        let file = File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        let length = found.is_file().then_some(found.len());
        Self::start(file, path.clone(), *live, length)
    }

    /// Reads from anywhere; `name` is for messages, `live` as in [`Y4mOptions`].
    ///
    /// # Errors
    /// Where it does not begin as a Y4M stream that can be read.
    pub fn new(
        reader: impl Read + Send + 'static,
        name: PathBuf,
        live: bool,
    ) -> Result<Self, SourceError> {
        Self::start(reader, name, live, None)
    }

    /// The same of a file of so many bytes, where it is one.
    fn start(
        reader: impl Read + Send + 'static,
        name: PathBuf,
        live: bool,
        length: Option<u64>,
    ) -> Result<Self, SourceError> {
        let failed = |cause| SourceError::Read { path: name.clone(), cause };
        let ahead = Ahead::start(reader, name.clone(), length).map_err(failed)?;
        let opening = match ahead.next(None) {
            Next::Arrived(Arrival::Begins(opening)) => opening,
            Next::Broken(error) => return Err(error),
            Next::Arrived(Arrival::Picture(..)) | Next::Nothing | Next::End => {
                return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
            }
        };
        tell(&opening.notes, &name, live.then_some(opening.rate));
        let ticks = live.then(|| ticks(opening.rate)).transpose()?;
        ahead.supply(opening.format);
        Ok(Self { opening, ticks, ahead })
    }
}

impl Source for Y4mSource {
    fn format(&self) -> PictureFormat {
        self.opening.format
    }

    fn rate(&self) -> FrameRate {
        self.opening.rate
    }

    fn notes(&self) -> StreamNotes {
        self.opening.notes.clone()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let mut picture = match self.ahead.next(Some(PATIENCE)) {
            Next::Arrived(Arrival::Picture(picture, _)) => picture,
            Next::Arrived(Arrival::Begins(_)) | Next::Nothing => return Ok(Filled::Waiting),
            Next::Broken(error) => return Err(error),
            Next::End => return Ok(Filled::End),
        };
        if let Some(ticks) = &mut self.ticks {
            ticks.wait();
        }
        frame.meta.captured_at = Instant::now();
        std::mem::swap(&mut frame.blurred, &mut picture);
        self.ahead.give_back(picture);
        Ok(Filled::Frame)
    }
}

/// Says what a person may not expect of such a stream, which is played at `rate` where it is live.
pub(super) fn tell(notes: &StreamNotes, name: &Path, rate: Option<FrameRate>) {
    let name = name.display();
    if notes.is_interlaced() {
        let order = notes.interlacing.as_deref().unwrap_or_default();
        log::warn!("{name} is interlaced (I{order}): its frames are taken for whole pictures");
    }
    if let Some(rate) = rate.filter(|_| notes.is_rate_unknown) {
        log::warn!("{name} does not know its rate (F0:0): played at {rate} a second");
    }
}
