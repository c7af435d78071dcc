//! The arithmetic of a network's layers, one kernel for each kind of processor.
//!
//! [`Scalar`] defines the result; the others give the same bits, faster. Which can be used is found
//! out when the program runs. All unsafe code of the restoration is in this folder: a kernel's type
//! is the proof that the processor has its instructions, `tile.rs` checks the lengths of what is read
//! and written before it calls any, and the kernels read and write no more than was checked.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod tile;

pub(super) use kernel::{Kernel, PADDING, Rows, SLACK, Seen, row_bytes};
use scalar::Scalar;

/// Every kernel that this processor can run, the fastest first. One that is missing here is never
/// used, which the compiler notices.
pub(super) fn available() -> Vec<&'static dyn Kernel> {
    #[cfg(target_arch = "x86_64")]
    let fast = [
        avx512::Avx512::detect().map(|kernel| kernel as &dyn Kernel),
        avx2::Avx2::detect().map(|kernel| kernel as &dyn Kernel),
    ];
    #[cfg(target_arch = "aarch64")]
    let fast = [
        neon::Dot::detect().map(|kernel| kernel as &dyn Kernel),
        neon::Plain::detect().map(|kernel| kernel as &dyn Kernel),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let fast = [None];
    let scalar: &dyn Kernel = &Scalar;
    fast.into_iter().flatten().chain([scalar]).collect()
}

#[cfg(test)]
mod tests;
