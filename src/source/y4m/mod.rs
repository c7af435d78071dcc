//! Y4M (YUV4MPEG2) streams from a file or standard input.
//!
//! The stream is read by a thread of its own, two pictures ahead, because a read from a pipe may
//! wait for ever: [`Source::fill`] still returns within a second. Pictures go to and fro between
//! the two threads, so that none is allocated per frame. That thread is not joined: it ends with
//! the stream, when the source is dropped, or, stuck in a read, with the process.
//!
//! A stream that does not say so has limited range, as broadcast video. What it says of itself beside
//! is noted, for whoever writes it out again. Interlaced frames are taken as they are, which is said.

mod header;
mod stream;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde::Deserialize;

use super::{Filled, Source, SourceError, ticks};
use crate::frame::{Frame, FrameRate, Picture, PictureFormat, StreamNotes};
use crate::pace::Ticks;
use stream::Stream;

/// Pictures that travel between the reading thread and the source.
const PICTURES_AHEAD: usize = 2;
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
    format: PictureFormat,
    rate: FrameRate,
    notes: StreamNotes,
    ticks: Option<Ticks>,
    full: Receiver<Result<Picture, SourceError>>,
    empty: Sender<Picture>,
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
        let stream = Stream::open(file, path.clone())?;
        if found.is_file() {
            stream.check_length(found.len())?;
        }
        Self::start(stream, *live)
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
        Self::start(Stream::open(reader, name)?, live)
    }

    /// Has a thread read the stream ahead.
    fn start<R: Read + Send + 'static>(stream: Stream<R>, live: bool) -> Result<Self, SourceError> {
        let (format, rate, notes) = (stream.format, stream.rate, stream.notes.clone());
        tell(&notes, &stream.name, live.then_some(rate));
        let ticks = live.then(|| ticks(rate)).transpose()?;
        let (empty, empties) = bounded(PICTURES_AHEAD);
        let (fulls, full) = bounded(PICTURES_AHEAD);
        for _ in 0..PICTURES_AHEAD {
            // The channel has room for exactly these.
            drop(empty.try_send(Picture::new(format)));
        }
        let path = stream.name.clone();
        let reading = std::thread::Builder::new().name("y4m".to_owned());
        reading
            .spawn(move || stream.read_all(&empties, &fulls))
            .map_err(|cause| SourceError::Read { path, cause })?;
        Ok(Self { format, rate, notes, ticks, full, empty })
    }
}

impl Source for Y4mSource {
    fn format(&self) -> PictureFormat {
        self.format
    }

    fn rate(&self) -> FrameRate {
        self.rate
    }

    fn notes(&self) -> StreamNotes {
        self.notes.clone()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let mut picture = match self.full.recv_timeout(PATIENCE) {
            Ok(picture) => picture?,
            Err(RecvTimeoutError::Timeout) => return Ok(Filled::Waiting),
            Err(RecvTimeoutError::Disconnected) => return Ok(Filled::End),
        };
        if let Some(ticks) = &mut self.ticks {
            ticks.wait();
        }
        frame.meta.captured_at = Instant::now();
        std::mem::swap(&mut frame.blurred, &mut picture);
        // The reading thread has gone home where this fails; nobody needs the picture then.
        drop(self.empty.try_send(picture));
        Ok(Filled::Frame)
    }
}

/// Says what a person may not expect of such a stream, which is played at `rate` where it is live.
fn tell(notes: &StreamNotes, name: &Path, rate: Option<FrameRate>) {
    let name = name.display();
    if notes.is_interlaced() {
        let order = notes.interlacing.as_deref().unwrap_or_default();
        log::warn!("{name} is interlaced (I{order}): its frames are taken for whole pictures");
    }
    if let Some(rate) = rate.filter(|_| notes.is_rate_unknown) {
        log::warn!("{name} does not know its rate (F0:0): played at {rate} a second");
    }
}
