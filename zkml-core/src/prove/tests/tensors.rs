//! Products of computed matrices, ranges of indices, and softmaxes: the contract of every operation, exhaustion at
//! small widths, and what the range analysis and the lowering refuse.

use ndarray::ArrayD;
use proptest::prelude::*;

use super::conformance::{
    altered_cells_are_found, columns_follow_definitions, proof_verifies, with_trace, with_trace_on,
};
use super::determinacy::{exactly_one_result, results_without};
use super::gadgets::{every_altered_cell_is_found, without_virtual_values};
use super::network::Network;
use crate::argument::check;
use crate::circuit::{Curve, CurveKind, Custom, Dyadic, Function};
use crate::execute::{execute, execute_reference};
use crate::graph::NodeId;
use crate::keys::CompiledModel;
use crate::ops::range::RangeError;
use crate::ops::{self, IntOp, node_range};
use crate::privacy::{Privacy, Visibility};
use crate::proof::PublicValues;

const INPUT: NodeId = NodeId(0);

fn requantize(multiplier: i64, shift: u32, bits: u32) -> IntOp {
    ops::Requantize {
        multipliers: vec![multiplier],
        axes: vec![],
        shift,
        bits,
        residual_shifts: Vec::new(),
    }
    .into()
}

/// A view with the last two axes swapped.
fn transposed(n: &mut Network, name: &str, x: NodeId) -> NodeId {
    let mut shape = n.shape(x);
    let last = shape.len() - 1;
    let mut order: Vec<usize> = (0..shape.len()).collect();
    order.swap(last - 1, last);
    shape.swap(last - 1, last);
    n.derived(name, ops::Permute { order }.into(), &[x], shape)
}

fn matmul(n: &mut Network, name: &str, left: NodeId, right: NodeId) -> NodeId {
    let mut shape = n.shape(left);
    *shape.last_mut().expect("a matrix") = *n.shape(right).last().expect("a matrix");
    n.derived(name, ops::Matmul.into(), &[left, right], shape)
}

pub(super) fn narrow(
    n: &mut Network,
    name: &str,
    x: NodeId,
    (axis, start, length): (usize, usize, usize),
) -> NodeId {
    let mut shape = n.shape(x);
    shape[axis] = length;
    n.derived(name, ops::Narrow { axis, start, length }.into(), &[x], shape)
}

/// An operand that is 0 nowhere: also not on padding.
fn above_zero(n: &mut Network, name: &str, x: NodeId) -> NodeId {
    let entries = (0..1 << 13).map(|v: i64| (v * v + 17) % 96 + 3).collect();
    n.rescale(name, x, Function::Custom(Custom::new(entries)), None)
}

/// The input times itself, transposed, and rounded.
pub(super) fn gram(shape: &[usize], range: (i64, i64), (bits, shift): (u32, u32)) -> CompiledModel {
    let mut n = Network::new(41, shape, range);
    let other = transposed(&mut n, "transpose", INPUT);
    let product = matmul(&mut n, "product", INPUT, other);
    let shape = n.shape(product);
    let q = n.derived("q", requantize(3, shift, bits), &[product], shape);
    n.finish(&[product, q])
}

test_op!(a_product_of_matrices, gram(&[3, 5], (-127, 127), (16, 6)));
test_op!(products_of_a_batch, gram(&[2, 3, 5, 3], (-127, 127), (16, 6)));
test_op!(a_product_of_two_numbers, gram(&[1, 1], (-127, 127), (16, 6)));

test_op!(a_product_of_operands_with_padding, {
    let mut n = Network::new(42, &[3, 5, 7], (-127, 127));
    let (a, b) = (n.linear("a", INPUT, 3, true), n.linear("b", INPUT, 6, true));
    let (a, b) = (above_zero(&mut n, "qa", a), above_zero(&mut n, "qb", b));
    let a = transposed(&mut n, "transpose", a);
    let product = matmul(&mut n, "product", a, b);
    let q = n.rescale("q", product, Function::Identity, None);
    n.finish(&[product, q])
});

test_op!(ranges_of_indices, {
    let mut n = Network::new(43, &[1, 6, 7], (-127, 127));
    let rows = narrow(&mut n, "rows", INPUT, (1, 1, 5));
    let last = narrow(&mut n, "last", rows, (2, 6, 1));
    let all = narrow(&mut n, "all", rows, (1, 0, 5));
    let fc = n.linear("fc", all, 3, true);
    n.finish(&[last, fc])
});

test_op!(a_range_of_values_with_padding, {
    let mut n = Network::new(44, &[5, 7], (-127, 127));
    let fc = n.linear("fc", INPUT, 6, true);
    let q = above_zero(&mut n, "q", fc);
    let part = narrow(&mut n, "part", q, (1, 3, 3));
    let rows = narrow(&mut n, "rows", part, (0, 2, 3));
    let other = n.linear("other", rows, 2, false);
    n.finish(&[rows, other])
});

/// Weights of 10 bits, differences of 12, and results of 7: an odd number of bits everywhere.
pub(super) fn small_softmax() -> ops::IntegerSoftmax {
    let step = |exponent| Dyadic::new(1, exponent).expect("a step");
    let mut op = ops::IntegerSoftmax::new(step(-5), 7).expect("constants");
    op.decay.curve = Curve::new(CurveKind::Exp, step(-5), step(-10)).expect("a curve");
    op.decay.bits = 12;
    op.reciprocal_bits = 24;
    op
}

pub(super) fn softmax(shape: &[usize], range: (i64, i64), op: ops::IntegerSoftmax) -> CompiledModel {
    let mut n = Network::new(45, shape, range);
    let y = n.derived("softmax", op.into(), &[INPUT], shape.to_vec());
    n.finish(&[y])
}

test_op!(
    softmaxes_of_odd_rows,
    softmax(&[3, 5], (-127, 127), small_softmax())
);
test_op!(
    softmaxes_of_a_batch,
    softmax(&[2, 3, 1, 6], (-127, 127), small_softmax())
);
test_op!(a_softmax_of_one_axis, softmax(&[5], (-127, 127), small_softmax()));
test_op!(
    a_softmax_of_one_number,
    softmax(&[1, 1], (-127, 127), small_softmax())
);

test_op!(a_softmax_with_the_constants_of_a_language_model, {
    let mut n = Network::new(46, &[3, 7], (-127, 127));
    let fc = n.linear("fc", INPUT, 5, true);
    let scores = n.derived("scores", requantize(300, 16, 16), &[fc], vec![3, 5]);
    let step = Dyadic::new(1, -6).expect("a step");
    let op = ops::IntegerSoftmax::new(step, 14).expect("constants");
    let y = n.derived("softmax", op.into(), &[scores], vec![3, 5]);
    n.finish(&[scores, y])
});

// Scores whose padding is not 0.
test_op!(a_softmax_of_scores_with_padding, {
    let mut n = Network::new(47, &[3, 7], (-127, 127));
    let fc = n.linear("fc", INPUT, 5, true);
    let scores = above_zero(&mut n, "scores", fc);
    let y = n.derived("softmax", small_softmax().into(), &[scores], vec![3, 5]);
    n.finish(&[scores, y])
});

/// Where the pass that leaves linear algebra virtual is off.
#[test]
fn values_may_be_committed() {
    for model in [
        gram(&[3, 5], (-127, 127), (16, 6)),
        softmax(&[3, 5], (-127, 127), small_softmax()),
    ] {
        with_trace(without_virtual_values(model), |key, circuit, trace, input| {
            check(circuit, &trace.values).expect("the trace satisfies the circuit");
            columns_follow_definitions(circuit, trace);
            proof_verifies(key, trace, input);
        });
    }
}

/// Rows without padded ones, whose maximum nothing reads.
#[test]
fn every_cell_of_advice_matters() {
    for model in [
        softmax(&[2, 3], (-127, 127), small_softmax()),
        softmax(&[3], (-127, 127), small_softmax()),
        gram(&[2, 3], (-127, 127), (16, 6)),
    ] {
        with_trace(model, |_, circuit, trace, _| {
            every_altered_cell_is_found(circuit, trace);
        });
    }
}

/// Rows of equal scores, of one that is far above all others, and of the ends of the range.
#[test]
fn softmaxes_of_extreme_rows_are_proved() {
    let step = Dyadic::new(1, -6).expect("a step");
    let op = ops::IntegerSoftmax::new(step, 14).expect("constants");
    let end = 1 << 15;
    let rows = vec![
        5,
        5,
        5,
        end - 1,
        -end,
        -end,
        -end,
        -end,
        -end,
        end - 1,
        end - 1,
        0,
    ];
    let expected = [
        [5461, 5461, 5461],
        [16_384, 0, 0],
        [5461, 5461, 5461],
        [8192, 8192, 0],
    ];
    let input = ArrayD::from_shape_vec(vec![4, 3], rows).expect("rows");
    let model = softmax(&[4, 3], (-end, end - 1), op);
    with_trace_on(model, input, |key, circuit, trace, input| {
        check(circuit, &trace.values).expect("the trace satisfies the circuit");
        columns_follow_definitions(circuit, trace);
        proof_verifies(key, trace, input);
        assert_eq!(trace.answer.outputs[0], expected.concat());
    });
}

/// Weights `4, 1, 1, 0` of differences from 0 to 3; 1 is 2.
fn tiny_softmax() -> ops::IntegerSoftmax {
    let step = |exponent| Dyadic::new(1, exponent).expect("a step");
    let mut op = ops::IntegerSoftmax::new(step(0), 1).expect("constants");
    op.decay.curve = Curve::new(CurveKind::Exp, step(0), step(-2)).expect("a curve");
    op.decay.bits = 2;
    op.reciprocal_bits = 5;
    op
}

fn tiny(shape: &[usize], range: (i64, i64), op: ops::IntegerSoftmax) -> CompiledModel {
    let mut model = softmax(shape, range, op);
    model.network.limb_bits = 2;
    model
}

#[test]
fn a_softmax_has_one_result_for_every_input() {
    let weights = tiny_softmax().decay.cells().expect("a table");
    assert_eq!([0, 1, 2, 3].map(|d| weights.at(d)), [4, 1, 1, 0].map(Some));
    for (shape, range, answers) in [
        (vec![1, 1], (-2, 1), 4),
        (vec![1, 2], (-2, 1), 16),
        // A padded cell, and a tensor of one axis.
        (vec![1, 3], (-1, 1), 27),
        (vec![3], (0, 1), 8),
        // Two rows.
        (vec![2, 1], (-1, 1), 9),
    ] {
        let found = exactly_one_result(&tiny(&shape, range, tiny_softmax()));
        assert_eq!(found, answers, "{shape:?} {range:?}");
    }
    // There is no room for a largest score of 2 or of -3, nor for a difference of 4 from 1.
    let found = exactly_one_result(&tiny(&[1, 2], (-3, 2), tiny_softmax()));
    assert_eq!(found, 36 - 11 - 1 - 2);
}

#[test]
fn products_and_ranges_have_one_result_for_every_input() {
    for (shape, range, some) in [
        (vec![1, 2], (-2, 2), 25),
        (vec![1, 3], (-1, 1), 27),
        (vec![2, 1], (-1, 1), 9),
    ] {
        let mut n = Network::new(1, &shape, range);
        n.limb_bits = 2;
        let other = transposed(&mut n, "transpose", INPUT);
        let product = matmul(&mut n, "product", INPUT, other);
        let shape = n.shape(product);
        let q = n.derived("q", requantize(1, 2, 3), &[product], shape);
        assert_eq!(exactly_one_result(&n.finish(&[q])), some);
    }
    for (axis, start, length) in [(0, 1, 1), (1, 1, 2), (1, 2, 1)] {
        let mut n = Network::new(1, &[2, 3], (0, 1));
        n.limb_bits = 2;
        let part = narrow(&mut n, "part", INPUT, (axis, start, length));
        let shape = n.shape(part);
        let q = n.derived("q", requantize(1, 1, 2), &[part], shape);
        assert_eq!(exactly_one_result(&n.finish(&[q])), 64);
    }
}

/// What a softmax would admit with one constraint less.
#[test]
fn weaker_softmaxes_admit_more() {
    let model = tiny(&[1, 3], (-2, 1), tiny_softmax());
    for (missing, input, wanted) in [
        // A maximum above every score.
        ("softmax/more_marks", [0, 0, 0], "softmax/sum"),
        // A reciprocal that is too small.
        ("softmax/reciprocal/gap", [1, 0, -2], "softmax/reciprocal"),
        // A probability that is rounded another way.
        ("softmax/remainder", [1, 0, -2], "softmax"),
    ] {
        assert_eq!(results_without(&model, "", &input, wanted), (0, 1));
        let (lookups, found) = results_without(&model, missing, &input, wanted);
        assert!(lookups == 1 && found > 1, "{missing}: {found}");
    }
}

/// The range of an operation on inputs of these shapes and ranges.
fn range_of(
    op: IntOp,
    operands: &[(&[usize], (i64, i64))],
    shape: &[usize],
) -> Result<(i64, i64), RangeError> {
    let mut n = Network::new(1, operands[0].0, operands[0].1);
    let mut inputs = vec![INPUT];
    for (number, (shape, range)) in operands.iter().enumerate().skip(1) {
        let name = format!("input{number}");
        inputs.push(n.node(&name, ops::Input.into(), &[], shape.to_vec(), *range));
    }
    let id = n.node("layer", op, &inputs, shape.to_vec(), (0, 0));
    node_range(&n.graph, id)
}

#[test]
fn what_may_wrap_is_refused() {
    let product = |terms: usize, left: i64, right: i64| {
        let operands = [
            (&[2, terms][..], (-left, left)),
            (&[terms, 3][..], (-right, right - 1)),
        ];
        range_of(ops::Matmul.into(), &operands, &[2, 3])
    };
    assert_eq!(product(5, 7, 9), Ok((-315, 315)));
    assert_eq!(product(3, 1 << 29, 1 << 29), Ok((-(3 << 58), 3 << 58)));
    match product(4, 1 << 29, 1 << 29) {
        Err(RangeError::Accumulator { layer, reached }) => {
            assert_eq!((&layer[..], reached), ("layer", 1 << 60))
        }
        other => panic!("{other:?}"),
    }
    let part = ops::Narrow {
        axis: 1,
        start: 1,
        length: 2,
    };
    assert_eq!(range_of(part.into(), &[(&[2, 3], (2, 9))], &[2, 2]), Ok((2, 9)));
    let softmax = |change: fn(&mut ops::IntegerSoftmax), range| {
        let mut op = small_softmax();
        change(&mut op);
        range_of(op.into(), &[(&[2, 3], range)], &[2, 3])
    };
    let most = (1 << 60) - 2 - (1 << 13);
    assert_eq!(softmax(|_| {}, (-most, most)), Ok((0, 128)));
    match softmax(|_| {}, (-most - 1, 0)) {
        Err(RangeError::Reached { layer, quantity, .. }) => {
            assert_eq!((&layer[..], quantity), ("layer", "distance of scores"));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        softmax(|op| op.reciprocal_bits = 60, (0, 9)),
        Err(RangeError::Reached { .. })
    ));
    for change in [
        (|op| op.reciprocal_bits = op.output_bits) as fn(&mut ops::IntegerSoftmax),
        |op| op.reciprocal_bits = 0,
        |op| op.output_bits = 23,
        |op| op.output_bits = u32::MAX,
    ] {
        assert!(matches!(
            softmax(change, (0, 9)),
            Err(RangeError::BadQuotient { .. })
        ));
    }
}

#[test]
fn graphs_that_do_not_fit_are_not_lowered() {
    let lowered = |change: &dyn Fn(&mut CompiledModel), model: CompiledModel| {
        let mut model = model;
        change(&mut model);
        model.lower().map(|_| ()).map_err(|error| error.to_string())
    };
    let softmax = |change: &dyn Fn(&mut ops::IntegerSoftmax)| {
        let mut op = small_softmax();
        change(&mut op);
        lowered(&|_| {}, softmax(&[2, 3], (-9, 9), op))
    };
    softmax(&|_| {}).expect("fits");
    let message = softmax(&|op| op.decay.bits = 5).expect_err("weights that are not 0");
    assert!(
        message.contains("softmax") && message.contains("instead of to 0"),
        "{message}"
    );
    let message = softmax(&|op| op.decay.bits = 25).expect_err("a long table");
    assert!(message.contains("softmax"), "{message}");
    let message =
        softmax(&|op| (op.reciprocal_bits, op.output_bits) = (58, 1)).expect_err("a wide reciprocal");
    assert!(message.contains("reciprocal times divisor"), "{message}");
    // A range or a shape that does not follow from the operands.
    let narrowed = || {
        let mut n = Network::new(1, &[2, 5], (-9, 9));
        let part = narrow(&mut n, "part", INPUT, (1, 1, 3));
        n.finish(&[part])
    };
    lowered(&|_| {}, narrowed()).expect("fits");
    for (axis, start, length) in [(1, 3, 3), (1, usize::MAX, 3), (2, 1, 3), (1, 1, 0), (0, 1, 3)] {
        let change = |model: &mut CompiledModel| {
            model.network.graph.nodes[1].op = ops::Narrow { axis, start, length }.into();
        };
        let message = lowered(&change, narrowed()).expect_err("another shape");
        assert!(message.contains("part"), "{message}");
    }
    let product = || gram(&[2, 3], (-9, 9), (16, 6));
    let left = |model: &mut CompiledModel| model.network.graph.nodes[2].inputs = vec![INPUT, INPUT];
    assert!(
        lowered(&left, product())
            .expect_err("a matrix times itself")
            .contains("product")
    );
    let wider = |model: &mut CompiledModel| model.network.graph.nodes[0].fact.range = (-10, 9);
    assert!(lowered(&wider, product()).is_err());
}

proptest! {
    /// Both executions of a product are the sums of products.
    #[test]
    fn products_are_exact(
        (batch, rows, inner, columns) in (1usize..4, 1usize..4, 1usize..5, 1usize..4),
        seed: u64,
    ) {
        let mut n = Network::new(seed, &[batch, rows, inner], (-(1 << 28), 1 << 28));
        let fc = n.linear("fc", INPUT, columns * rows, false);
        let shape = vec![batch, rows, columns * rows];
        let q = n.derived("q", requantize(1, 17, 24), &[fc], shape);
        // [batch, rows, columns rows] times its own part of `rows` columns, transposed.
        let part = narrow(&mut n, "part", q, (2, 0, columns));
        let other = transposed(&mut n, "transpose", part);
        let product = matmul(&mut n, "product", part, other);
        let model = n.finish(&[product]);
        let input = Network::random_input(seed, &model);
        let fast = execute(&model.network.graph, &input);
        let slow = execute_reference(&model.network.graph, &input);
        prop_assert_eq!(fast.is_ok(), slow.is_ok());
        if let (Ok(fast), Ok(slow)) = (fast, slow) {
            prop_assert_eq!(&fast.values, &slow.values);
            let part = &fast.values[part.0];
            for (at, y) in fast.values[product.0].indexed_iter() {
                let terms = (0..columns).map(|j| {
                    i128::from(part[[at[0], at[1], j]]) * i128::from(part[[at[0], at[2], j]])
                });
                prop_assert_eq!(i128::from(*y), terms.sum::<i128>());
            }
        }
    }
}
