//! What became of requests to load the configuration anew.

use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::counter::Counter;
use super::text::short;

/// What is counted of reloads.
#[derive(Debug, Default)]
pub struct ReloadMetrics {
    /// Reloads after which the new stages served.
    pub done: Counter,
    /// Reloads that were refused; the old stages went on.
    pub refused: Counter,
    problem: RwLock<String>,
}

impl ReloadMetrics {
    /// Counts a reload that was refused, with its reason; a long one is cut.
    pub fn refuse(&self, problem: &str) {
        *self.problem.write().unwrap_or_else(PoisonError::into_inner) = short(problem);
        self.refused.add(1);
    }

    /// Counts a reload that succeeded, and forgets why an earlier one did not.
    pub fn succeed(&self) {
        self.problem.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.done.add(1);
    }

    /// Everything, at one moment.
    pub fn snapshot(&self) -> ReloadSnapshot {
        ReloadSnapshot {
            done: self.done.get(),
            refused: self.refused.get(),
            problem: self.problem.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// [`ReloadMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReloadSnapshot {
    /// Reloads after which the new stages served.
    pub done: u64,
    /// Reloads that were refused.
    pub refused: u64,
    /// Why the last one was refused; empty where it was not.
    pub problem: String,
}
