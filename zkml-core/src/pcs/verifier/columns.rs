//! Steps 3 to 5: the row combination, and other messages with it, against columns at random positions.

use ark_ff::AdditiveGroup;

use super::super::claim::{Commitment, MaskRows};
use super::super::code::{CircleCode, CodeParameters};
use super::super::recursive::{self, Functional, RecursionParameters, Vector};
use super::super::weights::add_extension_row;
use super::opened::{OpenedMatrix, for_each_symbol};
use super::{Combination, Message};
use crate::field::{K, mul_k};
use crate::transcript::{VerifierChannel, VerifyError};

/// Steps 3 to 5: at random columns of the matrices, each message of `combinations` is the combination of rows that it
/// should be. The first one is the row combination, the others are narrow.
///
/// Several are joined to one with random coefficients, so that one codeword is computed.
///
/// # Errors
///
/// As [`verify_opening`](super::verify_opening).
pub fn verify_columns<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    commitments: &[Commitment],
    combinations: Vec<Combination>,
) -> Result<(), VerifyError> {
    let _span = tracing::info_span!("check columns").entered();
    channel.grind("opening.grind", code.grinding_bits)?;
    // Drawn together with the positions, with no message between, so joining the messages needs no proximity gap of its
    // own. The first message has coefficient 1.
    let coefficients = channel.challenges("opening.join", combinations.len().saturating_sub(1));
    let rows: Vec<usize> = commitments.iter().map(|commitment| commitment.rows).collect();
    let mut joined = Joined::new(code, &rows, combinations, &coefficients)?;

    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    let mut sums = vec![K::ZERO; positions.len()];
    for ((index, commitment), weights) in commitments.iter().enumerate().zip(&joined.weights) {
        if !weights.is_empty() {
            let opened = OpenedMatrix {
                index,
                commitment,
                code: code.at_stride(commitment.log_stride),
                weights,
                mask: joined.mask.filter(|rows| rows.mask.matrix == index),
            };
            opened.check(channel, code, &positions, &mut sums)?;
        }
    }

    // The narrow messages account for a part of each column's sum; the row combination must account for the rest.
    let narrow = joined.encode_narrow(code, &positions);
    let rest = sums.iter().zip(narrow).map(|(sum, narrow)| *sum - narrow);
    let positions = positions.into_iter().map(Functional::Position);
    joined.claims.extend(positions.zip(rest));
    recursive::verify(channel, recursion, code, joined.vector, joined.claims)
}

/// Several messages with their coefficients, as one.
struct Joined {
    /// The row combination, and what is claimed of it.
    vector: Vector,
    claims: Vec<(Functional, K)>,
    /// Its mask.
    mask: Option<MaskRows>,
    /// The sum of the narrow messages; nothing if there are none.
    narrow: Vec<K>,
    /// For each matrix the factor of each of its rows.
    weights: Vec<Vec<K>>,
}

impl Joined {
    fn new(
        code: &CodeParameters,
        rows: &[usize],
        combinations: Vec<Combination>,
        coefficients: &[K],
    ) -> Result<Self, VerifyError> {
        let order = || VerifyError::Invariant {
            what: "opening: a row combination first, then narrow messages".into(),
        };
        let mut combinations = combinations.into_iter();
        let first = combinations.next().ok_or_else(order)?;
        let Message::Rows(vector, claims) = first.message else {
            return Err(order());
        };
        let mut joined = Self {
            vector,
            claims,
            mask: first.mask,
            narrow: Vec::new(),
            weights: first.weights,
        };
        joined.weights.resize(rows.len(), Vec::new());
        for (combination, coefficient) in combinations.zip(coefficients) {
            let (Message::Narrow(message, places), None) = (combination.message, combination.mask) else {
                return Err(order());
            };
            joined.narrow.resize(code.narrow().message_length(), K::ZERO);
            add_multiple(&mut joined.narrow, &message, *coefficient);
            for (place, factor) in places {
                add_extension_row(rows, &mut joined.weights, place, mul_k(factor, *coefficient));
            }
        }
        Ok(joined)
    }

    /// The codeword of the narrow messages, at positions.
    fn encode_narrow(&self, code: &CodeParameters, positions: &[usize]) -> Vec<K> {
        let mut encoded = vec![K::ZERO; positions.len()];
        let symbols = code.narrow().symbols(positions);
        let narrow = CircleCode::encode_at(code.narrow(), &self.narrow, &symbols);
        let stride = code.narrow().log_stride;
        for_each_symbol(positions, &symbols, stride, &mut encoded, |index, value| {
            *value += narrow.get(index).copied().unwrap_or(K::ZERO);
        });
        encoded
    }
}

fn add_multiple(sum: &mut [K], values: &[K], coefficient: K) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += mul_k(*value, coefficient);
    }
}
