//! A moving scene made by the program: an inspection bench in front of a brick wall.
//!
//! It has what blur destroys and what eyes look for: text down to a few pixels, a turning Siemens
//! star, gratings, a turning slanted edge, bricks, cloth, a moving belt with boxes, gears and a
//! ball. All of it is sharp to the pixel and free of stair-steps. A frame depends on nothing but
//! the options and its time, so that two runs show the same pictures.
//!
//! What stands still is drawn once; a frame is a copy of that and the moving parts.

mod backdrop;
mod belt;
mod canvas;
mod movers;

use std::time::Instant;

use serde::Deserialize;

use super::{Filled, Source, SourceError, ticks, usual_rate};
use crate::frame::{Extent, Frame, FrameRate, Layout, Picture, PictureFormat, Range};
use crate::keys;
use crate::pace::Ticks;
use canvas::Place;
use movers::Movers;

/// What a [`SceneSource`] shows and how.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneOptions {
    /// Width and height of the pictures, 64x36 to 7680x4320.
    #[serde(deserialize_with = "keys::parsed")]
    pub extent: Extent,
    /// Pictures a second, 1 to 1000.
    #[serde(deserialize_with = "keys::frame_rate")]
    pub rate: FrameRate,
    /// Chooses grain and colours.
    pub seed: u64,
    /// Whether pictures come at their rate, as from a camera; otherwise as fast as asked for.
    pub live: bool,
    /// Number of pictures; without it the scene never ends.
    pub frames: Option<u64>,
}

impl Default for SceneOptions {
    fn default() -> Self {
        let extent = Extent::new(640, 360);
        Self { extent, rate: usual_rate(), seed: 0, live: true, frames: None }
    }
}

/// The synthetic scene, in 8-bit RGB.
#[derive(Debug)]
pub struct SceneSource {
    options: SceneOptions,
    backdrop: Picture,
    movers: Movers,
    ticks: Option<Ticks>,
    given: u64,
}

impl SceneSource {
    /// Draws what stands still.
    ///
    /// # Errors
    /// Where extent or rate are out of range.
    pub fn new(options: SceneOptions) -> Result<Self, SourceError> {
        let Extent { width, height } = options.extent;
        if !(64..=7680).contains(&width) || !(36..=4320).contains(&height) {
            return Err(SourceError::Setting {
                name: "extent",
                value: options.extent.to_string(),
                expected: "64x36 to 7680x4320",
            });
        }
        let ticks = ticks(options.rate)?;
        let place = Place::within(options.extent);
        let mut backdrop = Picture::new(format(options.extent));
        backdrop::draw(&mut backdrop, place, options.seed);
        Ok(Self {
            options,
            movers: Movers::new(options.extent, place, options.seed),
            backdrop,
            ticks: options.live.then_some(ticks),
            given: 0,
        })
    }

    /// Draws the picture of `tick` into `picture`.
    fn draw(&self, tick: u64, picture: &mut Picture) {
        let FrameRate { numerator, denominator } = self.options.rate;
        let seconds = tick as f64 * f64::from(denominator) / f64::from(numerator);
        picture.copy_from(&self.backdrop);
        self.movers.draw(seconds, picture);
    }
}

impl Source for SceneSource {
    fn format(&self) -> PictureFormat {
        format(self.options.extent)
    }

    fn rate(&self) -> FrameRate {
        self.options.rate
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        if self.options.frames == Some(self.given) {
            return Ok(Filled::End);
        }
        let tick = self.ticks.as_mut().map_or(self.given, Ticks::wait);
        self.given += 1;
        frame.meta.captured_at = Instant::now();
        self.draw(tick, &mut frame.blurred);
        Ok(Filled::Frame)
    }
}

fn format(extent: Extent) -> PictureFormat {
    PictureFormat { extent, layout: Layout::Rgb, depth: 8, range: Range::Full }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(options: SceneOptions, count: usize) -> Vec<Picture> {
        let mut source = SceneSource::new(options).expect("a scene");
        let mut frame = Frame::new(source.format());
        let mut next = || {
            assert!(matches!(source.fill(&mut frame), Ok(Filled::Frame)), "no frame");
            frame.blurred.clone()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn the_same_options_give_the_same_pictures() {
        let options = SceneOptions { seed: 7, live: false, ..SceneOptions::default() };
        let first = pictures(options, 4);
        assert_eq!(first, pictures(options, 4));
        assert_ne!(first[0], first[1]);
        assert_ne!(first[0], pictures(SceneOptions { seed: 8, ..options }, 1)[0]);
    }

    #[test]
    fn every_extent_can_be_drawn() {
        for (width, height) in [(64, 36), (65, 401), (1283, 37), (1920, 1080)] {
            let extent = Extent::new(width, height);
            let shown =
                pictures(SceneOptions { extent, live: false, ..SceneOptions::default() }, 2);
            let samples = shown[1].planes()[1].samples();
            assert!(samples.iter().all(|&sample| sample <= 255), "{extent} leaves its range");
        }
    }

    #[test]
    fn the_scene_ends_when_told() {
        let options = SceneOptions { frames: Some(2), live: false, ..SceneOptions::default() };
        let mut source = SceneSource::new(options).expect("a scene");
        let mut frame = Frame::new(source.format());
        let mut frames = 0;
        while let Ok(Filled::Frame) = source.fill(&mut frame) {
            frames += 1;
        }
        assert_eq!(frames, 2);
    }

    #[test]
    fn extents_and_rates_out_of_range_are_refused() {
        for (width, height) in [(63, 36), (64, 35), (7681, 400), (640, 4321), (0, 0)] {
            let extent = Extent::new(width, height);
            let scene = SceneSource::new(SceneOptions { extent, ..SceneOptions::default() });
            assert!(scene.is_err(), "{extent} was accepted");
        }
        let rate = FrameRate { numerator: 0, denominator: 1 };
        assert!(SceneSource::new(SceneOptions { rate, ..SceneOptions::default() }).is_err(), "0/1");
    }
}
