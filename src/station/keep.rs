//! Writing into the configuration what is to hold beyond the next reload.

use super::entry::Entry;
use super::error::{Fault, StationError};
use super::load;
use super::material::{Attempt, Material};
use super::tuning::Tuning;
use crate::config::{Change, Config};
use crate::sink::rewrite_whole;

/// Writes what a viewer wants into the configuration at `entry`, once a golden frame was restored with
/// it; every other byte of it stays.
///
/// # Errors
/// Where it is refused, or the configuration cannot be written.
pub fn keep(entry: &Entry, tuning: &Tuning, attempt: Attempt) -> Result<(), StationError> {
    attempt(&Material::tuned(entry, tuning)?, None).map_err(Fault::from)?;
    rewrite(entry, &tuning.changes())
}

/// Writes changes of `[restore]` into the configuration at `entry`.
pub(super) fn rewrite(entry: &Entry, changes: &[Change]) -> Result<(), StationError> {
    let text = load::text(&entry.path).map_err(Fault::from)?;
    let edited = Config::edited(&text, entry.camera.as_deref(), "restore", changes);
    let edited = edited.map_err(|cause| entry.wrong(cause))?;
    Ok(rewrite_whole(&entry.path, edited.as_bytes())?)
}
