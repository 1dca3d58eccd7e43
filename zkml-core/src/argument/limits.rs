//! The largest proof that a key allows. A verifier knows it before he reads one.

use super::Statement;
use super::dry_run::NONCE_BYTES;
use crate::field::encoding::{K_BYTES, packed_length};
use crate::keys::PublicTensor;
use crate::pcs::{RowCode, most_path_nodes};
use crate::proof::{Artifact, OVERHEAD_BYTES, Proof, ProofLimits};

/// Bytes of a digest, of a root or salt.
const DIGEST_BYTES: usize = 32;

/// Most bytes of an integer of 64 bits in a file.
const INTEGER_BYTES: u64 = 10;

impl Statement<'_> {
    /// The largest proof of this statement, in a file and in memory.
    pub fn proof_limits(&self) -> ProofLimits {
        let length = |tensor: &PublicTensor| to_u64(self.circuit()[tensor.column].shape.logical_len());
        let outputs: Vec<u64> = self.outputs.iter().map(length).collect();
        let input = self.inputs.iter().map(length).fold(0, u64::saturating_add);
        let tensors = self.inputs.iter().chain(&self.outputs);
        let values = tensors.map(|tensor| length(tensor).saturating_mul(value_bytes(tensor)));
        let values = values.fold(0, u64::saturating_add);
        // The digest of the key, and integers: opening, tokens and cache, lengths of input, outputs and messages, and
        // three options.
        let integers = to_u64(outputs.len())
            .saturating_add(9)
            .saturating_mul(INTEGER_BYTES);
        let head = OVERHEAD_BYTES
            .saturating_add(to_u64(DIGEST_BYTES))
            .saturating_add(integers);
        let bytes = head
            .saturating_add(values)
            .saturating_add(to_u64(self.most_message_bytes()));
        ProofLimits {
            bytes: bytes.min(Proof::MAXIMUM_BYTES),
            input,
            outputs,
        }
    }

    /// Most bytes of the messages of a proof. All but the paths to the opened columns, which share nodes as chance has
    /// it, are as long in every proof.
    fn most_message_bytes(&self) -> usize {
        let roots = self.separate.len().saturating_add(1).saturating_mul(DIGEST_BYTES);
        let closing = self.masking.map_or(0, |masking| {
            masking
                .response_length()
                .saturating_add(2)
                .saturating_mul(K_BYTES)
        });
        let (code, recursion) = self.key.opening();
        let copies = self.weight_copies();
        let narrow = self
            .separate
            .iter()
            .map(|tensors| (tensors.packing.rows, code.narrow()));
        let matrices = narrow
            .chain([(self.trace_rows(), code.narrow())])
            .chain((0..copies).map(|_| (self.weights.rows, code.wide())));
        let opened = matrices.map(|(rows, code)| most_opened_bytes(rows, &code, self.key.code.queries));
        let opened = opened.fold(0usize, usize::saturating_add);
        [
            self.claim_bytes,
            closing,
            NONCE_BYTES,
            opened,
            recursion.most_bytes(code.message_length()),
        ]
        .into_iter()
        .fold(roots, usize::saturating_add)
    }
}

/// Most bytes of the columns of a matrix at `queries` positions: salts, cells and paths.
fn most_opened_bytes(rows: usize, code: &RowCode, queries: usize) -> usize {
    let nodes = most_path_nodes(code.log_codeword, queries).saturating_mul(code.digest_bytes as usize);
    queries
        .saturating_mul(DIGEST_BYTES)
        .saturating_add(packed_length(rows.saturating_mul(queries)))
        .saturating_add(nodes)
}

/// Most bytes of a value of a tensor in a file: zigzag, then seven bits to a byte.
fn value_bytes(tensor: &PublicTensor) -> u64 {
    let zigzag = |value: i64| (value << 1) ^ (value >> 63);
    let bits =
        [tensor.minimum, tensor.maximum].map(|value| u64::BITS.saturating_sub(zigzag(value).leading_zeros()));
    let [low, high] = bits;
    u64::from(low.max(high)).div_ceil(7).max(1)
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
