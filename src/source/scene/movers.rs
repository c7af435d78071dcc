//! What moves: the star, the slanted square, the belt and what lies on it, the running text.

use std::f32::consts::TAU;

use super::backdrop::{INK, PAPER, noise};
use super::canvas::{Colour, Place, blend, coverage, paint, pixel, shade, stamp};
use super::font;
use crate::frame::{Extent, Picture, Plane};

/// Top of the belt, in units of the drawing.
const BELT_TOP: f32 = 240.0;
/// Top of the running text's band.
const BAND_TOP: f32 = 326.0;
/// Where things on the belt stand.
const GROUND: f32 = 312.0;
/// Units of the drawing a second.
const BELT_SPEED: f32 = 60.0;
/// Length after which things come back, in units of the drawing.
const LOOP: f32 = 820.0;

const NEWS: &str = "DEBLURD RESTORES EVERY FRAME: CAPTURE - WIENER FILTER - RESIDUAL NETWORK - \
                    NULL SPACE PROJECTION - STREAM.   LEFT BEFORE, RIGHT AFTER.   ";

/// Everything that moves, with what can be drawn beforehand.
#[derive(Debug)]
pub(super) struct Movers {
    place: Place,
    belt: [Plane<u16>; 3],
    news: Plane<f32>,
    labels: [Plane<f32>; 2],
    wheels: Colour,
}

impl Movers {
    pub(super) fn new(extent: Extent, place: Place, seed: u64) -> Self {
        let hue = (seed % 5) as f32;
        Self {
            place,
            belt: belt(extent, place, seed),
            news: font::line(NEWS, 13.0 * place.scale),
            labels: ["FRAGILE", "NO. 4711"].map(|text| font::line(text, 7.5 * place.scale)),
            wheels: blend([196.0, 148.0, 62.0], [110.0, 136.0, 156.0], hue / 4.0),
        }
    }

    /// Draws everything as it is after `seconds`.
    pub(super) fn draw(&self, seconds: f64, picture: &mut Picture) {
        self.star(turns(seconds, 0.045), picture);
        self.square(turns(seconds, 0.03), picture);
        let way = remainder(seconds * f64::from(BELT_SPEED), 1e6);
        self.roll_belt(pixel(way * self.place.scale), picture);
        self.carton(self.on_belt(way, 0.0), picture);
        self.gear(self.on_belt(way, 190.0), (38.0, 16.0), turns(seconds, 0.11), picture);
        self.gear(self.on_belt(way, 258.0), (25.0, 10.0), 0.55 - turns(seconds, 0.176), picture);
        self.square_nut(self.on_belt(way, 360.0), turns(seconds, 0.05), picture);
        self.gear(self.on_belt(way, 640.0), (31.0, 12.0), turns(seconds, 0.2), picture);
        self.ball(seconds, picture);
        self.band(seconds, picture);
    }

    /// Place of a thing that stood at `start` when the belt began.
    fn on_belt(&self, way: f32, start: f32) -> f32 {
        (start + way).rem_euclid(LOOP) - 90.0
    }

    fn star(&self, turn: f32, picture: &mut Picture) {
        const SPOKES: f32 = 36.0;
        let radius = 84.0 * self.place.scale;
        paint(picture, self.place.point(320.0, 120.0), radius + 1.0, |x, y| {
            let distance = length(x, y);
            let spoke = stripe((angle(x, y) + turn) * SPOKES) * TAU * distance / SPOKES;
            (blend(PAPER, INK, coverage(spoke)), radius - distance)
        });
    }

    fn square(&self, turn: f32, picture: &mut Picture) {
        let half = 30.0 * self.place.scale;
        let (sine, cosine) = (turn * TAU).sin_cos();
        paint(picture, self.place.point(525.0, 174.0), 1.5 * half, |x, y| {
            let (u, v) = (x * cosine - y * sine, x * sine + y * cosine);
            (INK, half - u.abs().max(v.abs()))
        });
    }

    /// Copies the belt, moved by `way` pixels to the right.
    fn roll_belt(&self, way: isize, picture: &mut Picture) {
        let top = picture.extent().height - self.belt[0].extent().height;
        for (plane, belt) in picture.planes_mut().iter_mut().zip(&self.belt) {
            for (y, row) in belt.rows().enumerate() {
                let way = way.unsigned_abs() % row.len();
                let target = plane.row_mut(top + y);
                target[way..].copy_from_slice(&row[..row.len() - way]);
                target[..way].copy_from_slice(&row[row.len() - way..]);
            }
        }
    }

    fn carton(&self, x: f32, picture: &mut Picture) {
        let scale = self.place.scale;
        let (left, top) = self.place.point(x - 40.0, GROUND - 54.0);
        let (left, top) = (pixel(left) as f32, pixel(top) as f32);
        let (width, height) = ((80.0 * scale).round(), (54.0 * scale).round());
        paint(picture, (left + width / 2.0, top + height / 2.0), width / 2.0, |x, y| {
            let tape = coverage(4.0 * scale - (y + height * 0.32).abs());
            let colour = blend([176.0, 132.0, 86.0], [214.0, 190.0, 140.0], tape);
            (colour, (width / 2.0 - x.abs()).min(height / 2.0 - y.abs()))
        });
        self.bar_code((left + 52.0 * scale, top + 37.0 * scale), picture);
        for (label, y) in self.labels.iter().zip([14.5, 25.0]) {
            let corner = (pixel(left + 4.0 * scale), pixel(top + y * scale));
            stamp(picture, label, corner, [58.0, 34.0, 22.0]);
        }
    }

    fn bar_code(&self, centre: (f32, f32), picture: &mut Picture) {
        let (half, bar) = (22.0 * self.place.scale, 1.6 * self.place.scale);
        paint(picture, (centre.0, centre.1 + 7.0 * self.place.scale), half, |x, y| {
            let dark = coverage(stripe(0.13 * (x / bar).sin() + x / (2.0 * bar)) * 2.0 * bar);
            let inside = (half - x.abs()).min(0.36 * half - y.abs());
            (blend(PAPER, INK, dark), inside)
        });
    }

    fn gear(&self, x: f32, (radius, teeth): (f32, f32), turn: f32, picture: &mut Picture) {
        let scale = self.place.scale;
        let (radius, tooth) = (radius * scale, 5.0 * scale);
        let centre = self.place.point(x, GROUND - radius / scale);
        paint(picture, centre, radius + 1.0, |x, y| {
            let (distance, turned) = (length(x, y), angle(x, y) + turn);
            let flank = stripe(turned * teeth) * TAU * radius / teeth * 0.8;
            let outer = (radius - distance).min((radius - tooth - distance).max(flank));
            let inside = outer.min(distance - 0.16 * radius).min(hole(distance, turned, radius));
            let light = 0.82 + 0.25 * (0.6 * y - 0.8 * x) / -radius;
            let rim = coverage(1.6 * scale - (distance - 0.74 * radius).abs());
            (shade(self.wheels, light * (1.0 - 0.35 * rim)), inside)
        });
    }

    /// A square nut that turns.
    fn square_nut(&self, x: f32, turn: f32, picture: &mut Picture) {
        let half = 20.0 * self.place.scale;
        let (sine, cosine) = (turn * TAU).sin_cos();
        let centre = self.place.point(x, GROUND - 28.0);
        paint(picture, centre, 1.5 * half, |x, y| {
            let (u, v) = (x * cosine - y * sine, x * sine + y * cosine);
            let thread = 0.5 + 0.5 * (length(x, y) * 3.0 / self.place.scale.max(1.0)).cos();
            let metal = shade([182.0, 190.0, 200.0], 0.8 + 0.2 * (u / half));
            let colour =
                blend(metal, [96.0, 102.0, 112.0], coverage(0.62 * half - length(x, y)) * thread);
            (colour, (half - u.abs().max(v.abs())).min(length(x, y) - 0.38 * half))
        });
    }

    /// A striped ball that bounces along the belt against its way.
    fn ball(&self, seconds: f64, picture: &mut Picture) {
        let radius = 21.0 * self.place.scale;
        let hop = remainder(seconds, 1.1) / 1.1;
        let x = 700.0 - remainder(seconds * 84.0, 760.0);
        let centre = self.place.point(x, GROUND - 21.0 - 210.0 * hop * (1.0 - hop));
        let turn = turns(seconds, -0.6);
        paint(picture, centre, radius + 1.0, |x, y| {
            let distance = length(x, y);
            let gore = stripe((angle(x, y) + turn) * 4.0) * TAU * distance / 4.0;
            let colour = blend([238.0, 236.0, 228.0], [206.0, 52.0, 48.0], coverage(gore));
            let light = 1.08 - 0.5 * length(x + 0.35 * radius, y + 0.4 * radius) / radius;
            (shade(colour, light), radius - distance)
        });
    }

    /// The band with running text at the bottom.
    fn band(&self, seconds: f64, picture: &mut Picture) {
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
fn belt(extent: Extent, place: Place, seed: u64) -> [Plane<u16>; 3] {
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

/// Distance from the nearest of five holes in a gear, positive outside them.
fn hole(distance: f32, turned: f32, radius: f32) -> f32 {
    let away = (turned * 5.0 - (turned * 5.0).floor() - 0.5) / 5.0 * TAU;
    let (sine, cosine) = away.sin_cos();
    length(distance * cosine - 0.46 * radius, distance * sine) - 0.15 * radius
}

/// Distance, in periods, from the edges of stripes half a period wide; positive in the stripes.
fn stripe(phase: f32) -> f32 {
    0.25 - (phase - phase.floor() - 0.5).abs()
}

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

/// Direction of a point, in turns.
fn angle(x: f32, y: f32) -> f32 {
    y.atan2(x) / TAU
}

/// Turns made in `seconds` at a number of turns a second, without the whole ones.
fn turns(seconds: f64, rate: f64) -> f32 {
    remainder(seconds * rate, 1.0)
}

#[expect(clippy::cast_possible_truncation, reason = "less than `period`")]
fn remainder(value: f64, period: f64) -> f32 {
    value.rem_euclid(period) as f32
}
