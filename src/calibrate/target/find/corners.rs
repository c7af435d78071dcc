//! Places where four squares meet, under any blur: checker corners.
//!
//! On a ring of 16 samples around a checker corner, samples opposite each other are alike and those
//! a quarter turn apart are not, while the mean of the ring is the mean of its middle (ChESS:
//! Bennett, Lasenby, "ChESS: quick and robust detection of chess-board features", CVIU 118, 2014).
//! Blur lessens the contrast of that, not its form.

use super::super::geometry::Point;
use crate::frame::Plane;

/// The ring, counter-clockwise on paper with rows growing upwards: 16 steps of about 22.5 degrees.
const RING: [(isize, isize); 16] = [
    (5, 0),
    (5, 2),
    (4, 4),
    (2, 5),
    (0, 5),
    (-2, 5),
    (-4, 4),
    (-5, 2),
    (-5, 0),
    (-5, -2),
    (-4, -4),
    (-2, -5),
    (0, -5),
    (2, -5),
    (4, -4),
    (5, -2),
];
/// How far the ring reaches.
pub(super) const REACH: usize = 5;
/// The least response of a corner, in light of one checker square against another.
const LEAST: f32 = 0.1;
/// The most corners of a picture: the strongest are kept.
const MOST: usize = 1500;

/// A place that looks like a checker corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Corner {
    pub(super) point: Point,
    /// Direction of the bright squares, from 0 to pi.
    pub(super) bright: f64,
    pub(super) response: f32,
}

/// The checker corners of a picture, strongest first.
pub(super) fn checker_corners(picture: &Plane<f32>) -> Vec<Corner> {
    let extent = picture.extent();
    if extent.width <= 2 * REACH || extent.height <= 2 * REACH {
        return Vec::new();
    }
    let mut responses = Plane::new(extent, 0.0);
    for y in REACH..extent.height - REACH {
        let row = responses.row_mut(y);
        for (x, value) in row.iter_mut().enumerate().take(extent.width - REACH).skip(REACH) {
            *value = response(picture, x, y);
        }
    }
    let mut corners = Vec::new();
    for y in REACH..extent.height - REACH {
        for x in REACH..extent.width - REACH {
            let value = responses.row(y)[x];
            if value > LEAST && is_greatest(&responses, x, y) {
                corners.push(Corner { response: value, ..corner(picture, &responses, x, y) });
            }
        }
    }
    corners.sort_by(|a, b| b.response.total_cmp(&a.response));
    corners.truncate(MOST);
    corners
}

fn ring(picture: &Plane<f32>, x: usize, y: usize) -> [f32; 16] {
    RING.map(|(dx, dy)| picture.row(y.wrapping_add_signed(dy))[x.wrapping_add_signed(dx)])
}

fn response(picture: &Plane<f32>, x: usize, y: usize) -> f32 {
    let ring = ring(picture, x, y);
    let crossing: f32 =
        (0..4).map(|k| (ring[k] + ring[k + 8] - ring[k + 4] - ring[k + 12]).abs()).sum();
    let edge: f32 = (0..8).map(|k| (ring[k] - ring[k + 8]).abs()).sum();
    if crossing <= edge {
        return 0.0;
    }
    let row = picture.row(y);
    let middle = row[x] + row[x - 1] + row[x + 1] + picture.row(y - 1)[x] + picture.row(y + 1)[x];
    crossing - edge - (16.0 / 5.0 * middle - ring.iter().sum::<f32>()).abs()
}

/// Whether no response within three samples is greater.
fn is_greatest(responses: &Plane<f32>, x: usize, y: usize) -> bool {
    let value = responses.row(y)[x];
    let rows = y.saturating_sub(3)..(y + 4).min(responses.extent().height);
    rows.into_iter().all(|row| responses.row(row)[x - 3..x + 4].iter().all(|&other| other <= value))
}

/// The corner near a greatest response: where the parabola through it and its neighbours peaks.
fn corner(picture: &Plane<f32>, responses: &Plane<f32>, x: usize, y: usize) -> Corner {
    let at = |x: usize, y: usize| f64::from(responses.row(y)[x]);
    let peak = |before: f64, here: f64, after: f64| {
        let bend = before - 2.0 * here + after;
        if bend < 0.0 { ((before - after) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 }
    };
    let dx = peak(at(x - 1, y), at(x, y), at(x + 1, y));
    let dy = peak(at(x, y - 1), at(x, y), at(x, y + 1));
    // The ring's second harmonic has its peaks where the bright squares lie.
    let (mut cos, mut sin) = (0.0, 0.0);
    for (value, (dx, dy)) in ring(picture, x, y).into_iter().zip(RING) {
        let twice = 2.0 * (dy as f64).atan2(dx as f64);
        cos += f64::from(value) * twice.cos();
        sin += f64::from(value) * twice.sin();
    }
    let bright = (sin.atan2(cos) / 2.0).rem_euclid(std::f64::consts::PI);
    Corner { point: [x as f64 + dx, y as f64 + dy], bright, response: 0.0 }
}

/// The saddle of the picture near `point`, from a quadric fitted to the samples within `radius`;
/// `None` where there is none.
pub(super) fn saddle(picture: &Plane<f32>, point: Point, radius: f64) -> Option<Point> {
    let mut place = point;
    for _ in 0..5 {
        let next = saddle_near(picture, place, radius)?;
        let moved = super::super::geometry::distance(next, place);
        place = next;
        if super::super::geometry::distance(place, point) > radius {
            return None;
        }
        if moved < 1e-3 {
            break;
        }
    }
    Some(place)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the picture")]
fn saddle_near(picture: &Plane<f32>, [x, y]: Point, radius: f64) -> Option<Point> {
    let mut normal = super::super::super::linear::Normal::new(6);
    let extent = picture.extent();
    let range = |middle: f64, limit: usize| {
        let (low, high) = ((middle - radius).ceil(), (middle + radius).floor());
        (low >= 0.0 && high < limit as f64).then_some(low as usize..=high as usize)
    };
    let (columns, rows) = (range(x, extent.width)?, range(y, extent.height)?);
    for row in rows {
        for column in columns.clone() {
            let (dx, dy) = ((column as f64 - x) / radius, (row as f64 - y) / radius);
            // The weight falls to nothing at the edge, so that no sample comes or goes at once.
            let weight = (1.0 - dx * dx - dy * dy).max(0.0);
            let terms = [1.0, dx, dy, dx * dx, dx * dy, dy * dy];
            normal.add(&terms, f64::from(picture.row(row)[column]), weight);
        }
    }
    let quadric = normal.solve(1e-9)?;
    let (xx, xy, yy) = (2.0 * quadric[3], quadric[4], 2.0 * quadric[5]);
    if xx * yy >= xy * xy {
        return None;
    }
    let step = super::super::geometry::solve2([[xx, xy], [xy, yy]], [-quadric[1], -quadric[2]])?;
    (step[0].hypot(step[1]) < 1.0).then(|| [x + radius * step[0], y + radius * step[1]])
}
