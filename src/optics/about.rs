//! What is no array in the file of a calibration: JSON, which programs of other versions may have
//! written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Certainty, Origin};
use super::transfer::Transfer;
use crate::frame::Extent;

/// The version that is written: 1 had no more than curve, extent and controls.
const VERSION: u32 = 2;

/// Characters that a text has, at most.
const TEXT_MAX: usize = 100;

/// The longest side of frames.
const SIDE_MAX: usize = u16::MAX as usize;

/// The keys, as the file has them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct About {
    version: u32,
    pub(super) transfer: Transfer,
    #[serde(default)]
    extent: Option<[usize; 2]>,
    #[serde(default)]
    pub(super) pixel_format: Option<String>,
    #[serde(default)]
    pub(super) controls: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) temperature: Option<f64>,
    #[serde(default)]
    pub(super) origin: Option<Origin>,
    #[serde(default)]
    pub(super) certainty: Option<Certainty>,
    /// Keys of later versions.
    #[serde(flatten)]
    unknown: BTreeMap<String, serde_json::Value>,
}

impl About {
    pub(super) fn of(calibration: &Calibration) -> Self {
        Self {
            version: VERSION,
            transfer: calibration.transfer,
            extent: calibration.extent.map(|extent| [extent.width, extent.height]),
            pixel_format: calibration.pixel_format.clone(),
            controls: calibration.controls.clone(),
            temperature: calibration.temperature,
            origin: calibration.origin.clone(),
            certainty: calibration.certainty,
            unknown: BTreeMap::new(),
        }
    }

    /// Reads the JSON; what it should have been, where it is not.
    pub(super) fn read(json: &[u8]) -> Result<Self, (String, &'static str)> {
        let about: Self = serde_json::from_slice(json)
            .map_err(|error| (tidy(&error.to_string()), "JSON with version and transfer"))?;
        if !(1..=VERSION).contains(&about.version) {
            return Err((format!("of version {}", about.version), "version 1 or 2"));
        }
        about.check()?;
        if !about.unknown.is_empty() {
            log::warn!("keys of the calibration are passed over: {}", names(about.unknown.keys()));
        }
        Ok(about.tidied())
    }

    /// The extent of the frames.
    pub(super) fn extent(&self) -> Option<Extent> {
        self.extent.map(|[width, height]| Extent::new(width, height))
    }

    fn check(&self) -> Result<(), (String, &'static str)> {
        let within = |key: &str, value: Option<f64>, least: f64, most: f64, expected| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err((format!("{key} {value}"), expected))
            }
            _ => Ok(()),
        };
        let sides = self.extent.into_iter().flatten();
        if let Some(side) = sides.into_iter().find(|side| !(1..=SIDE_MAX).contains(side)) {
            return Err((format!("extent {side}"), "sides from 1 to 65535"));
        }
        within("temperature", self.temperature, -273.15, 1000.0, "degrees Celsius")?;
        let Some(certainty) = self.certainty else { return Ok(()) };
        let expected = "a number from 0";
        within("relative_error", certainty.relative_error, 0.0, f64::MAX, expected)?;
        within("residual", certainty.residual, 0.0, f64::MAX, expected)
    }

    /// Texts of others are shown to people: they are kept short and on one line.
    fn tidied(mut self) -> Self {
        self.pixel_format = self.pixel_format.as_deref().map(tidy);
        if let Some(origin) = &mut self.origin {
            origin.program = tidy(&origin.program);
            origin.date = tidy(&origin.date);
        }
        self
    }
}

/// A list of names of others, short and on one line.
pub(super) fn names<S: AsRef<str>>(names: impl Iterator<Item = S>) -> String {
    let quoted: Vec<String> =
        names.take(9).map(|name| format!("'{}'", tidy(name.as_ref()))).collect();
    match quoted.as_slice() {
        [first @ .., _] if quoted.len() == 9 => format!("{} and more", first.join(", ")),
        all => all.join(", "),
    }
}

fn tidy(text: &str) -> String {
    text.chars().take(TEXT_MAX).map(|c| if c.is_control() { '?' } else { c }).collect()
}
