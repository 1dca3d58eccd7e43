//! Pads and masks that are not fresh, or not the committed ones.

use ark_ff::Field;

use super::super::listening::{Heard, heard};
use super::trace::linear;
use super::*;
use crate::pcs::{
    Claim, ClaimPoint, CodeParameters, ExtensionRow, Keep, MaskRows, RecursionParameters, Tails,
    verify_columns, verify_combination,
};
use crate::prove::{prove, prove_trace};
use crate::reduce::Cpu;
use crate::secret::Seed;
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifierTranscript};

fn scene() -> Scene {
    Scene::new(linear().with_privacy(Privacy::default()), 4)
}

/// Pads and masks that nobody committed to.
fn others(count: usize) -> (Vec<K>, Vec<K>) {
    let mut cells = vec![M61::from(0u64); 4 * count];
    Seed::from_bytes([77; 32]).fill_row(0, &mut cells);
    let elements: Vec<K> = cells
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[a, b]| K::new(*a, *b))
        .collect();
    let (pads, mask) = elements.split_at(count);
    (pads.to_vec(), mask.to_vec())
}

/// What two answers say of the pads if these, and the masks, were the same.
fn pads_behind(statement: &Statement<'_>, [first, second]: [&Heard; 2]) -> Vec<K> {
    let masking = statement.masking.expect("pads");
    let difference = first.challenge("closing.point") - second.challenge("closing.point");
    let inverse = difference.inverse().expect("two challenges");
    let answers = first
        .message("closing.response")
        .iter()
        .zip(second.message("closing.response"));
    let mut rest = answers.map(|(first, second)| (*first - second) * inverse);
    let mut pads = Vec::new();
    for pair in 0..masking.pairs() {
        pads.extend(rest.by_ref().take(masking.pads_in(pair)));
        // The tails of these rows.
        rest.by_ref().take(masking.tail).for_each(drop);
    }
    pads
}

#[test]
fn two_answers_with_one_mask_show_everything() {
    let scene = scene();
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let trace = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let weights = scene.key.commitment(0).expect("a commitment");
    let seed = || Seed::from_bytes([5; 32]);
    let both = [b"one", b"two"].map(|context| {
        let proof = prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), context, seed(), None)
            .expect("a proof")
            .0;
        heard(&statement, &proof, context)
    });
    let found = pads_behind(&statement, both.each_ref());
    let (_, pads) = trace.commit(&Cpu, &statement, seed()).expect("a commitment");
    assert_eq!(found, pads.expect("pads").pads());
    // The first two hidden values are inverse to each other. Every other one is read in the same way.
    let value = |index: usize| both[0].scalars[index].1 - found[index];
    assert_eq!(value(0) * value(1), K::ONE);
}

#[test]
fn proofs_never_share_a_mask() {
    let scene = scene();
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    // The same statement in the same context, as often as the key allows.
    let both = [(); 2].map(|()| {
        let proof = prove(&scene.key, &scene.input, CONTEXT).expect("a proof");
        heard(&statement, &proof, CONTEXT)
    });
    let found = pads_behind(&statement, both.each_ref());
    for heard in &both {
        assert!(
            heard
                .scalars
                .iter()
                .zip(&found)
                .all(|((_, sent), pad)| sent != pad)
        );
    }
}

/// A prover that adds others than the committed pads; does it answer with them as well?
fn with_other_pads(scene: &Scene, answers: bool) -> Hooks<'static> {
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let (pads, mask) = others(statement.masking.expect("pads").pads());
    Hooks {
        pads: Some((Pads::of(pads, mask), answers)),
        ..Hooks::default()
    }
}

#[test]
fn pads_that_are_not_the_committed_ones() {
    let scene = scene();
    let hooks = with_other_pads(&scene, true);
    // All constraints hold for them; the opened columns are those of others.
    depart(&scene, hooks).rejected_by("opening.column");
}

#[test]
fn pads_that_are_not_the_ones_answered_with() {
    let scene = scene();
    let hooks = with_other_pads(&scene, false);
    // The prover's values are right under its own pads, so its replay shows nothing.
    let verdict = depart(&scene, hooks);
    assert!(verdict.violated.as_ref().is_some_and(BTreeSet::is_empty));
    match verdict.result {
        Err(VerifyError::Check {
            name: "closing.constraints",
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_pad_that_is_not_the_committed_one() {
    let scene = scene();
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let trace = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let weights = scene.key.commitment(0).expect("a commitment");
    // A message altered after its pad was added is the same as another pad: the closing check knows.
    let proof = prove_trace(
        &Cpu,
        &statement,
        &trace,
        (0, &[&weights]),
        CONTEXT,
        fresh_seed(&statement),
        None,
    )
    .expect("a proof")
    .0;
    let mut altered = proof.clone();
    // After the root the first message is `lookup.root`.
    altered.messages[32] ^= 1;
    for (proof, accepted) in [(proof, true), (altered, false)] {
        let result = judge(&scene.key.verifying, &proof, CONTEXT);
        assert_eq!(result.is_ok(), accepted, "{result:?}");
    }
}

/// A channel on which the challenges with some labels are known in advance: 1.
struct Known<C> {
    inner: C,
    labels: &'static [&'static str],
}

impl<C> Known<C> {
    fn known(&self, label: &str, challenge: K) -> K {
        if self.labels.contains(&label) {
            K::from(1u64)
        } else {
            challenge
        }
    }
}

impl<C: ProverChannel> ProverChannel for Known<C> {
    sends!(
        send_scalars,
        send_extension,
        send_base,
        send_digest,
        send_node,
        positions,
        grind
    );

    fn challenge(&mut self, label: &'static str) -> K {
        let challenge = self.inner.challenge(label);
        self.known(label, challenge)
    }
}

impl<C: VerifierChannel<Scalar = K>> VerifierChannel for Known<C> {
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.inner.read_scalars(label, count)
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.inner.read_extension(label, count)
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        self.inner.read_base(label, count)
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        self.inner.read_digest(label)
    }

    fn read_node(&mut self, label: &'static str, bytes: usize) -> Result<[u8; 32], VerifyError> {
        self.inner.read_node(label, bytes)
    }

    fn challenge(&mut self, label: &'static str) -> K {
        let challenge = self.inner.challenge(label);
        self.known(label, challenge)
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.inner.positions(label, count, bound)
    }

    fn grind(&mut self, label: &'static str, bits: u32) -> Result<(), VerifyError> {
        self.inner.grind(label, bits)
    }

    fn constrain_quadratic(&mut self, check: Check<'_>, sum: Quadratic<'_, K>) -> Result<(), VerifyError> {
        self.inner.constrain_quadratic(check, sum)
    }
}

/// Opens a row at a point with a claim that is false by `error`, and a claim of the mask that makes up for it if its
/// factor is 1; the verifier's answer where `known` challenges are 1.
fn absorb(known: &'static [&'static str], error: u64, log_stride: u32) -> Result<(), VerifyError> {
    let code = CodeParameters {
        log_row: 4,
        tail: 8,
        log_codeword: 7,
        queries: 6,
        log_stride,
        digest_bytes: 32,
        grinding_bits: 0,
    };
    let (rows, classes) = (code.narrow(), code.stride());
    let mut cells = vec![M61::from(0u64); (1 + 2 * classes) * rows.row_length()];
    Seed::from_bytes([3; 32]).fill_row(0, &mut cells);
    let (seed, tails) = (Seed::from_bytes([4; 32]), Tails::whole(&rows));
    let matrix = CommittedMatrix::commit_with(Rows::Field(cells.clone()), rows, seed, tails, Keep::Codeword)
        .expect("commit");
    let mask = Some(MaskRows {
        mask: ExtensionRow {
            matrix: 0,
            first_row: 1,
        },
        classes,
        first_pair: 1,
    });
    let at = |low: Vec<K>| ClaimPoint {
        matrix: 0,
        first_row: 0,
        stored: crate::pcs::StoredRows::default(),
        high: vec![],
        low,
    };
    let error = K::from(error);
    let clear = RecursionParameters::default();

    let mut transcript = ProverTranscript::new("absorb");
    transcript.absorb("root", &matrix.commitment().root);
    let mut low = transcript.challenges("point", rows.log_row as usize);
    let value = crate::poly::evaluate_base(&cells[..rows.row_length()], &low) + error;
    low.resize(code.log_row as usize, K::from(0u64));
    transcript.send_scalar("value", value);
    let inner = Known {
        inner: transcript,
        labels: known,
    };
    let claim = Claim {
        point: at(low.clone()),
        value,
    };
    // The merge follows the false claim: in each round the value at 1 is false, or that at 0 where the coordinate is 0.
    let mut shift = K::from(0u64);
    let mut channel = Lying::new(
        inner,
        Some(Box::new(move |message: Message<'_>| match message.label {
            "opening.values" => {
                let drawn = message.drawn.iter();
                let challenges = drawn.filter(|(label, _)| *label == "opening.merge");
                shift = low.iter().zip(challenges).fold(error, |shift, (z, (_, r))| {
                    shift * z.inverse().map_or(K::ONE - r, |inverse| inverse * r)
                });
                message.values[0] += shift;
            }
            "opening.mask" => message.values[0] -= shift,
            _ => {}
        })),
    );
    let opened =
        prove_combination(&mut channel, (&code, &clear), &[&matrix], &[claim], mask).expect("an opening");
    prove_columns(&mut channel, (&code, &clear), &[&matrix], opened, 1).expect("columns");
    let proof = channel.inner.inner.into_proof();

    let mut transcript = VerifierTranscript::new("absorb", &proof);
    transcript.absorb("root", &matrix.commitment().root);
    let mut low = transcript.challenges("point", rows.log_row as usize);
    low.resize(code.log_row as usize, K::from(0u64));
    let value = transcript.read_scalar("value")?;
    let mut channel = Known {
        inner: transcript,
        labels: known,
    };
    let commitments = [matrix.commitment()];
    let combination = verify_combination(
        &mut channel,
        (&code, &clear),
        &commitments,
        &[(at(low), value)],
        mask,
    )?;
    verify_columns(&mut channel, (&code, &clear), &commitments, vec![combination])?;
    channel.inner.finish()
}

#[test]
fn a_false_claim_made_up_for_by_the_claim_of_the_mask() {
    (0..4).for_each(a_false_claim_at);
}

fn a_false_claim_at(log_stride: u32) {
    // If the factors of claims were known before the mask's claim is sent, anything could be claimed.
    assert_eq!(
        absorb(&["opening.combine", "opening.blind"], 1, log_stride),
        Ok(())
    );
    // Each of the two challenges drawn after it is enough to see it, and both are drawn.
    for known in [&["opening.combine"][..], &["opening.blind"], &[]] {
        match absorb(known, 1, log_stride) {
            Err(VerifyError::Check {
                name: "opening.inner_product",
                ..
            }) => {}
            other => panic!("{known:?}: {other:?}"),
        }
        assert_eq!(absorb(known, 0, log_stride), Ok(()));
    }
}
