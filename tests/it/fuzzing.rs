//! Every parser on bytes that are nearly right: changes of the corpus that are the same every time.
//!
//! What must hold is that each answers: a panic, an overflow or memory without end fails the test. The
//! functions are those of `fuzz/`, where libFuzzer looks further.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::harness::{apply, trial};
use crate::support::root;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a crate of its own elsewhere")]
mod targets;

use targets::TARGETS;

/// Changes of each input.
const CHANGES: u64 = 500;
/// Numbers and words at which parsers go wrong.
const TOKENS: [&[u8]; 10] = [
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"99999999999999999999",
    b"-1",
    b"nan",
    b"1e309",
    b"((((((((",
    b"\n\n\r\0",
];

/// The inputs of a target, by their names.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a file just listed");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// Changes some of the bytes: one to eight times flipped, cut, doubled, overwritten or grown.
fn change(random: &mut Pcg64, bytes: &mut Vec<u8>) {
    for _ in 0..random.random_range(1..=8) {
        let at = random.random_range(0..=bytes.len());
        let until = random.random_range(at..=bytes.len());
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..until.min(at + 16))),
            3 => {
                let piece = bytes[at..until.min(at + 64)].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let token = TOKENS[random.random_range(0..TOKENS.len())];
                let end = (at + token.len()).min(bytes.len());
                bytes.splice(at..end, token.iter().copied());
            }
            _ => bytes.insert(at, random.random()),
        }
    }
}

#[apply(trial)]
fn no_parser_fails_on_changed_input() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for (path, bytes) in corpus {
            for number in 0..=CHANGES {
                let mut bytes = bytes.clone();
                if number > 0 {
                    change(&mut Pcg64::seed_from_u64(number), &mut bytes);
                }
                let answer = catch_unwind(AssertUnwindSafe(|| target(&bytes)));
                assert!(answer.is_ok(), "{name} fails on change {number} of {}", path.display());
            }
        }
    }
}

/// libFuzzer knows the same targets.
#[apply(trial)]
fn every_target_is_one_of_libfuzzer() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is no target");
        let path = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(path.is_file(), "{} is not there", path.display());
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len(), "a target is not tested");
}
