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

use super::colour::{Scale, luma};
use super::{Extent, Picture, Plane};

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
        let [captured, restored] = [captured, restored].map(values);
        Self { sharpness: sharpness(&captured, &restored), ringing: ringing(&captured, &restored) }
    }
}

/// Luma from 0 to 1.
fn values(picture: &Picture) -> Plane<f32> {
    let format = picture.format();
    let scale = Scale::luma(format.depth, format.range);
    let luma = luma(picture);
    let plane = &luma.planes()[0];
    Plane::from_fn(plane.extent(), |x, y| scale.value(f32::from(plane.row(y)[x])))
}

fn sharpness(captured: &Plane<f32>, restored: &Plane<f32>) -> Option<f64> {
    let (before, after) = (gradients(captured), gradients(restored));
    (before > 0.0).then(|| (after / before).sqrt())
}

/// Energy of the differences between neighbours.
fn gradients(plane: &Plane<f32>) -> f64 {
    let square = |a: f32, b: f32| f64::from(a - b).powi(2);
    let along = plane.rows().flat_map(|row| row.windows(2).map(|two| square(two[0], two[1])));
    let rows = plane.rows().zip(plane.rows().skip(1));
    let down = rows.flat_map(|(above, below)| above.iter().zip(below).map(|(a, b)| square(*a, *b)));
    along.sum::<f64>() + down.sum::<f64>()
}

fn ringing(captured: &Plane<f32>, restored: &Plane<f32>) -> Option<f64> {
    let (least, most) = (extremes(captured, f32::min), extremes(captured, f32::max));
    let (mut beyond, mut contrasts) = (0.0, 0.0);
    for (y, row) in restored.rows().enumerate() {
        for ((value, least), most) in row.iter().zip(least.row(y)).zip(most.row(y)) {
            let contrast = most - least;
            if contrast >= STRONG {
                beyond += f64::from((value - most).max(least - value).max(0.0));
                contrasts += f64::from(contrast);
            }
        }
    }
    (contrasts > 0.0).then(|| beyond / contrasts)
}

/// The extreme of the window around each sample, as far as it lies in the plane.
fn extremes(plane: &Plane<f32>, extreme: fn(f32, f32) -> f32) -> Plane<f32> {
    let Extent { width, height } = plane.extent();
    let around = |at: usize, length: usize| at.saturating_sub(REACH)..(at + REACH + 1).min(length);
    let along = Plane::from_fn(plane.extent(), |x, y| {
        let window = &plane.row(y)[around(x, width)];
        window.iter().copied().fold(window[0], extreme)
    });
    let mut both = along.clone();
    for (y, row) in both.rows_mut().enumerate() {
        for other in around(y, height) {
            row.iter_mut().zip(along.row(other)).for_each(|(a, b)| *a = extreme(*a, *b));
        }
    }
    both
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
        /// Windows as they are defined, sample by sample.
        #[test]
        fn extremes_are_those_of_the_windows(samples in prop::collection::vec(0.0_f32..1.0, 960)) {
            let plane = Plane::from_samples(EXTENT, samples).expect("a plane");
            let most = extremes(&plane, f32::max);
            for (x, y) in [(0, 0), (47, 19), (24, 10), (3, 17)] {
                let mut expected = 0.0_f32;
                for (v, row) in plane.rows().enumerate() {
                    for (u, value) in row.iter().enumerate() {
                        if u.abs_diff(x) <= REACH && v.abs_diff(y) <= REACH {
                            expected = expected.max(*value);
                        }
                    }
                }
                prop_assert_eq!(most.row(y)[x], expected);
            }
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
