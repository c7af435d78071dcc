//! What is served over HTTP: pictures, streams, statistics; and whom it is refused to.

mod access;
mod crowd;
mod page;
mod proxy;
mod reference;
mod requests;
mod stations;
mod statistics;
mod strangers;
mod streams;
mod target;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use deblurd::frame::{Effort, Extent, Frame, FrameMeta, FramePsnr, Picture, PictureFormat};
use deblurd::metrics::{Level, Metrics, Reason, Restoration, SourceState, WatchSnapshot};
use deblurd::sink::{ShowcaseSink, Sink, encode_png};
use deblurd::source::{SceneOptions, SceneSource, Source};
use deblurd::web::{Face, Faces, HttpOptions, Limits, Server, Token, WebError};

/// A connection that says nothing for so long counts as never closed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A showcase and the server that shows it.
#[derive(Debug)]
pub(crate) struct Page {
    sink: ShowcaseSink,
    server: Server,
}

impl Page {
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    fn deliver(&mut self, frame: &Frame) {
        self.sink.deliver(frame).expect("a delivery");
    }
}

/// How a page is served, and how many frames it shows a second.
struct Setup {
    options: HttpOptions,
    limits: Limits,
    rate_max: u32,
}

impl Default for Setup {
    fn default() -> Self {
        let (options, limits) = (HttpOptions::default(), Limits::default());
        Self { options, limits, rate_max: ShowcaseSink::RATE_MAX }
    }
}

impl From<HttpOptions> for Setup {
    fn from(options: HttpOptions) -> Self {
        Self { options, ..Self::default() }
    }
}

impl From<Limits> for Setup {
    fn from(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}

/// A page that listens on a free port.
fn page(setup: impl Into<Setup>) -> Page {
    page_of(setup, Arc::new(metrics()))
}

/// As [`page`], of a station of which that is told.
fn page_of(setup: impl Into<Setup>, metrics: Arc<Metrics>) -> Page {
    let setup = setup.into();
    let options = free_port(setup.options);
    bind(Setup { options, ..setup }, metrics).expect("a page")
}

fn free_port(options: HttpOptions) -> HttpOptions {
    HttpOptions { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..options }
}

/// The server of a showcase, on a free port.
pub(crate) fn serve(options: HttpOptions, sink: &ShowcaseSink, metrics: &Arc<Metrics>) -> Server {
    let faces = Faces::Only(Box::new(face("camera", sink, metrics)));
    Server::bind(free_port(options), Limits::default(), faces).expect("a server")
}

fn face(name: &str, sink: &ShowcaseSink, metrics: &Arc<Metrics>) -> Face {
    let (name, sink_name) = (name.to_owned(), ShowcaseSink::NAME.to_owned());
    Face {
        name,
        sink: sink_name,
        showcase: sink.showcase(),
        metrics: Arc::clone(metrics),
        desk: None,
        ended: None,
    }
}

fn metrics() -> Metrics {
    let stages = ["wiener", "network"].map(str::to_owned);
    let metrics = Metrics::new(&[ShowcaseSink::NAME.to_owned()]);
    metrics.set_stages(&stages);
    let square = Picture::new(PictureFormat::gray(Extent::new(8, 8)));
    metrics.watch.set(Some(watch()));
    metrics.restoration.set(restoration(), encode_png(&square).expect("a PNG"));
    metrics
}

/// What a watch over the calibration says that has found something.
fn watch() -> WatchSnapshot {
    WatchSnapshot {
        standing: "stale".to_owned(),
        scale: Some(1.0512),
        told: 20,
        passed: 3,
        unfit: String::new(),
        alarm: "the focus is automatic".to_owned(),
    }
}

/// What is told of what restores frames; a name of a file may be anything.
fn restoration() -> Restoration {
    Restoration {
        psf: "a \"PSF\" <b>\n.npz".to_owned(),
        grid: [1, 1],
        extent: Extent::new(7, 7),
        width: 1.53,
        sigma: 2.55,
        transfer: "srgb".to_owned(),
        model: "base".to_owned(),
        channels: "luma".to_owned(),
        backend: "cpu".to_owned(),
        method: Some("target".to_owned()),
        trust: Some("measured".to_owned()),
        calibrated: Some("2026-11-23T14:15:30Z".to_owned()),
        calibrated_at_s: Some(1_795_443_330.0),
        ..Restoration::default()
    }
}

fn bind(setup: impl Into<Setup>, metrics: Arc<Metrics>) -> Result<Page, WebError> {
    let Setup { options, limits, rate_max } = setup.into();
    let sink = ShowcaseSink::new(options.quality, rate_max);
    let server =
        Server::bind(options, limits, Faces::Only(Box::new(face("camera", &sink, &metrics))))?;
    Ok(Page { sink, server })
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream
}

/// What comes back for raw bytes, until the connection is closed.
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    // The server may close before it has taken everything.
    drop(stream.write_all(request.as_bytes()));
    String::from_utf8_lossy(&read_to_close(&mut stream)).into_owned()
}

/// Everything until the connection is closed, in whichever way.
#[track_caller]
fn read_to_close(stream: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return bytes,
            Ok(count) => bytes.extend(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return bytes,
            Err(error) => panic!("the connection stays open: {error}"),
        }
    }
}

/// The head and the body of the answer to a request without further headers.
fn fetch(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let answer = read_to_close(&mut stream);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a body") + 4;
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end..].to_vec())
}

/// As [`fetch`], all of it as text.
fn get(address: SocketAddr, path: &str) -> String {
    let (head, body) = fetch(address, path);
    head + &String::from_utf8_lossy(&body)
}

/// Asks for something on a thread of its own while `deliver` is called, until the answer is there.
fn fetch_during(address: SocketAddr, path: &str, mut deliver: impl FnMut()) -> (String, Vec<u8>) {
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| fetch(address, path));
        while !asking.is_finished() {
            deliver();
        }
        asking.join().expect("an answer")
    })
}

/// A gray frame with a number, a pattern that tells its number, and a blurred side that is darker.
fn numbered(number: u64) -> Frame {
    let mut frame = Frame::new(PictureFormat::gray(Extent::new(64, 48)));
    frame.meta = FrameMeta::new(number);
    for (at, sample) in frame.restored.planes_mut()[0].samples_mut().iter_mut().enumerate() {
        *sample = u16::try_from((at as u64 * 7 + number * 13) % 256).expect("a sample");
    }
    let darker = |&sample: &u16| sample / 2;
    let blurred: Vec<u16> = frame.restored.planes()[0].samples().iter().map(darker).collect();
    frame.blurred.planes_mut()[0].samples_mut().copy_from_slice(&blurred);
    frame
}

#[track_caller]
fn check_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "not {status}: {answer:.200}");
}

/// A page to which no frame comes.
pub(crate) fn waiting() -> Page {
    page(Limits { frame_patience: Duration::from_millis(100), ..Limits::default() })
}

/// A page without frames that asks for a token.
pub(crate) fn locked(token: &str) -> Page {
    let token = Some(Token::new(token).expect("a token"));
    page(HttpOptions { token, ..HttpOptions::default() })
}

/// The scene, blurred by a box, on a page.
pub(crate) struct Show {
    pub(crate) address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Show {
    /// A show whose first frame has come.
    pub(crate) fn start_ready() -> Self {
        let show = Self::start();
        while !get(show.address, "/readyz").starts_with("HTTP/1.1 200 ") {}
        show
    }

    fn start() -> Self {
        Self::start_with(HttpOptions::default())
    }

    fn start_with(options: HttpOptions) -> Self {
        let metrics = Arc::new(metrics());
        let page = page_of(options, Arc::clone(&metrics));
        let address = page.local_addr();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let shown = Arc::clone(&metrics);
        let thread = std::thread::spawn(move || show_until(&stopped, page, &shown));
        Self { address, metrics, stop, thread: Some(thread) }
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok(), "the show failed");
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How much is done to a frame at a level of the ladder.
fn effort_at(level: Level) -> Effort {
    match level {
        Level::Full | Level::Alternate => Effort::Full,
        Level::Wiener => Effort::Wiener,
        Level::Passthrough => Effort::Passthrough,
    }
}

fn show_until(stopped: &AtomicBool, mut page: Page, metrics: &Metrics) {
    let extent = Extent::new(320, 180);
    let options = SceneOptions { extent, live: true, ..SceneOptions::default() };
    let mut source = SceneSource::new(options).expect("a scene");
    page.sink.start(source.format(), source.rate()).expect("a start");
    let mut frame = Frame::new(source.format());
    metrics.source.enter(SourceState::Live, "");
    metrics.trunk.enter().lose(Reason::Overflow);
    while !stopped.load(Ordering::Relaxed) {
        source.fill(&mut frame).expect("a frame");
        let trunk = metrics.trunk.enter();
        let offered = metrics.sinks[0].ledger.enter();
        frame.restored.copy_from(&frame.blurred);
        blur(&mut frame.blurred);
        frame.meta.sequence += 1;
        frame.meta.effort = effort_at(metrics.load.level());
        frame.meta.psnr = Some(FramePsnr { blurred_db: 20.5, restored_db: 31.25 });
        metrics.quality.record(20.5, 31.25);
        metrics.load.full.add(1);
        for (stage, time) in metrics.stages().iter().zip([2, 7]) {
            stage.busy.record(Duration::from_millis(time));
            stage.age.record(Duration::from_millis(2 * time));
        }
        trunk.deliver();
        page.deliver(&frame);
        metrics.sinks[0].latency.record(frame.meta.captured_at.elapsed());
        offered.deliver();
    }
    page.server.stop().expect("an end");
}

/// Means of nine neighbours in a row.
fn blur(picture: &mut Picture) {
    for plane in picture.planes_mut() {
        for row in plane.rows_mut() {
            let sharp = row.to_vec();
            for (at, sample) in row.iter_mut().enumerate() {
                let window = &sharp[at.saturating_sub(4)..(at + 5).min(sharp.len())];
                let sum: usize = window.iter().copied().map(usize::from).sum();
                *sample = u16::try_from(sum / window.len()).expect("a mean of samples");
            }
        }
    }
}
