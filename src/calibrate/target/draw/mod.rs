//! The target as a file: vector graphics for paper, whole pixels for a screen.
//!
//! Everything is rectangles: one list of them, in cells, black on white. Vector files hold them as
//! one shape, so that no viewer shows seams where they touch, in millimetres: printed at 100 %, a
//! cell has the size that was asked for. The blur is found in samples of the camera, so a printer
//! that scales does no harm.

mod sheet;
mod svg;
mod pdf;
mod png;

pub use png::PngError;
pub use sheet::{Paper, Sheet, SheetError};

use super::pattern::Pattern;
use crate::frame::Extent;

/// A rectangle of black cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rectangle {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The black cells as few rectangles: runs of a row, joined with the same run of the rows below.
fn rectangles(pattern: &Pattern) -> Vec<Rectangle> {
    let (mut open, mut done): (Vec<Rectangle>, Vec<Rectangle>) = (Vec::new(), Vec::new());
    for (y, row) in pattern.cells().rows().enumerate() {
        let mut next = Vec::new();
        for (x, width) in black_runs(row) {
            let above = open.iter().position(|above| (above.x, above.width) == (x, width));
            next.push(match above {
                Some(index) => {
                    let above = open.swap_remove(index);
                    Rectangle { height: above.height + 1, ..above }
                }
                None => Rectangle { x, y, width, height: 1 },
            });
        }
        done.append(&mut open);
        open = next;
    }
    done.append(&mut open);
    done.sort_by_key(|rectangle| (rectangle.y, rectangle.x));
    done
}

/// First cell and number of cells of each run of black ones.
fn black_runs(row: &[f32]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (x, _) in row.iter().enumerate().filter(|(_, light)| **light < 0.5) {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == x => *length += 1,
            _ => runs.push((x, 1)),
        }
    }
    runs
}

/// Width and height of the pattern.
fn cells(pattern: &Pattern) -> Extent {
    pattern.extent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Plane;

    /// Draws the rectangles again.
    #[test]
    fn rectangles_are_the_black_cells_and_do_not_overlap() {
        let pattern = Pattern::noise(3);
        let mut times = Plane::new(pattern.extent(), 0_u8);
        for Rectangle { x, y, width, height } in rectangles(&pattern) {
            for row in y..y + height {
                times.row_mut(row)[x..x + width].iter_mut().for_each(|count| *count += 1);
            }
        }
        let black = pattern.cells().samples().iter().map(|&light| u8::from(light < 0.5));
        assert!(times.samples().iter().copied().eq(black));
    }
}
