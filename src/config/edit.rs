//! Changes keys in the text of a configuration, and leaves every other byte as it is.
//!
//! The parser says where keys and values stand; a value is replaced there, a new key goes on a line of
//! its own behind the last one of its section, and a key that goes takes its line with it. What comes
//! out is read again: where it does not mean what it should, as in a section within braces, nothing
//! is changed.

use std::ops::Range;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::cameras::{self, CAMERA, NAME};
use super::read::{ConfigError, value_of};

/// A key and the value that it shall have, as variables of the environment have it; none where the key
/// shall go.
pub type Change = (&'static str, Option<String>);

/// A section: that of a camera, where the configuration has several, and its name.
pub(super) type Where<'a> = (Option<&'a str>, &'a str);

/// The text with keys of a section changed.
///
/// # Errors
/// Where the text is no TOML, or the section is written in a way that only a person can change.
pub(super) fn edited(
    text: &str,
    section: Where<'_>,
    changes: &[Change],
) -> Result<String, ConfigError> {
    let expected = expected(text, section, changes)?;
    let header = if section.0.is_some() { "camera." } else { "" };
    let by_hand = || ConfigError::Key {
        key: key(section),
        problem: format!(
            "it is written in a way that only a person can change (expected [{header}{}] \
                          on a line of its own and a key a line)",
            section.1
        ),
    };
    let mut edits = edits(text, section, changes).ok_or_else(by_hand)?;
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut edited = text.to_owned();
    edits.iter().rev().for_each(|(range, new)| edited.replace_range(range.clone(), new));
    let is_right = edited.parse::<Table>().is_ok_and(|table| table == expected);
    is_right.then_some(edited).ok_or_else(by_hand)
}

/// What the changed text shall mean.
fn expected(text: &str, section: Where<'_>, changes: &[Change]) -> Result<Table, ConfigError> {
    let parsed = text.parse::<Table>();
    let mut table = parsed.map_err(|error| ConfigError::Syntax(error.to_string()))?;
    let (camera, name) = section;
    let owner = match camera {
        None => Some(&mut table),
        Some(camera) => table.get_mut(CAMERA).and_then(Value::as_array_mut).and_then(|cameras| {
            let mut tables = cameras.iter_mut().filter_map(Value::as_table_mut);
            tables.find(|table| table.get(NAME).and_then(Value::as_str) == Some(camera))
        }),
    };
    let keys = owner.and_then(|owner| owner.get_mut(name)).and_then(Value::as_table_mut);
    let missing = || ConfigError::missing(&key(section), "a section of that name");
    let keys = keys.ok_or_else(missing)?;
    for (key, value) in changes {
        match value {
            Some(value) => drop(keys.insert((*key).to_owned(), value_of(value))),
            None => drop(keys.remove(*key)),
        }
    }
    Ok(table)
}

/// Parts of the text and what shall stand there.
fn edits(
    text: &str,
    (camera, section): Where<'_>,
    changes: &[Change],
) -> Option<Vec<(Range<usize>, String)>> {
    let root = DeTable::parse(text).ok()?.into_inner();
    let owner = match camera {
        None => &root,
        Some(camera) => {
            let cameras = value(&root, CAMERA)?.as_array()?.iter();
            let mut tables = cameras.filter_map(|table| table.get_ref().as_table());
            let name = |table| value(table, NAME).and_then(DeValue::as_str);
            tables.find(|table| name(table) == Some(camera))?
        }
    };
    let keys = value(owner, section)?.as_table()?;
    let last = keys.values().map(|value| value.span().end).max()?;
    let (newline, end) = (newline(text), line(text, last).end);
    let mut added = String::new();
    let mut edits = Vec::new();
    for (key, value) in changes {
        let known = keys.iter().find(|(known, _)| known.get_ref() == key);
        match (known, value) {
            (Some((_, place)), Some(value)) => {
                edits.push((place.span(), value_of(value).to_string()))
            }
            (Some((name, place)), None) => {
                let lines = line(text, name.span().start).start..line(text, place.span().end).end;
                edits.push((lines, String::new()));
            }
            (None, Some(value)) => added += &format!("{key} = {}{newline}", value_of(value)),
            (None, None) => {}
        }
    }
    if !added.is_empty() {
        let before = if text[..end].ends_with('\n') { "" } else { newline };
        edits.push((end..end, format!("{before}{added}")));
    }
    Some(edits)
}

fn value<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t DeValue<'i>> {
    Some(table.iter().find(|(known, _)| known.get_ref() == key)?.1.get_ref())
}

/// The name of a section in messages.
fn key((camera, section): Where<'_>) -> String {
    camera
        .map_or_else(|| section.to_owned(), |camera| format!("{}.{section}", cameras::key(camera)))
}

/// The line, its end included, in which the byte at `at` stands.
fn line(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
    start..end
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# mine\n[source]\nkind = 'scene' # sigma = 3\n\n[restore]\n  psf = 'a.npz'   # the lens\n\
                        sigma = 2.5\n# transfer = 'srgb'\n\n[[sink]]\nkind = 'http'";

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[track_caller]
    fn check(from: &str, changes: &[Change], expected: &str) {
        assert_eq!(edited(from, (None, "restore"), changes).as_deref(), Ok(expected));
    }

    #[test]
    fn only_what_changes_is_changed() {
        check(TEXT, &[], TEXT);
        let psf = [("psf", text("disk:3"))];
        check(TEXT, &psf, &TEXT.replace("'a.npz'", "\"disk:3\""));
        check(TEXT, &[("sigma", text("3.0"))], &TEXT.replace("2.5", "3.0"));
        check(TEXT, &[("sigma", None)], &TEXT.replace("sigma = 2.5\n", ""));
        let added = TEXT.replace("sigma = 2.5\n", "sigma = 2.5\nmodel = \"none\"\n");
        check(TEXT, &[("model", text("none"))], &added);
        let both = [("sigma", None), ("model", text("none"))];
        check(TEXT, &both, &TEXT.replace("sigma = 2.5\n", "model = \"none\"\n"));
        check(
            "[restore]\r\npsf = 'a'\r\n",
            &both[1..],
            "[restore]\r\npsf = 'a'\r\nmodel = \"none\"\r\n",
        );
        check("[restore]\npsf = 'a'", &both[1..], "[restore]\npsf = 'a'\nmodel = \"none\"\n");
        check("restore.psf = 'a'\n", &psf, "restore.psf = \"disk:3\"\n");
        check("restore = { psf = 'a' }\n", &psf, "restore = { psf = \"disk:3\" }\n");
    }

    #[test]
    fn what_only_a_person_can_change_is_refused() {
        for from in ["restore = { psf = 'a' }\n", "restore.psf = 'a'\n"] {
            let error =
                edited(from, (None, "restore"), &[("model", text("none"))]).expect_err("a refusal");
            assert!(error.to_string().contains("only a person can change"), "{error}");
        }
        let nothing = edited("[source]\n", (None, "restore"), &[]).expect_err("a refusal");
        assert!(nothing.to_string().contains("restore: missing"), "{nothing}");
        assert!(edited("[restore", (None, "restore"), &[]).is_err());
    }

    #[test]
    fn of_several_cameras_one_is_changed() {
        let camera = |name: &str| {
            format!("[[camera]]\nname = '{name}'\n[camera.restore]\npsf = 'a' # mine\n")
        };
        let from = format!("{}{}", camera("left"), camera("right"));
        let changes = [("psf", text("disk:3")), ("sigma", text("2.5"))];
        let to = |name| edited(&from, (Some(name), "restore"), &changes).expect("a text");
        let changed = |name| camera(name).replace("'a'", "\"disk:3\"") + "sigma = 2.5\n";
        assert_eq!(to("left"), changed("left") + &camera("right"));
        assert_eq!(to("right"), camera("left") + &changed("right"));
        let other = edited(&from, (Some("middle"), "restore"), &changes).expect_err("a refusal");
        assert_eq!(
            other.to_string(),
            "camera.middle.restore: missing (expected a section of that name)"
        );
        let inline = "camera = [{ name = 'left', restore = { psf = 'a' } }]\n";
        let by_hand = edited(inline, (Some("left"), "restore"), &changes).expect_err("a refusal");
        assert!(by_hand.to_string().contains("(expected [camera.restore] on a line"), "{by_hand}");
    }

    /// A configuration as people write them: keys in any order, with comments and blanks.
    fn written() -> impl Strategy<Value = String> {
        let noise =
            prop::sample::select(vec!["", "\n", "# psf = 'x'\n", "  # \"[restore]\"\n", "\t\n"]);
        let value = prop::sample::select(vec![
            "'a # b'",
            "\"x\\n\"",
            "3.5",
            "[1, 2]",
            "'''\na\n'''",
            "true",
        ]);
        let keys =
            prop::sample::subsequence(vec!["psf", "sigma", "model", "odd"], 1..=4).prop_shuffle();
        let tail = prop::sample::select(vec!["", " # why", "  "]);
        let line = (noise, value, tail);
        (keys, prop::collection::vec(line, 4), any::<bool>()).prop_map(|(keys, lines, is_first)| {
            let lines = keys.iter().zip(&lines);
            let keys: String = lines.map(|(k, (n, v, t))| format!("{n} {k}={v}{t}\n")).collect();
            let other = "[other]\npsf = 'no' # [restore]\n";
            let restore = format!("[ restore ] # here\n{keys}");
            if is_first { restore + other } else { other.to_owned() + &restore }
        })
    }

    proptest! {
        /// What comes out means what was wanted, and every line that says nothing of the changed keys
        /// is still there, in its order.
        #[test]
        fn every_other_byte_stays(from in written(), psf in "x:[a-z\"\\\\\n#]{0,9}", drops in any::<bool>()) {
            let sigma = (!drops).then(|| "7".to_owned());
            let changes = [("psf", text(&psf)), ("sigma", sigma.clone())];
            let to = edited(&from, (None, "restore"), &changes).expect("a text");
            let table: Table = to.parse().expect("TOML");
            prop_assert_eq!(table["restore"].get("psf").and_then(Value::as_str), Some(psf.as_str()));
            prop_assert_eq!(table["restore"].get("sigma"), (!drops).then_some(&Value::Integer(7)));
            // The same changes again change nothing.
            prop_assert_eq!(&edited(&to, (None, "restore"), &changes).expect("a text"), &to);
            let keeps = |line: &&str| !line.trim_start().starts_with("psf") && !line.trim_start().starts_with("sigma")
                && *line != "a" && !line.starts_with("'''");
            let mut after = to.split('\n');
            for line in from.split('\n').filter(keeps) {
                prop_assert!(after.any(|other| other == line), "{line:?} is gone from {to:?}");
            }
        }
    }
}
