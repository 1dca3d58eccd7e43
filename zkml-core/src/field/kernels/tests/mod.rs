//! Every kernel on every backend: the same bytes as the portable one, and the value of the plain formula.

mod integers;

use ark_ff::{AdditiveGroup, Field};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::field::{K, M61, P, k_from_base};

mod fractions;
mod small;

const SIZES: [usize; 12] = [1, 2, 3, 7, 8, 15, 16, 64, 65, 1000, 8192 + 24, 40_001];

/// Residues: random, and the values where carries and reductions go wrong.
fn base(rng: &mut StdRng) -> M61 {
    const EDGES: [u64; 8] = [0, 1, P - 1, P - 2, (1 << 52) - 1, 1 << 52, (1 << 31) - 1, 1 << 60];
    M61::from_raw(if rng.gen_bool(0.3) {
        EDGES[rng.gen_range(0..8)]
    } else {
        rng.gen_range(0..P)
    })
}

fn element(rng: &mut StdRng) -> K {
    K::new(base(rng), base(rng))
}

/// How a table is filled: mixed values, all zero, all `p - 1`.
#[derive(Clone, Copy, Debug)]
enum Fill {
    Mixed,
    Zero,
    Max,
}

const FILLS: [Fill; 3] = [Fill::Mixed, Fill::Max, Fill::Zero];
const MAX: M61 = M61::from_raw(P - 1);

fn table(rng: &mut StdRng, length: usize, fill: Fill) -> Vec<K> {
    (0..length)
        .map(|_| match fill {
            Fill::Mixed => element(rng),
            Fill::Zero => K::ZERO,
            Fill::Max => K::new(MAX, MAX),
        })
        .collect()
}

fn base_table(rng: &mut StdRng, length: usize, fill: Fill) -> Vec<M61> {
    table(rng, length, fill).into_iter().map(|x| x.c0).collect()
}

/// Runs a check for each backend, size and fill, with a generator of its own.
fn for_all(check: impl Fn(Backend, &mut StdRng, usize, Fill)) {
    for (index, &length) in SIZES.iter().enumerate() {
        for fill in FILLS {
            for &backend in available_backends() {
                check(backend, &mut StdRng::seed_from_u64(index as u64), length, fill);
            }
        }
    }
}

fn canonical(values: &[K]) -> bool {
    values.iter().all(|x| x.c0.value < P && x.c1.value < P)
}

fn challenge(rng: &mut StdRng, fill: Fill) -> K {
    if matches!(fill, Fill::Max) {
        K::new(MAX, MAX)
    } else {
        element(rng)
    }
}

/// The value at `x` of the line through `low` at 0 and `high` at 1.
fn line(low: K, high: K, x: u64) -> K {
    low + K::from(x) * (high - low)
}

#[test]
fn backends_start_with_the_portable_one() {
    assert_eq!(available_backends()[0], Backend::PORTABLE);
    assert_eq!(available_backends().last(), Some(&Backend::best()));
}

#[test]
fn folds() {
    for_all(|backend, rng, half, fill| {
        let values = table(rng, 2 * half, fill);
        let r = challenge(rng, fill);
        let expected: Vec<K> = (0..half)
            .map(|i| values[i] + r * (values[i + half] - values[i]))
            .collect();
        let mut folded = values.clone();
        backend.fold(&mut folded, r);
        assert_eq!(folded, expected, "{backend:?} {half} {fill:?}");
        assert!(canonical(&folded));

        let small = base_table(rng, 2 * half, fill);
        let expected: Vec<K> = (0..half)
            .map(|i| k_from_base(small[i]) + r * k_from_base(small[i + half] - small[i]))
            .collect();
        assert_eq!(
            backend.fold_base(&small, r),
            expected,
            "{backend:?} {half} {fill:?}"
        );
    });
}

#[test]
fn inner_products() {
    for_all(|backend, rng, length, fill| {
        let (a, b) = (table(rng, length, fill), table(rng, length, fill));
        let expected: K = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert_eq!(backend.dot(&a, &b), expected, "{backend:?} {length} {fill:?}");
        let small = base_table(rng, length, fill);
        let expected: K = small.iter().zip(&b).map(|(&a, b)| k_from_base(a) * b).sum();
        assert_eq!(
            backend.dot_base(&small, &b),
            expected,
            "{backend:?} {length} {fill:?}"
        );
    });
}

#[test]
fn scaled_sums_and_products() {
    for_all(|backend, rng, length, fill| {
        let (acc, x, c) = (
            table(rng, length, fill),
            table(rng, length, fill),
            challenge(rng, fill),
        );
        let small = base_table(rng, length, fill);
        let against = |name: &str, run: &dyn Fn(&mut [K]), formula: &dyn Fn(usize) -> K| {
            let mut out = acc.clone();
            run(&mut out);
            let expected: Vec<K> = (0..length).map(formula).collect();
            assert_eq!(out, expected, "{name} {backend:?} {length} {fill:?}");
            assert!(canonical(&out));
        };
        against("add_scaled", &|out| backend.add_scaled(out, c, &x), &|i| {
            acc[i] + c * x[i]
        });
        against(
            "add_scaled_base",
            &|out| backend.add_scaled_base(out, c, &small),
            &|i| acc[i] + c * k_from_base(small[i]),
        );
        against("scale", &|out| backend.scale(out, c), &|i| acc[i] * c);
        against("multiply", &|out| backend.multiply(out, &x), &|i| acc[i] * x[i]);
    });
}

#[test]
fn rounds() {
    for_all(|backend, rng, half, fill| {
        let [e, a, b]: [Vec<K>; 3] = core::array::from_fn(|_| table(rng, 2 * half, fill));
        let at = |table: &[K], i: usize, x: u64| line(table[i], table[i + half], x);
        let product = |x| (0..half).map(|i| at(&a, i, x) * at(&b, i, x)).sum::<K>();
        assert_eq!(
            backend.product_round(&a, &b),
            [product(0), product(2)],
            "{backend:?} {half} {fill:?}"
        );
        let product = |x| {
            (0..half)
                .map(|i| at(&e, i, x) * at(&a, i, x) * at(&b, i, x))
                .sum::<K>()
        };
        let expected = [product(0), product(2), product(3)];
        assert_eq!(
            backend.eq_product_round(&e, &a, &b),
            expected,
            "{backend:?} {half} {fill:?}"
        );
    });
}

#[test]
fn fractions() {
    for_all(|backend, rng, half, fill| {
        let [p0, p1, q0, q1]: [Vec<K>; 4] = core::array::from_fn(|_| table(rng, 2 * half, fill));
        let (p, q) = backend.fraction_layer(&p0, &q0);
        for i in 0..half {
            assert_eq!(p[i], p0[i] * q0[i + half] + p0[i + half] * q0[i]);
            assert_eq!(q[i], q0[i] * q0[i + half]);
        }
        assert!(canonical(&p) && canonical(&q) && p.len() == half && q.len() == half);

        let eq = table(rng, half, fill);
        let at = |table: &[K], i: usize, x: u64| line(table[i], table[i + half], x);
        // The second difference of a quadratic is twice its leading coefficient.
        let check = |name: &str, found: [K; 2], term: &dyn Fn(usize, u64) -> K| {
            let g = |x| (0..half).map(|i| eq[i] * term(i, x)).sum::<K>();
            let place = format!("{name} {backend:?} {half} {fill:?}");
            assert_eq!(found[0], g(0), "{place}");
            assert_eq!(found[1].double(), g(2) - g(1).double() + g(0), "{place}");
        };
        let [p0, p1, q0, q1] = [&p0, &p1, &q0, &q1];
        let split =
            |table: &'_ Vec<K>| -> (Vec<K>, Vec<K>) { (table[..half].to_vec(), table[half..].to_vec()) };
        let tables = [p0, p1, q0, q1].map(split);
        let halves = [0, 1, 2, 3].map(|k| (tables[k].0.as_slice(), tables[k].1.as_slice()));
        check("fraction", backend.fraction_round(&eq, halves), &|i, x| {
            at(p0, i, x) * at(q1, i, x) + at(p1, i, x) * at(q0, i, x)
        });
        let found = backend.weighted_product_round(&eq, halves[0], halves[3]);
        check("product", found, &|i, x| at(p0, i, x) * at(q1, i, x));
        let mut folded = halves[0].0.to_vec();
        backend.fold_halves(&mut folded, halves[0].1, eq[0]);
        let expected: Vec<K> = (0..half)
            .map(|i| p0[i] + eq[0] * (p0[i + half] - p0[i]))
            .collect();
        assert_eq!(folded, expected);
    });
}

#[test]
fn tables_that_are_folded_before_they_are_written_down() {
    let mut rng = StdRng::seed_from_u64(6);
    for (pieces, half) in [(0, 4), (1, 1), (3, 7), (5, 2048)] {
        let values = table(&mut rng, pieces * 2 * half, Fill::Mixed);
        let r = table(&mut rng, 1, Fill::Mixed)[0];
        for &backend in available_backends() {
            let piece = |index: usize| values[index * 2 * half..][..2 * half].to_vec();
            let folded = (0..pieces).flat_map(|index| {
                let mut values = piece(index);
                backend.fold(&mut values, r);
                values
            });
            let found = backend.fold_pieces(pieces, half, r, |index, out| out.copy_from_slice(&piece(index)));
            assert_eq!(found, folded.collect::<Vec<_>>(), "{backend:?} {pieces} {half}");
        }
    }
}

#[test]
fn equality_tables() {
    for &backend in available_backends() {
        let mut rng = StdRng::seed_from_u64(5);
        for variables in [0, 1, 2, 3, 4, 7, 10, 15] {
            let point = table(&mut rng, variables, Fill::Mixed);
            let expected = crate::poly::eq_table(&point);
            assert_eq!(backend.eq_table(&point), expected, "{backend:?} {variables}");
            let factor = element(&mut rng);
            let scaled: Vec<K> = expected.iter().map(|x| *x * factor).collect();
            assert_eq!(
                backend.eq_table_scaled(&point, factor),
                scaled,
                "{backend:?} {variables}"
            );
        }
        let corners = [K::ZERO, K::ONE, K::new(MAX, MAX)];
        assert_eq!(backend.eq_table(&corners), crate::poly::eq_table(&corners));
    }
}

#[test]
fn butterflies() {
    for_all(|backend, rng, length, fill| {
        let (low, high, t) = (
            base_table(rng, length, fill),
            base_table(rng, length, fill),
            base(rng),
        );
        let (mut low_out, mut high_out) = (low.clone(), high.clone());
        backend.butterfly(&mut low_out, &mut high_out, t);
        for i in 0..length {
            assert_eq!(low_out[i], low[i] + t * high[i], "{backend:?} {length} {fill:?}");
            assert_eq!(high_out[i], low[i] - t * high[i], "{backend:?} {length} {fill:?}");
        }
    });
}

/// Four layers, two at a time, against [`Backend::butterfly_pairs`] of the portable backend; so lazy words meet every
/// step.
#[test]
fn two_layers_of_butterflies_at_once() {
    let portable = available_backends()[0];
    for &backend in available_backends() {
        let mut rng = StdRng::seed_from_u64(10);
        for quarter in [1, 3, 8, 24, 100] {
            for blocks in [1, 3] {
                for fill in FILLS {
                    let length = 16 * quarter * blocks;
                    let values = base_table(&mut rng, length, fill);
                    let factors: [Vec<M61>; 4] =
                        core::array::from_fn(|k| base_table(&mut rng, blocks << k, fill));
                    let mut expected = values.clone();
                    for (k, factors) in factors.iter().enumerate() {
                        portable.butterfly_pairs(&mut expected, (8 * quarter) >> k, factors);
                    }
                    let [first, second, third, fourth] = &factors;
                    let mut out = values.clone();
                    backend.butterfly_quads(&mut out, 4 * quarter, first, second, false);
                    backend.butterfly_quads(&mut out, quarter, third, fourth, true);
                    assert_eq!(
                        out, expected,
                        "{backend:?} quarter {quarter} blocks {blocks} {fill:?}"
                    );
                    if blocks == 1 {
                        let head = base_table(&mut rng, (quarter / 2).min(4 * quarter), fill);
                        let mut other = values.clone();
                        other[..head.len()].copy_from_slice(&head);
                        let mut in_place = other.clone();
                        backend.butterfly_quads(&mut in_place, 4 * quarter, first, second, true);
                        let factors = [&first[0], &second[0], &second[1]];
                        let out = backend.butterfly_quad_of(&head, &values, factors, true);
                        assert_eq!(out, in_place, "{backend:?} quarter {quarter} {fill:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn combinations_of_rows_in_the_base_field() {
    for_all(|backend, rng, length, fill| {
        for rows in [0, 1, 3, 14] {
            let cells = base_table(rng, rows * length, fill);
            let weights = table(rng, rows, fill);
            let out = backend.combine_rows(&cells, length, &weights);
            for (j, found) in out.iter().enumerate() {
                let terms = weights.iter().zip(cells.iter().skip(j).step_by(length));
                let expected: K = terms.map(|(weight, &cell)| *weight * k_from_base(cell)).sum();
                assert_eq!(*found, expected, "{backend:?} {rows} rows of {length} {fill:?}");
            }
            assert!(out.len() == length && canonical(&out));
        }
    });
    // More rows than a sum takes at once.
    let mut rng = StdRng::seed_from_u64(11);
    let (cells, weights) = (
        base_table(&mut rng, 9 * 1600, Fill::Max),
        table(&mut rng, 1600, Fill::Max),
    );
    for &backend in available_backends() {
        assert_eq!(
            backend.combine_rows(&cells, 9, &weights),
            available_backends()[0].combine_rows(&cells, 9, &weights)
        );
    }
}

#[test]
fn transposed_butterflies_multiples_and_sums() {
    for_all(|backend, rng, length, fill| {
        let (low, high, t) = (table(rng, length, fill), table(rng, length, fill), base(rng));
        let (mut low_out, mut high_out) = (low.clone(), high.clone());
        backend.butterfly_transposed(&mut low_out, &mut high_out, t);
        let mut sums = low.clone();
        backend.add_to(&mut sums, &high);
        let mut multiples = low.clone();
        backend.multiples(&mut multiples, &high, t);
        for i in 0..length {
            let place = format!("{backend:?} {length} {fill:?}");
            assert_eq!(low_out[i], low[i] + high[i], "{place}");
            assert_eq!(high_out[i], k_from_base(t) * (low[i] - high[i]), "{place}");
            assert_eq!(sums[i], low[i] + high[i], "{place}");
            assert_eq!(multiples[i], k_from_base(t) * high[i], "{place}");
        }
        assert!(canonical(&low_out) && canonical(&high_out) && canonical(&multiples));
    });
}

#[test]
fn rounds_and_folds_of_tables_in_halves() {
    for_all(|backend, rng, half, fill| {
        let (a, b) = (table(rng, 2 * half, fill), table(rng, 2 * half, fill));
        let r = challenge(rng, fill);
        let g = |x: u64| -> K {
            (0..half)
                .map(|i| line(a[i], a[i + half], x) * line(b[i], b[i + half], x))
                .sum()
        };
        let [constant, square] = backend.product_ends(a.split_at(half), b.split_at(half));
        assert_eq!(constant, g(0), "{backend:?} {half} {fill:?}");
        assert_eq!(
            square.double(),
            g(2) - g(1).double() + g(0),
            "{backend:?} {half} {fill:?}"
        );
        let (mut folded, mut low) = (a.clone(), a[..half].to_vec());
        backend.fold(&mut folded, r);
        backend.fold_halves(&mut low, &a[half..], r);
        assert_eq!(low, folded, "{backend:?} {half} {fill:?}");
    });
}

#[test]
fn blocks_of_butterflies() {
    for &backend in available_backends() {
        let mut rng = StdRng::seed_from_u64(9);
        for half in [0, 1, 2, 3, 4, 5, 8, 12, 16, 64, 1000, 8192] {
            for blocks in [0, 1, 2, 3, 7, 8, 9, 40, if half < 8 { 9000 } else { 4 }] {
                for fill in FILLS {
                    let excess = if half > 1 { 1 } else { 0 };
                    let values = base_table(&mut rng, 2 * half * blocks + excess, fill);
                    let twiddles = base_table(&mut rng, blocks, fill);
                    let mut out = values.clone();
                    backend.butterfly_pairs(&mut out, half, &twiddles);
                    let mut expected = values.clone();
                    for (b, &t) in twiddles.iter().enumerate() {
                        for i in 0..half {
                            let (low, high) = (2 * half * b + i, 2 * half * b + half + i);
                            expected[low] = values[low] + t * values[high];
                            expected[high] = values[low] - t * values[high];
                        }
                    }
                    assert_eq!(out, expected, "{backend:?} half {half} blocks {blocks} {fill:?}");
                }
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut rng = StdRng::seed_from_u64(77);
    let (a, b) = (
        table(&mut rng, 160_000, Fill::Mixed),
        table(&mut rng, 160_000, Fill::Mixed),
    );
    let matrix = integers::int8_matrix(&mut rng, 160_000 * 12, Fill::Mixed);
    for &backend in available_backends() {
        let run = |threads: usize| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| {
                    let mut folded = a.clone();
                    backend.fold(&mut folded, b[0]);
                    let (p, q) = backend.fraction_layer(&a, &b);
                    let combined = backend.fold_rows_i8(&matrix, 12, &a);
                    let dots = backend.rows_dot_i8(&matrix, 12, &a[..12]);
                    (folded, p, q, backend.product_round(&a, &b), combined, dots)
                })
        };
        let expected = run(1);
        assert!(
            [2, 3, 5].into_iter().all(|threads| run(threads) == expected),
            "{backend:?}"
        );
    }
}
