//! A pipeline that runs, watched to its end.

use std::time::{Duration, Instant};

use super::report::describe;
use super::{DaemonError, Shutdown};
use crate::pipeline::{Report, RunningPipeline};
use crate::sink::SinkError;

/// Time between two lines of statistics in the log.
const STATISTICS_EVERY: Duration = Duration::from_secs(60);

/// How soon a signal is noticed.
pub const GLANCE: Duration = Duration::from_millis(50);

/// Time the threads get to end after a signal, less than the process gets.
pub const STOP_PATIENCE: Duration = Duration::from_millis(1400);

/// Lets a pipeline run to its end, until a signal, or until all its sinks are gone. `attend` is
/// called every [`GLANCE`]; `note` is given the statistics at the end.
///
/// # Errors
/// Where the source gave up, a sink failed, or threads did not end.
pub fn watch(
    mut running: RunningPipeline,
    shutdown: &Shutdown,
    note: &dyn Fn(&str),
    mut attend: impl FnMut(&RunningPipeline),
) -> Result<(), DaemonError> {
    let mut last = Instant::now();
    let report = loop {
        if running.wait_for(GLANCE) {
            break running.finish()?;
        }
        attend(&running);
        if let Some(signal) = shutdown.requested() {
            break stop(running, signal)?;
        }
        if !running.has_sinks() {
            break running.stop(Duration::from_secs(3600))?;
        }
        if last.elapsed() >= STATISTICS_EVERY {
            last = Instant::now();
            log::info!("{}", describe(&running.metrics().snapshot()));
        }
    };
    conclude(report, note)
}

/// Stops a pipeline because of a signal.
///
/// # Errors
/// Where threads do not end in time.
pub fn stop(running: RunningPipeline, signal: i32) -> Result<Report, DaemonError> {
    running.stop(STOP_PATIENCE).map_err(|cause| DaemonError::Interrupted { signal, cause })
}

/// Prints the statistics of a pipeline that ended.
///
/// # Errors
/// Why it ended, if not as it should.
pub fn conclude(report: Report, note: &dyn Fn(&str)) -> Result<(), DaemonError> {
    note(&describe(&report.metrics.snapshot()));
    if let Some(failure) = report.source_failure {
        return Err(DaemonError::Source(failure));
    }
    for (name, cause) in report.sink_failures {
        match cause {
            // The reader has seen enough: an end like any other.
            SinkError::Closed(_) => log::info!("sink {name}: {cause}"),
            cause => return Err(DaemonError::Sink { name, cause }),
        }
    }
    Ok(())
}
