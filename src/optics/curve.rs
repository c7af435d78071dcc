//! The transfer curve that was asked for, and the one rule for what `auto` takes.
//!
//! A wrong curve costs 4 dB, and blur is linear in light: so what the calibration says goes first, then what
//! the source tells of its samples. Samples of which nothing is known are restored as they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::transfer::Transfer;

/// The transfer curve that was asked for. As text: `auto`, or the name of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Curve {
    /// That of the calibration, or of the source.
    #[default]
    Auto,
    /// This one.
    Of(Transfer),
}

/// What a source tells of the curve of its samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Clue {
    /// Nothing: files of anybody, a simulation of samples.
    #[default]
    Silent,
    /// It names the curve.
    Named(Transfer),
    /// Pictures for eyes, as webcams give them.
    Viewed,
    /// As the sensor gave it.
    Raw,
}

/// A curve, and why it is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumed {
    /// The curve.
    pub transfer: Transfer,
    /// Why.
    pub why: &'static str,
}

impl Clue {
    /// What the samples of a camera tell where nothing but their depth is known: those of 8 bits are for
    /// eyes as a rule, deeper ones as the sensor gave them.
    pub const fn of_depth(depth: u8) -> Self {
        if depth == 8 { Self::Viewed } else { Self::Raw }
    }
}

impl Curve {
    /// The curve, where one was given.
    pub fn given(self) -> Option<Transfer> {
        match self {
            Self::Auto => None,
            Self::Of(transfer) => Some(transfer),
        }
    }

    /// The curve to undo where the calibration has `known`, and the source gives a clue.
    pub fn resolve(self, known: Option<Transfer>, clue: Clue) -> Assumed {
        let (transfer, why) = match (self, known, clue) {
            (Self::Of(transfer), ..) => (transfer, "as asked for"),
            (_, Some(transfer), _) => (transfer, "of the calibration"),
            (.., Clue::Named(transfer)) => (transfer, "the source says so"),
            (.., Clue::Viewed) => (Transfer::Srgb, "its samples are for eyes"),
            (.., Clue::Raw) => (Transfer::None, "its samples are the sensor's"),
            (.., Clue::Silent) => (Transfer::None, "nothing is known of its samples"),
        };
        Assumed { transfer, why }
    }
}

impl fmt::Display for Assumed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.transfer, self.why)
    }
}

impl FromStr for Curve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let wrong = |problem: String| problem.replacen("expected none", "expected auto, none", 1);
        text.parse().map(Self::Of).map_err(wrong)
    }
}

impl TryFrom<String> for Curve {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Curve> for String {
    fn from(curve: Curve) -> Self {
        curve.given().map_or_else(|| "auto".to_owned(), |transfer| transfer.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(curve: &str, known: Option<Transfer>, clue: Clue, expected: Transfer) {
        let curve: Curve = curve.parse().expect("a curve");
        assert_eq!(curve.resolve(known, clue).transfer, expected);
    }

    #[test]
    fn what_was_asked_for_goes_first_then_the_calibration_then_the_source() {
        let (gamma, named) = (Transfer::Gamma(2.2), Clue::Named(Transfer::Bt709));
        check("none", Some(gamma), named, Transfer::None);
        check("auto", Some(gamma), named, gamma);
        check("auto", Some(Transfer::None), Clue::Viewed, Transfer::None);
        check("auto", None, named, Transfer::Bt709);
        check("auto", None, Clue::Viewed, Transfer::Srgb);
        check("auto", None, Clue::Raw, Transfer::None);
        check("auto", None, Clue::Silent, Transfer::None);
        check("auto", None, Clue::of_depth(8), Transfer::Srgb);
        check("auto", None, Clue::of_depth(12), Transfer::None);
    }

    #[test]
    fn curves_are_read_back_as_written() {
        for text in ["auto", "none", "srgb", "gamma:2.2"] {
            assert_eq!(String::from(text.parse::<Curve>().expect("a curve")), text);
        }
        let error = "sRGB".parse::<Curve>().expect_err("no curve");
        assert!(error.contains("expected auto, none, srgb"), "{error}");
    }
}
