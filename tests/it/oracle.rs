//! The restoration against figures computed independently: mean PSNR over the twelve pictures of
//! Set12 and the eight kernels of Levin et al., in 8 bits, without a network. The figures are those
//! of a NumPy program that shares no code with this one.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deblurd::executor::Sequential;
use deblurd::frame::{Effort, Extent, Picture, PictureFormat, Plane};
use deblurd::optics::{GrayLevels, Psf};
use deblurd::plan::{Edges, Regulariser};
use deblurd::restore::Restorer;
use deblurd::restore::quality::psnr_db;
use deblurd::simulate::{Degrade, DegradeOptions};

use crate::harness::{apply, trial};
use crate::restorations::{Restoration, run};
use crate::support::shared_data;

/// How frames are made and restored.
#[derive(Clone, Copy)]
struct Protocol {
    /// What the simulated camera has beyond the edges.
    camera: Edges,
    /// What the restoration takes to be there.
    edges: Edges,
    regulariser: Regulariser,
    sigma: f64,
}

#[apply(trial)]
#[needs(SharedData)]
fn spectral_wiener_on_circular_frames() {
    for (sigma, expected) in [(2.55, 28.66), (5.1, 26.58), (7.65, 25.54)] {
        check_mean(circular(sigma, Regulariser::Spectral), expected - 0.1..=expected + 0.1);
    }
}

#[apply(trial)]
#[needs(SharedData)]
fn flat_wiener_on_circular_frames() {
    for (sigma, expected) in [(2.55, 26.13), (5.1, 21.34), (7.65, 18.21)] {
        check_mean(circular(sigma, Regulariser::Flat(0.01)), expected - 0.1..=expected + 0.1);
    }
}

/// The oracle reaches 28.08 dB by the smooth extension alone; the likely margins of the steeper kernels add
/// 0.27 dB. It cuts off the radius of the PSF, the
/// simulated camera here the radius made even (for the sake of half-size chroma), so that five of
/// the eight kernels leave a frame narrower by one sample on every side.
#[apply(trial)]
#[needs(SharedData)]
fn extension_on_valid_frames() {
    let protocol = Protocol { camera: Edges::Open, ..circular(2.55, Regulariser::Spectral) };
    check_mean(Protocol { edges: Edges::Open, ..protocol }, 28.2..=28.5);
}

/// The oracle's figure is 22.74 dB; the frames here are those of the test above.
#[apply(trial)]
#[needs(SharedData)]
fn valid_frames_suffer_without_extension() {
    let protocol = Protocol { camera: Edges::Open, ..circular(2.55, Regulariser::Spectral) };
    check_mean(protocol, 22.4..=23.1);
}

fn circular(sigma: f64, regulariser: Regulariser) -> Protocol {
    Protocol { camera: Edges::Circular, edges: Edges::Circular, regulariser, sigma }
}

#[track_caller]
fn check_mean(protocol: Protocol, expected: RangeInclusive<f64>) {
    let (pictures, psfs) = (set12(), levin());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut sum = 0.0;
        while let Some(psf) = psfs.get(next.fetch_add(1, Ordering::Relaxed)) {
            sum += sum_of_psnr(psf, &pictures, protocol);
        }
        sum
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sum: f64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
    });
    let mean = sum / (pictures.len() * psfs.len()) as f64;
    let Protocol { sigma, regulariser, .. } = protocol;
    assert!(
        expected.contains(&mean),
        "{mean:.3} dB instead of {expected:?} (sigma {sigma}, {regulariser})"
    );
}

/// Sum over the pictures, for one PSF.
fn sum_of_psnr(psf: &Psf, pictures: &[Picture], protocol: Protocol) -> f64 {
    let mut sum = 0.0;
    let mut planned: Option<(Extent, Degrade, Box<dyn Restorer>)> = None;
    for (number, picture) in (0..).zip(pictures) {
        if planned.as_ref().is_none_or(|(extent, ..)| *extent != picture.extent()) {
            let (degrade, restorer) = plan(psf, picture.format(), protocol);
            planned = Some((picture.extent(), degrade, restorer));
        }
        let Some((_, degrade, restorer)) = &mut planned else { continue };
        let mut blurred = Picture::new(degrade.degraded_format());
        let mut truth = blurred.clone();
        degrade.run(picture, number, &mut blurred, &mut truth);
        sum += psnr_db(&run(&mut **restorer, &blurred, Effort::Full), &truth);
    }
    sum
}

fn plan(psf: &Psf, format: PictureFormat, protocol: Protocol) -> (Degrade, Box<dyn Restorer>) {
    let Protocol { camera, edges, regulariser, sigma } = protocol;
    let noise = GrayLevels::new(sigma).expect("gray levels");
    let options = DegradeOptions { edges: camera, sigma: noise, seed: 0 };
    let degrade = Degrade::plan(&psf.clone().into(), options, format).expect("a plan");
    let mut how = Restoration::for_noise(sigma).edges(edges);
    how.options.regulariser = Some(regulariser);
    let restorer = how.restorer(psf, None, degrade.degraded_format(), Arc::new(Sequential));
    (degrade, restorer)
}

/// The pictures, in the order of their extents.
fn set12() -> Vec<Picture> {
    let mut pictures: Vec<Picture> = (1..=12)
        .map(|number| {
            let path = shared_data().join(format!("test/set12/{number:02}.png"));
            let gray = image::open(path).expect("a picture").to_luma8();
            let extent = Extent::new(gray.width() as usize, gray.height() as usize);
            let mut picture = Picture::new(PictureFormat::gray(extent));
            let samples = gray.into_raw().into_iter().map(u16::from).collect();
            picture.planes_mut()[0] = Plane::from_samples(extent, samples).expect("all samples");
            picture
        })
        .collect();
    pictures.sort_by_key(Picture::extent);
    pictures
}

fn levin() -> Vec<Psf> {
    let folder = std::fs::read_dir(shared_data().join("psf/levin")).expect("the kernels");
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 8, "kernels of Levin et al.");
    let read = |path| Psf::from_bytes(&std::fs::read(path).expect("a file")).expect("a PSF");
    paths.into_iter().map(read).collect()
}
