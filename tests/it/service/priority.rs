//! How urgent the daemon's threads are: what it says of them is what the kernel says.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::harness::{apply, trial};
use crate::program::{Running, Workshop, page_of, wait_for_json};

/// Niceness and policy of the threads of a process, by name; of several with the same name those of the last.
fn threads_of(process: u32) -> BTreeMap<String, (i64, i64)> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("threads");
    let told = tasks.flatten().filter_map(|task| {
        let line = fs::read_to_string(task.path().join("stat")).ok()?;
        let (head, fields) = line.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // Field 3 of the line is the first behind the name.
        let field = |number: usize| fields[number - 3].parse().ok();
        Some((head.split_once('(')?.1.to_owned(), (field(19)?, field(41)?)))
    });
    told.collect()
}

/// Starts a daemon of that priority and checks of each thread that its state names what the kernel says of it.
/// Gives what the log said, and the standings by thread.
fn check_stands(priority: &str) -> (String, BTreeMap<String, String>) {
    let workshop = Workshop::new();
    let config = format!(
        "[source]\nkind = 'scene'\nextent = '64x48'\n[restore]\npsf = 'disk:2'\nsigma = 2.55\nmodel = 'none'\n\
         [pipeline]\nthreads = 2\npriority = '{priority}'\n[[sink]]\nkind = 'http'\nlisten = '127.0.0.1:0'\n\
         [[sink]]\nkind = 'y4m'\npath = '/dev/null'\n"
    );
    workshop.write("run.toml", config);
    let mut running = Running::start(&mut workshop.command(&["run", "--config", "run.toml"]));
    let page = page_of(&mut running);
    let flows = |state: &Value| state["metrics"]["trunk"]["delivered"].as_u64() > Some(2);
    let state = wait_for_json(&page, "/state", &flows);
    let kernel = threads_of(running.id());
    let mut standings = BTreeMap::new();
    for told in state["metrics"]["scheduling"].as_array().expect("a list") {
        let [thread, standing, problem] = ["thread", "standing", "problem"]
            .map(|key| told[key].as_str().expect("a text").to_owned());
        let short: String = thread.chars().take(15).collect();
        let (nice, policy) = kernel.get(&short).unwrap_or_else(|| panic!("{short} in {kernel:?}"));
        match standing.split_once(' ') {
            Some(("nice", told)) => {
                assert_eq!((nice.to_string().as_str(), *policy), (told, 0), "{thread}")
            }
            Some(("fifo", _)) => assert_eq!(*policy, 1, "{thread}"),
            _ => assert!(*policy == 0 && problem.contains("refused"), "{thread}: {problem}"),
        }
        standings.insert(thread, standing);
    }
    running.signal("TERM");
    (running.finish().stderr, standings)
}

#[apply(trial)]
fn a_page_gives_way_and_nothing_else_changes() {
    let (log, standings) = check_stands("normal");
    assert_eq!(
        standings.into_iter().collect::<Vec<_>>(),
        [("sink http".to_owned(), "nice 10".to_owned())]
    );
    assert!(!log.contains("priority"), "{log}");
}

/// Nothing paces a scene, so none of its threads is real-time; where that is refused, frames flow all the same and a
/// warning names the limit.
#[apply(trial)]
fn urgency_is_given_or_its_refusal_told() {
    let (log, standings) = check_stands("realtime");
    let names: Vec<&str> = standings.keys().map(String::as_str).collect();
    assert_eq!(names, ["restore", "sink http", "sink y4m", "source", "worker 0", "worker 1"]);
    let is_refused = standings["source"].is_empty();
    assert_eq!(is_refused, log.contains("it goes on without"), "{log}");
    assert!(!is_refused || log.contains("LimitNICE"), "{log}");
}
