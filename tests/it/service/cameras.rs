//! Several cameras in one process: exact books for each, one's failure no other's, one page for all.

use std::collections::BTreeMap;

use deblurd::config::{Cameras, Single};
use serde_json::Value;

use super::manager::Manager;
use super::notify::check_ends;
use crate::browser::Browser;
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, page_of, stream, wait_for_json, wait_for_state};
use crate::support::root;

const PAGE: &str = "[http]\nlisten = '127.0.0.1:0'\n";

/// The table of a camera that shows a small scene; `source` are further keys of that.
fn camera(name: &str, source: &str) -> String {
    format!(
        "[[camera]]\nname = '{name}'\n[camera.source]\nkind = 'scene'\nextent = '64x48'\n{source}\n\
         [camera.restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n"
    )
}

/// A daemon of several cameras, its service manager and its page.
struct Daemon {
    workshop: Workshop,
    running: Running,
    manager: Manager,
    page: String,
}

impl Daemon {
    /// One that has told that it is ready.
    fn start_in(workshop: Workshop, config: &str) -> Self {
        workshop.write("run.toml", config);
        let mut command = workshop.command(&["run", "--config", "run.toml"]);
        let manager = Manager::of(&workshop, command.env("WATCHDOG_USEC", "1000000"));
        let mut running = Running::start(&mut command);
        let page = page_of(&mut running);
        manager.until("READY=1");
        Self { workshop, running, manager, page }
    }

    /// Has a configuration loaded.
    fn reload(&self, config: &str) {
        self.workshop.write("run.toml", config);
        self.running.signal("HUP");
        self.manager.until("RELOADING=1");
        self.manager.until("READY=1");
    }

    /// The state of a camera once it is as wanted.
    fn wait_for(&self, name: &str, wanted: &dyn Fn(&Value) -> bool) -> Value {
        wait_for_json(&self.page, &format!("/{name}/state"), wanted)
    }

    fn state(&self, name: &str) -> Value {
        self.wait_for(name, &|_| true)
    }

    /// Sees that frames of a camera go on.
    fn check_flows(&self, name: &str) {
        let now = delivered(&self.state(name));
        self.wait_for(name, &|state| delivered(state) > now + 3);
    }

    fn names(&self) -> Value {
        wait_for_json(&self.page, "/stations", &|_| true)
    }
}

fn delivered(state: &Value) -> u64 {
    state["metrics"]["trunk"]["delivered"].as_u64().expect("a number")
}

/// How many reloads were done and refused, and why the last one was refused.
fn reloads(state: &Value) -> (u64, u64, &str) {
    let reload = &state["metrics"]["reload"];
    let number = |name: &str| reload[name].as_u64().expect("a number");
    (number("done"), number("refused"), reload["problem"].as_str().expect("text"))
}

fn unready(state: &Value) -> &str {
    state["unready_because"].as_str().unwrap_or("it is ready")
}

/// Frames captured and delivered by each camera, of the lines that a program has said at its end; the
/// books of each must balance with nothing in flight.
#[track_caller]
fn books(told: &str) -> BTreeMap<&str, (u64, u64)> {
    let lines = told.lines().filter_map(|line| line.split_once(": captured "));
    let of = |(name, books): (&'_ str, &str)| {
        let (entered, rest) = books.split_once(" = ").expect("a balance");
        let parts: Vec<u64> = rest
            .split(" + ")
            .map(|part| part.split(' ').next().and_then(|count| count.parse().ok()))
            .map(|count| count.expect("a count"))
            .collect();
        let entered: u64 = entered.parse().expect("a count");
        assert_eq!(parts.iter().sum::<u64>(), entered, "{name}: {books}");
        assert!(rest.ends_with(" + 0 in flight"), "{name}: {books}");
        (entered, parts[0])
    };
    lines
        .map(|(name, books)| (name.rsplit(' ').next().unwrap_or(name), of((name, books))))
        .collect()
}

/// Four cameras, two of which lose no frame and two of which take only the newest, on one worker.
#[apply(trial)]
fn each_camera_has_exact_books() {
    let workshop = Workshop::new();
    let sink = "[[camera.sink]]\nkind = 'y4m'\npath = '/dev/null'\n";
    let of = |name: &str, frames: u64, overflow: &str| {
        let source = format!("live = false\nframes = {frames}");
        let pipeline = format!("[camera.pipeline]\noverflow = '{overflow}'\ndeadline_ms = 0\n");
        camera(name, &source).replace("'none'", "'nano'") + &pipeline + sink
    };
    let cameras = [
        of("a", 40, "wait"),
        of("b", 40, "drop_oldest"),
        of("c", 60, "wait"),
        of("d", 60, "drop_oldest"),
    ];
    workshop.write("run.toml", format!("[workers]\nthreads = 1\n{}", cameras.concat()));
    let outcome = workshop.succeed(&["run", "--config", "run.toml"]);
    let books = books(&outcome.stderr);
    let captured: Vec<_> = books.iter().map(|(name, (captured, _))| (*name, *captured)).collect();
    assert_eq!(captured, [("a", 40), ("b", 40), ("c", 60), ("d", 60)], "{}", outcome.stderr);
    assert_eq!((books["a"].1, books["c"].1), (40, 60), "frames that may not be lost were");
    assert!(books["b"].1 > 0 && books["d"].1 > 0, "one got nothing: {}", outcome.stderr);
}

/// Cameras whose sources always have more, and that lose none: as soon as one has so many frames, no
/// other is far behind. The exact shares are tested where there is no clock, at the seats.
#[apply(trial)]
fn no_camera_is_left_behind_under_load() {
    const FRAMES: u64 = 60;
    let load = |name: &str| {
        let pipeline = "[camera.pipeline]\noverflow = 'wait'\n";
        camera(name, "live = false").replace("'none'", "'nano'") + pipeline
    };
    let config = format!("[workers]\nthreads = 2\n{PAGE}{}{}{}", load("a"), load("b"), load("c"));
    let daemon = Daemon::start_in(Workshop::new(), &config);
    let all = |states: &Value| -> Vec<u64> {
        let cameras = states["cameras"].as_array().expect("a list");
        cameras.iter().map(|camera| delivered(&camera["state"])).collect()
    };
    let begun = all(&wait_for_state(&daemon.page, |states| all(states).iter().all(|&it| it > 0)));
    let now = wait_for_state(&daemon.page, |states| {
        all(states).iter().zip(&begun).any(|(now, before)| now - before >= FRAMES)
    });
    let had: Vec<u64> = all(&now).iter().zip(&begun).map(|(now, before)| now - before).collect();
    assert!(had.iter().all(|&had| 4 * had >= FRAMES), "{had:?} frames");
    check_ends(daemon.running, "TERM", &[0]);
}

/// One that cannot be loaded is off; the others neither wait for it nor end with it.
#[apply(trial)]
fn a_camera_that_cannot_start_is_no_others() {
    let broken = camera("right", "").replace("disk:2", "missing.txt");
    let config = format!("{PAGE}{}{broken}", camera("left", ""));
    let mut daemon = Daemon::start_in(Workshop::new(), &config);
    let state = daemon.wait_for("right", &|state| state["ended"] == true);
    let told = unready(&state);
    assert!(
        told.contains("cannot read missing.txt") && told.ends_with("off until the next reload"),
        "{told}"
    );
    daemon
        .running
        .wait_for("camera right: the configuration cannot be run: cannot read missing.txt");
    daemon.check_flows("left");
    (0..3).for_each(|_| drop(daemon.manager.until("WATCHDOG=1")));
    let status = daemon.manager.until("STATUS=left: ").pop().expect("it");
    assert!(status.contains("; right: failed: the configuration cannot be run"), "{status}");
    daemon.workshop.write("missing.txt", "1 2 1\n");
    daemon.reload(&config);
    daemon.wait_for("right", &|state| state["ready"] == true);
    assert_eq!(reloads(&daemon.state("left")), (1, 0, ""), "the other has had its reload");
    check_ends(daemon.running, "TERM", &[0]);
}

/// A source that gives up while it runs.
#[apply(trial)]
fn a_camera_that_dies_is_no_others() {
    let workshop = Workshop::new();
    let mut bytes = stream(64, 48, 5);
    bytes.extend(b"FRAMED\n");
    workshop.write("torn.y4m", bytes);
    let torn = camera("torn", "").replace("'scene'\nextent = '64x48'", "'y4m'\npath = 'torn.y4m'");
    let config = format!("{PAGE}{}{torn}{}", camera("left", ""), camera("right", ""));
    let daemon = Daemon::start_in(workshop, &config);
    let state = daemon.wait_for("torn", &|state| state["ended"] == true);
    assert!(unready(&state).contains("the source gave up: "), "{state}");
    let trunk = &state["metrics"]["trunk"];
    assert_eq!((&trunk["entered"], &trunk["in_flight"]), (&5.into(), &0.into()), "{trunk}");
    ["left", "right"].iter().for_each(|name| daemon.check_flows(name));
    let states = wait_for_state(&daemon.page, |_| true);
    let ready: Vec<_> = states["cameras"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["state"]["ready"])
        .collect();
    assert_eq!(ready, [true, false, true]);
    check_ends(daemon.running, "TERM", &[0]);
}

/// Frames that end are no failure; where all have ended, so has the process, and its status is that of
/// the camera that failed.
#[apply(trial)]
fn the_process_ends_with_the_last_camera() {
    let workshop = Workshop::new();
    let sink = "[[camera.sink]]\nkind = 'y4m'\npath = '/dev/null'\n";
    let few = |name: &str| camera(name, "frames = 3") + sink;
    workshop.write("run.toml", few("left") + &few("right"));
    let outcome = workshop.succeed(&["run", "--config", "run.toml"]);
    assert_eq!(books(&outcome.stderr).keys().copied().collect::<Vec<_>>(), ["left", "right"]);
    workshop.write("run.toml", few("left") + &few("right").replace("disk:2", "missing.txt"));
    let outcome = workshop.run(&["run", "--config", "run.toml"]);
    assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
    let words = "deblurd: camera right: the configuration cannot be run: cannot read missing.txt";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert_eq!(books(&outcome.stderr).len(), 1, "{}", outcome.stderr);
}

#[apply(trial)]
fn each_camera_reloads_for_itself() {
    let config = |left: &str, right: &str| {
        let [left, right] = [("left", left), ("right", right)]
            .map(|(name, sigma)| camera(name, "").replace("2.55", sigma));
        format!("{PAGE}{left}{right}")
    };
    let mut daemon = Daemon::start_in(Workshop::new(), &config("2.55", "2.55"));
    daemon.reload(&config("3.5", "-1"));
    daemon.running.wait_for("camera right: reload refused, the configuration in use stays: ");
    let left = daemon.wait_for("left", &|state| reloads(state).0 == 1);
    let right = daemon.wait_for("right", &|state| reloads(state).1 == 1);
    assert_eq!(reloads(&left), (1, 0, ""));
    assert_eq!(left["metrics"]["restoration"]["sigma"], 3.5);
    let (done, refused, problem) = reloads(&right);
    assert_eq!((done, refused), (0, 1), "{problem}");
    assert!(problem.contains("camera.right.restore.sigma: -1 (expected"), "{problem}");
    assert_eq!(right["metrics"]["restoration"]["sigma"], 2.55);
    ["left", "right"].iter().for_each(|name| daemon.check_flows(name));
    // A file that is none at all is refused for each, and ends nobody.
    daemon.reload("[");
    for (name, done, refused) in [("left", 1, 1), ("right", 0, 2)] {
        let state = daemon.wait_for(name, &|state| reloads(state).1 == refused);
        let told = reloads(&state);
        assert_eq!(told.0, done, "{name}: {}", told.2);
        assert!(told.2.contains("not TOML"), "{name}: {}", told.2);
        daemon.check_flows(name);
    }
    check_ends(daemon.running, "TERM", &[0]);
}

#[apply(trial)]
fn cameras_come_and_go_at_a_reload() {
    let (left, right) = (camera("left", ""), camera("right", ""));
    let daemon = Daemon::start_in(Workshop::new(), &format!("{PAGE}{left}{right}"));
    daemon.check_flows("left");
    let before = delivered(&daemon.state("left"));
    daemon.reload(&format!("{PAGE}{}{left}", camera("new", "")));
    assert_eq!(daemon.names(), serde_json::json!(["new", "left"]));
    daemon.wait_for("new", &|state| state["ready"] == true);
    let state = daemon.wait_for("left", &|state| reloads(state) == (1, 0, ""));
    assert!(delivered(&state) >= before, "it was started afresh");
    daemon.check_flows("left");
    check_ends(daemon.running, "TERM", &[0]);
}

/// What a viewer keeps is written into the table of that camera and nowhere else.
#[apply(trial)]
fn a_wish_is_kept_for_one_camera() {
    let config = format!("{PAGE}{}{}", camera("left", ""), camera("right", ""));
    let daemon = Daemon::start_in(Workshop::new(), &config);
    let wish = |path: &str| {
        super::tuning::post_at(&daemon.page, path, super::tuning::JSON, "{\"sigma\": 4.5}")
    };
    assert_eq!(wish("/tune/keep").0, 404);
    assert_eq!(wish("/right/tune/keep"), (200, "written to the configuration\n".to_owned()));
    let expected =
        format!("{PAGE}{}{}", camera("left", ""), camera("right", "").replace("2.55", "4.5"));
    let kept = std::fs::read_to_string(daemon.workshop.path("run.toml")).expect("a file");
    assert_eq!(kept, expected);
    assert_eq!(wish("/left/tune"), (202, "it is tried\n".to_owned()));
    let state = daemon.wait_for("left", &|state| reloads(state).0 == 1);
    assert_eq!(state["metrics"]["restoration"]["sigma"], 4.5);
    assert_eq!(reloads(&daemon.state("right")).0, 0, "nobody wished that of the other");
    check_ends(daemon.running, "TERM", &[0]);
}

#[apply(trial)]
fn a_wrong_configuration_is_refused_by_camera_and_key() {
    let workshop = Workshop::new();
    let (left, right) = (camera("left", ""), camera("right", ""));
    let png = "[[camera.sink]]\nkind = 'png'\nfolder = 'out'\n";
    for (config, words) in [
        (format!("{PAGE}{left}{}", right.replace("2.55", "-1")), "camera.right.restore.sigma: -1"),
        (format!("{PAGE}{left}{left}"), "camera.1.name: 'left' is there, too"),
        (format!("{left}{right}"), "camera.left.sink: missing (expected at least one"),
        (
            format!("{left}{png}{right}{png}"),
            "camera.right.sink.0.folder: 'out' is written by camera.left.sink.0.folder",
        ),
        (
            format!("{PAGE}[restore]\npsf = 'disk:2'\n{left}"),
            "restore: unknown section (expected workers",
        ),
    ] {
        workshop.write("run.toml", config);
        for command in ["run", "check"] {
            let outcome = workshop.run(&[command, "--config", "run.toml"]);
            assert_eq!(outcome.code, Some(78), "{command}: {}", outcome.stderr);
            assert!(
                outcome.stderr.contains(words),
                "{command}: no '{words}' in {}",
                outcome.stderr
            );
        }
    }
    workshop.write("run.toml", format!("{PAGE}{left}{}", right.replace("disk:2", "missing.txt")));
    let outcome = workshop.run(&["check", "--config", "run.toml"]);
    assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("camera right: "), "{}", outcome.stderr);
    let outcome = workshop.run(&["calibrate", "--config", "run.toml", "-o", "a.npz"]);
    assert!(
        outcome.stderr.contains("camera: several cameras, left, right (expected"),
        "{}",
        outcome.stderr
    );
}

/// The commands that ask a daemon: all cameras where that can be, else they say what to do.
#[apply(trial)]
fn the_commands_ask_one_camera_or_all() {
    let config = format!("{PAGE}{}{}", camera("left", ""), camera("right", ""));
    let daemon = Daemon::start_in(Workshop::new(), &config);
    ["left", "right"].iter().for_each(|name| daemon.check_flows(name));
    let url = format!("http://{}", daemon.page);
    let told = daemon.workshop.succeed(&["status", "--url", &url]).text();
    for words in ["camera    left\n", "camera    right\n", &format!("at {url}/right, up")] {
        assert!(told.contains(words), "no '{words}' in {told}");
    }
    let json = daemon.workshop.succeed(&["status", "--json", "--url", &url]).stdout;
    let states: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(states["cameras"][1]["name"], "right");
    let one = format!("{url}/left");
    daemon.workshop.succeed(&["status", "--url", &one]);
    daemon.workshop.succeed(&["snapshot", "-o", "left.png", "--url", &one]);
    let outcome = daemon.workshop.run(&["snapshot", "-o", "all.png", "--url", &url]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    let words = format!(
        "{url} has several cameras (expected --url with one of them, as {url}/left or /right)"
    );
    assert!(outcome.stderr.contains(&words), "{}", outcome.stderr);
    check_ends(daemon.running, "TERM", &[0]);
}

/// The annotated configuration can be run, and its commented keys are keys.
#[apply(trial)]
fn the_annotated_configuration_is_good() {
    let path = root().join("systemd/cameras.toml");
    let text = std::fs::read_to_string(&path).expect("the annotated configuration");
    let told =
        Workshop::new().succeed(&["check", "--config", path.to_str().expect("a path")]).text();
    assert!(
        told.starts_with("camera   left\nsource   scene") && told.contains("\ncamera   right\n"),
        "{told}"
    );
    let keys = |line: &str| {
        line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let bare =
        text.lines().map(|line| line.strip_prefix("# ").filter(|bare| keys(bare)).unwrap_or(line));
    let whole = bare.collect::<Vec<_>>().join("\n");
    let cameras = Cameras::read(&whole, &[]).expect("it is fine").expect("several cameras");
    for name in &cameras.names {
        let read = Single::of_camera(&whole, &[], name).and_then(|single| single.read());
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

#[apply(trial)]
#[needs(Browser)]
fn a_browser_shows_all_cameras() {
    let broken = camera("broken", "").replace("disk:2", "missing.txt");
    let shown = ["north", "east", "south-west"].map(|name| camera(name, "rate = 30"));
    let config = format!("{PAGE}{}{broken}", shown.concat()).replace("64x48", "320x240");
    let daemon = Daemon::start_in(Workshop::new(), &config);
    let browser = Browser::start();
    browser.open(&format!("http://{}/", daemon.page));
    for name in ["north", "east", "south-west"] {
        let card = format!("document.getElementById('camera-{name}')");
        browser.wait_for(&format!(
            "{card}?.dataset.state === 'live' && Number({card}.dataset.shown) > 2"
        ));
        browser.wait_for(&format!(
            "{card}.querySelector('.state').textContent.endsWith(' frames a second')"
        ));
        browser.wait_for(&format!(
            "(() => {{ const it = {card}.querySelector('canvas');
             return it.width === 320 && it.getContext('2d').getImageData(9, 9, 1, 1).data[3] === 255 }})()"
        ));
    }
    let broken = "document.getElementById('camera-broken')";
    browser.wait_for(&format!("{broken}.dataset.state === 'bad'"));
    let told = browser.run(&format!("return {broken}.querySelector('.state').textContent"));
    assert!(told.as_str().is_some_and(|told| told.contains("cannot read missing.txt")), "{told}");
    browser.wait_for("document.getElementById('connection').textContent === '3 of 4 live'");
    // From there to one camera, whose page asks for its own frames.
    browser.click("#camera-south-west .name");
    browser.wait_for("location.pathname === '/south-west/'");
    browser.wait_for("document.getElementById('connection')?.dataset.state === 'live'");
    let said = browser.log("browser");
    assert!(said.is_empty(), "the console says {said:?}");
    check_ends(daemon.running, "TERM", &[0]);
}
