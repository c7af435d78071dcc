//! What the program tells about itself.

use crate::harness::{apply, trial};
use crate::program::Workshop;

#[apply(trial)]
fn shells_get_completions() {
    let workshop = Workshop::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = workshop.succeed(&["completions", shell]).text();
        for words in ["deblurd", "restore", "simulate", "regulariser"] {
            assert!(script.contains(words), "{shell} does not complete {words}");
        }
    }
}

#[apply(trial)]
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
const OPTIONS: [(&str, &str); 18] = [
    ("demo", "--frames --out --listen --psf --sigma --size --model --threads"),
    (
        "restore",
        "--psf --output --sigma --truth --model --regulariser --edges --transfer --channels \
         --threads spectral flat:EPS open circular none srgb bt709 gamma:G luma rgb Examples \
         <INPUT>",
    ),
    ("simulate", "--psf --output --sigma --edges --seed open circular Example"),
    ("evaluate", "--psf --sigma --edges --model --json --camera --seed Example <SHARP>"),
    ("run", "--config --device --psf --sigma --model --listen DEBLURD_SECTION__KEY"),
    ("check", "--config"),
    ("status", "--url --token-file --json 69 75"),
    ("top", "--url --token-file"),
    ("snapshot", "--url --token-file --output --side before after 75 Example"),
    ("bench", "--size --threads --json --frames --cameras --kernel scalar stock"),
    ("model", "<FILE>"),
    (
        "psf",
        "--sigma --turn --compare --picture --output --json 90 180 270 mirror convolution Examples \
         <PSF>",
    ),
    ("target", "--output --cell --paper --seed a4 letter screen Examples"),
    (
        "calibrate",
        "--device --config --url --output --target --grid --transfer --report --threads Examples \
         [FRAMES]",
    ),
    (
        "estimate",
        "--device --config --url --output --family --transfer --seconds --force --report Examples \
         [FRAMES]",
    ),
    ("probe", "--json --write [DEVICE] Examples"),
    ("completions", "bash fish zsh"),
    ("man", "<FOLDER>"),
];

#[apply(trial)]
fn help_tells_every_option() {
    let workshop = Workshop::new();
    let whole = workshop.succeed(&["--help"]).text();
    for code in ["0 ", "1 ", "2 ", "65", "66", "69", "73", "75", "78", "130", "143"] {
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
