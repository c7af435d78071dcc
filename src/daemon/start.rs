//! From a configuration to a pipeline that can be started.

use std::sync::Arc;

use super::{DaemonError, pages};
use crate::executor::Sequential;
use crate::pipeline::{Pipeline, Seats};
use crate::station::{
    Entry, Fault, Golden, Loaded, Material, Outputs, Page, Post, Running, StationError, keep, load,
};
use crate::web::Desk;

/// A pipeline, what of it is shown, and what a reload has to fit.
pub(super) struct Built {
    pub(super) pipeline: Pipeline,
    /// The pages that are to be served, in the order of their sinks.
    pub(super) pages: Vec<Page>,
    /// The place in a fleet, where there is one.
    pub(super) post: Option<Post>,
    pub(super) running: Running,
}

/// Loads all that a configuration names, and restores a golden frame with it.
///
/// # Errors
/// Where that is not possible, or does no good.
pub(super) fn load(entry: &Entry) -> Result<Loaded, DaemonError> {
    let material = Material::read(entry)?;
    // Whoever loads a model may die of it. Of a trial that dies it is known that the configuration is
    // to blame; of a daemon that does, only that it is to be started again.
    if material.has_model_file() {
        material.attempt(None).map_err(Fault::from)?;
    }
    let loaded = material.load()?;
    let golden = Golden::restore(&loaded.recipe(Arc::new(Sequential)))?;
    log::info!("golden frame {golden}");
    Ok(loaded)
}

/// Puts the pipeline together; its parts wait for `seats` where other stations have some, too.
///
/// # Errors
/// Where source or sinks cannot be opened, or frames not be restored.
pub(super) fn build(
    entry: Entry,
    mut loaded: Loaded,
    seats: Option<&Arc<Seats>>,
) -> Result<Built, DaemonError> {
    let assembly = loaded.assembly(seats)?;
    let format = assembly.source.format();
    let (clue, recipe) = (assembly.source.clue(), assembly.recipe.clone());
    let pixel_format = assembly.source.pixel_format();
    let (mut shown, mut post) = (Vec::new(), None);
    let pipeline = assembly.build(|metrics| {
        let outputs = Outputs::open(&loaded.config.sinks).map_err(StationError::from)?;
        shown = outputs.pages;
        if let Some(post) = &outputs.post {
            metrics.fleet.get_or_init(|| Arc::clone(&post.metrics));
        }
        post = outputs.post;
        Ok::<_, DaemonError>(outputs.sinks)
    })?;
    log::info!("steps {pipeline:?}");
    let (follows, config) = (loaded.config.follows(), loaded.config);
    let running = Running { entry, config, format, clue, pixel_format, recipe, follows };
    Ok(Built { pipeline, pages: shown, post, running })
}

/// Where viewers leave what they want of the station whose configuration stands at `entry`.
pub(super) fn desk(entry: &Entry) -> Arc<Desk> {
    let entry = entry.clone();
    let keeper = move |wish| {
        let kept = keep(&entry, &pages::tuning(wish), Material::attempt);
        kept.map_err(|error| error.to_string())
    };
    Arc::new(Desk::new(load::released().map(str::to_owned).collect(), Box::new(keeper)))
}
