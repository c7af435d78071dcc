//! The daemon as a service: what it tells the service manager, how it loads its configuration
//! again, what its log looks like, and the units that start it.

mod journal;
mod manager;
mod notify;
mod reload;
mod units;

use libtest_mimic::Trial;

use crate::support::{Need, trial, trial_needing};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("service::ready_comes_with_the_first_frame", notify::ready_with_the_first_frame),
        trial("service::the_watchdog_is_fed_while_frames_flow", notify::fed_while_frames_flow),
        trial("service::the_watchdog_starves_while_stages_hang", notify::not_fed_while_stages_hang),
        trial("service::a_source_that_waits_is_no_failure", notify::waiting_is_no_failure),
        trial("service::a_missing_camera_is_no_failure", notify::a_missing_camera_is_no_failure),
        trial("service::a_failure_is_told", notify::a_failure_is_told),
        trial("service::signals_end_it_while_it_starts", notify::signals_end_it_while_it_starts),
        trial("service::signals_end_it_with_stuck_sinks", notify::signals_end_it_with_stuck_sinks),
        trial("service::a_deaf_manager_holds_nothing_up", notify::a_deaf_manager),
        trial("service::a_missing_manager_holds_nothing_up", notify::a_missing_manager),
        trial("service::a_reload_changes_the_stages", reload::a_reload_changes_the_stages),
        trial("service::bad_reloads_leave_the_old_stages", reload::bad_reloads_are_refused),
        trial("service::frames_flow_while_a_reload_hangs", reload::frames_flow_while_it_loads),
        trial("service::what_cannot_be_reloaded_is_named", reload::what_waits_is_named),
        trial("service::reloads_storm_without_harm", reload::reloads_storm_without_harm),
        trial("service::signals_end_it_while_it_reloads", reload::signals_end_it),
        trial("service::errors_that_repeat_are_folded", journal::repeats_are_folded),
        trial("service::the_journal_gets_priorities", journal::the_journal_gets_priorities),
        trial("service::units_are_known_to_systemd_245", units::directives_are_old_enough),
        trial("service::both_units_are_alike", units::both_units_are_alike),
        trial("service::the_camera_rule_is_well_formed", units::the_rule_is_well_formed),
    ];
    let systemd: [(&str, fn()); 2] = [
        ("service::units_verify", units::units_verify),
        ("service::units_are_hardened", units::units_are_hardened),
    ];
    trials.extend(systemd.map(|(name, test)| trial_needing(Need::SystemdAnalyze, name, test)));
    trials
}
