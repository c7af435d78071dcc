//! The demonstration, the daemon and its configuration.

use deblurd::frame::{Extent, Picture};
use deblurd::source::read_picture;

use super::check_books;
use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, play};
use crate::support::root;

#[apply(trial)]
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

#[apply(trial)]
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

#[apply(trial)]
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

#[apply(trial)]
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
    for words in ["scene", "640x360", "decode -> wiener -> residual 1", "sinks    http"] {
        assert!(told.contains(words), "no {words} in:\n{told}");
    }
    let variants = uncommented(&text);
    assert_eq!(variants.len(), 5, "kinds of source");
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
    let is_head = bare.starts_with('[') && bare.ends_with(']');
    is_head || bare.split_once(" = ").is_some_and(|(name, _)| is_name(name))
}
