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
    /// The claimed sum of the instance alone, with its first variables bound.
    claim: K,
    /// Values of its round polynomial at 0, 1, 2, ..
    values: [K; MAX_DEGREE + 1],
}

impl Running {
    /// Halves the coefficient, for a round before the instance starts: it does not depend on the round's variable, so
    /// that the round polynomial is a constant. Returns that constant.
    fn wait(&mut self) -> K {
        self.coefficient = half(self.coefficient);
        self.coefficient * self.claim
    }

    /// The values of the instance's round polynomial at `0, .., degree`.
    fn evaluate(&mut self, instance: &mut (dyn Instance + '_), degree: usize) {
        let own = self.shape.degree;
        let sent = instance.round(self.claim);
        self.values[0] = sent[0];
        self.values[1] = self.claim - sent[0];
        self.values[2..=own.max(1)].copy_from_slice(&sent[1..own.max(1)]);
        extrapolate(&mut self.values, own, degree);
    }

    fn bind(&mut self, instance: &mut (dyn Instance + '_), challenge: K) {
        self.claim = interpolate(&self.values, self.shape.degree, challenge);
        instance.bind(challenge);
    }
}

/// The instances at the start, with their batching coefficients.
fn start(
    channel: &mut (impl ProverChannel + ?Sized),
    label: &'static str,
    shapes: &[Shape],
    claims: &[K],
) -> Vec<Running> {
    let coefficients = if shapes.len() < 2 {
        vec![K::ONE; shapes.len()]
    } else {
        channel.challenges(label, shapes.len())
    };
    shapes
        .iter()
        .zip(coefficients)
        .zip(claims)
        .map(|((shape, coefficient), claim)| Running {
            shape: *shape,
            coefficient,
            claim: *claim,
            values: [K::ZERO; MAX_DEGREE + 1],
        })
        .collect()
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
    let mut running = start(channel, label, &shapes, claims);
    let mut point = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let started = |state: &Running| state.shape.variables + round >= rounds;
        let degree = round_degree(&shapes, rounds, round);
        let mut batched = [K::ZERO; MAX_DEGREE + 1];
        for (instance, state) in instances.iter_mut().zip(&mut running) {
            if !started(state) {
                let constant = state.wait();
                batched.iter_mut().for_each(|value| *value += constant);
                continue;
            }
            state.evaluate(instance.as_mut(), degree);
            for (sum, value) in batched.iter_mut().zip(&state.values).take(degree + 1) {
                *sum += state.coefficient * value;
            }
        }
        // The evaluation at 1 stays out of the message: the verifier knows the sum of those at 0 and 1.
        batched[1] = batched[0];
        channel.send_scalars(label, &batched[1..=degree]);
        let challenge = channel.challenge(label);
        let bound = instances.iter_mut().zip(&mut running);
        bound
            .filter(|(_, state)| started(state))
            .for_each(|(instance, state)| state.bind(instance.as_mut(), challenge));
        point.push(challenge);
    }
    point
}
