//! Constants, parameters by themselves, products and broadcasting, on odd shapes: the contract of every operation.

use super::conformance::{altered_cells_are_found, columns_follow_definitions, proof_verifies, with_trace};
use super::network::{Network, window};
use crate::argument::check;
use crate::circuit::Function;
use crate::graph::{NodeId, ParameterRole};
use crate::keys::CompiledModel;
use crate::ops;
use crate::privacy::{Privacy, Visibility};
use crate::proof::PublicValues;

const INPUT: NodeId = NodeId(0);

/// A constant of values around 0, the same each time.
fn constant(n: &mut Network, shape: &[usize]) -> NodeId {
    let count = shape.iter().product::<usize>() as i64;
    let values: Vec<i64> = (0..count).map(|index| index * 37 % 201 - 100).collect();
    let (least, most) = (values.iter().min().copied(), values.iter().max().copied());
    let op = ops::IntegerConstant { values }.into();
    let range = (least.expect("a value"), most.expect("a value"));
    n.node(
        &format!("constant{}", shape.len()),
        op,
        &[],
        shape.to_vec(),
        range,
    )
}

fn parameter(n: &mut Network, name: &str, shape: &[usize]) -> NodeId {
    let parameter = n.parameter(name.to_owned(), ParameterRole::Weight, shape);
    n.node(
        name,
        ops::Parameter { parameter }.into(),
        &[],
        shape.to_vec(),
        (-128, 127),
    )
}

fn expand(n: &mut Network, x: NodeId, shape: &[usize]) -> NodeId {
    let (range, name) = (n.graph[x].fact.range, format!("{}.expand", n.graph[x].name));
    n.node(&name, ops::Expand.into(), &[x], shape.to_vec(), range)
}

fn product(n: &mut Network, name: &str, left: NodeId, right: NodeId) -> NodeId {
    let ((a, b), (c, d)) = (n.graph[left].fact.range, n.graph[right].fact.range);
    let ends = [a * c, a * d, b * c, b * d];
    let range = ends
        .iter()
        .fold((i64::MAX, i64::MIN), |(l, m), e| (l.min(*e), m.max(*e)));
    let shape = n.shape(left);
    n.node(name, ops::Product.into(), &[left, right], shape, range)
}

fn sum(n: &mut Network, name: &str, left: NodeId, right: NodeId) -> NodeId {
    let ((a, b), (c, d)) = (n.graph[left].fact.range, n.graph[right].fact.range);
    let coefficients = vec![3, 5];
    let shape = n.shape(left);
    let op = ops::WeightedSum { coefficients }.into();
    n.node(name, op, &[left, right], shape, (3 * a + 5 * c, 3 * b + 5 * d))
}

test_op!(constant_of_odd_shape_is_added, {
    let mut n = Network::new(31, &[2, 5, 3], (-127, 127));
    let c = constant(&mut n, &[2, 5, 3]);
    let y = sum(&mut n, "sum", INPUT, c);
    let q = n.rescale("q", y, Function::Relu, None);
    n.finish(&[q, c])
});

test_op!(constant_of_many_odd_axes_is_flat, {
    // As it is, it would be padding for the most part.
    let mut n = Network::new(32, &[1, 5, 5, 5], (-127, 127));
    let c = constant(&mut n, &[1, 5, 5, 5]);
    let y = product(&mut n, "product", INPUT, c);
    n.finish(&[y])
});

test_op!(parameter_is_multiplied_and_added, {
    let mut n = Network::new(33, &[3, 5], (-127, 127));
    let gain = parameter(&mut n, "gain", &[3, 5]);
    let y = product(&mut n, "product", INPUT, gain);
    let q = n.rescale("q", y, Function::Identity, None);
    let shift = parameter(&mut n, "shift", &[3, 5]);
    let y = sum(&mut n, "sum", q, shift);
    n.finish(&[y])
});

test_op!(parameter_of_one_cell, {
    let mut n = Network::new(34, &[1, 3], (-127, 127));
    let gain = parameter(&mut n, "gain", &[]);
    let gain = expand(&mut n, gain, &[1, 3]);
    let y = product(&mut n, "product", INPUT, gain);
    n.finish(&[y])
});

test_op!(channels_are_scaled_and_shifted_by_broadcasting, {
    let mut n = Network::new(35, &[1, 3, 5, 5], (-127, 127));
    let gain = parameter(&mut n, "gain", &[3, 1, 1]);
    let gain = expand(&mut n, gain, &[1, 3, 5, 5]);
    let y = product(&mut n, "product", INPUT, gain);
    let q = n.rescale("q", y, Function::Relu, None);
    let shift = constant(&mut n, &[5]);
    let shift = expand(&mut n, shift, &[1, 3, 5, 5]);
    let y = sum(&mut n, "sum", q, shift);
    n.finish(&[y])
});

test_op!(both_operands_are_broadcast, {
    let mut n = Network::new(36, &[3, 1], (-127, 127));
    let row = constant(&mut n, &[1, 6]);
    let (left, right) = (expand(&mut n, INPUT, &[3, 6]), expand(&mut n, row, &[3, 6]));
    let y = product(&mut n, "product", left, right);
    let q = n.rescale("q", y, Function::Identity, None);
    n.finish(&[q])
});

test_op!(square_of_what_leaves_a_layer, {
    let mut n = Network::new(37, &[1, 2, 5, 5], (-127, 127));
    let conv = n.convolution("conv", INPUT, 3, window(3, 1, 1), 1);
    let q = n.rescale("q", conv, Function::Identity, Some(1));
    let y = product(&mut n, "product", q, q);
    let q = n.rescale("out", y, Function::Identity, None);
    n.finish(&[q])
});
