//! The noise that was asked for: a deviation, or whatever the frames have.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::noise::GrayLevels;

/// How strong the noise is taken to be. As text: gray levels, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sigma {
    /// As the frames have it.
    Auto,
    /// So strong.
    Of(GrayLevels),
}

impl Sigma {
    /// The deviation, where one was given.
    pub fn given(self) -> Option<GrayLevels> {
        match self {
            Self::Auto => None,
            Self::Of(levels) => Some(levels),
        }
    }
}

impl FromStr for Sigma {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let given = text.parse().map(Self::Of);
        given.map_err(|_| format!("'{text}' (expected gray levels from 0 to 128, or auto)"))
    }
}

impl<'de> Deserialize<'de> for Sigma {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct LevelsOrAuto;
        impl Visitor<'_> for LevelsOrAuto {
            type Value = Sigma;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("gray levels from 0 to 128, or \"auto\"")
            }

            fn visit_f64<E: Error>(self, levels: f64) -> Result<Sigma, E> {
                GrayLevels::try_from(levels).map(Sigma::Of).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, levels: i64) -> Result<Sigma, E> {
                self.visit_f64(levels as f64)
            }

            fn visit_u64<E: Error>(self, levels: u64) -> Result<Sigma, E> {
                self.visit_f64(levels as f64)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Sigma, E> {
                let wrong = || E::invalid_type(Unexpected::Str(text), &self);
                (text == "auto").then_some(Sigma::Auto).ok_or_else(wrong)
            }
        }
        from.deserialize_any(LevelsOrAuto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_and_auto_are_read() {
        assert_eq!("auto".parse(), Ok(Sigma::Auto));
        assert_eq!("2.5".parse(), Ok(Sigma::Of(GrayLevels::saturating(2.5))));
        for text in ["", "-1", "Auto", "129"] {
            let error = text.parse::<Sigma>().expect_err(text);
            assert!(error.contains("from 0 to 128, or auto"), "{error}");
        }
        let read =
            |text: &str| serde_json::from_str::<Sigma>(text).map_err(|error| error.to_string());
        assert_eq!(read("\"auto\""), Ok(Sigma::Auto));
        assert_eq!(read("3"), Ok(Sigma::Of(GrayLevels::saturating(3.0))));
        for text in ["-1", "\"2\"", "true"] {
            let error = read(text).expect_err(text);
            assert!(error.contains("from 0 to 128"), "{error}");
        }
    }
}
