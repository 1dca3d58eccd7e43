//! The prover's end: absorbs what it sends and keeps the bytes.

use super::ProverChannel;
use super::event::{Content, Event, Kind, Recorder};
use super::state::State;
use super::work::smallest_nonce;
use crate::field::encoding::{k_to_bytes, pack};
use crate::field::{K, M61};

/// The prover's transcript; it ends as the bytes of a proof.
#[derive(Debug, Clone)]
pub struct ProverTranscript {
    state: State,
    proof: Vec<u8>,
    recorder: Recorder,
}

impl ProverTranscript {
    /// An empty transcript of the protocol `domain`.
    pub fn new(domain: &str) -> Self {
        Self {
            state: State::new(domain),
            proof: Vec::new(),
            recorder: Recorder::default(),
        }
    }

    /// The same, which also keeps a list of [`Event`]s.
    pub fn recording(domain: &str) -> Self {
        Self {
            recorder: Recorder::on(),
            ..Self::new(domain)
        }
    }

    /// Absorbs statement data that the verifier knows too; nothing is sent.
    pub fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.recorder
            .note(Kind::Absorb, label, (self.proof.len(), bytes.len()), || {
                Content::Data(bytes.to_vec())
            });
        self.state.absorb(Kind::Absorb, label, bytes);
    }

    /// Hashes the state `iterations` times in sequence.
    pub fn harden(&mut self, label: &'static str, iterations: u64) {
        self.recorder
            .note(Kind::Harden, label, (self.proof.len(), 0), || {
                Content::Hashes(iterations)
            });
        self.state.harden(label, iterations);
    }

    /// What was said so far; empty unless [recording](Self::recording).
    pub fn events(&self) -> &[Event] {
        self.recorder.events()
    }

    /// Bytes sent so far.
    pub fn proof_len(&self) -> usize {
        self.proof.len()
    }

    /// The proof.
    pub fn into_proof(self) -> Vec<u8> {
        self.proof
    }

    fn send(&mut self, kind: Kind, label: &'static str, bytes: &[u8]) {
        self.recorder
            .note(kind, label, (self.proof.len(), bytes.len()), || Content::Message);
        self.state.absorb(kind, label, bytes);
        self.proof.extend_from_slice(bytes);
    }

    fn send_all_extension(&mut self, kind: Kind, label: &'static str, values: &[K]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| k_to_bytes(*value)).collect();
        self.send(kind, label, &bytes);
    }
}

impl ProverChannel for ProverTranscript {
    fn send_scalars(&mut self, label: &'static str, values: &[K]) {
        self.send_all_extension(Kind::Scalars, label, values);
    }

    fn send_extension(&mut self, label: &'static str, values: &[K]) {
        self.send_all_extension(Kind::Extension, label, values);
    }

    fn send_base(&mut self, label: &'static str, values: &[M61]) {
        self.send(Kind::Base, label, &pack(values));
    }

    fn send_digest(&mut self, label: &'static str, value: &[u8; 32]) {
        self.send(Kind::Digest, label, value);
    }

    fn send_node(&mut self, label: &'static str, value: &[u8; 32], bytes: usize) {
        self.send(Kind::Digest, label, value.get(..bytes).unwrap_or(value));
    }

    fn challenge(&mut self, label: &'static str) -> K {
        let drawn = self.state.challenge(label);
        self.recorder
            .note(Kind::Challenge, label, (self.proof.len(), 0), || {
                Content::Challenge(drawn)
            });
        drawn
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        let drawn = self.state.positions(label, count, bound);
        self.recorder
            .note(Kind::Positions, label, (self.proof.len(), 0), || {
                Content::Positions(drawn.clone())
            });
        drawn
    }

    fn grind(&mut self, label: &'static str, bits: u32) {
        if bits == 0 {
            return;
        }
        let _span = tracing::info_span!("grind", label, bits).entered();
        self.recorder
            .note(Kind::Grind, label, (self.proof.len(), 0), || Content::Work(bits));
        self.state.begin_grind(label, bits);
        let nonce = smallest_nonce(self.state.bytes(), bits);
        self.send(Kind::Nonce, label, &nonce.to_le_bytes());
    }
}
