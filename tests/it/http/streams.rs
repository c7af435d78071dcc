//! Pictures: pairs for the page, streams, snapshots.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use deblurd::frame::{Effort, Picture};
use deblurd::source::decode_picture;
use deblurd::web::Limits;
use serde_json::Value;

use super::{
    PATIENCE, Setup, Show, check_status, connect, fetch, fetch_during, get, numbered, page,
};
use crate::harness::{apply, trial};

/// Shows every frame, however fast they come.
fn all() -> Setup {
    Setup { rate_max: 1_000_000, ..Setup::default() }
}

/// A picture of which every byte came.
fn decoded(bytes: &[u8]) -> Picture {
    decode_picture(bytes, "an answer".as_ref()).expect("a whole picture")
}

/// The reading side of a stream.
struct Reader(BufReader<TcpStream>);

/// One picture of a stream.
struct Part {
    number: u64,
    sequence: u64,
    placeholder: bool,
    effort: String,
    picture: Picture,
}

impl Reader {
    /// Asks for a stream and reads as far as its first boundary.
    fn open(address: SocketAddr, path: &str) -> Self {
        let mut stream = connect(address);
        // The old version knows no chunks: the parts come as they are.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut reader = Self(BufReader::with_capacity(1 << 10, stream));
        let head = reader.lines().join("\n");
        assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
        let content_type = "content-type: multipart/x-mixed-replace; boundary=deblurd";
        assert!(head.contains(content_type), "{head}");
        assert_eq!(reader.line(), "--deblurd");
        reader
    }

    /// The next picture, and the boundary that must follow it at once.
    fn part(&mut self) -> Part {
        let head = self.lines();
        let header = |name: &str| {
            let value = head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.unwrap_or_else(|| panic!("no {name} in {head:?}"))
        };
        let number = |name: &str| header(name).parse::<f64>().expect("a number");
        assert_eq!(header("Content-Type"), "image/jpeg");
        let age = number("x-deblurd-age-ms");
        assert!((0.0..60_000.0).contains(&age), "{age} ms old");
        assert!(number("x-timestamp") > 1.6e9, "taken long ago: {head:?}");
        let mut jpeg = vec![0; header("Content-Length").parse().expect("a length")];
        self.0.read_exact(&mut jpeg).expect("a picture");
        let part = Part {
            number: header("x-deblurd-number").parse().expect("a number"),
            sequence: header("x-deblurd-sequence").parse().expect("a number"),
            placeholder: header("x-deblurd-placeholder") == "true",
            effort: header("x-deblurd-effort").to_owned(),
            picture: decoded(&jpeg),
        };
        assert_eq!((self.line(), self.line()), (String::new(), "--deblurd".to_owned()));
        part
    }

    fn lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| Some(self.line()).filter(|line| !line.is_empty())).collect()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        assert!(line.ends_with("\r\n"), "the stream ends: {line:?}");
        line.trim_end().to_owned()
    }
}

#[apply(trial)]
fn a_frame_is_a_pair_of_pictures() {
    let show = Show::start();
    let (head, body) = fetch(show.address, "/frame?after=0");
    check_status(&head, 200);
    for header in ["x-deblurd-number: ", "x-deblurd-extent: 320x180", "x-deblurd-step: 192"] {
        assert!(head.contains(header), "no {header} in {head}");
    }
    let pair = image::load_from_memory(&body).expect("a JPEG");
    assert_eq!((pair.width(), pair.height()), (320, 192 + 180));
}

/// Mean of the samples of the first plane.
fn mean(picture: &Picture) -> f64 {
    let samples = picture.planes()[0].samples();
    samples.iter().copied().map(f64::from).sum::<f64>() / samples.len() as f64
}

#[apply(trial)]
fn streams_go_on() {
    let mut page = page(all());
    let address = page.local_addr();
    std::thread::scope(|scope| {
        let watch = |path| {
            let mut reader = Reader::open(address, path);
            let parts: Vec<Part> = (0..5).map(|_| reader.part()).collect();
            assert!(parts.is_sorted_by(|a, b| a.number < b.number && a.sequence < b.sequence));
            parts.iter().map(|part| mean(&part.picture)).sum::<f64>() / parts.len() as f64
        };
        let after = scope.spawn(move || watch("/stream.mjpg"));
        let before = scope.spawn(move || watch("/stream/before.mjpg"));
        let mut number = 0;
        while !(after.is_finished() && before.is_finished()) {
            number += 1;
            page.deliver(&numbered(number));
        }
        let (after, before) = (after.join().expect("a stream"), before.join().expect("a stream"));
        assert!((after - 2.0 * before).abs() < 4.0, "{after} is not twice {before}");
    });
}

/// Beside each picture stands how much was done to it; on the picture, for those who ask for that.
#[apply(trial)]
fn what_is_done_less_is_marked() {
    let mut page = page(all());
    let address = page.local_addr();
    std::thread::scope(|scope| {
        let watch = |path| {
            let mut reader = Reader::open(address, path);
            [(); 8].map(|()| reader.part())
        };
        let readers =
            ["/stream.mjpg?mark", "/stream.mjpg"].map(|path| scope.spawn(move || watch(path)));
        let mut number = 0;
        while !readers.iter().all(|reader| reader.is_finished()) {
            number += 1;
            let mut frame = numbered(1);
            frame.meta.sequence = number;
            frame.meta.effort = if number % 2 == 0 { Effort::Full } else { Effort::Wiener };
            page.deliver(&frame);
        }
        let [marked, plain] = readers.map(|reader| reader.join().expect("a stream"));
        // The first field of the mark is white; what the frame has there is not.
        let is_marked = |part: &Part| {
            let row = part.picture.planes()[0].row(47);
            row[2..14].iter().all(|&sample| sample > 235)
        };
        for part in &marked {
            assert_eq!(is_marked(part), part.effort == "wiener", "{}", part.effort);
        }
        assert!(plain.iter().all(|part| !is_marked(part)), "marked, and nobody asked for it");
        for parts in [&marked, &plain] {
            assert!(parts.iter().any(|part| part.effort == "wiener"), "none of less effort");
        }
    });
}

#[apply(trial)]
fn a_slow_reader_skips_frames() {
    // The one that sleeps is not to be cut.
    let mut page = page(Setup {
        limits: Limits { write_patience: 10 * PATIENCE, ..Limits::default() },
        ..all()
    });
    let address = page.local_addr();
    let mut slow = Reader::open(address, "/stream.mjpg");
    let (mut fast, mut number) = (Reader::open(address, "/stream.mjpg"), 0);
    // As many as no buffer between the two could hold.
    let frames = 8_000;
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || while fast.part().sequence < frames {});
        while number < frames || !reading.is_finished() {
            number += 1;
            page.deliver(&numbered(number));
        }
    });
    let last = number;
    let mut taken = 0;
    std::thread::scope(|scope| {
        let catching_up = scope.spawn(|| {
            while slow.part().sequence <= last {
                taken += 1;
            }
        });
        while !catching_up.is_finished() {
            number += 1;
            page.deliver(&numbered(number));
        }
    });
    assert!(taken < frames / 2, "{taken} of {last} frames were kept for a reader that slept");
}

#[apply(trial)]
fn placeholders_are_streamed_not_kept() {
    let frame_patience = Duration::from_millis(300);
    let mut page = page(Setup { limits: Limits { frame_patience, ..Limits::default() }, ..all() });
    let address = page.local_addr();
    let mut stand_in = numbered(1);
    stand_in.meta.placeholder = true;
    let mut deliver = || {
        stand_in.meta.sequence += 1;
        page.deliver(&stand_in);
    };
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| Reader::open(address, "/stream.mjpg").part().placeholder);
        while !watching.is_finished() {
            deliver();
        }
        assert!(watching.join().expect("a part"), "it is not told to be a stand-in");
    });
    for path in ["/snapshot.jpg", "/snapshot.png"] {
        let (head, body) = fetch_during(address, path, &mut deliver);
        check_status(&head, 503);
        let text = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(text, "no picture came within 0.3 s; the camera is starting\n");
    }
}

#[apply(trial)]
fn snapshots_are_the_frame() {
    let mut page = page(all());
    let address = page.local_addr();
    let frame = numbered(7);
    let mut deliver = || page.deliver(&frame);
    for (path, picture, is_exact) in [
        ("/snapshot.png", &frame.restored, true),
        ("/snapshot.png?side=after", &frame.restored, true),
        ("/snapshot.png?side=before", &frame.blurred, true),
        ("/snapshot.jpg", &frame.restored, false),
        ("/snapshot.jpg?side=before", &frame.blurred, false),
    ] {
        let (head, body) = fetch_during(address, path, &mut deliver);
        check_status(&head, 200);
        let kind = if is_exact { "image/png" } else { "image/jpeg" };
        assert!(head.contains(kind) && head.contains("x-deblurd-sequence: 7"), "{path}: {head}");
        let read = decoded(&body);
        assert!(!is_exact || read == *picture, "{path} is not the frame");
        assert!((mean(&read) - mean(picture)).abs() < 2.0, "{path} is another picture");
    }
    check_status(&get(address, "/snapshot.png?side=left"), 400);
}

/// Number of the newest frame that was encoded; 0 for none.
fn encoded(address: SocketAddr) -> u64 {
    let (_, json) = fetch(address, "/state");
    let state: Value = serde_json::from_slice(&json).expect("JSON");
    state["frame"]["number"].as_u64().unwrap_or(0)
}

#[apply(trial)]
fn nothing_is_encoded_for_nobody() {
    let mut page = page(all());
    let address = page.local_addr();
    let frame = numbered(1);
    let mut deliver = || page.deliver(&frame);
    (0..3).for_each(|_| deliver());
    assert_eq!(encoded(address), 0, "a frame was encoded for nobody");
    fetch_during(address, "/snapshot.png", &mut deliver);
    let once = encoded(address);
    assert!(once > 0, "nothing was encoded for somebody");
    (0..3).for_each(|_| deliver());
    assert_eq!(encoded(address), once, "encoding went on after the snapshot");
}
