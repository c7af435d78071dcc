//! What the documentation says of statistics and keys is what the program has; so is what the dashboard asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::statistics::{Sample, families, open_metrics};
use crate::harness::{apply, trial};
use crate::support::root;

/// Where the reference is written instead of compared.
const WRITE: &str = "DEBLURD_WRITE_REFERENCE";
/// Labels that are not a family's own: the bounds of bins, the camera of several, and whom Prometheus asks.
const OF_ALL: [&str; 3] = ["le", "camera", "instance"];

fn read(path: &str) -> String {
    let path: PathBuf = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the families say of themselves, by their names.
fn helps(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' ')).collect()
}

/// The labels of a family but for those of all.
fn labels(samples: &[Sample]) -> BTreeSet<&str> {
    let all = samples.iter().flat_map(|sample| sample.labels.keys().map(String::as_str));
    all.filter(|label| !OF_ALL.contains(label)).collect()
}

/// The names under which series of a family are asked for.
fn series(name: &str, kind: &str) -> Vec<String> {
    let endings: &[&str] = match kind {
        "counter" => &["_total"],
        "histogram" => &["_bucket", "_count", "_sum"],
        _ => &[""],
    };
    endings.iter().map(|ending| format!("{name}{ending}")).collect()
}

fn reference() -> String {
    let text = open_metrics();
    let (families, helps) = (families(&text), helps(&text));
    let mut table = String::new();
    for (name, (kind, samples)) in &families {
        let labels = labels(samples).into_iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let (name, help) = (&series(name, kind)[0], helps[name.as_str()]);
        let name = name.trim_end_matches("_bucket");
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} |").expect("a string");
    }
    let keys = ["deblurd.toml", "cameras.toml"].map(|name| read(&format!("systemd/{name}")));
    format!(
        "# Reference of keys and metrics

Written by the test `http::reference` from the program and from the configurations that it ships; a line that is not \
true fails it.

- [Metrics](#metrics), at `/metrics`
- [Keys](#keys) of a configuration; [of several cameras](#several-cameras)
- Commands and their options: `deblurd help COMMAND`, or `man deblurd`

## Metrics

In the text of Prometheus, or of OpenMetrics where that is asked for. With several cameras every line has the label \
`camera`. Histograms have bins that double from 1 µs; quantiles of `/state`, `status` and `top` are upper bounds of bins a \
fifth wide. `packaging/grafana/deblurd.json` is a dashboard of them.

| name | type | labels | what it is |
|---|---|---|---|
{table}
## Keys

```toml
{}```

## Several cameras

```toml
{}```
",
        keys[0], keys[1]
    )
}

#[apply(trial)]
fn the_reference_is_true() {
    let now = reference();
    if std::env::var_os(WRITE).is_some() {
        fs::write(root().join("docs/reference.md"), &now).expect("a place for the reference");
    }
    let written = read("docs/reference.md");
    let wrong = now.lines().zip(written.lines()).find(|(now, written)| now != written);
    assert_eq!(wrong, None, "{WRITE}=1 cargo test --test it reference writes it anew");
    assert_eq!(written.len(), now.len(), "{WRITE}=1 cargo test --test it reference writes it anew");
}

/// The expressions of all panels of a dashboard.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("an expression").to_owned()).collect()
}

/// The words of an expression that could be names.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

/// Every panel asks for series that there are, by labels that they have, and tells its legend by them.
#[apply(trial)]
fn the_dashboard_asks_for_what_there_is() {
    let text = open_metrics();
    let known: BTreeMap<String, BTreeSet<String>> = families(&text)
        .iter()
        .flat_map(|(name, (kind, samples))| {
            let labels: BTreeSet<String> =
                labels(samples).into_iter().chain(OF_ALL).map(str::to_owned).collect();
            series(name, kind).into_iter().map(move |name| (name, labels.clone()))
        })
        .collect();
    let dashboard: Value =
        serde_json::from_str(&read("packaging/grafana/deblurd.json")).expect("JSON");
    let asked: BTreeSet<String> = expressions(&dashboard)
        .iter()
        .flat_map(|it| words(it).map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| word.starts_with("deblurd_"))
        .collect();
    assert!(asked.len() > 15, "only {asked:?}");
    for name in &asked {
        assert!(known.contains_key(name), "the dashboard asks for {name}, which there is not");
    }
    for target in dashboard["panels"].as_array().into_iter().flatten() {
        for target in target["targets"].as_array().into_iter().flatten() {
            let (expression, legend) =
                (target["expr"].as_str().expect("text"), target["legendFormat"].as_str());
            let name = words(expression).find(|word| word.starts_with("deblurd_"));
            let labels = &known[name.expect("a series")];
            for label in legend.expect("a legend").split("{{").skip(1) {
                let label = label.split("}}").next().unwrap_or_default();
                assert!(labels.contains(label), "{expression} has no label {label}: {labels:?}");
            }
        }
    }
    // Whether it is well is on the first screen.
    for name in ["deblurd_ready", "deblurd_source_state", "deblurd_frames_dropped_total"] {
        assert!(asked.contains(name), "no panel tells {name}");
    }
}
