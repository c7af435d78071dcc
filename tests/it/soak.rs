//! Memory, files and threads of the daemon over a long replay at ten times real time, with every
//! sink that needs no device, and with clients that come and go.
//!
//! It takes long and runs only where it is asked for: six minutes replay an hour of a camera.
//!
//! ```text
//! DEBLURD_SOAK_MINUTES=6 cargo test --test it soak::
//! ```

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, stream};
use crate::shared;

/// Frames a second: ten times those of a camera.
const RATE: usize = 300;
/// One part in so many of the time is for buffers, caches and the allocator to reach their size.
const WARM: usize = 5;
/// What resident memory may grow by over the rest of the time, in KiB, as a line through all
/// samples says: six bytes a frame kept would show.
const GROWTH_MAX_KIB: f64 = 512.0;

/// What the recording may hold: soon every picture makes room for itself.
const RECORDING_MAX: u64 = 1_000_000;

/// How many minutes are asked for.
pub(crate) fn minutes() -> Option<usize> {
    let asked = std::env::var("DEBLURD_SOAK_MINUTES").ok()?.parse().ok();
    asked.filter(|&minutes| minutes > 0)
}

/// What the system says of the daemon.
#[derive(Debug, Clone, Copy)]
struct Sample {
    memory_kib: f64,
    files: f64,
    threads: f64,
}

#[apply(trial)]
#[needs(SoakMinutes)]
fn memory_stays_flat() {
    let seconds = minutes().expect("minutes") * 60;
    let workshop = Workshop::new();
    let (service, folder) = (shared::service(&workshop), shared::folder());
    let shared = format!("service = '{service}'\nfolder = '{}'\n", folder.display());
    workshop.write("soak.toml", format!("{CONFIGURATION}{shared}"));
    let mut command = workshop.command(&["run", "--config", "soak.toml"]);
    let mut running = Running::start(command.stdin(std::process::Stdio::piped()));
    let mut pipe = running.take_stdin();
    let frames = stream(64, 48, 50);
    let (line, frames) =
        frames.split_at(frames.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1));
    let line = String::from_utf8_lossy(line).replace("F25:1", &format!("F{RATE}:1"));
    pipe.write_all(line.as_bytes()).expect("a reader");
    let page = running.wait_for("live page: http://");
    let address = page.split("http://").nth(1).expect("an address").trim_end_matches('/');
    let clients = Clients::start(address);
    let subscriber = shared::subscribe(&workshop);
    let (mut received, mut pictures) = (0, 0);
    // The source takes frames at their rate, which is what paces the writing and the sampling.
    let turn: Vec<u8> = frames.iter().copied().cycle().take(frames.len() / 50 * RATE).collect();
    let mut samples = Vec::new();
    while samples.len() < seconds {
        pipe.write_all(&turn).expect("a reader");
        samples.push(Sample::of(running.id()));
        received += shared::sequences(&subscriber).len();
        pictures += take_away(&workshop.path("pictures"));
    }
    let answers = clients.stop();
    drop(pipe);
    let told = running.finish();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(received >= samples.len(), "{received} frames in shared memory");
    assert!(pictures > samples.len(), "{pictures} pictures in {} s", samples.len());
    let recorded = std::fs::read_dir(workshop.path("recording")).expect("a folder").flatten();
    let bytes: u64 = recorded.map(|file| file.metadata().expect("its size").len()).sum();
    assert!((1..=RECORDING_MAX).contains(&bytes), "{bytes} bytes are recorded");
    judge(&samples, answers, &told.stderr);
}

/// Small frames, restored in full, in every sink that needs no device.
const CONFIGURATION: &str = "\
    [source]\nkind = 'y4m'\npath = '-'\nlive = true\n\
    [restore]\npsf = 'disk:2'\nsigma = 2.55\n\
    [pipeline]\nthreads = 1\n\
    [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n\
    [[sink]]\nkind = 'y4m'\npath = '/dev/null'\n\
    [[sink]]\nkind = 'record'\nfolder = 'recording'\nformat = 'png'\nsize_max_mb = 1\n\
    rate_max = 240\n\
    [[sink]]\nkind = 'png'\nfolder = 'pictures'\n\
    [[sink]]\nkind = 'iceoryx2'\n";

/// Removes the whole pictures of a folder, and tells how many there were.
fn take_away(folder: &std::path::Path) -> usize {
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file"));
    let whole =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "png"));
    whole.inspect(|path| std::fs::remove_file(path).expect("a picture")).count()
}

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn judge(samples: &[Sample], answers: u64, books: &str) {
    let steady = &samples[samples.len() / WARM..];
    let growth = |value: fn(&Sample) -> f64| {
        let values: Vec<f64> = steady.iter().map(value).collect();
        slope(&values) * values.len() as f64
    };
    let memory = growth(|sample| sample.memory_kib);
    let (files, threads) = (growth(|sample| sample.files), growth(|sample| sample.threads));
    println!(
        "{} s, {answers} answers; from {:?} to {:?}; growth by a line through {} samples: \
         {memory:.0} KiB, {files:.1} files, {threads:.1} threads\n{books}",
        samples.len(),
        steady[0],
        steady[steady.len() - 1],
        steady.len()
    );
    assert!(answers > samples.len() as u64, "the clients got {answers} answers");
    assert!(memory < GROWTH_MAX_KIB, "memory grows by {memory:.0} KiB");
    assert!(files < 1.0 && threads < 1.0, "{files:.1} files and {threads:.1} threads more");
}

/// The slope of the line that fits the values best, a step.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / count;
    let (mut up, mut down) = (0.0, 0.0);
    for (step, value) in values.iter().enumerate() {
        let from_middle = step as f64 - middle;
        up += from_middle * (value - mean);
        down += from_middle * from_middle;
    }
    up / down
}

impl Sample {
    fn of(process: u32) -> Self {
        let folder = format!("/proc/{process}");
        let status = std::fs::read_to_string(format!("{folder}/status")).expect("a running daemon");
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("its line");
            line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
        };
        let files = std::fs::read_dir(format!("{folder}/fd")).expect("its files").count() as f64;
        Self { memory_kib: number("VmRSS:"), files, threads: number("Threads:") }
    }
}

/// Viewers that take frame after frame and the state and the metrics with each, every time over another connection.
struct Clients {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    fn start(address: &str) -> Self {
        let (stop, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let client = |_| {
            let (stop, answers, address) = (stop.clone(), answers.clone(), address.to_owned());
            std::thread::spawn(move || {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    // The answer waits for a frame that is newer than the last.
                    last = ask(&address, &format!("/frame?after={last}")).unwrap_or(last);
                    let told = ["/state", "/metrics"].map(|path| ask(&address, path).is_some());
                    answers.fetch_add(told.map(u64::from).iter().sum(), Ordering::Relaxed);
                }
            })
        };
        let threads = (0..2).map(client).collect();
        Self { stop, answers, threads }
    }

    /// The number of answers they got.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a client");
        }
        self.answers.load(Ordering::Relaxed)
    }
}

/// Asks for a page; gives the number of the frame that the answer is, or 0, where it is one.
fn ask(address: &str, path: &str) -> Option<u64> {
    let mut connection = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    let head = String::from_utf8_lossy(&answer[..answer.len().min(2_000)]).into_owned();
    let number = head.lines().find_map(|line| line.strip_prefix("x-deblurd-number: "));
    head.starts_with("HTTP/1.1 200 ").then(|| number.and_then(|n| n.parse().ok()).unwrap_or(0))
}
