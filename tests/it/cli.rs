//! The commands of the real program, as people use them.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

use deblurd::frame::{Extent, Layout, Picture, PictureFormat};
use deblurd::restore::luma;
use deblurd::restore::quality::psnr_db;
use deblurd::sink::{encode_jpeg, encode_png};
use deblurd::source::read_picture;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::program::{Outcome, Running, Workshop, play, scene, stream};
use crate::support::{Need, root, shared_data, trial, trial_needing};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("cli::pictures_of_every_kind_are_restored", pictures_of_every_kind_are_restored),
        trial("cli::a_folder_is_restored", a_folder_is_restored),
        trial("cli::every_option_of_restore_works", every_option_of_restore_works),
        trial("cli::every_form_of_psf_is_read", every_form_of_psf_is_read),
        trial("cli::noise_is_estimated_and_told", noise_is_estimated_and_told),
        trial("cli::files_and_pipes_give_the_same_stream", files_and_pipes_give_the_same_stream),
        trial("cli::evaluate_writes_its_table", evaluate_writes_its_table),
        trial("cli::simulations_are_seeded", simulations_are_seeded),
        trial("cli::demo_needs_nothing", demo_needs_nothing),
        trial("cli::run_feeds_all_sinks_alike", run_feeds_all_sinks_alike),
        trial("cli::variables_override_the_configuration", variables_override_the_configuration),
        trial("cli::the_default_configuration_is_good", the_default_configuration_is_good),
        trial("cli::bench_times_every_stage", bench_times_every_stage),
        trial("cli::model_counts", model_counts),
        trial("cli::shells_get_completions", shells_get_completions),
        trial("cli::manual_pages_are_written", manual_pages_are_written),
        trial("cli::help_tells_every_option", help_tells_every_option),
        trial_needing(Need::SharedData, "cli::photographs_get_sharper", photographs_get_sharper),
    ]
}

/// Blurs a picture and restores it; the result must be of the same kind and clearly better.
#[track_caller]
fn check_restores(name: &str, sharp: &Picture, bytes: &[u8]) {
    let workshop = Workshop::new();
    let (blurred, restored) = (format!("blurred-{name}"), format!("restored-{name}"));
    workshop.write(name, bytes);
    let options = ["--psf", "motion:9,30", "--sigma", "1", "--boundary", "circular"];
    workshop.succeed(&[&["simulate", name, "-o", &blurred], options.as_slice()].concat());
    workshop.succeed(&[&["restore", &blurred, "-o", &restored], options.as_slice()].concat());
    let [blurred, restored] =
        [&blurred, &restored].map(|name| read_picture(&workshop.path(name)).expect("a picture"));
    assert_eq!(restored.format(), sharp.format(), "{name}");
    let [before, after] = [&blurred, &restored].map(|p| psnr_db(&luma(p), &luma(sharp)));
    assert!(after > before + 3.0, "{name}: {before:.2} dB before, {after:.2} dB after");
}

fn pictures_of_every_kind_are_restored() {
    let colour = scene(160, 121);
    let gray = luma(&colour);
    for (name, picture) in [("rgb.png", &colour), ("gray.png", &gray)] {
        check_restores(name, picture, &encode_png(picture).expect("a PNG"));
        let deep = deepened(picture);
        check_restores(&format!("deep-{name}"), &deep, &encode_png(&deep).expect("a PNG"));
    }
    for (name, picture) in [("rgb.jpg", &colour), ("gray.jpeg", &gray)] {
        let jpeg = encode_jpeg(picture, 97).expect("a JPEG");
        let decoded = deblurd::source::decode_picture(&jpeg, name.as_ref()).expect("a picture");
        check_restores(name, &decoded, &jpeg);
    }
}

/// The same picture with 16 bits.
fn deepened(picture: &Picture) -> Picture {
    let mut deep = Picture::new(PictureFormat { depth: 16, ..picture.format() });
    for (target, source) in deep.planes_mut().iter_mut().zip(picture.planes()) {
        let samples = target.samples_mut().iter_mut().zip(source.samples());
        samples.for_each(|(target, source)| *target = source * 257);
    }
    deep
}

fn a_folder_is_restored() {
    let workshop = Workshop::new();
    workshop.make_folder("in");
    workshop.write_scene("in/a.png", 96, 64);
    workshop.write_scene("in/b.v2.png", 80, 60);
    workshop.write("in/c.jpg", encode_jpeg(&scene(70, 50), 90).expect("a JPEG"));
    workshop.write("in/notes.txt", "no picture");
    workshop.succeed(&["restore", "in", "--psf", "disk:2", "--sigma", "2", "-o", "out"]);
    let names: Vec<String> =
        workshop.inventory().into_keys().filter(|name| name.starts_with("out/")).collect();
    assert_eq!(names, ["out/", "out/a.png", "out/b.v2.png", "out/c.png"]);
    let picture = read_picture(&workshop.path("out/c.png")).expect("a picture");
    assert_eq!((picture.extent(), picture.format().layout), (Extent::new(70, 50), Layout::Rgb));
}

fn every_option_of_restore_works() {
    let workshop = Workshop::new();
    workshop.write("in.png", encode_png(&scene(64, 48)).expect("a PNG"));
    let mut results = BTreeSet::new();
    for options in [
        [].as_slice(),
        &["--model", "none"],
        &["--model", "none", "--regulariser", "flat:0.01"],
        &["--model", "base-f32"],
        &["--regulariser", "flat:1"],
        &["--boundary", "circular"],
        &["--transfer", "srgb"],
        &["--transfer", "bt709"],
        &["--channels", "rgb"],
        &["--sigma", "5"],
    ] {
        let fixed = ["restore", "in.png", "--psf", "disk:2", "-o", "out.png"];
        let sigma = if options.contains(&"--sigma") { &[][..] } else { &["--sigma", "2"] };
        workshop.succeed(&[fixed.as_slice(), sigma, options].concat());
        let result = std::fs::read(workshop.path("out.png")).expect("a picture");
        assert!(results.insert(result), "{options:?} changes nothing");
    }
    for threads in ["1", "3"] {
        let fixed = ["restore", "in.png", "--psf", "disk:2", "--sigma", "2", "-o", "out.png"];
        workshop.succeed(&[fixed.as_slice(), &["--threads", threads]].concat());
        let result = std::fs::read(workshop.path("out.png")).expect("a picture");
        assert!(results.contains(&result), "{threads} threads change the result");
    }
}

fn every_form_of_psf_is_read() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 64, 48);
    let mut point = Picture::new(PictureFormat::gray(Extent::new(5, 3)));
    point.planes_mut()[0].row_mut(1).copy_from_slice(&[0, 30, 60, 30, 0]);
    workshop.write("kernel.png", encode_png(&point).expect("a PNG"));
    workshop.write("kernel.txt", "0 0 0 0 0\n0 1 2 1 0\n0 0 0 0 0\n");
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 5), }";
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(format!("{header:<117}\n").bytes());
    let samples = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0_f64];
    npy.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    workshop.write("kernel.npy", npy);
    let mut results = BTreeSet::new();
    for kernel in ["kernel.png", "kernel.txt", "kernel.npy"] {
        workshop.succeed(&["restore", "in.png", "--psf", kernel, "--sigma", "2", "-o", "out.png"]);
        results.insert(std::fs::read(workshop.path("out.png")).expect("a picture"));
    }
    assert_eq!(results.len(), 1, "one PSF in three formats gives several results");
    for formula in ["gaussian:1.5", "disk:2", "motion:7,45"] {
        workshop.succeed(&["restore", "in.png", "--psf", formula, "--sigma", "2", "-o", "out.png"]);
        results.insert(std::fs::read(workshop.path("out.png")).expect("a picture"));
    }
    assert_eq!(results.len(), 4, "PSFs that differ give one result");
}

/// The estimate that the program tells must be near the noise that was added.
#[track_caller]
fn check_estimate(stderr: &str) {
    let (_, rest) = stderr.split_once("noise estimated at ").expect("an estimate");
    let sigma: f64 = rest.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    assert!((3.5..6.5).contains(&sigma), "noise of 5 is estimated at {sigma}");
}

fn noise_is_estimated_and_told() {
    let workshop = Workshop::new();
    workshop.write_scene("sharp.png", 200, 150);
    let psf = ["--psf", "disk:3"];
    let simulate = ["simulate", "sharp.png", "--sigma", "5", "-o", "in.png"];
    workshop.succeed(&[simulate.as_slice(), &psf].concat());
    let told =
        workshop.succeed(&[["restore", "in.png", "-o", "out.png"].as_slice(), &psf].concat());
    check_estimate(&told.stderr);
    assert!(told.stderr.starts_with("in.png: "), "{}", told.stderr);

    let picture = read_picture(&workshop.path("in.png")).expect("a picture");
    let Extent { width, height } = picture.extent();
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F25:1 Cmono\nFRAME\n").into_bytes();
    let samples = picture.planes()[0].samples().iter();
    bytes.extend(samples.map(|&sample| u8::try_from(sample).expect("8 bits")));
    workshop.write("in.y4m", &bytes);
    let told =
        workshop.succeed(&[["restore", "in.y4m", "-o", "out.y4m"].as_slice(), &psf].concat());
    check_estimate(&told.stderr);
    assert_eq!(play(&workshop.path("out.y4m")).0.len(), 1, "the first frame is lost");
    workshop
        .write("none.y4m", &bytes[..bytes.iter().position(|&b| b == b'\n').expect("a line") + 1]);
    workshop.succeed(&[["restore", "none.y4m", "-o", "none-out.y4m"].as_slice(), &psf].concat());
    assert_eq!(play(&workshop.path("none-out.y4m")).0.len(), 0, "frames out of nothing");
}

fn files_and_pipes_give_the_same_stream() {
    let workshop = Workshop::new();
    let bytes = stream(96, 64, 5);
    workshop.write("in.y4m", &bytes);
    let options = ["--psf", "motion:7,0", "--sigma", "2"];
    let told =
        workshop.succeed(&[["restore", "in.y4m", "-o", "out.y4m"].as_slice(), &options].concat());
    check_books(&told, "captured", 5);
    check_books(&told, "y4m:", 5);
    let file = std::fs::read(workshop.path("out.y4m")).expect("a stream");
    assert_eq!(play(&workshop.path("out.y4m")).0.len(), 5);

    let mut command =
        workshop.command(&[["restore", "-", "-o", "-"].as_slice(), &options].concat());
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.take_stdin().write_all(&bytes).expect("a reader");
    let piped = running.finish();
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
    assert!(
        piped.stdout == file,
        "a pipe gives {} bytes, a file {}",
        piped.stdout.len(),
        file.len()
    );
}

/// The books must say that every one of `count` frames arrived.
#[track_caller]
fn check_books(outcome: &Outcome, name: &str, count: usize) {
    let line = format!("{name} {count} = {count} delivered + 0 in flight");
    assert!(outcome.stderr.contains(&line), "no '{line}' in:\n{}", outcome.stderr);
}

fn evaluate_writes_its_table() {
    let workshop = Workshop::new();
    workshop.write_scene("a.png", 160, 120);
    workshop.write_scene("b.png", 128, 96);
    workshop.write("kernel.txt", "1 1 1\n1 2 1\n1 1 1\n");
    let psfs = ["--psf", "kernel.txt", "--psf", "motion:9,30"];
    let sigmas = ["--sigma", "2.55", "7.65"];
    let arguments =
        [["evaluate", "a.png", "b.png", "--json", "table.json"].as_slice(), &psfs, &sigmas];
    let told = workshop.succeed(&arguments.concat()).text();
    for words in ["kernel.txt", "motion:9,30", "mean", "blurred", "wiener", "restored"] {
        assert!(told.contains(words), "no {words} in:\n{told}");
    }
    let table: Value =
        serde_json::from_slice(&std::fs::read(workshop.path("table.json")).expect("a file"))
            .expect("JSON");
    let keys = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(keys(&table), "mean rows");
    let [rows, mean] =
        ["rows", "mean"].map(|name| table[name].as_array().expect("a list").as_slice());
    assert_eq!((rows.len(), mean.len()), (2 * 2 * 2 * 3, 2 * 3));
    assert!(rows.iter().all(|row| keys(row) == "image method psf psnr_db sigma ssim"), "{rows:?}");
    assert!(mean.iter().all(|row| keys(row) == "method psnr_db sigma ssim"), "{mean:?}");
    let psnr = |row: &Value| row["psnr_db"].as_f64().expect("a number");
    for case in rows.chunks(3).chain(mean.chunks(3)) {
        let methods: Vec<_> =
            case.iter().map(|row| row["method"].as_str().expect("a name")).collect();
        assert_eq!(methods, ["blurred", "wiener", "restored"]);
        assert!(psnr(&case[2]) > psnr(&case[0]) + 1.0, "restored is hardly better: {case:?}");
        assert!(
            case.iter().all(|row| (0.0..=1.0).contains(&row["ssim"].as_f64().expect("a number")))
        );
    }
    let of_case = |row: &&Value| row["sigma"] == 2.55 && row["method"] == "restored";
    let cases: Vec<f64> = rows.iter().filter(of_case).map(psnr).collect();
    let expected = cases.iter().sum::<f64>() / cases.len() as f64;
    let is = mean.iter().find(of_case).map(psnr).expect("a mean");
    assert!((is - expected).abs() < 1e-9, "the mean is {is}, not {expected}");
}

fn simulations_are_seeded() {
    let workshop = Workshop::new();
    workshop.write_scene("in.png", 96, 64);
    let made = |options: &[&str]| {
        let fixed = ["simulate", "in.png", "--psf", "disk:2", "-o", "out.png"];
        workshop.succeed(&[fixed.as_slice(), options].concat());
        std::fs::read(workshop.path("out.png")).expect("a picture")
    };
    assert!(made(&[]) == made(&["--seed", "0", "--sigma", "2.55"]), "the defaults differ");
    assert!(made(&[]) != made(&["--seed", "1"]), "another seed is the same noise");
    let extent = |bytes: &[u8]| {
        deblurd::source::decode_picture(bytes, "out".as_ref()).expect("a picture").extent()
    };
    assert_eq!(extent(&made(&["--boundary", "circular"])), Extent::new(96, 64));
    assert_eq!(extent(&made(&["--boundary", "valid"])), Extent::new(92, 60));
}

fn demo_needs_nothing() {
    let workshop = Workshop::new();
    let arguments = ["demo", "--frames", "20", "--out", "shown", "--listen", "127.0.0.1:0"];
    let told = workshop.succeed(&[arguments.as_slice(), &["--size", "128x72"]].concat());
    assert!(told.stderr.contains("live page: http://127.0.0.1:"), "{}", told.stderr);
    let names: Vec<String> = workshop.inventory().into_keys().collect();
    assert_eq!(names, ["shown/", "shown/after.png", "shown/before.png", "shown/side-by-side.png"]);
    for (name, width) in [("before", 128), ("after", 128), ("side-by-side", 256)] {
        let picture =
            read_picture(&workshop.path(&format!("shown/{name}.png"))).expect("a picture");
        assert_eq!(picture.extent(), Extent::new(width, 72), "{name}");
        assert!(picture.planes()[0].samples().iter().any(|&sample| sample > 0), "{name} is black");
    }
    let captured = told.stderr.lines().find(|line| line.starts_with("captured 20 = "));
    check_balance(captured.expect("the books"));
    for name in ["http: ", "last frame: "] {
        let line = told.stderr.lines().find_map(|line| line.strip_prefix(name)).expect("its books");
        check_balance(line.split(';').next().unwrap_or_default());
    }
}

/// `N = A delivered + B dropped (reason) + 0 in flight` must be true.
#[track_caller]
fn check_balance(line: &str) {
    assert!(line.ends_with(" + 0 in flight"), "{line}");
    let number = |text: &str| text.split_whitespace().find_map(|word| word.parse::<u64>().ok());
    let (left, right) = line.split_once(" = ").expect("an equation");
    let sum: Option<u64> = right.split(" + ").map(number).sum();
    assert_eq!(number(left), sum, "{line}");
}

fn run_feeds_all_sinks_alike() {
    let workshop = Workshop::new();
    workshop.make_folder("in");
    for number in 0..4 {
        let width = 96 + 2 * number;
        workshop.write_scene(&format!("in/{number}.png"), width, 72);
    }
    workshop.write(
        "all.toml",
        "[source]\nkind = 'files'\npaths = ['in']\n\
         [simulate]\nsigma = 2.0\n\
         [restore]\npsf = 'disk:2'\nsigma = 2.0\n\
         [pipeline]\noverflow = 'wait'\n\
         [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n\
         [[sink]]\nkind = 'png'\nfolder = 'out'\n\
         [[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n",
    );
    let told = workshop.succeed(&["run", "--config", "all.toml"]);
    for name in ["captured", "y4m:", "png:", "http:"] {
        check_books(&told, name, 4);
    }
    assert!(told.stderr.contains("PSNR: blurred "), "{}", told.stderr);
    let (frames, error) = play(&workshop.path("out.y4m"));
    assert!(error.is_none(), "{error:?}");
    let names = workshop.inventory().into_keys().filter(|name| name.starts_with("out/0"));
    let pictures: Vec<Picture> =
        names.map(|name| read_picture(&workshop.path(&name)).expect("a picture")).collect();
    assert_eq!(frames.len(), 4);
    assert!(frames == pictures, "the stream and the folder differ");
}

/// A configuration that asks for little.
const SMALL: &str = "[source]\nkind = 'scene'\nextent = '64x48'\nframes = 2\nlive = false\n\
                     [restore]\npsf = 'disk:2'\nsigma = 2.55\n\
                     [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n";

fn variables_override_the_configuration() {
    let workshop = Workshop::new();
    workshop.write("small.toml", SMALL);
    let check = |name: &str, value: &str| {
        let mut command = workshop.command(&["check", "--config", "small.toml"]);
        let outcome = Running::start(command.env(name, value)).finish();
        assert_eq!(outcome.code, Some(0), "{name}={value}: {}", outcome.stderr);
        outcome.text()
    };
    let plain = check("DEBLURD_LOG", "warn");
    assert!(plain.contains("64x48") && plain.contains("model    base"), "{plain}");
    assert!(check("DEBLURD_SOURCE__EXTENT", "96x64").contains("96x64"));
    assert!(check("DEBLURD_RESTORE__MODEL", "none").contains("model    none"));
    assert!(check("DEBLURD_RESTORE__PSF", "disk:3").contains("PSF      7x7"));
    assert!(check("DEBLURD_PIPELINE__THREADS", "3").contains("3 threads"));
    assert!(check("DEBLURD_SINK__0__PATH", "other.y4m").contains("y4m"));
    assert!(check("DEBLURD_RESTORE__SIGMA", "9") != plain, "the noise is not overridden");
}

fn the_default_configuration_is_good() {
    let path = root().join("systemd/deblurd.toml");
    let text = std::fs::read_to_string(&path).expect("the default configuration");
    let workshop = Workshop::new();
    let told = workshop.succeed(&["check", "--config", path.to_str().expect("a path")]).text();
    let golden =
        told.lines().find_map(|line| line.strip_prefix("golden ")).expect("a golden frame");
    let numbers: Vec<f64> =
        golden.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[1] > numbers[0] + 3.0, "the golden frame hardly gains: {golden}");
    for words in ["scene", "640x360", "degrade -> decode -> wiener -> residual 1", "sinks    http"]
    {
        assert!(told.contains(words), "no {words} in:\n{told}");
    }
    let variants = uncommented(&text);
    assert_eq!(variants.len(), 3, "kinds of source");
    for variant in variants {
        if let Err(error) = deblurd::config::Config::read(&variant, []) {
            panic!("{error} in the configuration, uncommented:\n{variant}");
        }
    }
    for key in ["paths", "repeat", "path", "folder", "frames", "regulariser", "[[sink]]"] {
        let commented = text.lines().filter(|line| line.starts_with(&format!("# {key}"))).count();
        assert!(commented > 0, "{key} is not in the annotated configuration any more");
    }
}

/// The annotated configuration with every commented key switched on: one text for the source kind
/// it has, and one for each that it describes (`# kind = "…" has:` and the keys after it).
fn uncommented(text: &str) -> Vec<String> {
    let (before, rest) = text.split_once("[source]\n").expect("a source");
    let (source, after) = rest.split_once("\n\n").expect("an end of the source");
    let (own, others) = source.split_once("#\n# kind = ").expect("other kinds");
    let others = others.split("#\n# kind = ").map(|part| {
        let (kind, keys) = part.split_once(" has:\n").expect("its keys");
        format!("kind = {kind}\n{keys}")
    });
    let switched_on = |part: &str| {
        let lines = part.lines().map(|line| match line.strip_prefix("# ") {
            Some(bare) if is_key(bare) => bare,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let whole = |source: String| format!("{before}[source]\n{source}\n\n{after}");
    [own.to_owned()].into_iter().chain(others).map(|part| switched_on(&whole(part))).collect()
}

/// Whether a comment is `key = value` or the head of a section.
fn is_key(bare: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    bare.starts_with("[[") || bare.split_once(" = ").is_some_and(|(name, _)| is_name(name))
}

fn bench_times_every_stage() {
    let workshop = Workshop::new();
    let arguments = ["bench", "--size", "64x48", "--frames", "3", "--json", "times.json"];
    let told = workshop.succeed(&[arguments.as_slice(), &["--threads", "2"]].concat()).text();
    let times: Value =
        serde_json::from_slice(&std::fs::read(workshop.path("times.json")).expect("a file"))
            .expect("JSON");
    assert_eq!(times["extent"]["width"], 64);
    assert_eq!(
        (&times["threads"], &times["frames"], &times["model"]),
        (&2.into(), &3.into(), &"base".into())
    );
    let stages: Vec<&str> = times["stages"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|s| s["stage"].as_str())
        .collect();
    let expected = [
        "decode",
        "wiener",
        "residual 1",
        "projection 1",
        "residual 2",
        "projection 2",
        "encode",
        "in all",
    ];
    assert_eq!(stages, expected);
    for stage in times["stages"].as_array().expect("a list") {
        let time = |key: &str| stage[key].as_f64().expect("a number");
        assert!(
            time("min_ms") <= time("median_ms") && time("median_ms") <= time("max_ms"),
            "{stage}"
        );
    }
    assert!(expected.iter().all(|stage| told.contains(stage)), "{told}");
}

fn model_counts() {
    let workshop = Workshop::new();
    for (name, kind) in [("base", " int8"), ("base-f32", " f32")] {
        let told = workshop.succeed(&["model", name]).text();
        assert!(told.contains("in all: 15672 parameters, 3888 MAC/pixel"), "{told}");
        // The two numbers at the end of a line with weights.
        let layers = told.lines().filter(|line| line.contains(kind) && line.starts_with("  stage"));
        let numbers = layers.map(|line| {
            let words: Vec<u64> =
                line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            (words[0], words[1])
        });
        let sum = numbers.fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
        assert_eq!(sum, (15_672, 3_888), "the layers of {name}:\n{told}");
        assert!(told.contains("network 1: receptive field 19x19"), "{told}");
    }
}

fn shells_get_completions() {
    let workshop = Workshop::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = workshop.succeed(&["completions", shell]).text();
        for words in ["deblurd", "restore", "simulate", "regulariser"] {
            assert!(script.contains(words), "{shell} does not complete {words}");
        }
    }
}

fn manual_pages_are_written() {
    let workshop = Workshop::new();
    workshop.make_folder("man");
    workshop.succeed(&["man", "man"]);
    let page = |name: &str| {
        let path = workshop.path(&format!("man/{name}.1"));
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert!(page("deblurd").contains("Exit codes"));
    for (command, _) in OPTIONS {
        assert!(page(&format!("deblurd-{command}")).starts_with(".ie"), "{command} is no page");
    }
}

/// The commands and what people may give them.
const OPTIONS: [(&str, &str); 10] = [
    ("demo", "--frames --out --listen --psf --sigma --size --model --threads"),
    (
        "restore",
        "--psf --output --sigma --model --regulariser --boundary --transfer --channels --threads \
         spectral flat:EPS extend circular none srgb bt709 luma rgb Examples <INPUT>",
    ),
    ("simulate", "--psf --output --sigma --boundary --seed valid circular Example"),
    ("evaluate", "--psf --sigma --boundary --model --json --camera --seed Example <SHARP>"),
    ("run", "--config DEBLURD_SECTION__KEY"),
    ("check", "--config"),
    ("bench", "--size --threads --json --frames"),
    ("model", "<FILE>"),
    ("completions", "bash fish zsh"),
    ("man", "<FOLDER>"),
];

fn help_tells_every_option() {
    let workshop = Workshop::new();
    let whole = workshop.succeed(&["--help"]).text();
    for code in ["0 ", "1 ", "2 ", "65", "66", "69", "73", "78", "130", "143"] {
        assert!(whole.contains(&format!("\n  {code}")), "exit code {code} is not documented");
    }
    for (command, words) in OPTIONS {
        assert!(whole.contains(command), "{command} is not in the help");
        let help = workshop.succeed(&[command, "--help"]).text();
        for word in words.split_whitespace().chain(["--verbose"]) {
            assert!(help.contains(word), "{command} --help without {word}:\n{help}");
        }
    }
    assert_eq!(
        workshop.succeed(&["--version"]).text(),
        concat!("deblurd ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

fn photographs_get_sharper() {
    let workshop = Workshop::new();
    let kodak = shared_data().join("test/kodak");
    let mut photographs: Vec<_> = std::fs::read_dir(&kodak)
        .expect("the photographs")
        .filter_map(|e| Some(e.ok()?.path()))
        .collect();
    photographs.sort();
    let psf = std::fs::read_dir(shared_data().join("psf/levin")).expect("the kernels");
    let mut psfs: Vec<_> = psf.filter_map(|entry| Some(entry.ok()?.path())).collect();
    psfs.sort();
    let shown = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let (photograph, psf) = (shown(&photographs[0]), shown(&psfs[0]));
    let arguments =
        ["evaluate", &photograph, "--psf", &psf, "--sigma", "2.55", "--json", "table.json"];
    workshop.succeed(&arguments);
    let table = std::fs::read(workshop.path("table.json")).expect("a file");
    let table: Value = serde_json::from_slice(&table).expect("JSON");
    let psnr = |index: usize| table["mean"][index]["psnr_db"].as_f64().expect("a number");
    assert!(psnr(2) > psnr(1) && psnr(1) > psnr(0), "{}", table["mean"]);
}
