//! The recording of the real program: limits, disks that fill up, restarts.

use std::path::Path;
use std::process::{Command, Stdio};

use deblurd::source::read_picture;

use crate::harness::{apply, trial};
use crate::program::{Running, Workshop};

/// A configuration that records `frames` frames and writes as many to a stream.
fn configuration(frames: u32, folder: &str, format: &str, size_max_mb: u32) -> String {
    format!(
        "[source]\nkind = 'scene'\nextent = '320x240'\nlive = false\nframes = {frames}\n\
         [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n\
         [pipeline]\noverflow = 'wait'\n\
         [[sink]]\nkind = 'record'\nfolder = '{folder}'\nformat = '{format}'\n\
         size_max_mb = {size_max_mb}\nrate_max = 240\n\
         [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n"
    )
}

/// Names and sizes of the recorded pictures, which must all be whole.
#[track_caller]
fn check_recorded(folder: &Path) -> Vec<(String, u64)> {
    let mut recorded = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the recording") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name.starts_with("deblurd-2") && name.contains("Z."), "{name}");
        let picture = read_picture(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(picture.extent().to_string(), "320x240");
        recorded.push((name, path.metadata().expect("its size").len()));
    }
    recorded.sort();
    recorded
}

#[apply(trial)]
fn the_newest_pictures_are_kept() {
    let workshop = Workshop::new();
    let mut newest = String::new();
    for format in ["jpeg", "png"] {
        workshop.write("run.toml", configuration(60, "kept", format, 1));
        workshop.succeed(&["run", "--config", "run.toml"]);
        let recorded = check_recorded(&workshop.path("kept"));
        let bytes: u64 = recorded.iter().map(|(_, bytes)| bytes).sum();
        assert!((300_000..=1_000_000).contains(&bytes), "{bytes} bytes are kept");
        let last = &recorded.last().expect("a picture").0;
        let extension = if format == "jpeg" { ".jpg" } else { ".png" };
        assert!(*last > newest && last.ends_with(extension), "{last} after {newest}");
        newest.clone_from(last);
    }
}

#[apply(trial)]
#[needs(PrivateMounts)]
fn a_full_disk_costs_frames_only() {
    let workshop = Workshop::new();
    workshop.make_folder("disk");
    workshop.write("run.toml", configuration(40, "disk", "png", 100));
    let program = workshop.command(&[]);
    let shown = program.get_program().display();
    let script = format!(
        "mount -t tmpfs -o size=300k tmpfs disk && {shown} run --config run.toml; code=$?; \
         cp -r disk kept; exit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).current_dir(workshop.path("."));
    let outcome = Running::start(command.stdin(Stdio::null())).finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let told = outcome.stderr.matches("recording pauses").count();
    assert_eq!(told, 1, "told {told} times: {}", outcome.stderr);
    assert!(outcome.stderr.contains("No space left"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("dropped (sink_busy)"), "not counted: {}", outcome.stderr);
    assert!(outcome.stderr.contains("y4m: 40 = 40 delivered"), "{}", outcome.stderr);
    assert!(!check_recorded(&workshop.path("kept")).is_empty(), "nothing was recorded before");
}
