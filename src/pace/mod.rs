//! When something is done next: again after a failure, at most so often, or at a steady rate.

mod backoff;
mod limit;
mod ticks;

pub use backoff::Backoff;
pub use limit::RateLimit;
pub use ticks::Ticks;
