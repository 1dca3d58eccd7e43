//! Whole proofs of a tiny network, of which everything follows from fixed seeds.

use crate::ops;
use ndarray::{ArrayD, IxDyn};
use serde_json::{Value, json};

use super::{Replay, hex, settle};
use crate::argument::Trace;
use crate::argument::{Statement, bindings};
use crate::circuit::Function;
use crate::graph::NodeId;
use crate::keys::CompiledModel;
use crate::ops::IntOp;
use crate::pcs::CodeParameters;
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Artifact, PublicValues, to_bytes};
use crate::prove::prove_trace;
use crate::prove::tests::network::Network;
use crate::reduce::Cpu;
use crate::secret::Seed;
use crate::setup::{SetupOptions, setup};
use crate::verify::TrustedKey;

const CONTEXT: &[u8] = b"test vector";

/// A linear layer of 4 inputs and 3 outputs, and a rescale by a table of `2^(domain_bits + 1)` rows. No random numbers, so that
/// no library decides on them.
fn model(domain_bits: u32) -> CompiledModel {
    let mut n = Network::new(1, &[1, 4], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 3, true);
    let q = n.rescale("q", fc, Function::Identity, None);
    if let IntOp::Rescale(ops::Rescale {
        table, multipliers, ..
    }) = &mut n.graph.nodes[q.0].op
    {
        table.domain_bits = domain_bits;
        *multipliers = vec![77];
    }
    for parameter in &mut n.graph.parameters {
        let mut values = parameter.values.to_array();
        for (index, value) in values.iter_mut().enumerate() {
            *value = (index as i32 * 37 + 11) % 255 - 127;
        }
        parameter.values = values.into();
    }
    n.finish(&[q])
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
    let wide = CodeParameters {
        log_row: 10,
        log_codeword: 13,
        ..plain.clone()
    };
    let hidden = Privacy {
        input: Visibility::Private,
        output: Visibility::Private,
        weights: Visibility::Public,
        commit_input: true,
    };
    json!([
        one("plain", &model(8), Privacy::PUBLIC, plain),
        one("zero-knowledge", &model(8), hidden, private),
        // The stack of its lookups has more cells than a group.
        one("groups", &model(13), Privacy::PUBLIC, wide),
    ])
}

fn one(name: &str, model: &CompiledModel, privacy: Privacy, code: CodeParameters) -> Value {
    let options = SetupOptions {
        code: Some(code.clone()),
        ..SetupOptions::default()
    };
    let key = setup(model.clone().with_privacy(privacy), &options).expect("setup");
    let weights = key.commitment(0).expect("a commitment");
    // In place of randomness, for this proof and the setup proof of the key.
    let seed = |byte: u8| match privacy.zero_knowledge() {
        true => Seed::from_bytes([byte; 32]),
        false => Seed::PUBLIC,
    };
    let mut verifying = key.verifying.clone();
    verifying.weights.setup_proof = {
        let statement = Statement::of_setup(&key.verifying.weights).expect("a statement");
        let trace = Trace::of_weights(statement.circuit(), &key.lowered.parameters).expect("a trace");
        let proof = prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), b"", seed(2), None)
            .expect("a proof")
            .0;
        proof.messages
    };
    let input = ArrayD::from_shape_vec(IxDyn(&[1, 4]), vec![3, -1, 100, -127]).expect("a shape");
    let statement = Statement::new(&verifying).expect("a statement");
    let trace = Trace::generate(&key, &statement, &input).expect("a trace");
    let proof = prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), CONTEXT, seed(1), None)
        .expect("a proof")
        .0;
    let public = trace.public.clone();

    let trusted = TrustedKey::new(&verifying).expect("a key");
    let verified = trusted.verify(&public, &proof, CONTEXT).expect("valid");
    let events = trusted.verify_recording(&public, &proof, CONTEXT).expect("valid");
    let replay = Replay {
        domain: statement.protocol(),
        bound: bound(&statement, &public),
        hardening: statement.hardening,
        code: &code,
    };
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
            file(name, "public", &public),
            file(name, "proof", &proof),
        ],
        "transcript": replay.lines(&events, &proof.messages),
    })
}

fn bound(statement: &Statement<'_>, public: &PublicValues) -> Vec<Vec<u8>> {
    let bound = bindings(statement, public, 0, CONTEXT);
    bound.into_iter().map(|(_, bytes)| bytes).collect()
}

/// A file beside the vectors.
fn file<T: Artifact>(name: &str, ending: &str, artifact: &T) -> Value {
    let bytes = to_bytes(artifact).expect("an encoding");
    let path = format!("test-vectors/{name}.{ending}");
    settle(&path, &bytes);
    json!({ "path": path, "bytes": bytes.len(), "blake3": hex(blake3::hash(&bytes).as_bytes()) })
}
