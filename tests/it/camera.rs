//! The program and a camera that is not there; with one that is, it is tested in a machine of its
//! own.

use deblurd::frame::Frame;
use deblurd::source::{Filled, Source, Y4mSource};

use crate::harness::{apply, trial};
use crate::program::{Running, Workshop};

/// A configuration that asks for a small gray camera.
fn config(device: &str) -> String {
    format!(
        "[source]\nkind = 'v4l2'\ndevice = '{device}'\nformats = ['GREY']\nextent = '64x48'\n\
         [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n\
         [[sink]]\nkind = 'y4m'\npath = '-'\n"
    )
}

#[apply(trial)]
fn an_absent_camera_is_stood_in_for() {
    let workshop = Workshop::new();
    workshop.write("camera.toml", config("no-camera"));
    let mut running =
        Running::start_unread(&mut workshop.command(&["run", "--config", "camera.toml"]));
    let stdout = running.take_stdout();
    let stream = Y4mSource::new(stdout, "stdout".into(), false);
    let mut stream = stream.expect("a stream");
    let mut frame = Frame::new(stream.format());
    let mut pictures = Vec::new();
    while pictures.len() < 3 {
        match stream.fill(&mut frame).expect("a stream that goes on") {
            Filled::Frame => pictures.push(frame.blurred.clone()),
            Filled::Waiting => {}
            other => panic!("{other:?} after {} pictures", pictures.len()),
        }
    }
    let samples = pictures[0].planes()[0].samples();
    let letters = samples.iter().filter(|&&sample| sample > 120).count();
    assert!((50..1500).contains(&letters), "{letters} samples of letters");
    assert!(pictures.iter().all(|picture| *picture == pictures[0]), "stand-ins differ");
    running.signal("TERM");
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let absent = outcome.stderr.matches("camera absent: no-camera: ").count();
    assert_eq!(absent, 1, "{}", outcome.stderr);
}

#[apply(trial)]
fn check_tells_how_the_camera_fares() {
    let workshop = Workshop::new();
    workshop.write("camera.toml", config("no-camera"));
    let told = workshop.succeed(&["check", "--config", "camera.toml"]).text();
    let line = "source   camera no-camera, now absent (no-camera: open: No such file or directory (os error 2)), \
                expected to give; 8-bit Gray 64x48";
    assert!(told.starts_with(line), "{told}");
}

#[apply(trial)]
fn what_is_no_camera_is_refused() {
    let workshop = Workshop::new();
    workshop.write("camera.toml", config("camera.toml"));
    let outcome = workshop.run(&["check", "--config", "camera.toml"]);
    assert_eq!(outcome.code, Some(78), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("camera.toml: it is not a video device"), "{}", outcome.stderr);
}

/// A folder is there and cannot be opened as a device, now or later.
#[apply(trial)]
fn one_that_does_not_come_back_is_given_up() {
    let workshop = Workshop::new();
    workshop.make_folder("camera");
    let config = config("camera").replace("extent", "reopens = 3\nextent");
    workshop.write("camera.toml", config);
    let outcome = workshop.run(&["run", "--config", "camera.toml"]);
    assert_eq!(outcome.code, Some(75), "{}", outcome.stderr);
    let words = "the camera is given up after 3 openings: camera: open: Is a directory";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
}
