//! What is made of a camera's frames from one opening to the next closing.

use std::time::Instant;

use super::camera::{Agreed, RawFrame};
use super::error::CameraError;
use super::fields::deinterlace;
use super::options::{SampleShift, V4l2Options};
use super::shift::ShiftFinder;
use crate::frame::{Picture, PictureFormat};
use crate::source::adapt::Adapter;
use crate::source::unpack::{PixelFormat, UnpackError, UnpackOptions, Unpacker};
use crate::v4l2::{Clock, Damage, Field};

/// Frames that a driver can lose at once; a larger step is a new numbering.
const GAP_MAX: u32 = 10_000;

/// An agreement with a camera, and what was seen under it.
#[derive(Debug)]
pub(super) struct Session {
    agreed: Agreed,
    options: UnpackOptions,
    unpacker: Unpacker,
    /// While it is not known where samples lie in their words.
    finder: Option<ShiftFinder>,
    /// Where pictures are not in the format of the stream: one of them, and the way to that.
    adapter: Option<(Picture, Adapter)>,
}

/// What a frame gave.
#[derive(Debug)]
pub(super) struct Read {
    /// What its number says.
    pub(super) step: Step,
    /// Whether the driver marked the frame as damaged.
    pub(super) is_marked: bool,
    /// The picture's use.
    pub(super) outcome: Result<Fresh, CameraError>,
}

/// A usable picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    /// Another one than before, taken then by that clock.
    New(Instant, Clock),
    /// The same again, as often as a working sensor does not give it.
    Frozen,
    /// One that was only looked at, to find out how to read it.
    Withheld,
}

impl Session {
    /// Plans how to read what was agreed on. `shift` is where samples lie in their words, if that
    /// was found out before.
    pub(super) fn new(
        agreed: Agreed,
        options: &V4l2Options,
        shift: Option<u8>,
    ) -> Result<Self, UnpackError> {
        let (given, finder) = match options.sample_shift {
            SampleShift::Bits(bits) => (bits, None),
            SampleShift::Auto if shift.is_some() => (0, None),
            SampleShift::Auto => (0, ShiftFinder::new(agreed.pixel_format.depth_in_words())),
        };
        let options = UnpackOptions {
            range: agreed.range,
            shift: shift.unwrap_or(given),
            skip_rows: options.skip_rows as usize,
            raw: options.raw(),
        };
        let unpacker = Unpacker::plan(agreed.pixel_format, agreed.memory, &options)?;
        Ok(Self { agreed, options, unpacker, finder, adapter: None })
    }

    /// Changes pictures to the format of the stream.
    pub(super) fn give(&mut self, format: PictureFormat) {
        let is = self.unpacker.format();
        self.adapter = (is != format).then(|| (Picture::new(is), Adapter::plan(is, format)));
    }

    /// Where samples lie in their words, once that is known.
    pub(super) fn shift(&self) -> Option<(PixelFormat, u8)> {
        self.finder.is_none().then_some((self.agreed.pixel_format, self.options.shift))
    }

    /// Format in which the camera's pictures are unpacked.
    pub(super) fn camera_format(&self) -> PictureFormat {
        self.unpacker.format()
    }

    /// Whether pictures are changed to the format of the stream.
    pub(super) fn adapts(&self) -> bool {
        self.adapter.is_some()
    }

    /// Puts the picture of a frame into `target`.
    pub(super) fn read(
        &mut self,
        raw: &RawFrame<'_>,
        (numbering, frozen): (&mut Numbering, &mut Frozen),
        target: &mut Picture,
    ) -> Read {
        let step = numbering.step(raw.sequence, raw.skipped);
        let is_marked = raw.damage == Some(Damage::Marked);
        Read { step, is_marked, outcome: self.picture(raw, frozen, target) }
    }

    fn picture(
        &mut self,
        raw: &RawFrame<'_>,
        frozen: &mut Frozen,
        target: &mut Picture,
    ) -> Result<Fresh, CameraError> {
        if let Some(damage) = raw.damage {
            return Err(CameraError::Damaged(damage));
        }
        if let Field::Apart(_) | Field::Unknown(_) = raw.field {
            return Err(CameraError::Field(raw.field));
        }
        let is_interlaced = [raw.field, self.agreed.field].contains(&Field::Interlaced);
        let buffers = &raw.buffers[..raw.count];
        if frozen.sees(buffers) {
            return Ok(Fresh::Frozen);
        }
        if !self.knows_shift(buffers)? {
            return Ok(Fresh::Withheld);
        }
        let picture = self.adapter.as_mut().map_or(&mut *target, |(picture, _)| picture);
        self.unpacker.unpack(buffers, picture)?;
        if is_interlaced {
            deinterlace(picture);
        }
        if let Some((picture, adapter)) = &self.adapter {
            adapter.apply(picture, target);
        }
        Ok(Fresh::New(raw.captured_at, raw.clock))
    }

    /// Looks for where samples lie in their words, where that is not known.
    fn knows_shift(&mut self, buffers: &[&[u8]]) -> Result<bool, UnpackError> {
        let Some(finder) = &mut self.finder else { return Ok(true) };
        let Some((shift, why)) = finder.see(&self.unpacker, buffers)? else { return Ok(false) };
        log::info!("sample_shift is {shift}: {why}");
        self.options.shift = shift;
        self.unpacker =
            Unpacker::plan(self.agreed.pixel_format, self.agreed.memory, &self.options)?;
        self.finder = None;
        Ok(true)
    }
}

/// How far a frame is from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// From its number to this one's, at least 1.
    pub(super) numbers: u32,
    /// Frames between them that the driver lost.
    pub(super) lost: u32,
}

/// A driver's numbering of its frames. It outlives openings, as distrust does.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    last: Option<u32>,
    /// The driver gave a number twice: it does not count.
    is_unreliable: bool,
}

impl Numbering {
    /// The stream starts again, and with it the numbers, as most drivers have it.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    /// From the last frame to this one; we gave `skipped` of those between them back unseen.
    fn step(&mut self, sequence: u32, skipped: usize) -> Step {
        let skipped = u32::try_from(skipped).unwrap_or(u32::MAX);
        let uncounted = Step { numbers: skipped.saturating_add(1), lost: 0 };
        let Some(last) = self.last.replace(sequence) else { return uncounted };
        let numbers = sequence.wrapping_sub(last);
        self.is_unreliable |= numbers == 0;
        if self.is_unreliable || numbers > GAP_MAX {
            return uncounted;
        }
        Step { numbers, lost: (numbers - 1).saturating_sub(skipped) }
    }
}

/// Tells a sensor that gives the same picture for ever. Noise makes two pictures of a working one
/// differ. It outlives openings: a sensor that comes back with its old picture is frozen still.
#[derive(Debug)]
pub(super) struct Frozen {
    /// Equal pictures after which a sensor counts as frozen; 0 for never.
    limit: u32,
    last: u64,
    equal: u32,
}

impl Frozen {
    /// Places of a buffer that are looked at.
    const PLACES: usize = 2048;

    /// `limit` is the number of equal pictures after the first.
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, last: 0, equal: 0 }
    }

    /// Whether this picture is one too many of its kind.
    fn sees(&mut self, buffers: &[&[u8]]) -> bool {
        if self.limit == 0 {
            return false;
        }
        let print = buffers.iter().fold(0, |print, bytes| Self::print(print, bytes));
        self.equal = if print == self.last { self.equal.saturating_add(1) } else { 0 };
        self.last = print;
        self.equal >= self.limit
    }

    /// A number that differs where bytes do, with near certainty (FNV-1a on words of eight bytes
    /// at evenly spaced places).
    fn print(seed: u64, bytes: &[u8]) -> u64 {
        let words = bytes.as_chunks::<8>().0;
        let step = words.len().div_ceil(Self::PLACES).max(1);
        let start = seed ^ 0xCBF2_9CE4_8422_2325 ^ bytes.len() as u64;
        words.iter().step_by(step).fold(start, |print, word| {
            (print ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_steps(numbers: &[(u32, usize)], lost: &[u32], steps: &[u32]) {
        let mut numbering = Numbering::default();
        let found: Vec<Step> =
            numbers.iter().map(|&(n, skipped)| numbering.step(n, skipped)).collect();
        assert_eq!(found.iter().map(|step| step.lost).collect::<Vec<_>>(), lost);
        assert_eq!(found.iter().map(|step| step.numbers).collect::<Vec<_>>(), steps);
    }

    #[test]
    fn gaps_are_counted_where_numbers_mean_something() {
        check_steps(&[(5, 0), (6, 0), (9, 0), (10, 0)], &[0, 0, 2, 0], &[1, 1, 3, 1]);
        check_steps(&[(5, 0), (9, 2), (11, 1)], &[0, 1, 0], &[1, 4, 2]);
        check_steps(&[(u32::MAX - 1, 0), (u32::MAX, 0), (1, 0)], &[0, 0, 1], &[1, 1, 2]);
        check_steps(&[(0, 0), (0, 0), (0, 2), (7, 0)], &[0; 4], &[1, 1, 3, 1]);
        check_steps(&[(9, 0), (3, 0), (4, 0), (2_000_000, 0)], &[0; 4], &[1; 4]);
    }

    #[test]
    fn a_frozen_sensor_is_told_from_a_still_scene() {
        let mut frozen = Frozen::new(3);
        let (still, mut noisy) = (vec![7; 100_000], vec![7; 100_000]);
        let seen: Vec<bool> = (0..5).map(|_| frozen.sees(&[&still])).collect();
        assert_eq!(seen, [false, false, false, true, true]);
        for (frame, sample) in (1..20).zip(noisy.clone().iter().cycle()) {
            noisy.iter_mut().step_by(7).for_each(|byte| *byte = sample ^ frame);
            assert!(!frozen.sees(&[&noisy]), "frame {frame} counted as frozen");
        }
        let mut never = Frozen::new(0);
        assert!((0..100).all(|_| !never.sees(&[&still])), "detection was off");
    }
}
