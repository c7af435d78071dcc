//! Values of configuration keys: read, or refused with what was expected.
//!
//! Each module owns the options of what it makes and reads them with these; the section and the
//! name of a key are added by whoever reads the whole configuration.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::frame::FrameRate;

/// The name among those `known` that was very likely meant by `word`, where one is close: one letter and
/// a quarter of them, but no more than half, are wrong, missing, too many or in the place of a neighbour.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let far = |name: &&str| strsim::damerau_levenshtein(&word, name);
    let nearest = known.into_iter().min_by_key(far)?;
    let allowed = 1 + nearest.len() / 4;
    (far(&nearest) <= allowed.min(nearest.len() / 2)).then_some(nearest)
}

/// Reads a whole number from `LEAST` to `MOST`, all of which `T` must hold.
///
/// # Errors
/// Where it is none of them; so for all that follow.
pub fn within<'de, const LEAST: u32, const MOST: u32, T: TryFrom<u32>, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    let value = i64::deserialize(from)?;
    let in_range = u32::try_from(value).ok().filter(|value| (LEAST..=MOST).contains(value));
    in_range.and_then(|value| T::try_from(value).ok()).ok_or_else(|| {
        D::Error::custom(format!("{value} (expected a whole number from {LEAST} to {MOST})"))
    })
}

/// Reads a time in milliseconds, as [`within`].
///
/// # Errors
/// As [`within`].
pub fn millis<'de, const LEAST: u32, const MOST: u32, D: Deserializer<'de>>(
    from: D,
) -> Result<Duration, D::Error> {
    within::<LEAST, MOST, u64, D>(from).map(Duration::from_millis)
}

/// Reads frames a second, 1 to 240.
///
/// # Errors
/// As [`within`].
pub fn frame_rate<'de, D: Deserializer<'de>>(from: D) -> Result<FrameRate, D::Error> {
    within::<1, 240, _, D>(from).map(FrameRate::per_second)
}

/// Reads frames a second, of which there may be less than one.
///
/// # Errors
/// As [`within`].
pub fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(from)?;
    let in_range = (0.001..=240.0).contains(&value).then_some(value);
    in_range.ok_or_else(|| D::Error::custom(format!("{value} (expected 0.001 to 240 a second)")))
}

/// Reads text that means a value.
///
/// # Errors
/// As [`within`].
pub fn parsed<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// As [`parsed`], of a key that may be absent.
///
/// # Errors
/// As [`within`].
pub fn optional<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    parsed(from).map(Some)
}

/// Reads an address with its port.
///
/// # Errors
/// As [`within`].
pub fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!("'{text}' (expected ADDRESS:PORT, as 127.0.0.1:8080)"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, meant: Option<&str>) {
        let known = ["restore", "source", "sigma", "psf", "disk", "motion"];
        assert_eq!(closest(word, known), meant, "{word}");
    }

    #[test]
    fn what_was_meant_is_close() {
        check("restor", Some("restore"));
        check("Restroe", Some("restore"));
        check("sgima", Some("sigma"));
        check("disc", Some("disk"));
        check("pfs", Some("psf"));
        check("kernel", None);
        check("", None);
        check("x", None);
    }
}
