//! What the page reports, as JSON.

use serde::Serialize;

use super::live::Live;
use super::view::Shot;
use crate::frame::{Extent, FrameRate, PictureFormat};
use crate::metrics::{PsnrSnapshot, Snapshot};

/// Everything that is reported, at one moment.
#[derive(Debug, Serialize)]
pub(super) struct State {
    program: &'static str,
    version: &'static str,
    uptime_s: f64,
    /// Name of the page's own sink in `metrics`.
    sink: &'static str,
    /// Whether frames advance, and why not.
    ready: bool,
    unready_because: Option<String>,
    connections: usize,
    stream: Option<StreamState>,
    frame: Option<FrameState>,
    metrics: Snapshot,
}

impl State {
    pub(super) fn of(live: &Live) -> Self {
        let unready_because = live.unreadiness();
        Self {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: live.uptime().as_secs_f64(),
            sink: super::HttpSink::NAME,
            ready: unready_because.is_none(),
            unready_because,
            connections: live.connections(),
            stream: live.stream().map(|(format, rate)| StreamState::new(format, rate)),
            frame: live.newest().map(|shot| FrameState::new(&shot)),
            metrics: live.metrics.snapshot(),
        }
    }
}

#[derive(Debug, Serialize)]
struct StreamState {
    extent: Extent,
    frames_per_second: f64,
}

impl StreamState {
    fn new(format: PictureFormat, rate: FrameRate) -> Self {
        let frames_per_second = f64::from(rate.numerator) / f64::from(rate.denominator.max(1));
        Self { extent: format.extent, frames_per_second }
    }
}

#[derive(Debug, Serialize)]
struct FrameState {
    number: u64,
    sequence: u64,
    effort: &'static str,
    placeholder: bool,
    degraded: bool,
    age_ms: f64,
    psnr_db: Option<PsnrSnapshot>,
}

impl FrameState {
    fn new(shot: &Shot) -> Self {
        Self {
            number: shot.number,
            sequence: shot.meta.sequence,
            effort: shot.meta.effort.name(),
            placeholder: shot.meta.placeholder,
            degraded: shot.meta.degraded,
            age_ms: shot.age_ms(),
            psnr_db: shot.psnr_db(),
        }
    }
}
