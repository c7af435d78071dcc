//! Mosaics to red, green and blue by linear filters of five by five samples.
//!
//! H. S. Malvar, L. He, R. Cutler: High-quality linear interpolation for demosaicing of
//! Bayer-patterned color images, ICASSP 2004. A missing colour is the mean of its neighbours plus
//! a part of the curvature of the colour that is there. Every filter reproduces any plane in which
//! each colour is a linear function of the place.
//!
//! A row is kept as its even and its odd columns, so that a filter runs along contiguous samples; in f32, which
//! holds what the filters add up exactly (samples below 2^16, factors that add up to less than 2^6) and is what
//! every processor multiplies and converts several of at a time.

use super::super::pixel_format::Mosaic;
use super::levels::Levels;
use super::window::{Window as Rows, reflected};
use crate::frame::Picture;
use crate::frame::colour::nearest;

/// A row of the mosaic: its even columns and its odd ones, each with a reflected sample before the
/// first and after the last.
#[derive(Debug, Clone)]
struct Row {
    halves: [Vec<f32>; 2],
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
    here: &'a [f32],
    l: &'a [f32],
    r: &'a [f32],
    ll: &'a [f32],
    rr: &'a [f32],
    u: &'a [f32],
    d: &'a [f32],
    uu: &'a [f32],
    dd: &'a [f32],
    ul: &'a [f32],
    ur: &'a [f32],
    dl: &'a [f32],
    dr: &'a [f32],
}

impl Window {
    pub(super) fn new(width: usize) -> Self {
        let half = width.div_ceil(2);
        let row = || Row { halves: std::array::from_fn(|_| vec![0.0; half + 2]) };
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
        at.same(&mut own[coloured]);
        at.green_of_coloured(&mut green[coloured]);
        at.other_of_coloured(&mut other[coloured]);
        let at = Neighbours::of(rows, 1 - coloured);
        at.same(&mut green[1 - coloured]);
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
            (*a, *b) = (pair[0].into(), pair[1].into());
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

    /// The first samples of each.
    #[inline(always)]
    fn first(&self, count: usize) -> Self {
        Self {
            here: &self.here[..count],
            l: &self.l[..count],
            r: &self.r[..count],
            ll: &self.ll[..count],
            rr: &self.rr[..count],
            u: &self.u[..count],
            d: &self.d[..count],
            uu: &self.uu[..count],
            dd: &self.dd[..count],
            ul: &self.ul[..count],
            ur: &self.ur[..count],
            dl: &self.dl[..count],
            dr: &self.dr[..count],
        }
    }

    /// Green where red or blue is.
    fn green_of_coloured(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            8.0 * at.here[i] + 4.0 * (at.beside(i) + at.above(i))
                - 2.0 * (at.far_beside(i) + at.far_above(i))
        });
    }

    /// Blue where red is, red where blue is.
    fn other_of_coloured(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            12.0 * at.here[i] + 4.0 * at.corners(i) - 3.0 * (at.far_beside(i) + at.far_above(i))
        });
    }

    /// On green, the colour to the left and to the right.
    fn beside_of_green(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            10.0 * at.here[i] + 8.0 * at.beside(i) - 2.0 * (at.corners(i) + at.far_beside(i))
                + at.far_above(i)
        });
    }

    /// On green, the colour above and below.
    fn above_of_green(&self, target: &mut [u16]) {
        self.filter(target, |at, i| {
            10.0 * at.here[i] + 8.0 * at.above(i) - 2.0 * (at.corners(i) + at.far_above(i))
                + at.far_beside(i)
        });
    }

    /// The colour that is there.
    fn same(&self, target: &mut [u16]) {
        let whole = |sample: f32| nearest(sample, f32::from(u16::MAX));
        target.iter_mut().zip(self.here).for_each(|(sample, here)| *sample = whole(*here));
    }

    /// Writes sixteenths of what `sixteen_fold` says of every column, rounded and clipped.
    #[inline(always)]
    fn filter(&self, target: &mut [u16], sixteen_fold: impl Fn(&Self, usize) -> f32) {
        // All of a length that the compiler sees, or it would look at each before each step.
        let count = target.len().min(self.here.len());
        let at = self.first(count);
        for (i, sample) in target[..count].iter_mut().enumerate() {
            // Halves go up: they become a little more than halves.
            *sample = nearest((sixteen_fold(&at, i) + 0.25) * (1.0 / 16.0), f32::from(u16::MAX));
        }
    }

    #[inline(always)]
    fn beside(&self, i: usize) -> f32 {
        self.l[i] + self.r[i]
    }

    #[inline(always)]
    fn above(&self, i: usize) -> f32 {
        self.u[i] + self.d[i]
    }

    #[inline(always)]
    fn far_beside(&self, i: usize) -> f32 {
        self.ll[i] + self.rr[i]
    }

    #[inline(always)]
    fn far_above(&self, i: usize) -> f32 {
        self.uu[i] + self.dd[i]
    }

    #[inline(always)]
    fn corners(&self, i: usize) -> f32 {
        self.ul[i] + self.ur[i] + self.dl[i] + self.dr[i]
    }
}
