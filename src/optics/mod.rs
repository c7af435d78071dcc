//! What is known of a camera: its blur, its noise, its transfer curve.

mod npy; // arrays
mod psf; // one blur
mod axis; // along the frame
mod blur; // of the whole frame
mod transfer; // samples and light
mod curve; // as it was asked for
mod noise; // and its units
mod sigma; // as it was asked for
mod natural; // what pictures are like
mod calibration; // all of it
mod archive; // as a file
mod about; // what is no array in it
mod options; // as keys of a configuration

pub use archive::CalibrationError;
pub use axis::Axis;
pub use blur::{Blur, Field};
pub use calibration::{Calibration, Certainty, Method, Origin, Trust};
pub use curve::{Assumed, Clue, Curve};
pub use natural::{Contrast, laplacian, natural_chroma_power, natural_power};
pub use noise::{GrayLevels, Light, SensorNoise};
pub use options::CameraOptions;
pub use psf::picture::{framed, shades, shrunk};
pub use psf::{Found, Likeness, Psf, PsfError, Shape};
pub use sigma::Sigma;
pub use transfer::Transfer;
