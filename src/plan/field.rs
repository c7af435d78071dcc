//! Filters where the blur differs over the field.
//!
//! Every sample has a PSF of its own, and so a filter of its own: `F(p)`, planned from the PSF that is
//! interpolated there. These filters are alike, and few of them tell of all:
//!
//! ```text
//! F(p) ~ F_0 + a_1(p) (F_1 - F_0) + … + a_m(p) (F_m - F_0)
//! ```
//!
//! where `F_0 … F_m` are the filters of some places. Which, and with what weights, follows from a
//! survey: filters of places all over the field, at some of their frequencies, each weighted by the
//! power that is expected there, so that squared distances between them are expected squared errors
//! (`skeleton.rs`). As many are taken as the errors need to be a small part of what the Wiener filter
//! leaves anyway; one, where the blur is hardly different anywhere. Every filter of a restoration has
//! places and weights of its own.
//!
//! That holds for PSFs of any width, has no seams, for weights are continuous, and restores brightness
//! exactly, for they sum to 1. Principal components instead of filters of places would leave no less,
//! but each would need the filters of all places. Tiles of 256 samples, each with one filter, lose
//! more than 0.1 dB where a disk of radius 2 grows by half from the centre of 768x512 samples to their
//! corners; three filters lose less than 0.01 dB.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::edges::Framing;
use super::expected::{Assumed, Expected, Kind};
use super::skeleton::{Cloud, Skeleton};
use crate::fft::{Complex, FieldFilter, RealFft2d, Weights, coefficients};
use crate::frame::{Extent, Plane};
use crate::optics::{Axis, Field, Psf, PsfError};

/// The filters of these kinds for planes of `framing`. Each may add to the squared error of the Wiener
/// estimate the share `simplified` by being simplified.
///
/// # Errors
/// Where a PSF is larger than the planes.
pub(super) fn filters(
    field: &Field,
    framing: Framing,
    assumed: &Arc<Assumed>,
    kinds: &[Kind],
    simplified: f64,
) -> Result<Vec<FieldFilter>, PsfError> {
    let sampled = assumed.sampled(Survey::samples(field));
    let survey = Survey::new(field, framing.inner, &sampled);
    let skeleton = |(index, &kind): (usize, &Kind)| {
        let is_passing = (1..kinds.len() - 1).contains(&index);
        survey.skeleton(kind, if is_passing { Survey::PASSING_LAYERS } else { Survey::LAYERS })
    };
    let skeletons: Vec<Skeleton> = kinds.iter().enumerate().map(skeleton).collect();
    survey.warn_of(&skeletons[0]);
    let mut places = BTreeMap::new();
    for &place in skeletons.iter().flat_map(|skeleton| &skeleton.chosen) {
        if let Entry::Vacant(entry) = places.entry(place) {
            entry.insert(assumed.blurred_by(&survey.psf(place))?);
        }
    }
    let filters = kinds.iter().zip(&skeletons).map(|(&kind, skeleton)| {
        let (base, others) = (skeleton.chosen[0], &skeleton.chosen[1..]);
        let base = &places[&base];
        let budget = simplified * base.error();
        let layers = others.iter().zip(&skeleton.weights).map(|(place, weights)| {
            let strength = survey.mean(weights.iter().map(|weight| weight * weight));
            let power = |index: usize| strength * base.power(kind, index);
            let difference = places[place].difference(kind, base);
            let difference = difference.simplified(power, Survey::SIMPLIFIED * base.error());
            (difference, survey.weights(framing, weights))
        });
        FieldFilter::new(base.simple_filter(kind, budget), layers)
    });
    Ok(filters.collect())
}

/// Places all over the field, at the knots of its axes, row by row.
struct Survey<'a> {
    field: &'a Field,
    axes: [Axis; 2],
    /// The part of the frame that lies about each place.
    shares: Vec<f64>,
    /// What is expected at each, at some frequencies.
    expected: Vec<Expected>,
}

impl<'a> Survey<'a> {
    /// Sides of the planes whose frequencies are looked at. Fewer would miss what wide PSFs do.
    const SIDES: [usize; 3] = [64, 128, 256];

    /// Factors that are kept of all places together, at most.
    const FACTORS: usize = 1 << 23;

    /// Places on a side, if there are not more PSFs.
    const PLACES: usize = 9;

    /// The part of the Wiener estimate's squared error that a filter may add, in the mean: 0.04 dB.
    const ALLOWED: f64 = 1e-2;

    /// The part of it that each layer but the first may add by being simplified: they have little in
    /// common with what is left alone, and cost as much as it.
    const SIMPLIFIED: f64 = 2e-3;

    /// From this factor of the squared error on it is told: 0.2 dB.
    const WARNED: f64 = 1.05;

    /// Layers of a filter, at most: as many as a grid of 3x3 PSFs has.
    const LAYERS: usize = 9;

    /// The same of a projection behind which there are others, and of the weak Wiener filter. What they
    /// leave wrong the next network finds in the estimate that it is given; and a projection that trusts the data much has so narrow
    /// gaps that no number of layers follows them.
    const PASSING_LAYERS: usize = 3;

    /// Extent of the planes whose frequencies are looked at.
    fn samples(field: &Field) -> Extent {
        let Extent { width, height } = field.psfs()[0].extent();
        let places: usize = axes(field).map(Axis::knots).iter().product();
        let fits = |&side: &usize| places * coefficients(Extent::new(side, side)) <= Self::FACTORS;
        let wide = |&side: &usize| side >= 2 * width.max(height);
        let mut sides = Self::SIDES.into_iter().filter(fits);
        let widest = sides.clone().next_back().unwrap_or(Self::SIDES[0]);
        let side = sides.find(wide).unwrap_or(widest);
        Extent::new(side, side)
    }

    fn new(field: &'a Field, frame: Extent, assumed: &Arc<Assumed>) -> Self {
        let axes = axes(field);
        let samples = assumed.extent();
        let [columns, rows] = [(axes[0], frame.width), (axes[1], frame.height)].map(shares);
        let shares = rows.iter().flat_map(|row| columns.iter().map(move |column| row * column));
        let fft = RealFft2d::plan(samples);
        let otfs = field.psfs().iter().map(|psf| fft.transform(&psf.folded(samples)));
        let otfs: Vec<Vec<Complex>> = otfs.collect();
        let shares: Vec<f64> = shares.collect();
        let expected = (0..shares.len()).map(|index| {
            let (u, v) = place(axes, index);
            assumed.seen_through(mean_of(field.weights_at(u, v), &otfs))
        });
        Self { field, axes, expected: expected.collect(), shares }
    }

    /// The PSF of a place.
    fn psf(&self, index: usize) -> Psf {
        let (u, v) = place(self.axes, index);
        self.field.at(u, v)
    }

    /// The mean over the frame of what is known at the places.
    fn mean(&self, values: impl Iterator<Item = f64>) -> f64 {
        self.shares.iter().zip(values).map(|(share, value)| share * value).sum()
    }

    /// The places whose filters stand for those of all.
    fn skeleton(&self, kind: Kind, most: usize) -> Skeleton {
        let power = |index| self.mean(self.expected.iter().map(|e| e.power(kind, index)));
        // Frequency zero passes all filters alike.
        let weights = (0..self.expected[0].coefficients()).map(|index| match index {
            0 => 0.0,
            #[expect(clippy::cast_possible_truncation, reason = "factors are f32")]
            _ => power(index).sqrt() as f32,
        });
        let weights: Vec<f32> = weights.collect();
        let vectors = self.expected.iter().map(|expected| {
            let weights = weights.iter().enumerate();
            weights.map(|(index, weight)| expected.factor(kind, index) * *weight).collect()
        });
        Cloud {
            vectors: &vectors.collect::<Vec<_>>(),
            shares: &self.shares,
            allowed: Self::ALLOWED * self.mean(self.expected.iter().map(Expected::error)),
            most,
        }
        .skeleton()
    }

    /// Tells where the Wiener filters of these places stand badly for all.
    fn warn_of(&self, skeleton: &Skeleton) {
        let loss = 1.0 + skeleton.left / self.mean(self.expected.iter().map(Expected::error));
        if loss > Self::WARNED {
            log::warn!(
                "the blur differs so much over the field that {} filters lose {:.1} dB (expected PSFs \
                 more like their neighbours)",
                skeleton.chosen.len(),
                10.0 * loss.log10()
            );
        }
    }

    /// The weights of all samples of the planes, from those of the places.
    fn weights(&self, framing: Framing, of_places: &[f64]) -> Weights {
        let (Framing { inner, outer, .. }, (left, top)) = (framing, framing.offset());
        let [columns, rows] = self.axes;
        let along = |axis: Axis, at: usize, offset: usize, length: usize| {
            let (knot, share) = axis.between((at as f64 - offset as f64 + 0.5) / length as f64);
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            (knot, share as f32)
        };
        let knots = Plane::from_fn(Extent::new(outer.width, rows.knots()), |x, row| {
            let (knot, share) = along(columns, x, left, inner.width);
            let of_row = &of_places[row * columns.knots()..][..columns.knots()];
            let next = of_row.get(knot + 1).unwrap_or(&0.0);
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let (before, next) = (of_row[knot] as f32, *next as f32);
            before + share * (next - before)
        });
        let rows = (0..outer.height).map(|y| along(rows, y, top, inner.height));
        Weights::new(knots, rows.collect())
    }
}

/// The axes of the field, with places between the PSFs.
fn axes(field: &Field) -> [Axis; 2] {
    field.axes().map(|axis| {
        let gaps = axis.cells() - 1;
        axis.divided(((Survey::PLACES - 1) / gaps.max(1)).max(1))
    })
}

/// The place of that index, along the width and along the height.
fn place([columns, rows]: [Axis; 2], index: usize) -> (f64, f64) {
    (columns.place(index % columns.knots()), rows.place(index / columns.knots()))
}

/// The part of a side of `length` samples that lies about each knot.
fn shares((axis, length): (Axis, usize)) -> Vec<f64> {
    let mut shares = vec![0.0; axis.knots() + 1];
    for at in 0..length {
        let (knot, share) = axis.between((at as f64 + 0.5) / length as f64);
        shares[knot] += (1.0 - share) / length as f64;
        shares[knot + 1] += share / length as f64;
    }
    shares.truncate(axis.knots());
    shares
}

/// The weighted mean of four OTFs.
fn mean_of(weights: [(usize, f64); 4], otfs: &[Vec<Complex>]) -> Vec<Complex> {
    #[expect(clippy::cast_possible_truncation, reason = "OTFs are f32")]
    let parts = |index: usize| weights.map(|(psf, weight)| otfs[psf][index] * weight as f32);
    (0..otfs[0].len()).map(|index| parts(index).into_iter().sum()).collect()
}

#[cfg(test)]
mod tests;
