//! Y4M (YUV4MPEG2) streams from a file or standard input.
//!
//! The stream is read by a thread of its own, two pictures ahead, because a read from a pipe may
//! wait for ever: [`Source::fill`] still returns within a second. Pictures go to and fro between
//! the two threads, so that none is allocated per frame. That thread is not joined: it ends with
//! the stream, when the source is dropped, or, stuck in a read, with the process.
//!
//! A stream that does not say so has limited range, as broadcast video.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use y4m::{Colorspace, Decoder, Error};

use super::pace::Pacer;
use super::y4m_header::{check_header, read_line};
use super::{Filled, Source, SourceError};
use crate::frame::{Extent, Frame, FrameRate, Layout, Picture, PictureFormat, Plane, Range};

/// Pictures that travel between the reading thread and the source.
const PICTURES_AHEAD: usize = 2;
/// How long a call waits for a picture.
const PATIENCE: Duration = Duration::from_millis(500);

/// How a [`Y4mSource`] plays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Y4mOptions {
    /// Whether pictures come at the stream's rate, as from a camera; otherwise as fast as they
    /// can be read.
    pub live: bool,
}

/// A Y4M stream.
#[derive(Debug)]
pub struct Y4mSource {
    format: PictureFormat,
    rate: FrameRate,
    pacer: Option<Pacer>,
    full: Receiver<Result<Picture, SourceError>>,
    empty: Sender<Picture>,
}

impl Y4mSource {
    /// Opens a file, a FIFO or a device.
    ///
    /// # Errors
    /// Where it cannot be opened or does not begin as a Y4M stream that can be read.
    pub fn open(path: &Path, options: Y4mOptions) -> Result<Self, SourceError> {
        let failed = |cause| SourceError::Read { path: path.to_owned(), cause };
        Self::new(File::open(path).map_err(failed)?, path.to_owned(), options)
    }

    /// Reads standard input.
    ///
    /// # Errors
    /// Where it does not begin as a Y4M stream that can be read.
    pub fn stdin(options: Y4mOptions) -> Result<Self, SourceError> {
        Self::new(std::io::stdin(), PathBuf::from("standard input"), options)
    }

    /// Reads from anywhere; `name` is for messages.
    ///
    /// # Errors
    /// Where it does not begin as a Y4M stream that can be read.
    pub fn new(
        reader: impl Read + Send + 'static,
        name: PathBuf,
        options: Y4mOptions,
    ) -> Result<Self, SourceError> {
        let stream = Stream::open(reader, name)?;
        let (format, rate) = (stream.format, stream.rate);
        let pacer = options.live.then(|| Pacer::new(rate)).transpose()?;
        let (empty, empties) = bounded(PICTURES_AHEAD);
        let (fulls, full) = bounded(PICTURES_AHEAD);
        for _ in 0..PICTURES_AHEAD {
            // The channel has room for exactly these.
            drop(empty.try_send(Picture::new(format)));
        }
        std::thread::spawn(move || stream.read_all(&empties, &fulls));
        Ok(Self { format, rate, pacer, full, empty })
    }
}

impl Source for Y4mSource {
    fn format(&self) -> PictureFormat {
        self.format
    }

    fn rate(&self) -> FrameRate {
        self.rate
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        let mut picture = match self.full.recv_timeout(PATIENCE) {
            Ok(picture) => picture?,
            Err(RecvTimeoutError::Timeout) => return Ok(Filled::Waiting),
            Err(RecvTimeoutError::Disconnected) => return Ok(Filled::End),
        };
        if let Some(pacer) = &mut self.pacer {
            pacer.wait();
        }
        frame.meta.captured_at = Instant::now();
        std::mem::swap(&mut frame.blurred, &mut picture);
        // The reading thread has gone home where this fails; nobody needs the picture then.
        drop(self.empty.try_send(picture));
        Ok(Filled::Frame)
    }
}

/// The stream in the hands of the reading thread.
struct Stream<R: Read> {
    decoder: Decoder<Reader<R>>,
    taken: Arc<AtomicU64>,
    format: PictureFormat,
    rate: FrameRate,
    name: PathBuf,
}

/// The first line, put back in front of a reader whose bytes are counted.
type Reader<R> = std::io::Chain<Cursor<Vec<u8>>, Counted<BufReader<R>>>;

struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<R: Read> Stream<R> {
    fn open(reader: R, name: PathBuf) -> Result<Self, SourceError> {
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        let failed = |cause| SourceError::Read { path: name.clone(), cause };
        let header = read_line(&mut reader).map_err(failed)?;
        let damaged = |cause: String| SourceError::Decode { path: name.clone(), cause };
        check_header(&header).map_err(damaged)?;
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: reader, taken: Arc::clone(&taken) };
        let decoder =
            Decoder::new(Cursor::new(header).chain(counted)).map_err(|e| damaged(e.to_string()))?;
        let rate = rate_of(&decoder).map_err(damaged)?;
        Ok(Self { format: format_of(&decoder).map_err(damaged)?, rate, decoder, taken, name })
    }

    /// Fills pictures until the stream, or the interest in it, ends.
    fn read_all(mut self, empty: &Receiver<Picture>, full: &Sender<Result<Picture, SourceError>>) {
        for mut picture in empty {
            let read = match self.read(&mut picture) {
                Ok(true) => Ok(picture),
                Ok(false) => return,
                Err(error) => Err(error),
            };
            let broken = read.is_err();
            if full.send(read).is_err() || broken {
                return;
            }
        }
    }

    /// Whether there was one more frame; it is in `picture` then.
    fn read(&mut self, picture: &mut Picture) -> Result<bool, SourceError> {
        let before = self.taken.load(Ordering::Relaxed);
        let frame = match self.decoder.read_frame() {
            Ok(frame) => frame,
            Err(Error::EOF) if self.taken.load(Ordering::Relaxed) == before => return Ok(false),
            Err(error) => {
                return Err(SourceError::Decode { path: self.name.clone(), cause: damage(&error) });
            }
        };
        picture.reshape(self.format);
        let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
        for (plane, bytes) in picture.planes_mut().iter_mut().zip(planes) {
            unpack(bytes, self.format.depth, plane);
        }
        Ok(true)
    }
}

fn damage(error: &Error) -> String {
    match error {
        Error::EOF => "the stream is cut in the middle of a frame".to_owned(),
        Error::ParseError(_) => "a frame does not begin with FRAME".to_owned(),
        other => other.to_string(),
    }
}

fn unpack(bytes: &[u8], depth: u8, plane: &mut Plane<u16>) {
    if depth == 8 {
        plane.samples_mut().iter_mut().zip(bytes).for_each(|(sample, &byte)| *sample = byte.into());
    } else {
        // A damaged stream may hold bits above its depth.
        let white = u16::MAX >> (16 - depth);
        for (sample, pair) in plane.samples_mut().iter_mut().zip(bytes.chunks_exact(2)) {
            *sample = u16::from_le_bytes([pair[0], pair[1]]).min(white);
        }
    }
}

fn rate_of<R: Read>(decoder: &Decoder<R>) -> Result<FrameRate, String> {
    let rate = decoder.get_framerate();
    let part = |value| u32::try_from(value).ok().filter(|&value| value > 0);
    match (part(rate.num), part(rate.den)) {
        (Some(numerator), Some(denominator)) => Ok(FrameRate { numerator, denominator }),
        _ => Err(format!("its rate is {}:{} (expected two numbers from 1)", rate.num, rate.den)),
    }
}

fn format_of<R: Read>(decoder: &Decoder<R>) -> Result<PictureFormat, String> {
    let layout = match decoder.get_colorspace() {
        Colorspace::Cmono | Colorspace::Cmono12 => Layout::Gray,
        Colorspace::C422 | Colorspace::C422p10 | Colorspace::C422p12 => Layout::Yuv422,
        Colorspace::C444 | Colorspace::C444p10 | Colorspace::C444p12 => Layout::Yuv444,
        _ => Layout::Yuv420,
    };
    let full =
        decoder.get_raw_params().split(|&byte| byte == b' ').any(|p| p == b"XCOLORRANGE=FULL");
    Ok(PictureFormat {
        extent: Extent::new(decoder.get_width(), decoder.get_height()),
        layout,
        depth: u8::try_from(decoder.get_bit_depth()).map_err(|error| error.to_string())?,
        range: if full { Range::Full } else { Range::Limited },
    })
}
