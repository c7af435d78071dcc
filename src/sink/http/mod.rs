//! The live page: before and after beside each other in a browser.
//!
//! A server on a thread of its own, with a runtime of its own, shows the newest frame to a bounded
//! number of viewers. They ask for the next frame when they have shown the last (a long poll), so
//! a slow one skips frames and nothing queues up. A frame is encoded once for all of them, before
//! and after in one JPEG, and only while somebody watches.
//!
//! Nobody is trusted: headers must come within seconds, answers must be taken within seconds, and
//! a page that listens on this machine only answers to names of this machine.

mod live;
mod routes;
mod server;
mod stall;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::encode::{encode_jpeg_stack, stack_step};
use super::{Sink, SinkError};
use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::metrics::Metrics;
use live::{Live, Shot};
use server::Server;

/// How an [`HttpSink`] serves.
#[derive(Debug, Clone, Copy)]
pub struct HttpOptions {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Quality of the pictures, 1 to 100.
    pub quality: u8,
    /// Connections served at a time; further ones are told to come back.
    pub clients_max: usize,
    /// Frames shown a second, at most, give or take a third.
    pub rate_max: u32,
    /// How long a request's headers may take, and how long a connection may idle.
    pub header_patience: Duration,
    /// How long a client may refuse to take more of an answer.
    pub write_patience: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        Self {
            listen,
            quality: 85,
            clients_max: 32,
            rate_max: 30,
            header_patience: Duration::from_secs(5),
            write_patience: Duration::from_secs(10),
        }
    }
}

/// Shows frames on a live page.
#[derive(Debug)]
pub struct HttpSink {
    options: HttpOptions,
    address: SocketAddr,
    live: Arc<Live>,
    server: Option<Server>,
    /// When the last frame was shown.
    shown_at: Option<Instant>,
    shown: u64,
}

impl HttpSink {
    /// Name of every such sink in the statistics.
    pub const NAME: &str = "http";

    /// Begins to listen and to serve; `metrics` are what the page reports.
    ///
    /// # Errors
    /// Where the address cannot be listened on, as when the port is in use.
    pub fn bind(options: HttpOptions, metrics: Arc<Metrics>) -> Result<Self, SinkError> {
        let failed = |cause| SinkError::Listen { address: options.listen, cause };
        let listener = TcpListener::bind(options.listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let live = Arc::new(Live::new(metrics));
        let server = Server::start(listener, options, Arc::clone(&live)).map_err(failed)?;
        Ok(Self { options, address, live, server: Some(server), shown_at: None, shown: 0 })
    }

    /// The address listened on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Whether a frame should be shown now.
    fn is_due(&self) -> bool {
        let interval = Duration::from_secs(1) / self.options.rate_max.max(1);
        let rested = self.shown_at.is_none_or(|at| at.elapsed() >= interval * 3 / 4);
        rested && self.live.is_watched()
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
        if !self.is_due() {
            return Ok(());
        }
        let pair = [&frame.blurred, &frame.restored];
        let jpeg = encode_jpeg_stack(&pair, self.options.quality)?.into();
        self.shown += 1;
        self.shown_at = Some(Instant::now());
        let extent = frame.restored.extent();
        let step = stack_step(extent);
        self.live.show(Shot { number: self.shown, meta: frame.meta, extent, step, jpeg });
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.server.take().map_or(Ok(()), Server::stop)
    }
}
