//! A pattern without ring: a patch of noise, wherever it comes from.
//!
//! Noise is the part of a frame where samples differ most from their neighbours. Its four corners are
//! a guess: what is drawn around the pattern may be as rough. So the block in the middle is looked for
//! in each of the eight ways in which the pattern may lie, at sizes and turns about those of the guess.
//! Then blocks all over the pattern are looked for nearby, and those that are found give the next
//! geometry, until they are found where they are expected.

use super::super::geometry::{Geometry, Match, Point};
use super::super::pattern::Pattern;
use super::super::render::render;
use super::super::window::Window;
use super::found::{FindError, Found};
use crate::executor::Sequential;
use crate::frame::{Extent, Plane};

/// Blocks in a row and in a column.
const BLOCKS: usize = 7;
/// Samples by which a block may be away from where it is expected, in each round.
const REACHES: [usize; 6] = [7, 4, 2, 2, 2, 2];
/// The least correlation of a block that counts.
const LEAST: f64 = 0.4;
/// The fewest blocks that make a patch.
const FEWEST: usize = 20;
/// Directions of a side among which the patch's is looked for, in a quarter turn.
const DIRECTIONS: usize = 12;
/// Sizes of the pattern that are tried, of that of the guess: the least, and steps above it.
const SIZES: (f64, f64, usize) = (0.6, 0.03, 19);
/// Turns away from the guess that are tried, in degrees.
const TURNS: [f64; 5] = [0.0, 1.5, -1.5, 3.0, -3.0];
/// Samples about the middle of the block that is looked for, and by which it may be away.
const MIDDLE: (usize, usize) = (14, 10);
/// The least correlation of the block in the middle: of another pattern it is half of that.
const LEAST_MIDDLE: f64 = 0.3;

/// A block that was found.
#[derive(Debug, Clone, Copy)]
struct Block {
    place: Match,
    correlation: f64,
}

/// Finds the patch of noise that is `pattern`.
pub(super) fn find_patch(frame: &Plane<f32>, pattern: &Pattern) -> Result<Found, FindError> {
    let corners = corners(frame).ok_or(FindError::NoPatch)?;
    let seen = smoothed(frame);
    let tried = (0..8).flat_map(|way| guesses(frame.extent(), pattern, corners, way));
    let placed = tried.filter_map(|guess| place_middle(&seen, pattern, &guess));
    let best = placed.max_by(|a, b| a.0.total_cmp(&b.0));
    let (correlation, mut geometry) = best.ok_or(FindError::NoPatch)?;
    if correlation < LEAST_MIDDLE {
        return Err(FindError::OtherPattern { correlation });
    }
    let mut blocks = Vec::new();
    for reach in REACHES {
        blocks = match_blocks(&seen, pattern, &geometry, reach);
        blocks.retain(|block| block.correlation > LEAST);
        let matches: Vec<Match> = blocks.iter().map(|block| block.place).collect();
        if matches.len() < FEWEST {
            return Err(FindError::OtherPattern { correlation: score(&blocks) });
        }
        geometry = Geometry::fit(frame.extent(), &matches).ok_or(FindError::NoPatch)?;
    }
    let middle = middle(pattern);
    if geometry.is_mirrored(geometry.point(middle).unwrap_or_default()) {
        return Err(FindError::Mirrored);
    }
    Ok(Found {
        corners: blocks.iter().map(|block| block.place.frame).collect(),
        correlation: score(&blocks),
        samples_per_cell: geometry.samples_per_cell(middle).unwrap_or(0.0),
        geometry,
    })
}

/// Mean correlation of the blocks.
fn score(blocks: &[Block]) -> f64 {
    blocks.iter().map(|block| block.correlation).sum::<f64>() / blocks.len().max(1) as f64
}

/// The place in the middle of the pattern, in cells.
fn middle(pattern: &Pattern) -> Point {
    let Extent { width, height } = pattern.extent();
    [width as f64 / 2.0, height as f64 / 2.0]
}

/// The geometries in which the pattern has about these corners, one of four turns or, from the fifth
/// on, of four in the mirror.
fn guesses(
    frame: Extent,
    pattern: &Pattern,
    corners: [Point; 4],
    way: usize,
) -> impl Iterator<Item = Geometry> {
    let Extent { width, height } = pattern.extent();
    let (width, height) = (width as f64, height as f64);
    let cells = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]];
    let centre = [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / 4.0);
    let (least, step, steps) = SIZES;
    let sizes = (0..steps).map(move |k| least + step * k as f64);
    let all = sizes.flat_map(|size| TURNS.map(|turn| (size, turn)));
    all.filter_map(move |(size, turn)| {
        let (sin, cos) = turn.to_radians().sin_cos();
        let place = |index: usize| {
            let corner = corners[if way < 4 { (index + way) % 4 } else { (4 + way - index) % 4 }];
            let (x, y) = (size * (corner[0] - centre[0]), size * (corner[1] - centre[1]));
            let frame = [centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y];
            Match { frame, cell: cells[index] }
        };
        Geometry::fit(frame, &[place(0), place(1), place(2), place(3)])
    })
}

/// The guess moved to where the block in the middle of the pattern is seen, and how alike it is there.
fn place_middle(seen: &Plane<f32>, pattern: &Pattern, guess: &Geometry) -> Option<(f64, Geometry)> {
    let (radius, reach) = MIDDLE;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 0 is none")]
    let [x, y] = guess.point(middle(pattern))?.map(|value| value.round() as usize);
    let margin = radius + 1;
    let columns = x.checked_sub(margin)?..x + margin + 1;
    let window = Window { columns, rows: y.checked_sub(margin)?..y + margin + 1 };
    let drawn = smoothed(&render(pattern, guess, &window, &Sequential));
    let at = [margin as f64; 2];
    let (place, correlation) = match_block(seen, &drawn, &window, at, radius, reach)?;
    let from = window.point(at[0], at[1]);
    Some((correlation, guess.shifted([place[0] - from[0], place[1] - from[1]])))
}

/// The corners of the part of the frame in which samples differ most from their neighbours,
/// clockwise.
fn corners(frame: &Plane<f32>) -> Option<[Point; 4]> {
    let even = smoothed(frame);
    let pairs = frame.samples().iter().zip(even.samples());
    let rough = pairs.map(|(a, b)| (a - b).abs()).collect();
    let mut rough = Plane::from_samples(frame.extent(), rough)?;
    for _ in 0..6 {
        rough = smoothed(&rough);
    }
    let mut sorted = rough.samples().to_vec();
    sorted.sort_by(f32::total_cmp);
    // Half as rough as the roughest hundredth.
    let least = sorted[sorted.len() * 99 / 100] / 2.0;
    let part = largest_part(&rough, least);
    if part.len() < 400 {
        return None;
    }
    let quads = (0..DIRECTIONS).filter_map(|k| quad(&part, k as f64 / DIRECTIONS as f64));
    quads.max_by(|a, b| area(a).total_cmp(&area(b)))
}

/// The connected samples of at least `least`, of which there are most.
fn largest_part(rough: &Plane<f32>, least: f32) -> Vec<(usize, usize)> {
    let Extent { width, height } = rough.extent();
    let mut is_open = Plane::from_fn(rough.extent(), |x, y| rough.row(y)[x] >= least);
    let mut largest = Vec::new();
    for y in 0..height {
        for x in 0..width {
            if !is_open.row(y)[x] {
                continue;
            }
            is_open.row_mut(y)[x] = false;
            let mut part = vec![(x, y)];
            let mut next = 0;
            while let Some(&(x, y)) = part.get(next) {
                next += 1;
                let beside =
                    [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
                for (x, y) in beside {
                    if x < width && y < height && is_open.row(y)[x] {
                        is_open.row_mut(y)[x] = false;
                        part.push((x, y));
                    }
                }
            }
            if part.len() > largest.len() {
                largest = part;
            }
        }
    }
    largest
}

/// The farthest samples of the part in four directions a quarter turn apart, the first at `share` of
/// one.
fn quad(part: &[(usize, usize)], share: f64) -> Option<[Point; 4]> {
    let farthest = |quarter: usize| {
        let angle = (share + quarter as f64) * std::f64::consts::FRAC_PI_2;
        let (sin, cos) = angle.sin_cos();
        let reach = |&&(x, y): &&(usize, usize)| x as f64 * cos + y as f64 * sin;
        let far = part.iter().max_by(|a, b| reach(a).total_cmp(&reach(b)))?;
        Some([far.0 as f64, far.1 as f64])
    };
    Some([farthest(0)?, farthest(1)?, farthest(2)?, farthest(3)?])
}

fn area(corners: &[Point; 4]) -> f64 {
    let cross = |k: usize| {
        let (a, b) = (corners[k], corners[(k + 1) % 4]);
        a[0] * b[1] - a[1] * b[0]
    };
    (0..4).map(cross).sum::<f64>() / 2.0
}

/// Looks for the blocks of the pattern within `reach` samples of where the geometry has them.
fn match_blocks(
    seen: &Plane<f32>,
    pattern: &Pattern,
    geometry: &Geometry,
    reach: usize,
) -> Vec<Block> {
    let window = Window::around(seen.extent(), geometry, pattern);
    let drawn = smoothed(&render(pattern, geometry, &window, &Sequential));
    let side = window.extent().width.min(window.extent().height);
    let radius = (side / 7).max(5);
    let mut blocks = Vec::new();
    for index in 0..BLOCKS * BLOCKS {
        let part = |index: usize, cells: usize| {
            (index as f64 + 1.0) / (BLOCKS as f64 + 1.0) * cells as f64
        };
        let Extent { width, height } = pattern.extent();
        let cell = [part(index % BLOCKS, width), part(index / BLOCKS, height)];
        let Some(point) = geometry.point(cell) else { continue };
        let middle = [
            point[0].round() - window.columns.start as f64,
            point[1].round() - window.rows.start as f64,
        ];
        blocks.extend(match_block(seen, &drawn, &window, middle, radius, reach).map(
            |(place, correlation)| {
                let from = window.point(middle[0], middle[1]);
                let place = Match { frame: place, cell: geometry.cell(from) };
                Block { place, correlation }
            },
        ));
    }
    blocks
}

/// Where the block around `middle` of the window is seen, and how alike it is there.
fn match_block(
    seen: &Plane<f32>,
    drawn: &Plane<f32>,
    window: &Window,
    middle: Point,
    radius: usize,
    reach: usize,
) -> Option<(Point, f64)> {
    #[expect(clippy::cast_possible_truncation, reason = "within the frame")]
    let [x, y] = middle.map(|value| value as isize);
    let (radius, reach) = (radius as isize, reach as isize);
    let block = cut(drawn, x, y, radius)?;
    let (left, top) = (window.columns.start as isize, window.rows.start as isize);
    let at = |dx: isize, dy: isize| {
        cut(seen, x + left + dx, y + top + dy, radius).map_or(-1.0, |other| alike(&block, &other))
    };
    let best = |(x, y): (isize, isize), reach: isize, step: usize| {
        let steps = move || (-reach..=reach).step_by(step);
        let all = steps().flat_map(|dy| steps().map(move |dx| (x + dx, y + dy)));
        all.map(|(dx, dy)| (at(dx, dy), dx, dy)).max_by(|a, b| a.0.total_cmp(&b.0))
    };
    // What is alike is so for a sample around: every second place tells where.
    let (_, dx, dy) = best((0, 0), reach, 2)?;
    let (most, dx, dy) = best((dx, dy), 1, 1)?;
    let peak = |before: f64, after: f64| {
        let bend = before - 2.0 * most + after;
        if bend < 0.0 { ((before - after) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 }
    };
    let part = [peak(at(dx - 1, dy), at(dx + 1, dy)), peak(at(dx, dy - 1), at(dx, dy + 1))];
    let place = [(x + left + dx) as f64 + part[0], (y + top + dy) as f64 + part[1]];
    Some((place, most))
}

/// The samples within `radius` of a place, less their mean; `None` where some are outside.
fn cut(plane: &Plane<f32>, x: isize, y: isize, radius: isize) -> Option<Vec<f32>> {
    let (left, top) = (usize::try_from(x - radius).ok()?, usize::try_from(y - radius).ok()?);
    let side = 2 * radius as usize + 1;
    if left + side > plane.extent().width || top + side > plane.extent().height {
        return None;
    }
    let rows = (top..top + side).flat_map(|row| &plane.row(row)[left..left + side]);
    let mut samples: Vec<f32> = rows.copied().collect();
    let mean = samples.iter().sum::<f32>() / samples.len() as f32;
    samples.iter_mut().for_each(|sample| *sample -= mean);
    Some(samples)
}

/// Correlation of two blocks without means.
fn alike(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    f64::from(product(a, b) / (product(a, a) * product(b, b)).sqrt().max(f32::MIN_POSITIVE))
}

/// Means over 3 x 3 samples with weights 1 2 1.
fn smoothed(plane: &Plane<f32>) -> Plane<f32> {
    let Extent { width, height } = plane.extent();
    let rows = Plane::from_fn(plane.extent(), |x, y| {
        let row = plane.row(y);
        (row[x.saturating_sub(1)] + 2.0 * row[x] + row[(x + 1).min(width - 1)]) / 4.0
    });
    Plane::from_fn(plane.extent(), |x, y| {
        let (above, below) = (rows.row(y.saturating_sub(1)), rows.row((y + 1).min(height - 1)));
        (above[x] + 2.0 * rows.row(y)[x] + below[x]) / 4.0
    })
}
