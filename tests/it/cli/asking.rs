//! `status`, `top` and `snapshot`: a running daemon is asked.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use deblurd::source::read_picture;
use serde_json::Value;

use crate::harness::{apply, trial};
use crate::http::Show;
use crate::program::{Running, Workshop};

/// The address of a show as the commands take it.
fn url(show: &Show) -> String {
    format!("http://{}", show.address)
}

#[apply(trial)]
fn status_shows_the_state() {
    let show = Show::start_ready();
    let workshop = Workshop::new();
    let told = workshop.succeed(&["status", "--url", &url(&show)]).text();
    for words in [
        "state     ready",
        "camera    live",
        "restores  PSF a \"PSF\" <b>?.npz (7x7, width 1.53), sigma 2.55, curve srgb, model base, luma, cpu",
        "calibration measured, by target, ",
        "watch     stale: the focus is automatic, blur +5.1 % in width (20 frames told, 3 did not)",
        "pictures  320x180, 30.00 a second offered",
        "1 dropped (overflow 1)",
        "stages    wiener",
        "PSNR      blurred 20.50 dB, restored 31.25 dB",
        "sinks     http: ",
    ] {
        assert!(told.contains(words), "no '{words}' in\n{told}");
    }
    let json = workshop.succeed(&["status", "--json", "--url", &url(&show)]).stdout;
    let state: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(state["metrics"]["source"]["state"], "live");
}

#[apply(trial)]
fn status_has_an_exit_code_for_every_state() {
    let workshop = Workshop::new();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one");
    for command in [["status", "--url"].as_slice(), &["snapshot", "-o", "a.png", "--url"]] {
        let check = |url: &str, code: i32, words: &str| {
            let outcome = workshop.run(&[command, &[url]].concat());
            assert_eq!(outcome.code, Some(code), "{command:?} {url}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(words), "no '{words}' in {}", outcome.stderr);
        };
        check(&format!("http://{free}"), 69, "does not answer");
        let waiting = crate::http::waiting();
        check(&format!("http://{}", waiting.local_addr()), 75, "the camera is starting");
        let locked = crate::http::locked("0123456789abcdef");
        let address = format!("http://127.0.0.1:{}", locked.local_addr().port());
        check(&address, 2, "expected --token-file");
    }
    assert!(workshop.inventory().is_empty(), "a picture of nothing was written");
    let outcome = workshop.run(&["snapshot", "-o", "a.bmp"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
}

#[apply(trial)]
fn a_token_lets_in() {
    let locked = crate::http::locked("0123456789abcdef");
    let address = format!("http://127.0.0.1:{}", locked.local_addr().port());
    let workshop = Workshop::new();
    workshop.write("token", "0123456789abcdef\n");
    let outcome = workshop.run(&["status", "--url", &address, "--token-file", "token"]);
    // It runs and has no frames.
    assert_eq!(outcome.code, Some(75), "{}", outcome.stderr);
    assert!(outcome.text().contains("not ready: no frame yet"), "{}", outcome.text());
}

#[apply(trial)]
fn snapshots_are_taken() {
    let show = Show::start_ready();
    let workshop = Workshop::new();
    for (name, side) in [("a.png", "after"), ("b.jpg", "before")] {
        let output = ["snapshot", "-o", name, "--side", side, "--url", &url(&show)];
        workshop.succeed(&output);
        let picture = read_picture(&workshop.path(name)).expect("a picture");
        assert_eq!(picture.extent().to_string(), "320x180");
    }
    let piped = workshop.succeed(&["snapshot", "-o", "-", "--url", &url(&show)]).stdout;
    assert!(piped.starts_with(b"\x89PNG"), "no PNG on standard output");
}

#[apply(trial)]
fn top_needs_a_terminal() {
    let outcome = Workshop::new().run(&["top"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("top needs a terminal"), "{}", outcome.stderr);
}

/// Starts `top` in a terminal of its own; its process is noted in `pid`.
fn start_top(workshop: &Workshop, show: &Show) -> Running {
    let program = workshop.command(&[]);
    let shown = program.get_program().display();
    let top = format!("echo $$ > pid; exec {shown} top --url {}", url(show));
    let mut command = Command::new("script");
    command.args(["-qefc", &top, "/dev/null"]).current_dir(workshop.path("."));
    Running::start_unread(command.env("TERM", "xterm-256color").stdin(Stdio::piped()))
}

/// Reads what stands on the terminal until it holds `words`.
fn read_until(terminal: &mut impl Read, words: &str) -> String {
    let (mut shown, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&shown).contains(words) {
        let count = terminal.read(&mut byte).expect("a terminal");
        assert!(count > 0, "no '{words}' in {}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
    String::from_utf8_lossy(&shown).into_owned()
}

/// Leaves the other screen and shows the cursor again.
const GIVEN_BACK: [&str; 2] = ["\u{1b}[?1049l", "\u{1b}[?25h"];

#[apply(trial)]
#[needs(Terminal)]
fn top_shows_and_gives_the_terminal_back() {
    let show = Show::start_ready();
    for signal in [None, Some("TERM")] {
        let workshop = Workshop::new();
        let mut running = start_top(&workshop, &show);
        let mut keys = running.take_stdin();
        let mut terminal = running.take_stdout();
        let shown = read_until(&mut terminal, "q quits");
        assert!(shown.contains("\u{1b}[?1049h"), "the screen is not its own: {shown:?}");
        read_until(&mut terminal, "wiener");
        match signal {
            None => keys.write_all(b"q").expect("a terminal"),
            Some(name) => {
                let kill = format!("kill -s {name} $(cat pid)");
                let mut shell = Command::new("sh");
                shell.args(["-c", &kill]).current_dir(workshop.path("."));
                assert!(shell.status().expect("a shell").success(), "{kill}");
            }
        }
        let mut rest = Vec::new();
        drop(terminal.read_to_end(&mut rest));
        let rest = String::from_utf8_lossy(&rest).into_owned();
        for code in GIVEN_BACK {
            assert!(rest.contains(code), "no {code:?} in {rest:?}");
        }
        let expected = if signal.is_some() { 143 } else { 0 };
        assert_eq!(running.finish().code, Some(expected), "{rest}");
    }
}
