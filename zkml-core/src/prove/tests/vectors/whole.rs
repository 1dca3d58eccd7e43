//! Whole proofs of tiny networks, of which everything follows from fixed seeds.

use crate::ops;
use ndarray::{ArrayD, IxDyn};
use serde_json::{Value, json};

use super::{hex, rotated, settle, written};
use crate::argument::Statement;
use crate::argument::Trace;
use crate::circuit::Function;
use crate::graph::NodeId;
use crate::keys::{CompiledModel, ProvingKey};
use crate::ops::IntOp;
use crate::pcs::{CodeParameters, CommittedMatrix};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, to_bytes};
use crate::prove::prove_trace;
use crate::prove::tests::network::Network;
use crate::reduce::Cpu;
use crate::secret::Seed;
use crate::setup::{SetupOptions, setup};
use crate::transcript::{PROTOCOL_SETUP, VerifierTranscript};
use crate::verify::{TrustedKey, verify_setup_recording};

const CONTEXT: &[u8] = b"test vector";

/// A linear layer of 4 inputs and 3 outputs, and a rescale. No random numbers, so that no library decides on them.
fn model() -> CompiledModel {
    let mut n = Network::new(1, &[1, 4], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 3, true);
    let q = n.rescale("q", fc, Function::Identity, None);
    if let IntOp::Rescale(ops::Rescale {
        table, multipliers, ..
    }) = &mut n.graph.nodes[q.0].op
    {
        table.domain_bits = 8;
        *multipliers = vec![77];
    }
    fill_parameters(&mut n);
    n.finish(&[q])
}

pub(super) fn fill_parameters(n: &mut Network) {
    for parameter in &mut n.graph.parameters {
        let mut values = parameter.values.to_array();
        for (index, value) in values.iter_mut().enumerate() {
            *value = (index as i32 * 37 + 11) % 255 - 127;
        }
        parameter.values = values.into();
    }
}

pub(super) fn proofs() -> Value {
    let plain = CodeParameters {
        log_row: 7,
        tail: 0,
        log_codeword: 10,
        queries: 112,
        log_stride: 0,
        digest_bytes: 32,
        grinding_bits: 12,
    };
    let private = CodeParameters {
        log_row: 9,
        tail: 452,
        log_codeword: 13,
        queries: 112,
        log_stride: 1,
        digest_bytes: 26,
        grinding_bits: 12,
    };
    let hidden = Privacy {
        input: Visibility::Private,
        output: Visibility::Private,
        weights: Visibility::Public,
        commit_input: true,
    };
    let key = |privacy, code| {
        let options = SetupOptions {
            code: Some(code),
            ..SetupOptions::default()
        };
        setup(model().with_privacy(privacy), &options).expect("setup")
    };
    let [rotated, old] = rotated::keys();
    json!([
        one("plain", &key(Privacy::PUBLIC, plain), None),
        one("zero-knowledge", &key(hidden, private), None),
        one("rotated", &rotated, Some(&old)),
    ])
}

/// A proof with a key, and the setup proof of that key; it may be in the place of an old one.
fn one(name: &str, key: &ProvingKey, old: Option<&ProvingKey>) -> Value {
    // In place of randomness, for this proof and the setup proof of the key.
    let seed = |byte: u8| match key.model.privacy.zero_knowledge() {
        true => Seed::from_bytes([byte; 32]),
        false => Seed::PUBLIC,
    };
    let mut verifying = key.verifying.clone();
    let copies = 0..verifying.weights.commitments.roots.len();
    let mut matrices: Vec<_> = copies
        .map(|number| key.commitment(number).expect("a commitment"))
        .collect();
    if let Some(old) = old {
        let opening = verifying.weights.previous_opening;
        let number = old.verifying.weights.commitments.commitment_of(opening);
        matrices.push(old.commitment(number).expect("a commitment"));
    }
    let matrices: Vec<&CommittedMatrix> = matrices.iter().map(AsRef::as_ref).collect();
    let messages = |statement: &Statement<'_>, trace: &Trace<'_>, weights, context, seed| {
        let proof = prove_trace(&Cpu, statement, trace, (0, weights), context, seed, None);
        proof.expect("a proof").0
    };
    verifying.weights.setup_proof = {
        let statement = Statement::of_setup(&key.verifying.weights).expect("a statement");
        let trace = Trace::of_weights(&statement, &key.lowered.parameters).expect("a trace");
        messages(&statement, &trace, &matrices[..], b"", seed(2)).messages
    };
    let mut setup = VerifierTranscript::recording(PROTOCOL_SETUP, &verifying.weights.setup_proof);
    verify_setup_recording(&verifying.weights, &mut setup).expect("valid");

    let statement = Statement::new(&verifying).expect("a statement");
    let shape = key.model.network.graph[NodeId(0)].fact.shape.clone();
    let some = [3, -1, 100, -127].into_iter().cycle();
    let count = shape.iter().product();
    let input = ArrayD::from_shape_vec(IxDyn(&shape), some.take(count).collect()).expect("a shape");
    let trace = Trace::generate(key, &statement, &input).expect("a trace");
    let proof = messages(&statement, &trace, &matrices[..1], CONTEXT, seed(1));

    let trusted = TrustedKey::new(&verifying).expect("a key");
    let verified = trusted.verify(&proof, CONTEXT).expect("valid");
    let recording = trusted.verify_recording(&proof, CONTEXT);
    assert_eq!(recording.verdict.as_ref(), Ok(&verified));
    json!({
        "name": name,
        "context": String::from_utf8_lossy(CONTEXT),
        "digest of the key": hex(&statement.digest),
        "input.root": verified.input.map(|tensors| hex(&tensors.root)),
        "output.root": verified.output.map(|tensors| hex(&tensors.root)),
        "seeds of the proof and the setup proof": [hex(seed(1).as_bytes()), hex(seed(2).as_bytes())],
        "the prover's answer": { "input": trace.answer.input, "outputs": trace.answer.outputs },
        "files": [
            file(name, "vkey", &verifying),
            file(name, "proof", &proof),
        ],
        "transcript": written(statement.protocol(), &recording.events, recording.state),
        "transcript of the setup proof": written(PROTOCOL_SETUP, setup.events(), setup.state()),
    })
}

/// A file beside the vectors.
fn file<T: Artifact>(name: &str, ending: &str, artifact: &T) -> Value {
    let bytes = to_bytes(artifact).expect("an encoding");
    let path = format!("test-vectors/{name}.{ending}");
    settle(&path, &bytes);
    json!({ "path": path, "bytes": bytes.len(), "blake3": hex(blake3::hash(&bytes).as_bytes()) })
}
