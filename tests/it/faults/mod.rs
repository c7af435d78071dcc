//! What goes wrong, tried on the real program: bad inputs, bad outputs, signals, closed pipes.
//!
//! Every refusal has its documented exit code and names what is wrong, its value and what was
//! expected; nothing panics, and no file is left that was not whole.

mod artefacts;
mod ends;
mod inputs;
mod outputs;
mod requests;

use image::{DynamicImage, ImageFormat};
use libtest_mimic::Trial;

use crate::program::{Outcome, Workshop};
use crate::support::{Need, trial, trial_needing};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("faults::bad_psfs_are_refused", artefacts::bad_psfs_are_refused),
        trial("faults::huge_psfs_are_refused_in_little_memory", artefacts::huge_psfs_are_refused),
        trial("faults::bad_models_are_refused", artefacts::bad_models_are_refused),
        trial(
            "faults::broken_model_contracts_are_refused",
            artefacts::broken_contracts_are_refused,
        ),
        trial("faults::bad_pictures_are_refused", inputs::bad_pictures_are_refused),
        trial("faults::rare_pictures_are_restored", inputs::rare_pictures_are_restored),
        trial("faults::one_bad_picture_stops_no_other", inputs::one_bad_picture_stops_no_other),
        trial("faults::bad_streams_are_refused", inputs::bad_streams_are_refused),
        trial(
            "faults::a_cut_stream_gives_its_whole_frames",
            inputs::a_cut_stream_gives_its_whole_frames,
        ),
        trial("faults::outputs_that_cannot_be_are_told_first", outputs::outputs_that_cannot_be),
        trial(
            "faults::outputs_that_are_no_devices_are_told",
            outputs::outputs_that_are_no_devices_are_told,
        ),
        trial("faults::inputs_are_not_overwritten", outputs::inputs_are_not_overwritten),
        trial_needing(
            Need::FullDevice,
            "faults::a_full_device_is_an_error",
            outputs::a_full_device_is_an_error,
        ),
        trial_needing(Need::PrivateMounts, "faults::a_full_disk_is_an_error", outputs::a_full_disk),
        trial_needing(
            Need::PrivateMounts,
            "faults::a_read_only_disk_is_an_error",
            outputs::a_read_only_disk,
        ),
        trial("faults::a_port_in_use_is_an_error", outputs::a_port_in_use_is_an_error),
        trial("faults::bad_configurations_are_refused", requests::bad_configurations_are_refused),
        trial("faults::bad_command_lines_are_refused", requests::bad_command_lines_are_refused),
        trial("faults::signals_end_restore", ends::signals_end_restore),
        trial("faults::signals_end_a_stream_at_a_frame", ends::signals_end_a_stream_at_a_frame),
        trial("faults::signals_end_run_with_whole_files", ends::signals_end_run_with_whole_files),
        trial("faults::signals_end_demo_with_whole_files", ends::signals_end_demo_with_whole_files),
        trial("faults::a_second_signal_ends_at_once", ends::a_second_signal_ends_at_once),
        trial("faults::forced_ends_leave_nothing_aside", ends::forced_ends_leave_nothing_aside),
        trial("faults::closed_pipes_end_the_program", ends::closed_pipes_end_the_program),
    ]
}

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
