//! Which camera of which host, and the keys under which it is told of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What all keys begin with.
const ROOT: &str = "deblurd";

/// Characters of the name of a host or a camera, at most.
const PART_MAX: usize = 64;

/// A camera among those of all hosts; written as `HOST/CAMERA`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    host: String,
    camera: String,
}

/// '{text}' is no {what} (expected {PART_MAX:} letters, digits, '-', '_' and '.' at most)
#[derive(Debug, Clone, PartialEq, Eq, displaydoc::Display, thiserror::Error)]
pub struct NameError {
    /// What it should be.
    what: &'static str,
    /// What it is, cut where it is long.
    text: String,
}

/// What is told of a camera, or asked of it: the last part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Restored frames.
    Frame,
    /// How the station goes, as JSON.
    State,
    /// What is counted, as OpenMetrics text.
    Metrics,
    /// That it is there.
    Alive,
    /// What it is to do.
    Directive,
}

impl Subject {
    const ALL: [Self; 5] = [Self::Frame, Self::State, Self::Metrics, Self::Alive, Self::Directive];

    const fn word(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::State => "state",
            Self::Metrics => "metrics",
            Self::Alive => "alive",
            Self::Directive => "directive",
        }
    }

    /// The keys of this subject of all cameras.
    pub fn of_all(self) -> String {
        format!("{ROOT}/*/*/{}", self.word())
    }
}

impl Name {
    /// A camera of a host.
    ///
    /// # Errors
    /// Where one of them can be no part of a key.
    pub fn new(host: &str, camera: &str) -> Result<Self, NameError> {
        check("name of a host", host)?;
        check("name of a camera", camera)?;
        Ok(Self { host: host.to_owned(), camera: camera.to_owned() })
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The camera of that host.
    pub fn camera(&self) -> &str {
        &self.camera
    }

    /// The key under which a subject of this camera is told.
    pub fn key(&self, subject: Subject) -> String {
        format!("{ROOT}/{}/{}/{}", self.host, self.camera, subject.word())
    }

    /// What a key of somebody else tells of; `None` where it is none of ours.
    pub fn of_key(key: &str) -> Option<(Self, Subject)> {
        let mut parts = key.split('/');
        let mut part = || parts.next();
        let (root, host, camera, word) = (part()?, part()?, part()?, part()?);
        let subject = Subject::ALL.into_iter().find(|subject| subject.word() == word)?;
        let is_ours = root == ROOT && parts.next().is_none();
        Self::new(host, camera).ok().filter(|_| is_ours).map(|name| (name, subject))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.host, self.camera)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (host, camera) = text.split_once('/').unwrap_or((text, ""));
        Self::new(host, camera)
    }
}

/// The name of this machine.
///
/// # Errors
/// Where the system does not tell it, or it can be no part of a key.
pub fn host() -> Result<String, NameError> {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = text.trim();
    check("name of a host", name).map(|()| name.to_owned())
}

/// A wildcard in a name would be told, or obeyed, in the name of others.
fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=PART_MAX).contains(&text.len()) && text.chars().all(is_fine) {
        return Ok(());
    }
    Err(NameError { what, text: text.chars().take(PART_MAX).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_tells_whose_it_is() {
        let name = Name::new("jetson-7.local", "left_2").expect("a name");
        for subject in Subject::ALL {
            assert_eq!(Name::of_key(&name.key(subject)), Some((name.clone(), subject)));
        }
        assert_eq!(name.to_string().parse(), Ok(name));
    }

    #[test]
    fn what_could_mean_others_is_no_name() {
        for text in ["", "*", "**", "a b", "a/b", "a#", "a?", "$*", "ä", &"x".repeat(65)] {
            assert!(Name::new(text, "left").is_err(), "{text}");
            assert!(Name::new("host", text).is_err(), "{text}");
            assert_eq!(Name::of_key(&format!("deblurd/{text}/left/state")), None, "{text}");
        }
        for key in ["", "deblurd", "other/a/b/state", "deblurd/a/b/else", "deblurd/a/b/state/c"] {
            assert_eq!(Name::of_key(key), None, "{key}");
        }
        assert!("host".parse::<Name>().is_err(), "a host is no camera");
    }

    proptest! {
        #[test]
        fn no_key_crashes_the_reader(key in ".{0,80}") {
            if let Some((name, subject)) = Name::of_key(&key) {
                prop_assert_eq!(name.key(subject), key);
            }
        }
    }
}
