//! What a restoration is made of: pure data, without threads, files or a device.

mod edges; // beyond the frame
mod tone; // samples and light
mod regulariser; // noise and signal
mod expected; // of frames, on average
mod skeleton; // few that tell of many
mod field; // a filter for every place
mod filters; // what can be undone
mod borders; // what is likely beyond them
mod places; // of a blur
mod highlights; // what white hides
mod faults; // of the sensor's pixels
mod stripes; // of its rows and columns
mod fusion; // what frames have in common
mod chroma; // colours beside luma
mod guard; // what was missed
mod forecast; // what that is worth
pub mod network; // what fills in the rest
mod conditions; // what that is told
mod options; // how it is asked for
mod recipe; // all of it

pub use borders::{Band, Borders};
pub use chroma::Chroma;
pub use conditions::Conditions;
pub use edges::{Edges, Framing};
pub use faults::{AROUND, BESIDE, Faults};
pub use filters::Filters;
pub use forecast::{Forecast, Loss};
pub use fusion::{Fusion, TemporalOptions};
pub use guard::{Expectation, Guard, Powers};
pub use highlights::{Highlights, TileBlur};
pub use options::{Channels, Chosen, RestoreOptions};
pub use recipe::{PlanError, Projection, RestorePlan};
pub use regulariser::Regulariser;
pub use stripes::{Profile, Stripes};
pub use tone::{ToneCurve, to_samples};
