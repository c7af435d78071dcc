//! How the threads of a pipeline stand beside others: given by each to itself, and noted.

use crate::metrics::SchedulingMetrics;
use crate::priority::Standing;

/// Gives `standing` to the calling thread, of that name. Where it is refused the thread goes on without, and that
/// is noted; it is a warning where somebody asked for it, as for all that does not give way to others.
pub fn stand(thread: &str, standing: Standing, scheduling: &SchedulingMetrics) {
    if standing == Standing::Inherited {
        return;
    }
    match standing.take() {
        Ok(()) => scheduling.give(thread, &standing.to_string()),
        Err(refused) => {
            let is_news = scheduling.refuse(thread, &refused.to_string());
            if is_news && !standing.gives_way() {
                log::warn!("priority of the thread '{thread}': {refused}; it goes on without");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_was_given_is_noted() {
        let scheduling = SchedulingMetrics::default();
        let told = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                stand("as it was", Standing::Inherited, &scheduling);
                stand("a page", Standing::Nice(19), &scheduling);
                scheduling.snapshot()
            });
            thread.join().expect("a thread")
        });
        let [page] = &told[..] else { panic!("{told:?}") };
        assert_eq!((page.thread.as_str(), page.standing.as_str()), ("a page", "nice 19"));
    }
}
