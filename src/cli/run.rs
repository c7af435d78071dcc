//! `deblurd run`: the daemon.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Result;
use super::probe::{camera, lines::quoted};
use super::terminal;
use crate::daemon::{self, Shutdown};
use crate::optics::Sigma;
use crate::sink::SinkError;

/// Runs the daemon: source, PSF, model and sinks as the configuration says, of one camera or of several;
/// or a camera with a live page without one.
#[derive(Debug, Args)]
#[command(after_help = "\
Every key of the configuration can be overridden by a variable DEBLURD_SECTION__KEY:
  DEBLURD_RESTORE__SIGMA=5 DEBLURD_SINK__0__LISTEN=127.0.0.1:9000 deblurd run --config deblurd.toml

A configuration with tables [[camera]] has several cameras, side by side on the same workers and on one
page; whatever becomes of one, the others go on. Their variables have the name before the section:
  DEBLURD_CAMERA__LEFT__RESTORE__SIGMA=5 deblurd run --config cameras.toml

Without a configuration the camera is asked what suits best, as by `deblurd probe`:
  deblurd run --device /dev/video0 --psf camera.npz
  deblurd run --device /dev/video0 --psf disk:3 --sigma 2.5

SIGTERM and SIGINT end it within 2 s, a second one at once. SIGHUP loads [restore] and [simulate]
again, with PSF and model; they are used once a golden frame was restored with them.
Under systemd it is ready after the first restored frame, or when no frame comes for now, and feeds
the watchdog while frames are restored or waited for.")]
pub(super) struct Run {
    /// The configuration.
    #[arg(long, value_name = "FILE", required_unless_present = "device")]
    config: Option<PathBuf>,
    /// A camera, by any of its names, instead of a configuration.
    #[arg(long, value_name = "DEV", conflicts_with = "config", requires = "psf")]
    device: Option<PathBuf>,
    /// PSF of the camera's blur, or its calibration.
    #[arg(long, value_name = "PSF", requires = "device")]
    psf: Option<String>,
    /// Standard deviation of the noise in 8-bit gray levels, or `auto`: followed along the frames
    /// [default: that of the calibration, else auto].
    #[arg(long, requires = "device")]
    sigma: Option<Sigma>,
    /// A released model by name, an .onnx file, or `none` [default: base].
    #[arg(long, value_name = "FILE", requires = "device")]
    model: Option<String>,
    /// Address of the live page.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", requires = "device")]
    listen: String,
}

impl Run {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        let serve = |path: &Path| Ok(daemon::run(path, shutdown, &terminal::note)?);
        match (&self.config, &self.device) {
            (Some(path), _) => serve(path),
            (None, Some(device)) => {
                let lines = camera(device, &self.restore(), &self.listen)?;
                // A reload reads it again, so it lies there as long as the daemon runs.
                let file = temporary(&lines)
                    .map_err(|cause| SinkError::Write { path: std::env::temp_dir(), cause })?;
                serve(file.path())
            }
            (None, None) => Ok(()),
        }
    }

    /// Lines of the section `[restore]`.
    fn restore(&self) -> String {
        let psf = self.psf.as_deref().unwrap_or_default();
        let mut lines = format!("psf = {}\n", quoted(psf));
        let is_calibration = psf.to_lowercase().ends_with(".npz");
        let usual = (!is_calibration).then_some(Sigma::Auto);
        if let Some(sigma) = self.sigma.or(usual) {
            let levels =
                sigma.given().map_or("\"auto\"".to_owned(), |it| format!("{:?}", it.get()));
            lines += &format!("sigma = {levels}\n");
        }
        if let Some(model) = &self.model {
            lines += &format!("model = {}\n", quoted(model));
        }
        lines
    }
}

fn temporary(lines: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("deblurd-").suffix(".toml").tempfile()?;
    file.write_all(lines.as_bytes())?;
    Ok(file)
}
