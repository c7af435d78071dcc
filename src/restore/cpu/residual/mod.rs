//! Residual networks on the processor: what the blur destroyed, filled in by `f(z)`.
//!
//! A [`ResidualNet`] is a network of a model planned for planes of one extent. It works in bands of
//! rows with a halo: each band is computed from its rows and as many rows on either side as the
//! network can see, so that any division into bands gives the same result and bands can be computed
//! side by side.
//!
//! tract runs the networks: those whose integers are known as one operator of ours (`fused`), all
//! others as they are written (`stock`).

mod bands;
mod engine;
mod fused;
mod inputs;
mod network;
mod stock;

pub use bands::band_rows;
pub use fused::{KernelChoice, NoKernel};
pub use inputs::Inputs;
pub use network::ResidualNet;
