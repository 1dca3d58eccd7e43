//! Leaves of small integers: every kernel against the fractions themselves.

use super::*;
use crate::field::from_i64;
use crate::field::kernels::small::{SMALL_BITS, SMALL_COLUMNS};

/// Leaves, and their denominators.
fn leaves(rng: &mut StdRng, length: usize, arity: usize, fill: Fill) -> (SmallLeaves, Vec<K>) {
    let most = (1u32 << SMALL_BITS) - 1;
    let integer = |rng: &mut StdRng| match fill {
        Fill::Mixed if rng.gen_bool(0.2) => most,
        Fill::Mixed => rng.gen_range(0..=most),
        Fill::Zero => 0,
        Fill::Max => most,
    };
    let columns: Vec<u32> = (0..length * arity).map(|_| integer(rng)).collect();
    let (constant, power) = (challenge(rng, fill), challenge(rng, fill));
    let denominator = |i: usize| {
        let columns = columns.chunks(length).enumerate();
        let terms = columns.map(|(c, column)| power.pow([c as u64]) * K::from(u64::from(column[i])));
        constant - terms.sum::<K>()
    };
    let denominators = (0..length).map(denominator).collect();
    (
        SmallLeaves::new(columns, arity, constant, power).unwrap(),
        denominators,
    )
}

/// Calls a check with groups of one length and the levels of each: leaves first, numerators and denominators.
fn for_groups(check: impl Fn(Backend, &mut StdRng, &[&SmallLeaves], &[Vec<[Vec<K>; 2]>])) {
    for (length, arity) in [(128, 1), (128, 2), (256, 3), (1024, 2), (8192, 1), (8192, 3)] {
        for fill in FILLS {
            let mut rng = StdRng::seed_from_u64((length + arity) as u64);
            let groups: Vec<(SmallLeaves, Vec<K>)> =
                (0..3).map(|_| leaves(&mut rng, length, arity, fill)).collect();
            let levels = |denominators: &Vec<K>| {
                let mut levels = vec![[vec![K::ONE; length], denominators.clone()]];
                for level in 0..3 {
                    let [p, q] = &levels[level];
                    levels.push(Backend::PORTABLE.fraction_layer(p, q).into());
                }
                levels
            };
            let levels: Vec<_> = groups
                .iter()
                .map(|(_, denominators)| levels(denominators))
                .collect();
            let groups: Vec<&SmallLeaves> = groups.iter().map(|(leaves, _)| leaves).collect();
            for &backend in available_backends() {
                check(backend, &mut rng.clone(), &groups, &levels);
            }
        }
    }
}

/// The four tables `p0, r1, q0, q1` of a layer over a level.
fn layer([p, q]: &[Vec<K>; 2], lambda: K) -> [Vec<K>; 4] {
    let half = p.len() / 2;
    let r1 = p[half..].iter().zip(&q[half..]).map(|(p, q)| *p + lambda * q);
    [
        p[..half].to_vec(),
        r1.collect(),
        q[..half].to_vec(),
        q[half..].to_vec(),
    ]
}

/// The values on the grid of `sum_x eq[x] (p0 q1 + r1 q0)(X, x)`.
fn grid([p0, r1, q0, q1]: &[Vec<K>; 4], eq: &[K]) -> [K; 9] {
    let at = |table: &[K], g: usize, x: usize| {
        let line = |low: K, high: K, t: usize| [low, high, high - low][t];
        let corner = |b: usize| table[b * eq.len() + x];
        let first = [0, 1].map(|second| line(corner(second), corner(2 + second), g / 3));
        line(first[0], first[1], g % 3)
    };
    core::array::from_fn(|g| {
        let term = |x: usize| eq[x] * (at(p0, g, x) * at(q1, g, x) + at(r1, g, x) * at(q0, g, x));
        (0..eq.len()).map(term).sum()
    })
}

/// A table with its first two variables bound.
fn bound(table: &[K], eq: &[K; 4]) -> Vec<K> {
    let quarter = table.len() / 4;
    let value = |i: usize| (0..4).map(|b| eq[b] * table[b * quarter + i]).sum();
    (0..quarter).map(value).collect()
}

fn sum_of(groups: impl Iterator<Item = [K; 2]>) -> [K; 2] {
    groups.fold([K::ZERO; 2], |[a, b], [c, d]| [a + c, b + d])
}

#[test]
fn levels_above_small_leaves() {
    for_groups(|backend, _, groups, levels| {
        let third = groups[0].length() / 8;
        let found = backend.fraction_groups_of([3, third, third], |group| Below::Small(groups[group]));
        let all = |level: usize, part: usize| -> Vec<K> {
            levels
                .iter()
                .flat_map(|levels| levels[level][part].clone())
                .collect()
        };
        assert_eq!(found, [(all(3, 0), all(3, 1))], "{backend:?}");
        let then = |group: usize, [p, q]: [&mut [K]; 2]| {
            assert_eq!([p.to_vec(), q.to_vec()], levels[group][2]);
            [p[0], q[1]]
        };
        let (tables, sums) = backend.small_levels(groups, &then);
        assert_eq!(tables, [all(2, 0), all(2, 1)]);
        assert_eq!(sums, sum_of(levels.iter().map(|l| [l[2][0][0], l[2][1][1]])));
    });
}

#[test]
fn two_rounds_in_one_pass() {
    for_groups(|backend, rng, groups, levels| {
        let lambda = element(rng);
        for (leaves, levels) in groups.iter().zip(levels) {
            let variables = leaves.length().ilog2() as usize;
            let point = table(rng, variables - 3, Fill::Mixed);
            let eq = backend.eq_table(&point);
            assert_eq!(
                backend.small_leaf_grid(leaves, lambda, &eq),
                grid(&layer(&levels[0], lambda), &eq)
            );
            let eq = backend.eq_table(&point[1..]);
            assert_eq!(
                backend.small_pair_grid(leaves, lambda, &eq),
                grid(&layer(&levels[1], lambda), &eq)
            );
        }
    });
}

#[test]
fn two_variables_bound_at_once() {
    for_groups(|backend, rng, groups, levels| {
        let (lambda, point) = (element(rng), table(rng, 2, Fill::Mixed));
        let eq: [K; 4] = backend.eq_table(&point).try_into().unwrap();
        let then = |group: usize, [u]: [&mut [K]; 1]| {
            let [_, r1, q0, q1] = layer(&levels[group][0], lambda).map(|table| bound(&table, &eq));
            let u0 = q0.iter().map(|q| K::ONE + lambda * q);
            assert_eq!(u.to_vec(), u0.chain(r1).collect::<Vec<K>>());
            assert!(canonical(u));
            [q0[0], q1[0]]
        };
        let ([u], sums) = backend.small_leaf_folds(groups, lambda, &eq, &then);
        assert_eq!(u.len(), 3 * groups[0].length() / 4);
        let first = |levels: &Vec<[Vec<K>; 2]>| {
            let [_, _, q0, q1] = layer(&levels[0], lambda);
            [bound(&q0, &eq)[0], bound(&q1, &eq)[0]]
        };
        assert_eq!(sums, sum_of(levels.iter().map(first)));

        let then = |group: usize, [p, q]: [&mut [K]; 2]| {
            let [p0, r1, q0, q1] = layer(&levels[group][1], lambda).map(|table| bound(&table, &eq));
            assert_eq!([p.to_vec(), q.to_vec()], [[p0, r1].concat(), [q0, q1].concat()]);
            assert!(canonical(p) && canonical(q));
            [K::ONE; 2]
        };
        let ([p, q], sums) = backend.small_pair_folds(groups, lambda, &eq, &then);
        assert_eq!([p.len(), q.len()], [3 * groups[0].length() / 8; 2]);
        assert_eq!(sums, [K::from(3u64); 2]);
    });
}

#[test]
fn columns_become_small() {
    for &backend in available_backends() {
        let minimum = from_i64(-300);
        for length in SIZES {
            let most = (1i64 << SMALL_BITS) - 1;
            let integers: Vec<i64> = (0..length as i64).map(|i| (i * 7919) % most - 300).collect();
            let mut column: Vec<M61> = integers.iter().map(|x| from_i64(*x)).collect();
            let mut out = vec![5];
            assert!(backend.narrow(&column, minimum, &mut out));
            let differences = integers.iter().map(|x| (x + 300) as u32);
            assert_eq!(out, [5].into_iter().chain(differences).collect::<Vec<u32>>());

            let eq = table(&mut StdRng::seed_from_u64(9), length, Fill::Mixed);
            let sum: K = out[1..]
                .iter()
                .zip(&eq)
                .map(|(x, eq)| K::from(u64::from(*x)) * eq)
                .sum();
            assert_eq!(backend.dot_small(&out[1..], &eq), sum);

            column[length / 2] = from_i64(most - 300);
            assert!(backend.narrow(&column, minimum, &mut vec![]));
            for wrong in [most - 299, -301, i64::from(u32::MAX), 1 << 40] {
                column[length / 2] = from_i64(wrong);
                assert!(!backend.narrow(&column, minimum, &mut vec![]), "{wrong}");
            }
        }
    }
}

#[test]
fn groups_of_another_size_are_refused() {
    let group = |length: usize, arity: usize| SmallLeaves::new(vec![1; length], arity, K::ONE, K::ONE);
    for (length, arity) in [
        (0, 0),
        (0, 1),
        (64, 1),
        (129, 1),
        (256, 3),
        (16384, 1),
        (512, SMALL_COLUMNS + 1),
    ] {
        assert!(group(length, arity).is_none(), "{length} {arity}");
    }
    assert!(group(8192 * SMALL_COLUMNS, SMALL_COLUMNS).is_some());
}
