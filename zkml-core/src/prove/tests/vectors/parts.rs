//! Field, transcript, code, hashes, and one commitment with its opening.

use ark_ff::{Field, Zero};
use serde_json::{Value, json};

use super::{base, extension, hex, written};
use crate::field::encoding::{k_to_bytes, m61_to_bytes, pack};
use crate::field::{K, M61, P};
use crate::pcs::circle::{CirclePoint, basis, domain_point};
use crate::pcs::hash::{leaf_digest, leaf_length, node_digest, root_digest};
use crate::pcs::{
    CircleCode, Claim, ClaimPoint, CodeParameters, CommittedMatrix, Keep, RecursionParameters, RowCode, Rows,
    StoredRows, Tails, prove_opening, verify_opening,
};
use crate::poly;
use crate::poly::Coordinate;
use crate::secret::Seed;
use crate::transcript::{Kind, ProverChannel, ProverTranscript, State, VerifierChannel, VerifierTranscript};

/// Some element, a different one for each `index`.
fn element(index: u64) -> M61 {
    M61::from_raw((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) % P)
}

pub(super) fn field() -> Value {
    let edge = [1, 2, P - 1, 1 << 60].map(M61::from_raw);
    let list: Vec<M61> = edge.into_iter().chain((0..4).map(element)).collect();
    let f: Vec<Value> = list
        .iter()
        .zip(list.iter().rev())
        .map(|(&a, &b)| {
            json!({
                "a": a.value.to_string(),
                "b": b.value.to_string(),
                "a + b": (a + b).value.to_string(),
                "a - b": (a - b).value.to_string(),
                "a b": (a * b).value.to_string(),
                "1 / a": a.inverse().expect("not 0").value.to_string(),
            })
        })
        .collect();
    let k: Vec<Value> = (0..list.len())
        .map(|i| {
            let a = K::new(list[i], list[(i + 3) % list.len()]);
            let b = K::new(list[(i + 5) % list.len()], list[(i + 6) % list.len()]);
            json!({
                "a": extension(a),
                "b": extension(b),
                "a b": extension(a * b),
                "1 / a": extension(a.inverse().expect("not 0")),
                "bytes of a": hex(&k_to_bytes(a)),
                "coordinates of a and b, packed": hex(&pack(&[a.c0, a.c1, b.c0, b.c1])),
            })
        })
        .collect();
    let (table, point): (Vec<M61>, Vec<K>) = (
        (0..8).map(element).collect(),
        (10..13).map(|i| K::new(element(i), element(i + 10))).collect(),
    );
    json!({
        "F": f,
        "K": k,
        "multilinear extension": {
            "table": base(&table),
            "point": point.iter().map(|&x| extension(x)).collect::<Vec<_>>(),
            "value": extension(poly::evaluate_base(&table, &point)),
        },
    })
}

pub(super) fn transcript() -> Value {
    let domain = "zkml test vectors";
    let mut state = State::new(domain);
    let mut steps = vec![json!({ "do": format!("start {domain:?}"), "state": hex(state.bytes()) })];
    let mut step = |what: String, drawn: Value, state: &State| {
        steps.push(json!({ "do": what, "drawn": drawn, "state": hex(state.bytes()) }));
    };
    let scalars: Vec<u8> = (0..2)
        .flat_map(|i| k_to_bytes(K::new(element(i), element(i + 7))))
        .collect();
    let items: [(Kind, &str, Vec<u8>); 6] = [
        (Kind::Absorb, "statement", vec![1, 2, 3]),
        (Kind::Absorb, "nothing", vec![]),
        (Kind::Scalars, "scalars", scalars.clone()),
        (Kind::Extension, "scalars", scalars),
        (Kind::Base, "cells", pack(&[element(9), element(10), element(11)])),
        (Kind::Digest, "root", vec![0xab; 32]),
    ];
    for (kind, label, bytes) in items {
        state.absorb(kind, label, &bytes);
        let what = format!("absorb kind {} {label:?} {:?}", kind as u8, hex(&bytes));
        step(what, Value::Null, &state);
    }
    for _ in 0..2 {
        let challenge = state.challenge("challenge");
        step(
            "challenge \"challenge\"".into(),
            json!(extension(challenge)),
            &state,
        );
    }
    for (count, bound) in [(5, 1000), (9, 12), (4, 4)] {
        let positions = state.positions("positions", count, bound);
        step(
            format!("positions \"positions\" {count} below {bound}"),
            json!(positions),
            &state,
        );
    }
    state.begin_grind("work", 8);
    step("grind \"work\" 8 bits".into(), Value::Null, &state);
    let nonce = (0..).find(|&nonce| state.nonce_works(nonce, 8)).expect("a nonce");
    state.absorb(Kind::Nonce, "work", &nonce.to_le_bytes());
    step(
        "the smallest nonce, absorbed as kind 6 \"work\"".into(),
        json!(nonce),
        &state,
    );
    state.harden("harden", 3);
    step("harden \"harden\" 3 hashes".into(), Value::Null, &state);
    json!(steps)
}

/// Rows of 8 coefficients and a tail of 3 on 32 points.
const CODE: CodeParameters = CodeParameters {
    log_row: 3,
    tail: 3,
    log_codeword: 5,
    queries: 4,
    log_stride: 0,
    digest_bytes: 32,
    grinding_bits: 4,
};

fn message_row() -> Vec<M61> {
    (20..31).map(element).collect()
}

pub(super) fn code() -> Value {
    let point = |point: CirclePoint| json!([point.x.value.to_string(), point.y.value.to_string()]);
    let log_size = CODE.log_codeword;
    let points: Vec<Value> = (0..8).map(|index| point(domain_point(log_size, index))).collect();
    let values: Vec<M61> = (0..11).map(|j| basis(j, domain_point(log_size, 5))).collect();
    let word = CircleCode::new(&CODE).expect("a code").encode(&message_row());
    for (index, value) in word.iter().enumerate() {
        let at = domain_point(log_size, index);
        let terms = message_row().into_iter().enumerate();
        assert_eq!(*value, terms.map(|(j, c)| c * basis(j, at)).sum::<M61>());
    }
    // Rows of 4 coefficients and a tail of 1, at every second place of the message.
    let rows = RowCode {
        log_row: 2,
        tail: 1,
        log_codeword: 4,
        log_stride: 1,
        digest_bytes: 32,
    };
    let narrow = &message_row()[..5];
    let symbols = CircleCode::of(rows).encode(narrow);
    for (index, value) in symbols.iter().enumerate() {
        let at = domain_point(log_size, 2 * index);
        let terms = narrow.iter().enumerate();
        assert_eq!(*value, terms.map(|(j, c)| *c * basis(2 * j, at)).sum::<M61>());
    }
    json!({
        "log_row": CODE.log_row,
        "tail": CODE.tail,
        "log_codeword": log_size,
        "generator of order 2 n": point(CirclePoint::subgroup_generator(log_size + 1)),
        "points 0 to 7": points,
        "basis 0 to 10 at point 5": base(&values),
        "message": base(&message_row()),
        "codeword": base(&word),
        "narrow": { "log_stride": 1, "message": base(narrow), "symbols": base(&symbols) },
    })
}

/// The bytes that are hashed for a column.
fn leaf(salt: &[u8], cells: &[M61]) -> Vec<u8> {
    let mut bytes = salt.to_vec();
    bytes.extend(cells.iter().flat_map(|&cell| m61_to_bytes(cell)));
    bytes.resize(leaf_length(cells.len()), 0);
    bytes
}

pub(super) fn hash() -> Value {
    let leaves: Vec<Value> = [1, 4, 5]
        .into_iter()
        .map(|rows| {
            let cells: Vec<M61> = (0..rows).map(element).collect();
            json!({
                "salt": hex(&[7; 32]),
                "cells": base(&cells),
                "digest": hex(&leaf_digest(&leaf(&[7; 32], &cells))),
            })
        })
        .collect();
    let (left, right) = ([1; 32], [2; 32]);
    json!({
        "leaves": leaves,
        "root": { "log_row": CODE.log_row, "tail": CODE.tail, "log_codeword": CODE.log_codeword, "log_stride": 0, "digest_bytes": 32, "rows": 2,
            "topmost node": hex(&left), "digest": hex(&root_digest(&CODE.wide(), 2, &left)) },
        "node": { "left": hex(&left), "right": hex(&right), "digest": hex(&node_digest(&left, &right)) },
    })
}

pub(super) fn opening() -> Value {
    let seed: [u8; 32] = core::array::from_fn(|index| index as u8);
    let cells: Vec<M61> = (40..56).map(element).collect();
    let tails = Tails { length: 2, full: 1 };
    let rows = Rows::Field(cells.clone());
    let matrix =
        CommittedMatrix::commit_with(rows, CODE.wide(), Seed::from_bytes(seed), tails, Keep::Codeword)
            .expect("a commitment");

    // Salts, and from them the leaves, by the words of the protocol's page.
    let stream = |purpose: &[u8; 8], index: u64, bytes: &mut [u8]| {
        let mut hasher = blake3::Hasher::new_keyed(&seed);
        hasher.update(purpose).update(&index.to_le_bytes());
        hasher.finalize_xof().fill(bytes);
    };
    let n = CODE.codeword_length();
    let mut salts = vec![0; 32 * n];
    for (group, salts) in salts.chunks_mut(16 * 32).enumerate() {
        stream(b"salt....", group as u64, salts);
    }
    let code = CircleCode::new(&CODE).expect("a code");
    let words: Vec<Vec<M61>> = (0..2)
        .map(|row| {
            let mut bytes = [0; 24];
            stream(b"tail....", row as u64, &mut bytes);
            let tail = bytes
                .chunks(8)
                .map(|word| M61::from_raw(u64::from_le_bytes(word.try_into().expect("8 bytes")) & P));
            let mut tail: Vec<M61> = tail.collect();
            if row == 0 {
                tail[2] = M61::zero();
            }
            assert_eq!(matrix.tail(row), tail);
            code.encode(&[&cells[8 * row..8 * row + 8], &tail].concat())
        })
        .collect();
    for (position, found) in matrix.leaves().iter().enumerate() {
        let column = [words[0][position], words[1][position]];
        assert_eq!(*found, leaf_digest(&leaf(&salts[32 * position..][..32], &column)));
    }

    let mut nodes = matrix.leaves().to_vec();
    while nodes.len() > 1 {
        nodes = nodes
            .chunks(2)
            .map(|pair| node_digest(&pair[0], &pair[1]))
            .collect();
    }
    assert_eq!(root_digest(&CODE.wide(), 2, &nodes[0]), matrix.commitment().root);

    // Two claims that end at two points of a row, so that they are merged.
    let domain = "zkml test vectors: opening";
    let points = |point: &[K]| {
        let claim = |first_row, high: &[K], low: &[K]| ClaimPoint {
            matrix: 0,
            first_row,
            stored: StoredRows::full(high.len()).unwrap(),
            high: Coordinate::challenges(high),
            low: low.to_vec(),
        };
        [claim(0, &point[..1], &point[1..4]), claim(1, &[], &point[4..])]
    };
    let mut prover = ProverTranscript::recording(domain);
    prover.send_digest("root", &matrix.commitment().root);
    let point = prover.challenges("point", 7);
    let values = [
        poly::evaluate_base(&cells, &point[..4]),
        poly::evaluate_base(&cells[8..], &point[4..]),
    ];
    prover.send_scalars("values", &values);
    let claims: Vec<Claim> = points(&point)
        .into_iter()
        .zip(values)
        .map(|(point, value)| Claim { point, value })
        .collect();
    prove_opening(
        &mut prover,
        (&CODE, &RecursionParameters::default()),
        &[&matrix],
        &claims,
    )
    .expect("an opening");
    let proof = prover.into_proof();

    let mut verifier = VerifierTranscript::recording(domain, &proof);
    assert_eq!(verifier.read_digest("root"), Ok(matrix.commitment().root));
    let point = verifier.challenges("point", 7);
    let values = verifier.read_scalars("values", 2).expect("two values");
    let claims: Vec<(ClaimPoint, K)> = points(&point).into_iter().zip(values).collect();
    verify_opening(
        &mut verifier,
        (&CODE, &RecursionParameters::default()),
        &[matrix.commitment()],
        &claims,
    )
    .expect("valid");
    verifier.finish().expect("the end");

    json!({
        "code": { "log_row": CODE.log_row, "tail": CODE.tail, "log_codeword": CODE.log_codeword,
            "queries": CODE.queries, "grinding_bits": CODE.grinding_bits },
        "seed": hex(&seed),
        "rows": [base(&cells[..8]), base(&cells[8..])],
        "random coefficients of each row": [2, 3],
        "tails": [base(matrix.tail(0)), base(matrix.tail(1))],
        "salts": salts.chunks(32).take(4).map(hex).collect::<Vec<_>>(),
        "leaves": matrix.leaves().iter().map(|leaf| hex(leaf)).collect::<Vec<_>>(),
        "topmost node": hex(&nodes[0]),
        "root": hex(&matrix.commitment().root),
        "claims": [
            "rows 0 and 1: high = point 0, low = points 1 to 3",
            "row 1: no high, low = points 4 to 6",
        ],
        "transcript": written(domain, verifier.events(), verifier.state()),
        "proof": hex(&proof),
    })
}
