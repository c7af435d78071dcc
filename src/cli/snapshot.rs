//! `deblurd snapshot`: one picture of a running daemon.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::client::{Daemon, ask};
use super::exit::{Failure, Result};
use crate::sink::{SinkError, try_writing, write_whole};

/// Takes one picture from a running daemon.
#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 69 where nobody answers, 75 where the camera gives no picture.

Example:
  deblurd snapshot -o now.png --url http://camera.example:8080 --token-file token")]
pub(super) struct Snapshot {
    #[command(flatten)]
    daemon: Daemon,
    /// File for the picture, .png or .jpg, or - for PNG on standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Which of the two pictures.
    #[arg(long, value_enum, default_value = "after")]
    side: Side,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    /// As captured.
    Before,
    /// Restored.
    After,
}

impl Snapshot {
    pub(super) fn run(&self) -> Result<()> {
        let is_standard = self.output == Path::new("-");
        let ending = self.output.extension().and_then(|ending| ending.to_str());
        let kind = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("png") => "png",
            Some("jpg" | "jpeg") => "jpg",
            _ if is_standard => "png",
            _ => {
                let name = self.output.display();
                return Err(Failure::usage(format!("{name} (expected .png, .jpg or -)")));
            }
        };
        if !is_standard {
            try_writing(&self.output)?;
        }
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
        };
        let picture =
            ask(&self.daemon, |client| client.get(&format!("/snapshot.{kind}?side={side}")))?;
        if is_standard {
            let mut out = std::io::stdout().lock();
            let written = out.write_all(&picture).and_then(|()| out.flush());
            let path = PathBuf::from("standard output");
            return Ok(written.map_err(|cause| SinkError::Write { path, cause })?);
        }
        Ok(write_whole(&self.output, |file| file.write_all(&picture))?)
    }
}
