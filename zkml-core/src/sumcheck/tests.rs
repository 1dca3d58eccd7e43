//! The batched sumcheck against brute force, and against altered messages.

use ark_ff::{AdditiveGroup, Field};
use proptest::prelude::*;

use super::round::{extrapolate, interpolate, lagrange_weights};
use super::testing::{Stream, TestProver, TestVerifier, altered, element, evaluate, places};
use super::*;
use crate::error::SumcheckError;
use crate::field::K;
use crate::transcript::{ProverChannel, VerifierChannel, VerifyError};

/// The tables of one instance: their product is summed.
type Tables = Vec<Vec<K>>;

fn tables(stream: &mut Stream, variables: usize, count: usize) -> Tables {
    (0..count).map(|_| stream.elements(1 << variables)).collect()
}

fn sum(tables: &Tables) -> K {
    (0..tables[0].len())
        .map(|i| tables.iter().map(|t| t[i]).product::<K>())
        .sum()
}

fn instance(tables: &Tables) -> Box<dyn Instance> {
    match tables.as_slice() {
        [a, b] => Box::new(Product::new(a.clone(), b.clone())),
        [e, a, b] => Box::new(EqProduct::new(e.clone(), a.clone(), b.clone())),
        _ => unreachable!("two or three tables"),
    }
}

/// Brute force: every value of the round polynomial is a sum of multilinear extensions over the cube.
struct Reference {
    tables: Tables,
    bound: Vec<K>,
}

impl Reference {
    fn at(&self, x: K) -> K {
        let left = self.variables() - self.bound.len() - 1;
        (0..1usize << left)
            .map(|i| {
                let bits = (0..left).rev().map(|bit| K::from((i >> bit & 1) as u64));
                let point: Vec<K> = self.bound.iter().copied().chain([x]).chain(bits).collect();
                self.tables
                    .iter()
                    .map(|table| evaluate(table, &point))
                    .product::<K>()
            })
            .sum()
    }
}

impl Instance for Reference {
    fn variables(&self) -> usize {
        self.tables[0].len().ilog2() as usize
    }

    fn degree(&self) -> usize {
        self.tables.len()
    }

    fn round(&mut self, claim: K) -> RoundEvaluations {
        assert_eq!(claim, self.at(K::ZERO) + self.at(K::ONE));
        let mut values = [K::ZERO; MAX_DEGREE];
        values[0] = self.at(K::ZERO);
        for x in 2..=self.degree() {
            values[x - 1] = self.at(K::from(x as u64));
        }
        values
    }

    fn bind(&mut self, challenge: K) {
        self.bound.push(challenge);
    }
}

fn prove(mut instances: Vec<Box<dyn Instance + '_>>, claims: &[K]) -> (Vec<K>, Vec<testing::Message>) {
    let mut channel = TestProver::default();
    channel.send_scalars("claims", claims);
    let point = prove_batched(&mut channel, "sumcheck", &mut instances, claims);
    (point, channel.messages)
}

/// Whether the verifier accepts, the evaluations of the instances taken from their tables.
fn accepts(messages: Vec<testing::Message>, all: &[Tables]) -> bool {
    let shapes: Vec<Shape> = all
        .iter()
        .map(|t| Shape {
            variables: t[0].len().ilog2() as usize,
            degree: t.len(),
        })
        .collect();
    let mut channel = TestVerifier::new(messages);
    let claims = channel.read_scalars("claims", all.len()).unwrap();
    let reduced = verify_batched(&mut channel, "sumcheck", &shapes, &claims).unwrap();
    assert!(channel.finished());
    let value: K = all
        .iter()
        .zip(&shapes)
        .zip(&reduced.coefficients)
        .map(|((tables, shape), coefficient)| {
            let point = reduced.suffix(shape.variables);
            tables.iter().map(|table| evaluate(table, point)).product::<K>() * coefficient
        })
        .sum();
    value == reduced.value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn honest_proofs_pass_and_match_brute_force(
        seed: u64,
        sizes in prop::collection::vec((0usize..6, 2usize..4), 0..5),
    ) {
        let mut stream = Stream(seed);
        let all: Vec<Tables> = sizes.iter().map(|(n, count)| tables(&mut stream, *n, *count)).collect();
        let claims: Vec<K> = all.iter().map(sum).collect();
        let (point, messages) = prove(all.iter().map(instance).collect(), &claims);
        let reference = |t: &Tables| Box::new(Reference { tables: t.clone(), bound: vec![] }) as Box<dyn Instance>;
        prop_assert_eq!(&(point, messages.clone()), &prove(all.iter().map(reference).collect(), &claims));
        prop_assert!(accepts(messages, &all));
    }

    #[test]
    fn any_altered_scalar_is_caught(
        seed: u64,
        sizes in prop::collection::vec((0usize..4, 2usize..4), 1..4),
    ) {
        let mut stream = Stream(seed);
        let all: Vec<Tables> = sizes.iter().map(|(n, count)| tables(&mut stream, *n, *count)).collect();
        let claims: Vec<K> = all.iter().map(sum).collect();
        let (_, messages) = prove(all.iter().map(instance).collect(), &claims);
        for place in places(&messages) {
            prop_assert!(!accepts(altered(&messages, place), &all), "message {:?}", place);
        }
    }

    #[test]
    fn interpolation_and_extrapolation_agree_with_the_coefficients(
        coefficients in prop::collection::vec(any::<(u64, u64)>(), 1..=MAX_DEGREE + 1),
        r: (u64, u64),
    ) {
        let coefficients: Vec<K> = coefficients.into_iter().map(|(a, b)| element(a, b)).collect();
        let g = |x: K| coefficients.iter().rev().fold(K::ZERO, |value, c| value * x + c);
        let all: [K; MAX_DEGREE + 1] = core::array::from_fn(|x| g(K::from(x as u64)));
        let (r, degree) = (element(r.0, r.1), coefficients.len() - 1);
        for degree in degree..=MAX_DEGREE {
            prop_assert_eq!(interpolate(&all, degree, r), g(r));
            prop_assert_eq!(lagrange_weights(degree, r).iter().sum::<K>(), K::ONE);
        }
        let mut known = all;
        known[degree + 1..].fill(K::ZERO);
        extrapolate(&mut known, degree, MAX_DEGREE);
        prop_assert_eq!(known, all);
    }
}

#[test]
fn false_claims_are_caught() {
    let mut stream = Stream(7);
    let all = vec![tables(&mut stream, 4, 2), tables(&mut stream, 2, 3)];
    for wrong in 0..2 {
        let mut claims: Vec<K> = all.iter().map(sum).collect();
        claims[wrong] += K::ONE;
        let (_, messages) = prove(all.iter().map(instance).collect(), &claims);
        assert!(!accepts(messages, &all));
    }
}

#[test]
fn two_false_claims_do_not_cancel() {
    let mut stream = Stream(8);
    let all = vec![tables(&mut stream, 3, 2), tables(&mut stream, 3, 2)];
    let mut claims: Vec<K> = all.iter().map(sum).collect();
    claims[0] += K::ONE;
    claims[1] -= K::ONE;
    let (_, messages) = prove(all.iter().map(instance).collect(), &claims);
    assert!(!accepts(messages, &all));
}

#[test]
fn finals_exist_only_when_all_is_bound_and_are_the_evaluations() {
    let mut stream = Stream(9);
    let t = tables(&mut stream, 3, 3);
    let (mut product, mut eq) = (
        Product::new(t[0].clone(), t[1].clone()),
        EqProduct::new(t[0].clone(), t[1].clone(), t[2].clone()),
    );
    let point = stream.elements(3);
    for r in &point {
        assert!(product.finals().is_none() && eq.finals().is_none());
        product.bind(*r);
        eq.bind(*r);
    }
    let values = [0, 1, 2].map(|i| evaluate(&t[i], &point));
    assert_eq!(product.finals(), Some([values[0], values[1]]));
    assert_eq!(eq.finals(), Some(values));
}

#[test]
fn shapes_that_no_circuit_has_are_refused() {
    let mut channel = TestVerifier::new(vec![]);
    let degree = [Shape {
        variables: 1,
        degree: MAX_DEGREE + 1,
    }];
    let mut refused = |shapes: &[Shape]| {
        let result = verify_batched(&mut channel, "sumcheck", shapes, &[K::ONE]);
        result.map(|_| ()).unwrap_err()
    };
    let expected = SumcheckError::Degree {
        label: "sumcheck",
        found: MAX_DEGREE + 1,
        most: MAX_DEGREE,
    };
    assert_eq!(refused(&degree), VerifyError::from(expected));
    assert!(matches!(refused(&[]), VerifyError::Invariant { .. }));
}
