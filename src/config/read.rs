//! From text to values that are known to be in range.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;
use toml::{Table, Value};

use super::words::in_words;
use crate::exit::{ExitStatus, Status};
use crate::keys::closest;

/// Prefix of the variables that override keys.
pub(super) const PREFIX: &str = "DEBLURD_";

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum ConfigError {
    /// the configuration is not TOML: {0}
    Syntax(String),
    /// {key}: {problem}
    Key { key: String, problem: String },
    /// the variable {variable} names no key (expected {PREFIX:}SECTION__KEY)
    Variable { variable: String },
}

impl ExitStatus for ConfigError {
    fn status(&self) -> Status {
        Status::Config
    }
}

impl ConfigError {
    pub(super) fn missing(key: &str, expected: &str) -> Self {
        Self::Key { key: key.to_owned(), problem: format!("missing (expected {expected})") }
    }
}

/// The sections of a configuration that have not been read yet.
pub(super) struct Sections {
    table: Table,
    guessed: Guessed,
}

/// One section.
pub(super) struct Section {
    name: String,
    table: Table,
    guessed: Guessed,
}

/// What variables say, by the full names of their keys, where it was taken for other than text.
type Guessed = Arc<BTreeMap<String, String>>;

/// Parses the text and lets the variables override its keys.
pub(super) fn table(
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Sections, ConfigError> {
    let (table, guessed) = merged(text, variables, &[])?;
    Ok(Sections { table, guessed: Arc::new(guessed) })
}

/// The text with its keys as the variables have them, and what variables said literally; keys of the
/// text that are `without` are left out.
///
/// # Errors
/// Where the text is no TOML, or a variable names no key.
pub(super) fn merged(
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    without: &[(&str, &str)],
) -> Result<(Table, BTreeMap<String, String>), ConfigError> {
    let mut parsed: Table =
        text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax(error.to_string()))?;
    for (section, key) in without {
        parsed.get_mut(*section).and_then(Value::as_table_mut).map(|table| table.remove(*key));
    }
    let (mut root, mut guessed) = (Value::Table(parsed), BTreeMap::new());
    for (variable, text) in variables {
        let Some(path) = variable.strip_prefix(PREFIX) else { continue };
        let keys: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        if keys.len() == 1 {
            log::warn!("the variable {variable} is left alone (expected {PREFIX}SECTION__KEY)");
            continue;
        }
        let value = value_of(&text);
        if !value.is_str() {
            guessed.insert(keys.join("."), text);
        }
        let is_set = override_key(&mut root, &keys, value);
        is_set.then_some(()).ok_or(ConfigError::Variable { variable })?;
    }
    match root {
        Value::Table(table) => Ok((table, guessed)),
        _ => Err(ConfigError::Syntax("it is no table".to_owned())),
    }
}

/// Reads a section that may be absent.
pub(super) fn or_default<T: Default + DeserializeOwned>(
    section: Option<Section>,
) -> Result<T, ConfigError> {
    section.map_or_else(|| Ok(T::default()), Section::read)
}

/// The value a variable stands for: TOML where it is TOML, text else.
pub(super) fn value_of(text: &str) -> Value {
    let table: Option<Table> = format!("value = {text}").parse().ok();
    let value = table.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets the key at a path, making sections on the way; whether that was possible.
fn override_key(node: &mut Value, path: &[String], value: Value) -> bool {
    let Some((key, rest)) = path.split_first() else {
        *node = value;
        return true;
    };
    match node {
        Value::Table(table) if !key.is_empty() => {
            let child = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
            override_key(child, rest, value)
        }
        Value::Array(list) => {
            let child = key.parse().ok().and_then(|index: usize| list.get_mut(index));
            child.is_some_and(|child| override_key(child, rest, value))
        }
        _ => false,
    }
}

impl Sections {
    pub(super) fn required(&mut self, name: &str) -> Result<Section, ConfigError> {
        self.optional(name)?.ok_or_else(|| ConfigError::missing(name, "a section of that name"))
    }

    pub(super) fn optional(&mut self, name: &str) -> Result<Option<Section>, ConfigError> {
        let section = self.table.remove(name);
        section.map(|value| self.section(name.to_owned(), value)).transpose()
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Section>, ConfigError> {
        let sections = match self.table.remove(name) {
            None => Vec::new(),
            Some(Value::Array(sections)) => sections,
            Some(other) => return Err(unexpected(name, &other, "sections [[…]]")),
        };
        let named = sections.into_iter().enumerate();
        named.map(|(index, value)| self.section(format!("{name}.{index}"), value)).collect()
    }

    fn section(&self, name: String, value: Value) -> Result<Section, ConfigError> {
        match value {
            Value::Table(table) => Ok(Section { name, table, guessed: Arc::clone(&self.guessed) }),
            other => Err(unexpected(&name, &other, "a section")),
        }
    }

    /// Leaves a section to somebody else.
    pub(super) fn leave_out(&mut self, name: &str) {
        self.table.remove(name);
    }

    /// Refuses a section that is none of those. To be asked before one is missed that is misspelt.
    pub(super) fn check_names(&self, known: &[&str]) -> Result<(), ConfigError> {
        let Some(key) = self.table.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let hint = closest(key, known.iter().copied());
        let hint = hint.map_or_else(String::new, |name| format!("; did you mean [{name}]?"));
        let (last, others) = known.split_last().unwrap_or((&"none", &[]));
        let expected = format!("{} or {last}", others.join(", "));
        let problem = format!("unknown section (expected {expected}{hint})");
        Err(ConfigError::Key { key: key.clone(), problem })
    }
}

impl Section {
    /// Takes the key `kind` out of the section.
    pub(super) fn kind(&mut self, kinds: &[&str]) -> Result<String, ConfigError> {
        let key = self.key("kind");
        let expected = format!("one of {}", kinds.join(", "));
        match self.table.remove("kind") {
            Some(Value::String(kind)) if kinds.contains(&kind.as_str()) => Ok(kind),
            Some(other) => {
                let meant = other.as_str().and_then(|kind| closest(kind, kinds.iter().copied()));
                let hint = meant.map_or_else(String::new, |it| format!("; did you mean {it}?"));
                Err(unexpected(&key, &other, &(expected + &hint)))
            }
            None => Err(ConfigError::missing(&key, &expected)),
        }
    }

    /// The full name of a key of this section.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }

    /// Reads a section whose keys belong to two modules.
    pub(super) fn read_both<A: DeserializeOwned, B: DeserializeOwned>(
        mut self,
    ) -> Result<(A, B), ConfigError> {
        let (first, second) = (keys_of::<A>(), keys_of::<B>());
        let known = [first, second].concat();
        if let Some(key) = self.table.keys().find(|key| !known.contains(&key.as_str())) {
            let problem =
                format!("unknown field `{key}`, expected one of `{}`", known.join("`, `"));
            return Err(ConfigError::Key { key: self.key(key), problem: in_words(&problem) });
        }
        let taken = first.iter().filter_map(|key| self.table.remove_entry(*key)).collect();
        let guessed = Arc::clone(&self.guessed);
        let section = Self { name: self.name.clone(), table: taken, guessed };
        Ok((section.read()?, self.read()?))
    }

    /// Reads the section. What variables say is taken for what TOML takes it for; a key that wants
    /// text instead gets it literally: a token may have digits alone.
    pub(super) fn read<T: DeserializeOwned>(mut self) -> Result<T, ConfigError> {
        loop {
            let (key, problem) = match self.attempt() {
                Err((Some(key), problem)) => (key, problem),
                Err((None, problem)) => {
                    return Err(ConfigError::Key { key: self.name, problem: in_words(&problem) });
                }
                Ok(read) => return Ok(read),
            };
            let full = self.key(&key);
            let literal = self
                .guessed
                .get(&full)
                .filter(|_| self.table.get(&key).is_some_and(|value| !value.is_str()));
            let Some(literal) = literal else {
                return Err(ConfigError::Key { key: full, problem: in_words(&problem) });
            };
            self.table.insert(key.clone(), Value::String(literal.clone()));
            // Whether it is text that was wanted is told by the next problem of the key.
            let is_text = !matches!(self.attempt::<T>(), Err((Some(other), next))
                if other == key && next.starts_with("invalid type"));
            let told = || ConfigError::Key { key: full, problem: in_words(&problem) };
            is_text.then_some(()).ok_or_else(told)?;
        }
    }

    /// The section as it stands; or what is wrong, and with which of its keys.
    fn attempt<T: DeserializeOwned>(&self) -> Result<T, (Option<String>, String)> {
        let table = Value::Table(self.table.clone());
        serde_path_to_error::deserialize(table).map_err(|error| {
            let path = Some(error.path().to_string()).filter(|path| path != ".");
            (path, error.into_inner().message().to_owned())
        })
    }
}

/// The names of the keys of which a `T` is read.
fn keys_of<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Asked<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("no struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            keys: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = keys;
            Err(Self::Error::custom("only its keys were asked for"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut keys: &[&str] = &[];
    // It is always an error: what is wanted was noted by then.
    let _ = T::deserialize(Asked(&mut keys));
    keys
}

pub(super) fn unexpected(key: &str, value: &Value, expected: &str) -> ConfigError {
    ConfigError::Key { key: key.to_owned(), problem: format!("{value} (expected {expected})") }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::optics::{GrayLevels, Sigma};
    use crate::plan::Edges;

    const LEAST: &str = "
        [source]
        kind = 'scene'
        [restore]
        psf = 'disk:3'
        sigma = 2.55
        [[sink]]
        kind = 'http'
    ";

    #[track_caller]
    fn check_refused(text: &str, variables: &[(&str, &str)], message: &str) {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let error = Config::read(text, variables).expect_err("should be refused").to_string();
        assert!(error.contains(message), "{error}");
    }

    #[track_caller]
    fn check_replaced(from: &str, to: &str, message: &str) {
        check_refused(&LEAST.replace(from, to), &[], message);
    }

    #[test]
    fn what_is_wrong_is_named_with_key_value_and_expectation() {
        check_refused("source = [", &[], "not TOML");
        check_refused("", &[], "source: missing");
        check_replaced("sigma = 2.55", "", "restore: missing field `sigma`");
        check_replaced(
            "sigma = 2.55",
            "sigma = -3.0",
            "restore.sigma: -3 (expected gray levels from 0 to 128)",
        );
        check_replaced("sigma = 2.55", "sigma = nan", "restore.sigma: NaN (expected");
        check_replaced(
            "sigma = 2.55",
            "sigma = 'x'",
            "restore.sigma: \"x\" (expected gray levels from",
        );
        check_replaced(
            "sigma = 2.55",
            "sigma = 1\nsgima = 2",
            "restore.sgima: unknown field `sgima`, expected one of `psf`, `sigma`, `model`, ",
        );
        check_replaced("sigma = 2.55", "sigma = 1\nsgima = 2", "; did you mean `sigma`?");
        check_replaced("'scene'", "'scen'", "scene; did you mean scene?)");
        check_replaced("[restore]", "[restor]", "restor: unknown section (expected source, ");
        check_replaced("[restore]", "[restor]", "; did you mean [restore]?)");
        check_replaced(
            "kind = 'scene'",
            "kind = 'scene'\nrate = 3.5",
            "source.rate: 3.5 (expected a whole number)",
        );
        check_replaced(
            "kind = 'scene'",
            "kind = 'camera'",
            "source.kind: \"camera\" (expected one of v4l2, command, files, y4m, scene)",
        );
        let command = "kind = 'scene'";
        check_replaced(
            command,
            "kind = 'command'",
            "source: nothing says what is run (expected either `command`, a list as",
        );
        check_replaced(
            command,
            "kind = 'command'\ncommand = ['a']\nshell = 'b'",
            "source: both `command` and `shell` (expected either",
        );
        check_replaced(
            command,
            "kind = 'command'\ncommand = 'ffmpeg -i x'",
            "source.command: \"ffmpeg -i x\" (expected a list)",
        );
        check_replaced(
            command,
            "kind = 'command'\ncommand = ['a']\nextend = '64x48'",
            "unknown field `extend`, expected one of `command`, `shell`, `extent`, `rate`",
        );
        check_replaced(
            command,
            "kind = 'command'\ncommand = ['a']\nsilence_ms = 5",
            "source.silence_ms: 5 (expected a whole number from 100 to 60000)",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'command'\nshell = ''",
            "sink.0: `shell` is empty (expected a program)",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'command'\nshell = 'a'\nstall_ms = 0",
            "sink.0.stall_ms: 0 (expected a whole number from 500 to 600000)",
        );
        check_replaced(
            "kind = 'scene'",
            "kind = 'scene'\nrate = 0",
            "source.rate: 0 (expected a whole number from 1 to 240)",
        );
        check_replaced(
            "kind = 'scene'",
            "kind = 'scene'\nextent = '0x4'",
            "source.extent: '0x4' is not WIDTHxHEIGHT",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'http'\nlisten = '8080'",
            "sink.0.listen: '8080' (expected ADDRESS:PORT",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'v4l2'\ndevice = '/dev/video10'\nformat = 'NV12'",
            "sink.0.format: 'NV12' (expected YUYV, YU12 or GREY)",
        );
        check_replaced("kind = 'http'", "kind = 'v4l2'", "sink.0: missing field `device`");
        check_replaced(
            "kind = 'http'",
            "kind = 'http'\nlisten = '0.0.0.0:8080'",
            "sink.0.token_file: missing (expected a token, as 0.0.0.0:8080 can be reached",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'http'\ntoken = '0123456789abcdef'\ntoken_file = 'token'",
            "sink.0.token_file: 'token' (expected either token or token_file)",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'http'\ntoken = 'secret'",
            "sink.0.token: 6 characters (expected 16 to 256",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'http'\ntoken = 1234567890123456",
            "sink.0.token: not text (expected a token in quotes)",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'record'\nfolder = 'x'\nsize_max_mb = 9\nrate_max = 0",
            "sink.0.rate_max: 0 (expected 0.001 to 240",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'record'\nfolder = 'x'\nsize_max_mb = 9\nformat = 'gif'",
            "sink.0.format: unknown variant `gif`, expected `jpeg` or `png`",
        );
        check_replaced(
            "kind = 'http'",
            "kind = 'record'\nfolder = 'x'",
            "missing field `size_max_mb`",
        );
        check_replaced(
            "[restore]",
            "[calibrate]\nfile = '/etc/passwd'\n[restore]",
            "calibrate.file: '/etc/passwd' (expected a name that ends with .npz)",
        );
        check_replaced("[restore]", "[restroe]\n[restore]", "restroe: unknown section");
        check_replaced(
            "[[sink]]\n",
            "[[sink]]\nkind = 'png'\nfolder = 3\n[[sink]]\n",
            "sink.0.folder",
        );
    }

    #[test]
    fn every_key_can_be_overridden() {
        let read = |name: &str, value: &str| {
            Config::read(LEAST, [(name.to_owned(), value.to_owned())]).expect("a configuration")
        };
        assert_eq!(
            read("DEBLURD_RESTORE__SIGMA", "5").camera.sigma,
            GrayLevels::new(5.0).map(Sigma::Of)
        );
        assert_eq!(read("DEBLURD_RESTORE__SIGMA", "auto").camera.sigma, Some(Sigma::Auto));
        assert_eq!(read("DEBLURD_RESTORE__PSF", "gaussian:2").camera.psf, "gaussian:2");
        for name in ["DEBLURD_RESTORE__EDGES", "DEBLURD_RESTORE__BOUNDARY"] {
            assert_eq!(read(name, "circular").restore.edges, Edges::Circular);
        }
        assert_eq!(read("DEBLURD_PIPELINE__THREADS", "3").pipeline.threads, 3);
        let sinks = read("DEBLURD_SINK__0__LISTEN", "127.0.0.1:9000").sinks;
        assert!(format!("{sinks:?}").contains("127.0.0.1:9000"), "{sinks:?}");
        check_refused(LEAST, &[("DEBLURD_RESTORE__SGIMA", "5")], "restore.sgima: unknown field");
        check_refused(
            LEAST,
            &[("DEBLURD_SINK__7__LISTEN", "x")],
            "DEBLURD_SINK__7__LISTEN names no key",
        );
        check_refused(LEAST, &[("DEBLURD_RESTORE__SIGMA", "-1")], "restore.sigma: -1 (expected");
    }

    /// The variables are taken as if the key of the text had what is expected of them.
    #[track_caller]
    fn check_taken(variables: &[(&str, &str)], from: &str, to: &str) {
        let owned = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let read = Config::read(LEAST, owned).expect("a configuration");
        let expected = Config::read(&LEAST.replace(from, to), []).expect("a configuration");
        assert_eq!(read, expected, "{variables:?}");
    }

    #[test]
    fn variables_that_name_no_section_are_left_alone() {
        let variables = [
            ("DEBLURD_PORT", "tcp://10.0.0.1:8080"),
            ("DEBLURD_SERVICE_HOST", "10.0.0.1"),
            ("DEBLURD_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("DEBLURD_", ""),
        ];
        check_taken(&variables, "", "");
        check_refused(LEAST, &[("DEBLURD___X", "5")], "DEBLURD___X names no key");
    }

    #[test]
    fn text_is_text_whatever_it_looks_like() {
        for text in ["1234567890123456", "0x1234567890abcd", "1234567890.12345"] {
            let to = format!("kind = 'http'\ntoken = '{text}'");
            check_taken(&[("DEBLURD_SINK__0__TOKEN", text)], "kind = 'http'", &to);
        }
        for text in ["true", "2024", "2024-11-28", "nan", "[1]", "{}"] {
            let png = format!("kind = 'png'\nfolder = '{text}'");
            let variables = [("DEBLURD_SINK__0__KIND", "png"), ("DEBLURD_SINK__0__FOLDER", text)];
            check_taken(&variables, "kind = 'http'", &png);
        }
        let psf = [("DEBLURD_RESTORE__PSF", "7"), ("DEBLURD_RESTORE__SIGMA", "5")];
        check_taken(&psf, "psf = 'disk:3'\n        sigma = 2.55", "psf = '7'\nsigma = 5");
        check_refused(LEAST, &[("DEBLURD_SINK__0__TOKEN", "123")], "token: 3 characters");
        check_refused(LEAST, &[("DEBLURD_SINK__0__QUALITY", "1.5")], "1.5 (expected a whole");
    }

    #[test]
    fn frames_of_cameras_are_averaged_unless_it_is_said() {
        let frames =
            |text: &str| Config::read(text, []).expect("a configuration").restore.temporal.frames;
        let camera = LEAST.replace("kind = 'scene'", "kind = 'v4l2'\ndevice = '/dev/video0'");
        assert_eq!((frames(LEAST), frames(&camera)), (0, 8));
        let with = |text: &str, count| frames(&format!("{text}\n[temporal]\nframes = {count}\n"));
        assert_eq!((with(LEAST, 4), with(&camera, 0)), (4, 0));
        check_refused(
            &format!("{LEAST}\n[temporal]\nframes = 65"),
            &[],
            "temporal.frames: 65 (expected a whole number from 0 to 64)",
        );
    }
}
