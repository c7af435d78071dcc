//! What is expected of a command that writes frames.

use std::time::Duration;

use serde::Deserialize;

use crate::frame::{Extent, FrameRate};
use crate::keys;
use crate::source::usual_rate;

/// What is expected of a command that writes frames. What it gives is said by its stream; what stands
/// here counts while there is none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandOptions {
    /// Width and height of the frames. Where they are told, a start does without the command.
    #[serde(default, deserialize_with = "keys::optional")]
    pub extent: Option<Extent>,
    /// Frames a second.
    #[serde(default = "usual_rate", deserialize_with = "keys::frame_rate")]
    pub rate: FrameRate,
    /// Time without a picture after which it counts as silent.
    #[serde(
        rename = "silence_ms",
        default = "usual_silence",
        deserialize_with = "keys::millis::<100, 60_000, _>"
    )]
    pub silence: Duration,
    /// Time it has for its first picture, each time that it is started.
    #[serde(
        rename = "start_ms",
        default = "usual_start",
        deserialize_with = "keys::millis::<100, 60_000, _>"
    )]
    pub start: Duration,
}

impl Default for CommandOptions {
    fn default() -> Self {
        let (silence, start) = (usual_silence(), usual_start());
        Self { extent: None, rate: usual_rate(), silence, start }
    }
}

fn usual_silence() -> Duration {
    Duration::from_secs(5)
}

fn usual_start() -> Duration {
    Duration::from_secs(15)
}
