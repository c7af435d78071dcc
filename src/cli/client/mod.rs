//! Asking a running daemon, over HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use ureq::Agent;

use super::exit::{Context, Result};
use crate::exit::{ExitStatus, Status};
use crate::metrics::{Books, short};
use crate::station::load;
use crate::web::{State, States};

/// How long an answer may take; longer than a snapshot waits for its frame.
const PATIENCE: Duration = Duration::from_secs(8);
/// Answers larger than this are none.
const BYTES_MAX: u64 = 256 << 20;

/// Where the daemon reports.
pub(super) const STATE: &str = "/state";

/// Where the daemon is, and how to be let in.
#[derive(Debug, Clone, Args)]
pub(super) struct Daemon {
    /// Address of the daemon's live page; of one of several cameras with its name, as
    /// http://127.0.0.1:8080/left.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// File with the token, where the daemon asks for one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A daemon that can be asked.
#[derive(Debug, Clone)]
pub(super) struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// What a daemon reports.
pub(super) enum Reported {
    /// Of its camera.
    One(Box<State>),
    /// Of each of its cameras.
    Several(States),
}

/// Why a daemon gives no answer.
#[derive(Debug, displaydoc::Display, thiserror::Error)]
pub(super) enum ClientError {
    /// {url} does not answer: {cause}
    Unreachable { url: String, cause: ureq::Error },
    /// not ready: {0}
    Unready(String),
    /// {url} asks for another token (expected --token-file FILE with that of the daemon)
    Locked { url: String },
    /// {url} has several cameras (expected --url with one of them, as {url}/{names})
    Several { url: String, names: String },
    /// {url} answers with {what} (expected a deblurd daemon)
    Strange { url: String, what: String },
}

impl ExitStatus for ClientError {
    fn status(&self) -> Status {
        match self {
            Self::Unreachable { .. } => Status::Unavailable,
            Self::Unready(_) => Status::TryAgain,
            Self::Locked { .. } | Self::Several { .. } => Status::Usage,
            Self::Strange { .. } => Status::Data,
        }
    }
}

impl Daemon {
    /// The daemon at an address, which may ask for the token in a file.
    pub(super) fn at(url: &str, token_file: Option<&Path>) -> Self {
        Self { url: url.to_owned(), token_file: token_file.map(Path::to_owned) }
    }

    pub(super) fn client(&self) -> Result<Client> {
        let url = self.url.trim_end_matches('/').to_owned();
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("deblurd/", env!("CARGO_PKG_VERSION")))
            .build();
        let token = self.token_file.as_deref().map(load::token_text).transpose()?;
        Ok(Client { agent: config.into(), url, token })
    }
}

impl Client {
    /// Address of the daemon.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Everything that the daemon reports of its one camera; its texts, of which nothing is known, are
    /// cut.
    pub(super) fn state(&self) -> Result<State, ClientError> {
        match self.states()? {
            Reported::One(state) => Ok(*state),
            Reported::Several(states) => Err(self.several(&states)),
        }
    }

    /// Everything that it reports, of one camera or of several.
    pub(super) fn states(&self) -> Result<Reported, ClientError> {
        self.reported(&self.get(STATE)?)
    }

    /// What the bytes of a state say.
    pub(super) fn reported(&self, bytes: &[u8]) -> Result<Reported, ClientError> {
        let read = || {
            let state = shortened(serde_json::from_slice(bytes)?);
            if state.get("cameras").is_some() {
                return serde_json::from_value::<States>(state).map(Reported::Several);
            }
            serde_json::from_value(state).map(|state| Reported::One(Box::new(state)))
        };
        read().map_err(|error: serde_json::Error| self.strange(STATE, error.to_string()))
    }

    /// Why there is no such page: of several cameras one is to be named, whatever was asked for.
    fn nowhere(&self, path: &str, body: &[u8]) -> ClientError {
        let reported = if path == STATE { None } else { self.states().ok() };
        match reported {
            Some(Reported::Several(states)) => self.several(&states),
            _ => self.strange(path, format!("status 404, {}", text_of(body))),
        }
    }

    fn several(&self, states: &States) -> ClientError {
        let names: Vec<&str> = states.cameras.iter().map(|camera| camera.name.as_str()).collect();
        ClientError::Several { url: self.url.clone(), names: names.join(" or /") }
    }

    /// The body of a good answer.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let url = format!("{}{path}", self.url);
        let mut request = self.agent.get(&url);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let unreachable = |cause| ClientError::Unreachable { url: self.url.clone(), cause };
        let mut answer = request.call().map_err(unreachable)?;
        let body = answer.body_mut().with_config().limit(BYTES_MAX).read_to_vec();
        let body = body.map_err(unreachable)?;
        match answer.status().as_u16() {
            200 => Ok(body),
            401 => Err(ClientError::Locked { url: self.url.clone() }),
            503 => Err(ClientError::Unready(text_of(&body))),
            404 => Err(self.nowhere(path, &body)),
            status => Err(self.strange(path, format!("status {status}"))),
        }
    }

    fn strange(&self, path: &str, what: String) -> ClientError {
        ClientError::Strange { url: format!("{}{path}", self.url), what: short(&what) }
    }
}

/// A text of a daemon, cut and without what no text needs.
fn text_of(body: &[u8]) -> String {
    short(String::from_utf8_lossy(body).trim())
}

/// The same with every text short, and without characters that would do something to a terminal.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(short(&text)),
        Value::Array(values) => values.into_iter().map(shortened).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, shortened(value))).collect()
        }
        other => other,
    }
}

/// Frames a second between two looks at a daemon; `None` where no time has passed or it is another
/// one.
pub(super) fn rate_between(earlier: &State, later: &State) -> Option<f64> {
    let seconds = later.uptime_s - earlier.uptime_s;
    let frames = later.metrics.load.frames().checked_sub(earlier.metrics.load.frames())?;
    (seconds > 0.0).then(|| frames as f64 / seconds)
}

/// `21 dropped (overflow 20, deadline 1)`.
pub(super) fn losses(books: &Books) -> String {
    let each: Vec<String> = books
        .losses()
        .map(|(reason, count)| format!("{} {count}", reason.name().replace('_', " ")))
        .collect();
    match books.dropped_in_all() {
        0 => "0 dropped".to_owned(),
        sum => format!("{sum} dropped ({})", each.join(", ")),
    }
}

/// Asks the daemon that the arguments name.
pub(super) fn ask<T>(
    daemon: &Daemon,
    question: impl FnOnce(&Client) -> Result<T, ClientError>,
) -> Result<T> {
    let client = daemon.client()?;
    question(&client).context("the daemon gives no answer")
}
