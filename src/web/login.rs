//! The page on which people tell the token, where a program would get a bare refusal.
//!
//! A browser that asks for a page without knowing the token gets a form instead, with the same status.
//! What the form sends is held against the token as every other claim is, wrong ones counted; a right
//! one is answered with the cookie and the way back to the page that was asked for. Form and answer name
//! relative addresses only: a proxy may have put the server under a path.

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};

use super::query::parameter;
use super::respond::{Answer, status, told, typed, with_headers};

/// Where the form is sent, beside the page that was asked for.
pub(super) const LOGIN: &str = "/login";
/// The form's own address may send to itself, which the policy of the other pages forbids.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
                                 frame-ancestors 'none'";
/// What the form needs, which is no secret.
pub(super) const OPEN: [&str; 2] = ["/page.css", "/icon.svg"];

const FORM: &str = concat!(include_str!("page/head.html"), include_str!("page/login.html"));

/// Pages to which the form leads back by name; of all others it leads to the folder's own.
const BACK: [&str; 3] = ["calibrate", "fleet", "target"];

/// What a form brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) token: String,
    /// The page that was asked for, as the form was told it.
    pub(super) back: String,
}

impl Filled {
    /// Reads `application/x-www-form-urlencoded`; what is not there is empty.
    pub(super) fn of(body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let field = |name: &str| {
            let spaced = parameter(Some(&body), name).unwrap_or_default().replace('+', " ");
            let text = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
            text.trim().to_owned()
        };
        Self { token: field("token"), back: field("back") }
    }
}

/// Whether a person is to be asked who got no further with this request, of the page at `path`.
pub(super) fn is_for_people<B>(request: &Request<B>, path: &str) -> bool {
    let is_page = path.is_empty() || path == "/" || path == LOGIN || back(path) != ".";
    let wants_page = |headers: &HeaderMap| {
        let told = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
        told.flat_map(|accept| accept.split(',')).any(|kind| {
            kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html")
        })
    };
    is_page && request.method() != Method::POST && wants_page(request.headers())
}

/// Answers a program's refusal as a page for people, who are told `why`. `path` is the page that was
/// asked for, or the back of a form.
pub(super) fn page(refusal: &Answer, path: &str, why: &str) -> Answer {
    let page = FORM.replace("{back}", back(path)).replace("{why}", why);
    let mut answer = typed("text/html; charset=utf-8", page.into());
    *answer.status_mut() = refusal.status();
    for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        if let Some(value) = refusal.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    // A form tells where it comes from only where the policy of referrers lets it.
    for (name, value) in
        [(header::CONTENT_SECURITY_POLICY, POLICY), (header::REFERRER_POLICY, "same-origin")]
    {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Leads whoever was let in to the page that was asked for, with a cookie where there is one.
pub(super) fn welcome(path: &str, cookie: Option<HeaderValue>) -> Answer {
    let answer = status(StatusCode::SEE_OTHER, hyper::body::Bytes::new());
    let mut answer = with_headers(answer, [("location", back(path).to_owned())].into_iter());
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// The relative address of a page, from beside it: the folder itself where it is none that has a name.
fn back(path: &str) -> &'static str {
    let name = path.strip_prefix('/').unwrap_or(path);
    BACK.into_iter().find(|known| *known == name).unwrap_or(".")
}

/// The answer to a form where no token is asked for.
pub(super) fn unneeded() -> Answer {
    told(StatusCode::NOT_FOUND, "no token is needed here\n".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_filled(body: &str, token: &str, back: &str) {
        let expected = Filled { token: token.to_owned(), back: back.to_owned() };
        assert_eq!(Filled::of(body.as_bytes()), expected, "{body}");
    }

    #[test]
    fn a_form_is_read() {
        check_filled("token=open%2Bsesame%3D&back=calibrate", "open+sesame=", "calibrate");
        // What was pasted may have blanks around it.
        check_filled("back=.&token=+0123%0D%0A", "0123", ".");
        check_filled("", "", "");
        check_filled("token&token=%ff%zz", "\u{fffd}%zz", "");
    }

    #[test]
    fn the_way_back_leads_nowhere_else() {
        for (path, expected) in [
            ("/", "."),
            ("", "."),
            ("/login", "."),
            ("/calibrate", "calibrate"),
            ("target", "target"),
            ("//evil.example", "."),
            ("https://evil.example", "."),
            ("../..", "."),
        ] {
            assert_eq!(back(path), expected, "{path}");
        }
    }

    #[track_caller]
    fn check_people(method: &str, accept: Option<&str>, path: &str, expected: bool) {
        let mut request = Request::builder().method(method).uri("/");
        if let Some(accept) = accept {
            request = request.header(header::ACCEPT, accept);
        }
        let request = request.body(()).expect("a request");
        assert_eq!(is_for_people(&request, path), expected, "{method} {accept:?} {path}");
    }

    #[test]
    fn people_are_asked_and_programs_are_refused() {
        let browser = Some("text/html,application/xhtml+xml,*/*;q=0.8");
        check_people("GET", browser, "/", true);
        check_people("GET", browser, "", true);
        check_people("GET", Some("TEXT/HTML"), "/calibrate", true);
        check_people("GET", browser, "/snapshot.png", false);
        check_people("POST", browser, "/calibrate", false);
        check_people("GET", Some("*/*"), "/", false);
        check_people("GET", Some("image/avif,image/*"), "/", false);
        check_people("GET", None, "/", false);
    }
}
