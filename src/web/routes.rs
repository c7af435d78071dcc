//! Which request gets which answer.

use std::sync::Arc;
use std::time::Instant;

use http_body_util::Either;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::accept::Dialect;
use super::calibrate;
use super::caller::Caller;
use super::describe::{bytes, describe};
use super::exposition;
use super::face::Face;
use super::lockout;
use super::posted::{self, Posted};
use super::respond::{Answer, fixed, plain, status, told, typed, with_headers};
use super::site::Site;
use super::state::State;
use super::stream::{self, Parts};
use super::target;
use super::token::{Claim, Proof};
use super::tune;
use super::visitor::Visitor;
use crate::sink::{Exhibit, Side, View};

/// The page may load nothing from elsewhere and be framed by nobody.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
/// What people open, who may tell the token in the address once.
const PAGES: [&str; 3] = ["/", "/target", CALIBRATE];
/// Answered to everybody who can connect, and also where all places are taken.
const ALWAYS: [&str; 2] = ["/healthz", "/readyz"];
/// Answered also where all places are taken.
const SHORT: [&str; 2] = ["/state", "/metrics"];

/// Before the name of a station in addresses.
const STATION: &str = "/station/";

/// Where wishes and orders are posted.
const TUNE: &str = "/tune";
const KEEP: &str = "/tune/keep";
const CALIBRATE: &str = "/calibrate";

impl Site {
    /// Answers a request; its body, if any, is looked at only where it is a wish.
    pub(super) async fn answer<B: Posted>(
        &self,
        request: Request<B>,
        visitor: &Visitor<'_>,
    ) -> Answer {
        let mut answer = match self.refusal(&request) {
            Some(refusal) => refusal,
            None => self.admit(request, visitor).await,
        };
        let headers = answer.headers_mut();
        if !visitor.is_seated() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
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

    fn refusal<B>(&self, request: &Request<B>) -> Option<Answer> {
        let (_, path) = self.named(request.uri().path());
        let path = path.as_str();
        if let Some(refusal) = self.foreign(request, path) {
            return Some(refusal);
        }
        let is_posted = request.method() == Method::POST && [TUNE, KEEP, CALIBRATE].contains(&path);
        if !is_posted && ![Method::GET, Method::HEAD].contains(request.method()) {
            let text = "only GET and HEAD, and POST of /tune and /calibrate\n";
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, text);
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(answer);
        }
        None
    }

    /// Refuses whoever takes this server for another. How the program is may be asked under any
    /// name, and without one where HTTP knows none: by load balancers and supervisors.
    fn foreign<B>(&self, request: &Request<B>, path: &str) -> Option<Answer> {
        let mut told = request.headers().get_all(header::HOST).iter();
        let header = told.next();
        if told.next().is_some() {
            return Some(plain(StatusCode::BAD_REQUEST, "more than one Host header\n"));
        }
        let is_health = ALWAYS.contains(&path);
        if header.is_none() && !(is_health && request.version() <= Version::HTTP_10) {
            return Some(plain(StatusCode::BAD_REQUEST, "a Host header is needed\n"));
        }
        // The address of a request to a proxy tells the host before the header does (RFC 9112).
        let host = request.uri().host().or_else(|| header?.to_str().ok());
        let is_ours = is_health || host.is_some_and(|host| self.hosts.admit(host));
        let text = "this server does not know itself by that name (expected an address of it, \
                    localhost, or a name in the key `hosts` of the sink)\n";
        (!is_ours).then(|| plain(StatusCode::MISDIRECTED_REQUEST, text))
    }

    /// Answers whoever knows the token, and gives it a seat; how the program is may be known by all.
    async fn admit<B: Posted>(&self, request: Request<B>, visitor: &Visitor<'_>) -> Answer {
        let (_, path) = self.named(request.uri().path());
        if ALWAYS.contains(&path.as_str()) {
            return self.route(request).await;
        }
        let proof = match self.proof(&request, visitor.caller) {
            Ok(proof) => proof,
            Err(refusal) => return *refusal,
        };
        if !visitor.sit() && !SHORT.contains(&path.as_str()) {
            return later(StatusCode::SERVICE_UNAVAILABLE, "all places are taken\n", 5);
        }
        let mut answer = self.route(request).await;
        if let Some(token) = self.token.as_ref().filter(|_| proof == Some(Proof::Address)) {
            let headers = answer.headers_mut();
            if let Some(cookie) = token.cookie(self.port).filter(|_| PAGES.contains(&path.as_str()))
            {
                headers.insert(header::SET_COOKIE, cookie);
            }
            // Whoever writes the token into a page of his own may show the camera there.
            let embedding = HeaderName::from_static("cross-origin-resource-policy");
            headers.insert(embedding, HeaderValue::from_static("cross-origin"));
        }
        answer
    }

    /// How a request shows that it may be answered; the refusal where it does not.
    fn proof<B>(&self, request: &Request<B>, caller: Caller) -> Result<Option<Proof>, Box<Answer>> {
        let Some(token) = &self.token else { return Ok(None) };
        let (headers, now) = (request.headers(), Instant::now());
        if token.is_known_to_browser(headers, self.port) {
            return Ok(Some(Proof::Header));
        }
        let claim = Claim::of(headers, request.uri().query());
        if claim.is_made() && self.lockout.is_locked(caller, now) {
            let text = "too many wrong tokens came from this address\n";
            let patience = lockout::WINDOW.as_secs();
            return Err(Box::new(later(StatusCode::TOO_MANY_REQUESTS, text, patience)));
        }
        if let Some(proof) = token.proof(&claim) {
            return Ok(Some(proof));
        }
        if claim.is_made() && self.lockout.count(caller, now) {
            log::warn!(
                "many wrong tokens came from one address: none of it is looked at for a while"
            );
        }
        let text =
            "a token is needed: the header 'Authorization: Bearer TOKEN', or /?token=TOKEN\n";
        let mut answer = plain(StatusCode::UNAUTHORIZED, text);
        let scheme = HeaderValue::from_static("Bearer realm=\"deblurd\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        Err(Box::new(answer))
    }

    /// The station that a path names, where it names one, and the path within it.
    fn named(&self, path: &str) -> (Option<String>, String) {
        let of_several = || {
            let named = first(path, "/").filter(|_| self.has_several());
            named.filter(|(name, _)| !self.faces(Some(name)).is_empty())
        };
        match first(path, STATION).or_else(of_several) {
            Some((name, rest)) => (Some(name.to_owned()), rest.to_owned()),
            None => (None, path.to_owned()),
        }
    }

    async fn route<B: Posted>(&self, request: Request<B>) -> Answer {
        let uri = request.uri().clone();
        let dialect = Dialect::of(request.headers());
        let (name, path) = self.named(uri.path());
        let (name, path, query) = (name.as_deref(), path.as_str(), uri.query());
        let is_posted = request.method() == Method::POST;
        if name.is_none() && self.has_several() {
            return if is_posted { self.unnamed() } else { self.overview(path, query, dialect) };
        }
        let faces = self.faces(name);
        let Some(face) = faces.first() else {
            return plain(StatusCode::NOT_FOUND, "no such station\n");
        };
        if is_posted {
            return post(face, path, request).await.unwrap_or_else(|refusal| refusal);
        }
        match path {
            "" => moved(face),
            "/" => fixed("text/html; charset=utf-8", include_str!("page/page.html")),
            "/common.js" => script(include_str!("page/common.js")),
            "/page.css" => fixed("text/css; charset=utf-8", include_str!("page/page.css")),
            "/page.js" => script(include_str!("page/page.js")),
            "/icon.svg" => fixed("image/svg+xml", include_str!("page/icon.svg")),
            "/psf.png" => psf(face),
            "/target" => target::page(parameter(query, "show")),
            "/target.css" => fixed("text/css; charset=utf-8", include_str!("page/target.css")),
            "/target.js" => script(include_str!("page/target.js")),
            "/target.png" => target::picture(),
            CALIBRATE => fixed("text/html; charset=utf-8", include_str!("page/calibrate.html")),
            "/calibrate.css" => {
                fixed("text/css; charset=utf-8", include_str!("page/calibrate.css"))
            }
            "/calibrate.js" => script(include_str!("page/calibrate.js")),
            "/calibrate/state" => calibrating(face),
            "/calibrate/psf.png" => calibrate::artefact(face, "image/png", |it| it.psf),
            "/calibrate/before.png" => calibrate::artefact(face, "image/png", |it| it.before),
            "/calibrate/after.png" => calibrate::artefact(face, "image/png", |it| it.after),
            "/calibrate/camera.npz" => calibrate::file(face),
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness(name),
            "/state" => json(&self.state(face)),
            "/stations" => self.stations(),
            "/metrics" => self.metrics(name, dialect),
            "/frame" => match after(query) {
                Some(after) => self.frame(face, after).await,
                None => plain(StatusCode::BAD_REQUEST, "expected /frame?after=NUMBER\n"),
            },
            "/figures" => self.figures(face).await,
            "/stream.mjpg" => stream(face, Side::After),
            "/stream/before.mjpg" => stream(face, Side::Before),
            "/snapshot.jpg" => self.snapshot(face, query, View::Jpeg).await,
            "/snapshot.png" => self.snapshot(face, query, View::Png).await,
            _ => plain(StatusCode::NOT_FOUND, "no such page\n"),
        }
    }

    /// What is reported of a station now.
    pub(super) fn state(&self, face: &Face) -> State {
        let unready_because = face.unreadiness(self.stall_patience);
        State::of(face, unready_because, self.started.elapsed(), self.connections())
    }

    /// The names of all stations.
    pub(super) fn stations(&self) -> Answer {
        json(&self.faces(None).into_iter().map(|face| face.name).collect::<Vec<_>>())
    }

    pub(super) fn metrics(&self, name: Option<&str>, dialect: Dialect) -> Answer {
        match exposition::exposition(self, name).map(|text| dialect.of_open_metrics(text)) {
            Ok(text) => {
                let answer = typed(dialect.content_type(), text.into());
                with_headers(answer, [("vary", "accept".to_owned())].into_iter())
            }
            Err(error) => {
                log::error!("the statistics cannot be written: {error}");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "no statistics\n")
            }
        }
    }

    pub(super) fn readiness(&self, name: Option<&str>) -> Answer {
        let many = self.has_several();
        let unready = self.faces(name).into_iter().filter_map(|face| {
            let why = face.unreadiness(self.stall_patience)?;
            Some(if many { format!("{}: {why}", face.name) } else { why })
        });
        match unready.collect::<Vec<_>>().as_slice() {
            [] => plain(StatusCode::OK, "ready\n"),
            why => {
                let why = why.join("; ");
                told(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n").into())
            }
        }
    }

    /// The next frame of a kind, where one comes in time.
    async fn next(&self, face: &Face, view: View, after: u64) -> Option<Arc<Exhibit>> {
        tokio::time::timeout(self.frame_patience, face.showcase.next(view, after)).await.ok()
    }

    async fn frame(&self, face: &Face, after: u64) -> Answer {
        let Some(exhibit) = self.next(face, View::Pair, after).await else {
            return status(StatusCode::NO_CONTENT, Bytes::new());
        };
        let step = ("x-deblurd-step", exhibit.step().to_string());
        let answer = typed(View::Pair.content_type(), bytes(&exhibit));
        with_headers(answer, describe(&exhibit).chain([step]))
    }

    /// What the next frame tells of its restoration.
    async fn figures(&self, face: &Face) -> Answer {
        match self.next(face, View::Figures, face.showcase.last(View::Figures)).await {
            Some(exhibit) => typed(View::Figures.content_type(), bytes(&exhibit)),
            None => status(StatusCode::NO_CONTENT, Bytes::new()),
        }
    }

    /// A picture taken after it was asked for.
    async fn snapshot(&self, face: &Face, query: Option<&str>, view: fn(Side) -> View) -> Answer {
        let Some(side) = side(query) else {
            return plain(StatusCode::BAD_REQUEST, "expected ?side=before or ?side=after\n");
        };
        let view = view(side);
        let Some(exhibit) = self.next(face, view, face.showcase.last(view)).await else {
            let state = face.metrics.source.state().name();
            let seconds = self.frame_patience.as_secs_f64();
            let text = format!("no picture came within {seconds:.1} s; the camera is {state}\n");
            return told(StatusCode::SERVICE_UNAVAILABLE, text.into());
        };
        with_headers(typed(view.content_type(), bytes(&exhibit)), describe(&exhibit))
    }
}

/// A refusal that is over in so many seconds.
fn later(code: StatusCode, text: &'static str, seconds: u64) -> Answer {
    let mut answer = plain(code, text);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// Takes what is posted.
async fn post(face: &Face, path: &str, request: Request<impl Posted>) -> Result<Answer, Answer> {
    let Some(desk) = &face.desk else {
        return Ok(plain(StatusCode::NOT_FOUND, "this station takes no wishes\n"));
    };
    Ok(match path {
        TUNE => tune::take(desk, posted::read(request).await?),
        KEEP => tune::keep(desk, posted::read(request).await?).await,
        _ => calibrate::take(face, desk, posted::read(request).await?),
    })
}

/// How far the calibration is. Whoever asks looks at it.
fn calibrating(face: &Face) -> Answer {
    let Some(desk) = &face.desk else {
        return plain(StatusCode::NOT_FOUND, "this station is not calibrated here\n");
    };
    desk.look();
    json(&face.metrics.calibrating.snapshot())
}

pub(super) fn script(text: &'static str) -> Answer {
    fixed("text/javascript; charset=utf-8", text)
}

fn stream(face: &Face, side: Side) -> Answer {
    let parts = Parts::new(Arc::clone(&face.showcase), View::Moving(side));
    let mut answer = Response::new(Either::Right(parts));
    let content_type = HeaderValue::from_static(stream::CONTENT_TYPE);
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}

/// The PSF that frames are restored by.
fn psf(face: &Face) -> Answer {
    match face.metrics.restoration.picture().filter(|picture| !picture.is_empty()) {
        Some(picture) => typed("image/png", Bytes::from_owner(picture)),
        None => plain(StatusCode::NOT_FOUND, "no PSF is known\n"),
    }
}

/// The page of a station lies in a folder, so that its addresses can be relative. So is this one:
/// a proxy may have put the server under a path.
fn moved(face: &Face) -> Answer {
    let answer = plain(StatusCode::PERMANENT_REDIRECT, "the page is a folder\n");
    with_headers(answer, [("location", format!("./{}/", face.name))].into_iter())
}

pub(super) fn json(value: &impl serde::Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(json) => typed("application/json", json.into()),
        Err(error) => {
            log::error!("the state cannot be written as JSON: {error}");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "no state\n")
        }
    }
}

/// What a path begins with, up to a slash, behind `prefix`; and the rest of it.
fn first<'a>(path: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let rest = path.strip_prefix(prefix)?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
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

pub(super) fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value))
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
    fn a_path_may_name_a_station() {
        assert_eq!(first("/frame", STATION), None);
        let stream = "/station/left/stream/before.mjpg";
        assert_eq!(first(stream, STATION), Some(("left", "/stream/before.mjpg")));
        assert_eq!(first("/station/left/", STATION), Some(("left", "/")));
        assert_eq!(first("/station/left", STATION), Some(("left", "")));
        assert_eq!(first("/station/", STATION), Some(("", "")));
        assert_eq!(first("/left/frame", "/"), Some(("left", "/frame")));
    }

    #[test]
    fn the_query_names_a_side() {
        assert_eq!(side(None), Some(Side::After));
        assert_eq!(side(Some("x=1&side=before")), Some(Side::Before));
        assert_eq!(side(Some("side=after&after=3")), Some(Side::After));
        assert_eq!(side(Some("side=left")), None);
    }
}
