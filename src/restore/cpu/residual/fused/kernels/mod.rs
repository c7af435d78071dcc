//! The arithmetic of a network's layers, one kernel for each kind of processor.
//!
//! [`Scalar`] defines the result; the others give the same bits, faster. Which can be used is found
//! out when the program runs. All unsafe code of the restoration is in this folder: a kernel's type
//! is the proof that the processor has its instructions, and each kernel checks the lengths of what
//! it reads and writes before it does.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use std::fmt::Debug;

use super::layer::{Head, Layer};
use super::packed::{GROUP, LANES, Packed};
use crate::plan::network::Quantiser;
use scalar::Scalar;

/// The arithmetic of a network's layers.
pub(super) trait Kernel: Debug + Send + Sync {
    /// Name for people.
    fn name(&self) -> &'static str;

    /// Bytes of real numbers: `clamp(round(sample / scale) + zero, 0, 255)`.
    fn quantise(&self, quantiser: Quantiser, samples: &[f32], out: &mut [u8]);

    /// Real numbers of bytes: `(byte - zero) scale`.
    fn dequantise(&self, quantiser: Quantiser, bytes: &[u8], out: &mut [f32]);

    /// One row of the first convolution with its ReLU: the first `width` pixels of `out`. What lies
    /// behind them is unspecified afterwards. `rows` are those that the window sees of the first
    /// plane, of the second, and so on; each begins with the first sample seen for pixel 0.
    fn enter(&self, head: &Head, rows: &[&[u8]], width: usize, out: &mut [u8]);

    /// As [`Kernel::enter`] of a later convolution with its ReLU and, where the layer has one, its
    /// residual.
    fn convolve(&self, layer: &Layer, rows: Rows<'_>, width: usize, out: &mut [u8]);

    /// One row of the last convolution, of up to four channels, as two rows of bytes twice as long:
    /// channels 0 and 1 of a pixel lie side by side in the first, 2 and 3 in the second. Byte `zero`
    /// means 0.
    fn finish(&self, layer: &Layer, rows: Rows<'_>, zero: u8, out: [&mut [u8]; 2]);
}

/// Pixels of padding left of a row: what the window sees beyond it.
pub(super) const PADDING: usize = 1;
/// Pixels behind a row: padding, and room for kernels to work on whole blocks of positions.
pub(super) const SLACK: usize = 32;

/// Bytes of a row of `width` pixels with what is around it.
pub(super) const fn row_bytes(width: usize, blocks: usize) -> usize {
    (PADDING + width + SLACK) * blocks * LANES
}

/// Three rows with their padding: the window's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a>(pub(super) [&'a [u8]; 3]);

impl<'a> Rows<'a> {
    /// The channels that column `column` of the window sees for pixel `x`.
    fn seen(self, row: usize, x: usize, column: usize, blocks: usize) -> &'a [u8] {
        &self.0[row][(x + column) * blocks * LANES..][..blocks * LANES]
    }

    /// Panics where a kernel that works on `positions` pixels at once would read beyond the rows.
    fn check(self, layer: &Layer, width: usize, positions: usize) {
        // One pixel more lets the last be read by loads that are longer than it.
        let pixels = width.next_multiple_of(positions) + 2 * PADDING + 1;
        let bytes = pixels * layer.in_blocks * LANES;
        assert!(self.0.iter().all(|row| row.len() >= bytes), "rows shorter than {bytes} bytes");
    }
}

/// Panics where a kernel that works on `positions` pixels at once would read beyond the rows of the
/// head, or the rows are not as many as its window's.
fn check_head(head: &Head, rows: &[&[u8]], width: usize, positions: usize) {
    let bytes = 2 * width.next_multiple_of(positions) + head.groups * GROUP;
    assert!(rows.iter().all(|row| row.len() >= bytes), "rows shorter than {bytes} bytes");
    assert_eq!(rows.len(), head.planes * head.side, "rows that the window sees");
}

/// Panics where a kernel that works on `positions` pixels at once would write beyond the row.
fn check_out(packed: &Packed, width: usize, positions: usize, out: &[u8]) {
    let bytes = width.next_multiple_of(positions) * packed.blocks * LANES;
    assert!(out.len() >= bytes, "a row of {} bytes instead of {bytes}", out.len());
}

/// Every kernel that this processor can run, the fastest first.
pub(super) fn available() -> Vec<&'static dyn Kernel> {
    let mut kernels: Vec<&'static dyn Kernel> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        kernels.extend(avx512::Avx512::detect().map(|kernel| kernel as &dyn Kernel));
        kernels.extend(avx2::Avx2::detect().map(|kernel| kernel as &dyn Kernel));
    }
    #[cfg(target_arch = "aarch64")]
    {
        kernels.extend(neon::Dot::detect().map(|kernel| kernel as &dyn Kernel));
        kernels.extend(neon::Plain::detect().map(|kernel| kernel as &dyn Kernel));
    }
    kernels.push(&Scalar);
    kernels
}

#[cfg(test)]
mod tests;
