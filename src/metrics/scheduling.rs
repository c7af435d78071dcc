//! How the threads of a station stand beside others, as far as they were given more or less than usual.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// How threads stand, by their names.
#[derive(Debug, Default)]
pub struct SchedulingMetrics(Mutex<BTreeMap<String, ThreadSnapshot>>);

/// How one thread stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ThreadSnapshot {
    /// Its name.
    pub thread: String,
    /// What it was given: `nice N` or `fifo N`; empty where that was refused.
    pub standing: String,
    /// Why it was refused; empty where it was not.
    pub problem: String,
}

impl SchedulingMetrics {
    /// Notes what a thread was given.
    pub fn give(&self, thread: &str, standing: &str) {
        self.note(thread, standing, "");
    }

    /// Notes that a thread was refused what it was to be given; whether that is said for the first time.
    pub fn refuse(&self, thread: &str, problem: &str) -> bool {
        let is_known = self.threads().values().any(|known| known.problem == problem);
        self.note(thread, "", problem);
        !is_known
    }

    /// All that are known, by name.
    pub fn snapshot(&self) -> Vec<ThreadSnapshot> {
        self.threads().values().cloned().collect()
    }

    fn note(&self, thread: &str, standing: &str, problem: &str) {
        let [named, standing, problem] = [thread, standing, problem].map(str::to_owned);
        let noted = ThreadSnapshot { thread: named, standing, problem };
        self.threads().insert(thread.to_owned(), noted);
    }

    fn threads(&self) -> MutexGuard<'_, BTreeMap<String, ThreadSnapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_news_once() {
        let metrics = SchedulingMetrics::default();
        metrics.give("source", "fifo 2");
        assert!(metrics.refuse("worker 0", "no"));
        assert!(!metrics.refuse("worker 1", "no"), "it was said of the other");
        assert!(metrics.refuse("sink png", "not either"));
        let told = metrics.snapshot();
        let threads: Vec<&str> = told.iter().map(|it| it.thread.as_str()).collect();
        assert_eq!(threads, ["sink png", "source", "worker 0", "worker 1"]);
        assert_eq!((told[1].standing.as_str(), told[1].problem.as_str()), ("fifo 2", ""));
    }
}
