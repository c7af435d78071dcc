//! The target: what is drawn, in cells.
//!
//! A raster of cells, black or white, 104 wide and 144 high:
//!
//! ```text
//!   4  white margin
//!  16  six patches: black, 1/8, 3/8, 5/8, 7/8 of white dots, white
//!   4  white
//!  96  two rings of checker squares of 8 cells around 64 x 64 cells of noise
//!   4  white
//!  16  six patches: white, 6/8, 4/8, 2/8, 4/8 of white dots, black
//!   4  white margin
//! ```
//!
//! The noise is Bernoulli(1/2), which makes the regression for the PSF nearly as well posed as it
//! can be (Delbracio, Musé, Almansa, Morel, "Non-parametric sub-pixel local point spread function
//! estimation", IPOL 2, 2012), balanced so that 32 of the 64 cells of each block of 8 x 8 are
//! white. Where four squares of the two rings meet there is a corner that is found under any blur
//! narrower than the squares: these 40 places are the *vertices*. The four squares around the
//! vertex at the upper left are inverted, so that a person sees how the target stands; the two
//! vertices beside it are none any more.
//!
//! **The generator**, for whoever makes the same cells elsewhere: blocks row by row; each holds 32
//! white cells, then 32 black ones, and is shuffled: for i from 63 down to 1, cell i changes place
//! with cell r mod (i + 1). The numbers r are SplitMix64 of the seed: add 0x9E3779B97F4A7C15 to the
//! state; z = state; z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9; z = (z ^ z >> 27) *
//! 0x94D049BB133111EB; r = z ^ z >> 31, all modulo 2^64.

use serde::{Deserialize, Serialize};

use super::geometry::Point;
use crate::frame::{Extent, Plane};

/// Cells on a side of a checker square, and of a balanced block of noise.
pub const SQUARE: usize = 8;
/// Cells on a side of the noise.
const NOISE: usize = 64;
/// Cells on a side of the outer ring.
const RING: usize = NOISE + 4 * SQUARE;
/// White around everything, and between ring and patches.
const MARGIN: usize = 4;
/// Cells on a side of a patch.
pub(crate) const PATCH: usize = 2 * SQUARE;
const EXTENT: Extent = Extent::new(RING + 2 * MARGIN, RING + 2 * PATCH + 4 * MARGIN);
/// Where the outer ring begins.
const RING_AT: (usize, usize) = (MARGIN, 2 * MARGIN + PATCH);
/// Eighths of white of the patches above and below.
const PATCHES: [[u8; 6]; 2] = [[0, 1, 3, 5, 7, 8], [8, 6, 4, 2, 4, 0]];
/// Vertices of the ring are counted from 1 to this along each side.
const LAST_VERTEX: usize = RING / SQUARE - 1;
/// The part of the samples of a picture of a pattern that may be gray, in hundredths.
const MOST_GRAY: usize = 1;
/// The most cells on a side of a pattern from elsewhere.
const MAX_SIDE: usize = 2048;

/// A target: its cells and what is known of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    description: Description,
    /// Light of the cells, 0 or 1.
    cells: Plane<f32>,
}

/// What a pattern is made from: the content of `target.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "lowercase", deny_unknown_fields)]
pub enum Description {
    /// The target that this program draws.
    Noise {
        /// What its noise is drawn with.
        seed: u64,
    },
    /// Cells from elsewhere, without ring and patches.
    Cells {
        /// Rows of `.` for white and `#` for black.
        rows: Vec<String>,
    },
}

/// Why something is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub enum PatternError {
    /// the pattern has {width}x{height} cells (expected 16 to 2048 on a side)
    Extent {
        /// Cells in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// row {row} of the pattern has {is} cells (expected {expected}, as in the first row)
    Ragged {
        /// Row, from 1.
        row: usize,
        /// Cells in it.
        is: usize,
        /// Cells in the first row.
        expected: usize,
    },
    /// row {row} of the pattern holds '{cell}' (expected '.' for white or '#' for black)
    Cell {
        /// Row, from 1.
        row: usize,
        /// What stands there.
        cell: char,
    },
    /// the pattern has no {0} cell (expected noise)
    OneColour(&'static str),
    /// {share} % of the pattern are gray (expected black or white, one sample a cell)
    Gray {
        /// Samples in hundredths of all.
        share: usize,
    },
}

/// A rectangle of cells of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patch {
    /// Corner at the upper left.
    pub(crate) at: (usize, usize),
    /// Eighths of white, from 0 for black to 8 for white.
    pub(crate) eighths: u8,
}

impl Pattern {
    /// The target that this program draws, with the noise of `seed`.
    pub fn noise(seed: u64) -> Self {
        let mut cells = Plane::new(EXTENT, 1.0);
        draw_ring(&mut cells);
        draw_noise(&mut cells, seed);
        patches().for_each(|patch| draw_patch(&mut cells, patch));
        Self { description: Description::Noise { seed }, cells }
    }

    /// Cells from elsewhere, without ring: `is_white(column, row)` of a picture of one sample a
    /// cell.
    ///
    /// # Errors
    /// Where there are too few or too many, or all are of one colour.
    pub fn from_cells(
        extent: Extent,
        is_white: impl Fn(usize, usize) -> bool,
    ) -> Result<Self, PatternError> {
        let sign = |x, y| if is_white(x, y) { '.' } else { '#' };
        let rows = (0..extent.height).map(|y| (0..extent.width).map(|x| sign(x, y)).collect());
        Self::new(Description::Cells { rows: rows.collect() })
    }

    /// Cells from a picture of one sample a cell, 0 at black and 1 at white.
    ///
    /// # Errors
    /// Where there are too few or too many, all are of one colour, or not all black or white.
    pub fn from_picture(light: &Plane<f32>) -> Result<Self, PatternError> {
        let pattern = Self::from_cells(light.extent(), |x, y| light.row(y)[x] > 0.5)?;
        let is_gray = |value: &&f32| (0.25..0.75).contains(*value);
        let share = 100 * light.samples().iter().filter(is_gray).count() / light.extent().area();
        if share > MOST_GRAY { Err(PatternError::Gray { share }) } else { Ok(pattern) }
    }

    /// The pattern of a description.
    ///
    /// # Errors
    /// Where the description's cells are not those of a pattern.
    pub fn new(description: Description) -> Result<Self, PatternError> {
        match &description {
            Description::Noise { seed } => Ok(Self::noise(*seed)),
            Description::Cells { rows } => Ok(Self { cells: read_cells(rows)?, description }),
        }
    }

    /// What the pattern is made from.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Light of the cells: 0 or 1.
    pub fn cells(&self) -> &Plane<f32> {
        &self.cells
    }

    /// Width and height in cells.
    pub fn extent(&self) -> Extent {
        self.cells.extent()
    }

    /// Whether there are a ring and patches around the noise.
    pub fn has_ring(&self) -> bool {
        matches!(self.description, Description::Noise { .. })
    }

    /// The noise: its first column and row, and its extent.
    pub(crate) fn noise_area(&self) -> (usize, usize, Extent) {
        if self.has_ring() {
            let (x, y) = RING_AT;
            (x + 2 * SQUARE, y + 2 * SQUARE, Extent::new(NOISE, NOISE))
        } else {
            (0, 0, self.extent())
        }
    }

    /// The patches; none of a pattern from elsewhere.
    pub(crate) fn patches(&self) -> Vec<Patch> {
        if self.has_ring() { patches().collect() } else { Vec::new() }
    }
}

impl Default for Pattern {
    fn default() -> Self {
        Self::noise(0)
    }
}

/// A vertex of the ring: the column and row of squares that begin there, 1 to 11, one of the two
/// being 1 or 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Vertex {
    pub(crate) column: usize,
    pub(crate) row: usize,
}

impl Vertex {
    /// All of them, around the ring; those beside the inverted corner are not to be seen.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let (first, last) = (1, LAST_VERTEX);
        let top = (first..last).map(move |column| Self { column, row: first });
        let right = (first..last).map(move |row| Self { column: last, row });
        let bottom = (first + 1..=last).rev().map(move |column| Self { column, row: last });
        let left = (first + 1..=last).rev().map(move |row| Self { column: first, row });
        top.chain(right).chain(bottom).chain(left)
    }

    /// Where it lies, in cells.
    pub(crate) fn place(self) -> Point {
        let (x, y) = RING_AT;
        [(x + self.column * SQUARE) as f64, (y + self.row * SQUARE) as f64]
    }

    /// Whether it is one of the four where the ring turns.
    pub(crate) fn is_corner(self) -> bool {
        let ends = [1, LAST_VERTEX];
        ends.contains(&self.column) && ends.contains(&self.row)
    }

    /// Where it comes to lie when the ring is seen turned by `quarters` quarter turns, and mirrored
    /// before that where `mirrored`.
    pub(crate) fn turned(self, quarters: usize, mirrored: bool) -> Self {
        let opposite = |index| LAST_VERTEX + 1 - index;
        let mut vertex = self;
        if mirrored {
            vertex.column = opposite(vertex.column);
        }
        for _ in 0..quarters {
            vertex = Self { column: opposite(vertex.row), row: vertex.column };
        }
        vertex
    }
}

fn read_cells(rows: &[String]) -> Result<Plane<f32>, PatternError> {
    let width = rows.first().map_or(0, |row| row.chars().count());
    let extent = Extent::new(width, rows.len());
    if ![width, rows.len()].iter().all(|side| (2 * SQUARE..=MAX_SIDE).contains(side)) {
        return Err(PatternError::Extent { width, height: rows.len() });
    }
    let mut samples = Vec::with_capacity(extent.area());
    for (row, text) in rows.iter().enumerate() {
        for cell in text.chars() {
            samples.push(match cell {
                '.' => 1.0,
                '#' => 0.0,
                _ => return Err(PatternError::Cell { row: row + 1, cell }),
            });
        }
        let is = samples.len() - row * width;
        if is != width {
            return Err(PatternError::Ragged { row: row + 1, is, expected: width });
        }
    }
    let share = samples.iter().sum::<f32>() / samples.len() as f32;
    match Plane::from_samples(extent, samples) {
        Some(cells) if share > 0.0 && share < 1.0 => Ok(cells),
        _ => Err(PatternError::OneColour(if share > 0.0 { "black" } else { "white" })),
    }
}

fn draw_ring(cells: &mut Plane<f32>) {
    for y in 0..RING {
        for x in 0..RING {
            let (column, row) = (x / SQUARE, y / SQUARE);
            let inverted = column < 2 && row < 2;
            let white = ((column + row) % 2 == 1) != inverted;
            cells.row_mut(RING_AT.1 + y)[RING_AT.0 + x] = f32::from(u8::from(white));
        }
    }
}

fn draw_noise(cells: &mut Plane<f32>, seed: u64) {
    let (left, top) = (RING_AT.0 + 2 * SQUARE, RING_AT.1 + 2 * SQUARE);
    let mut random = SplitMix64(seed);
    for block in 0..(NOISE / SQUARE).pow(2) {
        let mut order: [usize; SQUARE * SQUARE] = std::array::from_fn(|index| index);
        for index in (1..order.len()).rev() {
            order.swap(index, random.below(index + 1));
        }
        let (x, y) = (block % (NOISE / SQUARE) * SQUARE, block / (NOISE / SQUARE) * SQUARE);
        for (index, what) in order.into_iter().enumerate() {
            let white = what < SQUARE * SQUARE / 2;
            let row = cells.row_mut(top + y + index / SQUARE);
            row[left + x + index % SQUARE] = f32::from(u8::from(white));
        }
    }
}

fn patches() -> impl Iterator<Item = Patch> {
    let tops = [MARGIN, RING_AT.1 + RING + MARGIN];
    PATCHES.into_iter().zip(tops).flat_map(|(row, top)| {
        let patch = move |(index, eighths)| Patch { at: (MARGIN + index * PATCH, top), eighths };
        row.into_iter().enumerate().map(patch)
    })
}

/// Dots on a lattice: among eight cells in a row, and in a column, as many are white as there are
/// eighths, and they lie as far apart as they can.
fn draw_patch(cells: &mut Plane<f32>, patch: Patch) {
    for y in 0..PATCH {
        for x in 0..PATCH {
            let white = (3 * x + y) % 8 < usize::from(patch.eighths);
            cells.row_mut(patch.at.1 + y)[patch.at.0 + x] = f32::from(u8::from(white));
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
        let rest = (self.next() % bound as u64) as usize;
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_noise_are_balanced_and_seeds_differ() {
        let (pattern, other) = (Pattern::noise(0), Pattern::noise(1));
        let (left, top, extent) = pattern.noise_area();
        for block in 0..(extent.area() / 64) {
            let (x, y) = (left + block % 8 * 8, top + block / 8 * 8);
            let sum: f32 =
                (0..8).map(|row| pattern.cells().row(y + row)[x..x + 8].iter().sum::<f32>()).sum();
            assert_eq!(sum, 32.0, "block {block}");
        }
        let pairs = pattern.cells().samples().iter().zip(other.cells().samples());
        let different = pairs.filter(|(a, b)| a != b).count();
        assert!((1900..2200).contains(&different), "{different} of 4096 cells differ");
    }

    /// Values of the generator as published for seed 1234567.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(
            [random.next(), random.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }

    #[test]
    fn patches_have_their_share_of_white() {
        let pattern = Pattern::default();
        for patch in pattern.patches() {
            let rows = patch.at.1..patch.at.1 + PATCH;
            let white: f32 = rows
                .map(|y| pattern.cells().row(y)[patch.at.0..][..PATCH].iter().sum::<f32>())
                .sum();
            assert_eq!(white, f32::from(patch.eighths) / 8.0 * 256.0, "{patch:?}");
        }
    }

    /// At a vertex, cells opposite each other are alike and those beside are not; but for the two
    /// that the inverted corner takes away.
    #[test]
    fn vertices_are_where_four_squares_meet() {
        let pattern = Pattern::default();
        let mut missing = Vec::new();
        for vertex in Vertex::all() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cells")]
            let [x, y] = vertex.place().map(|v| v as usize);
            let cell = |dx: usize, dy: usize| pattern.cells().row(y - dy)[x - dx];
            let crossing =
                cell(0, 0) == cell(1, 1) && cell(0, 1) == cell(1, 0) && cell(0, 0) != cell(1, 0);
            if !crossing {
                missing.push((vertex.column, vertex.row));
            }
        }
        missing.sort_unstable();
        assert_eq!(missing, [(1, 2), (2, 1)]);
        assert_eq!(Vertex::all().count(), 40);
    }

    #[test]
    fn a_description_is_read_back_as_written() {
        let cells =
            Pattern::from_cells(Extent::new(16, 17), |x, y| (x * y) % 3 == 0).expect("cells");
        for pattern in [Pattern::noise(7), cells] {
            let json = serde_json::to_string(pattern.description()).expect("JSON");
            let description = serde_json::from_str(&json).expect("a description");
            assert_eq!(Pattern::new(description), Ok(pattern), "{json}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_by_name() {
        let check = |rows: Vec<String>, message: &str| {
            let error = Pattern::new(Description::Cells { rows }).expect_err("no pattern");
            assert!(error.to_string().contains(message), "{error}");
        };
        check(vec![], "0x0 cells");
        check(vec![".#".repeat(8); 15], "16x15 cells");
        check(vec![".".repeat(16); 16], "no black cell");
        check([vec![".".repeat(16); 15], vec!["#".repeat(15)]].concat(), "row 16");
        check([vec![".".repeat(16); 15], vec!["x".repeat(16)]].concat(), "'x'");
    }
}
