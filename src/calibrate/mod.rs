//! From pictures to what is known of a camera.

mod noise;

pub use noise::estimate_sigma;
