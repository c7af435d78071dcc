//! Daemons of several hosts, those who look at all of them, and a router that dies and returns.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use serde_json::Value;
use zenoh::Session;

use super::roles::{Accounts, Arrived, Router, subscribed};
use crate::harness::{apply, trial};
use crate::program::{DEADLINE, Outcome, Running, Workshop, page_of, wait_for_json};

/// The keys by which a camera is told of.
pub(super) fn sink(host: &str, more: &str) -> String {
    format!("kind = 'zenoh'\nconfig = 'zenoh.json5'\nhost = '{host}'\nevery = 1\n{more}")
}

const CAMERAS: [&str; 4] = ["a/left", "a/right", "b/camera", "c/camera"];

/// A daemon of one camera of a host.
pub(super) fn one(workshop: &Workshop, host: &str, more: &str) -> Running {
    sized(workshop, host, "64x48", more)
}

/// As [`one`], with frames of that extent.
fn sized(workshop: &Workshop, host: &str, extent: &str, more: &str) -> Running {
    let text = format!(
        "[source]\nkind = 'scene'\nextent = '{extent}'\nrate = 50\n\
         [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n[[sink]]\n{}",
        sink(host, more)
    );
    workshop.write(&format!("{host}.toml"), text);
    start(workshop, host)
}

fn start(workshop: &Workshop, host: &str) -> Running {
    let mut command = workshop.command(&["run", "--config", &format!("{host}.toml")]);
    Running::start(command.env("DEBLURD_LOG", "info"))
}

/// A daemon of two cameras of a host.
fn two(workshop: &Workshop, host: &str) -> Running {
    let camera = |name: &str| {
        format!(
            "[[camera]]\nname = '{name}'\n[camera.source]\nkind = 'scene'\nextent = '64x48'\nrate = 50\n\
             [camera.restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n[[camera.sink]]\n{}",
            sink(host, "")
        )
    };
    workshop.write(&format!("{host}.toml"), camera("left") + &camera("right"));
    start(workshop, host)
}

/// One who hears the frames of all cameras and keeps account.
struct Hearer {
    _session: Session,
    frames: Receiver<Arrived>,
    accounts: Accounts,
}

impl Hearer {
    fn start(router: &Router) -> Self {
        let (session, frames) = subscribed(&router.endpoint);
        Self { _session: session, frames, accounts: Accounts::default() }
    }

    /// Hears until every camera has given so many more frames.
    #[track_caller]
    fn hear(&mut self, more: u64) {
        let received = |accounts: &Accounts| {
            CAMERAS.map(|name| accounts.of(name).iter().map(|it| it.received).sum::<u64>())
        };
        let before = received(&self.accounts);
        let is_enough = |accounts: &Accounts| {
            received(accounts).iter().zip(before).all(|(now, before)| *now >= before + more)
        };
        let deadline = Instant::now() + DEADLINE;
        while !is_enough(&self.accounts) {
            assert!(Instant::now() < deadline, "only {}", self.accounts);
            self.accounts.enter(&self.frames.recv_timeout(DEADLINE).expect("a frame"));
        }
    }
}

/// The cameras of a fleet and their conditions; that one loses frames is the fault of a busy machine.
fn conditions(fleet: &Value) -> Vec<(String, String)> {
    let member = |it: &Value| {
        let text = |key: &str| it[key].as_str().expect("text").to_owned();
        (
            format!("{}/{}", text("host"), text("camera")),
            text("condition").replace("dropping", "live"),
        )
    };
    fleet.as_array().expect("a list").iter().map(member).collect()
}

fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, it)| ((*name).to_owned(), (*it).to_owned())).collect()
}

/// Waits until the fleet's page tells that of the cameras.
#[track_caller]
pub(super) fn wait_for_conditions(page: &str, expected: &[(&str, &str)]) {
    let wanted = |fleet: &Value| conditions(fleet) == owned(expected);
    wait_for_json(page, "/fleet.json", &wanted);
}

/// How many frames each camera of a daemon that has ended says it has published, in the order in which they did.
#[track_caller]
fn published(told: &Outcome) -> Vec<u64> {
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let counts = told.stderr.lines().filter_map(|line| line.split_once("the fleet: "));
    let counts = counts.filter_map(|(_, rest)| rest.split_once(" frames published"));
    counts.map(|(count, _)| count.parse().expect("a count")).collect()
}

#[apply(trial)]
fn three_daemons_two_subscribers_and_a_router_that_returns() {
    let (workshop, mut router) = (Workshop::new(), Router::start());
    router.write_config(&workshop);
    let page = "[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\nfleet = 'zenoh.json5'\n";
    let a = two(&workshop, "a");
    let mut b = one(&workshop, "b", page);
    let c = one(&workshop, "c", "");
    let page = page_of(&mut b);
    let mut early = Hearer::start(&router);
    early.hear(10);
    let mut late = Hearer::start(&router);
    late.hear(10);
    let live = CAMERAS.map(|name| (name, "live"));
    wait_for_conditions(&page, &live);

    // Frames go on where nobody can hear them.
    router.kill();
    let delivered = |state: &Value| state["metrics"]["trunk"]["delivered"].as_u64().expect("it");
    let now = delivered(&wait_for_json(&page, "/state", &|_| true));
    wait_for_json(&page, "/state", &|state| delivered(state) > now + 20);
    // That of the page's own host still tells.
    let [left, right, own, c_gone] = live.map(|(name, _)| (name, "gone"));
    wait_for_conditions(&page, &[left, right, (own.0, "live"), c_gone]);
    router.come_back();
    early.hear(10);
    late.hear(10);
    wait_for_conditions(&page, &live);

    // One that is killed has taken no leave.
    c.signal("KILL");
    assert_eq!(c.finish().code, None);
    wait_for_conditions(&page, &[live[0], live[1], live[2], c_gone]);
    let c = one(&workshop, "c", "");
    while early.accounts.of("c/camera").len() < 2 {
        early.hear(1);
    }
    early.hear(10);
    wait_for_conditions(&page, &live);
    let list = ["fleet", "list", "--config", "zenoh.json5", "--for", "3", "--json"];
    let listed: Value = serde_json::from_str(&workshop.succeed(&list).text()).expect("JSON");
    assert_eq!(conditions(&listed), owned(&live));

    let runs = CAMERAS.map(|name| early.accounts.of(name).len());
    assert_eq!(runs, [1, 1, 1, 2], "a router that returns begins no run anew");
    [&a, &b, &c].iter().for_each(|daemon| daemon.signal("TERM"));
    let counts = [a, b, c].map(|daemon| published(&daemon.finish()));
    early.frames.try_iter().for_each(|frame| early.accounts.enter(&frame));
    // Those of `a` end in any order.
    let of_a: u64 = ["a/left", "a/right"].map(|name| early.accounts.of(name)[0].last).iter().sum();
    assert!(counts[0].len() == 2 && of_a <= counts[0].iter().sum(), "{of_a} of {counts:?}");
    for (name, published) in [("b/camera", counts[1][0]), ("c/camera", counts[2][0])] {
        let account = *early.accounts.of(name).last().expect("an account");
        assert!(account.last <= published, "{name}: {account:?} of {published}");
        // Nothing else is lost than what was under way at the end, or while there was no router.
        assert_eq!(
            account.received + account.lost() + (published - account.last) + account.first - 1,
            published,
            "{name}: {account:?}"
        );
    }
}

/// A fleet that cannot be reached holds up nobody, and who asks for it is told.
#[apply(trial)]
fn a_router_that_never_comes_is_no_obstacle() {
    let (workshop, mut router) = (Workshop::new(), Router::start());
    router.write_config(&workshop);
    router.kill();
    let page = "[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\nfleet = 'zenoh.json5'\n";
    let mut daemon = one(&workshop, "host", page);
    let page = page_of(&mut daemon);
    let of_sink =
        |state: &Value| state["metrics"]["sinks"][0]["books"]["dropped_sink_busy"].as_u64();
    let busy = |state: &Value| of_sink(state).is_some_and(|dropped| dropped > 20);
    let state = wait_for_json(&page, "/state", &busy);
    assert_eq!(state["metrics"]["fleet"]["published"], 0);
    wait_for_conditions(&page, &[]);
    let told = workshop.run(&["fleet", "list", "--config", "zenoh.json5"]);
    assert_eq!(told.code, Some(69), "{}", told.stderr);
    assert!(told.stderr.contains("not connected yet"), "{}", told.stderr);
    // Once it comes, it is found.
    router.come_back();
    wait_for_conditions(&page, &[("host/camera", "live")]);
    daemon.signal("TERM");
    assert_eq!(daemon.finish().code, Some(0));
}

/// What is to be told at the end nobody waits for: a daemon that did would be ended by force, with another status.
#[apply(trial)]
fn a_router_that_hangs_is_no_obstacle() {
    let (workshop, router) = (Workshop::new(), Router::start());
    router.write_config(&workshop);
    let (_session, frames) = subscribed(&router.endpoint);
    let page = "format = 'raw'\n[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n";
    // More than sockets hold.
    let mut daemon = sized(&workshop, "host", "320x240", page);
    let page = page_of(&mut daemon);
    frames.recv_timeout(DEADLINE).expect("a frame");
    router.hang();
    let published = |state: &Value| state["metrics"]["fleet"]["published"].as_u64().expect("it");
    let now = published(&wait_for_json(&page, "/state", &|_| true));
    wait_for_json(&page, "/state", &|state| published(state) > now + 100);
    daemon.signal("TERM");
    let told = daemon.finish();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
}

#[apply(trial)]
fn names_and_files_that_cannot_be_are_refused() {
    let check = |sink: &str, words: &str| {
        let workshop = Workshop::new();
        workshop.write("zenoh.json5", "{ mode: 'client' }");
        workshop.write("wrong.json5", "{ mode: 'nothing' }");
        let text =
            format!("[source]\nkind = 'scene'\n[restore]\npsf = 'disk:2'\nsigma = 2\n{sink}");
        workshop.write("run.toml", text);
        for action in ["check", "run"] {
            let told = workshop.run(&[action, "--config", "run.toml"]);
            assert_eq!(told.code, Some(78), "{action}: {}", told.stderr);
            let told = format!("{}{}", told.text(), told.stderr);
            assert!(told.contains(words), "{action}: {told}");
        }
    };
    let sink = |keys: &str| format!("[[sink]]\nkind = 'zenoh'\n{keys}\n");
    let good = "config = 'zenoh.json5'";
    check(&sink("config = 'nowhere.json5'"), "the Zenoh configuration nowhere.json5: ");
    check(&sink("config = 'wrong.json5'"), "the Zenoh configuration wrong.json5: ");
    check(&sink(&format!("{good}\nhost = '*'")), "sink.0.host: '*' is no name of a host");
    check(&sink(&format!("{good}\ncamera = 'a/b'")), "'a/b' is no name of a camera");
    check(&sink(&format!("{good}\nevery = 0")), "sink.0.every");
    check(&(sink(good) + &sink(good)), "sink.1.kind: \"zenoh\" as sink.0, too");
}
