//! The ring of vertices among checker corners.
//!
//! A vertex where the ring turns has a neighbour in each of two directions across each other: three
//! corners that give a first affine map. From there vertices are added beside those that are known,
//! each where the map, fitted anew to what is known, expects it, until none is left.

use std::f64::consts::PI;

use super::super::geometry::{Geometry, Match, Point, distance};
use super::super::pattern::{SQUARE, Vertex};
use super::corners::Corner;
use super::places::Places;
use crate::frame::Extent;

/// The longest side of a square at the scale at which corners are looked for, in samples.
const LONGEST: f64 = 48.0;
/// The shortest.
const SHORTEST: f64 = 4.5;
/// How far from where it is expected a vertex may lie, in squares.
const NEAR: f64 = 0.3;
/// How far from known vertices others are looked for.
const STEPS: usize = 2;

/// Vertices and the corners that they are.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    pub(super) known: Vec<(Vertex, Corner)>,
    pub(super) geometry: Geometry,
}

/// The ring with the most vertices.
pub(super) fn find_ring(frame: Extent, corners: &[Corner]) -> Option<Ring> {
    let places = Places::new(frame, corners);
    let mut best: Option<Ring> = None;
    for &corner in corners {
        let taken = |ring: &Ring| ring.known.iter().any(|(_, known)| known.point == corner.point);
        if best.as_ref().is_some_and(taken) {
            continue;
        }
        for (along, across) in turns(&places, corner) {
            let Some(ring) = grow(frame, &places, [corner, along, across]) else { continue };
            let more = best.as_ref().is_none_or(|best| ring.known.len() > best.known.len());
            if more {
                best = Some(ring);
            }
        }
        if best.as_ref().is_some_and(|ring| ring.known.len() >= 36) {
            break;
        }
    }
    best
}

/// Pairs of neighbours of a corner across each other, the first being a quarter turn before the
/// second.
fn turns(places: &Places<'_>, corner: Corner) -> Vec<(Corner, Corner)> {
    let directions: [Vec<Corner>; 4] = std::array::from_fn(|quarter| {
        let edge = corner.bright + PI / 4.0 + quarter as f64 * PI / 2.0;
        neighbours(places, corner, edge)
    });
    let mut pairs = Vec::new();
    for quarter in 0..4 {
        for &along in &directions[quarter] {
            for &across in &directions[(quarter + 1) % 4] {
                let middle = corner.point;
                let ratio = distance(along.point, middle) / distance(across.point, middle);
                if (0.5..2.0).contains(&ratio) {
                    pairs.push((along, across));
                }
            }
        }
    }
    pairs
}

/// The two nearest corners in a direction whose bright squares lie where the dark ones of `corner`
/// do.
fn neighbours(places: &Places<'_>, corner: Corner, direction: f64) -> Vec<Corner> {
    let mut found: Vec<(f64, Corner)> = places
        .around(corner.point, LONGEST)
        .filter_map(|other| {
            let [x, y] = [other.point[0] - corner.point[0], other.point[1] - corner.point[1]];
            let length = x.hypot(y);
            let fits = (SHORTEST..LONGEST).contains(&length)
                && turn(y.atan2(x) - direction, 2.0 * PI) < 0.4
                && turn(other.bright - corner.bright - PI / 2.0, PI) < 0.4;
            fits.then_some((length, *other))
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.into_iter().take(2).map(|(_, other)| other).collect()
}

/// The least turn that an angle is, where turns by `whole` are none.
fn turn(angle: f64, whole: f64) -> f64 {
    let rest = angle.rem_euclid(whole);
    rest.min(whole - rest)
}

/// The map from squares to the frame, from what is known.
enum Map {
    Affine([[f64; 3]; 2]),
    Projective(Geometry),
}

impl Map {
    fn fit(frame: Extent, known: &[(Vertex, Corner)]) -> Option<Self> {
        if is_spread(known) {
            return Geometry::fit(frame, &matches(known)).map(Self::Projective);
        }
        let fit = |axis: usize| {
            let mut normal = super::super::super::linear::Normal::new(3);
            for (vertex, corner) in known {
                let [u, v] = vertex.place();
                normal.add(&[u, v, 1.0], corner.point[axis], 1.0);
            }
            normal.solve(1e-12).map(|row| [row[0], row[1], row[2]])
        };
        Some(Self::Affine([fit(0)?, fit(1)?]))
    }

    fn point(&self, [u, v]: Point) -> Option<Point> {
        match self {
            Self::Affine(rows) => Some(rows.map(|[a, b, c]| a * u + b * v + c)),
            Self::Projective(geometry) => geometry.point([u, v]),
        }
    }
}

/// Whether the known vertices determine a perspective well enough to go on with: four or more on
/// each of two sides that meet, or on three sides.
fn is_spread(known: &[(Vertex, Corner)]) -> bool {
    let on = |is: &dyn Fn(Vertex) -> bool| known.iter().filter(|(vertex, _)| is(*vertex)).count();
    let columns = on(&|v| v.row == 1).max(on(&|v| v.row == 11));
    let rows = on(&|v| v.column == 1).max(on(&|v| v.column == 11));
    columns >= 4 && rows >= 4
}

pub(super) fn matches(known: &[(Vertex, Corner)]) -> Vec<Match> {
    known
        .iter()
        .map(|(vertex, corner)| Match { frame: corner.point, cell: vertex.place() })
        .collect()
}

/// Grows the ring from its first corner, which is put at column 1 and row 1, with the others beside
/// it at column 2 and at row 2.
fn grow(frame: Extent, places: &Places<'_>, [first, along, across]: [Corner; 3]) -> Option<Ring> {
    let vertex = |column, row| Vertex { column, row };
    let mut known = vec![(vertex(1, 1), first), (vertex(2, 1), along), (vertex(1, 2), across)];
    let vertices: Vec<Vertex> = Vertex::all().collect();
    for round in 0..14 {
        let map = Map::fit(frame, &known)?;
        let mut next = Vec::with_capacity(vertices.len());
        let near = beside(&vertices, &known);
        for (&vertex, _) in vertices.iter().zip(near).filter(|(_, near)| *near) {
            next.extend(expected(&map, places, vertex, first).map(|corner| (vertex, corner)));
        }
        let settled = next == known;
        if next.len() < 5.min(4 + round) {
            return None;
        }
        known = next;
        if settled {
            break;
        }
    }
    let geometry = is_spread(&known).then(|| Geometry::fit(frame, &matches(&known)))??;
    Some(Ring { known, geometry })
}

/// Which vertices, in their order around the ring, are few steps from known ones.
fn beside(vertices: &[Vertex], known: &[(Vertex, Corner)]) -> Vec<bool> {
    let mut near = vec![false; vertices.len()];
    // Those that are known are in the same order.
    let mut known = known.iter().map(|(vertex, _)| vertex).peekable();
    for (place, vertex) in vertices.iter().enumerate() {
        if known.next_if_eq(&vertex).is_some() {
            for step in 0..=2 * STEPS {
                near[(place + vertices.len() + step - STEPS) % vertices.len()] = true;
            }
        }
    }
    near
}

/// The corner nearest to where a vertex is expected, if it is near, and its bright squares lie as
/// they must: one of the vertices where the ring turns is inverted.
fn expected(map: &Map, places: &Places<'_>, vertex: Vertex, first: Corner) -> Option<Corner> {
    let [u, v] = vertex.place();
    let point = map.point([u, v])?;
    let square = SQUARE as f64;
    let beside = [map.point([u + square, v])?, map.point([u, v + square])?];
    let size = beside.iter().map(|&other| distance(point, other)).fold(f64::INFINITY, f64::min);
    let nearest = places.nearest(point, NEAR * size)?;
    // Squares alternate: as at the first vertex, or a quarter turn from there. Perspective turns
    // the diagonals of squares far from each other by less than the half of that.
    let quarter = if (vertex.column + vertex.row).is_multiple_of(2) { 0.0 } else { PI / 2.0 };
    let fits = turn(nearest.bright - first.bright - quarter, PI) < PI / 4.0;
    (fits || vertex.is_corner()).then_some(*nearest)
}
