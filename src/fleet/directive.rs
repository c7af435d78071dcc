//! What a station is told to do from afar, and how that is signed.
//!
//! A directive is bound to one camera and good for one time: the station gives a challenge of 16 random
//! bytes to whoever asks, and the sender answers with
//!
//! ```text
//! mac = HMAC-SHA256(SHA-256(token), "deblurd directive 1" 0 HOST/CAMERA 0 challenge kind body)
//! ```
//!
//! The token itself is never sent. Whoever listens can neither change a directive nor send it again, as a
//! challenge is over with the directive that answered it; he can look for a weak token at leisure, which is
//! why tokens have 16 characters at least.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | kind: 1 reload, 2 calibration |
//! | 2 | 16 | the challenge |
//! | 18 | 32 | mac |
//! | 50 | | body: nothing, or the calibration as its file has it |

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::name::Name;

/// Random bytes that a directive answers.
pub(super) const CHALLENGE_BYTES: usize = 16;

/// What a directive that is good for one time answers.
pub(super) type Challenge = [u8; CHALLENGE_BYTES];

const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;
const HEADER_BYTES: usize = 2 + CHALLENGE_BYTES + MAC_BYTES;
const RELOAD: u8 = 1;
const CALIBRATION: u8 = 2;

/// What a station is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// Load the configuration again.
    Reload,
    /// Restore frames by the calibration in those bytes until the next reload.
    Calibration(Arc<[u8]>),
}

/// What the token of those who may direct is made into.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// Why bytes are no directive, or not one of somebody who may direct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub enum Unsigned {
    /// {0} bytes (expected 50 and a calibration of 8 MiB at most)
    Length(usize),
    /// version {0} (expected 1)
    Version(u8),
    /// kind {0} (expected 1, a reload, or 2, a calibration)
    Kind(u8),
    /// it answers another challenge (expected the one that is good now: ask again)
    Stale,
    /// it is not signed by the token of this station
    Forged,
}

impl Secret {
    /// Made from a token.
    pub fn of_token(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    fn mac(&self, name: &Name, challenge: &Challenge, kind: u8, body: &[u8]) -> Hmac<Sha256> {
        // A key is as long as a block, padded with zeros.
        let mut key = [0; BLOCK_BYTES];
        key[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&key.into());
        mac.update(b"deblurd directive 1\0");
        mac.update(name.to_string().as_bytes());
        mac.update(b"\0");
        mac.update(challenge);
        mac.update(&[kind]);
        mac.update(body);
        mac
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Directive {
    /// Bytes of a calibration that is sent, at most.
    pub const BODY_BYTES_MAX: usize = 8 << 20;

    /// A directive to the camera of that name, as it is sent in answer to its challenge.
    pub fn signed(&self, secret: &Secret, name: &Name, challenge: &[u8; 16]) -> Vec<u8> {
        let (kind, body): (u8, &[u8]) = match self {
            Self::Reload => (RELOAD, &[]),
            Self::Calibration(bytes) => (CALIBRATION, bytes),
        };
        let mac = secret.mac(name, challenge, kind, body).finalize().into_bytes();
        [&[VERSION, kind], challenge.as_slice(), &mac, body].concat()
    }

    /// Reads a directive to the camera of that name. The size is looked at before the rest, and the
    /// signature before the body.
    ///
    /// # Errors
    /// Where it is none, or not signed.
    pub fn read(
        bytes: &[u8],
        secret: &Secret,
        name: &Name,
        challenge: &Challenge,
    ) -> Result<Self, Unsigned> {
        let most = HEADER_BYTES + Self::BODY_BYTES_MAX;
        let header = bytes.get(..HEADER_BYTES).filter(|_| bytes.len() <= most);
        let header = header.ok_or(Unsigned::Length(bytes.len()))?;
        let (version, kind) = (header[0], header[1]);
        if version != VERSION {
            return Err(Unsigned::Version(version));
        }
        let (answered, mac) = header[2..].split_at(CHALLENGE_BYTES);
        if answered != challenge {
            return Err(Unsigned::Stale);
        }
        let body = &bytes[HEADER_BYTES..];
        let is_signed = secret.mac(name, challenge, kind, body).verify_slice(mac);
        is_signed.map_err(|_| Unsigned::Forged)?;
        match (kind, body.is_empty()) {
            (RELOAD, true) => Ok(Self::Reload),
            (CALIBRATION, false) => Ok(Self::Calibration(body.into())),
            (RELOAD | CALIBRATION, _) => Err(Unsigned::Length(bytes.len())),
            _ => Err(Unsigned::Kind(kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHALLENGE: Challenge = [7; CHALLENGE_BYTES];

    fn parts() -> (Secret, Name) {
        let name = Name::new("host", "left").expect("a name");
        (Secret::of_token("open+sesame/0123456789=="), name)
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], expected: Unsigned) {
        let (secret, name) = parts();
        assert_eq!(Directive::read(bytes, &secret, &name, &CHALLENGE), Err(expected));
    }

    #[test]
    fn what_is_signed_is_taken() {
        let (secret, name) = parts();
        for directive in [Directive::Reload, Directive::Calibration(vec![1, 2, 3].into())] {
            let bytes = directive.signed(&secret, &name, &CHALLENGE);
            assert_eq!(Directive::read(&bytes, &secret, &name, &CHALLENGE), Ok(directive));
        }
        assert!(!format!("{secret:?}").contains(char::is_numeric));
    }

    #[test]
    fn what_is_not_signed_for_this_camera_and_now_is_refused() {
        let (secret, name) = parts();
        let good = Directive::Reload.signed(&secret, &name, &CHALLENGE);
        let other = Name::new("host", "right").expect("a name");
        let wrong = Secret::of_token("another token, as long");
        check_refused(&Directive::Reload.signed(&secret, &other, &CHALLENGE), Unsigned::Forged);
        check_refused(&Directive::Reload.signed(&wrong, &name, &CHALLENGE), Unsigned::Forged);
        check_refused(&Directive::Reload.signed(&secret, &name, &[8; 16]), Unsigned::Stale);
        check_refused(&[&good[..], &[0]].concat(), Unsigned::Forged);
        check_refused(&good[..49], Unsigned::Length(49));
        check_refused(&vec![1; (8 << 20) + 51], Unsigned::Length((8 << 20) + 51));
        check_refused(&[&[2], &good[1..]].concat(), Unsigned::Version(2));
        check_refused(&[&[1, 3], &good[2..]].concat(), Unsigned::Forged);
        // Signed, and still nothing that there is.
        let mac = secret.mac(&name, &CHALLENGE, 9, &[]).finalize().into_bytes();
        check_refused(&[&[1, 9], CHALLENGE.as_slice(), &mac].concat(), Unsigned::Kind(9));
        let empty = Directive::Calibration([].into()).signed(&secret, &name, &CHALLENGE);
        check_refused(&empty, Unsigned::Length(50));
    }

    proptest! {
        #[test]
        fn no_bit_of_it_may_be_another(at in 0_usize..53, bit in 0_u8..8) {
            let (secret, name) = parts();
            let calibration = Directive::Calibration(vec![1, 2, 3].into());
            let mut bytes = calibration.signed(&secret, &name, &CHALLENGE);
            bytes[at] ^= 1 << bit;
            prop_assert!(Directive::read(&bytes, &secret, &name, &CHALLENGE).is_err());
        }

        #[test]
        fn no_bytes_crash_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (secret, name) = parts();
            prop_assert!(Directive::read(&bytes, &secret, &name, &CHALLENGE).is_err());
        }
    }
}
