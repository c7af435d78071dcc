//! What stands still: the wall, and on it three sheets of paper with targets.

use super::super::font;
use super::canvas::{Area, Colour, Place, blend, coverage, paint, pixel, shade, stamp};
use crate::frame::Picture;

/// Colour of the sheets.
pub(super) const PAPER: Colour = [233.0, 229.0, 219.0];
/// Colour of what is printed on them.
pub(super) const INK: Colour = [28.0, 31.0, 38.0];
/// Height of a brick and its joint, in units of the drawing.
const COURSE: f32 = 17.0;

/// The sheet with text, the sheet behind the star, and the sheet with gratings.
const SHEETS: [Area; 3] = [
    Area { x: 20.0, y: 18.0, width: 190.0, height: 204.0 },
    Area { x: 228.0, y: 18.0, width: 184.0, height: 204.0 },
    Area { x: 430.0, y: 18.0, width: 190.0, height: 204.0 },
];

/// The lines of the first sheet: height of the capitals and text.
const LINES: [(f32, &str); 10] = [
    (25.0, "SHARP"),
    (17.0, "IN REAL TIME"),
    (12.0, "DEBLURD 0123456789"),
    (9.5, "A WIENER FILTER FINDS"),
    (8.0, "WHAT THE BLUR LEFT. A SMALL"),
    (7.0, "NETWORK FILLS IN ONLY WHAT IT"),
    (6.0, "DESTROYED: G = X + (I - H'H) F(X,Y)"),
    (5.5, "THE QUICK BROWN FOX JUMPS OVER THE LAZY"),
    (5.0, "DOG. PACK MY BOX WITH FIVE DOZEN JUGS"),
    (4.5, "SPHINX OF BLACK QUARTZ, JUDGE MY VOW 1234567890"),
];

/// Draws everything that stands still.
pub(super) fn draw(picture: &mut Picture, place: Place, seed: u64) {
    wall(picture, place, seed);
    for sheet in SHEETS {
        paper(picture, place, sheet, seed);
    }
    text(picture, place);
    cloth(picture, place, Area { x: 440.0, y: 28.0, width: 170.0, height: 58.0 });
    gratings(picture, place);
}

/// Noise in [-1, 1] whose finest waves are about `wavelength` pixels long.
pub(super) fn noise(x: f32, y: f32, wavelength: f32, seed: u64) -> f32 {
    let (x, y) = (x / wavelength, y / wavelength);
    let (left, top) = (x.floor(), y.floor());
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (smooth(x - left), smooth(y - top));
    let at = |dx: f32, dy: f32| random(left + dx, top + dy, seed) * 2.0 - 1.0;
    let row = |dy: f32| at(0.0, dy) * (1.0 - u) + at(1.0, dy) * u;
    row(0.0) * (1.0 - v) + row(1.0) * v
}

/// A number in [0, 1) that belongs to a whole point (the finaliser of SplitMix64).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits to be mixed")]
pub(super) fn random(x: f32, y: f32, seed: u64) -> f32 {
    let (x, y) = (x as i64 as u64, y as i64 as u64);
    let mut bits =
        seed ^ x.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ y.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
}

/// Paints all pixels of an area; the shape is asked at offsets from its corner.
fn fill(
    picture: &mut Picture,
    place: Place,
    area: Area,
    shape: impl Fn(f32, f32) -> (Colour, f32),
) {
    let (left, top) = place.point(area.x, area.y);
    let (width, height) = (area.width * place.scale, area.height * place.scale);
    let (x, y) = (left + width / 2.0, top + height / 2.0);
    paint(picture, (x, y), width.max(height) / 2.0 + 1.0, |dx, dy| {
        let (x, y) = (dx + width / 2.0, dy + height / 2.0);
        let (colour, inside) = shape(x, y);
        (colour, inside.min(x).min(width - x).min(y).min(height - y))
    });
}

fn wall(picture: &mut Picture, place: Place, seed: u64) {
    let extent = picture.extent();
    let reach = extent.width.max(extent.height) as f32;
    paint(picture, (0.0, 0.0), reach, |x, y| {
        let grain = 9.0 * noise(x, y, 2.6, seed) + 7.0 * noise(x, y, 7.0, seed ^ 1);
        let light =
            1.12 - 0.35 * (x / extent.width as f32 - 0.4).abs() - 0.25 * y / extent.height as f32;
        let colour = shade(brick(x / place.scale, y / place.scale, place.scale, seed), light);
        (colour.map(|value| value + grain), 1.0)
    });
}

/// Colour of the wall at a point given in units of the drawing.
fn brick(x: f32, y: f32, scale: f32, seed: u64) -> Colour {
    let course = (y / COURSE).floor();
    let length = 2.6 * COURSE;
    let x = x + length / 2.0 * course.rem_euclid(2.0);
    let (across, down) = (x.rem_euclid(length), y.rem_euclid(COURSE));
    let depth = across.min(length - across).min(down).min(COURSE - down) - 0.9;
    let tone = random((x / length).floor(), course, seed);
    let clay = blend([124.0, 66.0, 54.0], [156.0, 96.0, 74.0], tone);
    blend([150.0, 144.0, 136.0], clay, coverage(depth * scale))
}

fn paper(picture: &mut Picture, place: Place, area: Area, seed: u64) {
    let shadow = Area { x: area.x + 3.0, y: area.y + 4.0, ..area };
    fill(picture, place, shadow, |_, _| ([40.0, 26.0, 24.0], 0.0));
    fill(picture, place, area, |x, y| {
        let grain = 2.5 * noise(x, y, 2.0, seed ^ 2) + 2.0 * noise(x, y, 11.0, seed ^ 3);
        (PAPER.map(|value| value + grain), 1.0)
    });
}

fn text(picture: &mut Picture, place: Place) {
    let mut y = SHEETS[0].y + 7.0;
    for (height, text) in LINES {
        let (left, top) = place.point(SHEETS[0].x + 9.0 - height / 6.0, y - height / 6.0);
        stamp(picture, &font::line(text, height * place.scale), (pixel(left), pixel(top)), INK);
        y += 1.62 * height + 2.0;
    }
}

/// Cloth: threads over and under each other.
fn cloth(picture: &mut Picture, place: Place, area: Area) {
    let thread = 4.6 * place.scale;
    fill(picture, place, area, |x, y| {
        let (u, v) = ((x + 0.25 * y) / thread, (y - 0.25 * x) / thread);
        let warp = (u.floor() + v.floor()).rem_euclid(2.0) < 1.0;
        let (along, across) = if warp { (v, u) } else { (u, v) };
        let round = 1.0 - (2.0 * (across - across.floor()) - 1.0).powi(2);
        let bend = 1.0 - 0.5 * (2.0 * (along - along.floor()) - 1.0).powi(2);
        let colour = if warp { [62.0, 104.0, 138.0] } else { [196.0, 172.0, 112.0] };
        (shade(colour, 0.35 + 0.75 * round * bend), 1.0)
    });
}

/// Bars from coarse to as fine as two pixels.
fn gratings(picture: &mut Picture, place: Place) {
    for (index, wavelength) in [12.0_f32, 8.0, 6.0, 4.5, 3.4, 2.6].into_iter().enumerate() {
        let area = Area { x: 440.0 + 28.4 * index as f32, y: 92.0, width: 26.0, height: 34.0 };
        let turn = std::f32::consts::TAU / wavelength;
        fill(picture, place, area, |x, _| (blend(INK, PAPER, 0.5 + 0.5 * (turn * x).cos()), 1.0));
    }
}
