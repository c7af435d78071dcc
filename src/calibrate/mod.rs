//! From pictures to what is known of a camera.

mod linear;
mod noise; // of a picture
mod flaws; // what no restoration mends
mod orientation;
pub mod level; // what restorations must reckon with
pub mod target; // the blur, from pictures of a target
pub mod blind; // the blur, from ordinary frames
pub mod watch; // whether it still holds
mod measured; // all that a target tells

pub use flaws::{Flaw, Flaws};
pub use measured::measured;
pub use noise::estimate_sigma;
pub use orientation::Orientation;
