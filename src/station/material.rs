//! Everything that a configuration names, as it stood in its files when it was read.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::apart;
use super::assemble::{Assembly, open_source, stoppable};
use super::doubts;
use super::entry::Entry;
use super::error::{Fault, StationError};
use super::load::{self, LoadError, Named};
use super::outputs::sink_names;
use super::recipe::Recipe;
use super::told::Told;
use super::trial::{self, TrialError};
use super::tuning::Tuning;
use crate::config::{Config, Single, SourceConfig};
use crate::executor::Executor;
use crate::frame::Extent;
use crate::metrics::Metrics;
use crate::optics::{Assumed, Blur, Calibration, Clue, Transfer};
use crate::pipeline::{Seats, Stop};
use crate::plan::network::Model;
use crate::simulate::DegradeOptions;

/// A configuration and the bytes of all files that it names.
#[derive(Debug, Clone)]
pub struct Material {
    /// What was asked for.
    pub config: Config,
    single: Single,
    psf: Named,
    model: Named,
    /// The PSF of the simulated blur, where it is another one.
    simulated: Option<Named>,
}

/// A configuration and what it names, loaded.
#[derive(Debug)]
pub struct Loaded {
    /// What was asked for.
    pub config: Config,
    /// What is known of the camera; its curve as a silent source has it, until [`Loaded::see`].
    pub camera: Calibration,
    /// Its curve, where a calibration says so.
    known: Option<Transfer>,
    /// The model, where there is one.
    pub model: Option<Arc<Model>>,
    /// The simulated blur, where there is one.
    pub simulated: Option<(Blur, DegradeOptions)>,
}

/// The source that a configuration names, whatever else it names: what a calibration is made from need
/// not be there yet.
///
/// # Errors
/// Where the file cannot be read, or the configuration is wrong.
pub fn source_of(entry: &Entry) -> Result<SourceConfig, StationError> {
    Ok(entry.read()?.read().map_err(|cause| entry.wrong(cause))?.source)
}

/// Tries a configuration; gives how good its golden frame is.
pub type Attempt = fn(&Material, Option<Extent>) -> Result<String, TrialError>;

/// Lengths of parts that are absent.
const ABSENT: u64 = u64::MAX;

impl Material {
    /// Reads a configuration and all that it names.
    ///
    /// # Errors
    /// Where a file cannot be read, or the configuration is wrong.
    pub fn read(entry: &Entry) -> Result<Self, StationError> {
        Self::tuned(entry, &Tuning::default())
    }

    /// The same with some keys as a viewer wants them.
    ///
    /// # Errors
    /// As [`Material::read`], and where a wish is none that viewers may have.
    pub fn tuned(entry: &Entry, tuning: &Tuning) -> Result<Self, StationError> {
        let wrong = |cause| entry.wrong(cause);
        let single = tuning.apply(&entry.read()?).map_err(wrong)?;
        let config = single.read().map_err(wrong)?;
        apart::check(&entry.path, &config).map_err(|cause| wrong(single.told(cause)))?;
        let simulated = config.simulate.as_ref().and_then(|simulate| simulate.psf.as_deref());
        let read = || -> Result<_, LoadError> {
            let psf = tuning.psf(&config.camera.psf)?;
            let model = Named::model(&config.restore.model)?;
            Ok((psf, model, simulated.map(Named::psf).transpose()?))
        };
        let (psf, model, simulated) = read().map_err(Fault::from)?;
        Ok(Self { config, single, psf, model, simulated })
    }

    /// Writes all that was read, for another process of this program to [take](Self::take).
    ///
    /// # Errors
    /// Where the system cannot write it.
    pub fn give(&self, out: &mut impl Write) -> io::Result<()> {
        let simulated = self.simulated.as_ref().and_then(|psf| psf.bytes.as_deref());
        let text = Some(self.single.text.as_bytes());
        let variables = serde_json::to_vec(&self.single.variables)?;
        let (psf, model) = (self.psf.bytes.as_deref(), self.model.bytes.as_deref());
        for part in [text, Some(&variables), psf, model, simulated] {
            let length = part.map_or(ABSENT, |bytes| bytes.len() as u64);
            out.write_all(&length.to_le_bytes())?;
            out.write_all(part.unwrap_or_default())?;
        }
        out.flush()
    }

    /// Takes what another process of this program [gives](Self::give).
    ///
    /// # Errors
    /// Where it is not whole, or the configuration is wrong.
    pub fn take(input: &mut impl Read) -> Result<Self, StationError> {
        let path = || PathBuf::from("what the daemon gives");
        let mut part = || take_part(input).map_err(|cause| LoadError::Read { path: path(), cause });
        let mut parts = || Ok::<_, LoadError>([part()?, part()?, part()?, part()?, part()?]);
        let [text, variables, psf, model, simulated] = parts().map_err(Fault::from)?;
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        let variables = serde_json::from_slice(&variables.unwrap_or_default());
        let torn = |error| LoadError::Read { path: path(), cause: io::Error::other(error) };
        let variables = variables.map_err(|error| Fault::from(torn(error)))?;
        let wrong = |cause| StationError::Config { path: path(), cause };
        let single = Single::of_file(text, variables).map_err(wrong)?;
        let config = single.read().map_err(wrong)?;
        let named = |name: &str, bytes| Named { name: name.to_owned(), bytes };
        let (psf, model) = (named(&config.camera.psf, psf), named(&config.restore.model, model));
        let other = config.simulate.as_ref().and_then(|simulate| simulate.psf.as_deref());
        let simulated = other.map(|name| named(name, simulated));
        Ok(Self { config, single, psf, model, simulated })
    }

    /// Whether the model is a file of somebody's, and none of the released ones.
    pub fn has_model_file(&self) -> bool {
        self.model.bytes.is_some()
    }

    /// Has a process of its own load all this, restore the golden frame, and a frame of `extent`
    /// where that is known; what it says of the golden frame.
    ///
    /// # Errors
    /// Where it does not.
    pub fn attempt(&self, extent: Option<Extent>) -> Result<String, TrialError> {
        trial::run(extent, |input| self.give(input), trial::PATIENCE)
    }

    /// Loads what was read.
    ///
    /// # Errors
    /// Where PSF or model are not what they should be, or the noise is nowhere to be had.
    pub fn load(self) -> Result<Loaded, Fault> {
        let (known, model) = (self.psf.to_known()?, self.model.to_model()?);
        let noise = self.config.noise(known.noise())?;
        let camera = known.camera(noise, self.config.restore.transfer, Clue::Silent);
        load::warn_of_noise(model.as_deref(), camera.noise);
        let simulated = match &self.config.simulate {
            None => None,
            Some(simulate) => {
                let blur = match &self.simulated {
                    Some(other) => other.to_known()?.blur(),
                    None => known.blur(),
                };
                Some((blur, simulate.options))
            }
        };
        let known = known.transfer();
        Ok(Loaded { config: self.config, camera, known, model, simulated })
    }
}

impl Loaded {
    /// Threads for filters and networks.
    pub fn threads(&self) -> usize {
        self.config.pipeline.threads()
    }

    /// The curve that the source's clue leads to, and why.
    pub fn curve(&self, clue: Clue) -> Assumed {
        self.config.restore.transfer.resolve(self.known, clue)
    }

    /// Takes the curve that the source's clue leads to; it is told.
    pub fn see(&mut self, clue: Clue) {
        let assumed = self.curve(clue);
        log::info!("transfer curve {assumed}");
        self.camera.transfer = assumed.transfer;
    }

    /// Opens the source, whose curve is taken, and starts the threads that share the work; where there
    /// are other stations, on `seats` that all share.
    ///
    /// # Errors
    /// Where the source cannot be opened or the system gives no more threads.
    pub fn assembly(&mut self, seats: Option<&Arc<Seats>>) -> Result<Assembly, Fault> {
        let stop = Stop::default();
        let metrics = Arc::new(Metrics::new(&sink_names(&self.config.sinks)));
        let source = open_source(&self.config.source, self.simulated.as_ref(), &metrics.source)?;
        self.see(source.clue());
        let standing = self.config.pipeline.standings(source.is_paced()).restoring;
        let workers = (self.threads(), standing);
        let recipe = self.recipe(stoppable(workers, seats, &stop, &metrics)?);
        self.told(&recipe).tell(&metrics);
        doubts::tell(doubts::of_source(&self.camera, source.pixel_format().as_deref()), &metrics);
        Ok(Assembly {
            source,
            recipe,
            pipeline: self.config.pipeline,
            ladder: Some(self.config.overload),
            metrics,
            follow: None,
            stop,
        })
    }

    /// What is told of what `recipe` makes, which is of this.
    pub fn told(&self, recipe: &Recipe) -> Told {
        Told::of(&self.config.camera.psf, recipe).following(self.config.follows())
    }

    /// What a restorer is made of.
    pub fn recipe(&self, executor: Arc<dyn Executor>) -> Recipe {
        Recipe {
            camera: self.camera.clone(),
            model: self.model.clone(),
            options: self.config.restore.clone(),
            executor,
        }
    }
}

fn take_part(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length == ABSENT {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() as u64 == length;
    is_whole.then_some(Some(bytes)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
