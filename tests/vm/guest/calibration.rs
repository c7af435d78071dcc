//! From a camera and a target to a sharp picture, by the commands of docs/your-camera.md.

use std::path::Path;

use deblurd::calibrate::target::Pattern;
use deblurd::frame::{Extent, Picture};
use deblurd::optics::Psf;

use crate::daemon::{Daemon, camera, program};
use crate::drivers::Vivid;
use crate::harness::{apply, trial};
use crate::photograph::Photograph;
use crate::pictures::{Stream, bytes};
use crate::process::run;
use crate::rig::{figure, seconds, wait_or};

/// What the camera has that nobody told deblurd.
const BLUR: &str = "disk:3";

/// Relative L2 error of the PSF that 16 frames give: as docs/your-camera.md tells of the laboratory.
const MOST_WRONG: f64 = 0.03;

/// Decibels that restoring with what was found gains, without a network, on noise that is finer than the
/// blur: 1.72 were measured.
const LEAST_GAIN: f64 = 1.4;

#[apply(trial)]
fn a_target_before_the_camera_becomes_a_sharp_picture() {
    let (pattern, photograph) = (Pattern::default(), Photograph::default());
    let blur = Psf::from_formula(BLUR).expect("a formula").expect("a PSF");
    let blurred = photograph.take(&pattern, &blur, 16);
    let vivid = Vivid::looped();
    let frames: Vec<u8> = blurred.iter().flat_map(bytes).collect();
    let _feeder = vivid.feed(photograph.extent, "GREY", &frames);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let (toml, npz, report) = (file("camera.toml"), file("camera.npz"), file("report.html"));
    // As `probe --write` has it: the calibration is named before there is one.
    let configuration = configuration(&vivid, photograph.extent, &npz);
    std::fs::write(&toml, &configuration).expect("a file");
    let begun = std::time::Instant::now();
    let outputs = [("--config", &toml), ("-o", &npz), ("--report", &report)];
    let options = outputs.map(|(option, path)| [option, text(path)]).concat();
    run(text(&program()), &[&["calibrate"], &options[..]].concat());
    figure("calibrate with 16 frames of 640x480", seconds(begun.elapsed()));

    let page = std::fs::read_to_string(&report).expect("a report");
    assert!(page.contains("<html"), "no page: {page}");
    let error = relative_error(&npz);
    figure("error of the PSF, relative L2", format!("{error:.4}"));
    assert!(error <= MOST_WRONG, "the PSF is {error} off");

    let gain = gain(&configuration, &photograph.take(&pattern, &point(), 1)[0], &blurred[0]);
    figure("gain of the restored stream", format!("{gain:.2} dB"));
    assert!(gain >= LEAST_GAIN, "restored frames are {gain} dB better than the camera's");
}

/// A camera of the kernel whose blur a calibration tells, restored without a network.
fn configuration(vivid: &Vivid, extent: Extent, npz: &Path) -> String {
    let source = camera(&vivid.camera(), &format!("formats = ['GREY']\nextent = '{extent}'\n"));
    let npz = npz.display();
    format!(
        "{source}[restore]\npsf = '{npz}'\nmodel = 'none'\n[pipeline]\ndeadline_ms = 0\n\
         [overload]\nrate_min = 0\n[[sink]]\nkind = 'y4m'\npath = '-'\n"
    )
}

/// How far the calibration's PSF is from the truth, as `deblurd psf --compare` tells it.
fn relative_error(npz: &Path) -> f64 {
    let json = npz.with_extension("json");
    run(text(&program()), &["psf", text(npz), "--compare", BLUR, "--json", text(&json)]);
    let told = std::fs::read(json).expect("a file");
    let told: serde_json::Value = serde_json::from_slice(&told).expect("JSON");
    let error = told.pointer("/0/compared/distance").and_then(serde_json::Value::as_f64);
    error.unwrap_or_else(|| panic!("no distance in {told}"))
}

/// Decibels by which a frame of the daemon is nearer to the sharp picture than the camera's.
fn gain(configuration: &str, sharp: &Picture, blurred: &Picture) -> f64 {
    let mut daemon = Daemon::start(configuration);
    let mut stream = Stream::new(daemon.take_stdout());
    let before = squared_error(blurred, sharp);
    let mut after = before;
    // A stand-in may come before the camera's first picture.
    wait_or(
        || format!("frame nearer to the sharp one; log:\n{}", daemon.log()),
        || {
            after = squared_error(&stream.next(), sharp);
            after < before
        },
    );
    10.0 * (before / after).log10()
}

/// A blur that is none.
fn point() -> Psf {
    Psf::from_formula("gaussian:0.1").expect("a formula").expect("a PSF")
}

/// Mean square of the differences where no border disturbs.
fn squared_error(one: &Picture, other: &Picture) -> f64 {
    const BORDER: usize = 16;
    let inner = |picture: &Picture| -> Vec<f64> {
        let plane = &picture.planes()[0];
        let rows = plane.rows().skip(BORDER).take(plane.extent().height - 2 * BORDER);
        let inside = rows.flat_map(|row| &row[BORDER..row.len() - BORDER]);
        inside.map(|&sample| f64::from(sample)).collect()
    };
    let (one, other) = (inner(one), inner(other));
    let sum: f64 = one.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).sum();
    sum / one.len() as f64
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the machine")
}
