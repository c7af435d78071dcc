//! What a graphics card and its driver refuse.

use displaydoc::Display;

/// Why there is no graphics card to restore on.
#[derive(Debug, Clone, Display, thiserror::Error)]
pub enum NoGpu {
    /// there is no driver of NVIDIA's here (libcuda)
    Library,
    /// NVIDIA's driver lacks {0} (expected one for CUDA 11.4 or newer)
    Function(&'static str),
    /// NVIDIA's driver is for CUDA {major}.{minor} (expected 11.4 or newer)
    Version {
        /// Of CUDA.
        major: i32,
        /// Of CUDA.
        minor: i32,
    },
    /// NVIDIA's driver finds no card
    Absent,
    /// {name} has compute capability {major}.{minor} (expected 8.0 or higher)
    Capability {
        /// The card's.
        name: String,
        /// Of the capability.
        major: i32,
        /// Of the capability.
        minor: i32,
    },
    /// {0}
    Gpu(#[from] GpuError),
}

/// What went wrong on a graphics card.
#[derive(Debug, Clone, PartialEq, Display, thiserror::Error)]
pub enum GpuError {
    /// on the graphics card, {call} failed: {error} ({code})
    Call {
        /// What was asked of it.
        call: &'static str,
        /// The driver's answer, a number of `CUresult`.
        code: u32,
        /// What the driver calls it.
        error: String,
    },
    /// the graphics card cannot do {0}
    Unfit(String),
    /// the graphics card has failed before, and does nothing for this process any more
    Failed,
    /// the graphics card restores a golden frame otherwise than processors: {psnr:.1} dB between them (expected {least}
    /// or more)
    Differs {
        /// Of the one picture against the other.
        psnr: f64,
        /// That it should have.
        least: f64,
    },
}
