//! Restoring on processors.
//!
//! Each step divides its work into parts that an executor runs; results do not depend on who runs
//! them, and run in turn on one thread they are what every other backend is compared with.

mod backend; // from a plan to a restorer
mod estimating; // the steps in the middle, whoever does them
mod processors; // who does them here
mod workspace; // the planes
mod rows; // of the frame in them
mod decode; // samples to light
mod faults; // hot and dead pixels
mod suspects; // of the sensor, told by many frames
mod stripes; // of rows and columns
mod highlights; // beyond white
mod fusion; // what frames have in common
mod extension; // smooth margins
mod borders; // likely ones
mod margin; // of which either
mod filtering; // Wiener filter and projections
mod levels; // which filters, by the noise that is left
pub mod residual; // networks
mod chroma; // colours
mod guard; // no worse than it came
mod encode; // light to samples

pub use backend::CpuBackend;
pub(super) use estimating::{Estimating, STEPS_BEFORE};
pub(super) use fusion::{Fuser, Rest};
pub(super) use processors::Processors;
pub(super) use workspace::{Channel, Estimate, Workspace};

/// Rows in a part of the work on a picture: some tens of parts in a large one.
const ROWS: usize = 16;
