//! A PSF written in another format.

use std::ffi::OsStr;
use std::path::Path;

use super::subject::Subject;
use crate::cli::exit::{Context, Failure, Result};
use crate::cli::terminal;
use crate::optics::{Calibration, Certainty, GrayLevels, Method, Origin, Psf, Trust};
use crate::sink::{encode_png, write_whole};
use crate::station::Known;

/// A format, by the ending of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Npy,
    Npz,
    Png,
}

impl Format {
    /// The format that the ending of a path means.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let formats =
            [("txt", Self::Text), ("npy", Self::Npy), ("npz", Self::Npz), ("png", Self::Png)];
        formats.into_iter().find_map(|(ending, format)| has_ending(path, ending).then_some(format))
    }
}

/// Whether a path has an ending, in letters of any size.
pub(super) fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|is| is.eq_ignore_ascii_case(ending))
}

/// Writes the PSF of a subject whole or not at all.
pub(super) fn write(
    subject: &Subject,
    sigma: Option<GrayLevels>,
    format: Format,
    path: &Path,
) -> Result<()> {
    let bytes = match format {
        Format::Npz => calibration(subject, sigma)?.to_bytes()?,
        Format::Text => subject.uniform()?.to_text().into_bytes(),
        Format::Npy => subject.uniform()?.to_npy().with_context(|| path.display())?,
        Format::Png => png(subject.uniform()?)?,
    };
    Ok(write_whole(path, |file| file.write_all(&bytes))?)
}

/// A calibration of all that is known: that of the subject, or a new one of its PSF and a noise.
fn calibration(subject: &Subject, sigma: Option<GrayLevels>) -> Result<Calibration> {
    let Some(noise) = sigma.or(subject.known.noise()) else {
        let problem =
            "a calibration holds the noise, too, which a PSF does not tell (expected --sigma)";
        return Err(Failure::usage(problem));
    };
    let method = match &subject.known {
        Known::Calibration(calibration) => {
            let blur = subject.blur.clone();
            return Ok(Calibration { blur, noise, ..(**calibration).clone() });
        }
        Known::Formula(_) => Method::Formula,
        Known::File(..) => Method::File,
    };
    let program = concat!("deblurd ", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(Calibration {
        origin: Some(Origin { method, frames: 0, program, date: String::new() }),
        certainty: Some(Certainty { trust: Trust::Guessed, relative_error: None, residual: None }),
        ..Calibration::new(subject.blur.clone(), noise)
    })
}

/// A PNG of 16 bits; what its steps lose is told.
fn png(psf: &Psf) -> Result<Vec<u8>> {
    let bytes = encode_png(&psf.to_picture())?;
    let read = Psf::from_bytes(&bytes)?;
    let lost = 100.0 * psf.compare(&read)?.distance;
    terminal::note(&format!(
        "a PNG has steps of 1/65535 of the greatest sample: {lost:.4} % of the norm is lost"
    ));
    Ok(bytes)
}
