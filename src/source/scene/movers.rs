//! What moves: the star, the slanted square, and what lies on the belt.

use std::f32::consts::TAU;

use super::super::font;
use super::backdrop::{INK, PAPER};
use super::belt::Belt;
use super::canvas::{Colour, Place, blend, coverage, paint, pixel, remainder, shade, stamp};
use crate::frame::{Extent, Picture, Plane};

/// Where things on the belt stand.
const GROUND: f32 = 312.0;
/// Units of the drawing a second.
const BELT_SPEED: f32 = 60.0;
/// Length after which things come back, in units of the drawing.
const LOOP: f32 = 820.0;

/// Everything that moves, with what can be drawn beforehand.
#[derive(Debug)]
pub(super) struct Movers {
    place: Place,
    belt: Belt,
    labels: [Plane<f32>; 2],
    wheels: Colour,
}

impl Movers {
    pub(super) fn new(extent: Extent, place: Place, seed: u64) -> Self {
        let hue = (seed % 5) as f32;
        Self {
            place,
            belt: Belt::new(extent, place, seed),
            labels: ["FRAGILE", "NO. 4711"].map(|text| font::line(text, 7.5 * place.scale)),
            wheels: blend([196.0, 148.0, 62.0], [110.0, 136.0, 156.0], hue / 4.0),
        }
    }

    /// Draws everything as it is after `seconds`.
    pub(super) fn draw(&self, seconds: f64, picture: &mut Picture) {
        self.star(turns(seconds, 0.045), picture);
        self.square(turns(seconds, 0.03), picture);
        let way = remainder(seconds * f64::from(BELT_SPEED), 1e6);
        self.belt.draw(way, picture);
        self.carton(self.on_belt(way, 0.0), picture);
        self.gear(self.on_belt(way, 190.0), (38.0, 16.0), turns(seconds, 0.11), picture);
        self.gear(self.on_belt(way, 258.0), (25.0, 10.0), 0.55 - turns(seconds, 0.176), picture);
        self.square_nut(self.on_belt(way, 360.0), turns(seconds, 0.05), picture);
        self.gear(self.on_belt(way, 640.0), (31.0, 12.0), turns(seconds, 0.2), picture);
        self.ball(seconds, picture);
        self.belt.draw_news(seconds, picture);
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
