//! From a stream of frames to distinct scenes.
//!
//! A camera that does not move sees few scenes many times. Frames of one scene are averaged: that takes
//! their noise away, and nothing else, for a scene seen twice tells no more of the blur. Different scenes
//! do, so up to [`MOST_SCENES`] are kept apart. What is left out of a scene, cell by cell: what is
//! clipped, and what moves. A frame that sways against the mean of its scene is not averaged: the mean
//! would be wider than the blur.

use super::error::BlindError;
use super::light::{Look, Reader};
use super::scene::{CELL, Scene};
use crate::frame::{Extent, Picture, Plane};
use crate::optics::Transfer;

/// Scenes that are kept apart; further ones are passed over.
pub const MOST_SCENES: usize = 16;

/// Frames of a scene that are averaged; further ones take next to no noise away.
pub const MOST_FRAMES: u32 = 32;

/// Cells correlate at least so in frames of one scene.
const ALIKE: f64 = 0.8;

/// A frame whose light differs by a greater factor is not averaged.
const MOST_GAIN: f64 = 1.25;

/// A frame that sways farther than this against the mean, in pixels, is not averaged.
const MOST_SWAY: f64 = 0.1;

/// Collects frames of one camera.
#[derive(Debug)]
pub struct Gather {
    reader: Reader,
    extent: Option<Extent>,
    scenes: Vec<Pooled>,
    /// Shares of the frames seen that were clipped, and their mean light: what to say where nothing
    /// is left.
    clipped: f64,
    light: f64,
    frames: u32,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It shows a scene that was not seen before.
    NewScene,
    /// It was averaged with others of its scene.
    Averaged,
    /// Its scene was seen, in other light, while the camera swayed, or often enough: nothing was added.
    Seen,
    /// There are [`MOST_SCENES`] scenes already.
    Full,
}

/// Frames of one scene.
#[derive(Debug)]
struct Pooled {
    /// Mean light.
    mean: Plane<f32>,
    /// Mean light of each cell.
    cells: Plane<f32>,
    cell_states: Vec<Cell>,
    /// Mean over the frames of the variance of the noise in light.
    variance: f64,
    frames: u32,
}

/// What is known of a cell of a scene.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// Frames in its mean.
    frames: u32,
    /// Frames in which something else was there.
    moved: u32,
    /// Frames in which it was clipped.
    clipped: u32,
}

impl Gather {
    /// Of a camera of that transfer curve.
    pub fn new(transfer: Transfer) -> Self {
        Self {
            reader: Reader::new(transfer),
            extent: None,
            scenes: Vec::new(),
            clipped: 0.0,
            light: 0.0,
            frames: 0,
        }
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// Where it has not the extent of the first, or is too small.
    pub fn add(&mut self, picture: &Picture) -> Result<Taken, BlindError> {
        let expected = *self.extent.get_or_insert(picture.extent());
        if picture.extent() != expected {
            return Err(BlindError::Extents { is: picture.extent(), expected });
        }
        if expected.width.min(expected.height) < 64 {
            return Err(BlindError::TooSmall(expected));
        }
        let look = self.reader.look(picture);
        self.frames += 1;
        self.clipped += look.clipped_share();
        self.light += f64::from(look.light.mean());
        let alike = |scene: &Pooled| correlation(&scene.cells, &look.cells);
        let same = self.scenes.iter().map(alike).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((index, _)) = same.filter(|(_, alike)| *alike >= ALIKE) {
            return Ok(self.scenes[index].add(&look));
        }
        if self.scenes.len() == MOST_SCENES {
            return Ok(Taken::Full);
        }
        self.scenes.push(Pooled::new(look));
        Ok(Taken::NewScene)
    }

    /// Scenes so far.
    pub fn scenes(&self) -> usize {
        self.scenes.len()
    }

    /// Frames so far.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The scenes.
    ///
    /// # Errors
    /// Where there is none, or nothing in them can be used.
    pub fn finish(self) -> Result<Vec<Scene>, BlindError> {
        if self.frames == 0 {
            return Err(BlindError::NoFrames);
        }
        let frames = f64::from(self.frames);
        if self.light / frames < DARKEST {
            return Err(BlindError::Black);
        }
        let moving = self.scenes.iter().any(|scene| scene.frames > 1);
        let scenes: Vec<Scene> = self.scenes.into_iter().map(Pooled::scene).collect();
        if scenes.iter().all(|scene| scene.usable_share() < 0.02) {
            let clipped = self.clipped / frames;
            let is_clipped = clipped > 0.5 || !moving;
            return Err(if is_clipped {
                BlindError::Clipped(100.0 * clipped)
            } else {
                BlindError::Moving
            });
        }
        Ok(scenes)
    }
}

/// The least mean light of a lit scene.
const DARKEST: f64 = 0.002;

impl Pooled {
    fn new(look: Look) -> Self {
        let state = |clipped: &bool| Cell { frames: 1, moved: 0, clipped: u32::from(*clipped) };
        Self {
            cell_states: look.clipped.samples().iter().map(state).collect(),
            mean: look.light,
            cells: look.cells,
            variance: look.sigma.powi(2),
            frames: 1,
        }
    }

    /// Adds a frame of the scene to the mean.
    fn add(&mut self, look: &Look) -> Taken {
        let (gain, offset) = gain(&self.cells, &look.cells);
        let still = (MOST_GAIN.recip()..=MOST_GAIN).contains(&gain);
        if self.frames >= MOST_FRAMES || !still || self.sway(look, gain, offset) > MOST_SWAY {
            return Taken::Seen;
        }
        let columns = self.cells.extent().width;
        for index in 0..self.cell_states.len() {
            self.pool((index % columns, index / columns), look, (gain, offset));
        }
        self.frames += 1;
        self.variance += (look.sigma.powi(2) - self.variance) / f64::from(self.frames);
        Taken::Averaged
    }

    /// Adds a cell to the mean. Where something else is there it is left out; where that is so in most
    /// frames, it is what rests, and the mean begins again.
    fn pool(&mut self, (x, y): (usize, usize), look: &Look, (gain, offset): (f64, f64)) {
        let columns = self.cells.extent().width;
        let here = (f64::from(look.cells.row(y)[x]) - offset) / gain;
        let away = here - f64::from(self.cells.row(y)[x]);
        let moved = away.abs() > self.chance(look) + 0.02 * here.abs();
        let state = &mut self.cell_states[y * columns + x];
        state.clipped += u32::from(look.clipped.row(y)[x]);
        if moved {
            state.moved += 1;
            if state.moved <= state.frames {
                return;
            }
            *state = Cell { frames: 0, moved: state.frames, clipped: state.clipped };
        }
        state.frames += 1;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let (share, gain, offset) = (1.0 / state.frames as f32, gain as f32, offset as f32);
        let Extent { width, height } = self.mean.extent();
        for row in y * CELL..((y + 1) * CELL).min(height) {
            let columns = x * CELL..((x + 1) * CELL).min(width);
            let new = &look.light.row(row)[columns.clone()];
            let old = &mut self.mean.row_mut(row)[columns];
            old.iter_mut().zip(new).for_each(|(old, new)| {
                *old += share * ((new - offset) / gain - *old);
            });
        }
        let cell = &mut self.cells.row_mut(y)[x];
        *cell += share * ((look.cells.row(y)[x] - offset) / gain - *cell);
    }

    /// By how much the mean of a cell that rests may differ from that of a frame.
    fn chance(&self, look: &Look) -> f64 {
        4.0 * (self.variance.sqrt() + look.sigma) / CELL as f64 + 0.004
    }

    /// How far a frame has moved against the mean, in pixels: one step of Gauss and Newton for a
    /// common shift.
    fn sway(&self, look: &Look, gain: f64, offset: f64) -> f64 {
        let Extent { width, height } = self.mean.extent();
        let (mut xx, mut xy, mut yy, mut xd, mut yd) = (1e-12, 0.0, 1e-12, 0.0, 0.0);
        for y in 1..height - 1 {
            let (above, row, below) =
                (self.mean.row(y - 1), self.mean.row(y), self.mean.row(y + 1));
            let new = look.light.row(y);
            for x in 1..width - 1 {
                let gx = f64::from(row[x + 1] - row[x - 1]) / 2.0;
                let gy = f64::from(below[x] - above[x]) / 2.0;
                let d = (f64::from(new[x]) - offset) / gain - f64::from(row[x]);
                // What moves is no sway.
                if d.abs() > 0.1 {
                    continue;
                }
                xx += gx * gx;
                xy += gx * gy;
                yy += gy * gy;
                xd += gx * d;
                yd += gy * d;
            }
        }
        let determinant = (xx * yy - xy * xy).max(1e-18);
        ((yy * xd - xy * yd) / determinant).hypot((xx * yd - xy * xd) / determinant)
    }

    fn scene(self) -> Scene {
        let usable = |cell: &Cell| cell.clipped * 4 <= self.frames && cell.moved * 4 <= self.frames;
        let usable: Vec<bool> = self.cell_states.iter().map(usable).collect();
        let share = self.cell_states.iter().map(|cell| 1.0 / f64::from(cell.frames.max(1)));
        let sigma = (self.variance * share.sum::<f64>() / usable.len().max(1) as f64).sqrt();
        let extent = self.cells.extent();
        let all = Plane::new(extent, true);
        Scene {
            light: self.mean,
            usable: Plane::from_samples(extent, usable).unwrap_or(all),
            sigma,
        }
    }
}

/// Correlation of the light of cells.
fn correlation(a: &Plane<f32>, b: &Plane<f32>) -> f64 {
    let (aa, ab, bb, ..) = moments(a, b);
    if aa <= 1e-12 || bb <= 1e-12 { f64::from(u8::from(aa == bb)) } else { ab / (aa * bb).sqrt() }
}

/// Gain and offset that make `b` of `a`, by least squares.
fn gain(a: &Plane<f32>, b: &Plane<f32>) -> (f64, f64) {
    let (aa, ab, _, mean_a, mean_b) = moments(a, b);
    let gain = if aa <= 1e-12 { 1.0 } else { ab / aa };
    (gain, mean_b - gain * mean_a)
}

/// Variances, covariance and means.
fn moments(a: &Plane<f32>, b: &Plane<f32>) -> (f64, f64, f64, f64, f64) {
    let (mean_a, mean_b) = (f64::from(a.mean()), f64::from(b.mean()));
    let (mut aa, mut ab, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.samples().iter().zip(b.samples()) {
        let (a, b) = (f64::from(*a) - mean_a, f64::from(*b) - mean_b);
        aa += a * a;
        ab += a * b;
        bb += b * b;
    }
    let count = a.samples().len().max(1) as f64;
    (aa / count, ab / count, bb / count, mean_a, mean_b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PictureFormat;
    use crate::testing::random_plane;
    use rand::{RngExt, SeedableRng};

    const EXTENT: Extent = Extent::new(128, 96);

    /// A scene of smooth light, its own for each number; `mover` puts a bright square there.
    fn frame(number: u64, noise: u64, mover: Option<(usize, usize)>) -> Picture {
        let coarse = random_plane(Extent::new(18, 14), number);
        let mut random = rand_pcg::Pcg64::seed_from_u64(noise);
        let mut picture = Picture::new(PictureFormat::gray(EXTENT));
        for (y, row) in picture.planes_mut()[0].rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let mut light = 110.0 + 120.0 * coarse.row(y / 7)[x / 8];
                if mover.is_some_and(|(mx, my)| x.abs_diff(mx) < 9 && y.abs_diff(my) < 9) {
                    light = 220.0;
                }
                let value = light + random.random_range(-5.0..5.0_f32);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "in range"
                )]
                let rounded = value.clamp(0.0, 255.0) as u16;
                *sample = rounded;
            }
        }
        picture
    }

    #[test]
    fn frames_of_one_scene_are_averaged_and_scenes_kept_apart() {
        let mut gather = Gather::new(Transfer::None);
        for number in 0..3 {
            assert_eq!(gather.add(&frame(number, number, None)), Ok(Taken::NewScene));
        }
        for noise in 10..18 {
            assert_eq!(gather.add(&frame(1, noise, None)), Ok(Taken::Averaged));
        }
        let scenes = gather.finish().expect("scenes");
        assert_eq!(scenes.len(), 3);
        let (one, nine) = (scenes[0].sigma(), scenes[1].sigma());
        assert!((one / nine / 3.0 - 1.0).abs() < 0.1, "noise {one} and of nine frames {nine}");
    }

    #[test]
    fn what_moves_is_left_out() {
        let mut gather = Gather::new(Transfer::None);
        for step in 0..8 {
            let place = (step < 6).then_some((20 + 3 * step, 40));
            gather.add(&frame(7, 20 + step as u64, place)).expect("a frame");
        }
        let scenes = gather.finish().expect("scenes");
        let usable = &scenes[0].usable;
        assert!(!usable.row(40 / CELL)[28 / CELL], "something moved there");
        assert!(usable.row(10 / CELL)[100 / CELL], "nothing moved there");
        assert!(scenes[0].usable_share() > 0.7);
    }

    #[test]
    fn a_swaying_frame_is_not_averaged() {
        let mut gather = Gather::new(Transfer::None);
        let still = frame(3, 1, None);
        let mut swayed = still.clone();
        for row in swayed.planes_mut()[0].rows_mut() {
            row.copy_within(1.., 0);
        }
        gather.add(&still).expect("a frame");
        assert_eq!(gather.add(&swayed), Ok(Taken::Seen));
    }

    #[track_caller]
    fn check_refused(pictures: &[Picture], expected: &str) {
        let mut gather = Gather::new(Transfer::None);
        let added = pictures.iter().try_for_each(|picture| gather.add(picture).map(drop));
        let error = added.and_then(|()| gather.finish().map(drop)).expect_err("nothing to see");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn frames_without_a_use_are_refused_by_name() {
        let flat = |extent, value| {
            let mut picture = Picture::new(PictureFormat::gray(extent));
            picture.planes_mut()[0].samples_mut().fill(value);
            picture
        };
        check_refused(&[], "no frame");
        check_refused(&[flat(EXTENT, 0), flat(EXTENT, 0)], "black");
        check_refused(&[flat(EXTENT, 255)], "clipped");
        check_refused(&[flat(Extent::new(63, 500), 9)], "63x500 (expected at least 64x64");
        check_refused(&[flat(EXTENT, 9), flat(Extent::new(96, 128), 9)], "a frame is 96x128");
    }
}
