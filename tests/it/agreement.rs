//! The released models give what ONNX Runtime gives, to one step of their answers, on every kernel.
//!
//! tract's own operators add real numbers where these add integers, so that in every layer some sums fall
//! to the other side of a half: behind the many layers of a coarse branch that can be two steps.

use std::path::Path;
use std::process::Command;

use deblurd::executor::Sequential;
use deblurd::frame::{Extent, Plane};
use deblurd::plan::network::Model;
use deblurd::restore::cpu::residual::{Inputs, KernelChoice, ResidualNet, band_rows};
use deblurd::restore::model;

use crate::harness::{apply, trial};
use crate::support::{python_with, root};

/// Planes of more than one band.
const EXTENT: Extent = Extent::new(168, 120);

#[apply(trial)]
#[needs(PythonOnnxRuntime)]
fn onnx_runtime_gives_the_same() {
    for name in ["nano", "small", "base", "large", "xlarge"] {
        let path = root().join(format!("models/{name}.onnx"));
        let model =
            model::load(&std::fs::read(&path).expect("the model")).expect("it meets its contract");
        let folder = tempfile::tempdir().expect("a folder");
        let steps = answers_of_onnx_runtime(&path, folder.path());
        assert_eq!(steps.len(), model.networks.len(), "networks of {name}");
        for kernel in KernelChoice::all() {
            for (stage, step) in steps.iter().enumerate() {
                check_agrees(&model, stage, kernel, *step, folder.path());
            }
        }
    }
}

/// Has ONNX Runtime leave what each network is given and answers; sizes of a step of the answers.
fn answers_of_onnx_runtime(model: &Path, folder: &Path) -> Vec<f32> {
    let mut python = Command::new(python_with("onnx, onnxruntime").expect("a Python"));
    python.arg(root().join("tests/it/answers.py")).arg(model);
    python.args([EXTENT.width.to_string(), EXTENT.height.to_string()]).arg(folder);
    let done = python.output().expect("Python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    told.lines().map(|line| line.parse().expect("a number")).collect()
}

/// Steps by which answers may part.
fn allowed(kernel: KernelChoice) -> f32 {
    if kernel.name() == "stock" { 2.0 } else { 1.0 }
}

/// Where two roundings of sums lie on either side of a half, answers part by a step: rarely.
#[track_caller]
fn check_agrees(model: &Model, stage: usize, kernel: KernelChoice, step: f32, folder: &Path) {
    let planes = planes_in(&folder.join(format!("z{stage}.f32")));
    let [expected] = &planes_in(&folder.join(format!("f{stage}.f32")))[..] else {
        panic!("one plane is answered");
    };
    let bands = (EXTENT, band_rows(EXTENT.height, 2));
    let net = ResidualNet::plan(model, stage, kernel, bands, &[], &Inputs::new(1)).expect("a plan");
    let mut f = Plane::new(EXTENT, f32::NAN);
    net.run(&planes.iter().collect::<Vec<_>>(), &mut f, &Sequential).expect("runs");
    let pairs = f.samples().iter().zip(expected.samples());
    let steps: Vec<f32> = pairs.map(|(ours, theirs)| (ours - theirs).abs() / step).collect();
    let worst = steps.iter().fold(0.0_f32, |worst, &steps| worst.max(steps));
    let moved = steps.iter().filter(|&&steps| steps > 0.5).count();
    let most = allowed(kernel) + 0.01;
    let (name, kernel) = (&model.contract.name, kernel.name());
    assert!(worst < most, "{name}, network {stage} on {kernel}: {worst} steps apart");
    assert!(moved * 100 <= steps.len(), "{name}, network {stage} on {kernel}: {moved} moved");
}

/// The planes of a file of raw numbers.
fn planes_in(path: &Path) -> Vec<Plane<f32>> {
    let bytes = std::fs::read(path).expect("what Python wrote");
    let numbers = bytes.as_chunks::<4>().0.iter().map(|&number| f32::from_le_bytes(number));
    let numbers: Vec<f32> = numbers.collect();
    let planes = numbers.chunks_exact(EXTENT.area());
    planes.map(|plane| Plane::from_samples(EXTENT, plane.to_vec()).expect("whole")).collect()
}
