//! Chroma beside luma: by a Wiener filter at its own resolution, or half of it (`plan/chroma.rs`).
//!
//! Differences of colour are encoded values: they are restored as they are, for light has none. What blur
//! in light does to them differs little from what it would do in encoded values: on pictures blurred in the
//! light of sRGB the filter gives back 2.9 dB, on those blurred in encoded values 3.9.
//!
//! The two planes go one after the other through transforms that take two of their rows at a time already:
//! both in one complex transform would be the same work.

use std::sync::Arc;

use super::ROWS;
use super::extension::Extension;
use super::filtering::Filtering;
use super::rows::{RowSums, for_rows};
use crate::executor::{Executor, FreeList, for_chunks};
use crate::fft::FieldFilter;
use crate::frame::colour::{Scale, ycc_of};
use crate::frame::{Extent, Layout, Picture, PictureFormat, Plane};
use crate::plan::{Chroma, to_samples};

/// Restores the chroma of pictures of one format.
pub(crate) struct ChromaFilter {
    wiener: FieldFilter,
    /// Of chroma samples, or of red, green and blue.
    scale: Scale,
    is_rgb: bool,
    /// Whether one sample of the planes here stands for two, from left to right and downwards.
    halved: (bool, bool),
    /// Rows of differences, or of colours.
    rows: FreeList<[Vec<f32>; 3]>,
    filtering: Filtering,
    extension: Extension,
    executor: Arc<dyn Executor>,
    /// A difference of colour as captured, without its mean.
    y: Plane<f32>,
    sums: RowSums,
    restored: [Difference; 2],
}

/// A restored difference of colour.
struct Difference {
    plane: Plane<f32>,
    mean: f32,
}

impl ChromaFilter {
    pub(crate) fn new(plan: Chroma, format: PictureFormat, executor: &Arc<dyn Executor>) -> Self {
        let Chroma { halved, framing, wiener } = plan;
        let width = format.layout.plane_extent(format.extent, 1).width;
        let plane = || Plane::new(framing.outer, 0.0);
        Self {
            filtering: Filtering::plan(framing.outer, wiener.layers(), executor),
            extension: Extension::plan(framing, executor.threads()),
            wiener,
            scale: Scale::of_plane(format, 1),
            is_rgb: format.layout == Layout::Rgb,
            halved,
            rows: FreeList::new(executor.threads(), || rooms_of(width)),
            sums: RowSums::new(framing.inner.height),
            executor: Arc::clone(executor),
            y: plane(),
            restored: [plane(), plane()].map(|plane| Difference { plane, mean: 0.0 }),
        }
    }

    /// Restores the differences of a picture.
    pub(crate) fn run(&mut self, blurred: &Picture) {
        for index in 0..self.restored.len() {
            if self.is_rgb {
                self.load_of_colours(blurred, index);
            } else {
                self.load(&blurred.planes()[1 + index]);
            }
            let mean = self.subtract_mean();
            self.extension.apply(&*self.executor, &mut self.y);
            let restored = &mut self.restored[index];
            restored.mean = mean;
            self.filtering.apply(self.wiener.weighted(), &self.y, &mut restored.plane);
        }
    }

    /// Fills `values` with row `y` of a restored difference: that of blue, 0, or of red, 1; `room` is as long, and is
    /// overwritten.
    pub(crate) fn load_row(&self, index: usize, y: usize, room: &mut [f32], values: &mut [f32]) {
        let ((left, top), Extent { width, height }) = self.place();
        let Difference { plane, mean } = &self.restored[index];
        let row = |at: usize| &plane.row(top + at)[left..][..width];
        let (above, below, down) = between(y, self.halved.1, height);
        let means = if self.halved.0 { &mut room[..width] } else { &mut *values };
        let rows = row(above).iter().zip(row(below));
        let rows = means.iter_mut().zip(rows);
        rows.for_each(|(value, (a, b))| *value = mean + (a + down * (b - a)));
        if self.halved.0 {
            spread(&room[..width], values);
        }
    }

    /// Fills a plane of chroma samples.
    pub(crate) fn encode(&self, index: usize, white: u16, target: &mut Plane<u16>) {
        let (width, white) = (target.extent().width, f32::from(white));
        for_chunks(&*self.executor, target.samples_mut(), ROWS * width, &|part, rows| {
            self.rows.with(
                || rooms_of(width),
                |[room, values, _]| {
                    for (y, row) in (part * ROWS..).zip(rows.chunks_mut(width)) {
                        self.load_row(index, y, room, values);
                        to_samples(self.scale, white, values, row);
                    }
                },
            );
        });
    }

    /// Where a plane lies in its extended one.
    fn place(&self) -> ((usize, usize), Extent) {
        let framing = self.extension.framing();
        (framing.offset(), framing.inner)
    }

    /// Fills the plane with a plane of chroma samples.
    fn load(&mut self, chroma: &Plane<u16>) {
        let (scale, (across, down)) = (self.scale, self.factors());
        let Self { executor, extension, sums, y, .. } = self;
        for_rows(&**executor, extension.framing(), y, &|y, row| {
            fill_means(lines(chroma, y * down, down), across, row);
            row.iter_mut().for_each(|value| *value = scale.value(*value));
            sums.add_up(y, row);
        });
    }

    /// Fills the plane with a difference, that of blue, 0, or of red, 1, of red, green and blue samples.
    fn load_of_colours(&mut self, blurred: &Picture, index: usize) {
        let (scale, (across, down)) = (self.scale, self.factors());
        let Self { rows: rooms, executor, extension, sums, y, .. } = self;
        for_rows(&**executor, extension.framing(), y, &|y, row| {
            let width = row.len();
            rooms.with(
                || rooms_of(across * width),
                |rooms| {
                    for (means, plane) in rooms.iter_mut().zip(blurred.planes()) {
                        fill_means(lines(plane, y * down, down), across, &mut means[..width]);
                    }
                    let [red, green, blue] = &*rooms;
                    let colours = red.iter().zip(green).zip(blue);
                    let colours = colours.map(|((r, g), b)| [*r, *g, *b].map(|it| scale.value(it)));
                    let targets = row.iter_mut().zip(colours);
                    if index == 0 {
                        targets.for_each(|(value, colour)| *value = ycc_of(colour)[1]);
                    } else {
                        targets.for_each(|(value, colour)| *value = ycc_of(colour)[2]);
                    }
                },
            );
            sums.add_up(y, row);
        });
    }

    /// Samples of a picture, across and down, for one of the plane.
    fn factors(&self) -> (usize, usize) {
        (1 + usize::from(self.halved.0), 1 + usize::from(self.halved.1))
    }

    /// Takes the mean from the frame.
    fn subtract_mean(&mut self) -> f32 {
        let framing = self.extension.framing();
        let mean = self.sums.mean(framing.inner.area());
        for_rows(&*self.executor, framing, &mut self.y, &|_, row| {
            row.iter_mut().for_each(|value| *value -= mean);
        });
        mean
    }
}

/// Rows to work in, as wide as a picture's.
fn rooms_of(width: usize) -> [Vec<f32>; 3] {
    std::array::from_fn(|_| vec![0.0; width])
}

/// One or two rows of samples, the last of a plane taken for one behind it.
fn lines(plane: &Plane<u16>, y: usize, count: usize) -> [&[u16]; 2] {
    let last = plane.extent().height - 1;
    [plane.row(y), plane.row((y + count - 1).min(last))]
}

/// Fills `means` with those of two rows, each of as many columns, one or two, as go `across`; the last column is
/// taken for one behind it.
fn fill_means([above, below]: [&[u16]; 2], across: usize, means: &mut [f32]) {
    let mean = |above: [u16; 2], below: [u16; 2]| {
        let [a, b, c, d] = [above[0], above[1], below[0], below[1]].map(i32::from);
        0.25 * (a + b + c + d) as f32
    };
    if across == 1 {
        let pairs = above.iter().zip(below);
        let pairs = means.iter_mut().zip(pairs);
        return pairs.for_each(|(value, (a, b))| *value = mean([*a; 2], [*b; 2]));
    }
    let ((pairs, last), (others, other)) = (above.as_chunks::<2>(), below.as_chunks::<2>());
    for (value, (a, b)) in means.iter_mut().zip(pairs.iter().zip(others)) {
        *value = mean(*a, *b);
    }
    if let ([a], [b], Some(value)) = (last, other, means.last_mut()) {
        *value = mean([*a; 2], [*b; 2]);
    }
}

/// The means between which sample `at` lies, of so many, and how far it lies towards the second.
fn between(at: usize, is_halved: bool, count: usize) -> (usize, usize, f32) {
    match (is_halved, at % 2) {
        (false, _) => (at, at, 0.0),
        (true, 0) => ((at / 2).saturating_sub(1), at / 2, 0.75),
        (true, _) => (at / 2, (at / 2 + 1).min(count - 1), 0.25),
    }
}

/// Fills `values` with twice as many as there are `means`, linear between them.
fn spread(means: &[f32], values: &mut [f32]) {
    let towards = |mean: f32, other: f32| 0.75 * mean + 0.25 * other;
    let pairs = values.as_chunks_mut::<2>().0.iter_mut().skip(1);
    for (pair, near) in pairs.zip(means.windows(3)) {
        *pair = [towards(near[1], near[0]), towards(near[1], near[2])];
    }
    // The outermost have one neighbour.
    let last = 2 * means.len() - 1;
    for at in [0, 1, last - 1, last] {
        let (before, next, share) = between(at, true, means.len());
        let value = means[before] + share * (means[next] - means[before]);
        values.iter_mut().skip(at).take(1).for_each(|it| *it = value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linear_stays_so_between_its_means() {
        for length in [7, 8] {
            let is_inside = |at: usize| (1..length - 2).contains(&at);
            let means: Vec<_> = (0..length.div_ceil(2)).map(|at| 2.0 * at as f32 + 0.5).collect();
            let mut values = vec![0.0; length];
            spread(&means, &mut values);
            let differ = |(at, is): (usize, &f32)| (is - at as f32).abs() > 1e-6;
            assert!(!values.iter().enumerate().filter(|it| is_inside(it.0)).any(differ));
            for at in (0..length).filter(|&at| is_inside(at)) {
                let (above, below, down) = between(at, true, length.div_ceil(2));
                let mean = |of: usize| 2.0 * of as f32 + 0.5;
                let is = mean(above) + down * (mean(below) - mean(above));
                assert!((is - at as f32).abs() < 1e-6);
            }
        }
        assert_eq!(between(5, false, 9), (5, 5, 0.0));
    }

    #[test]
    fn means_are_of_what_there_is() {
        let plane =
            Plane::from_fn(Extent::new(3, 3), |x, y| u16::try_from(x + 10 * y).unwrap_or(0));
        let means = |y, count| {
            let mut means = vec![0.0; 3_usize.div_ceil(count)];
            fill_means(lines(&plane, y, count), count, &mut means);
            means
        };
        assert_eq!(means(1, 1), [10.0, 11.0, 12.0]);
        assert_eq!((means(0, 2), means(2, 2)), (vec![5.5, 7.0], vec![20.5, 22.0]));
    }
}
