//! What a restoration is made of: pure data, without threads, files or a device.

mod edges; // beyond the frame
mod tone; // samples and light
mod filters; // what can be undone
pub mod network; // what fills in the rest
mod recipe; // all of it

pub use edges::{Edges, Framing};
pub use filters::{Filters, Regulariser};
pub use recipe::{Channels, PlanError, Projection, RestoreOptions, RestorePlan};
pub use tone::ToneCurve;
