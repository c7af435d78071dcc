//! What is expected of a command that reads frames.

use std::time::Duration;

use serde::Deserialize;

use crate::keys;

/// What is expected of a command that reads frames.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSinkOptions {
    /// Time in which it takes no frame, after which it is ended and started again.
    #[serde(
        rename = "stall_ms",
        default = "usual_stall",
        deserialize_with = "keys::millis::<500, 600_000, _>"
    )]
    pub stall: Duration,
}

impl Default for CommandSinkOptions {
    fn default() -> Self {
        Self { stall: usual_stall() }
    }
}

fn usual_stall() -> Duration {
    Duration::from_secs(10)
}
