//! A station that runs, watched for hours that are invented.

use super::*;
use crate::calibrate::blind::Scene;
use crate::executor::Sequential;
use crate::frame::{Extent, FrameRate};
use crate::metrics::SourceState;
use crate::optics::{GrayLevels, Psf};
use crate::pipeline::{Overflow, Pipeline, PipelineOptions, Stop};
use crate::plan::RestoreOptions;
use crate::sink::{ShowcaseSink, Sink, encode_png};
use crate::source::FilesOptions;
use crate::station::{Assembly, Recipe, open_source};
use crate::testing::{Camera, mosaic};

const EXTENT: Extent = Extent::new(192, 128);

fn psf(formula: &str) -> Psf {
    Psf::from_formula(formula).expect("a formula").expect("a PSF")
}

fn blurred_by(formula: &str) -> Camera {
    Camera { psf: psf(formula), sigma: 2.0 }
}

/// A calibration that was made at the scene.
fn calibration() -> Calibration {
    let camera = blurred_by("disk:3");
    let light = camera.light(&mosaic(EXTENT, 3), 1);
    let reference = Reference::new(&[Scene::of(light, camera.deviation())], &Sequential);
    let reference = reference.expect("a reference");
    Calibration {
        reference: reference.to_plane(),
        ..Calibration::new(psf("disk:3"), GrayLevels::saturating(2.0))
    }
}

/// A station whose camera looks at the scene through that PSF, and what it was opened as.
fn start(formula: &str) -> (RunningPipeline, SourceConfig, PictureFormat, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in 0..3 {
        let frame = blurred_by(formula).frame(&mosaic(EXTENT, 3), 100 + seed);
        let file = folder.path().join(format!("{seed}.png"));
        std::fs::write(file, encode_png(&frame).expect("a PNG")).expect("a file");
    }
    let config = SourceConfig::Files(FilesOptions {
        paths: vec![folder.path().to_owned()],
        rate: FrameRate::per_second(60),
        live: true,
        repeat: true,
    });
    let metrics = Arc::new(Metrics::new(&[ShowcaseSink::NAME.to_owned()]));
    let source = open_source(&config, None, &metrics.source).expect("a source");
    let options = RestoreOptions { model: "none".to_owned(), ..RestoreOptions::default() };
    let recipe =
        Recipe { camera: calibration(), model: None, options, executor: Arc::new(Sequential) };
    let format = source.format();
    let assembly = Assembly {
        source,
        recipe,
        pipeline: PipelineOptions::new(Overflow::DropOldest),
        ladder: None,
        metrics,
        follow: None,
        stop: Stop::default(),
    };
    let sink = || -> Box<dyn Sink> { Box::new(ShowcaseSink::new(85, 30)) };
    let pipeline: Result<Pipeline, crate::station::Fault> = assembly.build(|_| Ok(vec![sink()]));
    let pipeline = pipeline.expect("a pipeline").start().expect("threads");
    (pipeline, config, format, folder)
}

/// Sees how the calibration stands after so many looks, four invented minutes apart, at frames
/// blurred by `formula`.
#[track_caller]
fn check(formula: &str, looks: u64, standing: &str) -> WatchSnapshot {
    let (pipeline, source, format, _folder) = start(formula);
    let mut now = Instant::now();
    let mut watcher = Watcher::new(&calibration(), &source, format, now);
    watcher.begin(pipeline.metrics());
    let snapshot = || pipeline.metrics().watch.snapshot().expect("a watch");
    assert_eq!(snapshot().standing, "holds");
    for look in 1..=looks {
        while snapshot().told + snapshot().passed < look {
            watcher.attend(now, &pipeline);
            std::thread::yield_now();
        }
        now += 4 * EVERY;
    }
    assert_eq!(pipeline.metrics().source.state(), SourceState::Live);
    let told = snapshot();
    assert_eq!(told.standing, standing, "{told:?}");
    assert_eq!(told.alarm, "");
    pipeline.stop(Duration::from_secs(10)).expect("its end");
    told
}

/// The first look never tells, what moves shows in two.
#[test]
fn a_camera_as_it_was_holds() {
    let told = check("disk:3", 8, "holds");
    assert_eq!((told.told, told.passed), (7, 1));
    let scale = told.scale.expect("a median");
    assert!((scale - 1.0).abs() < 0.015, "{scale}");
}

#[test]
fn a_blur_that_is_wider_is_stale_after_four_medians() {
    let told = check("disk:3.2", 22, "stale");
    assert!(told.scale.is_some_and(|scale| scale > 1.04), "{told:?}");
}

#[test]
fn a_calibration_without_spectra_is_not_watched() {
    let (pipeline, source, format, _folder) = start("disk:3");
    let camera = Calibration { reference: None, ..calibration() };
    let mut watcher = Watcher::new(&camera, &source, format, Instant::now());
    watcher.begin(pipeline.metrics());
    watcher.attend(Instant::now(), &pipeline);
    assert_eq!(pipeline.metrics().watch.snapshot(), None);
    pipeline.stop(Duration::from_secs(10)).expect("its end");
}
