//! What goes wrong, tried on the real program: bad inputs, bad outputs, signals, closed pipes.
//!
//! Every refusal has its documented exit code and names what is wrong, its value and what was
//! expected; nothing panics, and no file is left that was not whole.

mod artefacts;
mod bounds;
mod clock;
mod ends;
mod inputs;
mod outputs;
mod requests;
mod rivals;
mod shortage;

use image::{DynamicImage, ImageFormat};

use crate::program::{Outcome, Workshop};

/// Runs the program, which must refuse with `code` and `words` and leave the folder as it was.
#[track_caller]
fn check_refused(workshop: &Workshop, arguments: &[&str], code: i32, words: &[&str]) {
    let before = workshop.inventory();
    let outcome = workshop.run(arguments);
    check_told(&outcome, code, words);
    assert_eq!(workshop.inventory(), before, "{arguments:?} leaves something");
}

#[track_caller]
fn check_told(outcome: &Outcome, code: i32, words: &[&str]) {
    let stderr = &outcome.stderr;
    assert_eq!(outcome.code, Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in: {stderr}");
    }
    assert!(!stderr.contains(".part"), "a name that means nothing: {stderr}");
}

/// A configuration without its sinks.
const SCENE: &str =
    "[source]\nkind = 'scene'\nextent = '64x48'\n[restore]\npsf = 'disk:2'\nsigma = 2.55\n";

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an encoded picture");
    bytes.into_inner()
}
