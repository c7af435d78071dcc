//! What restores: processors, or a graphics card where there is one and it is faster.
//!
//! A card is looked for once in the life of the process, and all cameras share it. Whether it is faster is measured
//! on a few golden frames, which processors restore as well; a card whose picture is another one is not
//! used. That is done once for each kind of plan: plans that follow the frames are of the same kind.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::pattern::pattern;
use crate::frame::{Effort, Picture, PictureFormat};
use crate::plan::{Channels, Chosen, RestorePlan};
use crate::restore::quality::psnr_db;
use crate::restore::{
    Backend, CpuBackend, GpuBackend, GpuError, NoGpu, RestoreError, Restorer, Unwatched,
};

/// Frames that are timed, behind one that is not.
const FRAMES: usize = 3;
/// PSNR of the one picture against the other, at least, in decibels.
const ALIKE_DB: f64 = 45.0;

/// What plans have in common that take as long.
#[derive(Debug, Clone, PartialEq)]
struct Kind {
    format: PictureFormat,
    channels: Channels,
    model: String,
    threads: usize,
}

/// Loads `plan` to what is `chosen`.
///
/// # Errors
/// Where it cannot run there.
pub fn load(
    plan: RestorePlan,
    chosen: Chosen,
    cpu: &CpuBackend,
) -> Result<Box<dyn Restorer>, RestoreError> {
    if chosen == Chosen::Cpu {
        return cpu.load(plan);
    }
    match (chosen, card(cpu)) {
        (Chosen::Gpu, Ok(gpu)) => checked(&gpu, cpu, plan),
        (Chosen::Gpu, Err(none)) => Err(none.into()),
        (_, Ok(gpu)) => faster(&gpu, cpu, plan),
        (_, Err(_)) => cpu.load(plan),
    }
}

/// The card, around whose work `cpu` does the rest.
fn card(cpu: &CpuBackend) -> Result<GpuBackend, NoGpu> {
    static CARD: OnceLock<Result<GpuBackend, NoGpu>> = OnceLock::new();
    let found = CARD.get_or_init(|| {
        let found = GpuBackend::open(cpu.clone());
        match &found {
            Ok(gpu) => log::info!("a graphics card: {}", gpu.card()),
            Err(none) => log::debug!("processors restore: {none}"),
        }
        found
    });
    found.clone().map(|gpu| gpu.with_around(cpu.clone()))
}

/// A card's restorer, whose picture of a golden frame is that of processors.
fn checked(
    gpu: &GpuBackend,
    cpu: &CpuBackend,
    plan: RestorePlan,
) -> Result<Box<dyn Restorer>, RestoreError> {
    let format = plan.format;
    let mut on_card = gpu.load(plan.clone())?;
    let seen = restored(&mut *on_card, format)?;
    agree(&seen, &restored(&mut *cpu.load(plan)?, format)?)?;
    on_card.forget();
    Ok(on_card)
}

/// The faster restorer of two.
fn faster(
    gpu: &GpuBackend,
    cpu: &CpuBackend,
    plan: RestorePlan,
) -> Result<Box<dyn Restorer>, RestoreError> {
    static KNOWN: Mutex<Vec<(Kind, bool)>> = Mutex::new(Vec::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let kind = Kind::of(&plan, cpu);
    let found = known().iter().find(|(known, _)| *known == kind).map(|(_, is_card)| *is_card);
    match found {
        Some(true) => return gpu.load(plan),
        Some(false) => return cpu.load(plan),
        None => {}
    }
    let mut on_processors = cpu.load(plan.clone())?;
    match outdone(gpu, &mut *on_processors, plan) {
        Ok((restorer, [by_card, by_processors])) if by_card < by_processors => {
            log::info!(
                "{} restores: {by_card:.1?} a frame, processors take {by_processors:.1?}",
                gpu.card()
            );
            known().push((kind, true));
            Ok(restorer)
        }
        Ok((_, [by_card, by_processors])) => {
            log::info!(
                "processors restore: {by_processors:.1?} a frame, {} takes {by_card:.1?}",
                gpu.card()
            );
            known().push((kind, false));
            on_processors.forget();
            Ok(on_processors)
        }
        Err(error) => {
            log::warn!("processors restore, since {error}");
            known().push((kind, false));
            on_processors.forget();
            Ok(on_processors)
        }
    }
}

impl Kind {
    fn of(plan: &RestorePlan, cpu: &CpuBackend) -> Self {
        let model = plan.model.as_ref().map_or("none", |model| &model.contract.name).to_owned();
        Self { format: plan.format, channels: plan.channels, model, threads: cpu.threads() }
    }
}

/// A card's restorer, and what both take a frame.
fn outdone(
    gpu: &GpuBackend,
    on_processors: &mut dyn Restorer,
    plan: RestorePlan,
) -> Result<(Box<dyn Restorer>, [Duration; 2]), RestoreError> {
    let format = plan.format;
    let mut on_card = gpu.load(plan)?;
    agree(&restored(&mut *on_card, format)?, &restored(on_processors, format)?)?;
    let times = [timed(&mut *on_card, format)?, timed(on_processors, format)?];
    on_card.forget();
    Ok((on_card, times))
}

/// What is made of a golden frame.
fn restored(restorer: &mut dyn Restorer, format: PictureFormat) -> Result<Picture, RestoreError> {
    let mut restored = Picture::new(format);
    restorer.forget();
    restorer.restore(&pattern(format), &mut restored, Effort::Full, &mut Unwatched)?;
    Ok(restored)
}

/// What a frame takes, at best.
fn timed(restorer: &mut dyn Restorer, format: PictureFormat) -> Result<Duration, RestoreError> {
    let (blurred, mut restored) = (pattern(format), Picture::new(format));
    let mut best = Duration::MAX;
    for _ in 0..FRAMES {
        let start = Instant::now();
        restorer.restore(&blurred, &mut restored, Effort::Full, &mut Unwatched)?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

/// Whether both pictures are the same for people. Where a sample lies between two steps of a network's input,
/// filters that round differently tip it, and the network answers differently around it: by a gray level, and by
/// several on patterns as hard as that of the golden frame. What is wrong is wrong everywhere.
fn agree(card: &Picture, processors: &Picture) -> Result<(), GpuError> {
    let psnr = psnr_db(card, processors);
    if psnr >= ALIKE_DB { Ok(()) } else { Err(GpuError::Differs { psnr }) }
}
