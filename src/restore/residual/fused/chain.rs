//! A whole network, row by row: every layer follows the one before it by a row, so that only three
//! rows of activations lie between them, and stay in the cache.
//!
//! ```text
//! planes -> unshuffle, quantise -> [3 rows] -> layer 1 -> [3 rows] -> … -> last layer -> shuffle
//! ```
//!
//! Row `r` of a layer needs rows `r - 1` to `r + 1` of the one before: in step `t` layer `k` computes
//! row `t - k`. Beyond the first and the last row lie rows of zeros, as convolutions are padded.

use super::kernels::{Kernel, PADDING, Quantiser, Rows, row_bytes};
use super::layer::{LANES, Layer};

/// Pixels of a plane that one pixel of the half-size frame holds.
const UNSHUFFLED: usize = 4;

/// A network on frames of half the width and height.
#[derive(Debug)]
pub(super) struct Chain {
    /// Planes that the network sees.
    pub(super) planes: usize,
    pub(super) input: Quantiser,
    /// All layers but the last. The first takes `UNSHUFFLED` channels a plane.
    pub(super) layers: Vec<Layer>,
    /// Gives four channels: the pixels of the plane.
    pub(super) last: Layer,
    pub(super) output: Quantiser,
}

/// What a chain keeps while it runs over planes of one width.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    /// Pixels in a row of the half-size frame.
    width: usize,
    /// Two quantised rows of a plane.
    bytes: Vec<u8>,
    /// What each layer sees.
    rings: Vec<Ring>,
}

impl Scratch {
    /// For planes that are `width` samples wide.
    pub(super) fn new(chain: &Chain, width: usize) -> Self {
        let pixels = width / 2;
        let ring = |(index, layer): (usize, &Layer)| {
            let zero = if index == 0 { chain.input.zero } else { 0 };
            Ring::new(pixels, layer.in_blocks, zero)
        };
        let layers = chain.layers.iter().chain([&chain.last]);
        let rings = layers.enumerate().map(ring).collect();
        Self { width: pixels, bytes: vec![0; 2 * width], rings }
    }
}

impl Chain {
    /// Computes `f` from the planes `z`, each as large as `f`.
    pub(super) fn run(&self, kernel: &dyn Kernel, z: &[f32], f: &mut [f32], scratch: &mut Scratch) {
        let height = f.len() / (UNSHUFFLED * scratch.width);
        let depth = self.layers.len() + 1;
        for step in 0..height + depth {
            if step < height {
                self.load(kernel, z, step, height, scratch);
            }
            for (index, layer) in self.layers.iter().enumerate() {
                let row = step.checked_sub(index + 1).filter(|&row| row < height);
                if let Some(row) = row {
                    let (before, after) = scratch.rings.split_at_mut(index + 1);
                    let rows = before[index].around(row, height);
                    kernel.convolve(layer, rows, scratch.width, after[0].pixels_mut(row));
                    after[0].pad(row, scratch.width);
                }
            }
            if let Some(row) = step.checked_sub(depth) {
                let rows = scratch.rings[depth - 1].around(row, height);
                let samples = UNSHUFFLED * scratch.width;
                let (top, bottom) = f[row * samples..][..samples].split_at_mut(samples / 2);
                kernel.finish(&self.last, rows, self.output, [top, bottom]);
            }
        }
    }

    /// Quantises row `y` of the half-size frame: a pixel holds its four samples of every plane.
    fn load(&self, kernel: &dyn Kernel, z: &[f32], y: usize, height: usize, scratch: &mut Scratch) {
        let samples = UNSHUFFLED * scratch.width;
        let ring = &mut scratch.rings[0];
        let stride = ring.blocks * LANES;
        for plane in 0..self.planes {
            let rows = &z[(plane * height + y) * samples..][..samples];
            kernel.quantise(self.input, rows, &mut scratch.bytes);
            let (top, bottom) = scratch.bytes.split_at(samples / 2);
            let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
            for (pixel, (&[a, b], &[c, d])) in
                ring.pixels_mut(y).chunks_exact_mut(stride).zip(pairs)
            {
                pixel[UNSHUFFLED * plane..][..UNSHUFFLED].copy_from_slice(&[a, b, c, d]);
            }
        }
        ring.pad(y, scratch.width);
    }
}

/// The rows that a layer sees: three of activations, and one of zeros.
#[derive(Debug, Clone)]
struct Ring {
    rows: [Vec<u8>; 3],
    blank: Vec<u8>,
    blocks: usize,
}

impl Ring {
    fn new(pixels: usize, blocks: usize, zero: u8) -> Self {
        let row = || vec![zero; row_bytes(pixels, blocks)];
        Self { rows: [row(), row(), row()], blank: row(), blocks }
    }

    /// Row `y` and its neighbours, of `height` rows.
    fn around(&self, y: usize, height: usize) -> Rows<'_> {
        let row = |y: Option<usize>| match y.filter(|&y| y < height) {
            Some(y) => self.rows[y % 3].as_slice(),
            None => &self.blank,
        };
        Rows([row(y.checked_sub(1)), row(Some(y)), row(Some(y + 1))])
    }

    /// The pixels of row `y` and what lies behind them, to be filled.
    fn pixels_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.rows[y % 3][PADDING * self.blocks * LANES..]
    }

    /// Makes what the window sees behind the last of `width` pixels zero again.
    fn pad(&mut self, y: usize, width: usize) {
        let stride = self.blocks * LANES;
        let beyond = (PADDING + width) * stride..(2 * PADDING + width) * stride;
        self.rows[y % 3][beyond.clone()].copy_from_slice(&self.blank[beyond]);
    }
}
