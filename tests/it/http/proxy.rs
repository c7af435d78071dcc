//! The page behind a web server with TLS, below a path: the configuration that the project ships.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use deblurd::web::{HttpOptions, Token};
use serde_json::Value;
use tempfile::TempDir;

use super::{Show, exchange};
use crate::browser::Browser;
use crate::harness::{apply, trial};
use crate::program::DEADLINE;
use crate::support::root;

const TOKEN: &str = "0123456789-secret";
const NAME: &str = "camera.example";

/// A show behind nginx, which ends with it.
struct Proxy {
    _show: Show,
    nginx: Child,
    port: u16,
    folder: TempDir,
}

impl Proxy {
    fn start() -> Self {
        let token = Some(Token::new(TOKEN).expect("a token"));
        let hosts = vec![NAME.to_owned()];
        let show = Show::start_with(HttpOptions { token, hosts, ..HttpOptions::default() });
        let folder = tempfile::tempdir().expect("a temporary folder");
        make_certificate(folder.path());
        let port = free_port();
        let configured = configuration(folder.path(), port, show.address);
        fs::write(folder.path().join("nginx.conf"), configured).expect("a configuration");
        let nginx = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < DEADLINE, "nginx does not listen");
        }
        Self { _show: show, nginx, port, folder }
    }

    fn address(&self, path: &str) -> String {
        format!("https://{NAME}:{}{path}", self.port)
    }

    /// curl, which knows the certificate, the name and its cookies.
    fn curl(&self, path: &str, arguments: &[&str]) -> Command {
        let (port, jar) = (self.port, self.folder.path().join("jar"));
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-N", "--resolve", &format!("{NAME}:{port}:127.0.0.1"), "--cacert"]);
        curl.arg(self.folder.path().join("camera.pem"));
        curl.arg("-b").arg(&jar).arg("-c").arg(&jar).args(arguments).arg(self.address(path));
        curl
    }

    /// The answer with its headers.
    fn ask(&self, path: &str, arguments: &[&str]) -> String {
        let output = self.curl(path, arguments).arg("-i").output().expect("curl runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{path}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.nginx.kill());
        drop(self.nginx.wait());
    }
}

fn make_certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "825", "-subj"])
        .arg(format!("/CN={NAME}"))
        .args(["-addext", &format!("subjectAltName=DNS:{NAME}")])
        .args(["-keyout", "camera.key", "-out", "camera.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Nobody else takes it before nginx does, or the test says so.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// What is shipped, with the test's own ports and files, in the frame that Debian's nginx gives it.
fn configuration(folder: &Path, port: u16, daemon: SocketAddr) -> String {
    let path = root().join("packaging/nginx/deblurd.conf");
    let mut shipped = fs::read_to_string(path).expect("a file of the project");
    let own = |name: &str| folder.join(name).display().to_string();
    for (theirs, ours) in [
        ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
        ("/etc/ssl/certs/camera.pem", own("camera.pem")),
        ("/etc/ssl/private/camera.key", own("camera.key")),
        ("127.0.0.1:8080", daemon.to_string()),
    ] {
        assert!(shipped.contains(theirs), "the configuration has no {theirs}");
        shipped = shipped.replace(theirs, &ours);
    }
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", own(name)));
    // One process, so that to end it ends all.
    format!(
        "daemon off;\nmaster_process off;\npid {};\nevents {{}}\nhttp {{\naccess_log off;\n{}{shipped}}}\n",
        own("pid"),
        folders.concat()
    )
}

#[apply(trial)]
#[needs(Proxy)]
fn a_page_below_a_path_is_encrypted() {
    let proxy = Proxy::start();
    let html = ["-H", "Accept: text/html"];
    let form = proxy.ask("/camera/", &html);
    assert!(form.starts_with("HTTP/1.1 401 ") && form.contains("<form"), "{form}");
    check_moved(&proxy.ask("/camera", &html), &proxy.address("/camera/"));
    let filled = format!("back=.&token={TOKEN}");
    let origin = format!("Origin: {}", proxy.address(""));
    let let_in = proxy.ask("/camera/login", &["-H", &origin, "-d", &filled]);
    assert!(let_in.starts_with("HTTP/1.1 303 "), "{let_in}");
    for part in ["location: .\r\n", "; Secure; HttpOnly; SameSite=Strict"] {
        assert!(let_in.to_ascii_lowercase().contains(&part.to_ascii_lowercase()), "{let_in}");
    }
    let state = proxy.ask("/camera/state", &[]);
    let (_, json) = state.split_once("\r\n\r\n").expect("a body");
    let state: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(state["program"], "deblurd");
    check_stream(&proxy);
    // Nothing of it is told without TLS.
    let plain = exchange(
        SocketAddr::from(([127, 0, 0, 1], proxy.port)),
        &format!("GET /camera/state HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"),
    );
    assert!(plain.starts_with("HTTP/1.1 400 ") && !plain.contains("deblurd"), "{plain}");
}

#[track_caller]
fn check_moved(answer: &str, to: &str) {
    let to = format!("Location: {to}\r\n");
    assert!(answer.starts_with("HTTP/1.1 301 ") && answer.contains(&to), "{answer}");
}

/// Frames come through while the stream goes on.
#[track_caller]
fn check_stream(proxy: &Proxy) {
    let mut curl =
        proxy.curl("/camera/stream.mjpg", &[]).stdout(Stdio::piped()).spawn().expect("curl runs");
    let mut lines = BufReader::new(curl.stdout.take().expect("its output")).split(b'\n');
    let mut numbers = Vec::new();
    while numbers.len() < 5 {
        let line = lines.next().expect("a stream without end").expect("a line");
        let line = String::from_utf8_lossy(&line).into_owned();
        numbers.extend(
            line.strip_prefix("x-deblurd-number: ").and_then(|it| it.trim().parse::<u64>().ok()),
        );
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    drop(curl.kill());
    drop(curl.wait());
}

#[apply(trial)]
#[needs(ProxyAndBrowser)]
fn a_browser_is_let_in_below_a_path() {
    let proxy = Proxy::start();
    let browser = Browser::start();
    browser.open(&proxy.address("/camera/"));
    browser.type_keys("input[name=token]", "not-the-right-token");
    browser.click("button");
    browser.wait_for("document.body.textContent.includes('This is not the token.')");
    browser.type_keys("input[name=token]", TOKEN);
    browser.click("button");
    browser.wait_for("document.getElementById('connection')?.dataset.state === 'live'");
    let address = browser.run("return location.pathname + location.search + document.cookie");
    assert_eq!(address, "/camera/", "the way back, or a cookie that scripts see");
    browser.wait_for("document.getElementById('psf').naturalWidth === 8");
    // The cookie holds for the other pages.
    browser.open(&proxy.address("/camera/calibrate"));
    browser.wait_for("document.getElementById('hints')");
}
