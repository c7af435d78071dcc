//! Last stage: from planes of light to the samples of the restored picture.

use std::sync::Arc;

use super::super::executor::{Executor, for_all, for_chunks};
use super::super::luma::luma_row;
use super::super::spare::Spare;
use super::super::transfer::ToneCurve;
use super::super::{RestoreError, Stage};
use super::ROWS;
use super::decode::is_luma_of_rgb;
use crate::frame::{Channel, Effort, Extent, Frame, Picture, Plane};

/// Writes the restored picture and gives the workspace back. Planes that were not restored pass
/// through. Where only the luma of red, green and blue was restored, its change is added to all
/// three, which leaves the colour differences as they were.
pub(crate) struct Encode {
    curve: Arc<ToneCurve>,
    width: usize,
    offset: (usize, usize),
    has_networks: bool,
    executor: Arc<dyn Executor>,
    desks: Spare<Desk>,
}

/// What one part works on: rows of encoded values.
#[derive(Debug)]
struct Desk {
    values: Vec<f32>,
    sums: Vec<f32>,
}

/// The best plane that was computed for a channel.
#[derive(Clone, Copy)]
struct Estimate<'a> {
    plane: &'a Plane<f32>,
    mean: f32,
}

impl<'a> Estimate<'a> {
    fn of(channel: &'a Channel, has_g: bool) -> Self {
        Self { plane: if has_g { &channel.g } else { &channel.x_w }, mean: channel.mean }
    }
}

impl Encode {
    pub(crate) fn new(
        curve: Arc<ToneCurve>,
        extent: Extent,
        offset: (usize, usize),
        has_networks: bool,
        executor: Arc<dyn Executor>,
    ) -> Self {
        let desks = Spare::new(executor.threads(), || Desk::new(extent.width));
        Self { curve, width: extent.width, offset, has_networks, executor, desks }
    }

    /// Fills `values` with the encoded values of row `y` of the frame.
    fn load(&self, estimate: Estimate<'_>, y: usize, values: &mut [f32]) {
        let (left, top) = self.offset;
        let light = &estimate.plane.row(y + top)[left..];
        let mean = estimate.mean;
        values.iter_mut().zip(light).for_each(|(value, light)| *value = light + mean);
        self.curve.encode(values);
    }

    fn encode(&self, estimate: Estimate<'_>, target: &mut Plane<u16>) {
        for_chunks(&*self.executor, target.samples_mut(), ROWS * self.width, &|part, rows| {
            self.with_desk(|desk| {
                for (y, row) in (part * ROWS..).zip(rows.chunks_mut(self.width)) {
                    self.load(estimate, y, &mut desk.values);
                    self.curve.samples(&desk.values, row);
                }
            });
        });
    }

    fn add_luma(&self, estimate: Estimate<'_>, blurred: &Picture, restored: &mut Picture) {
        let [red, green, blue] = restored.planes_mut() else { return };
        let parts = |plane| Plane::samples_mut(plane).chunks_mut(ROWS * self.width);
        let parts = parts(red).zip(parts(green)).zip(parts(blue)).enumerate();
        for_all(&*self.executor, parts, &|(part, ((red, green), blue))| {
            self.with_desk(|desk| {
                let mut rows = [red, green, blue].map(|rows| rows.chunks_mut(self.width));
                for y in (part * ROWS..blurred.extent().height).take(ROWS) {
                    self.load_change(estimate, blurred, y, desk);
                    for (rows, source) in rows.iter_mut().zip(blurred.planes()) {
                        rows.next().into_iter().for_each(|row| self.add(source.row(y), row, desk));
                    }
                }
            });
        });
    }

    /// Fills the desk's values with what is added to row `y`.
    fn load_change(&self, estimate: Estimate<'_>, blurred: &Picture, y: usize, desk: &mut Desk) {
        self.load(estimate, y, &mut desk.values);
        let luma = luma_row(blurred.planes(), y).map(|sample| self.curve.encoded(sample));
        desk.values.iter_mut().zip(luma).for_each(|(value, luma)| *value -= luma);
    }

    /// Makes of a row of samples that with the desk's values added.
    fn add(&self, source: &[u16], target: &mut [u16], desk: &mut Desk) {
        let encoded = source.iter().map(|sample| self.curve.encoded(f32::from(*sample)));
        let changed = desk.sums.iter_mut().zip(encoded.zip(&desk.values));
        changed.for_each(|(sum, (encoded, change))| *sum = encoded + change);
        self.curve.samples(&desk.sums, target);
    }

    fn with_desk(&self, work: impl FnOnce(&mut Desk)) {
        self.desks.with(|| Desk::new(self.width), work);
    }
}

impl Desk {
    fn new(width: usize) -> Self {
        Self { values: vec![0.0; width], sums: vec![0.0; width] }
    }
}

impl Stage for Encode {
    fn name(&self) -> &str {
        "encode"
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        let Some(mut lease) = frame.work.take() else {
            frame.restored.copy_from(&frame.blurred);
            let is_meant = frame.meta.effort == Effort::Passthrough;
            return if is_meant { Ok(()) } else { Err(RestoreError::NotDecoded) };
        };
        let work = lease.get();
        let has_g = self.has_networks && frame.meta.effort == Effort::Full;
        let estimate = |channel| Estimate::of(channel, has_g);
        frame.restored.reshape(frame.blurred.format());
        if is_luma_of_rgb(&work, frame.blurred.format().layout) {
            self.add_luma(estimate(&work.channels[0]), &frame.blurred, &mut frame.restored);
        } else {
            for (index, channel) in work.channels.iter().enumerate() {
                self.encode(estimate(channel), &mut frame.restored.planes_mut()[index]);
            }
            let passing = frame.blurred.planes().iter().skip(work.channels.len());
            for (target, source) in frame.restored.planes_mut().iter_mut().rev().zip(passing.rev())
            {
                target.samples_mut().copy_from_slice(source.samples());
            }
        }
        Ok(())
    }
}
