//! The prover's side of the batched sumcheck.

use ark_ff::{AdditiveGroup, Field};

use super::round::{MAX_DEGREE, extrapolate, half, interpolate, round_degree};
use super::verifier::Shape;
use crate::field::K;
use crate::transcript::ProverChannel;

/// Evaluations of a round polynomial at `0, 2, 3, .., degree`, in this order; what follows is not read.
pub type RoundEvaluations = [K; MAX_DEGREE];

/// A polynomial whose sum over the Boolean cube is proved, with its variables bound one by one, the most
/// significant first.
pub trait Instance {
    /// Number of variables at the start.
    fn variables(&self) -> usize;

    /// Degree in each variable: between 1 and [`MAX_DEGREE`].
    fn degree(&self) -> usize;

    /// Evaluations at `0, 2, 3, .., degree` of the polynomial in the next variable, all later ones summed over
    /// `{0, 1}`. The one at 1 is `claim` minus the one at 0.
    fn round(&mut self, claim: K) -> RoundEvaluations;

    /// Sets the next variable to `challenge`.
    fn bind(&mut self, challenge: K);
}

impl<T: Instance + ?Sized> Instance for &mut T {
    fn variables(&self) -> usize {
        (**self).variables()
    }

    fn degree(&self) -> usize {
        (**self).degree()
    }

    fn round(&mut self, claim: K) -> RoundEvaluations {
        (**self).round(claim)
    }

    fn bind(&mut self, challenge: K) {
        (**self).bind(challenge);
    }
}

/// One instance on its way through the rounds.
struct Running {
    shape: Shape,
    /// Batching coefficient, halved in each round before the instance starts.
    coefficient: K,
    /// What the instance's own sum is claimed to be, its first variables bound.
    claim: K,
    /// Values of its round polynomial at 0, 1, 2, ..
    values: [K; MAX_DEGREE + 1],
}

/// Proves `sum_x f_i(x) = claims[i]` for all instances at once and returns the common point.
///
/// Instance `i` ends bound at the last `variables()` coordinates of that point. `claims` must have been sent
/// before, or follow from what was. For the transcript see the [module](super).
pub fn prove_batched(
    channel: &mut (impl ProverChannel + ?Sized),
    label: &'static str,
    instances: &mut [Box<dyn Instance + '_>],
    claims: &[K],
) -> Vec<K> {
    debug_assert_eq!(instances.len(), claims.len(), "one claim per instance");
    let shapes: Vec<Shape> = instances
        .iter()
        .map(|i| Shape {
            variables: i.variables(),
            degree: i.degree(),
        })
        .collect();
    let rounds = shapes.iter().map(|shape| shape.variables).max().unwrap_or(0);
    let coefficients = if instances.len() < 2 {
        vec![K::ONE; instances.len()]
    } else {
        channel.challenges(label, instances.len())
    };
    let mut running: Vec<Running> = shapes
        .iter()
        .zip(coefficients)
        .zip(claims)
        .map(|((shape, coefficient), claim)| Running {
            shape: *shape,
            coefficient,
            claim: *claim,
            values: [K::ZERO; MAX_DEGREE + 1],
        })
        .collect();

    let mut point = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let degree = round_degree(&shapes, rounds, round);
        let mut batched = [K::ZERO; MAX_DEGREE + 1];
        for (instance, state) in instances.iter_mut().zip(&mut running) {
            if state.shape.variables + round < rounds {
                state.coefficient = half(state.coefficient);
                let constant = state.coefficient * state.claim;
                batched.iter_mut().for_each(|value| *value += constant);
                continue;
            }
            let own = state.shape.degree;
            let sent = instance.round(state.claim);
            state.values[0] = sent[0];
            state.values[1] = state.claim - sent[0];
            state.values[2..=own.max(1)].copy_from_slice(&sent[1..own.max(1)]);
            extrapolate(&mut state.values, own, degree);
            for (sum, value) in batched.iter_mut().zip(&state.values).take(degree + 1) {
                *sum += state.coefficient * value;
            }
        }
        // The evaluation at 1 stays out of the message: the verifier knows the sum of those at 0 and 1.
        batched[1] = batched[0];
        channel.send_scalars(label, &batched[1..=degree]);
        let challenge = channel.challenge(label);
        for (instance, state) in instances.iter_mut().zip(&mut running) {
            if state.shape.variables + round >= rounds {
                state.claim = interpolate(&state.values, state.shape.degree, challenge);
                instance.bind(challenge);
            }
        }
        point.push(challenge);
    }
    point
}
