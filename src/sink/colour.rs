//! Rows of a picture of any format as the colours that encoders take.
//!
//! Luma and chroma are taken and given by BT.601, the matrix of JPEG and the one that readers
//! take for granted in a stream that names none. Chroma of half size is repeated, not
//! interpolated.

use crate::frame::{Layout, Picture, PictureFormat, Range};

/// Weights of red and blue in luma.
const KR: f32 = 0.299;
const KB: f32 = 0.114;
const KG: f32 = 1.0 - KR - KB;

/// Appends row `y` as full-range 8-bit luma and, unless the picture is gray, chroma to `rows`.
pub(super) fn push_ycc(picture: &Picture, y: usize, rows: &mut [Vec<u8>]) {
    push_ycc_in(Range::Full, picture, y, rows);
}

/// Appends row `y` as 8-bit luma of a range and, unless the picture is gray, chroma to `rows`.
pub(super) fn push_ycc_in(range: Range, picture: &Picture, y: usize, rows: &mut [Vec<u8>]) {
    match picture.format().layout {
        Layout::Rgb => push_rgb_as_ycc(Bytes::of(range), picture, y, rows),
        _ => {
            for (index, row) in rows.iter_mut().enumerate().take(picture.planes().len()) {
                push_plane(Bytes::of(range), picture, index, y, row);
            }
        }
    }
}

/// Appends row `y` as luma, or as red, green and blue in turn, `white` being the greatest value.
pub(super) fn push_rgb(picture: &Picture, y: usize, white: u16, row: &mut Vec<u16>) {
    let format = picture.format();
    let white = f32::from(white);
    let luma = Scale::luma(format);
    let planes = picture.planes();
    match format.layout {
        Layout::Gray => {
            row.extend(planes[0].row(y).iter().map(|&sample| quantise(luma.of(sample) * white)));
        }
        Layout::Rgb => {
            let samples = |index: usize| planes[index].row(y).iter();
            for ((&red, &green), &blue) in samples(0).zip(samples(1)).zip(samples(2)) {
                row.extend([red, green, blue].map(|sample| quantise(luma.of(sample) * white)));
            }
        }
        _ => {
            let chroma = Scale::chroma(format);
            let (us, vs) = (chroma_row(picture, 1, y), chroma_row(picture, 2, y));
            let halving = usize::from(format.layout != Layout::Yuv444);
            for (x, &sample) in planes[0].row(y).iter().enumerate() {
                let (u, v) = (chroma.of(us[x >> halving]), chroma.of(vs[x >> halving]));
                row.extend(rgb_of(luma.of(sample), u, v).map(|value| quantise(value * white)));
            }
        }
    }
}

/// From samples to [0, 1], or to [-0.5, 0.5] for chroma.
#[derive(Clone, Copy)]
struct Scale {
    zero: f32,
    unit: f32,
}

impl Scale {
    fn luma(format: PictureFormat) -> Self {
        let step = f32::from(1_u16 << (format.depth - 8));
        match format.range {
            Range::Full => Self { zero: 0.0, unit: 1.0 / f32::from(format.white()) },
            Range::Limited => Self { zero: 16.0 * step, unit: 1.0 / (219.0 * step) },
        }
    }

    fn chroma(format: PictureFormat) -> Self {
        let step = f32::from(1_u16 << (format.depth - 8));
        let unit = match format.range {
            Range::Full => 1.0 / f32::from(format.white()),
            Range::Limited => 1.0 / (224.0 * step),
        };
        Self { zero: 128.0 * step, unit }
    }

    fn of(self, sample: u16) -> f32 {
        (f32::from(sample) - self.zero) * self.unit
    }
}

/// From [0, 1], or [-0.5, 0.5] for chroma, to bytes.
#[derive(Clone, Copy)]
struct Bytes {
    black: f32,
    luma: f32,
    chroma: f32,
}

impl Bytes {
    fn of(range: Range) -> Self {
        match range {
            Range::Full => Self { black: 0.0, luma: 255.0, chroma: 255.0 },
            Range::Limited => Self { black: 16.0, luma: 219.0, chroma: 224.0 },
        }
    }

    fn luma(self, value: f32) -> u8 {
        byte(self.black + self.luma * value)
    }

    fn chroma(self, value: f32) -> u8 {
        byte(128.0 + self.chroma * value)
    }
}

/// Appends one plane's row in 8 bits, stretched to the picture's width.
fn push_plane(bytes: Bytes, picture: &Picture, index: usize, y: usize, row: &mut Vec<u8>) {
    let format = picture.format();
    let (samples, scale) = match index {
        0 => (picture.planes()[0].row(y), Scale::luma(format)),
        _ => (chroma_row(picture, index, y), Scale::chroma(format)),
    };
    let value = |&sample: &u16| match index {
        0 => bytes.luma(scale.of(sample)),
        _ => bytes.chroma(scale.of(sample)),
    };
    if samples.len() == format.extent.width {
        row.extend(samples.iter().map(value));
    } else {
        let pairs = samples.iter().map(value).flat_map(|value| [value, value]);
        row.extend(pairs.take(format.extent.width));
    }
}

fn push_rgb_as_ycc(bytes: Bytes, picture: &Picture, y: usize, rows: &mut [Vec<u8>]) {
    let scale = Scale::luma(picture.format());
    let row_of = |index: usize| picture.planes()[index].row(y).iter();
    let colours = || {
        let triples = row_of(0).zip(row_of(1)).zip(row_of(2));
        triples.map(|((&r, &g), &b)| [scale.of(r), scale.of(g), scale.of(b)])
    };
    let luma = |[r, g, b]: [f32; 3]| KR * r + KG * g + KB * b;
    let difference = |value: f32, luma: f32, weight: f32| (value - luma) / (2.0 * (1.0 - weight));
    rows[0].extend(colours().map(|c| bytes.luma(luma(c))));
    rows[1].extend(colours().map(|c| bytes.chroma(difference(c[2], luma(c), KB))));
    rows[2].extend(colours().map(|c| bytes.chroma(difference(c[0], luma(c), KR))));
}

fn rgb_of(luma: f32, u: f32, v: f32) -> [f32; 3] {
    let (red, blue) = (luma + 2.0 * (1.0 - KR) * v, luma + 2.0 * (1.0 - KB) * u);
    [red, (luma - KR * red - KB * blue) / KG, blue]
}

fn chroma_row(picture: &Picture, index: usize, y: usize) -> &[u16] {
    let halving = usize::from(picture.format().layout == Layout::Yuv420);
    picture.planes()[index].row(y >> halving)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn quantise(value: f32) -> u16 {
    (value.min(65_535.0) + 0.5) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;

    fn one_pixel(layout: Layout, depth: u8, range: Range, samples: &[u16]) -> Picture {
        let extent = Extent::new(1, 1);
        let mut picture = Picture::new(PictureFormat { extent, layout, depth, range });
        for (plane, &sample) in picture.planes_mut().iter_mut().zip(samples) {
            plane.samples_mut()[0] = sample;
        }
        picture
    }

    #[track_caller]
    fn check_colours(picture: &Picture, rgb: &[u16], ycc: &[u8]) {
        let mut row = Vec::new();
        push_rgb(picture, 0, 255, &mut row);
        assert_eq!(row, rgb);
        let mut rows = [const { Vec::new() }; 3];
        push_ycc(picture, 0, &mut rows);
        assert_eq!(rows.concat(), ycc);
    }

    #[test]
    fn colours_are_those_of_the_standards() {
        let (full, limited) = (Range::Full, Range::Limited);
        check_colours(&one_pixel(Layout::Gray, 8, full, &[77]), &[77], &[77]);
        check_colours(&one_pixel(Layout::Gray, 8, limited, &[235]), &[255], &[255]);
        check_colours(&one_pixel(Layout::Gray, 8, limited, &[3]), &[0], &[0]);
        check_colours(&one_pixel(Layout::Gray, 10, limited, &[64]), &[0], &[0]);
        check_colours(&one_pixel(Layout::Gray, 16, full, &[65_535]), &[255], &[255]);
        // Red by BT.601, in RGB, full-range and broadcast YUV.
        check_colours(&one_pixel(Layout::Rgb, 8, full, &[255, 0, 0]), &[255, 0, 0], &[76, 85, 255]);
        let red = one_pixel(Layout::Yuv444, 8, full, &[76, 85, 255]);
        check_colours(&red, &[254, 0, 0], &[76, 85, 255]);
        let red = one_pixel(Layout::Yuv420, 8, limited, &[81, 90, 240]);
        check_colours(&red, &[254, 0, 0], &[76, 85, 255]);
        let gray = one_pixel(Layout::Yuv422, 12, limited, &[235 << 4, 128 << 4, 128 << 4]);
        check_colours(&gray, &[255, 255, 255], &[255, 128, 128]);
    }

    #[test]
    fn limited_samples_stay_as_they_are() {
        for sample in 0..=255_u8 {
            let samples = [sample.into(); 3];
            let picture = one_pixel(Layout::Yuv444, 8, Range::Limited, &samples);
            let mut rows = [const { Vec::new() }; 3];
            push_ycc_in(Range::Limited, &picture, 0, &mut rows);
            assert_eq!(rows.concat(), [sample; 3]);
        }
        let white = one_pixel(Layout::Rgb, 8, Range::Full, &[255; 3]);
        let mut rows = [const { Vec::new() }; 3];
        push_ycc_in(Range::Limited, &white, 0, &mut rows);
        assert_eq!(rows.concat(), [235, 128, 128]);
    }

    #[test]
    fn half_chroma_is_repeated() {
        let extent = Extent::new(3, 2);
        let format = PictureFormat { extent, layout: Layout::Yuv420, depth: 8, range: Range::Full };
        let mut picture = Picture::new(format);
        picture.planes_mut()[1].samples_mut().copy_from_slice(&[10, 20]);
        let mut rows = [const { Vec::new() }; 3];
        push_ycc(&picture, 1, &mut rows);
        assert_eq!(rows[1], [10, 10, 20]);
    }
}
