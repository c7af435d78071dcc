//! The text of the configuration of one camera, whether it has a file of its own or a table in the
//! file of several, and the variables that override its keys.
//!
//! A table `[[camera]]` becomes what its camera would have as a file; whatever reads, changes or tries
//! a configuration knows no other. Messages name keys and variables as they stand in the file of several.

use toml::{Table, Value};

use super::cameras::{self, Cameras, HTTP, NAME, PIPELINE, THREADS};
use super::read::{self, ConfigError, PREFIX};
use super::{Config, SinkConfig};
use crate::priority::Priority;

/// The configuration of one camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Single {
    /// As a file of its own has it.
    pub text: String,
    /// Names and values of the variables that override its keys, named as for such a file.
    pub variables: Vec<(String, String)>,
    /// What the text was taken out of, where it is one of several.
    part: Option<Part>,
}

/// Which table of the file of several it is.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    camera: String,
    /// The place of the sink that stands for the section of the common page.
    page: Option<usize>,
}

impl Single {
    /// That of a file of its own.
    ///
    /// # Errors
    /// Where the file has several cameras.
    pub fn of_file(text: String, variables: Vec<(String, String)>) -> Result<Self, ConfigError> {
        match Cameras::names(&text) {
            // Whatever else is wrong is told where it is read.
            Ok(None) | Err(_) => Ok(Self { text, variables, part: None }),
            Ok(Some(names)) => Err(ConfigError::Key {
                key: "camera".to_owned(),
                problem: format!(
                    "several cameras, {} (expected the configuration of one)",
                    names.join(", ")
                ),
            }),
        }
    }

    /// That of a camera in a file of several.
    ///
    /// # Errors
    /// Where there is no such camera, or what all share is wrong.
    pub fn of_camera(
        text: &str,
        variables: &[(String, String)],
        name: &str,
    ) -> Result<Self, ConfigError> {
        let shared = Cameras::read(text, variables)?;
        let missing =
            || ConfigError::missing(&cameras::key(name), "a table [[camera]] of that name");
        let shared = shared.ok_or_else(missing)?;
        let index = shared.names.iter().position(|known| known == name).ok_or_else(missing)?;
        let (root, _) = read::merged(text, [], &[])?;
        let mut table =
            cameras::tables(&root).and_then(|tables| tables.get(index)?.as_table().cloned());
        let table = table.as_mut().ok_or_else(missing)?;
        table.remove(NAME);
        share_threads(table, name, shared.workers.threads)?;
        let page = root.get(HTTP).and_then(Value::as_table);
        let page = page.map(|http| add_page(table, http, name)).transpose()?;
        name_in_fleet(table, name);
        let part = Some(Part { camera: name.to_owned(), page });
        let text = table.to_string();
        let variables = cameras::variables_of(variables, &shared.names, index, page);
        if let Some((_, value)) = variables.iter().find(|(variable, _)| variable == OWN_THREADS) {
            return Err(own_threads(name, value));
        }
        Ok(Self { text, variables, part })
    }

    /// Reads it.
    ///
    /// # Errors
    /// Where the text or a variable is not as expected.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let config = Config::read(&self.text, self.variables.iter().cloned());
        let config = config.map_err(|error| self.told(error))?;
        self.check(&config).map(|()| config)
    }

    /// The same with the text [overridden](Config::overridden).
    ///
    /// # Errors
    /// As there.
    pub fn overridden(
        &self,
        variables: &[(String, String)],
        without: &[(&str, &str)],
    ) -> Result<Self, ConfigError> {
        let text = Config::overridden(&self.text, variables, without);
        Ok(Self { text: text.map_err(|error| self.told(error))?, ..self.clone() })
    }

    /// An error that names keys and variables as they stand in the file.
    pub fn told(&self, error: ConfigError) -> ConfigError {
        match error {
            ConfigError::Key { key, problem } => ConfigError::Key { key: self.key(&key), problem },
            ConfigError::Variable { variable } => {
                ConfigError::Variable { variable: self.variable(&variable) }
            }
            syntax => syntax,
        }
    }

    /// The name that a variable has in the environment.
    pub fn variable(&self, name: &str) -> String {
        let Some(part) = &self.part else { return name.to_owned() };
        let rest = name.strip_prefix(PREFIX).unwrap_or(name);
        let page = part.page.map(|page| format!("SINK__{page}__"));
        match page.and_then(|page| rest.strip_prefix(&page)) {
            Some(key) => format!("{PREFIX}HTTP__{key}"),
            None => format!("{PREFIX}{}{rest}", cameras::variables(&part.camera)),
        }
    }

    fn key(&self, key: &str) -> String {
        let Some(part) = &self.part else { return key.to_owned() };
        let page = part.page.map(|page| format!("sink.{page}."));
        match page.and_then(|page| key.strip_prefix(&page)) {
            Some(rest) => format!("{HTTP}.{rest}"),
            None => format!("{}.{key}", cameras::key(&part.camera)),
        }
    }

    /// There is one page, and there are the same workers for all.
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let Some(part) = &self.part else { return Ok(()) };
        if config.pipeline.priority == Priority::Realtime {
            let expected = "expected \"normal\" or \"nice\": real-time threads of several cameras \
                            could take all cores";
            let problem = format!("\"realtime\" ({expected})");
            return Err(ConfigError::Key { key: self.key("pipeline.priority"), problem });
        }
        let is_own = |(index, sink): (usize, &SinkConfig)| {
            (sink.http().is_some() && part.page != Some(index)).then_some(index)
        };
        match config.sinks.iter().enumerate().find_map(is_own) {
            None => Ok(()),
            Some(index) => Err(ConfigError::Key {
                key: self.key(&format!("sink.{index}.kind")),
                problem: "\"http\" (expected another kind; the page of all cameras is [http])"
                    .to_owned(),
            }),
        }
    }
}

/// The variable of a camera that would have threads of its own.
const OWN_THREADS: &str = "DEBLURD_PIPELINE__THREADS";

fn own_threads(name: &str, value: impl std::fmt::Display) -> ConfigError {
    ConfigError::Key {
        key: format!("{}.{PIPELINE}.{THREADS}", cameras::key(name)),
        problem: format!("{value} (expected none; the threads of all cameras are [workers])"),
    }
}

/// Gives a camera the threads of all.
fn share_threads(table: &mut Table, name: &str, threads: usize) -> Result<(), ConfigError> {
    let pipeline = table.entry(PIPELINE).or_insert_with(|| Value::Table(Table::new()));
    // What is no section is told where it is read.
    let Some(pipeline) = pipeline.as_table_mut() else { return Ok(()) };
    if let Some(value) = pipeline.get(THREADS) {
        return Err(own_threads(name, value));
    }
    let threads = i64::try_from(threads).unwrap_or_default();
    pipeline.insert(THREADS.to_owned(), Value::Integer(threads));
    Ok(())
}

/// Has a camera bear its name in a fleet, too, where it is told no other.
fn name_in_fleet(table: &mut Table, name: &str) {
    let sinks = table.get_mut("sink").and_then(Value::as_array_mut);
    let sinks = sinks.into_iter().flatten().filter_map(Value::as_table_mut);
    for sink in sinks.filter(|sink| sink.get("kind").and_then(Value::as_str) == Some("zenoh")) {
        sink.entry("camera").or_insert_with(|| Value::String(name.to_owned()));
    }
}

/// Puts the common page behind the sinks of a camera; its place there.
fn add_page(table: &mut Table, http: &Table, name: &str) -> Result<usize, ConfigError> {
    let mut page = http.clone();
    page.insert("kind".to_owned(), Value::String(HTTP.to_owned()));
    let sinks = table.entry("sink").or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(sinks) = sinks else {
        let key = format!("{}.sink", cameras::key(name));
        return Err(read::unexpected(&key, sinks, "sections [[camera.sink]]"));
    };
    sinks.push(Value::Table(page));
    Ok(sinks.len() - 1)
}
