//! What brings a program down that loads it: a daemon that runs goes on, and one that starts ends with
//! the status of a wrong configuration, so that nobody starts it again.

use deblurd::metrics::short;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};

use super::manager::SMALL;
use super::notify::check_ends;
use super::reload::{Daemon, reloads, stages};
use crate::harness::{apply, trial};
use crate::onnx::{int, ints, sealed, tiny_model, wide_model};
use crate::program::Workshop;
use crate::support::{root, shared_data};

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().expect("a graph")
}

/// A small model with an operator before its first one.
fn beginning_with(operator: &str, attributes: Vec<AttributeProto>) -> Vec<u8> {
    let mut model = tiny_model(1, 2, 1, false);
    let first = &mut graph(&mut model).node[0];
    let input = std::mem::replace(&mut first.input[0], "evil".to_owned());
    let evil = NodeProto {
        op_type: operator.to_owned(),
        input: vec![input],
        output: vec!["evil".to_owned()],
        attribute: attributes,
        ..NodeProto::default()
    };
    graph(&mut model).node.insert(0, evil);
    sealed(&model)
}

/// Models that ended the loader, the engine or the machine's memory, and what is said of them.
fn models() -> Vec<(Vec<u8>, &'static str)> {
    let mut two_faced = tiny_model(1, 2, 1, false);
    let last = graph(&mut two_faced).node.last_mut().expect("a shuffle");
    let blocksize = last.attribute.iter_mut().find(|it| it.name == "blocksize").expect("one");
    blocksize.ints = vec![0];
    let mut heavy = tiny_model(1, 2, 1, false);
    graph(&mut heavy).node.extend(std::iter::repeat_n(NodeProto::default(), 400_000));
    vec![
        (sealed(&two_faced), "blocksize of DepthToSpace is of type 2, with more than that"),
        (beginning_with("Transpose", vec![ints("perm", &[0, 1, 2, 99])]), "computed by Transpose"),
        (beginning_with("Squeeze", vec![ints("axes", &[77])]), "computed by Squeeze"),
        (beginning_with("ConstantOfShape", vec![]), "computed by ConstantOfShape"),
        (beginning_with("DepthToSpace", vec![int("blocksize", 0)]), "blocksize"),
        (sealed(&heavy), "beside the numbers of its constants"),
        (wide_model_file(), "the trial took more than 768 MiB of memory"),
    ]
}

fn wide_model_file() -> Vec<u8> {
    sealed(&wide_model(1 << 14))
}

/// Reloads what must be refused; the daemon goes on as it was.
#[track_caller]
fn check_goes_on(daemon: &Daemon, config: &str, words: &str) {
    let before = daemon.state();
    let after = daemon.reload(config);
    let ((done, refused, _), (done_after, refused_after, told)) =
        (reloads(&before), reloads(&after));
    assert_eq!((done_after, refused_after), (done, refused + 1), "{told}");
    assert!(told.contains(words), "no '{words}' in {told}");
    assert_eq!(short(told), told, "a text that is long, or does something to a terminal");
    assert_eq!(stages(&before), stages(&after));
    daemon.check_flows();
}

#[apply(trial)]
fn the_daemon_goes_on_whatever_it_is_to_reload() {
    let daemon = Daemon::start(SMALL);
    for (bytes, words) in models() {
        daemon.workshop.write("evil.onnx", bytes);
        check_goes_on(&daemon, &SMALL.replace("'none'", "'evil.onnx'"), words);
    }
    let nested = |depth: usize| {
        let header = format!("{{'descr': {}{}}}", "[".repeat(depth), "]".repeat(depth));
        let length = u16::try_from(header.len()).expect("a short header").to_le_bytes();
        [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes()].concat()
    };
    daemon.workshop.write("deep.npy", nested(1000));
    check_goes_on(&daemon, &SMALL.replace("disk:2", "deep.npy"), "records of several");
    daemon.workshop.write("long.npy", b"\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{'descr'");
    check_goes_on(&daemon, &SMALL.replace("disk:2", "long.npy"), "4294967295 bytes (expected");
    std::os::unix::fs::symlink("/dev/zero", daemon.workshop.path("zero.txt")).expect("a link");
    check_goes_on(&daemon, &SMALL.replace("disk:2", "zero.txt"), "larger than 1 MiB");
    let name = format!("'{}'", r"\u001b[2J\u0007".repeat(200)).replace('\'', "\"");
    check_goes_on(&daemon, &SMALL.replace("'disk:2'", &name), "cannot read ?[2J?");
    check_ends(daemon.running, "TERM", &[0]);
}

/// The cases that others have collected, where they are there.
#[apply(trial)]
#[needs(SharedData)]
fn the_daemon_goes_on_with_the_cases_of_others() {
    let cases = shared_data().with_file_name("cases").join("hostile");
    let daemon = Daemon::start(SMALL);
    for name in
        ["psf-deep-20", "psf-deep-40", "psf-hdr4g", "psf-nest-1000", "psf-shape2", "psf-shape3"]
    {
        let path = cases.join(name).with_extension("npy");
        let config = SMALL.replace("disk:2", path.to_str().expect("a path"));
        check_goes_on(&daemon, &config, "");
    }
    check_ends(daemon.running, "TERM", &[0]);
}

#[apply(trial)]
fn a_start_with_a_bad_model_is_a_wrong_configuration() {
    let workshop = Workshop::new();
    workshop.write("run.toml", SMALL.replace("'none'", "'evil.onnx'"));
    for (bytes, words) in models() {
        workshop.write("evil.onnx", bytes);
        let outcome = workshop.run(&["run", "--config", "run.toml"]);
        assert_eq!(outcome.code, Some(78), "{words}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "no '{words}' in {}", outcome.stderr);
    }
    let good = std::fs::read(root().join("models/nano.onnx")).expect("a model");
    workshop.write("evil.onnx", good);
    workshop.write(
        "run.toml",
        SMALL.replace("'none'", "'evil.onnx'").replace("'scene'", "'scene'\nframes = 3"),
    );
    workshop.succeed(&["run", "--config", "run.toml"]);
}
