//! A station as viewers see it.

use std::sync::Arc;
use std::time::Duration;

use super::desk::Desk;
use crate::metrics::Metrics;
use crate::sink::Showcase;

/// What the server knows of one station.
#[derive(Debug, Clone)]
pub struct Face {
    /// Name of the station in addresses.
    pub name: String,
    /// Name in `metrics` of the sink that fills the showcase.
    pub sink: String,
    /// Its newest frames.
    pub showcase: Arc<Showcase>,
    /// Its statistics.
    pub metrics: Arc<Metrics>,
    /// Where viewers leave what they want, where the station takes anything.
    pub desk: Option<Arc<Desk>>,
    /// Why the station is over, where it is.
    pub ended: Option<String>,
}

/// The stations of a server.
#[derive(Debug, Clone)]
pub enum Faces {
    /// The only one, which answers at addresses that name none.
    Only(Box<Face>),
    /// Several, each at addresses that begin with its name. What names none is of all.
    Named(Vec<Face>),
}

impl Faces {
    /// All of them.
    pub(super) fn all(&self) -> &[Face] {
        match self {
            Self::Only(face) => std::slice::from_ref(face),
            Self::Named(faces) => faces,
        }
    }
}

impl Face {
    /// Why the station cannot be relied on now; `None` while frames advance, which may pause for
    /// `patience` and twice their interval.
    pub(super) fn unreadiness(&self, patience: Duration) -> Option<String> {
        if let Some(why) = &self.ended {
            return Some(why.clone());
        }
        let silence = match self.showcase.silence() {
            None => "no frame yet".to_owned(),
            Some(silence) => {
                let interval = self.showcase.stream().map(|(_, rate)| rate.interval());
                let is_long = silence > patience + 2 * interval.unwrap_or_default();
                is_long.then(|| format!("no frame for {:.1} s", silence.as_secs_f64()))?
            }
        };
        let source = self.metrics.source.snapshot();
        let problem = if source.problem.is_empty() { "" } else { ": " };
        Some(format!("{silence}; the camera is {}{problem}{}", source.state.name(), source.problem))
    }
}
