//! Rows of a picture of any format as the colours that encoders take.
//!
//! Chroma of half size is repeated, not interpolated.

use crate::frame::colour::{Scale, luma_of, rgb_of, ycc_of};
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
    let scale = Scale::of_plane(format, index);
    let value = |&sample: &u16| byte(bytes.sample(scale.value(sample.into())));
    if samples.len() == format.extent.width {
        row.extend(samples.iter().map(value));
    } else {
        let pairs = samples.iter().map(value).flat_map(|value| [value, value]);
        row.extend(pairs.take(format.extent.width));
    }
}

fn push_rgb_as_ycc(range: Range, picture: &Picture, y: usize, rows: &mut [Vec<u8>]) {
    let scale = Scale::of_plane(picture.format(), 0);
    let (luma, chroma) = (Scale::luma(8, range), Scale::chroma(8, range));
    let row_of = |index: usize| picture.planes()[index].row(y).iter();
    let colours = || {
        let triples = row_of(0).zip(row_of(1)).zip(row_of(2));
        triples.map(|((&r, &g), &b)| [r, g, b].map(|sample| scale.value(sample.into())))
    };
    rows[0].extend(colours().map(|colour| byte(luma.sample(luma_of(colour)))));
    rows[1].extend(colours().map(|colour| byte(chroma.sample(ycc_of(colour)[1]))));
    rows[2].extend(colours().map(|colour| byte(chroma.sample(ycc_of(colour)[2]))));
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
