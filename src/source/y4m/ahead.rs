//! A stream that is read by a thread of its own, two frames ahead, because a read from a pipe may
//! wait for ever.
//!
//! One of them is a picture that goes to and fro between the two threads, so that none is allocated per
//! frame; the other one waits for it as the bytes that came, which are half as many. The thread is
//! not joined: it ends with the stream, when nobody wants it any more, or, stuck in a read, with the
//! process.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::stream::Stream;
use crate::frame::{FrameRate, Picture, PictureFormat, StreamNotes};
use crate::owner;
use crate::source::SourceError;

/// Pictures that travel between the reading thread and the source.
const PICTURES_AHEAD: usize = 1;

/// A stream in the hands of its thread.
#[derive(Debug)]
pub(in crate::source) struct Ahead {
    full: Receiver<Result<Arrival, SourceError>>,
    empty: Sender<Picture>,
}

/// What a stream brings.
#[derive(Debug)]
pub(in crate::source) enum Arrival {
    /// Its first line, once; pictures to fill are waited for then ([`Ahead::supply`]).
    Begins(Opening),
    /// A picture, and when it had come.
    Picture(Picture, Instant),
}

/// What the first line of a stream says.
#[derive(Debug, Clone)]
pub(in crate::source) struct Opening {
    pub(in crate::source) format: PictureFormat,
    pub(in crate::source) rate: FrameRate,
    pub(in crate::source) notes: StreamNotes,
}

/// What has come of a stream.
#[derive(Debug)]
pub(in crate::source) enum Next {
    Arrived(Arrival),
    /// Nothing yet.
    Nothing,
    /// It cannot be read further.
    Broken(SourceError),
    /// It has ended, whole.
    End,
}

impl Ahead {
    /// Reads a stream from its first line on; `name` is for messages, `length` that of a file in bytes.
    pub(in crate::source) fn start(
        reader: impl Read + Send + 'static,
        name: PathBuf,
        length: Option<u64>,
    ) -> io::Result<Self> {
        let (empty, empties) = bounded(PICTURES_AHEAD);
        let (fulls, full) = bounded(PICTURES_AHEAD);
        let read = move || read((reader, name, length), &empties, &fulls);
        owner::spawn("y4m", read)?;
        Ok(Self { full, empty })
    }

    /// What comes within `patience`, or at all where there is none.
    pub(in crate::source) fn next(&self, patience: Option<Duration>) -> Next {
        let received = match patience {
            Some(patience) => self.full.recv_timeout(patience),
            None => self.full.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(Ok(arrival)) => Next::Arrived(arrival),
            Ok(Err(error)) => Next::Broken(error),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// Gives the thread the pictures that it fills.
    pub(in crate::source) fn supply(&self, format: PictureFormat) {
        for _ in 0..PICTURES_AHEAD {
            self.give_back(Picture::new(format));
        }
    }

    /// Gives a picture back to be filled again.
    pub(in crate::source) fn give_back(&self, picture: Picture) {
        // The channel has room for exactly these; where the thread has gone home, nobody needs it.
        drop(self.empty.try_send(picture));
    }
}

/// Reads until the stream, or the interest in it, ends.
fn read(
    (reader, name, length): (impl Read, PathBuf, Option<u64>),
    empty: &Receiver<Picture>,
    full: &Sender<Result<Arrival, SourceError>>,
) {
    let mut stream = match Stream::open(reader, name, length) {
        Ok(stream) => stream,
        Err(error) => return drop(full.send(Err(error))),
    };
    let Stream { format, rate, ref notes, .. } = stream;
    let mut arrived = Ok(Arrival::Begins(Opening { format, rate, notes: notes.clone() }));
    loop {
        let is_broken = arrived.is_err();
        if full.send(arrived).is_err() || is_broken {
            return;
        }
        arrived = match stream.read(|| empty.recv().ok()) {
            Ok(Some((picture, came))) => Ok(Arrival::Picture(picture, came)),
            Ok(None) => return,
            Err(error) => Err(error),
        };
    }
}
