//! What the source is doing: a camera that is absent, silent or failing is a state, not an error.

use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::counter::Counter;
use super::text::short;

/// What the source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Nothing came yet.
    Starting,
    /// Pictures come.
    Live,
    /// The device is there and gives nothing.
    Silent,
    /// The device gives the same picture again and again.
    Frozen,
    /// The device is not there.
    Absent,
    /// The device is there and cannot be used.
    Failing,
}

impl SourceState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::Live, Self::Silent, Self::Frozen, Self::Absent, Self::Failing];

    /// The name used in logs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Silent => "silent",
            Self::Frozen => "frozen",
            Self::Absent => "absent",
            Self::Failing => "failing",
        }
    }

    /// Whether pictures cannot be expected for now, as they can of one that starts.
    pub const fn is_waiting(self) -> bool {
        !matches!(self, Self::Starting | Self::Live)
    }
}

/// What is counted at the source.
#[derive(Debug, Default)]
pub struct SourceMetrics {
    situation: RwLock<Situation>,
    /// Changes of the state.
    pub transitions: Counter,
    /// Times the device was opened.
    pub opened: Counter,
    /// Times its stream was restarted.
    pub restarted: Counter,
    /// Pictures that the device itself lost, by its own numbering.
    pub gaps: Counter,
    /// Pictures that the device marked as damaged.
    pub errored: Counter,
    /// Times the device gave no picture within its time.
    pub timeouts: Counter,
    /// Stand-ins given in the place of pictures.
    pub placeholders: Counter,
    /// Signs of life of the source's thread, pictures or not.
    pub heartbeats: Counter,
}

#[derive(Debug)]
struct Situation {
    state: SourceState,
    since: Instant,
    problem: String,
}

impl Default for Situation {
    fn default() -> Self {
        Self { state: SourceState::Starting, since: Instant::now(), problem: String::new() }
    }
}

impl SourceMetrics {
    /// Notes a state and, where it is a bad one, its reason, of which a long one is cut; whether the
    /// state is a new one.
    pub fn enter(&self, state: SourceState, problem: &str) -> bool {
        let problem = short(problem);
        let mut situation = self.situation.write().unwrap_or_else(PoisonError::into_inner);
        if situation.problem != problem {
            situation.problem = problem;
        }
        if situation.state == state {
            return false;
        }
        situation.state = state;
        situation.since = Instant::now();
        self.transitions.add(1);
        true
    }

    /// What the source is doing.
    pub fn state(&self) -> SourceState {
        self.situation.read().unwrap_or_else(PoisonError::into_inner).state
    }

    /// Everything, at one moment.
    pub fn snapshot(&self) -> SourceSnapshot {
        let situation = self.situation.read().unwrap_or_else(PoisonError::into_inner);
        SourceSnapshot {
            state: situation.state,
            since_s: situation.since.elapsed().as_secs_f64(),
            problem: situation.problem.clone(),
            transitions: self.transitions.get(),
            opened: self.opened.get(),
            restarted: self.restarted.get(),
            gaps: self.gaps.get(),
            errored: self.errored.get(),
            timeouts: self.timeouts.get(),
            placeholders: self.placeholders.get(),
            heartbeats: self.heartbeats.get(),
        }
    }
}

/// [`SourceMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSnapshot {
    /// What the source is doing.
    pub state: SourceState,
    /// Seconds since it is doing so.
    pub since_s: f64,
    /// Why, where it is not live; empty where there is nothing to say.
    pub problem: String,
    /// Changes of the state.
    pub transitions: u64,
    /// Times the device was opened.
    pub opened: u64,
    /// Times its stream was restarted.
    pub restarted: u64,
    /// Pictures that the device itself lost.
    pub gaps: u64,
    /// Pictures that the device marked as damaged.
    pub errored: u64,
    /// Times the device gave no picture within its time.
    pub timeouts: u64,
    /// Stand-ins given in the place of pictures.
    pub placeholders: u64,
    /// Signs of life of the source's thread.
    pub heartbeats: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_transitions() {
        let metrics = SourceMetrics::default();
        assert!(!metrics.enter(SourceState::Starting, ""), "no change");
        assert!(metrics.enter(SourceState::Absent, "no such device"), "a change");
        assert!(!metrics.enter(SourceState::Absent, "still none"), "no change");
        let snapshot = metrics.snapshot();
        assert_eq!((snapshot.state, snapshot.transitions), (SourceState::Absent, 1));
        assert_eq!(snapshot.problem, "still none");
    }
}
