//! `deblurd status`: what a running daemon does, once.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;

use super::client::{ClientError, Daemon, Reported, STATE, ask, losses, rate_between};
use super::exit::Result;
use super::terminal;
use crate::metrics::{
    CardSnapshot, FaultSnapshot, FusionSnapshot, GuardSnapshot, LampSnapshot, Restoration,
    ThreadSnapshot, WatchSnapshot,
};
use crate::web::{NamedState, State};

/// Time between the two looks that tell the rate.
const GLANCE: Duration = Duration::from_millis(500);

/// Shows what a running daemon does, of each of its cameras.
#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 0 while frames advance, 69 where nobody answers, 75 where the daemon runs but is
not ready.")]
pub(super) struct Status {
    #[command(flatten)]
    daemon: Daemon,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(&self) -> Result<()> {
        let reported = if self.json {
            let (text, reported) = ask(&self.daemon, |client| {
                let bytes = client.get(STATE)?;
                let text = String::from_utf8_lossy(&bytes);
                // As it came, but for what no JSON needs.
                let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                Ok::<(String, Reported), ClientError>((text, client.reported(&bytes)?))
            })?;
            terminal::print(&format!("{text}\n"))?;
            reported
        } else {
            let (first, second, url) = ask(&self.daemon, |client| {
                let first = client.states()?;
                std::thread::sleep(GLANCE);
                Ok((first, client.states()?, client.url().to_owned()))
            })?;
            terminal::print(&described(&first, &second, &url))?;
            second
        };
        match unreadiness(&reported) {
            Some(why) => Err(ClientError::Unready(why).into()),
            None => Ok(()),
        }
    }
}

/// Everything a person wants to know of each camera, in lines.
fn described(first: &Reported, second: &Reported, url: &str) -> String {
    let told = |first: Option<&State>, second: &State, url: &str| {
        let rate = first.and_then(|first| rate_between(first, second));
        describe(second, rate, url)
    };
    match (first, second) {
        (Reported::One(first), Reported::One(second)) => told(Some(first), second, url),
        (_, Reported::One(second)) => told(None, second, url),
        (first, Reported::Several(second)) => {
            let before = |name: &str| match first {
                Reported::One(_) => None,
                Reported::Several(first) => {
                    let known = first.cameras.iter().find(|camera| camera.name == name);
                    known.map(|camera| &camera.state)
                }
            };
            let each = second.cameras.iter().map(|NamedState { name, state }| {
                let told = told(before(name), state, &format!("{url}/{name}"));
                format!("camera    {name}\n{told}")
            });
            each.collect::<Vec<_>>().join("\n")
        }
    }
}

/// Why not all that is reported is ready.
fn unreadiness(reported: &Reported) -> Option<String> {
    let of = |state: &State| state.unready_because.clone().filter(|_| !state.ready);
    match reported {
        Reported::One(state) => of(state),
        Reported::Several(states) => {
            let each = states.cameras.iter();
            let why = each.filter_map(|it| Some(format!("{}: {}", it.name, of(&it.state)?)));
            let why: Vec<String> = why.collect();
            (!why.is_empty()).then(|| why.join("; "))
        }
    }
}

/// Everything a person wants to know, in lines.
fn describe(state: &State, rate: Option<f64>, url: &str) -> String {
    let metrics = &state.metrics;
    let mut text = String::new();
    let mut line = |head: &str, rest: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{head:<9} {rest}");
    };
    let up = duration(state.uptime_s);
    line(
        "deblurd",
        format!("{} at {url}, up {up}, {} connections", state.version, state.connections),
    );
    line(
        "state",
        state
            .unready_because
            .as_ref()
            .map_or("ready".to_owned(), |why| format!("not ready: {why}")),
    );
    line("camera", camera(state));
    if let Some(stream) = &state.stream {
        let (extent, rate) = (&stream.extent, stream.frames_per_second);
        line("pictures", format!("{}x{}, {rate:.2} a second offered", extent.width, extent.height));
    }
    if let Some(restoration) = &metrics.restoration {
        line("restores", restores(restoration));
        line("", calibrated(restoration, SystemTime::now()));
    }
    if let Some(fusion) = &metrics.fusion {
        line("average", averaged(fusion));
    }
    if metrics.faults.frames > 0 || metrics.faults.striped > 0 {
        line("faults", faults(metrics.faults));
    }
    if metrics.lamps.tiles > 0 {
        line("lamps", lamps(metrics.lamps));
    }
    if let Some(card) = &metrics.card {
        line("gpu", worked(card));
    }
    if let Some(guard) = &metrics.guard {
        line("guard", guarded(guard));
    }
    if let Some(watch) = &metrics.watch {
        line("watch", watched(watch));
    }
    if let Some(scheduled) = scheduled(&metrics.scheduling) {
        line("threads", scheduled);
    }
    if !metrics.reload.problem.is_empty() {
        line("reload", format!("refused: {}", metrics.reload.problem));
    }
    line("effort", effort(state));
    let rate = rate.map_or(String::new(), |rate| format!(", {rate:.1} a second"));
    let trunk = &metrics.trunk;
    let (entered, delivered, lost) = (trunk.entered, trunk.delivered, losses(trunk));
    line(
        "frames",
        format!("{entered} in, {delivered} out{rate}, {lost}, {} in flight", trunk.in_flight),
    );
    if let Some(psnr) = &metrics.psnr_db {
        line("PSNR", format!("blurred {:.2} dB, restored {:.2} dB", psnr.blurred, psnr.restored));
    }
    for (index, stage) in metrics.stages.iter().enumerate() {
        let head = if index == 0 { "stages" } else { "" };
        let failed = if stage.failed > 0 {
            format!(", failed {} times", stage.failed)
        } else {
            String::new()
        };
        let (name, p50, p99, age) =
            (&stage.name, stage.busy.p50_ms, stage.busy.p99_ms, stage.age.p50_ms);
        line(
            head,
            format!("{name:<14} p50 ≤{p50:8.2} ms  p99 ≤{p99:8.2} ms  age ≤{age:8.2} ms{failed}"),
        );
    }
    for (index, queue) in metrics.queues.iter().enumerate() {
        let head = if index == 0 { "queues" } else { "" };
        line(head, format!("{}: {} of {}", queue.name, queue.depth, queue.capacity));
    }
    for (index, sink) in metrics.sinks.iter().enumerate() {
        let head = if index == 0 { "sinks" } else { "" };
        let (name, taken, lost) = (&sink.name, sink.books.delivered, losses(&sink.books));
        let (p50, p99) = (sink.latency.p50_ms, sink.latency.p99_ms);
        line(
            head,
            format!("{name}: {taken} taken, {lost}; latency p50 ≤ {p50:.1} ms, p99 ≤ {p99:.1} ms"),
        );
    }
    text
}

/// The camera's state in words.
pub(super) fn camera(state: &State) -> String {
    let source = &state.metrics.source;
    let mut text = format!("{} for {}", source.state.name(), duration(source.since_s));
    for (count, what) in [
        (source.opened.saturating_sub(1), "times reopened"),
        (source.gaps, "pictures lost by it"),
        (source.errored, "damaged"),
        (source.placeholders, "stand-ins"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if !source.problem.is_empty() {
        let _ = write!(text, "; {}", source.problem);
    }
    text
}

/// What restores frames, in words.
pub(super) fn restores(restoration: &Restoration) -> String {
    let Restoration { psf, grid: [columns, rows], extent, width, sigma, transfer, .. } =
        restoration;
    let grid = if columns * rows > 1 { format!("{columns}x{rows} of ") } else { String::new() };
    let Restoration { model, channels, backend, is_followed, frames, .. } = restoration;
    let averaged = if *frames > 1 { format!(", {frames} frames") } else { String::new() };
    let followed = if *is_followed { ", followed" } else { "" };
    format!(
        "PSF {psf} ({grid}{extent}, width {width:.2}), sigma {sigma:.2}{followed}, curve {transfer}, \
         model {model}, {channels}{averaged}, {backend}"
    )
}

/// What averaging over frames made of the newest, in words.
pub(super) fn averaged(fusion: &FusionSnapshot) -> String {
    let FusionSnapshot { frames, forgotten, at_rest, noise_left } = fusion;
    let anew =
        if *forgotten > 0 { format!(", begun anew {forgotten} times") } else { String::new() };
    format!(
        "{:.0} % of the frame rests, noise {noise_left:.2} of a single frame's, {frames} frames{anew}",
        100.0 * at_rest
    )
}

/// How its PSF was found, how far it may be trusted, and how old it is.
pub(super) fn calibrated(restoration: &Restoration, now: SystemTime) -> String {
    let by = restoration.method.as_ref().map(|method| format!("by {method}"));
    let trust = restoration.trust.clone();
    let since = |at: f64| {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        format!("{} ago", duration((now - at).max(0.0)))
    };
    let age = restoration.calibrated_at_s.map(since).or_else(|| restoration.calibrated.clone());
    let told: Vec<String> = [trust, by, age].into_iter().flatten().collect();
    if told.is_empty() {
        return "no calibration: as the configuration says".to_owned();
    }
    format!("calibration {}", told.join(", "))
}

/// What the sensor does wrong, in words.
pub(super) fn faults(faults: FaultSnapshot) -> String {
    let FaultSnapshot { newest, frames, known, rows, columns, striped } = faults;
    let known = if known > 0 { format!(" ({known} known)") } else { String::new() };
    let pixels = format!("{newest} hot or dead pixels mended{known}, some in {frames} frames");
    let stripes = format!(
        "stripes of {rows:.1} (rows) and {columns:.1} (columns) gray levels taken away, some in {striped} frames"
    );
    match (frames, striped) {
        (_, 0) => pixels,
        (0, _) => stripes,
        _ => format!("{pixels}; {stripes}"),
    }
}

/// Where light beyond white was looked for, in words.
pub(super) fn lamps(LampSnapshot { tiles, postponed }: LampSnapshot) -> String {
    let later = if postponed > 0 { format!(", {postponed} of them later") } else { String::new() };
    format!("looked for in {tiles} places{later}")
}

/// What a graphics card does, in words.
pub(super) fn worked(card: &CardSnapshot) -> String {
    let CardSnapshot { frames, newest_s, mean_s } = card;
    let [newest, mean] = [newest_s, mean_s].map(|seconds| 1e3 * seconds);
    format!("{newest:.2} ms at the newest frame, {mean:.2} ms in the mean of {frames}")
}

/// What was held back of restored frames, in words.
pub(super) fn guarded(guard: &GuardSnapshot) -> String {
    let GuardSnapshot { looked, held, newest, mean } = guard;
    let [newest, mean] = [newest, mean].map(|share| 100.0 * share);
    format!(
        "{newest:.0} % of the frame held back, {mean:.1} % in the mean ({held} of {looked} frames)"
    )
}

/// Whether the calibration still holds, in words.
pub(super) fn watched(watch: &WatchSnapshot) -> String {
    let WatchSnapshot { standing, told, passed, .. } = watch;
    let scale = watch.scale.map_or_else(String::new, |scale| {
        let percent = 100.0 * (scale - 1.0);
        format!(", blur {percent:+.1} % in width")
    });
    let alarm = if watch.alarm.is_empty() { String::new() } else { format!(": {}", watch.alarm) };
    let unfit =
        if watch.unfit.is_empty() { String::new() } else { format!(", the last: {}", watch.unfit) };
    format!("{standing}{alarm}{scale} ({told} frames told, {passed} did not{unfit})")
}

/// The step of the overload ladder in words.
pub(super) fn effort(state: &State) -> String {
    let load = &state.metrics.load;
    let (full, wiener, passed) = (load.full, load.wiener, load.passthrough);
    let heat = load.temperature_c.map_or(String::new(), |celsius| format!(", {celsius:.1} °C"));
    let lessened = load.level.lessened().map_or(String::new(), |words| format!(", {words}"));
    format!(
        "{}{lessened}{heat} (frames: {full} full, {wiener} Wiener only, {passed} as they are)",
        load.level.name()
    )
}

/// A time as a person says it.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
        s if s < 86_400.0 => {
            format!("{:.0} h {:.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor())
        }
        s => format!("{:.0} d {:.0} h", (s / 86_400.0).floor(), (s % 86_400.0 / 3600.0).floor()),
    }
}

/// How threads stand beside others, where they stand otherwise than usual.
fn scheduled(threads: &[ThreadSnapshot]) -> Option<String> {
    let told = threads.iter().map(|ThreadSnapshot { thread, standing, problem }| {
        let told = if problem.is_empty() { standing } else { problem };
        format!("{thread}: {told}")
    });
    (!threads.is_empty()).then(|| told.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_is_told_with_its_age() {
        let now = UNIX_EPOCH + Duration::from_secs(100_000);
        let plain = Restoration::default();
        assert_eq!(calibrated(&plain, now), "no calibration: as the configuration says");
        let mut known = Restoration {
            method: Some("target".to_owned()),
            trust: Some("measured".to_owned()),
            calibrated: Some("then".to_owned()),
            ..plain
        };
        assert_eq!(calibrated(&known, now), "calibration measured, by target, then");
        known.calibrated_at_s = Some(100_000.0 - 7_260.0);
        assert_eq!(calibrated(&known, now), "calibration measured, by target, 2 h 1 min ago");
        known.calibrated_at_s = Some(200_000.0);
        assert!(calibrated(&known, now).ends_with("0.0 s ago"), "a clock that goes behind");
    }

    #[test]
    fn the_sensor_is_told_in_a_line() {
        let pixels = FaultSnapshot { newest: 7, frames: 40, ..FaultSnapshot::default() };
        assert_eq!(faults(pixels), "7 hot or dead pixels mended, some in 40 frames");
        assert_eq!(
            faults(FaultSnapshot { known: 5, ..pixels }),
            "7 hot or dead pixels mended (5 known), some in 40 frames"
        );
        let stripes = FaultSnapshot { rows: 1.96, striped: 3, ..FaultSnapshot::default() };
        let told =
            "stripes of 2.0 (rows) and 0.0 (columns) gray levels taken away, some in 3 frames";
        assert_eq!(faults(stripes), told);
        assert_eq!(
            faults(FaultSnapshot { newest: 7, frames: 40, ..stripes }),
            format!("{}; {told}", faults(pixels))
        );
    }

    #[test]
    fn lamps_are_told_in_a_line() {
        let told = |tiles, postponed| lamps(LampSnapshot { tiles, postponed });
        assert_eq!(told(12, 0), "looked for in 12 places");
        assert_eq!(told(12, 4), "looked for in 12 places, 4 of them later");
    }

    #[test]
    fn the_guard_is_told_in_a_line() {
        let guard = GuardSnapshot { looked: 40, held: 3, newest: 0.25, mean: 0.0175 };
        let told = "25 % of the frame held back, 1.8 % in the mean (3 of 40 frames)";
        assert_eq!(guarded(&guard), told);
    }

    #[test]
    fn the_watch_is_told_in_a_line() {
        let mut watch = WatchSnapshot {
            standing: "holds".to_owned(),
            told: 2,
            passed: 1,
            ..Default::default()
        };
        assert_eq!(watched(&watch), "holds (2 frames told, 1 did not)");
        watch.unfit = "too much moves".to_owned();
        watch.scale = Some(0.949);
        let told =
            "holds, blur -5.1 % in width (2 frames told, 1 did not, the last: too much moves)";
        assert_eq!(watched(&watch), told);
        watch.standing = "stale".to_owned();
        watch.alarm = "the focus is automatic".to_owned();
        assert!(watched(&watch).starts_with("stale: the focus is automatic, blur"));
    }

    #[test]
    fn times_are_told_as_people_do() {
        for (seconds, told) in [
            (0.04, "0.0 s"),
            (59.9, "59.9 s"),
            (61.0, "1 min 1 s"),
            (3599.0, "59 min 59 s"),
            (7_260.0, "2 h 1 min"),
            (180_000.0, "2 d 2 h"),
        ] {
            assert_eq!(duration(seconds), told);
        }
    }

    #[test]
    fn threads_are_told_in_a_line() {
        let thread = |thread: &str, standing: &str, problem: &str| {
            let [thread, standing, problem] = [thread, standing, problem].map(str::to_owned);
            ThreadSnapshot { thread, standing, problem }
        };
        assert_eq!(scheduled(&[]), None);
        let told = scheduled(&[thread("source", "fifo 2", ""), thread("restore", "", "no")]);
        assert_eq!(told.as_deref(), Some("source: fifo 2, restore: no"));
    }
}
