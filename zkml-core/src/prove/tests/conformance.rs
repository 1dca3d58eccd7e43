//! Every operation, on odd shapes: the trace satisfies the circuit, the proof verifies, a wrong cell is found by name.

use super::network::{Network, window};
use crate::circuit::{ColumnKind, Function};
use crate::field::M61;
use crate::graph::{IntOp, NodeId, Window2d};
use crate::prove::{CompiledModel, SetupOptions, Trace, Violation, check, prove, setup};
use crate::reduce::{Cells, Values};
use crate::verify::{Statement, verify};

const INPUT: NodeId = NodeId(0);

/// Executes, checks the trace, proves, verifies; then alters one cell of each committed column and expects a
/// violation that names it.
fn conforms(model: CompiledModel) {
    let input = Network::random_input(1, &model);
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");
    let circuit = statement.circuit();
    let trace = Trace::generate(&key, &statement, &input).expect("trace");
    check(circuit, &trace.values).expect("the trace satisfies the circuit");

    // Every virtual column that the execution supplied is what its definition says.
    let defined = Values::new(circuit);
    for id in circuit.ids() {
        if matches!(
            circuit[id].kind,
            ColumnKind::Committed { .. } | ColumnKind::Parameter | ColumnKind::Public(_)
        ) {
            defined.set(id, trace.values.cells(id).clone());
        }
    }
    for id in circuit.ids() {
        let name = &circuit[id].name;
        assert_eq!(
            trace.values.cells(id).to_base(),
            defined.cells(id).to_base(),
            "column {name}"
        );
    }

    let (public, proof) = prove(&key, &input, b"context").expect("prove");
    assert_eq!(public, trace.public);
    verify(&key.verifying, &public, &proof, b"context").expect("verify");
    assert!(
        verify(&key.verifying, &public, &proof, b"other").is_err(),
        "another context"
    );

    for altered in circuit.committed() {
        let values = Values::new(circuit);
        for id in circuit.ids() {
            if !matches!(
                circuit[id].kind,
                ColumnKind::Linear(_) | ColumnKind::View(_) | ColumnKind::Contraction(_)
            ) {
                let mut cells = trace.values.cells(id).to_base().into_owned();
                if id == altered {
                    cells[0] += M61::from(1u64);
                }
                values.set(id, Cells::Base(cells.into()));
            }
        }
        let layer = circuit[altered]
            .name
            .split('/')
            .next()
            .expect("a name")
            .to_owned();
        match check(circuit, &values) {
            Err(Violation::Lookup { name, .. } | Violation::Equality { name, .. }) => {
                assert!(
                    name.starts_with(&layer),
                    "{} altered, {name} found",
                    circuit[altered].name
                );
            }
            other => panic!("{} altered: {other:?}", circuit[altered].name),
        }
    }
}

#[test]
fn linear_of_odd_size() {
    let mut n = Network::new(1, &[1, 7], (-127, 127));
    let fc = n.linear("fc", INPUT, 5, true);
    conforms(n.finish(&[fc]));
}

#[test]
fn linear_of_one_by_one_and_batch() {
    let mut n = Network::new(2, &[3, 1], (-127, 127));
    let fc = n.linear("fc", INPUT, 1, false);
    let q = n.rescale("fc/q", fc, Function::Identity, None);
    conforms(n.finish(&[q]));
}

#[test]
fn convolution_with_bias_padding_stride() {
    let mut n = Network::new(3, &[1, 3, 7, 5], (-127, 127));
    let window = Window2d {
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0],
        dilation: [1, 1],
    };
    let conv = n.convolution("conv", INPUT, 5, window, 1);
    conforms(n.finish(&[conv]));
}

#[test]
fn convolution_dilated_and_grouped() {
    let mut n = Network::new(4, &[2, 6, 6, 6], (-127, 127));
    let window = Window2d {
        kernel: [2, 2],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [2, 2],
    };
    let conv = n.convolution("conv", INPUT, 9, window, 3);
    let q = n.rescale("q", conv, Function::Relu, Some(1));
    conforms(n.finish(&[q]));
}

#[test]
fn convolution_depthwise_one_by_one() {
    let mut n = Network::new(5, &[1, 5, 3, 3], (-127, 127));
    let conv = n.convolution("conv", INPUT, 5, window(1, 1, 0), 5);
    conforms(n.finish(&[conv]));
}

#[test]
fn convolution_of_one_channel_and_one_pixel() {
    let mut n = Network::new(6, &[1, 1, 1, 1], (-127, 127));
    let conv = n.convolution("conv", INPUT, 1, window(1, 1, 0), 1);
    let q = n.rescale("q", conv, Function::Identity, Some(1));
    conforms(n.finish(&[q]));
}

#[test]
fn rescale_per_tensor_and_per_channel() {
    let mut n = Network::new(7, &[1, 5, 3], (-127, 127));
    let a = n.linear("a", INPUT, 6, true);
    let qa = n.rescale("qa", a, Function::Identity, Some(2));
    let b = n.linear("b", qa, 3, true);
    let qb = n.rescale("qb", b, Function::Relu, None);
    conforms(n.finish(&[qb]));
}

#[test]
fn max_pool_plain_overlapping_padded_and_dilated() {
    for (seed, window) in [
        (8, window(2, 2, 0)),
        (9, window(3, 2, 1)),
        (10, window(3, 1, 1)),
        (
            11,
            Window2d {
                kernel: [2, 3],
                stride: [1, 2],
                padding: [1, 0],
                dilation: [2, 1],
            },
        ),
        (12, window(1, 1, 0)),
    ] {
        let mut n = Network::new(seed, &[1, 3, 7, 7], (-127, 127));
        let pool = n.max_pool("pool", INPUT, window);
        conforms(n.finish(&[pool]));
    }
}

#[test]
fn average_pool_and_global_average_pool() {
    let mut n = Network::new(13, &[1, 3, 6, 6], (-127, 127));
    let pool = n.sum_pool("pool", INPUT, window(3, 2, 1));
    let q = n.rescale("q", pool, Function::Identity, None);
    let global = n.sum_pool("global", q, window(3, 1, 0));
    conforms(n.finish(&[global]));
}

#[test]
fn residual_sum_with_coefficients() {
    let mut n = Network::new(14, &[1, 3, 5, 5], (-127, 127));
    let conv = n.convolution("conv", INPUT, 3, window(3, 1, 1), 1);
    let q = n.rescale("q", conv, Function::Relu, Some(1));
    let sum = n.node(
        "add",
        IntOp::WeightedSum {
            coefficients: vec![37, 53],
        },
        &[q, INPUT],
        vec![1, 3, 5, 5],
        (-11430, 11430),
    );
    let out = n.rescale("out", sum, Function::Relu, None);
    conforms(n.finish(&[out]));
}

#[test]
fn concatenation_reshape_permutation_and_padding() {
    let mut n = Network::new(15, &[1, 3, 4, 5], (-127, 127));
    let conv = n.convolution("conv", INPUT, 2, window(3, 1, 1), 1);
    let q = n.rescale("q", conv, Function::Identity, None);
    let cat = n.node(
        "cat",
        IntOp::Concat { axis: 1 },
        &[INPUT, q],
        vec![1, 5, 4, 5],
        (-127, 127),
    );
    let pad = n.node(
        "pad",
        IntOp::Pad {
            amounts: vec![(0, 0), (0, 0), (1, 2), (0, 1)],
        },
        &[cat],
        vec![1, 5, 7, 6],
        (-127, 127),
    );
    let permuted = n.node(
        "permute",
        IntOp::Permute {
            order: vec![0, 2, 3, 1],
        },
        &[pad],
        vec![1, 7, 6, 5],
        (-127, 127),
    );
    let reshaped = n.node(
        "reshape",
        IntOp::Reshape,
        &[permuted],
        vec![1, 21, 10],
        (-127, 127),
    );
    let fc = n.linear("fc", reshaped, 3, true);
    conforms(n.finish(&[fc]));
}

#[test]
fn argmax_of_rows_with_ties() {
    let mut n = Network::new(16, &[3, 6], (-2, 2));
    let arg = n.argmax("argmax", INPUT, 1);
    conforms(n.finish(&[arg]));
    let mut n = Network::new(17, &[1, 1], (-2, 2));
    let arg = n.argmax("argmax", INPUT, 1);
    conforms(n.finish(&[arg]));
}

#[test]
fn a_whole_network() {
    let mut n = Network::new(18, &[1, 3, 9, 9], (-127, 127));
    let conv = n.convolution("conv", INPUT, 5, window(3, 1, 1), 1);
    let act = n.rescale("relu", conv, Function::Relu, Some(1));
    let pool = n.max_pool("pool", act, window(2, 2, 0));
    let flat = n.flatten("flatten", pool);
    let fc = n.linear("fc", flat, 10, true);
    let arg = n.argmax("argmax", fc, 1);
    conforms(n.finish(&[fc, arg]));
}
