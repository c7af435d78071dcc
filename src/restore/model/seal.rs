//! What must hold of a model file before it is parsed: that it is whole, and that parsing it takes
//! little memory.
//!
//! The seal is found in the bytes as they are. A file that nobody has sealed for this program is
//! refused in the time of one walk through it, whatever is in it: a parser makes a hundred bytes of
//! each two that say "here is an operator". That is why what is no numbers is bounded as well, in a
//! file with a seal, which anybody can make.

use sha2::{Digest, Sha256};

use super::error::{ModelError, shown};
use super::wire::{Field, Fields, Malformed};

/// The key of the seal among the metadata, and what it should be.
const SEAL: &str = "deblurd.seal";
const EXPECTED: &str = "64 hexadecimal digits, the SHA-256 of the file with zeros in their place";
const DIGITS: usize = 64;

/// Bytes of a model beside the numbers of its constants, at most; released ones have a fifth.
const STRUCTURE_BYTES_MAX: usize = 512 << 10;

/// Numbers of fields in `onnx.proto`: of a model, a graph, a constant, and an entry of the metadata.
const GRAPH: u64 = 7;
const METADATA: u64 = 14;
const CONSTANT: u64 = 5;
const RAW_NUMBERS: u64 = 9;
const KEY: u64 = 1;
const VALUE: u64 = 2;

/// Checks the bytes of a file against their seal, and bounds what is to be parsed.
///
/// # Errors
/// Where it is no model, is not sealed, is damaged, or holds too much beside numbers.
pub(super) fn check(bytes: &[u8]) -> Result<(), ModelError> {
    let (mut graph, mut seal) = (None, None);
    for field in Fields::of(bytes) {
        let Field { number, bytes, at } = field.map_err(cut_short)?;
        match number {
            GRAPH if graph.is_some() => {
                return Err(ModelError::NotOnnx("it holds more than one graph".to_owned()));
            }
            GRAPH => graph = Some(bytes),
            METADATA if seal.is_none() => seal = sealed(bytes, at)?,
            _ => {}
        }
    }
    let graph = graph.ok_or_else(|| ModelError::NotOnnx("it holds no graph".to_owned()))?;
    let key = || SEAL.to_owned();
    let (seal, at) = seal.ok_or_else(|| ModelError::Missing { key: key(), expected: EXPECTED })?;
    if seal.len() != DIGITS {
        let value = shown(&String::from_utf8_lossy(seal));
        return Err(ModelError::Invalid { key: key(), value, expected: EXPECTED });
    }
    check_digest(bytes, seal, at)?;
    check_structure(bytes.len(), graph)
}

/// The seal in an entry of the metadata, and where it begins in the file; `at` is where the entry does.
fn sealed(entry: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, ModelError> {
    let (mut is_seal, mut value) = (false, ([].as_slice(), at));
    for field in Fields::of(entry) {
        let field = field.map_err(cut_short)?;
        match field.number {
            KEY => is_seal = field.bytes == SEAL.as_bytes(),
            VALUE => value = (field.bytes, at + field.at),
            _ => {}
        }
    }
    Ok(is_seal.then_some(value))
}

fn check_digest(bytes: &[u8], seal: &[u8], at: usize) -> Result<(), ModelError> {
    let mut hash = Sha256::new();
    hash.update(&bytes[..at]);
    hash.update([b'0'; DIGITS]);
    hash.update(&bytes[at + DIGITS..]);
    let is: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if is.as_bytes() == seal {
        return Ok(());
    }
    Err(ModelError::Damaged { expected: shown(&String::from_utf8_lossy(seal)), is })
}

/// Bounds what of a file of `length` bytes is none of the numbers in its constants.
fn check_structure(length: usize, graph: &[u8]) -> Result<(), ModelError> {
    let mut is = length;
    for constant in Fields::of(graph) {
        let constant = constant.map_err(cut_short)?;
        if constant.number != CONSTANT {
            continue;
        }
        for field in Fields::of(constant.bytes) {
            let field = field.map_err(cut_short)?;
            is -= if field.number == RAW_NUMBERS { field.bytes.len() } else { 0 };
        }
    }
    let most = STRUCTURE_BYTES_MAX;
    if is <= most { Ok(()) } else { Err(ModelError::Structure { is, most }) }
}

fn cut_short(_: Malformed) -> ModelError {
    ModelError::NotOnnx("its fields are damaged or cut short".to_owned())
}
