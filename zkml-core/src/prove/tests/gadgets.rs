//! Quotients, norms, rotary positions and embeddings: the contract of every operation, exhaustion at small widths, the
//! integers against other formulae, and what the range analysis refuses.

use ndarray::ArrayD;
use proptest::prelude::*;

use super::conformance::{
    altered_cells_are_found, columns_follow_definitions, proof_verifies, with_trace, with_trace_on,
};
use super::determinacy::exactly_one_result;
use super::handed;
use super::network::Network;
use crate::argument::{Statement, Trace, Violation, check};
use crate::circuit::{Circuit, CircuitError, ColumnKind, Home};
use crate::execute::{ExecutionError, execute, execute_reference, execute_reference_on};
use crate::field::M61;
use crate::graph::{NodeId, ParameterRole};
use crate::keys::{CompiledModel, ProveError};
use crate::ops;
use crate::ops::range::RangeError;
use crate::ops::{IntOp, node_norm, node_range};
use crate::optimize::Switches;
use crate::optimize::circuit::virtual_values::VirtualValues;
use crate::privacy::{Privacy, Visibility};
use crate::proof::PublicValues;
use crate::prove::prove_on;
use crate::reduce::{Cells, Values};
use crate::setup::{SetupOptions, setup};
use crate::verify::verify;

const INPUT: NodeId = NodeId(0);

fn requantize(multipliers: &[i64], axis: usize, shift: u32, bits: u32) -> IntOp {
    let multipliers = multipliers.to_vec();
    ops::Requantize {
        multipliers,
        axes: vec![axis],
        shift,
        bits,
        residual_shifts: Vec::new(),
    }
    .into()
}

/// Widths for operands of 8 bits.
pub(super) fn norm(exponents: &[u32]) -> ops::IntegerRmsNorm {
    ops::IntegerRmsNorm {
        exponents: exponents.to_vec(),
        precision: 7,
        epsilon: 12_345,
        eps: None,
        numerator_bits: 36,
        root_bits: 29,
        reciprocal_bits: 30,
        bits: 16,
    }
}

/// Angles for any base, with 12 bits after the point.
pub(super) fn rope(axis: usize, positions: usize, channels: usize, base: f64) -> ops::IntegerRope {
    let (mut cos, mut sin) = (Vec::new(), Vec::new());
    let half = channels / 2;
    for position in 0..positions {
        for channel in 0..channels {
            let exponent = -((channel % half) as f64) / half as f64;
            let angle = position as f64 * libm::pow(base, exponent);
            let sign = if channel < half { -1.0 } else { 1.0 };
            cos.push((libm::cos(angle) * 4096.0).round() as i64);
            sin.push((sign * libm::sin(angle) * 4096.0).round() as i64);
        }
    }
    ops::IntegerRope {
        axis,
        angles: ops::Angles::Custom { cos, sin },
        multipliers: vec![1],
        axes: Vec::new(),
    }
}

pub(super) fn without_virtual_values(mut model: CompiledModel) -> CompiledModel {
    model.network.lowering = Switches::default().with(&VirtualValues, false);
    model
}

/// Each cell of each committed column, padding included, changed by 1 in both directions: a constraint of its layer
/// fails.
pub(super) fn every_altered_cell_is_found(circuit: &Circuit, trace: &Trace<'_>) {
    let is_virtual = |kind: &ColumnKind| {
        matches!(
            kind,
            ColumnKind::Linear(_) | ColumnKind::View(_) | ColumnKind::Contraction(_)
        )
    };
    for altered in circuit.tensors(Home::Trace) {
        let name = &circuit[altered].name;
        let layer = name.split('/').next().expect("a name");
        for cell in 0..circuit[altered].shape.padded_len() {
            for change in [M61::from(1u64), -M61::from(1u64)] {
                let values = Values::new(circuit);
                for id in circuit.ids().filter(|id| !is_virtual(&circuit[*id].kind)) {
                    let mut cells = trace.values.cells(id).to_base().into_owned();
                    if id == altered {
                        cells[cell] += change;
                    }
                    values.set(id, Cells::Base(cells));
                }
                match check(circuit, &values) {
                    Err(Violation::Lookup { name: found, .. } | Violation::Equality { name: found, .. }) => {
                        assert!(found.starts_with(layer), "{name} altered, {found} found");
                    }
                    other => panic!("cell {cell} of {name} altered: {other:?}"),
                }
            }
        }
    }
}

/// `q = requantize(fc(x))` and `out = requantize(fc2(x)) + q`, both by channel.
fn residual_sum(limb_bits: u32, widths: (u32, u32)) -> CompiledModel {
    divided_sum(limb_bits, widths, &[])
}

/// The same, where channels of `q` are divided by powers of two before they are added.
fn divided_sum(limb_bits: u32, (bits, shift): (u32, u32), residual_shifts: &[u32]) -> CompiledModel {
    let mut n = Network::new(31, &[1, 3, 5], (-127, 127));
    n.limb_bits = limb_bits;
    let (a, b) = (n.linear("a", INPUT, 6, true), n.linear("b", INPUT, 6, false));
    let q = n.derived(
        "q",
        requantize(&[3, 7, 1, 20, 9, 4], 2, shift, bits),
        &[a],
        vec![1, 3, 6],
    );
    let op = ops::Requantize {
        multipliers: vec![5, 60, 11, 2, 1, 8],
        axes: vec![2],
        shift,
        bits,
        residual_shifts: residual_shifts.to_vec(),
    };
    let out = n.derived("out", op.into(), &[b, q], vec![1, 3, 6]);
    n.finish(&[out])
}

test_op!(a_residual_sum_of_16_bits, residual_sum(8, (16, 7)));
test_op!(a_residual_sum_in_digits, residual_sum(4, (20, 21)));
test_op!(a_residual_sum_in_small_digits, residual_sum(2, (11, 13)));
test_op!(
    a_residual_that_is_divided,
    divided_sum(8, (16, 7), &[0, 2, 7, 1, 0, 3])
);
test_op!(
    a_residual_in_digits_that_is_divided,
    divided_sum(4, (20, 21), &[0, 21, 7, 1, 0, 3])
);
test_op!(a_requantization_with_one_multiplier, {
    let mut n = Network::new(32, &[3, 3], (-127, 127));
    let fc = n.linear("fc", INPUT, 5, true);
    let q = n.derived("q", requantize(&[77], 1, 11, 16), &[fc], vec![3, 5]);
    n.finish(&[q])
});

/// A norm with exponents, and a layer behind it.
pub(super) fn normalized(shape: &[usize], op: ops::IntegerRmsNorm) -> CompiledModel {
    let mut n = Network::new(33, shape, (-127, 127));
    let normed = n.derived("norm", op.into(), &[INPUT], shape.to_vec());
    let channels = shape[shape.len() - 1];
    let weight = n.parameter("fc.weight".into(), ParameterRole::Weight, &[3, channels]);
    let mut wide = shape.to_vec();
    wide[shape.len() - 1] = 3;
    let fc = n.derived(
        "fc",
        ops::Linear { weight, bias: None }.into(),
        &[normed],
        wide.clone(),
    );
    let q = n.derived("q", requantize(&[3], 0, 9, 16), &[fc], wide);
    n.finish(&[normed, q])
}

test_op!(a_norm_of_odd_size, normalized(&[3, 5, 3], norm(&[0])));
test_op!(a_norm_with_exponents, normalized(&[3, 5], norm(&[0, 3, 1, 2, 5])));
test_op!(a_norm_of_one_channel, normalized(&[3, 1], norm(&[2])));
/// Rows without their mean.
fn centered(shape: &[usize], op: ops::IntegerCenter) -> CompiledModel {
    let mut n = Network::new(36, shape, (-127, 127));
    let centered = n.derived("center", op.into(), &[INPUT], shape.to_vec());
    let normed = n.derived("norm", norm(&[0]).into(), &[centered], shape.to_vec());
    n.finish(&[centered, normed])
}

fn center(exponents: &[u32], shift: u32, bits: u32) -> ops::IntegerCenter {
    ops::IntegerCenter {
        exponents: exponents.to_vec(),
        shift,
        bits,
    }
}

test_op!(means_of_odd_size, centered(&[3, 5, 3], center(&[0], 32, 8)));
test_op!(
    means_with_exponents,
    centered(&[3, 5], center(&[0, 3, 1, 2, 3], 32, 11))
);
test_op!(means_in_one_unit, centered(&[2, 6], center(&[2], 20, 17)));
test_op!(a_mean_of_one_channel, centered(&[3, 1], center(&[1], 13, 9)));
test_op!(channels_have_weights_and_biases, {
    let mut n = Network::new(37, &[3, 2, 5], (-127, 127));
    let mut nodes = Vec::new();
    for (name, axis, channels) in [("last", 2, 5), ("first", 0, 3), ("one", 1, 1)] {
        let weight = n.parameter(format!("{name}.weight"), ParameterRole::Weight, &[channels]);
        let bias = format!("{name}.bias");
        let bias = (channels > 1).then(|| n.parameter(bias, ParameterRole::Bias, &[channels]));
        let op = ops::ChannelScale { weight, bias, axis };
        let acc = n.derived(name, op.into(), &[INPUT], vec![3, 2, 5]);
        let q = requantize(&[1], 0, 24, 16);
        nodes.push(n.derived(&format!("{name}.q"), q, &[acc], vec![3, 2, 5]));
    }
    n.finish(&nodes)
});
test_op!(rows_that_the_network_names, {
    let mut n = Network::new(38, &[3, 5], (-127, 127));
    let mut operands = vec![INPUT];
    for (name, start, multipliers) in [
        ("positions", 2, vec![9, 9, 3, 1, 70, 9, 9]),
        ("others", 4, vec![5]),
    ] {
        let weight = n.parameter(format!("{name}.weight"), ParameterRole::Weight, &[7, 5]);
        let op = ops::IntegerFixedRows {
            weight,
            start,
            length: 3,
            multipliers,
        };
        operands.push(n.derived(name, op.into(), &[], vec![3, 5]));
    }
    let coefficients = vec![1; 3];
    let sum = ops::WeightedSum { coefficients };
    let sum = n.derived("sum", sum.into(), &operands, vec![3, 5]);
    let q = n.derived("q", requantize(&[1], 0, 3, 16), &[sum], vec![3, 5]);
    n.finish(&[q])
});

/// Rotary positions of 16-bit values between two axes of other things.
fn turned(shape: &[usize], axis: usize) -> CompiledModel {
    let mut n = Network::new(34, shape, (-127, 127));
    let channels = shape[shape.len() - 1];
    let op = rope(axis, shape[axis], channels, 10_000.0);
    let turned = n.derived("rope", op.into(), &[INPUT], shape.to_vec());
    let multipliers: Vec<i64> = (0..channels as i64).map(|c| 40 + c).collect();
    let op = requantize(&multipliers, shape.len() - 1, 14, 16);
    let q = n.derived("q", op, &[turned], shape.to_vec());
    n.finish(&[turned, q])
}

test_op!(positions_before_heads, turned(&[2, 5, 3, 6], 1));
test_op!(positions_behind_heads, turned(&[1, 3, 5, 8], 2));
test_op!(one_pair_of_channels, turned(&[3, 2], 0));
test_op!(multipliers_of_heads_and_channels, {
    // Heads and channels have multipliers, positions between them none; before the turn and behind it.
    let shape = [2, 3, 5, 4];
    let mut n = Network::new(35, &shape, (-127, 127));
    let multipliers: Vec<i64> = (1..=12).collect();
    let turn = ops::IntegerRope {
        multipliers: multipliers.clone(),
        axes: vec![1, 3],
        ..rope(2, 5, 4, 10_000.0)
    };
    let turned = n.derived("rope", turn.into(), &[INPUT], shape.to_vec());
    let op = ops::Requantize {
        multipliers: multipliers.into_iter().rev().collect(),
        axes: vec![1, 3],
        shift: 14,
        bits: 16,
        residual_shifts: Vec::new(),
    };
    let q = n.derived("q", op.into(), &[turned], shape.to_vec());
    n.finish(&[turned, q])
});
/// Where the pass that leaves linear algebra virtual is off.
#[test]
fn values_may_be_committed() {
    for model in [
        residual_sum(8, (24, 18)),
        normalized(&[3, 3], norm(&[1])),
        centered(&[3, 3], center(&[1], 13, 9)),
        turned(&[3, 5, 6], 1),
    ] {
        with_trace(without_virtual_values(model), |key, circuit, trace, input| {
            check(circuit, &trace.values).expect("the trace satisfies the circuit");
            columns_follow_definitions(circuit, trace);
            proof_verifies(key, trace, input);
        });
    }
}

#[test]
fn every_cell_of_advice_matters() {
    for model in [
        residual_sum(2, (11, 13)),
        divided_sum(2, (11, 13), &[4, 0, 2, 1, 0, 13]),
        normalized(&[3, 3], norm(&[0, 2, 1])),
        centered(&[3, 3], center(&[0, 2, 1], 17, 10)),
        turned(&[3, 6], 0),
    ] {
        with_trace(model, |_, circuit, trace, _| {
            every_altered_cell_is_found(circuit, trace);
        });
    }
}

/// Rows that are all zero, hold one value, or the largest values of either sign.
#[test]
fn norms_of_extreme_rows_are_proved() {
    for (channels, rows) in [
        (1, vec![0, 127, -127, 1, -1]),
        (
            3,
            vec![0, 0, 0, 127, 127, 127, -127, -127, -127, 0, 0, 1, 0, -127, 0],
        ),
    ] {
        let count = rows.len() / channels;
        let model = normalized(&[count, channels], norm(&[0]));
        let input = ArrayD::from_shape_vec(vec![count, channels], rows).expect("rows");
        with_trace_on(model, input, |key, circuit, trace, input| {
            check(circuit, &trace.values).expect("the trace satisfies the circuit");
            columns_follow_definitions(circuit, trace);
            proof_verifies(key, trace, input);
            let normed = &trace.answer.outputs[0];
            assert!(normed[..channels].iter().all(|value| *value == 0));
            assert!(normed.iter().all(|value| value.abs() < 1 << 15));
        });
    }
}

#[test]
fn a_quotient_has_one_result_for_every_input() {
    let mut answered = 0;
    for limb_bits in [1, 2, 4] {
        for (bits, shift) in [(2, 1), (3, 1), (3, 2), (2, 3), (4, 1)] {
            for multiplier in [1, 3] {
                let mut n = Network::new(1, &[1], (-9, 9));
                n.limb_bits = limb_bits;
                let q = n.derived("q", requantize(&[multiplier], 0, shift, bits), &[INPUT], vec![1]);
                answered += exactly_one_result(&n.finish(&[q]));
            }
        }
    }
    assert!(answered < 19 * 3 * 5 * 2, "some inputs have no result");
}

#[test]
fn a_quotient_with_a_residual_has_one_result_for_every_input() {
    for (limb_bits, shape) in [(1, vec![1]), (2, vec![2]), (1, vec![3])] {
        let mut n = Network::new(1, &shape, (-3, 3));
        n.limb_bits = limb_bits;
        let multipliers: Vec<i64> = (1..=shape[0] as i64).collect();
        let q = n.derived(
            "q",
            requantize(&multipliers, 0, 2, 3),
            &[INPUT, INPUT],
            shape.clone(),
        );
        assert!(exactly_one_result(&n.finish(&[q])) > 0);
        for residual_shifts in [[0, 1, 2], [2, 2, 0]] {
            let mut n = Network::new(1, &shape, (-3, 3));
            n.limb_bits = limb_bits;
            let op = ops::Requantize {
                multipliers: multipliers.clone(),
                axes: vec![0],
                shift: 2,
                bits: 3,
                residual_shifts: residual_shifts[..shape[0]].to_vec(),
            };
            let q = n.derived("q", op.into(), &[INPUT, INPUT], shape.clone());
            assert!(exactly_one_result(&n.finish(&[q])) > 0);
        }
    }
}

/// A residual is divided by no more than the numerator, channel by channel.
#[test]
fn a_residual_is_divided_by_the_shift_at_most() {
    let range = |residual_shifts: &[u32], operands: usize| {
        let mut graph = residual_sum(8, (16, 7)).network.graph;
        let out = graph.outputs[0];
        let node = &mut graph.nodes[out.0];
        node.inputs.truncate(operands);
        if let IntOp::Requantize(op) = &mut node.op {
            op.residual_shifts = residual_shifts.to_vec();
        }
        graph.validate().map_err(|error| error.to_string())?;
        node_range(&graph, out).map_err(|error| error.to_string())
    };
    assert!(range(&[0, 1, 2, 3, 4, 7], 2).is_ok());
    let wrong: [(&[u32], usize, &str); 3] = [
        (&[0, 1, 2, 3, 4, 8], 2, "found 2^8"),
        (&[0, 1, 2], 2, "6"),
        (&[0, 1, 2, 3, 4, 7], 1, "operand"),
    ];
    for (residual_shifts, operands, expected) in wrong {
        let error = range(residual_shifts, operands).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

/// A norm of at most 3 in widths that can be exhausted.
fn small_norm(exponents: &[u32]) -> ops::IntegerRmsNorm {
    ops::IntegerRmsNorm {
        exponents: exponents.to_vec(),
        precision: 1,
        epsilon: 0,
        eps: None,
        numerator_bits: 7,
        root_bits: 4,
        reciprocal_bits: 5,
        bits: 3,
    }
}

#[test]
fn a_norm_has_one_result_for_every_input() {
    for (limb_bits, shape, most, exponents, some) in [
        (4, [1, 1], 9, vec![0], true),
        (4, [1, 2], 4, vec![0], false),
        (2, [1, 1], 8, vec![0], true),
        (1, [1, 1], 3, vec![0], false),
        (4, [1, 2], 3, vec![0, 1], false),
    ] {
        let mut n = Network::new(1, &shape, (-most, most));
        n.limb_bits = limb_bits;
        let op = small_norm(&exponents);
        let normed = n.derived("norm", op.into(), &[INPUT], shape.to_vec());
        let inputs = (2 * most as usize + 1).pow(shape[1] as u32);
        let answered = exactly_one_result(&n.finish(&[normed]));
        assert_eq!(answered < inputs, some, "{answered} of {inputs}");
        assert!(answered > 0);
    }
}

#[test]
fn a_mean_is_the_only_one_for_every_input() {
    for (limb_bits, shape, most, exponents, shift, bits) in [
        (4, [1, 2], 3, vec![0], 3, 3),
        (2, [1, 3], 1, vec![1], 4, 3),
        (1, [1, 3], 1, vec![0, 1, 1], 3, 4),
    ] {
        let mut n = Network::new(1, &shape, (-most, most));
        n.limb_bits = limb_bits;
        let op = center(&exponents, shift, bits);
        let centered = n.derived("center", op.into(), &[INPUT], shape.to_vec());
        let inputs = (2 * most as usize + 1).pow(shape[1] as u32);
        assert_eq!(exactly_one_result(&n.finish(&[centered])), inputs);
    }
}

/// The error of an execution whose values do not fit, from both executions alike.
fn refusal(model: &CompiledModel, input: &ArrayD<i64>) -> ExecutionError {
    let graph = &model.network.graph;
    let error = execute(graph, input).expect_err("a value out of range");
    assert_eq!(execute_reference(graph, input).expect_err("the same"), error);
    error
}

#[test]
fn a_value_out_of_range_stops_the_execution() {
    let mut n = Network::new(1, &[2, 2], (-100, 100));
    let q = n.derived("q", requantize(&[3], 0, 1, 8), &[INPUT], vec![2, 2]);
    let model = n.finish(&[q]);
    let input = ArrayD::from_shape_vec(vec![2, 2], vec![0, 84, -85, 86]).expect("four");
    match refusal(&model, &input) {
        ExecutionError::Domain {
            layer,
            index,
            value,
            domain_bits,
        } => assert_eq!(
            (layer.as_str(), index, value, domain_bits),
            ("q", vec![1, 1], 129, 7)
        ),
        other => panic!("{other:?}"),
    }
    // A root of 16 and more.
    let mut n = Network::new(1, &[2, 1], (-9, 9));
    let normed = n.derived("norm", small_norm(&[0]).into(), &[INPUT], vec![2, 1]);
    let model = n.finish(&[normed]);
    let input = ArrayD::from_shape_vec(vec![2, 1], vec![7, -8]).expect("two");
    match refusal(&model, &input) {
        ExecutionError::Domain {
            layer, index, value, ..
        } => {
            assert_eq!((layer.as_str(), index, value), ("norm", vec![1], 16));
        }
        other => panic!("{other:?}"),
    }
}

fn range_of(op: IntOp, operands: &[(i64, i64)], shape: &[usize]) -> Result<(i64, i64), RangeError> {
    let mut n = Network::new(1, shape, operands[0]);
    let more = |(k, range): (usize, &(i64, i64))| (format!("input{k}"), *range);
    let mut inputs = vec![INPUT];
    for (name, range) in operands.iter().enumerate().skip(1).map(more) {
        inputs.push(n.node(&name, ops::Input.into(), &[], shape.to_vec(), range));
    }
    let id = n.node("layer", op, &inputs, shape.to_vec(), (0, 0));
    node_range(&n.graph, id)
}

#[test]
fn what_may_wrap_is_refused() {
    let reached = |result: Result<(i64, i64), RangeError>, what: &str| match result {
        Err(RangeError::Reached { layer, quantity, .. }) => {
            assert_eq!((layer.as_str(), quantity), ("layer", what))
        }
        other => panic!("{other:?}"),
    };
    let accumulators = (-(1 << 30), 1 << 30);
    let residual = (-(1 << 23), (1 << 23) - 1);
    // 2^(23 + 36) of the residual and half of 2^36: fits; 2^(23 + 37) does not.
    let sum = |shift| range_of(requantize(&[9], 0, shift, 24), &[accumulators, residual], &[1, 2]);
    assert_eq!(sum(30), Ok((-(1 << 23), (1 << 23) - 1)));
    reached(sum(37), "numerator of a quotient");
    let alone = |shift| range_of(requantize(&[1], 0, shift, 16), &[(-9, 9)], &[1, 2]);
    assert_eq!(alone(44), Ok((0, 0)));
    reached(alone(45), "quotient times 2^shift");
    reached(
        range_of(requantize(&[(1 << 31) - 1], 0, 20, 16), &[accumulators], &[1, 2]),
        "numerator of a quotient",
    );
    // A residual of 24 bits in a norm whose sums of squares have 14 further bits; of 16 bits it fits.
    let normed = |range, channels| range_of(norm(&[0]).into(), &[range], &[1, channels]);
    assert_eq!(normed((-(1 << 15), (1 << 15) - 1), 576), Ok((-32_767, 32_767)));
    reached(normed(residual, 2), "sum of squares");
    reached(normed((-(1 << 15), (1 << 15) - 1), 1 << 17), "sum of squares");
}

#[test]
fn parameters_that_make_no_sense_are_refused() {
    for op in [
        requantize(&[0], 0, 4, 16),
        requantize(&[3, -1], 1, 4, 16),
        requantize(&[1], 0, 0, 16),
        requantize(&[1], 0, 4, 1),
        requantize(&[1], 0, 4, 25),
    ] {
        assert!(range_of(op.clone(), &[(-9, 9)], &[1, 2]).is_err(), "{op:?}");
    }
    let good = norm(&[0]);
    let change = |alter: fn(&mut ops::IntegerRmsNorm)| {
        let mut op = good.clone();
        alter(&mut op);
        range_of(op.into(), &[(-9, 9)], &[1, 2])
    };
    assert!(change(|_| {}).is_ok());
    for alter in [
        (|op| op.exponents = vec![31]) as fn(&mut ops::IntegerRmsNorm),
        |op| op.precision = 21,
        |op| op.precision = u32::MAX,
        |op| op.epsilon = 1 << 58,
        |op| op.numerator_bits = 15,
        |op| op.numerator_bits = 60,
        |op| op.numerator_bits = u32::MAX,
        |op| op.root_bits = 30,
        |op| op.root_bits = 0,
        |op| op.reciprocal_bits = 31,
        |op| op.reciprocal_bits = 0,
        |op| op.bits = 25,
        |op| op.bits = u32::MAX,
        // The least root, 2^(36 - 5) + 1, is out of range.
        |op| op.reciprocal_bits = 5,
    ] {
        assert!(matches!(change(alter), Err(RangeError::BadNorm { .. })));
    }
    for (exponents, shift, bits) in [
        (vec![31], 8, 24),
        (vec![], 8, 24),
        (vec![0], 8, 25),
        (vec![0], 8, 1),
        (vec![0], 0, 8),
        (vec![0], 41, 8),
        (vec![26], 32, 24),
    ] {
        let op = ops::IntegerCenter {
            exponents,
            shift,
            bits,
        };
        assert!(
            range_of(op.clone().into(), &[(-9, 9)], &[1, 2]).is_err(),
            "{op:?}"
        );
    }
    // Axes that do not ascend, or of which there are too many; multipliers that are not positive, or that have no word
    // together with the sines, whatever the operand.
    let requantized = |axes: &[usize], count: usize| {
        let mut n = Network::new(1, &[1, 2, 3], (-9, 9));
        let op = ops::Requantize {
            multipliers: vec![1; count],
            axes: axes.to_vec(),
            shift: 4,
            bits: 16,
            residual_shifts: Vec::new(),
        };
        let q = n.node("q", op.into(), &[INPUT], vec![1, 2, 3], (-1, 1));
        n.finish(&[q]).lower().map(|_| ())
    };
    assert!(requantized(&[1, 2], 6).is_ok());
    for (axes, count) in [
        (&[2, 1][..], 6),
        (&[1, 1], 4),
        (&[1, 3], 6),
        (&[1], 3),
        (&[], 2),
        (&[], 0),
    ] {
        assert!(requantized(axes, count).is_err(), "{axes:?} {count}");
    }
    let turned = |multiplier: i64, cosine: i64, operand: (i64, i64)| {
        let op = ops::IntegerRope {
            axis: 0,
            angles: ops::Angles::Custom {
                cos: vec![cosine; 2],
                sin: vec![0; 2],
            },
            multipliers: vec![multiplier],
            axes: Vec::new(),
        };
        range_of(op.into(), &[operand], &[1, 2])
    };
    assert!(turned(1 << 20, 1 << 20, (0, 0)).is_ok());
    for (multiplier, cosine) in [(1 << 40, 1 << 40), (1 << 62, 0), (0, 1), (-1, 1)] {
        assert!(
            turned(multiplier, cosine, (0, 0)).is_err(),
            "{multiplier} {cosine}"
        );
    }
    // An epsilon in steps must be the real one that the network states: here of an operand of scale 1.
    let stated = |eps: f64, epsilon: i64| {
        let op = ops::IntegerRmsNorm {
            epsilon,
            eps: Some(crate::circuit::Dyadic::from_f64(eps).expect("a number")),
            precision: 1,
            ..good.clone()
        };
        range_of(op.into(), &[(-9, 9)], &[1, 2])
    };
    assert!(stated(0.5, 4).is_ok());
    assert!(stated(0.5, 6).is_err() && stated(0.5, 0).is_err() && stated(-0.5, 4).is_err());
    // The scale is that of channel 0, whose values are 2^(k_0) steps. One whose square is no number bounds nothing.
    let scaled = |exponents: &[u32], epsilon: i64, scale: f64| {
        let mut n = Network::new(1, &[1, 2], (-9, 9));
        n.graph.nodes[INPUT.0].fact.scale = scale;
        let op = ops::IntegerRmsNorm {
            exponents: exponents.to_vec(),
            epsilon,
            eps: Some(crate::circuit::Dyadic::from_f64(0.5).expect("a number")),
            precision: 1,
            ..good.clone()
        };
        let normed = n.node("norm", op.into(), &[INPUT], vec![1, 2], (-32_767, 32_767));
        n.finish(&[normed]).lower().map(|_| ())
    };
    assert!(scaled(&[1, 0], 16, 1.0).is_ok() && scaled(&[1, 0], 4, 1.0).is_err());
    assert!(scaled(&[0, 1], 4, 1.0).is_ok() && scaled(&[0, 1], 16, 1.0).is_err());
    assert!(scaled(&[0], 1, 2.0).is_ok());
    for epsilon in [4, 1 << 40] {
        assert!(scaled(&[0], epsilon, 1e-200).is_err());
    }
    // One exponent for all channels takes no list of them, however many there are: such a list would fill the memory.
    let many = 1 << 31;
    let mut n = Network::new(1, &[1, many], (0, 0));
    let op = ops::IntegerRmsNorm {
        exponents: vec![1],
        ..good.clone()
    };
    let normed = n.node("norm", op.into(), &[INPUT], vec![1, many], (-32_767, 32_767));
    let error = n.finish(&[normed]).lower().map(|_| ()).expect_err("2^31 cells");
    assert!(error.to_string().contains("public columns"), "{error}");
    // The lowering asks the same.
    let mut n = Network::new(1, &[1, 2], (-9, 9));
    let op = ops::IntegerRmsNorm {
        root_bits: 30,
        ..good.clone()
    };
    let normed = n.node("norm", op.into(), &[INPUT], vec![1, 2], (-32_767, 32_767));
    assert!(n.finish(&[normed]).lower().is_err());
}

/// The fact shrinks what is behind a norm: 128 sqrt(576) times the norm, and not 128 times 576 times 32,767.
#[test]
fn a_layer_behind_a_norm_has_a_smaller_range() {
    let mut n = Network::new(1, &[1, 576], (-32_768, 32_767));
    let op = ops::IntegerRmsNorm {
        numerator_bits: 48,
        ..norm(&[0])
    };
    let normed = n.derived("norm", op.into(), &[INPUT], vec![1, 576]);
    assert_eq!(node_norm(&n.graph, normed), Some(32_767 + 1 + 12));
    assert_eq!(node_norm(&n.graph, INPUT), None);
    let weight = n.parameter("fc.weight".into(), ParameterRole::Weight, &[5, 576]);
    let linear = |bias| ops::Linear { weight, bias };
    let fc = n.derived("fc", linear(None).into(), &[normed], vec![1, 5]);
    let most = 128 * 24 * 32_780;
    assert_eq!(n.graph[fc].fact.range, (-most, most));
    let plain = n.derived("plain", linear(None).into(), &[INPUT], vec![1, 5]);
    assert_eq!(n.graph[plain].fact.range.1, 128 * 576 * 32_768);
    // The declared range is the one that the lowering expects.
    n.graph.nodes[fc.0].fact.range = (-most + 1, most);
    assert!(n.finish(&[fc]).lower().is_err());
}

/// An embedding of revealed ids beside a private input.
fn embedded(multipliers: &[i64], ids: &[usize], vocabulary: usize, channels: usize) -> CompiledModel {
    let shape: Vec<usize> = ids.iter().copied().chain([channels]).collect();
    let mut n = Network::new(35, &shape, (-100, 100));
    let last = vocabulary as i64 - 1;
    let tokens = n.node("ids", ops::RevealedInput.into(), &[], ids.to_vec(), (0, last));
    let weight = n.parameter("table".into(), ParameterRole::Weight, &[vocabulary, channels]);
    let multipliers = multipliers.to_vec();
    let op = ops::IntegerEmbedding { weight, multipliers };
    let rows = n.derived("embedding", op.into(), &[tokens], shape.clone());
    let q = n.derived("q", requantize(&[5], 0, 4, 16), &[rows, INPUT], shape);
    n.finish(&[q, rows])
}

fn embeddings() -> Vec<CompiledModel> {
    let many: Vec<i64> = (1..=11).collect();
    vec![
        embedded(&[1], &[1, 5], 11, 3),
        embedded(&[9], &[5], 11, 6),
        embedded(&many, &[3, 5], 11, 5),
        embedded(&many, &[1, 1], 11, 1),
        without_virtual_values(embedded(&many, &[1, 3], 11, 3)),
    ]
}

#[test]
fn embeddings_of_public_ids_are_proved() {
    let (private, public) = (Visibility::Private, Visibility::Public);
    for model in embeddings() {
        for (input, weights, outputs) in [
            (public, public, [public; 2]),
            (private, private, [public; 2]),
            (private, public, [private, public]),
        ] {
            let model = model.clone().with_visibility(&[input, public], &outputs);
            let mut model = model.expect("two of each");
            model.privacy.weights = weights;
            let inputs = Network::random_inputs(3, &model);
            let key = setup(model, &SetupOptions::default()).expect("setup");
            let statement = Statement::new(&key.verifying).expect("statement");
            let trace = Trace::generate_on(&key, &statement, &inputs).expect("trace");
            check(statement.circuit(), &trace.values).expect("the trace satisfies the circuit");
            columns_follow_definitions(statement.circuit(), &trace);
            let proof = prove_on(&key, &inputs, b"context").expect("prove");
            verify(&key.verifying, &proof, b"context").expect("verify");
            handed::answer(&key.verifying, &proof, b"context");
            // Other ids than those of the proof.
            let mut other = proof.clone();
            let id = other
                .public
                .input
                .as_mut()
                .and_then(|input| input.last_mut())
                .expect("ids");
            *id = (*id + 1) % 11;
            verify(&key.verifying, &other, b"context").expect_err("other ids");
        }
    }
}

#[test]
fn private_or_foreign_ids_are_refused() {
    let mut model = embedded(&[1], &[1, 5], 11, 3);
    model.network.graph.nodes[1].op = ops::Input.into();
    let private = Privacy {
        input: Visibility::Private,
        ..Privacy::PUBLIC
    };
    match model.with_privacy(private).lower() {
        Err(ProveError::Unsupported(CircuitError::Unsupported { layer, what })) => {
            assert_eq!(layer, "embedding");
            assert!(what.contains("reveal"), "{what}");
        }
        other => panic!("{:?}", other.err()),
    }
    let mut model = embedded(&[1], &[1, 5], 11, 3);
    for range in [(-1, 10), (0, 11)] {
        model.network.graph.nodes[1].fact.range = range;
        assert!(matches!(
            node_range(&model.network.graph, NodeId(2)),
            Err(RangeError::Ids { rows: 11, .. })
        ));
        assert!(model.lower().is_err());
    }
}

/// `floor(a / b)` over wide integers.
fn floor(a: i128, b: i128) -> i128 {
    a.div_euclid(b)
}

proptest! {
    #[test]
    fn requantizations_are_floors(
        x in proptest::collection::vec(-(1i64 << 30)..1 << 30, 12),
        residual in proptest::collection::vec(-(1i64 << 23)..1 << 23, 12),
        multipliers in proptest::collection::vec(1i64..1 << 14, 3),
        shift in 16u32..30,
    ) {
        let mut n = Network::new(1, &[2, 3, 2], (-(1 << 30), 1 << 30));
        let h = n.node("h", ops::Input.into(), &[], vec![2, 3, 2], (-(1 << 23), (1 << 23) - 1));
        let q = n.derived("q", requantize(&multipliers, 1, shift, 24), &[INPUT, h], vec![2, 3, 2]);
        let model = n.finish(&[q]);
        let tensors: Vec<ArrayD<i64>> = [&x, &residual]
            .map(|values| ArrayD::from_shape_vec(vec![2, 3, 2], values.clone()).expect("twelve"))
            .to_vec();
        let expected: Vec<i128> = (0..12).map(|at| {
            let product = i128::from(x[at]) * i128::from(multipliers[at / 2 % 3]);
            floor(product + (1 << (shift - 1)), 1 << shift) + i128::from(residual[at])
        }).collect();
        let graph = &model.network.graph;
        let fast = crate::execute::Executor::new(graph).expect("layers").run_on(&tensors);
        let slow = execute_reference_on(graph, &tensors);
        prop_assert_eq!(fast.is_ok(), slow.is_ok());
        let fits = expected.iter().all(|v| (-(1 << 23)..1 << 23).contains(v));
        prop_assert_eq!(fast.is_ok(), fits);
        if let (Ok(fast), Ok(slow)) = (fast, slow) {
            prop_assert_eq!(&fast.values, &slow.values);
            let found: Vec<i128> = fast.values[q.0].iter().map(|v| i128::from(*v)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn norms_are_what_they_say(
        x in proptest::collection::vec(-(1i64 << 15)..1 << 15, 10),
        quiet in 0u32..16,
        exponents in proptest::collection::vec(0u32..4, 5),
        numerator_bits in 30u32..49,
        precision in 0u32..8,
        epsilon in 0i64..1 << 40,
    ) {
        let op = ops::IntegerRmsNorm { exponents: exponents.clone(), precision, epsilon, numerator_bits, ..norm(&[0]) };
        prop_assume!(op.shift() > 0);
        let mut n = Network::new(1, &[2, 5], (-(1 << 15), (1 << 15) - 1));
        let normed = n.derived("norm", op.clone().into(), &[INPUT], vec![2, 5]);
        let bound = node_norm(&n.graph, normed).expect("a bound");
        let model = n.finish(&[normed]);
        let x: Vec<i64> = x.iter().map(|x| x >> quiet).collect();
        let input = ArrayD::from_shape_vec(vec![2, 5], x.clone()).expect("ten");
        let fast = execute(&model.network.graph, &input).expect("roots in range");
        let slow = execute_reference(&model.network.graph, &input).expect("roots in range");
        prop_assert_eq!(&fast.values, &slow.values);
        let constant = op.constant().expect("a constant");
        for (row, result) in x.chunks(5).zip(fast.values[normed.0].as_slice().expect("rows").chunks(5)) {
            let y: Vec<i128> = row.iter().zip(&exponents).map(|(x, k)| i128::from(*x) << k).collect();
            let sum = (y.iter().map(|y| y * y).sum::<i128>() << (2 * precision)) + constant;
            let root = libm::floor(libm::sqrt(sum as f64)) as i128;
            let root = (root - 2..root + 3).find(|s| s * s <= sum && sum < (s + 1) * (s + 1)).expect("a root");
            let reciprocal = floor(32_767 << (numerator_bits - 15), root);
            prop_assert!(reciprocal < 1 << 30);
            for (y, n) in y.iter().zip(result) {
                prop_assert_eq!(floor(2 * y * reciprocal + (1 << op.shift()), 2 << op.shift()), i128::from(*n));
                prop_assert!(n.abs() <= 32_767);
            }
            prop_assert!(result.iter().map(|n| i128::from(*n).pow(2)).sum::<i128>() <= bound * bound);
        }
    }

    #[test]
    fn rotations_and_embeddings_are_exact(
        x in proptest::collection::vec(-(1i64 << 35)..1 << 35, 24),
        ids in proptest::collection::vec(0i64..7, 6),
        multipliers in proptest::collection::vec(1i64..1 << 40, 7),
    ) {
        // [batch, positions, heads, channels]
        let shape = vec![1, 3, 2, 4];
        let mut n = Network::new(1, &shape, (-(1 << 35), 1 << 35));
        let op = rope(1, 3, 4, 500_000.0);
        let turned = n.derived("rope", op.clone().into(), &[INPUT], shape.clone());
        let tokens = n.node("ids", ops::Input.into(), &[], vec![2, 3], (0, 6));
        let weight = n.parameter("table".into(), ParameterRole::Weight, &[7, 5]);
        let values = n.graph[weight].values.to_vec();
        let embedding = ops::IntegerEmbedding { weight, multipliers: multipliers.clone() };
        let rows = n.derived("embedding", embedding.into(), &[tokens], vec![2, 3, 5]);
        let model = n.finish(&[turned, rows]);
        let tensors = [
            ArrayD::from_shape_vec(shape, x.clone()).expect("cells"),
            ArrayD::from_shape_vec(vec![2, 3], ids.clone()).expect("ids"),
        ];
        let ops::Angles::Custom { cos, sin } = &op.angles else {
            panic!("explicit angles");
        };
        let graph = &model.network.graph;
        let fast = crate::execute::Executor::new(graph).expect("layers").run_on(&tensors).expect("values");
        let slow = execute_reference_on(graph, &tensors).expect("values");
        prop_assert_eq!(&fast.values, &slow.values);
        for (at, y) in fast.values[turned.0].iter().enumerate() {
            let (row, channel, position) = (at / 4 * 4, at % 4, at / 8);
            let angle = position * 4 + channel;
            let other = row + (channel ^ 2);
            let expected = i128::from(x[at]) * i128::from(cos[angle]) + i128::from(x[other]) * i128::from(sin[angle]);
            prop_assert_eq!(i128::from(*y), expected);
        }
        for (at, y) in fast.values[rows.0].iter().enumerate() {
            let id = ids[at / 5] as usize;
            prop_assert_eq!(i128::from(*y), i128::from(multipliers[id]) * i128::from(values[id * 5 + at % 5]));
        }
    }
}
