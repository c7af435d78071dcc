//! Finds the target in a frame.
//!
//! Checker corners are looked for at every scale, halving the frame until it is small; the ring
//! that they make gives the geometry up to the eight ways in which a square lies on itself, and the
//! noise within tells which. Corners are then placed again in the whole frame, as saddles.

mod found;
mod corners;
mod places;
mod ring;
mod noise;
mod patch;

use super::geometry::{Geometry, Match, Point, distance};
use super::pattern::{Pattern, SQUARE, Vertex};
use corners::{Corner, checker_corners, saddle};
pub use found::{FindError, Found};
use noise::{LEAST_CORRELATION, best_way};
use ring::{Ring, find_ring};

use crate::frame::{Extent, Plane};

/// The fewest vertices of 40 by which a target is known.
const FEWEST: usize = 22;
/// The fewest that tell that there is a part of one.
const PART: usize = 9;
/// The smallest cell that a camera can resolve, in samples.
pub(super) const SMALLEST_CELL: f64 = 0.95;

/// Finds the target of `pattern` in a frame whose samples are light or encoded light from 0 to 1.
///
/// # Errors
/// Where there is none, more than one, or one that is of no use, and why.
pub fn find(frame: &Plane<f32>, pattern: &Pattern) -> Result<Found, FindError> {
    if !pattern.has_ring() {
        return patch::find_patch(frame, pattern);
    }
    let levels = levels(frame);
    let found = find_one(&levels, pattern, &|_| true)?;
    let inside = |point: Point| {
        let [u, v] = found.geometry.cell(point);
        let Extent { width, height } = pattern.extent();
        (0.0..width as f64).contains(&u) && (0.0..height as f64).contains(&v)
    };
    match find_one(&levels, pattern, &|point| !inside(point)) {
        Ok(_) => Err(FindError::Two),
        Err(_) => judge(frame, pattern, found),
    }
}

/// The frame, and halves of it.
fn levels(frame: &Plane<f32>) -> Vec<Plane<f32>> {
    let mut levels = vec![frame.clone()];
    while let Some(last) = levels.last()
        && last.extent().width.min(last.extent().height) >= 100
    {
        levels.push(halved(last));
    }
    levels
}

/// Means of two by two samples.
fn halved(frame: &Plane<f32>) -> Plane<f32> {
    let Extent { width, height } = frame.extent();
    Plane::from_fn(Extent::new(width / 2, height / 2), |x, y| {
        let [above, below] = [frame.row(2 * y), frame.row(2 * y + 1)];
        (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]) / 4.0
    })
}

/// Twice as many samples each way, for targets too small to be of use.
fn doubled(frame: &Plane<f32>) -> Plane<f32> {
    let Extent { width, height } = frame.extent();
    Plane::from_fn(Extent::new(2 * width, 2 * height), |x, y| {
        let mix = |index: usize, last: usize| (index / 2, (index.div_ceil(2)).min(last));
        let ((left, right), (top, bottom)) = (mix(x, width - 1), mix(y, height - 1));
        let [above, below] = [frame.row(top), frame.row(bottom)];
        (above[left] + above[right] + below[left] + below[right]) / 4.0
    })
}

fn find_one(
    levels: &[Plane<f32>],
    pattern: &Pattern,
    wanted: &dyn Fn(Point) -> bool,
) -> Result<Found, FindError> {
    let frame = &levels[0];
    let (mut most_corners, mut best): (usize, Option<Ring>) = (0, None);
    for (level, picture) in (0..).zip(levels) {
        let corners = corners_of(picture, level, wanted);
        most_corners = most_corners.max(corners.len());
        let Some(ring) = find_ring(picture.extent(), &corners) else { continue };
        let known = ring.known.len();
        if best.as_ref().is_none_or(|best| known > best.known.len()) {
            best = scaled(frame.extent(), &ring, level);
        }
        if known >= 36 {
            break;
        }
    }
    if best.as_ref().is_none_or(|ring| ring.known.len() < FEWEST) {
        // Small squares under a wide blur lose their corners between the samples.
        let twice = doubled(frame);
        let corners = corners_of(&twice, -1, wanted);
        if let Some(ring) = find_ring(twice.extent(), &corners)
            && ring.known.len() >= FEWEST
        {
            best = scaled(frame.extent(), &ring, -1);
        }
    }
    match best {
        Some(ring) if ring.known.len() >= FEWEST => oriented(frame, pattern, ring),
        Some(ring) if ring.known.len() >= PART && leaves(frame.extent(), &ring.geometry) => {
            Err(FindError::CutOff { seen: ring.known.len() })
        }
        _ if most_corners == 0 => Err(FindError::NoCorners),
        _ => Err(FindError::NoRing(most_corners)),
    }
}

fn corners_of(picture: &Plane<f32>, level: i32, wanted: &dyn Fn(Point) -> bool) -> Vec<Corner> {
    let mut corners = checker_corners(picture);
    corners.retain(|corner| wanted(whole(corner.point, level)));
    corners
}

/// The place in the frame of one in the frame halved `level` times.
fn whole(point: Point, level: i32) -> Point {
    let scale = 2.0_f64.powi(level);
    point.map(|value| (value + 0.5) * scale - 0.5)
}

/// A ring of a halved frame in the whole one.
fn scaled(frame: Extent, ring: &Ring, level: i32) -> Option<Ring> {
    let move_up = |(vertex, corner): &(Vertex, Corner)| {
        (*vertex, Corner { point: whole(corner.point, level), ..*corner })
    };
    let known: Vec<_> = ring.known.iter().map(move_up).collect();
    let geometry = Geometry::fit(frame, &ring::matches(&known))?;
    Some(Ring { known, geometry })
}

/// Whether the ring leaves the frame.
fn leaves(frame: Extent, geometry: &Geometry) -> bool {
    let outside = |vertex: Vertex| {
        geometry.point(vertex.place()).is_none_or(|[x, y]| {
            x < 0.0 || y < 0.0 || x > (frame.width - 1) as f64 || y > (frame.height - 1) as f64
        })
    };
    Vertex::all().filter(|&vertex| outside(vertex)).count() > 2
}

/// The target whose ring was found, the way in which its noise lies.
fn oriented(frame: &Plane<f32>, pattern: &Pattern, ring: Ring) -> Result<Found, FindError> {
    let seen = ring.known.len();
    if leaves(frame.extent(), &ring.geometry) {
        return Err(FindError::CutOff { seen });
    }
    let middle = Vertex { column: 6, row: 6 }.place();
    let samples_per_cell = ring.geometry.samples_per_cell(middle).unwrap_or(0.0);
    if samples_per_cell < SMALLEST_CELL {
        return Err(FindError::TooSmall { samples_per_cell });
    }
    let ring = refined(frame, ring, samples_per_cell);
    let way = best_way(frame, pattern, &ring.geometry);
    let turned: Vec<Match> = ring
        .known
        .iter()
        .map(|(vertex, corner)| Match {
            frame: corner.point,
            cell: vertex.turned(way.quarters, way.mirrored).place(),
        })
        .collect();
    let geometry = Geometry::fit(frame.extent(), &turned).ok_or(FindError::NoRing(seen))?;
    if way.correlation < LEAST_CORRELATION {
        return Err(FindError::OtherNoise { correlation: way.correlation });
    }
    if geometry.is_mirrored(geometry.point(middle).unwrap_or_default()) {
        return Err(FindError::Mirrored);
    }
    let corners = turned.iter().map(|seen| seen.frame).collect();
    Ok(Found { geometry, corners, correlation: way.correlation, samples_per_cell })
}

/// The ring with its vertices at saddles of the whole frame, if they lie better so: a blur of several
/// strokes has several saddles.
fn refined(frame: &Plane<f32>, ring: Ring, samples_per_cell: f64) -> Ring {
    let radius = (0.6 * SQUARE as f64 * samples_per_cell).max(3.0);
    let known: Vec<_> = ring
        .known
        .iter()
        .filter_map(|&(vertex, corner)| {
            Some((vertex, Corner { point: saddle(frame, corner.point, radius)?, ..corner }))
        })
        .collect();
    let geometry = Geometry::fit(frame.extent(), &ring::matches(&known));
    match geometry.map(|geometry| Ring { known, geometry }) {
        Some(refined) if refined.known.len() >= FEWEST && error(&refined) < error(&ring) => refined,
        _ => ring,
    }
}

/// Mean square distance of the vertices from where the geometry has them, in cells.
fn error(ring: &Ring) -> f64 {
    let apart = |(vertex, corner): &(Vertex, Corner)| {
        distance(ring.geometry.cell(corner.point), vertex.place()).powi(2)
    };
    ring.known.iter().map(apart).sum::<f64>() / ring.known.len() as f64
}

/// Whether the target can be of use: all of it in the frame, bright enough.
fn judge(frame: &Plane<f32>, pattern: &Pattern, found: Found) -> Result<Found, FindError> {
    let Extent { width, height } = pattern.extent();
    let (width, height) = (width as f64, height as f64);
    let limits = frame.extent();
    let is_in = |cell: Point| {
        found.geometry.point(cell).is_some_and(|[x, y]| {
            x >= 0.0
                && y >= 0.0
                && x <= (limits.width - 1) as f64
                && y <= (limits.height - 1) as f64
        })
    };
    if ![[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]].into_iter().all(is_in) {
        return Err(FindError::CutOff { seen: found.corners.len() });
    }
    let contrast = noise::contrast(frame, pattern, &found.geometry);
    if contrast < 0.1 {
        return Err(FindError::LowContrast { contrast });
    }
    Ok(found)
}
