//! Controls: what can be set on a device beside its format, as focus, exposure and gain.
//!
//! A control goes by the name of its description in lower case with `_` for whatever is neither
//! letter nor digit, as other tools have it: "White Balance, Automatic" is
//! `white_balance_automatic`.

use v4l::v4l_sys as raw;

use super::sys::text;
use super::value::{ControlValue, MenuItem};

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
    pub(super) flags: u32,
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
    pub(super) fn of(answer: &raw::v4l2_query_ext_ctrl) -> Self {
        let description = text(&answer.name.map(|letter| u8::from_ne_bytes(letter.to_ne_bytes())));
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

    /// A control of that name and value, of which nothing else is known.
    #[cfg(test)]
    pub(crate) fn integer(name: &str, kind: ControlKind, value: i64) -> Self {
        let value = Some(ControlValue::Integer(value));
        Self { name: name.to_owned(), value, ..tests::control(kind) }
    }

    /// Whether it cannot be set.
    pub fn is_read_only(&self) -> bool {
        self.flags & raw::V4L2_CTRL_FLAG_READ_ONLY != 0
    }

    /// Whether it has no effect as other controls are.
    pub fn is_inactive(&self) -> bool {
        self.flags & raw::V4L2_CTRL_FLAG_INACTIVE != 0
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
    pub(super) fn is_readable(&self) -> bool {
        let has_value = !matches!(self.kind, ControlKind::Button | ControlKind::Other);
        has_value && self.flags & raw::V4L2_CTRL_FLAG_WRITE_ONLY == 0
    }

    /// Whether the value stays as it was set.
    pub(super) fn is_kept(&self) -> bool {
        self.is_readable() && self.flags & raw::V4L2_CTRL_FLAG_VOLATILE == 0
    }

    /// Bytes of a text, its end included: as the driver says, which may say anything.
    pub(super) fn text_size(&self) -> usize {
        usize::try_from(self.maximum).unwrap_or(0).saturating_add(1).min(TEXT_BYTES_MAX)
    }

    /// Whether the driver does not tell which numbers it takes: from 0 to 0, as tegra-video has it
    /// of exposure and gain.
    pub(super) fn has_no_range(&self) -> bool {
        let is_number = matches!(self.kind, ControlKind::Integer | ControlKind::Integer64);
        is_number && self.minimum == 0 && self.maximum == 0
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

/// Bytes of a text, at most: names, which is what there is, have fewer.
const TEXT_BYTES_MAX: usize = 4096;

/// A description as a name.
pub(super) fn name_of(description: &str) -> String {
    let words = description.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<String> =
        words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    words.join("_")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A control of that kind.
    pub(in crate::v4l2) fn control(kind: ControlKind) -> Control {
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

    #[test]
    fn names_are_those_of_other_tools() {
        assert_eq!(name_of("White Balance, Automatic"), "white_balance_automatic");
        assert_eq!(name_of(" Exposure (Absolute) "), "exposure_absolute");
        assert_eq!(name_of("U8 2x3 Array"), "u8_2x3_array");
    }

    #[test]
    fn a_text_is_no_longer_than_texts_are() {
        let of = |maximum| Control { maximum, ..control(ControlKind::Text) }.text_size();
        assert_eq!([0, 31, i64::MAX, -1].map(of), [1, 32, TEXT_BYTES_MAX, 1]);
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
