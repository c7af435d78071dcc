//! Restoring on a graphics card: what it gives beside what processors give, and what happens where there is none, or
//! it fails.
//!
//! Where there is no card these tests run on a stand-in for NVIDIA's driver, in a process of their own whose
//! libraries it is among: the same program, and the same kernels, compiled for the processor.

use std::f64::consts::TAU;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use deblurd::executor::Sequential;
use deblurd::fft::{
    AllFactors, Complex, FieldFilter, Filter, Weights, multiplicity, signed_frequency,
};
use deblurd::frame::{Effort, Extent, Frame, FrameRate, Picture, PictureFormat, Plane};
use deblurd::optics::{Blur, Field, GrayLevels, Psf};
use deblurd::plan::network::Network;
use deblurd::plan::{Channels, RestoreOptions, RestorePlan, TemporalOptions};
use deblurd::restore::cpu::residual::{Inputs, KernelChoice, ResidualNet};
use deblurd::restore::{Backend, CpuBackend, GpuBackend, Unwatched, model};
use deblurd::sink::{Sink, Y4mSink};

use crate::drivers::{stand_in, stub};
use crate::harness::{apply, trial};
use crate::program::{Outcome, Running, Workshop};
use crate::support::root;

/// Runs `test` on the card, or this test of this name once more where the stand-in is one.
fn on_a_card(name: &str, test: impl FnOnce(GpuBackend)) {
    match GpuBackend::open(cpu()) {
        Ok(gpu) => test(gpu),
        Err(none) => {
            let own = std::env::current_exe().expect("this program");
            let mut again = Command::new(own);
            again.args(["--exact", name]).env("LD_LIBRARY_PATH", stand_in());
            assert!(
                std::env::var_os("DEBLURD_STAND_IN").is_none(),
                "the stand-in does not serve: {none}"
            );
            let done = again.env("DEBLURD_STAND_IN", "1").output().expect("this program");
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(
                done.status.success() && said.contains("1 passed"),
                "{said}{}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
    }
}

fn cpu() -> CpuBackend {
    CpuBackend::new(Arc::new(Sequential))
}

/// Samples that look like a picture's, without a mean.
fn plane(extent: Extent, seed: usize) -> Plane<f32> {
    Plane::from_fn(extent, |x, y| {
        let wave = (x as f32 * 0.23 + seed as f32).cos() * (y as f32 * 0.37).sin();
        let noise = (x * 7919 + y * 104_729 + seed * 31).wrapping_mul(0x9e37_79b9) >> 8;
        0.3 * wave + 0.2 * ((noise % 4096) as f32 / 4096.0 - 0.5)
    })
}

#[track_caller]
fn check_filter(gpu: &GpuBackend, filter: &FieldFilter, extent: Extent) {
    let input = plane(extent, 1);
    let is = gpu.filtered(filter, &input).expect("it filters");
    let expected = exact(filter, &input);
    let (mut off, mut all) = (0.0, 0.0);
    for (is, expected) in is.samples().iter().zip(&expected) {
        off += (f64::from(*is) - expected).powi(2);
        all += expected.powi(2);
    }
    let error = (off / all).sqrt();
    assert!(error < 1e-6, "{error:e} of {extent}");
}

/// A filter by sums in f64, layer by layer.
fn exact(filter: &FieldFilter, input: &Plane<f32>) -> Vec<f64> {
    let extent = input.extent();
    let (_, weights) = filter.weighted();
    let mut sums = vec![0.0; extent.area()];
    for (index, factors) in filter.factors().enumerate() {
        let filtered = filtered(extent, &factors, input);
        for (at, (sum, value)) in sums.iter_mut().zip(filtered).enumerate() {
            let weight = index.checked_sub(1).map_or(1.0, |layer| {
                weights[layer].row(at / extent.width).nth(at % extent.width).map_or(0.0, f64::from)
            });
            *sum += weight * value;
        }
    }
    sums
}

/// A filter of one layer: sums over all samples and coefficients, in f64.
fn filtered(extent: Extent, factors: &AllFactors, input: &Plane<f32>) -> Vec<f64> {
    let Extent { width, height } = extent;
    let factor = |at: usize| match factors {
        // What rows give is twice as much, and not scaled by the columns' length.
        AllFactors::Real(values) => [f64::from(values[at]), 0.0],
        AllFactors::Complex(values) => [f64::from(values[at].re), f64::from(values[at].im)],
    };
    let turn =
        |turns: usize, length: usize| (TAU * (turns % length) as f64 / length as f64).sin_cos();
    let mut sums = vec![0.0; extent.area()];
    for x in 0..=width / 2 {
        let of_row = |y: usize| {
            let terms = input.row(y).iter().enumerate().map(|(at, sample)| {
                let (sin, cos) = turn(x * at, width);
                [f64::from(*sample) * cos, -f64::from(*sample) * sin]
            });
            terms.fold([0.0, 0.0], |sum, term| [sum[0] + term[0], sum[1] + term[1]])
        };
        let rows: Vec<[f64; 2]> = (0..height).map(of_row).collect();
        let product = |y: usize| {
            let mut value = [0.0, 0.0];
            for (at, [re, im]) in rows.iter().enumerate() {
                let (sin, cos) = turn(y * at, height);
                value = [value[0] + re * cos + im * sin, value[1] + im * cos - re * sin];
            }
            let [a, b] = factor(x * height + y).map(|part| 2.0 * height as f64 * part);
            [a * value[0] - b * value[1], a * value[1] + b * value[0]]
        };
        let products: Vec<[f64; 2]> = (0..height).map(product).collect();
        let weight = multiplicity(extent, x * height) / extent.area() as f64;
        for row in 0..height {
            let mut column = [0.0, 0.0];
            for (y, [re, im]) in products.iter().enumerate() {
                let (sin, cos) = turn(y * row, height);
                column = [column[0] + re * cos - im * sin, column[1] + im * cos + re * sin];
            }
            for at in 0..width {
                let (sin, cos) = turn(x * at, width);
                sums[row * width + at] += weight * (column[0] * cos - column[1] * sin);
            }
        }
    }
    sums
}

#[apply(trial)]
#[needs(CppCompiler)]
fn filters_are_those_of_processors() {
    on_a_card("gpu::filters_are_those_of_processors", |gpu| {
        // Passes of all radices, and rows without a partner.
        let extents = [(96, 64), (105, 42), (32, 30), (15, 7), (14 * 16 * 9, 3), (6, 12 * 9 * 8)];
        for extent in extents.map(|(width, height)| Extent::new(width, height)) {
            let real = |at: usize| {
                let (u, v) = signed_frequency(extent, at);
                1.0 / (1.0 + 40.0 * (u * u + 2.0 * v * v))
            };
            check_filter(&gpu, &Filter::real(extent, real).into(), extent);
            let complex = |at: usize| {
                let (u, v) = signed_frequency(extent, at);
                // Real where a real plane's coefficients are.
                let turn = if multiplicity(extent, at) < 2.0 { 0.0 } else { 0.3 };
                #[expect(clippy::cast_possible_truncation, reason = "factors are f32")]
                let size = (1.0 / (1.0 + 40.0 * (u * u + v * v))) as f32;
                Complex::new(size, turn)
            };
            let whole = Filter::complex(extent, complex);
            check_filter(&gpu, &whole.clone().into(), extent);
            check_filter(&gpu, &Filter::real(extent, real).simplified(|_| 1.0, 0.5).into(), extent);
            let knots = plane(Extent::new(extent.width, 2), 5);
            let rows = (0..extent.height).map(|y| (0, y as f32 / extent.height as f32)).collect();
            let layer = (Filter::real(extent, |at| real(at).sqrt()), Weights::new(knots, rows));
            check_filter(&gpu, &FieldFilter::new(whole, [layer]), extent);
        }
    });
}

#[apply(trial)]
#[needs(CppCompiler)]
fn networks_give_the_bits_of_the_scalar_kernel() {
    on_a_card("gpu::networks_give_the_bits_of_the_scalar_kernel", |gpu| {
        for name in ["nano", "small", "base", "large", "xlarge"] {
            let file =
                std::fs::read(root().join(format!("models/{name}.onnx"))).expect("the model");
            let model = model::load(&file).expect("it meets its contract");
            let alignment = model.contract.alignment;
            for network in &model.networks {
                for extent in [Extent::new(104, 44), Extent::new(54, 47)] {
                    check_network(&gpu, (&model, network, alignment), extent);
                }
            }
        }
    });
}

#[track_caller]
fn check_network(
    gpu: &GpuBackend,
    (model, network, alignment): (&deblurd::plan::network::Model, &Network, usize),
    extent: Extent,
) {
    let integers = network.integers.as_ref().expect("a known network");
    let planes: Vec<_> = (0..network.planes).map(|seed| plane(extent, seed)).collect();
    // The last input that every network has is the same all over.
    let constants: Vec<_> = (0..network.planes).map(|at| (at == 2).then_some(0.26)).collect();
    let scalar = KernelChoice::named("scalar").expect("a kernel");
    let (bands, inputs) = ((extent, extent.height), Inputs::new(1));
    let net = ResidualNet::plan(model, network.index, scalar, bands, &constants, &inputs);
    let mut expected = Plane::new(extent, f32::NAN);
    let varying: Vec<_> = (0..network.planes).filter(|at| *at != 2).map(|at| &planes[at]).collect();
    net.expect("a plan").run(&varying, &mut expected, &Sequential).expect("it runs");
    let sight = |(at, plane): (usize, _)| constants[at].map_or(Ok(plane), Err);
    let seen: Vec<_> = planes.iter().enumerate().map(sight).collect();
    let is = gpu.answer((integers, alignment), &seen, extent).expect("it answers");
    let differ = is.samples().iter().zip(expected.samples()).filter(|(a, b)| a != b).count();
    let name = &model.contract.name;
    assert_eq!(differ, 0, "samples of network {} of {name} at {extent}", network.index + 1);
}

#[apply(trial)]
#[needs(CppCompiler)]
fn pictures_are_those_of_processors_but_for_rounding() {
    on_a_card("gpu::pictures_are_those_of_processors_but_for_rounding", |gpu| {
        let colours = RestoreOptions { channels: Channels::Rgb, ..RestoreOptions::default() };
        check_pictures(&gpu, "base", "disk:2", (2.55, &RestoreOptions::default()));
        check_pictures(&gpu, "nano", "gaussian:1", (2.55, &colours));
        // Margins are made likely.
        check_pictures(&gpu, "none", "motion:9,30", (0.5, &RestoreOptions::default()));
    });
}

#[apply(trial)]
#[needs(CppCompiler)]
fn averages_are_restored_as_by_processors() {
    on_a_card("gpu::averages_are_restored_as_by_processors", |gpu| {
        let temporal = TemporalOptions { frames: 4 };
        let options = RestoreOptions { temporal, ..RestoreOptions::default() };
        // At rest, then a part of it moves, then all.
        let steps = [0, 0, 0, 0, 0, 0, 1, 1, 2];
        check_sequence(&gpu, "none", (&named("disk:2").into(), &options), &steps);
        check_sequence(&gpu, "nano", (&named("disk:2").into(), &options), &[0, 0, 1]);
        let psfs = ["gaussian:0.8", "gaussian:0.9", "gaussian:1", "gaussian:1.1"];
        let room = named("gaussian:1.1").extent();
        let padded = |name: &str| Psf::new(within(&named(name), room)).expect("a PSF");
        let field = Field::new(2, psfs.into_iter().map(padded).collect()).expect("a grid");
        check_sequence(&gpu, "none", (&field.into(), &options), &[0, 0, 1]);
    });
}

fn named(psf: &str) -> Psf {
    Psf::from_formula(psf).expect("a formula").expect("a PSF")
}

/// The samples of a PSF in the middle of others that are zero.
fn within(psf: &Psf, room: Extent) -> Plane<f64> {
    let is = psf.extent();
    let (left, top) = ((room.width - is.width) / 2, (room.height - is.height) / 2);
    Plane::from_fn(room, |x, y| match (x.checked_sub(left), y.checked_sub(top)) {
        (Some(x), Some(y)) if x < is.width && y < is.height => psf.samples().row(y)[x],
        _ => 0.0,
    })
}

fn planned(
    name: &str,
    blur: &Blur,
    (sigma, options): (f64, &RestoreOptions),
    format: PictureFormat,
) -> RestorePlan {
    let options = RestoreOptions { model: name.to_owned(), ..options.clone() };
    let camera = options.camera(blur.clone(), GrayLevels::new(sigma).expect("a level"));
    let file = std::fs::read(root().join(format!("models/{name}.onnx"))).ok();
    let model = file.map(|file| Arc::new(model::load(&file).expect("a model")));
    RestorePlan::new(&camera, model, &options, format).expect("a plan")
}

#[track_caller]
fn check_pictures(gpu: &GpuBackend, name: &str, psf: &str, how: (f64, &RestoreOptions)) {
    let layout = deblurd::frame::Layout::Rgb;
    let format = PictureFormat { layout, ..PictureFormat::gray(Extent::new(96, 70)) };
    let blurred = picture(format);
    let plan = planned(name, &named(psf).into(), how, format);
    for effort in [Effort::Full, Effort::Wiener] {
        let restored = |backend: &dyn Backend| {
            let mut restored = Picture::new(format);
            let mut restorer = backend.load(plan.clone()).expect("a restorer");
            restorer.restore(&blurred, &mut restored, effort, &mut Unwatched).expect("it restores");
            restored
        };
        check_alike(&restored(gpu), &restored(&cpu()), name);
    }
}

/// Frames of a scene of which parts move as `steps` say.
#[track_caller]
fn check_sequence(
    gpu: &GpuBackend,
    name: &str,
    (blur, options): (&Blur, &RestoreOptions),
    steps: &[usize],
) {
    let format = PictureFormat::gray(Extent::new(64, 48));
    let plan = planned(name, blur, (5.0, options), format);
    let [mut on_card, mut on_processors] =
        [gpu as &dyn Backend, &cpu()].map(|backend| backend.load(plan.clone()).expect("it loads"));
    let scene = picture(format);
    for (index, step) in steps.iter().enumerate() {
        let mut blurred = Picture::new(format);
        for (y, row) in blurred.planes_mut()[0].rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let moved = if x < 32 * step { x + 5 * index } else { x };
                let noise = (x * 7919 + y * 104_729 + index * 31).wrapping_mul(0x9e37_79b9) >> 8;
                let light = scene.planes()[0].row(y)[moved % 64];
                *sample = light + u16::try_from(noise % 18).expect("small");
            }
        }
        let [is, expected] = [&mut on_card, &mut on_processors].map(|restorer| {
            let mut restored = Picture::new(format);
            let done = restorer.restore(&blurred, &mut restored, Effort::Full, &mut Unwatched);
            done.expect("it restores");
            restored
        });
        check_alike(&is, &expected, name);
    }
}

/// Without a network by rounding alone. With one, where a sample lies between two steps of a network's input,
/// filters that round differently tip it, and the network answers differently around it.
#[track_caller]
fn check_alike(is: &Picture, expected: &Picture, name: &str) {
    let planes = is.planes().iter().zip(expected.planes());
    let pairs = planes.flat_map(|(a, b)| a.samples().iter().zip(b.samples()));
    let differences: Vec<u16> = pairs.map(|(a, b)| a.abs_diff(*b)).collect();
    let squares = differences.iter().map(|it| f64::from(it * it)).sum::<f64>();
    let psnr = 10.0 * (255.0 * 255.0 * differences.len() as f64 / squares.max(1e-9)).log10();
    let (most, least) = if name == "none" { (1, 65.0) } else { (3, 50.0) };
    let worst = differences.into_iter().max();
    assert!(worst <= Some(most) && psnr > least, "{worst:?}, {psnr:.1} dB, {name}");
}

/// Edges and waves of all colours.
fn picture(format: PictureFormat) -> Picture {
    let mut picture = Picture::new(format);
    for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let edge = if (x / 17 + y / 13 + index) % 2 == 0 { 60 } else { 150 };
                *sample = edge + u16::try_from((x * (index + 2) + 3 * y) % 40).expect("small");
            }
        }
    }
    picture
}

/// Frames of the stream that is restored.
const FRAMES: u64 = 8;

/// What the program makes of a stream of frames, where the stand-in has a fault.
fn restored(fault: &str, backend: &str) -> (Workshop, Outcome) {
    restored_with(stand_in(), fault, backend)
}

fn restored_with(driver: &Path, fault: &str, backend: &str) -> (Workshop, Outcome) {
    let workshop = Workshop::new();
    let format = PictureFormat::gray(Extent::new(64, 48));
    let mut stream = Y4mSink::create(&workshop.path("in.y4m")).expect("a stream");
    stream.start(format, FrameRate::per_second(30)).expect("a stream");
    for _ in 0..FRAMES {
        let mut frame = Frame::new(format);
        frame.restored.copy_from(&picture(format));
        stream.deliver(&frame).expect("a frame");
    }
    stream.finish().expect("a stream");
    let mut command =
        workshop.command(&["restore", "in.y4m", "--psf", "disk:2", "--sigma", "2.55"]);
    command.args(["--model", "none", "--output", "out.y4m", "--backend", backend]);
    command.env("LD_LIBRARY_PATH", driver).env("STAND_IN_FAULT", fault).env("DEBLURD_LOG", "info");
    let outcome = Running::start(command.stdin(Stdio::null())).finish();
    (workshop, outcome)
}

#[track_caller]
fn check_refused(driver: &Path, fault: &str, expected: &str) {
    let (_, outcome) = restored_with(driver, fault, "gpu");
    assert_ne!(outcome.code, Some(0), "with {fault}");
    assert!(outcome.stderr.contains(expected), "with {fault}: {}", outcome.stderr);
    let (workshop, outcome) = restored_with(driver, fault, "auto");
    assert_eq!(outcome.code, Some(0), "processors with {fault}: {}", outcome.stderr);
    assert!(workshop.inventory()["out.y4m"] > FRAMES * 64 * 48, "with {fault}");
}

#[apply(trial)]
#[needs(CppCompiler)]
fn what_is_wrong_with_a_card_is_named() {
    check_refused(stand_in(), "no device", "NVIDIA's driver finds no card");
    check_refused(stand_in(), "old driver", "is for CUDA 10.2 (expected 11.4 or newer)");
    check_refused(
        stand_in(),
        "old device",
        "stand-in has compute capability 7.0 (expected 8.0 or higher)",
    );
    check_refused(stand_in(), "bad program", "cuModuleLoadData failed");
    check_refused(stand_in(), "out of memory", "cuMemAlloc failed");
    check_refused(stub(), "no functions", "NVIDIA's driver lacks cuCtxGetStreamPriorityRange");
}

#[apply(trial)]
#[needs(CppCompiler)]
fn the_faster_one_restores() {
    // The stand-in is none.
    let (_, outcome) = restored("nothing", "auto");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("a graphics card: stand-in"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("a frame takes stand-in"), "{}", outcome.stderr);
}

#[track_caller]
fn check_survived(fault: &str, expected: &str) {
    let (workshop, outcome) = restored(fault, "gpu");
    assert!(outcome.stderr.contains(expected), "with {fault}: {}", outcome.stderr);
    // Its frame is restored all the same, and so are those behind it.
    let (healthy, _) = restored("nothing", "cpu");
    let read = |workshop: &Workshop| std::fs::read(workshop.path("out.y4m")).expect("a stream");
    let (is, expected) = (read(&workshop), read(&healthy));
    assert_eq!(is.len(), expected.len(), "frames");
    let worst = is.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(1), "with {fault}: {worst:?}");
}

#[apply(trial)]
#[needs(CppCompiler)]
fn processors_go_on_where_a_card_dies() {
    check_survived("dies", "CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    // Drivers of tomorrow have errors that nobody here has heard of.
    check_survived("dies of a newer driver's error", "an error without a name (987)");
}
