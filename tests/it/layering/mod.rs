//! The architecture as a test: who may name whom, and that every file says what it is.

mod graph;
mod lexer;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use self::graph::{Graph, circles};
use crate::harness::{apply, trial};
use crate::support::root;

/// The rooms of `src`, in the order in which a reader meets them, and what each may name of ours.
/// The commands may name everything.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("exit", &[]),
    ("heap", &[]),
    ("sync", &[]),
    ("frame", &["sync"]),
    ("metrics", &["frame"]),
    ("executor", &[]),
    ("pace", &[]),
    ("keys", &["frame"]),
    ("owner", &[]),
    ("priority", &[]),
    ("command", &["pace", "owner"]),
    ("fft", &["frame", "executor"]),
    ("v4l2", &["exit", "frame"]),
    ("optics", &["exit", "frame", "fft"]),
    ("plan", &["exit", "frame", "keys", "fft", "optics"]),
    ("restore", &["exit", "frame", "executor", "fft", "optics", "plan"]),
    ("calibrate", &["exit", "frame", "executor", "fft", "optics"]),
    ("source", &["exit", "frame", "metrics", "pace", "keys", "owner", "command", "v4l2", "optics"]),
    ("simulate", &["exit", "frame", "metrics", "fft", "optics", "plan", "restore", "source"]),
    ("fleet", &["exit", "metrics", "pace", "keys", "owner"]),
    ("sink", &["exit", "frame", "metrics", "pace", "keys", "command", "v4l2", "fleet"]),
    (
        "pipeline",
        &[
            "exit", "sync", "frame", "metrics", "executor", "keys", "owner", "priority", "restore",
            "source", "sink",
        ],
    ),
    ("web", &["exit", "frame", "metrics", "keys", "calibrate", "fleet", "sink"]),
    ("config", ALL_BUT_COMMANDS),
    ("station", BELOW_STATION),
    ("daemon", ALL_BUT_COMMANDS),
    ("cli", ALL_BUT_COMMANDS),
];

/// What is below the stations: all but the last three of the list.
const BELOW_STATION: &[&str] = ALL_BUT_COMMANDS.split_at(ALL_BUT_COMMANDS.len() - 3).0;

const ALL_BUT_COMMANDS: &[&str] = &[
    "exit",
    "heap",
    "frame",
    "metrics",
    "executor",
    "pace",
    "keys",
    "owner",
    "priority",
    "command",
    "fft",
    "v4l2",
    "optics",
    "plan",
    "restore",
    "calibrate",
    "source",
    "simulate",
    "fleet",
    "sink",
    "pipeline",
    "config",
    "station",
    "web",
    "daemon",
];

/// Dependencies that only one place may name, or the few that are listed.
const ONE_ADDRESS: &[(&str, &str)] = &[
    ("tract_onnx", "src/restore/tract.rs"),
    ("prost", "src/restore/tract.rs"),
    ("cudarc", "src/restore/gpu/driver/cuda.rs"),
    ("rustfft", "src/fft/"),
    ("realfft", "src/fft/"),
    ("rayon", "src/pipeline/workers.rs"),
    ("hyper", "src/web/"),
    ("tokio", "src/web/"),
    ("prometheus_client", "src/web/openmetrics.rs"),
    ("crossterm", "src/cli/top/screen.rs"),
    ("ureq", "src/cli/client/"),
    ("y4m", "/y4m"),
    ("jiff", "src/sink/record/stamp.rs"),
    ("signal_hook", "src/daemon/signals.rs"),
    ("sd_notify", "src/daemon/manager.rs"),
    ("env_logger", "src/daemon/journal.rs"),
    ("libc", "src/heap.rs"),
    ("libc", "src/priority/system.rs"),
    ("zune_jpeg", "src/source/unpack/jpeg/"),
    ("v4l", "src/v4l2/"),
    ("iceoryx2", "src/sink/iceoryx2/"),
    ("zenoh", "src/fleet/engine/"),
    ("anyhow", "src/cli/"),
    ("base64", "src/cli/calibrating/report.rs"),
    ("base64", "src/web/token.rs"),
];

/// The files that hold unsafe code.
const UNSAFE: &[&str] = &[
    "src/fft/lanes/avx2.rs",
    "src/fft/lanes/avx512.rs",
    "src/fft/lanes/neon.rs",
    "src/fft/lanes/stage.rs",
    "src/heap.rs",
    "src/priority/system.rs",
    "src/restore/cpu/residual/fused/kernels/avx2.rs",
    "src/restore/cpu/residual/fused/kernels/avx512.rs",
    "src/restore/cpu/residual/fused/kernels/neon/dot.rs",
    "src/restore/cpu/residual/fused/kernels/neon/plain.rs",
    "src/restore/cpu/residual/fused/kernels/neon/sums.rs",
    "src/restore/cpu/residual/fused/kernels/tile.rs",
    "src/restore/gpu/driver/cuda.rs",
    "src/restore/gpu/driver/device.rs",
    "src/restore/gpu/driver/layout.rs",
    "src/restore/gpu/driver/memory.rs",
    "src/restore/gpu/driver/program.rs",
    "src/restore/gpu/driver/queue.rs",
    "src/v4l2/map.rs",
    "src/v4l2/sys/buffer.rs",
    "src/v4l2/sys/control.rs",
    "src/v4l2/sys/describe.rs",
    "src/v4l2/sys/format.rs",
    "src/v4l2/sys/mod.rs",
];

/// Words that pure rooms must not use: no input or output, no clock, no threads of their own; and a
/// plan is data, whoever transforms or multiplies.
const IMPURE: &[&str] =
    &["std::fs", "std::io::stdin", "std::thread", "std::time", "std::net", "std::env"];
const PURE: &[(&str, &[&str])] = &[
    ("plan", &["rustfft::", "realfft::", "tract_onnx::", "rayon::", "crate::executor", "std::io"]),
    ("restore", &[]),
    ("calibrate", &[]),
];

#[apply(trial)]
fn rooms_name_only_those_below() {
    let graph = Graph::read(&root().join("src"));
    for (file, targets) in graph.arrows() {
        let room = room(file);
        if matches!(room, "lib.rs" | "main.rs") {
            continue;
        }
        let known = MAY_NAME.iter().find(|(name, _)| *name == room);
        let (_, allowed) = known.unwrap_or_else(|| panic!("{file} is in a room without arrows"));
        for target in targets.into_iter().filter(|target| self::room(target) != room) {
            let fine = allowed.contains(&self::room(target));
            assert!(fine, "{file} names {target}; {room} may name {allowed:?}");
        }
    }
}

#[apply(trial)]
fn rooms_form_no_circle() {
    let graph = Graph::read(&root().join("src"));
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, targets) in graph.arrows() {
        let targets = targets.into_iter().map(room).filter(|target| *target != room(file));
        arrows.entry(room(file)).or_default().extend(targets);
    }
    assert_eq!(circles(&arrows), Vec::<Vec<&str>>::new(), "rooms that name each other");
}

#[apply(trial)]
fn files_form_no_circle() {
    let graph = Graph::read(&root().join("src"));
    let arrows = graph.arrows();
    let mut told = String::new();
    for circle in circles(&arrows) {
        for file in &circle {
            let targets: Vec<_> =
                arrows[file].iter().filter(|file| circle.contains(file)).collect();
            told.push_str(&format!("  {file} names {targets:?}\n"));
        }
        told.push('\n');
    }
    assert!(told.is_empty(), "files that name each other:\n{told}");
}

#[apply(trial)]
fn each_dependency_has_one_address() {
    for file in rust_files(&root().join("src")) {
        let (relative, text) = (relative(&file), code(&file));
        for (dependency, address) in ONE_ADDRESS {
            let named = names_crate(&text, dependency);
            let is_one =
                |(other, address): &(&str, &str)| other == dependency && relative.contains(address);
            let allowed = ONE_ADDRESS.iter().any(is_one) || relative == "src/main.rs";
            assert!(!named || allowed, "{relative} names {dependency}, which belongs in {address}");
        }
    }
}

#[apply(trial)]
fn unsafe_code_has_its_addresses() {
    let is_unsafe = |word: &str| word == "unsafe" || word == "unsafe_code";
    let words =
        |text: &str| text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(is_unsafe);
    let files = ["src", "benches"].map(|folder| rust_files(&root().join(folder)));
    let found = files.into_iter().flatten().filter(|file| words(&code(file)));
    let mut found: Vec<String> = found.map(|file| relative(&file)).collect();
    found.sort();
    assert_eq!(found, UNSAFE, "files with unsafe code");
}

#[apply(trial)]
fn pure_rooms_are_pure() {
    for (room, further) in PURE {
        for file in rust_files(&root().join("src").join(room)) {
            let text = code(&file);
            for word in IMPURE.iter().chain(*further) {
                assert!(!text.contains(word), "{} uses {word}", relative(&file));
            }
        }
    }
}

/// The attribute of the standard harness would be passed over in silence.
#[apply(trial)]
fn integration_tests_register_themselves() {
    for file in rust_files(&root().join("tests")) {
        let is_silent = code(&file).lines().any(|line| line.trim() == "#[test]");
        assert!(!is_silent, "{} has #[test] instead of #[apply(trial)]", relative(&file));
    }
}

#[apply(trial)]
fn every_file_says_what_it_is() {
    let folders = ["src", "tests", "benches"].map(|folder| root().join(folder));
    for file in folders.iter().flat_map(|folder| rust_files(folder)) {
        let text = fs::read_to_string(&file).expect("a file just listed");
        assert!(text.starts_with("//! "), "{} does not open with //!", relative(&file));
    }
}

/// Whether code names a dependency; a module of ours of that name stands after `::`.
fn names_crate(code: &str, dependency: &str) -> bool {
    code.match_indices(&format!("{dependency}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        !(before.is_alphanumeric() || before == '_' || before == ':')
    })
}

/// The room in which a file of `src` is.
fn room(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or_default();
    if matches!(first, "lib.rs" | "main.rs") { first } else { first.trim_end_matches(".rs") }
}

/// The text of a file without comments and without its test module.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a file just listed");
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root()).expect("a file of the project").to_string_lossy().into_owned()
}
