//! Requests to the daemon's page, as bare as they can be made.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A server that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A connection with limits on how long it waits.
pub(crate) fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, SILENCE)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    Ok(stream)
}

/// Asks for a page.
pub(crate) fn get(server: SocketAddr, path: &str) -> io::Result<Answer> {
    say(server, format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n"))
}

/// Sends bytes as they are and reads until the server closes.
pub(crate) fn say(server: SocketAddr, request: impl AsRef<[u8]>) -> io::Result<Answer> {
    let mut stream = connect(server)?;
    // A server that has read enough may answer and close while we still write.
    let written = stream.write_all(request.as_ref());
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    match parse(&bytes) {
        Some(answer) => Ok(answer),
        None => Err(written.and(read).err().unwrap_or_else(|| io::ErrorKind::InvalidData.into())),
    }
}

/// Asks for what the daemon counts.
pub(crate) fn metrics(server: SocketAddr) -> io::Result<Value> {
    let answer = get(server, "/state")?;
    let mut state: Value = serde_json::from_slice(&answer.body).map_err(io::Error::other)?;
    Ok(state["metrics"].take())
}

/// Frames of the camera that came out of the last stage, whatever was done to them.
pub(crate) fn frames(metrics: &Value) -> u64 {
    let ways = ["full", "wiener", "passthrough"].iter();
    ways.filter_map(|way| metrics["load"][*way].as_u64()).sum()
}

/// Frames that the camera gave. Recovery is counted in these: how long one takes to be restored
/// is a matter of the emulated processor.
pub(crate) fn captured(metrics: &Value) -> u64 {
    let count = |pointer| metrics.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let others = count("/source/placeholders") + count("/trunk/dropped_unusable");
    count("/trunk/entered").saturating_sub(others)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let first = std::str::from_utf8(bytes[..head].split(|&byte| byte == b'\r').next()?).ok()?;
    let status = first.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, body: bytes[head + 4..].to_vec() })
}
