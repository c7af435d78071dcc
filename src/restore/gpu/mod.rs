//! Restoring on a graphics card of NVIDIA's.
//!
//! The card makes the estimates: likely margins, Wiener filter, networks and projections, from the plane that is
//! decoded to the one that is encoded. What is around that is done by processors, as without a card. Networks
//! give the bits of the scalar kernel. Filters round differently, so pictures are the same to one gray level, not to
//! the bit: that is what holds between backends.
//!
//! Nothing needs to be installed: NVIDIA's driver is looked for when the program runs, and the programs for
//! the card, `kernels/*.ptx`, are compiled by it. `kernels/generate` makes them of the sources beside them.

mod backend; // from a plan to a restorer
mod driver; // the card
mod engine; // a plan on it
mod filters; // Wiener filter and projections
mod layout; // what programs are given
mod network; // residual networks
mod packed; // and their weights
mod parts; // one by one
mod transform; // lengths

pub use backend::GpuBackend;
pub use driver::{GpuError, NoGpu};
