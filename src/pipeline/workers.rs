//! A fixed pool of threads for the independent parts of a step.

use std::sync::Arc;

use rayon::prelude::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::stop::Stop;
use crate::executor::Executor;
use crate::owner;

/// Threads that were started once and share the parts of whatever is run on them.
#[derive(Debug)]
pub struct Workers {
    pool: rayon::ThreadPool,
}

impl Workers {
    /// Starts `threads` threads, at least one.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        Self::start_with(threads, |_| {})
    }

    /// The same, where each does `first`, given its name, before all else.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(
        threads: usize,
        first: impl Fn(&str) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let name = |index| format!("worker {index}");
        let owner = owner::name_of_owner();
        let begin = move |index| {
            owner::work_on_for(owner.clone());
            first(&name(index));
        };
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1));
        let builder = builder.thread_name(name).start_handler(begin);
        Ok(Self { pool: builder.build().map_err(std::io::Error::other)? })
    }
}

impl Executor for Workers {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.pool.install(|| (0..count).into_par_iter().with_max_len(1).for_each(part));
    }

    fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    fn host(&self, work: &mut (dyn FnMut() + Send)) {
        self.pool.install(work);
    }
}

/// Leaves the remaining parts undone once the pipeline was told to stop: a large frame may take
/// longer than a stopping process has. What comes of such a frame is unspecified; the pipeline
/// loses it.
#[derive(Debug)]
pub struct Stoppable {
    /// Who does the parts.
    pub executor: Arc<dyn Executor>,
    /// The switch of the pipeline.
    pub stop: Stop,
}

impl Executor for Stoppable {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.executor.run(count, &|index| {
            if !self.stop.is_set() {
                part(index);
            }
        });
    }

    fn threads(&self) -> usize {
        self.executor.threads()
    }

    fn host(&self, work: &mut (dyn FnMut() + Send)) {
        self.executor.host(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_part_is_done_once() {
        for threads in [1, 3] {
            let workers = Workers::start(threads).expect("threads");
            for count in [0, 1, 2, 50] {
                let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                workers.run(count, &|index| {
                    done[index].fetch_add(1, Ordering::Relaxed);
                });
                assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1), "of {count}");
            }
        }
    }

    #[test]
    fn what_is_hosted_runs_parts_for_the_same_owner() {
        let workers = owner::work_for("left", || Workers::start(2)).expect("threads");
        let (mut hosts, done) = (Vec::new(), AtomicUsize::new(0));
        workers.host(&mut || {
            hosts.push((std::thread::current().name().map(str::to_owned), owner::name_of_owner()));
            workers.run(9, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
        });
        let [(Some(thread), Some(owner))] = &hosts[..] else { panic!("{hosts:?}") };
        assert!(thread.starts_with("worker"), "{thread}");
        assert_eq!((&**owner, done.into_inner()), ("left", 9));
    }

    #[test]
    fn nothing_more_is_done_after_the_stop() {
        let stop = Stop::default();
        let executor = Arc::new(crate::executor::Sequential);
        let stoppable = Stoppable { executor, stop: stop.clone() };
        let done = AtomicUsize::new(0);
        stoppable.run(10, &|index| {
            done.fetch_add(1, Ordering::Relaxed);
            if index == 2 {
                stop.set();
            }
        });
        assert_eq!(done.into_inner(), 3, "parts 0 to 2");
    }
}
