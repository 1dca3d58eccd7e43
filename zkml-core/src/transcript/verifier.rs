//! The verifier's end: reads the messages of a proof, absorbs each before it is used, and judges the checks
//! at once.

use super::event::{Content, Event, Kind, Recorder};
use super::state::State;
use ark_ff::AdditiveGroup;

use super::{Check, Quadratic, VerifierChannel, VerifyError};
use crate::field::encoding::{K_BYTES, k_from_bytes, packed_length, packed_offset, unpack};
use crate::field::{K, M61};

/// The verifier's transcript over the bytes of a proof, for plain (not zero-knowledge) scalars.
#[derive(Debug, Clone)]
pub struct VerifierTranscript<'a> {
    state: State,
    rest: &'a [u8],
    offset: usize,
    recorder: Recorder,
}

impl<'a> VerifierTranscript<'a> {
    /// A transcript of the protocol `domain` that reads `proof`.
    pub fn new(domain: &str, proof: &'a [u8]) -> Self {
        Self {
            state: State::new(domain),
            rest: proof,
            offset: 0,
            recorder: Recorder::default(),
        }
    }

    /// The same, which also keeps a list of [`Event`]s.
    pub fn recording(domain: &str, proof: &'a [u8]) -> Self {
        Self {
            recorder: Recorder::on(),
            ..Self::new(domain, proof)
        }
    }

    /// Absorbs statement data that the prover knows too; nothing is read.
    pub fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.recorder
            .note(Kind::Absorb, label, (self.offset, bytes.len()), || {
                Content::Data(bytes.to_vec())
            });
        self.state.absorb(Kind::Absorb, label, bytes);
    }

    /// Hashes the state `iterations` times in sequence.
    pub fn harden(&mut self, label: &'static str, iterations: u64) {
        self.recorder.note(Kind::Harden, label, (self.offset, 0), || {
            Content::Hashes(iterations)
        });
        self.state.harden(label, iterations);
    }

    /// What was said so far; empty unless [recording](Self::recording).
    pub fn events(&self) -> &[Event] {
        self.recorder.events()
    }

    /// The state after what was said so far.
    pub fn state(&self) -> [u8; 32] {
        *self.state.bytes()
    }

    /// Checks that the proof ends here. Every verification ends with it.
    pub fn finish(&self) -> Result<(), VerifyError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(VerifyError::TrailingBytes {
            offset: self.offset,
            found: self.rest.len(),
        })
    }

    /// The next `count` elements of `size` bytes, absorbed as one message, and its offset. Nothing is
    /// allocated before the bytes are there.
    fn take(
        &mut self,
        kind: Kind,
        label: &'static str,
        count: usize,
        size: usize,
    ) -> Result<(&'a [u8], usize), VerifyError> {
        let offset = self.offset;
        let expected = count.saturating_mul(size);
        let truncated = VerifyError::Truncated {
            label,
            offset,
            expected,
            found: self.rest.len(),
        };
        let (message, rest) = self.rest.split_at_checked(expected).ok_or(truncated)?;
        self.recorder
            .note(kind, label, (offset, expected), || Content::Message);
        self.state.absorb(kind, label, message);
        self.rest = rest;
        self.offset = offset.saturating_add(expected);
        Ok((message, offset))
    }

    /// The next `N` bytes, as one message.
    fn take_array<const N: usize>(
        &mut self,
        kind: Kind,
        label: &'static str,
    ) -> Result<[u8; N], VerifyError> {
        let (message, offset) = self.take(kind, label, 1, N)?;
        message.try_into().map_err(|_| VerifyError::Truncated {
            label,
            offset,
            expected: N,
            found: message.len(),
        })
    }

    fn take_extension(
        &mut self,
        kind: Kind,
        label: &'static str,
        count: usize,
    ) -> Result<Vec<K>, VerifyError> {
        let (message, offset) = self.take(kind, label, count, K_BYTES)?;
        decode(label, offset, message, k_from_bytes)
    }
}

/// Decodes the elements of a message at `offset` of the proof.
fn decode<const SIZE: usize, T>(
    label: &'static str,
    offset: usize,
    message: &[u8],
    element: impl Fn([u8; SIZE]) -> Option<T>,
) -> Result<Vec<T>, VerifyError> {
    let (chunks, _) = message.as_chunks::<SIZE>();
    let decode_one = |(index, chunk): (usize, &[u8; SIZE])| {
        let offset = offset.saturating_add(index.saturating_mul(SIZE));
        element(*chunk).ok_or(VerifyError::NonCanonical { label, offset })
    };
    chunks.iter().enumerate().map(decode_one).collect()
}

impl VerifierChannel for VerifierTranscript<'_> {
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.take_extension(Kind::Scalars, label, count)
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.take_extension(Kind::Extension, label, count)
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        let (message, offset) = self.take(Kind::Base, label, packed_length(count), 1)?;
        unpack(message).map_err(|index| VerifyError::NonCanonical {
            label,
            offset: offset.saturating_add(packed_offset(index)),
        })
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        self.take_array(Kind::Digest, label)
    }

    fn read_node(&mut self, label: &'static str, bytes: usize) -> Result<[u8; 32], VerifyError> {
        let (message, _) = self.take(Kind::Digest, label, 1, bytes.min(32))?;
        let mut node = [0; 32];
        for (byte, read) in node.iter_mut().zip(message) {
            *byte = *read;
        }
        Ok(node)
    }

    fn challenge(&mut self, label: &'static str) -> K {
        let drawn = self.state.challenge(label);
        self.recorder.note(Kind::Challenge, label, (self.offset, 0), || {
            Content::Challenge(drawn)
        });
        drawn
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        let drawn = self.state.positions(label, count, bound);
        self.recorder.note(Kind::Positions, label, (self.offset, 0), || {
            Content::Positions(drawn.clone())
        });
        drawn
    }

    fn grind(&mut self, label: &'static str, bits: u32) -> Result<(), VerifyError> {
        if bits == 0 {
            return Ok(());
        }
        self.recorder
            .note(Kind::Grind, label, (self.offset, 0), || Content::Work(bits));
        self.state.begin_grind(label, bits);
        let before = self.state.clone();
        let nonce = u64::from_le_bytes(self.take_array(Kind::Nonce, label)?);
        if before.nonce_works(nonce, bits) {
            return Ok(());
        }
        Err(Check {
            name: "transcript.grind",
            place: label,
        }
        .failed())
    }

    fn constrain_quadratic(&mut self, check: Check<'_>, sum: Quadratic<'_, K>) -> Result<(), VerifyError> {
        let products: K = sum.products.iter().map(|(c, a, b)| mul(*c, mul(**a, **b))).sum();
        if add(products, sum.linear) == K::ZERO {
            Ok(())
        } else {
            Err(check.failed())
        }
    }
}

/// Field arithmetic cannot overflow; said once here instead of at each use.
#[allow(clippy::arithmetic_side_effects)]
fn mul(a: K, b: K) -> K {
    a * b
}

/// See [`mul`].
#[allow(clippy::arithmetic_side_effects)]
fn add(a: K, b: K) -> K {
    a + b
}
