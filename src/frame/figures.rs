//! What a restored picture tells without the truth: how sharp it is, and how much it rings.
//!
//! Both are of luma, y as captured and x as restored, from 0 at black to 1 at white.
//!
//! *Sharpness* is the root of the energy of the gradient of x over that of y, by differences of
//! neighbours `d` to the right and below:
//!
//! ```text
//! S = sqrt( sum |dx|^2 / sum |dy|^2 )
//! ```
//!
//! It is 1 where nothing was done. Noise has gradients, too: a restoration that is told too little
//! noise is sharp by this number.
//!
//! *Ringing* is how far x goes beyond all that y shows near a strong edge. In a window of 11 samples
//! on a side around each sample p let `c(p) = max y - min y` be the contrast, and
//!
//! ```text
//! o(p) = max(0, x(p) - max y, min y - x(p))
//! R    = sum o(p) / sum c(p)      over all p with c(p) >= 0.15
//! ```
//!
//! A blurred edge between two flat sides that are wider than the blur has both its levels in the
//! window: restored rightly it stays within, and what goes beyond oscillates. Lines that are narrower
//! than the blur rightly go beyond, and noise does a little, so that R is for comparing restorations
//! of one scene: of two that are equally sharp the one that rings less is nearer the truth.

use serde::Serialize;

use super::colour::{Scale, luma_row};
use super::{Extent, Layout, Picture};

/// Samples to each side of the middle of a window.
const REACH: usize = 5;
/// The least contrast of a strong edge.
const STRONG: f32 = 0.15;

/// What a restored picture tells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// How many times as steep edges are as in the captured picture; `None` where that has none.
    pub sharpness: Option<f64>,
    /// How far the picture goes beyond its edges, as a share of their contrast; `None` where no edge
    /// is strong.
    pub ringing: Option<f64>,
}

impl Figures {
    /// Of a picture as captured and as restored, of one extent.
    pub fn of(captured: &Picture, restored: &Picture) -> Self {
        let Extent { width, height } = captured.extent();
        let [mut before, mut after] = [captured, restored].map(|of| Edges::of(of, width));
        let (mut windows, mut ringing) = (Windows::of(width), Ringing::default());
        for ahead in 0..height + REACH {
            if ahead < height {
                before.read(captured, ahead);
                windows.take(ahead, &before.row);
            }
            if let Some(y) = ahead.checked_sub(REACH) {
                after.read(restored, y);
                let (least, most) = windows.around(y, height);
                ringing.take(&after.row, least, most);
            }
        }
        Self {
            sharpness: (before.energy > 0.0).then(|| (after.energy / before.energy).sqrt()),
            ringing: (ringing.contrasts > 0.0).then(|| ringing.beyond / ringing.contrasts),
        }
    }
}

/// The energy of a picture's gradient, row by row.
struct Edges {
    scale: Scale,
    /// Luma of the newest row, from 0 to 1, and of the one above it.
    row: Vec<f32>,
    above: Vec<f32>,
    energy: f64,
}

impl Edges {
    fn of(picture: &Picture, width: usize) -> Self {
        let format = picture.format();
        let [row, above] = [(); 2].map(|()| vec![0.0; width]);
        Self { scale: Scale::luma(format.depth, format.range), row, above, energy: 0.0 }
    }

    /// Reads row `y`, which follows the last.
    fn read(&mut self, picture: &Picture, y: usize) {
        let Self { scale, row, above, energy } = self;
        std::mem::swap(row, above);
        let planes = picture.planes();
        if picture.format().layout == Layout::Rgb {
            let luma = luma_row(planes, y).map(f32::round_ties_even);
            row.iter_mut().zip(luma).for_each(|(value, luma)| *value = scale.value(luma));
        } else {
            let samples = row.iter_mut().zip(planes[0].row(y));
            samples.for_each(|(value, sample)| *value = scale.value(f32::from(*sample)));
        }
        let square = |a: f32, b: f32| f64::from(a - b).powi(2);
        *energy += row.windows(2).map(|two| square(two[0], two[1])).sum::<f64>();
        if y > 0 {
            *energy += above.iter().zip(&*row).map(|(a, b)| square(*a, *b)).sum::<f64>();
        }
    }
}

/// The extremes of the windows around the samples of a row, from those of the rows that they reach.
struct Windows {
    /// Extremes along each of the newest rows, the least and the most.
    along: Vec<[Vec<f32>; 2]>,
    both: [Vec<f32>; 2],
}

impl Windows {
    fn of(width: usize) -> Self {
        let rows = || [(); 2].map(|()| vec![0.0; width]);
        Self { along: (0..=2 * REACH).map(|_| rows()).collect(), both: rows() }
    }

    /// Takes row `y`, in the place of the one that no window reaches any more.
    fn take(&mut self, y: usize, row: &[f32]) {
        let [least, most] = &mut self.along[y % (2 * REACH + 1)];
        for (x, (least, most)) in least.iter_mut().zip(most).enumerate() {
            let window = &row[x.saturating_sub(REACH)..(x + REACH + 1).min(row.len())];
            *least = window.iter().copied().fold(window[0], f32::min);
            *most = window.iter().copied().fold(window[0], f32::max);
        }
    }

    /// The least and the most around each sample of row `y` of so many.
    fn around(&mut self, y: usize, height: usize) -> (&[f32], &[f32]) {
        let Self { along, both: [least, most] } = self;
        for (row, extreme) in [(&mut *least, f32::INFINITY), (&mut *most, f32::NEG_INFINITY)] {
            row.fill(extreme);
        }
        for other in y.saturating_sub(REACH)..(y + REACH + 1).min(height) {
            let [its_least, its_most] = &along[other % (2 * REACH + 1)];
            least.iter_mut().zip(its_least).for_each(|(a, b)| *a = a.min(*b));
            most.iter_mut().zip(its_most).for_each(|(a, b)| *a = a.max(*b));
        }
        (least, most)
    }
}

/// How far samples go beyond their windows, and the contrast of those.
#[derive(Default)]
struct Ringing {
    beyond: f64,
    contrasts: f64,
}

impl Ringing {
    fn take(&mut self, row: &[f32], least: &[f32], most: &[f32]) {
        for ((value, least), most) in row.iter().zip(least).zip(most) {
            let contrast = most - least;
            if contrast >= STRONG {
                self.beyond += f64::from((value - most).max(least - value).max(0.0));
                self.contrasts += f64::from(contrast);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PictureFormat;
    use proptest::prelude::*;

    const EXTENT: Extent = Extent::new(48, 20);

    fn picture(sample: impl Fn(usize, usize) -> u16) -> Picture {
        let mut picture = Picture::new(PictureFormat::gray(EXTENT));
        for (y, row) in picture.planes_mut()[0].rows_mut().enumerate() {
            row.iter_mut().enumerate().for_each(|(x, value)| *value = sample(x, y));
        }
        picture
    }

    /// An edge in the middle that takes so many samples.
    fn edge(width: usize) -> Picture {
        picture(|x, _| {
            let across = (x + width / 2).saturating_sub(24).min(width);
            u16::try_from(50 + (150 * across + width / 2) / width).expect("a sample")
        })
    }

    #[test]
    fn a_sharper_edge_is_sharper_and_one_that_overshoots_rings() {
        let (blurred, sharp) = (edge(8), edge(1));
        let right = Figures::of(&blurred, &sharp);
        // Differences of 150 once, or of 150 / 8 eight times, in each row.
        assert!((right.sharpness.expect("edges") - 8.0_f64.sqrt()).abs() < 0.03, "{right:?}");
        assert_eq!(right.ringing, Some(0.0));
        let overshoot = picture(|x, y| match x {
            23 => 35,
            24 => 215,
            _ => sharp.planes()[0].row(y)[x],
        });
        let rings = Figures::of(&blurred, &overshoot).ringing.expect("edges");
        // Two samples of 15 a row; 18 windows see at least 0.15 of the edge, at most 150.
        assert!(rings > 30.0 / (18.0 * 150.0) && rings < 0.05, "{rings}");
    }

    #[test]
    fn a_picture_without_edges_tells_nothing() {
        let flat = picture(|_, _| 90);
        assert_eq!(Figures::of(&flat, &flat), Figures { sharpness: None, ringing: None });
    }

    proptest! {
        /// Both figures as they are defined, sample by sample.
        #[test]
        fn figures_are_those_of_the_definition(
            before in prop::collection::vec(0_u16..256, 960),
            after in prop::collection::vec(0_u16..256, 960),
        ) {
            let at = |samples: &[u16], x: usize, y: usize| f64::from(samples[y * EXTENT.width + x]) / 255.0;
            let (mut energies, mut beyond, mut contrasts) = ([0.0; 2], 0.0, 0.0);
            for (x, y) in (0..20).flat_map(|y| (0..48).map(move |x| (x, y))) {
                for (energy, samples) in energies.iter_mut().zip([&before, &after]) {
                    let down = if y < 19 { at(samples, x, y + 1) - at(samples, x, y) } else { 0.0 };
                    let along = if x < 47 { at(samples, x + 1, y) - at(samples, x, y) } else { 0.0 };
                    *energy += along.powi(2) + down.powi(2);
                }
                let reach = |of: usize, end: usize| of.saturating_sub(REACH)..(of + REACH + 1).min(end);
                let window = reach(y, 20).flat_map(|v| reach(x, 48).map(move |u| (u, v)));
                let seen: Vec<f64> = window.map(|(u, v)| at(&before, u, v)).collect();
                let most = seen.iter().copied().fold(0.0, f64::max);
                let least = seen.iter().copied().fold(1.0, f64::min);
                if most - least >= f64::from(STRONG) {
                    let value = at(&after, x, y);
                    beyond += (value - most).max(least - value).max(0.0);
                    contrasts += most - least;
                }
            }
            let of = |samples: &[u16]| picture(|x, y| samples[y * EXTENT.width + x]);
            let told = Figures::of(&of(&before), &of(&after));
            let sharpness = (energies[1] / energies[0]).sqrt();
            prop_assert!((told.sharpness.unwrap_or(0.0) / sharpness - 1.0).abs() < 1e-5);
            prop_assert!((told.ringing.unwrap_or(0.0) - beyond / contrasts).abs() < 1e-5);
        }

        /// A picture that nothing was done to is as sharp as it was, and does not ring.
        #[test]
        fn what_is_left_as_it_is_tells_so(samples in prop::collection::vec(0_u16..256, 960)) {
            let noise = picture(|x, y| samples[y * EXTENT.width + x]);
            let told = Figures::of(&noise, &noise);
            prop_assert_eq!((told.sharpness, told.ringing.unwrap_or(0.0)), (Some(1.0), 0.0));
        }
    }
}
