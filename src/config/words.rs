//! What is wrong with a value, in words of people who write configurations.
//!
//! The library that reads values speaks of types of Rust: "invalid type: floating point `3.5`,
//! expected i64". A configuration has whole numbers, numbers, text in quotes, lists and sections.

use crate::keys::closest;

/// What values are called there, and here.
const EXPECTED: &[(&[&str], &str)] = &[
    (&["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize"], "a whole number"),
    (&["f32", "f64"], "a number"),
    (&["a string", "string"], "text in quotes"),
    (&["a boolean"], "true or false"),
    (&["a sequence"], "a list"),
    (&["a map"], "a section"),
];

/// A message about a value or a key, as it is shown.
pub(super) fn in_words(message: &str) -> String {
    let of_type =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    if let Some((is, expected)) = of_type {
        return format!("{} (expected {})", value(is), kind(expected));
    }
    match similar_key(message) {
        Some(key) => format!("{message}; did you mean `{key}`?"),
        None => message.to_owned(),
    }
}

/// What was found: "string \"x\"", "floating point `3.5`", "boolean `true`", "map".
fn value(is: &str) -> &str {
    match is {
        "sequence" => "a list",
        "map" => "a section",
        _ => is.strip_prefix("string ").or_else(|| is.split('`').nth(1)).unwrap_or(is),
    }
}

fn kind(expected: &str) -> &str {
    let known = EXPECTED.iter().find(|(names, _)| names.contains(&expected));
    match known {
        Some((_, words)) => words,
        None if expected.starts_with("struct ") => "a section",
        None => expected,
    }
}

/// The key that was meant: "unknown field `sgima`, expected one of `psf`, `sigma`".
fn similar_key(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let key = quoted.next()?;
    closest(key, quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, shown: &str) {
        assert_eq!(in_words(message), shown);
    }

    #[test]
    fn types_are_told_in_words() {
        check("invalid type: string \"x\", expected i64", "\"x\" (expected a whole number)");
        check("invalid type: floating point `3.5`, expected i64", "3.5 (expected a whole number)");
        check("invalid type: integer `3`, expected a string", "3 (expected text in quotes)");
        check("invalid type: boolean `true`, expected f64", "true (expected a number)");
        check("invalid type: sequence, expected a boolean", "a list (expected true or false)");
        check(
            "invalid type: string \"a, expected b\", expected a sequence",
            "\"a, expected b\" (expected a list)",
        );
        check(
            "invalid type: map, expected true, false or a text",
            "a section (expected true, false or a text)",
        );
        check("-3 (expected gray levels from 0 to 128)", "-3 (expected gray levels from 0 to 128)");
    }

    #[test]
    fn a_key_that_was_meant_is_told() {
        let unknown = "unknown field `sgima`, expected one of `psf`, `sigma`";
        check(unknown, &format!("{unknown}; did you mean `sigma`?"));
        let strange = "unknown field `colour`, expected `psf` or `sigma`";
        check(strange, strange);
    }
}
