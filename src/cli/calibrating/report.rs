//! The page that a calibration leaves: everything that was found, in one file without addresses.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::calibrate::target::Outcome;
use crate::cli::exit::{Context, Result};
use crate::executor::Executor;
use crate::frame::{Extent, Picture};
use crate::optics::{Calibration, Psf};
use crate::plan::{Forecast, RestoreOptions};
use crate::sink::{encode_png, write_whole};
use crate::station::{Recipe, load};

/// The page but for its parts.
const STYLE: &str = include_str!("report.css");

/// Side of the picture of a PSF in pixels of the page.
const SIDE: usize = 240;

/// Scales of a PSF of which is told what they would lose.
const SCALES: [f64; 6] = [0.90, 0.95, 0.98, 1.02, 1.05, 1.10];

/// A page that is being written.
pub(super) struct Report<'a> {
    calibration: &'a Calibration,
    body: String,
}

impl<'a> Report<'a> {
    /// The page of a calibration, with what a person should know of it.
    pub(super) fn new(
        title: &str,
        calibration: &'a Calibration,
        notes: Vec<String>,
    ) -> Result<Self> {
        let mut body = format!("<h1>{}</h1>\n", text(title));
        notes.iter().for_each(|note| body += &format!("<p class=note>{}</p>\n", text(note)));
        let mut report = Self { calibration, body };
        report.psfs();
        report.facts();
        report.forecast()?;
        Ok(report)
    }

    /// What the target told.
    pub(super) fn measured(mut self, outcome: &Outcome) -> Self {
        let rows = [
            (
                "left unexplained over noise, where the PSF was not learned",
                format!("{:.2} (1 is best)", outcome.residual_over_sigma),
            ),
            ("PSFs of two halves differ by", format!("{:.1} %", 100.0 * outcome.repeatability)),
            (
                "largest negative lobe without bound",
                format!("{:.1} % of the greatest sample", 100.0 * outcome.negative_lobe),
            ),
            ("positions of the target", outcome.positions.len().to_string()),
        ];
        self.table("Measurement", &rows);
        self
    }

    /// A frame before and after restoration with what was found.
    pub(super) fn compared(
        mut self,
        frame: &Picture,
        executor: &Arc<dyn Executor>,
    ) -> Result<Self> {
        let options = RestoreOptions::default();
        let model = load::model(&options.model)?;
        let (camera, executor) = (self.calibration.clone(), Arc::clone(executor));
        let restored = Recipe { camera, model, options, executor }.restored(frame)?;
        self.body += "<h2>A frame before and after</h2>\n";
        for (name, picture) in [("before", frame), ("after", &restored)] {
            let png = encode_png(picture).context("a picture of the report")?;
            self.body += &format!(
                "<figure><img alt=\"{name}\" src=\"data:image/png;base64,{}\"><figcaption>{name}</figcaption></figure>\n",
                BASE64_STANDARD.encode(png)
            );
        }
        Ok(self)
    }

    /// Writes the page, whole or not at all.
    pub(super) fn write(self, path: &Path) -> Result<()> {
        let page = format!(
            "<!doctype html>\n<html lang=en><meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n\
             <title>deblurd: a camera's calibration</title>\n<style>\n{STYLE}</style>\n{}</html>\n",
            self.body
        );
        Ok(write_whole(path, |file| file.write_all(page.as_bytes()))?)
    }

    fn psfs(&mut self) {
        let (columns, _) = self.calibration.blur.grid();
        self.body += "<h2>What a point of light becomes</h2>\n";
        self.body += &format!(
            "<div class=grid style=\"grid-template-columns:repeat({columns},max-content)\">\n"
        );
        for psf in self.calibration.blur.psfs() {
            self.body += &drawn(psf);
        }
        self.body += "</div>\n";
    }

    fn facts(&mut self) {
        let camera = self.calibration;
        let psfs = camera.blur.psfs();
        let shape = psfs[psfs.len() / 2].shape();
        let mut rows = vec![
            ("width (root mean square)", format!("{:.2} pixels", shape.width())),
            ("as wide as a disk of radius", format!("{:.2} pixels", shape.disk_radius())),
            ("as wide as a Gaussian of", format!("{:.2} pixels", shape.gaussian_sigma())),
            ("noise", format!("{:.2} gray levels", camera.noise)),
            ("transfer curve", camera.transfer.to_string()),
        ];
        if let Some(extent) = camera.extent {
            rows.push(("extent", extent.to_string()));
        }
        if let Some(origin) = &camera.origin {
            rows.push(("from", format!("{} frames ({})", origin.frames, origin.method)));
            rows.push(("made", format!("{} by {}", origin.date, origin.program)));
        }
        if let Some(certainty) = &camera.certainty {
            let error = certainty
                .relative_error
                .map_or_else(String::new, |error| format!(", to {:.1} %", 100.0 * error));
            rows.push(("how sure", format!("{}{error}", certainty.trust)));
        }
        self.table("Camera", &rows);
    }

    /// What restoration is worth, and what a wrong width would cost.
    fn forecast(&mut self) -> Result<()> {
        let camera = self.calibration;
        let psfs = camera.blur.psfs();
        let psf = &psfs[psfs.len() / 2];
        let noise = camera.noise.in_light(camera.transfer, crate::frame::Range::Full);
        let forecast = Forecast::new(psf, noise)?;
        let rows = [
            (
                "expected gain of the Wiener filter over the blurred frame",
                format!("{:.1} dB", forecast.gain_db()),
            ),
            (
                "frequencies that the blur destroys",
                format!("{:.0} %", 100.0 * forecast.lost_share()),
            ),
        ];
        self.table("What to expect", &rows);
        let mut losses = String::new();
        for scale in SCALES {
            let told = psf.scaled(scale)?;
            let loss = Forecast::loss(psf, &told, &psf.compare(&told)?, noise)?;
            let _ = write!(losses, "<td>{:.2}</td>", loss.right - loss.wrong);
        }
        let heads: String = SCALES.iter().map(|scale| format!("<th>{scale:.2}</th>")).collect();
        let _ = write!(
            self.body,
            "<table><caption>Decibels lost by the Wiener filter where the PSF is told so many times as wide</caption>\n<tr>{heads}</tr><tr>{losses}</tr></table>\n"
        );
        Ok(())
    }

    fn table(&mut self, title: &str, rows: &[(&str, String)]) {
        self.body += &format!("<h2>{}</h2>\n<table>\n", text(title));
        for (name, value) in rows {
            self.body += &format!("<tr><th scope=row>{}<td>{}\n", text(name), text(value));
        }
        self.body += "</table>\n";
    }
}

/// A PSF in squares, by the square root of its samples.
fn drawn(psf: &Psf) -> String {
    let Extent { width, height } = psf.extent();
    let greatest = psf.samples().samples().iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut squares = String::new();
    for (y, row) in psf.samples().rows().enumerate() {
        for (x, sample) in row.iter().enumerate() {
            let light = (sample / greatest).sqrt();
            if light > 0.02 {
                let _ = write!(squares, "<rect x={x} y={y} width=1 height=1 opacity={light:.2} />");
            }
        }
    }
    format!(
        "<svg role=img aria-label=\"the PSF, {width}x{height} samples, {}\" width={SIDE} viewBox=\"0 0 {width} {height}\" \
         shape-rendering=crispEdges>{squares}</svg>\n",
        psf.shape()
    )
}

/// Text as HTML has it.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
