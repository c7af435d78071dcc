//! Several stations behind one server.

use std::net::SocketAddr;
use std::sync::Arc;

use deblurd::sink::{ShowcaseSink, Sink};
use deblurd::web::{HttpOptions, Limits, Server};
use serde_json::Value;

use super::{check_status, face, fetch, fetch_during, free_port, get, metrics, numbered};
use crate::harness::{apply, trial};

/// Two stations and their server.
struct Pair {
    sinks: [ShowcaseSink; 2],
    server: Server,
}

impl Pair {
    fn start() -> Self {
        let sinks = [(); 2].map(|()| ShowcaseSink::new(85, 1_000_000));
        let faces = ["left", "right"].iter().zip(&sinks);
        let faces = faces.map(|(name, sink)| face(name, sink, &Arc::new(metrics()))).collect();
        let server = Server::bind(free_port(HttpOptions::default()), Limits::default(), faces)
            .expect("a server");
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

fn json(address: SocketAddr, path: &str) -> Value {
    serde_json::from_slice(&fetch(address, path).1).expect("JSON")
}

#[apply(trial)]
fn every_station_has_its_addresses() {
    let mut pair = Pair::start();
    let address = pair.address();
    assert_eq!(json(address, "/stations"), serde_json::json!(["left", "right"]));
    for (path, sequence) in [("", 7), ("/station/left", 7), ("/station/right", 8)] {
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
    }
    let moved = get(address, "/station/right");
    check_status(&moved, 308);
    // Relative, as the server may lie under a path of a proxy.
    assert!(moved.contains("location: ./right/\r\n"), "{moved}");
    check_status(&get(address, "/station/middle/state"), 404);
    check_status(&get(address, "/station/right/no"), 404);
}

#[apply(trial)]
fn the_statistics_tell_stations_apart() {
    let mut pair = Pair::start();
    let address = pair.address();
    pair.sinks[0].deliver(&numbered(1)).expect("a delivery");
    check_status(&get(address, "/station/left/readyz"), 200);
    let unready = get(address, "/readyz");
    check_status(&unready, 503);
    assert!(unready.ends_with("not ready: right: no frame yet; the camera is starting\n"));
    let all = get(address, "/metrics");
    let one = get(address, "/station/right/metrics");
    let captured = |station| format!("deblurd_frames_captured_total{{station=\"{station}\"}} 0\n");
    for (text, left, right) in [(&all, true, true), (&one, false, true)] {
        assert_eq!(text.contains(&captured("left")), left, "{text}");
        assert_eq!(text.contains(&captured("right")), right, "{text}");
        let families = text.matches("# TYPE deblurd_frames_captured_total counter").count();
        assert_eq!(families, 1, "a family is told twice: {text}");
    }
}
