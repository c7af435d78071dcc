//! The live pages of a station: served, or only tried.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::DaemonError;
use crate::fleet::{self, Link};
use crate::metrics::Metrics;
use crate::sink::ShowcaseSink;
use crate::station::{Fault, Page, StationError, Tuning, load};
use crate::web::{
    Desk, Face, Faces, HttpOptions, Limits, Roster, Server, Token, WebError, Wish, check_clients,
};

/// How long the address of a live page may be taken when the daemon starts.
const BIND_PATIENCE: Duration = Duration::from_secs(3);

/// In the mode of a file: others may read it.
const READABLE_BY_ALL: u32 = 0o004;

/// Name of the one station in the addresses of the live page.
const STATION: &str = "camera";

/// Serves a page of a station as `http` says, whose viewers leave what they want at `desk`; the server
/// ends when it is dropped.
///
/// # Errors
/// Where its address or its token cannot be used.
pub(super) fn serve(
    http: &HttpOptions,
    page: Page,
    metrics: &Arc<Metrics>,
    desk: &Arc<Desk>,
) -> Result<Server, DaemonError> {
    let face = face(STATION, page, metrics, desk);
    bind(http, Faces::Only(Box::new(face)))
}

/// A station of that name as viewers see it.
pub(super) fn face(name: &str, page: Page, metrics: &Arc<Metrics>, desk: &Arc<Desk>) -> Face {
    let Page { sink, showcase } = page;
    let (metrics, desk) = (Arc::clone(metrics), Some(Arc::clone(desk)));
    Face { name: name.to_owned(), sink, showcase, metrics, desk, ended: None }
}

/// A server of stations as `http` says.
///
/// # Errors
/// As [`serve`].
pub(super) fn bind(http: &HttpOptions, faces: Faces) -> Result<Server, DaemonError> {
    let options = HttpOptions { token: token(http)?, ..http.clone() };
    let limits = Limits { bind_patience: BIND_PATIENCE, ..Limits::default() };
    let roster = http.fleet.as_deref().map(|path| Roster::follow(Link::open(path)?)).transpose()?;
    let server = Server::bind(options, limits, faces)?;
    roster.into_iter().for_each(|roster| server.list(roster));
    Ok(server)
}

/// What a viewer wants, as a station takes it.
pub(super) fn tuning(wish: Wish) -> Tuning {
    let Wish { psf, sigma, transfer, model, channels } = wish;
    Tuning::default()
        .with("psf", psf)
        .with("sigma", sigma.map(|sigma| format!("{sigma:?}")))
        .with("transfer", transfer)
        .with("model", model)
        .with("channels", channels)
}

/// A showcase, and the server that shows it.
///
/// # Errors
/// Where the address cannot be used.
pub fn open_page(
    options: HttpOptions,
    metrics: &Arc<Metrics>,
) -> Result<(ShowcaseSink, Server), WebError> {
    let showcase = ShowcaseSink::new(options.quality, ShowcaseSink::RATE_MAX);
    let face = Face {
        name: STATION.to_owned(),
        sink: ShowcaseSink::NAME.to_owned(),
        showcase: showcase.showcase(),
        metrics: Arc::clone(metrics),
        desk: None,
        ended: None,
    };
    let faces = Faces::Only(Box::new(face));
    Ok((showcase, Server::bind(options, Limits::default(), faces)?))
}

/// Tries whether a page could be served. Gives what could not be tried, and why.
///
/// # Errors
/// Where it could not be served.
pub fn try_page(http: &HttpOptions) -> Result<Option<String>, DaemonError> {
    let address = http.listen;
    token(http)?;
    http.fleet.as_deref().map(fleet::check).transpose()?;
    check_clients(http.clients_max)?;
    match TcpListener::bind(address) {
        Ok(_) => Ok(None),
        // Very likely by the daemon that runs with this configuration.
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Ok(Some(format!("{address}, which is in use now")))
        }
        Err(cause) => Err(WebError::Listen { address, cause }.into()),
    }
}

/// The token of a live page, where its configuration has one.
fn token(http: &HttpOptions) -> Result<Option<Token>, DaemonError> {
    let Some(path) = &http.token_file else { return Ok(http.token.clone()) };
    token_in(path).map(|(_, token)| Some(token))
}

/// The token in a file, as it stands there and as it is compared.
pub(super) fn token_in(path: &Path) -> Result<(String, Token), DaemonError> {
    warn_of_readers(path);
    let text = load::token_text(path).map_err(|error| StationError::from(Fault::from(error)))?;
    let token = Token::new(&text);
    let token = token.map_err(|cause| DaemonError::Token { path: path.to_owned(), cause })?;
    Ok((text, token))
}

/// Warns where everybody on this machine may read the token.
fn warn_of_readers(path: &Path) {
    let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    if mode & READABLE_BY_ALL != 0 {
        let (path, mode) = (path.display(), mode & 0o777);
        log::warn!(
            "the token in {path} can be read by everybody: its mode is {mode:o} (expected 640)"
        );
    }
}
