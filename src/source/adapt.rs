//! Pictures of a camera that gives another size or layout than at first.
//!
//! The pipeline is planned for one format; a camera that comes back with another is still better
//! than none. The middle of its picture is kept, missing edges are black, planes are thinned out or
//! repeated, colours converted by BT.601. This is exact where only size or depth differ and plain
//! otherwise: no filters.

use crate::frame::colour::{Scale, rgb_of, ycc_of};
use crate::frame::{Extent, Layout, Picture, PictureFormat, Plane};

/// The way from pictures of one format to pictures of another.
#[derive(Debug)]
pub(super) struct Adapter {
    from: PictureFormat,
    to: PictureFormat,
    /// Column and row of the target where the corner of the picture comes to lie.
    corner: (isize, isize),
    /// Samples of the target for samples of luma or of a colour, and of chroma.
    tables: [Vec<u16>; 2],
}

/// The scale of luma and colours, or of chroma.
fn scale(format: PictureFormat, is_chroma: bool) -> Scale {
    let of = if is_chroma { Scale::chroma } else { Scale::luma };
    of(format.depth, format.range)
}

/// The sample of a value, rounded and clipped.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn quantise(scale: Scale, value: f32, white: u16) -> u16 {
    (scale.sample(value) + 0.5).clamp(0.0, white.into()) as u16
}

/// How often columns and rows of a plane are halved.
fn halvings(layout: Layout, index: usize) -> (usize, usize) {
    let chroma = layout.is_chroma(index);
    let halved = |is: bool| usize::from(chroma && is);
    (halved(matches!(layout, Layout::Yuv420 | Layout::Yuv422)), halved(layout == Layout::Yuv420))
}

impl Adapter {
    pub(super) fn plan(from: PictureFormat, to: PictureFormat) -> Self {
        let table = |chroma| {
            let (old, new) = (scale(from, chroma), scale(to, chroma));
            let value = |sample: u16| old.value(sample.into());
            (0..=from.white()).map(|sample| quantise(new, value(sample), to.white())).collect()
        };
        let corner = |from: usize, to: usize| {
            // Even, so that chroma stays with its luma.
            let gap = to.abs_diff(from) / 4 * 2;
            let gap = isize::try_from(gap).unwrap_or(0);
            if to >= from { gap } else { -gap }
        };
        let corner = (
            corner(from.extent.width, to.extent.width),
            corner(from.extent.height, to.extent.height),
        );
        Self { from, to, corner, tables: [false, true].map(table) }
    }

    /// Makes `target` what `picture`, of the format planned for, shows.
    pub(super) fn apply(&self, picture: &Picture, target: &mut Picture) {
        target.reshape(self.to);
        let is_rgb = |format: PictureFormat| format.layout == Layout::Rgb;
        for (index, plane) in target.planes_mut().iter_mut().enumerate() {
            match (is_rgb(self.from), is_rgb(self.to)) {
                (true, true) | (false, false) => self.copy(picture, index, plane),
                _ => self.convert(picture, index, plane),
            }
        }
    }

    /// Fills a plane from the one that holds the same, if there is one.
    fn copy(&self, picture: &Picture, index: usize, target: &mut Plane<u16>) {
        let chroma = self.to.layout.is_chroma(index);
        let nothing = quantise(scale(self.to, chroma), 0.0, self.to.white());
        let Some(plane) = picture.planes().get(index) else {
            target.samples_mut().fill(nothing);
            return;
        };
        let table = &self.tables[usize::from(chroma)];
        let ((nx, ny), (ox, oy)) =
            (halvings(self.to.layout, index), halvings(self.from.layout, index));
        for (y, row) in target.rows_mut().enumerate() {
            let from = self.place(y << ny, self.corner.1, self.from.extent.height);
            let Some(source) = from.map(|y| plane.row(y >> oy)) else {
                row.fill(nothing);
                continue;
            };
            for (x, sample) in row.iter_mut().enumerate() {
                let from = self.place(x << nx, self.corner.0, self.from.extent.width);
                *sample = from.map_or(nothing, |x| table[usize::from(source[x >> ox])]);
            }
        }
    }

    /// Fills a plane from colours that are mixed otherwise.
    fn convert(&self, picture: &Picture, index: usize, target: &mut Plane<u16>) {
        let scale = Scale::of_plane(self.to, index);
        let (nx, ny) = halvings(self.to.layout, index);
        for (y, row) in target.rows_mut().enumerate() {
            let y = self.place(y << ny, self.corner.1, self.from.extent.height);
            for (x, sample) in row.iter_mut().enumerate() {
                let x = self.place(x << nx, self.corner.0, self.from.extent.width);
                let value = x.zip(y).map_or(0.0, |(x, y)| {
                    let colour = self.colour(picture, x, y);
                    if self.to.layout == Layout::Rgb {
                        rgb_of(colour)[index]
                    } else {
                        ycc_of(colour)[index]
                    }
                });
                *sample = quantise(scale, value, self.to.white());
            }
        }
    }

    /// The column or row of the picture for one of the target.
    fn place(&self, place: usize, corner: isize, count: usize) -> Option<usize> {
        let place = isize::try_from(place).ok()?.checked_sub(corner)?;
        usize::try_from(place).ok().filter(|&place| place < count)
    }

    /// Luma and colour differences, or red, green and blue of a pixel.
    fn colour(&self, picture: &Picture, x: usize, y: usize) -> [f32; 3] {
        let layout = self.from.layout;
        std::array::from_fn(|index| {
            let Some(plane) = picture.planes().get(index) else { return 0.0 };
            let (halved_x, halved_y) = halvings(layout, index);
            let sample = plane.row(y >> halved_y)[x >> halved_x];
            Scale::of_plane(self.from, index).value(sample.into())
        })
    }
}

/// A description of a format for messages.
pub(super) fn describe(format: PictureFormat) -> String {
    let PictureFormat { extent: Extent { width, height }, layout, depth, range } = format;
    format!("{width}x{height} {layout:?} of {depth} bits, {range:?} range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Range;
    use proptest::prelude::*;

    fn format(
        width: usize,
        height: usize,
        layout: Layout,
        depth: u8,
        range: Range,
    ) -> PictureFormat {
        PictureFormat { extent: Extent::new(width, height), layout, depth, range }
    }

    fn formats() -> impl Strategy<Value = PictureFormat> {
        use Layout::{Gray, Rgb, Yuv420, Yuv422, Yuv444};
        let layout = prop::sample::select(vec![Gray, Yuv420, Yuv422, Yuv444, Rgb]);
        let depth = prop::sample::select(vec![8_u8, 10, 16]);
        let range = prop::sample::select(vec![Range::Full, Range::Limited]);
        (1_usize..20, 1_usize..20, layout, depth, range)
            .prop_map(|(w, h, layout, depth, range)| format(w, h, layout, depth, range))
    }

    /// A picture of one colour, given as luma and colour differences.
    fn flat(format: PictureFormat, colour: [f32; 3]) -> Picture {
        let mut picture = Picture::new(format);
        for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
            let value =
                if format.layout == Layout::Rgb { rgb_of(colour)[index] } else { colour[index] };
            let scale = Scale::of_plane(format, index);
            plane.samples_mut().fill(quantise(scale, value, format.white()));
        }
        picture
    }

    proptest! {
        #[test]
        fn colours_survive_every_change_of_format(
            from in formats(), to in formats(), luma in 0.3_f32..0.7, blue in -0.1_f32..0.1,
        ) {
            let is_gray = from.layout == Layout::Gray || to.layout == Layout::Gray;
            let colour = if is_gray { [luma, 0.0, 0.0] } else { [luma, blue, -0.05] };
            let from = from.with_extent(to.extent);
            let mut target = flat(format(1, 1, Layout::Gray, 8, Range::Full), [0.0; 3]);
            Adapter::plan(from, to).apply(&flat(from, colour), &mut target);
            prop_assert_eq!(target.format(), to);
            let wanted = flat(to, colour);
            // Two roundings to 8 bits, the colours' factors included.
            let least = from.depth.min(to.depth);
            let tolerance = 3 << (to.depth - least);
            for (plane, wanted) in target.planes().iter().zip(wanted.planes()) {
                for (a, b) in plane.samples().iter().zip(wanted.samples()) {
                    prop_assert!(a.abs_diff(*b) <= tolerance, "{} for {} in {:?}", a, b, to);
                }
            }
        }

        #[test]
        fn no_change_of_size_fails(from in formats(), to in formats()) {
            let mut target = Picture::new(to);
            Adapter::plan(from, to).apply(&Picture::new(from), &mut target);
            prop_assert_eq!(target.format(), to);
        }
    }

    #[test]
    fn the_middle_is_kept_and_edges_are_black() {
        let of = |width, height| format(width, height, Layout::Gray, 8, Range::Full);
        let mut picture = Picture::new(of(6, 2));
        picture.planes_mut()[0]
            .samples_mut()
            .copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let mut target = Picture::new(of(2, 6));
        Adapter::plan(of(6, 2), of(2, 6)).apply(&picture, &mut target);
        assert_eq!(target.planes()[0].samples(), [0, 0, 0, 0, 3, 4, 9, 10, 0, 0, 0, 0]);
    }
}
