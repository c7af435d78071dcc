//! Commands as sources and sinks: children that write or read Y4M, and die, hang, talk nonsense or are
//! not there.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use deblurd::command::Program;
use deblurd::frame::Frame;
use deblurd::metrics::SourceMetrics;
use deblurd::source::{CommandOptions, CommandSource, Filled, Source};
use serde_json::Value;

use crate::harness::{apply, trial};
use crate::program::{
    CONTRACT, DEADLINE, Outcome, Running, Workshop, page_of, play, stream, wait_for_state,
};

const RESTORE: &str = "[restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n";
const PAGE: &str = "[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n";
const SCENE: &str = "[source]\nkind = 'scene'\nextent = '64x48'\nrate = 60\n";
const FEW: &str = "[source]\nkind = 'scene'\nextent = '64x48'\nlive = false\nframes = 12\n\
                   [pipeline]\noverflow = 'wait'\n";

/// A daemon at work on a configuration, and where its page is.
struct Daemon {
    workshop: Workshop,
    running: Running,
    page: String,
}

impl Daemon {
    fn start(workshop: Workshop, configuration: &str) -> Self {
        workshop.write("run.toml", configuration);
        let mut command = workshop.command(&["run", "--config", "run.toml"]);
        let mut running = Running::start_unread(command.env("DEBLURD_LOG", "info"));
        let page = page_of(&mut running);
        Self { workshop, running, page }
    }

    /// With a command as its source, whose keys are given.
    fn with_source(workshop: Workshop, keys: &str) -> Self {
        let source = format!("[source]\nkind = 'command'\n{keys}\n");
        Self::start(workshop, &format!("{source}{RESTORE}{PAGE}"))
    }

    /// With a live scene and a command as its sink.
    fn with_sink(keys: &str) -> Self {
        let sink = format!("[[sink]]\nkind = 'command'\n{keys}\n");
        Self::start(Workshop::new(), &format!("{SCENE}{RESTORE}{PAGE}{sink}"))
    }

    fn wait_for_source(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for_state(&self.page, |state| wanted(&state["metrics"]["source"]))
    }

    /// Waits until a sink has been given so many frames more.
    fn wait_for_sink(&self, name: &str, key: &str, frames: u64) -> Value {
        let count = |state: &Value| {
            let sinks = state["metrics"]["sinks"].as_array().expect("sinks").iter();
            let mut sink = sinks.filter(|sink| sink["name"] == name);
            sink.next().expect("the sink")["books"][key].as_u64().expect("a number")
        };
        let before = count(&wait_for_state(&self.page, |_| true));
        wait_for_state(&self.page, |state| count(state) >= before + frames)
    }

    /// Told to end, it does so in time, and leaves no process behind.
    #[track_caller]
    fn check_ends(self) -> (Workshop, Outcome) {
        // Before the first frame it would end at once, and say so.
        wait_for_state(&self.page, |state| state["metrics"]["trunk"]["entered"].as_u64() > Some(0));
        let sent = Instant::now();
        self.running.signal("TERM");
        let outcome = self.running.finish();
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(sent.elapsed() <= CONTRACT, "it took {:?}: {}", sent.elapsed(), outcome.stderr);
        check_nobody_is_left(&self.workshop);
        (self.workshop, outcome)
    }
}

/// No process works in the folder any more. One that was killed may take a moment to be gone.
#[track_caller]
fn check_nobody_is_left(workshop: &Workshop) {
    let folder = std::fs::canonicalize(workshop.path(".")).expect("the folder");
    let works_there =
        |process: &Path| std::fs::read_link(process.join("cwd")).is_ok_and(|it| it == folder);
    let since = Instant::now();
    loop {
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let Some(left) = processes.map(|it| it.path()).find(|it| works_there(it)) else { return };
        let name = std::fs::read_to_string(left.join("cmdline")).unwrap_or_default();
        assert!(since.elapsed() < DEADLINE, "{} is left: {name}", left.display());
        std::thread::yield_now();
    }
}

/// A folder with a stream of three frames.
fn with_stream() -> Workshop {
    let workshop = Workshop::new();
    workshop.write("s.y4m", stream(64, 48, 3));
    workshop
}

#[apply(trial)]
fn a_source_that_dies_is_started_again() {
    let keys = "shell = 'cat s.y4m; echo no more >&2; exit 3'";
    let daemon = Daemon::with_source(with_stream(), keys);
    let state = daemon.wait_for_source(|source| {
        source["opened"].as_u64() >= Some(3) && source["placeholders"].as_u64() > Some(0)
    });
    let (source, trunk) = (&state["metrics"]["source"], &state["metrics"]["trunk"]);
    assert!(source["restarted"].as_u64() >= Some(2), "{source}");
    assert!(trunk["entered"].as_u64() >= Some(6), "{trunk}");
    let (_, outcome) = daemon.check_ends();
    let told = "command 'cat s.y4m; echo no more >&2; exit 3' ended with status 3; its last words: no more";
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("camera failing: "), "{}", outcome.stderr);
}

/// A source that hangs after its frames is silent, is started again, and leaves nobody behind.
#[track_caller]
fn check_silent(script: &str) {
    let keys = format!("shell = \"{script}\"\nsilence_ms = 300");
    let daemon = Daemon::with_source(with_stream(), &keys);
    let state = daemon.wait_for_source(|source| {
        source["state"] == "silent" && source["placeholders"].as_u64() > Some(0)
    });
    let problem = state["metrics"]["source"]["problem"].as_str().expect("a problem");
    assert!(problem.contains(": no picture for "), "{problem}");
    daemon.wait_for_source(|source| {
        source["opened"].as_u64() >= Some(2) && source["timeouts"].as_u64() > Some(0)
    });
    daemon.check_ends();
}

#[apply(trial)]
fn a_source_that_hangs_is_silent() {
    check_silent("cat s.y4m; exec tail -f /dev/null");
    // It does not want to end.
    check_silent("trap '' TERM; cat s.y4m; tail -f /dev/null & wait; wait");
}

#[apply(trial)]
fn a_source_that_is_not_there_is_absent() {
    let keys = "command = ['no-such-program']\nextent = '64x48'";
    let daemon = Daemon::with_source(Workshop::new(), keys);
    let state = daemon.wait_for_source(|source| source["placeholders"].as_u64() > Some(2));
    assert_eq!(state["metrics"]["source"]["state"], "absent");
    let (_, outcome) = daemon.check_ends();
    let told =
        "camera absent: command 'no-such-program' cannot be started: No such file or directory";
    assert_eq!(outcome.stderr.matches(told).count(), 1, "{}", outcome.stderr);
}

#[apply(trial)]
fn a_start_without_stream_and_extent_is_refused() {
    let workshop = Workshop::new();
    let source = "[source]\nkind = 'command'\ncommand = ['no-such-program']\nstart_ms = 300\n";
    workshop.write("run.toml", format!("{source}{RESTORE}{PAGE}"));
    for command in ["run", "check"] {
        let outcome = workshop.run(&[command, "--config", "run.toml"]);
        assert_eq!(outcome.code, Some(75), "{}", outcome.stderr);
        let told = "the command no-such-program gives no stream: command 'no-such-program' cannot be \
                    started: No such file or directory (os error 2) (where `extent` is told, it is waited for)";
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    }
    let told = format!("{source}extent = '64x48'\n{RESTORE}{PAGE}");
    workshop.write("run.toml", told);
    let told = workshop.succeed(&["check", "--config", "run.toml"]).text();
    assert!(told.starts_with("source   command 'no-such-program', now absent ("), "{told}");
}

#[apply(trial)]
fn a_source_that_writes_something_else_fails() {
    let workshop = Workshop::new();
    workshop.write("s.y4m", "RIFF, and then some");
    let keys = "command = ['cat', 's.y4m']\nextent = '64x48'";
    let daemon = Daemon::with_source(workshop, keys);
    let state = daemon.wait_for_source(|source| source["opened"].as_u64() >= Some(2));
    let problem = state["metrics"]["source"]["problem"].as_str().expect("a problem");
    assert!(problem.contains("not a Y4M stream"), "{problem}");
    daemon.check_ends();
}

#[apply(trial)]
fn pictures_of_another_format_are_adapted() {
    let workshop = with_stream();
    workshop.write("t.y4m", stream(96, 64, 3));
    let keys = "shell = 'cat s.y4m; mv t.y4m s.y4m; exit 1'";
    let mut daemon = Daemon::with_source(workshop, keys);
    let told = daemon.running.wait_for("its pictures are cut to the stream's");
    assert!(
        told.contains("now gives 96x64 Gray of 8 bits") && told.contains("64x48 Gray"),
        "{told}"
    );
    daemon.wait_for_source(|source| source["state"] == "live");
    daemon.check_ends();
}

#[apply(trial)]
fn a_list_is_not_interpreted() {
    let words = "['cat', '$(touch a)', '; touch b', '`touch c`', '> d', '*']";
    let keys = format!("command = {words}\nextent = '64x48'");
    let daemon = Daemon::with_source(Workshop::new(), &keys);
    daemon.wait_for_source(|source| source["opened"].as_u64() >= Some(1));
    daemon.wait_for_source(|source| source["state"] == "failing");
    let (workshop, outcome) = daemon.check_ends();
    assert_eq!(workshop.inventory().into_keys().collect::<Vec<_>>(), ["run.toml"]);
    assert!(outcome.stderr.contains("; touch b"), "{}", outcome.stderr);
}

#[apply(trial)]
fn what_a_command_says_is_short_and_tidy() {
    let script =
        "printf '\\033[31mred\\007\\n' >&2; head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1";
    let keys = format!("shell = {}\nextent = '64x48'", toml::Value::from(script));
    let daemon = Daemon::with_source(Workshop::new(), &keys);
    let state = daemon.wait_for_source(|source| source["state"] == "failing");
    let problem = state["metrics"]["source"]["problem"].as_str().expect("a problem");
    assert!(problem.chars().count() < 400 && !problem.contains(char::is_control), "{problem}");
    let (_, outcome) = daemon.check_ends();
    assert!(!outcome.stderr.contains(['\u{1b}', '\u{7}']), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("its last words: red | xxx"), "{}", outcome.stderr);
}

#[apply(trial)]
fn our_secrets_stay_with_us() {
    let workshop = with_stream();
    workshop.write(
        "run.toml",
        format!("[source]\nkind = 'command'\nshell = 'env > env.txt; cat s.y4m'\n{RESTORE}{PAGE}"),
    );
    let mut command = workshop.command(&["check", "--config", "run.toml"]);
    command.env("DEBLURD_SINK__0__TOKEN", "0123456789abcdef").env("NOTIFY_SOCKET", "/nowhere");
    let outcome = Running::start(command.env("ORDINARY", "kept")).finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let told = std::fs::read_to_string(workshop.path("env.txt")).expect("what it was told");
    assert!(told.contains("ORDINARY=kept"), "{told}");
    assert!(!told.contains("0123456789abcdef") && !told.contains("NOTIFY_SOCKET"), "{told}");
}

/// Pictures are of the moment at which they come, whatever the rate of the stream.
#[apply(trial)]
fn pictures_are_of_their_arrival() {
    let workshop = with_stream();
    let file = workshop.path("s.y4m");
    let program = Program::Words(vec!["cat".to_owned(), file.display().to_string()]);
    let begun = Instant::now();
    let source =
        CommandSource::open(program, CommandOptions::default(), Arc::new(SourceMetrics::default()));
    let mut source = source.expect("a source");
    let (mut frame, mut times) = (Frame::new(source.format()), vec![begun]);
    let mut pictures = Vec::new();
    while pictures.len() < 3 {
        if let Filled::Frame = source.fill(&mut frame).expect("a source goes on") {
            times.push(frame.meta.captured_at);
            pictures.push(frame.blurred.clone());
        }
    }
    times.push(Instant::now());
    assert!(times.is_sorted(), "{times:?}");
    assert!(pictures == play(&file).0, "the pictures are not those of the stream");
}

#[apply(trial)]
fn a_signal_before_the_first_frame_takes_the_command_along() {
    let workshop = Workshop::new();
    let source = "[source]\nkind = 'command'\nshell = 'echo here >&2; tail -f /dev/null & wait'\n";
    workshop.write("run.toml", format!("{source}{RESTORE}{PAGE}"));
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    let mut running = Running::start_unread(command.env("DEBLURD_LOG", "debug"));
    running.wait_for(": here");
    running.signal("TERM");
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(143), "{}", outcome.stderr);
    check_nobody_is_left(&workshop);
}

#[apply(trial)]
fn a_sink_is_given_every_frame() {
    let workshop = Workshop::new();
    let sink = "[[sink]]\nkind = 'command'\nshell = 'cat > out.y4m'\n";
    workshop.write("run.toml", format!("{FEW}{RESTORE}{sink}"));
    let outcome = workshop.succeed(&["run", "--config", "run.toml"]);
    assert!(outcome.stderr.contains("command: 12 = 12 delivered"), "{}", outcome.stderr);
    let (pictures, error) = play(&workshop.path("out.y4m"));
    assert!(error.is_none() && pictures.len() == 12, "{error:?}");
    check_nobody_is_left(&workshop);
}

#[apply(trial)]
fn a_sink_that_fails_at_the_end_is_told() {
    let workshop = Workshop::new();
    let sink = "[[sink]]\nkind = 'command'\nshell = 'cat > out.y4m; echo disk full >&2; exit 5'\n";
    workshop.write("run.toml", format!("{FEW}{RESTORE}{sink}"));
    let outcome = workshop.run(&["run", "--config", "run.toml"]);
    assert_eq!(outcome.code, Some(73), "{}", outcome.stderr);
    let told = "cannot be used: it ended with status 5 after its last frame: disk full";
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
}

#[apply(trial)]
fn a_sink_that_dies_is_started_again() {
    let mut daemon = Daemon::with_sink(
        "shell = '[ $(head -c 20000 | wc -c) -lt 20000 ] || { echo enough >&2; exit 4; }'",
    );
    let told = daemon.running.wait_for("it is started again");
    let ended = "' ended with status 4; it is started again; its last words: enough";
    assert!(told.contains(ended), "{told}");
    for _ in 0..2 {
        daemon.running.wait_for("' is started");
    }
    let state = daemon.wait_for_sink("http", "delivered", 10);
    assert_eq!(state["metrics"]["sinks"][0]["books"]["dropped_sink_failed"], 0);
    daemon.wait_for_sink("command", "dropped_sink_busy", 1);
    let (_, outcome) = daemon.check_ends();
    assert!(outcome.stderr.contains("dropped (sink_busy)"), "{}", outcome.stderr);
}

#[apply(trial)]
fn a_sink_that_never_reads_holds_up_nobody() {
    for script in ["exec tail -f /dev/null", "trap '' TERM; tail -f /dev/null & wait; wait"] {
        let daemon = Daemon::with_sink(&format!("shell = \"{script}\""));
        daemon.wait_for_sink("command", "dropped_overflow", 5);
        daemon.wait_for_sink("http", "delivered", 60);
        daemon.check_ends();
    }
}

#[apply(trial)]
fn a_sink_that_stalls_is_started_again() {
    let mut daemon = Daemon::with_sink("command = ['tail', '-f', '/dev/null']\nstall_ms = 500");
    for _ in 0..2 {
        daemon.running.wait_for("command 'tail' took no frame for");
    }
    daemon.check_ends();
}

#[apply(trial)]
fn a_sink_without_a_program_is_refused() {
    let workshop = Workshop::new();
    let sink = "[[sink]]\nkind = 'command'\ncommand = ['no-such-program']\n";
    workshop.write("run.toml", format!("{FEW}{RESTORE}{sink}"));
    for command in ["run", "check"] {
        let outcome = workshop.run(&[command, "--config", "run.toml"]);
        assert_eq!(outcome.code, Some(73), "{}", outcome.stderr);
        let told = "the command no-such-program cannot be used: there is no such program";
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    }
    workshop.write("run.toml", format!("{FEW}{RESTORE}{}", sink.replace("no-such-program", "cat")));
    let told = workshop.succeed(&["check", "--config", "run.toml"]).text();
    assert!(
        told.contains("sinks    command (not tried: 'cat' is there and was not started)"),
        "{told}"
    );
}

/// Makes a small film in H.264.
fn film(workshop: &Workshop) {
    let arguments = "-v error -f lavfi -i testsrc2=size=160x120:rate=10 -t 2 -c:v libx264 -pix_fmt \
                     yuv420p in.mp4";
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(arguments.split_whitespace()).current_dir(workshop.path("."));
    assert!(ffmpeg.status().expect("ffmpeg").success(), "no film");
}

#[apply(trial)]
#[needs(H264)]
fn ffmpeg_decodes_for_us() {
    let workshop = Workshop::new();
    film(&workshop);
    let command = "['ffmpeg', '-v', 'error', '-re', '-stream_loop', '-1', '-i', 'in.mp4', '-f', \
                   'yuv4mpegpipe', '-']";
    let daemon = Daemon::with_source(workshop, &format!("command = {command}"));
    // More than the film has: it goes on.
    let state = daemon.wait_for_sink("http", "delivered", 30);
    let source = &state["metrics"]["source"];
    assert_eq!((&source["state"], &source["problem"]), (&"live".into(), &"".into()));
    let (_, outcome) = daemon.check_ends();
    assert!(
        outcome.stderr.contains("gives 160x120 Yuv420 of 8 bits, Limited"),
        "{}",
        outcome.stderr
    );
}

#[apply(trial)]
#[needs(H264)]
fn ffmpeg_encodes_for_us() {
    let workshop = Workshop::new();
    let command = "['ffmpeg', '-v', 'error', '-f', 'yuv4mpegpipe', '-i', '-', '-c:v', 'libx264', \
                   '-pix_fmt', 'yuv420p', 'out.mkv']";
    let sink = format!("[[sink]]\nkind = 'command'\ncommand = {command}\n");
    workshop.write("run.toml", format!("{FEW}{RESTORE}{sink}"));
    let outcome = workshop.succeed(&["run", "--config", "run.toml"]);
    assert!(outcome.stderr.contains("command: 12 = 12 delivered"), "{}", outcome.stderr);
    let arguments = "-v error -count_frames -show_entries stream=codec_name,width,height,nb_read_frames \
                     -of csv=p=0 out.mkv";
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(arguments.split_whitespace()).current_dir(workshop.path("."));
    let told = ffprobe.output().expect("ffprobe").stdout;
    assert_eq!(String::from_utf8_lossy(&told).trim(), "h264,64,48,12");
}
