//! The server's thread: connections in, answers out.
//!
//! All tasks live in one single-threaded runtime. To stop, the thread stops driving it; dropping
//! the runtime drops every task and with it every connection.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};

use super::face::Face;
use super::hosts::Hosts;
use super::options::{HttpOptions, Limits, needs_token};
use super::routes::Place;
use super::site::Site;
use super::stall::Stalling;
use crate::exit::{ExitStatus, Status};

/// Pause between two attempts to listen.
const BIND_PAUSE: Duration = Duration::from_millis(100);
/// Bytes kept for a connection; longer headers are refused.
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// Header lines of a request, at most.
const HEADERS_MAX: usize = 64;
/// How long such a request's headers may take.
const DOOR_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that the system keeps for a client that does not read: enough for the pace of a network,
/// and little enough that what is sent is new.
const SEND_BYTES: usize = 256 * 1024;
/// Silence after which the system asks whether the other side is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// Pause after a connection could not be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The answer to a client too many.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error, displaydoc::Display)]
pub enum WebError {
    /// cannot listen on {address}: {cause}
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// {0} can be reached from other machines (expected a token)
    Unprotected(SocketAddr),
    /// the thread of the live page panicked
    Panicked,
}

impl ExitStatus for WebError {
    fn status(&self) -> Status {
        match self {
            Self::Listen { .. } => Status::Unavailable,
            Self::Unprotected(_) => Status::Config,
            Self::Panicked => Status::Failed,
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Listen { cause, .. } => cause.raw_os_error(),
            Self::Unprotected(_) | Self::Panicked => None,
        }
    }
}

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Server {
    /// Begins to listen and to serve `faces`, of which the first one answers where none is named.
    /// The token is the one in the options; no file is read.
    ///
    /// # Errors
    /// Where the address cannot be listened on, as when the port stays in use, or needs a token
    /// and there is none.
    pub fn bind(options: HttpOptions, limits: Limits, faces: Vec<Face>) -> Result<Self, WebError> {
        let wanted = options.listen;
        if options.token.is_none() && needs_token(wanted) {
            return Err(WebError::Unprotected(wanted));
        }
        let failed = |cause| WebError::Listen { address: wanted, cause };
        let listener = listen(wanted, limits.bind_patience).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let site = Site {
            faces,
            hosts: Hosts::new(address.ip(), &options.hosts),
            token: options.token,
            port: address.port(),
            frame_patience: limits.frame_patience,
            stall_patience: limits.stall_patience,
            started: Instant::now(),
            connections: AtomicUsize::new(0),
        };
        let seats = options.clients_max;
        Self::start(listener, address, seats, limits, site).map_err(failed)
    }

    fn start(
        listener: std::net::TcpListener,
        address: SocketAddr,
        seats: usize,
        limits: Limits,
        site: Site,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let site = Arc::new(site);
        let (stop, stopped) = oneshot::channel();
        let serve = move || serve(&runtime, listener, seats, limits, site, stopped);
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(serve)?;
        Ok(Self { address, running: Some((stop, thread)) })
    }

    /// The address listened on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections and the thread.
    ///
    /// # Errors
    /// Where the thread had panicked.
    pub fn stop(mut self) -> Result<(), WebError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), WebError> {
        let Some((stop, thread)) = self.running.take() else { return Ok(()) };
        // The thread is gone already where nobody hears this; joining tells why.
        let _ = stop.send(());
        thread.join().map_err(|_| WebError::Panicked)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::error!("{error}");
        }
    }
}

/// Listens on `address`. What was just stopped may still hold it, and the network may still be
/// coming up: both pass.
fn listen(address: SocketAddr, patience: Duration) -> io::Result<std::net::TcpListener> {
    let end = Instant::now() + patience;
    let passes = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
    };
    loop {
        match std::net::TcpListener::bind(address) {
            Err(error) if passes(&error) && Instant::now() < end => std::thread::sleep(BIND_PAUSE),
            result => return result,
        }
    }
}

fn serve(
    runtime: &Runtime,
    listener: std::net::TcpListener,
    seats: usize,
    limits: Limits,
    site: Arc<Site>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(accept_all(listener, seats, limits, site))),
            Err(error) => log::error!("the live page cannot be served: {error}"),
        }
        // Either way it is the end: told to stop, or nobody left to tell.
        drop(stopped.await);
    });
}

async fn accept_all(listener: TcpListener, seats: usize, limits: Limits, site: Arc<Site>) {
    let seats = Arc::new(Semaphore::new(seats));
    let door = Arc::new(Semaphore::new(limits.callers_max));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::debug!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let taken = [(&seats, Place::Seat), (&door, Place::Door)].into_iter().find_map(
            |(places, place)| Some((Arc::clone(places).try_acquire_owned().ok()?, place)),
        );
        let Some((permit, place)) = taken else {
            turn_away(stream);
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let _counted = site.connect();
            converse(stream, limits, &site, place).await;
            drop(permit);
        });
    }
}

/// Answers a client too many. A short answer fits the buffer of a new connection; where it does
/// not, closing must do.
fn turn_away(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        drop(stream.write(BUSY));
    }
}

async fn converse(stream: TcpStream, limits: Limits, site: &Site, place: Place) {
    if let Err(error) = prepare(&stream) {
        log::debug!("a viewer's connection is as the system makes it: {error}");
    }
    let answer =
        service_fn(|request| async move { Ok::<_, Infallible>(site.answer(request, place).await) });
    let header_patience = match place {
        Place::Seat => limits.header_patience,
        Place::Door => limits.header_patience.min(DOOR_PATIENCE),
    };
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_patience)
        .keep_alive(place == Place::Seat)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Stalling::new(stream, limits.write_patience)), answer);
    if let Err(error) = conversation.await {
        log::debug!("a viewer's connection ended: {error}");
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Small answers must not wait for more to send.
    stream.set_nodelay(true)?;
    sockopt::set_socket_send_buffer_size(stream, SEND_BYTES)?;
    sockopt::set_socket_keepalive(stream, true)?;
    Ok(sockopt::set_tcp_keepidle(stream, KEEPALIVE_AFTER)?)
}
