//! From a sensor's values to fractions of white in 16 bits.

use super::super::error::UnpackError;
use super::super::pixel_format::Mosaic;
use crate::frame::colour::nearest;

/// Entries of a curve, one a sample.
pub(super) const CURVE_STEPS: usize = 1 << 16;

/// Darkness, white and the gains of a sensor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    shift: u8,
    mask: u16,
    black: u16,
    /// Samples of 16 bits in a value of the sensor, for red, green and blue.
    factors: [f32; 3],
}

impl Levels {
    pub(super) fn new(
        depth: u8,
        shift: u8,
        black: u16,
        gains: [f32; 3],
    ) -> Result<Self, UnpackError> {
        let refuse = |name, value, expected| UnpackError::Setting { name, value, expected };
        let white = u16::MAX >> (16 - depth);
        if black >= white {
            let expected = format!("0 to {} for {depth} bits", white - 1);
            return Err(refuse("black_level", black.to_string(), expected));
        }
        if !gains.iter().all(|gain| (0.01..=100.0).contains(gain)) {
            let expected = "three gains from 0.01 to 100".to_owned();
            return Err(refuse("white_balance", format!("{gains:?}"), expected));
        }
        let factor = |gain: f32| gain * f32::from(u16::MAX) / f32::from(white - black);
        Ok(Self { shift, mask: white, black, factors: gains.map(factor) })
    }

    /// Factors of the even and of the odd columns of row `y`.
    pub(super) fn factors(&self, mosaic: Mosaic, y: usize) -> [f32; 2] {
        let has_red = y % 2 == usize::from(mosaic.red_y);
        let [red, green, blue] = self.factors;
        let coloured = if has_red { red } else { blue };
        let is_first = (mosaic.red_x == 0) == has_red;
        if is_first { [coloured, green] } else { [green, coloured] }
    }

    /// The fractions of white of a row of values in bytes or in little-endian words; `factors` are
    /// those of its even and of its odd columns.
    pub(super) fn lights(&self, bytes: &[u8], factors: [f32; 2], row: &mut [u16]) {
        if self.mask > 0xFF {
            let (words, _) = bytes.as_chunks::<2>();
            let value = |word: [u8; 2]| (u16::from_le_bytes(word) >> self.shift) & self.mask;
            self.in_pairs(words, value, factors, row);
        } else {
            self.in_pairs(bytes, u16::from, factors, row);
        }
    }

    /// Loops over pairs of columns, so that each loop step does the same.
    #[inline(always)]
    fn in_pairs<T: Copy>(
        &self,
        values: &[T],
        value: impl Fn(T) -> u16,
        [even, odd]: [f32; 2],
        row: &mut [u16],
    ) {
        let (pairs, last) = row.as_chunks_mut::<2>();
        let (values, last_value) = values.as_chunks::<2>();
        for (pair, values) in pairs.iter_mut().zip(values) {
            *pair = [self.light(value(values[0]), even), self.light(value(values[1]), odd)];
        }
        for (sample, &last) in last.iter_mut().zip(last_value) {
            *sample = self.light(value(last), even);
        }
    }

    #[inline(always)]
    fn light(&self, value: u16, factor: f32) -> u16 {
        nearest(f32::from(value.saturating_sub(self.black)) * factor, f32::from(u16::MAX))
    }
}

/// Encoded values of light in 16 bits, one a sample.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
pub(super) fn curve(encode: fn(f64) -> f64) -> Vec<u16> {
    let white = f64::from(u16::MAX);
    let encoded = |light: u16| (encode(f64::from(light) / white) * white).round();
    (0..=u16::MAX).map(|light| encoded(light).clamp(0.0, white) as u16).collect()
}
