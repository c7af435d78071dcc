//! The controls of a device: listed, read, and set. What is set is read back: drivers round and
//! refuse in silence.

use rustix::io::Errno;
use v4l::v4l_sys as raw;

use super::control::{Control, ControlKind};
use super::device::Device;
use super::driver::Driver;
use super::error::{ErrorKind, V4l2Error, uninterrupted};
use super::value::{ControlValue, MenuItem, Setting};

/// Controls of a device, at most; more are taken for a driver that repeats itself.
const CONTROLS_MAX: usize = 1024;
/// Items of a menu, at most.
const ITEMS_MAX: i64 = 256;

impl<D: Driver> Device<D> {
    /// Its controls with their values.
    ///
    /// # Errors
    /// Where it fails.
    pub fn controls(&self) -> Result<Vec<Control>, V4l2Error> {
        let mut controls = Vec::new();
        let mut last = 0;
        for _ in 0..CONTROLS_MAX {
            let answer = match uninterrupted(|| self.driver().control_after(last)) {
                Err(fault) if fault.is(Errno::INVAL) || fault.is(Errno::NOTTY) => break,
                result => result.map_err(|fault| V4l2Error::call(self.path(), fault))?,
            };
            if answer.id <= last {
                break;
            }
            last = answer.id;
            let is_heading = answer.type_ == raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_CTRL_CLASS;
            if !is_heading && answer.flags & raw::V4L2_CTRL_FLAG_DISABLED == 0 {
                controls.push(self.describe(&answer)?);
            }
        }
        Ok(controls)
    }

    /// Sets a control, by its name or the driver's description, and reads it back; gives the value
    /// it has then, where it has one. That may be another than was set where the driver does not
    /// tell which values there are.
    ///
    /// # Errors
    /// Where there is no such control, the value is none of its values, or the device does not
    /// take or keep it.
    pub fn set_control(
        &self,
        name: &str,
        setting: &Setting,
    ) -> Result<Option<ControlValue>, V4l2Error> {
        let failed = |problem| V4l2Error::Control {
            device: self.path().to_owned(),
            control: name.to_owned(),
            problem,
        };
        let controls = self.controls()?;
        let is_named = |control: &&Control| control.name == name || control.description == name;
        let Some(control) = controls.iter().find(is_named) else {
            let names: Vec<&str> = controls.iter().map(|control| control.name.as_str()).collect();
            return Err(failed(format!("there is none (expected one of {})", names.join(", "))));
        };
        let value = control.value_of(setting).map_err(failed)?;
        match self.write_control(control, &value) {
            Err(V4l2Error::Call { fault, .. }) if fault.kind() == ErrorKind::Unsupported => {
                return Err(failed(format!("{setting} is not taken: {fault}")));
            }
            written => written?,
        }
        if !control.is_kept() {
            return Ok(None);
        }
        let kept = self.read_control(control)?;
        if kept == value || control.has_no_range() {
            return Ok(Some(kept));
        }
        let expected = control.expectation();
        Err(failed(format!("{setting} was set, the device kept {kept} (expected {expected})")))
    }

    fn describe(&self, answer: &raw::v4l2_query_ext_ctrl) -> Result<Control, V4l2Error> {
        let mut control = Control::of(answer);
        if matches!(control.kind, ControlKind::Menu | ControlKind::IntegerMenu) {
            control.menu = self.menu(&control)?;
        }
        if control.is_readable() {
            // Some drivers fail to read what does not apply now; then there is no value.
            control.value = self.read_control(&control).ok();
        }
        Ok(control)
    }

    fn menu(&self, control: &Control) -> Result<Vec<MenuItem>, V4l2Error> {
        let mut items = Vec::new();
        let least = control.minimum.max(0);
        for index in least..=control.maximum.min(least + ITEMS_MAX) {
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let of_integers = control.kind == ControlKind::IntegerMenu;
            let ask = || self.driver().menu_item(control.id, number, of_integers);
            match uninterrupted(ask) {
                // A menu may have gaps.
                Err(fault) if fault.is(Errno::INVAL) => {}
                result => {
                    let name = result.map_err(|fault| V4l2Error::call(self.path(), fault))?;
                    items.push(MenuItem { index, name });
                }
            }
        }
        Ok(items)
    }

    fn read_control(&self, control: &Control) -> Result<ControlValue, V4l2Error> {
        let (id, wide) = (control.id, control.kind == ControlKind::Integer64);
        if control.kind == ControlKind::Text {
            let read = self.call(|| self.driver().control_text(id, control.text_size()));
            return read.map(ControlValue::Text);
        }
        let value = self.call(|| self.driver().control(id, wide))?;
        // Bits have no sign.
        let is_bits = control.kind == ControlKind::Bitmask;
        Ok(ControlValue::Integer(if is_bits { value & i64::from(u32::MAX) } else { value }))
    }

    fn write_control(&self, control: &Control, value: &ControlValue) -> Result<(), V4l2Error> {
        let (id, wide) = (control.id, control.kind == ControlKind::Integer64);
        self.call(|| match value {
            ControlValue::Integer(value) => self.driver().set_control(id, wide, *value),
            ControlValue::Text(text) => {
                self.driver().set_control_text(id, control.text_size(), text)
            }
        })
    }
}
