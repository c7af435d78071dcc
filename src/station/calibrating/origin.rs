//! Who made a calibration, and when.

use std::time::SystemTime;

use crate::optics::{Method, Origin};
use crate::sink::in_words;

/// Where a calibration comes from that is made now.
pub fn origin(method: Method, frames: u32) -> Origin {
    let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
    Origin { method, frames, program, date: in_words(SystemTime::now()) }
}
