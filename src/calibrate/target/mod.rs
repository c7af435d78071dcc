//! Calibration from a target: pictures of known cells give the blur that they went through.

mod pattern; // what is drawn
mod geometry; // where it is seen
mod find; // how it is found
mod curve; // samples and light
mod window; // what tells of the blur
mod render; // as an ideal camera sees it
mod light; // black and white over the frame
mod regression; // the sums
mod solve; // the blur
mod psf; // and what is asked of it
mod view; // all three for one position
mod lattice; // where it is finer than a sample
mod refine; // by each other
mod pool; // of several frames
mod noise; // and its brightness
mod outcome; // what was found
mod estimate; // all of it
mod guide; // while the target is held
mod gathering; // and which frames are kept
mod draw; // as a file

pub use curve::Curve;
pub use draw::{Paper, PngError, Sheet, SheetError};
pub use estimate::{GoesOn, Options, calibrate, calibrate_while};
pub use find::{FindError, Found, find};
pub use gathering::{FRAMES_MAX, Gathering};
pub use geometry::{Geometry, Point};
pub use guide::{Guide, Hint, Look};
pub use noise::Noise;
pub use outcome::{Outcome, Position, TargetError, Verdict};
pub use pattern::{Description, Pattern, PatternError, SQUARE};
pub use pool::luma;
