//! First stage: from the samples of a picture to extended, mean-free planes of light.

use std::sync::Arc;

use super::super::boundary::Extension;
use super::super::luma::luma_row;
use super::super::transfer::ToneCurve;
use super::super::{Channels, RestoreError, Stage};
use crate::frame::{
    Channel, Effort, Extent, Frame, Layout, Picture, PictureFormat, Pool, Workspace,
};

/// Leases a workspace and fills its `y` planes.
pub(crate) struct Decode {
    format: PictureFormat,
    curve: Arc<ToneCurve>,
    extension: Extension,
    pool: Pool<Workspace>,
}

impl Decode {
    pub(crate) fn new(
        format: PictureFormat,
        curve: Arc<ToneCurve>,
        extension: Extension,
        pool: Pool<Workspace>,
    ) -> Self {
        Self { format, curve, extension, pool }
    }

    fn decode(&mut self, picture: &Picture, index: usize, is_luma: bool, channel: &mut Channel) {
        let (curve, extent) = (&self.curve, self.format.extent);
        let mut sum = 0.0;
        let load = |y: usize, target: &mut [f32]| {
            if is_luma {
                let luma = luma_row(picture.planes(), y).map(|sample| curve.encoded(sample));
                target.iter_mut().zip(luma).for_each(|(value, luma)| *value = luma);
                curve.decode(target);
            } else {
                curve.lights(picture.planes()[index].row(y), target);
            }
            sum += f64::from(sum_of(target));
        };
        self.extension.apply(load, &mut channel.y);
        channel.mean = mean(sum, extent);
        channel.y.samples_mut().iter_mut().for_each(|sample| *sample -= channel.mean);
    }
}

impl Stage for Decode {
    fn name(&self) -> &str {
        "decode"
    }

    fn least_effort(&self) -> Effort {
        Effort::Wiener
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        if frame.blurred.format() != self.format {
            let (is, planned) = (frame.blurred.extent(), self.format.extent);
            return Err(RestoreError::Format { is, planned });
        }
        let mut lease = self.pool.lease().ok_or(RestoreError::NoWorkspace)?;
        let mut work = lease.get();
        let is_luma = is_luma_of_rgb(&work, self.format.layout);
        for (index, channel) in work.channels.iter_mut().enumerate() {
            self.decode(&frame.blurred, index, is_luma, channel);
        }
        drop(work);
        frame.work = Some(lease);
        Ok(())
    }
}

/// Number of channels that are restored of a picture of `layout`.
pub(crate) const fn channels(channels: Channels, layout: Layout) -> usize {
    if matches!((channels, layout), (Channels::Rgb, Layout::Rgb)) { 3 } else { 1 }
}

/// Whether the one channel is the luma of red, green and blue planes.
pub(super) fn is_luma_of_rgb(work: &Workspace, layout: Layout) -> bool {
    work.channels.len() == 1 && layout == Layout::Rgb
}

/// Sum of a row, in eight parts side by side: one part would wait for each addition.
fn sum_of(row: &[f32]) -> f32 {
    let mut parts = [0.0; 8];
    let chunks = row.chunks_exact(parts.len());
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        parts.iter_mut().zip(chunk).for_each(|(part, sample)| *part += sample);
    }
    parts.iter().sum::<f32>() + rest
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of f32 fits f32")]
fn mean(sum: f64, extent: Extent) -> f32 {
    (sum / extent.area() as f64) as f32
}
