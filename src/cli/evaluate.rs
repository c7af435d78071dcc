//! `deblurd evaluate`: how much sharper, in numbers.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde::Serialize;

use super::exit::{Context, Failure, Result};
use super::inputs::keeps;
use super::options::{JsonArgument, Threads};
use super::terminal;
use super::work::conclude;
use crate::daemon::Shutdown;
use crate::executor::Sequential;
use crate::frame::colour::luma;
use crate::frame::{Effort, Picture};
use crate::optics::{Blur, GrayLevels};
use crate::plan::network::Model;
use crate::plan::{Channels, Edges, RestoreOptions, RestorePlan};
use crate::restore::quality::{psnr_db, ssim};
use crate::restore::{Backend, CpuBackend, Unwatched};
use crate::simulate::{Degrade, DegradeOptions};
use crate::source::{is_hidden, list_pictures, read_picture};
use crate::station::{LoadError, load};

/// Blurs sharp pictures, restores them and measures the distance to the truth.
#[derive(Debug, Args)]
#[command(after_help = "\
Values are compared as 8-bit samples, by luma unless --channels rgb. The noise is seeded.
--edges says what the simulated camera has beyond its edges and what the restoration takes to be
there; --camera lets the two differ.

Example:
  deblurd evaluate set12/ --psf kernel1.txt --psf kernel2.txt --sigma 2.55 --sigma 7.65 \\
    --edges circular --json table.json")]
pub(super) struct Evaluate {
    /// Sharp pictures and folders of them.
    #[arg(required = true)]
    sharp: Vec<PathBuf>,
    /// PSFs of the blur, each tried in turn; a folder stands for the files in it.
    #[arg(long, required = true, num_args = 1.., value_name = "PSF")]
    psf: Vec<String>,
    /// Standard deviations of the noise in 8-bit gray levels, each tried in turn.
    #[arg(long, required = true, num_args = 1..)]
    sigma: Vec<GrayLevels>,
    /// What lies beyond the edges of the simulated camera's pictures [default: as --edges].
    #[arg(long, value_enum)]
    camera: Option<Edges>,
    /// Seed of the noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    json: JsonArgument,
    #[command(flatten)]
    restoration: RestoreOptions,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Debug, Clone, Serialize)]
struct Row {
    image: String,
    psf: String,
    sigma: GrayLevels,
    method: Method,
    psnr_db: f64,
    ssim: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    Blurred,
    Wiener,
    Restored,
}

#[derive(Debug, Clone, Serialize)]
struct Mean {
    sigma: GrayLevels,
    method: Method,
    psnr_db: f64,
    ssim: f64,
}

#[derive(Debug, Serialize)]
struct Table {
    rows: Vec<Row>,
    mean: Vec<Mean>,
}

/// One picture under one PSF and one noise.
struct Case<'a> {
    index: u64,
    image: &'a (String, Picture),
    psf: &'a (String, Blur),
    sigma: GrayLevels,
}

/// What could be read, by name, and why the rest could not.
type Sorted<T> = (Vec<(String, T)>, Vec<Failure>);

impl Evaluate {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        self.check_output()?;
        let (psfs, mut failures) = self.load_psfs()?;
        let model = load::model(&self.restoration.model)?;
        self.sigma.iter().for_each(|&sigma| load::warn_of_noise(model.as_deref(), sigma));
        let (images, unread) = self.load_images()?;
        failures.extend(unread);
        let cases = self.cases(&images, &psfs);
        let (rows, unmeasured) = self.rows(&cases, model.as_ref(), shutdown)?;
        let all = failures.len() + cases.len();
        failures.extend(unmeasured);
        let table = Table { mean: self.means(&rows), rows };
        if !table.rows.is_empty() {
            self.json.write(&table)?;
            terminal::print(&describe(&table))?;
        }
        conclude(failures, all, "PSFs, pictures and cases were not measured")
    }

    /// Refuses to replace what is read.
    fn check_output(&self) -> Result<()> {
        let Some(output) = self.json.path() else { return Ok(()) };
        let mut inputs = list_pictures(&self.sharp)?;
        for name in &self.psf {
            inputs.extend(files_of(name)?.into_iter().map(PathBuf::from));
        }
        inputs.push(PathBuf::from(&self.restoration.model));
        keeps(&inputs, output)?;
        Ok(self.json.try_writing()?)
    }

    /// The PSFs, and why others are none; of names that stand for one it is an error.
    fn load_psfs(&self) -> Result<Sorted<Blur>> {
        let names = self.psf.iter().map(|name| files_of(name)).collect::<Result<Vec<_>>>()?;
        sorted_out(names.concat().into_iter().map(|name| {
            let short =
                Path::new(&name).file_name().map_or(name.clone().into(), |n| n.to_string_lossy());
            Ok((short.into_owned(), load::blur(&name)?))
        }))
    }

    /// The pictures, and why others cannot be read.
    fn load_images(&self) -> Result<Sorted<Picture>> {
        sorted_out(list_pictures(&self.sharp)?.into_iter().map(|path| {
            let picture = read_picture(&path)?;
            let is_luma = self.restoration.channels == Channels::Luma;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, if is_luma { luma(&picture) } else { picture }))
        }))
    }

    fn cases<'a>(
        &self,
        images: &'a [(String, Picture)],
        psfs: &'a [(String, Blur)],
    ) -> Vec<Case<'a>> {
        let mut cases = Vec::new();
        for &sigma in &self.sigma {
            for psf in psfs {
                for image in images {
                    cases.push(Case { index: cases.len() as u64, image, psf, sigma });
                }
            }
        }
        cases
    }

    /// Measures all cases, several at a time; and why some could not be.
    fn rows(
        &self,
        cases: &[Case<'_>],
        model: Option<&Arc<Model>>,
        shutdown: &Shutdown,
    ) -> Result<(Vec<Row>, Vec<Failure>)> {
        let progress = terminal::progress(cases.len(), "evaluating");
        let outcomes = Mutex::new(Vec::new());
        self.threads.executor()?.run(cases.len(), &|index| {
            if shutdown.requested().is_none() {
                let outcome = self.measure(&cases[index], model);
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                progress.inc(1);
            }
        });
        progress.finish_and_clear();
        if let Some(signal) = shutdown.requested() {
            return Err(Failure::interrupted(signal));
        }
        let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcomes.sort_by_key(|(index, _)| *index);
        let named = outcomes.into_iter().map(|(index, outcome)| {
            let Case { image, psf, .. } = &cases[index];
            outcome.with_context(|| format!("{} by {}", image.0, psf.0))
        });
        let (rows, failures) = sorted_out(named)?;
        Ok((rows.concat(), failures))
    }

    fn measure(&self, case: &Case<'_>, model: Option<&Arc<Model>>) -> Result<Vec<Row>> {
        let (blurred, truth) = self.degrade(case)?;
        let row = |method, picture: &Picture| Row {
            image: case.image.0.clone(),
            psf: case.psf.0.clone(),
            sigma: case.sigma,
            method,
            psnr_db: psnr_db(picture, &truth),
            ssim: ssim(picture, &truth),
        };
        let mut rows = vec![row(Method::Blurred, &blurred)];
        let backend = CpuBackend::new(Arc::new(Sequential));
        let camera = self.restoration.camera(case.psf.1.clone(), case.sigma);
        let mut restored = Picture::new(blurred.format());
        for (method, model) in [(Method::Wiener, None), (Method::Restored, model)] {
            if method == Method::Wiener || model.is_some() {
                let options = &self.restoration;
                let plan = RestorePlan::new(&camera, model.cloned(), options, blurred.format())?;
                let mut restorer = backend.load(plan)?;
                restorer.restore(&blurred, &mut restored, Effort::Full, &mut Unwatched)?;
                rows.push(row(method, &restored));
            }
        }
        Ok(rows)
    }

    /// The blurred picture of a case, and its truth.
    fn degrade(&self, case: &Case<'_>) -> Result<(Picture, Picture)> {
        let edges = self.camera.unwrap_or(self.restoration.edges);
        let options = DegradeOptions { edges, sigma: case.sigma, seed: self.seed };
        let sharp = &case.image.1;
        let mut degrade = Degrade::plan(&case.psf.1, options, sharp.format())?;
        let mut blurred = Picture::new(degrade.degraded_format());
        let mut truth = blurred.clone();
        degrade.run(sharp, case.index, &mut blurred, &mut truth);
        Ok((blurred, truth))
    }

    fn means(&self, rows: &[Row]) -> Vec<Mean> {
        let mut means = Vec::new();
        for &sigma in &self.sigma {
            for method in [Method::Blurred, Method::Wiener, Method::Restored] {
                let of = |row: &&Row| row.method == method && row.sigma == sigma;
                let mean = mean_of(rows.iter().filter(of));
                means.extend(mean.map(|(psnr_db, ssim)| Mean { sigma, method, psnr_db, ssim }));
            }
        }
        means
    }
}

/// What is good, and the failures, each told where it is not the only one.
///
/// # Errors
/// Where nothing is good: the first.
fn sorted_out<T>(outcomes: impl Iterator<Item = Result<T>>) -> Result<(Vec<T>, Vec<Failure>)> {
    let (mut good, mut failures) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(one) => good.push(one),
            Err(failure) => failures.push(failure),
        }
    }
    if good.is_empty() && !failures.is_empty() {
        return Err(failures.swap_remove(0));
    }
    failures.iter().for_each(|failure| terminal::note(&format!("{failure}: passed over")));
    Ok((good, failures))
}

/// Mean PSNR and SSIM; `None` of no rows.
fn mean_of<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<(f64, f64)> {
    let values: Vec<(f64, f64)> = rows.map(|row| (row.psnr_db, row.ssim)).collect();
    let count = values.len() as f64;
    let sum = values.iter().fold((0.0, 0.0), |sum, value| (sum.0 + value.0, sum.1 + value.1));
    (!values.is_empty()).then(|| (sum.0 / count, sum.1 / count))
}

/// Per PSF and in the mean; per image there is the JSON file.
fn describe(table: &Table) -> String {
    let mut text = String::from(
        "sigma  psf                     blurred            wiener             restored\n",
    );
    let mut cases: Vec<(GrayLevels, &str)> = Vec::new();
    for row in &table.rows {
        if !cases.contains(&(row.sigma, &row.psf)) {
            cases.push((row.sigma, &row.psf));
        }
    }
    let sigmas =
        table.mean.iter().filter(|mean| mean.method == Method::Blurred).map(|mean| mean.sigma);
    let cases = cases.into_iter().map(|(sigma, psf)| (sigma, Some(psf)));
    for (sigma, psf) in cases.chain(sigmas.map(|sigma| (sigma, None))) {
        let of = |row: &&Row| row.sigma == sigma && psf.is_none_or(|psf| row.psf == psf);
        let cell =
            |method| match mean_of(table.rows.iter().filter(of).filter(|row| row.method == method))
            {
                Some((psnr, ssim)) => format!("{psnr:6.2} dB {ssim:.4}"),
                None => String::new(),
            };
        let cells = [Method::Blurred, Method::Wiener, Method::Restored].map(cell).join("   ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{sigma:<6} {:<22}  {cells}", psf.unwrap_or("mean"));
    }
    text
}

/// The file or formula itself, or the files of a folder in order.
fn files_of(name: &str) -> Result<Vec<String>> {
    let folder = Path::new(name);
    if !folder.is_dir() {
        return Ok(vec![name.to_owned()]);
    }
    let failed = |cause| LoadError::Read { path: folder.to_owned(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && !is_hidden(&path) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files.sort();
    Ok(files)
}
