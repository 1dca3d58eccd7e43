//! The prover's side. For the statement and the transcript order see the [module](super).

#![cfg(feature = "prover")]

use tracing::info_span;

use super::dual::combine_basis;
use super::functional::{Functional, check_functionals};
use super::level::Level;
use super::parameters::{LevelShape, RecursionParameters};
use super::soundness::rows_grinding_bits;
use crate::error::RecursionError;
use crate::field::{K, kernels};
use crate::pcs::{CodeParameters, PcsError};
use crate::transcript::ProverChannel;

/// A vector that was sent or committed to, as the prover keeps it until its functionals are known.
#[derive(Debug, Clone)]
pub struct Committed {
    message: Vec<K>,
    /// The level that holds it.
    level: Option<Level>,
}

impl Committed {
    /// The vector.
    pub fn message(&self) -> &[K] {
        &self.message
    }

    /// See [`Level::replace_encoded_row`].
    #[cfg(test)]
    pub(super) fn first_level(&mut self) -> &mut Level {
        self.level.as_mut().expect("a level")
    }
}

/// Commits to `message` and sends the root (`recursion.root`); without levels sends `message` (`opening.combination`).
///
/// # Errors
///
/// [`PcsError::Parameters`] where the levels do not fit a vector of this length.
pub fn commit(
    channel: &mut (impl ProverChannel + ?Sized),
    parameters: &RecursionParameters,
    message: &[K],
) -> Result<Committed, PcsError> {
    let _span = info_span!("commit to the combination").entered();
    let shapes = parameters.checked_shapes(message.len())?;
    let level = send(channel, shapes.first(), "opening.combination", message)?;
    let message = message.to_vec();
    Ok(Committed { message, level })
}

/// Sends the root of the level that holds `message`, or without one `message` itself.
fn send(
    channel: &mut (impl ProverChannel + ?Sized),
    shape: Option<&LevelShape<'_>>,
    label: &'static str,
    message: &[K],
) -> Result<Option<Level>, PcsError> {
    let Some(shape) = shape else {
        channel.send_extension(label, message);
        return Ok(None);
    };
    let level = Level::new(shape, message)?;
    channel.send_digest("recursion.root", &level.root());
    Ok(Some(level))
}

/// Proves the values of `functionals`, on vectors of `base_code`, at the vector. The values are not passed
/// in: they follow from sent messages, and a false one is rejected.
///
/// # Errors
///
/// [`PcsError::Parameters`] if the functionals do not fit the code, if the code does not fit the vector, or if the
/// parameters are not those of the commitment.
pub fn prove(
    channel: &mut (impl ProverChannel + ?Sized),
    parameters: &RecursionParameters,
    base_code: &CodeParameters,
    committed: Committed,
    functionals: &[Functional],
) -> Result<(), PcsError> {
    let _span = info_span!("prove the combination").entered();
    base_code.validate()?;
    let length = committed.message.len();
    let shapes = parameters.checked_shapes(length)?;
    if length != base_code.message_length() {
        return Err(PcsError::from(RecursionError::Length {
            found: length,
            expected: base_code.message_length(),
        }));
    }
    check_functionals(base_code, functionals)?;
    let mut weights: Option<Vec<K>> = None;
    let Committed {
        mut message,
        mut level,
    } = committed;
    // The code whose positions the new claims are at: first the code of the functionals.
    let mut claims = Claims {
        code: base_code,
        functionals: functionals.to_vec(),
    };
    for (index, shape) in shapes.iter().enumerate() {
        let Some(opened) = level.take().filter(|level| level.fits(shape)) else {
            return Err(PcsError::OtherCode { matrix: index });
        };
        let mut table = claims.batch(channel, message.len());
        if let Some(running) = weights.take() {
            kernels::add_to(&mut table, &running);
        }
        info_span!("fold rows", rows = shape.rows)
            .in_scope(|| prove_rows(channel, shape, &mut message, &mut table));
        weights = Some(table);
        level = send(channel, shapes.get(index + 1), "recursion.message", &message)?;
        claims = Claims {
            code: shape.code,
            functionals: open_columns(channel, shape, &opened),
        };
    }
    match level {
        Some(_) => Err(PcsError::OtherCode { matrix: shapes.len() }),
        None => Ok(()),
    }
}

/// Opens a level at random positions, which are the next claims.
fn open_columns(
    channel: &mut (impl ProverChannel + ?Sized),
    shape: &LevelShape<'_>,
    opened: &Level,
) -> Vec<Functional> {
    channel.grind("recursion.grind", shape.code.grinding_bits);
    let positions = channel.positions(
        "recursion.positions",
        shape.code.queries,
        shape.code.codeword_length(),
    );
    channel.send_base("recursion.columns", &opened.columns(&positions));
    for node in opened.path(&positions) {
        channel.send_node("recursion.path", &node, shape.code.digest_bytes as usize);
    }
    positions.into_iter().map(Functional::Position).collect()
}

/// New claims at a level.
struct Claims<'a> {
    code: &'a CodeParameters,
    functionals: Vec<Functional>,
}

impl Claims<'_> {
    /// The weights of all claims, with random coefficients, as one table of `length` elements.
    fn batch(&self, channel: &mut (impl ProverChannel + ?Sized), length: usize) -> Vec<K> {
        let lambdas = channel.challenges("recursion.batch", self.functionals.len());
        info_span!("combine weights", claims = lambdas.len()).in_scope(|| self.combine(&lambdas, length))
    }

    /// `sum_i coefficients_i w_i[x]` for `x < length`.
    fn combine(&self, coefficients: &[K], length: usize) -> Vec<K> {
        let terms = self.functionals.iter().zip(coefficients);
        let positions: Vec<(usize, K)> = terms
            .clone()
            .filter_map(|(functional, coefficient)| match functional {
                Functional::Position(position) => Some((*position, *coefficient)),
                Functional::Eq(_) => None,
            })
            .collect();
        let mut table = combine_basis(self.code.log_codeword, &positions, length);
        for (functional, coefficient) in terms {
            if let Functional::Eq(point) = functional {
                let eq = kernels::eq_table_scaled(point, *coefficient);
                kernels::add_to(&mut table[..eq.len()], &eq);
            }
        }
        table
    }
}

/// The sumcheck over the row variables of `sum_a <message_a, weights_a>`: leaves both folded to one row.
fn prove_rows(
    channel: &mut (impl ProverChannel + ?Sized),
    shape: &LevelShape<'_>,
    message: &mut Vec<K>,
    weights: &mut Vec<K>,
) {
    for variable in (0..shape.variables).rev() {
        let half = shape.code.row_length() << variable;
        let (low, high) = message.split_at_mut(half);
        let (weights_low, weights_high) = weights.split_at_mut(half);
        // In the first round rows of the high half may be missing: they are 0.
        let (paired, alone) = low.split_at_mut(high.len());
        let (weights_paired, weights_alone) = weights_low.split_at_mut(high.len());
        let [mut constant, mut square] =
            kernels::product_ends((&*paired, &*high), (&*weights_paired, &*weights_high));
        if !alone.is_empty() {
            let product = kernels::dot(alone, weights_alone);
            constant += product;
            square += product;
        }
        channel.send_extension("recursion.rows", &[constant, square]);
        channel.grind("recursion.rows.grind", rows_grinding_bits(shape));
        let challenge = channel.challenge("recursion.rows");
        for (paired, high, alone) in [
            (paired, &*high, alone),
            (weights_paired, &*weights_high, weights_alone),
        ] {
            kernels::fold_halves(paired, high, challenge);
            kernels::scale(alone, K::from(1u64) - challenge);
        }
        message.truncate(half);
        weights.truncate(half);
    }
}
