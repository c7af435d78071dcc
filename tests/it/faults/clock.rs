//! A clock that tells a time beyond the calendar, as one without a battery may after a fault.

use std::process::{Command, Stdio};

use crate::harness::{apply, trial};
use crate::program::{Running, Workshop};

/// A library in C that is asked for the time before the system's, and adds ten thousand years.
const LATE: &str = "\
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += 315569520000L;
    return result;
}
";

#[apply(trial)]
fn a_clock_beyond_the_year_9999_costs_no_picture() {
    let workshop = Workshop::new();
    workshop.write("late.c", LATE);
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o", "late.so", "late.c"]).current_dir(workshop.path("."));
    assert!(compiler.status().expect("a C compiler").success(), "no library");
    workshop.write(
        "run.toml",
        "[source]\nkind = 'scene'\nextent = '64x48'\nlive = false\nframes = 5\n\
         [restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n\
         [pipeline]\noverflow = 'wait'\n\
         [[sink]]\nkind = 'record'\nfolder = 'kept'\nsize_max_mb = 10\nrate_max = 240\n\
         [[sink]]\nkind = 'y4m'\npath = 'out.y4m'\n",
    );
    let mut command = workshop.command(&["run", "--config", "run.toml"]);
    command.env("LD_PRELOAD", workshop.path("late.so")).env("DEBLURD_LOG", "info");
    let outcome = Running::start(command.stdin(Stdio::null())).finish();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("y4m: 5 = 5 delivered"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("INFO ] golden frame"), "no log: {}", outcome.stderr);
    let names: Vec<String> = workshop.inventory().into_keys().collect();
    let kept: Vec<&String> = names.iter().filter(|name| name.starts_with("kept/d")).collect();
    assert!(!kept.is_empty() && kept.iter().all(|name| name.contains("-90000101T")), "{names:?}");
}
