//! Video devices of Linux (V4L2), as cameras and outputs need them.
//!
//! A [`Device`] tells what it is and can do, and is set up through it: formats, rates, controls.
//! [`Capture`] and [`Output`] move frames through buffers shared with the driver. What the driver
//! really did is read back, and codes that nobody knows stay numbers: a driver may be newer than
//! this program.
//!
//! The crate `v4l` gives the numbers and structures of the ioctls and the raw call, nothing else:
//! its streams get stuck after one timeout, and its formats and destructors panic on what drivers
//! say. All else goes through the trait [`Driver`], whose place a model takes in tests. Unsafe code
//! is in two places: `sys` hands addresses to the kernel, `map` maps its buffers.

mod error; // what goes wrong
mod kind; // which way pictures go
mod format; // what pictures there are
mod driver; // what is asked of a driver
mod sys; // the ioctls
mod map; // the memory
mod ioctls; // the drivers of the kernel
mod queue; // whose each buffer is
mod stamps; // whose clock it is
mod capture; // frames in
mod output; // frames out
mod device; // what it is
mod value; // what is wanted of a control
mod control; // what can be set
mod setting; // which value that is
mod controls; // all of a device
mod nodes; // which devices there are
#[cfg(test)]
pub(crate) mod model; // of a driver
#[cfg(test)]
mod tests;

pub use capture::{Capture, Captured, Damage};
pub use control::{Automatic, Control, ControlKind};
pub use device::{Capabilities, Device};
pub use driver::{Dequeued, Driver, Events, Memory, PLANES_MAX, PlaneUse};
pub use error::{ErrorKind, Fault, V4l2Error};
pub use format::{
    ColourCodes, Field, Format, FormatDescription, FormatWish, FourCc, FrameIntervals, FrameSizes,
    Interval, PlaneLayout,
};
pub use ioctls::Ioctls;
pub use kind::{BufferKind, Direction};
pub use map::Mapping;
pub use nodes::Node;
pub use output::{Output, Vacant};
pub use queue::BUFFERS_MAX;
pub use stamps::{Clock, Distrust};
pub use value::{ControlValue, MenuItem, Setting};
