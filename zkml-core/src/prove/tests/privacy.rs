//! Keys and public values say the same of what is private.

use super::handed;
use ndarray::ArrayD;

use super::fixture::{CONTEXT, fixture, fresh_seed, input_of, outputs_of, whole_network};
use super::network::Network;
use crate::argument::Statement;
use crate::argument::Trace;
use crate::circuit::{CircuitError, ColumnId, ColumnKind, Home, Public};
use crate::error::KeyError;
use crate::execute::execute_reference;
use crate::field::M61;
use crate::keys::{CompiledModel, ProveError, ProvingKey};
use crate::privacy::{Privacy, Visibility};
use crate::proof::PublicValues;
use crate::prove::{Input, prove, prove_trace, prove_with_secrets};
use crate::reduce::{Cells, Cpu, Values};
use crate::setup::{SetupOptions, setup};
use crate::transcript::VerifyError;
use crate::verify::verify;

const PRIVATE_INPUT: Privacy = Privacy {
    input: Visibility::Private,
    ..Privacy::PUBLIC
};

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
fn a_public_input_cannot_be_committed() {
    let senseless = Privacy {
        commit_input: true,
        ..Privacy::PUBLIC
    };
    assert!(matches!(
        whole_network(18).with_privacy(senseless).lower(),
        Err(ProveError::Unsupported(CircuitError::Malformed { .. }))
    ));
    let mut key = fixture().key.verifying.clone();
    key.instance.commit_input = true;
    assert!(matches!(
        Statement::new(&key),
        Err(VerifyError::Key(KeyError::Circuit(
            CircuitError::Malformed { .. }
        )))
    ));
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
    let given = &fixture().proof.public;
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

/// Private input and output, both committed apart; the weights public.
fn apart() -> (ProvingKey, ArrayD<i64>) {
    let privacy = Privacy {
        input: Visibility::Private,
        output: Visibility::Private,
        weights: Visibility::Public,
        commit_input: true,
    };
    let model = whole_network(18).with_privacy(privacy);
    let input = Network::random_input(1, &model);
    (setup(model, &SetupOptions::default()).expect("setup"), input)
}

#[test]
fn a_private_answer_is_for_the_prover_alone() {
    let (key, input) = apart();
    let proven = prove_with_secrets(&key, Input::Values(&input), CONTEXT).expect("prove");
    let (answer, proof) = (proven.answer, proven.proof);
    verify(&key.verifying, &proof, CONTEXT).expect("verify");
    handed::answer(&key.verifying, &proof, CONTEXT);
    assert_eq!(proof.public, PublicValues::default());
    let reference = execute_reference(&key.model.network.graph, &input).expect("reference");
    let expected: Vec<Vec<i64>> = reference
        .outputs(&key.model.network.graph)
        .map(|output| output.iter().copied().collect())
        .collect();
    assert_eq!(answer.outputs, expected);
    assert_eq!(answer.input, input.iter().copied().collect::<Vec<i64>>());
}

#[test]
fn roots_of_private_tensors_are_part_of_the_proof() {
    let (key, input) = apart();
    let statement = Statement::new(&key.verifying).expect("statement");
    let prove = || prove(&key, &input, CONTEXT).expect("prove");
    let (first, second) = (prove(), prove());
    let homes: Vec<Home> = statement.separate.iter().map(|tensors| tensors.home).collect();
    assert_eq!(homes, [Home::Input, Home::Output]);
    for (index, tensors) in statement.separate.iter().enumerate() {
        let root = |proof| tensors.root(&statement, proof).expect("a root");
        assert_ne!(root(&first), root(&second), "fresh salts");
        assert_ne!(root(&first), [0; 32]);
        // The one of another proof of the same statement.
        let mut altered = first.clone();
        altered.messages[32 * (index + 1)..][..32].copy_from_slice(&root(&second));
        let result = verify(&key.verifying, &altered, CONTEXT);
        assert!(matches!(result, Err(VerifyError::Check { .. })), "{result:?}");
    }
}

/// The verdict on a proof about a trace with one cell altered.
fn verdict(key: &ProvingKey, input: &ArrayD<i64>, altered: ColumnId, change: u64) -> Result<(), VerifyError> {
    let statement = Statement::new(&key.verifying).expect("statement");
    let honest = Trace::generate(key, &statement, input).expect("trace");
    let circuit = statement.circuit();
    let values = Values::new(circuit);
    for id in circuit.ids() {
        match &circuit[id].kind {
            ColumnKind::Committed { .. } => {
                let mut cells = honest.values.base(id).to_vec();
                if id == altered {
                    cells[0] += M61::from(change);
                }
                values.set(id, Cells::Base(cells));
            }
            ColumnKind::Parameter { .. } => values.set(id, honest.values.cells(id).clone()),
            _ => {}
        }
    }
    let trace = Trace { values, ..honest };
    let weights = key.commitment(0).expect("a commitment");
    let secrets = fresh_seed(&statement);
    let proof = prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), CONTEXT, secrets, None)
        .expect("a proof of something")
        .0;
    verify(&key.verifying, &proof, CONTEXT)
}

#[test]
fn false_private_tensors_are_rejected() {
    let (key, input) = apart();
    let circuit = &key.lowered.circuit;
    let [input_column] = circuit.tensors(Home::Input).collect::<Vec<_>>()[..] else {
        panic!("one committed input");
    };
    verdict(&key, &input, input_column, 0).expect("an honest proof");
    // Another answer than the network's; an input out of its range.
    for output in circuit.tensors(Home::Output) {
        verdict(&key, &input, output, 1).expect_err("another output");
    }
    verdict(&key, &input, input_column, 1000).expect_err("an input out of its range");
    // The right answer to another input.
    verdict(&key, &input, input_column, 1).expect_err("another input");
}
