//! Boundary extension: a frame that is not periodic made so, before it is transformed.
//!
//! The transforms see a plane whose left edge continues its right edge. A real frame jumps there,
//! and the inverse of a large blur spreads the jump far into the picture. The frame is therefore
//! set into a larger plane whose margin leads smoothly from each edge to the opposite one: it is
//! *harmonic*, each of its samples the mean of its four neighbours. That makes the periodic
//! plane free of seams (Liu and Jia, "Reducing boundary artifacts in image deconvolution",
//! ICIP 2008).
//!
//! The margin falls into three rectangles: beside the frame, below it, and the corner between
//! them. In each, the values on the ring around it are known. The bilinear function through the
//! four corners of the ring is harmonic; after it is subtracted the ring is zero but for two
//! opposite sides, and for the corner rectangle altogether. A sine transform along those sides
//! makes every frequency `k` an equation of its own, with solution
//!
//! ```text
//! v_k(y) = a_k w_k(n + 1 - y) + b_k w_k(y),   w_k(y) = sinh(phi_k y) / sinh(phi_k (n + 1)),
//! cosh(phi_k) = 2 - cos(pi k / (m + 1))
//! ```
//!
//! for `n` rows of `m` samples between the sides `a` and `b`.

use crate::executor::{Executor, FreeList, for_chunks};
use crate::fft::SineTransform;
use crate::frame::{Extent, Plane};
use crate::plan::{Edges, Framing};

/// A planned extension of planes of one extent.
#[derive(Debug)]
pub(crate) struct Extension {
    framing: Framing,
    margin: Option<Margin>,
}

/// The rectangles of the margin, in the coordinates of a [`Framed`] plane.
#[derive(Debug)]
struct Margin {
    below: Rectangle,
    beside: Rectangle,
    corner: Rectangle,
}

/// An extended plane with the frame at column 0 and row 0, and the whole margin behind it: on a
/// periodic plane that is a matter of where counting begins.
struct Framed<'a> {
    plane: &'a mut Plane<f32>,
    offset: (usize, usize),
}

impl Extension {
    /// Plans the extension of frames to their planes, on up to `threads` threads.
    pub(crate) fn plan(framing: Framing, threads: usize) -> Self {
        let Framing { edges, inner, outer } = framing;
        let margin = (edges == Edges::Open).then(|| Margin::plan(inner, outer, threads));
        Self { framing, margin }
    }

    /// Where the frame lies in the plane.
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// Fills the margin of `extended`, in which the frame lies already.
    ///
    /// # Panics
    /// Where `extended` is not of the outer extent.
    pub(crate) fn apply(&mut self, executor: &dyn Executor, extended: &mut Plane<f32>) {
        let Framing { inner, outer, .. } = self.framing;
        assert_eq!(extended.extent(), outer, "a plane of another extent than planned");
        let offset = self.framing.offset();
        if let Some(margin) = &mut self.margin {
            margin.fill(inner, executor, &mut Framed { plane: extended, offset });
        }
    }
}

impl Framed<'_> {
    fn at(&mut self, x: usize, y: usize) -> &mut f32 {
        let (x, y) = self.place(x, y);
        &mut self.plane.row_mut(y)[x]
    }

    /// The samples of row `y` from column `x` on, so many: those up to the end of the plane, and those that are wrapped.
    fn from(&mut self, x: usize, y: usize, count: usize) -> [&mut [f32]; 2] {
        let (x, y) = self.place(x, y);
        let (wrapped, straight) = self.plane.row_mut(y).split_at_mut(x);
        let first = count.min(straight.len());
        [&mut straight[..first], &mut wrapped[..count - first]]
    }

    fn place(&self, x: usize, y: usize) -> (usize, usize) {
        let Extent { width, height } = self.plane.extent();
        let wrap = |place: usize, end: usize| if place < end { place } else { place - end };
        (wrap(x + self.offset.0, width), wrap(y + self.offset.1, height))
    }
}

impl Margin {
    fn plan(inner: Extent, outer: Extent, threads: usize) -> Self {
        let behind =
            |inner, outer| Span { before: inner - 1, first: inner, count: outer - inner, after: 0 };
        let within = |inner: usize| Span {
            before: 0,
            first: 1,
            count: inner.saturating_sub(2),
            after: inner - 1,
        };
        let (rows, columns) =
            (behind(inner.height, outer.height), behind(inner.width, outer.width));
        let strip =
            |along: Span, across: Span| Some(Strip::plan(along.count, across.count, threads));
        let (top, left) = (within(inner.height), within(inner.width));
        Self {
            below: Rectangle { rows, columns: left, across: strip(left, rows), down: None },
            beside: Rectangle { rows: top, columns, across: None, down: strip(top, columns) },
            // All four sides of the corner are straight.
            corner: Rectangle { rows, columns, across: None, down: None },
        }
    }

    /// Fills the margin. The outermost columns below the frame and rows beside it go straight from
    /// edge to edge; they complete the rings around the three rectangles.
    fn fill(&mut self, inner: Extent, executor: &dyn Executor, plane: &mut Framed<'_>) {
        let (rows, columns) = (self.corner.rows, self.corner.columns);
        for x in [0, inner.width - 1] {
            let (from, to) = (*plane.at(x, rows.before), *plane.at(x, rows.after));
            for step in 0..rows.count {
                *plane.at(x, rows.first + step) = rows.between(from, to, step);
            }
        }
        for y in [0, inner.height - 1] {
            let (from, to) = (*plane.at(columns.before, y), *plane.at(columns.after, y));
            columns.fill(from, to, plane.from(columns.first, y, columns.count));
        }
        self.below.fill(executor, plane);
        self.beside.fill(executor, plane);
        self.corner.fill(executor, plane);
    }
}

/// Consecutive rows or columns and the two between which they lie, on a periodic plane.
#[derive(Debug, Clone, Copy)]
struct Span {
    before: usize,
    first: usize,
    count: usize,
    after: usize,
}

impl Span {
    /// The value at `step` on the straight line from `before` to `after`.
    fn between(self, before: f32, after: f32, step: usize) -> f32 {
        let way = (step + 1) as f32 / (self.count + 1) as f32;
        before + way * (after - before)
    }

    /// Fills the samples of a line, which may be in two pieces, straight from `before` to `after`.
    fn fill(self, before: f32, after: f32, [first, second]: [&mut [f32]; 2]) {
        let steps = first.len();
        let fill = |from: usize, samples: &mut [f32]| {
            let steps = samples.iter_mut().enumerate();
            steps.for_each(|(step, sample)| *sample = self.between(before, after, from + step));
        };
        fill(0, first);
        fill(steps, second);
    }
}

/// A rectangle to fill harmonically from the ring around it. Where a pair of opposite sides is
/// straight, there is nothing to add for it and its strip is left out.
#[derive(Debug)]
struct Rectangle {
    rows: Span,
    columns: Span,
    across: Option<Strip>,
    down: Option<Strip>,
}

impl Rectangle {
    fn fill(&mut self, executor: &dyn Executor, plane: &mut Framed<'_>) {
        let (rows, columns) = (self.rows, self.columns);
        self.fill_bilinear(plane);
        if let Some(strip) = &mut self.across {
            strip.load(|side, x| match side {
                Side::First => *plane.at(columns.at(x), rows.before),
                Side::Last => *plane.at(columns.at(x), rows.after),
            });
            for (y, line) in (rows.first..).zip(strip.lines(executor)) {
                let [first, second] = plane.from(columns.first, y, line.len());
                let (start, end) = line.split_at(first.len());
                for (samples, line) in [(first, start), (second, end)] {
                    samples.iter_mut().zip(line).for_each(|(sample, v)| *sample += v);
                }
            }
        }
        if let Some(strip) = &mut self.down {
            strip.load(|side, y| match side {
                Side::First => *plane.at(columns.before, rows.at(y)),
                Side::Last => *plane.at(columns.after, rows.at(y)),
            });
            let (length, count) = (strip.length, columns.count);
            strip.fill_lines(executor);
            // Row by row: columns of a plane lie far apart.
            for y in 0..length {
                let lines = strip.lines[y..].iter().step_by(length);
                let [first, second] = plane.from(columns.first, rows.first + y, count);
                let samples = first.iter_mut().chain(second);
                samples.zip(lines).for_each(|(sample, v)| *sample += v);
            }
        }
    }

    fn fill_bilinear(&self, plane: &mut Framed<'_>) {
        let (rows, columns) = (self.rows, self.columns);
        let upper = (*plane.at(columns.before, rows.before), *plane.at(columns.after, rows.before));
        let lower = (*plane.at(columns.before, rows.after), *plane.at(columns.after, rows.after));
        for y in 0..rows.count {
            let left = rows.between(upper.0, lower.0, y);
            let right = rows.between(upper.1, lower.1, y);
            columns.fill(left, right, plane.from(columns.first, rows.first + y, columns.count));
        }
    }
}

impl Span {
    /// Position of the sample at `index` along a side with its corners: 0 is `before`.
    fn at(self, index: usize) -> usize {
        match index {
            0 => self.before,
            _ if index > self.count => self.after,
            _ => self.first + index - 1,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    First,
    Last,
}

/// Lines of samples between two opposite sides, zero on the other two.
#[derive(Debug)]
struct Strip {
    length: usize,
    sines: FreeList<SineTransform>,
    /// `w_k(y)` for every line `y` and frequency `k`.
    weights: Vec<f32>,
    /// The first side, then the last.
    sides: Vec<f32>,
    /// The samples, line by line, counted from the first side.
    lines: Vec<f32>,
}

impl Strip {
    fn plan(length: usize, lines: usize, threads: usize) -> Self {
        let weight = |index: usize| {
            let (y, k) = ((index / length + 1) as f64, (index % length + 1) as f64);
            let phi = (2.0 - (std::f64::consts::PI * k / (length + 1) as f64).cos()).acosh();
            let end = (lines + 1) as f64;
            // sinh(phi y) / sinh(phi end), without overflow.
            let ratio = (-2.0 * phi * y).exp_m1() / (-2.0 * phi * end).exp_m1();
            #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
            let weight = (ratio * (phi * (y - end)).exp()) as f32;
            weight
        };
        let sine = SineTransform::plan(length);
        Self {
            length,
            sines: FreeList::new(threads, || sine.clone()),
            weights: (0..length * lines).map(weight).collect(),
            sides: vec![0.0; 2 * length],
            lines: vec![0.0; length * lines],
        }
    }

    /// Takes the sides, corners included, less the straight lines between their corners.
    fn load(&mut self, mut side: impl FnMut(Side, usize) -> f32) {
        let Self { length, sines, sides, .. } = self;
        let scale = 2.0 / (*length + 1) as f32;
        let (first, last) = sides.split_at_mut(*length);
        for (which, target) in [(Side::First, first), (Side::Last, last)] {
            let (from, to) = (side(which, 0), side(which, *length + 1));
            for (index, sample) in target.iter_mut().enumerate() {
                let way = (index + 1) as f32 / (*length + 1) as f32;
                *sample = scale * (side(which, index + 1) - from - way * (to - from));
            }
        }
        sines.with(|| SineTransform::plan(*length), |sine| sine.apply(sides));
    }

    /// The lines between the sides, from the first on.
    fn lines(&mut self, executor: &dyn Executor) -> impl Iterator<Item = &[f32]> {
        self.fill_lines(executor);
        self.lines.chunks(self.length.max(1))
    }

    /// Fills the lines between the sides.
    fn fill_lines(&mut self, executor: &dyn Executor) {
        let Self { length, sines, weights, sides, lines } = self;
        // A frame of two rows or columns has no side between its corners.
        let length = (*length).max(1);
        let (first, last) = sides.split_at(sides.len() / 2);
        // Two lines go through one transform.
        for_chunks(executor, lines, 2 * length, &|pair, both| {
            for (y, line) in (2 * pair..).zip(both.chunks_mut(length)) {
                let from_last = &weights[y * length..][..length];
                let from_first = &weights[weights.len() - (y + 1) * length..][..length];
                let sides = first.iter().zip(from_first).zip(last.iter().zip(from_last));
                line.iter_mut().zip(sides).for_each(|(v, ((a, w), (b, u)))| *v = a * w + b * u);
            }
            sines.with(|| SineTransform::plan(length), |sine| sine.apply(both));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::testing::random_plane;
    use proptest::prelude::*;

    fn extended(plane: &Plane<f32>, psf: Extent) -> (Plane<f32>, (usize, usize)) {
        let framing = Framing::plan(Edges::Open, plane.extent(), psf);
        let (left, top) = framing.offset();
        let mut extension = Extension::plan(framing, 1);
        let mut outer = Plane::new(framing.outer, f32::NAN);
        for (y, row) in plane.rows().enumerate() {
            outer.row_mut(top + y)[left..][..row.len()].copy_from_slice(row);
        }
        extension.apply(&Sequential, &mut outer);
        (outer, (left, top))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_frame_stays_and_the_margin_is_harmonic(
            width in 1_usize..40, height in 1_usize..40, psf in 0_usize..5, seed: u64,
        ) {
            let plane = random_plane(Extent::new(width, height), seed);
            let (outer, (left, top)) = extended(&plane, Extent::new(2 * psf + 1, 2 * psf + 1));
            let Extent { width: w, height: h } = outer.extent();
            let at = |x: usize, y: usize| outer.row(y % h)[x % w];
            for y in 0..h {
                for x in 0..w {
                    let (in_x, in_y) = ((x + w - left) % w, (y + h - top) % h);
                    if in_x < width && in_y < height {
                        prop_assert_eq!(at(x, y), plane.row(in_y)[in_x]);
                    } else {
                        let mean = (at(x + 1, y) + at(x + w - 1, y) + at(x, y + 1) + at(x, y + h - 1)) / 4.0;
                        // Straight edges of the margin are harmonic only along themselves.
                        let on_edge = in_x == 0 || in_y == 0 || in_x + 1 == width || in_y + 1 == height;
                        prop_assert!(on_edge || (at(x, y) - mean).abs() < 1e-4, "{} {} is {}, neighbours {}", x, y, at(x, y), mean);
                    }
                }
            }
        }
    }

    #[test]
    fn a_circular_frame_is_left_alone() {
        let plane = random_plane(Extent::new(7, 5), 3);
        let framing = Framing::plan(Edges::Circular, plane.extent(), Extent::new(3, 3));
        let mut extension = Extension::plan(framing, 1);
        let mut outer = plane.clone();
        extension.apply(&Sequential, &mut outer);
        assert_eq!(outer, plane);
    }
}
