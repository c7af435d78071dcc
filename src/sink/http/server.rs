//! The server's thread: connections in, answers out.
//!
//! All tasks live in one single-threaded runtime. To stop, the thread stops driving it; dropping
//! the runtime drops every task and with it every connection.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};

use super::live::Live;
use super::routes::Site;
use super::stall::Stalling;
use super::{HttpOptions, SinkError};

/// Bytes kept for a connection; longer headers are refused.
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// Header lines of a request, at most.
const HEADERS_MAX: usize = 64;
/// Pause after a connection could not be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The answer to a client too many.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Serves what comes in at `listener`.
    pub(super) fn start(
        listener: std::net::TcpListener,
        options: HttpOptions,
        live: Arc<Live>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let loopback = listener.local_addr()?.ip().is_loopback();
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let site = Arc::new(Site { live, loopback });
        let (stop, stopped) = oneshot::channel();
        let serve = move || serve(&runtime, listener, options, site, stopped);
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(serve)?;
        Ok(Self { stop, thread })
    }

    /// Ends all connections and the thread.
    pub(super) fn stop(self) -> Result<(), SinkError> {
        // The thread is gone already where nobody hears this; joining tells why.
        let _ = self.stop.send(());
        self.thread.join().map_err(|_| SinkError::Panicked("the live page"))
    }
}

fn serve(
    runtime: &Runtime,
    listener: std::net::TcpListener,
    options: HttpOptions,
    site: Arc<Site>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(accept_all(listener, options, site))),
            Err(error) => log::error!("the live page cannot be served: {error}"),
        }
        // Either way it is the end: told to stop, or nobody left to tell.
        drop(stopped.await);
    });
}

async fn accept_all(listener: TcpListener, options: HttpOptions, site: Arc<Site>) {
    let clients = Arc::new(Semaphore::new(options.clients_max));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::debug!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&clients).try_acquire_owned() else {
            turn_away(stream);
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            converse(stream, options, &site).await;
            drop(place);
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

async fn converse(stream: TcpStream, options: HttpOptions, site: &Site) {
    // Small answers must not wait for more to send.
    drop(stream.set_nodelay(true));
    let answer =
        service_fn(|request| async move { Ok::<_, Infallible>(site.answer(&request).await) });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_patience)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Stalling::new(stream, options.write_patience)), answer);
    if let Err(error) = conversation.await {
        log::debug!("a viewer's connection ended: {error}");
    }
}
