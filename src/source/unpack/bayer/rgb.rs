//! Mosaics to red, green and blue by linear filters of five by five samples.
//!
//! H. S. Malvar, L. He, R. Cutler: High-quality linear interpolation for demosaicing of
//! Bayer-patterned color images, ICASSP 2004. A missing colour is the mean of its neighbours plus
//! a part of the curvature of the colour that is there. Every filter reproduces any plane in which
//! each colour is a linear function of the place.
//!
//! A row is kept as its even and its odd columns, so that a filter runs along contiguous samples.

use super::super::pixel_format::Mosaic;
use super::levels::Levels;
use super::window::{Window as Rows, reflected};
use crate::frame::Picture;

/// A row of the mosaic: its even columns and its odd ones, each with a reflected sample before the
/// first and after the last.
#[derive(Debug, Clone)]
struct Row {
    halves: [Vec<u16>; 2],
}

/// The five rows around a row, and what was made of them.
#[derive(Debug)]
pub(super) struct Window {
    width: usize,
    /// A row as fractions of white; of an odd width one more.
    lights: Vec<u16>,
    rows: [Row; 5],
    /// Red, green and blue of a row: even columns and odd ones.
    colours: [[Vec<u16>; 2]; 3],
}

/// The samples that the filters of one half of the columns look at, all of one length: `u` is up,
/// `d` down, `l` left, `r` right; twice is two places away.
struct Neighbours<'a> {
    here: &'a [u16],
    l: &'a [u16],
    r: &'a [u16],
    ll: &'a [u16],
    rr: &'a [u16],
    u: &'a [u16],
    d: &'a [u16],
    uu: &'a [u16],
    dd: &'a [u16],
    ul: &'a [u16],
    ur: &'a [u16],
    dl: &'a [u16],
    dr: &'a [u16],
}

impl Window {
    pub(super) fn new(width: usize) -> Self {
        let half = width.div_ceil(2);
        let padded = || std::array::from_fn(|_| vec![0; half + 2]);
        let row = || Row { halves: padded() };
        Self {
            width,
            lights: vec![0; 2 * half],
            rows: std::array::from_fn(|_| row()),
            colours: std::array::from_fn(|_| std::array::from_fn(|_| vec![0; half])),
        }
    }

    /// Makes the colours of row `y`, which is in the middle of `rows`.
    fn interpolate(&mut self, mosaic: Mosaic, y: usize, rows: [usize; 5]) {
        let Self { rows: loaded, colours, .. } = self;
        let rows = rows.map(|row| &loaded[row % 5]);
        let has_red = y % 2 == usize::from(mosaic.red_y);
        let coloured = usize::from(mosaic.red_x) ^ usize::from(!has_red);
        let [red, green, blue] = colours;
        let (own, other) = if has_red { (red, blue) } else { (blue, red) };
        let at = Neighbours::of(rows, coloured);
        own[coloured].copy_from_slice(at.here);
        at.green_of_coloured(&mut green[coloured]);
        at.other_of_coloured(&mut other[coloured]);
        let at = Neighbours::of(rows, 1 - coloured);
        green[1 - coloured].copy_from_slice(at.here);
        at.beside_of_green(&mut own[1 - coloured]);
        at.above_of_green(&mut other[1 - coloured]);
    }

    /// Writes the row of one colour.
    fn write(&self, colour: usize, target: &mut [u16]) {
        let [even, odd] = &self.colours[colour];
        let (pairs, last) = target.as_chunks_mut::<2>();
        for (pair, (&a, &b)) in pairs.iter_mut().zip(even.iter().zip(odd)) {
            *pair = [a, b];
        }
        if let (Some(sample), Some(&even)) = (last.first_mut(), even.last()) {
            *sample = even;
        }
    }
}

impl Rows for Window {
    const REACH: usize = 2;

    fn load(&mut self, y: usize, levels: &Levels, bytes: &[u8], factors: [f32; 2]) {
        let Self { width, lights, rows, .. } = self;
        levels.lights(bytes, factors, &mut lights[..*width]);
        let row = &mut rows[y % 5];
        let [even, odd] = &mut row.halves;
        let pairs = even[1..].iter_mut().zip(&mut odd[1..]);
        for ((a, b), pair) in pairs.zip(lights.as_chunks::<2>().0) {
            (*a, *b) = (pair[0], pair[1]);
        }
        row.reflect(*width);
    }

    fn develop(&mut self, mosaic: Mosaic, y: usize, rows: [usize; 5], picture: &mut Picture) {
        self.interpolate(mosaic, y, rows);
        for (colour, plane) in picture.planes_mut().iter_mut().enumerate() {
            self.write(colour, plane.row_mut(y));
        }
    }
}

impl Row {
    /// Fills what lies before the first and after the last column of `width`.
    fn reflect(&mut self, width: usize) {
        let half = self.halves[0].len() - 2;
        let mirror = |parity: usize, index: usize| 1 + reflected(2 * index + parity, width) / 2;
        let [even, odd] = &mut self.halves;
        (even[0], odd[0]) = (even[2], odd[1]);
        if width % 2 == 1 {
            odd[half] = odd[mirror(1, half - 1)];
        }
        (even[half + 1], odd[half + 1]) = (even[mirror(0, half)], odd[mirror(1, half)]);
    }
}

impl<'a> Neighbours<'a> {
    /// Around the columns of one parity of the row in the middle.
    fn of([uu, u, here, d, dd]: [&'a Row; 5], parity: usize) -> Self {
        let half = here.halves[0].len() - 2;
        let same = |row: &'a Row, from: usize| &row.halves[parity][from..][..half];
        let left = |row: &'a Row| &row.halves[1 - parity][parity..][..half];
        let right = |row: &'a Row| &row.halves[1 - parity][1 + parity..][..half];
        Self {
            here: same(here, 1),
            l: left(here),
            r: right(here),
            ll: same(here, 0),
            rr: same(here, 2),
            u: same(u, 1),
            d: same(d, 1),
            uu: same(uu, 1),
            dd: same(dd, 1),
            ul: left(u),
            ur: right(u),
            dl: left(d),
            dr: right(d),
        }
    }

    /// Green where red or blue is.
    fn green_of_coloured(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            8 * at.one(at.here, i) + 4 * (at.beside(i) + at.above(i))
                - 2 * (at.far_beside(i) + at.far_above(i))
        });
    }

    /// Blue where red is, red where blue is.
    fn other_of_coloured(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            12 * at.one(at.here, i) + 4 * at.corners(i) - 3 * (at.far_beside(i) + at.far_above(i))
        });
    }

    /// On green, the colour to the left and to the right.
    fn beside_of_green(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            10 * at.one(at.here, i) + 8 * at.beside(i) - 2 * (at.corners(i) + at.far_beside(i))
                + at.far_above(i)
        });
    }

    /// On green, the colour above and below.
    fn above_of_green(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            10 * at.one(at.here, i) + 8 * at.above(i) - 2 * (at.corners(i) + at.far_above(i))
                + at.far_beside(i)
        });
    }

    /// Writes sixteenths of what `sixteen_fold` says of every column, rounded and clipped.
    #[inline(always)]
    fn filter(&self, target: &mut [u16], sixteen_fold: impl Fn(&Self, usize) -> i32) {
        for (i, sample) in target.iter_mut().enumerate().take(self.here.len()) {
            let value = (sixteen_fold(self, i) + 8) >> 4;
            #[expect(clippy::cast_sign_loss, reason = "clamped")]
            let clipped = value.clamp(0, 0xFFFF) as u16;
            *sample = clipped;
        }
    }

    #[inline(always)]
    fn one(&self, samples: &[u16], i: usize) -> i32 {
        samples[i].into()
    }

    #[inline(always)]
    fn beside(&self, i: usize) -> i32 {
        self.one(self.l, i) + self.one(self.r, i)
    }

    #[inline(always)]
    fn above(&self, i: usize) -> i32 {
        self.one(self.u, i) + self.one(self.d, i)
    }

    #[inline(always)]
    fn far_beside(&self, i: usize) -> i32 {
        self.one(self.ll, i) + self.one(self.rr, i)
    }

    #[inline(always)]
    fn far_above(&self, i: usize) -> i32 {
        self.one(self.uu, i) + self.one(self.dd, i)
    }

    #[inline(always)]
    fn corners(&self, i: usize) -> i32 {
        let (above, below) = ((self.ul, self.ur), (self.dl, self.dr));
        self.one(above.0, i) + self.one(above.1, i) + self.one(below.0, i) + self.one(below.1, i)
    }
}
