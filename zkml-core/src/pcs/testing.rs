//! What tests of the opening and of the recursion share.

use super::{CodeParameters, CommittedMatrix, MatrixOracle};
use crate::transcript::ProverChannel;

pub(crate) fn code(log_row: u32, tail: usize, log_codeword: u32, queries: usize) -> CodeParameters {
    CodeParameters {
        log_row,
        tail,
        log_codeword,
        queries,
        log_stride: 0,
        digest_bytes: 32,
        grinding_bits: 3,
    }
}

/// Every changed byte of an accepted proof, and every shorter proof, is refused.
pub(crate) fn every_byte_matters<E: core::fmt::Debug>(proof: &[u8], verify: impl Fn(&[u8]) -> Result<(), E>) {
    verify(proof).expect("the proof is accepted");
    for byte in 0..proof.len() {
        let mut changed = proof.to_vec();
        changed[byte] ^= 1;
        assert!(verify(&changed).is_err(), "byte {byte}");
    }
    for length in 0..proof.len() {
        assert!(verify(&proof[..length]).is_err(), "length {length}");
    }
}

/// The proof of work and the columns that an opening ends with.
pub(crate) fn send_columns(
    channel: &mut impl ProverChannel,
    matrix: &CommittedMatrix,
    code: &CodeParameters,
) {
    channel.grind("opening.grind", code.grinding_bits);
    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    for salt in matrix.salts(&positions).expect("salts") {
        channel.send_digest("opening.salt", &salt);
    }
    channel.send_base("opening.columns", &matrix.columns(&positions).expect("columns"));
    for node in matrix.path(&positions).expect("path") {
        channel.send_digest("opening.path", &node);
    }
}
