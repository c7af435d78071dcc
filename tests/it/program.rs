//! The real program in a folder of its own: started, fed, told to end, and looked at afterwards.
//!
//! Nothing here sleeps. Whoever waits for the program reads from its pipes; [`DEADLINE`] is there
//! only so that a test of a program that hangs fails.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use deblurd::frame::colour::luma;
use deblurd::frame::{Extent, Frame, FrameRate, Picture};
use deblurd::sink::encode_png;
use deblurd::source::{
    Filled, SceneOptions, SceneSource, Source, SourceError, Y4mOptions, Y4mSource,
};
use serde_json::Value;
use tempfile::TempDir;

/// A program that says nothing for so long hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// The time the program has to end after a signal.
pub(crate) const CONTRACT: Duration = Duration::from_secs(2);

/// A folder that the program works in.
pub(crate) struct Workshop(TempDir);

/// What the program left when it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The path of something in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).expect("a file");
    }

    pub(crate) fn make_folder(&self, name: &str) {
        std::fs::create_dir(self.path(name)).expect("a folder");
    }

    /// Writes a gray frame of the scene as PNG and gives it back.
    pub(crate) fn write_scene(&self, name: &str, width: usize, height: usize) -> Picture {
        let picture = luma(&scene(width, height));
        self.write(name, encode_png(&picture).expect("a PNG"));
        picture
    }

    /// The program with its arguments, in this folder and without variables of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deblurd"));
        command.args(arguments).current_dir(self.0.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DEBLURD_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        Running::start(self.command(arguments).stdin(Stdio::null())).finish()
    }

    /// Runs the program, which must succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.stderr);
        outcome
    }

    /// Everything in the folder with the sizes of its files.
    pub(crate) fn inventory(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        list(self.0.path(), "", &mut found);
        found
    }
}

fn list(folder: &Path, prefix: &str, found: &mut BTreeMap<String, u64>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let data = entry.metadata().expect("its size");
        if data.is_dir() {
            list(&entry.path(), &format!("{name}/"), found);
            found.insert(format!("{name}/"), 0);
        } else {
            found.insert(name, data.len());
        }
    }
}

impl Outcome {
    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// The program while it runs.
pub(crate) struct Running {
    child: Child,
    stdout: Option<Receiver<Vec<u8>>>,
    lines: Receiver<String>,
    told: String,
}

impl Running {
    /// Starts a program; its pipes are read by threads.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut running = Self::start_unread(command);
        let mut pipe = running.take_stdout();
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            drop(pipe.read_to_end(&mut bytes));
            sender.send(bytes)
        });
        running.stdout = Some(receiver);
        running
    }

    /// Starts a program whose standard output is left to the test.
    pub(crate) fn start_unread(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let pipe = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || pipe.lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        Self { child, stdout: None, lines, told: String::new() }
    }

    /// Number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("a pipe")
    }

    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    /// Waits for a line on standard error that contains `words`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        while let Ok(line) = self.lines.recv_timeout(deadline - Instant::now()) {
            self.told.push_str(&line);
            self.told.push('\n');
            if line.contains(words) {
                return line;
            }
        }
        self.give_up(&format!("no line with '{words}'"));
    }

    /// The next line on standard error, where there is one already.
    #[cfg(feature = "fleet")]
    pub(crate) fn line(&mut self) -> Option<String> {
        let line = self.lines.try_recv().ok()?;
        self.told.push_str(&line);
        self.told.push('\n');
        Some(line)
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -s {name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &command]).status().expect("a shell");
        assert!(status.success(), "{command}");
    }

    /// Sends a signal to the process that the program starts, as soon as it does.
    pub(crate) fn signal_child(&self, name: &str) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            let tasks = std::fs::read_dir(&tasks).expect("a running program").flatten();
            let children = tasks.map(|task| std::fs::read_to_string(task.path().join("children")));
            let children = children.map(Result::unwrap_or_default).collect::<String>();
            if let Some(child) = children.split_whitespace().next() {
                let command = format!("kill -s {name} {child}");
                let status = Command::new("sh").args(["-c", &command]).status().expect("a shell");
                return assert!(status.success(), "{command}");
            }
            thread::yield_now();
        }
        panic!("the program starts no process");
    }

    /// File descriptors and threads that the program has.
    pub(crate) fn resources(&self) -> (usize, usize) {
        let count = |what| {
            let folder = format!("/proc/{}/{what}", self.child.id());
            std::fs::read_dir(folder).expect("a running program").count()
        };
        (count("fd"), count("task"))
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Outcome {
        let deadline = Instant::now() + DEADLINE;
        // The pipes are closed when the program ends, and not before.
        while let Ok(line) =
            self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.told.push_str(&line);
            self.told.push('\n');
        }
        if Instant::now() >= deadline {
            self.give_up("no end");
        }
        let stdout = self.stdout.take().map(|pipe| pipe.recv_timeout(DEADLINE).expect("an end"));
        let code = self.child.wait().expect("an exit code").code();
        let stderr = std::mem::take(&mut self.told);
        assert!(!stderr.contains("panicked"), "{stderr}");
        Outcome { code, stdout: stdout.unwrap_or_default(), stderr }
    }

    fn give_up(&self, problem: &str) -> ! {
        panic!("{problem}; standard error:\n{}", self.told);
    }
}

/// A test that fails leaves nothing behind: what a shell or a supervisor started, too, ends with its pipes.
impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is asked for its status here, and no other process is meant by its number.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The state that the live page tells, asked for until it is as `wanted`; and that state.
pub(crate) fn wait_for_state(address: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for_json(address, "/state", &wanted)
}

/// What the live page tells there, asked for until it is as `wanted`; and that.
pub(crate) fn wait_for_json(address: &str, path: &str, wanted: &dyn Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        let address: SocketAddr = address.parse().expect("an address");
        let mut stream = TcpStream::connect(address).expect("a connection");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, json) = answer.split_once("\r\n\r\n").expect("a body");
        let state = serde_json::from_str(json).expect("JSON");
        if wanted(&state) {
            return state;
        }
    }
    panic!("the state never comes");
}

/// The address of the live page, once the program has told it.
pub(crate) fn page_of(running: &mut Running) -> String {
    let line = running.wait_for("live page: http://");
    line.trim_start_matches("live page: http://").trim_end_matches('/').to_owned()
}

/// A frame of the scene in colour.
pub(crate) fn scene(width: usize, height: usize) -> Picture {
    let extent = Extent::new(width.max(64), height.max(36));
    let rate = FrameRate::per_second(30);
    let options = SceneOptions { extent, rate, seed: 1, live: false, frames: None };
    let mut source = SceneSource::new(options).expect("a scene");
    let mut frame = Frame::new(source.format());
    source.fill(&mut frame).expect("a frame");
    let mut picture = Picture::new(frame.blurred.format());
    picture.copy_window(&frame.blurred, 0, 0, Extent::new(width, height));
    picture
}

/// The pictures of a Y4M file, and the error that ended them if one did.
pub(crate) fn play(path: &Path) -> (Vec<Picture>, Option<SourceError>) {
    played(
        &mut Y4mSource::open(&Y4mOptions { path: path.to_owned(), live: false }).expect("a stream"),
    )
}

/// The frames of a stream until its end, and the error that ended them if one did.
pub(crate) fn played(source: &mut Y4mSource) -> (Vec<Picture>, Option<SourceError>) {
    let mut frame = Frame::new(source.format());
    let mut pictures = Vec::new();
    loop {
        match source.fill(&mut frame) {
            Ok(Filled::Frame) => pictures.push(frame.blurred.clone()),
            Ok(Filled::Waiting | Filled::Unusable(_) | Filled::Placeholder) => {}
            Ok(Filled::End) => return (pictures, None),
            Err(error) => return (pictures, Some(error)),
        }
    }
}

/// A gray Y4M stream of so many different frames of the scene.
pub(crate) fn stream(width: usize, height: usize, frames: usize) -> Vec<u8> {
    let picture = luma(&scene(width, height));
    let mut bytes =
        format!("YUV4MPEG2 W{width} H{height} F25:1 Cmono XCOLORRANGE=FULL\n").into_bytes();
    for number in 0..frames {
        bytes.extend(b"FRAME\n");
        let shift = number * 3;
        let samples = picture.planes()[0].samples();
        let turned = samples.iter().cycle().skip(shift).take(samples.len());
        bytes.extend(turned.map(|&sample| u8::try_from(sample).expect("8 bits")));
    }
    bytes
}
