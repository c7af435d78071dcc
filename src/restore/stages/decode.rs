//! First stage: from the samples of a picture to extended, mean-free planes of light.

use std::sync::Arc;

use super::super::boundary::Extension;
use super::super::luma::encoded_luma;
use super::super::transfer::ToneCurve;
use super::super::{Channels, RestoreError, Stage};
use crate::frame::{Channel, Extent, Frame, Layout, Picture, PictureFormat, Pool, Workspace};

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
                luma_row(picture, y, target, self.format.white(), curve);
            } else {
                let row = picture.planes()[index].row(y);
                target
                    .iter_mut()
                    .zip(row)
                    .for_each(|(light, sample)| *light = curve.light(*sample));
            }
            sum += target.iter().copied().map(f64::from).sum::<f64>();
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

fn luma_row(picture: &Picture, y: usize, target: &mut [f32], white: u16, curve: &ToneCurve) {
    for (light, luma) in target.iter_mut().zip(encoded_luma(picture.planes(), y, white)) {
        *light = curve.decode(luma);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of f32 fits f32")]
fn mean(sum: f64, extent: Extent) -> f32 {
    (sum / extent.area() as f64) as f32
}
