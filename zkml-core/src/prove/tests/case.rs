//! Every kind of proof, to be made again with a lie in it, and to be judged: answers and setup proofs, plain and in
//! zero knowledge.

use std::sync::Arc;

use ndarray::ArrayD;

use super::fixture::{CONTEXT, Fixture, fixture, fresh_seed, hidden, large, rotated, secret};
use super::forwarding::sends;
use super::listening::listen_excusing;
use crate::argument::Trace;
use crate::argument::claims_to_prove;
use crate::argument::{Statement, bindings};
use crate::field::{K, M61};
use crate::keys::ProvingKey;
use crate::keys::VerifyingKey;
use crate::masking::{self, Constraint, MaskedProver};
use crate::pcs::Matrix;
use crate::pcs::{CommittedMatrix, prove_columns, prove_combination, prove_opening};
use crate::proof::{Proof, PublicValues};
use crate::prove::commit_tensors;
use crate::prove::replay;
use crate::reduce::Cpu;
use crate::transcript::{
    Event, PROTOCOL_SETUP, ProverChannel, ProverTranscript, VerifierTranscript, VerifyError,
};
use crate::verify::{TrustedKey, verify_statement};

/// What a setup proof shows besides the key.
static NOTHING: PublicValues = PublicValues {
    input: None,
    outputs: None,
};

/// A statement, who proves it, and a proof of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) key: &'static ProvingKey,
    pub(crate) statement: &'static Statement<'static>,
    /// The messages of an honest proof.
    pub(crate) proof: &'static [u8],
    public: &'static PublicValues,
    /// Log2 of the most rows in a chunk of a setup proof, where it is not that of keys.
    pub(crate) chunk: Option<usize>,
    /// Of an answer: what was asked, and who judges it.
    answer: Option<(&'static ArrayD<i64>, TrustedKey<'static>)>,
}

impl Case {
    /// The answer of a fixture.
    pub(crate) fn answer(name: &'static str, f: &'static Fixture) -> Self {
        let key: &'static VerifyingKey = &f.key.verifying;
        let digest = key.weights.digest().expect("a digest");
        Self {
            name,
            key: &f.key,
            statement: Box::leak(Box::new(Statement::new(key).expect("a statement"))),
            proof: &f.proof.messages,
            public: &f.proof.public,
            chunk: None,
            answer: Some((&f.input, TrustedKey::remembered(key, &digest).expect("a key"))),
        }
    }

    /// The setup proof of a key.
    pub(crate) fn setup(name: &'static str, key: &'static ProvingKey) -> Self {
        Self {
            name,
            key,
            statement: Box::leak(Box::new(
                Statement::of_setup(&key.verifying.weights).expect("a statement"),
            )),
            proof: &key.verifying.weights.setup_proof,
            public: &NOTHING,
            chunk: None,
            answer: None,
        }
    }

    /// The setup proofs of keys with public and with private weights, in chunks of 64 rows or less.
    pub(crate) fn chunked() -> [Self; 2] {
        [
            Self::setup_in("setup in chunks, public weights", &fixture().key, 6),
            Self::setup_in("setup in chunks, private weights", &hidden().key, 6),
        ]
    }

    /// A setup proof of a key in chunks of `2^chunk` rows or less.
    pub(crate) fn setup_in(name: &'static str, key: &'static ProvingKey, chunk: usize) -> Self {
        let statement = Statement::of_setup_in(&key.verifying.weights, chunk).expect("a statement");
        let mut case = Self {
            statement: Box::leak(Box::new(statement)),
            proof: &[],
            chunk: Some(chunk),
            ..Self::setup(name, key)
        };
        let proof = Prover::new(&case).prove(&mut Lie::default());
        case.proof = proof.messages.leak();
        case
    }

    /// Everything public.
    pub(crate) fn plain() -> Self {
        Self::answer("plain", fixture())
    }

    /// Private input and weights.
    pub(crate) fn hidden() -> Self {
        Self::answer("zero knowledge", hidden())
    }

    /// Everything private, input and outputs committed apart.
    pub(crate) fn secret() -> Self {
        Self::answer("everything private", secret())
    }

    /// The answers, and the setup proofs of keys with public and with private weights.
    pub(crate) fn all() -> [Self; 5] {
        [
            Self::plain(),
            Self::hidden(),
            Self::secret(),
            Self::setup("setup, public weights", &fixture().key),
            Self::setup("setup, private weights", &hidden().key),
        ]
    }

    /// The setup proof of a key that replaces another one.
    pub(crate) fn rotation() -> Self {
        Self::setup("setup of a rotated key", rotated())
    }

    /// A larger network, plain and in zero knowledge: its lookups ask for proof of work.
    pub(crate) fn large() -> [Self; 2] {
        let [plain, hidden] = large();
        [
            Self::answer("large, plain", plain),
            Self::answer("large, zero knowledge", hidden),
        ]
    }

    /// Is it in zero knowledge?
    pub(crate) fn is_hidden(&self) -> bool {
        self.statement.masking.is_some()
    }

    /// What is bound before the first message.
    pub(crate) fn bindings(&self) -> Vec<(&'static str, Vec<u8>)> {
        bindings(self.statement, self.public, 0, CONTEXT)
    }

    /// The verdict on a proof.
    pub(crate) fn verdict(&self, messages: &[u8]) -> Result<(), VerifyError> {
        self.judge(messages, false).map(|_| ())
    }

    /// The verdict on an altered proof. The work before the combination, which it would have to do again, is excused:
    /// the equations must reject it as well.
    pub(crate) fn verdict_without_work(&self, messages: &[u8]) -> Result<(), VerifyError> {
        const EXCUSED: &[&str] = &["opening.proximity.grind", "opening.combine.grind"];
        match self.verdict(messages) {
            Err(VerifyError::Check {
                name: "transcript.grind",
                place,
            }) if EXCUSED.contains(&place.as_str()) => {
                listen_excusing(self.statement, &self.of(messages), CONTEXT, EXCUSED).1
            }
            verdict => verdict,
        }
    }

    /// The honest answer; `None` for a setup proof.
    pub(crate) fn honest(&self) -> Option<Proof> {
        self.answer.as_ref().map(|_| self.of(self.proof))
    }

    /// What the verifier absorbs and draws on the way to accepting a proof.
    pub(crate) fn events(&self, messages: &[u8]) -> Vec<Event> {
        self.judge(messages, true).expect("a valid proof")
    }

    fn judge(&self, messages: &[u8], recording: bool) -> Result<Vec<Event>, VerifyError> {
        let Some((_, trusted)) = &self.answer else {
            let mut transcript = match recording {
                true => VerifierTranscript::recording(PROTOCOL_SETUP, messages),
                false => VerifierTranscript::new(PROTOCOL_SETUP, messages),
            };
            verify_statement(self.statement, &mut transcript)?;
            return Ok(transcript.events().to_vec());
        };
        let proof = self.of(messages);
        match recording {
            true => trusted.verify_recording(&proof, CONTEXT).accepted(),
            false => trusted.verify(&proof, CONTEXT).map(|_| Vec::new()),
        }
    }

    /// A proof with these messages.
    fn of(&self, messages: &[u8]) -> Proof {
        Proof {
            key: self.statement.digest,
            opening: 0,
            lengths: None,
            public: self.public.clone(),
            messages: messages.to_vec(),
        }
    }
}

/// What the prover of a case holds, for any number of proofs.
pub(crate) struct Prover<'c> {
    case: &'c Case,
    trace: Trace<'c>,
    weights: Vec<Arc<CommittedMatrix>>,
}

/// A proof that may have a lie in it.
pub(crate) struct Told {
    pub(crate) messages: Vec<u8>,
    /// In zero knowledge: the constraints that the prover's own values violate, in order.
    pub(crate) violated: Vec<&'static str>,
}

impl<'c> Prover<'c> {
    pub(crate) fn new(case: &'c Case) -> Self {
        let statement = case.statement;
        let (trace, copies) = match &case.answer {
            Some((input, _)) => {
                let trace = Trace::generate(case.key, statement, input);
                (trace, 1)
            }
            None => {
                let trace = Trace::of_weights(statement, &case.key.lowered.parameters);
                (trace, case.key.verifying.weights.commitments.roots.len())
            }
        };
        let commitment = |number| case.key.commitment(number).expect("a commitment");
        Self {
            case,
            trace: trace.expect("a trace"),
            weights: (0..copies).map(commitment).collect(),
        }
    }

    /// Proves the case, with `lie` between the prover and the transcript.
    pub(crate) fn prove(&self, lie: &mut Lie) -> Told {
        let (case, statement) = (self.case, self.case.statement);
        let code = statement.key.opening();
        let mut transcript = ProverTranscript::new(statement.protocol());
        for (label, bytes) in case.bindings() {
            transcript.absorb(label, &bytes);
        }
        let seed = fresh_seed(statement);
        let separate = commit_tensors(&Cpu, statement, &self.trace, &seed, None).expect("commitments");
        let (committed, pads) = self.trace.commit(&Cpu, statement, seed).expect("a commitment");
        let mut liar = lie.over(&mut transcript);
        liar.send_digest("trace.root", &committed.commitment().root);
        for (tensors, matrix) in statement.separate.iter().zip(&separate) {
            liar.send_digest(tensors.label(), &matrix.commitment().root);
        }
        transcript.harden("trace.harden", statement.hardening);
        let mut matrices: Vec<&CommittedMatrix> = vec![&committed];
        matrices.extend(self.weights.iter().map(AsRef::as_ref));
        matrices.extend(&separate);

        let Some(pads) = pads else {
            let mut liar = lie.over(&mut transcript);
            let claims = claims_to_prove(&Cpu, &mut liar, statement, &self.trace).expect("claims");
            prove_opening(&mut liar, code, &matrices, &claims).expect("an opening");
            return Told {
                messages: transcript.into_proof(),
                violated: Vec::new(),
            };
        };
        let masking = statement.masking.expect("zero knowledge");
        let mut masked = MaskedProver::new(&mut transcript, &pads);
        let mut liar = lie.over(&mut masked);
        let claims = claims_to_prove(&Cpu, &mut liar, statement, &self.trace).expect("claims");
        let mask = Some(masking.opening_mask());
        let opened = prove_combination(&mut liar, code, &matrices, &claims, mask).expect("a combination");
        let record = masked.into_record();
        let constraints = replay(statement, &self.trace, &matrices, &record, pads.mask()).expect("a replay");
        lie.constraints.clone_from(&constraints);
        lie.last_pad = masking.response_length() - masking.tail - 1;
        let mut liar = lie.over(&mut transcript);
        masking::close(
            &mut liar,
            &masking,
            pads,
            matrices[Matrix::Trace as usize],
            &constraints,
        )
        .expect("closing");
        prove_columns(&mut liar, code, &matrices, opened, 1 + masking.pairs()).expect("columns");
        let zero = K::from(0u64);
        let false_ones = constraints
            .iter()
            .filter(|constraint| constraint.coefficients[2] != zero);
        Told {
            messages: transcript.into_proof(),
            violated: false_ones.map(|constraint| constraint.name).collect(),
        }
    }
}

/// One false element of one message.
#[derive(Default)]
pub(crate) struct Lie {
    /// The message's label; none is called "", so that nothing is false.
    pub(crate) label: &'static str,
    /// Messages of that label before the one that is altered.
    pub(crate) before: usize,
    /// Which element of it, modulo their number.
    pub(crate) element: usize,
    /// Whether there was such a message.
    pub(crate) told: bool,
    /// Is the answer to the closing challenge changed as well, so that the constraints seem to hold?
    pub(crate) bent: bool,
    /// The challenges drawn.
    pub(crate) heard: Vec<K>,
    constraints: Vec<Constraint>,
    /// The last pad's place in the answer.
    last_pad: usize,
}

impl Lie {
    pub(crate) fn new(label: &'static str, before: usize, element: usize) -> Self {
        Self {
            label,
            before,
            element,
            ..Self::default()
        }
    }

    fn over<'l>(&'l mut self, inner: &'l mut dyn ProverChannel) -> Liar<'l> {
        Liar { inner, lie: self }
    }

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
        if let ("closing.response", true, [.., eta, xi]) = (label, self.bent, &self.heard[..]) {
            // The last pad stands alone in the verifier's equation: it can make up for every violated constraint.
            let mut power = *xi * *xi;
            for constraint in &self.constraints {
                values[self.last_pad] -= power * constraint.coefficients[2];
                power *= *eta;
            }
        }
        values
    }
}

/// A channel that tells a [`Lie`] to the one below it, and notes the challenges.
struct Liar<'l> {
    inner: &'l mut dyn ProverChannel,
    lie: &'l mut Lie,
}

impl ProverChannel for Liar<'_> {
    sends!(positions, grind);

    fn send_scalars(&mut self, label: &'static str, values: &[K]) {
        let values = self.lie.altered(label, values);
        self.inner.send_scalars(label, &values);
    }

    fn send_extension(&mut self, label: &'static str, values: &[K]) {
        let values = self.lie.altered(label, values);
        self.inner.send_extension(label, &values);
    }

    fn send_base(&mut self, label: &'static str, values: &[M61]) {
        let mut values = values.to_vec();
        if let Some(element) = self.lie.target(label, values.len()) {
            values[element] += M61::from(1u64);
        }
        self.inner.send_base(label, &values);
    }

    fn send_digest(&mut self, label: &'static str, value: &[u8; 32]) {
        let mut value = *value;
        if let Some(byte) = self.lie.target(label, 32) {
            value[byte] ^= 1;
        }
        self.inner.send_digest(label, &value);
    }

    fn send_node(&mut self, label: &'static str, value: &[u8; 32], bytes: usize) {
        let mut value = *value;
        if let Some(byte) = self.lie.target(label, bytes) {
            value[byte] ^= 1;
        }
        self.inner.send_node(label, &value, bytes);
    }

    fn challenge(&mut self, label: &'static str) -> K {
        let challenge = self.inner.challenge(label);
        self.lie.heard.push(challenge);
        challenge
    }
}
