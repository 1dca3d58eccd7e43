//! False cells of attentions, and tokens that are not the greedy one.
//!
//! A lie about one cell is made consistent with all that follows from it ([`Attended::settle`]), so that the constraint
//! that is violated is the only one: [`only_violates`] takes it away, and then the lie passes.

use std::sync::LazyLock;

use super::super::conformance::small_attention;
use super::*;
use crate::argument::{Violation, check};
use crate::circuit::{Cells as TableCells, Selector};
use crate::graph::NodeId;
use crate::ops::IntegerAttention;
use crate::privacy::Visibility;
use crate::prove::prove_trace;
use crate::prove::tests::fixture::with_public;

/// Sizes of the attended input, `[1, HEADS, TOKENS, FEATURES]`: its tokens and features have padding.
const HEADS: usize = 2;
const TOKENS: usize = 3;
const FEATURES: usize = 3;
/// Padded tokens, and features.
const PADDED: usize = 4;

/// Attention of an input to itself.
fn model(causal: bool) -> CompiledModel {
    let mut n = Network::new(31, &[1, HEADS, TOKENS, FEATURES], (-127, 127));
    let input = NodeId(0);
    let attended = n.node(
        "attended",
        small_attention(causal).into(),
        &[input, input, input],
        vec![1, HEADS, TOKENS, FEATURES],
        (-127, 127),
    );
    n.finish(&[attended])
}

fn scenes() -> &'static [Scene; 2] {
    static SCENES: LazyLock<[Scene; 2]> = LazyLock::new(|| Scene::both(&model(true), 1));
    &SCENES
}

/// What follows from committed cells of an attention.
struct Attended {
    op: IntegerAttention,
    table: TableCells,
    /// The values, `[HEADS, TOKENS, FEATURES]`.
    values: Vec<i64>,
}

impl Attended {
    fn new() -> Self {
        let op = small_attention(true);
        Self {
            table: op.decay.cells().expect("a table"),
            op,
            values: scenes()[0].input.iter().copied().collect(),
        }
    }

    fn value(&self, row: usize, token: usize, feature: usize) -> i64 {
        self.values[(row / PADDED * TOKENS + token) * FEATURES + feature]
    }

    /// The scores of the keys that the query of a row sees.
    fn scores(&self, row: usize) -> Vec<i64> {
        let query = row % PADDED;
        let score = |key: usize| {
            let product = |f: usize| self.value(row, query, f) * self.value(row, key, f);
            let products: i64 = (0..FEATURES).map(product).sum();
            (products * self.op.multiplier + (1 << (self.op.shift - 1))) >> self.op.shift
        };
        (0..=query).map(score).collect()
    }

    /// Says that a row's maximum is another one.
    fn move_maximum(&self, lie: &mut Lie<'_>, row: usize, by: i64) {
        let scores = self.scores(row);
        let maximum = scores.iter().max().expect("a score") + by;
        lie.cells("attended/maximum")[row] = maximum;
        for (key, score) in scores.iter().enumerate() {
            let (cell, distance) = (row * PADDED + key, maximum - score);
            let nearest = self.table.at(distance.max(0));
            lie.cells("attended/weight")[cell] = nearest.expect("a weight");
            lie.cells("attended/mark")[cell] = i64::from(distance == 0);
        }
        self.settle(lie, row, |r| r, |o| o);
    }

    /// Recomputes what follows from the weights of a row. `reciprocal` and `output` alter what they are given.
    fn settle(
        &self,
        lie: &mut Lie<'_>,
        row: usize,
        reciprocal: impl Fn(i64) -> i64,
        output: impl Fn(i64) -> i64,
    ) {
        let weights = lie.cells("attended/weight")[row * PADDED..][..PADDED].to_vec();
        // Padded keys count for nothing.
        let sum: i64 = weights.iter().take(TOKENS).sum();
        let bits = self.op.reciprocal_bits;
        let inverse = reciprocal((1i64 << bits) / sum);
        lie.cells("attended/reciprocal")[row] = inverse;
        for feature in 0..FEATURES {
            let mix: i64 = (0..TOKENS)
                .map(|key| weights[key] * self.value(row, key, feature))
                .sum();
            let rounded = i128::from(mix) * i128::from(inverse) + (1 << (bits - 1));
            let result = output((rounded >> bits) as i64);
            let cell = row * PADDED + feature;
            lie.cells("attended/output")[cell] = result;
            let remainder = (rounded - (i128::from(result) << bits)) as i64;
            lie.cells("attended/output/remainder/digit.0")[cell] = remainder & 0xffff;
        }
    }
}

/// The row of the last query of the first head, which sees three keys.
const LAST: usize = TOKENS - 1;

/// The lie violates the first of these lookups, perhaps the others, and nothing else.
#[track_caller]
pub(super) fn only_violates(scene: &Scene, names: &[&str], tell: impl FnOnce(&mut Lie<'_>)) {
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let told = told(&statement, &honest, tell);
    let mut circuit = statement.circuit().clone();
    let mut found = BTreeSet::new();
    loop {
        match check(&circuit, &told.trace.values) {
            Ok(()) => break,
            // That weights and marks are 0 on padding rests on their lookup.
            Err(Violation::Padding { .. }) if found.iter().any(|name: &String| name.ends_with("/weight")) => {
                break;
            }
            Err(Violation::Lookup { name, .. }) if names.contains(&name.as_str()) => {
                circuit.lookups.retain(|lookup| lookup.name != name);
                found.insert(name);
            }
            other => panic!("{names:?}: {other:?}"),
        }
    }
    assert!(
        names.iter().take(1).all(|name| found.contains(*name)),
        "{found:?}"
    );
}

/// The lie violates these lookups alone, and its proofs are rejected.
#[track_caller]
fn rejected(names: &[&str], tell: impl Fn(&mut Lie<'_>)) {
    only_violates(&scenes()[0], names, &tell);
    for scene in scenes() {
        attack(scene, &tell).rejected_by("lookup.layer");
    }
}

#[test]
fn an_honest_attention_is_accepted() {
    let attended = Attended::new();
    for scene in scenes() {
        attack(scene, |_| {}).accepted();
        // What the tests recompute is what the prover computes.
        let again = |lie: &mut Lie<'_>| {
            for row in [0, 1, LAST, PADDED, PADDED + LAST] {
                attended.move_maximum(lie, row, 0);
            }
        };
        only_violates(scene, &[], again);
        attack(scene, again).accepted();
    }
}

#[test]
fn a_maximum_that_no_score_has() {
    let attended = Attended::new();
    rejected(&["attended/more_marks"], |lie| {
        attended.move_maximum(lie, LAST, 1)
    });
}

#[test]
fn a_maximum_below_a_score() {
    let attended = Attended::new();
    // The largest score has no row of the table; the marks, which are none, are missed as well.
    rejected(&["attended/weight", "attended/more_marks"], |lie| {
        attended.move_maximum(lie, LAST, -1);
    });
}

#[test]
fn a_common_offset_of_all_scores_of_a_row() {
    // Remainders that are too small by one, and a maximum that is too large by a fraction of a step: all differences
    // are those of the honest row. Only the range of the maximum tells.
    let op = small_attention(true);
    rejected(&["attended/maximum"], |lie| {
        let row = &mut lie.cells("attended/score_remainder")[LAST * PADDED..][..TOKENS];
        // All in range, before and after.
        let by = if row.iter().all(|remainder| *remainder > 0) {
            1
        } else {
            -1
        };
        row.iter_mut().for_each(|remainder| *remainder -= by);
        assert!(row.iter().all(|remainder| (0..1 << op.shift).contains(remainder)));
        let step = ark_ff::Field::inverse(&from_i64(1i64 << op.shift)).expect("not 0");
        let maximum = &mut lie.cells("attended/maximum")[LAST];
        *maximum = to_i64_centered(from_i64(*maximum) + from_i64(by) * step);
    });
}

#[test]
fn scores_that_are_rounded_another_way() {
    // One key alone: its distance is no integer.
    rejected(&["attended/weight"], |lie| {
        lie.cells("attended/score_remainder")[LAST * PADDED] ^= 1;
    });
    // A remainder beyond its range, so that the score is another integer.
    let attended = Attended::new();
    let op = small_attention(true);
    let scores = attended.scores(LAST);
    let largest = *scores.iter().max().expect("a score");
    let key = scores.iter().position(|score| *score < largest).expect("another");
    rejected(&["attended/score_remainder"], |lie| {
        let cell = LAST * PADDED + key;
        lie.cells("attended/score_remainder")[cell] -= 1 << op.shift;
        let distance = largest - scores[key] - 1;
        lie.cells("attended/weight")[cell] = attended.table.at(distance).expect("a weight");
        lie.cells("attended/mark")[cell] = i64::from(distance == 0);
        attended.settle(lie, LAST, |r| r, |o| o);
    });
}

#[test]
fn a_key_that_is_not_seen_is_given_weight() {
    let attended = Attended::new();
    // The second key of the first query, and one on the padding of the last.
    for (row, key) in [(0, 1), (LAST, TOKENS)] {
        for (column, cell) in [("attended/weight", 5), ("attended/mark", 1)] {
            rejected(&["attended/weight"], |lie| {
                lie.cells(column)[row * PADDED + key] = cell;
                attended.settle(lie, row, |r| r, |o| o);
            });
        }
    }
}

#[test]
fn a_query_that_sees_the_future() {
    // The trace of the network without a mask, for the key of the one with a mask.
    let [causal, all] = [true, false].map(|causal| Scene::both(&model(causal), 1));
    for (causal, all) in causal.iter().zip(&all) {
        let [own, other] =
            [causal, all].map(|scene| Statement::new(&scene.key.verifying).expect("statement"));
        assert_ne!(own.digest, other.digest);
        let trace = Trace::generate(&all.key, &other, &all.input).expect("trace");
        // Columns of the same names hold its cells.
        let verdict = lie_about(
            causal,
            &own,
            &Trace::generate(&causal.key, &own, &causal.input).expect("trace"),
            |lie| {
                for id in other.circuit().committed() {
                    let cells = trace.values.cells(id).to_base();
                    let cells = cells.iter().map(|&cell| to_i64_centered(cell)).collect();
                    *lie.cells(&other.circuit()[id].name) = cells;
                }
            },
        );
        verdict.rejected_by("lookup.layer");
        // Nor does a proof for the other key pass.
        let proof = crate::prove::prove(&all.key, &all.input, CONTEXT).expect("a proof");
        judge(&all.key.verifying, &proof, CONTEXT).expect("valid");
        assert!(judge(&causal.key.verifying, &proof, CONTEXT).is_err());
    }
}

#[test]
fn a_reciprocal_that_is_off_by_one() {
    let attended = Attended::new();
    let (remainder, gap) = ("attended/reciprocal/remainder", "attended/reciprocal/gap");
    for (by, names) in [(1, [remainder, gap]), (-1, [gap, remainder])] {
        rejected(&names, |lie| {
            attended.settle(lie, LAST, |r| r + by, |o| o);
        });
    }
}

#[test]
fn a_reciprocal_out_of_its_range() {
    // r = (2^K - rem) / S in the field, for a remainder in range that is not that of the division. The result, which
    // depends on r, has no solution in its range either.
    let op = small_attention(true);
    rejected(
        &["attended/reciprocal", "attended/output/remainder/digit.1"],
        |lie| {
            let sum: i64 = lie.cells("attended/weight")[LAST * PADDED..][..PADDED]
                .iter()
                .sum();
            let honest = (1i64 << op.reciprocal_bits) % sum;
            let remainder = if honest == 0 { 1 } else { honest - 1 };
            let dividend = from_i64((1i64 << op.reciprocal_bits) - remainder);
            let inverse = ark_ff::Field::inverse(&from_i64(sum)).expect("not 0");
            lie.cells("attended/reciprocal")[LAST] = to_i64_centered(dividend * inverse);
        },
    );
}

#[test]
fn a_result_that_is_off_by_one() {
    let attended = Attended::new();
    for by in [1, -1] {
        rejected(&["attended/output/remainder/digit.1"], |lie| {
            attended.settle(lie, LAST, |r| r, |o| o + by);
        });
    }
}

#[test]
fn cells_that_nothing_reads_change_nothing() {
    // Scores of keys that are not seen, and the maximum of a padded row.
    let change = |lie: &mut Lie<'_>| {
        lie.cells("attended/score_remainder")[1] ^= 1;
        lie.cells("attended/score_remainder")[LAST * PADDED + TOKENS] ^= 1;
        lie.cells("attended/maximum")[TOKENS] = 77;
    };
    for scene in scenes() {
        only_violates(scene, &[], change);
        attack(scene, change).accepted();
    }
}

/// Logits, private or not, and the public token of each row.
fn tokens(multipliers: Vec<i64>) -> CompiledModel {
    let mut n = Network::new(32, &[3, 5], (-127, 127));
    let logits = n.linear("logits", NodeId(0), 6, true);
    let token = n.greedy("token", logits, multipliers);
    n.finish(&[logits, token])
}

/// The honest tokens, and the logits, `[3, 6]`.
fn honest(scene: &Scene) -> (Vec<i64>, Vec<i64>) {
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let trace = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let [logits, tokens] = trace.answer.outputs.as_slice() else {
        panic!("two outputs");
    };
    (tokens.clone(), logits.clone())
}

#[test]
fn a_token_that_is_not_the_greedy_one() {
    for multipliers in [vec![], vec![3, 1, 9, 2, 5, 4]] {
        let model = tokens(multipliers);
        let scenes = Scene::both(&model, 3);
        let (greedy, logits) = honest(&scenes[0]);
        let multipliers = match &model.network.graph.nodes[2].op {
            crate::ops::IntOp::Greedy(greedy) if !greedy.multipliers.is_empty() => greedy.multipliers.clone(),
            _ => vec![1; 6],
        };
        for other in (0..6).filter(|other| *other != greedy[1]) {
            let told = vec![greedy[0], other, greedy[2]];
            let compared = |index: usize| logits[6 + index] * multipliers[index];
            let settled = |lie: &mut Lie<'_>| {
                lie.outputs.push((1, told.clone()));
                for index in 0..6 {
                    let before = i64::from((index as i64) < other);
                    let margin = compared(other as usize) - compared(index) - before;
                    // The low digits of the margin; the highest one has its sign.
                    lie.cells("token/margin/digit.0")[8 + index] = margin & 0xffff;
                    lie.cells("token/margin/digit.1")[8 + index] = margin >> 16 & 0xffff;
                }
            };
            only_violates(&scenes[0], &["token/margin/digit.2"], settled);
            for scene in &scenes {
                attack(scene, settled).rejected_by("lookup.layer");
            }
        }
        // Digits of the honest token: they do not belong to the margins.
        let told = vec![greedy[0], (greedy[1] + 1) % 6, greedy[2]];
        for scene in &scenes {
            attack(scene, |lie| lie.outputs.push((1, told.clone()))).rejected_by("lookup.layer");
            attack(scene, |_| {}).accepted();
        }
    }
}

/// Logits that are the public input, all negative: a padded 0 is above them.
fn below_zero() -> (CompiledModel, ArrayD<i64>) {
    let mut n = Network::new(33, &[3, 5], (-127, -1));
    let token = n.greedy("token", NodeId(0), vec![]);
    let beside = n.linear("beside", NodeId(0), 2, false);
    let input = ArrayD::from_shape_vec(vec![3, 5], [[-3, -2, -9, -2, -5]; 3].concat()).expect("fits");
    (n.finish(&[beside, token]), input)
}

#[test]
fn a_tie_that_goes_to_the_last() {
    let (model, input) = below_zero();
    for mut scene in Scene::both(&model, 1) {
        scene.input.assign(&input);
        attack(&scene, |_| {}).accepted();
        let statement = Statement::new(&scene.key.verifying).expect("statement");
        let trace = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
        assert_eq!(trace.answer.outputs[1], [1, 1, 1]);
        let last = |lie: &mut Lie<'_>| lie.outputs.push((1, vec![1, 3, 1]));
        only_violates(&scene, &["token/margin"], last);
        attack(&scene, last).rejected_by("lookup.layer");
    }
}

#[test]
fn a_padded_token() {
    let (model, input) = below_zero();
    for mut scene in Scene::both(&model, 1) {
        scene.input.assign(&input);
        for padded in [5, 7, 8, -1] {
            let verdict = attack(&scene, |lie| lie.outputs.push((1, vec![1, padded, 1])));
            match verdict.result {
                Err(VerifyError::PublicValue { place, .. }) => assert_eq!(place, "output.1[1]"),
                other => panic!("{other:?}"),
            }
        }
    }
    // The logits are a private input with whatever its range allows on padding: it stands against nothing.
    let [_, mut scene] = Scene::both(&model, 1);
    scene.input.assign(&input);
    let higher = |lie: &mut Lie<'_>| {
        let padding = lie.padding_of("input/raw");
        lie.cells("input/raw")[padding] = -1;
    };
    only_violates(&scene, &[], higher);
    attack(&scene, higher).accepted();
}

#[test]
fn other_tokens_for_a_proof_that_is_made() {
    // The argument speaks of the honest tokens from end to end, the statement of others: the selectors, which the
    // verifier computes from the statement, are other columns.
    for scene in Scene::both(&tokens(vec![]), 3) {
        let statement = Statement::new(&scene.key.verifying).expect("statement");
        let selectors = statement.circuit().columns.iter();
        let reads_ids = |column: &&crate::circuit::Column| match &column.kind {
            ColumnKind::Public(Public::Selector(Selector::LessThan { ids } | Selector::OneHot { ids })) => {
                *ids == statement.outputs[1].column
            }
            _ => false,
        };
        assert_eq!(selectors.filter(reads_ids).count(), 2);
        let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
        let proof = crate::prove::prove(&scene.key, &scene.input, CONTEXT).expect("a proof");
        judge(&scene.key.verifying, &proof, CONTEXT).expect("valid");
        let mut altered = proof.public.clone();
        let token = &mut altered.outputs.as_mut().expect("outputs")[1][2];
        *token = (*token + 1) % 6;
        assert!(judge(&scene.key.verifying, &with_public(&proof, &altered), CONTEXT).is_err());
        let trace = Trace {
            public: altered,
            ..honest
        };
        let weights = scene.key.commitment(0).expect("a commitment");
        let secrets = fresh_seed(&statement);
        let proof = prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), CONTEXT, secrets, None)
            .expect("a proof")
            .0;
        let name = match judge(&scene.key.verifying, &proof, CONTEXT) {
            Err(VerifyError::Check { name, .. }) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            name,
            match statement.masking {
                None => "reduce.stage",
                Some(_) => "closing.constraints",
            }
        );
    }
}

#[test]
fn a_token_that_nobody_is_shown_is_refused() {
    let private = Visibility::Private;
    let refused = |model: CompiledModel| match model.lower() {
        Err(crate::keys::ProveError::Unsupported(crate::circuit::CircuitError::Unsupported {
            layer,
            what,
        })) => {
            assert_eq!(layer, "token");
            assert!(what.contains("argmax"), "{what}");
        }
        other => panic!("{:?}", other.map(|_| ())),
    };
    let model = tokens(vec![]);
    refused(model.clone().with_privacy(Privacy {
        output: private,
        ..Privacy::PUBLIC
    }));
    let hidden = model
        .clone()
        .with_visibility(&[private], &[Visibility::Public, private]);
    refused(hidden.expect("fits"));
    // One that is no output at all.
    let mut inner = model.clone();
    inner.network.graph.outputs.truncate(1);
    inner.network.output_scales.truncate(1);
    refused(inner);
    let shown = model.with_visibility(&[private], &[private, Visibility::Public]);
    shown.expect("fits").lower().expect("a public token");
}
