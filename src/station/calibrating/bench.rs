//! What a calibration of a running station is made with.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::SourceConfig;
use crate::frame::{Picture, PictureFormat};
use crate::metrics::Metrics;
use crate::pipeline::Tap;
use crate::station::entry::Entry;

/// What a calibration is made with.
#[derive(Debug)]
pub struct Bench {
    /// Where copies of frames come from.
    pub tap: Tap<Picture>,
    /// What they are.
    pub format: PictureFormat,
    /// What takes them.
    pub source: SourceConfig,
    /// Where it is told how far it is.
    pub metrics: Arc<Metrics>,
    /// The configuration, for how frames are restored.
    pub configuration: Entry,
    /// Where what is found is written, if anywhere.
    pub file: Option<PathBuf>,
}
