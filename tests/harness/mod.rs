//! Tests that register themselves where they are written: there is no list to forget one in.
//!
//! Both binaries have harnesses of their own, as a test of theirs may need what a machine lacks and
//! is then reported as ignored, with the reason in its name. A test is
//!
//! ```ignore
//! #[apply(trial)]
//! #[needs(Browser)] // in tests/it only, and only where it needs something: see `Need`
//! fn a_browser_shows_it() { … }
//! ```
//!
//! and is called what the standard harness would call it: its module, `::`, its name.

use libtest_mimic::Trial;
pub(crate) use macro_rules_attribute::apply;

/// A test as it was written.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its module and its name.
    pub(crate) path: &'static str,
    /// Where it stands in its file.
    pub(crate) line: u32,
    /// Tells what the machine lacks for it.
    pub(crate) lacks: fn() -> Option<String>,
    /// The test itself, which panics.
    pub(crate) test: fn(),
}

impl Case {
    /// The name by which it is reported and chosen.
    pub(crate) fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, name)| name)
    }
}

inventory::collect!(Case);

/// Registers the function below it as a test.
macro_rules! trial {
    ($(#[doc = $doc:literal])* #[needs($need:ident)] $($function:tt)*) => {
        $crate::harness::trial!(
            @ || $crate::support::Need::$need.missing(), $(#[doc = $doc])* $($function)*
        );
    };
    (@ $lacks:expr, $(#[$attribute:meta])* fn $name:ident() $body:block) => {
        inventory::submit! {
            $crate::harness::Case {
                path: concat!(module_path!(), "::", stringify!($name)),
                line: line!(),
                lacks: $lacks,
                test: $name,
            }
        }
        $(#[$attribute])*
        fn $name() $body
    };
    ($($function:tt)*) => {
        $crate::harness::trial!(@ || None, $($function)*);
    };
}
pub(crate) use trial;

/// All tests of the binary, by module, and in a module as they stand there. Each is run by `run`;
/// where it, or all of them, lack something, it is reported as ignored, with the reason.
pub(crate) fn trials(all_lack: Option<&str>, run: fn(&Case)) -> Vec<Trial> {
    let mut cases: Vec<&Case> = inventory::iter::<Case>().collect();
    let module = |case: &Case| case.path.rsplit_once("::").map_or("", |(module, _)| module);
    cases.sort_by_key(|case| (module(case), case.line));
    let trial = |case: &'static Case| {
        let run = move || {
            run(case);
            Ok(())
        };
        match all_lack.map(str::to_owned).or_else(case.lacks) {
            None => Trial::test(case.name(), run),
            Some(reason) => Trial::test(format!("{} [skipped: {reason}]", case.name()), run)
                .with_ignored_flag(true),
        }
    };
    cases.into_iter().map(trial).collect()
}
