//! The definitions, written out by brute force, and the tests that hold the fast forms against them.

use ark_ff::{AdditiveGroup, Field};
use proptest::prelude::*;

use super::*;
use crate::field::{K, M61, P, k_from_base};

/// `eq(point, bits(index))` from the definition.
pub(crate) fn eq_of_index(point: &[K], index: usize) -> K {
    let bits = point.len();
    (0..bits)
        .map(|k| {
            if index >> (bits - 1 - k) & 1 == 1 {
                point[k]
            } else {
                K::ONE - point[k]
            }
        })
        .product()
}

/// `sum_index values[index] eq(point, bits(index))` from the definition.
pub(crate) fn evaluate_by_definition(values: &[K], point: &[K]) -> K {
    values
        .iter()
        .take(1 << point.len())
        .enumerate()
        .map(|(index, &value)| value * eq_of_index(point, index))
        .sum()
}

fn element() -> impl Strategy<Value = K> {
    let coordinate = || prop_oneof![Just(0), Just(1), Just(P - 1), 0..P];
    (coordinate(), coordinate()).prop_map(|(a, b)| K::new(M61::from_raw(a), M61::from_raw(b)))
}

fn points(max: usize) -> impl Strategy<Value = Vec<K>> {
    proptest::collection::vec(element(), 0..=max)
}

proptest! {
    #[test]
    fn tables_follow_the_definition(point in points(7)) {
        let table = eq_table(&point);
        prop_assert_eq!(table.len(), 1 << point.len());
        for (index, &value) in table.iter().enumerate() {
            prop_assert_eq!(value, eq_of_index(&point, index));
            prop_assert_eq!(value, eq_at_index(&point, index));
        }
        prop_assert_eq!(table.iter().sum::<K>(), K::ONE);
        prop_assert_eq!(eq_at_index(&point, 1 << point.len()), K::ZERO);
    }

    #[test]
    fn eq_of_two_points(a in points(6), b in points(6)) {
        let expected = if a.len() == b.len() {
            a.iter().zip(&b).map(|(&x, &y)| x * y + (K::ONE - x) * (K::ONE - y)).product()
        } else {
            K::ZERO
        };
        prop_assert_eq!(eq_eval(&a, &b), expected);
        prop_assert_eq!(eq_eval(&b, &a), expected);
    }

    // Lengths that are too short or too long included.
    #[test]
    fn evaluation_follows_the_definition(
        point in points(6),
        values in proptest::collection::vec(element(), 0..80),
    ) {
        prop_assert_eq!(evaluate(&values, &point), evaluate_by_definition(&values, &point));
        let base: Vec<M61> = values.iter().map(|value| value.c0).collect();
        let lifted: Vec<K> = base.iter().map(|&value| k_from_base(value)).collect();
        prop_assert_eq!(evaluate_base(&base, &point), evaluate_by_definition(&lifted, &point));
    }

    // Challenges in the order of the rounds are the point: t'[i] = t[i] + r (t[i + half] - t[i]).
    #[test]
    fn binding_from_the_most_significant_bit_is_evaluation(
        (point, values) in points(6).prop_flat_map(|point| {
            let values = proptest::collection::vec(element(), 1 << point.len());
            (Just(point), values)
        }),
    ) {
        let mut table = values.clone();
        for &r in &point {
            let half = table.len() / 2;
            table = (0..half).map(|i| table[i] + r * (table[i + half] - table[i])).collect();
        }
        prop_assert_eq!(evaluate(&values, &point), table[0]);
    }
}
