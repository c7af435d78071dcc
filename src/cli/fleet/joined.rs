//! A connection with a fleet that is there, or a failure that says so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::exit::{Context, Result};
use crate::fleet::{FleetError, Link};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open connection.
pub(super) fn joined(config: &Path) -> Result<Arc<Link>> {
    let link = Link::open(config)?;
    if link.wait(PATIENCE) {
        return Ok(link);
    }
    Err(FleetError::Away).context(format!("no connection in {PATIENCE:?}"))
}
