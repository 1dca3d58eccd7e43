//! The verifier's side of the batched sumcheck.

use ark_ff::Field;

use super::round::{MAX_DEGREE, half, lagrange_weights, round_degree};
use crate::error::SumcheckError;
use crate::field::K;
use crate::transcript::{Scalar, VerifierChannel, VerifyError};

/// Size of one instance, known to both sides from the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of variables.
    pub variables: usize,
    /// Degree in each variable: between 1 and [`MAX_DEGREE`].
    pub degree: usize,
}

/// What is left of the claims after the rounds: `sum_i coefficients[i] f_i(suffix of point) = value`.
#[derive(Debug, Clone)]
pub struct Reduced<S> {
    /// The common point; instance `i` is evaluated at its last `variables` coordinates.
    pub point: Vec<K>,
    /// Batching coefficients, one per instance, powers of 1/2 for different sizes included.
    pub coefficients: Vec<K>,
    /// The value that the left side must have.
    pub value: S,
}

impl<S> Reduced<S> {
    /// The last `variables` coordinates of the point: where an instance of that size is evaluated.
    pub fn suffix(&self, variables: usize) -> &[K] {
        self.point
            .get(self.point.len().saturating_sub(variables)..)
            .unwrap_or(&[])
    }
}

/// Reduces the claims `sum_x f_i(x) = claims[i]` to one equation on the `f_i` at one point.
///
/// The caller has read the claims already and must check the equation of [`Reduced`]. For the transcript see
/// the [module](super).
///
/// # Errors
///
/// A message that cannot be read; [`VerifyError::Key`] for a degree that no circuit has.
pub fn verify_batched<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    label: &'static str,
    shapes: &[Shape],
    claims: &[C::Scalar],
) -> Result<Reduced<C::Scalar>, VerifyError> {
    if shapes.len() != claims.len() {
        return Err(VerifyError::Invariant {
            what: format!("{label}: {} instances, {} claims", shapes.len(), claims.len()),
        });
    }
    if let Some(shape) = shapes.iter().find(|shape| shape.degree > MAX_DEGREE) {
        return Err(VerifyError::from(SumcheckError::Degree {
            label,
            found: shape.degree,
            most: MAX_DEGREE,
        }));
    }
    let rounds = shapes.iter().map(|shape| shape.variables).max().unwrap_or(0);
    let mut coefficients = if shapes.len() < 2 {
        vec![K::ONE; shapes.len()]
    } else {
        channel.challenges(label, shapes.len())
    };
    let mut value = C::Scalar::zero();
    for (coefficient, claim) in coefficients.iter().zip(claims) {
        value = value + claim.clone() * *coefficient;
    }
    for (coefficient, shape) in coefficients.iter_mut().zip(shapes) {
        for _ in shape.variables..rounds {
            *coefficient = half(*coefficient);
        }
    }

    let mut point = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let degree = round_degree(shapes, rounds, round);
        let message = channel.read_scalars(label, degree)?;
        let challenge = channel.challenge(label);
        value = next_claim(value, message, degree, challenge);
        point.push(challenge);
    }
    Ok(Reduced {
        point,
        coefficients,
        value,
    })
}

/// `g(challenge)`, from `g(0) + g(1) = claim` and the message `g(0), g(2), .., g(degree)`.
fn next_claim<S: Scalar>(claim: S, message: Vec<S>, degree: usize, challenge: K) -> S {
    let [at_0, at_1, later @ ..] = lagrange_weights(degree, challenge);
    // g(1) = claim - g(0), so g(0) counts with L_0 - L_1.
    let weights = core::iter::once(at_0 - at_1).chain(later);
    message
        .into_iter()
        .zip(weights)
        .fold(claim * at_1, |sum, (value, weight)| sum + value * weight)
}
