//! What a viewer wants frames to be restored by, for now.
//!
//! A wish is posted, waits in a room for one until the daemon takes it, and goes through the same door
//! as a reload: what becomes of it stands in the state, as what becomes of a reload does. Other pages
//! must not be able to post: a wish is JSON, of a page of this server where a browser sends it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{self, HeaderMap};
use hyper::{Request, StatusCode};
use serde::{Deserialize, Serialize};

use super::respond::{Answer, plain, told};

/// Bytes of a wish.
const BYTES_MAX: usize = 4096;

/// How long its bytes may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What frames shall be restored by; what is absent is as the configuration has it, so that an empty
/// wish takes all back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// A formula of a PSF.
    pub psf: Option<String>,
    /// Deviation of the noise in 8-bit gray levels.
    pub sigma: Option<f64>,
    /// A transfer curve.
    pub transfer: Option<String>,
    /// A released model by name, or `none`.
    pub model: Option<String>,
    /// Which planes are restored.
    pub channels: Option<String>,
}

/// Room for one wish.
#[derive(Debug, Default)]
pub struct Wishes(Mutex<Option<Wish>>);

impl Wishes {
    /// Puts a wish in, in the place of one that still waits.
    pub fn offer(&self, wish: Wish) {
        *self.room() = Some(wish);
    }

    /// Takes the wish that waits, if any.
    pub fn take(&self) -> Option<Wish> {
        self.room().take()
    }

    fn room(&self) -> MutexGuard<'_, Option<Wish>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request that brings a wish.
pub(super) async fn take<B>(wishes: Option<&Wishes>, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let Some(wishes) = wishes else {
        return plain(StatusCode::NOT_FOUND, "this station cannot be tuned\n");
    };
    if !is_own(request.headers()) {
        let text = "expected a wish of a page of this server, as application/json\n";
        return plain(StatusCode::FORBIDDEN, text);
    }
    let body = Limited::new(request.into_body(), BYTES_MAX).collect();
    let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, body).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "expected up to 4096 bytes within 5 s\n");
    };
    match serde_json::from_slice(&body.to_bytes()) {
        Ok(wish) => {
            wishes.offer(wish);
            plain(StatusCode::ACCEPTED, "it is tried\n")
        }
        Err(error) => told(StatusCode::BAD_REQUEST, format!("{error}\n").into()),
    }
}

/// Whether no page of somebody else sends this: browsers say of which page a request is, and ask
/// before they send JSON to where it is not from.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = text(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.split(';').next().unwrap_or_default().trim() == "application/json"
    });
    let host = text(header::HOST).unwrap_or_default();
    let of_host = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    };
    is_json && (!headers.contains_key(header::ORIGIN) || text(header::ORIGIN).is_some_and(of_host))
}
