//! The blur of a camera from ordinary frames: no target, no sharp picture.
//!
//! ```text
//! frames ─▶ Gather ─▶ scenes ─▶ spectra ─▶ the likeliest blur of a family ─┬─▶ Estimate
//!                        └────▶ windows ─▶ a blur of no family ─▶ held out ─┘
//! ```
//!
//! [`Gather`] makes distinct scenes of a stream of frames; [`estimate`] finds the blur that they have in
//! common and says how far to believe it ([`Estimate::is_sure`], [`Doubt`]). Where it is not sure, leaving
//! the frames as they are is the better choice, and [`Estimate::narrower`] the one on the safe side.
//! The transfer curve is not told: spectra hardly change with it.
//!
//! Of frames larger than 1280 samples on a side the middle is looked at; the refinement works on the
//! window of at most 320 x 320 samples with the most gradients of each of six scenes.

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
mod field; // and how it differs over the frame

pub use error::BlindError;
pub use estimate::{Doubt, Estimate, Family, Options, Progress, Stage, estimate};
pub use field::field;
pub use gather::{Gather, MOST_FRAMES, MOST_SCENES, Taken};
pub use scene::Scene;
pub use shape::Shape;
