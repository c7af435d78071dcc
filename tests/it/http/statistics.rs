//! What is told to programs: readiness and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deblurd::metrics::{FleetMetrics, Metrics, Reason, SourceState};
use deblurd::sink::ShowcaseSink;
use deblurd::web::Limits;
use serde_json::Value;

use super::{
    PATIENCE, Setup, check_status, exchange, fetch, get, metrics, numbered, page_of, restoration,
    watch,
};
use crate::harness::{apply, trial};

#[apply(trial)]
fn readiness_follows_the_frames() {
    let metrics = Arc::new(metrics());
    let stall_patience = Duration::from_millis(50);
    let limits = Limits { stall_patience, ..Limits::default() };
    let mut page = page_of(limits, Arc::clone(&metrics));
    let address = page.local_addr();
    let unready = || get(address, "/readyz").starts_with("HTTP/1.1 503 ");
    metrics.source.enter(SourceState::Absent, "no /dev/video7");
    let told = get(address, "/readyz");
    check_status(&told, 503);
    assert!(told.ends_with("not ready: no frame yet; the camera is absent: no /dev/video7\n"));
    let mut stand_in = numbered(1);
    stand_in.meta.placeholder = true;
    page.deliver(&stand_in);
    assert!(unready(), "a stand-in is taken for progress");
    let mut ready = false;
    for number in 2..1000 {
        page.deliver(&numbered(number));
        ready |= !unready();
    }
    assert!(ready, "frames are not taken for progress");
    let start = Instant::now();
    while !unready() {
        assert!(start.elapsed() < PATIENCE, "a stall is never told");
    }
    let (_, json) = fetch(address, "/state");
    let state: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(state["ready"], false);
    let why = state["unready_because"].as_str().unwrap_or_default();
    assert!(why.starts_with("no frame for 0.") && why.contains("absent"), "{why}");
    check_status(&get(address, "/healthz"), 200);
}

/// Metrics in which everything has happened, and names that need care.
fn eventful() -> Arc<Metrics> {
    let metrics = Metrics::new(&[ShowcaseSink::NAME.to_owned(), "a \"quoted\" \\ sink".to_owned()]);
    let stages = metrics.set_stages(&["wiener".to_owned(), "residual 1".to_owned()]);
    metrics.add_queue("sink http", 2).set_depth(1);
    for (number, reason) in Reason::ALL.into_iter().enumerate() {
        (0..=number).for_each(|_| metrics.trunk.enter().lose(reason));
        metrics.sinks[1].ledger.enter().lose(reason);
    }
    for micros in [1, 900, 1_000, 33_000, 2_000_000, 500_000_000] {
        stages[0].busy.record(Duration::from_micros(micros));
        stages[1].age.record(Duration::from_micros(micros));
        metrics.sinks[0].latency.record(Duration::from_micros(micros));
    }
    metrics.load.set_temperature(Some(61.5));
    metrics.fusion.record(0.5, 0.6);
    metrics.guard.record(0.1);
    metrics.source.enter(SourceState::Frozen, "");
    metrics.quality.record(20.5, 31.25);
    metrics.restoration.set(restoration(), Vec::new());
    metrics.watch.set(Some(watch()));
    metrics.reload.refuse("no such PSF");
    let fleet = metrics.fleet.get_or_init(|| Arc::new(FleetMetrics::new(Duration::from_secs(2))));
    fleet.passed.add(3);
    Arc::new(metrics)
}

/// The statistics in the dialect that a header `Accept` asks for, with its type.
#[track_caller]
fn exposition(accept: &str, content_type: &str) -> String {
    let page = page_of(Setup::default(), eventful());
    let request = format!("GET /metrics HTTP/1.0\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n");
    let answer = exchange(page.local_addr(), &request);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    assert!(head.contains(&format!("content-type: {content_type}; ")), "{accept}: {head}");
    assert!(head.contains("vary: accept"), "{head}");
    body.to_owned()
}

/// All that can be told, in the dialect of OpenMetrics.
pub(super) fn open_metrics() -> String {
    exposition("application/openmetrics-text", "application/openmetrics-text; version=1.0.0")
}

/// One line with a value.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    value: f64,
}

impl Sample {
    fn parse(line: &str) -> Self {
        let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no name: {line}"));
        let (name, mut rest) = line.split_at(end);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.starts_with("deblurd_") && name.chars().all(is_name), "{line}");
        let mut labels = BTreeMap::new();
        if let Some(mut inner) = rest.strip_prefix('{') {
            while !inner.starts_with('}') {
                let (label, after) = inner.split_once("=\"").expect("a label");
                assert!(label.chars().all(is_name), "{line}");
                let (value, after) = quoted(after);
                assert!(labels.insert(label.to_owned(), value).is_none(), "{line}: twice");
                inner = after.strip_prefix(',').unwrap_or(after);
            }
            rest = &inner[1..];
        }
        let value = rest.strip_prefix(' ').expect("a space before the value");
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        Self { name: name.to_owned(), labels, value }
    }

    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// The text up to its closing quote, and what comes after.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match (escaped, c) {
            (false, '\\') => escaped = true,
            (false, '"') => return (value, &text[at + 1..]),
            (true, other) => {
                assert!("\\\"n".contains(other), "\\{other} is no escape");
                value.push(other);
                escaped = false;
            }
            (false, other) => value.push(other),
        }
    }
    panic!("no closing quote: {text}");
}

/// Families with their types, and the samples of each.
pub(super) fn families(text: &str) -> BTreeMap<String, (String, Vec<Sample>)> {
    let mut families: BTreeMap<String, (String, Vec<Sample>)> = BTreeMap::new();
    let mut present = String::new();
    let text = text.strip_suffix("# EOF\n").expect("a marked end");
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (kind, name, rest) = (words.next(), words.next(), words.next());
            if kind == Some("TYPE") {
                present = name.expect("a name").to_owned();
                let family = (rest.expect("a type").to_owned(), Vec::new());
                assert!(families.insert(present.clone(), family).is_none(), "{line}: again");
            }
            continue;
        }
        let sample = Sample::parse(line);
        let (kind, samples) = families.get_mut(&present).expect("a type before its samples");
        let ending = sample.name.strip_prefix(&present).unwrap_or_else(|| panic!("stray {line}"));
        let endings: &[&str] = match kind.as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        assert!(endings.contains(&ending), "{line} in a {kind}");
        samples.push(sample);
    }
    families
}

/// Buckets grow, the last is infinite and equals the count.
fn check_histogram(name: &str, samples: &[Sample]) {
    let series = |sample: &Sample| {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        labels
    };
    let all: BTreeSet<_> = samples.iter().map(series).collect();
    for labels in all {
        let own = samples.iter().filter(|sample| series(sample) == labels);
        let (buckets, others): (Vec<_>, Vec<_>) = own.partition(|s| s.name.ends_with("_bucket"));
        let bound = |sample: &&Sample| sample.label("le").parse::<f64>().expect("a bound");
        assert!(buckets.is_sorted_by(|a, b| bound(a) < bound(b)), "{name}: bounds");
        assert!(buckets.is_sorted_by(|a, b| a.value <= b.value), "{name}: counts");
        let last = buckets.last().expect("buckets");
        assert_eq!(last.label("le"), "+Inf");
        let count = others.iter().find(|sample| sample.name.ends_with("_count"));
        assert!(count.is_some_and(|count| count.value.total_cmp(&last.value).is_eq()), "{name}");
        assert!(name.ends_with("_seconds"), "{name} has no unit");
    }
}

#[apply(trial)]
fn metrics_are_well_formed() {
    let text = open_metrics();
    let families = families(&text);
    for (name, (kind, samples)) in &families {
        let mut seen = BTreeSet::new();
        assert!(samples.iter().all(|s| seen.insert((&s.name, &s.labels))), "{name}: one twice");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
        if kind == "histogram" {
            check_histogram(name, samples);
        }
    }
    let value = |family: &str, label: (&str, &str)| {
        let (_, samples) = families.get(family).unwrap_or_else(|| panic!("no {family}"));
        let is_it = |s: &&Sample| label.0.is_empty() || s.label(label.0) == label.1;
        samples.iter().find(is_it).unwrap_or_else(|| panic!("no {label:?} in {family}")).value
    };
    let none = ("", "");
    for (family, label, expected) in [
        ("deblurd_frames_captured", none, 21.0),
        ("deblurd_frames_delivered", none, 0.0),
        ("deblurd_frames_dropped", ("reason", "overflow"), 1.0),
        ("deblurd_frames_dropped", ("reason", "deadline"), 5.0),
        ("deblurd_frames_dropped", ("reason", "shutdown"), 6.0),
        ("deblurd_sink_frames_dropped", ("sink", "a \"quoted\" \\ sink"), 1.0),
        ("deblurd_queue_depth", ("queue", "sink http"), 1.0),
        ("deblurd_queue_capacity", ("queue", "sink http"), 2.0),
        ("deblurd_source_state", ("state", "frozen"), 1.0),
        ("deblurd_source_state", ("state", "live"), 0.0),
        ("deblurd_effort_level", ("level", "full"), 1.0),
        ("deblurd_temperature_celsius", none, 61.5),
        ("deblurd_psnr_decibels", ("picture", "restored"), 31.25),
        ("deblurd_build_info", ("version", env!("CARGO_PKG_VERSION")), 1.0),
        ("deblurd_ready", none, 0.0),
        ("deblurd_restoration_info", ("psf", "a \"PSF\" <b>?.npz"), 1.0),
        ("deblurd_restoration_info", ("trust", "measured"), 1.0),
        ("deblurd_psf_width_samples", none, 1.53),
        ("deblurd_noise_gray_levels", none, 2.55),
        ("deblurd_calibration_timestamp_seconds", none, 1_795_443_330.0),
        ("deblurd_reload_refused", none, 1.0),
        ("deblurd_calibration_state", ("state", "stale"), 1.0),
        ("deblurd_calibration_state", ("state", "holds"), 0.0),
        ("deblurd_calibration_blur_scale", none, 1.0512),
        ("deblurd_calibration_looks", ("result", "passed"), 3.0),
    ] {
        assert!((value(family, label) - expected).abs() < 1e-9, "{family} {label:?}");
    }
    let (_, latencies) = &families["deblurd_stage_latency_seconds"];
    let of = |stage: &str, ending: &str| {
        let is_it = |s: &&Sample| s.label("stage") == stage && s.name.ends_with(ending);
        latencies.iter().find(is_it).expect("a sample").value
    };
    assert!((of("residual 1", "_count") - 6.0).abs() < 1e-9, "durations are lost");
    assert!((of("residual 1", "_sum") - 502.034_901).abs() < 1e-6, "seconds are not seconds");
    assert!(of("wiener", "_count").abs() < 1e-9, "durations of another stage");
}

#[apply(trial)]
#[needs(PrometheusParser)]
fn metrics_are_read_by_prometheus_client() {
    let ours = families(&open_metrics());
    let samples: usize = ours.values().map(|(_, samples)| samples.len()).sum();
    let expected = format!("{} {samples}", ours.len());
    let text = exposition("text/plain;version=0.0.4", "text/plain; version=0.0.4");
    assert_eq!(told_by_python("prometheus_client.parser", &text), expected);
    assert_eq!(told_by_python("prometheus_client.openmetrics.parser", &open_metrics()), expected);
}

/// How many families and samples a parser finds.
fn told_by_python(parser: &str, text: &str) -> String {
    let script = format!(
        "import sys\n\
        from {parser} import text_string_to_metric_families as parse\n\
        families = list(parse(sys.stdin.read()))\n\
        assert not any(family.type in ('unknown', 'untyped') for family in families)\n\
        print(len(families), sum(len(family.samples) for family in families))\n"
    );
    let mut python = Command::new("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    python.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("a reader");
    let output = python.wait_with_output().expect("an end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
