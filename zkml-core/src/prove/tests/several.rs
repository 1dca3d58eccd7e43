//! Several inputs and outputs, each public or private by itself.

use ndarray::ArrayD;

use super::fixture::with_public;
use super::handed;
use super::network::Network;
use crate::argument::{Statement, Trace, check};
use crate::circuit::Function;
use crate::error::KeyError;
use crate::execute::ExecutionError;
use crate::graph::{ChannelScales, NodeId};
use crate::keys::{CompiledModel, ProveError, ProvingKey};
use crate::ops;
use crate::privacy::{Privacy, Visibility};
use crate::proof::PublicValues;
use crate::prove::{prove, prove_on};
use crate::setup::{SetupOptions, setup};
use crate::transcript::VerifyError;
use crate::verify::{ReadableOutputs, verify};

const CONTEXT: &[u8] = b"several";
const PRIVATE: Visibility = Visibility::Private;
const PUBLIC: Visibility = Visibility::Public;

/// `(linear(a) + b, linear(a) * b)`, rescaled, of inputs of different shapes and ranges.
fn model() -> CompiledModel {
    let mut n = Network::new(41, &[1, 3], (-127, 127));
    let b = n.node("b", ops::Input.into(), &[], vec![1, 5], (-100, 90));
    let fc = n.linear("fc", NodeId(0), 5, true);
    let q = n.rescale("q", fc, Function::Identity, None);
    let op = ops::WeightedSum {
        coefficients: vec![2, -3],
    };
    let sum = n.node(
        "sum",
        op.into(),
        &[q, b],
        vec![1, 5],
        (-2 * 127 - 270, 2 * 127 + 300),
    );
    let product = n.node(
        "product",
        ops::Product.into(),
        &[q, b],
        vec![1, 5],
        (-12_700, 12_700),
    );
    let product = n.rescale("q2", product, Function::Relu, None);
    let mut model = n.finish(&[sum, product]);
    model.network.input_scales[1] = ChannelScales::one(0.25);
    model.network.output_scales = [0.5, 2.0].map(ChannelScales::one).to_vec();
    model
}

fn key(inputs: [Visibility; 2], outputs: [Visibility; 2]) -> (ProvingKey, Vec<ArrayD<i64>>) {
    let model = model().with_visibility(&inputs, &outputs).expect("two of each");
    let tensors = Network::random_inputs(5, &model);
    (setup(model, &SetupOptions::default()).expect("setup"), tensors)
}

/// The numbers of those that are public.
fn shown(visibilities: [Visibility; 2]) -> Vec<u32> {
    (0..2u32)
        .zip(visibilities)
        .filter(|(_, v)| !v.is_private())
        .map(|(index, _)| index)
        .collect()
}

fn holds(inputs: [Visibility; 2], outputs: [Visibility; 2]) {
    let (key, tensors) = key(inputs, outputs);
    let statement = Statement::new(&key.verifying).expect("statement");
    let numbers =
        |list: &[crate::keys::PublicTensor]| list.iter().map(|tensor| tensor.index).collect::<Vec<_>>();
    assert_eq!(numbers(&statement.inputs), shown(inputs));
    assert_eq!(numbers(&statement.outputs), shown(outputs));
    for tensor in &statement.inputs {
        assert_eq!(tensor.scales.only(), Some([1.0, 0.25][tensor.index as usize]));
    }
    for tensor in &statement.outputs {
        assert_eq!(tensor.scales.only(), Some([0.5, 2.0][tensor.index as usize]));
    }
    let trace = Trace::generate_on(&key, &statement, &tensors).expect("trace");
    check(statement.circuit(), &trace.values).expect("the trace satisfies the circuit");

    let proof = prove_on(&key, &tensors, CONTEXT).expect("prove");
    let judge = |public: &PublicValues| verify(&key.verifying, &with_public(&proof, public), CONTEXT);
    let public = &proof.public;
    judge(public).expect("verify");
    handed::answer(&key.verifying, &proof, CONTEXT);
    let expected: Vec<i64> = shown(inputs)
        .iter()
        .flat_map(|&index| tensors[index as usize].iter().copied())
        .collect();
    assert_eq!(public.input, (!expected.is_empty()).then_some(expected));
    let told = public.outputs.as_ref().map_or(0, Vec::len);
    assert_eq!(told, shown(outputs).len());
    for (output, number) in public.outputs.iter().flatten().zip(shown(outputs)) {
        assert_eq!(*output, trace.answer.outputs[number as usize]);
    }

    // Another value in the first and in the last place of each public tensor.
    let length = public.input.as_ref().map_or(0, Vec::len);
    for place in [0, length.saturating_sub(1)].into_iter().filter(|_| length > 0) {
        let mut other = public.clone();
        let value = &mut other.input.as_mut().expect("a public input")[place];
        *value += if *value > 0 { -1 } else { 1 };
        assert!(
            matches!(judge(&other), Err(VerifyError::Check { .. })),
            "input {place}"
        );
    }
    for number in 0..told {
        let mut other = public.clone();
        let value = &mut other.outputs.as_mut().expect("public outputs")[number][0];
        *value += if *value > 0 { -1 } else { 1 };
        assert!(
            matches!(judge(&other), Err(VerifyError::Check { .. })),
            "output {number}"
        );
    }
    // A value too few, one too many, and values where none belong.
    for change in [-1i64, 1] {
        let mut other = public.clone();
        let values = other.input.get_or_insert_default();
        values.resize((values.len() as i64 + change).max(0) as usize, 0);
        if values.len() != length {
            assert!(matches!(judge(&other), Err(VerifyError::PublicValue { .. })));
        }
    }
    let none = PublicValues::default();
    if *public != none {
        assert!(matches!(judge(&none), Err(VerifyError::PublicValue { .. })));
    }
}

#[test]
fn all_public() {
    holds([PUBLIC; 2], [PUBLIC; 2]);
}

#[test]
fn all_private() {
    holds([PRIVATE; 2], [PRIVATE; 2]);
}

#[test]
fn the_first_of_each_is_private() {
    holds([PRIVATE, PUBLIC], [PRIVATE, PUBLIC]);
}

#[test]
fn the_second_of_each_is_private() {
    holds([PUBLIC, PRIVATE], [PUBLIC, PRIVATE]);
}

#[test]
fn private_inputs_and_public_outputs() {
    holds([PRIVATE, PRIVATE], [PUBLIC, PUBLIC]);
}

#[test]
fn a_key_with_a_senseless_scale_is_refused() {
    let (open, _) = key([PUBLIC; 2], [PUBLIC; 2]);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for node in 0..open.verifying.network.graph.nodes.len() {
            let mut key = open.verifying.clone();
            key.network.graph.nodes[node].fact.scale = bad;
            assert!(matches!(
                Statement::new(&key),
                Err(VerifyError::Key(KeyError::Circuit(_)))
            ));
        }
    }
}

#[test]
fn a_key_whose_instance_shows_something_else_has_other_public_tensors() {
    let (mixed, _) = key([PUBLIC, PRIVATE], [PUBLIC, PRIVATE]);
    for (input, output) in [(PUBLIC, PRIVATE), (PRIVATE, PUBLIC), (PUBLIC, PUBLIC)] {
        let mut key = mixed.verifying.clone();
        (key.instance.input, key.instance.output) = (input, output);
        let statement = Statement::new(&key).expect("another statement of the same network");
        assert_eq!(statement.inputs.len(), if input == PUBLIC { 2 } else { 1 });
        assert_eq!(statement.outputs.len(), if output == PUBLIC { 2 } else { 1 });
        assert_ne!(key.digest(), mixed.verifying.digest());
    }
}

#[test]
fn another_number_of_inputs_is_refused() {
    let (key, tensors) = key([PUBLIC; 2], [PUBLIC; 2]);
    let count = |error| {
        matches!(
            error,
            ProveError::InvalidInput(ExecutionError::InputCount { expected: 2, .. })
        )
    };
    assert!(count(prove(&key, &tensors[0], CONTEXT).unwrap_err()));
    assert!(count(prove_on(&key, &[], CONTEXT).unwrap_err()));
    let swapped = [tensors[1].clone(), tensors[0].clone()];
    let error = prove_on(&key, &swapped, CONTEXT).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid input: `input`: input: expected shape [1, 3], found [1, 5]"
    );
    let mut outside = tensors;
    outside[1][[0, 2]] = 91;
    let error = prove_on(&key, &outside, CONTEXT).unwrap_err().to_string();
    assert!(
        error.starts_with("invalid input: `b`: input: value 91 at index [0, 2]"),
        "{error}"
    );
}

#[test]
fn one_visibility_for_all_is_no_part_of_the_network() {
    let bytes = |model: &CompiledModel| postcard::to_stdvec(model).expect("a model");
    let plain = model().with_privacy(Privacy::default());
    let chosen = model()
        .with_visibility(&[PRIVATE; 2], &[PUBLIC; 2])
        .expect("two of each");
    assert_eq!(bytes(&chosen.with_privacy(Privacy::default())), bytes(&plain));
    let mixed = model()
        .with_visibility(&[PRIVATE, PUBLIC], &[PUBLIC; 2])
        .expect("two of each");
    assert_ne!(bytes(&mixed), bytes(&model()));
    // A choice replaces the one before.
    let back = mixed
        .with_visibility(&[PUBLIC; 2], &[PUBLIC; 2])
        .expect("two of each");
    assert_eq!(bytes(&back), bytes(&model()));
    assert!(matches!(
        model().with_visibility(&[PUBLIC], &[PUBLIC; 2]),
        Err(ProveError::Malformed { .. })
    ));
    assert!(matches!(
        model().with_visibility(&[PUBLIC; 2], &[PUBLIC; 3]),
        Err(ProveError::Malformed { .. })
    ));
}

#[test]
fn privacy_for_all_hides_what_was_revealed() {
    let revealed = model()
        .with_visibility(&[PRIVATE, PUBLIC], &[PRIVATE, PUBLIC])
        .expect("two of each");
    let hidden = revealed.with_privacy(Privacy {
        output: PRIVATE,
        ..Privacy::default()
    });
    let key = setup(hidden, &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");
    assert!(statement.inputs.is_empty() && statement.outputs.is_empty());
}

#[test]
fn readable_outputs_keep_their_numbers() {
    let (key, tensors) = key([PRIVATE; 2], [PRIVATE, PUBLIC]);
    let proof = prove_on(&key, &tensors, CONTEXT).expect("a proof");
    let statement = Statement::new(&key.verifying).expect("statement");
    let readable = ReadableOutputs::new(&statement, &proof.public).expect("public values");
    let outputs = readable.outputs.expect("one is public");
    assert_eq!(
        outputs.iter().map(|output| output.number).collect::<Vec<_>>(),
        [Some(1)]
    );
}
