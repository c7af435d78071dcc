//! Mosaics of colours to luma or to red, green and blue.
//!
//! A sensor's samples are linear in light. Each becomes a fraction of white in 16 bits,
//! `65535 gain (sample - black) / (white - black)`, clipped, with the gain of its colour; the
//! colours are then separated by linear filters, so that what the optics did to light is still a
//! convolution afterwards; last, the light may be encoded by a curve, for viewers. A restoration
//! that undoes that curve gets the linear light back to within a sample.
//!
//! Beyond its edges a mosaic is continued by reflection about the outermost samples, which keeps
//! colours where they belong.

mod levels;
mod luma;
mod rgb;
mod window;

use super::error::UnpackError;
use super::pixel_format::Mosaic;
use crate::frame::{Extent, Picture};
use levels::Levels;
use window::{Window, reflected_rows};

/// Samples in a row or column, at least: as far as reflections reach.
pub(super) const SIDE_MIN: usize = 4;

/// What becomes of mosaics.
#[derive(Debug, Clone, Copy)]
pub struct RawOptions {
    /// What is made of the colours.
    pub demosaic: Demosaic,
    /// The sensor's sample value of darkness.
    pub black_level: u16,
    /// Gains of red, green and blue, 0.01 to 100. With gains of 1 and more, what saturates the
    /// sensor stays white.
    pub white_balance: [f32; 3],
    /// Encoded value of light, both from 0 to 1; without it samples stay linear.
    pub encode: Option<fn(f64) -> f64>,
}

/// What is made of the colours of a mosaic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demosaic {
    /// One plane, `(R + 2 G + B) / 4`.
    Luma,
    /// Red, green and blue planes.
    Rgb,
}

impl Default for RawOptions {
    fn default() -> Self {
        let (black_level, white_balance) = (0, [1.0; 3]);
        Self { demosaic: Demosaic::Luma, black_level, white_balance, encode: None }
    }
}

impl PartialEq for RawOptions {
    fn eq(&self, other: &Self) -> bool {
        let plain = |it: &Self| (it.demosaic, it.black_level, it.white_balance);
        let curve = |it: &Self| it.encode.map(|encode| encode(0.5).to_bits());
        plain(self) == plain(other) && curve(self) == curve(other)
    }
}

/// The way from mosaics of one kind to pictures.
#[derive(Debug)]
pub(super) struct Mosaicked {
    sensor: Sensor,
    colours: Colours,
}

/// What the samples of a sensor mean.
#[derive(Debug)]
struct Sensor {
    mosaic: Mosaic,
    height: usize,
    levels: Levels,
    /// Encoded values of light, one a sample; empty where samples stay linear.
    curve: Vec<u16>,
}

#[derive(Debug)]
enum Colours {
    Luma(luma::Window),
    Rgb(Box<rgb::Window>),
}

impl Mosaicked {
    pub(super) fn plan(
        mosaic: Mosaic,
        depth: u8,
        extent: Extent,
        shift: u8,
        raw: &RawOptions,
    ) -> Result<Self, UnpackError> {
        let levels = Levels::new(depth, shift, raw.black_level, raw.white_balance)?;
        let curve = raw.encode.map_or_else(Vec::new, levels::curve);
        let colours = match raw.demosaic {
            Demosaic::Luma => Colours::Luma(luma::Window::new(extent.width)),
            Demosaic::Rgb => Colours::Rgb(Box::new(rgb::Window::new(extent.width))),
        };
        Ok(Self { sensor: Sensor { mosaic, height: extent.height, levels, curve }, colours })
    }

    /// Makes `picture` what `rows` of the sensor show.
    pub(super) fn demosaic<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a [u8]>,
        picture: &mut Picture,
    ) {
        match &mut self.colours {
            Colours::Luma(window) => self.sensor.develop(window, rows, picture),
            Colours::Rgb(window) => self.sensor.develop(window.as_mut(), rows, picture),
        }
    }
}

impl Sensor {
    fn develop<'a, W: Window>(
        &self,
        window: &mut W,
        mut rows: impl Iterator<Item = &'a [u8]>,
        picture: &mut Picture,
    ) {
        let mut next = 0;
        for y in 0..self.height {
            // A row is read once, when the first row that looks at it is due.
            while next <= (y + W::REACH).min(self.height - 1) {
                let Some(row) = rows.next() else { return };
                window.load(next, &self.levels, row, self.levels.factors(self.mosaic, next));
                next += 1;
            }
            window.develop(self.mosaic, y, reflected_rows(y, self.height), picture);
            picture.planes_mut().iter_mut().for_each(|plane| encode(&self.curve, plane.row_mut(y)));
        }
    }
}

/// Encodes light in place.
fn encode(curve: &[u16], samples: &mut [u16]) {
    if let Ok(curve) = <&[u16; levels::CURVE_STEPS]>::try_from(curve) {
        samples.iter_mut().for_each(|sample| *sample = curve[usize::from(*sample)]);
    }
}
