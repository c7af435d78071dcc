//! Networks see the planes that their model names: each is told by what a network of one operator makes of
//! it.

use std::sync::Arc;

use deblurd::executor::Sequential;
use deblurd::frame::{Effort, Extent, Picture};
use deblurd::optics::{Calibration, Certainty, GrayLevels, Trust};
use deblurd::plan::network::Model;
use deblurd::plan::{Edges, RestoreOptions, RestorePlan};
use deblurd::restore::{Backend, CpuBackend, model};

use crate::harness::{apply, trial};
use crate::onnx::{Element, Graph, UNSEALED, sealed, set_metadata};
use crate::restorations::{around_gray, largest_difference, random_psf, run};

const EXTENT: Extent = Extent::new(46, 34);
const SIGMA: f64 = 5.1;
const INPUTS: [&str; 5] = ["blurred", "sigma", "estimate", "trust", "weak"];

/// A plane of the first network, in the order of the model, times a factor.
fn weighted(graph: &mut Graph, name: &str, plane: &str, factor: f32) -> String {
    let weights = INPUTS.map(|input| if input == plane { factor } else { 0.0 });
    assert!(weights.iter().any(|&weight| weight != 0.0), "{plane} is no plane");
    let weights = graph.constant(&format!("{name}/weights"), &[1, 5, 1, 1], &weights);
    graph.node("Conv", name, &["z", &weights], &[])
}

/// A model of one network, whose answer `f` is what `build` makes of `z`, that is believed so much.
fn network(consistency: &str, build: impl Fn(&mut Graph)) -> Arc<Model> {
    let mut graph = Graph::default();
    graph.input("z", f32::TYPE, &[1, 5, 0, 0]);
    graph.output("f", f32::TYPE, &[1, 1, 0, 0]);
    build(&mut graph);
    let mut model = graph.into_model();
    for (key, value) in [
        ("contract", "3"),
        ("name", "one operator"),
        ("stages", "1"),
        ("inputs", &INPUTS.join(" ")),
        ("consistency", consistency),
        ("alignment", "1"),
        ("halo", "0"),
        ("sigma_min", "0"),
        ("sigma_max", "20"),
        ("regulariser", "spectral"),
        ("domain", "gamma, mean-free"),
        ("seal", UNSEALED),
    ] {
        set_metadata(&mut model, &format!("deblurd.{key}"), value);
    }
    Arc::new(model::load(&sealed(&model)).expect("a model"))
}

/// A picture restored for so much noise, by a PSF that is trusted so.
fn restored(model: Option<Arc<Model>>, sigma: f64, trust: Option<Trust>) -> Picture {
    let options = RestoreOptions { edges: Edges::Circular, ..RestoreOptions::default() };
    let camera = options.camera(random_psf(3, 5), GrayLevels::new(sigma).expect("gray levels"));
    let certainty = trust.map(|trust| Certainty { trust, relative_error: None, residual: None });
    let picture = around_gray(EXTENT, 6000, 1);
    let camera = Calibration { certainty, ..camera };
    let plan = RestorePlan::new(&camera, model, &options, picture.format()).expect("a plan");
    let restorer = CpuBackend::new(Arc::new(Sequential)).load(plan);
    run(&mut *restorer.expect("a restorer"), &picture, Effort::Full)
}

/// The estimate times a plane that is the same all over is the estimate times a number.
#[track_caller]
fn check_constant(plane: &str, trust: Option<Trust>, value: f32) {
    let product = network("1", |graph| {
        let (a, b) = (weighted(graph, "a", "estimate", 1.0), weighted(graph, "b", plane, 1.0));
        graph.node("Mul", "f", &[&a, &b], &[]);
    });
    let expected = network("1", |graph| drop(weighted(graph, "f", "estimate", value)));
    let [is, expected] = [product, expected].map(|model| restored(Some(model), SIGMA, trust));
    assert!(largest_difference(&is, &expected) <= 1, "{plane} is not {value}");
    let silent = restored(None, SIGMA, trust);
    assert!(largest_difference(&is, &silent) > 300, "the network has no say");
}

#[apply(trial)]
fn the_noise_level_is_told() {
    check_constant("sigma", None, 10.0 * 5.1 / 255.0);
}

#[apply(trial)]
fn the_trust_is_told() {
    check_constant("trust", None, 1.0);
    check_constant("trust", Some(Trust::Measured), 1.0);
    check_constant("trust", Some(Trust::Estimated), 0.75);
}

/// A tenth of the regulariser is that of a tenth of the noise's power. A network that is believed without
/// end puts its estimate in the place of the first.
#[apply(trial)]
fn the_weak_estimate_is_that_of_less_noise() {
    let weak = network("1e6", |graph| {
        let weights = INPUTS.map(|input| match input {
            "weak" => 1.0_f32,
            "estimate" => -1.0,
            _ => 0.0,
        });
        let weights = graph.constant("weights", &[1, 5, 1, 1], &weights);
        graph.node("Conv", "f", &["z", &weights], &[]);
    });
    let is = restored(Some(weak), SIGMA, None);
    let expected = restored(None, SIGMA / 10.0_f64.sqrt(), None);
    let difference = largest_difference(&is, &expected);
    assert!(difference < 60, "{difference} of 65535 levels apart");
    let first = restored(None, SIGMA, None);
    assert!(largest_difference(&is, &first) > 300, "no more than the first estimate");
}
