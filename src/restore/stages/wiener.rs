//! Second stage: the Wiener estimate `x_w` of every channel.

use super::super::fft2d::{Filter, RealFft2d};
use super::super::{RestoreError, Stage};
use super::with_workspace;
use crate::frame::{Effort, Extent, Frame};

/// `x_w = H+_R y`.
pub(crate) struct Wiener {
    fft: RealFft2d,
    filter: Filter,
}

impl Wiener {
    pub(crate) fn new(extent: Extent, filter: Filter) -> Self {
        Self { fft: RealFft2d::plan(extent), filter }
    }
}

impl Stage for Wiener {
    fn name(&self) -> &str {
        "wiener"
    }

    fn least_effort(&self) -> Effort {
        Effort::Wiener
    }

    fn apply(&mut self, frame: &mut Frame) -> Result<(), RestoreError> {
        with_workspace(frame, |work| {
            for channel in &mut work.channels {
                let x_w = &mut channel.x_w;
                self.fft
                    .filter(&channel.y, &self.filter, |y, row| x_w.row_mut(y).copy_from_slice(row));
            }
            Ok(())
        })
    }
}
