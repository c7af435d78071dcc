//! Blind.

mod bessel; // of the transform of a disk
pub(super) mod simplex; // where a function is least
mod shape; // families of blurs
pub(super) mod scene; // what is seen
mod error; // why nothing is found
pub(super) mod light; // from pictures to light
mod gather; // from pictures to scenes
pub(super) mod periodogram; // their spectra
pub(super) mod whittle; // how likely these are
mod fit; // the likeliest blur
mod parametric; // and how sure it is
mod window; // where to look closer
mod latent; // sharp pictures
mod kernel; // the kernel between sharp and blurred
mod free; // both in turn, from coarse to fine
pub(super) mod refine; // against what was not looked at
mod estimate; // all of it

pub use error::BlindError;
pub use estimate::{Doubt, Estimate, Family, Options, Progress, Stage, estimate, narrower};
pub use gather::{Gather, MOST_FRAMES, MOST_SCENES, Taken};
pub use scene::Scene;
pub use shape::Shape;
