//! Several stations behind one server.

use std::net::SocketAddr;
use std::sync::Arc;

use deblurd::sink::{ShowcaseSink, Sink};
use deblurd::web::{Face, Faces, HttpOptions, Limits, Server, Token, is_address};
use serde_json::Value;

use super::{
    check_status, exchange, face, fetch, fetch_during, free_port, get, metrics, numbered, page,
};
use crate::harness::{apply, trial};

/// Two stations and their server.
struct Pair {
    sinks: [ShowcaseSink; 2],
    server: Server,
}

impl Pair {
    fn start() -> Self {
        Self::start_with(HttpOptions::default())
    }

    fn start_with(options: HttpOptions) -> Self {
        let sinks = [(); 2].map(|()| ShowcaseSink::new(85, 1_000_000));
        let faces = Faces::Named(faces(&sinks));
        let server = Server::bind(free_port(options), Limits::default(), faces).expect("a server");
        Self { sinks, server }
    }

    fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// A frame to each; the stations number theirs apart.
    fn deliver(&mut self) {
        for (sink, number) in self.sinks.iter_mut().zip([7, 8]) {
            sink.deliver(&numbered(number)).expect("a delivery");
        }
    }
}

fn faces(sinks: &[ShowcaseSink; 2]) -> Vec<Face> {
    let faces = ["left", "right"].iter().zip(sinks);
    faces.map(|(name, sink)| face(name, sink, &Arc::new(metrics()))).collect()
}

fn json(address: SocketAddr, path: &str) -> Value {
    serde_json::from_slice(&fetch(address, path).1).expect("JSON")
}

#[apply(trial)]
fn every_station_has_its_addresses() {
    let mut pair = Pair::start();
    let address = pair.address();
    assert_eq!(json(address, "/stations"), serde_json::json!(["left", "right"]));
    for (path, sequence) in [("/left", 7), ("/right", 8), ("/station/right", 8)] {
        let snapshot = format!("{path}/snapshot.png");
        let (head, _) = fetch_during(address, &snapshot, || pair.deliver());
        check_status(&head, 200);
        let expected = format!("x-deblurd-sequence: {sequence}\r\n");
        assert!(head.contains(&expected), "{snapshot} is not of {sequence}: {head}");
        let state = json(address, &format!("{path}/state"));
        assert_eq!(state["frame"]["sequence"], sequence, "{path}");
        let page = get(address, &format!("{path}/"));
        check_status(&page, 200);
        // What the page asks for must be of its own station.
        assert!(page.contains("src=\"page.js\""), "the page of {path} asks elsewhere");
        for more in ["calibrate", "target", "psf.png", "healthz", "readyz", "metrics", "page.css"] {
            check_status(&get(address, &format!("{path}/{more}")), 200);
        }
    }
    let moved = get(address, "/right");
    check_status(&moved, 308);
    // Relative, as the server may lie under a path of a proxy.
    assert!(moved.contains("location: ./right/\r\n"), "{moved}");
    for nowhere in ["/middle/state", "/right/no", "/left/right/state", "/station/middle/"] {
        check_status(&get(address, nowhere), 404);
    }
}

#[apply(trial)]
fn what_names_no_station_is_of_all() {
    let mut pair = Pair::start();
    pair.deliver();
    let address = pair.address();
    let overview = get(address, "/");
    check_status(&overview, 200);
    assert!(overview.contains("src=\"overview.js\""), "{overview}");
    for path in ["/overview.js", "/overview.css", "/common.js", "/page.css", "/icon.svg", "/target"]
    {
        check_status(&get(address, path), 200);
    }
    let states = json(address, "/state");
    let names = states["cameras"].as_array().expect("a list").iter();
    let told: Vec<_> = names.map(|it| (&it["name"], &it["state"]["sink"])).collect();
    let http = Value::from("http");
    assert_eq!(told, [(&Value::from("left"), &http), (&Value::from("right"), &http)]);
    check_status(&get(address, "/readyz"), 200);
    for path in ["/snapshot.png", "/frame", "/stream.mjpg", "/page.js", "/calibrate", "/psf.png"] {
        let answer = get(address, path);
        check_status(&answer, 404);
        assert!(answer.contains("an address that begins with /left/ or /right/)"), "{answer}");
    }
    let wish = "POST /tune HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\nConnection: close\r\n\r\n{}";
    check_status(&exchange(address, wish), 404);
}

/// No station can have a name that is an address of a single one already.
#[apply(trial)]
fn addresses_are_no_names() {
    let single = page(HttpOptions::default());
    let taken = [
        "state",
        "stations",
        "metrics",
        "healthz",
        "readyz",
        "target",
        "calibrate",
        "frame",
        "figures",
    ];
    for name in taken {
        let head = format!("HEAD /{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = exchange(single.local_addr(), &head);
        assert!(!answer.starts_with("HTTP/1.1 404"), "{name} is no address: {answer}");
        assert!(is_address(name) && is_address(&name.to_uppercase()), "{name}");
    }
    for name in ["login", "station", "stream", "tune"] {
        assert!(is_address(name), "{name}");
    }
    assert!(!is_address("left") && !is_address("camera"));
}

#[apply(trial)]
fn the_statistics_tell_stations_apart() {
    let mut pair = Pair::start();
    let address = pair.address();
    pair.sinks[0].deliver(&numbered(1)).expect("a delivery");
    check_status(&get(address, "/left/readyz"), 200);
    let unready = get(address, "/readyz");
    check_status(&unready, 503);
    assert!(unready.ends_with("not ready: right: no frame yet; the camera is starting\n"));
    let all = get(address, "/metrics");
    let one = get(address, "/right/metrics");
    let captured = |station| format!("deblurd_frames_captured_total{{camera=\"{station}\"}} 0\n");
    for (text, left, right) in [(&all, true, true), (&one, false, true)] {
        assert_eq!(text.contains(&captured("left")), left, "{text}");
        assert_eq!(text.contains(&captured("right")), right, "{text}");
        let families = text.matches("# TYPE deblurd_frames_captured_total counter").count();
        assert_eq!(families, 1, "a family is told twice: {text}");
    }
}

#[apply(trial)]
fn stations_come_go_and_end() {
    let mut pair = Pair::start();
    pair.deliver();
    let address = pair.address();
    let mut shown = faces(&pair.sinks);
    shown[1].ended = Some("the source gave up".to_owned());
    pair.server.show(Faces::Named(shown.clone()));
    let unready = get(address, "/readyz");
    check_status(&unready, 503);
    assert!(unready.ends_with("not ready: right: the source gave up\n"), "{unready}");
    assert_eq!(json(address, "/right/state")["ended"], true);
    assert!(get(address, "/metrics").contains("deblurd_ready{camera=\"right\"} 0"));
    check_status(&get(address, "/left/readyz"), 200);
    shown.truncate(1);
    pair.server.show(Faces::Named(shown));
    check_status(&get(address, "/readyz"), 200);
    check_status(&get(address, "/right/state"), 404);
    // One that is left is still one of several.
    check_status(&get(address, "/left/state"), 200);
    check_status(&get(address, "/frame"), 404);
}

#[apply(trial)]
fn the_token_and_the_name_of_the_server_hold_for_every_station() {
    const TOKEN: &str = "0123456789abcdef";
    let token = Some(Token::new(TOKEN).expect("a token"));
    let pair = Pair::start_with(HttpOptions { token, ..HttpOptions::default() });
    let address = pair.address();
    let ask = |path: &str, more: &str| {
        let head = format!("GET {path} HTTP/1.1\r\n{more}Connection: close\r\n\r\n");
        exchange(address, &head)
    };
    let known = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
    let paths = ["/", "/state", "/metrics", "/stations", "/left/", "/left/state", "/right/metrics"];
    for path in paths {
        check_status(&ask(path, "Host: localhost\r\n"), 401);
        check_status(&ask(path, &known), 200);
        check_status(&ask(path, &known.replace("localhost", "evil.example")), 421);
    }
    for path in ["/", "/right/"] {
        let opened = ask(&format!("{path}?token={TOKEN}"), "Host: localhost\r\n");
        check_status(&opened, 200);
        assert!(opened.contains("set-cookie: "), "{path}: {opened:.300}");
    }
    // How it goes may be known by all, of each as of all.
    check_status(&ask("/right/healthz", "Host: evil.example\r\n"), 200);
    check_status(&ask("/readyz", "Host: evil.example\r\n"), 503);
}
