//! What is run: a list of words, or a text for a shell.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// The shell, where one is asked for.
pub(super) const SHELL: &str = "/bin/sh";

/// Characters of a name in messages, at most.
const SHOWN: usize = 60;

/// Variables that are told to us and are nobody else's business: tokens, and the way to the service
/// manager.
const OURS: [&str; 4] = ["DEBLURD_", "NOTIFY_SOCKET", "WATCHDOG_", "JOURNAL_STREAM"];

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub enum Program {
    /// The program and its arguments, none of which is interpreted.
    Words(Vec<String>),
    /// What a shell reads.
    Shell(String),
}

/// The keys of a section that say what is run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    command: Option<Vec<String>>,
    shell: Option<String>,
}

impl TryFrom<Keys> for Program {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let expected =
            "expected either `command`, a list as [\"ffmpeg\", \"-i\", …], or `shell`, a text";
        let program = match (keys.command, keys.shell) {
            (Some(words), None) => Self::Words(words),
            (None, Some(text)) => Self::Shell(text),
            (None, None) => return Err(format!("nothing says what is run ({expected})")),
            (Some(_), Some(_)) => return Err(format!("both `command` and `shell` ({expected})")),
        };
        program.check()?;
        Ok(program)
    }
}

impl Program {
    fn check(&self) -> Result<(), String> {
        let (key, words) = match self {
            Self::Words(words) => ("command", words.as_slice()),
            Self::Shell(text) => ("shell", std::slice::from_ref(text)),
        };
        if words.first().is_none_or(|word| word.trim().is_empty()) {
            return Err(format!("`{key}` is empty (expected a program)"));
        }
        match words.iter().find(|word| word.contains('\0')) {
            None => Ok(()),
            Some(word) => Err(format!("`{key}` has {word:?} (expected text without NUL)")),
        }
    }

    /// The process that is to be started, without our variables.
    pub(super) fn command(&self) -> Command {
        let mut command = match self {
            Self::Words(words) => {
                let mut command = Command::new(words.first().map_or("", String::as_str));
                command.args(words.iter().skip(1));
                command
            }
            Self::Shell(text) => {
                let mut command = Command::new(SHELL);
                command.args(["-c", text]);
                command
            }
        };
        let is_ours = |name: &OsStr| {
            let name = name.to_string_lossy();
            OURS.iter().any(|ours| name.starts_with(ours))
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        command
    }

    /// Looks where the program is, without running it.
    ///
    /// # Errors
    /// Where there is none that can be run.
    pub fn find(&self) -> io::Result<PathBuf> {
        let name = match self {
            Self::Words(words) => Path::new(words.first().map_or("", String::as_str)),
            Self::Shell(_) => Path::new(SHELL),
        };
        let is_program = |path: &Path| {
            path.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 > 0)
        };
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = match name.components().count() {
            1 if !name.is_absolute() && !name.to_string_lossy().contains('/') => {
                std::env::split_paths(&folders).map(|folder| folder.join(name)).collect()
            }
            _ => vec![name.to_owned()],
        };
        candidates.retain(|path| is_program(path));
        let found = candidates.into_iter().next();
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such program"))
    }
}

impl fmt::Display for Program {
    /// A short name for messages: the program without its folder, or the beginning of the text.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Words(words) => {
                let word = words.first().map_or("", String::as_str);
                Path::new(word).file_name().map_or(word.into(), OsStr::to_string_lossy)
            }
            Self::Shell(text) => text.trim().into(),
        };
        let shown = name.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c });
        out.write_str(&shown.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &str, expected: Result<(&str, &str), &str>) {
        let read = toml::from_str::<Program>(keys);
        match (read, expected) {
            (Ok(program), Ok((name, found))) => {
                assert_eq!(program.to_string(), name, "{keys}");
                assert_eq!(program.find().is_ok().to_string(), found, "{keys}");
            }
            (Err(error), Err(words)) => {
                assert!(error.message().contains(words), "{keys}: {}", error.message());
            }
            (read, _) => panic!("{keys}: {read:?}"),
        }
    }

    #[test]
    fn what_is_run_is_told_once_and_whole() {
        check("command = ['cat', '-']", Ok(("cat", "true")));
        check("command = ['/bin/cat']", Ok(("cat", "true")));
        check("command = ['/etc/passwd']", Ok(("passwd", "false")));
        check("command = ['/bin']", Ok(("bin", "false")));
        check("command = ['no-such-program']", Ok(("no-such-program", "false")));
        check("shell = \"a |\\n b\"", Ok(("a |  b", "true")));
        check("", Err("nothing says what is run (expected either `command`, a list"));
        check("command = ['a']\nshell = 'b'", Err("both `command` and `shell` (expected either"));
        check("command = []", Err("`command` is empty (expected a program)"));
        check("command = ['']", Err("`command` is empty"));
        check("shell = ' '", Err("`shell` is empty"));
        check("command = 'cat -'", Err("invalid type: string \"cat -\", expected a sequence"));
        check(
            "command = ['a', \"b\\u0000\"]",
            Err("`command` has \"b\\0\" (expected text without"),
        );
        check("command = ['a', 3]", Err("invalid type: integer `3`, expected a string"));
        check("comand = ['a']", Err("unknown field `comand`, expected `command` or `shell`"));
    }

    #[test]
    fn our_variables_stay_ours() {
        let command = Program::Shell("true".to_owned()).command();
        let kept = command.get_envs().filter(|(_, value)| value.is_some()).count();
        assert_eq!(kept, 0, "variables are only taken away");
    }
}
