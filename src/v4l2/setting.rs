//! Which value of a control a setting means.

use super::control::{Control, ControlKind, name_of};
use super::value::{ControlValue, MenuItem, Setting};

impl Control {
    /// The value that a setting means; what was expected where it means none.
    pub(super) fn value_of(&self, setting: &Setting) -> Result<ControlValue, String> {
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
        if self.has_no_range() {
            return self.kind == ControlKind::Integer64 || i32::try_from(value).is_ok();
        }
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
            _ if self.has_no_range() => "a number; the driver does not tell which".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4l2::control::tests::control;
    use v4l::v4l_sys as raw;

    #[track_caller]
    fn check_taken(kind: ControlKind, setting: Setting, value: i64) {
        assert_eq!(control(kind).value_of(&setting), Ok(ControlValue::Integer(value)));
    }

    #[track_caller]
    fn check_refused(kind: ControlKind, setting: Setting, message: &str) {
        assert_eq!(control(kind).value_of(&setting), Err(message.to_owned()));
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
}
