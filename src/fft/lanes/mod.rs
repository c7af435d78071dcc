//! Sixteen transforms side by side: the numbers in the lanes of vectors, and the processors that have such.
//!
//! Where real and imaginary parts of sixteen lines of samples lie sixteen by sixteen in memory, a transform of
//! all of them is arithmetic of whole vectors, and nothing is shuffled. How many of the sixteen a register
//! holds is the processor's affair: what is computed is written once, as [`Work`](vector::Work) on any [`Lanes`](vector::Lanes), and
//! compiled for each of them.
//!
//! Vectors of all lengths give the same bits: every lane has the same operations in the same order, a product
//! and a sum rounded once. [`Portable`] alone rounds twice, as processors do that cannot do it at once.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod radix;
mod stage;
mod vector;

use portable::Portable;
pub(super) use radix::{Pair, Radix, Sixteen, times, turn};
pub(super) use stage::{Places, Stage, root};
pub(super) use vector::{Lane, Lanes, Sample, WIDTH, Work};

/// Vectors of this processor.
#[derive(Debug, Clone, Copy)]
pub(super) enum Processor {
    /// Sixteen numbers.
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    /// Eight.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    /// Four.
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
    /// As the compiler has it.
    Portable(Portable),
}

impl Processor {
    /// All that can be used here, the fastest first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let fast =
            [avx512::Avx512::detect().map(Self::Avx512), avx2::Avx2::detect().map(Self::Avx2)];
        #[cfg(target_arch = "aarch64")]
        let fast = [neon::Neon::detect().map(Self::Neon)];
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let fast = [None];
        fast.into_iter().flatten().chain([Self::Portable(Portable)])
    }

    /// The fastest.
    pub(super) fn detect() -> Self {
        Self::all().next().unwrap_or(Self::Portable(Portable))
    }

    /// Whether a product and a sum are rounded once.
    #[cfg(test)]
    pub(super) fn is_fused(self) -> bool {
        !matches!(self, Self::Portable(_))
    }

    /// Does the work.
    pub(super) fn run(self, work: impl Work) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(lanes) => lanes.run(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => lanes.run(work),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(lanes) => lanes.run(work),
            Self::Portable(lanes) => lanes.run(work),
        }
    }
}
