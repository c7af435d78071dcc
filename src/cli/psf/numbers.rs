//! What is told of a PSF: the same for people and programs.

use serde::Serialize;

use super::subject::Subject;
use crate::frame::{Extent, Range};
use crate::optics::{Calibration, Certainty, GrayLevels, Light, Origin, Psf, PsfError, Shape};
use crate::plan::Forecast;
use crate::station::Known;

/// All that is told of one.
#[derive(Debug, Serialize)]
pub(super) struct Numbers {
    pub(super) name: String,
    /// What it was read from.
    pub(super) format: String,
    /// Its extent, odd sides.
    pub(super) extent: Extent,
    /// Sum of the samples before it was made 1.
    pub(super) sum: Option<f64>,
    /// What had to be assumed.
    pub(super) notes: Vec<String>,
    /// PSFs side by side and one below the other.
    pub(super) grid: [usize; 2],
    /// Of the PSF in the middle.
    pub(super) shape: Shape,
    /// Of each PSF, row by row of the grid, the root mean square width.
    pub(super) widths: Vec<f64>,
    /// Radius of the disk that is as wide as the PSF in the middle.
    pub(super) disk_radius: f64,
    /// Deviation of the Gaussian that is as wide.
    pub(super) gaussian_sigma: f64,
    pub(super) lost: Lost,
    pub(super) calibration: Option<Facts>,
    pub(super) compared: Option<Compared>,
}

/// What the blur takes at a noise.
#[derive(Debug, Serialize)]
pub(super) struct Lost {
    /// The noise in gray levels.
    pub(super) sigma: GrayLevels,
    /// Share of the frequencies.
    pub(super) share: f64,
    /// The frequency in cycles a sample from which on they are lost.
    pub(super) from: Option<f64>,
    /// What the Wiener filter gains over the blurred picture.
    pub(super) gain_db: f64,
}

/// What a calibration says beside its blur.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub(super) noise: GrayLevels,
    pub(super) read_noise: Option<f64>,
    pub(super) shot_noise: Option<f64>,
    pub(super) transfer: String,
    pub(super) extent: Option<Extent>,
    pub(super) pixel_format: Option<String>,
    pub(super) controls: std::collections::BTreeMap<String, i64>,
    pub(super) temperature: Option<f64>,
    pub(super) reference: Option<Extent>,
    pub(super) origin: Option<Origin>,
    pub(super) certainty: Option<Certainty>,
}

/// How another PSF compares.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    pub(super) with: String,
    /// How far it was moved to lie on this one: right and down, in samples.
    pub(super) right: f64,
    pub(super) down: f64,
    /// Norm of the difference, relative to that of this PSF.
    pub(super) distance: f64,
    /// The same with the other turned by 180 degrees.
    pub(super) distance_turned: f64,
    /// How many times as wide the other is.
    pub(super) width: f64,
    /// What the right PSF gains over the blurred picture in decibels.
    pub(super) gain_db: f64,
    /// What is lost of that by restoring with the other what this one blurred.
    pub(super) loss_db: f64,
    /// What is lost by restoring with this one what the other blurred.
    pub(super) loss_back_db: f64,
}

impl Numbers {
    pub(super) fn of(subject: &Subject, noise: GrayLevels) -> Result<Self, PsfError> {
        let Subject { name, known, blur } = subject;
        let (psf, (columns, rows)) = (subject.central(), blur.grid());
        let shape = psf.shape();
        let found = match known {
            Known::File(_, found) => Some(found),
            Known::Formula(_) | Known::Calibration(_) => None,
        };
        let format = match known {
            Known::Formula(_) => "formula".to_owned(),
            Known::File(_, found) => format!("{}, {}", found.format, found.extent),
            Known::Calibration(_) => "calibration".to_owned(),
        };
        Ok(Self {
            name: name.clone(),
            format,
            extent: psf.extent(),
            sum: found.map(|found| found.sum),
            notes: found.map_or_else(Vec::new, |found| found.notes.clone()),
            grid: [columns, rows],
            shape,
            widths: blur.psfs().iter().map(|psf| psf.shape().width()).collect(),
            disk_radius: shape.disk_radius(),
            gaussian_sigma: shape.gaussian_sigma(),
            lost: Lost::of(psf, noise)?,
            calibration: known.calibration().map(Facts::of),
            compared: None,
        })
    }
}

/// A noise of samples as they are, in light.
pub(super) fn light(noise: GrayLevels) -> Light {
    noise.in_light(crate::optics::Transfer::None, Range::Full)
}

impl Lost {
    fn of(psf: &Psf, noise: GrayLevels) -> Result<Self, PsfError> {
        let forecast = Forecast::new(psf, light(noise))?;
        Ok(Self {
            sigma: noise,
            share: forecast.lost_share(),
            from: forecast.lost_from(),
            gain_db: forecast.gain_db(),
        })
    }
}

impl Facts {
    fn of(calibration: &Calibration) -> Self {
        Self {
            noise: calibration.noise,
            read_noise: calibration.sensor.map(|sensor| sensor.read),
            shot_noise: calibration.sensor.map(|sensor| sensor.shot),
            transfer: calibration.transfer.to_string(),
            extent: calibration.extent,
            pixel_format: calibration.pixel_format.clone(),
            controls: calibration.controls.clone(),
            temperature: calibration.temperature,
            reference: calibration.reference.as_ref().map(|spectra| spectra.extent()),
            origin: calibration.origin.clone(),
            certainty: calibration.certainty,
        }
    }
}

impl Compared {
    pub(super) fn of(
        [psf, other]: [&Psf; 2],
        with: &str,
        noise: GrayLevels,
    ) -> Result<Self, PsfError> {
        let (like, back) = (psf.compare(other)?, other.compare(psf)?);
        let forth = Forecast::loss(psf, other, &like, light(noise))?;
        let back = Forecast::loss(other, psf, &back, light(noise))?;
        Ok(Self {
            with: with.to_owned(),
            right: like.shift.0,
            down: like.shift.1,
            distance: like.distance,
            distance_turned: psf.compare(&other.turned())?.distance,
            width: like.width,
            gain_db: forth.right,
            loss_db: forth.right - forth.wrong,
            loss_back_db: back.right - back.wrong,
        })
    }
}
