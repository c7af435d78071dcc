//! Where the bits of samples lie in their words.
//!
//! Receivers of CSI cameras put the 10 or 12 bits of a sample at the bottom of its 16, at the top,
//! or somewhere between, by chip and release. Two numbers tell: no sample reaches above its bits,
//! so the largest value says how high they lie, and what noise there is sets their lowest bit, so
//! the lowest bit that is ever set says how low. Dark pictures decide nothing unless the lowest
//! bits are clear; then the next ones are looked at.

use crate::source::unpack::{Spread, UnpackError, Unpacker};

/// Frames that are looked at, at least, and at most.
const FRAMES_MIN: u32 = 3;
const FRAMES_MAX: u32 = 30;
/// Bits of a word.
const WORD: u32 = 16;

/// Looks for the shift.
#[derive(Debug)]
pub(super) struct ShiftFinder {
    depth: u32,
    seen: Spread,
    frames: u32,
}

impl ShiftFinder {
    /// For samples of `depth` bits; `None` where words have no room for a shift.
    pub(super) fn new(depth: u8) -> Option<Self> {
        let depth = u32::from(depth);
        (9..WORD).contains(&depth).then_some(Self { depth, seen: Spread::default(), frames: 0 })
    }

    /// Looks at a frame; gives the shift, and why, when it is known.
    pub(super) fn see(
        &mut self,
        unpacker: &Unpacker,
        buffers: &[&[u8]],
    ) -> Result<Option<(u8, String)>, UnpackError> {
        self.seen = self.seen.and(unpacker.spread(buffers)?);
        self.frames += 1;
        Ok(self.decide())
    }

    fn decide(&self) -> Option<(u8, String)> {
        let Spread { largest, bits } = self.seen;
        let room = WORD - self.depth;
        let lowest = bits.trailing_zeros();
        let reach = (WORD - largest.leading_zeros()).saturating_sub(self.depth);
        let shift = match bits {
            0 => None,
            _ if lowest >= room => Some(room),
            // All fits at the bottom.
            _ if reach == 0 => (lowest == 0).then_some(0),
            // So many bits that nothing can be said of them are left as they are.
            _ => Some(if reach <= lowest { lowest } else { 0 }),
        };
        if self.frames < FRAMES_MIN || (shift.is_none() && self.frames < FRAMES_MAX) {
            return None;
        }
        let shift = u8::try_from(shift.unwrap_or(0)).unwrap_or(0);
        let why = match bits {
            0 => "all samples are 0".to_owned(),
            _ => format!("the largest sample is {largest}, the lowest bit that is set {lowest}"),
        };
        Some((shift, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_shift(depth: u8, words: &[u16], shift: Option<u8>) {
        let mut finder = ShiftFinder::new(depth).expect("there is room");
        finder.seen = words.iter().copied().fold(Spread::default(), Spread::with);
        finder.frames = FRAMES_MIN;
        assert_eq!(finder.decide().map(|(shift, _)| shift), shift, "{words:?}");
        finder.frames = FRAMES_MIN - 1;
        assert_eq!(finder.decide(), None, "too early");
        finder.frames = FRAMES_MAX;
        assert_eq!(finder.decide().map(|(shift, _)| shift), Some(shift.unwrap_or(0)), "at last");
    }

    #[test]
    fn samples_tell_where_their_bits_are() {
        check_shift(10, &[0, 17, 1023], Some(0));
        check_shift(10, &[64, 1023 << 6, 0], Some(6));
        check_shift(12, &[4095 << 4, 16], Some(4));
        check_shift(12, &[5, 6, 7], Some(0));
        // Bits 4 to 13, as some chips have them.
        check_shift(10, &[1 << 4, 1023 << 4], Some(4));
        // A dark picture at the top, and one that is black.
        check_shift(10, &[64, 128, 192], Some(6));
        check_shift(10, &[0, 0], None);
        // More bits than there are: the driver means something else.
        check_shift(10, &[1, 65_535], Some(0));
    }

    #[test]
    fn only_words_have_room() {
        assert!(ShiftFinder::new(8).is_none() && ShiftFinder::new(16).is_none());
    }
}
