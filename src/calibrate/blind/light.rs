//! From a picture to the light of its scene.

use super::scene::{CELL, cells};
use crate::calibrate::noise::estimate_sigma;
use crate::frame::colour::{Scale, luma, luma_of};
use crate::frame::{Extent, Layout, Picture, PictureFormat, Plane};
use crate::optics::Transfer;

/// The longest side that is looked at: of larger frames, their middle.
pub(crate) const LONGEST: usize = 1280;

/// Samples of a cell at white, and at black, from which on it is clipped.
const WHITE: usize = 2;
const BLACK: usize = 24;

/// Reads pictures of one transfer curve.
#[derive(Debug)]
pub(crate) struct Reader {
    transfer: Transfer,
    /// Light of each sample value of the format that it was made for.
    table: Vec<f32>,
    format: Option<PictureFormat>,
}

/// What a frame shows.
#[derive(Debug)]
pub(crate) struct Look {
    /// Luma of light, 0 at black and 1 at white.
    pub(crate) light: Plane<f32>,
    /// Its mean over each cell.
    pub(crate) cells: Plane<f32>,
    /// Whether a cell is clipped.
    pub(crate) clipped: Plane<bool>,
    /// Deviation of its noise in light, the root mean square over the frame.
    pub(crate) sigma: f64,
}

impl Look {
    /// Share of the cells that are clipped.
    pub(crate) fn clipped_share(&self) -> f64 {
        let cells = self.clipped.samples();
        cells.iter().filter(|clipped| **clipped).count() as f64 / cells.len().max(1) as f64
    }
}

impl Reader {
    pub(crate) fn new(transfer: Transfer) -> Self {
        Self { transfer, table: Vec::new(), format: None }
    }

    /// What a picture shows, or its middle where it is larger than is looked at.
    pub(crate) fn look(&mut self, picture: &Picture) -> Look {
        self.prepare(picture.format());
        let whole = picture.extent();
        let extent = Extent::new(whole.width.min(LONGEST), whole.height.min(LONGEST));
        let corner = ((whole.width - extent.width) / 2, (whole.height - extent.height) / 2);
        let light = self.light(picture, corner, extent);
        let clipped = self.clipped(picture, corner, extent);
        let cells = means(&light);
        Look { sigma: self.sigma(picture), light, cells, clipped }
    }

    /// Fills the table for a format.
    fn prepare(&mut self, format: PictureFormat) {
        if self.format == Some(format) {
            return;
        }
        let scale = Scale::of_plane(format, 0);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let light =
            |sample: u16| self.transfer.decode(f64::from(scale.value(f32::from(sample)))) as f32;
        self.table = (0..=format.white()).map(light).collect();
        self.format = Some(format);
    }

    fn light_of(&self, sample: u16) -> f32 {
        let last = self.table.len() - 1;
        self.table[usize::from(sample).min(last)]
    }

    fn light(&self, picture: &Picture, (left, top): (usize, usize), extent: Extent) -> Plane<f32> {
        let planes = picture.planes();
        Plane::from_fn(extent, |x, y| {
            let at = |index: usize| self.light_of(planes[index].row(top + y)[left + x]);
            if picture.format().layout == Layout::Rgb {
                luma_of([at(0), at(1), at(2)])
            } else {
                at(0)
            }
        })
    }

    fn clipped(
        &self,
        picture: &Picture,
        (left, top): (usize, usize),
        extent: Extent,
    ) -> Plane<bool> {
        let scale = Scale::of_plane(picture.format(), 0);
        let colours = if picture.format().layout == Layout::Rgb { 3 } else { 1 };
        let (white, black) = (scale.sample(0.998), scale.sample(0.0));
        Plane::from_fn(cells(extent), |x, y| {
            let (mut at_white, mut at_black) = (0, 0);
            for plane in &picture.planes()[..colours] {
                for row in y * CELL..((y + 1) * CELL).min(extent.height) {
                    let end = ((x + 1) * CELL).min(extent.width);
                    for &sample in &plane.row(top + row)[left + x * CELL..left + end] {
                        at_white += usize::from(f32::from(sample) >= white);
                        at_black += usize::from(f32::from(sample) <= black);
                    }
                }
            }
            at_white >= WHITE || at_black >= BLACK * colours
        })
    }

    /// Noise in gray levels, times the root mean square slope of the curve over the picture.
    fn sigma(&self, picture: &Picture) -> f64 {
        let luma = luma(picture);
        let levels = estimate_sigma(&luma).get() / 255.0 * f64::from(picture.format().white());
        let last = self.table.len() - 1;
        let (mut sum, mut count) = (0.0, 0.0);
        for row in luma.planes()[0].rows().step_by(4) {
            for &sample in row.iter().step_by(4) {
                let at = usize::from(sample).clamp(1, last - 1);
                sum += (f64::from(self.table[at + 1] - self.table[at - 1]) / 2.0).powi(2);
                count += 1.0;
            }
        }
        levels * (sum / f64::max(count, 1.0)).sqrt()
    }
}

/// Means of the cells of a plane.
fn means(light: &Plane<f32>) -> Plane<f32> {
    let extent = light.extent();
    Plane::from_fn(cells(extent), |x, y| {
        let (mut sum, mut count) = (0.0_f32, 0.0_f32);
        for row in y * CELL..((y + 1) * CELL).min(extent.height) {
            for sample in &light.row(row)[x * CELL..((x + 1) * CELL).min(extent.width)] {
                sum += sample;
                count += 1.0;
            }
        }
        sum / count
    })
}
