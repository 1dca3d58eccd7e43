//! False cells, parameters and public values.

use crate::ops;
use std::sync::LazyLock;

use super::super::fixture::{CONTEXT, fresh_seed, judge, outputs_of, whole_network};
use super::super::network::{Network, window};
use super::gadgets::violated;
use super::*;
use crate::circuit::{Function, Table};
use crate::graph::NodeId;
use crate::ops::IntOp;
use crate::privacy::Visibility;
use crate::prove::prove_trace;
use crate::reduce::Cpu;

/// The whole network, without and with zero knowledge.
fn whole() -> &'static [Scene; 2] {
    static SCENES: LazyLock<[Scene; 2]> = LazyLock::new(|| Scene::both(&whole_network(18), 1));
    &SCENES
}

/// Verdicts on a lie about the whole network.
fn lied(tell: impl Fn(&mut Lie<'_>)) -> [Verdict; 2] {
    whole().each_ref().map(|scene| attack(scene, &tell))
}

/// Verdicts on a lie about other scenes.
fn lied_in(scenes: &[Scene; 2], tell: impl Fn(&mut Lie<'_>)) -> [Verdict; 2] {
    scenes.each_ref().map(|scene| attack(scene, &tell))
}

/// A linear layer and a rescale whose result is public.
fn small(domain_bits: u32) -> CompiledModel {
    let mut n = Network::new(5, &[1, 7], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 5, false);
    let q = n.rescale("q", fc, Function::Identity, None);
    if let IntOp::Rescale(ops::Rescale { table, .. }) = &mut n.graph.nodes[q.0].op {
        table.domain_bits = domain_bits;
    }
    n.finish(&[q])
}

fn small_scenes(domain_bits: u32) -> [Scene; 2] {
    Scene::both(&small(domain_bits), 2)
}

/// The outputs of the whole network.
fn answers() -> Vec<Vec<i64>> {
    let scene = &whole()[0];
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let mut trace = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    outputs_of(&mut trace.public).clone()
}

/// A cell of `q` that is not clamped.
fn unclamped(lie: &mut Lie<'_>) -> usize {
    let cells = lie.cells("q");
    cells
        .iter()
        .position(|&cell| cell.abs() < 120 && cell != 0)
        .expect("an unclamped cell")
}

#[test]
fn without_a_lie_the_proof_is_accepted() {
    lied(|_| {}).iter().for_each(Verdict::accepted);
    lied_in(&small_scenes(12), |_| {})
        .iter()
        .for_each(Verdict::accepted);
}

#[test]
fn a_wrong_activation() {
    rejected_by(lied(|lie| lie.cells("relu")[0] += 1), "lookup.layer");
    let result = lied_in(&small_scenes(12), |lie| {
        let cell = unclamped(lie);
        lie.cells("q")[cell] += 1;
    });
    rejected_by(result, "lookup.layer");
}

#[test]
fn a_remainder_that_is_no_remainder() {
    // Then the value is no integer.
    rejected_by(lied(|lie| lie.cells("relu/remainder.0")[0] ^= 1), "lookup.layer");
}

#[test]
fn rounding_the_wrong_way_with_a_negative_remainder() {
    let result = lied_in(&small_scenes(12), |lie| {
        let cell = unclamped(lie);
        // value + 1 and remainder - 2^16: the equation holds, the value is in the table.
        lie.cells("q")[cell] += 1;
        lie.cells("q/remainder.1")[cell] -= 1 << 8;
    });
    rejected_by(result, "lookup.layer");
}

#[test]
fn a_limb_that_borrows_from_the_next() {
    // The remainder is the same, its digits are not.
    let result = lied(|lie| {
        lie.cells("relu/remainder.0")[0] += 1 << 8;
        lie.cells("relu/remainder.1")[0] -= 1;
    });
    rejected_by(result, "lookup.layer");
}

#[test]
fn a_wrong_multiplicity() {
    for (table, row, more) in [(0, 3, 1), (0, 3, -1), (1, 0, 5)] {
        rejected_by(
            lied(|lie| lie.multiplicities.push((table, row, more))),
            "lookup.layer",
        );
    }
    // Right in sum, wrong in place.
    rejected_by(
        lied(|lie| lie.multiplicities.extend([(0, 3, 1), (0, 4, -1)])),
        "lookup.layer",
    );
}

#[test]
fn a_value_outside_of_the_table() {
    // The trace of the same network with a wide table, for the key of a narrow one.
    for (narrow, wide) in small_scenes(3).iter().zip(&small_scenes(12)) {
        let statement = Statement::new(&wide.key.verifying).expect("statement");
        let honest =
            Trace::generate(&wide.key, &statement, &wide.input).expect("the wide table holds the values");
        let narrow_statement = Statement::new(&narrow.key.verifying).expect("statement");
        assert!(
            Trace::generate(&narrow.key, &narrow_statement, &wide.input).is_err(),
            "an honest prover refuses"
        );
        lie_about(narrow, &narrow_statement, &honest, |_| {}).rejected_by("lookup.layer");
    }
}

#[test]
fn a_wrong_maximum() {
    rejected_by(
        lied(|lie| lie.cells("pool/max.0.0/excess")[0] += 1),
        "lookup.layer",
    );
    // The smaller one wins: its excess is 0 (or the negative difference).
    let result = lied(|lie| {
        let cells = lie.cells("pool/max.0.0/excess");
        let cell = cells
            .iter()
            .position(|&excess| excess > 0)
            .expect("a pair whose first is larger");
        cells[cell] = 0;
    });
    rejected_by(result, "lookup.layer");
}

/// Moves the one-hot row's one to another index; returns both.
fn move_one(lie: &mut Lie<'_>, to: usize) -> (usize, usize) {
    let cells = lie.cells("argmax/one_hot");
    let from = cells.iter().position(|&cell| cell == 1).expect("a one");
    let to = if from == to { to + 1 } else { to };
    cells[from] = 0;
    cells[to] = 1;
    (from, to)
}

#[test]
fn a_wrong_argmax_with_its_own_index() {
    // The margins' digits are left: they no longer compose to the margins.
    let result = lied(|lie| {
        move_one(lie, 4);
    });
    rejected_by(result, "reduce.stage");
}

#[test]
fn a_wrong_argmax_with_negative_margins() {
    let logits = answers()[0].clone();
    let result = lied(|lie| {
        let (_, to) = move_one(lie, 4);
        let limbs = (0..)
            .take_while(|k| {
                lie.circuit
                    .columns
                    .iter()
                    .any(|c| c.name == format!("argmax/margin_limb.{k}"))
            })
            .count();
        for (index, &logit) in logits.iter().enumerate() {
            let mut rest = logits[to] - logit - i64::from(index < to);
            for k in 0..limbs {
                // The last digit takes what is left, and its sign.
                let digit = if k + 1 == limbs {
                    rest
                } else {
                    rest.rem_euclid(256)
                };
                lie.cells(&format!("argmax/margin_limb.{k}"))[index] = digit;
                rest = (rest - digit) >> 8;
            }
        }
    });
    rejected_by(result, "lookup.layer");
}

#[test]
fn no_or_two_indices() {
    rejected_by(lied(|lie| lie.cells("argmax/one_hot").fill(0)), "reduce.stage");
    let two = lied(|lie| {
        let cells = lie.cells("argmax/one_hot");
        let other = usize::from(cells[0] == 1);
        cells[other] = 1;
    });
    rejected_by(two, "reduce.stage");
}

#[test]
fn half_an_index_here_and_half_there() {
    // 2 i - j is an index again, and the ones still sum to 1.
    let result = lied(|lie| {
        let cells = lie.cells("argmax/one_hot");
        let from = cells.iter().position(|&cell| cell == 1).expect("a one");
        let other = (0..10)
            .find(|&j| j != from && j <= 2 * from && 2 * from - j < 10)
            .unwrap_or(1);
        (cells[from], cells[other]) = if from == 0 { (-1, 2) } else { (2, -1) };
    });
    // Nor are the margins what their digits say.
    rejected_by_all(result, &["lookup.layer", "reduce.stage"]);
}

#[test]
fn ones_in_the_padding_of_the_one_hot_row_change_nothing() {
    // Every sum along the row has a factor that is 0 there.
    let result = lied(|lie| {
        let padding = lie.padding_of("argmax/one_hot");
        lie.cells("argmax/one_hot")[padding] = 1;
    });
    result.iter().for_each(Verdict::accepted);
}

#[test]
fn other_weights_than_the_committed_ones() {
    // Nothing but a linear layer: the outputs are those of the other weights.
    let mut n = Network::new(7, &[1, 7], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 5, true);
    let model = n.finish(&[fc]);
    for scene in Scene::both(&model, 4) {
        for parameter in ["fc.weight", "fc.bias"] {
            let alter = |lie: &mut Lie<'_>| lie.cells(parameter)[0] ^= 1;
            // Opened against the committed ones: the claims do not fit.
            attack(&scene, alter).rejected_by("opening.merge");
            // Opened against a commitment of their own: the root is another.
            attack_with_own_weights(&scene, alter).rejected_by("opening.merkle");
        }
        // The same weights with other salts.
        attack_with_own_weights(&scene, |_| {}).rejected_by("opening.merkle");
    }
}

#[test]
fn weights_in_the_padding() {
    let result = lied(|lie| {
        let padding = lie.padding_of("fc.weight");
        lie.cells("fc.weight")[padding] = 1;
    });
    rejected_by(result, "opening.merge");
}

#[test]
fn another_public_input() {
    let scene = &whole()[0];
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    // The statement says another input than the trace was made from; only what depends on it is wrong.
    let verdict = lie_about(scene, &statement, &honest, |lie| {
        let id = statement.inputs[0].column;
        lie.cells.get_mut(&id).expect("the input")[0] -= 1;
    });
    // The accumulators are others, hence the values: they are no integers.
    verdict.rejected_by("lookup.layer");
}

#[test]
fn another_public_input_for_values_already_committed() {
    let [Scene { key, input }, _] = small_scenes(12);
    let statement = Statement::new(&key.verifying).expect("statement");
    let honest = Trace::generate(&key, &statement, &input).expect("trace");
    let mut public = honest.public.clone();
    public.input.as_mut().expect("a public input")[0] -= 1;
    // The argument speaks of the old input from end to end, the statement of the new one.
    let trace = Trace { public, ..honest };
    let weights = key.commitment(0).expect("a commitment");
    let secrets = fresh_seed(&statement);
    let proof = prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), CONTEXT, secrets, None)
        .expect("a proof")
        .0;
    let verdict = Verdict {
        result: judge(&key.verifying, &proof, CONTEXT),
        violated: None,
    };
    verdict.rejected_by("reduce.stage");
}

/// Nothing but a linear layer: the input is looked up, and nothing else.
pub(super) fn linear() -> CompiledModel {
    let mut n = Network::new(7, &[1, 7], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 5, true);
    n.finish(&[fc])
}

#[test]
fn a_private_input_out_of_its_range() {
    let [_, scene] = Scene::both(&linear(), 4);
    for value in [128, -128, 300] {
        // The outputs are those of the forbidden input: they are right.
        attack(&scene, |lie| lie.cells("input/raw")[0] = value).rejected_by("lookup.layer");
    }
    attack(&scene, |lie| lie.cells("input/raw")[0] = -127).accepted();
}

#[test]
fn cells_in_the_padding_of_a_private_input_change_nothing() {
    // What is multiplied is a crop: another prover may put there what he likes, as long as it is in range.
    let [_, scene] = Scene::both(&linear(), 4);
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let fill = |value: i64| {
        move |lie: &mut Lie<'_>| {
            let padding = lie.padding_of("input/raw");
            lie.cells("input/raw")[padding] = value;
        }
    };
    assert_eq!(told(&statement, &honest, fill(99)).trace.public, honest.public);
    attack(&scene, fill(99)).accepted();
    attack(&scene, fill(128)).rejected_by("lookup.layer");
}

#[test]
fn false_tensors_that_are_committed_apart() {
    let privacy = Privacy {
        input: Visibility::Private,
        output: Visibility::Private,
        weights: Visibility::Private,
        commit_input: true,
    };
    let scene = Scene::new(linear().with_privacy(privacy), 4);
    attack(&scene, |_| {}).accepted();
    // An answer that is not the network's; the input is one of another answer, or of none.
    attack(&scene, |lie| lie.cells("output.0")[0] += 1).rejected_by("reduce.stage");
    attack(&scene, |lie| lie.cells("input/raw")[0] ^= 1).rejected_by("reduce.stage");
    let both = attack(&scene, |lie| lie.cells("input/raw")[0] = 500);
    both.rejected_by_all(&["lookup.layer", "reduce.stage"]);
    // Outputs are compared with all cells of the node's column, padding too.
    let tell = |lie: &mut Lie<'_>| {
        let padding = lie.padding_of("output.0");
        lie.cells("output.0")[padding] = 1;
    };
    assert_eq!(violated(&scene, tell), "output.0/difference");
    attack(&scene, tell).rejected_by("reduce.stage");
}

/// Two layers of the same shape, with these multipliers of the rescale between them.
pub(super) fn two_layers(multiplier: i64, with_bias: bool) -> CompiledModel {
    let mut n = Network::new(11, &[1, 6], (-127, 127));
    let first = n.linear("first", NodeId(0), 6, with_bias);
    let q = n.rescale("q", first, Function::Identity, None);
    let second = n.linear("second", q, 6, with_bias);
    if let IntOp::Rescale(ops::Rescale { multipliers, .. }) = &mut n.graph.nodes[q.0].op {
        multipliers.fill(multiplier);
    }
    n.finish(&[second])
}

/// Verdicts on the trace of another model for the keys of [`two_layers`].
fn trace_of(other: &CompiledModel) -> [Verdict; 2] {
    let (scenes, others) = (Scene::both(&two_layers(60, true), 3), Scene::both(other, 3));
    core::array::from_fn(|mode| {
        let (scene, other) = (&scenes[mode], &others[mode]);
        let (statement, its) = (
            Statement::new(&scene.key.verifying).expect("statement"),
            Statement::new(&other.key.verifying).expect("statement"),
        );
        let trace = Trace::generate(&other.key, &its, &other.input).expect("trace");
        lie_about(scene, &statement, &trace, |_| {})
    })
}

#[test]
fn swapped_layers() {
    let mut swapped = two_layers(60, true);
    let parameters = &mut swapped.network.graph.parameters;
    // Weight and bias of the first layer, then of the second.
    for k in 0..2 {
        let first = parameters[k].values.clone();
        parameters[k].values = core::mem::replace(&mut parameters[k + 2].values, first);
    }
    rejected_by(trace_of(&swapped), "opening.merge");
    trace_of(&two_layers(60, true)).iter().for_each(Verdict::accepted);
}

#[test]
fn other_scales() {
    // Multipliers are part of the circuit: with those of the key the committed values are no integers.
    rejected_by(trace_of(&two_layers(61, true)), "lookup.layer");
}

#[test]
fn a_wrong_public_output() {
    let (logits, index) = (answers()[0].clone(), answers()[1][0]);
    let told = |output: usize, values: Vec<i64>| lied(|lie| lie.outputs.push((output, values.clone())));
    rejected_by(
        told(0, logits.iter().map(|logit| logit + 1).collect()),
        "reduce.stage",
    );
    rejected_by(told(1, vec![if index == 0 { 1 } else { 0 }]), "reduce.stage");
    // A committed column that is the output.
    let result = lied_in(&small_scenes(12), |lie| {
        lie.outputs.push((0, vec![1, 2, 3, 4, 5]))
    });
    rejected_by(result, "opening.merge");
}

#[test]
fn an_output_that_is_shown_twice() {
    // The second one gives the value of the node's column, which is right: both sides of the first one are known.
    let mut n = Network::new(5, &[1, 7], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 5, false);
    let scenes = Scene::both(&n.finish(&[fc, fc]), 2);
    rejected_by(
        lied_in(&scenes, |lie| lie.outputs.push((0, vec![1, 2, 3, 4, 5]))),
        "reduce.linear",
    );
    lied_in(&scenes, |_| {}).iter().for_each(Verdict::accepted);
}

#[test]
fn a_cell_in_the_padding() {
    for column in ["relu", "relu/remainder.0", "pool/max.0.0/excess"] {
        let result = lied(|lie| {
            let padding = lie.padding_of(column);
            lie.cells(column)[padding] += 1;
        });
        rejected_by(result, "lookup.layer");
    }
    // Padded margins are compared too.
    let result = lied(|lie| {
        let padding = lie.padding_of("argmax/margin_limb.0");
        lie.cells("argmax/margin_limb.0")[padding] += 1;
    });
    rejected_by(result, "reduce.stage");
}

#[test]
fn a_window_that_reads_beyond_its_image() {
    // Zero padding of a convolution is part of the statement: other values there give other accumulators.
    let mut n = Network::new(6, &[1, 1, 3, 3], (-127, 127));
    let conv = n.convolution("conv", NodeId(0), 1, window(3, 1, 1), 1);
    let model = n.finish(&[conv]);
    let [plain, hidden] = Scene::both(&model, 3);
    let tell = |lie: &mut Lie<'_>| lie.outputs.push((0, vec![0; 9]));
    // Without zero knowledge there is no committed column at all: nothing can be chosen but the outputs.
    assert!(plain.key.lowered.circuit.committed().next().is_none());
    attack(&plain, tell).rejected_by("reduce.stage");
    attack(&hidden, tell).rejected_by("reduce.stage");
}

#[test]
fn the_tables_of_the_attacked_network_are_of_both_kinds() {
    let tables = &whole()[0].key.lowered.circuit.tables;
    assert!(tables.iter().any(|table| matches!(table, Table::Integers { .. })));
    assert!(tables.iter().any(|table| matches!(table, Table::Function(_))));
}
