//! Every operation, on odd shapes: the trace satisfies the circuit, the proof verifies, a wrong cell is found by name.

use crate::ops;
use ndarray::ArrayD;

use super::fixture::whole_network;
use super::handed;
use super::network::{Network, window};
use crate::argument::Statement;
use crate::argument::{Trace, Violation, check};
use crate::circuit::{
    Circuit, ColumnId, ColumnKind, Curve, CurveKind, Custom, Dyadic, Function, FunctionTable, Home,
};
use crate::field::M61;
use crate::graph::{NodeId, Window2d};
use crate::keys::{CompiledModel, ProvingKey};
use crate::ops::IntOp;
use crate::privacy::{Privacy, Visibility};
use crate::proof::PublicValues;
use crate::prove::prove;
use crate::reduce::{Cells, Values};
use crate::setup::{SetupOptions, setup};
use crate::verify::verify;

const INPUT: NodeId = NodeId(0);

/// The tests of an operation whose result may be public.
macro_rules! operation_tests {
    ($network:expr) => {
        fn model() -> CompiledModel {
            $network
        }

        #[test]
        fn trace_satisfies_the_circuit() {
            with_trace(model(), |_, circuit, trace, _| {
                check(circuit, &trace.values).expect("the trace satisfies the circuit");
            });
        }

        #[test]
        fn columns_are_what_their_definitions_say() {
            with_trace(model(), |_, circuit, trace, _| {
                columns_follow_definitions(circuit, trace)
            });
        }

        #[test]
        fn proof_verifies_in_its_context_only() {
            with_trace(model(), |key, _, trace, input| {
                proof_verifies(key, trace, input)
            });
        }

        #[test]
        fn altered_cells_are_found_by_name() {
            with_trace(model(), |_, circuit, trace, _| {
                altered_cells_are_found(circuit, trace)
            });
        }
    };
}

/// The contract of an operation: give a network that uses it, get the tests every operation must pass.
macro_rules! test_op {
    ($name:ident, $network:expr) => {
        mod $name {
            use super::*;

            operation_tests!($network);

            #[test]
            fn with_private_input_and_output_the_same_holds() {
                let private = Privacy {
                    input: Visibility::Private,
                    output: Visibility::Private,
                    weights: Visibility::Public,
                    commit_input: true,
                };
                with_trace(
                    model().with_privacy(private),
                    |key, circuit, trace, input| {
                        check(circuit, &trace.values).expect("the trace satisfies the circuit");
                        columns_follow_definitions(circuit, trace);
                        altered_cells_are_found(circuit, trace);
                        assert_eq!(trace.public, PublicValues::default());
                        proof_verifies(key, trace, input);
                    },
                );
            }
        }
    };
}

/// The same for an operation that is a public output: the last one of the network. The others, and the input, may be
/// private.
macro_rules! test_revealed_op {
    ($name:ident, $network:expr) => {
        mod $name {
            use super::*;

            operation_tests!($network);

            #[test]
            fn beside_private_outputs_the_same_holds() {
                let model = model();
                let mut outputs = vec![Visibility::Private; model.network.graph.outputs.len()];
                *outputs.last_mut().expect("an output") = Visibility::Public;
                let model = model
                    .with_visibility(&[Visibility::Private], &outputs)
                    .expect("fits");
                with_trace(model, |key, circuit, trace, input| {
                    check(circuit, &trace.values).expect("the trace satisfies the circuit");
                    columns_follow_definitions(circuit, trace);
                    altered_cells_are_found(circuit, trace);
                    let shown = trace.public.outputs.as_ref().expect("a public output");
                    assert_eq!(shown.as_slice(), &trace.answer.outputs[outputs.len() - 1..]);
                    proof_verifies(key, trace, input);
                });
            }
        }
    };
}

pub(super) fn with_trace(
    model: CompiledModel,
    test: impl FnOnce(&ProvingKey, &Circuit, &Trace<'_>, &ArrayD<i64>),
) {
    let input = Network::random_input(1, &model);
    with_trace_on(model, input, test);
}

/// Calls `test` with the key of a model and the trace of one input.
pub(super) fn with_trace_on(
    model: CompiledModel,
    input: ArrayD<i64>,
    test: impl FnOnce(&ProvingKey, &Circuit, &Trace<'_>, &ArrayD<i64>),
) {
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");
    let trace = Trace::generate(&key, &statement, &input).expect("trace");
    test(&key, statement.circuit(), &trace, &input);
}

/// Every virtual column that the execution supplied is what its definition says.
pub(super) fn columns_follow_definitions(circuit: &Circuit, trace: &Trace<'_>) {
    let defined = Values::new(circuit);
    for id in circuit.ids().filter(|id| is_given(circuit, *id)) {
        defined.set(id, trace.values.cells(id).clone());
    }
    for id in circuit.ids() {
        let name = &circuit[id].name;
        assert_eq!(
            trace.values.cells(id).to_base(),
            defined.cells(id).to_base(),
            "column {name}"
        );
    }
}

pub(super) fn proof_verifies(key: &ProvingKey, trace: &Trace<'_>, input: &ArrayD<i64>) {
    let proof = prove(key, input, b"context").expect("prove");
    assert_eq!(proof.public, trace.public);
    verify(&key.verifying, &proof, b"context").expect("verify");
    handed::answer(&key.verifying, &proof, b"context");
    assert!(
        verify(&key.verifying, &proof, b"other").is_err(),
        "another context"
    );
}

/// One cell of each committed column altered: the violation that is found names its layer. A private input may be any
/// other one of its range: the prover chooses it.
pub(super) fn altered_cells_are_found(circuit: &Circuit, trace: &Trace<'_>) {
    let homes = [Home::Trace, Home::Input, Home::Output];
    for altered in homes.into_iter().flat_map(|home| circuit.tensors(home)) {
        let layer = circuit[altered]
            .name
            .split(['/', '['])
            .next()
            .expect("a name")
            .to_owned();
        let values = Values::new(circuit);
        for id in circuit.ids().filter(|id| is_given(circuit, *id)) {
            let mut cells = trace.values.cells(id).to_base().into_owned();
            if id == altered {
                let shift = if layer == "input" { 1u64 << 40 } else { 1 };
                cells[0] += M61::from(shift);
            }
            values.set(id, Cells::Base(cells));
        }
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

fn is_given(circuit: &Circuit, id: ColumnId) -> bool {
    !matches!(
        circuit[id].kind,
        ColumnKind::Linear(_) | ColumnKind::View(_) | ColumnKind::Contraction(_)
    )
}

test_op!(linear_of_odd_size, {
    let mut n = Network::new(1, &[1, 7], (-127, 127));
    let fc = n.linear("fc", INPUT, 5, true);
    n.finish(&[fc])
});

test_op!(linear_of_one_by_one_and_batch, {
    let mut n = Network::new(2, &[3, 1], (-127, 127));
    let fc = n.linear("fc", INPUT, 1, false);
    let q = n.rescale("fc/q", fc, Function::Identity, None);
    n.finish(&[q])
});

test_op!(convolution_with_bias_padding_stride, {
    let mut n = Network::new(3, &[1, 3, 7, 5], (-127, 127));
    let window = Window2d::new([3, 2], [2, 1], [1, 0], [1, 1]);
    let conv = n.convolution("conv", INPUT, 5, window, 1);
    n.finish(&[conv])
});

test_op!(convolution_dilated_and_grouped, {
    let mut n = Network::new(4, &[2, 6, 6, 6], (-127, 127));
    let window = Window2d::new([2, 2], [1, 1], [1, 1], [2, 2]);
    let conv = n.convolution("conv", INPUT, 9, window, 3);
    let q = n.rescale("q", conv, Function::Relu, Some(1));
    n.finish(&[q])
});

test_op!(convolution_depthwise_one_by_one, {
    let mut n = Network::new(5, &[1, 5, 3, 3], (-127, 127));
    let conv = n.convolution("conv", INPUT, 5, window(1, 1, 0), 5);
    n.finish(&[conv])
});

test_op!(convolution_of_one_channel_and_one_pixel, {
    let mut n = Network::new(6, &[1, 1, 1, 1], (-127, 127));
    let conv = n.convolution("conv", INPUT, 1, window(1, 1, 0), 1);
    let q = n.rescale("q", conv, Function::Identity, Some(1));
    n.finish(&[q])
});

test_op!(rescale_per_tensor_and_per_channel, {
    let mut n = Network::new(7, &[1, 5, 3], (-127, 127));
    let a = n.linear("a", INPUT, 6, true);
    let qa = n.rescale("qa", a, Function::Identity, Some(2));
    let b = n.linear("b", qa, 3, true);
    let qb = n.rescale("qb", b, Function::Relu, None);
    n.finish(&[qb])
});

test_op!(max_pool, {
    let mut n = Network::new(8, &[1, 3, 7, 7], (-127, 127));
    let pool = n.max_pool("pool", INPUT, window(2, 2, 0));
    n.finish(&[pool])
});

test_op!(max_pool_overlapping_and_padded, {
    let mut n = Network::new(9, &[1, 3, 7, 7], (-127, 127));
    let pool = n.max_pool("pool", INPUT, window(3, 2, 1));
    n.finish(&[pool])
});

test_op!(max_pool_stride_one, {
    let mut n = Network::new(10, &[1, 3, 7, 7], (-127, 127));
    let pool = n.max_pool("pool", INPUT, window(3, 1, 1));
    n.finish(&[pool])
});

test_op!(max_pool_of_one_cell, {
    let mut n = Network::new(12, &[1, 3, 7, 7], (-127, 127));
    let pool = n.max_pool("pool", INPUT, window(1, 1, 0));
    n.finish(&[pool])
});

test_op!(max_pool_rectangular_and_dilated, {
    let window = Window2d::new([2, 3], [1, 2], [1, 0], [2, 1]);
    let mut n = Network::new(11, &[1, 3, 7, 7], (-127, 127));
    let pool = n.max_pool("pool", INPUT, window);
    n.finish(&[pool])
});

test_op!(average_pool_and_global_average_pool, {
    let mut n = Network::new(13, &[1, 3, 6, 6], (-127, 127));
    let pool = n.sum_pool("pool", INPUT, window(3, 2, 1));
    let q = n.rescale("q", pool, Function::Identity, None);
    let global = n.sum_pool("global", q, window(3, 1, 0));
    n.finish(&[global])
});

test_op!(residual_sum_with_coefficients, {
    let mut n = Network::new(14, &[1, 3, 5, 5], (-127, 127));
    let conv = n.convolution("conv", INPUT, 3, window(3, 1, 1), 1);
    let q = n.rescale("q", conv, Function::Relu, Some(1));
    let sum = n.weighted_sum("add", &[37, 53], &[q, INPUT], 11430);
    let out = n.rescale("out", sum, Function::Relu, None);
    n.finish(&[out])
});

test_op!(concatenation_reshape_permutation_and_padding, {
    let mut n = Network::new(15, &[1, 3, 4, 5], (-127, 127));
    let conv = n.convolution("conv", INPUT, 2, window(3, 1, 1), 1);
    let q = n.rescale("q", conv, Function::Identity, None);
    let cat = n.node(
        "cat",
        IntOp::Concat(ops::Concat { axis: 1 }),
        &[INPUT, q],
        vec![1, 5, 4, 5],
        (-127, 127),
    );
    let pad = n.node(
        "pad",
        IntOp::Pad(ops::Pad {
            amounts: vec![(0, 0), (0, 0), (1, 2), (0, 1)],
        }),
        &[cat],
        vec![1, 5, 7, 6],
        (-127, 127),
    );
    let permuted = n.node(
        "permute",
        IntOp::Permute(ops::Permute {
            order: vec![0, 2, 3, 1],
        }),
        &[pad],
        vec![1, 7, 6, 5],
        (-127, 127),
    );
    let reshaped = n.node(
        "reshape",
        IntOp::Reshape(ops::Reshape),
        &[permuted],
        vec![1, 21, 10],
        (-127, 127),
    );
    let fc = n.linear("fc", reshaped, 3, true);
    n.finish(&[fc])
});

test_op!(subsampling_and_padding_of_channels, {
    let mut n = Network::new(19, &[1, 3, 5, 7], (-127, 127));
    let every_second = n.max_pool("subsample", INPUT, window(1, 2, 0));
    let pad = n.node(
        "pad",
        IntOp::Pad(ops::Pad {
            amounts: vec![(0, 0), (2, 1), (0, 0), (0, 0)],
        }),
        &[every_second],
        vec![1, 6, 3, 4],
        (-127, 127),
    );
    let conv = n.convolution("conv", pad, 6, window(3, 1, 1), 6);
    let q = n.rescale("q", conv, Function::Identity, Some(1));
    let sum = n.weighted_sum("add", &[1, 1], &[q, pad], 254);
    let out = n.rescale("out", sum, Function::Relu, None);
    n.finish(&[out])
});

/// A convolution, and a function of it with bounds of its own.
fn bounded(n: &mut Network, name: &str, function: Function, bounds: (i64, i64)) -> NodeId {
    let conv = n.convolution("conv", INPUT, 3, window(3, 1, 1), 3);
    let table = FunctionTable {
        function,
        domain_bits: 12,
        minimum: bounds.0,
        maximum: bounds.1,
    };
    let op = IntOp::Rescale(ops::Rescale {
        multipliers: vec![90],
        axis: 0,
        shift: 16,
        table,
    });
    n.node(name, op, &[conv], vec![1, 3, 5, 5], bounds)
}

test_op!(relu_with_a_bound, {
    let mut n = Network::new(20, &[1, 3, 5, 5], (-127, 127));
    let out = bounded(&mut n, "relu6", Function::Relu, (0, 75));
    n.finish(&[out])
});

test_op!(clamp_between_bounds_that_leave_out_0, {
    let mut n = Network::new(26, &[1, 3, 5, 5], (-127, 127));
    // f(0) is 20: the padding of the output is not 0.
    let clamp = bounded(&mut n, "clamp", Function::Identity, (20, 75));
    let flat = n.flatten("flatten", clamp);
    let fc = n.linear("fc", flat, 4, true);
    n.finish(&[fc])
});

test_op!(a_curve_that_is_not_monotone, {
    let mut n = Network::new(24, &[1, 3, 5, 5], (-127, 127));
    let conv = n.convolution("conv", INPUT, 3, window(3, 1, 1), 3);
    let step = Dyadic::new(1, -5).expect("a step");
    let gelu = Curve::new(CurveKind::Gelu, step, step).expect("a curve");
    let act = n.rescale("gelu", conv, Function::Curve(gelu), Some(1));
    let flat = n.flatten("flatten", act);
    let fc = n.linear("fc", flat, 4, true);
    n.finish(&[fc])
});

test_op!(an_explicit_table, {
    let mut n = Network::new(25, &[1, 3, 5, 5], (-127, 127));
    let conv = n.convolution("conv", INPUT, 3, window(3, 1, 1), 3);
    // f(0) is not 0: the padding of the output is not either.
    let entries = (0..1 << 13).map(|v: i64| (v * v + 17) % 255 - 127).collect();
    let act = n.rescale("custom", conv, Function::Custom(Custom::new(entries)), None);
    let flat = n.flatten("flatten", act);
    let fc = n.linear("fc", flat, 4, true);
    n.finish(&[fc])
});

test_op!(argmax_of_rows_with_ties, {
    let mut n = Network::new(16, &[3, 6], (-2, 2));
    let arg = n.argmax("argmax", INPUT, 1);
    n.finish(&[arg])
});

test_op!(argmax_of_one_value, {
    let mut n = Network::new(17, &[1, 1], (-2, 2));
    let arg = n.argmax("argmax", INPUT, 1);
    n.finish(&[arg])
});

/// An argmax over `2^bits x + fc(x)`, whose margins have `bits + 8` bits: what rows of very different size ask for.
pub(super) fn wide_argmax(shape: &[usize], axis: usize, bits: u32, limb_bits: u32) -> CompiledModel {
    let mut n = Network::new(29, shape, (-127, 127));
    n.limb_bits = limb_bits;
    let low = n.linear("fc", INPUT, shape[shape.len() - 1], false);
    let coefficients = vec![1 << bits, 1];
    let op = IntOp::WeightedSum(ops::WeightedSum { coefficients });
    let wide = n.derived("wide", op, &[INPUT, low], shape.to_vec());
    let arg = n.argmax("argmax", wide, axis);
    n.finish(&[arg])
}

test_op!(argmax_over_margins_of_56_bits, wide_argmax(&[2, 5], 1, 48, 8));
test_op!(argmax_over_margins_of_57_bits, wide_argmax(&[2, 5], 1, 49, 8));
test_op!(
    argmax_over_margins_of_57_bits_in_small_digits,
    wide_argmax(&[3, 3], 0, 49, 4)
);
test_op!(argmax_over_margins_of_58_bits, wide_argmax(&[2, 3, 2], 1, 50, 7));
test_op!(a_whole_network, whole_network(18));

/// Queries, keys and values from an input `[N, H, S, C]`: every second token, every second head, and a layer on these.
pub(super) fn attention(sizes: [usize; 4], values: usize, op: ops::IntegerAttention) -> CompiledModel {
    let [batch, heads, keys, _] = sizes;
    let mut n = Network::new(26, &sizes, (-127, 127));
    let every_second = |n: &mut Network, name: &str, x: NodeId| {
        let mut window = window(1, 2, 0);
        window.stride = [2, 1];
        n.max_pool(name, x, window)
    };
    let swapped = |n: &mut Network, name: &str, x: NodeId| {
        let shape = n.shape(x);
        let order = vec![0, 2, 1, 3];
        let shape = order.iter().map(|&axis| shape[axis]).collect();
        n.node(name, ops::Permute { order }.into(), &[x], shape, (-127, 127))
    };
    let q = every_second(&mut n, "q", INPUT);
    let by_token = swapped(&mut n, "by_token", INPUT);
    let halved = every_second(&mut n, "halved", by_token);
    let k = swapped(&mut n, "k", halved);
    let layer = n.linear("layer", k, values, false);
    let v = n.rescale("v", layer, Function::Identity, None);
    let shape = vec![batch, heads, keys.div_ceil(2), values];
    let attended = n.node("attended", op.into(), &[q, k, v], shape, (-127, 127));
    n.finish(&[attended])
}

/// Weights of 10 bits, differences of 12, and an odd number of bits everywhere.
pub(super) fn small_attention(causal: bool) -> ops::IntegerAttention {
    let mut op = ops::IntegerAttention::new(5, 9).expect("constants");
    op.causal = causal;
    let result = Dyadic::new(1, -10).expect("a step");
    op.decay.curve =
        Curve::new(CurveKind::Exp, Dyadic::new(1, -5).expect("a step"), result).expect("a curve");
    op.decay.bits = 12;
    op.reciprocal_bits = 25;
    op.output_bits = 8;
    op
}

test_op!(
    causal_attention_of_grouped_heads,
    attention([3, 6, 5, 3], 5, small_attention(true))
);

test_op!(
    attention_without_a_mask,
    attention([1, 2, 7, 5], 3, small_attention(false))
);

test_op!(
    attention_of_one_query_and_key,
    attention([1, 1, 1, 1], 1, small_attention(true))
);

test_op!(
    attention_with_the_constants_of_a_language_model,
    attention(
        [1, 10, 6, 3],
        3,
        ops::IntegerAttention::new(181, 15).expect("constants")
    )
);

test_revealed_op!(greedy_tokens_of_rows, {
    let mut n = Network::new(27, &[3, 5], (-127, 127));
    let fc = n.linear("logits", INPUT, 7, true);
    let token = n.greedy("token", fc, vec![]);
    n.finish(&[fc, token])
});

test_revealed_op!(greedy_tokens_with_ties_and_no_positive_logit, {
    let mut n = Network::new(28, &[9, 3, 6], (-8, -1));
    let token = n.greedy("token", INPUT, vec![]);
    let fc = n.linear("beside", INPUT, 3, false);
    n.finish(&[fc, token])
});

test_revealed_op!(greedy_tokens_of_scaled_logits, {
    let mut n = Network::new(29, &[5, 3], (-127, 127));
    let fc = n.linear("logits", INPUT, 6, false);
    let token = n.greedy("token", fc, vec![30_000, 7, 1, 500, 30_001, 12_345]);
    n.finish(&[fc, token])
});

test_revealed_op!(a_greedy_token_of_one, {
    let mut n = Network::new(30, &[1, 3], (-127, 127));
    let fc = n.linear("logits", INPUT, 1, false);
    let token = n.greedy("token", fc, vec![]);
    n.finish(&[fc, token])
});

test_revealed_op!(a_greedy_token_that_is_two_outputs, {
    let mut n = Network::new(31, &[3, 5], (-127, 127));
    let fc = n.linear("logits", INPUT, 7, true);
    let token = n.greedy("token", fc, vec![]);
    n.finish(&[token, token])
});
