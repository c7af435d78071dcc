//! What samples stand for: the one scale of ranges, and the one matrix of colours.
//!
//! Luma and chroma are those of ITU-R BT.601: `Y = 0.299 R + 0.587 G + 0.114 B`,
//! `Cb = (B - Y) / 1.772`, `Cr = (R - Y) / 1.402`. It is the matrix of JPEG, of webcams, and the
//! one that readers take for granted in a stream that names none.

use super::{Layout, Picture, PictureFormat, Plane, Range};

/// Parts of red, green and blue in luma, in thousandths and as fractions.
const THOUSANDTHS: [u32; 3] = [299, 587, 114];
const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];
/// Spans of the differences of blue and red from luma: `2 (1 - weight)`.
const BLUE_SPAN: f32 = 1.772;
const RED_SPAN: f32 = 1.402;

/// The way from samples to values and back: luma, red, green and blue are 0 at black and 1 at
/// white, chroma is 0 without colour and lies from -0.5 to 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The sample of value 0.
    zero: f32,
    /// From there to the sample of value 1.
    span: f32,
}

impl Scale {
    /// Of samples of luma, red, green or blue, of `depth` bits.
    pub fn luma(depth: u8, range: Range) -> Self {
        match range {
            Range::Full => Self { zero: 0.0, span: greatest(depth) },
            Range::Limited => Self { zero: 16.0 * step(depth), span: 219.0 * step(depth) },
        }
    }

    /// Of samples of chroma, of `depth` bits.
    pub fn chroma(depth: u8, range: Range) -> Self {
        let span = match range {
            Range::Full => greatest(depth),
            Range::Limited => 224.0 * step(depth),
        };
        Self { zero: 128.0 * step(depth), span }
    }

    /// Of the samples of plane `index` of a format.
    pub fn of_plane(format: PictureFormat, index: usize) -> Self {
        if format.layout.is_chroma(index) {
            Self::chroma(format.depth, format.range)
        } else {
            Self::luma(format.depth, format.range)
        }
    }

    /// The value of a sample.
    #[inline]
    pub fn value(self, sample: f32) -> f32 {
        (sample - self.zero) / self.span
    }

    /// The sample of a value, neither rounded nor clipped.
    #[inline]
    pub fn sample(self, value: f32) -> f32 {
        self.zero + value * self.span
    }

    /// Sample values from value 0 to value 1.
    pub fn span(self) -> f32 {
        self.span
    }
}

/// 2^23: a number from 0 to 2^16 added to it is rounded to an integer, which then stands in the
/// low bits. Additions and masks are vectorised on every processor; conversions are not.
const ROUND: f32 = 8_388_608.0;

/// The integer nearest to a number, clipped at 0 and `most`, which is no more than 65,535.
#[inline]
pub fn nearest(number: f32, most: f32) -> u16 {
    let rounded = number.clamp(0.0, most) + ROUND;
    #[expect(clippy::cast_possible_truncation, reason = "the integer is in the low bits")]
    let low_bits = rounded.to_bits() as u16;
    low_bits
}

/// The greatest sample of `depth` bits.
fn greatest(depth: u8) -> f32 {
    f32::from(u16::MAX >> (16 - depth))
}

/// Samples of `depth` bits for one of 8 bits.
fn step(depth: u8) -> f32 {
    f32::from(1_u16 << (depth - 8))
}

/// Luma of red, green and blue.
#[inline]
pub fn luma_of([red, green, blue]: [f32; 3]) -> f32 {
    red * WEIGHTS[0] + green * WEIGHTS[1] + blue * WEIGHTS[2]
}

/// Luma of red, green and blue samples, rounded; exact, whatever their depth.
pub fn luma_of_samples(samples: [u16; 3]) -> u32 {
    let parts = samples.iter().zip(THOUSANDTHS).map(|(&sample, part)| u32::from(sample) * part);
    (parts.sum::<u32>() + 500) / 1000
}

/// Luma and the differences of blue and red, of red, green and blue.
#[inline]
pub fn ycc_of([red, green, blue]: [f32; 3]) -> [f32; 3] {
    let luma = luma_of([red, green, blue]);
    [luma, (blue - luma) / BLUE_SPAN, (red - luma) / RED_SPAN]
}

/// Red, green and blue of luma and the differences of blue and red.
#[inline]
pub fn rgb_of([luma, cb, cr]: [f32; 3]) -> [f32; 3] {
    let (red, blue) = (luma + RED_SPAN * cr, luma + BLUE_SPAN * cb);
    [red, (luma - WEIGHTS[0] * red - WEIGHTS[2] * blue) / WEIGHTS[1], blue]
}

/// Luma of row `y` of red, green and blue planes, in their own sample values.
pub fn luma_row(planes: &[Plane<u16>], y: usize) -> impl Iterator<Item = f32> {
    let [red, green, blue] = [0, 1, 2].map(|index: usize| planes[index].row(y));
    let colours = red.iter().zip(green).zip(blue);
    colours.map(|((&red, &green), &blue)| luma_of([red, green, blue].map(f32::from)))
}

/// The luma of a picture as a gray picture of the same depth and range.
pub fn luma(picture: &Picture) -> Picture {
    let mut gray = Picture::new(PictureFormat { layout: Layout::Gray, ..picture.format() });
    load_luma(picture, &mut gray);
    gray
}

/// Fills a gray picture of the same extent, depth and range with the luma of a picture.
pub fn load_luma(picture: &Picture, gray: &mut Picture) {
    gray.set_coding_noise(picture.coding_noise());
    for (y, target) in gray.planes_mut()[0].rows_mut().enumerate() {
        if picture.format().layout == Layout::Rgb {
            for (sample, luma) in target.iter_mut().zip(luma_row(picture.planes(), y)) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a mean"
                )]
                let rounded = luma.round_ties_even() as u16;
                *sample = rounded;
            }
        } else {
            target.copy_from_slice(picture.planes()[0].row(y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_scale(scale: Scale, samples: [f32; 2]) {
        assert_eq!([scale.sample(0.0), scale.sample(1.0)], samples);
        assert_eq!(samples.map(|sample| scale.value(sample)), [0.0, 1.0]);
    }

    #[test]
    fn ranges_are_those_of_the_standards() {
        let (full, limited) = (Range::Full, Range::Limited);
        check_scale(Scale::luma(8, full), [0.0, 255.0]);
        check_scale(Scale::luma(8, limited), [16.0, 235.0]);
        check_scale(Scale::luma(10, limited), [64.0, 940.0]);
        check_scale(Scale::luma(16, full), [0.0, 65_535.0]);
        check_scale(Scale::chroma(8, full), [128.0, 383.0]);
        check_scale(Scale::chroma(8, limited), [128.0, 352.0]);
        check_scale(Scale::chroma(12, limited), [2048.0, 5632.0]);
    }

    #[test]
    fn the_matrix_is_that_of_bt_601() {
        for (rgb, ycc) in [
            ([1.0, 0.0, 0.0], [0.299, -0.168_736, 0.5]),
            ([0.0, 1.0, 0.0], [0.587, -0.331_264, -0.418_688]),
            ([0.0, 0.0, 1.0], [0.114, 0.5, -0.081_312]),
            ([1.0, 1.0, 1.0], [1.0, 0.0, 0.0]),
        ] {
            let close =
                |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(close(ycc_of(rgb), ycc), "{rgb:?} is {:?}", ycc_of(rgb));
            assert!(close(rgb_of(ycc), rgb), "{ycc:?} is {:?}", rgb_of(ycc));
        }
        assert_eq!(luma_of_samples([255, 0, 0]), 76);
        assert_eq!(luma_of_samples([u16::MAX; 3]), 65_535);
    }
}
