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
use crate::web::State;

/// How long an answer may take; longer than a snapshot waits for its frame.
const PATIENCE: Duration = Duration::from_secs(8);
/// Answers larger than this are none.
const BYTES_MAX: u64 = 256 << 20;

/// Where the daemon is, and how to be let in.
#[derive(Debug, Clone, Args)]
pub(super) struct Daemon {
    /// Address of the daemon's live page.
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

/// Why a daemon gives no answer.
#[derive(Debug, displaydoc::Display, thiserror::Error)]
pub(super) enum ClientError {
    /// {url} does not answer: {cause}
    Unreachable { url: String, cause: ureq::Error },
    /// not ready: {0}
    Unready(String),
    /// {url} asks for another token (expected --token-file FILE with that of the daemon)
    Locked { url: String },
    /// {url} answers with {what} (expected a deblurd daemon)
    Strange { url: String, what: String },
}

impl ExitStatus for ClientError {
    fn status(&self) -> Status {
        match self {
            Self::Unreachable { .. } => Status::Unavailable,
            Self::Unready(_) => Status::TryAgain,
            Self::Locked { .. } => Status::Usage,
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

    /// Everything that the daemon reports; its texts, of which nothing is known, are cut.
    pub(super) fn state(&self) -> Result<State, ClientError> {
        let bytes = self.get("/state")?;
        let state = serde_json::from_slice(&bytes).map(shortened).and_then(serde_json::from_value);
        state.map_err(|error| self.strange("/state", error.to_string()))
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
            503 => Err(ClientError::Unready(short(String::from_utf8_lossy(&body).trim()))),
            status => Err(self.strange(path, format!("status {status}"))),
        }
    }

    fn strange(&self, path: &str, what: String) -> ClientError {
        ClientError::Strange { url: format!("{}{path}", self.url), what: short(&what) }
    }
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
