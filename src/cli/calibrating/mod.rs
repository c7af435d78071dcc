//! The commands that find out what is known of a camera.

mod calibrate;
mod estimate;
mod file; // what they write
mod frames; // what they read
mod grid; // over how many parts of the frame
mod report; // what they show
mod target;

pub(super) use calibrate::Calibrate;
pub(super) use estimate::Estimate;
pub(super) use target::Target;
