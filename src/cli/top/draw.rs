//! What stands on the screen: the daemon's state as lines of text.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::fold::shown;
use super::screen::{Line, Look};
use crate::cli::client::{ClientError, losses, rate_between};
use crate::cli::status::{
    averaged, calibrated, camera, duration, effort, faults, guarded, restores, watched, worked,
};
use crate::metrics::{Books, Level, SinkSnapshot, SourceState, StageSnapshot};
use crate::web::State;

/// Rates that are drawn.
const HISTORY: usize = 60;
/// Columns of a stage's line that are not its bar.
const BESIDE_BARS: usize = 48;
/// Levels of a drawn rate, from the lowest.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What is known of the daemon.
#[derive(Debug)]
pub(super) struct View {
    url: String,
    state: Option<State>,
    /// Why there is no newer state.
    problem: Option<String>,
    /// Frames a second, the newest last.
    rates: VecDeque<f64>,
}

impl View {
    pub(super) fn new(url: String) -> Self {
        Self { url, state: None, problem: None, rates: VecDeque::new() }
    }

    /// Notes an answer of the daemon, or that there was none.
    pub(super) fn take(&mut self, answer: Result<State, ClientError>) {
        match answer {
            Ok(state) => {
                let earlier = self.state.as_ref();
                match earlier.map(|earlier| rate_between(earlier, &state)) {
                    Some(Some(rate)) => self.rates.push_back(rate),
                    Some(None) => self.rates.clear(),
                    None => {}
                }
                if self.rates.len() > HISTORY {
                    self.rates.pop_front();
                }
                self.problem = None;
                self.state = Some(state);
            }
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    /// The lines of a screen of `width` columns and `height` rows; where they are more than there is room
    /// for, those behind the first `above`, and how many are above them.
    pub(super) fn lines(&self, width: usize, height: usize, above: usize) -> (Vec<Line>, usize) {
        shown(&self.told(width), (width, height), above)
    }

    /// Everything that is known, in lines as long as they are.
    fn told(&self, width: usize) -> Vec<Line> {
        let mut lines = vec![self.title()];
        if let Some(problem) = &self.problem {
            lines.push(vec![(Look::Bad, problem.clone())]);
        }
        if let Some(state) = &self.state {
            self.summary(state, &mut lines);
            lines.push(Vec::new());
            stages(&state.metrics.stages, width, &mut lines);
            lines.push(Vec::new());
            queues(state, &mut lines);
            lines.push(Vec::new());
            state.metrics.sinks.iter().for_each(|each| lines.push(sink(each)));
        }
        lines
    }

    fn title(&self) -> Line {
        let mut line = vec![(Look::Head, "deblurd".to_owned())];
        let Some(state) = &self.state else {
            line.push((Look::Soft, format!("  {}", self.url)));
            return line;
        };
        let (version, up) = (&state.version, duration(state.uptime_s));
        line.push((Look::Soft, format!(" {version}  {}  up {up}  ", self.url)));
        line.push(match &state.unready_because {
            _ if self.problem.is_some() => (Look::Bad, "● lost".to_owned()),
            None => (Look::Good, "● ready".to_owned()),
            Some(why) => (Look::Warning, format!("● not ready: {why}")),
        });
        line
    }

    fn summary(&self, state: &State, lines: &mut Vec<Line>) {
        let is_live = state.metrics.source.state == SourceState::Live;
        let look = if is_live { Look::Good } else { Look::Warning };
        lines.push(vec![head("camera"), (look, camera(state))]);
        if let Some(restoration) = &state.metrics.restoration {
            lines.push(vec![head("restores"), (Look::Plain, restores(restoration))]);
            let told = calibrated(restoration, SystemTime::now());
            lines.push(vec![head(""), (Look::Soft, told)]);
        }
        if let Some(fusion) = &state.metrics.fusion {
            lines.push(vec![head("average"), (Look::Plain, averaged(fusion))]);
        }
        if state.metrics.faults.frames > 0 || state.metrics.faults.striped > 0 {
            lines.push(vec![head("faults"), (Look::Plain, faults(state.metrics.faults))]);
        }
        if let Some(card) = &state.metrics.card {
            lines.push(vec![head("gpu"), (Look::Plain, worked(card))]);
        }
        if let Some(guard) = state.metrics.guard.filter(|guard| guard.held > 0) {
            let look = if guard.newest > 0.0 { Look::Warning } else { Look::Plain };
            lines.push(vec![head("guard"), (look, guarded(&guard))]);
        }
        if let Some(watch) = &state.metrics.watch {
            let look = if watch.standing == "holds" { Look::Plain } else { Look::Warning };
            lines.push(vec![head("watch"), (look, watched(watch))]);
        }
        let problem = &state.metrics.reload.problem;
        if !problem.is_empty() {
            lines.push(vec![head("reload"), (Look::Warning, format!("refused: {problem}"))]);
        }
        let look =
            if state.metrics.load.level == Level::Full { Look::Plain } else { Look::Warning };
        lines.push(vec![head("effort"), (look, effort(state))]);
        let rate = self.rates.back().map_or("–".to_owned(), |rate| format!("{rate:.1}"));
        let trunk = &state.metrics.trunk;
        lines.push(vec![
            head("frames"),
            (Look::Head, format!("{rate:>5} a second ")),
            (Look::Good, self.curve()),
            (Look::Plain, format!("  {} in, {} out, ", trunk.entered, trunk.delivered)),
            lost(trunk),
        ]);
    }

    /// The rates as a row of bars.
    fn curve(&self) -> String {
        let most = self.rates.iter().copied().fold(1.0, f64::max);
        self.rates.iter().map(|rate| LEVELS[steps(rate / most, LEVELS.len() - 1)]).collect()
    }
}

fn head(text: &str) -> (Look, String) {
    (Look::Head, format!("{text:<9}"))
}

fn lost(books: &Books) -> (Look, String) {
    let look = if books.dropped_in_all() == 0 { Look::Soft } else { Look::Warning };
    (look, losses(books))
}

/// A bar a stage: solid up to the median, light up to the 99th percentile. Times are the bounds of bins.
fn stages(stages: &[StageSnapshot], width: usize, lines: &mut Vec<Line>) {
    let longest = stages.iter().map(|stage| stage.busy.p99_ms).fold(1e-3, f64::max);
    let room = width.saturating_sub(BESIDE_BARS).clamp(4, 60);
    let title = format!(
        "{:<14} {:room$} {:>9} {:>9} {:>11}",
        "stage", "", "p50 ms ≤", "p99 ms ≤", "age p50 ≤"
    );
    lines.push(vec![(Look::Soft, title)]);
    for stage in stages {
        let measured = stage.busy.count > 0;
        let part = |ms: f64| if measured { steps(ms / longest, room) } else { 0 };
        let (median, most) = (part(stage.busy.p50_ms), part(stage.busy.p99_ms));
        let light = most.saturating_sub(median);
        let rest = room - median - light;
        let (p50, p99, age) = (stage.busy.p50_ms, stage.busy.p99_ms, stage.age.p50_ms);
        let figures = format!("{:rest$} {p50:>9.2} {p99:>9.2} {age:>11.2}", "");
        let failed =
            if stage.failed > 0 { format!("  failed {}", stage.failed) } else { String::new() };
        lines.push(vec![
            (Look::Plain, format!("{:<14} ", stage.name)),
            (Look::Good, "█".repeat(median)),
            (Look::Soft, "░".repeat(light)),
            (Look::Plain, figures),
            (Look::Bad, failed),
        ]);
    }
}

fn queues(state: &State, lines: &mut Vec<Line>) {
    let each = state
        .metrics
        .queues
        .iter()
        .map(|queue| format!("{} {}/{}", queue.name, queue.depth, queue.capacity));
    let text = each.collect::<Vec<_>>().join("   ");
    lines.push(vec![head("queues"), (Look::Plain, text)]);
}

fn sink(sink: &SinkSnapshot) -> Line {
    let (name, taken) = (&sink.name, sink.books.delivered);
    let (p50, p99) = (sink.latency.p50_ms, sink.latency.p99_ms);
    vec![
        (Look::Head, format!("{name:<14} ")),
        (Look::Plain, format!("{taken} taken, latency p50 ≤ {p50:.1} ms, p99 ≤ {p99:.1} ms, ")),
        lost(&sink.books),
    ]
}

/// How many of `all` steps a part from 0 to 1 is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn steps(part: f64, all: usize) -> usize {
    ((part.clamp(0.0, 1.0) * all as f64).round() as usize).min(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Metrics, Reason, Restoration, Summary};

    /// What a daemon would tell that has restored so many frames.
    fn state(frames: u64, uptime_s: f64) -> State {
        let metrics = Metrics::new(&["http".to_owned()]);
        metrics.source.enter(SourceState::Live, "a \u{1b}[2J b");
        metrics.source.opened.add(3);
        metrics.load.full.add(frames);
        metrics.load.set_temperature(Some(61.5));
        metrics.add_queue("sink http", 1);
        let restoration = Restoration {
            psf: "disk:3".to_owned(),
            grid: [1, 1],
            width: 1.524,
            sigma: 2.55,
            ..Restoration::default()
        };
        metrics.restoration.set(restoration, Vec::new());
        metrics.reload.refuse("restore.sigma: -1");
        for ledger in [&metrics.trunk, &metrics.sinks[0].ledger] {
            (0..9).for_each(|_| ledger.enter().deliver());
            ledger.enter().lose(Reason::Overflow);
        }
        let summary = Summary { count: 9, mean_ms: 2.0, p50_ms: 2.0, p99_ms: 8.0 };
        let stage = |name: &str| StageSnapshot {
            name: name.to_owned(),
            failed: 0,
            busy: summary,
            age: summary,
        };
        let mut snapshot = metrics.snapshot();
        snapshot.source.since_s = 61.0;
        // Of a daemon that is none of ours.
        snapshot.source.problem = "a \u{1b}[2J b".to_owned();
        snapshot.stages = ["wiener", "residual 1"].map(stage).into();
        snapshot.sinks[0].latency = summary;
        State {
            program: "deblurd".to_owned(),
            version: "1.2.3".to_owned(),
            uptime_s,
            sink: "http".to_owned(),
            ready: true,
            unready_because: None,
            ended: false,
            connections: 1,
            stream: None,
            frame: None,
            tunable: false,
            models: Vec::new(),
            metrics: snapshot,
        }
    }

    fn text(view: &View, width: usize, height: usize) -> Vec<String> {
        let (lines, _) = view.lines(width, height, 0);
        lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn everything_is_on_the_screen_and_within_it() {
        let mut view = View::new("http://there".to_owned());
        view.take(Ok(state(0, 1.0)));
        view.take(Ok(state(15, 1.5)));
        let shown = text(&view, 100, 40).join("\n");
        for words in [
            "deblurd 1.2.3  http://there  up 1.5 s  ● ready",
            "live for 1 min 1 s, 2 times reopened; a [2J b",
            "restores PSF disk:3 (0x0, width 1.52), sigma 2.55, curve ",
            "reload   refused: restore.sigma: -1",
            "full, 61.5 °C",
            "30.0 a second █  10 in, 9 out, 1 dropped (overflow 1)",
            "█████████░░░",
            "sink http 0/1",
            "9 taken, latency p50 ≤ 2.0 ms, p99 ≤ 8.0 ms",
            "q quits",
        ] {
            assert!(shown.contains(words), "no '{words}' in\n{shown}");
        }
        for (width, height) in [(0, 0), (1, 1), (20, 5), (80, 24), (300, 100)] {
            let lines = text(&view, width, height);
            assert!(lines.len() <= height, "{} lines on {height}", lines.len());
            for line in lines {
                assert!(line.chars().count() <= width, "beyond {width} columns: {line}");
                assert!(!line.contains('\u{1b}'), "an escape of the daemon gets through");
            }
        }
    }

    /// What a narrow screen shows is what a wide one does, on more lines.
    #[test]
    fn narrow_screens_lose_nothing() {
        let mut view = View::new("http://there".to_owned());
        view.take(Ok(state(0, 1.0)));
        view.take(Ok(state(15, 1.5)));
        let words = |width| -> Vec<String> {
            let shown = text(&view, width, 200).join(" ");
            let bars = ['█', '░'];
            let words = shown.split_whitespace().map(|word| word.trim_matches(bars).to_owned());
            words.filter(|word| !word.is_empty()).collect()
        };
        let wide = words(1000);
        for width in [120, 80, 60, 52] {
            assert_eq!(words(width), wide, "at {width} columns");
        }
    }

    /// On a low screen the rest is reached by keys.
    #[test]
    fn low_screens_are_moved_over() {
        let mut view = View::new("http://there".to_owned());
        view.take(Ok(state(15, 1.5)));
        let all = text(&view, 80, 200);
        let (first, above) = view.lines(80, 10, 0);
        assert_eq!((first.len(), above), (10, 0));
        let (last, above) = view.lines(80, 10, usize::MAX);
        let text = |line: &Line| line.iter().map(|(_, text)| text.as_str()).collect::<String>();
        // But for the two rows at the end, which are always there.
        assert_eq!(text(&last[7]), all[all.len() - 3]);
        assert_eq!(above, all.len() - 10);
        assert!(text(&last[9]).contains(&format!("q quits; ↑ ↓ for {above} lines above")));
    }

    #[test]
    fn a_daemon_that_goes_and_comes_is_told() {
        let mut view = View::new("http://there".to_owned());
        view.take(Ok(state(100, 10.0)));
        view.take(Err(ClientError::Unready("so".to_owned())));
        assert!(text(&view, 80, 24).join("\n").contains("● lost"));
        // Another process: it has counted less.
        view.take(Ok(state(3, 1.0)));
        let shown = text(&view, 80, 24).join("\n");
        assert!(shown.contains("● ready") && shown.contains("– a second"), "{shown}");
    }
}
