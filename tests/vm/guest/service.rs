//! The unit under a real systemd: readiness, reload, watchdog, restart, end, hardening, and two
//! instances beside each other.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::{CHEAP, SMALL, camera};
use crate::drivers::{Background, Loopback, Vivid, ctl};
use crate::harness::{apply, trial};
use crate::http;
use crate::process::{Process, run};
use crate::rig::{figure, seconds, wait_until};

/// The greatest exposure, of 10, that systemd may find in the unit.
const EXPOSURE: f64 = 1.3;

/// An installed unit, stopped and forgotten when dropped.
struct Unit {
    name: &'static str,
    configuration: &'static str,
    port: u16,
}

impl Unit {
    /// Installs units, user and rules as the project ships them, and a configuration with a page.
    fn install(name: &'static str, configuration: &'static str, port: u16, text: &str) -> Self {
        let shipped = Path::new("/rig/systemd");
        for (from, to) in [
            ("deblurd.service", "/etc/systemd/system/deblurd.service"),
            ("deblurd@.service", "/etc/systemd/system/deblurd@.service"),
            ("70-deblurd.rules", "/etc/udev/rules.d/70-deblurd.rules"),
            ("deblurd.sysusers", "/etc/sysusers.d/deblurd.conf"),
        ] {
            fs::create_dir_all(Path::new(to).parent().expect("a folder")).expect("a folder");
            fs::copy(shipped.join(from), to).expect("a file that the project ships");
        }
        run("systemd-sysusers", &[]);
        run("udevadm", &["control", "--reload"]);
        run("systemctl", &["daemon-reload"]);
        let unit = Self { name, configuration, port };
        unit.configure(text);
        unit
    }

    fn configure(&self, text: &str) {
        fs::create_dir_all("/etc/deblurd").expect("a folder");
        let page = format!("[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:{}'\n", self.port);
        let file = format!("/etc/deblurd/{}.toml", self.configuration);
        fs::write(file, format!("{text}\n{page}")).expect("a file");
    }

    /// Starts it; returns when systemd calls it ready.
    #[track_caller]
    fn start(&self) -> Duration {
        let begun = Instant::now();
        run("systemctl", &["start", self.name]);
        begun.elapsed()
    }

    /// A property as systemd knows it.
    fn property(&self, name: &str) -> String {
        run("systemctl", &["show", "--value", "--property", name, self.name]).trim().to_owned()
    }

    fn process(&self) -> Process {
        Process(self.property("MainPID").parse().expect("a process"))
    }

    /// Something of its state.
    fn told(&self, pointer: &str) -> Option<Value> {
        let metrics = http::metrics(([127, 0, 0, 1], self.port).into()).ok()?;
        metrics.pointer(pointer).cloned()
    }

    fn count(&self, pointer: &str) -> u64 {
        self.told(pointer).and_then(|value| value.as_u64()).unwrap_or_default()
    }

    fn frames(&self) -> u64 {
        self.told("").map_or(0, |metrics| http::frames(&metrics))
    }

    #[track_caller]
    fn wait_for_frames(&self, more: u64) -> Duration {
        let before = self.frames();
        wait_until("frames of the unit", || self.frames() >= before + more)
    }

    fn journal(&self) -> String {
        run("journalctl", &["--no-pager", "--output=cat", "--unit", self.name])
    }

    /// Stops it and tells how long that took.
    fn stop(&self) -> Duration {
        let begun = Instant::now();
        run("systemctl", &["stop", self.name]);
        begun.elapsed()
    }

    #[track_caller]
    fn check_stops_in_time(&self, when: &str) {
        let took = self.stop();
        figure(&format!("stop, {when}"), seconds(took));
        assert!(took <= Duration::from_secs(2), "{when}: {took:?} until it was stopped");
        assert_eq!(self.property("Result"), "success", "{}", self.journal());
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // It may have failed, as some trials mean it to; if not, there is nothing to be reset.
        for verb in ["stop", "reset-failed"] {
            drop(Command::new("systemctl").args([verb, self.name]).output());
        }
        drop(fs::remove_file(format!("/etc/deblurd/{}.toml", self.configuration)));
    }
}

/// The unit for one camera.
fn install(vivid: &Vivid) -> Unit {
    let text = format!("{}{CHEAP}", camera(&vivid.camera(), SMALL));
    Unit::install("deblurd.service", "deblurd", 8080, &text)
}

#[apply(trial)]
fn ready_with_and_without_a_camera() {
    let vivid = Vivid::webcam();
    let unit = install(&vivid);
    figure("ready, with a camera", seconds(unit.start()));
    assert_eq!(unit.property("ActiveState"), "active");
    assert!(unit.frames() > 0, "ready before the first restored frame");
    unit.wait_for_frames(5);
    wait_until("a status line", || !unit.property("StatusText").is_empty());
    figure("status line", unit.property("StatusText"));
    unit.check_stops_in_time("while it streams");
    vivid.unbind();
    figure("ready, without a camera", seconds(unit.start()));
    assert_eq!(unit.told("/source/state"), Some("absent".into()));
    wait_until("a status line", || unit.property("StatusText").contains("absent"));
    unit.check_stops_in_time("while it waits for its camera");
    vivid.bind();
}

#[apply(trial)]
fn reload_good_and_broken() {
    let vivid = Vivid::webcam();
    let unit = install(&vivid);
    unit.start();
    let process = unit.process();
    let text = format!("{}{CHEAP}", camera(&vivid.camera(), SMALL));
    unit.configure(&text.replace("gaussian:0.7", "disk:2"));
    run("systemctl", &["reload", unit.name]);
    let took = wait_until("reload", || unit.count("/reload/done") == 1);
    figure("a new restorer serves after", seconds(took));
    unit.wait_for_frames(5);
    unit.configure(&text.replace("gaussian:0.7", "gaussian:-1"));
    run("systemctl", &["reload", unit.name]);
    wait_until("refusal", || unit.count("/reload/refused") == 1);
    let problem = unit.told("/reload/problem").expect("a reason").to_string();
    assert!(problem.contains("gaussian:-1"), "{problem}");
    unit.wait_for_frames(5);
    assert_eq!(unit.process(), process, "a reload has restarted it");
    assert_eq!(unit.count("/source/opened"), 1, "a reload has closed the camera");
    assert_eq!(unit.property("ActiveState"), "active");
    figure("journal of the refusal", problem);
}

#[apply(trial)]
fn watchdog_ends_a_hung_restorer() {
    let vivid = Vivid::webcam();
    let unit = install(&vivid);
    unit.start();
    unit.wait_for_frames(5);
    let process = unit.process();
    let begun = Instant::now();
    let _holder = hold(process.thread("restore"));
    wait_until("another process", || {
        let id = unit.property("MainPID");
        id != "0" && id != process.0.to_string()
    });
    unit.wait_for_frames(5);
    figure("frames again after the restorer hung", seconds(begun.elapsed()));
    assert_eq!(unit.property("NRestarts"), "1", "{}", unit.journal());
    assert!(unit.journal().contains("watchdog"), "{}", unit.journal());
}

/// Stops one thread of a process, until the process is ended. Debuggers do it so; this one is Perl,
/// which every Debian has: `ptrace` with PTRACE_SEIZE and PTRACE_INTERRUPT, and then waiting, without
/// which the end of the thread would not be its end.
fn hold(thread: i32) -> Background {
    let number = if cfg!(target_arch = "x86_64") { 101 } else { 117 };
    let script = format!(
        "use constant ALL => 0x40000000;
         syscall({number}, 0x4206, {thread}, 0, 0) == 0 or die;
         syscall({number}, 0x4207, {thread}, 0, 0) == 0 or die;
         waitpid({thread}, ALL) == {thread} or die;
         waitpid({thread}, ALL);"
    );
    let holder = Background::start(Command::new("perl").args(["-e", &script]));
    let status = format!("/proc/{thread}/status");
    wait_until("held thread", || {
        fs::read_to_string(&status).is_ok_and(|status| status.contains("t (tracing stop)"))
    });
    holder
}

#[apply(trial)]
fn restarted_after_kill() {
    let vivid = Vivid::webcam();
    let unit = install(&vivid);
    unit.start();
    for _ in 0..2 {
        unit.wait_for_frames(5);
        let process = unit.process();
        let begun = Instant::now();
        process.signal("KILL");
        wait_until("another process", || {
            let id = unit.property("MainPID");
            id != "0" && id != process.0.to_string()
        });
        wait_until("frames", || unit.frames() > 0);
        figure("frames again after kill -9", seconds(begun.elapsed()));
    }
    assert_eq!(unit.property("NRestarts"), "2");
}

#[apply(trial)]
fn bad_configuration_is_not_retried() {
    let text = format!("[source]\nkind = 'v4l2'\ndevice = 3\n{CHEAP}");
    let unit = Unit::install("deblurd.service", "deblurd", 8080, &text);
    drop(Command::new("systemctl").args(["start", unit.name]).output());
    wait_until("failure", || unit.property("ActiveState") == "failed");
    assert_eq!(unit.property("ExecMainStatus"), "78", "{}", unit.journal());
    assert_eq!(unit.property("NRestarts"), "0");
    assert!(unit.journal().contains("source.device"), "{}", unit.journal());
}

/// Every output works from within the sandbox whose exposure systemd judges.
#[apply(trial)]
fn hardened_with_all_outputs() {
    let vivid = Vivid::webcam();
    let device = Loopback::load(20, true);
    let text = format!(
        "{}{CHEAP}[[sink]]\nkind = 'v4l2'\ndevice = '{}'\nformat = 'YUYV'\n\
         [[sink]]\nkind = 'record'\nfolder = 'recordings'\nsize_max_mb = 10\n\
         [[sink]]\nkind = 'png'\nfolder = 'pictures'\n",
        camera(&vivid.camera(), SMALL),
        device.path.display()
    );
    let unit = Unit::install("deblurd.service", "deblurd", 8080, &text);
    unit.start();
    ctl(&device.path, &["--stream-mmap", "--stream-count=10"]);
    for folder in ["recordings", "pictures"] {
        let folder = Path::new("/var/lib/deblurd").join(folder);
        wait_until("files of the unit", || {
            fs::read_dir(&folder).is_ok_and(|files| files.flatten().next().is_some())
        });
    }
    unit.wait_for_frames(5);
    let judged = run("systemd-analyze", &["security", "--no-pager", unit.name]);
    let line = judged.lines().find(|line| line.contains("Overall exposure level"));
    let line = line.unwrap_or_else(|| panic!("no judgement in:\n{judged}"));
    let score = line.rsplit(": ").next().and_then(|rest| rest.split_whitespace().next());
    let score: f64 = score.and_then(|score| score.parse().ok()).expect("a score");
    figure("exposure by systemd-analyze security", score);
    assert!(score <= EXPOSURE, "{judged}");
    unit.check_stops_in_time("with all outputs");
}

#[apply(trial)]
fn two_instances() {
    let (_vivid, [left, right]) = Vivid::two_webcams();
    let instance = |name, configuration, port, device: &Path| {
        let text = format!("{}{CHEAP}", camera(device, SMALL));
        let unit = Unit::install(name, configuration, port, &text);
        unit.start();
        unit.wait_for_frames(5);
        unit
    };
    let left = instance("deblurd@left.service", "left", 8081, &left);
    let right = instance("deblurd@right.service", "right", 8082, &right);
    let before = right.process();
    assert_ne!(left.process(), before);
    left.process().signal("KILL");
    right.wait_for_frames(10);
    wait_until("frames", || left.frames() > 0);
    assert_eq!(right.process(), before, "the end of one instance is the other's");
}
