//! Cutting a decoded picture to the format of a stream.

use crate::frame::colour::luma_of_samples;
use crate::frame::{Extent, Layout, Picture, PictureFormat};

/// Makes `target` the middle of `picture`, in `format`. Both are gray or RGB of full range;
/// colour becomes luma (BT.601), gray becomes three equal planes, depth is scaled.
///
/// `false`, with `target` unchanged, where the picture is smaller than the format.
pub(super) fn cut(picture: &Picture, format: PictureFormat, target: &mut Picture) -> bool {
    let (from, to) = (picture.extent(), format.extent);
    if from.width < to.width || from.height < to.height {
        return false;
    }
    let corner = Extent::new((from.width - to.width) / 2, (from.height - to.height) / 2);
    if picture.format().with_extent(to) == format {
        target.copy_window(picture, corner.width, corner.height, to);
        return true;
    }
    target.reshape(format);
    target.set_coding_noise(picture.coding_noise());
    for (index, plane) in target.planes_mut().iter_mut().enumerate() {
        for (y, row) in plane.rows_mut().enumerate() {
            convert_row(picture, (index, corner.width, corner.height + y), format, row);
        }
    }
    true
}

/// Fills a row of plane `index` from column `x` and row `y` of `picture`.
fn convert_row(
    picture: &Picture,
    (index, x, y): (usize, usize, usize),
    format: PictureFormat,
    target: &mut [u16],
) {
    let (white, wanted) = (picture.format().white().into(), format.white().into());
    let row = |plane: usize| &picture.planes()[plane].row(y)[x..x + target.len()];
    if picture.format().layout == Layout::Rgb && format.layout == Layout::Gray {
        let colours = row(0).iter().zip(row(1)).zip(row(2));
        for (sample, ((&red, &green), &blue)) in target.iter_mut().zip(colours) {
            *sample = rescale(luma_of_samples([red, green, blue]), white, wanted);
        }
    } else {
        let samples = row(index.min(picture.planes().len() - 1));
        for (sample, &from) in target.iter_mut().zip(samples) {
            *sample = rescale(from.into(), white, wanted);
        }
    }
}

/// `sample` of `white` in parts of `wanted`, rounded.
#[expect(clippy::cast_possible_truncation, reason = "at most `wanted`, a sample")]
fn rescale(sample: u32, white: u32, wanted: u32) -> u16 {
    ((u64::from(sample) * u64::from(wanted) + u64::from(white / 2)) / u64::from(white)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Range;

    fn format(width: usize, height: usize, layout: Layout, depth: u8) -> PictureFormat {
        PictureFormat { extent: Extent::new(width, height), layout, depth, range: Range::Full }
    }

    #[track_caller]
    fn check_cut(picture: &Picture, wanted: PictureFormat, planes: &[&[u16]]) {
        let mut target = Picture::new(PictureFormat::gray(Extent::new(1, 1)));
        assert!(cut(picture, wanted, &mut target), "the picture was refused");
        assert_eq!(target.format(), wanted);
        let samples: Vec<_> = target.planes().iter().map(crate::frame::Plane::samples).collect();
        assert_eq!(samples, planes);
    }

    #[test]
    fn the_middle_is_cut_and_converted() {
        let mut gray = Picture::new(format(4, 3, Layout::Gray, 8));
        let samples = gray.planes_mut()[0].samples_mut();
        samples.copy_from_slice(&[0, 0, 0, 0, 0, 7, 255, 0, 0, 0, 0, 0]);
        check_cut(&gray, format(2, 1, Layout::Gray, 8), &[&[7, 255]]);
        check_cut(&gray, format(2, 1, Layout::Rgb, 8), &[[7, 255].as_slice(); 3]);
        check_cut(&gray, format(2, 1, Layout::Gray, 16), &[&[7 * 257, 65_535]]);
    }

    #[test]
    fn colour_becomes_luma() {
        let mut colour = Picture::new(format(3, 1, Layout::Rgb, 16));
        for (plane, at) in colour.planes_mut().iter_mut().zip(0..) {
            plane.samples_mut()[at] = 65_535;
        }
        check_cut(&colour, format(3, 1, Layout::Gray, 8), &[&[76, 150, 29]]);
    }

    #[test]
    fn a_small_picture_is_refused() {
        let small = Picture::new(format(4, 3, Layout::Gray, 8));
        let mut target = small.clone();
        assert!(!cut(&small, format(4, 4, Layout::Gray, 8), &mut target), "4x3 was cut to 4x4");
    }
}
