//! A calibration is an archive of NumPy's: NumPy opens what the program writes, with the shapes that
//! are documented, and the program what NumPy writes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use deblurd::frame::{Extent, Plane};
use deblurd::optics::{Blur, Calibration, Field, GrayLevels, Psf, Transfer};
use serde_json::{Value, json};

use crate::harness::{apply, trial};
use crate::support::{python_with, root};

/// Of a PSF: no side is as long as another, nor as one of the grid.
const EXTENT: Extent = Extent::new(5, 7);

#[apply(trial)]
#[needs(PythonNumpy)]
fn numpy_reads_and_writes_calibrations() {
    check_agrees(psf(0).into(), [1, 1]);
    check_agrees(Field::new(3, (0..6).map(psf).collect()).expect("a grid").into(), [2, 3]);
}

/// A PSF of 256ths, another for every cell: sums and quotients of such numbers are exact.
fn psf(cell: usize) -> Psf {
    let rest = (1..EXTENT.area()).map(|index| ((index + 3 * cell) % 7) as f64);
    let rest: Vec<f64> = rest.collect();
    let first = 256.0 - rest.iter().sum::<f64>();
    let samples = [first].into_iter().chain(rest).map(|part| part / 256.0).collect();
    Psf::new(Plane::from_samples(EXTENT, samples).expect("whole")).expect("a PSF")
}

#[track_caller]
fn check_agrees(blur: Blur, [rows, columns]: [usize; 2]) {
    let samples = blur.psfs().iter().flat_map(|psf| psf.samples().samples().to_vec()).collect();
    let calibration = Calibration {
        transfer: Transfer::Srgb,
        extent: Some(Extent::new(640, 480)),
        controls: BTreeMap::from([("focus_absolute".to_owned(), -40)]),
        ..Calibration::new(blur, GrayLevels::new(2.55).expect("gray levels"))
    };
    let folder = tempfile::tempdir().expect("a folder");
    let [archive, copy] = ["camera.npz", "copy.npz"].map(|name| folder.path().join(name));
    std::fs::write(&archive, calibration.to_bytes().expect("an archive")).expect("a file");

    let arrays = opened_by_numpy(&archive, &copy);
    let shape = [rows, columns, EXTENT.height, EXTENT.width];
    assert_eq!(arrays["psf"], array_of(&shape, samples));
    assert_eq!(arrays["noise"], array_of(&[1], vec![2.55]));
    let about = arrays["about"]["content"].as_str().expect("text");
    let expected = json!({ "shape": [about.len()], "type": "|u1", "content": about });
    assert_eq!(arrays["about"], expected);
    let about: Value = serde_json::from_str(about).expect("JSON");
    let controls = json!({ "focus_absolute": -40 });
    let unknown = Value::Null;
    let expected = json!({
        "version": 2, "transfer": "srgb", "extent": [640, 480], "controls": controls,
        "pixel_format": unknown, "temperature": unknown, "origin": unknown, "certainty": unknown,
    });
    assert_eq!(about, expected);
    assert_eq!(arrays.as_object().map(|arrays| arrays.len()), Some(3), "{arrays}");

    let copy = std::fs::read(&copy).expect("what NumPy wrote");
    assert_eq!(Calibration::from_bytes(&copy).expect("a calibration"), calibration);
}

/// What NumPy says of an array of 64-bit numbers, lowest byte first.
fn array_of(shape: &[usize], numbers: Vec<f64>) -> Value {
    let bytes = numbers.into_iter().flat_map(f64::to_le_bytes);
    let digits: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    json!({ "shape": shape, "type": "<f8", "content": digits })
}

/// Has NumPy open an archive and write a copy; what it says of the arrays.
fn opened_by_numpy(archive: &Path, copy: &Path) -> Value {
    let mut python = Command::new(python_with("numpy").expect("a Python"));
    let python = python.arg(root().join("tests/it/arrays.py")).args([archive, copy]);
    let done = python.output().expect("Python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON")
}
