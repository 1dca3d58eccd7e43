//! Provers that send one false message and go on honestly: challenges fit the false message, unlike in a proof that is
//! altered after it was made.

use super::fixture::{CONTEXT, fixture};
use crate::field::{K, M61};
use crate::pcs::{Seed, prove_opening};
use crate::proof::Proof;
use crate::prove::{Trace, claims_to_open};
use crate::transcript::{ProverChannel, ProverTranscript, VerifyError};
use crate::verify::{PROTOCOL, Statement, bindings, verify};

/// A channel that alters one element of one message.
struct Liar {
    inner: ProverTranscript,
    label: &'static str,
    /// Messages of that label before the one that is altered.
    before: usize,
    /// Which element of it, modulo their number.
    element: usize,
    told: bool,
}

impl Liar {
    /// The element to alter, if this message is the one.
    fn target(&mut self, label: &'static str, length: usize) -> Option<usize> {
        if label != self.label || self.told || length == 0 {
            return None;
        }
        if self.before > 0 {
            self.before -= 1;
            return None;
        }
        self.told = true;
        Some(self.element % length)
    }

    fn altered(&mut self, label: &'static str, values: &[K]) -> Vec<K> {
        let mut values = values.to_vec();
        if let Some(element) = self.target(label, values.len()) {
            values[element] += K::new(M61::from(1u64), M61::from(77u64));
        }
        values
    }
}

impl ProverChannel for Liar {
    fn send_scalars(&mut self, label: &'static str, values: &[K]) {
        let values = self.altered(label, values);
        self.inner.send_scalars(label, &values);
    }

    fn send_extension(&mut self, label: &'static str, values: &[K]) {
        let values = self.altered(label, values);
        self.inner.send_extension(label, &values);
    }

    fn send_base(&mut self, label: &'static str, values: &[M61]) {
        let mut values = values.to_vec();
        if let Some(element) = self.target(label, values.len()) {
            values[element] += M61::from(1u64);
        }
        self.inner.send_base(label, &values);
    }

    fn send_digest(&mut self, label: &'static str, value: &[u8; 32]) {
        let mut value = *value;
        if let Some(byte) = self.target(label, 32) {
            value[byte] ^= 1;
        }
        self.inner.send_digest(label, &value);
    }

    fn challenge(&mut self, label: &'static str) -> K {
        self.inner.challenge(label)
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.inner.positions(label, count, bound)
    }

    fn grind(&mut self, label: &'static str, bits: u32) {
        self.inner.grind(label, bits);
    }
}

/// The verdict on a proof with one false element; nothing if there is no such message.
fn lie(label: &'static str, before: usize, element: usize) -> Option<Result<(), VerifyError>> {
    let f = fixture();
    let statement = Statement::new(&f.key.verifying).expect("statement");
    let trace = Trace::generate(&f.key, &statement, &f.input).expect("trace");
    let mut inner = ProverTranscript::new(PROTOCOL);
    for (label, bytes) in bindings(&statement, &f.public, 0, CONTEXT) {
        inner.absorb(label, &bytes);
    }
    let (committed, _) = trace.commit(&statement, Seed::PUBLIC).expect("commit");
    inner.send_digest("trace.root", &committed.commitment().root);
    inner.harden("trace.harden", f.key.verifying.hardening);
    let mut liar = Liar {
        inner,
        label,
        before,
        element,
        told: false,
    };
    let weights = f.key.commitment(0).expect("a commitment");
    let claims = claims_to_open(&mut liar, &statement, &trace).expect("claims");
    prove_opening(&mut liar, &statement.key.code, &[&committed, &weights], &claims).expect("an opening");
    let told = liar.told;
    let proof = Proof {
        key: f.proof.key,
        commitment: 0,
        messages: liar.inner.into_proof(),
    };
    let verdict = verify(&f.key.verifying, &f.public, &proof, CONTEXT);
    if !told {
        verdict.clone().expect("nothing was false");
    }
    told.then_some(verdict)
}

/// Every message of the argument and what may reject a false one.
const MESSAGES: &[(&str, &[&str])] = &[
    ("lookup.root", &["lookup.sum", "lookup.denominator_nonzero"]),
    ("lookup.layer", &["lookup.layer"]),
    ("lookup.round", &["lookup.layer"]),
    ("lookup.columns", &["lookup.denominator"]),
    ("lookup.multiplicities", &["lookup.numerator"]),
    // A false value of a virtual column is found by its sumcheck, of a given one where it is opened.
    ("equality.value", &["reduce.stage", "reduce.public"]),
    ("reduce.term", &["reduce.stage", "opening.merge"]),
    ("reduce.stage", &["reduce.stage"]),
    ("reduce.operand", &["reduce.stage"]),
    ("opening.merge", &["opening.merge"]),
    ("opening.values", &["opening.merge"]),
    ("opening.combination", &["opening.inner_product"]),
    ("opening.salt", &["opening.merkle"]),
    ("opening.columns", &["opening.merkle"]),
    ("opening.path", &["opening.merkle"]),
];

#[test]
fn every_false_message_is_rejected_by_its_check() {
    let mut problems = Vec::new();
    for &(label, checks) in MESSAGES {
        let mut told = 0;
        for (before, element) in [
            (0, 0),
            (0, 1),
            (0, 2),
            (1, 3),
            (2, 0),
            (3, 1),
            (5, 0),
            (9, 7),
            (20, 1),
        ] {
            match lie(label, before, element) {
                None => {}
                Some(Err(VerifyError::Check { name, .. })) if checks.contains(&name) => told += 1,
                Some(other) => problems.push(format!("{label} {before} {element}: {other:?}")),
            }
        }
        if told < 3 {
            problems.push(format!("{label}: only {told} lies"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
