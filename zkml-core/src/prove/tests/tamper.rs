//! The tamper manifest: every message of a proof, how it is altered, and which check must reject it.
//!
//! A message that the manifest does not list, or a row of it that no proof has, fails the test: who adds a message to
//! the protocol says here where a wrong one is noticed.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::fixture::{CONTEXT, Fixture, fixture, input_of, outputs_of};
use crate::field::P;
use crate::proof::Proof;
use crate::transcript::{Event, Kind, VerifyError};
use crate::verify::{TrustedKey, verify};

/// One label of the protocol.
struct Row {
    label: &'static str,
    kind: Kind,
    /// Checks that may reject an altered message. More than one where the message is used in several ways.
    checks: &'static [&'static str],
}

const fn row(label: &'static str, kind: Kind, checks: &'static [&'static str]) -> Row {
    Row { label, kind, checks }
}

/// In the order of the protocol.
const MANIFEST: &[Row] = &[
    // Layer 0 has no rounds and holds for every lambda; the first equation with a challenge in it is layer 1's.
    row("trace.root", Kind::Digest, &["lookup.layer"]),
    // `Q` and `1/Q` exchanged are still inverse to each other.
    row(
        "lookup.root",
        Kind::Scalars,
        &["lookup.sum", "lookup.denominator_nonzero", "lookup.layer"],
    ),
    row("lookup.layer", Kind::Scalars, &["lookup.layer"]),
    row("lookup.round", Kind::Scalars, &["lookup.layer"]),
    row("lookup.columns", Kind::Scalars, &["lookup.denominator"]),
    row("lookup.multiplicities", Kind::Scalars, &["lookup.numerator"]),
    // The number of ones in a one-hot row is a view of a constant.
    row(
        "equality.value",
        Kind::Scalars,
        &["reduce.stage", "reduce.linear", "reduce.public"],
    ),
    row("reduce.term", Kind::Scalars, REDUCTION),
    row("reduce.stage", Kind::Scalars, &["reduce.stage"]),
    row("reduce.operand", Kind::Scalars, &["reduce.stage"]),
    row("opening.merge", Kind::Scalars, &["opening.merge"]),
    row("opening.values", Kind::Scalars, &["opening.merge"]),
    row("opening.combination", Kind::Extension, &["opening.inner_product"]),
    // One nonce in 4096 is as good; then the opened columns are the wrong ones.
    row(
        "opening.grind",
        Kind::Nonce,
        &["transcript.grind", "opening.merkle"],
    ),
    row("opening.salt", Kind::Digest, &["opening.merkle"]),
    row("opening.columns", Kind::Base, &["opening.merkle"]),
    row("opening.path", Kind::Digest, &["opening.merkle"]),
];

/// A wrong value on the way down is noticed by the next equation that speaks of it.
const REDUCTION: &[&str] = &["reduce.stage", "reduce.linear"];

/// Messages of one label that are altered.
const SAMPLES: usize = 24;

fn messages(f: &Fixture) -> Vec<Event> {
    let events = TrustedKey::new(&f.key.verifying)
        .expect("a key")
        .verify_recording(&f.public, &f.proof, CONTEXT)
        .expect("the proof verifies");
    events
        .into_iter()
        .filter(|event| event.kind.is_message())
        .collect()
}

fn judge(f: &Fixture, bytes: Vec<u8>) -> Result<(), VerifyError> {
    super::fixture::judge(
        &f.key.verifying,
        &f.public,
        &Proof {
            key: f.proof.key,
            commitment: f.proof.commitment,
            messages: bytes,
        },
        CONTEXT,
    )
}

/// Bytes of one element of a message of that kind.
fn element_size(kind: Kind) -> usize {
    match kind {
        Kind::Scalars | Kind::Extension => 16,
        Kind::Base | Kind::Nonce => 8,
        _ => 32,
    }
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("8 bytes"))
}

/// The altered proofs, each with what was done; those that are no change are left out.
fn mutations(
    proof: &[u8],
    event: &Event,
    next: Option<&Event>,
    rng: &mut StdRng,
) -> Vec<(&'static str, Vec<u8>)> {
    let size = element_size(event.kind);
    let at = event.offset + size * rng.gen_range(0..event.length / size);
    let mut list: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let mut push = |what, alter: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = proof.to_vec();
        alter(&mut bytes);
        list.push((what, bytes));
    };
    let swap =
        |other: usize| move |bytes: &mut Vec<u8>| (0..size).for_each(|i| bytes.swap(at + i, other + i));
    match event.kind {
        Kind::Scalars | Kind::Extension | Kind::Base => {
            // Field elements: canonical changes of one coordinate.
            let coordinate = at + 8 * rng.gen_range(0..size / 8);
            let value = word(&proof[coordinate..coordinate + 8]);
            let put = |value: u64| {
                move |bytes: &mut Vec<u8>| {
                    bytes[coordinate..coordinate + 8].copy_from_slice(&value.to_le_bytes())
                }
            };
            let bit = 1 << rng.gen_range(0..60);
            push(
                "bit flip",
                &put(if value ^ bit < P { value ^ bit } else { value ^ 1 }),
            );
            push("zero", &put(0));
            push("plus one", &put(if value + 1 == P { 0 } else { value + 1 }));
            push("plus p", &put(value + P));
        }
        _ => {
            let (byte, bit) = (at + rng.gen_range(0..size), 1u8 << rng.gen_range(0..8));
            push("bit flip", &|bytes| bytes[byte] ^= bit);
            push("zero", &|bytes| bytes[at..at + size].fill(0));
        }
    }
    if at + size < event.offset + event.length {
        push("swap with the next element", &swap(at + size));
    } else if let Some(next) =
        next.filter(|next| next.kind == event.kind && next.length == size && event.length == size)
    {
        push("swap with the next message", &swap(next.offset));
    }
    list.retain(|(_, bytes)| bytes != proof);
    list
}

#[test]
fn every_byte_of_the_proof_belongs_to_one_labelled_message() {
    let f = fixture();
    let mut end = 0;
    for event in messages(f) {
        assert_eq!(event.offset, end, "{}", event.label);
        assert!(
            event.length > 0 && event.length % element_size(event.kind) == 0,
            "{}",
            event.label
        );
        end += event.length;
    }
    assert_eq!(end, f.proof.messages.len());
}

#[test]
fn the_manifest_lists_the_labels_of_the_proof_in_order() {
    let mut seen: Vec<(&str, Kind)> = Vec::new();
    for event in messages(fixture()) {
        if !seen.contains(&(event.label, event.kind)) {
            seen.push((event.label, event.kind));
        }
    }
    let listed: Vec<(&str, Kind)> = MANIFEST.iter().map(|row| (row.label, row.kind)).collect();
    assert_eq!(seen, listed);
}

#[test]
fn every_altered_message_is_rejected_by_its_check() {
    let f = fixture();
    let messages = messages(f);
    let mut rng = StdRng::seed_from_u64(7);
    let mut rejected: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut problems = Vec::new();
    for row in MANIFEST {
        let places: Vec<usize> = (0..messages.len())
            .filter(|&i| messages[i].label == row.label)
            .collect();
        let chosen: Vec<usize> = if places.len() <= SAMPLES {
            // Few and perhaps long ones: each several times.
            places
                .iter()
                .cycle()
                .take(places.len() * SAMPLES.div_ceil(places.len()))
                .copied()
                .collect()
        } else {
            (0..SAMPLES)
                .map(|_| places[rng.gen_range(0..places.len())])
                .collect()
        };
        for index in chosen {
            let event = &messages[index];
            for (what, bytes) in mutations(&f.proof.messages, event, messages.get(index + 1), &mut rng) {
                let error = judge(f, bytes).err();
                match (&error, what) {
                    (Some(VerifyError::NonCanonical { label, .. }), "plus p") if *label == row.label => {}
                    (Some(VerifyError::Check { name, .. }), what)
                        if what != "plus p" && row.checks.contains(name) =>
                    {
                        rejected.entry(row.label).or_default().insert(name);
                    }
                    _ => problems.push(format!("{} at {}: {what}: {error:?}", row.label, event.offset)),
                }
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
    for row in MANIFEST {
        assert!(
            rejected.get(row.label).is_some_and(|seen| !seen.is_empty()),
            "{} was never rejected",
            row.label
        );
    }
}

#[test]
fn a_proof_cut_anywhere_is_truncated() {
    let f = fixture();
    let messages = messages(f);
    let total = f.proof.messages.len();
    let mut rng = StdRng::seed_from_u64(8);
    for (index, event) in messages.iter().enumerate() {
        let first_of_label = index == 0 || messages[index - 1].label != event.label;
        if !first_of_label && !rng.gen_bool(0.05) {
            continue;
        }
        for cut in [event.offset.saturating_sub(1), event.offset, event.offset + 1] {
            let error = judge(f, f.proof.messages[..cut].to_vec()).expect_err("a cut proof");
            let VerifyError::Truncated {
                offset,
                expected,
                found,
                ..
            } = error
            else {
                panic!("cut at {cut}: {error}")
            };
            assert!(
                found < expected && offset + found == cut,
                "cut at {cut}: {offset} {expected} {found}"
            );
        }
    }
    for more in [1, 8, 16, 1000] {
        let mut bytes = f.proof.messages.clone();
        bytes.resize(total + more, 0);
        assert_eq!(
            judge(f, bytes),
            Err(VerifyError::TrailingBytes {
                offset: total,
                found: more
            })
        );
    }
}

#[test]
fn another_key_digest_in_the_proof_is_named() {
    let f = fixture();
    for byte in 0..32 {
        let mut proof = f.proof.clone();
        proof.key[byte] ^= 1;
        let error = verify(&f.key.verifying, &f.public, &proof, CONTEXT);
        assert!(matches!(error, Err(VerifyError::OtherKey { .. })), "{error:?}");
    }
}

#[test]
fn every_altered_public_value_is_rejected() {
    let f = fixture();
    let judge =
        |public| verify(&f.key.verifying, &public, &f.proof, CONTEXT).expect_err("an altered public value");
    let mut public = f.public.clone();
    let (input, outputs) = (input_of(&mut public).len(), outputs_of(&mut public).clone());
    // Every value of the outputs, some of the input.
    let places = (0..input).step_by(7).map(|i| (None, i));
    let places =
        places.chain((0..outputs.len()).flat_map(|o| (0..outputs[o].len()).map(move |i| (Some(o), i))));
    for (tensor, index) in places {
        let mut public = f.public.clone();
        let value = match tensor {
            None => &mut input_of(&mut public)[index],
            Some(output) => &mut outputs_of(&mut public)[output][index],
        };
        *value += if *value > 0 { -1 } else { 1 };
        let error = judge(public.clone());
        assert!(
            matches!(
                error,
                VerifyError::Check {
                    name: "lookup.layer",
                    ..
                }
            ),
            "{tensor:?} {index}: {error}"
        );
        // The same residue, p further on: an integer the circuit does not speak of.
        for beyond in [P as i64, -(P as i64), i64::MAX / 2] {
            let value = match tensor {
                None => &mut input_of(&mut public)[index],
                Some(output) => &mut outputs_of(&mut public)[output][index],
            };
            *value = beyond;
            let error = judge(public.clone());
            assert!(
                matches!(error, VerifyError::PublicValue { .. }),
                "{tensor:?} {index}: {error}"
            );
        }
    }
    let altered: [&dyn Fn(&mut crate::proof::PublicValues); 8] = [
        &|public| public.input = None,
        &|public| public.outputs = None,
        &|public| input_of(public).truncate(7),
        &|public| input_of(public).push(0),
        &|public| drop(outputs_of(public).pop()),
        &|public| outputs_of(public).push(vec![]),
        &|public| outputs_of(public)[0].clear(),
        &|public| outputs_of(public).swap(0, 1),
    ];
    for alter in altered {
        let mut public = f.public.clone();
        alter(&mut public);
        let error = judge(public);
        assert!(matches!(error, VerifyError::PublicValue { .. }), "{error}");
    }
}
