//! Zero knowledge: what a proof shows could have been made without the secrets.
//!
//! - `simulator`: makes the view of a verifier from public values alone, and the verifier's code accepts it;
//! - `statistics`: everything a proof shows is uniform, alike for two very different inputs and for the simulator;
//! - `freshness`: two proofs of one statement have nothing random in common;
//! - `hedged`: nor have two proofs for which the operating system gave the same bytes;
//! - `joint`: all that is seen in the life of a key has one distribution for all secrets, by exact ranks;
//! - `rank`: the opened cells of a row are as random as their number;
//! - `budget`: no commitment to private weights is opened more often than its randomness allows.

mod budget;
mod freshness;
mod hedged;
mod joint;
mod rank;
mod simulator;
mod statistics;

use crate::ops;
use std::borrow::Cow;

use ndarray::ArrayD;

use super::listening::{Heard, heard, listen};
use super::network::Network;
use crate::argument::Statement;
use crate::circuit::Function;
use crate::graph::NodeId;
use crate::keys::Choice;
use crate::keys::weights;
use crate::keys::{CompiledModel, ProvingKey, WeightsKey, trace_tail};
use crate::keys::{ROTATION_RESERVE, VerifyingKey, WeightCommitments, needed_tail, weight_extents};
use crate::ops::IntOp;
use crate::pcs::{CodeParameters, Packing, RecursionParameters, RowCode, Tails};
use crate::privacy::{Privacy, Visibility};
use crate::proof::Proof;
use crate::secret::Seed;
use crate::setup::verifying_key;
use crate::setup::{SetupOptions, setup};

/// Everything is private, and the input is committed apart as well: all there is to hide.
const ALL_PRIVATE: Privacy = Privacy {
    input: Visibility::Private,
    output: Visibility::Private,
    weights: Visibility::Private,
    commit_input: true,
};

/// A linear layer, a rescale, and another linear layer, of two numbers each.
fn tiny_model(privacy: Privacy) -> CompiledModel {
    tiny_model_with(3, privacy)
}

/// The same with other weights.
fn tiny_model_with(weights: u64, privacy: Privacy) -> CompiledModel {
    let mut n = Network::new(weights, &[1, 2], (-8, 7));
    n.limb_bits = 3;
    let first = n.linear("first", NodeId(0), 2, false);
    let q = n.rescale("q", first, Function::Identity, None);
    if let IntOp::Rescale(ops::Rescale {
        multipliers, table, ..
    }) = &mut n.graph.nodes[q.0].op
    {
        multipliers.fill(1);
        table.domain_bits = 6;
    }
    let second = n.linear("second", q, 2, false);
    n.finish(&[second]).with_privacy(privacy)
}

/// A key for it with a code that is far too small to be sound, hence fast; hiding does not depend on that. It holds no
/// weights yet.
fn tiny_key(model: &CompiledModel) -> VerifyingKey {
    key_with_queries(model, 12, 10)
}

/// Of the narrow rows of these keys.
const LOG_STRIDE: u32 = 1;

fn key_with_queries(model: &CompiledModel, queries: usize, log_codeword: u32) -> VerifyingKey {
    let (log_row, openings) = (9, 2);
    let lowered = model.lower().expect("lower");
    let weights = WeightCommitments {
        roots: vec![[0; 32]; ROTATION_RESERVE as usize + 1],
        rows: Packing::new(&weight_extents(&lowered.circuit), RowCode::uncoded(log_row))
            .expect("a packing")
            .rows,
        openings,
    };
    let code = CodeParameters {
        log_row,
        tail: needed_tail(&model.privacy, &weights, queries, 1 << LOG_STRIDE),
        log_codeword,
        queries,
        log_stride: LOG_STRIDE,
        digest_bytes: 32,
        grinding_bits: 0,
    };
    let choice = Choice {
        code,
        recursion: RecursionParameters::default(),
        weights,
    };
    verifying_key(model.skeleton(), &model.privacy, &lowered.circuit, choice, None)
}

/// A key with rows as long as those of [`tiny_key`], and as many columns as a sound one opens.
fn sound_key(model: &CompiledModel) -> VerifyingKey {
    key_with_queries(model, 112, 14)
}

/// The statement of a [`tiny_key`], which is refused for its code: that of the [`sound_key`] of the same model, but for
/// the code.
fn tiny_statement<'k>(sound: &'k VerifyingKey, tiny: &'k VerifyingKey) -> Statement<'k> {
    assert!(Statement::new(tiny).is_err());
    let mut statement = Statement::new(sound).expect("statement");
    statement.key = Cow::Borrowed(&tiny.weights);
    statement.digest = tiny.digest().expect("a digest");
    for (label, digest) in &mut statement.bound {
        if *label == "bind.weights" {
            *digest = tiny.weights.digest().expect("a digest");
        }
    }
    if let Some(masking) = &mut statement.masking {
        masking.tail = trace_tail(tiny.weights.code.queries);
    }
    statement
}

/// Inputs that could not differ more.
fn inputs(model: &CompiledModel) -> [ArrayD<i64>; 2] {
    let fact = &model.network.graph[model.network.graph.input].fact;
    let extreme = [fact.range.0, fact.range.1];
    let mut sign = 0;
    [
        ArrayD::zeros(fact.shape.clone()),
        ArrayD::from_shape_simple_fn(fact.shape.clone(), || {
            sign ^= 1;
            extreme[sign]
        }),
    ]
}

/// A key that is secure, for a small model, good for so many proofs.
fn small_key(privacy: Privacy, proofs_per_key: u32) -> (ProvingKey, ArrayD<i64>) {
    let model = tiny_model(privacy);
    let [_, input] = inputs(&model);
    let options = SetupOptions {
        proofs_per_key,
        ..SetupOptions::default()
    };
    (setup(model, &options).expect("setup"), input)
}

/// What is heard of the setup proof of a key.
fn heard_of_setup(key: &WeightsKey) -> Heard {
    let statement = Statement::of_setup(key).expect("statement");
    let proof = Proof {
        key: statement.digest,
        opening: 0,
        lengths: None,
        public: Default::default(),
        messages: key.setup_proof.clone(),
    };
    heard(&statement, &proof, b"")
}
