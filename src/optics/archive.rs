//! A calibration as a file: an archive of arrays (`.npz`) that NumPy opens.
//!
//! ```text
//! psf        [gy, gx, n, m]   PSFs, row by row of the grid; 1 by 1, or [n, m], where the blur is
//!                             the same everywhere
//! noise      [1]              standard deviation in 8-bit gray levels
//! about      [n] of u8        the rest as JSON: version, transfer, extent [w, h], pixel_format,
//!                             controls, temperature, origin {method, frames, program, date},
//!                             certainty {trust, relative_error, residual}; all but the first two
//!                             may be absent
//! sensor     [2]              read and shot noise: variance = read^2 + shot value (may be absent)
//! reference  [k, bins]        power spectra of frames (may be absent)
//! ```
//!
//! Numbers are written as `f64` and read whatever type of numbers they are. Arrays and keys of other
//! names are passed over, which is said.
//!
//! A PSF stands as in convolution: `psf[y, x]` is what a point of light gives to the sample `y - n / 2`
//! rows below and `x - m / 2` columns to the right of it.

use std::io::{self, Cursor, Read};

use displaydoc::Display;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::about::{About, names};
use super::blur::{Blur, Field};
use super::calibration::Calibration;
use super::noise::{GrayLevels, SensorNoise};
use super::npy::{Array, Npy, write_array};
use super::psf::{Psf, PsfError};
use crate::exit::{ExitStatus, Status};
use crate::frame::{Extent, Plane};

/// What an archive begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// The most bytes that an array may have.
const ARRAY_BYTES_MAX: u64 = 64 << 20;

/// The most bytes of JSON.
const ABOUT_BYTES_MAX: u64 = 1 << 20;

/// What a file in an archive is listed with, and the most files: whoever opens one takes memory for
/// each, and only then looks for those it wants.
const LISTED: &[u8] = b"PK\x01\x02";
const FILES_MAX: usize = 1000;

/// The arrays there are.
const ARRAYS: [&str; 5] = ["psf", "noise", "about", "sensor", "reference"];

/// Why a file is not a calibration.
#[derive(Debug, Display, thiserror::Error)]
pub enum CalibrationError {
    /// the calibration cannot be read: {0} (expected an archive that NumPy writes, .npz)
    Archive(String),
    /// '{array}' of the calibration is {problem} (expected {expected})
    Array {
        /// Its name.
        array: &'static str,
        /// What it is.
        problem: String,
        /// What it should be.
        expected: &'static str,
    },
    /// {0}
    Psf(#[from] PsfError),
}

impl ExitStatus for CalibrationError {
    fn status(&self) -> Status {
        Status::Data
    }
}

impl Calibration {
    /// Whether the bytes of a file are those of an archive.
    pub fn is_archive(bytes: &[u8]) -> bool {
        bytes.starts_with(ZIP)
    }

    /// Reads a calibration from the bytes of a file.
    ///
    /// # Errors
    /// Where they hold none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CalibrationError> {
        let mut archive = Archive::open(bytes)?;
        let about = archive.about()?;
        let noise = archive.array("noise", "[1] of numbers")?;
        let [levels] = *noise.values else {
            return Err(wrong("noise", &format!("{:?}", noise.shape), "one number"));
        };
        let noise = GrayLevels::new(levels)
            .ok_or_else(|| wrong("noise", &levels.to_string(), "gray levels from 0 to 128"))?;
        let blur = blur(&archive.array("psf", "[gy, gx, n, m] of numbers")?)?;
        let sensor = archive.optional("sensor", "[2] of numbers")?;
        let reference = archive.optional("reference", "[k, bins] of numbers")?;
        archive.pass_over();
        Ok(Self {
            blur,
            noise,
            sensor: sensor.as_ref().map(sensor_noise).transpose()?,
            reference: reference.map(spectra).transpose()?,
            transfer: about.transfer,
            extent: about.extent(),
            pixel_format: about.pixel_format,
            controls: about.controls,
            temperature: about.temperature,
            origin: about.origin,
            certainty: about.certainty,
        })
    }

    /// The bytes of a file that holds the calibration.
    ///
    /// # Errors
    /// Where an array is too large for an archive.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CalibrationError> {
        self.write().map_err(unreadable)
    }

    fn write(&self) -> io::Result<Vec<u8>> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let (psfs, Extent { width, height }) = (self.blur.psfs(), self.blur.extent());
        let (columns, rows) = self.blur.grid();
        archive.start_file("psf.npy", options)?;
        let samples = psfs.iter().flat_map(|psf| psf.samples().samples()).copied();
        write_array(&mut archive, &[rows, columns, height, width], samples)?;
        archive.start_file("noise.npy", options)?;
        write_array(&mut archive, &[1], [self.noise.get()])?;
        archive.start_file("about.npy", options)?;
        let about = serde_json::to_vec(&About::of(self))?;
        write_array(&mut archive, &[about.len()], about)?;
        if let Some(SensorNoise { read, shot }) = self.sensor {
            archive.start_file("sensor.npy", options)?;
            write_array(&mut archive, &[2], [read, shot])?;
        }
        if let Some(reference) = &self.reference {
            let Extent { width, height } = reference.extent();
            archive.start_file("reference.npy", options)?;
            write_array(&mut archive, &[height, width], reference.samples().iter().copied())?;
        }
        Ok(archive.finish()?.into_inner())
    }
}

/// An archive of arrays.
struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, CalibrationError> {
        let files = bytes.windows(LISTED.len()).filter(|&four| four == LISTED).count();
        if files > FILES_MAX {
            return Err(unreadable(format!("{files} files are in it, at most {FILES_MAX} can be")));
        }
        ZipArchive::new(Cursor::new(bytes)).map(Self).map_err(unreadable)
    }

    /// Reads what is no array of numbers.
    fn about(&mut self) -> Result<About, CalibrationError> {
        let expected = "[n] of u8";
        let array = self.read("about", expected, ABOUT_BYTES_MAX)?;
        let array = array.ok_or_else(|| self.missing("about", expected))?;
        let json = array.bytes().ok_or_else(|| wrong("about", "not bytes", expected))?;
        About::read(&json).map_err(|(problem, expected)| wrong("about", &problem, expected))
    }

    /// Reads an array.
    fn array(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Array, CalibrationError> {
        self.optional(name, expected)?.ok_or_else(|| self.missing(name, expected))
    }

    /// Reads an array that may be absent.
    fn optional(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<Array>, CalibrationError> {
        self.read(name, expected, ARRAY_BYTES_MAX)
    }

    /// Reads an array of at most so many bytes. What it says of its size is checked before it is
    /// believed.
    fn read(
        &mut self,
        name: &'static str,
        expected: &'static str,
        bytes_max: u64,
    ) -> Result<Option<Array>, CalibrationError> {
        let file = format!("{name}.npy");
        if self.0.index_for_name(&file).is_none() {
            return Ok(None);
        }
        let wrong = |problem: String| CalibrationError::Array { array: name, problem, expected };
        let damaged = |error: &dyn std::fmt::Display| wrong(format!("damaged: {error}"));
        let entry = self.0.by_name(&file).map_err(|error| damaged(&error))?;
        let mut bytes = Vec::new();
        entry.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
        if bytes.len() as u64 > bytes_max {
            return Err(wrong(format!("larger than {} MiB", bytes_max >> 20)));
        }
        let array = Npy::open(&bytes).and_then(Npy::read);
        array.map(Some).map_err(|error| wrong(format!("unreadable: {error}")))
    }

    fn missing(&self, name: &'static str, expected: &'static str) -> CalibrationError {
        let problem = format!("missing; the archive holds {}", names(self.0.file_names()));
        wrong(name, &problem, expected)
    }

    /// Says which arrays were not read.
    fn pass_over(&self) {
        let is_known =
            |file: &&str| file.strip_suffix(".npy").is_some_and(|array| ARRAYS.contains(&array));
        let unknown = || self.0.file_names().filter(|file| !is_known(file));
        if unknown().next().is_some() {
            log::warn!("arrays of the calibration are passed over: {}", names(unknown()));
        }
    }
}

fn blur(array: &Array) -> Result<Blur, CalibrationError> {
    let (rows, columns, height, width) = match *array.shape {
        [height, width] => (1, 1, height, width),
        [rows, columns, height, width] => (rows, columns, height, width),
        _ => return Err(wrong("psf", &format!("{:?}", array.shape), "two or four sides")),
    };
    let extent = Extent::new(width, height);
    let psf = |samples: &[f64]| {
        Plane::from_samples(extent, samples.to_vec()).ok_or(PsfError::Empty).and_then(Psf::new)
    };
    let psfs = array.values.chunks_exact(extent.area().max(1)).map(psf);
    let psfs = psfs.collect::<Result<Vec<_>, _>>()?;
    match <[Psf; 1]>::try_from(psfs) {
        Ok([psf]) => Ok(Blur::Uniform(psf)),
        Err(psfs) if psfs.len() == rows * columns => Ok(Field::new(columns, psfs)?.into()),
        Err(_) => Err(wrong("psf", &format!("{:?}", array.shape), "sides from 1")),
    }
}

fn sensor_noise(array: &Array) -> Result<SensorNoise, CalibrationError> {
    let is_noise = |value: f64| (0.0..=1e4).contains(&value);
    match *array.values {
        [read, shot] if is_noise(read) && is_noise(shot) => Ok(SensorNoise { read, shot }),
        [read, shot] => Err(wrong("sensor", &format!("{read}, {shot}"), "numbers from 0 to 10000")),
        _ => Err(wrong("sensor", &format!("{:?}", array.shape), "two numbers")),
    }
}

fn spectra(array: Array) -> Result<Plane<f64>, CalibrationError> {
    let &[rows, bins] = array.shape.as_slice() else {
        return Err(wrong("reference", &format!("{:?}", array.shape), "two sides"));
    };
    if let Some(value) = array.values.iter().find(|value| !value.is_finite()) {
        return Err(wrong("reference", &format!("{value} somewhere"), "finite numbers"));
    }
    Plane::from_samples(Extent::new(bins, rows), array.values)
        .ok_or_else(|| wrong("reference", "cut short", "two sides"))
}

fn wrong(array: &'static str, problem: &str, expected: &'static str) -> CalibrationError {
    CalibrationError::Array { array, problem: problem.to_owned(), expected }
}

fn unreadable(error: impl std::fmt::Display) -> CalibrationError {
    CalibrationError::Archive(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::calibration::{Certainty, Method, Origin, Trust};
    use super::super::transfer::Transfer;
    use super::*;
    use crate::testing::random_psf;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::io::Write;

    fn calibration(cells: usize, seed: u64) -> Calibration {
        let psfs: Vec<Psf> =
            (0..cells * cells).map(|cell| random_psf(seed ^ cell as u64, 5)).collect();
        let blur = match <[Psf; 1]>::try_from(psfs) {
            Ok([psf]) => Blur::Uniform(psf),
            Err(psfs) => Field::new(cells, psfs).expect("a grid").into(),
        };
        Calibration {
            sensor: Some(SensorNoise { read: 1.25, shot: 0.03125 }),
            transfer: Transfer::Gamma(2.2),
            extent: Some(Extent::new(640, 480)),
            pixel_format: Some("YUYV".to_owned()),
            controls: BTreeMap::from([("focus_absolute".to_owned(), 40)]),
            temperature: Some(41.5),
            reference: Some(Plane::from_fn(Extent::new(4, 2), |x, y| (x + 4 * y) as f64)),
            origin: Some(Origin {
                method: Method::Target,
                frames: 16,
                program: "deblurd 0.1.0".to_owned(),
                date: "2026-11-27".to_owned(),
            }),
            certainty: Some(Certainty {
                trust: Trust::Measured,
                relative_error: Some(0.03125),
                residual: None,
            }),
            ..Calibration::new(blur, GrayLevels::saturating(2.55))
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_was_written_is_read_back(cells in 1_usize..4, seed: u64) {
            let calibration = calibration(cells, seed);
            let bytes = calibration.to_bytes().expect("an archive");
            let read = Calibration::from_bytes(&bytes).expect("a calibration");
            // Sums are made one again, which may cost the last bit.
            for (is, was) in read.blur.psfs().iter().zip(calibration.blur.psfs()) {
                for (is, was) in is.samples().samples().iter().zip(was.samples().samples()) {
                    prop_assert!((is - was).abs() < 1e-15);
                }
            }
            prop_assert_eq!(Calibration { blur: calibration.blur.clone(), ..read }, calibration);
        }

        #[test]
        fn damaged_bytes_are_an_error(at: prop::sample::Index, value: u8, end: prop::sample::Index) {
            let mut bytes = calibration(2, 1).to_bytes().expect("an archive");
            let at = at.index(bytes.len());
            bytes[at] = value;
            // Whatever comes of them, it is no panic.
            let _ = Calibration::from_bytes(&bytes);
            let cut = &bytes[..end.index(bytes.len())];
            prop_assert!(Calibration::from_bytes(cut).is_err());
        }
    }

    /// An archive of those files.
    fn archive_of(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in arrays {
            archive.start_file(*name, SimpleFileOptions::default()).expect("an entry");
            archive.write_all(bytes).expect("an array");
        }
        archive.finish().expect("an archive").into_inner()
    }

    fn npy(shape: &[usize], values: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_array(&mut bytes, shape, values.iter().copied()).expect("an array");
        bytes
    }

    fn json(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_array(&mut bytes, &[text.len()], text.bytes()).expect("an array");
        bytes
    }

    #[test]
    fn files_of_version_1_are_read() {
        let about = r#"{"version":1,"transfer":"bt709","extent":[640,480],"controls":{"gain":3}}"#;
        let bytes = archive_of(&[
            ("psf.npy", npy(&[1, 1, 1, 1], &[1.0])),
            ("noise.npy", npy(&[1], &[2.5])),
            ("about.npy", json(about)),
        ]);
        let expected = Calibration {
            transfer: Transfer::Bt709,
            extent: Some(Extent::new(640, 480)),
            controls: BTreeMap::from([("gain".to_owned(), 3)]),
            ..Calibration::new(Psf::delta(), GrayLevels::saturating(2.5))
        };
        assert_eq!(Calibration::from_bytes(&bytes).expect("a calibration"), expected);
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let about = r#"{"version":2,"transfer":"none","lens":{"maker":"x"}}"#;
        let bytes = archive_of(&[
            ("psf.npy", npy(&[1, 1], &[1.0])),
            ("noise.npy", npy(&[], &[2.5])),
            ("about.npy", json(about)),
            ("distortion.npy", b"nothing".to_vec()),
        ]);
        let expected = Calibration::new(Psf::delta(), GrayLevels::saturating(2.5));
        assert_eq!(Calibration::from_bytes(&bytes).expect("a calibration"), expected);
    }

    #[track_caller]
    fn check_refused(arrays: &[(&str, Vec<u8>)], words: &str) {
        let bytes = archive_of(arrays);
        let error = Calibration::from_bytes(&bytes).expect_err("no calibration").to_string();
        assert!(error.contains(words), "{error}");
        assert!(!error.contains(char::is_control) && error.len() < 400, "{error:?}");
    }

    #[track_caller]
    fn check_about_refused(about: &str, words: &str) {
        check_refused(
            &[("about.npy", json(about))],
            &format!("'about' of the calibration is {words}"),
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let about = ("about.npy", json("{\"version\":1,\"transfer\":\"none\"}"));
        let noise = ("noise.npy", npy(&[1], &[2.0]));
        let with = |array: &'static str, bytes: Vec<u8>| {
            let mut arrays = vec![about.clone(), noise.clone()];
            arrays.retain(|(name, _)| *name != array);
            arrays.extend(
                [("psf.npy", npy(&[1, 1], &[1.0]))].into_iter().filter(|_| array != "psf.npy"),
            );
            arrays.push((array, bytes));
            arrays
        };
        check_refused(&[], "'about' of the calibration is missing; the archive holds");
        check_refused(&[("a\nb.txt", vec![])], "the archive holds 'a?b.txt'");
        check_refused(&with("noise.npy", npy(&[1], &[200.0])), "is 200 (expected gray levels");
        let words = "'noise' of the calibration is [2] (expected one number)";
        check_refused(&with("noise.npy", npy(&[2], &[1.0, 2.0])), words);
        check_refused(&with("psf.npy", npy(&[1], &[1.0])), "is [1] (expected two or four sides)");
        check_refused(&with("psf.npy", npy(&[0, 1, 1, 1], &[])), "PSF");
        check_refused(&with("psf.npy", npy(&[1; 4], &[-1.0])), "sample 0,0 of the PSF is -1");
        check_refused(&with("psf.npy", b"pickle".to_vec()), "unreadable: the header of the array");
        check_refused(&with("sensor.npy", npy(&[1], &[1.0])), "is [1] (expected two numbers)");
        check_refused(&with("sensor.npy", npy(&[2], &[1.0, -1.0])), "is 1, -1 (expected");
        check_refused(&with("reference.npy", npy(&[1], &[1.0])), "is [1] (expected two sides)");
        check_refused(&with("reference.npy", npy(&[1, 1], &[f64::NAN])), "is NaN somewhere");
        check_about_refused(
            r#"{"version":3,"transfer":"none"}"#,
            "of version 3 (expected version 1 or 2)",
        );
        check_about_refused(r#"{"version":2}"#, "missing field `transfer`");
        check_about_refused(r#"{"version":2,"transfer":"gamma:9"}"#, "'gamma:9' (expected none");
        let key = |key: &str| format!(r#"{{"version":2,"transfer":"none",{key}}}"#);
        check_about_refused(&key(r#""extent":[0,4]"#), "extent 0 (expected sides");
        check_about_refused(&key(r#""temperature":-300"#), "temperature -300 (expected degrees");
        let certainty = r#""certainty":{"trust":"guessed","residual":-1}"#;
        check_about_refused(&key(certainty), "residual -1 (expected a number from 0)");
        check_about_refused(&key(r#""certainty":{"trust":"sure"}"#), "unknown variant `sure`");
        check_about_refused(&key(&format!("\"x\":{}", "[".repeat(100_000))), "recursion limit");
        let error = Calibration::from_bytes(b"1 2 3").expect_err("text").to_string();
        assert!(error.contains("expected an archive that NumPy writes"), "{error}");
    }
}
