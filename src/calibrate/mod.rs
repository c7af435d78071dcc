//! From pictures to what is known of a camera.

mod noise; // of a picture
mod orientation;

pub use noise::estimate_sigma;
pub use orientation::Orientation;
