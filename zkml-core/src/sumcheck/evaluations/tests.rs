//! Rounds against those of the sum that is written out.

use proptest::prelude::*;

use super::*;
use crate::poly;
use crate::sumcheck::Product;
use crate::sumcheck::testing::Stream;

/// The definition: a table of weights for each table, as products of which the sum is taken.
fn reference(tables: &[(Vec<K>, Vec<Evaluation>)]) -> Vec<Product> {
    let product = |(table, claims): &(Vec<K>, Vec<Evaluation>)| {
        let mut weights = vec![K::ZERO; table.len()];
        for claim in claims {
            let eq = poly::eq_table(&claim.point);
            weights
                .iter_mut()
                .zip(eq)
                .for_each(|(weight, eq)| *weight += claim.coefficient * eq);
        }
        Product::new(table.clone(), weights)
    };
    tables.iter().map(product).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rounds_are_those_of_the_written_out_sum(
        seed: u64,
        variables in 0usize..12,
        base: [bool; 3],
        left_out in proptest::array::uniform3(0usize..4),
    ) {
        let mut stream = Stream(seed);
        let left_out = left_out.map(|last| last.min(variables));
        let cells: Vec<Vec<M61>> = left_out
            .iter()
            .map(|last| stream.elements(1 << (variables - last)).iter().map(|x| x.c0).collect())
            .collect();
        let mut written = Vec::new();
        let mut tables = Vec::new();
        for (index, (cells, base)) in cells.iter().zip(base).enumerate() {
            let last = left_out[index];
            let given: Vec<K> = match base {
                true => cells.iter().map(|&cell| K::from_base_prime_field(cell)).collect(),
                false => stream.elements(1 << (variables - last)),
            };
            let mut values = vec![K::ZERO; 1 << variables];
            values.iter_mut().step_by(1 << last).zip(&given).for_each(|(value, given)| *value = *given);
            // None, one and more claims; some with bits in front, behind, or in all places.
            let claims: Vec<Evaluation> = (0..2 * index)
                .map(|_| {
                    let bits = stream.elements(2 * variables + 1);
                    let (front, back) = ((bits[0].c0.value % 13) as usize, (bits[0].c1.value % 3) as usize);
                    let mut point = stream.elements(variables);
                    for (k, coordinate) in point.iter_mut().enumerate() {
                        if k < front || k + back >= variables {
                            *coordinate = K::from(bits[k + 1].c0.value % 2);
                        }
                    }
                    point[variables - last..].fill(K::ZERO);
                    let value = poly::evaluate(&values, &point);
                    let coefficient = bits[2 * variables];
                    Evaluation { point, value, coefficient }
                })
                .collect();
            written.push((values.clone(), claims.clone()));
            let table = if base { Table::Base(cells) } else { Table::Extension(given) };
            tables.push((table, claims));
        }
        let mut products = reference(&written);
        let mut instance = Evaluations::new(variables, tables);
        for r in stream.elements(variables) {
            prop_assert!(instance.finals().is_none());
            let mut expected = [K::ZERO; MAX_DEGREE];
            for product in &mut products {
                let own = product.round(K::ZERO);
                expected.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
                product.bind(r);
            }
            prop_assert_eq!(instance.round(K::ZERO), expected);
            instance.bind(r);
        }
        let expected: Option<Vec<K>> = products.iter().map(|product| product.finals().map(|[a, _]| a)).collect();
        prop_assert_eq!(instance.finals(), expected);
    }
}
