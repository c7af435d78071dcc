//! Which request gets which answer.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::exposition;
use super::hosts::Hosts;
use super::live::Live;
use super::state::State;
use super::stream::{self, Parts};
use super::token::{Proof, Token};
use super::view::{Side, View};

/// The page may load nothing from elsewhere and be framed by nobody.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
/// Answered to everybody who can connect, and also where all places are taken.
const ALWAYS: [&str; 2] = ["/healthz", "/readyz"];
/// Answered also where all places are taken.
const SHORT: [&str; 2] = ["/state", "/metrics"];

/// Everything an answer depends on.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) live: Arc<Live>,
    pub(super) hosts: Hosts,
    /// What a viewer must know.
    pub(super) token: Option<Token>,
    /// The port listened on.
    pub(super) port: u16,
    /// How long a viewer waits for a frame before it is told that there is none.
    pub(super) frame_patience: Duration,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Everything.
    Seat,
    /// How the program is, while all seats are taken.
    Door,
}

pub(super) type Answer = Response<Either<Full<Bytes>, Parts>>;

impl Site {
    /// Answers a request; its body, if any, is not looked at.
    pub(super) async fn answer<B>(&self, request: &Request<B>, place: Place) -> Answer {
        let mut answer = match self.refusal(request, place) {
            Some(refusal) => refusal,
            None => self.admit(request).await,
        };
        let headers = answer.headers_mut();
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let embedding = HeaderName::from_static("cross-origin-resource-policy");
        headers.entry(embedding).or_insert(HeaderValue::from_static("same-origin"));
        answer
    }

    fn refusal<B>(&self, request: &Request<B>, place: Place) -> Option<Answer> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let Some(host) = host else {
            return Some(plain(StatusCode::BAD_REQUEST, "a Host header is needed\n"));
        };
        if !self.hosts.admit(host) {
            return Some(plain(StatusCode::MISDIRECTED_REQUEST, "this is not that host\n"));
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(answer);
        }
        let path = request.uri().path();
        if place == Place::Door && !ALWAYS.contains(&path) && !SHORT.contains(&path) {
            let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, "all places are taken\n");
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            return Some(answer);
        }
        None
    }

    /// Answers whoever knows the token; how the program is may be known by all.
    async fn admit<B>(&self, request: &Request<B>) -> Answer {
        let path = request.uri().path();
        let Some(token) = self.token.as_ref().filter(|_| !ALWAYS.contains(&path)) else {
            return self.route(request).await;
        };
        let Some(proof) = token.proof(request.headers(), request.uri().query(), self.port) else {
            let text =
                "a token is needed: the header 'Authorization: Bearer TOKEN', or /?token=TOKEN\n";
            let mut answer = plain(StatusCode::UNAUTHORIZED, text);
            let scheme = HeaderValue::from_static("Bearer realm=\"deblurd\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            return answer;
        };
        let mut answer = self.route(request).await;
        if proof == Proof::Address {
            let headers = answer.headers_mut();
            if let Some(cookie) = token.cookie(self.port).filter(|_| path == "/") {
                headers.insert(header::SET_COOKIE, cookie);
            }
            // Whoever writes the token into a page of his own may show the camera there.
            let embedding = HeaderName::from_static("cross-origin-resource-policy");
            headers.insert(embedding, HeaderValue::from_static("cross-origin"));
        }
        answer
    }

    async fn route<B>(&self, request: &Request<B>) -> Answer {
        let query = request.uri().query();
        match request.uri().path() {
            "/" => fixed("text/html; charset=utf-8", include_str!("page.html")),
            "/page.css" => fixed("text/css; charset=utf-8", include_str!("page.css")),
            "/page.js" => fixed("text/javascript; charset=utf-8", include_str!("page.js")),
            "/icon.svg" => fixed("image/svg+xml", include_str!("icon.svg")),
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness(),
            "/state" => self.state(),
            "/metrics" => self.metrics(),
            "/frame" => match after(query) {
                Some(after) => self.frame(after).await,
                None => plain(StatusCode::BAD_REQUEST, "expected /frame?after=NUMBER\n"),
            },
            "/stream.mjpg" => self.stream(Side::After),
            "/stream/before.mjpg" => self.stream(Side::Before),
            "/snapshot.jpg" => self.snapshot(query, View::Jpeg).await,
            "/snapshot.png" => self.snapshot(query, View::Png).await,
            _ => plain(StatusCode::NOT_FOUND, "no such page\n"),
        }
    }

    fn state(&self) -> Answer {
        match serde_json::to_vec(&State::of(&self.live)) {
            Ok(json) => typed("application/json", json.into()),
            Err(error) => {
                log::error!("the state cannot be written as JSON: {error}");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "no state\n")
            }
        }
    }

    fn metrics(&self) -> Answer {
        match exposition::exposition(&self.live) {
            Ok(text) => typed(exposition::CONTENT_TYPE, text.into()),
            Err(error) => {
                log::error!("the statistics cannot be written: {error}");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "no statistics\n")
            }
        }
    }

    fn readiness(&self) -> Answer {
        match self.live.unreadiness() {
            None => plain(StatusCode::OK, "ready\n"),
            Some(why) => {
                told(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n").into())
            }
        }
    }

    async fn frame(&self, after: u64) -> Answer {
        let Some(shot) = self.live.next(View::Pair, after, self.frame_patience).await else {
            return status(StatusCode::NO_CONTENT, Bytes::new());
        };
        let step = ("x-deblurd-step", shot.step().to_string());
        let answer = typed(View::Pair.content_type(), shot.bytes.clone());
        with_headers(answer, shot.describe().chain([step]))
    }

    fn stream(&self, side: Side) -> Answer {
        let parts = Parts::new(Arc::clone(&self.live), View::Moving(side));
        let mut answer = Response::new(Either::Right(parts));
        let content_type = HeaderValue::from_static(stream::CONTENT_TYPE);
        answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
        answer
    }

    /// A picture taken after it was asked for.
    async fn snapshot(&self, query: Option<&str>, view: fn(Side) -> View) -> Answer {
        let Some(side) = side(query) else {
            return plain(StatusCode::BAD_REQUEST, "expected ?side=before or ?side=after\n");
        };
        let view = view(side);
        let after = self.live.last(view);
        let Some(shot) = self.live.next(view, after, self.frame_patience).await else {
            let state = self.live.metrics.source.state().name();
            let seconds = self.frame_patience.as_secs_f64();
            let text = format!("no picture came within {seconds:.1} s; the camera is {state}\n");
            return told(StatusCode::SERVICE_UNAVAILABLE, text.into());
        };
        with_headers(typed(view.content_type(), shot.bytes.clone()), shot.describe())
    }
}

/// The number in `after=NUMBER`; 0 where nothing is asked.
fn after(query: Option<&str>) -> Option<u64> {
    parameter(query, "after").map_or(Some(0), |value| value.parse().ok())
}

/// The side in `side=before` or `side=after`; the restored one where nothing is asked.
fn side(query: Option<&str>) -> Option<Side> {
    match parameter(query, "side") {
        None | Some("after") => Some(Side::After),
        Some("before") => Some(Side::Before),
        Some(_) => None,
    }
}

fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value))
}

fn fixed(content_type: &'static str, text: &'static str) -> Answer {
    typed(content_type, Bytes::from_static(text.as_bytes()))
}

fn plain(code: StatusCode, text: &'static str) -> Answer {
    told(code, Bytes::from_static(text.as_bytes()))
}

fn told(code: StatusCode, text: Bytes) -> Answer {
    let mut answer = typed("text/plain; charset=utf-8", text);
    *answer.status_mut() = code;
    answer
}

fn typed(content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = status(StatusCode::OK, body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn status(code: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = code;
    answer
}

fn with_headers(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_a_frame() {
        assert_eq!(after(None), Some(0));
        assert_eq!(after(Some("x=1&after=12")), Some(12));
        assert_eq!(after(Some("after=-1")), None);
        assert_eq!(after(Some("after=99999999999999999999")), None);
    }

    #[test]
    fn the_query_names_a_side() {
        assert_eq!(side(None), Some(Side::After));
        assert_eq!(side(Some("x=1&side=before")), Some(Side::Before));
        assert_eq!(side(Some("side=after&after=3")), Some(Side::After));
        assert_eq!(side(Some("side=left")), None);
    }
}
