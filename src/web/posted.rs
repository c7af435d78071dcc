//! What pages post.
//!
//! Other pages must not be able to post: what is posted is JSON, or the form of the token, of a page of
//! this server where a browser sends it.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{self, HeaderMap};
use hyper::{Request, StatusCode};
use serde::de::DeserializeOwned;

use super::respond::{Answer, plain, told};

/// Bytes of what is posted.
const BYTES_MAX: usize = 4096;

/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A body that may bring something.
pub(super) trait Posted:
    Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
{
}

impl<B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>> Posted for B {}

/// What a request brings; the answer where it may not, or brings something else.
pub(super) async fn read<T: DeserializeOwned>(request: Request<impl Posted>) -> Result<T, Answer> {
    if !is_own(request.headers(), "application/json") {
        let text = "expected a wish of a page of this server, as application/json\n";
        return Err(plain(StatusCode::FORBIDDEN, text));
    }
    let wrong = |error| told(StatusCode::BAD_REQUEST, format!("{error}\n").into());
    serde_json::from_slice(&body(request).await?).map_err(wrong)
}

/// What a form of this server brings; the answer where it may not.
pub(super) async fn read_form(request: Request<impl Posted>) -> Result<Bytes, Answer> {
    if !is_own(request.headers(), "application/x-www-form-urlencoded") {
        let text = "expected the form of this server\n";
        return Err(plain(StatusCode::FORBIDDEN, text));
    }
    body(request).await
}

async fn body(request: Request<impl Posted>) -> Result<Bytes, Answer> {
    let body = Limited::new(request.into_body(), BYTES_MAX).collect();
    let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, body).await else {
        let text = "expected up to 4096 bytes within 5 s\n";
        return Err(plain(StatusCode::PAYLOAD_TOO_LARGE, text));
    };
    Ok(body.to_bytes())
}

/// Whether no page of somebody else sends this: browsers say of which page a request is, and ask
/// before they send JSON to where it is not from.
fn is_own(headers: &HeaderMap, expected: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_expected = text(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.split(';').next().unwrap_or_default().trim() == expected);
    let host = text(header::HOST).unwrap_or_default();
    let of_host = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    };
    is_expected
        && (!headers.contains_key(header::ORIGIN) || text(header::ORIGIN).is_some_and(of_host))
}
