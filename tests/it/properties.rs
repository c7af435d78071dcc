//! What must hold for every picture, PSF and network, through the real stages and real threads.

use std::sync::Arc;

use deblurd::executor::{Executor, Sequential};
use deblurd::frame::colour::luma;
use deblurd::frame::{Extent, Layout, Picture, PictureFormat, Plane, Range};
use deblurd::optics::{Psf, Transfer};
use deblurd::pipeline::Workers;
use deblurd::plan::network::Model;
use deblurd::plan::{Channels, Edges, Regulariser};
use deblurd::restore::cpu::residual::{Inputs, KernelChoice, ResidualNet};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::harness::{apply, trial};
use crate::onnx::{coarse_model, tiny_model};
use crate::restorations::{
    GRAY, Restoration, around_gray, blurred, check_property, largest_difference, loaded, model,
    random_picture, random_psf, restored,
};

#[apply(trial)]
fn bands_give_what_the_whole_gives() {
    let extents =
        [(1, 1), (2, 1), (1, 9), (3, 2), (7, 13), (16, 16), (31, 17), (24, 47), (50, 101)];
    let models = [(false, 1), (true, 2)].into_iter().flat_map(|(quantised, seed)| {
        [tiny_model(2, 8, seed, quantised), coarse_model(2, 2, seed, quantised)]
    });
    for model in models.map(|model| loaded(&model)) {
        for stage in 0..model.networks.len() {
            for (width, height) in extents {
                for band_rows in [1, 2, 7, 16, 30] {
                    check_bands(&model, stage, Extent::new(width, height), band_rows);
                }
            }
        }
    }
}

/// Bit for bit: a band computes every sample from the same numbers in the same order.
#[track_caller]
fn check_bands(model: &Model, stage: usize, extent: Extent, band_rows: usize) {
    let whole = answer(model, stage, extent, extent.height, &Sequential);
    let banded = answer(model, stage, extent, band_rows, &Sequential);
    assert_eq!(whole, banded, "{extent} in bands of {band_rows} rows, network {stage}");
}

#[apply(trial)]
fn threads_give_what_one_gives() {
    for quantised in [false, true] {
        let model = model(2, 8, 3, quantised);
        let extent = Extent::new(37, 53);
        let expected = answer(&model, 1, extent, 8, &Sequential);
        for threads in 1..=4 {
            let workers = Workers::start(threads).expect("threads");
            for _ in 0..3 {
                let is = answer(&model, 1, extent, 8, &workers);
                assert_eq!(is, expected, "{threads} threads");
            }
        }
    }
}

/// What a network answers to random planes.
fn answer(
    model: &Model,
    stage: usize,
    extent: Extent,
    band_rows: usize,
    executor: &dyn Executor,
) -> Plane<f32> {
    let (bands, inputs) = ((extent, band_rows), Inputs::new(executor.threads()));
    let net = ResidualNet::plan(model, stage, KernelChoice::fastest(), bands, &[], &inputs)
        .expect("a plan");
    let planes: Vec<Plane<f32>> = (0..net.planes() as u64)
        .map(|seed| {
            let mut random = Pcg64::seed_from_u64(seed);
            Plane::from_fn(extent, |_, _| random.random_range(-0.5..0.5))
        })
        .collect();
    let mut f = Plane::new(extent, f32::NAN);
    net.run(&planes.iter().collect::<Vec<_>>(), &mut f, executor).expect("runs");
    let differ = f.samples().iter().any(|sample| *sample != f.samples()[0]);
    assert!(differ || extent.area() < 4, "the network answers nothing");
    f
}

#[apply(trial)]
fn without_blur_pictures_stay() {
    for layout in [Layout::Gray, Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb] {
        for (depth, range) in [
            (8, Range::Full),
            (8, Range::Limited),
            (10, Range::Limited),
            (12, Range::Full),
            (16, Range::Full),
        ] {
            for edges in [Edges::Open, Edges::Circular] {
                for transfer in [Transfer::None, Transfer::Srgb, Transfer::Bt709] {
                    for channels in [Channels::Luma, Channels::Rgb] {
                        let format =
                            PictureFormat { extent: Extent::new(13, 7), layout, depth, range };
                        let how = Restoration::for_noise(0.0).transfer(transfer);
                        check_identity(&how.edges(edges).channels(channels), format, None);
                    }
                }
            }
        }
    }
}

#[apply(trial)]
fn without_blur_networks_are_silent() {
    for (stages, quantised) in [(1, true), (3, false)] {
        let model = model(stages, 4, 5, quantised);
        for edges in [Edges::Open, Edges::Circular] {
            let how = Restoration::for_noise(0.0).edges(edges);
            check_identity(&how, PictureFormat::gray(Extent::new(19, 23)), Some(&model));
        }
    }
}

/// Exact, but for curves in 16 bits: their tables have no finer steps than the samples.
#[track_caller]
fn check_identity(how: &Restoration, format: PictureFormat, model: Option<&Arc<Model>>) {
    let mut picture = random_picture(format, 11);
    if format.range == Range::Limited {
        // Beyond black and white there is no light that a curve could carry.
        let unit = 1 << (format.depth - 8);
        for plane in picture.planes_mut() {
            plane.samples_mut().iter_mut().for_each(|s| *s = (*s).clamp(16 * unit, 235 * unit));
        }
    }
    let restored = restored(how, &Psf::delta(), model, &picture);
    let tolerance = match (how.options.transfer.given().unwrap_or_default(), format.depth) {
        (Transfer::None, _) => 0,
        (_, depth) => i32::from(depth == 16),
    };
    let difference = largest_difference(&restored, &picture);
    assert!(difference <= tolerance, "{difference} levels apart: {how:?}, {format:?}");
}

#[apply(trial)]
fn restoring_is_linear() {
    let strategy = (2_usize..40, 2_usize..40, any::<u64>(), any::<bool>());
    check_property(strategy, |(width, height, seed, is_circular)| {
        let extent = Extent::new(width + 9, height + 9);
        let edges = if is_circular { Edges::Circular } else { Edges::Open };
        let how = Restoration::for_noise(5.0).edges(edges);
        let psf = random_psf(seed, 5);
        let (a, b) = (around_gray(extent, 1500, seed), around_gray(extent, 1500, !seed));
        let sum = combined(&a, &b, |a, b| a + 2 * b);
        let restore = |picture: &Picture| restored(&how, &psf, None, picture);
        let (whole, parts) =
            (restore(&sum), combined(&restore(&a), &restore(&b), |a, b| a + 2 * b));
        // Rounding: a half of the sum, of the first part, and twice that of the second.
        check_close(&whole, &parts, 3)
    });
}

#[apply(trial)]
fn shifted_pictures_are_restored_alike() {
    let strategy = (9_usize..40, 9_usize..40, any::<u64>(), 0_usize..9, 0_usize..9);
    check_property(strategy, |(width, height, seed, right, down)| {
        let extent = Extent::new(width, height);
        let how = Restoration::for_noise(5.0).edges(Edges::Circular);
        let psf = random_psf(seed, 7);
        let picture = around_gray(extent, 1500, seed);
        let shift = |picture: &Picture| shifted(picture, right, down);
        let first = restored(&how, &psf, None, &shift(&picture));
        check_close(&first, &shift(&restored(&how, &psf, None, &picture)), 1)
    });
}

#[apply(trial)]
fn the_mean_is_kept() {
    let strategy = (7_usize..40, 7_usize..40, any::<u64>(), 0.0_f64..10.0);
    check_property(strategy, |(width, height, seed, sigma)| {
        let how = Restoration::for_noise(sigma.max(1.0)).edges(Edges::Circular);
        let picture = around_gray(Extent::new(width, height), 1500, seed);
        let result = restored(&how, &random_psf(seed, 7), None, &picture);
        let (is, expected) = (mean(&result), mean(&picture));
        // The mean of the rounding errors of some hundred samples, and of 32-bit sums.
        prop_assert!((is - expected).abs() < 0.25, "the mean went from {expected} to {is}");
        Ok(())
    });
}

/// `H g = y` for any network. Boxes whose sides divide the frame's have exact zeros in frequency;
/// there the networks write what they like, elsewhere nothing.
#[apply(trial)]
fn blurred_again_is_what_was_seen() {
    let boxes = [(3, 3, 24, 18), (5, 1, 35, 14), (3, 1, 27, 31), (1, 5, 17, 25), (5, 3, 40, 33)];
    for (stages, quantised) in [(0, false), (1, false), (1, true), (2, true), (3, false)] {
        let model = (stages > 0).then(|| model(stages, 6, 40 + stages as u64, quantised));
        for (width, height, frame_width, frame_height) in boxes {
            let psf = Psf::new(Plane::new(Extent::new(width, height), 1.0)).expect("a box");
            check_consistency(&psf, Extent::new(frame_width, frame_height), model.as_ref());
        }
        for seed in 0..4 {
            check_consistency(&random_psf(seed, 5), Extent::new(23, 29), model.as_ref());
        }
    }
}

#[track_caller]
fn check_consistency(psf: &Psf, extent: Extent, model: Option<&Arc<Model>>) {
    let sharp = around_gray(extent, 9000, 3);
    let seen = blurred(&sharp, psf);
    let mut how = Restoration::for_noise(0.0).edges(Edges::Circular);
    how.options.regulariser = Some(Regulariser::Flat(0.0));
    let g = restored(&how, psf, model, &seen);
    let white = g.format().white();
    let clipped = g.planes()[0].samples().iter().any(|&sample| sample == 0 || sample == white);
    assert!(!clipped, "the test's network is too loud: samples of g are clipped");
    let has_zeros = psf.samples().samples().iter().all(|s| *s == psf.samples().samples()[0]);
    if model.is_some() && has_zeros {
        let silent = restored(&how, psf, None, &seen);
        assert!(largest_difference(&g, &silent) > 300, "the network has no say");
    }
    let difference = f64::from(largest_difference(&blurred(&g, psf), &seen));
    let greatest = f64::from(*seen.planes()[0].samples().iter().max().expect("samples"));
    assert!(difference / greatest < 1e-4, "H g is {difference} of 65535 levels from y");
}

#[apply(trial)]
fn every_extent_is_restored() {
    let model = model(2, 4, 9, true);
    let how = Restoration::for_noise(2.55).guarded();
    let sides = [1, 2, 3, 5, 8, 13, 37];
    for (width, height) in sides.iter().flat_map(|w| sides.map(|h| (*w, h))) {
        for layout in [Layout::Gray, Layout::Yuv420, Layout::Rgb] {
            let format =
                PictureFormat { layout, ..PictureFormat::gray(Extent::new(width, height)) };
            let picture = random_picture(format, 1);
            // The largest odd side that fits.
            let side = 5.min(width).min(height);
            let psf = random_psf(1, side - (1 - side % 2));
            let open = restored(&how, &psf, Some(&model), &picture);
            assert_eq!(open.format(), format, "the format of what was restored");
            restored(&how.clone().edges(Edges::Circular), &psf, Some(&model), &picture);
        }
    }
}

#[apply(trial)]
fn chroma_is_restored_beside_luma() {
    for (layout, depth) in [
        (Layout::Rgb, 8),
        (Layout::Rgb, 16),
        (Layout::Yuv420, 8),
        (Layout::Yuv422, 10),
        (Layout::Yuv444, 8),
    ] {
        for model in [None, Some(model(1, 4, 2, false))] {
            let format =
                PictureFormat { layout, depth, ..PictureFormat::gray(Extent::new(62, 44)) };
            check_colours(&Restoration::for_noise(1.0), format, model.as_ref());
        }
    }
}

/// Differences of colour come nearer to those of the sharp picture; luma is what it is without them; and a
/// picture without colours stays one.
#[track_caller]
fn check_colours(how: &Restoration, format: PictureFormat, model: Option<&Arc<Model>>) {
    let psf = Psf::from_formula("gaussian:1.8").expect("a formula").expect("a PSF");
    let sharp = colourful(format, 4);
    let seen = blurred_by_planes(&sharp, &psf);
    let result = restored(how, &psf, model, &seen);
    let [before, after] = [&seen, &result].map(|picture| colour_error(picture, &sharp));
    assert!(after < 0.87 * before, "{format:?}: colours are {after} wrong, and were {before}");
    if format.layout != Layout::Rgb {
        let gray = restored(how, &psf, model, &luma(&seen));
        assert_eq!(result.planes()[0], gray.planes()[0], "luma");
        return;
    }
    let mut gray = seen.clone();
    let first = gray.planes()[0].clone();
    gray.planes_mut().iter_mut().for_each(|plane| *plane = first.clone());
    let result = restored(how, &psf, model, &gray);
    let [red, green, blue] = [0, 1, 2].map(|plane: usize| result.planes()[plane].samples());
    for (at, red) in red.iter().enumerate() {
        let most = red.abs_diff(green[at]).max(red.abs_diff(blue[at]));
        assert!(most <= 1, "gray is coloured at {at} by {most}, which is more than rounding");
    }
}

/// A picture of patches of colour, half a dozen samples of each plane wide.
fn colourful(format: PictureFormat, seed: u64) -> Picture {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut picture = Picture::new(format);
    let white = u32::from(format.white());
    for plane in picture.planes_mut() {
        let values: Vec<u32> =
            (0..400).map(|_| random.random_range(white / 4..white * 3 / 4)).collect();
        *plane = Plane::from_fn(plane.extent(), |x, y| {
            u16::try_from(values[(y / 6) * 20 + x / 6]).expect("a sample")
        });
    }
    picture
}

/// Every plane as blur leaves it that is twice as wide in samples of full size as in halved ones.
fn blurred_by_planes(sharp: &Picture, psf: &Psf) -> Picture {
    let (mut seen, full) = (sharp.clone(), sharp.extent());
    for (index, plane) in seen.planes_mut().iter_mut().enumerate() {
        let extent = sharp.format().layout.plane_extent(full, index);
        let halved = (extent.width < full.width, extent.height < full.height);
        let mut one = Picture::new(PictureFormat {
            layout: Layout::Gray,
            ..sharp.format().with_extent(extent)
        });
        one.planes_mut()[0] = sharp.planes()[index].clone();
        *plane = blurred(&one, &psf.reduced(halved)).planes()[0].clone();
    }
    seen
}

/// Root mean square distance of the differences of colour from those of `sharp`, in samples.
fn colour_error(picture: &Picture, sharp: &Picture) -> f64 {
    let is_rgb = sharp.format().layout == Layout::Rgb;
    let value = |picture: &Picture, plane: usize, at: usize| {
        let of = |plane: usize| f64::from(picture.planes()[plane].samples()[at]);
        if is_rgb { of(plane) - of(0) } else { of(plane) }
    };
    let (mut sum, mut count) = (0.0, 0.0);
    for plane in [1, 2] {
        for at in 0..sharp.planes()[plane].samples().len() {
            sum += (value(picture, plane, at) - value(sharp, plane, at)).powi(2);
            count += 1.0;
        }
    }
    f64::sqrt(sum / count)
}

fn check_close(is: &Picture, expected: &Picture, tolerance: i32) -> Result<(), TestCaseError> {
    let difference = largest_difference(is, expected);
    prop_assert!(difference <= tolerance, "{difference} of 65535 levels apart");
    Ok(())
}

/// A linear combination of the distances from the middle.
fn combined(a: &Picture, b: &Picture, sum: impl Fn(i32, i32) -> i32) -> Picture {
    let mut result = a.clone();
    let about = |sample: u16| i32::from(sample) - i32::from(GRAY);
    let samples = result.planes_mut()[0].samples_mut().iter_mut();
    for (a, b) in samples.zip(b.planes()[0].samples()) {
        *a = u16::try_from(i32::from(GRAY) + sum(about(*a), about(*b))).expect("in range");
    }
    result
}

/// The picture moved to the right and down; what leaves comes back on the other side.
fn shifted(picture: &Picture, right: usize, down: usize) -> Picture {
    let mut result = picture.clone();
    let (extent, plane) = (picture.extent(), &picture.planes()[0]);
    let back = |to: usize, by: usize, side: usize| (to + side - by % side) % side;
    result.planes_mut()[0] = Plane::from_fn(extent, |x, y| {
        plane.row(back(y, down, extent.height))[back(x, right, extent.width)]
    });
    result
}

fn mean(picture: &Picture) -> f64 {
    let samples = picture.planes()[0].samples();
    samples.iter().copied().map(f64::from).sum::<f64>() / samples.len() as f64
}
