//! Pictures as the bytes of webcams.
//!
//! Sides that a format needs even and that are odd grow by repeating the last column or row.
//! Chroma of half size is the mean of what it stands for.

use std::fmt;
use std::str::FromStr;

use super::super::colour::push_ycc_in;
use crate::frame::{Extent, Picture, Range};
use crate::v4l2::{ColourCodes, FourCc};

/// A format of an output device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// Luma and half-width chroma in turn; every program reads it.
    #[default]
    Yuyv,
    /// Planes of luma and of quarter-size chroma: three quarters of the bytes.
    Yu12,
    /// Luma alone, of full range.
    Grey,
}

impl OutputFormat {
    /// The kernel's name.
    pub(super) const fn fourcc(self) -> FourCc {
        FourCc::new(match self {
            Self::Yuyv => *b"YUYV",
            Self::Yu12 => *b"YU12",
            Self::Grey => *b"GREY",
        })
    }

    /// What its numbers mean.
    pub(super) const fn colours(self) -> ColourCodes {
        if matches!(self, Self::Grey) { ColourCodes::GRAY } else { ColourCodes::WEBCAM }
    }

    /// The extent in which pictures of `extent` go out.
    pub(super) const fn grown(self, extent: Extent) -> Extent {
        let (even_width, even_height) = match self {
            Self::Yuyv => (true, false),
            Self::Yu12 => (true, true),
            Self::Grey => (false, false),
        };
        Extent {
            width: if even_width { extent.width.next_multiple_of(2) } else { extent.width },
            height: if even_height { extent.height.next_multiple_of(2) } else { extent.height },
        }
    }

    /// Bytes of a row, at least.
    pub const fn row_bytes(self, width: usize) -> usize {
        if matches!(self, Self::Yuyv) { 2 * width } else { width }
    }

    /// Bytes of a picture of `extent` whose rows are `stride` bytes apart.
    pub const fn bytes(self, extent: Extent, stride: usize) -> usize {
        let luma = stride * extent.height;
        if matches!(self, Self::Yu12) {
            luma + 2 * (stride / 2) * (extent.height / 2)
        } else {
            luma
        }
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fourcc().fmt(out)
    }
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Yuyv, Self::Yu12, Self::Grey];
        let found = all.into_iter().find(|format| format.to_string() == text);
        found.ok_or_else(|| format!("'{text}' (expected YUYV, YU12 or GREY)"))
    }
}

/// Turns pictures into bytes; it holds the rows it works on, so that no picture allocates.
#[derive(Debug)]
pub struct Packer {
    format: OutputFormat,
    /// Two rows, each of luma, U and V of full width.
    rows: [[Vec<u8>; 3]; 2],
}

impl Packer {
    /// A packer of pictures as `format`.
    pub fn new(format: OutputFormat) -> Self {
        Self { format, rows: Default::default() }
    }

    /// Packs a picture into `out`, whose rows are `stride` bytes apart; `false` where it has not
    /// room enough. Padding stays as it is.
    pub fn pack(&mut self, picture: &Picture, stride: usize, out: &mut [u8]) -> bool {
        let extent = self.format.grown(picture.extent());
        let fits = out.len() >= self.format.bytes(extent, stride)
            && stride >= self.format.row_bytes(extent.width)
            && !extent.is_empty();
        if fits {
            match self.format {
                OutputFormat::Yuyv => self.pack_yuyv(picture, stride, out),
                OutputFormat::Yu12 => self.pack_yu12(picture, extent, stride, out),
                OutputFormat::Grey => self.pack_grey(picture, stride, out),
            }
        }
        fits
    }

    fn pack_yuyv(&mut self, picture: &Picture, stride: usize, out: &mut [u8]) {
        for (y, line) in out.chunks_exact_mut(stride).take(picture.extent().height).enumerate() {
            let [luma, us, vs] = self.load(0, Range::Limited, picture, y);
            let pairs = luma.as_chunks::<2>().0.iter();
            let pairs = pairs.zip(us.as_chunks::<2>().0).zip(vs.as_chunks::<2>().0);
            for (four, ((luma, u), v)) in line.as_chunks_mut::<4>().0.iter_mut().zip(pairs) {
                *four = [luma[0], mean(*u), luma[1], mean(*v)];
            }
        }
    }

    fn pack_yu12(&mut self, picture: &Picture, extent: Extent, stride: usize, out: &mut [u8]) {
        let (lines, chroma) = out.split_at_mut(stride * extent.height);
        let half = stride / 2;
        let (us, vs) = chroma.split_at_mut(half * (extent.height / 2));
        let chroma_lines = us.chunks_exact_mut(half).zip(vs.chunks_exact_mut(half));
        for (pair, (us, vs)) in chroma_lines.take(extent.height / 2).enumerate() {
            for at in 0..2 {
                let y = (2 * pair + at).min(picture.extent().height - 1);
                let [luma, ..] = self.load(at, Range::Limited, picture, y);
                lines[(2 * pair + at) * stride..][..luma.len()].copy_from_slice(luma);
            }
            let [upper, lower] = &self.rows;
            for (plane, line) in [(1, us), (2, vs)] {
                let [upper, lower] = [upper, lower].map(|row| row[plane].as_chunks::<2>().0);
                for (byte, (upper, lower)) in line.iter_mut().zip(upper.iter().zip(lower)) {
                    *byte = mean([upper[0], upper[1], lower[0], lower[1]]);
                }
            }
        }
    }

    fn pack_grey(&mut self, picture: &Picture, stride: usize, out: &mut [u8]) {
        for (y, line) in out.chunks_exact_mut(stride).take(picture.extent().height).enumerate() {
            let [luma, ..] = self.load(0, Range::Full, picture, y);
            line[..luma.len()].copy_from_slice(luma);
        }
    }

    /// Luma, U and V of row `y`, each as long as the rows that go out.
    fn load(&mut self, slot: usize, range: Range, picture: &Picture, y: usize) -> &[Vec<u8>; 3] {
        let width = self.format.grown(picture.extent()).width;
        let rows = &mut self.rows[slot];
        rows.iter_mut().for_each(Vec::clear);
        push_ycc_in(range, picture, y, rows);
        for row in rows.iter_mut() {
            // Gray has no chroma: it is the middle.
            let last = row.last().copied().unwrap_or(128);
            row.resize(width, last);
        }
        rows
    }
}

/// Mean of two or four bytes, rounded.
#[inline]
fn mean<const N: usize>(bytes: [u8; N]) -> u8 {
    // The compiler counts, and shifts instead of dividing.
    let both = |(sum, count), byte| (sum + u16::from(byte), count + 1);
    let (sum, count) = bytes.into_iter().fold((0_u16, 0), both);
    let [mean, _] = ((sum + count / 2) / count).to_le_bytes();
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Layout, PictureFormat};

    fn picture(extent: (usize, usize), layout: Layout, planes: &[&[u16]]) -> Picture {
        let extent = Extent::new(extent.0, extent.1);
        let format = PictureFormat { extent, layout, depth: 8, range: Range::Limited };
        let mut picture = Picture::new(format);
        for (plane, samples) in picture.planes_mut().iter_mut().zip(planes) {
            plane.samples_mut().copy_from_slice(samples);
        }
        picture
    }

    #[track_caller]
    fn check_packed(format: OutputFormat, picture: &Picture, stride: usize, bytes: &[u8]) {
        let mut out = vec![9; format.bytes(format.grown(picture.extent()), stride)];
        assert!(Packer::new(format).pack(picture, stride, &mut out), "no room");
        assert_eq!(out, bytes);
        let (short, _) = out.split_at_mut(bytes.len() - 1);
        assert!(!Packer::new(format).pack(picture, stride, short), "too much room");
    }

    #[test]
    fn every_layout_becomes_yuyv() {
        let half = picture((2, 1), Layout::Yuv422, &[&[20, 30], &[40], &[50]]);
        check_packed(OutputFormat::Yuyv, &half, 4, &[20, 40, 30, 50]);
        let full = picture((2, 1), Layout::Yuv444, &[&[20, 30], &[40, 43], &[50, 52]]);
        check_packed(OutputFormat::Yuyv, &full, 4, &[20, 42, 30, 51]);
        let quarter = picture((2, 2), Layout::Yuv420, &[&[1, 2, 3, 4], &[40], &[50]]);
        check_packed(OutputFormat::Yuyv, &quarter, 4, &[1, 40, 2, 50, 3, 40, 4, 50]);
        let gray = picture((2, 1), Layout::Gray, &[&[20, 30]]);
        check_packed(OutputFormat::Yuyv, &gray, 6, &[20, 128, 30, 128, 9, 9]);
    }

    #[test]
    fn odd_sides_repeat_the_edge() {
        let odd = picture((3, 1), Layout::Gray, &[&[20, 30, 40]]);
        check_packed(OutputFormat::Yuyv, &odd, 8, &[20, 128, 30, 128, 40, 128, 40, 128]);
        check_packed(
            OutputFormat::Yu12,
            &odd,
            4,
            &[20, 30, 40, 40, 20, 30, 40, 40, 128, 128, 128, 128],
        );
    }

    #[test]
    fn chroma_of_yu12_is_that_of_four_pixels() {
        let quarter = picture((2, 2), Layout::Yuv420, &[&[1, 2, 3, 4], &[40], &[50]]);
        check_packed(OutputFormat::Yu12, &quarter, 2, &[1, 2, 3, 4, 40, 50]);
        check_packed(OutputFormat::Yu12, &quarter, 4, &[1, 2, 9, 9, 3, 4, 9, 9, 40, 9, 50, 9]);
        let full = picture((2, 2), Layout::Yuv444, &[&[1; 4], &[40, 42, 44, 46], &[50, 0, 0, 0]]);
        check_packed(OutputFormat::Yu12, &full, 2, &[1, 1, 1, 1, 43, 13]);
    }

    #[test]
    fn gray_has_the_full_range() {
        let gray = picture((2, 1), Layout::Gray, &[&[16, 235]]);
        check_packed(OutputFormat::Grey, &gray, 3, &[0, 255, 9]);
    }

    #[test]
    fn formats_are_read_back_as_written() {
        for text in ["YUYV", "YU12", "GREY"] {
            assert_eq!(
                text.parse::<OutputFormat>().map(|format| format.to_string()).as_deref(),
                Ok(text)
            );
        }
        let refused = "NV12".parse::<OutputFormat>().expect_err("a refusal");
        assert_eq!(refused, "'NV12' (expected YUYV, YU12 or GREY)");
    }
}
