//! A headless Chromium, driven through the WebDriver protocol.
//!
//! Only what the page's test needs. Waiting happens in the browser, frame by frame, with a limit.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a script may wait at a time.
const LOOK: Duration = Duration::from_secs(2);
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window; closed when dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let (driver, port) = start_driver();
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            // A name that tests use for this machine.
            "--host-resolver-rules=MAP camera.example 127.0.0.1",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1000",
            &format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        let options = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "acceptInsecureCerts": true,
            "timeouts": { "script": u64::try_from(LOOK.as_millis()).expect("a short time") },
        });
        let answer = browser.call(
            "POST",
            "/session",
            &json!({ "capabilities": { "alwaysMatch": options } }),
        );
        let id = answer["sessionId"].as_str().expect("a session");
        browser.session = format!("/session/{id}");
        browser
    }

    pub(crate) fn open(&self, address: &str) {
        self.command("/url", &json!({ "url": address }));
    }

    /// What a script returns; its text stands in a function.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What an expression gives as soon as that counts as true.
    #[track_caller]
    pub(crate) fn wait_for(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[0], end = performance.now() + {};
             (function look() {{
               let value = null;
               try {{ value = ({expression}); }} catch (error) {{ value = null; }}
               if (value || performance.now() > end) done(value || null);
               else requestAnimationFrame(look);
             }})();",
            LOOK.as_millis() / 2
        );
        let (start, mut answer) = (Instant::now(), Value::Null);
        // A page that makes room for another one takes its script with it: then the other one is asked.
        while start.elapsed() < PATIENCE {
            let body = json!({ "script": script, "args": [] });
            answer = self.answer("POST", &format!("{}/execute/async", self.session), &body);
            if answer["error"].is_null() && !answer.is_null() {
                return answer;
            }
        }
        panic!("never true: {expression}: {answer}");
    }

    /// Presses the mouse on an element, moves by (`x`, `y`) and releases it.
    pub(crate) fn drag(&self, css: &str, x: i32, y: i32) {
        let element = self.find(css);
        let origin = json!({ ELEMENT: element });
        let actions = json!([
            { "type": "pointerMove", "origin": origin, "x": 0, "y": 0 },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerMove", "origin": "pointer", "x": x, "y": y, "duration": 50 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.command("/actions", &json!({ "actions": [mouse] }));
    }

    pub(crate) fn click(&self, css: &str) {
        let path = format!("/element/{}/click", self.find(css));
        self.command(&path, &json!({}));
    }

    pub(crate) fn type_keys(&self, css: &str, keys: &str) {
        let path = format!("/element/{}/value", self.find(css));
        self.command(&path, &json!({ "text": keys }));
    }

    /// Has files saved into `folder` without asking.
    pub(crate) fn save_into(&self, folder: &Path) {
        let behaviour = json!({ "behavior": "allow", "downloadPath": folder });
        self.instruct("Browser.setDownloadBehavior", &behaviour);
    }

    /// Pretends that the person wants pages `dark` or `light`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.instruct("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// Pretends that the system sets all colours.
    pub(crate) fn force_colours(&self) {
        let feature = json!({ "name": "forced-colors", "value": "active" });
        self.instruct("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// Gives the page a window of that size, in pixels of it.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.instruct("Emulation.setDeviceMetricsOverride", &size);
    }

    fn instruct(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("/goog/cdp/execute", &body);
    }

    /// What the window shows, in gray.
    pub(crate) fn picture(&self) -> image::GrayImage {
        let shot = json!({ "cmd": "Page.captureScreenshot", "params": { "format": "png" } });
        let answer = self.command("/goog/cdp/execute", &shot);
        let text = answer["data"].as_str().expect("a picture");
        let png = base64::prelude::BASE64_STANDARD.decode(text).expect("base64");
        image::load_from_memory(&png).expect("a PNG").into_luma8()
    }

    /// Entries of a log since it was last read.
    pub(crate) fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.command("/se/log", &json!({ "type": kind }));
        entries.as_array().cloned().expect("a list of entries")
    }

    fn find(&self, css: &str) -> String {
        let query = json!({ "using": "css selector", "value": css });
        let found = self.command("/element", &query);
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.answer(method, path, body);
        assert!(answer["error"].is_null(), "{path}: {answer}");
        answer
    }

    /// What the driver answers, an error or not.
    fn answer(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = exchange(self.port, method, path, body).expect("the driver answers");
        let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closes the window also after a failed test; the driver alone would leave it behind.
        drop(exchange(self.port, "DELETE", &self.session, &json!({})));
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

/// Sends a request to the driver; the body of its answer. It keeps the connection open after it.
fn exchange(port: u16, method: &str, path: &str, body: &Value) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// Starts the driver on a free port, which it tells on its standard output.
fn start_driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let output = BufReader::new(driver.stdout.take().expect("its output"));
    let port = output.lines().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    (driver, port.expect("chromedriver says its port"))
}
