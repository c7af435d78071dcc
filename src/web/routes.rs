//! Which request gets which answer.

use std::sync::Arc;

use http_body_util::Either;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::accept::Dialect;
use super::assets;
use super::calibrate;
use super::describe::{bytes, describe};
use super::door::is_secure;
use super::exposition;
use super::face::Face;
use super::hosts::name_of;
use super::login::OPEN;
use super::overview::FLEET;
use super::posted::{self, Posted};
use super::query::{after, is_marked, side};
use super::respond::{Answer, json, later, plain, status, told, typed, with_headers};
use super::site::Site;
use super::state::State;
use super::stream::{self, Parts};
use super::token::Proof;
use super::tune;
use super::visitor::Visitor;
use crate::sink::{Exhibit, Side, View};

/// The page may load nothing from elsewhere and be framed by nobody.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
/// What people open, who may tell the token in the address once.
const PAGES: [&str; 4] = ["/", "/fleet", "/target", CALIBRATE];
/// Answered to everybody who can connect, and also where all places are taken.
const ALWAYS: [&str; 2] = ["/healthz", "/readyz"];
/// Answered also where all places are taken.
const SHORT: [&str; 2] = ["/state", "/metrics"];

/// Letters of a host's name (RFC 1035), at most.
const NAME_MAX: usize = 253;

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
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        answer
    }

    fn refusal<B>(&self, request: &Request<B>) -> Option<Answer> {
        let (_, path) = self.named(request.uri().path());
        let path = path.as_str();
        if let Some(refusal) = self.foreign(request, path) {
            return Some(refusal);
        }
        let takes = [TUNE, KEEP, CALIBRATE].contains(&path) || Self::is_login(path);
        let is_posted = request.method() == Method::POST && takes;
        if !is_posted && ![Method::GET, Method::HEAD].contains(request.method()) {
            let text = "only GET and HEAD, and POST of /tune, /calibrate and /login\n";
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
        (!is_ours).then(|| misdirected(host.unwrap_or_default()))
    }

    /// Answers whoever knows the token, and gives it a seat; how the program is may be known by all.
    async fn admit<B: Posted>(&self, request: Request<B>, visitor: &Visitor<'_>) -> Answer {
        let (_, path) = self.named(request.uri().path());
        if ALWAYS.contains(&path.as_str()) {
            return self.route(request).await;
        }
        if Self::is_login(&path) {
            return self.log_in(request, visitor.caller).await;
        }
        let is_secure = is_secure(request.headers());
        let proof = match self.proof(&request, &path, visitor.caller) {
            Ok(proof) => proof,
            // What the form is made of is for everybody, without a seat.
            Err(_) if OPEN.contains(&path.as_str()) => return self.route(request).await,
            Err(refusal) => return *refusal,
        };
        if !visitor.sit() && !SHORT.contains(&path.as_str()) {
            return later(StatusCode::SERVICE_UNAVAILABLE, "all places are taken\n", 5);
        }
        let mut answer = self.route(request).await;
        if proof == Some(Proof::Address) {
            let headers = answer.headers_mut();
            let is_page = PAGES.contains(&path.as_str());
            if let Some(cookie) = self.cookie(is_secure).filter(|_| is_page) {
                headers.insert(header::SET_COOKIE, cookie);
            }
            // Whoever writes the token into a page of his own may show the camera there.
            let embedding = HeaderName::from_static("cross-origin-resource-policy");
            headers.insert(embedding, HeaderValue::from_static("cross-origin"));
        }
        answer
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
        if let Some(asset) = assets::shared(path, query).or_else(|| assets::of_one(path)) {
            return asset;
        }
        match path {
            "" => moved(face),
            "/psf.png" => psf(face),
            "/calibrate/state" => calibrating(face),
            "/calibrate/psf.png" => calibrate::artefact(face, "image/png", |it| it.psf),
            "/calibrate/before.png" => calibrate::artefact(face, "image/png", |it| it.before),
            "/calibrate/after.png" => calibrate::artefact(face, "image/png", |it| it.after),
            "/calibrate/camera.npz" => calibrate::file(face),
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" => self.readiness(name),
            "/state" => json(&self.state(face)),
            "/stations" => self.stations(),
            FLEET => self.fleet(),
            "/metrics" => self.metrics(name, dialect),
            "/frame" => match after(query) {
                Some(after) => self.frame(face, after).await,
                None => plain(StatusCode::BAD_REQUEST, "expected /frame?after=NUMBER\n"),
            },
            "/figures" => self.figures(face).await,
            "/stream.mjpg" if is_marked(query) => stream(face, View::Marked),
            "/stream.mjpg" => stream(face, View::Moving(Side::After)),
            "/stream/before.mjpg" => stream(face, View::Moving(Side::Before)),
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

/// The answer to who takes this server for `host`, with the line that would make it so.
fn misdirected(host: &str) -> Answer {
    let name = name_of(host);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_tellable = !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(is_name);
    let name = if is_tellable { name } else { "camera.example" };
    let text = format!(
        "this server does not know itself by that name (expected an address of it, localhost, or a \
         name in the key `hosts` beside `listen`, as in hosts = [\"{name}\"])\n"
    );
    told(StatusCode::MISDIRECTED_REQUEST, text.into())
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

fn stream(face: &Face, view: View) -> Answer {
    let parts = Parts::new(Arc::clone(&face.showcase), view);
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

/// What a path begins with, up to a slash, behind `prefix`; and the rest of it.
fn first<'a>(path: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let rest = path.strip_prefix(prefix)?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
