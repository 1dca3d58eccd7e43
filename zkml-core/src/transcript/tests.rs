//! Tests of the transcript: binding, agreement of both ends, and the exact reason of each rejection.

#![allow(clippy::arithmetic_side_effects)]

use std::collections::HashSet;

use ark_ff::AdditiveGroup;

use super::state::State;
use super::*;
use crate::field::{K, M61, P};

const DOMAIN: &str = "test";

fn k(c0: u64, c1: u64) -> K {
    K::new(M61::from_raw(c0), M61::from_raw(c1))
}

/// What the conversation of the tests says; each field is changed once by a test below.
#[derive(Clone)]
struct Script {
    domain: &'static str,
    statement_label: &'static str,
    statement: Vec<u8>,
    scalars_label: &'static str,
    scalars: Vec<K>,
    extension: Vec<K>,
    base: Vec<M61>,
    digest: [u8; 32],
    challenge_label: &'static str,
    harden: u64,
    bits: u32,
}

impl Script {
    fn example() -> Self {
        Self {
            domain: DOMAIN,
            statement_label: "statement",
            statement: vec![1, 2, 3],
            scalars_label: "scalars",
            scalars: vec![k(5, 6), k(0, P - 1)],
            extension: vec![k(7, 8)],
            base: vec![M61::from_raw(9), M61::from_raw(10)],
            digest: [11; 32],
            challenge_label: "alpha",
            harden: 3,
            bits: 6,
        }
    }

    /// The last challenge and the transcript.
    fn prove(&self) -> (K, Vec<usize>, ProverTranscript) {
        let mut t = ProverTranscript::recording(self.domain);
        t.absorb(self.statement_label, &self.statement);
        t.send_scalars(self.scalars_label, &self.scalars);
        t.challenge(self.challenge_label);
        t.send_extension("extension", &self.extension);
        t.send_base("base", &self.base);
        t.harden("harden", self.harden);
        t.send_digest("digest", &self.digest);
        t.grind("grind", self.bits);
        let positions = t.positions("positions", 5, 100);
        (t.challenge("last"), positions, t)
    }

    fn verify(&self, proof: &[u8]) -> Result<(K, Vec<usize>, Vec<Event>), VerifyError> {
        let mut t = VerifierTranscript::recording(self.domain, proof);
        t.absorb(self.statement_label, &self.statement);
        assert_eq!(
            t.read_scalars(self.scalars_label, self.scalars.len())?,
            self.scalars
        );
        t.challenge(self.challenge_label);
        assert_eq!(
            t.read_extension("extension", self.extension.len())?,
            self.extension
        );
        assert_eq!(t.read_base("base", self.base.len())?, self.base);
        t.harden("harden", self.harden);
        assert_eq!(t.read_digest("digest")?, self.digest);
        t.grind("grind", self.bits)?;
        let positions = t.positions("positions", 5, 100);
        let last = t.challenge("last");
        t.finish()?;
        Ok((last, positions, t.events().to_vec()))
    }
}

#[test]
fn both_ends_agree_and_every_byte_belongs_to_one_message() {
    let script = Script::example();
    let (last, positions, transcript) = script.prove();
    let prover_events = transcript.events().to_vec();
    let proof = transcript.into_proof();
    let (verifier_last, verifier_positions, verifier_events) = script.verify(&proof).unwrap();
    assert_eq!(last, verifier_last);
    assert_eq!(positions, verifier_positions);
    assert_eq!(prover_events, verifier_events);
    let mut offset = 0;
    for event in prover_events.iter().filter(|event| event.kind.is_message()) {
        assert_eq!(event.offset, offset);
        offset += event.length;
    }
    assert_eq!(offset, proof.len());
}

#[test]
fn every_item_changes_the_later_challenges() {
    let (reference, _, _) = Script::example().prove();
    let changes: [fn(&mut Script); 14] = [
        |s| s.domain = "another",
        |s| s.statement_label = "statemen",
        |s| s.statement[0] ^= 1,
        |s| s.statement.clear(),
        |s| s.statement.push(0),
        |s| s.scalars_label = "scalar",
        |s| s.scalars[1] = k(1, P - 1),
        |s| s.scalars.truncate(1),
        // One element moves from one message to the next: the bytes of the proof stay the same.
        |s| s.extension.insert(0, s.scalars.pop().unwrap()),
        |s| s.base[1] = M61::from_raw(0),
        |s| s.digest[31] ^= 128,
        |s| s.challenge_label = "beta",
        |s| s.harden += 1,
        |s| s.bits = 0,
    ];
    let mut seen = HashSet::from([(reference.c0.value, reference.c1.value)]);
    for (index, change) in changes.iter().enumerate() {
        let mut script = Script::example();
        change(&mut script);
        let (last, _, _) = script.prove();
        assert!(
            seen.insert((last.c0.value, last.c1.value)),
            "change {index} left the challenge as it was"
        );
    }
}

#[test]
fn the_type_of_a_message_is_bound() {
    let mut scalars = ProverTranscript::new(DOMAIN);
    let mut extension = ProverTranscript::new(DOMAIN);
    scalars.send_scalars("m", &[k(1, 2)]);
    extension.send_extension("m", &[k(1, 2)]);
    assert_ne!(scalars.challenge("c"), extension.challenge("c"));
    assert_eq!(scalars.into_proof(), extension.into_proof());
}

#[test]
fn truncated_proofs_are_rejected_at_every_length() {
    let script = Script::example();
    let proof = script.prove().2.into_proof();
    for length in 0..proof.len() {
        assert!(
            matches!(
                script.verify(&proof[..length]),
                Err(VerifyError::Truncated { .. })
            ),
            "{length}"
        );
    }
    assert_eq!(
        script.verify(&proof[..33]).unwrap_err(),
        VerifyError::Truncated {
            label: "extension",
            offset: 32,
            expected: 16,
            found: 1
        }
    );
}

#[test]
fn a_length_that_overflows_is_a_truncated_proof() {
    let mut t = VerifierTranscript::new(DOMAIN, &[0; 64]);
    assert!(matches!(
        t.read_scalars("m", usize::MAX),
        Err(VerifyError::Truncated { .. })
    ));
    assert!(matches!(
        t.read_base("m", usize::MAX / 4),
        Err(VerifyError::Truncated { .. })
    ));
}

#[test]
fn trailing_bytes_are_rejected() {
    let script = Script::example();
    let mut proof = script.prove().2.into_proof();
    let offset = proof.len();
    proof.extend([0, 0]);
    assert_eq!(
        script.verify(&proof).unwrap_err(),
        VerifyError::TrailingBytes { offset, found: 2 }
    );
}

#[test]
fn elements_that_are_not_canonical_are_rejected() {
    let script = Script::example();
    let proof = script.prove().2.into_proof();
    // Adding p to a word keeps the element and changes its encoding.
    for (offset, label, element) in [
        (0, "scalars", 0),
        (8, "scalars", 0),
        (16, "scalars", 16),
        (32, "extension", 32),
    ] {
        let mut changed = proof.clone();
        let word = u64::from_le_bytes(changed[offset..offset + 8].try_into().unwrap()) + P;
        changed[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
        assert_eq!(
            script.verify(&changed).unwrap_err(),
            VerifyError::NonCanonical {
                label,
                offset: element
            }
        );
    }
    // Packed elements: 61 ones are p; the bits behind the last one are 0.
    for (bits, element) in [
        (0..61, 48),
        (61..122, 48 + 7),
        (122..123, 48 + 15),
        (127..128, 48 + 15),
    ] {
        let mut changed = proof.clone();
        for bit in bits {
            changed[48 + bit / 8] |= 1 << (bit % 8);
        }
        assert_eq!(
            script.verify(&changed).unwrap_err(),
            VerifyError::NonCanonical {
                label: "base",
                offset: element
            }
        );
    }
}

#[test]
fn a_nonce_without_work_is_rejected() {
    let mut prover = ProverTranscript::new(DOMAIN);
    prover.grind("work", 9);
    let proof = prover.into_proof();
    assert_eq!(proof.len(), 8);
    assert_eq!(VerifierTranscript::new(DOMAIN, &proof).grind("work", 9), Ok(()));
    let good = u64::from_le_bytes(proof.try_into().unwrap());
    let mut state = State::new(DOMAIN);
    state.begin_grind("work", 9);
    let bad = (0..).find(|nonce| !state.nonce_works(*nonce, 9)).unwrap();
    assert_ne!(good, bad);
    let failed = Check {
        name: "transcript.grind",
        place: "work",
    }
    .failed();
    assert_eq!(
        VerifierTranscript::new(DOMAIN, &bad.to_le_bytes()).grind("work", 9),
        Err(failed)
    );
    // Of the nonces below, about one in 2^9 works: the bits are counted, not just compared with 0.
    let works = (0..1 << 16).filter(|nonce| state.nonce_works(*nonce, 9)).count();
    assert!((64..256).contains(&works), "{works}");
}

#[test]
fn zero_bits_of_work_send_and_absorb_nothing() {
    let mut with = ProverTranscript::new(DOMAIN);
    with.grind("work", 0);
    assert_eq!(with.proof_len(), 0);
    assert_eq!(with.challenge("c"), ProverTranscript::new(DOMAIN).challenge("c"));
    assert_eq!(VerifierTranscript::new(DOMAIN, &[]).grind("work", 0), Ok(()));
}

#[test]
fn challenges_look_uniform_and_differ() {
    let mut state = State::new(DOMAIN);
    let draws = 1 << 12;
    let mut ones = [0u32; 122];
    let mut seen = HashSet::new();
    for _ in 0..draws {
        let x = state.challenge("c");
        assert!(x.c0.value < P && x.c1.value < P);
        assert!(seen.insert((x.c0.value, x.c1.value)));
        for bit in 0..61 {
            ones[bit] += (x.c0.value >> bit & 1) as u32;
            ones[61 + bit] += (x.c1.value >> bit & 1) as u32;
        }
    }
    // Six standard deviations of a binomial(4096, 1/2) are 192.
    assert!(
        ones.iter().all(|count| count.abs_diff(draws / 2) < 192),
        "{ones:?}"
    );
}

#[test]
fn positions_are_distinct_ascending_and_cover_the_range() {
    let mut state = State::new(DOMAIN);
    for (count, bound) in [
        (0, 0),
        (0, 5),
        (3, 3),
        (9, 3),
        (1, 1),
        (40, 100),
        (60, 100),
        (99, 100),
        (5, 1 << 20),
    ] {
        let positions = state.positions("p", count, bound);
        assert_eq!(positions.len(), count.min(bound));
        assert!(positions.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(positions.iter().all(|position| *position < bound));
    }
    let mut hits = [0u32; 24];
    for round in 0..2400 {
        // Both sides of the complement.
        for position in state.positions("p", if round % 2 == 0 { 6 } else { 18 }, 24) {
            hits[position] += 1;
        }
    }
    assert!(hits.iter().all(|count| count.abs_diff(1200) < 150), "{hits:?}");
}

#[test]
fn checks_of_plain_scalars_are_judged_at_once() {
    let mut t = VerifierTranscript::new(DOMAIN, &[]);
    let check = Check {
        name: "sum",
        place: "round 3",
    };
    assert_eq!(t.constrain_zero(check, K::ZERO), Ok(()));
    let failed = VerifyError::Check {
        name: "sum",
        place: "round 3".into(),
    };
    assert_eq!(t.constrain_zero(check, k(0, 1)), Err(failed.clone()));
    let (a, b, c) = (k(2, 3), k(5, 7), k(11, 13));
    let mut state =
        |linear, products: &[(K, &K, &K)]| t.constrain_quadratic(check, Quadratic { linear, products });
    assert_eq!(
        state(-(a * b * c + a * a * a), &[(c, &a, &b), (a, &a, &a)]),
        Ok(())
    );
    assert_eq!(state(-(a * b), &[(c, &a, &b)]), Err(failed));
}
