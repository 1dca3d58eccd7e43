//! What hides, and what does not.

use std::collections::BTreeSet;

use super::super::{
    ALL_PRIVATE, CompiledModel, Network, NodeId, Privacy, Visibility, inputs, tiny_model_with,
};
use super::life::{Flaw, Kind, Life, Plan, Sample, Witness, living, view};
use super::sizes::Sizes;
use super::span::difference;
use super::{View, random_views};
use crate::field::M61;

/// Those of most keys here: the weights have one row, so that each opening needs tails for whole symbols.
const SIZES: Sizes = Sizes {
    log_row: 5,
    log_stride: 1,
    openings: 2,
    copies: 1,
    recursion: false,
};

/// Two openings of one commitment.
const TWO_ANSWERS: [Kind; 2] = [Kind::Answer(0); 2];

/// A layer of two numbers to so many.
fn layer(weights: u64, outputs: usize, privacy: Privacy) -> CompiledModel {
    let mut n = Network::new(weights, &[1, 2], (-8, 7));
    n.limb_bits = 3;
    let layer = n.linear("layer", NodeId(0), outputs, false);
    n.finish(&[layer]).with_privacy(privacy)
}

/// Two witnesses of a model, which is given for a choice of weights. What is private differs, and what is public does
/// not.
fn witnesses(sizes: &Sizes, model: impl Fn(u64) -> CompiledModel) -> [Witness; 2] {
    let both = [0, 1].map(|index| {
        let mut model_of = model(3);
        let Privacy {
            input,
            output,
            weights,
            ..
        } = model_of.privacy;
        if weights == Visibility::Private {
            model_of = model(3 + index as u64);
        }
        // The input 0 has the output 0 with all weights.
        let all_private = [input, output] == [Visibility::Private; 2];
        let input = inputs(&model_of)[if all_private { index } else { 0 }].clone();
        Witness::new(model_of, sizes, input)
    });
    assert_eq!(both[0].public(), both[1].public());
    both
}

/// Witnesses with a layer of two numbers.
fn of_a_layer(sizes: &Sizes) -> [Witness; 2] {
    witnesses(sizes, |weights| layer(weights, 2, ALL_PRIVATE))
}

/// A plan whose openings meet nowhere, not even in a symbol.
fn plan(witnesses: &[Witness; 2], proofs: &[Kind]) -> Plan {
    plan_where(witnesses, proofs, false)
}

/// A plan of which some two openings have a symbol in common, or none have.
fn plan_where(witnesses: &[Witness; 2], proofs: &[Kind], common: bool) -> Plan {
    let mut plan = Plan {
        proofs: proofs.to_vec(),
        linked: false,
        tape: 0,
        flaw: Flaw::None,
    };
    let meet = |plan: &Plan| {
        living(&witnesses[0], plan, |life| {
            let mut seen = BTreeSet::new();
            let all: Vec<usize> = (0..life.proofs())
                .flat_map(|index| symbols(life, index))
                .collect();
            !all.into_iter().all(|symbol| seen.insert(symbol))
        })
    };
    while meet(&plan) != common {
        plan.tape += proofs.len() as u64;
    }
    plan
}

/// The symbols that a proof opens.
fn symbols(life: &Life<'_>, index: usize) -> Vec<usize> {
    let base = Sample::default();
    let heard = life.prove(index, base, &life.weights(base), false).0;
    life.statement(index).key.code.narrow().symbols(&heard.positions)
}

/// All proofs are accepted.
fn accepted(life: &Life<'_>) -> bool {
    let base = Sample::default();
    let weights = life.weights(base);
    (0..life.proofs()).all(|index| life.prove(index, base, &weights, true).1)
}

/// Whether all proofs of the plan are accepted and their views have one distribution for both witnesses. Returns the
/// rank of the view, and how many words it has.
fn hides([one, two]: &[Witness; 2], plan: &Plan) -> (usize, usize) {
    let look = |witness| {
        living(witness, plan, |life| {
            assert!(accepted(life));
            (View::look(life), random_views(life))
        })
    };
    let ((view, views), (other, other_views)) = rayon::join(|| look(one), || look(two));
    assert!(view.holds(&other_views) && other.holds(&views));
    assert_eq!(view.rank(), other.rank());
    (view.rank(), view.words())
}

/// Whether the plan's views tell the witnesses apart.
fn leaks([one, two]: &[Witness; 2], plan: &Plan) -> bool {
    let view = living(one, plan, View::look);
    !view.holds(&living(two, plan, random_views))
}

/// The words of all views that follow from others. At an opened symbol the rows of `m` follow from `z`; at an opened
/// position one value over K of the rows of `g` follows from `u`. At the other positions of a symbol the sum of the
/// weights' rows stands in its way: it is as random as its rows, and public weights have no randomness at all.
fn dependent(life: &Life<'_>) -> usize {
    let of = |index: usize| {
        let statement = life.statement(index);
        let (key, masking) = (&statement.key, statement.masking.expect("zero knowledge"));
        let symbols = symbols(life, index).len();
        let solved = 2 * masking.pairs() * symbols + 2 * key.code.queries;
        let others = symbols * key.code.stride() - key.code.queries;
        let rows = statement.weight_copies() * statement.weights.rows;
        match key.visibility {
            Visibility::Private => solved + others * (2 - rows.min(2)),
            Visibility::Public => solved + 2 * others + rows * key.code.queries,
        }
    };
    (0..life.proofs()).map(of).sum()
}

/// As [`hides`]; and all is random that can be.
fn hides_with_full_rank(witnesses: &[Witness; 2], plan: &Plan) {
    let (rank, words) = hides(witnesses, plan);
    assert_eq!(rank, words - living(&witnesses[0], plan, dependent));
}

#[test]
fn setup_answer_and_rotation_look_alike_for_all_weights_and_inputs() {
    let sizes = Sizes { copies: 2, ..SIZES };
    let both = witnesses(&sizes, |weights| tiny_model_with(weights, ALL_PRIVATE));
    // Both commitments are opened twice.
    let plan = plan(&both, &[Kind::Setup, Kind::Answer(0), Kind::Rotation(1)]);
    hides_with_full_rank(&both, &plan);
}

#[test]
fn answers_look_alike_for_all_strides() {
    for log_stride in [0, 2] {
        let both = of_a_layer(&Sizes { log_stride, ..SIZES });
        hides_with_full_rank(&both, &plan(&both, &TWO_ANSWERS));
    }
}

#[test]
fn openings_that_meet_look_alike_too() {
    let both = of_a_layer(&SIZES);
    hides(&both, &plan_where(&both, &TWO_ANSWERS, true));
}

#[test]
fn many_rows_of_weights_need_shorter_tails() {
    let sizes = Sizes { log_row: 4, ..SIZES };
    let both = witnesses(&sizes, |weights| layer(weights, 64, ALL_PRIVATE));
    let mut plan = plan(&both, &TWO_ANSWERS);
    living(&both[0], &plan, |life| {
        assert!(life.statement(0).weights.rows > 2 * sizes.openings as usize);
    });
    hides_with_full_rank(&both, &plan);
    plan.flaw = Flaw::ShortTails(3);
    assert!(leaks(&both, &plan));
}

#[test]
fn a_committed_row_combination_adds_nothing() {
    let sizes = Sizes {
        recursion: true,
        ..SIZES
    };
    let both = of_a_layer(&sizes);
    hides(&both, &plan(&both, &[Kind::Setup, Kind::Answer(0)]));
}

#[test]
fn two_proofs_about_one_tensor_look_alike_and_three_do_not() {
    let both = of_a_layer(&Sizes { openings: 3, ..SIZES });
    let mut two = plan(&both, &TWO_ANSWERS);
    two.linked = true;
    hides_with_full_rank(&both, &two);
    let mut three = plan(&both, &[Kind::Answer(0); 3]);
    assert!(!leaks(&both, &three));
    three.linked = true;
    assert!(leaks(&both, &three));
}

#[test]
fn what_is_public_shows_nothing_of_the_rest() {
    let public = Visibility::Public;
    let weights = Privacy {
        weights: public,
        ..ALL_PRIVATE
    };
    let input = Privacy {
        input: public,
        commit_input: false,
        ..ALL_PRIVATE
    };
    let output = Privacy {
        output: public,
        ..ALL_PRIVATE
    };
    for privacy in [weights, input, output] {
        let both = witnesses(&SIZES, |weights| layer(weights, 2, privacy));
        hides_with_full_rank(&both, &plan(&both, &[Kind::Answer(0)]));
    }
}

#[test]
fn rows_without_random_tails_are_noticed() {
    let both = of_a_layer(&SIZES);
    let mut plan = plan(&both, &[Kind::Answer(0)]);
    assert!(!leaks(&both, &plan));
    for flaw in [Flaw::NoTailsOfWeights, Flaw::NoTailsOfTrace] {
        plan.flaw = flaw;
        assert!(leaks(&both, &plan));
    }
}

#[test]
fn a_tail_that_is_too_short_by_one_coefficient_is_noticed() {
    let both = of_a_layer(&SIZES);
    let mut plan = plan(&both, &TWO_ANSWERS);
    // Two coefficients are for sets of points that are not drawn here. One less, and one less for each opening:
    for (short, leaking) in [(2, false), (3, true), (4, true)] {
        plan.flaw = Flaw::ShortTails(short);
        assert_eq!(leaks(&both, &plan), leaking, "{short}");
    }
}

#[test]
fn an_opening_that_is_used_again_is_noticed() {
    let both = of_a_layer(&SIZES);
    assert!(!leaks(&both, &plan(&both, &TWO_ANSWERS)));
    assert!(leaks(&both, &plan(&both, &[Kind::Answer(0); 3])));
}

#[test]
fn a_pad_that_is_used_twice_is_noticed() {
    let both = of_a_layer(&SIZES);
    // By two scalars of a proof, and by two proofs.
    let mut one = plan(&both, &[Kind::Answer(0)]);
    one.flaw = Flaw::OnePadTwice;
    assert!(leaks(&both, &one));
    let mut two = plan(&both, &TWO_ANSWERS);
    two.flaw = Flaw::OneSeed;
    assert!(leaks(&both, &two));
}

#[test]
fn views_are_affine_in_the_randomness() {
    let sizes = Sizes { copies: 2, ..SIZES };
    let both = witnesses(&sizes, |weights| tiny_model_with(weights, ALL_PRIVATE));
    let plan = plan(&both, &[Kind::Setup, Kind::Answer(0)]);
    living(&both[1], &plan, |life| {
        for index in 0..life.proofs() {
            // At four points of a line that changes all randomness: the view, and `e_0`.
            let points = [0, 1, 2, 3].map(|along| {
                let sample = Sample {
                    along,
                    ..Sample::default()
                };
                let heard = life.prove(index, sample, &life.weights(sample), false).0;
                let e = heard.message("closing.masked")[0];
                (view(&heard), vec![e.c0, e.c1])
            });
            let (views, squares): (Vec<_>, Vec<_>) = points.into_iter().unzip();
            // Every word of the view moves, at a steady pace; `e_0` at a steady acceleration.
            for (points, degree) in [(views, 1), (squares, 2)] {
                let moved = (0..degree).fold(points, |points, _| steps(&points));
                assert_eq!(nonzero(&moved[0]), moved[0].len());
                assert_eq!(nonzero(&steps(&moved).concat()), 0);
            }
        }
    });
}

/// Differences of neighbours.
fn steps(points: &[Vec<M61>]) -> Vec<Vec<M61>> {
    points
        .windows(2)
        .map(|pair| difference(&pair[1], &pair[0]))
        .collect()
}

fn nonzero(words: &[M61]) -> usize {
    words.iter().filter(|word| word.value != 0).count()
}
