//! What a restoration is made of: pure data, without threads, files or a device.

mod edges; // beyond the frame
mod tone; // samples and light
mod regulariser; // noise and signal
mod expected; // of frames, on average
mod skeleton; // few that tell of many
mod field; // a filter for every place
mod filters; // what can be undone
mod highlights; // what white hides
mod fusion; // what frames have in common
mod chroma; // colours beside luma
mod forecast; // what that is worth
pub mod network; // what fills in the rest
mod options; // how it is asked for
mod recipe; // all of it

pub use chroma::Chroma;
pub use edges::{Edges, Framing};
pub use filters::Filters;
pub use forecast::{Forecast, Loss};
pub use fusion::{Fusion, TemporalOptions};
pub use highlights::{Highlights, TileBlur};
pub use options::{Channels, RestoreOptions};
pub use recipe::{PlanError, Projection, RestorePlan};
pub use regulariser::Regulariser;
pub use tone::ToneCurve;
