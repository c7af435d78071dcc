//! The live page, the streams, the snapshots and the state of the program, over HTTP.
//!
//! A server on a thread of its own, with a runtime of its own, shows the newest frames of any
//! number of stations to a bounded number of viewers. What a station is here is a [`Face`]: its
//! name, its showcase and its statistics. The only one answers at the addresses that name none; of
//! several each answers at `/NAME/`, and what names none is of all: an overview, states, statistics.
//!
//! A second screen or a phone can show the target of `calibrate` from here.
//!
//! Nobody is trusted: a connection must ask within a second and take its answers within seconds, only
//! names of this server are its names, and whoever can be reached from other machines asks for a
//! token. A connection has a seat only once it was let in, and an address only a share of them; where
//! all are taken, everybody is still told how the program is.

mod accept;
mod afar;
mod assets;
mod calibrate;
mod caller;
mod describe;
mod desk;
mod door;
mod error;
mod exposition;
mod face;
mod hosts;
mod lobby;
mod lockout;
mod login;
mod openmetrics;
mod options;
mod overview;
mod posted;
mod query;
mod reach;
mod respond;
mod room;
mod roster;
mod routes;
mod seats;
mod server;
mod site;
mod stall;
mod state;
mod stream;
mod target;
mod token;
mod tune;
mod visitor;
mod wish;

pub use desk::{Desk, Keeper};
pub use error::WebError;
pub use face::{Face, Faces};
pub use options::{HttpOptions, Limits, needs_token};
pub use overview::is_address;
pub use room::check_clients;
pub use roster::{Condition, Member, Roster};
pub use server::Server;
pub use state::{FrameState, NamedState, State, States, StreamState};
pub use token::{Token, TokenError};
pub use wish::{Order, Wish};
