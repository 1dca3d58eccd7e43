//! A transcript for the tests of the parts that only send scalars: messages are kept as values, so that a test
//! can alter any one of them.

use ark_ff::{AdditiveGroup, Field};

use crate::field::{K, M61, P};
use crate::transcript::{Check, ProverChannel, Quadratic, VerifierChannel, VerifyError};

/// One message: its label and scalars.
pub(crate) type Message = (&'static str, Vec<K>);

#[derive(Default)]
struct Sponge(blake3::Hasher);

impl Sponge {
    fn absorb(&mut self, label: &str, values: &[K]) {
        self.0
            .update(&[1, label.len() as u8])
            .update(label.as_bytes())
            .update(&(values.len() as u64).to_le_bytes());
        for value in values {
            self.0
                .update(&value.c0.value.to_le_bytes())
                .update(&value.c1.value.to_le_bytes());
        }
    }

    fn squeeze(&mut self, label: &str) -> K {
        self.0.update(&[2, label.len() as u8]).update(label.as_bytes());
        let digest = self.0.finalize();
        let word = |at: usize| {
            let bytes = digest.as_bytes()[at..at + 8].try_into().expect("eight bytes");
            M61::from_raw((u64::from_le_bytes(bytes) & P) % P)
        };
        K::new(word(0), word(8))
    }
}

/// The prover's end: keeps what is sent.
#[derive(Default)]
pub(crate) struct TestProver {
    sponge: Sponge,
    pub(crate) messages: Vec<Message>,
}

impl ProverChannel for TestProver {
    fn send_scalars(&mut self, label: &'static str, values: &[K]) {
        self.sponge.absorb(label, values);
        self.messages.push((label, values.to_vec()));
    }

    fn send_extension(&mut self, _: &'static str, _: &[K]) {
        unreachable!("only scalars are sent")
    }

    fn send_base(&mut self, _: &'static str, _: &[M61]) {
        unreachable!("only scalars are sent")
    }

    fn send_digest(&mut self, _: &'static str, _: &[u8; 32]) {
        unreachable!("only scalars are sent")
    }

    fn send_node(&mut self, _: &'static str, _: &[u8; 32], _: usize) {
        unreachable!("only scalars are sent")
    }

    fn challenge(&mut self, label: &'static str) -> K {
        self.sponge.squeeze(label)
    }

    fn positions(&mut self, _: &'static str, _: usize, _: usize) -> Vec<usize> {
        unreachable!("no positions are drawn")
    }

    fn grind(&mut self, _: &'static str, bits: u32) {
        assert_eq!(bits, 0, "no work is asked for");
    }
}

/// The verifier's end, over the messages of a [`TestProver`].
pub(crate) struct TestVerifier {
    sponge: Sponge,
    messages: std::vec::IntoIter<Message>,
}

impl TestVerifier {
    pub(crate) fn new(messages: Vec<Message>) -> Self {
        Self {
            sponge: Sponge::default(),
            messages: messages.into_iter(),
        }
    }

    /// Whether every message was read.
    pub(crate) fn finished(&self) -> bool {
        self.messages.len() == 0
    }
}

impl VerifierChannel for TestVerifier {
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        let truncated = |found| VerifyError::Truncated {
            label,
            offset: 0,
            expected: count,
            found,
        };
        let (sent, values) = self.messages.next().ok_or(truncated(0))?;
        if sent != label || values.len() != count {
            return Err(truncated(values.len()));
        }
        self.sponge.absorb(label, &values);
        Ok(values)
    }

    fn read_extension(&mut self, _: &'static str, _: usize) -> Result<Vec<K>, VerifyError> {
        unreachable!("only scalars are sent")
    }

    fn read_base(&mut self, _: &'static str, _: usize) -> Result<Vec<M61>, VerifyError> {
        unreachable!("only scalars are sent")
    }

    fn read_digest(&mut self, _: &'static str) -> Result<[u8; 32], VerifyError> {
        unreachable!("only scalars are sent")
    }

    fn read_node(&mut self, _: &'static str, _: usize) -> Result<[u8; 32], VerifyError> {
        unreachable!("only scalars are sent")
    }

    fn challenge(&mut self, label: &'static str) -> K {
        self.sponge.squeeze(label)
    }

    fn positions(&mut self, _: &'static str, _: usize, _: usize) -> Vec<usize> {
        unreachable!("no positions are drawn")
    }

    fn grind(&mut self, _: &'static str, bits: u32) -> Result<(), VerifyError> {
        assert_eq!(bits, 0, "no work is asked for");
        Ok(())
    }

    fn constrain_quadratic(&mut self, check: Check<'_>, sum: Quadratic<'_, K>) -> Result<(), VerifyError> {
        let add = |value, (c, a, b): &(K, &K, &K)| value + *c * **a * **b;
        let value = sum.products.iter().fold(sum.linear, add);
        match value == K::ZERO {
            true => Ok(()),
            false => Err(check.failed()),
        }
    }
}

/// The same messages with `messages[at.0].1[at.1]` increased by one.
pub(crate) fn altered(messages: &[Message], at: (usize, usize)) -> Vec<Message> {
    let mut messages = messages.to_vec();
    messages[at.0].1[at.1] += K::ONE;
    messages
}

/// Every place in the messages that holds a scalar.
pub(crate) fn places(messages: &[Message]) -> Vec<(usize, usize)> {
    let scalars =
        |(at, message): (usize, &Message)| (0..message.1.len()).map(move |i| (at, i)).collect::<Vec<_>>();
    messages.iter().enumerate().flat_map(scalars).collect()
}

/// A field element from two words.
pub(crate) fn element(a: u64, b: u64) -> K {
    K::new(M61::from_raw(a % P), M61::from_raw(b % P))
}

/// Deterministic pseudo-random elements (splitmix64).
pub(crate) struct Stream(pub(crate) u64);

impl Stream {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn element(&mut self) -> K {
        element(self.word(), self.word())
    }

    pub(crate) fn elements(&mut self, count: usize) -> Vec<K> {
        (0..count).map(|_| self.element()).collect()
    }
}

/// The multilinear extension of a table at a point, the first coordinate the most significant bit.
pub(crate) fn evaluate(table: &[K], point: &[K]) -> K {
    match point {
        [] => table[0],
        [first, rest @ ..] => {
            let (low, high) = table.split_at(table.len() / 2);
            let (low, high) = (evaluate(low, rest), evaluate(high, rest));
            low + (high - low) * first
        }
    }
}
