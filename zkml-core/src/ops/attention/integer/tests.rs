//! IntegerAttention against its definition, and against real numbers.

use ndarray::ArrayD;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::circuit::CircuitError;
use crate::execute::{Executor, execute_reference_on};
use crate::graph::{Graph, IntFact, Node, NodeId};
use crate::lower::lower;
use crate::ops::{Input, Int, IntOp};
use crate::privacy::Privacy;

/// Sizes, and magnitudes of operands.
#[derive(Debug, Clone, Copy)]
struct Case {
    sizes: [usize; 7],
    q: i64,
    k: i64,
    v: i64,
}

impl Case {
    fn shapes(&self) -> [Vec<usize>; 3] {
        let [batch, groups, repeats, queries, keys, features, outputs] = self.sizes;
        [
            vec![batch, groups * repeats, queries, features],
            vec![batch, groups, keys, features],
            vec![batch, groups, keys, outputs],
        ]
    }

    fn graph(&self, op: &IntegerAttention) -> Graph<Int> {
        let [batch, groups, repeats, queries, _, _, outputs] = self.sizes;
        let fact = |shape: Vec<usize>, bound: i64| IntFact {
            shape,
            range: (-bound, bound),
            scale: 1.0,
        };
        let mut nodes: Vec<Node<Int>> = ["q", "k", "v"]
            .into_iter()
            .zip(self.shapes())
            .zip([self.q, self.k, self.v])
            .map(|((name, shape), bound)| Node {
                name: name.into(),
                op: Input.into(),
                inputs: vec![],
                fact: fact(shape, bound),
            })
            .collect();
        let (low, high) = op.outputs();
        let mut result = fact(vec![batch, groups * repeats, queries, outputs], self.v);
        result.range = ((-self.v).max(low), self.v.min(high));
        nodes.push(Node {
            name: "attention".into(),
            op: IntOp::IntegerAttention(op.clone()),
            inputs: vec![NodeId(0), NodeId(1), NodeId(2)],
            fact: result,
        });
        Graph {
            nodes,
            input: NodeId(0),
            outputs: vec![NodeId(3)],
            parameters: vec![],
        }
    }

    fn inputs(&self, seed: u64) -> Vec<ArrayD<i64>> {
        let mut rng = StdRng::seed_from_u64(seed);
        let bounds = [self.q, self.k, self.v];
        let filled = |(shape, bound): (Vec<usize>, i64)| {
            ArrayD::from_shape_simple_fn(shape, || rng.gen_range(-bound..=bound))
        };
        self.shapes().into_iter().zip(bounds).map(filled).collect()
    }
}

/// The attention of real numbers, with the scores that the integers have before they are rounded.
fn real(op: &IntegerAttention, sizes: &[usize; 7], inputs: &[ArrayD<i64>]) -> ArrayD<f64> {
    let [batch, groups, repeats, queries, keys, features, outputs] = *sizes;
    let (q, k, v) = (&inputs[0], &inputs[1], &inputs[2]);
    let step = op.multiplier as f64 / (1u64 << op.shift) as f64 / 64.0;
    ArrayD::from_shape_fn(vec![batch, groups * repeats, queries, outputs], |at| {
        let (b, h, t) = (at[0], at[1], at[2]);
        let seen = if op.causal { t + keys - queries + 1 } else { keys };
        let score = |j: usize| {
            let product = |f: usize| (q[[b, h, t, f]] * k[[b, h / repeats, j, f]]) as f64;
            (0..features).map(product).sum::<f64>() * step
        };
        let largest = (0..seen).map(score).fold(f64::NEG_INFINITY, f64::max);
        let weight = |j: usize| (score(j) - largest).exp();
        let sum: f64 = (0..seen).map(weight).sum();
        let mixed = |j: usize| weight(j) * v[[b, h / repeats, j, at[3]]] as f64;
        (0..seen).map(mixed).sum::<f64>() / sum
    })
}

proptest! {
    #[test]
    fn the_fast_execution_is_the_definition_and_close_to_real_numbers(
        (batch, groups, repeats) in (1usize..4, 1usize..4, 1usize..4),
        (queries, more) in (1usize..6, 0usize..5),
        (features, outputs) in (1usize..5, 1usize..5),
        causal: bool, seed: u64,
        multiplier in 1i64..4000, shift in 8u32..22,
        q in 1i64..40_000, k in 1i64..40_000, v in 1i64..36_000,
    ) {
        let case = Case { sizes: [batch, groups, repeats, queries, queries + more, features, outputs], q, k, v };
        let op = IntegerAttention { causal, ..IntegerAttention::new(multiplier, shift).unwrap() };
        let (graph, inputs) = (case.graph(&op), case.inputs(seed));
        let fast = Executor::new(&graph).unwrap().run_on(&inputs);
        let slow = execute_reference_on(&graph, &inputs);
        prop_assert_eq!(fast.is_err(), slow.is_err());
        match fast {
            Ok(fast) => {
                prop_assert_eq!(&fast, &slow.unwrap());
                let real = real(&op, &case.sizes, &inputs);
                for (integer, real) in fast.values[3].iter().zip(&real) {
                    // Each score is off by 1/128 at most, each weight by 1/8192 of the largest.
                    let error = (*integer as f64 - real).abs();
                    prop_assert!(error <= 1.0 + v as f64 * 0.02, "{} {}", integer, real);
                }
            }
            Err(ExecutionError::Outside { layer, .. }) => prop_assert_eq!(layer, "attention"),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

const PLAIN: Case = Case {
    sizes: [1, 1, 1, 2, 3, 2, 1],
    q: 30_000,
    k: 30_000,
    v: 32_767,
};

fn outside(op: &IntegerAttention, case: Case, inputs: [Vec<i64>; 3]) -> (&'static str, Vec<usize>, i64) {
    let tensors = case.shapes().into_iter().zip(inputs);
    let tensors: Vec<ArrayD<i64>> = tensors
        .map(|(shape, values)| ArrayD::from_shape_vec(shape, values).unwrap())
        .collect();
    let graph = case.graph(op);
    let fast = Executor::new(&graph).unwrap().run_on(&tensors).unwrap_err();
    assert_eq!(fast, execute_reference_on(&graph, &tensors).unwrap_err());
    match fast {
        ExecutionError::Outside {
            layer,
            quantity,
            index,
            value,
            ..
        } => {
            assert_eq!(layer, "attention");
            (quantity, index, value)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn values_without_room_are_refused_with_their_place() {
    let op = IntegerAttention::new(1, 10).unwrap();
    let keys = vec![0, 0, 30_000, 0, -30_000, 0];
    let found = outside(&op, PLAIN, [vec![1200, 0, 1000, 0], keys, vec![0; 3]]);
    // 1200 * 30000 / 1024 is above 2^15.
    assert_eq!(found, ("largest score", vec![0, 0, 0], 35_156));
    // The first query does not see the last key; the second one does: scores 31250 and -58594.
    let keys = vec![0, 0, 16_000, 0, -30_000, 0];
    let found = outside(&op, PLAIN, [vec![100, 0, 2000, 0], keys, vec![0; 3]]);
    assert_eq!(found, ("distance to the largest score", vec![0, 0, 1, 2], 89_844));
}

#[test]
fn keys_that_a_query_does_not_see_may_be_anything() {
    // The first of two queries does not see the last of three keys, whose score has no room.
    let op = IntegerAttention::new(1, 10).unwrap();
    let inputs = [vec![30_000, 0, 0, 1], vec![1, 0, 0, 0, 30_000, 0], vec![5, 7, 9]];
    let graph = PLAIN.graph(&op);
    let tensors: Vec<ArrayD<i64>> = PLAIN
        .shapes()
        .into_iter()
        .zip(inputs)
        .map(|(shape, values)| ArrayD::from_shape_vec(shape, values).unwrap())
        .collect();
    let values = Executor::new(&graph).unwrap().run_on(&tensors).unwrap().values;
    // 29 steps of 1/64 apart: weights 4096 and 2603; then three equal ones.
    assert_eq!(values[3].iter().copied().collect::<Vec<_>>(), [6, 7]);
}

fn refused(op: &IntegerAttention, case: Case) -> String {
    let graph = case.graph(op);
    match lower(&graph.skeleton(), 16, &Privacy::PUBLIC) {
        Err(CircuitError::Overflow { layer, quantity, .. }) => {
            assert!(layer.starts_with("attention"), "{layer}");
            quantity
        }
        Err(CircuitError::Unsupported { layer, what }) => {
            assert_eq!(layer, "attention");
            what
        }
        Err(CircuitError::Malformed { place, found, .. }) => {
            assert_eq!(place, "attention");
            found
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_bound_is_checked() {
    let op = IntegerAttention::new(1000, 20).unwrap();
    let graph = PLAIN.graph(&op);
    lower(&graph.skeleton(), 16, &Privacy::PUBLIC).unwrap();
    let with = |change: &dyn Fn(&mut IntegerAttention)| {
        let mut op = op.clone();
        change(&mut op);
        refused(&op, PLAIN)
    };
    assert_eq!(with(&|op| op.shift = 43), "score times 2^shift");
    let small = Case {
        sizes: [1, 1, 1, 2, 64, 2, 1],
        v: 1,
        ..PLAIN
    };
    let long = IntegerAttention {
        reciprocal_bits: 56,
        output_bits: 2,
        ..op.clone()
    };
    assert_eq!(refused(&long, small), "reciprocal times divisor");
    let narrow = with(&|op| op.decay.bits = 8);
    assert!(
        narrow.starts_with("a table of weights from 4096 to 7"),
        "{narrow}"
    );
    assert!(with(&|op| op.multiplier = 0).contains("multipliers of 1 to"));
    assert!(with(&|op| op.shift = 0).contains("multipliers of 1 to"));
    assert!(with(&|op| op.multiplier = 1 << 30).contains("scaled score"));
    let large = Case { v: 1 << 26, ..PLAIN };
    assert!(refused(&op, large).contains("numerator of a quotient"));
    let message = with(&|op| op.output_bits = 27);
    assert!(message.contains("27"), "{message}");
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let shape = |sizes: [usize; 4]| Shape::new(&sizes).unwrap();
    let attended = |q, k, v, is_causal| {
        let options = ScaledDotProductAttentionOptions {
            is_causal,
            scale: None,
        };
        options.shape(shape(q), shape(k), shape(v))
    };
    let refused = |q, k, v, causal| {
        attended(q, k, v, causal)
            .unwrap_err()
            .message()
            .as_str()
            .to_owned()
    };
    let (q, k) = ([2, 6, 3, 4], [2, 3, 5, 4]);
    assert_eq!(attended(q, k, [2, 3, 5, 7], true).unwrap().sizes(), [2, 6, 3, 7]);
    for (q, k, v) in [
        ([1, 6, 3, 4], k, k),
        (q, k, [1, 3, 5, 4]),
        ([2, 5, 3, 4], k, k),
        (q, k, [2, 6, 5, 4]),
        (q, [2, 3, 5, 3], k),
        (q, k, [2, 3, 4, 4]),
        ([2, 6, 7, 4], k, k),
    ] {
        let message = refused(q, k, v, true);
        assert!(message.contains("scaled_dot_product_attention"), "{message}");
    }
    assert!(attended([2, 6, 7, 4], k, k, false).is_ok());
}
