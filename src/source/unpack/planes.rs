//! Samples from where they lie in a row of bytes to where they lie in a picture.
//!
//! Bytes are taken two or four at a time as one little-endian number, from which a sample is
//! shifted and masked: compilers turn these loops into vector instructions.

use crate::frame::Plane;

/// Bytes to samples.
pub(super) fn bytes(row: &[u8], samples: &mut [u16]) {
    samples.iter_mut().zip(row).for_each(|(sample, &byte)| *sample = byte.into());
}

/// Little-endian words to samples; bits that are not in `mask` after the shift are left out.
pub(super) fn words(row: &[u8], (shift, mask): (u8, u16), samples: &mut [u16]) {
    for (sample, word) in samples.iter_mut().zip(row.as_chunks().0) {
        *sample = (u16::from_le_bytes(*word) >> shift) & mask;
    }
}

/// Every other byte, from `place` on.
pub(super) fn every_second(row: &[u8], place: u8, samples: &mut [u16]) {
    words(row, (8 * place, 0xFF), samples);
}

/// Every fourth byte, from `place` on.
pub(super) fn every_fourth(row: &[u8], place: u8, samples: &mut [u16]) {
    for (sample, quad) in samples.iter_mut().zip(row.as_chunks().0) {
        let [byte, ..] = (u32::from_le_bytes(*quad) >> (8 * place)).to_le_bytes();
        *sample = byte.into();
    }
}

/// Triples of bytes to row `y` of three planes.
pub(super) fn triples(row: &[u8], y: usize, [first, second, third]: [&mut Plane<u16>; 3]) {
    let samples = first.row_mut(y).iter_mut().zip(second.row_mut(y)).zip(third.row_mut(y));
    for (((a, b), c), triple) in samples.zip(row.as_chunks::<3>().0) {
        (*a, *b, *c) = (triple[0].into(), triple[1].into(), triple[2].into());
    }
}
