//! What a daemon reports at `/state`, as far as the commands show it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Everything that is reported, at one moment.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct State {
    pub(in crate::cli) version: String,
    pub(in crate::cli) uptime_s: f64,
    pub(in crate::cli) ready: bool,
    pub(in crate::cli) unready_because: Option<String>,
    pub(in crate::cli) connections: u64,
    pub(in crate::cli) stream: Option<Stream>,
    pub(in crate::cli) metrics: Metrics,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Stream {
    pub(in crate::cli) extent: Extent,
    pub(in crate::cli) frames_per_second: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Extent {
    pub(in crate::cli) width: u64,
    pub(in crate::cli) height: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Metrics {
    pub(in crate::cli) source: Source,
    pub(in crate::cli) trunk: Books,
    pub(in crate::cli) stages: Vec<Stage>,
    pub(in crate::cli) queues: Vec<Queue>,
    pub(in crate::cli) sinks: Vec<Sink>,
    pub(in crate::cli) load: Load,
    pub(in crate::cli) psnr_db: Option<Psnr>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Source {
    pub(in crate::cli) state: String,
    pub(in crate::cli) since_s: f64,
    pub(in crate::cli) problem: String,
    pub(in crate::cli) opened: u64,
    pub(in crate::cli) gaps: u64,
    pub(in crate::cli) errored: u64,
    pub(in crate::cli) placeholders: u64,
}

/// Frames of one stretch of the way; losses are `dropped_REASON`.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Books {
    pub(in crate::cli) entered: u64,
    pub(in crate::cli) delivered: u64,
    pub(in crate::cli) in_flight: u64,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Stage {
    pub(in crate::cli) name: String,
    pub(in crate::cli) failed: u64,
    pub(in crate::cli) busy: Summary,
    pub(in crate::cli) age: Summary,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Queue {
    pub(in crate::cli) name: String,
    pub(in crate::cli) capacity: u64,
    pub(in crate::cli) depth: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Sink {
    pub(in crate::cli) name: String,
    pub(in crate::cli) books: Books,
    pub(in crate::cli) latency: Summary,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Summary {
    pub(in crate::cli) count: u64,
    pub(in crate::cli) p50_ms: f64,
    pub(in crate::cli) p99_ms: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Load {
    pub(in crate::cli) level: String,
    pub(in crate::cli) temperature_c: Option<f64>,
    pub(in crate::cli) full: u64,
    pub(in crate::cli) wiener: u64,
    pub(in crate::cli) passthrough: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Psnr {
    pub(in crate::cli) blurred: f64,
    pub(in crate::cli) restored: f64,
}

impl State {
    /// Frames of the camera that were restored, stand-ins not counted.
    pub(in crate::cli) fn frames(&self) -> u64 {
        let load = &self.metrics.load;
        load.full + load.wiener + load.passthrough
    }

    /// Frames a second since `earlier`; `None` where no time has passed or the daemon is another.
    pub(in crate::cli) fn rate_since(&self, earlier: &Self) -> Option<f64> {
        let seconds = self.uptime_s - earlier.uptime_s;
        let frames = self.frames().checked_sub(earlier.frames())?;
        (seconds > 0.0).then(|| frames as f64 / seconds)
    }
}

impl Books {
    /// Reasons of losses and their numbers, without those that did not occur.
    pub(in crate::cli) fn losses(&self) -> Vec<(&str, u64)> {
        let entries = self.others.iter().filter_map(|(key, value)| {
            Some((key.strip_prefix("dropped_")?, value.as_u64().filter(|&count| count > 0)?))
        });
        entries.collect()
    }

    /// `21 dropped (overflow 20, deadline 1)`.
    pub(in crate::cli) fn describe_losses(&self) -> String {
        let losses = self.losses();
        let sum: u64 = losses.iter().map(|(_, count)| count).sum();
        let each: Vec<String> = losses
            .iter()
            .map(|(reason, count)| format!("{} {count}", reason.replace('_', " ")))
            .collect();
        if each.is_empty() {
            "0 dropped".to_owned()
        } else {
            format!("{sum} dropped ({})", each.join(", "))
        }
    }
}
