//! What the program measures: quality, time, models.

use std::collections::BTreeSet;

use deblurd::frame::Extent;
use serde_json::Value;

use crate::harness::{apply, trial};
use crate::program::Workshop;

#[apply(trial)]
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

#[apply(trial)]
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

#[apply(trial)]
fn bench_times_cameras_side_by_side() {
    let workshop = Workshop::new();
    let arguments = ["bench", "--size", "64x48", "--frames", "4", "--json", "times.json"];
    let options = ["--threads", "2", "--cameras", "3", "--model", "none", "--backend", "cpu"];
    let told = workshop.succeed(&[arguments.as_slice(), &options].concat()).text();
    assert!(told.trim_end().ends_with("frames/s, of 3 cameras in all"), "{told}");
    let bytes = std::fs::read(workshop.path("times.json")).expect("a file");
    let times: Value = serde_json::from_slice(&bytes).expect("JSON");
    let rate = |of: &Value| of["frames_per_second"].as_f64().expect("a rate");
    let cameras = times["cameras"].as_array().expect("a list");
    let all: f64 = cameras.iter().map(rate).sum();
    assert_eq!(cameras.len(), 3, "{times}");
    assert!((rate(&times) / all - 1.0).abs() < 1e-9 && all > 0.0, "{times}");
    for camera in cameras {
        assert!(camera["p99_ms"].as_f64() >= camera["median_ms"].as_f64(), "{times}");
    }
}

#[apply(trial)]
fn bench_times_every_stage() {
    let workshop = Workshop::new();
    let arguments = ["bench", "--size", "64x48", "--frames", "3", "--json", "times.json"];
    let options = ["--threads", "2", "--kernel", "scalar"];
    let told = workshop.succeed(&[arguments.as_slice(), &options].concat()).text();
    let times: Value =
        serde_json::from_slice(&std::fs::read(workshop.path("times.json")).expect("a file"))
            .expect("JSON");
    assert_eq!(times["extent"]["width"], 64);
    assert_eq!(
        (&times["threads"], &times["frames"], &times["model"], &times["kernel"]),
        (&2.into(), &3.into(), &"base".into(), &"scalar".into())
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
        "residual 3",
        "projection 3",
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

#[apply(trial)]
fn model_counts() {
    let workshop = Workshop::new();
    for (name, parameters, macs, reach) in [
        ("nano", 10_664, 976, 19),
        ("small", 21_672, 1_984, 37),
        ("base", 46_556, 3_872, 53),
        ("large", 66_164, 7_936, 41),
        ("xlarge", 387_124, 48_672, 9),
    ] {
        check_model(&workshop, name, " int8", (parameters, macs), reach);
        check_model(&workshop, &format!("{name}-f32"), " f32", (parameters, macs), reach);
    }
}

/// What `deblurd model` says of a released model, and the sums of the layers it lists.
#[track_caller]
fn check_model(workshop: &Workshop, name: &str, kind: &str, counts: (u64, u64), reach: usize) {
    let told = workshop.succeed(&["model", name]).text();
    let (parameters, macs) = counts;
    let in_all = format!("in all: {parameters} parameters, {macs} MAC/pixel");
    assert!(told.contains(&in_all), "{told}");
    // The two numbers at the end of a line with weights.
    let layers = told.lines().filter(|line| line.contains(kind) && line.starts_with("  stage"));
    let numbers = layers.map(|line| {
        let words: Vec<u64> =
            line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        (words[0], words[1])
    });
    let sum = numbers.fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
    assert_eq!(sum, counts, "the layers of {name}:\n{told}");
    assert!(told.contains(&format!("network 1: receptive field {reach}x{reach}")), "{told}");
}
