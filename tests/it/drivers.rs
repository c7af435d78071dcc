//! What stands in for NVIDIA's driver where there is no card: libraries that are compiled from `tests/gpu`.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::root;

/// The folder of the stand-in, compiled once.
pub(crate) fn stand_in() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let options = ["-std=c++17", "-O2", "-ffp-contract=off", "-Wno-unknown-pragmas", "-DSTAND_IN"];
    compiled(&FOLDER, "stand_in.cpp", &options)
}

/// The folder of a driver that has one function.
pub(crate) fn stub() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    compiled(&FOLDER, "stub.cpp", &[])
}

/// A folder with a library in NVIDIA's place, compiled once.
fn compiled(
    folder: &'static OnceLock<tempfile::TempDir>,
    source: &str,
    options: &[&str],
) -> &'static Path {
    let folder = folder.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut compiler = Command::new("c++");
        compiler.args(options).arg("-I").arg(root().join("tests/gpu"));
        compiler.args(["-shared", "-fPIC", "-o"]).arg(folder.path().join("libcuda.so"));
        let done = compiler.arg(root().join("tests/gpu").join(source)).output();
        let done = done.expect("a compiler");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        folder
    });
    folder.path()
}
