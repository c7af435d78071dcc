//! Restoring on a graphics card of NVIDIA's.
//!
//! The card makes the estimates: Wiener filter, networks and projections, from the plane that is
//! decoded to the one that is encoded. What is around that is done by processors, as without a card. Given the
//! same planes, networks give the bits of the scalar kernel, and filters what sums in f64 give to 1e-6: that is what holds
//! between backends. A network amplifies the rounding of filters, so pictures are as near to the truth, not the same.
//!
//! Nothing needs to be installed: NVIDIA's driver is looked for when the program runs, and the programs for
//! the card, `kernels/*.ptx`, are compiled by it. `kernels/generate.py` makes them of the sources beside them.

mod backend; // from a plan to a restorer
mod driver; // the card
mod engine; // a plan on it
mod filters; // Wiener filter and projections
mod network; // residual networks
mod packed; // and their weights
mod parts; // one by one
mod tiles; // of images
mod transform; // lengths

pub use backend::GpuBackend;
pub use driver::{GpuError, NoGpu};
