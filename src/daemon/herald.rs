//! A station's place in a fleet: that it is there, how it goes, and what it is told.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::{DaemonError, pages};
use crate::fleet::{Directive, Gate, Presence, Secret, Station};
use crate::metrics::Metrics;
use crate::sink::ZenohSink;
use crate::station::{Fault, Post, StationError};
use crate::web::{Desk, Face};

/// A station as those see it who are elsewhere.
struct Told {
    face: Face,
    desk: Arc<Desk>,
    gate: Gate,
    since: Instant,
}

impl Station for Told {
    fn state(&self) -> Vec<u8> {
        self.face.state(self.since.elapsed())
    }

    fn metrics(&self) -> Vec<u8> {
        self.face.statistics(self.since.elapsed())
    }

    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn take(&self, directive: Directive) {
        let what = match &directive {
            Directive::Reload => "a reload".to_owned(),
            Directive::Calibration(bytes) => format!("a calibration of {} bytes", bytes.len()),
        };
        log::info!("directed from afar: {what}");
        self.desk.direct(directive);
    }
}

/// Takes the place that a station has in a fleet until the presence is dropped; directives are left at
/// `desk`.
///
/// # Errors
/// Where its token cannot be used, or the system gives no thread or random numbers.
pub(super) fn take_post(
    post: Post,
    metrics: &Arc<Metrics>,
    desk: &Arc<Desk>,
) -> Result<Presence, DaemonError> {
    let Post { name, link, options, metrics: counted, showcase } = post;
    let secret = options.token_file.as_deref().map(secret).transpose()?;
    let no_random = |cause| DaemonError::from(StationError::from(Fault::Threads(cause)));
    let face = Face {
        name: name.camera().to_owned(),
        sink: ZenohSink::NAME.to_owned(),
        showcase,
        metrics: Arc::clone(metrics),
        desk: None,
        ended: None,
    };
    let gate = Gate::new(name.clone(), secret, counted).map_err(no_random)?;
    let told = Told { face, desk: Arc::clone(desk), gate, since: Instant::now() };
    Ok(Presence::begin(link, name, options.every, Arc::new(told))?)
}

/// What signs directives: made of a token as that of a page.
fn secret(path: &Path) -> Result<Secret, DaemonError> {
    let (text, _) = pages::token_in(path)?;
    Ok(Secret::of_token(&text))
}
