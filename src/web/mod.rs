//! The live page, the streams, the snapshots and the state of the program, over HTTP.
//!
//! A server on a thread of its own, with a runtime of its own, shows the newest frames of any
//! number of stations to a bounded number of viewers. What a station is here is a [`Face`]: its
//! name, its showcase and its statistics. The first one answers at the addresses that name none,
//! each at `/station/NAME/` as well.
//!
//! A second screen or a phone can show the target of `calibrate` from here.
//!
//! Nobody is trusted: headers must come within seconds, answers must be taken within seconds, only
//! names of this server are its names, and whoever can be reached from other machines asks for a
//! token. Where all places are taken, a few more are told how the program is.

mod accept;
mod calibrate;
mod describe;
mod desk;
mod exposition;
mod face;
mod hosts;
mod options;
mod posted;
mod respond;
mod routes;
mod server;
mod site;
mod stall;
mod state;
mod stream;
mod target;
mod token;
mod tune;
mod wish;

pub use desk::{Desk, Keeper};
pub use face::Face;
pub use options::{HttpOptions, Limits, needs_token};
pub use server::{Server, WebError};
pub use state::{FrameState, State, StreamState};
pub use token::{Token, TokenError};
pub use wish::{Order, Wish};
