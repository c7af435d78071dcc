//! First stage: from the samples of a picture to extended, mean-free planes of light.

use std::sync::Arc;

use super::super::boundary::Extension;
use super::super::transfer::ToneCurve;
use super::super::{Channels, RestoreError, Stage};
use crate::frame::{
    Channel, Extent, Frame, Layout, Picture, PictureFormat, Plane, Pool, Workspace,
};

/// Weights of red, green and blue in luma: ITU-R BT.601, as in JPEG pictures.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

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

/// Encoded luma of a row of red, green and blue, 1.0 being white.
pub(super) fn encoded_luma(
    planes: &[Plane<u16>],
    y: usize,
    white: u16,
) -> impl Iterator<Item = f32> {
    let [red, green, blue] = [0, 1, 2].map(|index: usize| planes[index].row(y));
    let weights = LUMA.map(|weight| weight / f32::from(white));
    red.iter().zip(green).zip(blue).map(move |((r, g), b)| {
        f32::from(*r) * weights[0] + f32::from(*g) * weights[1] + f32::from(*b) * weights[2]
    })
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
