//! How many frames a second a camera is to give, and gives.
//!
//! Where the ioctl for it fails or has no answer, in whatever way, a control `frame_rate` is asked,
//! in frames a second or in millionths of that; where there is none, the rate is measured.

use std::time::{Duration, Instant};

use crate::frame::FrameRate;
use crate::v4l2::{
    Control, ControlKind, ControlValue, Device, Direction, Driver, ErrorKind, Interval, Setting,
    V4l2Error,
};

const CONTROL: &str = "frame_rate";
/// Parts of a frame a second that most drivers count in.
const PARTS: u32 = 1_000_000;
/// A value from which on it is taken for such parts.
const PARTS_FROM: i64 = 1000;

/// Asks for a rate, and gives the one that is set where the camera tells.
pub(super) fn ask<D: Driver>(
    device: &Device<D>,
    rate: FrameRate,
) -> Result<Option<FrameRate>, V4l2Error> {
    match device.set_interval(Direction::Capture, Interval::at(rate)) {
        Ok(Some(interval)) => return Ok(Some(interval.rate())),
        Ok(None) => {}
        Err(error) if error.kind() == ErrorKind::Gone => return Err(error),
        Err(error) => log::debug!("the rate cannot be asked for: {error}"),
    }
    let controls = device.controls()?;
    let is_it = |control: &&Control| {
        control.name == CONTROL
            && matches!(control.kind, ControlKind::Integer | ControlKind::Integer64)
    };
    controls.iter().find(is_it).map_or(Ok(None), |control| by_control(device, control, rate))
}

fn by_control<D: Driver>(
    device: &Device<D>,
    control: &Control,
    rate: FrameRate,
) -> Result<Option<FrameRate>, V4l2Error> {
    let now = match control.value {
        Some(ControlValue::Integer(value)) => value,
        _ => 0,
    };
    let in_parts = now >= PARTS_FROM || control.maximum >= PARTS_FROM;
    let parts = if in_parts { PARTS } else { 1 };
    let wanted = u64::from(rate.numerator) * u64::from(parts) / u64::from(rate.denominator.max(1));
    let wanted = Setting::Integer(i64::try_from(wanted).unwrap_or(i64::MAX));
    let kept = match device.set_control(CONTROL, &wanted) {
        Ok(Some(ControlValue::Integer(kept))) => kept,
        Ok(_) => now,
        Err(error) if error.kind() == ErrorKind::Gone => return Err(error),
        Err(error) => {
            log::debug!("{error}");
            now
        }
    };
    Ok(u32::try_from(kept).ok().filter(|&kept| kept > 0).map(|kept| reduced(kept, parts)))
}

/// A fraction in its least terms.
fn reduced(numerator: u32, denominator: u32) -> FrameRate {
    let (mut divisor, mut rest) = (numerator, denominator);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    FrameRate { numerator: numerator / divisor, denominator: denominator / divisor }
}

/// Measures the rate of a camera that does not tell.
#[derive(Debug, Default)]
pub(super) struct Measured {
    first: Option<Instant>,
    frames: u32,
}

impl Measured {
    /// Frames that are measured.
    const FRAMES: u32 = 60;

    /// Takes note of a frame `numbers` after the last one; frames a second when there were enough.
    pub(super) fn see(&mut self, now: Instant, numbers: u32) -> Option<f64> {
        let first = *self.first.get_or_insert(now);
        if self.frames >= Self::FRAMES {
            return None;
        }
        let took = now.saturating_duration_since(first);
        self.frames += if took.is_zero() { 0 } else { numbers };
        let is_enough = self.frames >= Self::FRAMES && took > Duration::ZERO;
        is_enough.then(|| f64::from(self.frames) / took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_in_their_least_terms() {
        assert_eq!(reduced(30_000_000, 1_000_000), FrameRate::per_second(30));
        let rate = FrameRate { numerator: 2_997, denominator: 100 };
        assert_eq!(reduced(29_970_000, 1_000_000), rate);
        assert_eq!(reduced(25, 1), FrameRate::per_second(25));
    }

    #[test]
    fn the_rate_is_measured_once() {
        let (mut measured, start) = (Measured::default(), Instant::now());
        let mut see = |frame: u32| measured.see(start + Duration::from_millis(40) * frame, 1);
        let found: Vec<f64> = (0..200).filter_map(&mut see).collect();
        assert!(matches!(found[..], [rate] if (rate - 25.0).abs() < 0.01), "{found:?}");
    }
}
