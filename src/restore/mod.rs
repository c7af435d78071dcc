//! How frames are restored: pure mathematics, without input or output or a clock.
//!
//! A [`Backend`] makes a [`Restorer`] of a [`RestorePlan`](crate::plan::RestorePlan), and that
//! restores frames. What it does and in which steps stands in `restorer.rs`.

mod error; // what can go wrong
mod restorer; // what every backend offers
pub mod model; // files of networks
mod tract; // their engine
pub mod cpu; // on processors
mod gpu; // on a graphics card
pub mod quality; // how good it is

pub use cpu::CpuBackend;
pub use error::RestoreError;
pub use gpu::{GpuBackend, GpuError, NoGpu};
pub use restorer::{Backend, Fused, Lamps, Mended, Restorer, Step, Striped, Unwatched, Watch};
