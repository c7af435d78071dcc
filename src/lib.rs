//! deblurd makes a blurred camera sharp in real time.
//!
//! The camera's blur is fixed and was calibrated once. Every frame is restored by residual
//! learning in the null space of the blur, `g = x_w + (I - H+H) f(x_w, y)`: a Wiener filter
//! recovers what the blur left, a small network fills in only what it destroyed.
//!
//! ```text
//!  source ═▶ queue ═▶ restore (Wiener │ network │ projection) ═▶ queue ═▶ sinks
//!    ▲                                                                      │
//!    └───────────── pool: a dropped frame's buffers come home ◀─────────────┘
//! ```
//!
//! The program is this library and a command line. To restore pictures in a program of one's own takes
//! what is known of the camera, a model - the released ones are part of the library
//! ([`station::load::released`]) - and who does the work:
//!
//! ```rust
//! use std::sync::Arc;
//! use deblurd::executor::Sequential; // or pipeline::Workers, for all cores
//! use deblurd::frame::{Extent, Picture, PictureFormat};
//! use deblurd::optics::{Calibration, GrayLevels, Psf};
//! use deblurd::plan::RestoreOptions;
//! use deblurd::station::{Recipe, load};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let psf = Psf::from_formula("motion:5,0").ok_or("no formula")??;
//! let recipe = Recipe {
//!     camera: Calibration::new(psf, GrayLevels::saturating(1.0)),
//!     model: load::model("nano")?, // or a file, or "none": the Wiener filter alone
//!     options: RestoreOptions::default(),
//!     executor: Arc::new(Sequential),
//! };
//! // An edge that moved by five pixels: from 60 to 180 in steps of 24.
//! let mut blurred = Picture::new(PictureFormat::gray(Extent::new(96, 64)));
//! for row in blurred.planes_mut()[0].rows_mut() {
//!     row.iter_mut().zip(0_u16..).for_each(|(it, x)| *it = 60 + 24 * x.clamp(46, 51).abs_diff(46));
//! }
//! let sharp = recipe.restored(&blurred)?; // `Recipe::restorer` restores frame after frame
//! let row = sharp.planes()[0].row(32);
//! assert!(row[47] < blurred.planes()[0].row(32)[47] && row[50] > 150);
//! # Ok(())
//! # }
//! ```
//!
//! The rooms stand from the bottom up: imports go only from later ones to earlier ones; `source`,
//! `restore` and `sink` do not know each other.

pub mod exit; // how the program ends
pub mod heap; // how memory goes back
mod sync; // what threads share memory by
pub mod keys; // how what is asked for is read
pub mod owner; // whose work a thread does
pub mod priority; // how a thread stands beside others
pub mod pace; // when something is done next
pub mod command; // programs of others
pub mod frame; // what flows
pub mod metrics; // what is counted
pub mod executor; // who does the parts of a work
pub mod fft; // transforms of planes
pub mod v4l2; // video devices of the kernel
pub mod optics; // what is known of a camera
pub mod plan; // what a restoration is made of
pub mod restore; // what is done to a frame
pub mod calibrate; // from pictures to what is known of a camera
pub mod source; // where frames come from
pub mod simulate; // cameras whose truth is known
pub mod fleet; // who else is told, on other hosts
pub mod sink; // where frames go
pub mod pipeline; // how they move
pub mod web; // who looks at them
pub mod config; // what was asked for
pub mod station; // one camera, running
pub mod daemon; // the process: signals, the service manager, the log
pub mod cli; // the commands
#[cfg(test)]
mod testing; // random pictures
