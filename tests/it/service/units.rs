//! What starts the daemon: the units, and the rule for cameras.

use std::collections::BTreeMap;
use std::process::Command;

use crate::harness::{apply, trial};
use crate::program::Workshop;
use crate::support::root;

const UNITS: [&str; 2] = ["deblurd.service", "deblurd@.service"];
/// What lets them use a graphics card, and what lets them go before others.
const DROP_INS: [&str; 2] = ["gpu.conf", "realtime.conf"];

/// The oldest systemd that the units are for: that of Ubuntu 20.04, and so of JetPack 5.
const OLDEST: u32 = 245;

/// Directives and the version of systemd that brought them, from its NEWS file; 0 where they are
/// older than that file tells.
const DIRECTIVES: &[(&str, u32)] = &[
    ("AmbientCapabilities", 229),
    ("CacheDirectory", 235),
    ("CapabilityBoundingSet", 0),
    ("ConditionPathExists", 0),
    ("Description", 0),
    ("DeviceAllow", 208),
    ("DevicePolicy", 208),
    ("Documentation", 0),
    ("Environment", 0),
    ("ExecReload", 0),
    ("ExecStart", 0),
    ("ExecStopPost", 0),
    ("Group", 0),
    ("IPAddressAllow", 235),
    ("IPAddressDeny", 235),
    ("KeyringMode", 235),
    ("LimitCORE", 0),
    ("LimitNOFILE", 0),
    ("LockPersonality", 235),
    ("MemoryDenyWriteExecute", 231),
    ("MemoryMax", 231),
    ("LimitNICE", 0),
    ("LimitRTPRIO", 0),
    ("NoNewPrivileges", 187),
    ("NotifyAccess", 0),
    ("OOMPolicy", 243),
    ("PrivateMounts", 239),
    ("PrivateTmp", 0),
    ("PrivateUsers", 232),
    ("ProtectClock", 245),
    ("ProtectControlGroups", 232),
    ("ProtectHome", 214),
    ("ProtectHostname", 242),
    ("ProtectKernelLogs", 244),
    ("ProtectKernelModules", 232),
    ("ProtectKernelTunables", 232),
    ("ProtectSystem", 214),
    ("RemoveIPC", 232),
    ("Restart", 0),
    ("RestartPreventExitStatus", 189),
    ("RestartSec", 0),
    ("RestrictAddressFamilies", 211),
    ("RestrictNamespaces", 233),
    ("RestrictRealtime", 231),
    ("RestrictSUIDSGID", 242),
    ("StartLimitBurst", 230),
    ("StartLimitIntervalSec", 230),
    ("StateDirectory", 235),
    ("SuccessExitStatus", 189),
    ("SupplementaryGroups", 0),
    ("SystemCallArchitectures", 209),
    ("SystemCallErrorNumber", 209),
    ("SystemCallFilter", 187),
    ("TasksMax", 227),
    ("TimeoutStartSec", 188),
    ("TimeoutStopSec", 188),
    ("Type", 0),
    ("UMask", 0),
    ("User", 0),
    ("WantedBy", 0),
    ("WatchdogSec", 183),
    ("WorkingDirectory", 0),
];

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join("systemd").join(name)).expect("a file of the project")
}

/// The lines that say something.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[apply(trial)]
fn units_are_known_to_systemd_245() {
    let known: BTreeMap<&str, u32> = DIRECTIVES.iter().copied().collect();
    for unit in UNITS.into_iter().chain(DROP_INS) {
        let text = read(unit);
        for line in lines(&text).into_iter().filter(|line| !line.starts_with('[')) {
            let (directive, _) = line.split_once('=').expect("a directive");
            let since =
                known.get(directive).unwrap_or_else(|| panic!("{unit}: since when is {line}?"));
            assert!(*since <= OLDEST, "{unit}: {directive} is unknown before systemd {since}");
            // Younger than its directive: a value of systemd 253.
            assert_ne!(line, "Type=notify-reload", "{unit}");
        }
    }
}

/// Any list of devices, the unit's among them, shuts out all others: the drop-in must empty it.
#[apply(trial)]
fn a_card_is_let_in() {
    let drop_in = read("gpu.conf");
    let lines = lines(&drop_in);
    assert!(lines.contains(&"DevicePolicy=auto") && lines.contains(&"DeviceAllow="), "{lines:?}");
}

/// A filter of calls only grows by further lines; and the limits are those of the standings there are.
#[apply(trial)]
fn urgency_is_let_in() {
    let drop_in = read("realtime.conf");
    let lines = lines(&drop_in);
    for needed in [
        "LimitRTPRIO=2",
        "LimitNICE=-10",
        "RestrictRealtime=no",
        "SystemCallFilter=setpriority sched_setscheduler",
    ] {
        assert!(lines.contains(&needed), "{needed} in {lines:?}");
    }
}

/// The template differs in names only.
#[apply(trial)]
fn both_units_are_alike() {
    let template = read("deblurd@.service")
        .replace("/%i.toml", "/deblurd.toml")
        .replace("deblurd/%i", "deblurd")
        .replace(" (%i)", "");
    assert!(!template.contains('%'), "{template}");
    assert_eq!(lines(&template), lines(&read("deblurd.service")));
}

/// A unit as the tools want it: its program where it can be found.
fn unit_in(workshop: &Workshop, name: &str) -> String {
    let program = env!("CARGO_BIN_EXE_deblurd");
    let instance = name.replace('@', "@front");
    workshop.write(&instance, read(name).replace("/usr/bin/deblurd", program));
    workshop.path(&instance).to_str().expect("a path").to_owned()
}

#[track_caller]
fn check_analyze(arguments: &[&str]) -> String {
    let output = Command::new("systemd-analyze").args(arguments).output().expect("the program");
    let told =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{arguments:?}: {}{}", told[0], told[1]);
    told.concat()
}

#[apply(trial)]
#[needs(SystemdAnalyze)]
fn units_verify() {
    let workshop = Workshop::new();
    for name in UNITS {
        let unit = unit_in(&workshop, name);
        assert_eq!(check_analyze(&["verify", "--man=no", &unit]), "", "{name}");
        std::fs::create_dir(format!("{unit}.d")).expect("a folder");
        for drop_in in DROP_INS {
            std::fs::write(format!("{unit}.d/{drop_in}"), read(drop_in)).expect("a drop-in");
            assert_eq!(check_analyze(&["verify", "--man=no", &unit]), "", "{name} with {drop_in}");
        }
    }
}

#[apply(trial)]
#[needs(SystemdAnalyze)]
fn units_are_hardened() {
    let workshop = Workshop::new();
    for name in UNITS {
        let unit = unit_in(&workshop, name);
        // In tenths: 1.5 at most.
        check_analyze(&["security", "--offline=true", "--threshold=15", "--no-pager", &unit]);
    }
}

/// The unit stays sound, and confined, where the local network is let in; and what a drop-in says wrong
/// would be noticed here.
#[apply(trial)]
#[needs(SystemdAnalyze)]
fn the_drop_in_for_a_network_verifies() {
    for name in UNITS {
        let workshop = Workshop::new();
        let unit = unit_in(&workshop, name);
        let folder = workshop.path(&format!("{name}.d"));
        std::fs::create_dir(&folder).expect("a folder");
        let drop_in = folder.join("lan.conf");
        std::fs::write(&drop_in, read("lan.conf")).expect("a drop-in");
        assert_eq!(check_analyze(&["verify", "--man=no", &unit]), "", "{name}");
        check_analyze(&["security", "--offline=true", "--threshold=15", "--no-pager", &unit]);
        std::fs::write(&drop_in, "[Service]\nIPAddressAllow=10.0.0.0/99\n").expect("a drop-in");
        let told = check_analyze(&["verify", "--man=no", &unit]);
        assert!(told.contains("lan.conf") && told.contains("10.0.0.0/99"), "{name}: {told}");
    }
}

/// Each line of the rule is keys, operators and quoted values, and every jump has its aim.
#[apply(trial)]
fn the_camera_rule_is_well_formed() {
    const KEYS: [&str; 9] =
        ["ACTION", "SUBSYSTEM", "KERNEL", "GROUP", "MODE", "TAG", "ATTR", "ENV", "GOTO"];
    let text = read("70-deblurd.rules");
    for line in lines(&text).into_iter().filter(|line| !line.starts_with("LABEL=")) {
        for assignment in line.split("\", ") {
            let (left, value) = assignment.split_once('"').expect("a quoted value");
            let key = left.trim_end_matches(['=', '!', '+']);
            let operator = &left[key.len()..];
            assert!(["==", "!=", "=", "+="].contains(&operator), "{assignment}");
            assert!(KEYS.contains(&key.split('{').next().unwrap_or(key)), "{assignment}");
            assert!(!value.trim_end_matches('"').contains('"'), "{assignment}");
            let is_jump = key == "GOTO";
            let aim = format!("LABEL=\"{}\"", value.trim_end_matches('"'));
            assert!(!is_jump || lines(&text).contains(&aim.as_str()), "{assignment} leads nowhere");
        }
    }
}
