//! Two proofs about one commitment.

use ndarray::ArrayD;

use super::fixture::CONTEXT;
use super::handed;
use super::network::Network;
use crate::circuit::Function;
use crate::execute::execute_reference;
use crate::graph::NodeId;
use crate::keys::{CompiledModel, ProveError, ProvingKey, VerifyingKey};
use crate::ops;
use crate::pcs::CodeParameters;
use crate::privacy::{Privacy, Visibility};
use crate::prove::{Input, Proven, TensorSecret, prove, prove_with_secrets};
use crate::setup::{SetupOptions, setup};
use crate::verify::{TrustedKey, Verified};

/// `[1, 7]` to private `[1, 5]`, with private weights.
const FIRST: Privacy = Privacy {
    input: Visibility::Private,
    output: Visibility::Private,
    weights: Visibility::Private,
    commit_input: true,
};

/// A committed input to a public output.
const SECOND: Privacy = Privacy {
    input: Visibility::Private,
    output: Visibility::Public,
    weights: Visibility::Public,
    commit_input: true,
};

fn model(seed: u64, input: &[usize], range: (i64, i64), outputs: usize) -> CompiledModel {
    let mut n = Network::new(seed, input, range);
    let fc = n.linear("fc", NodeId(0), outputs, true);
    let q = n.rescale("q", fc, Function::Identity, None);
    n.finish(&[q])
}

fn first() -> ProvingKey {
    let options = SetupOptions {
        proofs_per_key: 8,
        log_strides: 1..=1,
        ..SetupOptions::default()
    };
    setup(model(1, &[1, 7], (-127, 127), 5).with_privacy(FIRST), &options).expect("setup")
}

/// A model of `[1, 5]`, or what is asked for, with the code of the first one, or what is asked for.
fn second(input: &[usize], range: (i64, i64), code: &CodeParameters) -> ProvingKey {
    let options = SetupOptions {
        code: Some(code.clone()),
        ..SetupOptions::default()
    };
    let key = setup(model(2, input, range, 3).with_privacy(SECOND), &options).expect("setup");
    assert_eq!(key.verifying.weights.code, *code);
    key
}

fn ask(key: &ProvingKey, input: Input<'_>) -> Result<Proven, ProveError> {
    prove_with_secrets(key, input, CONTEXT)
}

fn judge(key: &VerifyingKey, proven: &Proven) -> Verified {
    let trusted = TrustedKey::new(key).expect("a key");
    trusted.verify(&proven.proof, CONTEXT).expect("a valid proof")
}

fn secret(key: &ProvingKey) -> TensorSecret {
    let input = Network::random_input(3, &key.model);
    ask(key, Input::Values(&input))
        .expect("a proof")
        .output
        .expect("an output")
}

fn refused_for(result: Result<(), ProveError>, expected: &str) {
    match result {
        Err(ProveError::Link { what, .. }) if what.contains(expected) => {}
        other => panic!("{expected}: {other:?}"),
    }
}

#[test]
fn what_one_model_answers_is_what_the_other_is_asked() {
    let a = first();
    let b = second(&[1, 5], (-127, 127), &a.verifying.weights.code);
    let input = Network::random_input(3, &a.model);
    let mut from = ask(&a, Input::Values(&input)).expect("a proof");
    let output = from.output.take().expect("an output");
    output.fits(&b).expect("it fits");
    let commitment = output.commitment();
    let to = ask(&b, Input::Committed(output)).expect("a linked proof");
    let (seen, linked) = (judge(&a.verifying, &from), judge(&b.verifying, &to));
    assert_eq!(seen.output, Some(commitment));
    assert_eq!(linked.input, seen.output);
    let [from_name, to_name] =
        [(&a, &from), (&b, &to)].map(|(key, proven)| handed::answer(&key.verifying, &proven.proof, CONTEXT));
    handed::linked(from_name, to_name);
    assert_eq!(
        (linked.output, to.answer.input.clone()),
        (None, from.answer.outputs[0].clone())
    );

    let asked = ArrayD::from_shape_vec(vec![1, 5], to.answer.input).expect("a shape");
    let graph = &b.model.network.graph;
    let reference = execute_reference(graph, &asked).expect("reference");
    let expected: Vec<Vec<i64>> = reference
        .outputs(graph)
        .map(|t| t.iter().copied().collect())
        .collect();
    assert_eq!(to.proof.public.outputs, Some(expected));

    // Asked for the same integers, but not for that commitment; and for others.
    for values in [asked.clone(), asked.mapv(|value| value.min(3))] {
        let fresh = ask(&b, Input::Values(&values)).expect("a proof");
        assert_ne!(judge(&b.verifying, &fresh).input, seen.output);
    }
    // The secret was for one further proof.
    assert!(to.input.is_none() && to.output.is_none());
}

#[test]
fn one_input_is_asked_of_two_models() {
    let a = first();
    let b = second(&[7], (-127, 127), &a.verifying.weights.code);
    let input = Network::random_input(4, &a.model);
    let mut from = ask(&a, Input::Values(&input)).expect("a proof");
    let secret = from.input.take().expect("an input");
    // `[1, 7]` and `[7]` have the same cells in the same places.
    let to = ask(&b, Input::Committed(secret)).expect("a linked proof");
    assert_eq!(to.answer.input, from.answer.input);
    let (seen, linked) = (judge(&a.verifying, &from), judge(&b.verifying, &to));
    assert!(seen.input.is_some());
    assert_eq!(linked.input, seen.input);
}

#[test]
fn a_tensor_that_does_not_fit_is_refused_with_what_differs() {
    let a = first();
    let code = &a.verifying.weights.code;
    let other_shape = second(&[1, 6], (-127, 127), code);
    refused_for(secret(&a).fits(&other_shape), "sizes");
    refused_for(
        ask(&other_shape, Input::Committed(secret(&a))).map(|_| ()),
        "sizes",
    );

    let longer = CodeParameters {
        tail: code.tail + 2,
        ..code.clone()
    };
    refused_for(secret(&a).fits(&second(&[1, 5], (-127, 127), &longer)), "tail");
    let wider = CodeParameters {
        log_row: code.log_row + 1,
        log_codeword: code.log_codeword + 1,
        ..code.clone()
    };
    refused_for(
        secret(&a).fits(&second(&[1, 5], (-127, 127), &wider)),
        "row length",
    );
    // Rows of the same length, of another code.
    let stretched = CodeParameters {
        log_stride: code.log_stride + 1,
        tail: 2 * code.tail,
        ..wider
    };
    assert_eq!(
        (stretched.narrow().log_row, stretched.narrow().tail),
        (code.narrow().log_row, code.narrow().tail)
    );
    refused_for(
        secret(&a).fits(&second(&[1, 5], (-127, 127), &stretched)),
        "stride",
    );
    let cut = CodeParameters {
        digest_bytes: 30,
        ..code.clone()
    };
    refused_for(secret(&a).fits(&second(&[1, 5], (-127, 127), &cut)), "node");
    let more = CodeParameters {
        queries: code.queries + 1,
        tail: code.tail + 4,
        ..code.clone()
    };
    let more = second(&[1, 5], (-127, 127), &more);
    let options = SetupOptions {
        proofs_per_key: 8,
        code: Some(CodeParameters {
            tail: code.tail + 4,
            ..code.clone()
        }),
        ..SetupOptions::default()
    };
    let fewer = setup(a.model.clone(), &options).expect("setup");
    refused_for(secret(&fewer).fits(&more), "opened columns");
    // The other way round there is enough.
    let roomy = second(&[1, 5], (-127, 127), &fewer.verifying.weights.code);
    secret(&fewer).fits(&roomy).expect("it fits");

    let public = setup(model(2, &[1, 5], (-127, 127), 3), &SetupOptions::default()).expect("setup");
    refused_for(secret(&a).fits(&public), "model");
}

/// `a + b`, of a committed `a` and a public `b`.
fn sum(code: &CodeParameters) -> ProvingKey {
    let mut n = Network::new(2, &[1, 5], (-127, 127));
    let b = n.node("b", ops::Input.into(), &[], vec![1, 5], (-127, 127));
    let coefficients = vec![1, 1];
    let op = ops::WeightedSum { coefficients };
    let y = n.node("y", op.into(), &[NodeId(0), b], vec![1, 5], (-254, 254));
    let (inputs, outputs) = ([Visibility::Private, Visibility::Public], [Visibility::Public]);
    let model = n.finish(&[y]).with_visibility(&inputs, &outputs);
    let mut model = model.expect("two inputs and an output");
    model.privacy.commit_input = true;
    let code = Some(code.clone());
    setup(
        model,
        &SetupOptions {
            code,
            ..SetupOptions::default()
        },
    )
    .expect("setup")
}

#[test]
fn a_tensor_is_no_input_of_a_model_of_several() {
    let a = first();
    let key = sum(&a.verifying.weights.code);
    let result = secret(&a).fits(&key);
    let Err(ProveError::Link { what, found, .. }) = &result else {
        panic!("{result:?}")
    };
    assert_eq!((*what, found.as_str()), ("model", "several inputs"));
    refused_for(ask(&key, Input::Committed(secret(&a))).map(|_| ()), "model");
}

#[test]
fn a_tensor_out_of_the_range_of_an_input_is_refused() {
    let a = first();
    let narrow = second(&[1, 5], (0, 1), &a.verifying.weights.code);
    let result = ask(&narrow, Input::Committed(secret(&a)));
    assert!(matches!(result, Err(ProveError::InvalidInput(_))), "{result:?}");
}

#[test]
fn rows_of_committed_tensors_have_randomness_for_two_openings() {
    let a = first();
    let queries = a.verifying.weights.code.queries;
    assert!(a.verifying.weights.code.narrow().tail >= 2 * queries + 2);
    assert_eq!(secret(&a).randomness(), 2 * queries + 2);
    // A key whose code has room for one opening only.
    let mut short = a.verifying.clone();
    short.weights.visibility = Visibility::Public;
    short.weights.commitments.openings = 0;
    short.weights.commitments.roots.truncate(1);
    short.weights.code.tail = 2 * (2 * queries + 1);
    let refused = crate::argument::Statement::new(&short).expect_err("too short a tail");
    assert!(refused.to_string().contains("expected a tail of"), "{refused}");
}

#[test]
fn a_given_code_must_have_room() {
    let a = first();
    let code = CodeParameters {
        tail: 2 * (a.verifying.weights.code.queries + 2),
        ..a.verifying.weights.code.clone()
    };
    let options = SetupOptions {
        code: Some(code),
        ..SetupOptions::default()
    };
    let attempt = |privacy| setup(model(2, &[1, 5], (-127, 127), 3).with_privacy(privacy), &options);
    for privacy in [SECOND, FIRST, Privacy::PUBLIC] {
        assert!(matches!(attempt(privacy), Err(ProveError::Malformed { .. })));
    }
    // Enough for a private input that is not committed.
    let plain = Privacy {
        commit_input: false,
        ..SECOND
    };
    let key = attempt(plain).map_err(|error| error.to_string()).expect("setup");
    let input = Network::random_input(1, &key.model);
    let proof = prove(&key, &input, CONTEXT).expect("a proof");
    super::fixture::judge(&key.verifying, &proof, CONTEXT).expect("valid");
}
