//! Frames looped through the kernel byte for byte: the daemon's bytes are the offline restorer's.

use deblurd::frame::{Extent, Picture};

use crate::daemon::{Daemon, camera};
use crate::drivers::{Vivid, ctl};
use crate::harness::{apply, trial};
use crate::pictures::{Stream, bytes, gray, restored, scene, yuyv};
use crate::rig::figure;

/// Different frames that go round.
const FRAMES: usize = 4;

/// Without the daemon: what the other trials here rest on.
#[apply(trial)]
fn the_kernel_loops_byte_for_byte() {
    let extent = Extent::new(320, 240);
    let frames: Vec<_> = scene(extent, FRAMES).iter().map(yuyv).collect();
    let vivid = Vivid::looped();
    let _feeder = vivid.feed(extent, "YUYV", &frames.concat());
    let read = tempfile::NamedTempFile::new().expect("a temporary file");
    let format = "--set-fmt-video=width=320,height=240,pixelformat=YUYV";
    let to = format!("--stream-to={}", read.path().display());
    ctl(&vivid.camera(), &[format, "--stream-mmap", "--stream-skip=4", "--stream-count=8", &to]);
    let bytes = std::fs::read(read.path()).expect("what was read");
    assert_eq!(bytes.len(), 8 * frames[0].len());
    for (number, frame) in bytes.chunks(frames[0].len()).enumerate() {
        assert!(frames.iter().any(|known| known == frame), "frame {number} was changed");
    }
}

#[apply(trial)]
fn yuyv_as_offline() {
    let pictures = scene(Extent::new(320, 240), FRAMES);
    check_exact("YUYV", &pictures, yuyv, "none", None, 24);
}

#[apply(trial)]
fn gray_as_offline() {
    let pictures: Vec<_> = scene(Extent::new(640, 480), FRAMES).iter().map(gray).collect();
    check_exact("GREY", &pictures, bytes, "none", None, 12);
}

#[apply(trial)]
fn released_model_as_offline() {
    let pictures: Vec<_> = scene(Extent::new(160, 120), FRAMES).iter().map(gray).collect();
    let model = include_bytes!("../../../models/base.onnx");
    check_exact("GREY", &pictures, bytes, "base", Some(model), 8);
}

/// Writes the pictures into the camera, for ever; each of `count` frames that the daemon gives must
/// be what the restorer makes of one of them.
#[track_caller]
fn check_exact(
    format: &str,
    pictures: &[Picture],
    pack: fn(&Picture) -> Vec<u8>,
    model: &str,
    model_bytes: Option<&[u8]>,
    count: usize,
) {
    let (psf, sigma) = ("disk:2", 2.55);
    let extent = pictures[0].extent();
    let vivid = Vivid::looped();
    let bytes: Vec<u8> = pictures.iter().flat_map(pack).collect();
    let _feeder = vivid.feed(extent, format, &bytes);
    let source = camera(&vivid.camera(), &format!("formats = ['{format}']\nextent = '{extent}'\n"));
    // Emulated, no frame is too old.
    let mut daemon = Daemon::start(&format!(
        "{source}[restore]\npsf = '{psf}'\nsigma = {sigma}\nmodel = '{model}'\n\
         transfer = 'none'\nguard = false\n[temporal]\nframes = 0\n[pipeline]\ndeadline_ms = 0\n\
         [overload]\nrate_min = 0\n[[sink]]\nkind = 'y4m'\npath = '-'\n"
    ));
    let expected: Vec<_> =
        pictures.iter().map(|picture| restored(psf, sigma, model_bytes, picture)).collect();
    let mut stream = Stream::new(daemon.take_stdout());
    let mut seen = [false; FRAMES];
    // A stand-in may come before the camera's first picture.
    let is_known =
        |frame: &Picture| expected.iter().position(|known| known.planes() == frame.planes());
    let mut before = 0;
    let first = loop {
        match is_known(&stream.next()) {
            Some(index) => break index,
            None => before += 1,
        }
        assert!(before < 15, "no frame is the offline restorer's; log:\n{}", daemon.log());
    };
    seen[first] = true;
    for number in 1..count {
        let index = is_known(&stream.next());
        let index = index.unwrap_or_else(|| panic!("frame {number} is not the restorer's"));
        seen[index] = true;
    }
    assert!(seen.iter().filter(|&&seen| seen).count() > 1, "one frame again and again");
    figure(
        &format!("{format} {extent}, model {model}"),
        format!("{count} of {count} frames equal"),
    );
}
