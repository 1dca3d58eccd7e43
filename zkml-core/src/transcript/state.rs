//! The hash chain that both ends of the transcript share. See the [module documentation](super) for its equations.

use std::collections::BTreeSet;

use super::event::Kind;
use crate::field::{K, M61, P};

/// Tags have one length, so that inputs of different use never collide.
type Tag = [u8; 16];
const START: &Tag = b"zkml.start......";
const ABSORB: &Tag = b"zkml.absorb.....";
const SQUEEZE: &Tag = b"zkml.squeeze....";
pub(super) const GRIND: &Tag = b"zkml.grind......";
const HARDEN: &Tag = b"zkml.harden.....";

/// The state of a transcript: 32 bytes that depend on all that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State([u8; 32]);

impl State {
    /// The state of an empty transcript of the protocol `domain`.
    pub fn new(domain: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(START);
        hasher.update(&length_prefix(domain.len()));
        hasher.update(domain.as_bytes());
        Self(hasher.finalize().into())
    }

    /// Absorbs one item. `bytes` is the whole item; parts are not joined silently because its length is
    /// hashed.
    pub fn absorb(&mut self, kind: Kind, label: &str, bytes: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(ABSORB);
        hasher.update(&self.0);
        hasher.update(&[kind as u8]);
        hasher.update(&length_prefix(label.len()));
        hasher.update(label.as_bytes());
        hasher.update(&length_prefix(bytes.len()));
        hasher.update(bytes);
        self.0 = hasher.finalize().into();
    }

    /// A challenge, uniform in `K`.
    pub fn challenge(&mut self, label: &str) -> K {
        self.absorb(Kind::Challenge, label, &[]);
        let mut words = self.squeeze();
        let mut element = || {
            loop {
                // 61 bits: rejected with probability 2^-61.
                let word = words.next_word() & P;
                if word < P {
                    return M61::from_raw(word);
                }
            }
        };
        let c0 = element();
        K::new(c0, element())
    }

    /// `count` distinct positions in `[0, bound)`, ascending: a uniform subset. All of them when `count >=
    /// bound`.
    pub fn positions(&mut self, label: &str, count: usize, bound: usize) -> Vec<usize> {
        let mut parameters = length_prefix(count).to_vec();
        parameters.extend_from_slice(&length_prefix(bound));
        self.absorb(Kind::Positions, label, &parameters);
        if count >= bound {
            return (0..bound).collect();
        }
        let mut words = self.squeeze();
        // The complement of a uniform subset is one too; at most half of the range is drawn, hence few
        // collisions.
        let complement = count > bound / 2;
        let draws = if complement {
            bound.saturating_sub(count)
        } else {
            count
        };
        let mask = bound
            .checked_next_power_of_two()
            .map_or(u64::MAX, |size| (size as u64).saturating_sub(1));
        let mut drawn = BTreeSet::new();
        while drawn.len() < draws {
            let position = (words.next_word() & mask) as usize;
            if position < bound {
                drawn.insert(position);
            }
        }
        if complement {
            (0..bound).filter(|position| !drawn.contains(position)).collect()
        } else {
            drawn.into_iter().collect()
        }
    }

    /// States that a proof of work of `bits` bits comes next; [`Self::nonce_works`] then judges nonces.
    pub fn begin_grind(&mut self, label: &str, bits: u32) {
        self.absorb(Kind::Grind, label, &bits.to_le_bytes());
    }

    /// Whether `BLAKE3(tag | state | nonce | 0)`, of one whole block, starts with `bits` zero bits. One compression.
    pub fn nonce_works(&self, nonce: u64, bits: u32) -> bool {
        let mut hasher = blake3::Hasher::new();
        hasher.update(GRIND);
        hasher.update(&self.0);
        hasher.update(&nonce.to_le_bytes());
        hasher.update(&[0; 8]);
        leading_zeros(hasher.finalize().as_bytes()) >= bits
    }

    /// The state itself.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes the state `iterations` times, each hash needing the one before.
    pub fn harden(&mut self, label: &str, iterations: u64) {
        self.absorb(Kind::Harden, label, &iterations.to_le_bytes());
        for index in 0..iterations {
            let mut hasher = blake3::Hasher::new();
            hasher.update(HARDEN);
            hasher.update(&index.to_le_bytes());
            hasher.update(&self.0);
            self.0 = hasher.finalize().into();
        }
    }

    /// A stream of words that depends on the state. The state itself was advanced by the absorption before
    /// it.
    fn squeeze(&self) -> Words {
        let mut hasher = blake3::Hasher::new();
        hasher.update(SQUEEZE);
        hasher.update(&self.0);
        Words(hasher.finalize_xof())
    }
}

/// Zero bits at the start of a digest; those after the first 128 do not count.
pub(super) fn leading_zeros(digest: &[u8; 32]) -> u32 {
    digest
        .first_chunk()
        .map_or(0, |head| u128::from_be_bytes(*head).leading_zeros())
}

/// Pseudo-random 64-bit words.
struct Words(blake3::OutputReader);

impl Words {
    fn next_word(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Lengths are hashed as 8 bytes, little endian.
fn length_prefix(length: usize) -> [u8; 8] {
    (length as u64).to_le_bytes()
}
