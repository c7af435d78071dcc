//! Lettering with round strokes, sharp at every size.
//!
//! A letter is a few strokes on a grid of 5 by 7 points: pairs of digits are columns (0 to 4) and
//! rows (0 to 6, from the top). A stroke after `~` is drawn through its corners as a curve.

use crate::frame::{Extent, Plane};

/// Columns from one letter to the next, in points of the grid.
const ADVANCE: f32 = 5.7;
/// Width of a column in heights of a row.
const NARROW: f32 = 0.82;
/// Half the width of a stroke, in points of the grid.
const HALF_STROKE: f32 = 0.46;

/// The coverage (0 to 1) of a line of text whose capitals are `height` pixels high, with a margin
/// of a sixth of the height around it.
pub(crate) fn line(text: &str, height: f32) -> Plane<f32> {
    let unit = height / 6.0;
    let columns = ADVANCE * text.chars().count() as f32 + 2.0 - (ADVANCE - 4.0);
    let mut mask =
        Plane::new(Extent::new(pixels(columns * NARROW * unit), pixels(9.0 * unit)), 0.0);
    for (index, letter) in text.chars().enumerate() {
        let left = (1.0 + ADVANCE * index as f32) * NARROW * unit;
        for stroke in strokes(letter) {
            for pair in stroke.windows(2) {
                draw(&mut mask, pair[0].to_pixels(left, unit), pair[1].to_pixels(left, unit), unit);
            }
        }
    }
    mask
}

/// How much of a pixel lies within an edge at that distance in pixels, positive inside.
pub(super) fn coverage(inside: f32) -> f32 {
    (inside + 0.5).clamp(0.0, 1.0)
}

#[derive(Debug, Clone, Copy)]
struct Point {
    x: f32,
    y: f32,
}

impl Point {
    fn to_pixels(self, left: f32, unit: f32) -> Self {
        Self { x: left + self.x * NARROW * unit, y: (1.0 + self.y) * unit }
    }

    fn towards(self, other: Self, part: f32) -> Self {
        Self { x: self.x + (other.x - self.x) * part, y: self.y + (other.y - self.y) * part }
    }
}

/// Draws a stroke with round ends.
fn draw(mask: &mut Plane<f32>, a: Point, b: Point, unit: f32) {
    // A line thinner than a pixel is drawn a pixel wide, and paler.
    let half = (HALF_STROKE * unit).max(0.5);
    let strength = (HALF_STROKE * unit / half).min(1.0);
    let span = |p: f32, q: f32, limit: usize| {
        pixels(p.min(q) - half - 1.0)..pixels(p.max(q) + half + 1.0).min(limit)
    };
    let Extent { width, height } = mask.extent();
    for y in span(a.y, b.y, height) {
        for x in span(a.x, b.x, width) {
            let distance = distance(Point { x: x as f32 + 0.5, y: y as f32 + 0.5 }, a, b);
            let covered = coverage(half - distance) * strength;
            let sample = &mut mask.row_mut(y)[x];
            *sample = sample.max(covered);
        }
    }
}

/// From a point to the line between two others.
fn distance(p: Point, a: Point, b: Point) -> f32 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = (dx * dx + dy * dy).max(1e-9);
    let along = (((p.x - a.x) * dx + (p.y - a.y) * dy) / length).clamp(0.0, 1.0);
    let nearest = a.towards(b, along);
    ((p.x - nearest.x).powi(2) + (p.y - nearest.y).powi(2)).sqrt()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn pixels(length: f32) -> usize {
    length.ceil().max(0.0) as usize
}

fn strokes(letter: char) -> Vec<Vec<Point>> {
    outline(letter.to_ascii_uppercase()).split_ascii_whitespace().map(stroke).collect()
}

fn stroke(code: &str) -> Vec<Point> {
    let (curve, digits) = code.strip_prefix('~').map_or((false, code), |digits| (true, digits));
    let digit = |byte: u8| f32::from(byte.saturating_sub(b'0'));
    let point = |pair: &[u8]| Point { x: digit(pair[0]), y: digit(pair[1]) };
    let corners: Vec<Point> = digits.as_bytes().chunks_exact(2).map(point).collect();
    if curve { rounded(&rounded(&rounded(&corners))) } else { corners }
}

/// Cuts the corners of a line (Chaikin's algorithm); its ends stay.
fn rounded(line: &[Point]) -> Vec<Point> {
    let (Some(&first), Some(&last)) = (line.first(), line.last()) else { return Vec::new() };
    let cut = |pair: &[Point]| [pair[0].towards(pair[1], 0.25), pair[0].towards(pair[1], 0.75)];
    let inner = line.windows(2).flat_map(cut);
    std::iter::once(first).chain(inner).chain(std::iter::once(last)).collect()
}

fn outline(letter: char) -> &'static str {
    match letter {
        'A' => "062046 1434",
        'B' => "0006 ~00404303 ~03434606",
        'C' => "~4130100105163645",
        'D' => "0006 ~00404606",
        'E' => "40000646 0333",
        'F' => "400006 0333",
        'G' => "~4130100105163645 454323",
        'H' => "0006 4046 0343",
        'I' => "1030 2026 1636",
        'J' => "~40460604",
        'K' => "0006 4004 1346",
        'L' => "000646",
        'M' => "0600234046",
        'N' => "06004640",
        'O' => "~20000626464020",
        'P' => "0006 ~00404303",
        'Q' => "~20000626464020 2446",
        'R' => "0006 ~00404303 2346",
        'S' => "~4140000343460605",
        'T' => "0040 2026",
        'U' => "~00064640",
        'V' => "002640",
        'W' => "0016233640",
        'X' => "0046 4006",
        'Y' => "002340 2326",
        'Z' => "00400646",
        '0' => "~20000626464020 1531",
        '1' => "112026 1636",
        '2' => "~0100404206 0646",
        '3' => "~0100404323 ~2343460605",
        '4' => "300444 3036",
        '5' => "400002 ~0242460605",
        '6' => "~30010646430304",
        '7' => "004016",
        '8' => "~20000323434020 ~23030626464323",
        '9' => "~16454000034342",
        '.' => "1616",
        ',' => "1607",
        '-' => "1333",
        ':' => "2222 2525",
        '/' => "4006",
        '=' => "0242 0444",
        '+' => "2125 0343",
        '\'' => "2021",
        '(' => "~30101636",
        ')' => "~10303616",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_differ_and_stay_within_their_line() {
        let mut seen = Vec::new();
        for letter in ('A'..='Z').chain('0'..='9').chain(".,-:/=+'()".chars()) {
            let mask = line(&letter.to_string(), 24.0);
            assert!(mask.samples().iter().any(|&s| s > 0.9), "{letter} is invisible");
            let edge = mask.row(0).iter().chain(mask.rows().filter_map(|row| row.last()));
            assert!(edge.copied().all(|sample| sample < 0.1), "{letter} leaves its line");
            assert!(!seen.contains(&mask), "{letter} looks like another letter");
            seen.push(mask);
        }
    }
}
