//! Three daemons, two subscribers and a router, each in a network of its own: as on one cable, and as on a radio
//! link that loses every twentieth packet and takes a twentieth of a second each way.

use std::process::{Command, Stdio};

use super::hosts::sink;
use super::roles::{Accounts, client};
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop};
use crate::support::root;

const DAEMONS: [&str; 3] = ["a", "b", "c"];

/// What a process of the script has told.
fn told(workshop: &Workshop, name: &str) -> String {
    std::fs::read_to_string(workshop.path(&format!("{name}.told"))).unwrap_or_default()
}

/// Runs all of them, the last lines of the subscribers being their accounts; packets are treated as `netem` says.
#[track_caller]
fn check(netem: &[&str]) {
    let workshop = Workshop::new();
    workshop.write("zenoh.json5", client("tcp/10.9.0.1:7447"));
    for host in DAEMONS {
        let sink = sink(host, "").replace("zenoh.json5", &format!("{host}.json5"));
        let source = "kind = 'scene'\nextent = '128x96'\nrate = 15";
        let restore = "psf = 'disk:2'\nsigma = 2.55\nmodel = 'none'";
        let text = format!("[source]\n{source}\n[restore]\n{restore}\n[[sink]]\n{sink}");
        workshop.write(&format!("{host}.toml"), text);
    }
    let mut script = Command::new("unshare");
    script.args(["-rmn", "sh"]).arg(root().join("tests/it/fleet/apart.sh"));
    script.arg(std::env::current_exe().expect("this binary")).arg(env!("CARGO_BIN_EXE_deblurd"));
    script.args(netem).current_dir(workshop.path("")).env("DEBLURD_LOG", "info");
    let outcome = Running::start(script.stdin(Stdio::null())).finish();
    let all = || DAEMONS.map(|name| told(&workshop, name)).join("\n");
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stderr, all());
    for subscriber in ["early", "late"] {
        let text = told(&workshop, subscriber);
        let accounts = Accounts::read(text.lines().last().expect("an account"));
        for host in DAEMONS {
            let own = told(&workshop, host);
            let count = own.split_once("the fleet: ").and_then(|(_, rest)| rest.split(' ').next());
            let published: u64 =
                count.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("{own}"));
            let of = accounts.of(&format!("{host}/camera"));
            assert_eq!(of.len(), 1, "{subscriber}: {host} began anew: {accounts}");
            let account = of[0];
            assert!(
                account.received >= 40 && account.last <= published,
                "{account:?} of {published}"
            );
            let before = account.first - 1;
            let after = published - account.last;
            assert_eq!(before + account.received + account.lost() + after, published);
        }
    }
}

#[apply(trial)]
#[needs(Namespaces)]
fn each_in_a_network_of_its_own() {
    check(&[]);
}

#[apply(trial)]
#[needs(LossyNamespaces)]
fn lost_and_late_packets_keep_the_accounts() {
    check(&["loss", "5%", "delay", "50ms"]);
}
