//! Cameras of many hosts, by Zenoh: what is told of them, what they are told, and exact accounts of the
//! frames on both ends.

mod apart;
mod certificates;
mod directives;
mod frames;
mod hosts;
mod page;
mod python;
mod roles;

pub(crate) use roles::play_if_asked;
