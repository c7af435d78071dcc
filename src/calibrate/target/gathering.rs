//! Which frames are kept while a person holds the target before a camera.
//!
//! Frames of which the [guide](Guide) has nothing to say are kept, in groups: one for each position
//! of the target. Where one PSF is sought all may be of one position; a grid needs several, so that
//! a few are kept of each and the person is told to go on. Only luma is kept, and of so many frames.

use super::estimate::Options;
use super::find::Found;
use super::geometry::Geometry;
use super::guide::{Guide, Hint, Look, apart};
use super::pattern::Pattern;
use super::pool::luma;
use super::view::FIRST_SIDE;
use super::window::{Window, count};
use crate::frame::{Extent, Picture, colour};

/// Frames that are kept, at most.
pub const FRAMES_MAX: usize = 16;
/// Frames of one position, where several positions are wanted: two tell of the noise.
const FRAMES_OF_POSITION: usize = 2;
/// The target is in another position where it is so many samples away.
const ANOTHER: f64 = 1.0;

/// Frames that show the target, as they come.
#[derive(Debug)]
pub struct Gathering<'a> {
    guide: Guide<'a>,
    pattern: &'a Pattern,
    grid: (usize, usize),
    lights: (usize, usize),
    groups: Vec<Group>,
    /// What the groups tell of each cell of the lights, as shares of the samples that are wanted.
    covered: Vec<f64>,
}

/// Frames of one position.
#[derive(Debug)]
struct Group {
    /// The target in the first.
    found: Found,
    frames: Vec<Picture>,
}

impl<'a> Gathering<'a> {
    /// Gathers frames for a calibration with those options. How well parts of the frame are covered
    /// is told for `lights` columns and rows.
    pub fn new(pattern: &'a Pattern, options: &Options, lights: (usize, usize)) -> Self {
        Self {
            guide: Guide::new(pattern),
            pattern,
            grid: options.grid,
            lights,
            groups: Vec::new(),
            covered: vec![0.0; lights.0 * lights.1],
        }
    }

    /// Looks at the next frame without keeping it.
    pub fn look(&mut self, picture: &Picture) -> Look {
        self.guide.look(&luma(picture))
    }

    /// Looks at the next frame and keeps it where it is good.
    pub fn take(&mut self, picture: &Picture) -> Look {
        let mut look = self.look(picture);
        if let (Some(found), true) = (&look.found, look.hints.is_empty()) {
            if self.is_full_there(found) {
                look.hints.push(Hint::MoveOn);
            } else if !self.is_complete() {
                self.keep(picture, found);
            }
        }
        look
    }

    /// Frames that are kept.
    pub fn frames(&self) -> usize {
        self.groups.iter().map(|group| group.frames.len()).sum()
    }

    /// How much of what is wanted the kept frames tell of each part of the frame, row by row, from 0
    /// to 1.
    pub fn coverage(&self) -> impl Iterator<Item = f64> {
        self.covered.iter().map(|share| share.min(1.0))
    }

    /// The same for a target that is seen there, and no other.
    pub fn coverage_of(&self, frame: Extent, found: &Found) -> Vec<f64> {
        covered(frame, &found.geometry, self.pattern, self.lights)
    }

    /// Whether no more frames are needed, or kept.
    pub fn is_complete(&self) -> bool {
        let is_covered = self.grid != (1, 1)
            && self.groups.last().is_some_and(|group| group.frames.len() >= FRAMES_OF_POSITION)
            && self.coverage().all(|share| share >= 1.0);
        self.frames() >= FRAMES_MAX || is_covered
    }

    /// The frames, a group for each position. Where some positions have several frames, those with a
    /// single one, which a moving hand may have left, are none.
    pub fn groups(&self) -> Vec<&[Picture]> {
        let groups = || self.groups.iter().map(|group| group.frames.as_slice());
        let has_several = groups().any(|frames| frames.len() > 1);
        groups().filter(|frames| frames.len() > 1 || !has_several).collect()
    }

    fn is_full_there(&self, found: &Found) -> bool {
        self.grid != (1, 1)
            && self.groups.iter().any(|group| {
                group.frames.len() >= FRAMES_OF_POSITION && apart(&group.found, found) < ANOTHER
            })
    }

    fn keep(&mut self, picture: &Picture, found: &Found) {
        let frame = colour::luma(picture);
        match self.groups.last_mut().filter(|group| apart(&group.found, found) < ANOTHER) {
            Some(group) => group.frames.push(frame),
            None => {
                let told = self.coverage_of(picture.extent(), found);
                self.covered.iter_mut().zip(told).for_each(|(sum, share)| *sum += share);
                self.groups.push(Group { found: found.clone(), frames: vec![frame] });
            }
        }
    }
}

/// How much of what a PSF is found by the target shows in each part of a frame.
fn covered(
    frame: Extent,
    geometry: &Geometry,
    pattern: &Pattern,
    parts: (usize, usize),
) -> Vec<f64> {
    let window = Window::around(frame, geometry, pattern);
    let runs = window.inner(geometry, pattern, FIRST_SIDE / 2 + 1);
    let wanted = (4 * FIRST_SIDE * FIRST_SIDE) as f64;
    let share = |part: Window| (count(&window.within(&runs, &part)) as f64 / wanted).min(1.0);
    Window::parts(frame, parts).map(share).collect()
}
