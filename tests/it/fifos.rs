//! FIFOs whose other end is absent, stopped, or comes and goes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::harness::{apply, trial};
use crate::program::{CONTRACT, Outcome, Running, Workshop};

const SOURCE: &str = "[source]\nkind = 'scene'\nextent = '160x120'\nrate = 60\n\
                      [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n";
const SINK: &str = "[[sink]]\nkind = 'y4m'\npath = 'fifo'\n";
const OTHER: &str = "[[sink]]\nkind = 'y4m'\npath = 'other'\n";

fn make_fifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(status.success(), "no FIFO");
}

/// A folder with two FIFOs and a configuration.
fn workshop(configuration: &str) -> Workshop {
    let workshop = Workshop::new();
    make_fifo(&workshop.path("fifo"));
    make_fifo(&workshop.path("other"));
    workshop.write("run.toml", configuration);
    workshop
}

fn start(workshop: &Workshop) -> Running {
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    Running::start_unread(command.env("DEBLURD_LOG", "info"))
}

/// Tells the program to end, which it must in time.
#[track_caller]
fn check_ends(running: Running, code: i32) -> Outcome {
    let sent = Instant::now();
    running.signal("TERM");
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    assert!(sent.elapsed() <= CONTRACT, "it took {:?}: {}", sent.elapsed(), outcome.stderr);
    outcome
}

/// Reads so many frames from another sink: the FIFO does not hold it up.
#[track_caller]
fn check_other_goes_on(workshop: &Workshop, frames: usize) -> BufReader<File> {
    let mut reader = open(workshop, "other");
    assert_eq!(frames_of(&mut reader, frames), frames);
    reader
}

fn open(workshop: &Workshop, name: &str) -> BufReader<File> {
    BufReader::new(File::open(workshop.path(name)).expect("a FIFO"))
}

/// The pictures of a stream, as far as there are any; each must be whole but the last.
fn frames_of(reader: &mut impl BufRead, most: usize) -> usize {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a first line");
    assert!(line.starts_with("YUV4MPEG2 W160 H120 "), "{line:?}");
    for count in 0..most {
        let mut marker = [0; 6];
        if reader.read_exact(&mut marker).is_err() {
            return count;
        }
        assert_eq!(&marker, b"FRAME\n", "a frame begins elsewhere");
        // The scene is RGB, which goes out with full chroma.
        reader.read_exact(&mut vec![0; 3 * 160 * 120]).expect("a whole frame");
    }
    most
}

#[apply(trial)]
fn nobody_reads() {
    let workshop = workshop(&format!("{SOURCE}{SINK}{OTHER}"));
    let running = start(&workshop);
    let other = check_other_goes_on(&workshop, 10);
    let outcome = check_ends(running, 0);
    assert_eq!(outcome.stderr.matches("waiting for a reader of fifo").count(), 1);
    drop(other);
}

#[apply(trial)]
fn a_reader_stops() {
    let workshop = workshop(&format!("{SOURCE}{SINK}{OTHER}"));
    let running = start(&workshop);
    let mut reader = open(&workshop, "fifo");
    assert_eq!(frames_of(&mut reader, 2), 2);
    // It keeps the FIFO open and reads no more.
    let other = check_other_goes_on(&workshop, 40);
    check_ends(running, 0);
    drop(other);
    // What it was given is whole as far as it goes.
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).expect("an end");
}

#[apply(trial)]
fn readers_come_and_go() {
    let workshop = workshop(&format!("{SOURCE}{SINK}"));
    let mut running = start(&workshop);
    for _ in 0..3 {
        let mut reader = open(&workshop, "fifo");
        assert_eq!(frames_of(&mut reader, 4), 4);
        drop(reader);
        running.wait_for("the reader of fifo went away; waiting for another");
    }
    check_ends(running, 0);
}

#[apply(trial)]
fn nobody_writes() {
    let source = "[source]\nkind = 'y4m'\npath = 'fifo'\nlive = true\n\
                  [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n\
                  [[sink]]\nkind = 'png'\nfolder = 'out'\n";
    let workshop = workshop(source);
    let mut running = start(&workshop);
    running.wait_for("waiting for a writer of fifo");
    check_ends(running, 143);
}

#[apply(trial)]
fn a_stopped_reader_of_standard_output() {
    let to_stdout = SINK.replace("'fifo'", "'-'");
    let workshop = workshop(&format!("{SOURCE}{to_stdout}{OTHER}"));
    let mut running = start(&workshop);
    let mut reader = BufReader::new(running.take_stdout());
    assert_eq!(frames_of(&mut reader, 1), 1);
    let other = check_other_goes_on(&workshop, 40);
    check_ends(running, 0);
    drop((reader, other));
}

#[apply(trial)]
fn no_frame_is_lost_to_a_slow_reader() {
    let source = SOURCE.replace("rate = 60", "live = false\nframes = 30");
    let workshop = workshop(&format!("{source}[pipeline]\noverflow = 'wait'\n{SINK}"));
    let running = start(&workshop);
    let mut reader = open(&workshop, "fifo");
    assert_eq!(frames_of(&mut reader, 100), 30);
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("y4m: 30 = 30 delivered"), "{}", outcome.stderr);
}
