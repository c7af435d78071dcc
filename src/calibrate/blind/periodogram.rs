//! Spectra of scenes: windowed periodograms, averaged over tiles (Welch), in bins of angle and radius.
//!
//! A bin is a sector of a ring of frequencies: 8 sectors of the half plane, rings 1/128 cycle wide. The
//! tiles of a scene overlap by half under a Hann window of mean square 1, so that white noise of
//! deviation sigma has the power sigma^2 in every bin. A tile in which something lies that is not
//! to be used is left out.

use crate::executor::{Executor, for_all};
use crate::fft::{RealFft2d, coefficients, frequency};
use crate::frame::{Extent, Plane};

use super::scene::{CELL, Scene};

/// Sectors of the half plane.
pub(crate) const SECTORS: usize = 8;

/// Rings from 0 to half a cycle a sample.
pub(crate) const RINGS: usize = 64;

/// The lowest frequencies are left out: they tell nothing of a blur, and the window spreads the
/// scene's brightness into them.
const LOWEST: f64 = 0.03;
const HIGHEST: f64 = 0.5;

/// Frequencies of a bin at which a blur is evaluated.
const SAMPLES: usize = 4;

/// Share of the window's energy that may fall on what is not to be used.
const TOLERATED: f64 = 0.01;

/// Bins of the spectra of tiles of one side.
#[derive(Debug, Clone)]
pub(crate) struct Bins {
    side: usize,
    /// The bin of each coefficient.
    of: Vec<Option<u32>>,
    pub(crate) bins: Vec<Bin>,
}

/// Frequencies that are taken together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bin {
    /// From 0 to [`SECTORS`].
    pub(crate) sector: usize,
    /// Logarithm of the mean radius.
    pub(crate) ln_radius: f64,
    /// Coefficients in it.
    pub(crate) count: f64,
    /// Some of them.
    pub(crate) samples: Vec<(f64, f64)>,
}

/// The spectrum of a scene, or of a part of it.
#[derive(Debug, Clone)]
pub(crate) struct Periodogram {
    /// Mean power of each bin.
    pub(crate) power: Vec<f64>,
    /// Tiles that it is the mean of.
    pub(crate) tiles: f64,
}

impl Bins {
    /// Sides of tiles; the widest that fits is taken.
    pub(crate) const SIDES: [usize; 3] = [256, 128, 64];

    /// Of the widest tiles of which every scene has some; `None` where there are none.
    pub(crate) fn for_scenes(scenes: &[Scene]) -> Option<Self> {
        Self::side_for(scenes).map(Self::new)
    }

    /// The side of these tiles.
    pub(crate) fn side_for(scenes: &[Scene]) -> Option<usize> {
        let fits = |side: usize| scenes.iter().all(|scene| tiles(scene, side).len() >= 4);
        let some = |side: usize| scenes.iter().any(|scene| !tiles(scene, side).is_empty());
        let side = Self::SIDES.into_iter().find(|&side| fits(side));
        side.or_else(|| Self::SIDES.into_iter().rev().find(|&side| some(side)))
    }

    /// Of tiles of `side` samples.
    pub(crate) fn new(side: usize) -> Self {
        let extent = Extent::new(side, side);
        let mut bins = vec![Bin::default(); SECTORS * RINGS];
        let mut members: Vec<Vec<(f64, f64)>> = vec![Vec::new(); bins.len()];
        let mut of = Vec::with_capacity(coefficients(extent));
        for index in 0..coefficients(extent) {
            let (u, v) = frequency(extent, index);
            let v = if v > 0.5 { v - 1.0 } else { v };
            let place = place(u, v);
            of.push(place);
            if let Some(place) = place {
                members[place as usize].push((u, v));
            }
        }
        let mut numbers = vec![None; bins.len()];
        let mut kept = Vec::new();
        for (place, members) in members.iter().enumerate() {
            if members.is_empty() {
                continue;
            }
            numbers[place] = u32::try_from(kept.len()).ok();
            kept.push(Bin::of(place, members));
        }
        bins = kept;
        let of = of.into_iter().map(|place| numbers[place? as usize]).collect();
        Self { side, of, bins }
    }

    /// Side of the tiles.
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    /// The spectra of the tiles of a scene, each with the place of its corner.
    pub(crate) fn tiles_of(&self, scene: &Scene, executor: &dyn Executor) -> Vec<Periodogram> {
        let (fft, window) = (RealFft2d::plan(Extent::new(self.side, self.side)), hann(self.side));
        let corners = tiles(scene, self.side);
        let mut spectra: Vec<Option<Periodogram>> = vec![None; corners.len()];
        for_all(executor, corners.iter().zip(&mut spectra), &|(&corner, spectrum)| {
            *spectrum = Some(self.tile(&fft, &window, &scene.light, corner));
        });
        spectra.into_iter().flatten().collect()
    }

    /// The power of one tile.
    fn tile(
        &self,
        fft: &RealFft2d,
        window: &[f32],
        light: &Plane<f32>,
        (left, top): (usize, usize),
    ) -> Periodogram {
        let mut tile = Plane::new(Extent::new(self.side, self.side), 0.0);
        tile.copy_window(light, left, top);
        apply(window, &mut tile);
        let mut power = vec![0.0; self.bins.len()];
        let scale = 1.0 / tile.extent().area() as f64;
        for (value, bin) in fft.transform(&tile).iter().zip(&self.of) {
            if let Some(bin) = bin {
                power[*bin as usize] += f64::from(value.norm_sqr()) * scale;
            }
        }
        power.iter_mut().zip(&self.bins).for_each(|(power, bin)| *power /= bin.count);
        Periodogram { power, tiles: 1.0 }
    }

    /// The squared magnitude of an OTF in each bin.
    pub(crate) fn squared(&self, otf: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let mean = |bin: &Bin| {
            let squares = bin.samples.iter().map(|&(u, v)| otf(u, v).powi(2));
            squares.sum::<f64>() / bin.samples.len() as f64
        };
        self.bins.iter().map(mean).collect()
    }
}

impl Bin {
    fn of(place: usize, members: &[(f64, f64)]) -> Self {
        let radius = members.iter().map(|&(u, v)| u.hypot(v)).sum::<f64>() / members.len() as f64;
        let step = members.len().div_ceil(SAMPLES);
        Self {
            sector: place / RINGS,
            ln_radius: radius.ln(),
            count: members.len() as f64,
            samples: members.iter().skip((step - 1) / 2).step_by(step).copied().collect(),
        }
    }
}

impl Periodogram {
    /// The mean of several.
    pub(crate) fn mean<'a>(spectra: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut spectra = spectra.into_iter();
        let mut sum = spectra.next()?.clone();
        sum.power.iter_mut().for_each(|power| *power *= sum.tiles);
        for other in spectra {
            let powers = sum.power.iter_mut().zip(&other.power);
            powers.for_each(|(power, other_power)| *power += other_power * other.tiles);
            sum.tiles += other.tiles;
        }
        sum.power.iter_mut().for_each(|power| *power /= sum.tiles);
        Some(sum)
    }
}

/// The number of a frequency's sector and ring.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
fn place(u: f64, v: f64) -> Option<u32> {
    let radius = u.hypot(v);
    if !(LOWEST..HIGHEST).contains(&radius) {
        return None;
    }
    let angle = v.atan2(u) / std::f64::consts::PI + 0.5;
    // Half a sector on, so that the axes, along which scenes are strongest, are inside of one.
    let sector = ((angle * SECTORS as f64 + 0.5) as usize) % SECTORS;
    let ring = ((radius * 2.0 * RINGS as f64) as usize).min(RINGS - 1);
    u32::try_from(sector * RINGS + ring).ok()
}

/// A Hann window of mean square 1 in two directions.
fn hann(side: usize) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    let value = |i: usize| {
        let turn = std::f64::consts::TAU * (i as f64 + 0.5) / side as f64;
        ((0.5 - 0.5 * turn.cos()) / 0.375_f64.sqrt()) as f32
    };
    (0..side).map(value).collect()
}

/// Takes the mean under the window off a tile and multiplies by the window.
fn apply(window: &[f32], tile: &mut Plane<f32>) {
    let (mut sum, mut weight) = (0.0_f64, 0.0_f64);
    for (row, a) in tile.rows().zip(window) {
        for (sample, b) in row.iter().zip(window) {
            sum += f64::from(sample * a * b);
            weight += f64::from(a * b);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    let mean = (sum / weight) as f32;
    for (row, a) in tile.rows_mut().zip(window) {
        row.iter_mut().zip(window).for_each(|(sample, b)| *sample = (*sample - mean) * a * b);
    }
}

/// Corners of the tiles of a scene that can be used.
fn tiles(scene: &Scene, side: usize) -> Vec<(usize, usize)> {
    let Extent { width, height } = scene.light.extent();
    if width < side || height < side {
        return Vec::new();
    }
    let (columns, rows) = (starts(width, side), starts(height, side));
    let corners = rows.iter().flat_map(|&top| columns.iter().map(move |&left| (left, top)));
    corners.filter(|&corner| spoiled(scene, corner, side) <= TOLERATED).collect()
}

/// Tiles of `side` that overlap by half or more and reach both ends of `length`.
fn starts(length: usize, side: usize) -> Vec<usize> {
    let steps = (length - side).div_ceil(side / 2);
    (0..=steps).map(|step| (length - side) * step / steps.max(1)).collect()
}

/// The share of the window's energy on cells that are not to be used.
fn spoiled(scene: &Scene, (left, top): (usize, usize), side: usize) -> f64 {
    let window = hann(side);
    let energy = |from: usize, first: usize| -> f64 {
        let begin = (from * CELL).max(first) - first;
        let end = ((from + 1) * CELL).min(first + side) - first;
        window[begin..end].iter().map(|&w| f64::from(w * w)).sum::<f64>() / side as f64
    };
    let columns = left / CELL..(left + side).div_ceil(CELL);
    let mut spoiled = 0.0;
    for row in top / CELL..(top + side).div_ceil(CELL) {
        for column in columns.clone() {
            if !scene.usable.row(row)[column] {
                spoiled += energy(row, top) * energy(column, left);
            }
        }
    }
    spoiled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Sequential;
    use crate::testing::random_plane;

    #[test]
    fn white_noise_has_its_variance_in_every_bin() {
        let extent = Extent::new(300, 200);
        let scene = Scene::of(random_plane(extent, 5), 0.0);
        let bins = Bins::for_scenes(std::slice::from_ref(&scene)).expect("tiles");
        assert_eq!(bins.side(), 128);
        let tiles = bins.tiles_of(&scene, &Sequential);
        let mean = Periodogram::mean(&tiles).expect("tiles");
        let (sum, count) = mean
            .power
            .iter()
            .zip(&bins.bins)
            .fold((0.0, 0.0), |sum, (p, bin)| (sum.0 + p * bin.count, sum.1 + bin.count));
        assert!((sum / count * 12.0 - 1.0).abs() < 0.03, "{}", sum / count * 12.0);
    }

    #[test]
    fn tiles_with_what_is_not_to_be_used_are_left_out() {
        let mut scene = Scene::of(Plane::new(Extent::new(256, 128), 0.5), 0.0);
        assert_eq!(tiles(&scene, 128).len(), 3);
        scene.usable.rows_mut().for_each(|row| row[..8].fill(false));
        assert_eq!(tiles(&scene, 128), [(64, 0), (128, 0)]);
        scene.usable.samples_mut().fill(false);
        assert!(Bins::for_scenes(&[scene]).is_none());
    }
}
