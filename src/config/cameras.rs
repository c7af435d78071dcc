//! Several cameras in one configuration: tables `[[camera]]`, each with a name and all sections that the
//! configuration of a single one has; and what they share, the sections `[workers]` and `[http]`.
//!
//! A variable names its camera: `DEBLURD_CAMERA__LEFT__RESTORE__SIGMA=5`, a `-` being a `_` there.

use serde::Deserialize;
use toml::{Table, Value};

use super::page;
use super::read::{self, ConfigError, PREFIX};
use crate::keys;
use crate::web::{HttpOptions, is_address};

pub(super) const CAMERA: &str = "camera";
pub(super) const HTTP: &str = "http";
pub(super) const NAME: &str = "name";
pub(super) const PIPELINE: &str = "pipeline";
pub(super) const THREADS: &str = "threads";

/// Cameras of one process, at most.
const CAMERAS_MAX: usize = 16;

/// Characters of a name, at most.
const NAME_MAX: usize = 32;

/// What several cameras share, and who they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Cameras {
    /// Who does the work for all.
    pub workers: WorkerOptions,
    /// The page that shows all; none where absent.
    pub http: Option<HttpOptions>,
    /// The names of the cameras, each another one.
    pub names: Vec<String>,
}

/// Section `[workers]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerOptions {
    /// Threads for filters and networks that are at work at a time; 0 for one a core.
    #[serde(deserialize_with = "keys::within::<0, 256, _, _>")]
    pub threads: usize,
}

/// Says of a section that is a camera's where it belongs.
fn of_a_camera(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::Key { key, problem } => {
            ConfigError::Key { key, problem: problem + "; all else is a camera's, in [[camera]]" }
        }
        other => other,
    }
}

impl Cameras {
    /// Reads who the cameras are and what they share, and nothing else of them; `None` where the
    /// configuration is that of a single one.
    ///
    /// # Errors
    /// Where that is not as expected.
    pub fn read(text: &str, variables: &[(String, String)]) -> Result<Option<Self>, ConfigError> {
        let Some(names) = Self::names(text)? else { return Ok(None) };
        let camera_of = |variable: &str| camera_of(variable, &names).is_some();
        let shared = variables.iter().filter(|(variable, _)| !camera_of(variable));
        let stray = shared.clone().find(|(variable, _)| variable.starts_with(&of_cameras()));
        if let Some((variable, _)) = stray {
            return Err(ConfigError::Variable { variable: variable.clone() });
        }
        let mut sections = read::table(text, shared.cloned())?;
        sections.check_names(&["workers", HTTP, CAMERA]).map_err(of_a_camera)?;
        sections.leave_out(CAMERA);
        let workers = read::or_default(sections.optional("workers")?)?;
        let http = sections.optional(HTTP)?.map(page::read).transpose()?;
        Ok(Some(Self { workers, http, names }))
    }

    /// The names of the cameras; `None` where the configuration is that of a single one.
    ///
    /// # Errors
    /// Where the text is no TOML, or the names are not as expected.
    pub fn names(text: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let (root, _) = read::merged(text, [], &[])?;
        let Some(cameras) = root.get(CAMERA) else { return Ok(None) };
        let tables = tables(&root);
        let tables =
            tables.ok_or_else(|| read::unexpected(CAMERA, cameras, "tables [[camera]]"))?;
        if !(1..=CAMERAS_MAX).contains(&tables.len()) {
            let problem = format!("{} of them (expected 1 to {CAMERAS_MAX})", tables.len());
            return Err(ConfigError::Key { key: CAMERA.to_owned(), problem });
        }
        let mut names: Vec<String> = Vec::new();
        for (index, table) in tables.iter().enumerate() {
            let name = name(index, table)?;
            if let Some(other) = names.iter().find(|other| variables(other) == variables(&name)) {
                let expected = "expected another name, by more than case, - and _";
                let problem = format!("'{name}' is there, too, as '{other}' ({expected})");
                return Err(ConfigError::Key { key: format!("{CAMERA}.{index}.{NAME}"), problem });
            }
            names.push(name);
        }
        Ok(Some(names))
    }
}

/// The tables of the cameras.
pub(super) fn tables(root: &Table) -> Option<&Vec<Value>> {
    root.get(CAMERA)?.as_array()
}

/// The key under which messages name what is a camera's.
pub(super) fn key(camera: &str) -> String {
    format!("{CAMERA}.{camera}")
}

/// What the names of a camera's variables begin with, behind the prefix of all.
pub(super) fn variables(camera: &str) -> String {
    format!("CAMERA__{}__", camera.to_uppercase().replace('-', "_"))
}

/// The variables of one of the cameras, and those of the common page, which is its sink at `page`: all
/// named as for a file of its own.
pub(super) fn variables_of(
    all: &[(String, String)],
    names: &[String],
    index: usize,
    page: Option<usize>,
) -> Vec<(String, String)> {
    let own = |(variable, value): &(String, String)| {
        let rest = match (camera_of(variable, names), page) {
            (Some((camera, rest)), _) => (camera == index).then(|| rest.to_owned()),
            (None, Some(page)) => variable
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.strip_prefix("HTTP__"))
                .map(|key| format!("SINK__{page}__{key}")),
            (None, None) => None,
        };
        Some((format!("{PREFIX}{}", rest?), value.clone()))
    };
    all.iter().filter_map(own).collect()
}

/// Whose a variable is: the camera, of those of that name the one with the longest, and what is behind
/// its name.
fn camera_of<'a>(variable: &'a str, names: &[String]) -> Option<(usize, &'a str)> {
    let rest = variable.strip_prefix(PREFIX)?;
    let known = names.iter().enumerate();
    let own = known.filter_map(|(index, name)| Some((index, rest.strip_prefix(&variables(name))?)));
    own.min_by_key(|(_, rest)| rest.len())
}

fn of_cameras() -> String {
    format!("{PREFIX}CAMERA__")
}

fn name(index: usize, table: &Value) -> Result<String, ConfigError> {
    let place = format!("{CAMERA}.{index}");
    let table = table.as_table();
    let table = table.ok_or_else(|| ConfigError::missing(&place, "a table [[camera]]"))?;
    let (key, expected) = (
        format!("{place}.{NAME}"),
        format!("1 to {NAME_MAX} letters, digits, - and _, none of them an address of the page"),
    );
    let is_fine = |name: &str| {
        let has_only = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        (1..=NAME_MAX).contains(&name.len()) && name.chars().all(has_only) && !is_address(name)
    };
    match table.get(NAME) {
        Some(Value::String(name)) if is_fine(name) => Ok(name.clone()),
        Some(other) => Err(read::unexpected(&key, other, &expected)),
        None => Err(ConfigError::missing(&key, &expected)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Single};
    use crate::optics::{GrayLevels, Sigma};

    const TWO: &str = "
        [workers]
        threads = 3
        [http]
        listen = '127.0.0.1:9000'
        [[camera]]
        name = 'left'
        [camera.source]
        kind = 'scene'
        [camera.restore]
        psf = 'disk:3'
        sigma = 2.55
        [[camera]]
        name = 'far-right'
        source = { kind = 'scene', rate = 15 }
        restore = { psf = 'disk:2', sigma = 1 }
        [[camera.sink]]
        kind = 'png'
        folder = 'out'
    ";

    fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn camera(text: &str, variables: &[(&str, &str)], name: &str) -> Result<Config, ConfigError> {
        Single::of_camera(text, &owned(variables), name)?.read()
    }

    /// Reading camera `name` is refused with that message.
    #[track_caller]
    fn check_refused(text: &str, variables: &[(&str, &str)], name: &str, message: &str) {
        let error = camera(text, variables, name).expect_err("a refusal").to_string();
        assert!(error.contains(message), "{error}");
    }

    #[track_caller]
    fn check_replaced(from: &str, to: &str, message: &str) {
        check_refused(&TWO.replacen(from, to, 1), &[], "left", message);
    }

    #[test]
    fn each_camera_is_read_as_if_it_were_the_only_one() {
        let cameras = Cameras::read(TWO, &[]).expect("it is fine").expect("there are several");
        assert_eq!((cameras.workers.threads, cameras.names.len()), (3, 2));
        assert_eq!(cameras.http.map(|http| http.listen.port()), Some(9000));
        let alone = "[source]\nkind = 'scene'\nrate = 15\n[restore]\npsf = 'disk:2'\nsigma = 1\n\
                     [pipeline]\nthreads = 3\n[[sink]]\nkind = 'png'\nfolder = 'out'\n\
                     [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:9000'\n";
        assert_eq!(camera(TWO, &[], "far-right"), Config::read(alone, []));
        assert_eq!(camera(TWO, &[], "left").expect("it").sinks.len(), 1, "the page alone");
        assert_eq!(Cameras::read(alone, &[]), Ok(None));
        assert!(Single::of_file(alone.to_owned(), Vec::new()).is_ok());
        let error = Single::of_file(TWO.to_owned(), Vec::new()).expect_err("a refusal").to_string();
        assert_eq!(
            error,
            "camera: several cameras, left, far-right (expected the configuration of one)"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_the_camera() {
        check_replaced("2.55", "-1", "camera.left.restore.sigma: -1 (expected gray levels");
        check_replaced("sigma = 2.55", "sgima = 1", "camera.left.restore.sgima: unknown field");
        check_replaced("[camera.source]", "[camera.sauce]", "camera.left.sauce: unknown section");
        check_replaced("[camera.source]", "[camera.sauce]", "did you mean [source]?)");
        check_replaced("[workers]", "[worker]", "did you mean [workers]?); all else is a camera's");
        check_replaced("9000'", "9000'\nhost = 1", "http.host: unknown field");
        check_replaced(
            "'127.0.0.1:9000'",
            "'0.0.0.0:80'",
            "http.token_file: missing (expected a token",
        );
        check_replaced("threads = 3", "threads = 300", "workers.threads: 300 (expected");
        check_replaced(
            "[workers]",
            "[restore]\n[workers]",
            "restore: unknown section (expected workers,",
        );
        check_replaced(
            "[camera.restore]",
            "[camera.pipeline]\nthreads = 2\n[camera.restore]",
            "camera.left.pipeline.threads: 2 (expected none; the threads of all cameras are [workers])",
        );
        check_replaced(
            "[camera.restore]",
            "[camera.pipeline]\npriority = 'realtime'\n[camera.restore]",
            "camera.left.pipeline.priority: \"realtime\" (expected \"normal\" or \"nice\":",
        );
        check_replaced(
            "sigma = 2.55",
            "sigma = 1\n[[camera.sink]]\nkind = 'http'",
            "camera.left.sink.0.kind: \"http\" (expected another kind; the page of all cameras",
        );
        for name in ["''", "'a b'", "'a/b'", "'ä'", "'state'", "'station'", "7", "'x'\nname = 'y'"]
        {
            let message = if name.contains('\n') { "not TOML" } else { "camera.0.name: " };
            check_replaced("'left'", name, message);
        }
        check_replaced("'left'", &format!("'{}'", "x".repeat(33)), "(expected 1 to 32 letters");
        check_replaced(
            "'left'",
            "'Far_Right'",
            "camera.1.name: 'far-right' is there, too, as 'Far_Right'",
        );
        check_refused("camera = []", &[], "left", "camera: 0 of them (expected 1 to 16)");
        check_refused("camera = 3", &[], "left", "camera: 3 (expected tables [[camera]])");
        check_refused(TWO, &[], "middle", "camera.middle: missing (expected a table [[camera]]");
        let many: String = (0..17).map(|at| format!("[[camera]]\nname = 'c{at}'\n")).collect();
        check_refused(&many, &[], "c1", "camera: 17 of them");
    }

    /// What is wrong with one camera is no matter of another.
    #[test]
    fn a_camera_that_is_wrong_spoils_no_other() {
        let text = TWO.replace("2.55", "-1").replace("kind = 'scene'\n", "kind = 'none'\n");
        assert!(camera(&text, &[], "left").is_err());
        assert!(camera(&text, &[], "far-right").is_ok());
    }

    #[test]
    fn variables_name_their_camera() {
        let sigma = |variables: &[(&str, &str)], name| {
            camera(TWO, variables, name).expect("it").camera.sigma
        };
        let of = |levels| GrayLevels::new(levels).map(Sigma::Of);
        let left = [("DEBLURD_CAMERA__LEFT__RESTORE__SIGMA", "5")];
        assert_eq!((sigma(&left, "left"), sigma(&left, "far-right")), (of(5.0), of(1.0)));
        let right = [("DEBLURD_CAMERA__FAR_RIGHT__RESTORE__SIGMA", "7"), ("DEBLURD_PORT", "x")];
        assert_eq!((sigma(&right, "left"), sigma(&right, "far-right")), (of(2.55), of(7.0)));
        let port = [("DEBLURD_HTTP__LISTEN", "127.0.0.1:1"), ("DEBLURD_WORKERS__THREADS", "2")];
        let config = camera(TWO, &port, "far-right").expect("it");
        let listen =
            config.sinks.iter().find_map(|sink| sink.http()).map(|http| http.listen.port());
        assert_eq!((listen, config.pipeline.threads), (Some(1), 2));
        for (variable, value, message) in [
            ("DEBLURD_CAMERA__MIDDLE__X__Y", "1", "DEBLURD_CAMERA__MIDDLE__X__Y names no key"),
            ("DEBLURD_CAMERA__LEFT__RESTORE__SIGMA", "-1", "camera.left.restore.sigma: -1"),
            (
                "DEBLURD_CAMERA__LEFT__SINK__3__KIND",
                "1",
                "DEBLURD_CAMERA__LEFT__SINK__3__KIND names",
            ),
            ("DEBLURD_RESTORE__SIGMA", "1", "restore: unknown section"),
            ("DEBLURD_HTTP__QUALITY", "0", "http.quality: 0 (expected"),
            ("DEBLURD_CAMERA__LEFT__PIPELINE__THREADS", "2", "camera.left.pipeline.threads: 2"),
        ] {
            check_refused(TWO, &[(variable, value)], "left", message);
        }
    }
}
