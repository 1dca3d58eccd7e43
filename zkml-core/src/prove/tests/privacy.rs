//! Keys and public values say the same of what is private.

use super::fixture::{fixture, input_of, outputs_of, whole_network};
use crate::circuit::{CircuitError, ColumnId, ColumnKind, Home, Public};
use crate::privacy::{Privacy, Visibility};
use crate::proof::PublicValues;
use crate::prove::{CompiledModel, ProveError, SetupOptions, setup};
use crate::transcript::VerifyError;
use crate::verify::{Statement, VerifyingKey};

const PRIVATE_INPUT: Privacy = Privacy {
    input: Visibility::Private,
    ..Privacy::PUBLIC
};

/// A key with the circuit of a model lowered for `lowered`, that says `said`.
fn key(lowered: Privacy, said: Privacy) -> VerifyingKey {
    let circuit = whole_network(18)
        .with_privacy(lowered)
        .lower()
        .expect("lower")
        .circuit;
    VerifyingKey {
        circuit,
        privacy: said,
        ..fixture().key.verifying.clone()
    }
}

/// All choices that make sense.
fn choices() -> Vec<Privacy> {
    let each = [Visibility::Public, Visibility::Private];
    let mut list = Vec::new();
    for (input, output) in each
        .into_iter()
        .flat_map(|input| each.map(|output| (input, output)))
    {
        for commit_input in [false, true] {
            let privacy = Privacy {
                input,
                output,
                weights: Visibility::Public,
                commit_input,
            };
            list.extend(privacy.is_consistent().then_some(privacy));
        }
    }
    list
}

#[test]
fn a_key_must_say_what_its_circuit_does() {
    for lowered in choices() {
        for said in choices() {
            let key = key(lowered, said);
            let (input, outputs) = (key.input(), key.outputs());
            let agree = (lowered.input, lowered.commit_input) == (said.input, said.commit_input);
            assert_eq!(input.is_ok(), agree, "{lowered:?} said {said:?}: {input:?}");
            assert_eq!(
                outputs.is_ok(),
                lowered.output == said.output,
                "{lowered:?} said {said:?}"
            );
            if let (Ok(input), Ok(outputs)) = (input, outputs) {
                assert_eq!(input.is_none(), said.input.is_private());
                assert_eq!(outputs.is_empty(), said.output.is_private());
            } else {
                assert!(matches!(Statement::new(&key), Err(VerifyError::Key(_))));
            }
        }
    }
}

#[test]
fn a_public_input_cannot_be_committed() {
    let senseless = Privacy {
        commit_input: true,
        ..Privacy::PUBLIC
    };
    assert!(matches!(
        whole_network(18).with_privacy(senseless).lower(),
        Err(ProveError::Unsupported(CircuitError::Malformed { .. }))
    ));
    let key = key(Privacy::PUBLIC, senseless);
    assert!(matches!(key.input(), Err(VerifyError::Key(_))));
}

#[test]
fn private_columns_live_where_privacy_says() {
    for privacy in choices() {
        let lowered = whole_network(18).with_privacy(privacy).lower().expect("lower");
        let circuit = &lowered.circuit;
        let homes = |home| circuit.tensors(home).collect::<Vec<ColumnId>>();
        assert_eq!(homes(Home::Input).len(), usize::from(privacy.commit_input));
        let outputs = if privacy.output.is_private() {
            lowered.outputs.clone()
        } else {
            vec![]
        };
        assert_eq!(homes(Home::Output), outputs);
        let public = |wanted: fn(&Public) -> bool| {
            circuit
                .columns
                .iter()
                .any(|column| matches!(&column.kind, ColumnKind::Public(public) if wanted(public)))
        };
        assert_eq!(
            public(|p| matches!(p, Public::Input { .. })),
            !privacy.input.is_private()
        );
        assert_eq!(
            public(|p| matches!(p, Public::Output { .. })),
            !privacy.output.is_private()
        );
    }
}

#[test]
fn values_that_are_private_must_not_be_given() {
    let model: CompiledModel = whole_network(18).with_privacy(PRIVATE_INPUT);
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");
    let given = &fixture().public;
    let refused = |public: PublicValues| public.check(&statement).expect_err("refused").to_string();
    let without_input = PublicValues {
        input: None,
        ..given.clone()
    };
    without_input.check(&statement).expect("what is public");
    assert!(refused(given.clone()).contains("input: expected none (private), found public values"));
    let nothing = PublicValues {
        outputs: None,
        ..without_input
    };
    assert!(refused(nothing).contains("outputs: expected public values, found none (private)"));
    // The helpers of other tests speak of what is there.
    let mut given = given.clone();
    assert!(!input_of(&mut given).is_empty() && outputs_of(&mut given).len() == 2);
}
