//! The commands of the real program, as people use them.

mod asking;
mod helping;
mod measuring;
mod probing;
mod restoring;
mod running;

use libtest_mimic::Trial;

use crate::program::Outcome;
use crate::support::{Need, trial, trial_needing};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "cli::pictures_of_every_kind_are_restored",
            restoring::pictures_of_every_kind_are_restored,
        ),
        trial("cli::a_folder_is_restored", restoring::a_folder_is_restored),
        trial("cli::every_option_of_restore_works", restoring::every_option_of_restore_works),
        trial("cli::every_form_of_psf_is_read", restoring::every_form_of_psf_is_read),
        trial("cli::noise_is_estimated_and_told", restoring::noise_is_estimated_and_told),
        trial(
            "cli::files_and_pipes_give_the_same_stream",
            restoring::files_and_pipes_give_the_same_stream,
        ),
        trial("cli::evaluate_writes_its_table", measuring::evaluate_writes_its_table),
        trial("cli::simulations_are_seeded", measuring::simulations_are_seeded),
        trial("cli::demo_needs_nothing", running::demo_needs_nothing),
        trial("cli::run_feeds_all_sinks_alike", running::run_feeds_all_sinks_alike),
        trial(
            "cli::variables_override_the_configuration",
            running::variables_override_the_configuration,
        ),
        trial("cli::the_default_configuration_is_good", running::the_default_configuration_is_good),
        trial("cli::bench_times_every_stage", measuring::bench_times_every_stage),
        trial("cli::model_counts", measuring::model_counts),
        trial("cli::status_tells_how_it_fares", asking::status_tells_how_it_fares),
        trial(
            "cli::status_has_an_exit_code_for_every_state",
            asking::status_has_an_exit_code_for_every_state,
        ),
        trial("cli::a_token_lets_in", asking::a_token_lets_in),
        trial("cli::snapshots_are_taken", asking::snapshots_are_taken),
        trial("cli::top_needs_a_terminal", asking::top_needs_a_terminal),
        trial_needing(
            Need::Terminal,
            "cli::top_shows_and_gives_the_terminal_back",
            asking::top_shows_and_gives_the_terminal_back,
        ),
        trial("cli::probe_tells_what_there_is", probing::probe_tells_what_there_is),
        trial("cli::shells_get_completions", helping::shells_get_completions),
        trial("cli::manual_pages_are_written", helping::manual_pages_are_written),
        trial("cli::help_tells_every_option", helping::help_tells_every_option),
        trial_needing(
            Need::SharedData,
            "cli::photographs_get_sharper",
            restoring::photographs_get_sharper,
        ),
    ]
}

/// The books must say that every one of `count` frames arrived.
#[track_caller]
fn check_books(outcome: &Outcome, name: &str, count: usize) {
    let line = format!("{name} {count} = {count} delivered + 0 in flight");
    assert!(outcome.stderr.contains(&line), "no '{line}' in:\n{}", outcome.stderr);
}
