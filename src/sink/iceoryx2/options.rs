//! What is published, and for how many.

use std::path::PathBuf;

use serde::Deserialize;

use crate::keys;

/// What kind of publication.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Iceoryx2Options {
    /// Name of the service, 1 to 255 bytes.
    pub service: String,
    /// Subscribers at a time, at least one.
    #[serde(deserialize_with = "keys::within::<1, 32, _, _>")]
    pub subscribers: usize,
    /// Where iceoryx2 notes nodes and services, an absolute path that consumers write alike; that of
    /// its own configuration where absent.
    pub folder: Option<PathBuf>,
}

impl Default for Iceoryx2Options {
    fn default() -> Self {
        Self { service: "deblurd/restored".to_owned(), subscribers: 4, folder: None }
    }
}
