//! Cameras of many hosts, by Zenoh: what is told of them, what they are told, and exact accounts of the
//! frames on both ends. A build without the feature refuses all of it with a sentence.

#[cfg(not(feature = "fleet"))]
mod absent;
#[cfg(feature = "fleet")]
mod apart;
#[cfg(feature = "fleet")]
mod directives;
#[cfg(feature = "fleet")]
mod frames;
#[cfg(feature = "fleet")]
mod hosts;
#[cfg(feature = "fleet")]
mod page;
#[cfg(feature = "fleet")]
mod python;
#[cfg(feature = "fleet")]
mod roles;

#[cfg(feature = "fleet")]
pub(crate) use roles::play_if_asked;
