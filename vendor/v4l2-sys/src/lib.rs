//! The kernel's video4linux2 interface as Rust types and constants, generated beforehand.
//!
//! Stands in for the registry's crate of the same name, which generates these at build time and
//! needs libclang for it. `README.md` says how they were made.

#![allow(clippy::all)]
#![allow(non_camel_case_types)]
#![allow(non_snake_case)]
#![allow(non_upper_case_globals)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("these bindings hold for 64-bit Linux only: pointers and times have 64 bits");

include!("bindings.rs");
