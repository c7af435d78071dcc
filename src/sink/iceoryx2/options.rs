//! What is published, and for how many.

use std::path::PathBuf;

/// What kind of publication.
#[derive(Debug, Clone)]
pub struct Iceoryx2Options {
    /// Name of the service, 1 to 255 bytes.
    pub service: String,
    /// Subscribers at a time, at least one.
    pub subscribers: usize,
    /// Where iceoryx2 notes nodes and services, an absolute path that consumers write alike; that of
    /// its own configuration where absent.
    pub folder: Option<PathBuf>,
}
