//! IntegerSoftmax against its definition, and against real numbers.

use ndarray::ArrayD;
use proptest::prelude::*;

use super::IntegerSoftmax;
use crate::circuit::Dyadic;
use crate::execute::{execute, execute_reference};
use crate::graph::{Graph, IntFact, Node, NodeId};
use crate::ops::{ExecutionError, Input, Int};

fn graph(op: IntegerSoftmax, shape: &[usize], most: i64) -> Graph<Int> {
    let result = (0, 1i64 << op.output_bits);
    let node = |name: &str, op, inputs, range| Node {
        name: name.into(),
        op,
        inputs,
        fact: IntFact {
            shape: shape.to_vec(),
            range,
            scale: 1.0,
        },
    };
    Graph {
        nodes: vec![
            node("x", Input.into(), vec![], (-most, most)),
            node("softmax", op.into(), vec![NodeId(0)], result),
        ],
        input: NodeId(0),
        outputs: vec![NodeId(1)],
        parameters: vec![],
    }
}

fn softmax(exponent: i16, output_bits: u32) -> IntegerSoftmax {
    IntegerSoftmax::new(Dyadic::new(1, exponent).unwrap(), output_bits).unwrap()
}

proptest! {
    #[test]
    fn the_fast_execution_is_the_definition_and_close_to_real_numbers(
        scores in proptest::collection::vec(-40_000i64..40_000, 12),
        quiet in 0u32..14,
        output_bits in 7u32..15,
        exponent in -8i16..0,
        shape in prop_oneof![
            Just(vec![12]), Just(vec![1, 12]), Just(vec![3, 4]), Just(vec![2, 3, 2]), Just(vec![12, 1])
        ],
    ) {
        let scores: Vec<i64> = scores.iter().map(|x| x >> quiet).collect();
        let (op, row) = (softmax(exponent, output_bits), *shape.last().unwrap());
        let graph = graph(op, &shape, 40_000);
        let input = ArrayD::from_shape_vec(shape, scores.clone()).unwrap();
        let (fast, slow) = (execute(&graph, &input), execute_reference(&graph, &input));
        prop_assert_eq!(fast.is_err(), slow.is_err());
        match (fast, slow) {
            (Ok(fast), Ok(slow)) => {
                prop_assert_eq!(&fast.values, &slow.values);
                let found = fast.values[1].as_slice().unwrap();
                for (x, p) in scores.chunks(row).zip(found.chunks(row)) {
                    let most = *x.iter().max().unwrap();
                    let weight = |x: &i64| ((x - most) as f64 * f64::from(exponent).exp2()).exp();
                    let sum: f64 = x.iter().map(weight).sum();
                    let one = f64::from(1u32 << output_bits);
                    for (x, p) in x.iter().zip(p) {
                        prop_assert!((0..=1i64 << output_bits).contains(p));
                        // Half a step of the result and 1/16 of one; each weight is off by 1/8192 of the largest.
                        let error = (*p as f64 - one * weight(x) / sum).abs();
                        prop_assert!(error <= 0.6 + one * (1.0 + row as f64) / 8192.0, "{error} {x} {p}");
                    }
                }
            }
            (Err(fast), Err(slow)) => {
                prop_assert_eq!(&fast, &slow);
                prop_assert!(scores.iter().any(|x| x.abs() > 32_000), "{}", fast);
            }
            _ => unreachable!("both or none"),
        }
    }
}

#[test]
fn scores_without_room_are_refused_with_their_place() {
    let graph = graph(softmax(-6, 14), &[2, 1, 3], 100_000);
    let refused = |values: [i64; 6]| {
        let input = ArrayD::from_shape_vec(vec![2, 1, 3], values.to_vec()).unwrap();
        let error = execute(&graph, &input).unwrap_err();
        assert_eq!(execute_reference(&graph, &input).unwrap_err(), error);
        match error {
            ExecutionError::Outside {
                layer,
                quantity,
                index,
                value,
                range,
            } => {
                assert_eq!(layer, "softmax");
                (quantity, index, value, range)
            }
            other => panic!("{other}"),
        }
    };
    assert_eq!(
        refused([0, 0, 0, 1, 32_768, 5]),
        ("largest score", vec![1, 0], 32_768, (-32_768, 32_767))
    );
    assert_eq!(
        refused([0, 0, 0, 1, 2, -65_534]),
        (
            "distance to the largest score",
            vec![1, 0, 2],
            65_536,
            (0, 65_535)
        )
    );
}
