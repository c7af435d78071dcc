//! Processes that stand around the daemons: routers and subscribers, which the test binary itself plays.
//!
//! A role ends when its standard input does, so that none outlives its test; and a router can be killed as one
//! in the field can: at once.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};

use deblurd::fleet::{Name, Subject};
use deblurd::sink::wire::{self, Publication};
use zenoh::sample::Sample;
use zenoh::{Config, Session, Wait};

use crate::program::{Running, Workshop};

/// The variable that asks for a role; its value is the role, a blank, and where it connects or listens.
const ROLE: &str = "DEBLURD_FLEET_ROLE";
const ROUTER: &str = "router";
/// A router as a file configures it.
const CONFIGURED: &str = "configured";
const SUBSCRIBER: &str = "subscriber";

/// Plays the role that the environment asks for.
pub(crate) fn play_if_asked() -> Option<ExitCode> {
    let asked = std::env::var(ROLE).ok()?;
    let (role, endpoint) = asked.split_once(' ')?;
    let end = || drop(std::io::stdin().read_to_end(&mut Vec::new()));
    let _session = match role {
        ROUTER => {
            let session = open(&format!(
                "{{ mode: 'router', listen: {{ endpoints: ['{endpoint}'] }}, {QUIET} }}"
            ));
            say("listening");
            end();
            session
        }
        CONFIGURED => {
            let session = open(&std::fs::read_to_string(endpoint).expect("a configuration"));
            say("listening");
            end();
            session
        }
        _ => {
            let (session, frames) = subscribed(endpoint);
            say("listening");
            std::thread::spawn(move || {
                let mut accounts = Accounts::default();
                for frame in frames {
                    accounts.enter(&frame);
                    say(&accounts.to_string());
                }
            });
            end();
            session
        }
    };
    Some(ExitCode::SUCCESS)
}

/// Standard error is what tests wait for.
#[expect(clippy::print_stderr, reason = "how a role tells")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Nobody is looked for beyond those that are named, and who is stopped is not given up.
const QUIET: &str = "scouting: { multicast: { enabled: false }, gossip: { enabled: false } }, \
                     transport: { link: { tx: { lease: 600000 } } }";

/// This binary in another role.
pub(super) fn role(role: &str, endpoint: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.env(ROLE, format!("{role} {endpoint}")).stdin(Stdio::piped());
    command
}

/// A router that can be killed and come back.
pub(super) struct Router {
    pub(super) endpoint: String,
    running: Option<Running>,
}

impl Router {
    /// One that listens on a port that the kernel chose, of an address of this process's own: nobody else
    /// takes it while the router is away.
    pub(super) fn start() -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 1 + high % 250, low, 7);
        let listener = TcpListener::bind((address, 0)).expect("a port");
        let endpoint = format!("tcp/{}", listener.local_addr().expect("its address"));
        drop(listener);
        let mut router = Self { endpoint, running: None };
        router.come_back();
        router
    }

    pub(super) fn come_back(&mut self) {
        let mut running = Running::start(&mut role(ROUTER, &self.endpoint));
        running.wait_for("listening");
        self.running = Some(running);
    }

    /// Has it take nothing any more, and hold its connections.
    pub(super) fn hang(&self) {
        self.running.as_ref().expect("a router that runs").signal("STOP");
    }

    pub(super) fn kill(&mut self) {
        let running = self.running.take().expect("a router that runs");
        running.signal("KILL");
        assert_eq!(running.finish().code, None);
    }

    /// A configuration by which programs connect with it.
    pub(super) fn write_config(&self, workshop: &Workshop) -> PathBuf {
        workshop.write("zenoh.json5", client(&self.endpoint));
        workshop.path("zenoh.json5")
    }
}

/// A router as a file configures it, until it is dropped.
pub(super) fn configured_router(config: &Path) -> Running {
    let mut running = Running::start(&mut role(CONFIGURED, &config.display().to_string()));
    running.wait_for("listening");
    running
}

/// A subscriber in a process of its own, which tells its accounts after every frame.
pub(super) fn subscriber(endpoint: &str) -> Running {
    let mut running = Running::start(&mut role(SUBSCRIBER, endpoint));
    running.wait_for("listening");
    running
}

/// The configuration of a program that knows one router.
pub(super) fn client(endpoint: &str) -> String {
    format!("{{ mode: 'client', connect: {{ endpoints: ['{endpoint}'] }}, {QUIET} }}")
}

fn open(config: &str) -> Session {
    zenoh::open(Config::from_json5(config).expect("a configuration")).wait().expect("a session")
}

/// A frame that has come.
pub(super) struct Arrived {
    pub(super) name: Name,
    pub(super) publication: Publication,
    pub(super) encoding: String,
    pub(super) payload: Vec<u8>,
}

impl Arrived {
    fn of(sample: &Sample) -> Self {
        let key = sample.key_expr().as_str();
        let (name, subject) = Name::of_key(key).unwrap_or_else(|| panic!("the key {key}"));
        assert_eq!(subject, Subject::Frame);
        let header = sample.attachment().expect("a header").to_bytes();
        Self {
            name,
            publication: wire::publication(&header).expect("a publication"),
            encoding: sample.encoding().to_string(),
            payload: sample.payload().to_bytes().into_owned(),
        }
    }
}

/// A session that hears the frames of all cameras, and those frames.
pub(super) fn subscribed(endpoint: &str) -> (Session, Receiver<Arrived>) {
    let session = open(&client(endpoint));
    let (sender, frames) = channel();
    let hear = move |sample: Sample| drop(sender.send(Arrived::of(&sample)));
    let subscriber = session.declare_subscriber(Subject::Frame.of_all()).callback(hear);
    subscriber.background().wait().expect("a subscriber");
    (session, frames)
}

/// What one receiver has had of one run of one camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) received: u64,
}

impl Account {
    /// Frames that were lost on the way between the first and the last.
    pub(super) fn lost(&self) -> u64 {
        self.last - self.first + 1 - self.received
    }
}

/// What a receiver has had of every run of every camera.
#[derive(Debug, Default)]
pub(super) struct Accounts(pub(super) BTreeMap<(String, u64), Account>);

impl Accounts {
    /// Enters a frame; within a run, numbers rise.
    pub(super) fn enter(&mut self, frame: &Arrived) {
        let Publication { run, number } = frame.publication;
        let new = Account { first: number, last: number - 1, received: 0 };
        let account = self.0.entry((frame.name.to_string(), run)).or_insert(new);
        assert!(number > account.last, "{number} came after {account:?}");
        (account.last, account.received) = (number, account.received + 1);
    }

    /// Those of a camera, in the order of its runs.
    pub(super) fn of(&self, camera: &str) -> Vec<Account> {
        self.0.iter().filter(|((name, _), _)| name == camera).map(|(_, account)| *account).collect()
    }

    /// What a subscriber's process has told.
    pub(super) fn read(line: &str) -> Self {
        let account = |text: &str| {
            let words: Vec<&str> = text.split(' ').collect();
            let number = |at: usize| words[at].parse().expect("a number");
            let account = Account { first: number(2), last: number(3), received: number(4) };
            ((words[0].to_owned(), number(1)), account)
        };
        Self(line.split("; ").map(account).collect())
    }
}

impl fmt::Display for Accounts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0.iter().map(|((name, run), Account { first, last, received })| {
            format!("{name} {run} {first} {last} {received}")
        });
        out.write_str(&told.collect::<Vec<_>>().join("; "))
    }
}
