//! A rectangle of samples.

use std::fmt;
use std::hint::black_box;

/// Width and height in samples.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Extent {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Extent {
    /// `width` samples by `height` rows.
    pub const fn new(width: usize, height: usize) -> Self {
        Self { width, height }
    }

    /// Number of samples.
    pub const fn area(self) -> usize {
        self.width * self.height
    }

    /// Whether there are no samples.
    pub const fn is_empty(self) -> bool {
        self.area() == 0
    }

    /// The extent without a margin of `radius` samples on every side; empty where nothing is left.
    pub const fn shrunk(self, horizontal: usize, vertical: usize) -> Self {
        Self {
            width: self.width.saturating_sub(2 * horizontal),
            height: self.height.saturating_sub(2 * vertical),
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}x{}", self.width, self.height)
    }
}

impl std::str::FromStr for Extent {
    type Err = String;

    /// Reads `WIDTHxHEIGHT`, both from 1 to 65535.
    fn from_str(text: &str) -> Result<Self, String> {
        let side = |part: &str| part.parse::<u16>().ok().filter(|&n| n > 0).map(usize::from);
        text.split_once('x')
            .and_then(|(width, height)| Some(Self::new(side(width)?, side(height)?)))
            .ok_or_else(|| format!("'{text}' is not WIDTHxHEIGHT with sides from 1 to 65535"))
    }
}

/// Samples in rows, without padding between rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plane<T> {
    extent: Extent,
    samples: Vec<T>,
}

impl Default for Extent {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

impl<T: Copy> Plane<T> {
    /// A plane filled with one value. Its memory is the process's own from now on: were it only
    /// promised by the system, as zeros often are, frames would wait for it later.
    pub fn new(extent: Extent, value: T) -> Self {
        let mut samples = black_box(Vec::with_capacity(extent.area()));
        samples.resize(extent.area(), value);
        Self { extent, samples }
    }

    /// A plane of the given samples, row by row; `None` where their number is not the area.
    pub fn from_samples(extent: Extent, samples: Vec<T>) -> Option<Self> {
        (samples.len() == extent.area()).then_some(Self { extent, samples })
    }

    /// A plane whose sample in column `x` of row `y` is `value(x, y)`.
    pub fn from_fn(extent: Extent, mut value: impl FnMut(usize, usize) -> T) -> Self {
        let rows = 0..extent.height;
        let samples = rows.flat_map(|y| (0..extent.width).map(move |x| (x, y)));
        Self { extent, samples: samples.map(|(x, y)| value(x, y)).collect() }
    }

    /// Width and height.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// All samples, row by row.
    pub fn samples(&self) -> &[T] {
        &self.samples
    }

    /// All samples, row by row.
    pub fn samples_mut(&mut self) -> &mut [T] {
        &mut self.samples
    }

    /// Row `y`.
    pub fn row(&self, y: usize) -> &[T] {
        &self.samples[y * self.extent.width..][..self.extent.width]
    }

    /// Row `y`.
    pub fn row_mut(&mut self, y: usize) -> &mut [T] {
        &mut self.samples[y * self.extent.width..][..self.extent.width]
    }

    /// The rows from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[T]> {
        self.samples.chunks_exact(self.extent.width.max(1))
    }

    /// The rows from the top.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.samples.chunks_exact_mut(self.extent.width.max(1))
    }

    /// Changes the extent; the samples are unspecified afterwards. Allocates only where the plane
    /// was never this large.
    pub fn reshape(&mut self, extent: Extent, fill: T) {
        self.extent = extent;
        self.samples.resize(extent.area(), fill);
    }

    /// Copies the samples of `other` that lie within this plane's extent from its corner (x, y).
    ///
    /// # Panics
    /// Where `other` does not reach that far.
    pub fn copy_window(&mut self, other: &Self, x: usize, y: usize) {
        let width = self.extent.width;
        for (row, target) in self.rows_mut().enumerate() {
            target.copy_from_slice(&other.row(y + row)[x..x + width]);
        }
    }

    /// Cuts the plane to its window of `extent` from column `x` and row `y`, in place.
    ///
    /// # Panics
    /// Where the window leaves the plane.
    pub fn crop(&mut self, x: usize, y: usize, extent: Extent) {
        let width = self.extent.width;
        assert!(x + extent.width <= width && y + extent.height <= self.extent.height, "window");
        for row in 0..extent.height {
            let start = (y + row) * width + x;
            self.samples.copy_within(start..start + extent.width, row * extent.width);
        }
        self.extent = extent;
        self.samples.truncate(extent.area());
    }
}

impl Plane<f32> {
    /// Mean of the samples, summed in double precision; 0 for an empty plane.
    #[expect(clippy::cast_possible_truncation, reason = "a mean of f32 fits f32")]
    pub fn mean(&self) -> f32 {
        let sum: f64 = self.samples.iter().copied().map(f64::from).sum();
        (sum / self.samples.len().max(1) as f64) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extent_is_read_back_as_written() {
        for text in ["1x1", "640x360", "65535x2"] {
            assert_eq!(
                text.parse::<Extent>().map(|extent| extent.to_string()).as_deref(),
                Ok(text)
            );
        }
        for text in ["", "x", "0x4", "4", "4x", "-1x4", "65536x1", "4x4x4"] {
            assert!(text.parse::<Extent>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_window_is_cut_where_asked() {
        let source = Plane::from_fn(Extent::new(5, 4), |x, y| 10 * y + x);
        let mut window = Plane::new(Extent::new(2, 2), 0);
        window.copy_window(&source, 3, 1);
        assert_eq!(window.samples(), [13, 14, 23, 24]);
    }
}
