//! Weights keys that are as small as they get.

use super::super::{CompiledModel, VerifyingKey, sound_key};
use crate::keys::{WeightCommitments, WeightsKey, needed_tail, weight_extents};
use crate::pcs::{CodeParameters, Packing, RecursionParameters, RowCode};
use crate::privacy::Visibility;

#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) log_row: u32,
    pub(super) log_stride: u32,
    /// Openings of each commitment to the weights.
    pub(super) openings: u32,
    /// Commitments to the weights.
    pub(super) copies: usize,
    /// Whether the row combination is committed to instead of sent.
    pub(super) recursion: bool,
}

/// Opened columns of each opening.
const QUERIES: usize = 3;

/// Of codewords: long enough that openings rarely meet.
const LOG_CODEWORD: u32 = 10;

impl Sizes {
    /// A weights key of a model with these sizes; its tails are as long as the rules for sound keys say.
    pub(super) fn key(&self, model: &CompiledModel) -> WeightsKey {
        let mut key = sound(model).weights;
        let lowered = model.lower().expect("lower");
        let extents = weight_extents(&lowered.circuit);
        key.commitments = WeightCommitments {
            roots: vec![[0; 32]; self.copies],
            rows: Packing::new(&extents, RowCode::uncoded(self.log_row))
                .expect("a packing")
                .rows,
            openings: match model.privacy.weights {
                Visibility::Private => self.openings,
                Visibility::Public => 0,
            },
        };
        let needed = needed_tail(&model.privacy, &key.commitments, QUERIES, 1 << self.log_stride);
        key.code = CodeParameters {
            tail: needed,
            log_stride: self.log_stride,
            queries: QUERIES,
            ..level(self.log_row, LOG_CODEWORD)
        };
        if self.recursion {
            let log_first = self.log_row - 2;
            key.recursion = RecursionParameters {
                levels: [log_first, log_first - 2]
                    .map(|log_row| level(log_row, log_row + 3))
                    .to_vec(),
            };
            key.code.tail = key.recursion.padded_length(key.code.message_length()) - key.code.row_length();
        }
        key.code.validate().expect("a code");
        key.recursion
            .validate(key.code.message_length())
            .expect("a recursion");
        key
    }
}

/// A sound key of the same model, from which the statement comes.
pub(super) fn sound(model: &CompiledModel) -> VerifyingKey {
    let mut key = sound_key(model);
    if model.privacy.weights == Visibility::Public {
        let commitments = &mut key.weights.commitments;
        commitments.openings = 0;
        commitments.roots.truncate(1);
    }
    key
}

fn level(log_row: u32, log_codeword: u32) -> CodeParameters {
    CodeParameters {
        log_row,
        tail: 0,
        log_codeword,
        log_stride: 0,
        queries: QUERIES,
        digest_bytes: 32,
        grinding_bits: 0,
    }
}
