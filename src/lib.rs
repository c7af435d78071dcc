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
//! The rooms stand from the bottom up: imports go only from later ones to earlier ones; `source`,
//! `restore` and `sink` do not know each other.

pub mod exit; // how the program ends
mod sync; // what threads share memory by
pub mod keys; // how what is asked for is read
pub mod owner; // whose work a thread does
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
pub mod sink; // where frames go
pub mod pipeline; // how they move
pub mod web; // who looks at them
pub mod config; // what was asked for
pub mod station; // one camera, running
pub mod daemon; // the process: signals, the service manager, the log
pub mod cli; // the commands
#[cfg(test)]
mod testing; // random pictures
