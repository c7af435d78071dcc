//! Controls: what can be set on a device beside its format, as focus, exposure and gain.
//!
//! A control goes by the name of its description in lower case with `_` for whatever is neither
//! letter nor digit, as other tools have it: "White Balance, Automatic" is
//! `white_balance_automatic`. What is set is read back: drivers round and refuse in silence.

use std::fmt;

use rustix::io::Errno;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use v4l::v4l_sys as raw;

use super::device::Device;
use super::error::{V4l2Error, uninterrupted};
use super::{sys, text};

/// A control of a device, as it was when it was asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The kernel's number.
    pub id: u32,
    /// The name to set it by.
    pub name: String,
    /// The driver's description.
    pub description: String,
    /// What values it takes.
    pub kind: ControlKind,
    /// The least value; of a text, the least length.
    pub minimum: i64,
    /// The greatest value; of a text, the greatest length; of bits, all that there are.
    pub maximum: i64,
    /// From one value to the next, at least 1.
    pub step: u64,
    /// The value it has at first.
    pub default: i64,
    /// The value it has; `None` where it has none or does not tell.
    pub value: Option<ControlValue>,
    /// The items of a menu.
    pub menu: Vec<MenuItem>,
    /// `V4L2_CTRL_FLAG_…`.
    flags: u32,
}

/// What values a control takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    /// Whole numbers in a range.
    Integer,
    /// Whole numbers in a range, of 64 bits.
    Integer64,
    /// On or off.
    Boolean,
    /// One of some named items.
    Menu,
    /// One of some numbers.
    IntegerMenu,
    /// Any of some bits.
    Bitmask,
    /// None: it is pressed.
    Button,
    /// A text.
    Text,
    /// Tables and structures, which cannot be set here.
    Other,
}

/// The value of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlValue {
    /// A number; of a menu, that of the item.
    Integer(i64),
    /// A text.
    Text(String),
}

/// An item of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuItem {
    /// Its number.
    pub index: i64,
    /// Its name, or the number it stands for.
    pub name: String,
}

/// What a person wants a control to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// On or off; a button is pressed by `true`.
    Switch(bool),
    /// A number; of a menu, that of the item.
    Integer(i64),
    /// A text, or the name of an item.
    Text(String),
}

impl fmt::Display for ControlValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(out, "{value}"),
            Self::Text(text) => write!(out, "\"{text}\""),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => write!(out, "{on}"),
            Self::Integer(value) => write!(out, "{value}"),
            Self::Text(text) => write!(out, "\"{text}\""),
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct AnyOfThem;
        impl Visitor<'_> for AnyOfThem {
            type Value = Setting;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("true, false, a whole number or a text")
            }

            fn visit_bool<E>(self, on: bool) -> Result<Setting, E> {
                Ok(Setting::Switch(on))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Setting, E> {
                Ok(Setting::Integer(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting::Text(text.to_owned()))
            }
        }
        from.deserialize_any(AnyOfThem)
    }
}

/// What a device may change by itself while it runs. A calibrated PSF holds for one focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Automatic {
    /// The focus, and with it the blur.
    Focus,
    /// The exposure time, and with it blur and noise.
    Exposure,
    /// The gain, and with it the noise.
    Gain,
    /// The white balance.
    WhiteBalance,
}

/// `V4L2_EXPOSURE_MANUAL` and `V4L2_EXPOSURE_SHUTTER_PRIORITY`: the time is fixed.
const FIXED_EXPOSURE: [i64; 2] = [1, 2];

impl Control {
    fn of(answer: &raw::v4l2_query_ext_ctrl) -> Self {
        let description = text(&answer.name.map(|letter| letter as u8));
        Self {
            id: answer.id,
            name: name_of(&description),
            description,
            kind: ControlKind::of(answer),
            minimum: answer.minimum,
            maximum: answer.maximum,
            step: answer.step.max(1),
            default: answer.default_value,
            value: None,
            menu: Vec::new(),
            flags: answer.flags,
        }
    }

    /// Whether it cannot be set.
    pub fn is_read_only(&self) -> bool {
        self.flags & raw::V4L2_CTRL_FLAG_READ_ONLY != 0
    }

    /// Whether it has no effect as other controls are.
    pub fn is_inactive(&self) -> bool {
        self.flags & raw::V4L2_CTRL_FLAG_INACTIVE != 0
    }

    /// Whether it cannot be set while the device is used.
    pub fn is_grabbed(&self) -> bool {
        self.flags & raw::V4L2_CTRL_FLAG_GRABBED != 0
    }

    /// What the device changes by itself because of this control as it is.
    pub fn automatic(&self) -> Option<Automatic> {
        let Some(ControlValue::Integer(value)) = self.value else { return None };
        match self.id {
            raw::V4L2_CID_FOCUS_AUTO if value != 0 => Some(Automatic::Focus),
            raw::V4L2_CID_EXPOSURE_AUTO if !FIXED_EXPOSURE.contains(&value) => {
                Some(Automatic::Exposure)
            }
            raw::V4L2_CID_AUTOGAIN if value != 0 => Some(Automatic::Gain),
            raw::V4L2_CID_AUTO_WHITE_BALANCE if value != 0 => Some(Automatic::WhiteBalance),
            _ => None,
        }
    }

    /// Whether the value can be read.
    fn is_readable(&self) -> bool {
        let has_value = !matches!(self.kind, ControlKind::Button | ControlKind::Other);
        has_value && self.flags & raw::V4L2_CTRL_FLAG_WRITE_ONLY == 0
    }

    /// Whether the value stays as it was set.
    fn is_kept(&self) -> bool {
        self.is_readable() && self.flags & raw::V4L2_CTRL_FLAG_VOLATILE == 0
    }

    /// Bytes of a text, its end included.
    fn text_size(&self) -> usize {
        usize::try_from(self.maximum).unwrap_or(0).saturating_add(1)
    }

    /// The value that a setting means; what was expected where it means none.
    fn value_of(&self, setting: &Setting) -> Result<ControlValue, String> {
        let value = match (self.kind, setting) {
            _ if self.is_read_only() => None,
            (ControlKind::Button, Setting::Switch(true)) => Some(1),
            (ControlKind::Boolean, Setting::Switch(on)) => Some(i64::from(*on)),
            (ControlKind::Text, Setting::Text(text)) => return self.text_of(text),
            (ControlKind::Menu | ControlKind::IntegerMenu, wanted) => self.item_of(wanted),
            (ControlKind::Boolean, Setting::Integer(value @ 0..=1)) => Some(*value),
            (ControlKind::Bitmask, Setting::Integer(value)) => {
                (value & !self.maximum == 0).then_some(*value)
            }
            (ControlKind::Integer | ControlKind::Integer64, Setting::Integer(value)) => {
                self.is_step(*value).then_some(*value)
            }
            _ => None,
        };
        value.map(ControlValue::Integer).ok_or_else(|| self.refused(setting))
    }

    fn is_step(&self, value: i64) -> bool {
        let is_within = (self.minimum..=self.maximum).contains(&value);
        is_within && value.abs_diff(self.minimum).is_multiple_of(self.step)
    }

    fn item_of(&self, wanted: &Setting) -> Option<i64> {
        let is_wanted = |item: &&MenuItem| match wanted {
            Setting::Switch(_) => false,
            Setting::Integer(index) => item.index == *index,
            Setting::Text(name) => item.name == *name || name_of(&item.name) == name_of(name),
        };
        self.menu.iter().find(is_wanted).map(|item| item.index)
    }

    fn text_of(&self, text: &str) -> Result<ControlValue, String> {
        let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
        let fits = (self.minimum..=self.maximum).contains(&length) && !text.contains('\0');
        let value = fits.then(|| ControlValue::Text(text.to_owned()));
        value.ok_or_else(|| self.refused(&Setting::Text(text.to_owned())))
    }

    fn refused(&self, setting: &Setting) -> String {
        format!("{setting} (expected {})", self.expectation())
    }

    /// What can be set, in words.
    pub fn expectation(&self) -> String {
        let (least, most) = (self.minimum, self.maximum);
        if self.is_read_only() {
            return "nothing: it can only be read".to_owned();
        }
        match self.kind {
            ControlKind::Integer | ControlKind::Integer64 => match self.step {
                1 => format!("{least} to {most}"),
                step => format!("{least} to {most} in steps of {step}"),
            },
            ControlKind::Boolean => "true or false".to_owned(),
            ControlKind::Menu | ControlKind::IntegerMenu => {
                let item = |item: &MenuItem| format!("{} ({})", item.index, item.name);
                self.menu.iter().map(item).collect::<Vec<_>>().join(", ")
            }
            ControlKind::Bitmask => format!("a sum of bits of {most:#x}"),
            ControlKind::Button => "true, which presses it".to_owned(),
            ControlKind::Text => format!("a text of {least} to {most} bytes"),
            ControlKind::Other => "nothing: it is a table".to_owned(),
        }
    }
}

impl ControlKind {
    fn of(answer: &raw::v4l2_query_ext_ctrl) -> Self {
        if answer.nr_of_dims > 0 {
            return Self::Other;
        }
        match answer.type_ {
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER => Self::Integer,
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER64 => Self::Integer64,
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN => Self::Boolean,
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU => Self::Menu,
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER_MENU => Self::IntegerMenu,
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_BITMASK => Self::Bitmask,
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_BUTTON => Self::Button,
            raw::v4l2_ctrl_type_V4L2_CTRL_TYPE_STRING => Self::Text,
            _ => Self::Other,
        }
    }
}

/// Controls of a device, at most; more are taken for a driver that repeats itself.
const CONTROLS_MAX: usize = 1024;
/// Items of a menu, at most.
const ITEMS_MAX: i64 = 256;

impl Device {
    /// Its controls with their values.
    ///
    /// # Errors
    /// Where it fails.
    pub fn controls(&self) -> Result<Vec<Control>, V4l2Error> {
        let mut controls = Vec::new();
        let mut last = 0;
        for _ in 0..CONTROLS_MAX {
            let id = last | raw::V4L2_CTRL_FLAG_NEXT_CTRL | raw::V4L2_CTRL_FLAG_NEXT_COMPOUND;
            let mut answer = raw::v4l2_query_ext_ctrl { id, ..Default::default() };
            match uninterrupted(|| sys::call(self.file(), &sys::QUERY_EXT_CTRL, &mut answer)) {
                Err(fault) if fault.is(Errno::INVAL) || fault.is(Errno::NOTTY) => break,
                result => result.map_err(|fault| V4l2Error::call(self.path(), fault))?,
            }
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
    /// it has then, where it has one.
    ///
    /// # Errors
    /// Where there is no such control, the value is none of its values, or the device does not
    /// keep it.
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
        self.write_control(control, &value)?;
        if !control.is_kept() {
            return Ok(None);
        }
        let kept = self.read_control(control)?;
        if kept == value {
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
            let mut answer =
                raw::v4l2_querymenu { id: control.id, index: number, ..Default::default() };
            match uninterrupted(|| sys::call(self.file(), &sys::QUERYMENU, &mut answer)) {
                // A menu may have gaps.
                Err(fault) if fault.is(Errno::INVAL) => continue,
                result => result.map_err(|fault| V4l2Error::call(self.path(), fault))?,
            }
            let of_integers = control.kind == ControlKind::IntegerMenu;
            items.push(MenuItem { index, name: sys::menu_item(&answer, of_integers) });
        }
        Ok(items)
    }

    fn read_control(&self, control: &Control) -> Result<ControlValue, V4l2Error> {
        let (id, wide) = (control.id, control.kind == ControlKind::Integer64);
        if control.kind == ControlKind::Text {
            let read = self.call(|| sys::control_text(self.file(), id, control.text_size()));
            return read.map(ControlValue::Text);
        }
        let value = self.call(|| sys::control(self.file(), id, wide))?;
        // Bits have no sign.
        let is_bits = control.kind == ControlKind::Bitmask;
        Ok(ControlValue::Integer(if is_bits { value & i64::from(u32::MAX) } else { value }))
    }

    fn write_control(&self, control: &Control, value: &ControlValue) -> Result<(), V4l2Error> {
        let (id, wide) = (control.id, control.kind == ControlKind::Integer64);
        self.call(|| match value {
            ControlValue::Integer(value) => sys::set_control(self.file(), id, wide, *value),
            ControlValue::Text(text) => {
                sys::set_control_text(self.file(), id, control.text_size(), text)
            }
        })
    }
}

/// A description as a name.
fn name_of(description: &str) -> String {
    let words = description.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<String> =
        words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(kind: ControlKind) -> Control {
        let item = |index, name: &str| MenuItem { index, name: name.to_owned() };
        Control {
            id: 0,
            name: name_of("Focus, Absolute"),
            description: "Focus, Absolute".to_owned(),
            kind,
            minimum: 0,
            maximum: 250,
            step: 5,
            default: 0,
            value: None,
            menu: vec![item(1, "Manual Mode"), item(3, "Aperture Priority Mode")],
            flags: 0,
        }
    }

    #[track_caller]
    fn check_taken(kind: ControlKind, setting: Setting, value: i64) {
        assert_eq!(control(kind).value_of(&setting), Ok(ControlValue::Integer(value)));
    }

    #[track_caller]
    fn check_refused(kind: ControlKind, setting: Setting, message: &str) {
        assert_eq!(control(kind).value_of(&setting), Err(message.to_owned()));
    }

    #[test]
    fn names_are_those_of_other_tools() {
        assert_eq!(name_of("White Balance, Automatic"), "white_balance_automatic");
        assert_eq!(name_of(" Exposure (Absolute) "), "exposure_absolute");
        assert_eq!(name_of("U8 2x3 Array"), "u8_2x3_array");
    }

    #[test]
    fn settings_become_values_or_say_what_was_expected() {
        use ControlKind::{Bitmask, Boolean, Button, Integer, Menu, Text};
        let text = |text: &str| Setting::Text(text.to_owned());
        check_taken(Integer, Setting::Integer(30), 30);
        let range = "(expected 0 to 250 in steps of 5)";
        check_refused(Integer, Setting::Integer(33), &format!("33 {range}"));
        check_refused(Integer, Setting::Integer(255), &format!("255 {range}"));
        check_refused(Integer, Setting::Integer(i64::MIN), &format!("{} {range}", i64::MIN));
        check_refused(Integer, Setting::Switch(true), &format!("true {range}"));
        check_taken(Boolean, Setting::Switch(false), 0);
        check_taken(Boolean, Setting::Integer(1), 1);
        check_refused(Boolean, Setting::Integer(2), "2 (expected true or false)");
        check_taken(Menu, Setting::Integer(3), 3);
        check_taken(Menu, text("manual_mode"), 1);
        check_taken(Menu, text("Aperture Priority Mode"), 3);
        let items = "(expected 1 (Manual Mode), 3 (Aperture Priority Mode))";
        check_refused(Menu, Setting::Integer(2), &format!("2 {items}"));
        check_refused(Menu, text("auto"), &format!("\"auto\" {items}"));
        check_taken(Button, Setting::Switch(true), 1);
        check_refused(Button, Setting::Switch(false), "false (expected true, which presses it)");
        check_taken(Bitmask, Setting::Integer(0xA), 0xA);
        check_refused(Bitmask, Setting::Integer(0x100), "256 (expected a sum of bits of 0xfa)");
        assert_eq!(control(Text).value_of(&text("x")), Ok(ControlValue::Text("x".to_owned())));
    }

    #[test]
    fn the_whole_range_of_wide_numbers_can_be_set() {
        let (minimum, maximum) = (i64::MIN, i64::MAX);
        let wide = Control { minimum, maximum, step: 1, ..control(ControlKind::Integer64) };
        for value in [i64::MIN, -1, 0, 0x1_0000_0001, i64::MAX] {
            assert_eq!(wide.value_of(&Setting::Integer(value)), Ok(ControlValue::Integer(value)));
        }
    }

    #[test]
    fn what_is_read_only_is_not_set() {
        let control =
            Control { flags: raw::V4L2_CTRL_FLAG_READ_ONLY, ..control(ControlKind::Integer) };
        let refused = "5 (expected nothing: it can only be read)".to_owned();
        assert_eq!(control.value_of(&Setting::Integer(5)), Err(refused));
    }

    #[test]
    fn what_changes_by_itself_is_known() {
        let with = |id, value| {
            let value = Some(ControlValue::Integer(value));
            Control { id, value, ..control(ControlKind::Menu) }.automatic()
        };
        assert_eq!(with(raw::V4L2_CID_FOCUS_AUTO, 1), Some(Automatic::Focus));
        assert_eq!(with(raw::V4L2_CID_FOCUS_AUTO, 0), None);
        assert_eq!(with(raw::V4L2_CID_EXPOSURE_AUTO, 3), Some(Automatic::Exposure));
        assert_eq!(with(raw::V4L2_CID_EXPOSURE_AUTO, 0), Some(Automatic::Exposure));
        assert_eq!(with(raw::V4L2_CID_EXPOSURE_AUTO, 1), None);
        assert_eq!(with(raw::V4L2_CID_GAIN, 1), None);
    }
}
