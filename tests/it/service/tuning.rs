//! What viewers want frames to be restored by, for now.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::manager::SMALL;
use super::notify::check_ends;
use super::reload::{Daemon, reloads};
use crate::browser::Browser;
use crate::harness::{apply, trial};
use crate::program::wait_for_state;

pub(super) const JSON: &str = "Content-Type: application/json\r\n";

/// The status of the answer to a wish, and its text.
fn post(daemon: &Daemon, headers: &str, body: &str) -> (u16, String) {
    post_to(daemon, "/tune", headers, body)
}

/// The status of the answer to what is posted there, and its text.
pub(super) fn post_to(daemon: &Daemon, path: &str, headers: &str, body: &str) -> (u16, String) {
    post_at(&daemon.page, path, headers, body)
}

/// The same at the address of a page.
pub(super) fn post_at(host: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(host).expect("a connection");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let (_, text) = answer.split_once("\r\n\r\n").expect("a body");
    (status, text.to_owned())
}

/// The state once as many wishes were met or refused.
#[track_caller]
fn wish(daemon: &Daemon, body: &str) -> Value {
    let (done, refused, _) = reloads(&daemon.state());
    let before = done + refused;
    assert_eq!(post(daemon, JSON, body), (202, "it is tried\n".to_owned()));
    wait_for_state(&daemon.page, |state| {
        let (done, refused, _) = reloads(state);
        done + refused > before
    })
}

fn served(state: &Value) -> (&str, f64, bool) {
    let it = &state["metrics"]["restoration"];
    let psf = it["psf"].as_str().expect("text");
    let (sigma, is_tuned) = (it["sigma"].as_f64(), it["is_tuned"].as_bool());
    (psf, sigma.expect("a number"), is_tuned.expect("yes or no"))
}

#[apply(trial)]
fn a_wish_is_met_refused_and_taken_back() {
    let daemon = Daemon::start(SMALL);
    let state = wish(&daemon, "{\"psf\": \"motion:5,30\", \"sigma\": 3.5}");
    assert_eq!(served(&state), ("motion:5,30", 3.5, true), "{state}");
    for (body, problem) in [
        ("{\"psf\": \"/etc/passwd\"}", "restore.psf: '/etc/passwd' (expected a formula"),
        ("{\"psf\": \"disk:40\"}", "(expected at most the frame's 64x48)"),
        ("{\"sigma\": -1}", "restore.sigma: -1 (expected gray levels"),
        ("{\"transfer\": \"odd\"}", "restore.transfer: 'odd' (expected auto, none, srgb"),
        ("{\"model\": \"/dev/zero\"}", "(expected a released model, or none)"),
        ("{\"channels\": \"blue\"}", "unknown variant `blue`"),
    ] {
        let state = wish(&daemon, body);
        let (_, _, told) = reloads(&state);
        assert!(told.contains(problem), "{body}: {told}");
        assert_eq!(served(&state), ("motion:5,30", 3.5, true), "{body}");
    }
    let state = wish(&daemon, "{}");
    assert_eq!(served(&state), ("disk:2", 2.55, false));
    // A reload takes a wish back as well.
    wish(&daemon, "{\"psf\": \"gaussian:1\"}");
    daemon.running.signal("HUP");
    let state = wait_for_state(&daemon.page, |state| !served(state).2);
    assert_eq!(served(&state), ("disk:2", 2.55, false));
    let (done, refused, _) = reloads(&state);
    assert_eq!((done, refused), (4, 6), "a wish is tried once");
    daemon.check_flows();
    check_ends(daemon.running, "TERM", &[0]);
}

#[apply(trial)]
fn wishes_of_other_pages_are_refused() {
    let daemon = Daemon::start(SMALL);
    let body = "{\"psf\": \"disk:3\"}";
    assert_eq!(post(&daemon, "", body).0, 403, "a form of another page sends no JSON");
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let headers = format!("{JSON}Origin: {origin}\r\n");
        assert_eq!(post(&daemon, &headers, body).0, 403, "{origin}");
    }
    assert_eq!(post(&daemon, JSON, "no wish").0, 400);
    let unknown = post(&daemon, JSON, "{\"device\": \"/dev/video0\"}");
    assert_eq!(unknown.0, 400, "{unknown:?}");
    assert_eq!(post(&daemon, JSON, &format!("{{\"psf\": \"{}\"}}", "x".repeat(5000))).0, 413);
    assert_eq!(reloads(&daemon.state()), (0, 0, ""), "something was tried");
    let own = format!("{JSON}Origin: http://{}\r\n", daemon.page);
    assert_eq!(post(&daemon, &own, body).0, 202);
    wait_for_state(&daemon.page, |state| reloads(state).0 == 1);
    check_ends(daemon.running, "TERM", &[0]);
}

/// What is wanted for good is written, and nothing else of the file is touched.
#[apply(trial)]
fn a_wish_is_written_to_the_configuration() {
    let written =
        format!("# mine\n{}", SMALL.replace("sigma = 2.55\n", "sigma = 2.55 # measured\n"));
    let daemon = Daemon::start(&written);
    let keep = |body: &str| post_to(&daemon, "/tune/keep", JSON, body);
    let text = || std::fs::read_to_string(daemon.workshop.path("run.toml")).expect("a file");
    for (body, status, words) in [
        (
            "{\"psf\": \"/etc/passwd\"}",
            409,
            "not written: run.toml: restore.psf: '/etc/passwd' (expected a formula",
        ),
        ("{\"sigma\": -1}", 409, "restore.sigma: -1 (expected gray levels"),
        ("{\"device\": \"x\"}", 400, "unknown field"),
    ] {
        let (is, told) = keep(body);
        assert!(is == status && told.contains(words), "{body}: {is} {told}");
    }
    assert_eq!(post_to(&daemon, "/tune/keep", "", "{}").0, 403);
    assert_eq!(text(), written, "what was refused was written");
    let wish = "{\"psf\": \"motion:5,30\", \"sigma\": 3.5, \"channels\": \"rgb\"}";
    assert_eq!(keep(wish), (200, "written to the configuration\n".to_owned()));
    let expected = written
        .replace("'disk:2'", "\"motion:5,30\"")
        .replace("2.55", "3.5")
        .replace("guard = false\n", "guard = false\nchannels = \"rgb\"\n");
    assert_eq!(text(), expected);
    let state = self::wish(&daemon, "{}");
    assert_eq!(served(&state), ("motion:5,30", 3.5, false));
    std::fs::remove_file(daemon.workshop.path("run.toml")).expect("a file");
    let (status, told) = keep("{}");
    assert!(status == 409 && told.contains("cannot read run.toml"), "{status} {told}");
    check_ends(daemon.running, "TERM", &[0]);
}

#[apply(trial)]
#[needs(Browser)]
fn a_page_tunes() {
    let daemon = Daemon::start(SMALL);
    let browser = Browser::start();
    browser.open(&format!("http://{}/", daemon.page));
    browser.wait_for("!document.getElementById('tune').hidden");
    let note = |text: &str| {
        browser.wait_for(&format!(
            "document.getElementById('tune-note').textContent.includes('{text}')"
        ));
    };
    let set = |name: &str, value: &str| {
        browser.run(&format!(
            "form.elements['{name}'].value = '{value}';
             form.dispatchEvent(new Event('input'));"
        ));
    };
    browser.run("document.getElementById('tune').open = true");
    set("size", "2.5");
    set("family", "disk");
    note("restored so for now");
    assert_eq!(served(&daemon.state()).0, "disk:2.5");
    let lines = browser.run("return document.getElementById('tune-lines').textContent");
    assert_eq!(lines, "[restore]\npsf = \"disk:2.5\"");
    for id in ["sharpness", "ringing"] {
        browser.wait_for(&format!("/^[0-9.]+ /.test(document.getElementById('{id}').value)"));
    }
    let models = browser.run("return [...form.elements.model.options].map((it) => it.text).join()");
    assert_eq!(
        models,
        "as configured,none,nano,small,base,large,xlarge,nano-f32,small-f32,base-f32,large-f32,xlarge-f32"
    );
    set("sigma", "500");
    note("refused: ");
    browser.click("#tune-back");
    note("as the configuration has it");
    assert_eq!(served(&daemon.state()), ("disk:2", 2.55, false));
    set("family", "gaussian");
    note("restored so for now");
    browser.click("#tune-keep");
    note("written to the configuration");
    assert_eq!(served(&daemon.state()), ("gaussian:3", 2.55, false));
    let text = std::fs::read_to_string(daemon.workshop.path("run.toml")).expect("a file");
    assert_eq!(text, SMALL.replace("'disk:2'", "\"gaussian:3\""));
    let complaints = browser.log("browser");
    assert!(complaints.is_empty(), "{complaints:?}");
    check_ends(daemon.running, "TERM", &[0]);
}
