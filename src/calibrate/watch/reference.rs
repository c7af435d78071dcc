//! Spectra of the scenes that were seen when a camera was calibrated, in numbers that a file can hold.

use crate::calibrate::blind::periodogram::{Bins, Periodogram};
use crate::calibrate::blind::{BlindError, Scene};
use crate::executor::Executor;
use crate::frame::{Extent, Plane};

/// Numbers of a row before the powers: side of the tiles, power of the noise, mean light.
const HEAD: usize = 3;

/// Spectra of up to 16 scenes, averaged over tiles, in bins of angle and radius.
#[derive(Debug, Clone)]
pub struct Reference {
    pub(super) bins: Bins,
    pub(super) rows: Vec<Row>,
}

/// The spectrum of one scene.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) power: Vec<f64>,
    /// Power of the noise.
    pub(super) noise: f64,
    /// Mean light.
    pub(super) light: f64,
}

impl Reference {
    /// Of the scenes of a calibration.
    ///
    /// # Errors
    /// Where no part of any can be used.
    pub fn new(scenes: &[Scene], executor: &dyn Executor) -> Result<Self, BlindError> {
        let bins = Bins::for_scenes(scenes).ok_or(BlindError::Moving)?;
        let row = |scene: &Scene| {
            let mean = Periodogram::mean(&bins.tiles_of(scene, executor))?;
            let (noise, light) = (scene.sigma().powi(2).max(1e-9), f64::from(scene.light.mean()));
            Some(Row { power: mean.power, noise, light })
        };
        let rows = scenes.iter().filter_map(row).collect();
        Ok(Self { bins, rows })
    }

    /// Rows of numbers, one a scene: side of the tiles in samples, power of the
    /// noise and mean light (1.0 is white), then the mean power of each bin. There is none of no scene.
    pub fn to_plane(&self) -> Option<Plane<f64>> {
        let side = self.bins.side() as f64;
        let row = |row: &Row| [vec![side, row.noise, row.light], row.power.clone()].concat();
        let numbers: Vec<f64> = self.rows.iter().flat_map(row).collect();
        let extent = Extent::new(self.columns(), self.rows.len());
        if numbers.is_empty() { None } else { Plane::from_samples(extent, numbers) }
    }

    fn columns(&self) -> usize {
        HEAD + self.bins.bins.len()
    }

    /// What [`Reference::to_plane`] gave.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn from_plane(plane: &Plane<f64>) -> Result<Self, BlindError> {
        let (columns, numbers) = (plane.extent().width, plane.samples());
        let wrong = BlindError::Reference;
        if columns <= HEAD || numbers.is_empty() || !numbers.len().is_multiple_of(columns) {
            return Err(wrong("they do not fill rows"));
        }
        if !numbers.iter().all(|number| number.is_finite() && *number >= 0.0) {
            return Err(wrong("a number is negative or not finite"));
        }
        let side = Bins::SIDES.into_iter().find(|&side| (side as f64 - numbers[0]).abs() < 0.5);
        let bins = Bins::new(side.ok_or(wrong("the side of the tiles is none of 64, 128, 256"))?);
        if columns != HEAD + bins.bins.len() {
            return Err(wrong("a row has not as many numbers as there are bins"));
        }
        let row = |row: &[f64]| Row {
            noise: row[1].max(1e-9),
            light: row[2],
            power: row[HEAD..].iter().map(|power| power.max(1e-15)).collect(),
        };
        Ok(Self { bins, rows: numbers.chunks_exact(columns).map(row).collect() })
    }
}
