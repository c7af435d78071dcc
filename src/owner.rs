//! Whose work a thread does: where there are several cameras, what the log says names the one that it
//! is about. Threads that one starts by [`spawn`] work for the same.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

thread_local! {
    static OWNER: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Starts a thread of that name, which works for whomever this one does.
///
/// # Errors
/// Where the system gives no thread.
pub fn spawn<T: Send + 'static>(
    name: impl Into<String>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let owner = name_of_owner();
    Builder::new().name(name.into()).spawn(move || {
        work_on_for(owner);
        work()
    })
}

/// Has this thread work for `owner` from now on, as one does that another library has started.
pub fn work_on_for(owner: Option<Arc<str>>) {
    OWNER.set(owner);
}

/// Does something for `owner`, and goes on for whom it was before.
pub fn work_for<T>(owner: &str, work: impl FnOnce() -> T) -> T {
    let before = OWNER.replace(Some(owner.into()));
    let done = work();
    OWNER.set(before);
    done
}

/// The name of whom this thread works for, where it is told.
pub fn name_of_owner() -> Option<Arc<str>> {
    OWNER.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_work_for_whom_their_starter_does() {
        let started = || spawn("a thread", name_of_owner).expect("a thread");
        let owner = || started().join().expect("a name");
        assert_eq!((name_of_owner(), owner()), (None, None));
        work_for("left", || {
            assert_eq!(owner().as_deref(), Some("left"));
            work_for("right", || assert_eq!(owner().as_deref(), Some("right")));
            assert_eq!(name_of_owner().as_deref(), Some("left"));
        });
        assert_eq!((name_of_owner(), owner()), (None, None));
    }
}
