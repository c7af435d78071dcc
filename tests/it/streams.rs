//! Y4M streams, good and bad, through the public faces of `source` and `sink`.

use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use deblurd::frame::{Extent, Frame, FrameRate, Layout, Picture, PictureFormat, Range};
use deblurd::sink::{Sink, SinkError, Y4mSink};
use deblurd::source::{Filled, Source, SourceError, Y4mOptions, Y4mSource};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{apply, trial};
use crate::program::played;

fn open(bytes: impl Into<Vec<u8>>) -> Result<Y4mSource, SourceError> {
    Y4mSource::new(Cursor::new(bytes.into()), "test.y4m".into(), false)
}

fn picture(format: PictureFormat, seed: usize) -> Picture {
    let mut picture = Picture::new(format);
    let values = usize::from(format.white()) + 1;
    for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
        for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
            let value = (at * 37 + index * 101 + seed * 7) % values;
            *sample = u16::try_from(value).expect("a sample");
        }
    }
    picture
}

fn write_stream(sink: &mut Y4mSink, pictures: &[Picture]) -> Result<(), SinkError> {
    sink.start(pictures[0].format(), FrameRate { numerator: 30_000, denominator: 1_001 })?;
    for picture in pictures {
        let mut frame = Frame::new(picture.format());
        frame.restored.copy_from(picture);
        sink.deliver(&frame)?;
    }
    sink.finish()
}

#[track_caller]
fn check_round_trip(layout: Layout, depth: u8, range: Range, extent: Extent) {
    let format = PictureFormat { extent, layout, depth, range };
    let pictures: Vec<Picture> = (0..3).map(|seed| picture(format, seed)).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.y4m");
    write_stream(&mut Y4mSink::create(&path).expect("a sink"), &pictures).expect("a stream");
    let mut source = Y4mSource::open(&Y4mOptions { path, live: false }).expect("a source");
    assert_eq!(source.format(), format);
    assert_eq!(source.rate(), FrameRate { numerator: 30_000, denominator: 1_001 });
    let (read, error) = played(&mut source);
    assert!(error.is_none(), "{error:?}");
    assert!(read == pictures, "{format:?} is not what was written");
}

#[apply(trial)]
fn y4m_keeps_every_layout() {
    use Layout::{Gray, Yuv420, Yuv422, Yuv444};
    for extent in [Extent::new(1, 1), Extent::new(7, 5), Extent::new(64, 36)] {
        for range in [Range::Full, Range::Limited] {
            for layout in [Gray, Yuv420, Yuv422, Yuv444] {
                check_round_trip(layout, 8, range, extent);
                check_round_trip(layout, 12, range, extent);
            }
            for layout in [Yuv420, Yuv422, Yuv444] {
                check_round_trip(layout, 10, range, extent);
            }
        }
    }
}

#[apply(trial)]
fn a_cut_frame_is_an_error() {
    let frame = b"FRAME\n0123456789ab";
    let whole = [b"YUV4MPEG2 W4 H3 F25:1 Cmono\n".as_slice(), frame, frame].concat();
    let first_line = whole.len() - 2 * frame.len();
    for length in first_line..=whole.len() {
        let (pictures, error) = played(&mut open(&whole[..length]).expect("a header"));
        let rest = (length - first_line) % frame.len();
        assert_eq!(pictures.len(), (length - first_line) / frame.len());
        assert_eq!(error.is_some(), rest > 0, "{length} of {} bytes", whole.len());
        if let Some(error) = error {
            assert!(error.to_string().contains("test.y4m: the stream is cut"), "{error}");
        }
    }
}

#[track_caller]
fn check_refused(header: &str, words: &str) {
    let error = open(header).expect_err("a refusal").to_string();
    assert!(error.contains("test.y4m") && error.contains(words), "{header}: {error}");
}

#[apply(trial)]
fn bad_headers_are_refused() {
    check_refused("", "not a Y4M stream");
    check_refused("RIFF....", "not a Y4M stream");
    check_refused("YUV4MPEG2 W4 H4 F25:1", "cut short");
    check_refused(&format!("YUV4MPEG2 W4 H4 F25:1 X{}\n", "x".repeat(2000)), "too long");
    check_refused("YUV4MPEG2 W0 H4 F25:1\n", "W0 H4");
    check_refused("YUV4MPEG2 H4 F25:1\n", "W? H4");
    check_refused("YUV4MPEG2 W-4 H4 F25:1\n", "W-4");
    check_refused("YUV4MPEG2 W65536 H4 F25:1\n", "W65536");
    check_refused("YUV4MPEG2 W65535 H65535 F25:1\n", "36 megapixels");
    check_refused("YUV4MPEG2 W18446744073709551615 H18446744073709551615 F25:1\n", "W1844");
    check_refused("YUV4MPEG2 W4 H4 F25:1 C411\n", "colour space 411");
    check_refused("YUV4MPEG2 W4 H4 F25:1 C420p16\n", "colour space 420p16");
    check_refused("YUV4MPEG2 W4 H4 F0:1\n", "rate is 0:1");
    check_refused("YUV4MPEG2 W4 H4 F25:0\n", "rate is 25:0");
    check_refused("YUV4MPEG2 W4 H4 F99999999999:1\n", "rate is 99999999999:1");
    check_refused("YUV4MPEG2 W4 H4 Fast\n", "");
    check_refused("YUV4MPEG2 W4 H4 F25:1 XYSCSS=411\n", "colour space 411");
}

/// Reads a stream with those words and writes it again; the words then.
fn passed_on(words: &str, samples: usize) -> String {
    let bytes = format!("YUV4MPEG2 W4 H2 {words}\nFRAME\n{}", "a".repeat(samples));
    let mut source = open(bytes).expect("a stream");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.y4m");
    let mut sink = Y4mSink::create(&path).expect("a sink");
    sink.heed(&source.notes());
    sink.start(source.format(), source.rate()).expect("a start");
    let (pictures, error) = played(&mut source);
    assert!(error.is_none() && pictures.len() == 1, "{words}: {error:?}");
    sink.finish().expect("an end");
    let written = std::fs::read_to_string(&path).expect("a stream");
    let line = written.lines().next().expect("a line").to_owned();
    open(written).expect("a stream that we can read");
    line.strip_prefix("YUV4MPEG2 W4 H2 ").expect("the same extent").to_owned()
}

#[apply(trial)]
fn what_a_stream_says_is_passed_on() {
    for (words, samples, expected) in [
        ("F25:1", 12, "F25:1 XCOLORRANGE=LIMITED C420"),
        (
            "F25:1 Ip A16:15 C420mpeg2 XYSCSS=420MPEG2 XNOTE=keep",
            12,
            "F25:1 Ip A16:15 XCOLORRANGE=LIMITED C420mpeg2 XYSCSS=420MPEG2 XNOTE=keep",
        ),
        ("F0:0 Ib A0:0 C420jpeg", 12, "F0:0 Ib A0:0 XCOLORRANGE=LIMITED C420jpeg"),
        ("F25:1 C420paldv I?", 12, "F25:1 I? XCOLORRANGE=LIMITED C420paldv"),
        ("F25:1 XYSCSS=422", 16, "F25:1 XCOLORRANGE=LIMITED C422 XYSCSS=422"),
        ("F25:1 XYSCSS=444P10", 48, "F25:1 XCOLORRANGE=LIMITED C444p10 XYSCSS=444P10"),
        ("F25:1 Im Cmono XCOLORRANGE=FULL", 8, "F25:1 Im XCOLORRANGE=FULL Cmono"),
    ] {
        assert_eq!(passed_on(words, samples), expected, "{words}");
    }
}

#[apply(trial)]
fn damage_is_an_error() {
    let (pictures, error) =
        played(&mut open("YUV4MPEG2 W2 H1 F1:1 Cmono\nFRAME\nabFRAMF\ncd").expect("a header"));
    assert_eq!(pictures.len(), 1);
    assert!(error.is_some_and(|error| error.to_string().contains("FRAME")), "no error");
}

#[apply(trial)]
fn no_bytes_crash_the_reader() {
    let head = "YUV4MPEG2 W2 H2 F1:1 C420\n";
    let piece = prop_oneof![
        Just(head.as_bytes().to_vec()),
        Just(b"FRAME\n".to_vec()),
        "[A-Z0-9: p\n]{0,40}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let streams = prop::collection::vec(piece, 0..6);
    let config = Config { failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&streams, |pieces| {
        if let Ok(mut source) = open(pieces.concat()) {
            played(&mut source);
        }
        Ok(())
    });
    assert!(result.is_ok(), "{result:?}");
}

/// A pipe that has brought its first line and nothing since.
struct Silent(Cursor<&'static [u8]>, std::sync::mpsc::Receiver<()>);

impl Read for Silent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => self.1.recv().map_or(Ok(0), |()| Ok(0)),
            count => Ok(count),
        }
    }
}

#[apply(trial)]
fn a_silent_pipe_does_not_block() {
    let (keep_open, end) = std::sync::mpsc::channel();
    let pipe = Silent(Cursor::new(b"YUV4MPEG2 W2 H2 F1:1 Cmono\n"), end);
    let mut source = Y4mSource::new(pipe, "a pipe".into(), false).expect("a source");
    let mut frame = Frame::new(source.format());
    assert!(matches!(source.fill(&mut frame), Ok(Filled::Waiting)), "a frame out of nothing");
    drop(keep_open);
    assert!(played(&mut source).1.is_none(), "the end is an error");
}

#[apply(trial)]
fn outputs_that_cannot_be_are_errors() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("no/a.y4m");
    for path in [missing.as_path(), folder.path(), "/proc/a.y4m".as_ref()] {
        let error = Y4mSink::create(path).expect_err("an error").to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    let full = std::path::Path::new("/dev/full");
    if full.exists() {
        let pictures = vec![picture(PictureFormat::gray(Extent::new(640, 360)), 0)];
        let error = write_stream(&mut Y4mSink::create(full).expect("a sink"), &pictures);
        assert!(error.is_err_and(|e| e.to_string().contains("/dev/full")), "room on a full device");
        assert!(full.exists(), "the device was replaced by a file");
    }
}

/// A pipe whose reader takes some bytes and quits.
struct Quitting(Arc<Mutex<usize>>);

impl Write for Quitting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.0.lock().expect("a pipe");
        *room = room.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[apply(trial)]
fn a_reader_that_quits_ends_the_stream() {
    let pictures = vec![picture(PictureFormat::gray(Extent::new(640, 360)), 0); 3];
    let pipe = Quitting(Arc::new(Mutex::new(300_000)));
    let mut sink = Y4mSink::to_writer(Box::new(pipe), "a pipe".into());
    let error = write_stream(&mut sink, &pictures);
    assert!(matches!(error, Err(SinkError::Closed(_))), "{error:?}");
}

#[apply(trial)]
#[needs(Ffmpeg)]
fn ffmpeg_reads_what_we_write() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (layout, range) in [(Layout::Rgb, Range::Full), (Layout::Yuv420, Range::Limited)] {
        let path = folder.path().join("a.y4m");
        let extent = Extent::new(32, 18);
        let format = PictureFormat { extent, layout, depth: 8, range };
        let mut red = Picture::new(format);
        let samples = if layout == Layout::Rgb { [255, 0, 0] } else { [81, 90, 240] };
        for (plane, sample) in red.planes_mut().iter_mut().zip(samples) {
            plane.samples_mut().fill(sample);
        }
        write_stream(&mut Y4mSink::create(&path).expect("a sink"), &[red]).expect("a stream");
        let output = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(&path)
            .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
            .output()
            .expect("ffmpeg runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout.len(), extent.area() * 3);
        let [red, green, blue] = [0, 1, 2].map(|channel| output.stdout[channel]);
        assert!(red > 250 && green < 5 && blue < 5, "{layout:?}: {red} {green} {blue} is not red");
    }
}
