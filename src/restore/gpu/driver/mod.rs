//! NVIDIA's driver, found when the program runs: a card, its memory, and what it is asked to do.
//!
//! Everything unsafe of this backend is in here. What is kept up: memory is given back once, by whoever took it;
//! copies are of memory of the same size; what a program writes lies within buffers that outlive it. Programs are
//! given addresses, so the last is for their callers to see to; they write to memory of the card alone.

mod cuda; // its functions
mod device; // a card
mod error; // what it refuses
pub(super) mod layout; // what programs are given
mod memory; // where things are
mod program; // what it computes
mod queue; // what is asked of it

pub(super) use device::Device;
pub use error::{GpuError, NoGpu};
pub(super) use memory::{Address, Buffer, Pinned};
pub(super) use program::{Kernel, Programs, Radices, Source, Wanted};
pub(super) use queue::{Launch, Queue, Recording};
