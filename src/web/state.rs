//! What is reported of a station, as JSON. Clients read it as the same types.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::describe::psnr_db;
use super::face::Face;
use crate::frame::{Extent, FrameRate, PictureFormat};
use crate::metrics::{PsnrSnapshot, Snapshot};
use crate::sink::Exhibit;

/// Everything that is reported, at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Name of the program.
    pub program: String,
    /// Its version.
    pub version: String,
    /// Seconds since the server started.
    pub uptime_s: f64,
    /// Name of the page's own sink in `metrics`.
    pub sink: String,
    /// Whether frames advance.
    pub ready: bool,
    /// Why not, where they do not.
    pub unready_because: Option<String>,
    /// Whether the station is over for good or for now, which is told then.
    #[serde(default)]
    pub ended: bool,
    /// Open connections to the server.
    pub connections: usize,
    /// What the frames are, once the first could come.
    pub stream: Option<StreamState>,
    /// The newest frame that was shown.
    pub frame: Option<FrameState>,
    /// Whether viewers may tune what restores frames.
    #[serde(default)]
    pub tunable: bool,
    /// The models that they may choose from.
    #[serde(default)]
    pub models: Vec<String>,
    /// What is counted.
    pub metrics: Snapshot,
}

impl State {
    pub(super) fn of(
        face: &Face,
        unready_because: Option<String>,
        uptime: Duration,
        connections: usize,
    ) -> Self {
        Self {
            program: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: uptime.as_secs_f64(),
            sink: face.sink.clone(),
            ready: unready_because.is_none(),
            unready_because,
            ended: face.ended.is_some(),
            connections,
            stream: face.showcase.stream().map(|(format, rate)| StreamState::new(format, rate)),
            frame: face.showcase.newest().map(|exhibit| FrameState::new(&exhibit)),
            tunable: face.desk.is_some(),
            models: face.desk.as_ref().map_or_else(Vec::new, |desk| desk.models().to_vec()),
            metrics: face.metrics.snapshot(),
        }
    }
}

/// What is reported of several stations, at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct States {
    /// Each, in the order of the configuration.
    pub cameras: Vec<NamedState>,
}

/// What is reported of one of several stations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamedState {
    /// Its name in addresses.
    pub name: String,
    /// All else.
    pub state: State,
}

/// What the frames of a station are.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct StreamState {
    /// Width and height.
    pub extent: Extent,
    /// Frames that the source offers a second.
    pub frames_per_second: f64,
}

impl StreamState {
    fn new(format: PictureFormat, rate: FrameRate) -> Self {
        let frames_per_second = f64::from(rate.numerator) / f64::from(rate.denominator.max(1));
        Self { extent: format.extent, frames_per_second }
    }
}

/// A frame that was shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FrameState {
    /// Counts the frames shown, from 1.
    pub number: u64,
    /// Number of the frame since the source started, gaps included.
    pub sequence: u64,
    /// How much was done to it.
    pub effort: String,
    /// Whether it stands for a picture that the camera did not give.
    pub placeholder: bool,
    /// Whether a stage failed on it and was passed over.
    pub degraded: bool,
    /// Milliseconds since the picture was taken.
    pub age_ms: f64,
    /// Its distance to the truth, where it is known.
    pub psnr_db: Option<PsnrSnapshot>,
}

impl FrameState {
    fn new(exhibit: &Exhibit) -> Self {
        Self {
            number: exhibit.number,
            sequence: exhibit.meta.sequence,
            effort: exhibit.meta.effort.name().to_owned(),
            placeholder: exhibit.meta.placeholder,
            degraded: exhibit.meta.degraded,
            age_ms: exhibit.age_ms(),
            psnr_db: psnr_db(exhibit),
        }
    }
}
