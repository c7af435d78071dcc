//! Restored frames as a Y4M stream, to a file or to standard output.
//!
//! Gray and YUV pictures go out as they are, RGB as 4:4:4 by BT.601 in full range. 10 and 12 bits
//! are kept where the format has them (10-bit gray it has not), other depths become 8 bits.
//!
//! A file gets its name when it is whole. A name that already belongs to a FIFO or a device is
//! written to directly. A reader that goes away ends the stream with [`SinkError::Closed`].

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use y4m::{Colorspace, EncoderBuilder, Ratio, VendorExtensionString};

use super::colour::push_ycc;
use super::whole::Aside;
use super::{Sink, SinkError};
use crate::frame::{Frame, FrameRate, Layout, Picture, PictureFormat, Range};

/// Writes restored frames as Y4M.
pub struct Y4mSink {
    path: PathBuf,
    /// Gone once finished.
    output: Option<BufWriter<Output>>,
    /// Whether samples go out in two bytes.
    deep: bool,
    /// The bytes of a frame, plane by plane.
    planes: [Vec<u8>; 3],
}

/// Where the bytes go.
enum Output {
    Aside(Aside),
    Direct(Box<dyn Write + Send>),
}

impl Y4mSink {
    /// Writes to a file, a FIFO or a device.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn create(path: &Path) -> Result<Self, SinkError> {
        let special = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
        let output = if special {
            let device = OpenOptions::new().write(true).open(path);
            device.map(|device| Output::Direct(Box::new(device)))
        } else {
            Aside::create(path).map(Output::Aside)
        };
        let output = output.map_err(|cause| SinkError::Write { path: path.to_owned(), cause })?;
        Ok(Self::new(path.to_owned(), output))
    }

    /// Writes to standard output.
    pub fn stdout() -> Self {
        Self::to_writer(Box::new(io::stdout()), PathBuf::from("standard output"))
    }

    /// Writes anywhere; `name` is for messages.
    pub fn to_writer(writer: Box<dyn Write + Send>, name: PathBuf) -> Self {
        Self::new(name, Output::Direct(writer))
    }

    fn new(path: PathBuf, output: Output) -> Self {
        let output = Some(BufWriter::with_capacity(1 << 16, output));
        Self { path, output, deep: false, planes: [const { Vec::new() }; 3] }
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut BufWriter<Output>) -> io::Result<()>,
    ) -> Result<(), SinkError> {
        let output = self.output.as_mut().ok_or(io::ErrorKind::NotConnected.into());
        output.and_then(write).map_err(|cause| self.failed(cause))
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

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        let colours = colour_space(format);
        self.deep = colours.get_bytes_per_sample() == 2;
        let header = header(format, rate, colours).map_err(|cause| self.failed(cause))?;
        self.write(|output| output.write_all(&header))
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        pack(&frame.restored, self.deep, &mut self.planes);
        let planes = std::mem::take(&mut self.planes);
        let written = self.write(|output| {
            output.write_all(b"FRAME\n")?;
            planes.iter().try_for_each(|plane| output.write_all(plane))
        });
        self.planes = planes;
        written
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let Some(output) = self.output.take() else { return Ok(()) };
        let finished = output.into_inner().map_err(io::IntoInnerError::into_error);
        let finished = finished.and_then(|output| match output {
            Output::Aside(file) => file.finish(&self.path),
            Output::Direct(mut writer) => writer.flush(),
        });
        finished.map_err(|cause| self.failed(cause))
    }
}

impl std::fmt::Debug for Y4mSink {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Y4mSink").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Aside(file) => file.write(bytes),
            Self::Direct(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Aside(file) => file.flush(),
            Self::Direct(writer) => writer.flush(),
        }
    }
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

fn header(format: PictureFormat, rate: FrameRate, colours: Colorspace) -> io::Result<Vec<u8>> {
    let full = format.range == Range::Full || format.layout == Layout::Rgb;
    let range = if full { "COLORRANGE=FULL" } else { "COLORRANGE=LIMITED" };
    let mut line = Vec::new();
    let ratio = Ratio::new(rate.numerator as usize, rate.denominator as usize);
    let extension = VendorExtensionString::new(range.into()).map_err(io::Error::other)?;
    EncoderBuilder::new(format.extent.width, format.extent.height, ratio)
        .with_colorspace(colours)
        .append_vendor_extension(extension)
        .write_header(&mut line)
        .map_err(io::Error::other)?;
    Ok(line)
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
    use crate::frame::Extent;
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
