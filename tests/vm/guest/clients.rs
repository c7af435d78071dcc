//! Viewers of the page, ill-behaved ones above all: the stream of frames must not notice them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::daemon::{CHEAP, Daemon, SMALL, camera};
use crate::drivers::Vivid;
use crate::harness::{apply, trial};
use crate::http;
use crate::rig::figure;

/// Frames of five seconds.
const FRAMES: u64 = 75;

/// What is left of the rate, at least, where nothing is the matter.
const STEADY: f64 = 0.8;

fn start(vivid: &Vivid) -> Daemon {
    let daemon = Daemon::start(&format!("{}{CHEAP}", camera(&vivid.camera(), SMALL)));
    daemon.wait_for_frames(5);
    daemon
}

#[apply(trial)]
fn two_hundred_ill_behaved() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    let before = daemon.capture_rate(FRAMES);
    let crowd = Crowd::gather(daemon.server);
    let during = daemon.capture_rate(FRAMES);
    let answered = crowd.answered.load(Ordering::Relaxed);
    drop(crowd);
    figure("captures a second, nobody there", format!("{before:.2}"));
    figure("captures a second, 200 clients", format!("{during:.2}"));
    figure("requests answered meanwhile", answered);
    assert!(during > before * STEADY, "clients slow the capture down");
    assert!(answered > 0, "no well-behaved client was answered");
    assert_eq!(http::get(daemon.server, "/healthz").expect("an answer").status, 200);
}

/// Two hundred clients: some never read what they asked for, some never end their request, some
/// only connect, and some ask and read.
struct Crowd {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<()>>,
    _idle: Vec<TcpStream>,
}

impl Crowd {
    fn gather(server: SocketAddr) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let head = format!("GET /stream.mjpg HTTP/1.1\r\nHost: {server}\r\n");
        let mut idle = Vec::new();
        for number in 0..140 {
            // Connections beyond those that are served may be refused or closed: that is fine.
            let Ok(mut stream) = http::connect(server) else { continue };
            let said = match number % 3 {
                0 => format!("{head}\r\n"),
                1 => head.clone(),
                _ => String::new(),
            };
            if stream.write_all(said.as_bytes()).is_ok() {
                idle.push(stream);
            }
        }
        let mut threads: Vec<_> = (0..30).map(|_| drip(server, &head, &stop)).collect();
        threads.extend((0..30).map(|_| ask(server, &stop, &answered)));
        Self { stop, answered, threads, _idle: idle }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Between two bytes of a client that takes its time.
const PAUSE: Duration = Duration::from_millis(100);

/// Sends a header that never ends, a byte at a time, again and again.
fn drip(server: SocketAddr, head: &str, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (stop, head) = (Arc::clone(stop), head.to_owned());
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(PAUSE);
            let Ok(mut stream) = http::connect(server) else { continue };
            let mut bytes = head.bytes().chain(std::iter::repeat(b'x'));
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
                if stream.write_all(&[bytes.next().unwrap_or(b'x')]).is_err() {
                    break;
                }
            }
        }
    })
}

/// Asks twice a second and reads the answer.
fn ask(
    server: SocketAddr,
    stop: &Arc<AtomicBool>,
    answered: &Arc<AtomicU64>,
) -> thread::JoinHandle<()> {
    let (stop, answered) = (Arc::clone(stop), Arc::clone(answered));
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if http::get(server, "/healthz").is_ok_and(|answer| answer.status == 200) {
                answered.fetch_add(1, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(500));
        }
    })
}

/// What must be refused, and how.
#[apply(trial)]
fn bad_requests() {
    let vivid = Vivid::webcam();
    let daemon = start(&vivid);
    let server = daemon.server;
    let with_host = |line: &str| format!("{line}\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    for (what, request, expected) in [
        ("path traversal", with_host("GET /../../etc/passwd HTTP/1.1"), &[400, 404][..]),
        ("hidden path traversal", with_host("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1"), &[400, 404]),
        ("traversal behind a page", with_host("GET /state/../../etc/passwd HTTP/1.1"), &[400, 404]),
        ("bad method", with_host("DELETE /state HTTP/1.1"), &[405]),
        ("method that is none", with_host("F\u{fc} /state HTTP/1.1"), &[400]),
        (
            "another site's name",
            "GET /state HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned(),
            &[421],
        ),
        ("no name", "GET /state HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), &[400]),
        (
            "giant header",
            with_host(&format!("GET /state HTTP/1.1\r\nX: {}", "a".repeat(1 << 20))),
            &[400, 431],
        ),
        (
            "many headers",
            with_host(&format!("GET /state HTTP/1.1{}", "\r\nX: a".repeat(5000))),
            &[400, 431],
        ),
        (
            "giant path",
            with_host(&format!("GET /{} HTTP/1.1", "a".repeat(1 << 20))),
            &[400, 404, 414, 431],
        ),
        ("no HTTP", "\0\u{1}\u{2}\r\n\r\n".to_owned(), &[400]),
    ] {
        match http::say(server, &request) {
            Ok(answer) => {
                let status = answer.status;
                assert!(expected.contains(&status), "{what}: {status} (expected {expected:?})");
                assert!(!answer.body.windows(5).any(|part| part == b"root:"), "{what}: a file");
                figure(what, format!("answered {status}"));
            }
            // To close the connection on a client that goes on sending is an answer too.
            Err(error) => figure(what, format!("connection closed ({error})")),
        }
    }
    check_alive(&daemon);
}

#[track_caller]
fn check_alive(daemon: &Daemon) {
    daemon.wait_for_frames(5);
    let mut stream = http::connect(daemon.server).expect("a connection");
    let request =
        format!("HEAD /state HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", daemon.server);
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
