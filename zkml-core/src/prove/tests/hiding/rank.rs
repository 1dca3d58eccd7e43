//! The opened cells of one row are uniform and independent: the random tail maps onto them with full rank.
//!
//! ```text
//! cell_j = sum_{i < L} data_i b_i(P_j) + sum_{i < tail} random_i b_{L+i}(P_j),     b_{L+i} = b_L b_i for i < L
//! ```
//!
//! and `b_L` is nowhere 0 on the domain, so that the rank is that of the functions `b_0 .. b_{tail-1}` at the opened
//! points. These are `p(x) + y q(x)` with `deg p < ceil(tail / 2)`, `deg q < floor(tail / 2)`. For odd `tail` they are
//! all functions of degree `(tail - 1) / 2` on the circle, a Reed-Solomon code: any `tail` points are independent. For
//! even `tail` one function of degree `tail / 2` is missing, and `tail` points are dependent exactly where a function
//! without it vanishes at all of them: where the product of the points, in the circle group, is `-1`. So `t` columns
//! need a tail of `t` if `t` is odd and of `t + 1` if it is even; all tails here have `t + 2`.
//!
//! And the value of the random fold, whose own pad is in a row of the fold, is as random as that pad:
//!
//! ```text
//! s = v + d + delta e d + (what other pads give),     e = eq(z, place of d)
//! ```
//!
//! which is a bijection of `d` in `K = F^2` unless `1 + delta e = 0`. Were the parts of `d` taken with coefficients of
//! their own, it would be `F`-linear only, and of rank 1 for one choice in `|F|`.

use ark_ff::{AdditiveGroup, Field};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::index::sample;

use crate::field::{K, M61};
use crate::pcs::circle::domain_point;
use crate::pcs::plan::random_coefficients;
use crate::pcs::{CircleCode, CodeParameters, ExtensionRow, MaskRows, RowCode};

/// The codewords of the tail's unit vectors: the map from the tail to the cells.
pub(super) struct TailMap {
    rows: Vec<Vec<M61>>,
}

impl TailMap {
    /// The map of the first `tail` coefficients behind a row.
    pub(super) fn new(code: &RowCode, tail: usize) -> Self {
        let circle = CircleCode::of(*code);
        let unit = |index: usize| {
            let mut message = vec![M61::ZERO; code.message_length()];
            message[code.row_length() + index] = M61::ONE;
            circle.encode(&message)
        };
        Self {
            rows: (0..tail).map(unit).collect(),
        }
    }

    /// The rank of the map to the cells at `positions`.
    pub(super) fn rank(&self, positions: &[usize]) -> usize {
        let at = |row: &Vec<M61>| positions.iter().map(|position| row[*position]).collect();
        rank(self.rows.iter().map(at).collect())
    }
}

/// The rank of a matrix, by elimination.
fn rank(mut matrix: Vec<Vec<M61>>) -> usize {
    let mut rank = 0;
    for column in 0..matrix.first().map_or(0, Vec::len) {
        let Some(pivot) = (rank..matrix.len()).find(|row| matrix[*row][column] != M61::ZERO) else {
            continue;
        };
        matrix.swap(rank, pivot);
        let (above, below) = matrix.split_at_mut(rank + 1);
        let pivot = &above[rank];
        let inverse = pivot[column].inverse().expect("not 0");
        for row in below {
            let factor = row[column] * inverse;
            for (value, pivot) in row.iter_mut().zip(pivot).skip(column) {
                *value -= factor * pivot;
            }
        }
        rank += 1;
    }
    rank
}

fn code(log_row: u32, tail: usize, log_codeword: u32, queries: usize) -> CodeParameters {
    let grinding_bits = 0;
    CodeParameters {
        grinding_bits,
        ..crate::pcs::testing::code(log_row, tail, log_codeword, queries)
    }
}

/// Random sets of `count` positions, and sets that an adversary would wish for.
fn sets(code: &CodeParameters, count: usize, random: &mut StdRng) -> Vec<Vec<usize>> {
    let n = code.codeword_length();
    let mut sets: Vec<Vec<usize>> = (0..12)
        .map(|_| sample(random, n, count).into_iter().collect())
        .collect();
    // Consecutive ones: points and their conjugates, all in as few blocks of the transform as they fit in.
    for start in [0, 1, n / 2 - 1, n - count] {
        sets.push((start..start + count).collect());
    }
    // No two conjugate; evenly spread; one of each block.
    for step in [2, n / count, code.row_length()] {
        let mut set: Vec<usize> = (0..count)
            .map(|index| index * step % n + index * step / n)
            .collect();
        set.sort_unstable();
        set.dedup();
        sets.push(set);
    }
    // Conjugate pairs, far apart.
    let pairs = sample(random, n / 2, count / 2).into_iter();
    sets.push(pairs.flat_map(|pair| [2 * pair, 2 * pair + 1]).collect());
    sets
}

#[test]
fn the_opened_cells_of_a_row_are_as_random_as_their_number() {
    let mut random = StdRng::seed_from_u64(1);
    for (log_row, log_codeword, queries) in [(6, 8, 40), (7, 9, 101), (7, 10, 126), (8, 11, 137)] {
        let code = code(log_row, queries + 2, log_codeword, queries);
        let map = TailMap::new(&code.wide(), queries + 2);
        for set in sets(&code, queries, &mut random) {
            assert_eq!(map.rank(&set), set.len(), "{code:?} {set:?}");
        }
    }
}

#[test]
fn the_opened_cells_of_many_openings_of_weights_are_as_random_as_their_number() {
    let mut random = StdRng::seed_from_u64(2);
    for (openings, queries) in [(2, 60), (3, 41), (5, 25), (8, 15)] {
        let tail = openings * queries + 2;
        let code = code(7, tail, 9, queries);
        let map = TailMap::new(&code.wide(), tail);
        for _ in 0..4 {
            let mut union: Vec<usize> = (0..openings)
                .flat_map(|_| sample(&mut random, code.codeword_length(), queries).into_iter())
                .collect();
            union.sort_unstable();
            union.dedup();
            assert!(union.len() > queries);
            assert_eq!(map.rank(&union), union.len());
        }
        // As many different ones as there can be.
        for set in sets(&code, openings * queries, &mut random) {
            assert_eq!(map.rank(&set), set.len());
        }
    }
}

#[test]
fn the_opened_cells_of_a_narrow_row_are_as_random_as_their_number() {
    let mut random = StdRng::seed_from_u64(4);
    for (log_stride, queries) in [(1, 40), (2, 21), (3, 12)] {
        let wide = CodeParameters {
            log_stride,
            ..code(9, (queries + 2) << log_stride, 11, queries)
        };
        let narrow = wide.narrow();
        let map = TailMap::new(&narrow, queries);
        for _ in 0..20 {
            let set: Vec<usize> = sample(&mut random, narrow.codeword_length(), queries)
                .into_iter()
                .collect();
            // Here the tail may be as short as there are symbols.
            assert_eq!(map.rank(&set), queries);
        }
    }
}

/// What openings show of wide rows, next to a narrow mask: the opened cells, and at the other positions of the opened
/// symbols a combination of the rows over K, one for each opening. By how much the rank of all that, as functions of
/// data and tails, exceeds that of what the tails do to it: so many numbers are told of the data.
fn told_of_the_data(rows: usize, openings: usize, log_stride: u32, tail: usize, queries: usize) -> usize {
    let mut random = StdRng::seed_from_u64(5);
    let wide = code(7, tail, 9, queries);
    let symbols = wide.codeword_length() >> log_stride;
    let map = whole_map(&wide);
    let mut shown: Vec<Vec<M61>> = Vec::new();
    let mut opened = std::collections::BTreeSet::new();
    let mut combined = Vec::new();
    for _ in 0..openings {
        for symbol in sample(&mut random, symbols, queries) {
            opened.insert(symbol << log_stride);
            combined.extend((1..1 << log_stride).map(|other| (symbol << log_stride) + other));
        }
    }
    // One combination for each opening.
    let each = combined.len() / openings;
    let weights: Vec<[Vec<M61>; 2]> = (0..openings).map(|_| combined_with(&mut random, rows)).collect();
    let cell = |weights: &[M61], position: usize| -> Vec<M61> {
        weights
            .iter()
            .flat_map(|weight| map.rows.iter().map(move |row| *weight * row[position]))
            .collect()
    };
    for &position in &opened {
        for row in 0..rows {
            let unit: Vec<M61> = (0..rows)
                .map(|other| M61::from(u64::from(other == row)))
                .collect();
            shown.push(cell(&unit, position));
        }
    }
    let mut others = 0;
    for (index, position) in combined.iter().enumerate() {
        // Opened by another opening: a combination of cells that are known.
        if !opened.contains(position) {
            for part in &weights[index / each] {
                shown.push(cell(part, *position));
                others += 1;
            }
        }
    }
    assert_eq!(shown.len(), opened.len() * rows + others);
    let length = wide.message_length();
    let of_tails = |functional: &Vec<M61>| -> Vec<M61> {
        let rows = functional.chunks(length);
        rows.flat_map(|row| row[wide.row_length()..].to_vec()).collect()
    };
    let tails = rank(shown.iter().map(of_tails).collect());
    rank(shown) - tails
}

/// The codewords of all unit vectors.
fn whole_map(code: &CodeParameters) -> TailMap {
    let circle = CircleCode::new(code).expect("a code");
    let unit = |index: usize| {
        let mut message = vec![M61::ZERO; code.message_length()];
        message[index] = M61::ONE;
        circle.encode(&message)
    };
    TailMap {
        rows: (0..code.message_length()).map(unit).collect(),
    }
}

/// A combination over K of so many rows: its two parts.
fn combined_with(random: &mut StdRng, rows: usize) -> [Vec<M61>; 2] {
    let mut part = || {
        (0..rows)
            .map(|_| M61::from(rand::Rng::r#gen::<u64>(random) >> 4))
            .collect()
    };
    [part(), part()]
}

#[test]
fn combinations_at_the_other_positions_of_a_symbol_are_random_too() {
    for (openings, log_stride, queries) in [(1, 1, 4), (2, 1, 5), (2, 2, 3), (3, 2, 2)] {
        let key = |rows| crate::keys::WeightCommitments {
            roots: vec![],
            rows,
            openings: openings as u32,
        };
        for rows in [1, 2 * openings, 2 * openings + 1, 3 * openings + 2] {
            let tail = key(rows).tail(queries, 1 << log_stride);
            let told = told_of_the_data(rows, openings, log_stride, tail, queries);
            assert_eq!(told, 0, "{rows} rows, {openings} openings, stride 2^{log_stride}");
        }
        // What is enough for many rows is not for one, nor what the opened cells alone would need for many.
        if openings > 1 {
            let many = key(2 * openings + 1);
            let short = many.tail(queries, 1 << log_stride);
            assert!(told_of_the_data(1, openings, log_stride, short, queries) > 0);
        }
        let cells = openings * queries + 2;
        assert!(told_of_the_data(2 * openings + 1, openings, log_stride, cells, queries) > 0);
    }
}

/// All sets of `count` of the positions below `n`.
fn subsets(n: usize, count: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..count {
        all = all
            .iter()
            .flat_map(|set| {
                let next = set.last().map_or(0, |last| last + 1);
                (next..n).map(|position| [set.as_slice(), &[position]].concat())
            })
            .collect();
    }
    all
}

#[test]
fn a_tail_as_long_as_the_columns_is_enough_for_an_odd_number_of_them_only() {
    let mut dependent = 0;
    for (log_codeword, queries) in [(4, 1), (4, 2), (4, 3), (4, 4), (5, 3), (5, 4)] {
        for tail in [queries, queries + 1, queries + 2] {
            let code = code(3, tail, log_codeword, queries);
            let map = TailMap::new(&code.wide(), tail);
            for set in subsets(code.codeword_length(), queries) {
                let product = set
                    .iter()
                    .map(|position| domain_point(log_codeword, *position))
                    .fold(crate::pcs::circle::CirclePoint::IDENTITY, |product, point| {
                        product.times(point)
                    });
                let minus_one = (product.x, product.y) == (-M61::ONE, M61::ZERO);
                let fails = tail == queries && queries % 2 == 0 && minus_one;
                assert_eq!(
                    map.rank(&set),
                    queries - usize::from(fails),
                    "tail {tail}: {set:?}"
                );
                dependent += usize::from(fails);
            }
        }
    }
    // Such sets are not rare: about one in as many as there are points.
    assert!(dependent > 1000, "{dependent}");
}

#[test]
fn a_tail_that_is_too_short_shows_the_row() {
    // The count is sharp: one column more than coefficients, and some combination of the cells has no randomness.
    let mut random = StdRng::seed_from_u64(3);
    let code = code(6, 20, 8, 19);
    let map = TailMap::new(&code.wide(), 19);
    let set: Vec<usize> = sample(&mut random, 256, 20).into_iter().collect();
    assert_eq!(map.rank(&set), 19);
}

/// The determinant over `F` of `d -> d + c_0 e d_0 + c_1 e d_1`, `d = d_0 + i d_1`.
fn determinant([c_0, c_1]: [K; 2], e: K) -> M61 {
    let imaginary = K::new(M61::ZERO, M61::ONE);
    let (first, second) = (K::ONE + c_0 * e, imaginary + c_1 * e);
    first.c0 * second.c1 - first.c1 * second.c0
}

#[test]
fn the_value_of_the_random_fold_is_hidden_by_its_pad() {
    // One pair of pads and the mask, and all small draws: of two coefficients, had each row its own.
    let mask = Some(MaskRows {
        mask: ExtensionRow {
            matrix: 0,
            first_row: 2,
        },
        classes: 1,
        first_pair: 0,
    });
    let small = || (-3i64..=3).flat_map(|c0| (-3i64..=3).map(move |c1| K::new(M61::from(c0), M61::from(c1))));
    let e = K::new(M61::from(2u64), M61::ONE);
    let (mut singular, mut torn) = (Vec::new(), 0);
    for delta in small() {
        let coefficients = random_coefficients(&[4], &[true], mask, || delta);
        let [first, second, ..] = coefficients[0][..] else {
            panic!("{coefficients:?}");
        };
        if determinant([first, second], e) == M61::ZERO {
            singular.push(delta);
        }
        let others = small().filter(|other| determinant([delta, *other], e) == M61::ZERO);
        torn += others.count();
    }
    // -1/(2 + i) is no pair of small numbers; with it the pad is gone, and with nothing else.
    assert!(singular.is_empty(), "{singular:?}");
    let delta = -e.inverse().expect("not 0");
    let coefficients = random_coefficients(&[4], &[true], mask, || delta);
    assert_eq!(
        determinant([coefficients[0][0], coefficients[0][1]], e),
        M61::ZERO
    );
    assert!(torn > 10, "{torn}");
}
