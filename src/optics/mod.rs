//! What is known of a camera: its blur, its noise, its transfer curve.

mod psf; // one blur
mod blur; // of the whole frame
mod transfer; // samples and light
mod noise; // and its units
mod calibration; // all of it
mod archive; // as a file
mod options; // as keys of a configuration

pub use archive::CalibrationError;
pub use blur::{Blur, Field};
pub use calibration::Calibration;
pub use noise::{GrayLevels, Light};
pub use options::CameraOptions;
pub use psf::{Psf, PsfError};
pub use transfer::Transfer;
