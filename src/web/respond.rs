//! Answers of the kinds that are given.

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::stream::Parts;

pub(super) type Answer = Response<Either<Full<Bytes>, Parts>>;

pub(super) fn fixed(content_type: &'static str, text: &'static str) -> Answer {
    typed(content_type, Bytes::from_static(text.as_bytes()))
}

pub(super) fn plain(code: StatusCode, text: &'static str) -> Answer {
    told(code, Bytes::from_static(text.as_bytes()))
}

pub(super) fn told(code: StatusCode, text: Bytes) -> Answer {
    let mut answer = typed("text/plain; charset=utf-8", text);
    *answer.status_mut() = code;
    answer
}

pub(super) fn typed(content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = status(StatusCode::OK, body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

pub(super) fn status(code: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = code;
    answer
}

pub(super) fn with_headers(
    mut answer: Answer,
    headers: impl Iterator<Item = (&'static str, String)>,
) -> Answer {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

/// A refusal that is over in so many seconds.
pub(super) fn later(code: StatusCode, text: &'static str, seconds: u64) -> Answer {
    let mut answer = plain(code, text);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// A value as JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(json) => typed("application/json", json.into()),
        Err(error) => {
            log::error!("the state cannot be written as JSON: {error}");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "no state\n")
        }
    }
}
