//! What was timed, for people and as JSON.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::cameras::Timed;
use crate::frame::Extent;
use crate::restore::Step;

/// What a graphics card works at a frame, by its own clock.
const CARD: &str = "the card";

/// What one step takes, of the frames of all cameras.
#[derive(Debug, Serialize)]
struct Timing {
    stage: String,
    median_ms: f64,
    min_ms: f64,
    max_ms: f64,
    share: f64,
    /// What was chosen when the step was planned, where there was a choice.
    choice: Option<String>,
}

/// What a whole frame takes one of several cameras.
#[derive(Debug, Serialize)]
struct CameraTiming {
    frames_per_second: f64,
    median_ms: f64,
    /// The 99th percentile.
    p99_ms: f64,
}

/// All that is told.
#[derive(Debug, Serialize)]
pub(super) struct Timings {
    pub(super) extent: Extent,
    pub(super) threads: usize,
    pub(super) frames: u32,
    pub(super) model: String,
    pub(super) kernel: String,
    stages: Vec<Timing>,
    /// One after another by the median of a single camera; of several what all give together.
    frames_per_second: f64,
    /// Each of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cameras: Vec<CameraTiming>,
}

/// What was asked for.
pub(super) struct Asked {
    pub(super) extent: Extent,
    pub(super) threads: usize,
    pub(super) frames: u32,
    pub(super) model: String,
    pub(super) kernel: String,
}

impl Timings {
    /// Of cameras whose frames go through these steps.
    pub(super) fn of(asked: Asked, steps: &[Step], timed: &[Timed]) -> Self {
        let Asked { extent, threads, frames, model, kernel } = asked;
        let stages = stages(steps, timed);
        let whole = stages.iter().rev().find(|timing| timing.stage != CARD);
        let alone = whole.map_or(0.0, |timing| 1e3 / timing.median_ms);
        let cameras: Vec<_> = match timed {
            [_] => Vec::new(),
            several => several.iter().map(|it| CameraTiming::of(it, steps.len())).collect(),
        };
        let together = cameras.iter().map(|camera| camera.frames_per_second).sum();
        let frames_per_second = if cameras.is_empty() { alone } else { together };
        Self { extent, threads, frames, model, kernel, stages, frames_per_second, cameras }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Self { extent, threads, frames, model, kernel, frames_per_second, cameras, .. } = self;
        let mut text = format!(
            "{extent}, model {model}, kernel {kernel}, {threads} threads, median of {frames} frames\n"
        );
        for timing in &self.stages {
            let Timing { stage, median_ms, min_ms, max_ms, share, choice } = timing;
            let choice = choice.as_ref().map_or(String::new(), |choice| format!("  {choice}"));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{stage:<14} {median_ms:8.2} ms  ({min_ms:.2} to {max_ms:.2})  {:5.1} %{choice}",
                100.0 * share
            );
        }
        for (index, CameraTiming { frames_per_second, median_ms, p99_ms }) in
            cameras.iter().enumerate()
        {
            let name = format!("camera {}", index + 1);
            let _ = writeln!(
                text,
                "{name:<14} {median_ms:8.2} ms  p99 {p99_ms:.2} ms  {frames_per_second:.1} frames/s"
            );
        }
        let how = match cameras.len() {
            0 => "one after another".to_owned(),
            several => format!("of {several} cameras in all"),
        };
        let _ = writeln!(text, "{frames_per_second:.1} frames/s, {how}");
        text
    }
}

impl CameraTiming {
    fn of(Timed { times, lasted }: &Timed, whole: usize) -> Self {
        let mut times = times[whole].clone();
        times.sort_unstable();
        let at = |share: f64| quantile(&times, share);
        let frames_per_second = times.len() as f64 / lasted.as_secs_f64();
        Self { frames_per_second, median_ms: at(0.5), p99_ms: at(0.99) }
    }
}

/// What each step takes, then the whole frame and, where there is one, a card.
fn stages(steps: &[Step], timed: &[Timed]) -> Vec<Timing> {
    let steps = steps.iter().map(|step| (step.name.clone(), step.choice.clone()));
    let names = steps.chain(["in all", CARD].map(|name| (name.to_owned(), None)));
    let mut stages: Vec<Timing> = Vec::new();
    for (index, (stage, choice)) in names.enumerate() {
        let mut times: Vec<Duration> =
            timed.iter().flat_map(|it| it.times[index].iter().copied()).collect();
        times.sort_unstable();
        if times.is_empty() {
            continue;
        }
        let [min_ms, median_ms, max_ms] = [0.0, 0.5, 1.0].map(|share| quantile(&times, share));
        stages.push(Timing { stage, median_ms, min_ms, max_ms, share: 0.0, choice });
    }
    let whole = stages.iter().rev().find(|timing| timing.stage != CARD);
    let whole = whole.map_or(1.0, |timing| timing.median_ms);
    stages.iter_mut().for_each(|timing| timing.share = timing.median_ms / whole);
    stages
}

/// The time, in milliseconds, that this share of `times`, which are sorted, does not exceed; 0 of none.
fn quantile(times: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let at = (share * times.len() as f64) as usize;
    let at = at.min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(milliseconds: &[u64], lasted: u64) -> Timed {
        let times = milliseconds.iter().copied().map(Duration::from_millis).collect();
        Timed { times: vec![times, Vec::new()], lasted: Duration::from_millis(lasted) }
    }

    fn timings(timed: &[Timed]) -> Timings {
        let [model, kernel] = ["base", "scalar"].map(str::to_owned);
        let asked = Asked { extent: Extent::new(4, 2), threads: 1, frames: 4, model, kernel };
        Timings::of(asked, &[], timed)
    }

    #[test]
    fn one_camera_is_told_by_its_median() {
        let told = timings(&[camera(&[30, 10, 20, 20], 80)]);
        assert_eq!((told.frames_per_second, told.cameras.len()), (50.0, 0));
        assert!(told.text().ends_with("50.0 frames/s, one after another\n"), "{}", told.text());
    }

    #[test]
    fn several_cameras_are_told_each_and_in_all() {
        let told = timings(&[camera(&[20, 20, 20, 40], 100), camera(&[10, 10], 20)]);
        let rates: Vec<f64> = told.cameras.iter().map(|it| it.frames_per_second).collect();
        assert_eq!((rates, told.frames_per_second), (vec![40.0, 100.0], 140.0));
        assert_eq!((told.cameras[0].median_ms, told.cameras[0].p99_ms), (20.0, 40.0));
        assert!(told.text().ends_with("140.0 frames/s, of 2 cameras in all\n"), "{}", told.text());
    }
}
