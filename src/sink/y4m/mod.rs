//! Restored frames as a Y4M stream, to a file, a FIFO or standard output.
//!
//! Gray and YUV pictures go out as they are, RGB as 4:4:4 by BT.601 in full range. 10 and 12 bits
//! are kept where the format has them (10-bit gray it has not), other depths become 8 bits. What a
//! stream said of itself goes out with it: fields, aspect, siting of chroma, words of others.
//!
//! A file gets its name when it is whole. A name that already belongs to a FIFO or a device is
//! written to directly. A reader that goes away ends the stream with [`SinkError::Closed`], or is
//! waited for again where the FIFO was opened for many; one that is not there or takes nothing
//! is answered with [`SinkError::Later`], and never blocks.

mod feed;
mod pipe;

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use y4m::Colorspace;

use super::colour::push_ycc;
use super::whole::{
    Aside, Survival, folder_of, is_special, is_standard_output, remove_abandoned, target_of,
    written_by_another,
};
use crate::frame::{Extent, Frame, FrameRate, Layout, Picture, PictureFormat, Range, StreamNotes};
use crate::sink::contract::{Sink, SinkError};
use feed::{Feed, Readers};
use pipe::Pipe;

/// Where a stream goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Y4mSinkOptions {
    /// A file, a FIFO, or `-` for standard output.
    pub path: PathBuf,
}

/// Writes restored frames as Y4M.
pub struct Y4mSink {
    path: PathBuf,
    output: Output,
    notes: StreamNotes,
    /// The first line of the stream.
    first_line: Vec<u8>,
    /// Whether samples go out in two bytes.
    deep: bool,
    /// The bytes of a frame, plane by plane.
    planes: [Vec<u8>; 3],
}

/// Where the bytes go.
enum Output {
    /// A file, and the name that it gets.
    File(BufWriter<Aside>, PathBuf),
    Writer(BufWriter<Box<dyn Write + Send>>),
    Pipe(Feed),
    Finished,
}

impl Y4mSink {
    /// Writes to a file, a device, or a FIFO until its reader goes away.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn create(path: &Path) -> Result<Self, SinkError> {
        Self::open(path, Readers::One)
    }

    /// As [`Self::create`], but the readers of a FIFO may come and go.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn create_for_many(path: &Path) -> Result<Self, SinkError> {
        Self::open(path, Readers::Many)
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// Where there is none.
    pub fn stdout() -> Result<Self, SinkError> {
        let path = PathBuf::from("standard output");
        match Pipe::stdout() {
            Ok(pipe) => Ok(Self::new(path.clone(), Output::Pipe(Feed::into_pipe(pipe, path)))),
            Err(cause) => Err(SinkError::Write { path, cause }),
        }
    }

    /// Writes to a pipe of ours, until its reader goes away; `name` is for messages.
    pub(in crate::sink) fn to_pipe(end: OwnedFd, name: PathBuf) -> io::Result<Self> {
        let feed = Feed::into_pipe(Pipe::own(end)?, name.clone());
        Ok(Self::new(name, Output::Pipe(feed)))
    }

    /// Writes anywhere; `name` is for messages.
    pub fn to_writer(writer: Box<dyn Write + Send>, name: PathBuf) -> Self {
        Self::new(name, Output::Writer(buffered(writer)))
    }

    fn open(path: &Path, readers: Readers) -> Result<Self, SinkError> {
        if is_standard_output(path) {
            return Self::stdout();
        }
        let kind = std::fs::metadata(path).map(|found| found.file_type());
        let output = match kind {
            Ok(kind) if kind.is_fifo() => Ok(Output::Pipe(Feed::open(path.to_owned(), readers)?)),
            Ok(kind) if !kind.is_file() || is_special(path) => {
                let device = OpenOptions::new().write(true).open(path);
                device.map(|device| Output::Writer(buffered(Box::new(device) as Box<_>)))
            }
            _ => target_of(path)
                .and_then(|target| Ok(Output::File(buffered(replace_abandoned(&target)?), target))),
        };
        let output = output.map_err(|cause| SinkError::Write { path: path.to_owned(), cause })?;
        Ok(Self::new(path.to_owned(), output))
    }

    fn new(path: PathBuf, output: Output) -> Self {
        let planes = [const { Vec::new() }; 3];
        let notes = StreamNotes::default();
        Self { path, output, notes, first_line: Vec::new(), deep: false, planes }
    }

    fn failed(&self, cause: io::Error) -> SinkError {
        let path = self.path.clone();
        match cause.kind() {
            io::ErrorKind::BrokenPipe => SinkError::Closed(path),
            _ => SinkError::Write { path, cause },
        }
    }
}

impl Sink for Y4mSink {
    fn name(&self) -> &str {
        "y4m"
    }

    fn heed(&mut self, notes: &StreamNotes) {
        self.notes = notes.clone();
    }

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        let colours = colour_space(format);
        self.deep = colours.get_bytes_per_sample() == 2;
        self.first_line = header(format, rate, colours, &self.notes).into_bytes();
        let written = match &mut self.output {
            Output::File(file, _) => file.write_all(&self.first_line),
            Output::Writer(writer) => writer.write_all(&self.first_line),
            // Each reader of a pipe gets it with its first frame.
            Output::Pipe(_) | Output::Finished => Ok(()),
        };
        written.map_err(|cause| self.failed(cause))
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let Self { output, planes, first_line, deep, .. } = self;
        let written = match output {
            Output::Pipe(feed) => {
                return feed.offer(frame.meta.sequence, first_line, |bytes| {
                    pack(&frame.restored, *deep, planes);
                    bytes.extend(b"FRAME\n");
                    planes.iter().for_each(|plane| bytes.extend(plane));
                });
            }
            Output::File(file, _) => write_frame(file, &frame.restored, *deep, planes),
            Output::Writer(writer) => write_frame(writer, &frame.restored, *deep, planes),
            Output::Finished => Err(io::ErrorKind::NotConnected.into()),
        };
        written.map_err(|cause| self.failed(cause))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let finished = match std::mem::replace(&mut self.output, Output::Finished) {
            Output::File(file, name) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error);
                file.and_then(|file| file.finish(&name, Survival::Name))
            }
            Output::Writer(mut writer) => writer.flush(),
            Output::Pipe(mut feed) => {
                feed.finish();
                Ok(())
            }
            Output::Finished => Ok(()),
        };
        finished.map_err(|cause| self.failed(cause))
    }
}

impl std::fmt::Debug for Y4mSink {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Y4mSink").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A file aside, after those that killed processes have left for the same name were removed. Where one
/// is being written, its writer would replace this one, or this one that.
fn replace_abandoned(path: &Path) -> io::Result<Aside> {
    let file = Aside::create(path)?;
    let name = path.file_name().unwrap_or_default();
    let written = remove_abandoned(folder_of(path), |other| name == other)?;
    // This one is among them.
    if written > 1 { Err(written_by_another()) } else { Ok(file) }
}

fn buffered<W: Write>(writer: W) -> BufWriter<W> {
    BufWriter::with_capacity(1 << 16, writer)
}

fn write_frame(
    out: &mut impl Write,
    picture: &Picture,
    deep: bool,
    planes: &mut [Vec<u8>; 3],
) -> io::Result<()> {
    pack(picture, deep, planes);
    out.write_all(b"FRAME\n")?;
    planes.iter().try_for_each(|plane| out.write_all(plane))
}

fn colour_space(format: PictureFormat) -> Colorspace {
    match (format.layout, format.depth) {
        (Layout::Gray, 12) => Colorspace::Cmono12,
        (Layout::Gray, _) => Colorspace::Cmono,
        (Layout::Yuv420, 10) => Colorspace::C420p10,
        (Layout::Yuv420, 12) => Colorspace::C420p12,
        (Layout::Yuv420, _) => Colorspace::C420,
        (Layout::Yuv422, 10) => Colorspace::C422p10,
        (Layout::Yuv422, 12) => Colorspace::C422p12,
        (Layout::Yuv422, _) => Colorspace::C422,
        (Layout::Yuv444, 10) => Colorspace::C444p10,
        (Layout::Yuv444, 12) => Colorspace::C444p12,
        (Layout::Yuv444 | Layout::Rgb, _) => Colorspace::C444,
    }
}

/// Names of quartered chroma of 8 bits, by where its samples lie.
const SITED: [&str; 4] = ["420", "420jpeg", "420paldv", "420mpeg2"];

/// The first line of a stream.
fn header(
    format: PictureFormat,
    rate: FrameRate,
    colours: Colorspace,
    notes: &StreamNotes,
) -> String {
    let Extent { width, height } = format.extent;
    let rate = match notes.is_rate_unknown {
        true => "0:0".to_owned(),
        false => format!("{}:{}", rate.numerator, rate.denominator),
    };
    let mut line = format!("YUV4MPEG2 W{width} H{height} F{rate}");
    let said = [('I', &notes.interlacing), ('A', &notes.aspect)];
    for (letter, word) in said.into_iter().filter_map(|(l, word)| Some((l, word.as_ref()?))) {
        line += &format!(" {letter}{word}");
    }
    let full = format.range == Range::Full || format.layout == Layout::Rgb;
    let range = if full { "FULL" } else { "LIMITED" };
    let sited = notes.colours.as_deref().filter(|name| SITED.contains(name));
    let colours = match colours {
        Colorspace::C420 => sited.unwrap_or("420").to_owned(),
        other => format!("{other:?}").trim_start_matches('C').to_owned(),
    };
    line += &format!(" XCOLORRANGE={range} C{colours}");
    notes.others.iter().for_each(|word| line += &format!(" X{word}"));
    line + "\n"
}

/// Lays the samples of a picture out as bytes.
fn pack(picture: &Picture, deep: bool, planes: &mut [Vec<u8>; 3]) {
    planes.iter_mut().for_each(Vec::clear);
    if picture.format().layout == Layout::Rgb {
        return (0..picture.extent().height).for_each(|y| push_ycc(picture, y, planes));
    }
    let excess = picture.format().depth - 8;
    for (bytes, plane) in planes.iter_mut().zip(picture.planes()) {
        if deep {
            bytes.extend(plane.samples().iter().flat_map(|sample| sample.to_le_bytes()));
        } else {
            bytes.extend(plane.samples().iter().map(|&sample| reduce(sample, excess)));
        }
    }
}

/// A sample without its `excess` lowest bits, rounded.
fn reduce(sample: u16, excess: u8) -> u8 {
    let rounded = (u32::from(sample) + ((1_u32 << excess) >> 1)) >> excess;
    u8::try_from(rounded).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A writer whose bytes can be looked at, and which fails as told once it has had `room`.
    #[derive(Clone)]
    struct Pipe(Arc<Mutex<Vec<u8>>>, usize, io::ErrorKind);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.0.lock().expect("a pipe");
            if taken.len() + bytes.len() > self.1 {
                return Err(self.2.into());
            }
            taken.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame(layout: Layout, depth: u8, range: Range) -> Frame {
        let format = PictureFormat { extent: Extent::new(2, 1), layout, depth, range };
        let mut frame = Frame::new(format);
        for plane in frame.restored.planes_mut() {
            plane.samples_mut().fill(format.white());
        }
        frame
    }

    fn stream(sink: &mut Y4mSink, frame: &Frame) -> Result<(), SinkError> {
        sink.start(frame.restored.format(), FrameRate { numerator: 30_000, denominator: 1_001 })?;
        sink.deliver(frame)?;
        sink.finish()
    }

    #[track_caller]
    fn check_bytes(frame: &Frame, parameters: &str, body: &[u8]) {
        let pipe = Pipe(Arc::default(), usize::MAX, io::ErrorKind::Other);
        let mut sink = Y4mSink::to_writer(Box::new(pipe.clone()), "a pipe".into());
        stream(&mut sink, frame).expect("a stream");
        let line = format!("YUV4MPEG2 W2 H1 F30000:1001 {parameters}\nFRAME\n");
        assert_eq!(*pipe.0.lock().expect("a pipe"), [line.as_bytes(), body].concat());
    }

    #[test]
    fn every_layout_has_its_colour_space() {
        let (full, limited) = (Range::Full, Range::Limited);
        check_bytes(&frame(Layout::Gray, 8, full), "XCOLORRANGE=FULL Cmono", &[255; 2]);
        check_bytes(&frame(Layout::Gray, 16, full), "XCOLORRANGE=FULL Cmono", &[255; 2]);
        check_bytes(&frame(Layout::Yuv420, 8, limited), "XCOLORRANGE=LIMITED C420", &[255; 4]);
        check_bytes(
            &frame(Layout::Yuv422, 10, limited),
            "XCOLORRANGE=LIMITED C422p10",
            &[255, 3, 255, 3, 255, 3, 255, 3],
        );
        check_bytes(&frame(Layout::Yuv444, 8, full), "XCOLORRANGE=FULL C444", &[255; 6]);
        let white = [255, 255, 128, 128, 128, 128];
        check_bytes(&frame(Layout::Rgb, 16, full), "XCOLORRANGE=FULL C444", &white);
    }

    #[test]
    fn what_a_stream_says_goes_out_with_it() {
        let line = |layout, depth, notes: &StreamNotes| {
            let format =
                PictureFormat { extent: Extent::new(4, 2), layout, depth, range: Range::Limited };
            header(format, FrameRate::per_second(25), colour_space(format), notes)
        };
        let some = |text: &str| Some(text.to_owned());
        let notes = StreamNotes {
            is_rate_unknown: true,
            interlacing: some("t"),
            aspect: some("16:15"),
            colours: some("420mpeg2"),
            others: vec!["NOTE=keep".to_owned()],
        };
        let said = "YUV4MPEG2 W4 H2 F0:0 It A16:15 XCOLORRANGE=LIMITED";
        let check = |layout, depth, colours: &str| {
            let expected = format!("{said} C{colours} XNOTE=keep\n");
            assert_eq!(line(layout, depth, &notes), expected);
        };
        check(Layout::Yuv420, 8, "420mpeg2");
        check(Layout::Yuv420, 12, "420p12");
        check(Layout::Yuv422, 8, "422");
        check(Layout::Gray, 8, "mono");
    }

    #[track_caller]
    fn check_fails(room: usize, kind: io::ErrorKind, message: &str) {
        let mut sink =
            Y4mSink::to_writer(Box::new(Pipe(Arc::default(), room, kind)), "a pipe".into());
        let error = stream(&mut sink, &frame(Layout::Gray, 8, Range::Full)).expect_err("an error");
        assert!(error.to_string().contains(message), "{error}");
    }

    #[test]
    fn a_reader_that_quits_is_told_from_a_full_disk() {
        check_fails(0, io::ErrorKind::BrokenPipe, "the reader of a pipe went away");
        check_fails(0, io::ErrorKind::StorageFull, "cannot write a pipe");
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.y4m");
        let frame = frame(Layout::Gray, 8, Range::Full);
        let mut sink = Y4mSink::create(&path).expect("a sink");
        sink.start(frame.restored.format(), FrameRate::per_second(1)).expect("a start");
        sink.deliver(&frame).expect("a frame");
        assert!(!path.exists(), "the file has its name too early");
        sink.finish().expect("an end");
        assert!(std::fs::read(&path).expect("the file").ends_with(b"FRAME\n\xFF\xFF"));
        drop(Y4mSink::create(&folder.path().join("b.y4m")).expect("a sink"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }
}
