//! Last stage: from planes of light to the samples of the restored picture.

use std::sync::Arc;

use super::super::luma::encoded_luma;
use super::super::transfer::ToneCurve;
use super::super::{RestoreError, Stage};
use super::decode::is_luma_of_rgb;
use crate::frame::{Channel, Frame, Picture};

/// Writes the restored picture and gives the workspace back. Planes that were not restored pass
/// through. Where only the luma of red, green and blue was restored, its change is added to all
/// three, which leaves the colour differences as they were.
pub(crate) struct Encode {
    curve: Arc<ToneCurve>,
    offset: (usize, usize),
    has_networks: bool,
}

impl Encode {
    pub(crate) fn new(curve: Arc<ToneCurve>, offset: (usize, usize), has_networks: bool) -> Self {
        Self { curve, offset, has_networks }
    }

    /// The restored light of row `y` of the frame.
    fn row<'a>(
        &self,
        channel: &'a Channel,
        y: usize,
        width: usize,
    ) -> impl Iterator<Item = f32> + use<'a> {
        let plane = if self.has_networks { &channel.g } else { &channel.x_w };
        let (left, top) = self.offset;
        let mean = channel.mean;
        plane.row(y + top)[left..left + width].iter().map(move |sample| sample + mean)
    }

    fn encode(&self, channel: &Channel, index: usize, restored: &mut Picture) {
        let width = restored.extent().width;
        for (y, target) in restored.planes_mut()[index].rows_mut().enumerate() {
            for (sample, light) in target.iter_mut().zip(self.row(channel, y, width)) {
                *sample = self.curve.sample(self.curve.encode(light));
            }
        }
    }

    fn add_luma(&self, channel: &Channel, blurred: &Picture, restored: &mut Picture) {
        let (width, height) = (restored.extent().width, restored.extent().height);
        let white = blurred.format().white();
        for y in 0..height {
            for index in 0..3 {
                let luma = encoded_luma(blurred.planes(), y, white);
                let pairs = luma.zip(self.row(channel, y, width));
                for (sample, (luma, light)) in
                    restored.planes_mut()[index].row_mut(y).iter_mut().zip(pairs)
                {
                    let change = self.curve.encode(light) - luma;
                    *sample = self.curve.sample(f32::from(*sample) / f32::from(white) + change);
                }
            }
        }
    }
}

impl Stage for Encode {
    fn name(&self) -> &str {
        "encode"
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        frame.restored.copy_from(&frame.blurred);
        let mut lease = frame.work.take().ok_or(RestoreError::NotDecoded)?;
        let work = lease.get();
        if is_luma_of_rgb(&work, frame.blurred.format().layout) {
            self.add_luma(&work.channels[0], &frame.blurred, &mut frame.restored);
        } else {
            for (index, channel) in work.channels.iter().enumerate() {
                self.encode(channel, index, &mut frame.restored);
            }
        }
        Ok(())
    }
}
