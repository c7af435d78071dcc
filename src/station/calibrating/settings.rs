//! How a camera is set while it is calibrated. A calibration keeps it, so that a daemon can say when
//! focus or zoom have moved since.

use std::collections::BTreeMap;
use std::path::Path;

use crate::source::unpack::PixelFormat;
use crate::station::thermal::Thermal;
use crate::v4l2::{Automatic, Control, ControlValue, Device, Direction};

/// How a camera is set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Its controls that are numbers.
    pub controls: BTreeMap<String, i64>,
    /// The pixel format that it was last set to; nothing where it does not tell.
    pub pixel_format: Option<String>,
    /// How warm the machine is that it is at, in degrees Celsius: lenses and mounts move with it.
    pub temperature: Option<f64>,
    /// That the controls cannot be asked about, or that the focus may move by itself.
    pub notes: Vec<String>,
}

impl Settings {
    /// Of a camera of this machine.
    pub fn of(device: &Path) -> Self {
        let device = Device::open(device);
        let pixel_format = device.as_ref().ok().and_then(pixel_format);
        let (controls, notes) = match device.and_then(|device| device.controls()) {
            Ok(controls) => (numbers(&controls), automatic_focus(&controls)),
            Err(error) => {
                let note = format!("{error}: whether focus or zoom move will not be known");
                (BTreeMap::new(), vec![note])
            }
        };
        let temperature = Thermal::of_device().hottest().map(|reading| reading.celsius);
        Self { controls, pixel_format, temperature, notes }
    }
}

/// As configurations name it.
fn pixel_format(device: &Device) -> Option<String> {
    let format = device.format(Direction::Capture).ok()?;
    let named = format.fourcc.to_string().parse::<PixelFormat>();
    named.ok().map(|format| format.to_string())
}

fn numbers(controls: &[Control]) -> BTreeMap<String, i64> {
    let numbers = controls.iter().filter_map(|control| match control.value {
        Some(ControlValue::Integer(value)) => Some((control.name.clone(), value)),
        _ => None,
    });
    numbers.collect()
}

fn automatic_focus(controls: &[Control]) -> Vec<String> {
    let focus = controls.iter().filter(|control| control.automatic() == Some(Automatic::Focus));
    let line = |control: &Control| {
        format!(
            "{}: the focus is automatic, and the blur changes with it (expected 0)",
            control.name
        )
    };
    focus.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4l2::ControlKind;

    #[test]
    fn numbers_are_kept_and_an_automatic_focus_is_told() {
        let integer = Control::integer;
        let focus = integer("focus_absolute", ControlKind::Integer, 30);
        let [mut silent, mut text] = [(); 2].map(|()| integer("label", ControlKind::Text, 0));
        (silent.value, text.value) = (None, Some(ControlValue::Text("a".to_owned())));
        let mut automatic = integer("focus_automatic_continuous", ControlKind::Boolean, 1);
        automatic.id = 0x009a_090c; // V4L2_CID_FOCUS_AUTO
        let expected =
            [("focus_absolute".to_owned(), 30), ("focus_automatic_continuous".to_owned(), 1)];
        let controls = [focus, silent, text, automatic];
        assert_eq!(numbers(&controls), BTreeMap::from(expected));
        let told = automatic_focus(&controls);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("focus_automatic_continuous: the focus is automatic"));
        assert!(automatic_focus(&controls[..3]).is_empty());
    }
}
