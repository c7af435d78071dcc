//! Last step: from planes of light to the samples of the restored picture.

use std::sync::Arc;

use super::ROWS;
use super::chroma::ChromaFilter;
use super::decode::is_luma_of_rgb;
use super::workspace::{Channel, Estimate, Workspace};
use crate::executor::{Executor, FreeList, for_all, for_chunks};
use crate::frame::colour::{luma_row, rgb_of};
use crate::frame::{Picture, Plane};
use crate::optics::Contrast;
use crate::plan::{Framing, ToneCurve};

/// Writes the restored picture. Planes that were not restored pass through. Where luma and chroma of red,
/// green and blue were restored, these are made of them; where luma alone was, its change is added to all
/// three, which leaves the colour differences as they were.
pub(crate) struct Encode {
    curve: Arc<ToneCurve>,
    /// What brings amplitudes of ordinary frames back to those of this one.
    contrast: f32,
    width: usize,
    offset: (usize, usize),
    executor: Arc<dyn Executor>,
    scratches: FreeList<Scratch>,
}

/// What one part works on: rows of encoded values.
#[derive(Debug)]
struct Scratch {
    values: Vec<f32>,
    sums: Vec<f32>,
    differences: [Vec<f32>; 2],
}

/// A plane of light, and what was set aside from it: the mean, and lamps.
#[derive(Clone, Copy)]
struct PlaneOfLight<'a> {
    plane: &'a Plane<f32>,
    mean: f32,
    lamps: Option<&'a Plane<f32>>,
}

impl<'a> PlaneOfLight<'a> {
    fn of(channel: &'a Channel, newest: Estimate) -> Self {
        let lamps = channel.has_lamps.then_some(&channel.beyond);
        Self { plane: channel.estimate(newest), mean: channel.mean, lamps }
    }
}

impl Encode {
    pub(crate) fn new(
        curve: Arc<ToneCurve>,
        contrast: Contrast,
        framing: Framing,
        executor: Arc<dyn Executor>,
    ) -> Self {
        let (width, offset) = (framing.inner.width, framing.offset());
        let scratches = FreeList::new(executor.threads(), || Scratch::new(width));
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let contrast = contrast.get() as f32;
        Self { curve, contrast, width, offset, executor, scratches }
    }

    /// Writes the newest estimates of the blurred picture's channels.
    pub(crate) fn run(
        &self,
        work: &Workspace,
        (newest, chroma): (Estimate, Option<&ChromaFilter>),
        blurred: &Picture,
        restored: &mut Picture,
    ) {
        restored.reshape(blurred.format());
        if is_luma_of_rgb(work, blurred.format().layout) {
            let light = PlaneOfLight::of(&work.channels[0], newest);
            return match chroma {
                Some(chroma) => self.join(light, chroma, restored),
                None => self.add_luma(light, blurred, restored),
            };
        }
        for (channel, plane) in work.channels.iter().zip(restored.planes_mut()) {
            self.encode(PlaneOfLight::of(channel, newest), plane);
        }
        if let Some(chroma) = chroma {
            let white = blurred.format().white();
            let planes = restored.planes_mut().iter_mut().skip(1).enumerate();
            return planes.for_each(|(index, plane)| chroma.encode(index, white, plane));
        }
        let passing = blurred.planes().iter().zip(restored.planes_mut()).skip(work.channels.len());
        passing.for_each(|(source, target)| {
            target.samples_mut().copy_from_slice(source.samples());
        });
    }

    /// Fills `values` with the encoded values of row `y` of the frame.
    fn load(&self, light: PlaneOfLight<'_>, y: usize, values: &mut [f32]) {
        let (left, top) = self.offset;
        let row = &light.plane.row(y + top)[left..];
        let restored = row.iter().map(|sample| sample * self.contrast + light.mean);
        values.iter_mut().zip(restored).for_each(|(value, light)| *value = light);
        if let Some(lamps) = light.lamps {
            // They were set aside before the gain, in the light of this frame.
            let row = &lamps.row(y + top)[left..];
            values.iter_mut().zip(row).for_each(|(value, lamp)| *value += lamp);
        }
        self.curve.encode(values);
    }

    fn encode(&self, light: PlaneOfLight<'_>, target: &mut Plane<u16>) {
        for_chunks(&*self.executor, target.samples_mut(), ROWS * self.width, &|part, rows| {
            self.with_scratch(|scratch| {
                for (y, row) in (part * ROWS..).zip(rows.chunks_mut(self.width)) {
                    self.load(light, y, &mut scratch.values);
                    self.curve.samples(&scratch.values, row);
                }
            });
        });
    }

    fn add_luma(&self, light: PlaneOfLight<'_>, blurred: &Picture, restored: &mut Picture) {
        let [red, green, blue] = restored.planes_mut() else { return };
        let parts = |plane| Plane::samples_mut(plane).chunks_mut(ROWS * self.width);
        let parts = parts(red).zip(parts(green)).zip(parts(blue)).enumerate();
        for_all(&*self.executor, parts, &|(part, ((red, green), blue))| {
            self.with_scratch(|scratch| {
                let mut rows = [red, green, blue].map(|rows| rows.chunks_mut(self.width));
                for y in (part * ROWS..blurred.extent().height).take(ROWS) {
                    self.load_change(light, blurred, y, scratch);
                    for (rows, source) in rows.iter_mut().zip(blurred.planes()) {
                        rows.next()
                            .into_iter()
                            .for_each(|row| self.add(source.row(y), row, scratch));
                    }
                }
            });
        });
    }

    /// Writes red, green and blue of restored luma and restored chroma.
    fn join(&self, light: PlaneOfLight<'_>, chroma: &ChromaFilter, restored: &mut Picture) {
        let [red, green, blue] = restored.planes_mut() else { return };
        let parts = |plane| Plane::samples_mut(plane).chunks_mut(ROWS * self.width);
        let parts = parts(red).zip(parts(green)).zip(parts(blue)).enumerate();
        for_all(&*self.executor, parts, &|(part, ((red, green), blue))| {
            self.with_scratch(|scratch| {
                let rows = red.chunks_mut(self.width).zip(green.chunks_mut(self.width));
                let rows = rows.zip(blue.chunks_mut(self.width));
                for (y, ((red, green), blue)) in (part * ROWS..).zip(rows) {
                    self.load(light, y, &mut scratch.values);
                    for (index, values) in scratch.differences.iter_mut().enumerate() {
                        chroma.load_row(index, y, &mut scratch.sums, values);
                    }
                    scratch.make_colours();
                    let Scratch { values, differences: [blues, reds], .. } = &*scratch;
                    let colours = [(reds, red), (values, green), (blues, blue)];
                    for (values, row) in colours {
                        self.curve.samples(values, row);
                    }
                }
            });
        });
    }

    /// Fills the scratch's values with what is added to row `y`.
    fn load_change(
        &self,
        light: PlaneOfLight<'_>,
        blurred: &Picture,
        y: usize,
        scratch: &mut Scratch,
    ) {
        self.load(light, y, &mut scratch.values);
        let luma = luma_row(blurred.planes(), y).map(|sample| self.curve.encoded(sample));
        scratch.values.iter_mut().zip(luma).for_each(|(value, luma)| *value -= luma);
    }

    /// Makes of a row of samples that with the scratch's values added.
    fn add(&self, source: &[u16], target: &mut [u16], scratch: &mut Scratch) {
        let encoded = source.iter().map(|sample| self.curve.encoded(f32::from(*sample)));
        let changed = scratch.sums.iter_mut().zip(encoded.zip(&scratch.values));
        changed.for_each(|(sum, (encoded, change))| *sum = encoded + change);
        self.curve.samples(&scratch.sums, target);
    }

    fn with_scratch(&self, work: impl FnOnce(&mut Scratch)) {
        self.scratches.with(|| Scratch::new(self.width), work);
    }
}

impl Scratch {
    fn new(width: usize) -> Self {
        let row = || vec![0.0; width];
        Self { values: row(), sums: row(), differences: [row(), row()] }
    }

    /// Of luma and the differences of blue and red green, blue and red, in their places.
    fn make_colours(&mut self) {
        let [blues, reds] = &mut self.differences;
        for ((luma, blue), red) in self.values.iter_mut().zip(blues).zip(reds) {
            [*red, *luma, *blue] = rgb_of([*luma, *blue, *red]);
        }
    }
}
