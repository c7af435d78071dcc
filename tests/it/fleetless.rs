//! What a build without Zenoh says where somebody wants a fleet.

use crate::harness::{apply, trial};
use crate::program::Workshop;

const NOT_BUILT: &str = "this build has no Zenoh (expected one with the cargo feature `fleet`: the packages, or \
                         `cargo build --release --features fleet`)";

#[track_caller]
fn check_refused(arguments: &[&str], before: &str) {
    let workshop = Workshop::new();
    let source = "[source]\nkind = 'scene'\n[restore]\npsf = 'disk:2'\nsigma = 2\n[[sink]]\n";
    workshop.write("sink.toml", format!("{source}kind = 'zenoh'\nconfig = 'zenoh.json5'\n"));
    workshop.write("page.toml", format!("{source}kind = 'http'\nfleet = 'zenoh.json5'\n"));
    workshop.write("zenoh.json5", "{ mode: 'client' }");
    let told = workshop.run(arguments);
    assert_eq!(told.code, Some(78), "{}", told.stderr);
    let told = format!("{}{}", told.text(), told.stderr);
    let wrapped = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(wrapped.contains(before) && wrapped.contains(NOT_BUILT), "{told}");
}

#[apply(trial)]
fn a_configuration_with_a_fleet_is_refused() {
    for action in ["run", "check"] {
        check_refused(&[action, "--config", "sink.toml"], "sink.0.kind: \"zenoh\"");
        check_refused(&[action, "--config", "page.toml"], "sink.0.fleet: 'zenoh.json5'");
    }
}

#[apply(trial)]
fn a_fleet_cannot_be_asked() {
    check_refused(&["fleet", "list", "--config", "zenoh.json5"], "");
}
