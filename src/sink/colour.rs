//! Rows of a picture of any format as the colours that encoders take.
//!
//! Chroma of half size is repeated, not interpolated.

use crate::frame::colour::{Scale, nearest, rgb_of, ycc_of};
use crate::frame::{Layout, Picture, Range};

/// Appends row `y` as full-range 8-bit luma and, unless the picture is gray, chroma to `rows`.
pub(super) fn push_ycc(picture: &Picture, y: usize, rows: &mut [Vec<u8>]) {
    push_ycc_in(Range::Full, picture, y, rows);
}

/// Appends row `y` as 8-bit luma of a range and, unless the picture is gray, chroma to `rows`.
pub(super) fn push_ycc_in(range: Range, picture: &Picture, y: usize, rows: &mut [Vec<u8>]) {
    match picture.format().layout {
        Layout::Rgb => push_rgb_as_ycc(range, picture, y, rows),
        _ => {
            for (index, row) in rows.iter_mut().enumerate().take(picture.planes().len()) {
                push_plane(range, picture, index, y, row);
            }
        }
    }
}

/// Appends row `y` as luma, or as red, green and blue in turn, `white` being the greatest value.
pub(super) fn push_rgb(picture: &Picture, y: usize, white: u16, row: &mut Vec<u16>) {
    let format = picture.format();
    let white = f32::from(white);
    let luma = Scale::of_plane(format, 0);
    let planes = picture.planes();
    match format.layout {
        Layout::Gray => {
            row.extend(
                planes[0].row(y).iter().map(|&sample| quantise(luma.value(sample.into()) * white)),
            );
        }
        Layout::Rgb => {
            let samples = |index: usize| planes[index].row(y).iter();
            for ((&red, &green), &blue) in samples(0).zip(samples(1)).zip(samples(2)) {
                row.extend(
                    [red, green, blue].map(|sample| quantise(luma.value(sample.into()) * white)),
                );
            }
        }
        _ => {
            let chroma = Scale::of_plane(format, 1);
            let (us, vs) = (chroma_row(picture, 1, y), chroma_row(picture, 2, y));
            let halving = usize::from(format.layout != Layout::Yuv444);
            for (x, &sample) in planes[0].row(y).iter().enumerate() {
                let [u, v] = [us, vs].map(|row| chroma.value(row[x >> halving].into()));
                let colour = rgb_of([luma.value(sample.into()), u, v]);
                row.extend(colour.map(|value| quantise(value * white)));
            }
        }
    }
}

/// Appends one plane's row in 8 bits, stretched to the picture's width.
fn push_plane(range: Range, picture: &Picture, index: usize, y: usize, row: &mut Vec<u8>) {
    let format = picture.format();
    let (samples, bytes) = match index {
        0 => (picture.planes()[0].row(y), Scale::luma(8, range)),
        _ => (chroma_row(picture, index, y), Scale::chroma(8, range)),
    };
    let (scale, row) = (Scale::of_plane(format, index), grow(row, format.extent.width));
    if scale == bytes && format.depth == 8 {
        stretch(samples, row, |sample| sample.min(0xFF).to_le_bytes()[0]);
    } else {
        stretch(samples, row, |sample| byte(bytes.sample(scale.value(sample.into()))));
    }
}

/// Fills a row with the bytes of samples, each twice where there are half as many.
#[inline]
fn stretch(samples: &[u16], row: &mut [u8], byte: impl Fn(u16) -> u8) {
    if samples.len() == row.len() {
        return row.iter_mut().zip(samples).for_each(|(target, sample)| *target = byte(*sample));
    }
    let (pairs, last) = row.as_chunks_mut::<2>();
    pairs.iter_mut().zip(samples).for_each(|(pair, sample)| *pair = [byte(*sample); 2]);
    last.iter_mut().zip(samples.last()).for_each(|(target, sample)| *target = byte(*sample));
}

/// Makes room for `count` more bytes, which are returned.
fn grow(row: &mut Vec<u8>, count: usize) -> &mut [u8] {
    let start = row.len();
    row.resize(start + count, 0);
    &mut row[start..]
}

/// Luma, or a difference of colour, in bytes, of red, green and blue samples.
#[derive(Debug, Clone, Copy)]
struct Mixture {
    offset: f32,
    factors: [f32; 3],
}

impl Mixture {
    /// Of samples on scale `from`: part `index` of [`ycc_of`], on scale `to`. It is linear: what it makes of black
    /// and of each colour alone says all.
    fn new(from: Scale, to: Scale, index: usize) -> Self {
        let of =
            |colour: [f32; 3]| to.sample(ycc_of(colour.map(|sample| from.value(sample)))[index]);
        let offset = of([0.0; 3]);
        let factors = std::array::from_fn(|colour| {
            let mut alone = [0.0; 3];
            alone[colour] = from.span();
            (of(alone) - offset) / from.span()
        });
        Self { offset, factors }
    }

    fn mix(self, colours: [&[u16]; 3], bytes: &mut [u8]) {
        let [red, green, blue] = colours;
        let colours = red.iter().zip(green).zip(blue);
        for (target, ((&red, &green), &blue)) in bytes.iter_mut().zip(colours) {
            let [red, green, blue] = [red, green, blue].map(f32::from);
            let [of_red, of_green, of_blue] = self.factors;
            *target = byte(self.offset + of_red * red + of_green * green + of_blue * blue);
        }
    }
}

fn push_rgb_as_ycc(range: Range, picture: &Picture, y: usize, rows: &mut [Vec<u8>]) {
    let from = Scale::of_plane(picture.format(), 0);
    let colours = [0, 1, 2].map(|index: usize| picture.planes()[index].row(y));
    for (index, row) in rows.iter_mut().enumerate() {
        let to = if index == 0 { Scale::luma(8, range) } else { Scale::chroma(8, range) };
        Mixture::new(from, to, index).mix(colours, grow(row, picture.extent().width));
    }
}

fn chroma_row(picture: &Picture, index: usize, y: usize) -> &[u16] {
    let halving = usize::from(picture.format().layout == Layout::Yuv420);
    picture.planes()[index].row(y >> halving)
}

#[inline]
fn byte(value: f32) -> u8 {
    nearest(value, 255.0).to_le_bytes()[0]
}

fn quantise(value: f32) -> u16 {
    nearest(value, 65_535.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, PictureFormat};

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
