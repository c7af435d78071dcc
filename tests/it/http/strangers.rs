//! Clients that say nothing, guess tokens, or are too many for the process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use deblurd::web::{HttpOptions, Limits, Token};

use super::{Page, Setup, check_status, connect, exchange, page, read_to_close};
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, page_of, wait_for_state};

const TOKEN: &str = "0123456789-secret";

/// How long those may idle who were let in.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// A page with that token and few seats.
fn guarded() -> Page {
    let token = Some(Token::new(TOKEN).expect("a token"));
    let options = HttpOptions { token, clients_max: 4, ..HttpOptions::default() };
    let limits = Limits { header_patience: AN_HOUR, ..Limits::default() };
    page(Setup { options, limits, ..Setup::default() })
}

/// Asks for something, with those further lines in the head.
fn ask(page: &Page, path: &str, lines: &str) -> String {
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    exchange(page.local_addr(), &head)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Sees that viewers are let in and health is told while so many connections say nothing.
#[track_caller]
fn check_open_beside(page: &Page, silent: usize) {
    let silent: Vec<TcpStream> = (0..silent).map(|_| connect(page.local_addr())).collect();
    check_status(&ask(page, "/healthz", ""), 200);
    check_status(&ask(page, "/state", &bearer(TOKEN)), 200);
    check_status(&ask(page, "/common.js", &bearer(TOKEN)), 200);
    check_status(&ask(page, "/common.js", ""), 401);
    drop(silent);
}

#[apply(trial)]
fn silent_connections_keep_nobody_out() {
    let page = guarded();
    check_open_beside(&page, 40);
    check_open_beside(&page, 300);
}

/// Whoever has no token takes no seat, however often it asks; whoever has one keeps it.
#[apply(trial)]
fn seats_are_for_those_who_are_let_in() {
    let page = guarded();
    let strangers: Vec<String> = (0..20).map(|_| ask(&page, "/", "")).collect();
    strangers.iter().for_each(|answer| check_status(answer, 401));
    let head = format!("GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n{}\r\n", bearer(TOKEN));
    let seated: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut viewer = connect(page.local_addr());
            viewer.write_all(head.as_bytes()).expect("a request");
            viewer.read_exact(&mut [0; 12]).expect("an answer");
            viewer
        })
        .collect();
    let full = ask(&page, "/", &bearer(TOKEN));
    check_status(&full, 503);
    assert!(full.contains("retry-after: 5") && full.contains("connection: close"), "{full}");
    check_status(&ask(&page, "/state", &bearer(TOKEN)), 200);
    check_status(&ask(&page, "/healthz", ""), 200);
    drop(seated);
}

/// However long a viewer may idle, whoever was not let in may not.
#[apply(trial)]
fn strangers_have_a_second() {
    let page = guarded();
    let mut mute = connect(page.local_addr());
    assert!(read_to_close(&mut mute).is_empty(), "it was told something");
}

#[apply(trial)]
fn many_wrong_tokens_lock_an_address_out() {
    let page = guarded();
    let visit = ask(&page, &format!("/?token={TOKEN}"), "");
    let cookie = visit.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let (cookie, _) = cookie.and_then(|line| line.split_once(';')).expect("a cookie");
    for number in 0..30 {
        check_status(&ask(&page, "/state", &bearer(&format!("a-wrong-token-{number}"))), 401);
    }
    let address = format!("/state?token={TOKEN}");
    for (path, lines) in [("/state", bearer(TOKEN)), (address.as_str(), String::new())] {
        let answer = ask(&page, path, &lines);
        check_status(&answer, 429);
        assert!(answer.contains("retry-after: 60"), "{answer}");
    }
    check_status(&ask(&page, "/state", ""), 401);
    check_status(&ask(&page, "/healthz", ""), 200);
    check_status(&ask(&page, "/state", &format!("Cookie: {cookie}\r\n")), 200);
}

/// The daemon with so few files that its page cannot have as many clients as it is told to have.
#[apply(trial)]
fn clients_that_there_are_no_files_for_are_refused() {
    let workshop = Workshop::new();
    let config = |clients: u32| {
        format!(
            "[source]\nkind = 'scene'\nextent = '64x48'\n\
             [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n\
             [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\nclients = {clients}\n"
        )
    };
    let limited = |command: &str| {
        let program = workshop.command(&[]);
        let line = format!("ulimit -n 200; exec {} {command}", program.get_program().display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(workshop.path("."));
        Running::start(&mut shell)
    };
    workshop.write("run.toml", config(500));
    for command in ["run --config run.toml", "check --config run.toml"] {
        let outcome = limited(command).finish();
        assert_eq!(outcome.code, Some(78), "{command}: {}", outcome.stderr);
        let words = "the key `clients` is 500, and the process may have 200 files open (expected at most 120";
        assert!(outcome.stderr.contains(words), "{command}: {}", outcome.stderr);
    }
    workshop.write("run.toml", config(100));
    let mut running = limited("run --config run.toml");
    let page = page_of(&mut running);
    wait_for_state(&page, |state| state["ready"] == true);
    running.signal("TERM");
    assert_eq!(running.finish().code, Some(0));
}
