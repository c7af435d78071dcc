//! Cameras whose blur and noise are simulated, so that the truth is known.

mod blurring; // of a plane
mod degrade; // one picture
mod simulated; // a source of them

pub use degrade::{Degrade, DegradeError, DegradeOptions, grown};
pub use simulated::Simulated;
