//! How frames of a scene at rest are averaged before they are restored.
//!
//! Where a scene rests, `n` frames of it have the noise of one divided by the root of `n`, and a filter
//! for less noise gives back more. Where it moves, each frame is restored for itself. So there are the
//! filters of one frame, those of the average, and for what lies between them (some of the frame moves,
//! or there were few frames yet) the filters of one frame with a second layer that leads to those of the
//! average, weighted from place to place.
//!
//! Networks are told the noise that is left, from place to place too. Likely margins (`borders.rs`) are those of
//! single frames: the filters that they take would cost more than the average does.

use std::sync::Arc;

use serde::Deserialize;

use super::edges::Framing;
use super::expected::Assumed;
use super::filters::Filters;
use crate::frame::PictureFormat;
use crate::frame::colour::Scale;
use crate::keys;
use crate::optics::{Blur, Calibration, PsfError, Transfer};

/// How frames of a scene at rest are averaged, as configurations say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemporalOptions {
    /// The newest frame makes at least the `frames`-th part of the average; 0 and 1 average nothing.
    #[serde(deserialize_with = "keys::within::<0, 64, _, _>")]
    pub frames: u8,
}

impl TemporalOptions {
    /// Where nothing is said and frames come from a camera.
    pub const USUAL: Self = Self { frames: 8 };
}

/// How frames of a scene at rest are averaged.
#[derive(Debug, Clone)]
pub struct Fusion {
    /// Power of the noise that is left where the scene rests, over that of one frame.
    pub left: f32,
    /// Deviation of the noise of a frame in encoded values, 1.0 being white.
    pub noise: f32,
    /// The same of what rounding to samples adds.
    pub rounding: f32,
    /// Slope of light over encoded values, at lights evenly spaced from 0 to 1.
    slopes: Vec<f32>,
    /// The filters where all rests.
    pub at_rest: Filters,
    /// The filters where some does, which lead there from those of one frame by the weights of their
    /// second layer; none where the blur differs over the field.
    pub between: Option<Filters>,
}

impl Fusion {
    /// Lights at which slopes are kept.
    const LIGHTS: u16 = 1024;

    /// Plans it for the frames of `camera`, of which single ones are restored by `filters`, made for
    /// `assumed` planes and for these strengths; nothing where there is nothing to average.
    ///
    /// # Errors
    /// Where a PSF is larger than the planes.
    pub(super) fn plan(
        camera: &Calibration,
        options: TemporalOptions,
        framing: Framing,
        format: PictureFormat,
        (filters, assumed, strengths): (&Filters, &Arc<Assumed>, &[f64]),
    ) -> Result<Option<Self>, PsfError> {
        if options.frames < 2 || camera.noise.get() == 0.0 {
            return Ok(None);
        }
        // What the least weight keeps it at: (1 - a)^2 r + a^2 = r for a = 1 / N.
        let left = 1.0 / (2.0 * f64::from(options.frames) - 1.0);
        let quieter = assumed.quieter(left);
        let has_weak = filters.weak.is_some();
        let at_rest = Filters::plan(&camera.blur, framing, &quieter, has_weak, strengths)?;
        let between = match &camera.blur {
            Blur::Uniform(psf) => Some(filters.towards(psf, [assumed, &quieter], strengths)?),
            Blur::Field(_) => None,
        };
        let of_white = |depth| f64::from(Scale::luma(depth, format.range).span());
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let [left, noise, rounding] = [
            left,
            camera.noise.get() / of_white(8),
            // Uniform over one sample.
            1.0 / (12.0_f64.sqrt() * of_white(format.depth)),
        ]
        .map(|value| value as f32);
        let slopes = (0..Self::LIGHTS)
            .map(|at| slope(camera.transfer, f64::from(at) / f64::from(Self::LIGHTS - 1)));
        Ok(Some(Self { left, noise, rounding, slopes: slopes.collect(), at_rest, between }))
    }

    /// Slope of light over encoded values at a light.
    pub fn slope(&self, light: f32) -> f32 {
        let last = self.slopes.len() - 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let at = (light.clamp(0.0, 1.0) * last as f32).round() as usize;
        self.slopes[at.min(last)]
    }

    /// How far the filters go from those of one frame, 0, to those of the average, 1, where noise of
    /// this power is left, over that of one frame.
    ///
    /// The Wiener filter is `conj(H) / (|H|^2 + n R)` for a power `n`. Between `n = 1` and `n = left` it
    /// goes by a share of the way that differs from frequency to frequency; this is that where
    /// `|H|^2 = R`, in the middle of the band that any of it is about. Nearly as little as is aimed at
    /// counts as that, and nearly as much as one frame has as that: no layer is worked on for nothing.
    pub fn share(&self, power: f32) -> f32 {
        const NEARLY: f32 = 1.25;
        const HARDLY: f32 = 0.04;
        let way = |power: f32| (1.0 - power) / (1.0 + power);
        let share = (way(power) / way(NEARLY * self.left)).clamp(0.0, 1.0);
        if share < HARDLY { 0.0 } else { share }
    }
}

fn slope(transfer: Transfer, light: f64) -> f32 {
    const HALF_STEP: f64 = 1.0 / 512.0;
    let at = transfer.encode(light).clamp(HALF_STEP, 1.0 - HALF_STEP);
    let rise = transfer.decode(at + HALF_STEP) - transfer.decode(at - HALF_STEP);
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    let slope = (rise / (2.0 * HALF_STEP)) as f32;
    slope.max(f32::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;
    use crate::optics::{GrayLevels, Psf};
    use crate::plan::{Edges, Framing, RestoreOptions, RestorePlan};

    fn plan(frames: u8, sigma: f64) -> RestorePlan {
        let psf = Psf::from_formula("disk:2").expect("a formula").expect("a PSF");
        let camera = Calibration::new(psf, GrayLevels::new(sigma).expect("gray levels"));
        let temporal = TemporalOptions { frames };
        let options = RestoreOptions { temporal, ..RestoreOptions::default() };
        let format = PictureFormat::gray(Extent::new(48, 40));
        RestorePlan::new(&camera, None, &options, format).expect("a plan")
    }

    #[test]
    fn nothing_is_planned_where_nothing_is_averaged() {
        assert!(plan(0, 5.0).fusion.is_none() && plan(1, 5.0).fusion.is_none());
        assert!(plan(8, 0.0).fusion.is_none(), "there is no noise");
    }

    #[test]
    fn shares_go_from_single_frames_to_the_average() {
        let fusion = plan(8, 5.0).fusion.expect("a fusion");
        assert_eq!((fusion.share(1.0), fusion.share(1.0 / 15.0)), (0.0, 1.0));
        let steps: Vec<f32> = (1..=8_u8).map(|n| fusion.share(1.0 / f32::from(n))).collect();
        assert!(steps.is_sorted(), "{steps:?}");
        // Where |H|^2 = R: 1 / (1 + n) for the power n.
        let filter = |power: f32| 1.0 / (1.0 + power);
        let way = filter(0.5) - filter(1.0);
        let of_all = filter(1.25 / 15.0) - filter(1.0);
        assert!((fusion.share(0.5) - way / of_all).abs() < 1e-6);
    }

    #[test]
    fn slopes_are_those_of_the_curve() {
        for (transfer, light) in [(Transfer::None, 0.4), (Transfer::Gamma(2.0), 0.25)] {
            let expected = if transfer == Transfer::None { 1.0 } else { 2.0 * f64::sqrt(light) };
            assert!((f64::from(slope(transfer, light)) - expected).abs() < 0.01, "{transfer}");
        }
    }

    /// The filters that lead there end where those of the average are.
    #[test]
    fn the_whole_way_leads_to_the_filters_of_the_average() {
        use crate::fft::Weights;
        use crate::frame::Plane;
        use crate::testing::{filtered_by_field, largest_difference, random_plane, weighted};
        let plan = plan(8, 5.0);
        let Framing { outer, .. } = plan.framing;
        assert_eq!(plan.framing.edges, Edges::Open);
        let fusion = plan.fusion.expect("a fusion");
        let between = &fusion.between.expect("a uniform blur").wiener;
        let input = random_plane(outer, 7);
        let all = |share| {
            let knots = Plane::new(Extent::new(outer.width, 1), share);
            [Weights::new(knots, vec![(0, 0.0); outer.height])]
        };
        let at_rest = filtered_by_field(&input, &fusion.at_rest.wiener);
        let single = filtered_by_field(&input, &plan.wiener);
        // Each is simplified by itself.
        assert!(largest_difference(&weighted(&input, between, &all(1.0)), &at_rest) < 0.02);
        assert_eq!(weighted(&input, between, &all(0.0)), single);
    }
}
