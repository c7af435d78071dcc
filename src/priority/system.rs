//! The two calls that change how a thread stands.
//!
//! The C library wraps them, no safe crate does with the flag that keeps programs of others, started
//! by such a thread, from inheriting what it was given.

#![expect(unsafe_code, reason = "asks the C library to schedule the calling thread otherwise")]

use std::io;

/// Has the calling thread take its turn, as nice as that.
pub(super) fn be_nice(nice: i32) -> io::Result<()> {
    if nice < 0 {
        schedule(libc::SCHED_OTHER, 0)?;
    }
    // SAFETY: the call takes numbers and no address; 0 is the calling thread.
    let answer = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the calling thread go before all that are not real-time.
pub(super) fn be_first(priority: u8) -> io::Result<()> {
    schedule(libc::SCHED_FIFO, priority.into())
}

/// Gives the calling thread a policy, which nobody inherits whom it starts.
fn schedule(policy: i32, priority: i32) -> io::Result<()> {
    // SAFETY: zeros are a value of this structure of numbers, on every C library.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = priority;
    let policy = policy | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the thread is the calling one, which lives, and the structure is read during the call.
    let error =
        unsafe { libc::pthread_setschedparam(libc::pthread_self(), policy, &raw const parameters) };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}
