//! One scene as the camera saw it: light, and where it can be trusted.

use crate::frame::{Extent, Plane};

/// Side of the cells that are used or left out.
pub(crate) const CELL: usize = 8;

/// A picture of a scene in light, the mean of one frame or of several of them.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Light, 0 at black and 1 at white.
    pub(crate) light: Plane<f32>,
    /// Whether a cell of 8 x 8 samples may be used: nothing moves in it, nothing is clipped.
    pub(crate) usable: Plane<bool>,
    /// Deviation of its noise in light; less than that of a frame where it is a mean of frames.
    pub(crate) sigma: f64,
}

impl Scene {
    /// The whole of a plane of light whose noise has the deviation `sigma`.
    pub fn of(light: Plane<f32>, sigma: f64) -> Self {
        let usable = Plane::new(cells(light.extent()), true);
        Self { light, usable, sigma }
    }

    /// Width and height.
    pub fn extent(&self) -> Extent {
        self.light.extent()
    }

    /// Deviation of its noise in light.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// Share of the cells that may be used.
    pub fn usable_share(&self) -> f64 {
        let cells = self.usable.samples();
        cells.iter().filter(|usable| **usable).count() as f64 / cells.len().max(1) as f64
    }

    /// Its part of `extent` from a corner on; the cells may be off by less than one.
    pub(crate) fn cut(&self, (left, top): (usize, usize), extent: Extent) -> Self {
        let mut light = Plane::new(extent, 0.0);
        light.copy_window(&self.light, left, top);
        let usable = Plane::from_fn(cells(extent), |x, y| {
            let last = self.usable.extent();
            let (x, y) =
                ((x + left / CELL).min(last.width - 1), (y + top / CELL).min(last.height - 1));
            self.usable.row(y)[x]
        });
        Self { light, usable, sigma: self.sigma }
    }
}

/// Cells of a frame of `extent`; the last of a row or column may be cut.
pub(crate) fn cells(extent: Extent) -> Extent {
    Extent::new(extent.width.div_ceil(CELL), extent.height.div_ceil(CELL))
}
