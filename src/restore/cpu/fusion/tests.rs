//! What is left of the noise where a scene rests, and of the frames before where something moves.

use super::*;
use crate::executor::Sequential;
use crate::frame::PictureFormat;
use crate::optics::{Calibration, GrayLevels, Psf, Transfer};
use crate::plan::{Edges, RestoreOptions, RestorePlan, TemporalOptions};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_distr::Distribution;

/// Deviation of the noise in gray levels, and in light.
const SIGMA: f64 = 5.0;
const NOISE: f32 = 5.0 / 255.0;
const FRAMES: u8 = 8;

/// Averages frames of `extent`, which are told to have the noise.
fn fuser(extent: Extent, transfer: Transfer) -> Fuser {
    let psf = Psf::from_formula("gaussian:0.7").expect("a formula").expect("a PSF");
    let noise = GrayLevels::new(SIGMA).expect("gray levels");
    let camera = Calibration { transfer, ..Calibration::new(psf, noise) };
    let temporal = TemporalOptions { frames: FRAMES };
    let options = RestoreOptions { edges: Edges::Open, temporal, ..RestoreOptions::default() };
    let format = PictureFormat { depth: 12, ..PictureFormat::gray(extent) };
    let plan = RestorePlan::new(&camera, None, &options, format).expect("a plan");
    let fusion = Arc::new(plan.fusion.expect("frames are averaged"));
    Fuser::new(fusion, plan.framing, Arc::new(Sequential))
}

/// Smooth light between 0.3 and 0.7, as behind a blur.
fn scene(x: f32, y: f32) -> f32 {
    0.5 + 0.1 * (x / 5.0).sin() + 0.1 * (y / 7.0).cos()
}

/// A frame of `light` with noise.
fn noisy(extent: Extent, seed: u64, light: impl Fn(f32, f32) -> f32) -> Plane<f32> {
    let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
    let noise = rand_distr::Normal::new(0.0, NOISE).expect("a deviation");
    Plane::from_fn(extent, |x, y| light(x as f32, y as f32) + noise.sample(&mut random))
}

/// What the fuser makes of a frame.
fn fused(fuser: &mut Fuser, frame: &Plane<f32>) -> Plane<f32> {
    let (framing, extent) = (fuser.framing, frame.extent());
    let (left, top) = framing.offset();
    let mut extended = Plane::new(framing.outer, 0.0);
    for y in 0..extent.height {
        extended.row_mut(y + top)[left..][..extent.width].copy_from_slice(frame.row(y));
    }
    fuser.run(&mut extended);
    Plane::from_fn(extent, |x, y| frame_row(framing, &extended, y)[x])
}

/// Root mean square distance of the samples for which `is_asked` from `light`.
fn distance(
    plane: &Plane<f32>,
    light: impl Fn(f32, f32) -> f32,
    is_asked: impl Fn(usize, usize) -> bool,
) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (y, row) in plane.rows().enumerate() {
        for (x, sample) in row.iter().enumerate().filter(|(x, _)| is_asked(*x, y)) {
            sum += (sample - light(x as f32, y as f32)).powi(2);
            count += 1.0;
        }
    }
    (sum / count).sqrt()
}

/// The frames of a scene at rest have as little noise as is aimed at, and that is what is told.
#[test]
fn noise_falls_by_the_root_of_the_frames() {
    let extent = Extent::new(157, 122);
    let mut fuser = fuser(extent, Transfer::None);
    for number in 1..=3 * u64::from(FRAMES) {
        let is = fused(&mut fuser, &noisy(extent, number, scene));
        #[expect(clippy::cast_possible_truncation, reason = "a deviation")]
        let told = fuser.fused().noise_left as f32;
        let left = distance(&is, scene, |_, _| true) / NOISE;
        assert!((left / told - 1.0).abs() < 0.03, "frame {number}: {left} is told as {told}");
        let expected = 1.0 / (number as f32).sqrt();
        let is_first = number <= u64::from(FRAMES);
        assert!(!is_first || (told / expected - 1.0).abs() < 0.12, "frame {number}: {told}");
    }
    let told = fuser.fused().noise_left * f64::sqrt(15.0);
    assert!((0.99..1.15).contains(&told), "{told} times what is aimed at");
    assert!(fuser.fused().at_rest > 0.85, "{:?}", fuser.fused());
}

/// Something dark crosses the scene: where it is, and where it was, there is nothing of the frames before;
/// where it never was, the noise is that of a scene at rest.
#[test]
fn what_moves_leaves_no_ghost() {
    let extent = Extent::new(160, 120);
    let mut fuser = fuser(extent, Transfer::None);
    let at = |number: u64| 10.0 + 3.0 * number as f32;
    let light = |number: u64| {
        move |x: f32, y: f32| {
            let edge = |d: f32| 1.0 / (1.0 + (-1.5 * d).exp());
            let inside = edge(x - at(number)) * edge(at(number) + 20.0 - x);
            scene(x, y) - 0.25 * inside * edge(y - 40.0) * edge(70.0 - y)
        }
    };
    for number in 1..=24 {
        let is = fused(&mut fuser, &noisy(extent, number, light(number)));
        let reach = at(number) - 3.0..at(number) + 23.0;
        let moving = |x: usize, y: usize| (38..72).contains(&y) && reach.contains(&(x as f32));
        let wake = |x: usize, y: usize| {
            (44..66).contains(&y) && (at(number) - 12.0..at(number)).contains(&(x as f32))
        };
        for (place, is_asked) in [("object", &moving as &dyn Fn(_, _) -> _), ("wake", &wake)] {
            let left = distance(&is, light(number), is_asked) / NOISE;
            assert!(left < 1.07, "frame {number}: {left} of the noise at the {place}");
        }
        if number > 12 {
            let still = distance(&is, light(number), |_, y| y > 90) / NOISE;
            assert!(still < 0.46, "frame {number}: {still} of the noise where nothing moves");
            assert_eq!(fuser.rest(), Rest::Some);
        }
    }
}

/// What networks are told of the noise is what is left of it, from place to place, beyond the frame as at its
/// edges; of a first frame it is all of it.
#[test]
fn networks_are_told_the_noise_that_is_left() {
    const TOLD: f32 = 0.3;
    let extent = Extent::new(128, 96);
    let mut fuser = fuser(extent, Transfer::None);
    let mut told = Plane::new(fuser.framing.outer, f32::NAN);
    let moving = |number: u64| {
        move |x: f32, y: f32| {
            let phase = if x < 40.0 { number as f32 } else { 0.0 };
            scene(x + 5.0 * phase, y)
        }
    };
    for number in 1..=24 {
        fused(&mut fuser, &noisy(extent, number, moving(number)));
        fuser.tell(TOLD, &mut told);
        if number == 1 {
            assert!(told.samples().iter().all(|sigma| *sigma == TOLD), "of a first frame");
        }
    }
    let (left, top) = fuser.framing.offset();
    let mean = |columns: std::ops::Range<usize>| {
        let row = &told.row(top + 48)[left..][columns.clone()];
        row.iter().sum::<f32>() / (TOLD * columns.len() as f32)
    };
    assert!(mean(4..32) > 0.97, "{} of the noise where something moves", mean(4..32));
    assert!((0.25..0.31).contains(&mean(56..124)), "{} where nothing does", mean(56..124));
    assert_eq!(told.row(0)[left + 60], told.row(top)[left + 60], "above the frame");
}

/// A cut is restored as the first frame is.
#[test]
fn another_scene_is_begun_anew() {
    let extent = Extent::new(96, 64);
    let mut fuser = fuser(extent, Transfer::None);
    for number in 1..12 {
        fused(&mut fuser, &noisy(extent, number, scene));
    }
    let other = |x: f32, y: f32| 0.5 + 0.3 * ((x - 2.0 * y) / 6.0).sin();
    let left = distance(&fused(&mut fuser, &noisy(extent, 99, other)), other, |_, _| true) / NOISE;
    assert!((0.95..1.05).contains(&left), "{left} of the noise");
    assert!(fuser.fused().noise_left > 0.95, "{:?}", fuser.fused());
}

/// Light that goes up and down everywhere is no motion, in light as in encoded values.
#[test]
fn lamps_may_flicker() {
    for transfer in [Transfer::None, Transfer::Gamma(1.0)] {
        let extent = Extent::new(128, 96);
        let mut fuser = fuser(extent, transfer);
        for number in 1..=24_u64 {
            let gain = 1.0 + 0.1 * (number as f32 * 2.1).sin();
            let light = |x: f32, y: f32| gain * scene(x, y);
            let left =
                distance(&fused(&mut fuser, &noisy(extent, number, light)), light, |_, _| true);
            assert!(number < 12 || left < 0.45 * NOISE, "frame {number}: {}", left / NOISE);
        }
    }
}

/// Whoever gave the frames before, after forgetting they are as if they had never been.
#[test]
fn what_is_forgotten_is_gone() {
    let extent = Extent::new(64, 48);
    let (mut old, mut new) = (fuser(extent, Transfer::None), fuser(extent, Transfer::None));
    (0..9).for_each(|number| drop(fused(&mut old, &noisy(extent, number, scene))));
    old.forget();
    for number in 20..24 {
        let frame = noisy(extent, number, scene);
        assert_eq!(fused(&mut old, &frame), fused(&mut new, &frame));
        assert_eq!((old.rest(), old.fused()), (new.rest(), new.fused()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Of any extent and whatever the frames: the average lies between the brightest and the darkest of
    /// them, and weights and noise are in range.
    #[test]
    fn averages_lie_between_frames(
        width in 7_usize..60, height in 7_usize..60, seed: u64, step in 0.0_f32..0.3,
    ) {
        let extent = Extent::new(width, height);
        let mut fuser = fuser(extent, Transfer::None);
        let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
        for number in 0..5 {
            let level = 0.3 + step * number as f32 / 5.0;
            let frame = noisy(extent, seed ^ number, |x, y| level + 0.1 * scene(x, y));
            let samples = || frame.samples().iter().copied();
            (least, most) = (samples().fold(least, f32::min), samples().fold(most, f32::max));
            let is = fused(&mut fuser, &frame);
            // Averages are brought to the light of the newest frame, by less than all of these differ.
            let slack = most - least;
            let within = |sample: &f32| (least - slack..=most + slack).contains(sample);
            prop_assert!(is.samples().iter().all(within));
            let Fused { at_rest, noise_left } = fuser.fused();
            prop_assert!((0.0..=1.0).contains(&at_rest));
            prop_assert!((0.25..=1.0001).contains(&noise_left), "{}", noise_left);
        }
    }
}
