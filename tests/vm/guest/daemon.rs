//! The real program while it runs: started, asked, told to end.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::process::Process;
use crate::rig::{wait_for, wait_or, wait_until};

/// A small blur undone without a network, samples as they are, no average, no doubt and no ladder: what is given is
/// what is restored, as is told. Emulated, no frame is too old.
pub(crate) const CHEAP: &str = "[restore]\npsf = 'gaussian:0.7'\nsigma = 1.0\nmodel = 'none'\n\
                                transfer = 'none'\nguard = false\n[temporal]\nframes = 0\n\
                                [overload]\nrate_min = 0\n[pipeline]\ndeadline_ms = 0\n";

/// What is asked of the camera where it does not matter; that nothing comes is told soon.
pub(crate) const SMALL: &str = "formats = ['YUYV']\nextent = '320x180'\nrate = 15\n\
                                silence_ms = 600\nfrozen_frames = 15\n";

/// The daemon with a page for the test to ask, ended when dropped.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    pub(crate) server: SocketAddr,
    _folder: TempDir,
}

impl Daemon {
    /// Starts the daemon with a configuration, to which a live page is added, and waits until it
    /// answers.
    #[track_caller]
    pub(crate) fn start(configuration: &str) -> Self {
        let daemon = Self::start_unasked(configuration);
        wait_until("answer of the daemon", || {
            assert!(daemon.child_is_there(), "the daemon ended:\n{}", daemon.log());
            http::get(daemon.server, "/healthz").is_ok_and(|answer| answer.status == 200)
        });
        daemon
    }

    /// Starts the daemon, whatever becomes of it.
    pub(crate) fn start_unasked(configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = free_address();
        let page = format!("[[sink]]\nkind = 'http'\nlisten = '{server}'\n");
        let file = folder.path().join("deblurd.toml");
        std::fs::write(&file, format!("{configuration}\n{page}")).expect("a file");
        let mut command = Command::new(program());
        command.args(["run", "--config"]).arg(&file).env("DEBLURD_LOG", "info");
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the daemon");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let noted = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = noted.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, log, server, _folder: folder }
    }

    /// Its process.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its standard output, once.
    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("standard output is taken once")
    }

    /// What it says of itself at `pointer` (as in RFC 6901) below `metrics`.
    #[track_caller]
    pub(crate) fn told(&self, pointer: &str) -> Value {
        let metrics = http::metrics(self.server);
        let metrics = metrics.unwrap_or_else(|error| panic!("{error}; log:\n{}", self.log()));
        let found = metrics.pointer(pointer).cloned();
        found.unwrap_or_else(|| panic!("no {pointer} in {metrics}"))
    }

    /// A number that it tells of itself.
    #[track_caller]
    pub(crate) fn count(&self, pointer: &str) -> u64 {
        self.told(pointer).as_u64().expect("a number")
    }

    /// How the camera fares.
    #[track_caller]
    pub(crate) fn camera(&self) -> String {
        self.told("/source/state").as_str().expect("a word").to_owned()
    }

    /// Frames of the camera that came out of the last stage.
    #[track_caller]
    pub(crate) fn frames(&self) -> u64 {
        http::frames(&self.told(""))
    }

    /// Frames that the camera gave.
    #[track_caller]
    pub(crate) fn captured(&self) -> u64 {
        http::captured(&self.told(""))
    }

    /// Waits until the camera is in a state, and tells how long that took.
    #[track_caller]
    pub(crate) fn wait_for_camera(&self, state: &str) -> Duration {
        wait_or(
            || format!("camera in state {state}; log:\n{}", self.log()),
            || self.camera() == state,
        )
    }

    /// Waits for so many more frames of the camera, and tells how long that took.
    #[track_caller]
    pub(crate) fn wait_for_frames(&self, more: u64) -> Duration {
        let before = self.frames();
        let lacking = || format!("{more} frames more; log:\n{}", self.log());
        wait_or(lacking, || self.frames() >= before + more)
    }

    /// Waits until the camera has given so many frames more, and tells how long that took.
    #[track_caller]
    pub(crate) fn wait_for_captures(&self, more: u64) -> Duration {
        let before = self.captured();
        let lacking = || format!("{more} captures more; log:\n{}", self.log());
        wait_or(lacking, || self.captured() >= before + more)
    }

    /// Frames captured a second, whatever became of them, over at least so many.
    #[track_caller]
    pub(crate) fn capture_rate(&self, frames: u64) -> f64 {
        let (before, begun) = (self.count("/trunk/entered"), Instant::now());
        let (mut now, mut ended) = (before, begun);
        let lacking = || format!("{frames} captures more; log:\n{}", self.log());
        wait_or(lacking, || {
            (now, ended) = (self.count("/trunk/entered"), Instant::now());
            now >= before + frames
        });
        (now - before) as f64 / (ended - begun).as_secs_f64()
    }

    /// Asks it to end, and tells its exit status and how long that took.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, Duration) {
        self.process().signal("TERM");
        let (status, took) =
            wait_for("end of the daemon", || self.child.try_wait().expect("a child"));
        (status.code(), took)
    }

    /// Waits for its end, and tells its exit status and log.
    #[track_caller]
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let (status, _) = wait_for("end of the daemon", || self.child.try_wait().expect("a child"));
        (status.code(), self.log())
    }

    fn child_is_there(&self) -> bool {
        Path::new(&format!("/proc/{}/fd/0", self.child.id())).exists()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The section of the configuration that names a camera.
pub(crate) fn camera(device: &Path, more: &str) -> String {
    format!("[source]\nkind = 'v4l2'\ndevice = '{}'\n{more}", device.display())
}

/// Where the real program lies.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("RIG_PROGRAM").expect("the path of the program").into()
}

/// An address that nobody listens on.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.expect("an address")
}
