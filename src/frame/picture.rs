//! A picture as cameras and files give it: planes of integer samples.
//!
//! Every sample is a `u16` whatever its depth, so that 8-bit files and 10- to 16-bit sensors take
//! one way through the code.

use super::{Extent, Plane};

/// How the planes of a picture make colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Luma alone.
    Gray,
    /// Luma and two chroma planes of half width and half height.
    Yuv420,
    /// Luma and two chroma planes of half width.
    Yuv422,
    /// Luma and two chroma planes of full size.
    Yuv444,
    /// Red, green and blue planes.
    Rgb,
}

impl Layout {
    /// Number of planes.
    pub const fn planes(self) -> usize {
        if matches!(self, Self::Gray) { 1 } else { 3 }
    }

    /// Whether plane `index` holds colour differences.
    pub const fn is_chroma(self, index: usize) -> bool {
        index > 0 && !matches!(self, Self::Rgb)
    }

    /// Extent of plane `index` of a picture of `extent`; odd sides round up.
    pub const fn plane_extent(self, extent: Extent, index: usize) -> Extent {
        let halve_width = matches!(self, Self::Yuv420 | Self::Yuv422) && index > 0;
        let halve_height = matches!(self, Self::Yuv420) && index > 0;
        Extent {
            width: if halve_width { extent.width.div_ceil(2) } else { extent.width },
            height: if halve_height { extent.height.div_ceil(2) } else { extent.height },
        }
    }
}

impl Layout {
    /// Where the sample of plane `index` lies that belongs to column `x` and row `y`.
    const fn plane_corner(self, x: usize, y: usize, index: usize) -> (usize, usize) {
        let halve_width = matches!(self, Self::Yuv420 | Self::Yuv422) && index > 0;
        let halve_height = matches!(self, Self::Yuv420) && index > 0;
        (if halve_width { x / 2 } else { x }, if halve_height { y / 2 } else { y })
    }
}

/// Which sample values mean black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range {
    /// Black is 0, white the greatest value.
    Full,
    /// Luma from 16 to 235 of 255, as in broadcast video.
    Limited,
}

/// Everything about a picture but its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PictureFormat {
    /// Width and height of the picture.
    pub extent: Extent,
    /// How its planes make colours.
    pub layout: Layout,
    /// Significant bits of a sample, 8 to 16.
    pub depth: u8,
    /// Values of black and white.
    pub range: Range,
}

impl PictureFormat {
    /// 8-bit full-range luma.
    pub const fn gray(extent: Extent) -> Self {
        Self { extent, layout: Layout::Gray, depth: 8, range: Range::Full }
    }

    /// The greatest sample value.
    pub const fn white(self) -> u16 {
        u16::MAX >> (16 - self.depth)
    }

    /// The same format at another extent.
    pub const fn with_extent(self, extent: Extent) -> Self {
        Self { extent, ..self }
    }
}

/// Pictures a second, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    /// Pictures in `denominator` seconds, at least 1.
    pub numerator: u32,
    /// Seconds, at least 1.
    pub denominator: u32,
}

impl FrameRate {
    /// `rate` pictures a second, at least 1.
    pub const fn per_second(rate: u32) -> Self {
        Self { numerator: if rate == 0 { 1 } else { rate }, denominator: 1 }
    }

    /// Time from one picture to the next.
    pub fn interval(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.denominator.into()) / self.numerator.max(1)
    }
}

impl std::fmt::Display for FrameRate {
    /// Pictures a second, to a hundredth.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per_second = f64::from(self.numerator) / f64::from(self.denominator);
        write!(out, "{}", (per_second * 100.0).round() / 100.0)
    }
}

/// Planes of integer samples with their format.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    format: PictureFormat,
    planes: Vec<Plane<u16>>,
    coding_noise: f32,
}

impl Picture {
    /// A picture of zeros.
    pub fn new(format: PictureFormat) -> Self {
        let plane = |index| Plane::new(format.layout.plane_extent(format.extent, index), 0);
        let planes = (0..format.layout.planes()).map(plane).collect();
        Self { format, planes, coding_noise: 0.0 }
    }

    /// No picture: none of these planes, and no memory.
    pub const fn vacant(format: PictureFormat) -> Self {
        let format = format.with_extent(Extent::new(0, 0));
        Self { format, planes: Vec::new(), coding_noise: 0.0 }
    }

    /// Whether it is none.
    pub const fn is_vacant(&self) -> bool {
        self.planes.is_empty()
    }

    /// Extent, layout, depth and range.
    pub fn format(&self) -> PictureFormat {
        self.format
    }

    /// Width and height.
    pub fn extent(&self) -> Extent {
        self.format.extent
    }

    /// The planes, luma or red first.
    pub fn planes(&self) -> &[Plane<u16>] {
        &self.planes
    }

    /// The planes, luma or red first.
    pub fn planes_mut(&mut self) -> &mut [Plane<u16>] {
        &mut self.planes
    }

    /// Deviation in 8-bit gray levels of what a lossy coder, as far as it says so, rounded of luma;
    /// 0 where nothing is known of any.
    pub fn coding_noise(&self) -> f32 {
        self.coding_noise
    }

    /// Notes what a lossy coder rounded.
    pub fn set_coding_noise(&mut self, gray_levels: f32) {
        self.coding_noise = gray_levels;
    }

    /// Gives the picture another format, of which no coder is known; its samples are unspecified afterwards. Allocates only
    /// where the picture was never this large.
    pub fn reshape(&mut self, format: PictureFormat) {
        self.format = format;
        self.coding_noise = 0.0;
        self.planes.resize_with(format.layout.planes(), Plane::default);
        for (index, plane) in self.planes.iter_mut().enumerate() {
            plane.reshape(format.layout.plane_extent(format.extent, index), 0);
        }
    }

    /// Makes this a copy of `other` without allocating where it was ever as large.
    pub fn copy_from(&mut self, other: &Self) {
        self.reshape(other.format);
        self.coding_noise = other.coding_noise;
        for (target, source) in self.planes.iter_mut().zip(&other.planes) {
            target.samples_mut().copy_from_slice(source.samples());
        }
    }

    /// Makes this the window of `other` that starts at column `x` and row `y` and has `extent`.
    /// For subsampled chroma `x` and `y` are rounded down to whole chroma samples.
    ///
    /// # Panics
    /// Where the window leaves `other`.
    pub fn copy_window(&mut self, other: &Self, x: usize, y: usize, extent: Extent) {
        self.reshape(other.format.with_extent(extent));
        self.coding_noise = other.coding_noise;
        for (index, (target, source)) in self.planes.iter_mut().zip(&other.planes).enumerate() {
            let corner = other.format.layout.plane_corner(x, y, index);
            target.copy_window(source, corner.0, corner.1);
        }
    }

    /// Cuts this picture to its window that starts at column `x` and row `y` and has `extent`, as
    /// [`Picture::copy_window`] does.
    ///
    /// # Panics
    /// Where the window leaves the picture.
    pub fn crop(&mut self, x: usize, y: usize, extent: Extent) {
        self.format = self.format.with_extent(extent);
        for (index, plane) in self.planes.iter_mut().enumerate() {
            let corner = self.format.layout.plane_corner(x, y, index);
            plane.crop(corner.0, corner.1, self.format.layout.plane_extent(extent, index));
        }
    }
}
