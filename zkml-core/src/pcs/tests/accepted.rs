//! Honest openings, and the data behind them.

use super::refused::tamper;
use super::*;
use crate::error::{KeyError, PackingError};
use crate::field::encoding::{k_from_bytes, k_to_bytes, packed_length, unpack};
use crate::poly::Coordinate;
use crate::secret::Seed;

#[test]
fn honest_openings_are_accepted() {
    let shapes: [&[&[usize]]; 8] = [
        &[&[4]],
        &[&[0]],
        &[&[3, 1, 0]],
        &[&[7]],
        &[&[6, 4, 5]],
        &[&[6, 2, 4, 0, 5], &[5, 3]],
        &[&[4], &[4], &[4, 4], &[9], &[2, 2, 2], &[6]],
        &[&[10, 8, 4, 4, 4], &[4, 4, 4]],
    ];
    for shapes in shapes {
        for (tail, log_codeword, queries, log_stride) in [
            (0, 6, 16, 0),
            (5, 7, 9, 0),
            (16, 6, 64, 0),
            (0, 6, 16, 1),
            (16, 6, 64, 2),
            (8, 7, 40, 3),
        ] {
            for one_point in [true, false] {
                let code = CodeParameters {
                    log_stride,
                    ..code(4, tail, log_codeword, queries)
                };
                let scene = Scene::new(code, shapes, one_point);
                let (proof, _) = scene.prove(|_| {});
                assert_eq!(
                    scene.verify(&proof),
                    Ok(()),
                    "{shapes:?} {tail} {log_stride} {one_point}"
                );
            }
        }
    }
}

#[test]
fn without_claims_no_matrix_is_opened() {
    let mut scene = rich_scene();
    scene.columns.clear();
    let (proof, events) = scene.prove(|_| {});
    assert_eq!(scene.verify(&proof), Ok(()));
    let sent = |label: &str| {
        events
            .iter()
            .any(|event| event.label == label && event.kind.is_message())
    };
    assert!(sent("opening.combination"));
    assert!(!sent("opening.merge") && !sent("opening.values") && !sent("opening.columns"));
    // The combination of no rows is 0.
    for result in tamper(&scene, "opening.combination") {
        assert!(result.is_err());
    }
}

#[test]
fn a_mask_without_claims_is_opened_in_the_clear_and_by_a_recursion() {
    (0..4).for_each(a_mask_alone_is_opened);
}

fn a_mask_alone_is_opened(log_stride: u32) {
    let base = CodeParameters {
        log_stride,
        ..code(5, 32, 8, 9)
    };
    let (rows, classes) = (base.narrow(), 1 << log_stride);
    let matrix = {
        let mut random = Random(12);
        let cells = Rows::Field(random.fields((3 + 2 * classes) * rows.row_length()));
        CommittedMatrix::commit_with(cells, rows, random.seed(), Tails::whole(&rows), Keep::Codeword).unwrap()
    };
    let mask = Some(MaskRows {
        mask: ExtensionRow {
            matrix: 0,
            first_row: 3,
        },
        classes,
        first_pair: 1,
    });
    let levels = vec![code(4, 0, 7, 9)];
    for recursion in [RecursionParameters::default(), RecursionParameters { levels }] {
        let parameters = (&base, &recursion);
        let proof = {
            let mut channel = ProverTranscript::new(DOMAIN);
            channel.absorb("root", &matrix.commitment().root);
            let opened = prove_combination(&mut channel, parameters, &[&matrix], &[], mask).unwrap();
            prove_columns(&mut channel, parameters, &[&matrix], opened, 1).unwrap();
            channel.into_proof()
        };
        let verify = |commitment: Commitment, proof: &[u8]| {
            let mut channel = VerifierTranscript::new(DOMAIN, proof);
            channel.absorb("root", &matrix.commitment().root);
            let combination = verify_combination(&mut channel, parameters, &[commitment], &[], mask)?;
            verify_columns(&mut channel, parameters, &[commitment], vec![combination])?;
            channel.finish()
        };
        let commitment = matrix.commitment();
        assert_eq!(verify(commitment, &proof), Ok(()));
        // It does speak of this matrix.
        let mut other = commitment;
        other.root[3] ^= 1;
        assert_check(verify(other, &proof), "opening.merkle");
    }
}

#[test]
fn longer_rows_and_rows_of_one_bit() {
    for (log_row, log_codeword) in [(1, 3), (9, 11), (10, 12)] {
        let scene = Scene::new(code(log_row, 0, log_codeword, 6), &[&[11, 5], &[12]], false);
        let (proof, _) = scene.prove(|_| {});
        assert_eq!(scene.verify(&proof), Ok(()));
    }
}

#[test]
fn packing_places_columns_apart_and_points_reach_them() {
    let mut random = Random(6);
    for (variables, log_row) in [
        (vec![0, 3, 5, 1, 4, 0, 2, 6, 3], 4),
        (vec![2; 9], 3),
        (vec![7, 7, 6], 4),
        (vec![], 4),
        (vec![0], 1),
        (vec![5, 1, 5, 1], 5),
    ] {
        let log_stride = log_row % 3;
        let rows = RowCode {
            log_stride,
            ..RowCode::uncoded(log_row)
        };
        let packing = Packing::new(&full(&variables), rows).unwrap();
        let columns: Vec<Vec<M61>> = variables.iter().map(|v| random.fields(1 << v)).collect();
        let cells = packing.fill(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(cells.len(), packing.rows << log_row);
        // Apart: every cell of every column is there, and nothing else is.
        let taken: usize = variables.iter().map(|v| 1usize << v).sum();
        assert_eq!(packing.rows, taken.div_ceil(1 << log_row).max(1));
        let mut owners = vec![0; cells.len()];
        for (slot, column) in packing.slots.iter().zip(&columns) {
            let start = (slot.first_row << log_row) + slot.offset;
            assert_eq!(cells[start..start + column.len()], column[..]);
            owners[start..start + column.len()]
                .iter_mut()
                .for_each(|owner| *owner += 1);
        }
        assert!(owners.iter().all(|owner| *owner <= 1));
        assert_eq!(owners.iter().sum::<usize>(), taken);
        // The claim on the matrix is the value of the column.
        for (slot, column) in packing.slots.iter().zip(&columns) {
            let point: Vec<Coordinate> = (0..slot.variables)
                .map(|k| match k % 3 {
                    2 => Coordinate::Bit(random.word() & 1 == 1),
                    _ => Coordinate::Challenge(K::new(random.field(), random.field())),
                })
                .collect();
            let claim = slot.claim_point(0, &point).unwrap();
            let high: Vec<K> = claim.high.iter().map(|coordinate| coordinate.value()).collect();
            let start = claim.first_row << log_row;
            let block = &cells[start..start + (1 << (log_row as usize + high.len()))];
            let values: Vec<K> = point.iter().map(|coordinate| coordinate.value()).collect();
            // Of a narrow row the coefficients stand where the last coordinates are 0.
            let (low, between) = claim.low.split_at(log_row as usize);
            assert_eq!(between, vec![K::ZERO; log_stride as usize]);
            assert_eq!(
                evaluate_by_definition(block, &[&high, low].concat()),
                evaluate_by_definition(column, &values)
            );
        }
        let wrong = packing
            .slots
            .first()
            .map(|slot| slot.split(&vec![Coordinate::Bit(true); slot.variables + 1]));
        assert!(wrong.is_none_or(|result| matches!(
            result,
            Err(VerifyError::Key(KeyError::Packing(
                PackingError::Coordinates { .. }
            )))
        )));
    }
    assert!(Packing::new(&full(&[64]), RowCode::uncoded(4)).is_err());
    assert!(Packing::new(&full(&[63, 63, 63]), RowCode::uncoded(4)).is_err());
    assert!(Packing::new(&full(&[4]), RowCode::uncoded(64)).is_err());
}

#[test]
fn with_and_without_the_codeword_the_proof_is_the_same() {
    let mut random = Random(10);
    // Leaves of one chunk and of two; rows that are one piece of a product, and of two.
    for (log_row, tail, count) in [(4, 0, 1), (4, 3, 8), (4, 16, 150), (14, 5, 3)] {
        let code = code(log_row, tail, log_row + 3, 21);
        let field = Rows::Field(random.fields(count << log_row));
        let int8 = Rows::Int8(random.small(count << log_row).into());
        for rows in [field, int8] {
            let seed = random.seed();
            let stored = CommittedMatrix::commit(rows.clone(), &code, seed.clone()).unwrap();
            let lean = CommittedMatrix::commit_with(
                rows.clone(),
                code.wide(),
                seed.clone(),
                Tails::whole(&code.wide()),
                Keep::Tree,
            )
            .unwrap();
            let leaves = stored.leaves().to_vec();
            let restored = CommittedMatrix::restore(
                rows.clone(),
                code.wide(),
                seed.clone(),
                Tails::whole(&code.wide()),
                leaves,
            )
            .unwrap();
            assert_eq!(stored.commitment(), lean.commitment());
            assert_eq!(stored.commitment(), restored.commitment());
            let proof = |matrix: &CommittedMatrix| {
                let mut channel = ProverTranscript::new(DOMAIN);
                let point = ClaimPoint {
                    matrix: 0,
                    first_row: 0,
                    stored: StoredRows::default(),
                    high: vec![],
                    low: channel.challenges("point", log_row as usize),
                };
                prove_opening(
                    &mut channel,
                    (&code, &RecursionParameters::default()),
                    &[matrix],
                    &[Claim { point, value: K::ONE }],
                )
                .unwrap();
                channel.into_proof()
            };
            assert_eq!(proof(&stored), proof(&lean));
            assert_eq!(proof(&stored), proof(&restored));
            let short = CommittedMatrix::restore(
                rows,
                code.wide(),
                seed,
                Tails::whole(&code.wide()),
                vec![[0; 32]; 64],
            );
            assert_eq!(
                short.map(|_| ()),
                Err(PcsError::Leaves {
                    expected: code.codeword_length(),
                    found: 64
                })
            );
        }
    }
}

#[test]
fn salts_and_tails_come_from_the_seed() {
    let code = code(2, 3, 5, 4);
    let commit = |byte| {
        CommittedMatrix::commit(Rows::Int8(vec![1; 8].into()), &code, Seed::from_bytes([byte; 32]))
            .unwrap()
            .commitment()
    };
    assert_eq!(commit(1), commit(1));
    assert_ne!(commit(1), commit(2));
    assert_ne!(
        Seed::from_os().unwrap().as_bytes(),
        Seed::from_os().unwrap().as_bytes()
    );
    assert_eq!(format!("{:?}", Seed::from_bytes([77; 32])), "Seed(..)");
}

#[test]
fn the_wire_holds_what_the_documentation_says() {
    // One claim: value, two scalars a round of the merge, the value there, nonce, that of the random fold, nonce, u,
    // nonce, per query a salt and R cells, then the path.
    let code = code(4, 2, 7, 5);
    let mut random = Random(9);
    let (matrix, cells) = four_rows(&code, &mut random);
    let proof = prove_one(&code, &matrix, &cells, |_| {});
    let (fixed, queries) = (
        16 + 4 * 32 + 16 + 8 + 16 + 8 + 18 * 16 + 8,
        5 * 32 + packed_length(5 * 4),
    );
    assert!(proof.len() > fixed + queries && (proof.len() - fixed - queries).is_multiple_of(32));
    let value = k_from_bytes(proof[..16].try_into().unwrap()).unwrap();
    assert_eq!(k_to_bytes(value), proof[..16]);
    let encoded = CircleCode::new(&code).unwrap();
    let row = encoded.encode(&[&cells[..16], matrix.tail(0)].concat());
    let start = fixed + 5 * 32;
    let first = unpack(&proof[start..start + packed_length(5 * 4)]).unwrap()[0];
    assert!(row.contains(&first));
}
