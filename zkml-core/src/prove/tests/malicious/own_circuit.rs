//! A maker of a key who proves over a circuit of his own: one that the network is not lowered to.

use std::borrow::Cow;

use super::*;
use crate::circuit::ColumnKind as Kind;
use crate::graph::NodeId;
use crate::transcript::domain;

/// A network that shows its largest of ten logits.
fn classifier() -> CompiledModel {
    let mut n = Network::new(7, &[1, 16], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 10, true);
    let arg = n.argmax("argmax", fc, 1);
    n.finish(&[arg])
}

/// The circuit in which the smallest logit passes for the largest: the sign of the last limb of a margin is turned.
fn with_other_sign(circuit: &Circuit) -> Circuit {
    let mut circuit = circuit.clone();
    let mut columns = circuit.columns.iter_mut();
    let column = columns.find(|column| column.name == "argmax/margin_from_limbs");
    let Some(Kind::Linear(linear)) = column.map(|column| &mut column.kind) else {
        panic!("a sum of limbs");
    };
    let last = linear.terms.last_mut().expect("limbs");
    last.coefficient = -last.coefficient;
    circuit
}

/// Tells that the smallest logit is the largest, as [`with_other_sign`] allows.
fn tell_the_smallest(logits: &[i64], limbs: usize, lie: &mut Lie<'_>) {
    let worst = (0..10)
        .min_by_key(|&index| (logits[index], index))
        .expect("logits");
    let cells = lie.cells("argmax/one_hot");
    cells.fill(0);
    cells[worst] = 1;
    for index in 0..10 {
        // margin = sum over the lower limbs of 256^k limb_k, less 256^top limb_top
        let margin = logits[worst] - logits[index] - i64::from(index < worst);
        let top = 1i64 << (8 * (limbs - 1));
        let highest = (-margin + top - 1).div_euclid(top);
        let mut rest = margin + highest * top;
        assert!((0..256).contains(&highest) && (0..top).contains(&rest));
        for limb in 0..limbs - 1 {
            lie.cells(&format!("argmax/margin_limb.{limb}"))[index] = rest & 255;
            rest >>= 8;
        }
        lie.cells(&format!("argmax/margin_limb.{}", limbs - 1))[index] = highest;
    }
}

/// With a key that carried its circuit, such a maker passed every check. Now the verifier lowers the network, and his
/// proof, true of his own circuit, is refused: by the argument where he binds what the verifier binds, by the
/// transcript where he binds his own circuit.
#[test]
fn a_circuit_with_one_other_sign_shows_no_class() {
    for (scene, hidden) in Scene::both(&classifier(), 4).iter().zip([false, true]) {
        let verifying = &scene.key.verifying;
        let statement = Statement::new(verifying).expect("statement");
        let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
        let own = with_other_sign(statement.circuit());
        let mut with_own =
            Statement::lowered(verifying, &verifying.network, Cow::Borrowed(&own)).expect("statement");
        let bound_to_own = with_own.bound.clone();
        assert_ne!(bound_to_own, statement.bound);
        let find = |name: &str| own.ids().find(|&id| own[id].name == name);
        let logits = honest.values.base(find("fc").expect("logits"));
        let logits: Vec<i64> = logits
            .iter()
            .take(10)
            .map(|&cell| to_i64_centered(cell))
            .collect();
        let limbs = (0..).take_while(|limb| find(&format!("argmax/margin_limb.{limb}")).is_some());
        let limbs = limbs.count();
        let weights = scene.key.commitment(0).expect("a commitment");

        for (bound, check) in [
            (
                statement.bound.clone(),
                if hidden {
                    "closing.constraints"
                } else {
                    "opening.merge"
                },
            ),
            (
                bound_to_own,
                if hidden {
                    "transcript.grind"
                } else {
                    "lookup.layer"
                },
            ),
        ] {
            with_own.bound = bound;
            let told = told(&with_own, &honest, |lie| tell_the_smallest(&logits, limbs, lie));
            // True of the maker's circuit ...
            prove_lying(&with_own, &told.trace, &[&weights], Hooks::default()).accepted();
            // ... and not of the network's.
            let hooks = Hooks {
                judge: Some(&statement),
                ..Hooks::default()
            };
            let verdict = prove_lying(&with_own, &told.trace, &[&weights], hooks);
            match verdict.result {
                Err(VerifyError::Check { name, .. }) => assert_eq!(name, check),
                other => panic!("expected {check} to fail, found {other:?}"),
            }
        }
        let digest = |circuit: &Circuit| domain::digest(domain::CIRCUIT, circuit).expect("a digest");
        assert_ne!(digest(&own), digest(statement.circuit()));
    }
}
