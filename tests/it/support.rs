//! What the tests share: needs that may not be met, and paths.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that a fresh machine may lack.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// The photographs and kernels beside the project.
    SharedData,
    /// A headless browser and its driver.
    Browser,
    /// A web server to stand in front of ours, a maker of certificates, and a client.
    Proxy,
    /// The same, and a browser.
    ProxyAndBrowser,
    /// A reader of Y4M that is not ours.
    Ffmpeg,
    /// Programs that encode H.264 and count its frames.
    H264,
    /// A compiler for the stand-in of a graphics card's driver.
    CppCompiler,
    /// A program that gives others a terminal.
    Terminal,
    /// A reader of metrics that is not ours.
    PrometheusParser,
    /// A device on which nothing can be written.
    FullDevice,
    /// The tool that judges units, of a systemd that does so without running.
    SystemdAnalyze,
    /// Leave to mount a small disk where only the program sees it.
    PrivateMounts,
    /// Time for a long replay.
    SoakMinutes,
    /// A file of hashes to write or to compare with.
    PinFile,
    /// The examples, which cargo builds unless it is told to build single targets.
    Examples,
    /// A Python with the package that the example in Python needs.
    PythonIceoryx2,
    /// A Python with the package that the example of a fleet needs.
    #[cfg(feature = "fleet")]
    PythonZenoh,
    /// A maker of certificates.
    #[cfg(feature = "fleet")]
    Openssl,
    /// Leave to make networks that only the test sees.
    #[cfg(feature = "fleet")]
    Namespaces,
    /// The same, and a kernel that loses and delays packets on demand.
    #[cfg(feature = "fleet")]
    LossyNamespaces,
    /// A Python with NumPy.
    PythonNumpy,
    /// A Python with another engine for networks.
    PythonOnnxRuntime,
}

impl Need {
    /// The reason where it is not met.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::SharedData => {
                let missing = !shared_data().is_dir();
                missing.then(|| "../shared/data is not there".to_owned())
            }
            Self::Browser => not_installed(&["chromium", "chromedriver"]),
            Self::Proxy => not_installed(&["nginx", "openssl", "curl"]),
            Self::ProxyAndBrowser => Self::Proxy.missing().or_else(|| Self::Browser.missing()),
            Self::Ffmpeg => not_installed(&["ffmpeg"]),
            Self::H264 => not_installed(&["ffmpeg", "ffprobe"]).or_else(|| {
                let encoders = Command::new("ffmpeg").args(["-v", "error", "-encoders"]).output();
                let encoders = encoders.map(|told| told.stdout).unwrap_or_default();
                let has = String::from_utf8_lossy(&encoders).contains("libx264");
                (!has).then(|| "ffmpeg has no libx264".to_owned())
            }),
            Self::CppCompiler => not_installed(&["c++"]),
            Self::Terminal => not_installed(&["script"]),
            Self::PrometheusParser => {
                let mut python = Command::new("python3");
                python.args(["-c", "import prometheus_client.openmetrics.parser"]);
                let is_there = python.output().is_ok_and(|output| output.status.success());
                (!is_there).then(|| "Python's prometheus_client is not installed".to_owned())
            }
            Self::FullDevice => {
                let missing = !Path::new("/dev/full").exists();
                missing.then(|| "/dev/full is not there".to_owned())
            }
            Self::SystemdAnalyze => {
                // It says "systemd 252 (252.39-1)".
                let told = Command::new("systemd-analyze").arg("--version").output();
                let told = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
                let version = told.ok().and_then(|told| told.split(' ').nth(1)?.parse().ok());
                let missing = version.is_none_or(|version: u32| version < 250);
                missing.then(|| "systemd-analyze of systemd 250 is not installed".to_owned())
            }
            Self::PrivateMounts => {
                let mut mount = Command::new("unshare");
                mount.args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/"]);
                let allowed = mount.output().is_ok_and(|output| output.status.success());
                (!allowed).then(|| "private mounts are not allowed".to_owned())
            }
            Self::SoakMinutes => {
                let missing = crate::soak::minutes().is_none();
                missing.then(|| "DEBLURD_SOAK_MINUTES is not set".to_owned())
            }
            Self::PinFile => {
                let missing = crate::pins::file().is_none();
                missing.then(|| "DEBLURD_PIN is not set".to_owned())
            }
            Self::Examples => {
                let missing = !example("subscribe").is_file();
                missing.then(|| "the examples are not built".to_owned())
            }
            Self::PythonIceoryx2 => {
                let missing = python_with("iceoryx2").is_none();
                missing.then(|| "no Python with examples/requirements.txt".to_owned())
            }
            #[cfg(feature = "fleet")]
            Self::PythonZenoh => {
                let missing = python_with("zenoh").is_none();
                missing.then(|| "no Python with examples/requirements.txt".to_owned())
            }
            #[cfg(feature = "fleet")]
            Self::Openssl => not_installed(&["openssl"]),
            #[cfg(feature = "fleet")]
            Self::Namespaces => {
                let made = in_namespace("ip link add one type veth peer name other");
                (!made).then(|| "networks of its own are not allowed, or there is no ip".to_owned())
            }
            #[cfg(feature = "fleet")]
            Self::LossyNamespaces => Self::Namespaces.missing().or_else(|| {
                let loses = in_namespace("tc qdisc add dev lo root netem loss 5% delay 50ms");
                (!loses).then(|| "no tc, or a kernel without netem".to_owned())
            }),
            Self::PythonNumpy => {
                let missing = python_with("numpy").is_none();
                missing.then(|| "no Python with NumPy".to_owned())
            }
            Self::PythonOnnxRuntime => {
                let missing = python_with("onnx, onnxruntime").is_none();
                missing.then(|| "no Python with benches/peers/requirements.txt".to_owned())
            }
        }
    }
}

/// Whether a command succeeds in a network of its own.
#[cfg(feature = "fleet")]
fn in_namespace(command: &str) -> bool {
    let mut shell = Command::new("unshare");
    shell.args(["-rmn", "sh", "-c", &format!("mount -t tmpfs tmpfs /run && {command}")]);
    shell.output().is_ok_and(|output| output.status.success())
}

fn not_installed(programs: &[&str]) -> Option<String> {
    let missing = programs.iter().find(|program| find_program(program).is_none());
    missing.map(|program| format!("{program} is not installed"))
}

/// Where cargo puts an example.
pub(crate) fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_deblurd")).with_file_name("examples").join(name)
}

/// A Python that can import `modules`: the one that `.ci/run` has made, or the system's.
pub(crate) fn python_with(modules: &str) -> Option<PathBuf> {
    let own = root().join("target/python/bin/python3");
    [Some(own), find_program("python3")].into_iter().flatten().find(|python| {
        let has = Command::new(python).args(["-c", &format!("import {modules}")]).output();
        has.is_ok_and(|output| output.status.success())
    })
}

/// The folder of photographs and kernels beside the project.
pub(crate) fn shared_data() -> PathBuf {
    root().join("../shared/data")
}

/// The folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `program` is installed.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
