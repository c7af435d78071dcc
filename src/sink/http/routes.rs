//! Which request gets which answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::live::{Live, Shot};

/// How long a viewer waits for a frame before it is told that there is none.
const FRAME_PATIENCE: Duration = Duration::from_secs(5);
/// The page may load nothing from elsewhere and be framed by nobody.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Everything an answer depends on.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) live: Arc<Live>,
    /// Whether only this machine can connect.
    pub(super) loopback: bool,
}

type Answer = Response<Full<Bytes>>;

impl Site {
    /// Answers a request; its body, if any, is not looked at.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Answer {
        let mut answer = match self.refusal(request) {
            Some(refusal) => refusal,
            None => self.route(request).await,
        };
        let headers = answer.headers_mut();
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        answer
    }

    fn refusal<B>(&self, request: &Request<B>) -> Option<Answer> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let Some(host) = host else {
            return Some(plain(StatusCode::BAD_REQUEST, "a Host header is needed\n"));
        };
        // A page elsewhere whose name was made to mean this machine must not read the camera.
        if self.loopback && !names_this_machine(host) {
            return Some(plain(StatusCode::MISDIRECTED_REQUEST, "this is not that host\n"));
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(answer);
        }
        None
    }

    async fn route<B>(&self, request: &Request<B>) -> Answer {
        match request.uri().path() {
            "/" => fixed("text/html; charset=utf-8", include_str!("page.html")),
            "/page.css" => fixed("text/css; charset=utf-8", include_str!("page.css")),
            "/page.js" => fixed("text/javascript; charset=utf-8", include_str!("page.js")),
            "/icon.svg" => fixed("image/svg+xml", include_str!("icon.svg")),
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/state" => self.state(),
            "/frame" => match after(request.uri().query()) {
                Some(after) => self.frame(after).await,
                None => plain(StatusCode::BAD_REQUEST, "expected /frame?after=NUMBER\n"),
            },
            _ => plain(StatusCode::NOT_FOUND, "no such page\n"),
        }
    }

    fn state(&self) -> Answer {
        match serde_json::to_vec(&self.live.state()) {
            Ok(json) => typed("application/json", json.into()),
            Err(error) => {
                log::error!("the state cannot be written as JSON: {error}");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "no state\n")
            }
        }
    }

    async fn frame(&self, after: u64) -> Answer {
        let Some(shot) = self.live.next(after, FRAME_PATIENCE).await else {
            return status(StatusCode::NO_CONTENT, Bytes::new());
        };
        let mut answer = typed("image/jpeg", shot.jpeg.clone());
        for (name, value) in describe(&shot) {
            if let Ok(value) = HeaderValue::try_from(value) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        answer
    }
}

/// What a viewer must know to show a frame.
fn describe(shot: &Shot) -> impl Iterator<Item = (&'static str, String)> {
    let psnr = shot
        .psnr_db()
        .map(|psnr| ("x-deblurd-psnr", format!("{:.2} {:.2}", psnr.blurred, psnr.restored)));
    [
        ("x-deblurd-number", shot.number.to_string()),
        ("x-deblurd-sequence", shot.meta.sequence.to_string()),
        ("x-deblurd-extent", shot.extent.to_string()),
        ("x-deblurd-step", shot.step.to_string()),
        ("x-deblurd-age-ms", format!("{:.1}", shot.age_ms())),
    ]
    .into_iter()
    .chain(psnr)
}

/// The number in `after=NUMBER`; 0 where nothing is asked.
fn after(query: Option<&str>) -> Option<u64> {
    let Some(query) = query else { return Some(0) };
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("after="))
        .map_or(Some(0), |n| n.parse().ok())
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_loopback = |address: IpAddr| address.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

fn fixed(content_type: &'static str, text: &'static str) -> Answer {
    typed(content_type, Bytes::from_static(text.as_bytes()))
}

fn plain(code: StatusCode, text: &'static str) -> Answer {
    let mut answer = fixed("text/plain; charset=utf-8", text);
    *answer.status_mut() = code;
    answer
}

fn typed(content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = status(StatusCode::OK, body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn status(code: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = code;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        for host in ["localhost", "LocalHost:80", "127.0.0.1:8080", "127.1.2.3", "[::1]:9", "[::1]"]
        {
            assert!(names_this_machine(host), "{host} was refused");
        }
        for host in ["", "evil.example", "localhost.evil.example", "10.0.0.1", "[::2]:80", "::1"] {
            assert!(!names_this_machine(host), "{host} was accepted");
        }
    }

    #[test]
    fn the_query_names_a_frame() {
        assert_eq!(after(None), Some(0));
        assert_eq!(after(Some("x=1&after=12")), Some(12));
        assert_eq!(after(Some("after=-1")), None);
        assert_eq!(after(Some("after=99999999999999999999")), None);
    }
}
