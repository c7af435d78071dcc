//! What restores: processors, or a graphics card where there is one and it is faster.
//!
//! A card is looked for once in the life of the process, and all cameras share it. A card whose picture of a golden
//! frame is another one than that of processors is not used; whether it is faster is measured on a few more. That is
//! done once for each kind of plan: plans that follow the frames are of the same kind.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::pattern::pattern;
use crate::executor::Sequential;
use crate::frame::{Effort, Extent, Picture, PictureFormat};
use crate::plan::{Channels, Chosen, RestorePlan};
use crate::restore::quality::psnr_db;
use crate::restore::{
    Backend, CpuBackend, GpuBackend, GpuError, NoGpu, RestoreError, Restorer, Unwatched,
};

/// Frames that are timed, behind one that is not.
const FRAMES: usize = 3;
/// PSNR of the one picture against the other, at least, in decibels. Where a sample lies between two steps of a
/// network's input, filters that round differently tip it, and the network answers differently around it. What is
/// wrong is wrong everywhere.
const ALIKE_DB: f64 = 45.0;

/// What plans have in common that are as fast, and as right, on a card.
#[derive(Debug, Clone, PartialEq)]
struct Kind {
    format: PictureFormat,
    planes: Extent,
    channels: Channels,
    /// What the model's file says of itself, its seal among it.
    model: Vec<(String, String)>,
    layers: usize,
    /// Whether margins are made likely, and frames averaged.
    has: [bool; 2],
    threads: usize,
}

/// Of a kind of plans.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Verdict {
    /// Whether a card may serve.
    is_fit: bool,
    /// What a frame takes a card and processors, where that was measured.
    times: Option<[Duration; 2]>,
}

/// Loads `plan` to what is `chosen`, processors being `cpu`.
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
        (Chosen::Gpu, Ok(gpu)) => on_card(&gpu, cpu, plan),
        (Chosen::Gpu, Err(none)) => Err(none.into()),
        (_, Ok(gpu)) => faster(&gpu, cpu, plan),
        (_, Err(_)) => cpu.load(plan),
    }
}

/// The card, around whose work `cpu` does the rest.
fn card(cpu: &CpuBackend) -> Result<GpuBackend, NoGpu> {
    static CARD: OnceLock<Result<GpuBackend, NoGpu>> = OnceLock::new();
    let found = CARD.get_or_init(|| {
        let found = GpuBackend::open(CpuBackend::new(Arc::new(Sequential)));
        match &found {
            Ok(gpu) => log::info!("a graphics card: {}", gpu.card()),
            Err(NoGpu::Library) => log::debug!("processors restore: {}", NoGpu::Library),
            Err(none) => log::info!("processors restore: {none}"),
        }
        found
    });
    found.clone().map(|gpu| gpu.with_around(cpu.clone()))
}

/// What is known of kinds of plans.
fn known() -> MutexGuard<'static, Vec<(Kind, Verdict)>> {
    static KNOWN: Mutex<Vec<(Kind, Verdict)>> = Mutex::new(Vec::new());
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn verdict(kind: &Kind) -> Option<Verdict> {
    known().iter().find(|(known, _)| known == kind).map(|(_, verdict)| *verdict)
}

fn judge(kind: Kind, verdict: Verdict) {
    let mut known = known();
    known.retain(|(known, _)| *known != kind);
    known.push((kind, verdict));
}

/// The card's restorer; its picture of a golden frame is that of processors.
fn on_card(
    gpu: &GpuBackend,
    cpu: &CpuBackend,
    plan: RestorePlan,
) -> Result<Box<dyn Restorer>, RestoreError> {
    let kind = Kind::of(&plan, cpu);
    if verdict(&kind).is_some_and(|verdict| verdict.is_fit) {
        return gpu.load(plan);
    }
    let mut on_processors = cpu.load(plan.clone())?;
    let restorer = agreed(gpu, &mut *on_processors, plan)?;
    judge(kind, Verdict { is_fit: true, times: None });
    Ok(restorer)
}

/// The faster restorer of two; that of processors where the card's fails.
fn faster(
    gpu: &GpuBackend,
    cpu: &CpuBackend,
    plan: RestorePlan,
) -> Result<Box<dyn Restorer>, RestoreError> {
    let kind = Kind::of(&plan, cpu);
    let failed = |kind: Kind, error: &RestoreError| {
        log::warn!("processors restore, since {error}");
        judge(kind, Verdict { is_fit: false, times: None });
    };
    match verdict(&kind) {
        Some(Verdict { is_fit: true, times: Some([by_card, by_processors]) })
            if by_card < by_processors =>
        {
            return gpu.load(plan.clone()).or_else(|error| {
                failed(kind, &error);
                cpu.load(plan)
            });
        }
        Some(Verdict { is_fit: false, .. } | Verdict { times: Some(_), .. }) => {
            return cpu.load(plan);
        }
        Some(Verdict { times: None, .. }) | None => {}
    }
    let mut on_processors = cpu.load(plan.clone())?;
    match raced(gpu, &mut *on_processors, plan) {
        Ok((restorer, times)) => {
            let [by_card, by_processors] = times;
            log::info!(
                "a frame takes {} {by_card:.1?}, processors {by_processors:.1?}",
                gpu.card()
            );
            judge(kind, Verdict { is_fit: true, times: Some(times) });
            if by_card < by_processors {
                return Ok(restorer);
            }
        }
        Err(error) => failed(kind, &error),
    }
    on_processors.forget();
    Ok(on_processors)
}

impl Kind {
    fn of(plan: &RestorePlan, cpu: &CpuBackend) -> Self {
        let model = plan.model.as_ref().map(|model| model.contract.metadata.clone());
        Self {
            format: plan.format,
            planes: plan.framing.outer,
            channels: plan.channels,
            model: model.unwrap_or_default(),
            layers: plan.filters().layers(),
            has: [plan.borders.is_some(), plan.fusion.is_some()],
            threads: cpu.threads(),
        }
    }
}

/// A card's restorer, whose picture of a golden frame is that of `on_processors`.
fn agreed(
    gpu: &GpuBackend,
    on_processors: &mut dyn Restorer,
    plan: RestorePlan,
) -> Result<Box<dyn Restorer>, RestoreError> {
    let format = plan.format;
    let mut on_card = gpu.load(plan)?;
    let psnr = psnr_db(&restored(&mut *on_card, format)?, &restored(on_processors, format)?);
    on_card.forget();
    if psnr >= ALIKE_DB {
        return Ok(on_card);
    }
    Err(GpuError::Differs { psnr, least: ALIKE_DB }.into())
}

/// The same, and what both take a frame.
fn raced(
    gpu: &GpuBackend,
    on_processors: &mut dyn Restorer,
    plan: RestorePlan,
) -> Result<(Box<dyn Restorer>, [Duration; 2]), RestoreError> {
    let format = plan.format;
    let mut on_card = agreed(gpu, on_processors, plan)?;
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
