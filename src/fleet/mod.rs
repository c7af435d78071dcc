//! Daemons of many hosts that tell each other of their cameras, by the engine Zenoh.
//!
//! A camera is known by its host and its own [`Name`]; keys `deblurd/HOST/CAMERA/SUBJECT` say what is
//! told of it ([`Subject`]). A daemon publishes frames by an [`Outlet`] and shows by a [`Presence`] that
//! it is there and how it goes; whoever wants to know keeps a [`Watch`] over all. A [`Directive`] is sent
//! to a camera from afar and is taken only where it is signed ([`Gate`]).
//!
//! Who is connected with whom, and by which certificates, says a configuration file of Zenoh's own. A
//! [`Link`] opens by itself and comes back by itself; nothing waits for it: what cannot be sent now is
//! lost, and the receivers see by numbers how much.
//!
//! Nobody is trusted: a message has a size, a key and a sender's text that are bounded before anybody
//! reads them. Without the cargo feature `fleet` there is all of this but the engine, and a link is
//! refused with a sentence.

mod directive;
#[cfg_attr(not(feature = "fleet"), path = "absent.rs")]
mod engine;
mod error;
mod event;
mod gate;
mod name;
mod options;

pub use directive::{Directive, Secret};
pub use engine::{Link, Outlet, Presence, Watch, ask, check};
pub use error::FleetError;
pub use event::{Demand, Event, Reply, Station};
pub use gate::{Gate, Refusal};
pub use name::{Name, NameError, Subject, host};
pub use options::{FrameForm, ZenohOptions};

/// Whether this build has the engine.
pub const IS_BUILT: bool = cfg!(feature = "fleet");

/// What is said where it has not.
pub const NOT_BUILT: &str = "this build has no Zenoh (expected one with the cargo feature `fleet`: the \
                             packages, or `cargo build --release --features fleet`)";
