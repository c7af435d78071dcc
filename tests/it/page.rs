//! The live page: what it answers, whom it refuses, and how it looks in a real browser.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use deblurd::frame::{Extent, Frame, FramePsnr, Picture};
use deblurd::metrics::{Metrics, Reason};
use deblurd::sink::{HttpOptions, HttpSink, Sink, SinkError};
use deblurd::source::{SceneOptions, SceneSource, Source};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::browser::Browser;
use crate::support::{Need, trial, trial_needing};

/// A connection that says nothing for so long counts as never closed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("page::routes_answer", routes_answer),
        trial("page::a_frame_is_a_pair_of_pictures", a_frame_is_a_pair_of_pictures),
        trial("page::nothing_is_encoded_for_nobody", nothing_is_encoded_for_nobody),
        trial("page::a_port_in_use_is_an_error", a_port_in_use_is_an_error),
        trial("page::strange_requests_are_refused", strange_requests_are_refused),
        trial("page::foreign_hosts_are_refused", foreign_hosts_are_refused),
        trial("page::slow_headers_are_cut", slow_headers_are_cut),
        trial("page::a_client_that_does_not_read_is_cut", a_client_that_does_not_read_is_cut),
        trial("page::clients_are_limited", clients_are_limited),
        trial("page::the_end_closes_every_connection", the_end_closes_every_connection),
        trial_needing(Need::Browser, "page::a_browser_shows_it", a_browser_shows_it),
    ]
}

/// A page that listens on a free port.
fn page(options: HttpOptions) -> HttpSink {
    bind(options, Arc::new(metrics())).expect("a page")
}

fn metrics() -> Metrics {
    let stages = ["wiener", "network"].map(str::to_owned);
    let metrics = Metrics::new(&[HttpSink::NAME.to_owned()]);
    metrics.set_stages(&stages);
    metrics
}

fn bind(options: HttpOptions, metrics: Arc<Metrics>) -> Result<HttpSink, SinkError> {
    HttpSink::bind(
        HttpOptions { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..options },
        metrics,
    )
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

fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    exchange(address, &request)
}

#[track_caller]
fn check_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "not {status}: {answer:.200}");
}

fn routes_answer() {
    let mut sink = page(HttpOptions::default());
    let address = sink.local_addr();
    for (path, content_type) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/icon.svg", "image/svg+xml"),
        ("/healthz", "text/plain"),
        ("/state", "application/json"),
    ] {
        let answer = get(address, path);
        check_status(&answer, 200);
        for header in [
            &format!("content-type: {content_type}"),
            "cache-control: no-store",
            "content-security-policy: default-src 'self'",
            "x-content-type-options: nosniff",
        ] {
            assert!(answer.contains(header), "{path} without {header}: {answer:.600}");
        }
    }
    let head = exchange(address, "HEAD / HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n\r\n");
    check_status(&head, 200);
    assert!(head.ends_with("\r\n\r\n"), "HEAD has a body");
    let state = get(address, "/state");
    let (_, json) = state.split_once("\r\n\r\n").expect("a body");
    let state: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(state["metrics"]["stages"][1]["name"], "network");
    assert_eq!(state["frame"], Value::Null);
    sink.finish().expect("an end");
}

fn a_frame_is_a_pair_of_pictures() {
    let show = Show::start(HttpOptions::default());
    let request = "GET /frame?after=0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut stream = connect(show.address);
    stream.write_all(request.as_bytes()).expect("a request");
    let answer = read_to_close(&mut stream);
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a body") + 4;
    let head = String::from_utf8_lossy(&answer[..body]).into_owned();
    check_status(&head, 200);
    for header in ["x-deblurd-number: ", "x-deblurd-extent: 320x180", "x-deblurd-step: 192"] {
        assert!(head.contains(header), "no {header} in {head}");
    }
    let pair = image::load_from_memory(&answer[body..]).expect("a JPEG");
    assert_eq!((pair.width(), pair.height()), (320, 192 + 180));
}

fn nothing_is_encoded_for_nobody() {
    let mut sink = page(HttpOptions::default());
    let frame = Frame::new(deblurd::frame::PictureFormat::gray(Extent::new(16, 16)));
    for _ in 0..3 {
        sink.deliver(&frame).expect("a frame");
    }
    assert!(get(sink.local_addr(), "/state").contains("\"frame\":null"), "a frame was encoded");
}

fn a_port_in_use_is_an_error() {
    let first = page(HttpOptions::default());
    let options = HttpOptions { listen: first.local_addr(), ..HttpOptions::default() };
    let error = HttpSink::bind(options, Arc::new(Metrics::new(&[]))).expect_err("an error");
    let text = error.to_string();
    assert!(text.contains(&first.local_addr().to_string()) && text.contains("in use"), "{text}");
}

fn strange_requests_are_refused() {
    let sink = page(HttpOptions::default());
    let address = sink.local_addr();
    let long = "x".repeat(100_000);
    for (status, request) in [
        (405, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n".to_owned()),
        (405, "DELETE /state HTTP/1.1\r\nHost: localhost\r\n".to_owned()),
        (405, "BREW / HTTP/1.1\r\nHost: localhost\r\n".to_owned()),
        (404, "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n".to_owned()),
        (404, "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n".to_owned()),
        (404, "GET //etc/passwd HTTP/1.1\r\nHost: localhost\r\n".to_owned()),
        (404, "GET /page.html HTTP/1.1\r\nHost: localhost\r\n".to_owned()),
        (400, "GET /frame?after=-1 HTTP/1.1\r\nHost: localhost\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\n".to_owned()),
        (400, "\x16\x03\x01\x02 not HTTP at all\r\n".to_owned()),
        (431, format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n")),
        (431, format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n")),
        (431, format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}", "X-Many: 1\r\n".repeat(500))),
    ] {
        let answer = exchange(address, &format!("{request}Connection: close\r\n\r\n"));
        // An answer may be lost when the server closes on bytes it has not read.
        let lost = answer.is_empty() && request.len() > 16_000;
        assert!(
            lost || answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {answer:.99}"
        );
    }
    check_status(&get(address, "/healthz"), 200);
}

fn foreign_hosts_are_refused() {
    let sink = page(HttpOptions::default());
    for (host, status) in [("evil.example", 421), ("127.0.0.1:99", 200), ("LOCALHOST", 200)] {
        let request = format!("GET /state HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        check_status(&exchange(sink.local_addr(), &request), status);
    }
}

fn slow_headers_are_cut() {
    let header_patience = Duration::from_millis(100);
    let sink = page(HttpOptions { header_patience, ..HttpOptions::default() });
    let mut mute = connect(sink.local_addr());
    let mut slow = connect(sink.local_addr());
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").expect("a beginning");
    read_to_close(&mut mute);
    read_to_close(&mut slow);
}

fn a_client_that_does_not_read_is_cut() {
    let write_patience = Duration::from_millis(100);
    let sink = page(HttpOptions { write_patience, clients_max: 1, ..HttpOptions::default() });
    let mut greedy = connect(sink.local_addr());
    greedy.set_write_timeout(Some(PATIENCE)).expect("a time limit");
    let request = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    // Asks until the server, whose answers nobody takes, hangs up.
    let cut = (0..100_000).find_map(|_| greedy.write_all(&request).err()).expect("a cut");
    assert_ne!(cut.kind(), std::io::ErrorKind::WouldBlock, "the server neither answers nor closes");
    // Its place is free again.
    check_status(&get(sink.local_addr(), "/healthz"), 200);
}

fn clients_are_limited() {
    let sink = page(HttpOptions { clients_max: 2, ..HttpOptions::default() });
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut client = connect(sink.local_addr());
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
        let mut first = [0; 12];
        client.read_exact(&mut first).expect("an answer");
        kept.push(client);
    }
    check_status(&exchange(sink.local_addr(), ""), 503);
}

fn the_end_closes_every_connection() {
    let mut sink = page(HttpOptions::default());
    let mut waiting = connect(sink.local_addr());
    waiting.write_all(b"GET /frame HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
    let idle = connect(sink.local_addr());
    sink.finish().expect("an end");
    for mut client in [waiting, idle] {
        read_to_close(&mut client);
    }
    assert!(TcpStream::connect(sink.local_addr()).is_err(), "somebody still listens");
    sink.finish().expect("a second end");
}

/// The scene, blurred by a box, on a page.
struct Show {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Show {
    fn start(options: HttpOptions) -> Self {
        let metrics = Arc::new(metrics());
        let sink = bind(options, Arc::clone(&metrics)).expect("a page");
        let address = sink.local_addr();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || show_until(&stopped, sink, &metrics));
        Self { address, stop, thread: Some(thread) }
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

fn show_until(stopped: &AtomicBool, mut sink: HttpSink, metrics: &Metrics) {
    let extent = Extent::new(320, 180);
    let options = SceneOptions { extent, live: true, ..SceneOptions::default() };
    let mut source = SceneSource::new(options).expect("a scene");
    sink.start(source.format(), source.rate()).expect("a start");
    let mut frame = Frame::new(source.format());
    metrics.trunk.enter().lose(Reason::Overflow);
    while !stopped.load(Ordering::Relaxed) {
        source.fill(&mut frame).expect("a frame");
        let trunk = metrics.trunk.enter();
        let offered = metrics.sinks[0].ledger.enter();
        frame.restored.copy_from(&frame.blurred);
        blur(&mut frame.blurred);
        frame.meta.sequence += 1;
        frame.meta.psnr = Some(FramePsnr { blurred_db: 20.5, restored_db: 31.25 });
        metrics.quality.record(20.5, 31.25);
        for (stage, time) in metrics.stages().iter().zip([2, 7]) {
            stage.busy.record(Duration::from_millis(time));
        }
        trunk.deliver();
        sink.deliver(&frame).expect("a delivery");
        metrics.sinks[0].latency.record(frame.meta.captured_at.elapsed());
        offered.deliver();
    }
    sink.finish().expect("an end");
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

/// Mean difference between neighbours in a row of pixels, within columns of the canvas.
const DETAIL: &str = "const detail = (from, until) => {
    const view = document.getElementById('view');
    const copy = new OffscreenCanvas(view.width, view.height);
    const ink = copy.getContext('2d', { willReadFrequently: true });
    ink.drawImage(view, 0, 0);
    const pixels = ink.getImageData(from, 0, until - from, view.height).data;
    let sum = 0;
    for (let i = 4; i < pixels.length; i += 4) sum += Math.abs(pixels[i] - pixels[i - 4]);
    return sum * 4 / pixels.length;
};";

fn a_browser_shows_it() {
    let mut show = Show::start(HttpOptions::default());
    let address = format!("http://{}/", show.address);
    let browser = Browser::start();
    browser.open(&address);
    browser.wait_for("document.getElementById('connection').dataset.state === 'live'");
    check_halves(&browser, 0.5);
    browser.drag("#divider", 300, 40);
    let dragged = browser.run("return Number(document.getElementById('divider').ariaValueNow)");
    let split = dragged.as_f64().expect("a number") / 100.0;
    assert!(split > 0.6 && split < 0.9, "the divider is at {split}");
    check_halves(&browser, split);
    check_keys(&browser);
    check_statistics(&browser);
    check_side_by_side(&browser);
    check_quiet(&browser, &address);
    show.stop();
    browser.wait_for("document.getElementById('connection').dataset.state === 'lost'");
}

/// The canvas is blurred left of the divider and sharp right of it.
#[track_caller]
fn check_halves(browser: &Browser, split: f64) {
    let shown = browser.run(&format!(
        "{DETAIL} const edge = {split} * document.getElementById('view').width;
         return [detail(0, Math.floor(edge) - 2), detail(Math.ceil(edge) + 2, 320)];"
    ));
    let (before, after) = (shown[0].as_f64().unwrap_or(0.0), shown[1].as_f64().unwrap_or(0.0));
    assert!(before > 0.5, "nothing is shown before: {shown}");
    assert!(after > 1.5 * before, "the right is no sharper than the left: {shown}");
}

fn check_keys(browser: &Browser) {
    // Home, then twice the right arrow.
    browser.type_keys("#divider", "\u{e011}\u{e014}\u{e014}");
    let position = browser.run("return document.getElementById('divider').ariaValueNow");
    assert_eq!(position, "4");
    browser.type_keys("#divider", "\u{e010}");
    assert_eq!(browser.run("return document.getElementById('divider').style.left"), "100%");
}

fn check_statistics(browser: &Browser) {
    for id in ["fps", "fps-shown", "latency-p50", "latency-p99"] {
        browser.wait_for(&format!("Number(document.getElementById('{id}').value) > 0"));
    }
    let text = |id: &str| browser.wait_for(&format!("document.getElementById('{id}').textContent"));
    assert_eq!(text("psnr-before"), "20.50 dB");
    assert_eq!(text("psnr-after"), "31.25 dB");
    assert_eq!(text("psnr-gain"), "+10.75");
    assert_eq!(text("dropped"), "1");
    assert_eq!(text("dropped-why"), "1 overtaken by a newer frame");
    for (id, words) in [("stages", "network"), ("books", "to http"), ("stream", "320 × 180")] {
        let text = text(id);
        assert!(text.as_str().is_some_and(|text| text.contains(words)), "{id}: {text}");
    }
}

fn check_side_by_side(browser: &Browser) {
    browser.click("#mode-side");
    assert_eq!(browser.run("return document.getElementById('view').width"), 640);
    let shown = browser.run(&format!("{DETAIL} return [detail(0, 319), detail(321, 640)];"));
    let (before, after) = (shown[0].as_f64().unwrap_or(0.0), shown[1].as_f64().unwrap_or(0.0));
    assert!(before > 0.5 && after > 1.5 * before, "no two pictures: {shown}");
    browser.click("#mode-divider");
}

/// No complaint in the console, and no request to anywhere else.
fn check_quiet(browser: &Browser, address: &str) {
    let complaints = browser.log("browser");
    assert!(complaints.is_empty(), "{complaints:?}");
    let mut requests = 0;
    for entry in browser.log("performance") {
        let message: Value =
            serde_json::from_str(entry["message"].as_str().unwrap_or("null")).expect("an event");
        let (event, request) = (&message["message"], &message["message"]["params"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // The browser's own first page asks for things of its own.
        let ours = text(&request["documentURL"]).starts_with(address);
        if event["method"] == "Network.requestWillBeSent" && ours {
            let url = text(&request["request"]["url"]);
            assert!(url.starts_with(address), "the page asked for {url}");
            requests += 1;
        }
    }
    assert!(requests > 5, "only {requests} requests were seen");
}
