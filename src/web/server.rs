//! The server's thread: connections in, answers out.
//!
//! All tasks live in one single-threaded runtime. To stop, the thread stops driving it; dropping
//! the runtime drops every task and with it every connection.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::caller::Caller;
use super::error::WebError;
use super::face::Faces;
use super::hosts::Hosts;
use super::lobby::Lobby;
use super::lockout::Lockout;
use super::options::{HttpOptions, Limits, needs_token};
use super::reach;
use super::room;
use super::roster::Roster;
use super::seats::Seats;
use super::site::Site;
use super::stall::Stalling;
use super::visitor::Visitor;

/// Pause between two attempts to listen.
const BIND_PAUSE: Duration = Duration::from_millis(100);
/// Bytes kept for a connection; longer headers are refused.
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// Header lines of a request, at most.
const HEADERS_MAX: usize = 64;
/// How long a connection may take to be let in.
const DOOR_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that the system keeps for a client that does not read: enough for the pace of a network,
/// and little enough that what is sent is new.
const SEND_BYTES: usize = 256 * 1024;
/// Silence after which the system asks whether the other side is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// Pause after a connection could not be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    site: Arc<Site>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Server {
    /// Begins to listen and to serve `faces`. The token is the one in the options; no file is read.
    ///
    /// # Errors
    /// Where the address cannot be listened on, as when the port stays in use, needs a token and there
    /// is none, or so many clients cannot be had.
    pub fn bind(options: HttpOptions, limits: Limits, faces: Faces) -> Result<Self, WebError> {
        let wanted = options.listen;
        if options.token.is_none() && needs_token(wanted) {
            return Err(WebError::Unprotected(wanted));
        }
        let callers_max = room::callers(options.clients_max, limits.callers_max)?;
        let failed = |cause| WebError::Listen { address: wanted, cause };
        let listener = listen(wanted, limits.bind_patience).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let site = Site {
            faces: RwLock::new(faces),
            roster: OnceLock::new(),
            hosts: Hosts::new(address.ip(), &options.hosts),
            token: options.token,
            lockout: Lockout::default(),
            seats: Seats::new(options.clients_max),
            lobby: Lobby::new(callers_max),
            port: address.port(),
            frame_patience: limits.frame_patience,
            stall_patience: limits.stall_patience,
            started: Instant::now(),
            connections: AtomicUsize::new(0),
        };
        Self::start(listener, address, limits, site).map_err(failed)
    }

    fn start(
        listener: std::net::TcpListener,
        address: SocketAddr,
        limits: Limits,
        site: Site,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let site = Arc::new(site);
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&site);
        let serve = move || serve(&runtime, listener, limits, served, stopped);
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(serve)?;
        Ok(Self { address, site, running: Some((stop, thread)) })
    }

    /// Shows these stations from now on, in the place of those before. Streams of a station that is
    /// gone stay open, without a picture.
    pub fn show(&self, faces: Faces) {
        self.site.show(faces);
    }

    /// Tells of the cameras of all hosts from now on; those of the first roster that is given.
    pub fn list(&self, roster: Roster) {
        self.site.roster.get_or_init(|| roster);
    }

    /// The address listened on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address listened on as people open it: where that is all of the machine's, those that it has.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        reach::addresses(self.address)
    }

    /// What to tell whoever started the program: where the page is, in one line. `secret` is the token
    /// where that is told, too.
    pub fn announcement(&self, secret: Option<&str>) -> String {
        let query = secret.map_or_else(String::new, |secret| format!("?token={secret}"));
        let opened = self.addresses().into_iter().map(|at| format!("http://{at}/{query}"));
        let asks = self.site.token.is_some() && secret.is_none();
        let told = opened.collect::<Vec<_>>().join(" or ");
        format!("live page: {told}{}", if asks { " (it asks for the token)" } else { "" })
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
    limits: Limits,
    site: Arc<Site>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(accept_all(listener, limits, site))),
            Err(error) => log::error!("the live page cannot be served: {error}"),
        }
        // Either way it is the end: told to stop, or nobody left to tell.
        drop(stopped.await);
    });
}

async fn accept_all(listener: TcpListener, limits: Limits, site: Arc<Site>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                log::debug!("a connection could not be accepted: {error}");
                site.lobby.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (caller, number) = (Caller::of(peer.ip()), site.lobby.number());
        let visited = Arc::clone(&site);
        let visit = tokio::spawn(async move {
            let _counted = visited.connect();
            converse(stream, limits, &Visitor::new(&visited, caller, number)).await;
        });
        // There is one thread: the visit begins after this.
        site.lobby.enter(number, caller, visit.abort_handle());
    }
}

async fn converse(stream: TcpStream, limits: Limits, visitor: &Visitor<'_>) {
    if let Err(error) = prepare(&stream) {
        log::debug!("a viewer's connection is as the system makes it: {error}");
    }
    let answer = service_fn(|request| async move {
        Ok::<_, Infallible>(visitor.site.answer(request, visitor).await)
    });
    let door = (limits.header_patience.min(DOOR_PATIENCE), visitor.seated());
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_patience)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Stalling::new(stream, limits.write_patience, door)), answer);
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
