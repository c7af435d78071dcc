//! Values of controls, and what a person wants them to be.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

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
