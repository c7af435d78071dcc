//! The engine: connections, publications, questions.

mod ask;
mod farewell;
mod helper;
mod inbox;
mod link;
mod outlet;
mod presence;
mod watch;

pub use self::{
    ask::ask,
    link::{Link, check},
    outlet::Outlet,
    presence::Presence,
    watch::Watch,
};
