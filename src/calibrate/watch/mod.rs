//! Does a calibration still hold? How wide the blur is now, against what it was.
//!
//! That `H g` agrees with `y` tells nothing: the restoration makes it so. The spectrum of `y` tells:
//! [`Reference`] keeps those of the scenes that were seen when the camera was calibrated, [`Gauge`] finds
//! by how much wider the blur of a frame is, and [`Watch`] says what to think of a day of such figures.

mod reference; // what is kept of the calibration
mod gauge; // one frame against it
mod verdict; // what many frames tell

pub use gauge::{Gauge, Unfit};
pub use reference::Reference;
pub use verdict::{Standing, Watch};
