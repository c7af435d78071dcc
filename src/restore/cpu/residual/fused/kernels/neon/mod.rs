//! Arm with NEON: four output channels a register, sixteen bytes of weights at a time.
//!
//! Both kernels take the input's bytes as signed numbers, 128 less than they are; the bias makes up
//! for it. [`Dot`] uses `sdot`, which adds four products to each lane of 32 bits. [`Plain`], for
//! processors without it, makes products of 16 bits and adds neighbouring ones to lanes of 32 bits.

mod dot;
mod plain;
mod sums;

pub(super) use dot::Dot;
pub(super) use plain::Plain;
