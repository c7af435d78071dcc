//! How a station takes part.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::keys;

/// How restored frames, and all else that is known of a station, are published.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZenohOptions {
    /// Configuration file of Zenoh, JSON5 or YAML: who is connected with whom, and by which certificates.
    pub config: PathBuf,
    /// Name of this machine in keys; that which the system has where absent.
    #[serde(default)]
    pub host: Option<String>,
    /// Name of the camera in keys; its own among several where absent, or `camera`.
    #[serde(default)]
    pub camera: Option<String>,
    /// What is published of a frame.
    #[serde(default)]
    pub format: FrameForm,
    /// Quality of JPEG pictures, 1 to 100.
    #[serde(default = "quality", deserialize_with = "keys::within::<1, 100, _, _>")]
    pub quality: u8,
    /// Frames a second, at most, in the mean.
    #[serde(default = "rate_max", deserialize_with = "keys::rate")]
    pub rate_max: f64,
    /// Seconds between two states, 1 to 3600.
    #[serde(default = "every", deserialize_with = "seconds")]
    pub every: Duration,
    /// A file with the token by which directives are signed; none is taken where absent.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// What is published of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FrameForm {
    /// A JPEG picture of 8 bits.
    #[default]
    Jpeg,
    /// All samples, as in shared memory.
    Raw,
}

const fn quality() -> u8 {
    85
}

const fn rate_max() -> f64 {
    30.0
}

const fn every() -> Duration {
    Duration::from_secs(2)
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    keys::within::<1, 3600, u64, D>(from).map(Duration::from_secs)
}
