//! Products of int8 rows, and hashes of words.

use ark_ff::{AdditiveGroup, Field};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::super::blake3::{Half, State};
use super::super::*;
use super::{FILLS, Fill, table};
use crate::field::{K, from_i64};

/// Shapes of int8 matrices, rows by columns.
const SHAPES: [(usize, usize); 17] = [
    (0, 5),
    (1, 1),
    (3, 1),
    (1, 3),
    (4, 16),
    (5, 17),
    (7, 63),
    (8, 64),
    (9, 65),
    (130, 127),
    (64, 1000),
    (1000, 3),
    (33, 2049),
    (300, 4500),
    (70_001, 5),
    (5, 70_001),
    (2000, 200),
];

pub(super) fn int8_matrix(rng: &mut StdRng, length: usize, fill: Fill) -> Vec<i8> {
    (0..length)
        .map(|_| match fill {
            Fill::Mixed => [-128, 127, 0, rng.r#gen(), rng.r#gen(), rng.r#gen()][rng.gen_range(0..6)],
            Fill::Zero => -128,
            Fill::Max => 127,
        })
        .collect()
}

#[test]
fn combinations_of_int8_rows() {
    for (rows, columns) in SHAPES {
        for fill in FILLS {
            let mut rng = StdRng::seed_from_u64(rows as u64);
            let matrix = int8_matrix(&mut rng, rows * columns, fill);
            // With `Zero` the matrix is all -128 and the coefficients are as large as they get.
            let fill = if matches!(fill, Fill::Zero) {
                Fill::Max
            } else {
                fill
            };
            let (by_row, by_column) = (table(&mut rng, rows, fill), table(&mut rng, columns, fill));
            let mut folded = vec![K::ZERO; columns];
            let mut products = vec![K::ZERO; rows];
            for a in 0..rows {
                for j in 0..columns {
                    let value = from_i64(i64::from(matrix[a * columns + j]));
                    folded[j] += crate::field::mul_k_base(by_row[a], value);
                    products[a] += crate::field::mul_k_base(by_column[j], value);
                }
            }
            for &backend in available_backends() {
                let place = format!("{backend:?} {rows} x {columns} {fill:?}");
                assert_eq!(backend.fold_rows_i8(&matrix, columns, &by_row), folded, "{place}");
                assert_eq!(
                    backend.rows_dot_i8(&matrix, columns, &by_column),
                    products,
                    "{place}"
                );
            }
        }
    }
}

#[test]
fn products_with_panels() {
    for (rows, length) in [
        (1, 1),
        (3, 4),
        (9, 7),
        (8, 64),
        (17, 1028),
        (130, 2048),
        (300, 12),
        (5, 65_536),
    ] {
        for vectors in [1usize, 2, 3, 4, 7] {
            for fill in FILLS {
                let mut rng = StdRng::seed_from_u64((rows + vectors) as u64);
                let matrix = int8_matrix(&mut rng, rows * length, fill);
                // With `Zero` the matrix is all -128 and the vectors are as large as they get.
                let fill = if matches!(fill, Fill::Zero) {
                    Fill::Max
                } else {
                    fill
                };
                let tables: Vec<Vec<K>> = (0..vectors).map(|_| table(&mut rng, length, fill)).collect();
                let products: Vec<Vec<K>> = tables
                    .iter()
                    .map(|table| Backend::PORTABLE.rows_dot_i8(&matrix, length, table))
                    .collect();
                let expected: Vec<K> = (0..rows * vectors)
                    .map(|i| products[i % vectors][i / vectors])
                    .collect();
                let panels = LimbPanels::new(&tables, length);
                assert_eq!(panels.vectors(), vectors);
                for &backend in available_backends() {
                    let mut out = vec![K::ONE; rows * vectors];
                    backend.rows_times_panels(&matrix, &panels, &mut out);
                    assert!(
                        out == expected,
                        "{backend:?} {rows} x {length} x {vectors} {fill:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn blocks_of_hashes() {
    let mut rng = StdRng::seed_from_u64(5);
    let words: Vec<u64> = (0..1000).map(|_| rng.r#gen()).collect();
    for stride in [4, 5, 16, 60] {
        let halves = [Half::new(&words, stride), Half::new(&words[7..], stride)];
        for halves in [halves, [halves[1], Half::ZERO]] {
            let state: State = core::array::from_fn(|_| core::array::from_fn(|_| rng.r#gen()));
            let mut expected = state;
            Backend::PORTABLE.compress_blocks(&mut expected, halves, 1 << 40 | 77, 27);
            for &backend in available_backends() {
                let mut found = state;
                backend.compress_blocks(&mut found, halves, 1 << 40 | 77, 27);
                assert_eq!(found, expected, "{backend:?} {stride}");
            }
        }
    }
}

#[test]
fn products_with_patches() {
    // Outputs, segments, terms of a segment, positions.
    for [outputs, segments, length, count] in [
        [1, 1, 1, 1],
        [3, 2, 5, 7],
        [16, 3, 4, 6],
        [17, 1, 9, 13],
        [64, 3, 12, 25],
        [70, 9, 4, 10],
        [100, 3, 30, 4],
        [200, 2, 200, 40],
        [5, 1, 700, 0],
        [0, 1, 8, 3],
    ] {
        for fill in FILLS {
            let mut rng = StdRng::seed_from_u64(length as u64);
            let matrix = int8_matrix(&mut rng, outputs * segments * length, fill);
            let padded = length.next_multiple_of(4);
            let positions: Vec<usize> = (0..count).map(|_| rng.gen_range(0..50)).collect();
            let starts: Vec<usize> = (0..segments).map(|_| rng.gen_range(0..30)).collect();
            let data: Vec<u8> = (0..80 + padded)
                .map(|_| {
                    if matches!(fill, Fill::Mixed) {
                        rng.r#gen()
                    } else {
                        255
                    }
                })
                .collect();
            let at = |o: usize, s: usize, t: usize| matrix[(o * segments + s) * length + t];
            let packed = PackedMatrix::new(at, [outputs, segments, length]);
            let mut expected = Vec::new();
            for (o, position) in (0..outputs).flat_map(|o| positions.iter().map(move |p| (o, p))) {
                let term = |(s, t)| i32::from(at(o, s, t)) * i32::from(data[position + starts[s] + t]);
                let terms = (0..segments).flat_map(|s| (0..length).map(move |t| (s, t)));
                expected.push(terms.map(term).sum::<i32>());
            }
            let patches = Patches {
                data: &data,
                positions: &positions,
                segments: &starts,
            };
            for &backend in available_backends() {
                assert_eq!(
                    backend.multiply_patches(&packed, patches),
                    expected,
                    "{backend:?} {outputs} {segments} {length} {count} {fill:?}"
                );
            }
        }
    }
}
