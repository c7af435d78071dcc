//! Whole frames or tiles? The filter of a 1280x720 frame, extended to 1344x768, by both.
//!
//! ```text
//! cargo bench --bench tiles
//! ```
//!
//! Overlap-save: each tile is transformed with a halo, as wide as the filter reaches, that is thrown
//! away. Two tiles are the real and the imaginary part of one complex transform; a filter that is
//! real in space keeps them apart, so nothing has to be told from anything else. A tile stays in the
//! second-level cache, but its halo is work for nothing.
//!
//! The restoration transforms whole frames; `docs/performance.md` has the figures that decided it.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use deblurd::fft::{Filter, RealFft2d};
use deblurd::frame::{Extent, Plane};

const EXTENT: Extent = Extent::new(1344, 768);
/// Sides and halos of tiles.
const TILES: [(usize, usize); 4] = [(128, 16), (256, 16), (256, 24), (512, 48)];
/// Columns that are worked on at once, and by how much they lie further apart than they are long.
const COLUMNS: usize = 16;
const GAP: usize = 8;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let input = Plane::from_fn(EXTENT, |x, y| ((x * x / 97 + y * y / 61) % 256) as f32 / 256.0);
    let mut output = Plane::new(EXTENT, 0.0);
    let mut group = criterion.benchmark_group(EXTENT.to_string());
    let (fft, filter) = (RealFft2d::plan(EXTENT), Filter::real(EXTENT, |_| 1.0));
    let mut spectrum = fft.spectrum(1);
    group.bench_function("whole", |bencher| {
        bencher.iter(|| fft.filter(&mut spectrum, &filter, &input, &mut output));
    });
    for (side, halo) in TILES {
        let mut tiles = Tiles::plan(side, halo);
        group.bench_function(
            BenchmarkId::new("tiles", format!("{side}, halo {halo}")),
            |bencher| {
                bencher.iter(|| tiles.filter(&input, &mut output));
            },
        );
        let far = output.samples().iter().zip(input.samples()).any(|(a, b)| (a - b).abs() > 1e-5);
        assert!(!far, "the filter of ones changes something");
    }
    group.finish();
}

/// A filter of square tiles.
struct Tiles {
    side: usize,
    halo: usize,
    forward: std::sync::Arc<dyn Fft<f32>>,
    inverse: std::sync::Arc<dyn Fft<f32>>,
    factors: Vec<f32>,
    tile: Vec<Complex32>,
    columns: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Tiles {
    fn plan(side: usize, halo: usize) -> Self {
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(side), planner.plan_fft_inverse(side));
        let scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        let zeros = |count| vec![Complex32::default(); count];
        Self {
            side,
            halo,
            factors: vec![1.0 / (side * side) as f32; side * side],
            tile: zeros(side * side),
            columns: zeros(COLUMNS * (side + GAP)),
            scratch: zeros(scratch),
            forward,
            inverse,
        }
    }

    fn filter(&mut self, input: &Plane<f32>, output: &mut Plane<f32>) {
        let step = self.side - 2 * self.halo;
        let across = EXTENT.width.div_ceil(step);
        let count = across * EXTENT.height.div_ceil(step);
        let place = |index: usize| (index % across * step, index / across * step);
        for first in (0..count).step_by(2) {
            let both = [place(first), place((first + 1).min(count - 1))];
            self.load(input, both);
            self.forward.process_with_scratch(&mut self.tile, &mut self.scratch);
            self.filter_columns();
            let own = self.halo * self.side..(self.side - self.halo) * self.side;
            self.inverse.process_with_scratch(&mut self.tile[own], &mut self.scratch);
            self.store(both, output);
        }
    }

    /// Takes in two tiles with their halos, around the edges where they lie beyond them.
    fn load(&mut self, input: &Plane<f32>, both: [(usize, usize); 2]) {
        let Extent { width, height } = EXTENT;
        for (y, row) in self.tile.chunks_exact_mut(self.side).enumerate() {
            let [a, b] = both.map(|(_, top)| input.row((top + y + height - self.halo) % height));
            let [left_a, left_b] = both.map(|(left, _)| left + width - self.halo);
            if both.iter().all(|&(left, _)| left >= self.halo && left + self.side <= width) {
                let pairs = a[left_a - width..].iter().zip(&b[left_b - width..]);
                row.iter_mut().zip(pairs).for_each(|(z, (a, b))| *z = Complex32::new(*a, *b));
            } else {
                for (x, z) in row.iter_mut().enumerate() {
                    *z = Complex32::new(a[(left_a + x) % width], b[(left_b + x) % width]);
                }
            }
        }
    }

    fn filter_columns(&mut self) {
        let (side, pitch) = (self.side, self.side + GAP);
        for first in (0..side).step_by(COLUMNS) {
            for (y, row) in self.tile.chunks_exact(side).enumerate() {
                let columns = self.columns.chunks_exact_mut(pitch).zip(&row[first..]);
                columns.for_each(|(column, z)| column[y] = *z);
            }
            let factors = self.factors[first * side..].chunks_exact(side);
            for (column, factors) in self.columns.chunks_exact_mut(pitch).zip(factors) {
                let column = &mut column[..side];
                self.forward.process_with_scratch(column, &mut self.scratch);
                column.iter_mut().zip(factors).for_each(|(z, factor)| *z *= *factor);
                self.inverse.process_with_scratch(column, &mut self.scratch);
            }
            for (y, row) in self.tile.chunks_exact_mut(side).enumerate() {
                let columns = self.columns.chunks_exact(pitch).zip(&mut row[first..]);
                columns.for_each(|(column, z)| *z = column[y]);
            }
        }
    }

    fn store(&self, [a, b]: [(usize, usize); 2], output: &mut Plane<f32>) {
        let step = self.side - 2 * self.halo;
        for y in 0..step {
            let own = &self.tile[(y + self.halo) * self.side + self.halo..][..step];
            // The last tile may be alone, and is then both.
            row(output, a, y).iter_mut().zip(own).for_each(|(sample, z)| *sample = z.re);
            row(output, b, y).iter_mut().zip(own).for_each(|(sample, z)| *sample = z.im);
        }
    }
}

/// Row `y` of the tile at `left` and `top`, and what follows it.
fn row(plane: &mut Plane<f32>, (left, top): (usize, usize), y: usize) -> &mut [f32] {
    if top + y < EXTENT.height { &mut plane.row_mut(top + y)[left..] } else { &mut [] }
}
