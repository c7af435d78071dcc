//! Pictures that a trial knows, what the offline restorer makes of them, and streams read back.

use std::io::Read;
use std::sync::Arc;

use deblurd::executor::Sequential;
use deblurd::frame::{Effort, Extent, Frame, FrameRate, Layout, Picture, PictureFormat, Range};
use deblurd::optics::{Calibration, GrayLevels, Psf};
use deblurd::plan::{RestoreOptions, RestorePlan};
use deblurd::restore::model;
use deblurd::restore::{Backend, CpuBackend, Unwatched};
use deblurd::source::{Filled, SceneOptions, SceneSource, Source, Y4mSource};

use crate::rig::wait_for;

/// So many different frames of the scene, as a camera that gives YUYV gives them: 4:2:2, limited.
pub(crate) fn scene(extent: Extent, frames: usize) -> Vec<Picture> {
    let rate = FrameRate::per_second(30);
    let options = SceneOptions { extent, rate, seed: 3, live: false, frames: None };
    let mut source = SceneSource::new(options).expect("a scene");
    let mut frame = Frame::new(source.format());
    let mut next = || {
        source.fill(&mut frame).expect("a frame");
        as_video(&frame.blurred)
    };
    (0..frames).map(|_| next()).collect()
}

/// The luma of a picture alone, in full range.
pub(crate) fn gray(picture: &Picture) -> Picture {
    let mut gray = Picture::new(PictureFormat::gray(picture.extent()));
    gray.planes_mut()[0].samples_mut().copy_from_slice(picture.planes()[0].samples());
    gray
}

/// The bytes of a 4:2:2 picture in the order of YUYV.
pub(crate) fn yuyv(picture: &Picture) -> Vec<u8> {
    let [luma, blue, red] = picture.planes() else { panic!("a picture without colours") };
    let byte = |sample: u16| u8::try_from(sample).expect("8 bits");
    let chroma = blue.samples().iter().zip(red.samples());
    let pairs = luma.samples().chunks_exact(2).zip(chroma);
    pairs.flat_map(|(y, (&u, &v))| [y[0], u, y[1], v].map(byte)).collect()
}

/// The picture that lies in bytes in the order of YUYV.
pub(crate) fn of_yuyv(extent: Extent, bytes: &[u8]) -> Picture {
    let mut picture = Picture::new(video(extent));
    assert_eq!(bytes.len(), extent.width * extent.height * 2, "bytes of a YUYV picture");
    for (index, place, step) in [(0, 0, 2), (1, 1, 4), (2, 3, 4)] {
        let samples = bytes.iter().skip(place).step_by(step);
        let plane = picture.planes_mut()[index].samples_mut();
        plane.iter_mut().zip(samples).for_each(|(sample, &byte)| *sample = byte.into());
    }
    picture
}

/// The bytes of a gray picture.
pub(crate) fn bytes(picture: &Picture) -> Vec<u8> {
    let samples = picture.planes()[0].samples();
    samples.iter().map(|&sample| u8::try_from(sample).expect("8 bits")).collect()
}

/// What the restorer on one thread makes of a picture with the settings of `daemon::CHEAP`.
pub(crate) fn offline(picture: &Picture) -> Picture {
    restored("gaussian:0.7", 1.0, None, picture)
}

/// What the restorer on one thread makes of a picture.
pub(crate) fn restored(psf: &str, sigma: f64, model: Option<&[u8]>, picture: &Picture) -> Picture {
    let psf = Psf::from_formula(psf).expect("a formula").expect("a PSF");
    let model = model.map(|bytes| model::load(bytes).expect("a model"));
    let camera = Calibration::new(psf, GrayLevels::new(sigma).expect("gray levels"));
    let options = RestoreOptions { guard: false, ..RestoreOptions::default() };
    let format = picture.format();
    let plan = RestorePlan::new(&camera, model.map(Arc::new), &options, format).expect("a plan");
    let mut restorer = CpuBackend::new(Arc::new(Sequential)).load(plan).expect("a restorer");
    let mut restored = Picture::new(format);
    restorer.restore(picture, &mut restored, Effort::Full, &mut Unwatched).expect("restores");
    restored
}

/// A stream of restored frames that is read as it comes.
pub(crate) struct Stream(Y4mSource);

impl Stream {
    pub(crate) fn new(reader: impl Read + Send + 'static) -> Self {
        let source = Y4mSource::new(reader, "a stream".into(), false);
        Self(source.expect("a stream"))
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Picture {
        let mut frame = Frame::new(self.0.format());
        let is_filled = |filled| match filled {
            Ok(Filled::Frame) => Some(()),
            Ok(Filled::Waiting) => None,
            Ok(other) => panic!("no further frame: {other:?}"),
            Err(error) => panic!("no further frame: {error}"),
        };
        wait_for("frame of the stream", || is_filled(self.0.fill(&mut frame)));
        frame.blurred
    }
}

/// 8-bit 4:2:2 in limited range.
fn video(extent: Extent) -> PictureFormat {
    let gray = PictureFormat::gray(extent);
    PictureFormat { layout: Layout::Yuv422, range: Range::Limited, ..gray }
}

/// A picture of the format of video with the structure of `rgb`: luma from its green, chroma from
/// every second sample of its red and blue.
fn as_video(rgb: &Picture) -> Picture {
    let mut picture = Picture::new(video(rgb.extent()));
    let [red, green, blue] = rgb.planes() else { panic!("a picture without colours") };
    for (plane, (from, step)) in
        picture.planes_mut().iter_mut().zip([(green, 1), (red, 2), (blue, 2)])
    {
        let samples = from.samples().iter().step_by(step);
        let target = plane.samples_mut().iter_mut();
        target.zip(samples).for_each(|(target, &sample)| *target = 16 + sample * 219 / 255);
    }
    picture
}

/// How alike two planes are, whatever their black and white: the correlation of their samples.
pub(crate) fn likeness(one: &[u16], other: &[u16]) -> f64 {
    assert_eq!(one.len(), other.len(), "samples");
    let mean = |samples: &[u16]| {
        samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / samples.len() as f64
    };
    let (mean_one, mean_other) = (mean(one), mean(other));
    let (mut both, mut own_one, mut own_other) = (0.0, 0.0, 0.0);
    for (&a, &b) in one.iter().zip(other) {
        let (a, b) = (f64::from(a) - mean_one, f64::from(b) - mean_other);
        both += a * b;
        own_one += a * a;
        own_other += b * b;
    }
    both / (own_one * own_other).sqrt()
}
