//! Requests that are answered, refused, slow, or too many.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use deblurd::metrics::Metrics;
use deblurd::web::{HttpOptions, Limits};
use serde_json::Value;

use super::{PATIENCE, Setup, bind, check_status, connect, exchange, get, page, read_to_close};
use crate::harness::{apply, trial};

#[apply(trial)]
fn routes_answer() {
    let page = page(HttpOptions::default());
    let address = page.local_addr();
    for (path, content_type) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/picture.js", "text/javascript"),
        ("/figures.js", "text/javascript"),
        ("/plot.js", "text/javascript"),
        ("/tune.js", "text/javascript"),
        ("/stage.css", "text/css"),
        ("/common.js", "text/javascript"),
        ("/calibrate", "text/html"),
        ("/calibrate.js", "text/javascript"),
        ("/calibrate.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
        ("/psf.png", "image/png"),
        ("/healthz", "text/plain"),
        ("/state", "application/json"),
        ("/metrics", "text/plain; version=0.0.4"),
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
    let head = "HEAD /stream.mjpg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let head = exchange(address, head);
    check_status(&head, 200);
    assert!(head.ends_with("\r\n\r\n"), "HEAD has a stream: {head}");
    let state = get(address, "/state");
    let (_, json) = state.split_once("\r\n\r\n").expect("a body");
    let state: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(state["metrics"]["stages"][1]["name"], "network");
    assert_eq!(state["frame"], Value::Null);
    assert_eq!(state["metrics"]["restoration"]["psf"], "a \"PSF\" <b>?.npz");
    page.server.stop().expect("an end");
}

#[apply(trial)]
fn a_port_in_use_is_an_error() {
    let first = page(HttpOptions::default());
    let options = HttpOptions { listen: first.local_addr(), ..HttpOptions::default() };
    let error = bind(options, Arc::new(Metrics::new(&[]))).expect_err("an error");
    let text = error.to_string();
    assert!(text.contains(&first.local_addr().to_string()) && text.contains("in use"), "{text}");
}

#[apply(trial)]
fn a_port_that_gets_free_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("an address");
    std::thread::scope(|scope| {
        let binding = scope.spawn(move || {
            let options = HttpOptions { listen, ..HttpOptions::default() };
            let limits = Limits { bind_patience: PATIENCE, ..Limits::default() };
            bind(Setup { options, limits, ..Setup::default() }, Arc::new(Metrics::new(&[])))
        });
        // Whether the first attempt comes before or after this, the port is free in the end.
        drop(taken);
        let page = binding.join().expect("no panic").expect("a page");
        assert_eq!(page.local_addr(), listen);
    });
}

#[apply(trial)]
fn strange_requests_are_refused() {
    let page = page(HttpOptions::default());
    let address = page.local_addr();
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
        (400, "GET /healthz HTTP/1.1\r\n".to_owned()),
        (400, "GET /state HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n".to_owned()),
        (400, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n".to_owned()),
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

#[apply(trial)]
fn foreign_hosts_are_refused() {
    let page = page(HttpOptions::default());
    for (host, status) in [("evil.example", 421), ("127.0.0.1:99", 200), ("LOCALHOST", 200)] {
        let request = format!("GET /state HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        check_status(&exchange(page.local_addr(), &request), status);
    }
    // The address of a request to a proxy goes before the header.
    let request = "GET http://evil.example/state HTTP/1.1\r\nHost: localhost\r\n";
    let told = exchange(page.local_addr(), &format!("{request}Connection: close\r\n\r\n"));
    check_status(&told, 421);
    assert!(told.contains("the key `hosts`"), "what helps is not said: {told}");
}

#[apply(trial)]
fn health_is_told_under_any_name_and_without_one() {
    let page = page(HttpOptions::default());
    for path in ["/healthz", "/readyz", "/station/camera/healthz"] {
        let status = if path.ends_with("healthz") { 200 } else { 503 };
        let cluster = "HTTP/1.1\r\nHost: deblurd.cameras.svc:8080\r\nConnection: close\r\n\r\n";
        check_status(&exchange(page.local_addr(), &format!("GET {path} {cluster}")), status);
        let bare = exchange(page.local_addr(), &format!("GET {path} HTTP/1.0\r\n\r\n"));
        assert!(bare.starts_with(&format!("HTTP/1.0 {status} ")), "{path}: {bare:.99}");
    }
    let state = exchange(page.local_addr(), "GET /state HTTP/1.0\r\n\r\n");
    assert!(state.starts_with("HTTP/1.0 400 "), "the camera is not for the nameless: {state:.99}");
}

#[apply(trial)]
fn slow_headers_are_cut() {
    let header_patience = Duration::from_millis(100);
    let page = page(Limits { header_patience, ..Limits::default() });
    let mut mute = connect(page.local_addr());
    let mut slow = connect(page.local_addr());
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").expect("a beginning");
    read_to_close(&mut mute);
    read_to_close(&mut slow);
}

#[apply(trial)]
fn a_client_that_does_not_read_is_cut() {
    let write_patience = Duration::from_millis(100);
    let options = HttpOptions { clients_max: 1, ..HttpOptions::default() };
    let limits = Limits { write_patience, ..Limits::default() };
    let page = page(Setup { options, limits, ..Setup::default() });
    let mut greedy = connect(page.local_addr());
    greedy.set_write_timeout(Some(PATIENCE)).expect("a time limit");
    let request = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    // Asks until the server, whose answers nobody takes, hangs up.
    let cut = (0..100_000).find_map(|_| greedy.write_all(&request).err()).expect("a cut");
    assert_ne!(cut.kind(), std::io::ErrorKind::WouldBlock, "the server neither answers nor closes");
    // Its place is free again.
    check_status(&get(page.local_addr(), "/healthz"), 200);
}

#[apply(trial)]
fn clients_are_limited() {
    let options = HttpOptions { clients_max: 2, ..HttpOptions::default() };
    let limits = Limits { callers_max: 8, ..Limits::default() };
    let page = page(Setup { options, limits, ..Setup::default() });
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut client = connect(page.local_addr());
        client.write_all(b"GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
        let mut first = [0; 12];
        client.read_exact(&mut first).expect("an answer");
        kept.push(client);
    }
    // A full house is not a dead one.
    for (path, status) in
        [("/", 503), ("/stream.mjpg", 503), ("/healthz", 200), ("/readyz", 503), ("/state", 200)]
    {
        check_status(&get(page.local_addr(), path), status);
    }
    assert!(get(page.local_addr(), "/readyz").ends_with("no frame yet; the camera is starting\n"));
    assert!(
        get(page.local_addr(), "/").contains("retry-after: 5"),
        "when to come back is not said"
    );
    // Whoever only stands in the door is turned away.
    let standing: Vec<TcpStream> = (0..20).map(|_| connect(page.local_addr())).collect();
    let mut last = connect(page.local_addr());
    let told = read_to_close(&mut last);
    assert!(told.starts_with(b"HTTP/1.1 503 ") || told.is_empty(), "{told:?}");
    drop((standing, kept));
}

#[apply(trial)]
fn the_end_closes_every_connection() {
    let page = page(HttpOptions::default());
    let mut waiting = connect(page.local_addr());
    waiting.write_all(b"GET /frame HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
    let mut watching = connect(page.local_addr());
    let stream = b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n";
    watching.write_all(stream).expect("a request");
    let idle = connect(page.local_addr());
    let address = page.local_addr();
    page.server.stop().expect("an end");
    for mut client in [waiting, watching, idle] {
        read_to_close(&mut client);
    }
    assert!(TcpStream::connect(address).is_err(), "somebody still listens");
}
