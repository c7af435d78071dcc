//! Writing into the configuration what is to hold beyond the next reload.

use std::path::Path;

use super::error::{Fault, StationError};
use super::load;
use super::material::{Attempt, Material};
use super::tuning::Tuning;
use crate::config::{Change, Config};
use crate::sink::rewrite_whole;

/// Writes what a viewer wants into the configuration at `path`, once a golden frame was restored with
/// it; every other byte of it stays.
///
/// # Errors
/// Where it is refused, or the configuration cannot be written.
pub fn keep(path: &Path, tuning: &Tuning, attempt: Attempt) -> Result<(), StationError> {
    attempt(&Material::tuned(path, tuning)?, None).map_err(Fault::from)?;
    rewrite(path, &tuning.changes())
}

/// Writes changes of `[restore]` into the configuration at `path`.
pub(super) fn rewrite(path: &Path, changes: &[Change]) -> Result<(), StationError> {
    let text = load::text(path).map_err(Fault::from)?;
    let wrong = |cause| StationError::Config { path: path.to_owned(), cause };
    let edited = Config::edited(&text, "restore", changes).map_err(wrong)?;
    Ok(rewrite_whole(path, edited.as_bytes())?)
}
