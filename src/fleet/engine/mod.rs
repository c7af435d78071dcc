//! The engine: connections, publications, questions. Without the cargo feature `fleet` there is none,
//! and [`Link::open`] says so; nothing else can be made without a link.

#[cfg(not(feature = "fleet"))]
mod absent;
#[cfg(feature = "fleet")]
mod ask;
#[cfg(feature = "fleet")]
mod farewell;
#[cfg(feature = "fleet")]
mod helper;
#[cfg(feature = "fleet")]
mod inbox;
#[cfg(feature = "fleet")]
mod link;
#[cfg(feature = "fleet")]
mod outlet;
#[cfg(feature = "fleet")]
mod presence;
#[cfg(feature = "fleet")]
mod watch;

#[cfg(feature = "fleet")]
pub use self::{
    ask::ask,
    link::{Link, check},
    outlet::Outlet,
    presence::Presence,
    watch::Watch,
};
#[cfg(not(feature = "fleet"))]
pub use absent::{Link, Outlet, Presence, Watch, ask, check};
