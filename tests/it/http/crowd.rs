//! Two hundred viewers, most of them rude: capture must not notice.

use std::io::Write;
use std::net::TcpStream;

use deblurd::frame::Frame;
use deblurd::web::HttpOptions;

use super::{Setup, check_status, connect, get, numbered, page};
use crate::harness::{apply, trial};

/// Frames that are delivered while the crowd is there.
const FRAMES: usize = 3_000;

#[apply(trial)]
fn a_crowd_delays_nothing() {
    let options = HttpOptions { clients_max: 200, ..HttpOptions::default() };
    let mut page = page(Setup { options, rate_max: 1_000_000, ..Setup::default() });
    let address = page.local_addr();
    let crowd: Vec<TcpStream> = (0..200)
        .map(|client| {
            let mut stream = connect(address);
            let request = match client % 4 {
                // Ask and never read.
                0 => "GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
                1 => "GET /stream/before.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
                2 => "GET /frame HTTP/1.1\r\nHost: localhost\r\n\r\n",
                // Never finish asking.
                _ => "GET /stream.mjpg HTTP/1.1\r\nHost: local",
            };
            stream.write_all(request.as_bytes()).expect("a request");
            stream
        })
        .collect();
    // Were a delivery to wait for a viewer, this would never end: none of them reads.
    let frames: Vec<Frame> = (0..8).map(numbered).collect();
    for frame in frames.iter().cycle().take(FRAMES) {
        page.deliver(frame);
    }
    // All places are taken, and still it is told how the program is.
    check_status(&get(address, "/healthz"), 200);
    check_status(&get(address, "/readyz"), 200);
    check_status(&get(address, "/metrics"), 200);
    drop(crowd);
    page.server.stop().expect("an end in spite of the crowd");
}
