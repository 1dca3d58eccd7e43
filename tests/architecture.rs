//! Which network is it: architectures of known models do not depend on weights, samples or names, and do depend on all
//! that calibration does not choose.

#![cfg(feature = "prover")]
#![allow(clippy::unwrap_used, reason = "a test")]

use ndarray::{ArrayD, Dimension as _};
use zkml::architecture::of_model;
use zkml::graph::Preprocessing;
use zkml::keys::{CompiledModel, NetworkSkeleton};
use zkml::models::registry::{self, Entry};
use zkml::ops::IntOp;
use zkml::optimize::{Switches, optimize};
use zkml::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};

/// The skeleton of a known model with weights of that seed and samples that go with it.
fn skeleton(entry: &Entry, seed: u64, argmax: bool) -> NetworkSkeleton {
    let graph = entry.trace(1).unwrap().untrained(seed);
    let (mut graph, _) = optimize(graph, &Switches::default()).unwrap();
    if argmax {
        graph = graph.with_argmax().unwrap();
    }
    let shape = graph[graph.input].fact.clone();
    let sample = ArrayD::from_shape_fn(shape, |at| {
        let place: usize = (0..at.ndim()).map(|axis| (axis + 3) * at[axis]).sum();
        ((place as u64 * 7919 + seed * 31) % 255) as f32 / 255.0
    });
    let calibration = Calibration::collect(&graph, [sample], CalibrationMethod::MinMax).unwrap();
    // Random weights and a single sample: what bits they ask for says nothing.
    let options = QuantizeOptions {
        error_budget: None,
        ..QuantizeOptions::default()
    };
    let mut network = quantize(&graph, &calibration, &options).unwrap();
    network.record.preprocessing = Some(entry.preprocessing());
    CompiledModel::new("any name", network).skeleton()
}

#[test]
fn a_known_model_has_one_architecture_whatever_its_weights() {
    for name in [
        "lenet",
        "mlp",
        "resnet20-cifar10",
        "mobilenet_v2-cifar10",
        "vgg11_bn-cifar10",
    ] {
        let entry = registry::find(name).unwrap();
        for (seed, argmax) in [(1, true), (2, false)] {
            let one = skeleton(entry, seed, argmax);
            let other = skeleton(entry, seed + 10, argmax);
            assert_ne!(
                one.digest().unwrap(),
                other.digest().unwrap(),
                "{name}: other scales"
            );
            let (architecture, known) = (one.architecture(), of_model(entry, &one).unwrap());
            assert_eq!(architecture.difference(&other.architecture()), None, "{name}");
            assert_eq!(
                architecture.digest().unwrap(),
                other.architecture().digest().unwrap()
            );
            assert_eq!(architecture.difference(&known), None, "{name}");
            assert_eq!(architecture.digest().unwrap(), known.digest().unwrap());
        }
    }
}

#[test]
fn known_models_are_told_apart() {
    let names = [
        "lenet",
        "mlp",
        "resnet20-cifar10",
        "resnet32-cifar10",
        "vgg11-cifar10",
        "vgg13-cifar10",
    ];
    let skeletons = names.map(|name| skeleton(registry::find(name).unwrap(), 1, true));
    for (a, left) in skeletons.iter().enumerate() {
        for right in &skeletons[a + 1..] {
            assert!(left.architecture().difference(&right.architecture()).is_some());
        }
    }
}

/// Alters a network, and says whether that is another architecture.
type Alteration = (&'static str, bool, fn(&mut NetworkSkeleton));

fn rescale(network: &mut NetworkSkeleton) -> &mut zkml::ops::Rescale {
    let mut nodes = network.graph.nodes.iter_mut();
    nodes
        .find_map(|node| match &mut node.op {
            IntOp::Rescale(rescale) => Some(rescale),
            _ => None,
        })
        .unwrap()
}

#[test]
fn an_architecture_is_what_calibration_does_not_choose() {
    let alterations: [Alteration; 17] = [
        ("name of the model", false, |network| network.name.push('x')),
        ("name of a node", false, |network| {
            network.graph.nodes[2].name.push('x')
        }),
        ("name of a parameter", false, |network| {
            network.graph.parameters[0].path.push('x')
        }),
        ("scale", false, |network| network.graph.nodes[1].fact.scale *= 2.0),
        ("scale of an output", false, |network| {
            network.output_scales[0].scales[0] *= 2.0
        }),
        ("multiplier", false, |network| {
            rescale(network).multipliers[0] += 1
        }),
        ("shift", false, |network| rescale(network).shift += 1),
        ("bound of a ReLU", false, |network| {
            rescale(network).table.maximum -= 1
        }),
        ("a ReLU of nothing", true, |network| {
            rescale(network).table.maximum = 0
        }),
        ("function", true, |network| {
            rescale(network).table.function = zkml::circuit::Function::Identity
        }),
        ("range of the input", true, |network| {
            network.graph.nodes[0].fact.range.0 -= 1
        }),
        ("shape", true, |network| network.graph.nodes[1].fact.shape[1] += 1),
        ("wiring", true, |network| network.graph.nodes[3].inputs[0].0 -= 1),
        ("shape of a parameter", true, |network| {
            network.graph.parameters[0].shape[0] += 1
        }),
        ("outputs", true, |network| network.graph.outputs.truncate(1)),
        ("preprocessing", true, |network| {
            network.preprocessing = Some(Preprocessing::default())
        }),
        ("classes", true, |network| network.classes = vec!["zero".into()]),
    ];
    let honest = skeleton(registry::find("lenet").unwrap(), 1, true);
    let (skeleton_digest, digest) = (honest.digest().unwrap(), honest.architecture().digest().unwrap());
    for (what, matters, alter) in alterations {
        let mut altered = honest.clone();
        alter(&mut altered);
        assert_ne!(altered.digest().unwrap(), skeleton_digest, "{what}");
        assert!(honest.difference(&altered).is_some(), "{what}");
        let architecture = altered.architecture();
        assert_eq!(architecture.digest().unwrap() != digest, matters, "{what}");
        assert_eq!(
            honest.architecture().difference(&architecture).is_some(),
            matters,
            "{what}"
        );
    }
}
