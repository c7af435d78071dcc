//! The live page, the streams, the snapshots and the state of the program, over HTTP.
//!
//! A server on a thread of its own, with a runtime of its own, shows the newest frame to a bounded
//! number of viewers. They get the next frame when they have taken the last, so a slow one skips
//! frames and nothing queues up. A frame is encoded at most once in each kind, for all viewers of
//! that kind, and only while somebody waits for it.
//!
//! Nobody is trusted: headers must come within seconds, answers must be taken within seconds, only
//! names of this server are its names, and whoever can be reached from other machines asks for a
//! token. Where all places are taken, a few more are told how the program is.

mod exposition;
mod hosts;
mod live;
mod routes;
mod server;
mod stall;
mod state;
mod stream;
mod token;
mod view;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use token::{Token, TokenError};

use super::pace::RateLimit;
use super::{Sink, SinkError};
use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::metrics::Metrics;
use hosts::{Hosts, is_loopback};
use live::Live;
use routes::Site;
use server::Server;
use view::{Shot, View};

/// Pause between two attempts to listen.
const BIND_PAUSE: Duration = Duration::from_millis(100);

/// How an [`HttpSink`] serves.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What viewers must know; needed where other machines can connect.
    pub token: Option<Token>,
    /// Further names of this server.
    pub hosts: Vec<String>,
    /// Quality of the pictures that are shown, 1 to 100.
    pub quality: u8,
    /// Connections served at a time.
    pub clients_max: usize,
    /// Further connections that are told within a second how the program is, so that a full house
    /// never looks like a dead one; beyond them all are told to come back.
    pub callers_max: usize,
    /// Frames shown a second, at most, in the mean.
    pub rate_max: u32,
    /// How long the address may be taken by somebody else, or missing, before it is an error.
    pub bind_patience: Duration,
    /// How long a request's headers may take, and how long a connection may idle.
    pub header_patience: Duration,
    /// How long a viewer waits for a frame before it is told that there is none.
    pub frame_patience: Duration,
    /// How long no frame may come while the program counts as ready.
    pub stall_patience: Duration,
    /// How long a client may refuse to take more of an answer.
    pub write_patience: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            token: None,
            hosts: Vec::new(),
            quality: 85,
            clients_max: 32,
            callers_max: 256,
            rate_max: 30,
            bind_patience: Duration::ZERO,
            header_patience: Duration::from_secs(5),
            frame_patience: Duration::from_secs(5),
            stall_patience: Duration::from_secs(2),
            write_patience: Duration::from_secs(10),
        }
    }
}

/// Whether a server that listens on `address` must ask for a token.
pub fn needs_token(address: SocketAddr) -> bool {
    !is_loopback(address.ip())
}

/// Shows frames on a live page.
#[derive(Debug)]
pub struct HttpSink {
    quality: u8,
    limit: RateLimit,
    address: SocketAddr,
    live: Arc<Live>,
    server: Option<Server>,
    shown: u64,
}

impl HttpSink {
    /// Name of every such sink in the statistics.
    pub const NAME: &str = "http";

    /// Begins to listen and to serve; `metrics` are what the page reports.
    ///
    /// # Errors
    /// Where the address cannot be listened on, as when the port stays in use, or needs a token
    /// and there is none.
    pub fn bind(options: HttpOptions, metrics: Arc<Metrics>) -> Result<Self, SinkError> {
        let wanted = options.listen;
        if options.token.is_none() && needs_token(wanted) {
            return Err(SinkError::Unprotected(wanted));
        }
        let failed = |cause| SinkError::Listen { address: wanted, cause };
        let listener = listen(wanted, options.bind_patience).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let live = Arc::new(Live::new(metrics, options.stall_patience));
        let site = Site {
            live: Arc::clone(&live),
            hosts: Hosts::new(address.ip(), &options.hosts),
            token: options.token.clone(),
            port: address.port(),
            frame_patience: options.frame_patience,
        };
        let quality = options.quality;
        let limit = RateLimit::per_second(options.rate_max.into());
        let server = Some(Server::start(listener, options, site).map_err(failed)?);
        Ok(Self { quality, limit, address, live, server, shown: 0 })
    }

    /// The address listened on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Shows a frame to those who want it.
    fn show(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let is_stand_in = frame.meta.placeholder;
        let wanted =
            |view: &View| self.live.is_wanted(*view) && (!is_stand_in || view.takes_placeholders());
        let views: Vec<View> = View::ALL.into_iter().filter(wanted).collect();
        if views.is_empty() || !self.limit.admits(Instant::now()) {
            return Ok(());
        }
        self.shown += 1;
        for view in views {
            let bytes = view.encode(frame, self.quality)?;
            let (number, meta, extent) = (self.shown, frame.meta, frame.restored.extent());
            self.live.show(view, Shot { number, meta, extent, bytes });
        }
        Ok(())
    }
}

impl Sink for HttpSink {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError> {
        self.live.set_stream(format, rate);
        Ok(())
    }

    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError> {
        if !frame.meta.placeholder {
            self.live.advance();
        }
        self.show(frame)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.server.take().map_or(Ok(()), Server::stop)
    }
}

/// Listens on `address`. What was just stopped may still hold it, and the network may still be
/// coming up: both pass.
fn listen(address: SocketAddr, patience: Duration) -> io::Result<TcpListener> {
    let end = Instant::now() + patience;
    let passes = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
    };
    loop {
        match TcpListener::bind(address) {
            Err(error) if passes(&error) && Instant::now() < end => std::thread::sleep(BIND_PAUSE),
            result => return result,
        }
    }
}
