//! Networks that somebody made to keep a verifier busy: each is refused, in bounded time and memory.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and report"
)]

mod counting;

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use counting::{ALONE, peak};
use zkml::Privacy;
use zkml::circuit::{Curve, CurveKind, Dyadic, Function, FunctionTable};
use zkml::graph::{
    ChannelScales, Graph, IntFact, Lengths, Node, NodeId, ParameterId, ParameterRole, Sizing, WeightShape,
    Window2d,
};
use zkml::keys::NetworkSkeleton;
use zkml::ops::{self, IntOp, Skeleton};
use zkml::optimize::Switches;

/// What the verifier may take for any network, besides a few times its file.
const MEMORY: usize = 1 << 30;
const TIME: Duration = Duration::from_secs(30);

fn node(
    name: &str,
    op: impl Into<IntOp>,
    inputs: &[usize],
    shape: &[usize],
    range: (i64, i64),
) -> Node<Skeleton> {
    Node {
        name: name.into(),
        op: op.into(),
        inputs: inputs.iter().map(|&id| NodeId(id)).collect(),
        fact: IntFact {
            shape: shape.to_vec(),
            range,
            scale: 1.0,
        },
    }
}

fn network(nodes: Vec<Node<Skeleton>>) -> NetworkSkeleton {
    let inputs = nodes
        .iter()
        .filter(|node| node.op.room().has(ops::Properties::INPUT))
        .count();
    NetworkSkeleton {
        name: "hostile".into(),
        graph: Graph {
            input: NodeId(0),
            outputs: vec![NodeId(nodes.len() - 1)],
            nodes,
            parameters: Vec::new(),
        },
        input_scales: vec![ChannelScales::one(1.0); inputs],
        output_scales: vec![ChannelScales::one(1.0)],
        limb_bits: 8,
        lowering: Switches::default(),
        sizing: Default::default(),
        preprocessing: None,
        classes: Vec::new(),
    }
}

fn input(shape: &[usize], range: (i64, i64)) -> Node<Skeleton> {
    node("input", ops::Input, &[], shape, range)
}

/// Lowers, prints and compares a network within the bounds. What is lowered may be accepted.
fn bounded(what: &str, network: NetworkSkeleton) -> Result<(), String> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let start = Instant::now();
    let (peak, result) = peak(|| {
        let _ = network.architecture().difference(&network.architecture());
        // The same for a text of another length than the one that it says it is written down at.
        let of_texts = NetworkSkeleton {
            sizing: Sizing::AnyLength(Lengths::text(29)),
            ..network.clone()
        };
        let _ = of_texts.at(Lengths::text(5));
        network.lower(&Privacy::default()).map(|_| ())
    });
    let (time, bytes) = (start.elapsed(), postcard_size(&network));
    let allowed = MEMORY + 64 * bytes;
    println!("{what}: {peak} bytes of {allowed}, {time:?}, {result:?}");
    assert!(peak <= allowed, "{what}: {peak} bytes, {allowed} allowed");
    assert!(time <= TIME, "{what}: {time:?}");
    result.map_err(|error| error.to_string())
}

/// About the bytes of a network's file.
fn postcard_size(network: &NetworkSkeleton) -> usize {
    serde_json::to_vec(network).unwrap().len()
}

#[track_caller]
fn refused(what: &str, network: NetworkSkeleton, expected: &str) {
    match bounded(what, network) {
        Err(error) => assert!(error.contains(expected), "{what}: {error}"),
        Ok(()) => panic!("{what}: accepted"),
    }
}

#[test]
fn many_large_maxima_are_refused() {
    let window = Window2d::new([64, 64], [1, 1], [0, 0], [1, 1]);
    let side = 256 - 63;
    let mut nodes = vec![input(&[1, 1, 256, 256], (0, 1))];
    for index in 1..16_000 {
        let pool = ops::MaxPool2d { window };
        nodes.push(node(
            &format!("pool{index}"),
            pool,
            &[0],
            &[1, 1, side, side],
            (0, 1),
        ));
    }
    refused("maxima", network(nodes), "at most 1048576");
    let window = Window2d::new([256, 256], [1, 1], [0, 0], [1, 1]);
    let pool = node("pool", ops::MaxPool2d { window }, &[0], &[1, 1, 1, 1], (0, 1));
    refused(
        "a maximum",
        network(vec![input(&[1, 1, 256, 256], (0, 1)), pool]),
        "pooling window",
    );
}

#[test]
fn many_large_constants_are_refused() {
    let mut nodes = vec![input(&[4096], (0, 1))];
    for size in 2049..=4096 {
        let narrow = ops::Narrow {
            axis: 0,
            start: 0,
            length: size,
        };
        let at = nodes.len();
        nodes.push(node(&format!("narrow{size}"), narrow, &[0], &[size], (0, 1)));
        let argmax = ops::Argmax { axis: 0 };
        nodes.push(node(
            &format!("argmax{size}"),
            argmax,
            &[at],
            &[],
            (0, size as i64 - 1),
        ));
    }
    refused("argmax", network(nodes), "public cells that follow from sizes");
    let mut nodes = vec![input(&[1, 1, 1, 1 << 16], (0, 1))];
    for width in 1..16_000 {
        let window = Window2d::new([1, width], [1, 1], [0, 0], [1, 1]);
        let shape = [1, 1, 1, (1 << 16) - width + 1];
        let range = (0, width as i64);
        nodes.push(node(
            &format!("pool{width}"),
            ops::SumPool2d { window },
            &[0],
            &shape,
            range,
        ));
    }
    refused("sums", network(nodes), "public cells that follow from sizes");
}

#[test]
fn long_names_are_refused() {
    let long = "x".repeat(1 << 20);
    let mut named = network(vec![input(&[1, 4], (0, 1))]);
    named.name = long.clone();
    refused("name of a model", named, "expected at most 128 bytes");
    let mut named = network(vec![input(&[1, 4], (0, 1))]);
    named.graph.nodes[0].name = long.clone();
    refused("name of a node", named, "expected at most 128 bytes");
    let mut named = network(vec![input(&[1, 4], (0, 1))]);
    named.classes = vec![long];
    refused("name of a class", named, "expected at most 128 bytes");
}

#[test]
fn entries_next_to_ties_are_counted_over_all_layers() {
    let step = |exponent: i16| Dyadic::new(1, exponent).unwrap();
    let curve = Curve::new(CurveKind::Tanh, step(-70), step(-69)).unwrap();
    let mut nodes = vec![input(&[1], (0, 1))];
    for index in 1..16_000 {
        let rescale = ops::Rescale {
            multipliers: vec![1],
            axis: 0,
            shift: 8,
            table: FunctionTable {
                // Each layer computes its own.
                function: Function::Curve(Curve::new(curve.kind(), curve.input(), curve.output()).unwrap()),
                domain_bits: 7,
                minimum: -127,
                maximum: 127,
            },
        };
        nodes.push(node(&format!("rescale{index}"), rescale, &[0], &[1], (-127, 127)));
    }
    refused("ties", network(nodes), "next to ties");
}

#[test]
fn a_bias_along_an_axis_that_is_not_there_is_refused() {
    for (axis, shape) in [(7, &[3, 2][..]), (1 << 60, &[3, 2]), (0, &[1])] {
        let scale = ops::ChannelScale {
            weight: ParameterId(0),
            bias: Some(ParameterId(1)),
            axis,
        };
        let mut network = network(vec![
            input(shape, (0, 1)),
            node("scale", scale, &[0], shape, (-1 << 40, 1 << 40)),
        ]);
        network.graph.parameters = [ParameterRole::Weight, ParameterRole::Bias]
            .map(|role| WeightShape {
                path: format!("{role:?}"),
                role,
                shape: vec![1],
            })
            .to_vec();
        refused("a bias", network, "scale");
    }
}

#[test]
fn long_tables_are_counted_before_they_are_computed() {
    let mut nodes = vec![input(&[1], (0, 1))];
    for index in 1..16_000i64 {
        let input = Dyadic::new(2 * index + 1, -30).unwrap();
        let rescale = ops::Rescale {
            multipliers: vec![1],
            axis: 0,
            shift: 8,
            table: FunctionTable {
                function: Function::Curve(Curve::new(CurveKind::Gelu, input, Dyadic::ONE).unwrap()),
                domain_bits: 19,
                minimum: -127,
                maximum: 127,
            },
        };
        nodes.push(node(&format!("rescale{index}"), rescale, &[0], &[1], (-127, 127)));
    }
    refused("tables", network(nodes), "rows of tables of real functions");
}

#[test]
fn sums_of_huge_coefficients_do_not_wrap() {
    let constant = ops::IntegerConstant {
        values: vec![1 << 59],
    };
    let sum = ops::WeightedSum {
        coefficients: (0..40)
            .map(|index| if index % 2 == 0 { i64::MAX } else { -i64::MAX })
            .collect(),
    };
    let nodes = vec![
        input(&[1], (0, 1)),
        node("constant", constant, &[], &[1], (1 << 59, 1 << 59)),
        node("sum", sum, &[1; 40], &[1], (0, 0)),
    ];
    let error = bounded("sum", network(nodes)).unwrap_err();
    assert!(error.contains("sum") || error.contains("2^60"), "{error}");
}

#[test]
fn virtual_nands_are_refused() {
    // 1 - a b on {0, 1}: its range never grows, and nothing is looked up.
    let mut nodes = vec![input(&[8], (0, 1))];
    let one = ops::IntegerConstant { values: vec![1; 8] };
    nodes.push(node("one", one, &[], &[8], (1, 1)));
    let mut last = 0;
    for index in 0..64 {
        nodes.push(node(
            &format!("and{index}"),
            ops::Product,
            &[last, last],
            &[8],
            (0, 1),
        ));
        let and = nodes.len() - 1;
        let not = ops::WeightedSum {
            coefficients: vec![1, -1],
        };
        nodes.push(node(&format!("nand{index}"), not, &[1, and], &[8], (0, 1)));
        last = nodes.len() - 1;
    }
    refused("nands", network(nodes), "degree 4 at most");
}
