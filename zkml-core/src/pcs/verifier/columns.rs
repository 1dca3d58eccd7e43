//! Steps 3 and 4: the row combination, and other messages with it, against columns at random positions.

use ark_ff::{AdditiveGroup, Field};

use super::super::claim::{Commitment, MaskRows};
use super::super::code::{CircleCode, CodeParameters};
use super::super::recursive::{self, Functional, RecursionParameters, RecursiveCommitment};
use super::opened::{OpenedMatrix, for_each_symbol};
use super::{Combination, Message, recursive_functionals};
use crate::field::{K, mul_k};
use crate::transcript::{Check, VerifierChannel, VerifyError};

/// Steps 3 and 4: at random columns of the matrices, each message of `combinations` is the combination of rows that it
/// should be. The first message may be committed; the recursion then shows its part.
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
    let mut coefficients = vec![K::ONE];
    coefficients.extend(channel.challenges("opening.join", combinations.len().saturating_sub(1)));
    let joined = Joined::new(code, commitments.len(), combinations, &coefficients)?;

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

    let encoded = joined.encode(code, &positions);
    if let Some(committed) = joined.committed {
        // The clear messages account for a part of each column's sum; the committed message must account for the rest.
        let rest = sums.iter().zip(&encoded).map(|(sum, clear)| *sum - clear);
        let values = core::iter::once(committed.product).chain(rest);
        let functionals = recursive_functionals(committed.point, &positions);
        let claims: Vec<(Functional, K)> = functionals.into_iter().zip(values).collect();
        return recursive::verify(channel, recursion, code, committed.commitment, &claims);
    }
    for ((position, sum), value) in positions.iter().zip(sums).zip(encoded) {
        if value != sum {
            let place = format!("position {position}");
            return Err(Check {
                name: "opening.column",
                place: &place,
            }
            .failed());
        }
    }
    Ok(())
}

/// Several messages with their coefficients, as one.
struct Joined {
    /// The sum of the wide messages in the clear; nothing if there are none.
    wide: Vec<K>,
    /// The sum of the narrow ones; nothing if there are none.
    narrow: Vec<K>,
    /// The first message, where it is committed.
    committed: Option<Committed>,
    /// The mask of the first message.
    mask: Option<MaskRows>,
    /// For each matrix the factor of each of its rows.
    weights: Vec<Vec<K>>,
}

/// A committed row combination, as [`Message::Committed`] has it.
struct Committed {
    commitment: RecursiveCommitment,
    point: Vec<K>,
    product: K,
}

impl Joined {
    fn new(
        code: &CodeParameters,
        matrices: usize,
        combinations: Vec<Combination>,
        coefficients: &[K],
    ) -> Result<Self, VerifyError> {
        let mut joined = Self {
            wide: Vec::new(),
            narrow: Vec::new(),
            committed: None,
            mask: None,
            weights: vec![Vec::new(); matrices],
        };
        for (index, (combination, coefficient)) in combinations.into_iter().zip(coefficients).enumerate() {
            joined.add(code, combination.message, *coefficient, index == 0)?;
            if combination.mask.is_some() {
                if index > 0 {
                    return Err(VerifyError::Invariant {
                        what: format!("opening: message {index} is masked, only the first may be"),
                    });
                }
                joined.mask = combination.mask;
            }
            for (sum, own) in joined.weights.iter_mut().zip(&combination.weights) {
                sum.resize(own.len().max(sum.len()), K::ZERO);
                add_multiple(sum, own, *coefficient);
            }
        }
        Ok(joined)
    }

    fn add(
        &mut self,
        code: &CodeParameters,
        message: Message,
        coefficient: K,
        first: bool,
    ) -> Result<(), VerifyError> {
        match message {
            Message::Clear(message) => {
                self.wide.resize(code.message_length(), K::ZERO);
                add_multiple(&mut self.wide, &message, coefficient);
            }
            Message::Narrow(message) => {
                self.narrow.resize(code.narrow().message_length(), K::ZERO);
                add_multiple(&mut self.narrow, &message, coefficient);
            }
            Message::Committed {
                commitment,
                point,
                product,
            } if first => {
                self.committed = Some(Committed {
                    commitment,
                    point,
                    product,
                });
            }
            Message::Committed { .. } => {
                return Err(VerifyError::Invariant {
                    what: "opening: a later message than the first is committed".into(),
                });
            }
        }
        Ok(())
    }

    /// The codeword of what is in the clear, at positions.
    fn encode(&self, code: &CodeParameters, positions: &[usize]) -> Vec<K> {
        let mut encoded = CircleCode::encode_at(code.wide(), &self.wide, positions);
        if !self.narrow.is_empty() {
            let symbols = code.narrow().symbols(positions);
            let narrow = CircleCode::encode_at(code.narrow(), &self.narrow, &symbols);
            let stride = code.narrow().log_stride;
            for_each_symbol(positions, &symbols, stride, &mut encoded, |index, value| {
                *value += narrow.get(index).copied().unwrap_or(K::ZERO);
            });
        }
        encoded
    }
}

fn add_multiple(sum: &mut [K], values: &[K], coefficient: K) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += mul_k(*value, coefficient);
    }
}
