//! Chroma beside luma: by a Wiener filter at its own resolution.
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
use crate::executor::{Executor, for_chunks};
use crate::fft::FieldFilter;
use crate::frame::colour::{Scale, ycc_of};
use crate::frame::{Extent, Layout, Picture, PictureFormat, Plane};
use crate::plan::Chroma;

/// Restores the chroma of pictures of one format.
pub(crate) struct ChromaFilter {
    wiener: FieldFilter,
    /// Of chroma samples, or of red, green and blue.
    scale: Scale,
    is_rgb: bool,
    filtering: Filtering,
    extension: Extension,
    executor: Arc<dyn Executor>,
    /// A difference of colour as captured, without its mean.
    y: Plane<f32>,
    restored: [Difference; 2],
}

/// A restored difference of colour.
struct Difference {
    plane: Plane<f32>,
    mean: f32,
}

impl ChromaFilter {
    pub(crate) fn new(plan: Chroma, format: PictureFormat, executor: &Arc<dyn Executor>) -> Self {
        let Chroma { framing, wiener } = plan;
        let plane = || Plane::new(framing.outer, 0.0);
        Self {
            filtering: Filtering::plan(framing.outer, wiener.layers(), executor),
            extension: Extension::plan(framing, executor.threads()),
            wiener,
            scale: Scale::of_plane(format, 1),
            is_rgb: format.layout == Layout::Rgb,
            executor: Arc::clone(executor),
            y: plane(),
            restored: [plane(), plane()].map(|plane| Difference { plane, mean: 0.0 }),
        }
    }

    /// Restores the differences of a picture.
    pub(crate) fn run(&mut self, blurred: &Picture) {
        for index in 0..self.restored.len() {
            self.load(blurred, index);
            let mean = self.subtract_mean();
            self.extension.apply(&*self.executor, &mut self.y);
            let restored = &mut self.restored[index];
            restored.mean = mean;
            self.filtering.apply(self.wiener.weighted(), &self.y, &mut restored.plane);
        }
    }

    /// Row `y` of a restored difference: that of blue, 0, or of red, 1.
    pub(crate) fn row(&self, index: usize, y: usize) -> impl Iterator<Item = f32> {
        let ((left, top), Extent { width, .. }) = self.place();
        let Difference { plane, mean } = &self.restored[index];
        plane.row(y + top)[left..][..width].iter().map(move |value| value + mean)
    }

    /// Fills a plane of chroma samples.
    pub(crate) fn encode(&self, index: usize, white: u16, target: &mut Plane<u16>) {
        let (width, white) = (target.extent().width, f32::from(white));
        for_chunks(&*self.executor, target.samples_mut(), ROWS * width, &|part, rows| {
            for (y, row) in (part * ROWS..).zip(rows.chunks_mut(width)) {
                for (sample, value) in row.iter_mut().zip(self.row(index, y)) {
                    let rounded = self.scale.sample(value).clamp(0.0, white).round_ties_even();
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "clamped"
                    )]
                    let rounded = rounded as u16;
                    *sample = rounded;
                }
            }
        });
    }

    /// Where a plane lies in its extended one.
    fn place(&self) -> ((usize, usize), Extent) {
        let framing = self.extension.framing();
        (framing.offset(), framing.inner)
    }

    /// Fills the plane with a difference of a picture.
    fn load(&mut self, blurred: &Picture, index: usize) {
        let ((left, top), Extent { width, height }) = self.place();
        let (outer, scale, is_rgb) = (self.y.extent().width, self.scale, self.is_rgb);
        let frame = &mut self.y.samples_mut()[top * outer..][..height * outer];
        for_chunks(&*self.executor, frame, ROWS * outer, &|part, rows| {
            for (y, row) in (part * ROWS..).zip(rows.chunks_mut(outer)) {
                let values = row[left..][..width].iter_mut();
                if is_rgb {
                    let colours = [0, 1, 2].map(|plane: usize| blurred.planes()[plane].row(y));
                    for (x, value) in values.enumerate() {
                        let colours = colours.map(|row| scale.value(f32::from(row[x])));
                        *value = ycc_of(colours)[1 + index];
                    }
                } else {
                    let samples = values.zip(blurred.planes()[1 + index].row(y));
                    samples.for_each(|(value, &it)| *value = scale.value(f32::from(it)));
                }
            }
        });
    }

    /// Takes the mean from the frame.
    fn subtract_mean(&mut self) -> f32 {
        let ((left, top), Extent { width, height }) = self.place();
        let rows = top..top + height;
        let sum = |row: &[f32]| row[left..][..width].iter().map(|&it| f64::from(it)).sum::<f64>();
        let sum = rows.clone().map(|y| sum(self.y.row(y))).sum::<f64>();
        #[expect(clippy::cast_possible_truncation, reason = "a mean of f32 fits f32")]
        let mean = (sum / (width * height) as f64) as f32;
        for y in rows {
            self.y.row_mut(y)[left..][..width].iter_mut().for_each(|value| *value -= mean);
        }
        mean
    }
}
