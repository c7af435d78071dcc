//! What a camera says of its focus and zoom, against what it said when it was calibrated.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::SourceConfig;
use crate::optics::Calibration;
use crate::v4l2::{Automatic, Control, ControlValue, Device};

/// Beginnings of the names of controls that change the blur.
const OF_BLUR: [&str; 2] = ["focus", "zoom"];

/// The controls of a camera.
#[derive(Debug)]
pub(super) struct Controls {
    device: PathBuf,
    /// As they were when it was calibrated.
    calibrated: BTreeMap<String, i64>,
}

impl Controls {
    /// Of a source that has any.
    pub(super) fn of(camera: &Calibration, source: &SourceConfig) -> Option<Self> {
        let SourceConfig::V4l2(options) = source else { return None };
        let (device, calibrated) = (options.device.clone(), camera.controls.clone());
        Some(Self { device, calibrated })
    }

    /// What is not as it was, in words; empty where nothing is, or the camera does not tell.
    pub(super) fn alarm(&self) -> String {
        let asked = Device::open(&self.device).and_then(|device| device.controls());
        match asked {
            Ok(controls) => alarm(&self.calibrated, &controls),
            Err(error) => {
                log::debug!("the camera does not tell of its controls: {error}");
                String::new()
            }
        }
    }
}

fn alarm(calibrated: &BTreeMap<String, i64>, controls: &[Control]) -> String {
    let automatic = controls.iter().filter(|control| control.automatic() == Some(Automatic::Focus));
    let automatic = automatic.map(|control| format!("the focus is automatic ({})", control.name));
    let moved = controls.iter().filter_map(|control| {
        let is_of_blur = OF_BLUR.iter().any(|beginning| control.name.starts_with(beginning));
        let was = calibrated.get(&control.name).filter(|_| is_of_blur)?;
        match control.value {
            Some(ControlValue::Integer(is)) if is != *was => {
                Some(format!("{} is {is}, it was {was}", control.name))
            }
            _ => None,
        }
    });
    automatic.chain(moved).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4l2::ControlKind;

    /// Sees what is said of a control of that name and value where it was calibrated as 30.
    #[track_caller]
    fn check(name: &str, value: i64, expected: &str) {
        let control = Control::integer(name, ControlKind::Integer, value);
        let calibrated = [("focus_absolute", 30), ("zoom_absolute", 30), ("gain", 30)];
        let calibrated =
            calibrated.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(alarm(&calibrated, &[control]), expected);
    }

    #[test]
    fn only_what_changes_the_blur_is_an_alarm() {
        check("focus_absolute", 30, "");
        check("focus_absolute", 35, "focus_absolute is 35, it was 30");
        check("zoom_absolute", 0, "zoom_absolute is 0, it was 30");
        check("gain", 0, "");
        check("focus_relative", 3, "");
    }
}
