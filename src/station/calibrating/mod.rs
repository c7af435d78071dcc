//! Calibrating a running station from the target, while its frames flow.
//!
//! ```text
//! nobody looks ◀──▶ looking ──▶ gathering ──▶ estimating ──▶ looking, with what was found
//! ```
//!
//! One thread does all of it, on copies of frames and in the time that frames leave: where the target
//! is and what would help is told while somebody looks, frames are gathered once that is asked for,
//! and the blur is found. Each step ends: nobody looks any more, it takes too long, or it is broken
//! off. Nothing is used by itself; the file is written where the configuration says, if anywhere.

mod bench; // what it is made with
mod calibrator; // who is asked for it
mod find; // from frames to what is told
mod origin; // who made it, and when
mod post; // what is wanted
mod settings; // what the camera says of itself
mod work; // who does it

pub use bench::Bench;
pub use calibrator::Calibrator;
pub use origin::origin;
pub use settings::Settings;
