//! Who may look: a token, told by a header, in the address, or by a cookie.
//!
//! Only digests are kept and compared, in constant time. The cookie holds a value made from the
//! token, not the token.

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::exit::{ExitStatus, Status};

/// Characters of a token, at least and at most.
const LEAST: usize = 16;
const MOST: usize = 256;

/// A secret that a request must know.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    digest: [u8; 32],
    cookie: String,
}

/// {0} characters (expected {LEAST:} to {MOST:} letters, digits and -._~+/=)
#[derive(Debug, Clone, Copy, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub struct TokenError(usize);

impl ExitStatus for TokenError {
    fn status(&self) -> Status {
        Status::Config
    }
}

/// How a request showed that it knows the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// `Authorization: Bearer` or `Basic`, or the cookie.
    Header,
    /// `?token=`.
    Address,
}

/// The tokens that a request tells.
pub(super) struct Claim<'a> {
    /// In a header or a form.
    told: Vec<Cow<'a, str>>,
    /// As they stand in the address.
    addressed: Vec<&'a str>,
}

impl<'a> Claim<'a> {
    pub(super) fn of(headers: &'a HeaderMap, query: Option<&'a str>) -> Self {
        let pairs = query.unwrap_or_default().split('&');
        Self {
            told: values(headers, header::AUTHORIZATION).filter_map(authorized).collect(),
            addressed: pairs.filter_map(|pair| pair.strip_prefix("token=")).collect(),
        }
    }

    /// One that tells this token, or none where it is empty.
    pub(super) fn told(token: &'a str) -> Self {
        let told = if token.is_empty() { Vec::new() } else { vec![token.into()] };
        Self { told, addressed: Vec::new() }
    }

    /// Whether it tells one.
    pub(super) fn is_made(&self) -> bool {
        !(self.told.is_empty() && self.addressed.is_empty())
    }
}

impl Token {
    /// A token of 16 to 256 letters, digits and `-._~+/=`.
    ///
    /// # Errors
    /// Where the text is another.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        if !(LEAST..=MOST).contains(&text.len()) || !text.chars().all(is_fine) {
            return Err(TokenError(text.chars().count()));
        }
        let mut cookie = String::new();
        for byte in digest(&["deblurd cookie ", text]) {
            // Writing to a string cannot fail.
            let _ = write!(cookie, "{byte:02x}");
        }
        Ok(Self { digest: digest(&[text]), cookie })
    }

    /// Whether a request brings the cookie of whoever knew the token. `port` is that of the server.
    pub(super) fn is_known_to_browser(&self, headers: &HeaderMap, port: u16) -> bool {
        let name = cookie_name(port);
        let pairs = values(headers, header::COOKIE).flat_map(|line| line.split(';'));
        let mut cookies = pairs.filter_map(|pair| {
            pair.trim().strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('='))
        });
        cookies.any(|value| value.as_bytes().ct_eq(self.cookie.as_bytes()).into())
    }

    /// How a request shows by what it tells that it knows the token, if it does.
    pub(super) fn proof(&self, claim: &Claim<'_>) -> Option<Proof> {
        let is_told = |token: &&str| self.is(&percent_decode_str(token).decode_utf8_lossy());
        if claim.told.iter().any(|token| self.is(token)) {
            return Some(Proof::Header);
        }
        claim.addressed.iter().any(is_told).then_some(Proof::Address)
    }

    /// The cookie by which a browser shows from now on that it knows the token; a secure one is sent
    /// over TLS only.
    pub(super) fn cookie(&self, port: u16, is_secure: bool) -> Option<HeaderValue> {
        let (name, secure) = (cookie_name(port), if is_secure { "; Secure" } else { "" });
        let cookie = format!("{name}={}; Path=/{secure}; HttpOnly; SameSite=Strict", self.cookie);
        HeaderValue::try_from(cookie).ok()
    }

    fn is(&self, text: &str) -> bool {
        digest(&[text]).ct_eq(&self.digest).into()
    }
}

impl<'de> Deserialize<'de> for Token {
    /// What it is instead of a token is not told: it may be nearly a secret.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)
            .map_err(|_| D::Error::custom("not text (expected a token in quotes)"))?;
        Self::new(&text).map_err(D::Error::custom)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Token(…)")
    }
}

/// What the headers of that name say, where it is text.
fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// The token after `Bearer`, or that is the password of anybody after `Basic` (RFC 7617). The scheme's case does not
/// matter.
fn authorized(value: &str) -> Option<Cow<'_, str>> {
    let (scheme, told) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(told.trim().into());
    }
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let pair = is_basic.then(|| BASE64_STANDARD.decode(told.trim()).ok()).flatten()?;
    let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some(password.to_owned().into())
}

/// Browsers do not tell ports apart, so that two daemons of one machine need names apart.
fn cookie_name(port: u16) -> String {
    format!("deblurd-{port}")
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "open+sesame/0123456789==";
    const PORT: u16 = 8080;

    fn token() -> Token {
        Token::new(TEXT).expect("a token")
    }

    #[track_caller]
    fn check_proof(
        name: header::HeaderName,
        value: &str,
        query: Option<&str>,
        proof: Option<Proof>,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::try_from(value).expect("a header"));
        let by_cookie = token().is_known_to_browser(&headers, PORT).then_some(Proof::Header);
        let is = by_cookie.or_else(|| token().proof(&Claim::of(&headers, query)));
        assert_eq!(is, proof, "{value} {query:?}");
    }

    #[test]
    fn the_token_is_known_by_header_address_or_cookie() {
        let (bearer, nothing) = (header::AUTHORIZATION, header::ACCEPT);
        check_proof(bearer.clone(), &format!("Bearer {TEXT}"), None, Some(Proof::Header));
        check_proof(bearer.clone(), &format!("bearer  {TEXT} "), None, Some(Proof::Header));
        for name in ["", "me", "you and me"] {
            let basic = BASE64_STANDARD.encode(format!("{name}:{TEXT}"));
            check_proof(bearer.clone(), &format!("basic {basic}"), None, Some(Proof::Header));
            let other = BASE64_STANDARD.encode(format!("{TEXT}:{name}"));
            check_proof(bearer.clone(), &format!("Basic {other}"), None, None);
        }
        for odd in [TEXT, "", ":", "bWU=", "gICA", &BASE64_STANDARD.encode(TEXT)] {
            check_proof(bearer.clone(), &format!("Basic {odd}"), None, None);
        }
        check_proof(bearer.clone(), TEXT, None, None);
        check_proof(bearer, &format!("Bearer {TEXT}x"), None, None);
        let plain = format!("a=1&token={TEXT}");
        let encoded = format!("token={}", TEXT.replace('+', "%2B").replace('=', "%3d"));
        for query in [&plain, &encoded] {
            check_proof(nothing.clone(), "*/*", Some(query), Some(Proof::Address));
        }
        check_proof(nothing.clone(), "*/*", Some("token="), None);
        check_proof(nothing, "*/*", None, None);
    }

    #[test]
    fn the_cookie_is_good_for_its_port_and_is_not_the_token() {
        let cookie = token().cookie(PORT, false).expect("a cookie");
        let cookie = cookie.to_str().expect("text");
        let secure = token().cookie(PORT, true).expect("a cookie");
        assert_eq!(secure.to_str().expect("text").replace("; Secure", ""), cookie);
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict") && !cookie.contains(TEXT));
        let (pair, _) = cookie.split_once(';').expect("attributes");
        check_proof(header::COOKIE, &format!("a=b; {pair}"), None, Some(Proof::Header));
        check_proof(header::COOKIE, &pair.replace("8080", "8081"), None, None);
        check_proof(header::COOKIE, &format!("deblurd-8080={TEXT}"), None, None);
        check_proof(header::COOKIE, "deblurd-8080=", None, None);
    }

    #[test]
    fn what_cannot_be_a_token_is_not_told() {
        for text in ["", "short", "sixteen but with spaces", "sixteen-but-;oops", &"x".repeat(257)]
        {
            let error = Token::new(text).expect_err("a refusal").to_string();
            assert!(error.contains("expected 16 to 256"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        assert!(!format!("{:?}", token()).contains("sesame"));
    }
}
