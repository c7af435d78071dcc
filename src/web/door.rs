//! Who is let in: by the cookie, by the token, or by the form in which people tell it.

use std::time::Instant;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};

use super::caller::Caller;
use super::lockout;
use super::login::{self, Filled, LOGIN};
use super::posted::{self, Posted};
use super::respond::{Answer, later, plain};
use super::site::Site;
use super::token::{Claim, Proof};

impl Site {
    /// How a request for `path` shows that it may be answered; the refusal where it does not: a form
    /// for people, a line for programs.
    pub(super) fn proof<B>(
        &self,
        request: &Request<B>,
        path: &str,
        caller: Caller,
    ) -> Result<Option<Proof>, Box<Answer>> {
        let Some(token) = &self.token else { return Ok(None) };
        let headers = request.headers();
        if token.is_known_to_browser(headers, self.port) {
            return Ok(Some(Proof::Header));
        }
        let claim = Claim::of(headers, request.uri().query());
        self.judge(&claim, caller).map(Some).map_err(|refused| {
            let (refusal, why) = *refused;
            let is_for_people = login::is_for_people(request, path);
            Box::new(if is_for_people { login::page(&refusal, path, why) } else { refusal })
        })
    }

    /// The proof that a claim is; else the refusal, and what people are told. Wrong ones are counted.
    fn judge(
        &self,
        claim: &Claim<'_>,
        caller: Caller,
    ) -> Result<Proof, Box<(Answer, &'static str)>> {
        let now = Instant::now();
        if claim.is_made() && self.lockout.is_locked(caller, now) {
            let text = "too many wrong tokens came from this address\n";
            let refusal = later(StatusCode::TOO_MANY_REQUESTS, text, lockout::WINDOW.as_secs());
            let why = "Too many wrong tokens came from your address: wait a minute.";
            return Err(Box::new((refusal, why)));
        }
        if let Some(proof) = self.token.as_ref().and_then(|token| token.proof(claim)) {
            return Ok(proof);
        }
        if claim.is_made() && self.lockout.count(caller, now) {
            log::warn!(
                "many wrong tokens came from one address: none of it is looked at for a while"
            );
        }
        let text = "a token is needed: the header 'Authorization: Bearer TOKEN', TOKEN as anybody's password \
                    (Basic), or /?token=TOKEN\n";
        let mut refusal = plain(StatusCode::UNAUTHORIZED, text);
        let scheme = HeaderValue::from_static("Bearer realm=\"deblurd\"");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        let why = if claim.is_made() {
            "This is not the token."
        } else {
            "Whoever set this server up has the token: it stands in its file token_file."
        };
        Err(Box::new((refusal, why)))
    }

    /// Whether a request brings the form, or asks for it.
    pub(super) fn is_login(path: &str) -> bool {
        path == LOGIN
    }

    /// The answer to the form, and to who comes to its address in another way.
    pub(super) async fn log_in<B: Posted>(&self, request: Request<B>, caller: Caller) -> Answer {
        if self.token.is_none() {
            return login::unneeded();
        }
        if request.method() != Method::POST {
            let proof = self.proof(&request, LOGIN, caller);
            return proof.map_or_else(|refusal| *refusal, |_| login::welcome(LOGIN, None));
        }
        let is_secure = is_secure(request.headers());
        let form = match posted::read_form(request).await {
            Ok(form) => Filled::of(&form),
            Err(refusal) => return refusal,
        };
        match self.judge(&Claim::told(&form.token), caller) {
            Ok(_) => login::welcome(&form.back, self.cookie(is_secure)),
            Err(refused) => {
                let (refusal, why) = *refused;
                login::page(&refusal, &form.back, why)
            }
        }
    }

    /// The cookie of whoever told the token, for a browser that came encrypted or not.
    pub(super) fn cookie(&self, is_secure: bool) -> Option<HeaderValue> {
        self.token.as_ref()?.cookie(self.port, is_secure)
    }
}

/// Whether a proxy says that the browser talks to it over TLS. Whoever says so without being one gets a
/// cookie that a browser keeps to itself where there is no TLS.
pub(super) fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}
