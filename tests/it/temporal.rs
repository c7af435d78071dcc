//! Frames averaged where the scene rests, through the program: a stream of noisy frames in, one out.

use std::f64::consts::TAU;

use deblurd::frame::{Extent, FrameRate, Picture, PictureFormat, Plane};
use deblurd::optics::Psf;
use deblurd::sink::{Sink, Y4mSink};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Normal};
use rand_pcg::Pcg64;

use crate::harness::{apply, trial};
use crate::program::{Workshop, play};
use crate::restorations::blurred;

const EXTENT: Extent = Extent::new(128, 96);
const FRAMES: usize = 18;
const SIGMA: f64 = 7.65;
const PSF: &str = "gaussian:1.3";

/// As `[temporal] frames = 8`, and without.
const AVERAGED: &str = "[temporal]\nframes = 8\n";
const SINGLE: &str = "[temporal]\nframes = 0\n";

/// A wall with stripes, brighter by `gain`, with a dark square whose left edge is at `at`.
fn scene(at: Option<usize>, gain: f64) -> Picture {
    drawn(|x, y| {
        let wall = 0.45 + 0.12 * (x as f64 / 3.0).sin() + 0.12 * (y as f64 / 4.0).cos();
        let is_inside = at.is_some_and(|at| (at..at + 24).contains(&x) && (30..54).contains(&y));
        let square = 0.15 + 0.1 * ((x + y) as f64).sin();
        gain * if is_inside { square } else { wall }
    })
}

/// A picture of this light in 12 bits.
fn drawn(light: impl Fn(usize, usize) -> f64) -> Picture {
    let mut picture = Picture::new(PictureFormat { depth: 12, ..PictureFormat::gray(EXTENT) });
    picture.planes_mut()[0] = Plane::from_fn(EXTENT, |x, y| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        let sample = (light(x, y) * 4095.0).round() as u16;
        sample
    });
    picture
}

/// What a camera gives of `sharp`, in 8 bits.
fn seen(sharp: &Picture, seed: u64) -> Picture {
    let psf = Psf::from_formula(PSF).expect("a formula").expect("a PSF");
    let (light, mut random) = (blurred(sharp, &psf), Pcg64::seed_from_u64(seed));
    let noise = Normal::new(0.0, SIGMA).expect("a deviation");
    let mut seen = Picture::new(PictureFormat::gray(EXTENT));
    let samples = seen.planes_mut()[0].samples_mut().iter_mut();
    for (sample, light) in samples.zip(light.planes()[0].samples()) {
        let value = f64::from(*light) * 255.0 / 4095.0 + noise.sample(&mut random);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let rounded = value.round().clamp(0.0, 255.0) as u16;
        *sample = rounded;
    }
    seen
}

/// What the daemon makes of the frames.
#[track_caller]
fn restored(frames: &[Picture], temporal: &str, threads: usize) -> Vec<Picture> {
    let workshop = Workshop::new();
    let mut sink = Y4mSink::create(&workshop.path("in.y4m")).expect("a sink");
    sink.start(frames[0].format(), FrameRate::per_second(30)).expect("a stream");
    for picture in frames {
        let mut frame = deblurd::frame::Frame::new(picture.format());
        frame.restored.copy_from(picture);
        sink.deliver(&frame).expect("a frame");
    }
    sink.finish().expect("a stream");
    workshop.write(
        "a.toml",
        format!(
            "[source]\nkind = 'y4m'\npath = 'in.y4m'\n\
             [restore]\npsf = '{PSF}'\nsigma = {SIGMA}\nmodel = 'none'\nedges = 'circular'\n\
             {temporal}[pipeline]\noverflow = 'wait'\ndeadline_ms = 0\nthreads = {threads}\n\
             [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n"
        ),
    );
    workshop.succeed(&["run", "--config", "a.toml"]);
    let (pictures, error) = play(&workshop.path("out.y4m"));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(pictures.len(), frames.len());
    pictures
}

/// PSNR in dB against the sharp picture, over the samples for which `is_asked`.
fn psnr(is: &Picture, sharp: &Picture, is_asked: impl Fn(usize, usize) -> bool) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    let rows = is.planes()[0].rows().zip(sharp.planes()[0].rows()).enumerate();
    for (y, (is, sharp)) in rows {
        for (_, (is, sharp)) in is.iter().zip(sharp).enumerate().filter(|(x, _)| is_asked(*x, y)) {
            sum += (f64::from(*is) / 255.0 - f64::from(*sharp) / 4095.0).powi(2);
            count += 1.0;
        }
    }
    -10.0 * f64::log10(sum / count)
}

#[apply(trial)]
fn a_scene_at_rest_is_restored_from_many_frames() {
    let sharp = scene(None, 1.0);
    let frames: Vec<_> = (0..FRAMES as u64).map(|seed| seen(&sharp, seed)).collect();
    let [single, averaged] = [SINGLE, AVERAGED].map(|temporal| restored(&frames, temporal, 1));
    assert_eq!(single[0], averaged[0], "the first frame is restored for itself");
    let of = |pictures: &[Picture]| psnr(&pictures[FRAMES - 1], &sharp, |_, _| true);
    let (single, many) = (of(&single), of(&averaged));
    assert!(many > single + 2.0, "{single} dB became {many} dB");
    assert_eq!(restored(&frames, AVERAGED, 2), averaged, "on other threads");
}

#[apply(trial)]
fn what_moves_is_restored_as_in_single_frames() {
    let at = |number: usize| 8 + 4 * number;
    let sharp: Vec<_> = (0..FRAMES).map(|number| scene(Some(at(number)), 1.0)).collect();
    let frames: Vec<_> = (0..).zip(&sharp).map(|(seed, sharp)| seen(sharp, seed)).collect();
    let [single, averaged] = [SINGLE, AVERAGED].map(|temporal| restored(&frames, temporal, 2));
    let (mut gain, mut still) = (0.0, 0.0);
    for number in 9..FRAMES {
        let left = at(number);
        // The square, and where it was four frames before.
        let moving =
            |x: usize, y: usize| (left - 16..left + 26).contains(&x) && (28..56).contains(&y);
        let resting = |_: usize, y: usize| !(16..68).contains(&y);
        let change = |is_asked: &dyn Fn(usize, usize) -> bool| {
            let of = |all: &[Picture]| psnr(&all[number], &sharp[number], is_asked);
            of(&averaged) - of(&single)
        };
        assert!(change(&moving) > -0.3, "frame {number}: {} dB where it moves", change(&moving));
        gain += change(&moving) / (FRAMES - 9) as f64;
        still += change(&resting) / (FRAMES - 9) as f64;
    }
    assert!(gain > -0.1, "{gain} dB where something moves");
    assert!(still > 1.2, "{still} dB where nothing does");
}

/// However slowly a camera turns: in samples from frame to frame.
#[apply(trial)]
fn a_pan_is_restored_as_in_single_frames() {
    for speed in [0.02, 0.2, 0.7] {
        let sharp: Vec<_> = (0..FRAMES).map(|number| turned(speed * number as f64)).collect();
        let frames: Vec<_> = (0..).zip(&sharp).map(|(seed, sharp)| seen(sharp, seed)).collect();
        let [single, averaged] = [SINGLE, AVERAGED].map(|temporal| restored(&frames, temporal, 2));
        for (number, sharp) in sharp.iter().enumerate() {
            let of = |all: &[Picture]| psnr(&all[number], sharp, |_, _| true);
            let (single, averaged) = (of(&single), of(&averaged));
            let which = format!("{speed} samples a frame, frame {number}");
            assert!(averaged > single - 0.1, "{which}: {single} dB became {averaged} dB");
        }
    }
}

/// Waves of all lengths, with the mean spectrum of natural pictures, moved to the left by so many samples.
fn turned(by: f64) -> Picture {
    const WAVES: usize = 120;
    let mut random = Pcg64::seed_from_u64(7);
    let (width, height) = (EXTENT.width as f64, EXTENT.height as f64);
    let mut waves = Vec::with_capacity(WAVES);
    for _ in 0..WAVES {
        // As many in every octave, whose power then falls by three halves of the frequency's.
        let frequency = 0.5 * 12.0_f64.powf(-random.random_range(0.0..1.0));
        let (turn, phase) = (random.random_range(0.0..TAU), random.random_range(0.0..TAU));
        // Whole periods fit into the frame.
        let u = (frequency * turn.cos() * width).round() / width;
        let v = (frequency * turn.sin() * height).round() / height;
        waves.push((0.0026 * frequency.powf(-0.75), u, v, phase));
    }
    drawn(|x, y| {
        let (x, y) = (x as f64 + by, y as f64);
        let wave = |&(amplitude, u, v, phase): &(f64, f64, f64, f64)| {
            amplitude * (TAU * (u * x + v * y) + phase).sin()
        };
        0.5 + waves.iter().map(wave).sum::<f64>()
    })
}

#[apply(trial)]
fn lighting_may_go_up_and_down() {
    let gain = |number: usize| 1.0 + 0.08 * (number as f64 * 2.1).sin();
    let sharp: Vec<_> = (0..FRAMES).map(|number| scene(None, gain(number))).collect();
    let frames: Vec<_> = (0..).zip(&sharp).map(|(seed, sharp)| seen(sharp, seed)).collect();
    let [single, averaged] = [SINGLE, AVERAGED].map(|temporal| restored(&frames, temporal, 1));
    let of = |all: &[Picture]| psnr(&all[FRAMES - 1], &sharp[FRAMES - 1], |_, _| true);
    assert!(of(&averaged) > of(&single) + 1.5, "{} became {}", of(&single), of(&averaged));
}

#[apply(trial)]
fn keys_of_the_section_are_checked() {
    for (lines, words) in [
        ("[temporal]\nframes = 65\n", "temporal.frames: 65 (expected a whole number from 0 to 64)"),
        ("[temporal]\nframe = 8\n", "temporal.frame: unknown field `frame`"),
        ("[temporal]\n", "temporal: missing field `frames`"),
    ] {
        let workshop = Workshop::new();
        let mut text =
            "[source]\nkind = 'scene'\n[restore]\npsf = 'disk:2'\nsigma = 2\n".to_owned();
        text += lines;
        text += "[[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n";
        workshop.write("a.toml", text);
        let told = workshop.run(&["check", "--config", "a.toml"]);
        assert_ne!(told.code, Some(0));
        assert!(told.stderr.contains(words), "{lines}: {}", told.stderr);
    }
}
