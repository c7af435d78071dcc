//! The noise that a restoration must reckon with, told from frames: its effective level.
//!
//! Sensors add noise, coders round and smooth it, scalers and denoisers take its fine part away, and a
//! PSF that is not quite right leaves traces that look like it. To a restoration all of that is what its
//! data are wrong by. Where the blur passes next to nothing, there should be nothing but that: see
//! `bands`. How strong the picture itself is decides with it: see [`Contrast`](crate::optics::Contrast).

mod bands; // where there is noise alone
mod window; // the part of a frame that is looked at
mod rivals; // for another blur
mod gauge; // one frame
mod follow; // many of them

pub use follow::Follower;
pub use gauge::{Basis, Level, LevelGauge, Unfit};
pub use rivals::{Rival, Verdict};
