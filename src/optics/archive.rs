//! A calibration as a file: an archive of arrays (`.npz`) that NumPy opens.
//!
//! ```text
//! psf     [gy, gx, n, m] of f64   PSFs, row by row of the grid; 1 by 1 where the blur is uniform
//! noise   [1] of f64              standard deviation in 8-bit gray levels
//! about   [n] of u8               the rest as JSON: transfer curve, extent, controls
//! ```
//!
//! A PSF stands as in convolution: `psf[y, x]` is what a point of light gives to the sample `y - n / 2`
//! rows below and `x - m / 2` columns to the right of it.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};

use displaydoc::Display;
use npyz::WriterBuilder;
use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::blur::{Blur, Field};
use super::calibration::Calibration;
use super::noise::GrayLevels;
use super::psf::{Psf, PsfError};
use super::transfer::Transfer;
use crate::frame::{Extent, Plane};

/// What an archive begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// The one version there is.
const VERSION: u32 = 1;

/// The most bytes that an array may have.
const ARRAY_BYTES_MAX: u64 = 64 << 20;

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

/// What is no array of numbers.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    version: u32,
    transfer: Transfer,
    #[serde(default)]
    extent: Option<[usize; 2]>,
    #[serde(default)]
    controls: BTreeMap<String, i64>,
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
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
        let about = about(&array(&mut archive, "about", "[n] of u8")?)?;
        let noise: Array<f64> = array(&mut archive, "noise", "[1] of f64")?;
        let [levels] = *noise.values else {
            return Err(wrong("noise", &format!("{:?}", noise.shape), "one number"));
        };
        let noise = GrayLevels::new(levels)
            .ok_or_else(|| wrong("noise", &levels.to_string(), "gray levels from 0 to 128"))?;
        let blur = blur(&array(&mut archive, "psf", "[gy, gx, n, m] of f64")?)?;
        let About { transfer, extent, controls, .. } = about;
        let extent = extent.map(|[width, height]| Extent::new(width, height));
        Ok(Self { blur, noise, transfer, extent, controls })
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
        let (columns, rows) = match &self.blur {
            Blur::Uniform(_) => (1, 1),
            Blur::Field(field) => (field.columns(), field.rows()),
        };
        archive.start_file("psf.npy", options)?;
        let samples = psfs.iter().flat_map(|psf| psf.samples().samples()).copied();
        write_array(&mut archive, &[rows, columns, height, width], samples)?;
        archive.start_file("noise.npy", options)?;
        write_array(&mut archive, &[1], [self.noise.get()])?;
        archive.start_file("about.npy", options)?;
        let about = About {
            version: VERSION,
            transfer: self.transfer,
            extent: self.extent.map(|extent| [extent.width, extent.height]),
            controls: self.controls.clone(),
        };
        let about = serde_json::to_vec(&about)?;
        write_array(&mut archive, &[about.len()], about)?;
        Ok(archive.finish()?.into_inner())
    }
}

/// An array as NumPy has it.
struct Array<T> {
    shape: Vec<usize>,
    values: Vec<T>,
}

/// Reads an array of an archive. What it says of its size is checked before it is believed.
fn array<T: npyz::Deserialize>(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &'static str,
    expected: &'static str,
) -> Result<Array<T>, CalibrationError> {
    let wrong = |problem: String| CalibrationError::Array { array: name, problem, expected };
    let entry = archive.by_name(&format!("{name}.npy"));
    let entry = entry.map_err(|error| wrong(format!("not to be had: {error}")))?;
    let mut bytes = Vec::new();
    let read = entry.take(ARRAY_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| wrong(format!("damaged: {error}")))?;
    if bytes.len() as u64 > ARRAY_BYTES_MAX {
        return Err(wrong(format!("larger than {} MiB", ARRAY_BYTES_MAX >> 20)));
    }
    let file =
        npyz::NpyFile::new(&bytes[..]).map_err(|error| wrong(format!("damaged: {error}")))?;
    let shape: Vec<usize> =
        file.shape().iter().map(|&side| usize::try_from(side).unwrap_or(usize::MAX)).collect();
    let count = shape.iter().try_fold(1_usize, |count, &side| count.checked_mul(side));
    let fits = count.and_then(|count| count.checked_mul(size_of::<T>()));
    if fits.is_none_or(|needed| needed > bytes.len()) || file.order() != npyz::Order::C {
        return Err(wrong(format!("{shape:?} in {} bytes", bytes.len())));
    }
    let values = file.data::<T>().map_err(|error| wrong(format!("of another type: {error}")))?;
    let values = values.collect::<Result<_, _>>();
    Ok(Array { shape, values: values.map_err(|error| wrong(format!("damaged: {error}")))? })
}

fn write_array<T: npyz::AutoSerialize>(
    archive: &mut impl Write,
    shape: &[usize],
    values: impl IntoIterator<Item = T>,
) -> io::Result<()> {
    let shape: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(archive);
    let mut writer = options.begin_nd()?;
    writer.extend(values)?;
    writer.finish()
}

fn about(array: &Array<u8>) -> Result<About, CalibrationError> {
    let about: About = serde_json::from_slice(&array.values)
        .map_err(|error| wrong("about", &error.to_string(), "JSON with version and transfer"))?;
    match about.version {
        VERSION => Ok(about),
        other => Err(wrong("about", &format!("of version {other}"), "version 1")),
    }
}

fn blur(array: &Array<f64>) -> Result<Blur, CalibrationError> {
    let &[rows, columns, height, width] = array.shape.as_slice() else {
        return Err(wrong("psf", &format!("{:?}", array.shape), "four sides"));
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

fn wrong(array: &'static str, problem: &str, expected: &'static str) -> CalibrationError {
    CalibrationError::Array { array, problem: problem.to_owned(), expected }
}

fn unreadable(error: impl std::fmt::Display) -> CalibrationError {
    CalibrationError::Archive(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_psf;
    use proptest::prelude::*;

    fn calibration(cells: usize, seed: u64) -> Calibration {
        let psfs: Vec<Psf> =
            (0..cells * cells).map(|cell| random_psf(seed ^ cell as u64, 5)).collect();
        let blur = match <[Psf; 1]>::try_from(psfs) {
            Ok([psf]) => Blur::Uniform(psf),
            Err(psfs) => Field::new(cells, psfs).expect("a grid").into(),
        };
        Calibration {
            transfer: Transfer::Srgb,
            extent: Some(Extent::new(640, 480)),
            controls: BTreeMap::from([("focus_absolute".to_owned(), 40)]),
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

    #[track_caller]
    fn check_refused(arrays: &[(&str, Vec<u8>)], words: &str) {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in arrays {
            archive.start_file(*name, SimpleFileOptions::default()).expect("an entry");
            archive.write_all(bytes).expect("an array");
        }
        let bytes = archive.finish().expect("an archive").into_inner();
        let error = Calibration::from_bytes(&bytes).expect_err("no calibration").to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let npy = |shape: &[usize], values: &[f64]| {
            let mut bytes = Vec::new();
            write_array(&mut bytes, shape, values.iter().copied()).expect("an array");
            bytes
        };
        let json = |text: &str| {
            let mut bytes = Vec::new();
            write_array(&mut bytes, &[text.len()], text.bytes()).expect("an array");
            bytes
        };
        let about = ("about.npy", json("{\"version\":1,\"transfer\":\"none\"}"));
        let noise = ("noise.npy", npy(&[1], &[2.0]));
        check_refused(&[], "'about' of the calibration is not to be had");
        let later = ("about.npy", json("{\"version\":2,\"transfer\":\"none\"}"));
        check_refused(&[later], "'about' of the calibration is of version 2 (expected version 1)");
        let loud = ("noise.npy", npy(&[1], &[200.0]));
        check_refused(&[about.clone(), loud], "is 200 (expected gray levels from 0 to 128)");
        let two = ("noise.npy", npy(&[2], &[1.0, 2.0]));
        check_refused(
            &[about.clone(), two],
            "'noise' of the calibration is [2] (expected one number)",
        );
        let flat = ("psf.npy", npy(&[1, 1], &[1.0]));
        check_refused(&[about.clone(), noise.clone(), flat], "is [1, 1] (expected four sides)");
        let empty = ("psf.npy", npy(&[0, 1, 1, 1], &[]));
        check_refused(&[about.clone(), noise.clone(), empty], "PSF");
        let negative = ("psf.npy", npy(&[1, 1, 1, 1], &[-1.0]));
        check_refused(&[about, noise, negative], "sample 0,0 of the PSF is -1");
        let error = Calibration::from_bytes(b"1 2 3").expect_err("text").to_string();
        assert!(error.contains("expected an archive that NumPy writes"), "{error}");
    }
}
