//! The target as an ideal camera sees it: every sample is the mean of the cells over its area.
//!
//! So the area of a sample is part of the picture, and not once more of the blur that is found from
//! it. Within a sample the geometry is affine; it is divided into 4 x 4 parts, each of which takes
//! the exact mean over the rectangle of cells that is as wide and as high as the part.

use super::geometry::{Geometry, Point};
use super::pattern::Pattern;
use super::window::Window;
use crate::executor::{Executor, for_chunks};
use crate::frame::{Extent, Plane};

/// Parts along each side of a sample.
const PARTS: usize = 4;

/// Light from 0 to 1 in the window; outside of the target its edge goes on.
pub(super) fn render(
    pattern: &Pattern,
    geometry: &Geometry,
    window: &Window,
    executor: &dyn Executor,
) -> Plane<f32> {
    let mut light = Plane::new(window.extent(), 0.0);
    let width = window.extent().width;
    for_chunks(executor, light.samples_mut(), width.max(1), &|y, row| {
        for (x, sample) in row.iter_mut().enumerate() {
            *sample = mean(pattern.cells(), geometry, window.point(x as f64, y as f64));
        }
    });
    light
}

/// Mean of the cells that the sample at `point` sees.
#[expect(clippy::cast_possible_truncation, reason = "light from 0 to 1")]
fn mean(cells: &Plane<f32>, geometry: &Geometry, [x, y]: Point) -> f32 {
    let at = |dx: f64, dy: f64| geometry.cell([x + dx, y + dy]);
    let (middle, right, below) = (at(0.0, 0.0), at(0.5, 0.0), at(0.0, 0.5));
    let across = [0, 1].map(|axis| 2.0 * (right[axis] - middle[axis]) / PARTS as f64);
    let down = [0, 1].map(|axis| 2.0 * (below[axis] - middle[axis]) / PARTS as f64);
    let size = [0, 1].map(|axis| across[axis].hypot(down[axis]).clamp(1e-9, 1.0));
    let mut sum = 0.0;
    for j in 0..PARTS {
        for i in 0..PARTS {
            let (a, b) = (offset(i), offset(j));
            let place = [0, 1].map(|axis| middle[axis] + a * across[axis] + b * down[axis]);
            sum += part(cells, place, size);
        }
    }
    (sum / (PARTS * PARTS) as f64) as f32
}

/// Parts from the middle of the sample to the middle of part `index`.
fn offset(index: usize) -> f64 {
    index as f64 + 0.5 - PARTS as f64 / 2.0
}

/// Mean over a rectangle of at most one cell each way around `place`.
fn part(cells: &Plane<f32>, place: Point, size: Point) -> f64 {
    let Extent { width, height } = cells.extent();
    let (left, right, share_x) = halves(place[0], size[0], width);
    let (top, bottom, share_y) = halves(place[1], size[1], height);
    let mix = |row: &[f32]| {
        let (a, b) = (f64::from(row[left]), f64::from(row[right]));
        a + share_x * (b - a)
    };
    let (above, below) = (mix(cells.row(top)), mix(cells.row(bottom)));
    above + share_y * (below - above)
}

/// The cells before and after the edge that is nearest to `place`, and the share of the second.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn halves(place: f64, size: f64, limit: usize) -> (usize, usize, f64) {
    let edge = place.round();
    let share = ((place - edge) / size + 0.5).clamp(0.0, 1.0);
    let clamp = |index: f64| index.clamp(0.0, limit as f64 - 1.0) as usize;
    (clamp(edge - 1.0), clamp(edge), share)
}
