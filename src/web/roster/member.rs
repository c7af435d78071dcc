//! How a camera goes, in words and numbers.

use serde::{Deserialize, Serialize};

/// How a camera goes, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It has taken its leave, or its link is lost.
    Gone,
    /// It is said to be there, and tells nothing.
    Stale,
    /// Its frames do not advance.
    Unready,
    /// Its device is hot.
    Hot,
    /// It loses frames.
    Dropping,
    /// It goes well.
    Live,
}

/// What is known of one camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its host.
    pub host: String,
    /// Its name there.
    pub camera: String,
    /// How it goes.
    pub condition: Condition,
    /// Why, in words.
    pub why: String,
    /// Seconds since it told of itself; `None` where it has not.
    pub age_s: Option<f64>,
    /// Frames a second, restored between the last two states.
    pub rate: Option<f64>,
    /// The part of frames that was lost then.
    pub loss: Option<f64>,
    /// The hottest part of its device.
    pub temperature_c: Option<f64>,
    /// What is done to a frame.
    pub level: String,
    /// Frames that it has published.
    pub published: u64,
    /// Version of its program.
    pub version: String,
}

impl Condition {
    /// One word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Stale => "stale",
            Self::Unready => "unready",
            Self::Hot => "hot",
            Self::Dropping => "dropping",
            Self::Live => "live",
        }
    }
}
