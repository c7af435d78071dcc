//! Wiener filter and null-space projection: what can be undone, and what the network may fill.
//!
//! The camera gives `y = Hx + n`. In frequency `H` is diagonal, and the regularised inverse is
//!
//! ```text
//! H+_R = conj(H) / (|H|^2 + R)      the Wiener filter; x_w = H+_R y
//! P    = I - H+_R H = R / (|H|^2 + R)      the null-space projection
//! P_c  = cR / (|H|^2 + cR)                 the same, the data trusted c times less
//! ```
//!
//! With `R = 0` these are the Moore-Penrose pseudo-inverse and the projection onto the null space
//! of `H`: for noise-free `y` and *any* `f`, `g = x_w + P f` satisfies `H g = y`. With noise, `R`
//! is the ratio of noise power to signal power: either flat, or `sigma^2 / S` with the mean power
//! spectrum of natural images `S = exp(-3.92) G^-1.753`, `G = 4 sin^2(pi u) + 4 sin^2(pi v)`.
//!
//! Source: López-Tapia, Mateos, Molina, Katsaggelos, Digital Signal Processing 142 (2023) 104193;
//! the spectrum was fitted to 200 photographs.
//!
//! The mean of a frame is set aside by the caller: a PSF sums to 1, so it passes the blur as it
//! is. At frequency zero the factors are therefore exactly 1 and 0.
//!
//! Where the blur differs over the field, so do the filters: `field.rs`.

use std::sync::Arc;

use super::edges::Framing;
use super::expected::{Assumed, Kind};
use super::field::filters as field_filters;
use crate::fft::FieldFilter;
use crate::optics::{Blur, Psf, PsfError};

/// The filters of one blur on planes of one extent.
#[derive(Debug, Clone)]
pub struct Filters {
    /// The Wiener filter `H+_R`.
    pub wiener: FieldFilter,
    /// The same with a tenth of the regulariser, where it is wanted.
    pub weak: Option<FieldFilter>,
    /// A null-space projection `P_c` for each strength `c`; `P_1` is `I - H+_R H`.
    pub projections: Vec<FieldFilter>,
}

impl Filters {
    /// The part of the Wiener estimate's squared error that each filter may add by being simplified.
    /// All filters of the released models together cost less than 0.01 dB on photographs, and up to
    /// 0.02 dB on a picture of fine patterns, which have more at high frequencies.
    const BUDGET: f64 = 1e-4;

    /// The part of the regulariser in the weak filter.
    const WEAK: f64 = 0.1;

    /// Precomputes the filters of `blur` on the planes of `framing`, which are `assumed` to be so, with the
    /// weak one where `has_weak`, and a projection for each of `strengths`. Columns of coefficients that a
    /// filter is expected to leave alone, or to lose, are simplified so.
    ///
    /// # Errors
    /// Where a PSF is larger than the planes.
    pub(super) fn plan(
        blur: &Blur,
        framing: Framing,
        assumed: &Arc<Assumed>,
        has_weak: bool,
        strengths: &[f64],
    ) -> Result<Self, PsfError> {
        let projections = strengths.iter().map(|&strength| Kind::Projection(strength));
        let weak = has_weak.then_some(Kind::Wiener(Self::WEAK));
        let kinds = [Kind::Wiener(1.0)].into_iter().chain(weak).chain(projections);
        let kinds: Vec<Kind> = kinds.collect();
        let mut filters = match blur {
            Blur::Uniform(psf) => {
                let expected = assumed.blurred_by(psf)?;
                let budget = Self::BUDGET * expected.error();
                kinds.iter().map(|&kind| expected.simple_filter(kind, budget).into()).collect()
            }
            Blur::Field(field) => field_filters(field, framing, assumed, &kinds, Self::BUDGET)?,
        };
        let wiener = filters.remove(0);
        let weak = has_weak.then(|| filters.remove(0));
        Ok(Self { wiener, weak, projections: filters })
    }

    /// Layers of the filters of one plane, at most: the weak one shares it with the Wiener filter.
    pub fn layers(&self) -> usize {
        let Self { wiener, weak, projections } = self;
        let estimating = wiener.layers() + weak.as_ref().map_or(0, FieldFilter::layers);
        projections.iter().map(FieldFilter::layers).fold(estimating, usize::max)
    }

    /// Whether one of them has several layers.
    pub fn are_layered(&self) -> bool {
        let estimating = [Some(&self.wiener), self.weak.as_ref()];
        let all = estimating.into_iter().flatten().chain(&self.projections);
        all.into_iter().any(|filter| filter.layers() > 1)
    }

    /// Filters whose weighted second layer leads from these, of planes that are assumed to be as `from`
    /// says, to those of the same planes as `to` says.
    pub(super) fn towards(
        &self,
        psf: &Psf,
        [from, to]: [&Arc<Assumed>; 2],
        strengths: &[f64],
    ) -> Result<Self, PsfError> {
        let (from, to) = (from.blurred_by(psf)?, to.blurred_by(psf)?);
        let budget = Self::BUDGET * to.error();
        let layered = |kind, base: &FieldFilter| {
            let change = to.difference(kind, &from);
            let change = change.simplified(|index| from.power(kind, index), budget);
            FieldFilter::unweighted(base.base().clone(), [change])
        };
        let projections = strengths.iter().zip(&self.projections);
        let weak = self.weak.as_ref().map(|base| layered(Kind::Wiener(Self::WEAK), base));
        Ok(Self {
            wiener: layered(Kind::Wiener(1.0), &self.wiener),
            weak,
            projections: projections
                .map(|(&strength, base)| layered(Kind::Projection(strength), base))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fft::Filter;
    use crate::frame::{Extent, Plane};
    use crate::optics::{Light, natural_power};
    use crate::plan::{Edges, Regulariser};
    use crate::testing::{filtered, largest_difference, random_plane, random_psf};
    use proptest::prelude::*;

    /// The blur `H`.
    fn blur(psf: &Psf, extent: Extent) -> Filter {
        let otf = psf.otf(extent).expect("the PSF fits");
        Filter::complex(extent, |index| otf[index])
    }

    /// Filters as they are defined: the Wiener filter, and the projection for one strength.
    fn filters(
        psf: &Psf,
        extent: Extent,
        regulariser: Regulariser,
        (sigma, strength): (f64, f64),
    ) -> [Filter; 2] {
        let assumed = Assumed::new(extent, regulariser, Light(sigma));
        let expected = assumed.blurred_by(psf).expect("the PSF fits");
        [Kind::Wiener(1.0), Kind::Projection(strength)].map(|kind| expected.filter(kind))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn without_noise_the_blurred_answer_is_what_was_seen(
            width in 9_usize..40, height in 9_usize..40, seed: u64,
        ) {
            let extent = Extent::new(width, height);
            let psf = random_psf(seed, 9);
            let blur = blur(&psf, extent);
            let [wiener, projection] = filters(&psf, extent, Regulariser::Flat(0.0), (0.0, 1.0));
            let y = filtered(&random_plane(extent, seed), &blur);
            // Whatever a network may answer.
            let f = random_plane(extent, seed ^ 1);
            let (x_w, p_f) = (filtered(&y, &wiener), filtered(&f, &projection));
            let g = Plane::from_fn(extent, |x, y| x_w.row(y)[x] + p_f.row(y)[x]);
            let difference = largest_difference(&filtered(&g, &blur), &y);
            prop_assert!(difference < 1e-4, "H g differs from y by {}", difference);
        }

        #[test]
        fn what_is_inverted_and_what_is_projected_make_the_whole(
            width in 9_usize..40, height in 9_usize..40, seed: u64, sigma in 0.001_f64..0.1,
        ) {
            let extent = Extent::new(width, height);
            let psf = random_psf(seed, 9);
            let blur = blur(&psf, extent);
            let [wiener, projection] = filters(&psf, extent, Regulariser::Spectral, (sigma, 1.0));
            let mut x = random_plane(extent, seed);
            let mean = x.mean();
            x.samples_mut().iter_mut().for_each(|sample| *sample -= mean);
            let inverted = filtered(&filtered(&x, &blur), &wiener);
            let projected = filtered(&x, &projection);
            let sum = Plane::from_fn(extent, |x, y| inverted.row(y)[x] + projected.row(y)[x]);
            prop_assert!(largest_difference(&sum, &x) < 1e-4);
        }

        #[test]
        fn a_network_that_tells_the_truth_is_left_alone(
            width in 9_usize..40, height in 9_usize..40, seed: u64, strength in 0.05_f32..100.0,
        ) {
            let extent = Extent::new(width, height);
            let psf = random_psf(seed, 9);
            let of = (0.02, f64::from(strength));
            let [wiener, projection] = filters(&psf, extent, Regulariser::Spectral, of);
            let mut x = random_plane(extent, seed);
            let mean = x.mean();
            x.samples_mut().iter_mut().for_each(|sample| *sample -= mean);
            let x_w = filtered(&filtered(&x, &blur(&psf, extent)), &wiener);
            let share = 1.0 - 1.0 / strength;
            let v = Plane::from_fn(extent, |at, y| x.row(y)[at] - share * x_w.row(y)[at]);
            let projected = filtered(&v, &projection);
            let g = Plane::from_fn(extent, |at, y| x_w.row(y)[at] + projected.row(y)[at]);
            let difference = largest_difference(&g, &x);
            prop_assert!(difference < 1e-3, "strength {}: {} away", strength, difference);
        }
    }

    /// A tenth of the regulariser is that of a tenth of the noise's power.
    #[test]
    fn the_weak_filter_is_that_of_less_noise() {
        let (extent, sigma) = (Extent::new(40, 30), 0.03);
        let psf = random_psf(1, 7);
        let told =
            |sigma| Assumed::new(extent, Regulariser::Spectral, Light(sigma)).blurred_by(&psf);
        let [weak, less] = [(sigma, Filters::WEAK), (sigma * Filters::WEAK.sqrt(), 1.0)]
            .map(|(sigma, strength)| told(sigma).expect("fits").filter(Kind::Wiener(strength)));
        let plane = random_plane(extent, 2);
        let [weak, less] = [weak, less].map(|filter| filtered(&plane, &filter));
        assert!(largest_difference(&weak, &less) < 1e-4);
        let blur = Psf::from_formula("disk:2").expect("a formula").expect("a PSF").into();
        let framing = Framing::plan(Edges::Circular, extent, Extent::new(5, 5));
        for has_weak in [false, true] {
            let assumed = Assumed::new(framing.outer, Regulariser::Spectral, Light(sigma));
            let all = Filters::plan(&blur, framing, &assumed, has_weak, &[1.0, 2.0]);
            let Filters { weak, projections, .. } = all.expect("fits");
            assert_eq!((weak.is_some(), projections.len()), (has_weak, 2));
        }
    }

    /// Pictures with the mean spectrum of natural ones, seen with noise: simplified filters estimate
    /// them as well as those that were simplified are expected to.
    #[test]
    fn simplified_filters_cost_what_they_may() {
        let (extent, sigma) = (Extent::new(300, 200), 0.03);
        let psf = Psf::from_formula("gaussian:1.5").expect("a formula").expect("a PSF");
        let [exact, _] = filters(&psf, extent, Regulariser::Spectral, (sigma, 1.0));
        let assumed = Assumed::new(extent, Regulariser::Spectral, Light(sigma));
        let expected = assumed.blurred_by(&psf).expect("the PSF fits");
        let simple = expected.simple_filter(Kind::Wiener(1.0), Filters::BUDGET * expected.error());
        assert!(simple.share() < 0.8, "{} of the columns are multiplied", simple.share());
        let colour = |at: usize| if at == 0 { 0.0 } else { natural_power(extent, at).sqrt() };
        let colour = Filter::real(extent, colour);
        // Uniform between -0.5 and 0.5 has a variance of 1/12.
        let white = |seed, deviation: f32| {
            let scale = 12.0_f32.sqrt() * deviation;
            let plane = random_plane(extent, seed);
            Plane::from_fn(extent, |x, y| scale * plane.row(y)[x])
        };
        let x = filtered(&white(1, 1.0), &colour);
        let (blurred, noise) = (filtered(&x, &blur(&psf, extent)), white(2, 0.03));
        let y = Plane::from_fn(extent, |at, row| blurred.row(row)[at] + noise.row(row)[at]);
        let error = |filter: &Filter| -> f64 {
            let pairs = filtered(&y, filter);
            let pairs = pairs.samples().iter().zip(x.samples());
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let (exact, simple) = (error(&exact), error(&simple));
        let cost = simple / exact - 1.0;
        assert!(cost.abs() < 3.0 * Filters::BUDGET, "errors {exact} and {simple}: {cost} more");
    }
}
