//! Last stage: from planes of light to the samples of the restored picture.

use std::sync::Arc;

use super::super::luma::luma_row;
use super::super::transfer::ToneCurve;
use super::super::{RestoreError, Stage};
use super::decode::is_luma_of_rgb;
use crate::frame::{Channel, Effort, Extent, Frame, Picture, Plane};

/// Writes the restored picture and gives the workspace back. Planes that were not restored pass
/// through. Where only the luma of red, green and blue was restored, its change is added to all
/// three, which leaves the colour differences as they were.
pub(crate) struct Encode {
    curve: Arc<ToneCurve>,
    offset: (usize, usize),
    has_networks: bool,
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
    ) -> Self {
        let row = || vec![0.0; extent.width];
        Self { curve, offset, has_networks, values: row(), sums: row() }
    }

    /// Fills `values` with the encoded values of row `y` of the frame.
    fn load(&mut self, estimate: Estimate<'_>, y: usize) {
        let (left, top) = self.offset;
        let light = &estimate.plane.row(y + top)[left..];
        let mean = estimate.mean;
        self.values.iter_mut().zip(light).for_each(|(value, light)| *value = light + mean);
        self.curve.encode(&mut self.values);
    }

    fn encode(&mut self, estimate: Estimate<'_>, index: usize, restored: &mut Picture) {
        for (y, target) in restored.planes_mut()[index].rows_mut().enumerate() {
            self.load(estimate, y);
            self.curve.samples(&self.values, target);
        }
    }

    fn add_luma(&mut self, estimate: Estimate<'_>, blurred: &Picture, restored: &mut Picture) {
        for y in 0..blurred.extent().height {
            self.load(estimate, y);
            let curve = &self.curve;
            let luma = luma_row(blurred.planes(), y).map(|sample| curve.encoded(sample));
            self.values.iter_mut().zip(luma).for_each(|(value, luma)| *value -= luma);
            for (target, source) in restored.planes_mut().iter_mut().zip(blurred.planes()) {
                let encoded = source.row(y).iter().map(|sample| curve.encoded(f32::from(*sample)));
                let changed = self.sums.iter_mut().zip(encoded.zip(&self.values));
                changed.for_each(|(sum, (encoded, change))| *sum = encoded + change);
                curve.samples(&self.sums, target.row_mut(y));
            }
        }
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
                self.encode(estimate(channel), index, &mut frame.restored);
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
