//! The reading side of a Y4M stream: bytes in, pictures out.

use std::io::{BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use y4m::{Colorspace, Decoder, Error};

use super::super::SourceError;
use super::super::usual_rate;
use super::header::{Header, read_header, read_line};
use crate::frame::{Extent, FrameRate, Layout, Picture, PictureFormat, Plane, Range, StreamNotes};

/// Pixels of a frame that is made room for whether or not it comes.
const SMALL: u64 = 4 << 20;

/// A stream in the hands of the reading thread.
pub(super) struct Stream<R: Read> {
    decoder: Decoder<Reader<R>>,
    taken: Arc<AtomicU64>,
    pub(super) format: PictureFormat,
    pub(super) rate: FrameRate,
    pub(super) notes: StreamNotes,
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
    /// Reads the first line, that of a file of `length` bytes where it is one.
    pub(super) fn open(reader: R, name: PathBuf, length: Option<u64>) -> Result<Self, SourceError> {
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        let failed = |cause| SourceError::Read { path: name.clone(), cause };
        let line = read_line(&mut reader).map_err(failed)?;
        let damaged = |cause: String| SourceError::Decode { path: name.clone(), cause };
        let Header { line, notes, pixels } = read_header(&line).map_err(damaged)?;
        check_length(length, pixels).map_err(damaged)?;
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: reader, taken: Arc::clone(&taken) };
        let decoder =
            Decoder::new(Cursor::new(line).chain(counted)).map_err(|e| damaged(e.to_string()))?;
        let known = !notes.is_rate_unknown;
        let rate = if known { rate_of(&decoder).map_err(damaged)? } else { usual_rate() };
        let format = format_of(&decoder).map_err(damaged)?;
        Ok(Self { format, rate, notes, decoder, taken, name })
    }

    /// Reads one more frame, and deals it out to a picture that is lent once it has come; when that was.
    /// `None` where there is no more, or nobody lends one.
    pub(super) fn read(
        &mut self,
        lend: impl FnOnce() -> Option<Picture>,
    ) -> Result<Option<(Picture, Instant)>, SourceError> {
        let before = self.taken.load(Ordering::Relaxed);
        let frame = match self.decoder.read_frame() {
            Ok(frame) => frame,
            Err(Error::EOF) if self.taken.load(Ordering::Relaxed) == before => return Ok(None),
            Err(error) => {
                return Err(SourceError::Decode { path: self.name.clone(), cause: damage(&error) });
            }
        };
        let came = Instant::now();
        let Some(mut picture) = lend() else { return Ok(None) };
        picture.reshape(self.format);
        let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
        for (plane, bytes) in picture.planes_mut().iter_mut().zip(planes) {
            unpack(bytes, self.format.depth, plane);
        }
        Ok(Some((picture, came)))
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

/// Refuses a file that cannot hold a byte for each pixel of a frame, where that is a large one: its first
/// line may be all of it, and the decoder makes room for what that asks for.
fn check_length(length: Option<u64>, pixels: u64) -> Result<(), String> {
    match length {
        Some(length) if pixels > SMALL && pixels > length => {
            Err(format!("{length} bytes (expected frames of at least {pixels}, as it begins)"))
        }
        _ => Ok(()),
    }
}
