//! Whether the process may have as many connections as its page is to have.

use super::error::WebError;

/// Files of the process beside connections: cameras, recordings, libraries, queues of the system.
const OTHER_FILES: usize = 64;

/// Connections without a seat that there is room for, at least.
const CALLERS_MIN: usize = 16;

/// How many of `callers_max` connections without a seat there is room for beside `clients_max` with
/// one.
///
/// # Errors
/// Where not even the clients have room.
pub(super) fn callers(clients_max: usize, callers_max: usize) -> Result<usize, WebError> {
    let Some(files) = open_files_max() else { return Ok(callers_max) };
    let left = files.saturating_sub(clients_max + OTHER_FILES);
    if left >= CALLERS_MIN {
        return Ok(callers_max.min(left));
    }
    let most = files.saturating_sub(OTHER_FILES + CALLERS_MIN);
    Err(WebError::Files { clients: clients_max, files, most })
}

/// Tries whether so many clients would have room.
///
/// # Errors
/// Where they would not.
pub fn check_clients(clients_max: usize) -> Result<(), WebError> {
    callers(clients_max, CALLERS_MIN).map(drop)
}

/// Files that the process may have open, as far as the system says and limits it.
fn open_files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    files.split_whitespace().next()?.parse().ok()
}
