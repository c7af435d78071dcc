//! The architecture as a test: who may import whom, and that every file says what it is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{apply, trial};
use crate::support::root;

/// Modules and what each may name of ours.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("frame", &[]),
    ("metrics", &[]),
    ("pace", &[]),
    ("v4l2", &["frame"]),
    ("executor", &[]),
    ("fft", &["executor", "frame"]),
    ("optics", &["fft", "frame"]),
    ("plan", &["fft", "frame", "optics"]),
    ("restore", &["executor", "fft", "frame", "optics", "plan"]),
    ("calibrate", &["fft", "frame", "optics", "plan", "restore"]),
    ("source", &["frame", "metrics", "optics", "pace", "v4l2"]),
    ("simulate", &["fft", "frame", "optics", "plan", "restore", "source"]),
    ("sink", &["frame", "metrics", "pace", "v4l2"]),
    ("web", &["frame", "metrics", "sink"]),
    ("pipeline", &["executor", "frame", "metrics", "source", "restore", "sink"]),
    ("config", &["frame", "optics", "plan", "source", "sink", "web", "pipeline"]),
    ("service", &[]),
];

/// Dependencies that only one place may name.
const ONE_ADDRESS: &[(&str, &str)] = &[
    ("tract_onnx", "src/restore/tract.rs"),
    ("prost", "src/restore/tract.rs"),
    ("rustfft", "src/fft/"),
    ("realfft", "src/fft/"),
    ("rayon", "src/pipeline/workers.rs"),
    ("hyper", "src/web/"),
    ("tokio", "src/web/"),
    ("prometheus_client", "src/web/exposition.rs"),
    ("crossterm", "src/cli/top/screen.rs"),
    ("ureq", "src/cli/client/"),
    ("y4m", "/y4m"),
    ("jiff", "src/sink/record/stamp.rs"),
    ("signal_hook", "src/service/signals.rs"),
    ("sd_notify", "src/service/notify.rs"),
    ("env_logger", "src/service/journal.rs"),
    ("zune_jpeg", "src/source/unpack/jpeg/"),
    ("v4l", "src/v4l2/"),
    ("iceoryx2", "src/sink/iceoryx2/"),
    ("anyhow", "src/cli/"),
];

/// The files that hold unsafe code.
const UNSAFE: &[&str] = &[
    "src/restore/cpu/residual/fused/kernels/avx2.rs",
    "src/restore/cpu/residual/fused/kernels/avx512.rs",
    "src/restore/cpu/residual/fused/kernels/neon/dot.rs",
    "src/restore/cpu/residual/fused/kernels/neon/mod.rs",
    "src/restore/cpu/residual/fused/kernels/neon/plain.rs",
    "src/v4l2/map.rs",
    "src/v4l2/sys.rs",
];

/// Words that `restore`, being pure, must not use.
const IMPURE: &[&str] =
    &["std::fs", "std::io::stdin", "std::thread", "std::time", "std::net", "std::env"];

#[apply(trial)]
fn modules_import_only_downwards() {
    for (module, allowed) in MAY_IMPORT {
        for file in rust_files(&root().join("src")) {
            let relative = relative(&file);
            if !relative.starts_with(&format!("src/{module}/"))
                && relative != format!("src/{module}.rs")
            {
                continue;
            }
            for named in modules_named_in(&code(&file)) {
                let fine = named == *module || allowed.contains(&named.as_str());
                assert!(fine, "{relative} imports crate::{named}; {module} may import {allowed:?}");
            }
        }
    }
}

#[apply(trial)]
fn each_dependency_has_one_address() {
    for file in rust_files(&root().join("src")) {
        let (relative, text) = (relative(&file), code(&file));
        for (dependency, address) in ONE_ADDRESS {
            let named = names_crate(&text, dependency);
            let allowed = relative.contains(address) || relative == "src/main.rs";
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
fn restore_is_pure() {
    for file in rust_files(&root().join("src/restore")) {
        let text = code(&file);
        for word in IMPURE {
            assert!(!text.contains(word), "{} uses {word}", relative(&file));
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

/// Names after `crate::` in code, `use crate::{a::…, b::…}` included.
fn modules_named_in(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => named.push(word(rest)),
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default();
                named.extend(group.split(',').map(|item| word(item.trim())));
            }
        }
    }
    named.retain(|name: &String| !name.is_empty());
    named
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
