//! The belt, and below it the dark band with running text.

use std::f32::consts::TAU;

use super::super::font;
use super::backdrop::noise;
use super::canvas::{Colour, Place, blend, coverage, pixel, remainder, stamp};
use crate::frame::{Extent, Picture, Plane};

/// Top of the belt, in units of the drawing.
const BELT_TOP: f32 = 240.0;
/// Top of the running text's band.
const BAND_TOP: f32 = 326.0;
const NEWS: &str = "DEBLURD RESTORES EVERY FRAME: CAPTURE - WIENER FILTER - RESIDUAL NETWORK - \
                    NULL SPACE PROJECTION - STREAM.   LEFT BEFORE, RIGHT AFTER.   ";

/// The belt, drawn beforehand; it moves by whole pixels and so stays sharp.
#[derive(Debug)]
pub(super) struct Belt {
    place: Place,
    planes: [Plane<u16>; 3],
    news: Plane<f32>,
}

impl Belt {
    pub(super) fn new(extent: Extent, place: Place, seed: u64) -> Self {
        let news = font::line(NEWS, 13.0 * place.scale);
        Self { place, planes: planes(extent, place, seed), news }
    }

    /// Draws the belt after it has moved by `way` units of the drawing to the right.
    pub(super) fn draw(&self, way: f32, picture: &mut Picture) {
        let way = pixel(way * self.place.scale);
        let top = picture.extent().height - self.planes[0].extent().height;
        for (plane, belt) in picture.planes_mut().iter_mut().zip(&self.planes) {
            for (y, row) in belt.rows().enumerate() {
                let way = way.unsigned_abs() % row.len();
                let target = plane.row_mut(top + y);
                target[way..].copy_from_slice(&row[..row.len() - way]);
                target[..way].copy_from_slice(&row[row.len() - way..]);
            }
        }
    }

    /// Draws the text that runs along the band.
    pub(super) fn draw_news(&self, seconds: f64, picture: &mut Picture) {
        let length = self.news.extent().width;
        let way = pixel(remainder(seconds * 90.0 * f64::from(self.place.scale), length as f64));
        let (_, top) = self.place.point(0.0, BAND_TOP + 9.0);
        let copies = picture.extent().width / length + 2;
        for copy in 0..copies {
            let left = (copy * length).cast_signed() - way;
            stamp(picture, &self.news, (left, pixel(top)), [255.0, 206.0, 92.0]);
        }
    }
}

/// The belt and, below it, the dark band.
fn planes(extent: Extent, place: Place, seed: u64) -> [Plane<u16>; 3] {
    let (_, top) = place.point(0.0, BELT_TOP);
    let (_, band) = place.point(0.0, BAND_TOP);
    let rows = extent.height - pixel(top).unsigned_abs().min(extent.height);
    let plane = |channel: usize| {
        Plane::from_fn(Extent::new(extent.width, rows), |x, y| {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5 + top.round());
            sample_of(belt_colour(x, y, (top, band), place, seed)[channel])
        })
    };
    [plane(0), plane(1), plane(2)]
}

fn belt_colour(x: f32, y: f32, (top, band): (f32, f32), place: Place, seed: u64) -> Colour {
    let unit = place.scale;
    let rib = 0.5 + 0.5 * (x * TAU / (5.0 * unit)).sin() * (y * TAU / (5.0 * unit)).sin();
    let grain = 7.0 * noise(x, y, 2.4, seed ^ 5) + 5.0 * noise(x, y, 9.0, seed ^ 6);
    let rubber = [66.0, 70.0, 74.0].map(|value| value + 26.0 * rib + grain);
    let rail = coverage(5.0 * unit - (y - top)).max(coverage(3.0 * unit - (band - y).abs()));
    let colour = blend(rubber, [168.0, 172.0, 176.0], rail);
    blend(colour, [20.0, 22.0, 28.0], coverage(y - band))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn sample_of(value: f32) -> u16 {
    value.clamp(0.0, 255.0) as u16
}
