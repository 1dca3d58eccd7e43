//! Openings: honest ones over many shapes, and every way of lying that we know of, each rejected by its
//! check.

use ark_ff::{AdditiveGroup, Field};

use super::*;
use crate::field::encoding::{k_from_bytes, k_to_bytes, m61_to_bytes};
use crate::field::{K, M61, P};
use crate::transcript::{
    Event, ProverChannel, ProverTranscript, VerifierChannel, VerifierTranscript, VerifyError,
};

const DOMAIN: &str = "pcs test";

/// Repeatable numbers.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn field(&mut self) -> M61 {
        M61::from_raw(self.word() % P)
    }

    fn fields(&mut self, count: usize) -> Vec<M61> {
        (0..count).map(|_| self.field()).collect()
    }

    fn small(&mut self, count: usize) -> Vec<i8> {
        (0..count).map(|_| self.word() as i8).collect()
    }

    fn seed(&mut self) -> Seed {
        Seed::from_bytes(core::array::from_fn(|_| self.word() as u8))
    }
}

/// `sum_x eq(point, x) column[x]`, from the definition.
fn evaluate_by_definition(column: &[M61], point: &[K]) -> K {
    let mut sum = K::ZERO;
    for (index, value) in column.iter().enumerate() {
        let mut weight = K::ONE;
        for (k, r) in point.iter().enumerate() {
            let bit = index >> (point.len() - 1 - k) & 1;
            weight *= if bit == 1 { *r } else { K::ONE - r };
        }
        sum += K::new(weight.c0 * value, weight.c1 * value);
    }
    sum
}

fn lift(values: &[i8]) -> Vec<M61> {
    values.iter().map(|value| M61::from(i64::from(*value))).collect()
}

/// Several matrices of packed columns, and on each column claims at challenge points.
struct Scene {
    code: CodeParameters,
    matrices: Vec<CommittedMatrix>,
    /// Column, its matrix and slot.
    columns: Vec<(Vec<M61>, usize, Slot)>,
    /// One point in the row for all (so that nothing is merged), or one for each column.
    one_point: bool,
}

impl Scene {
    /// `shapes[m]` are the variables of the columns of matrix `m`; a matrix with an odd number is of int8.
    fn new(code: CodeParameters, shapes: &[&[usize]], one_point: bool) -> Self {
        let mut random = Random(7);
        let mut scene = Self {
            code,
            matrices: vec![],
            columns: vec![],
            one_point,
        };
        for (m, variables) in shapes.iter().enumerate() {
            let packing = Packing::new(variables, scene.code.log_row).unwrap();
            let rows = if m % 2 == 1 {
                let columns: Vec<Vec<i8>> = variables.iter().map(|v| random.small(1 << v)).collect();
                for (column, slot) in columns.iter().zip(&packing.slots) {
                    scene.columns.push((lift(column), m, *slot));
                }
                Rows::Int8(packing.fill(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>()))
            } else {
                let columns: Vec<Vec<M61>> = variables.iter().map(|v| random.fields(1 << v)).collect();
                for (column, slot) in columns.iter().zip(&packing.slots) {
                    scene.columns.push((column.clone(), m, *slot));
                }
                Rows::Field(packing.fill(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>()))
            };
            scene
                .matrices
                .push(CommittedMatrix::commit(rows, &scene.code, random.seed()).unwrap());
        }
        scene
    }

    /// The points at which the columns are claimed, from the challenges that `draw` gives.
    fn points(&self, mut draw: impl FnMut() -> K) -> Vec<(ClaimPoint, Vec<K>)> {
        let log_row = self.code.log_row as usize;
        let shared: Vec<K> = (0..64).map(|_| draw()).collect();
        let one = |(index, (_, matrix, slot)): (usize, &(Vec<M61>, usize, Slot))| {
            // Variables of one size share a point; of different sizes only with `one_point`.
            let shift = if self.one_point { 0 } else { slot.variables };
            let mut point: Vec<Coordinate> = (0..slot.variables)
                .map(|k| Coordinate::Challenge(shared[(slot.variables - 1 - k + shift) % 64]))
                .collect();
            // One column in three is claimed on a half of itself only.
            if index % 3 == 2 && slot.variables > log_row {
                point[0] = Coordinate::Bit(index % 2 == 0);
            }
            let values = point.iter().map(|coordinate| coordinate.value()).collect();
            (slot.claim_point(*matrix, &point).unwrap(), values)
        };
        self.columns.iter().enumerate().map(one).collect()
    }

    fn commitments(&self) -> Vec<Commitment> {
        self.matrices.iter().map(CommittedMatrix::commitment).collect()
    }

    /// A proof, with the claims changed by `lie`.
    fn prove(&self, lie: impl Fn(&mut Vec<Claim>)) -> (Vec<u8>, Vec<Event>) {
        let mut channel = ProverTranscript::recording(DOMAIN);
        for commitment in self.commitments() {
            channel.send_digest("root", &commitment.root);
        }
        let points = self.points(|| channel.challenge("point"));
        let mut claims: Vec<Claim> = points
            .into_iter()
            .zip(&self.columns)
            .map(|((point, values), (column, _, _))| Claim {
                point,
                value: evaluate_by_definition(column, &values),
            })
            .collect();
        lie(&mut claims);
        let values: Vec<K> = claims.iter().map(|claim| claim.value).collect();
        channel.send_scalars("values", &values);
        let matrices: Vec<&CommittedMatrix> = self.matrices.iter().collect();
        prove_opening(&mut channel, &self.code, &matrices, &claims).unwrap();
        let events = channel.events().to_vec();
        (channel.into_proof(), events)
    }

    fn verify(&self, proof: &[u8]) -> Result<(), VerifyError> {
        let mut channel = VerifierTranscript::new(DOMAIN, proof);
        let mut commitments = self.commitments();
        for commitment in &mut commitments {
            commitment.root = channel.read_digest("root")?;
        }
        let points = self.points(|| channel.challenge("point"));
        let values = channel.read_scalars("values", self.columns.len())?;
        let claims: Vec<(ClaimPoint, K)> = points.into_iter().map(|(point, _)| point).zip(values).collect();
        verify_opening(&mut channel, &self.code, &commitments, &claims)?;
        channel.finish()
    }
}

fn code(log_row: u32, tail: usize, log_codeword: u32, queries: usize) -> CodeParameters {
    CodeParameters {
        log_row,
        tail,
        log_codeword,
        queries,
        grinding_bits: 3,
    }
}

/// A scene with everything: two matrices, small columns, odd row counts, a tail, different points.
fn rich_scene() -> Scene {
    Scene::new(code(4, 3, 7, 20), &[&[6, 2, 4, 0, 5], &[5, 3]], false)
}

#[track_caller]
fn assert_check<T: core::fmt::Debug>(result: Result<T, VerifyError>, expected: &str) {
    match result {
        Err(VerifyError::Check { name, .. }) => assert_eq!(name, expected),
        other => panic!("expected check {expected}, got {other:?}"),
    }
}

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
        for (tail, log_codeword, queries) in [(0, 6, 16), (5, 7, 9), (16, 6, 64)] {
            for one_point in [true, false] {
                let scene = Scene::new(code(4, tail, log_codeword, queries), shapes, one_point);
                let (proof, _) = scene.prove(|_| {});
                assert_eq!(scene.verify(&proof), Ok(()), "{shapes:?} {tail} {one_point}");
            }
        }
    }
}

#[test]
fn without_claims_nothing_is_sent() {
    let mut scene = rich_scene();
    scene.columns.clear();
    let (proof, _) = scene.prove(|_| {});
    assert_eq!(proof.len(), 64);
    assert_eq!(scene.verify(&proof), Ok(()));
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
fn false_values_are_rejected() {
    for one_point in [true, false] {
        // With one point in the row there is nothing to merge: short columns have fixed bits there.
        let shapes: &[&[usize]] = if one_point {
            &[&[6, 4, 5], &[5]]
        } else {
            &[&[6, 2, 4, 0, 5], &[5, 3]]
        };
        let scene = Scene::new(code(4, 3, 7, 20), shapes, one_point);
        let name = if one_point {
            "opening.inner_product"
        } else {
            "opening.merge"
        };
        for claim in 0..scene.columns.len() {
            let (proof, _) = scene.prove(|claims| claims[claim].value += K::ONE);
            assert_check(scene.verify(&proof), name);
        }
    }
}

#[test]
fn two_values_of_one_column_at_one_point_are_both_checked() {
    // The same claim twice, once right and once wrong: the wrong one must not hide behind the other.
    let mut scene = Scene::new(code(4, 0, 7, 20), &[&[5]], true);
    scene.columns.push(scene.columns[0].clone());
    for claim in 0..2 {
        let (proof, _) = scene.prove(|claims| claims[claim].value += K::ONE);
        assert_check(scene.verify(&proof), "opening.inner_product");
    }
    let (proof, _) = scene.prove(|_| {});
    assert_eq!(scene.verify(&proof), Ok(()));
}

/// Changes one byte of each message with this label in turn and returns the results.
fn tamper(scene: &Scene, label: &str) -> Vec<Result<(), VerifyError>> {
    let (proof, events) = scene.prove(|_| {});
    let messages: Vec<&Event> = events
        .iter()
        .filter(|event| event.label == label && event.kind.is_message())
        .collect();
    assert!(!messages.is_empty(), "no message {label}");
    let mut results = Vec::new();
    for message in messages {
        for byte in [0, message.length / 2, message.length - 8] {
            let mut changed = proof.clone();
            // The lowest bit of a word: the element stays canonical.
            changed[message.offset + byte / 8 * 8] ^= 1;
            results.push(scene.verify(&changed));
        }
    }
    results
}

#[test]
fn every_message_is_checked_by_the_check_that_should() {
    let scene = rich_scene();
    for (label, check) in [
        ("values", "opening.merge"),
        ("opening.merge", "opening.merge"),
        ("opening.values", "opening.merge"),
        ("opening.salt", "opening.merkle"),
        ("opening.columns", "opening.merkle"),
        ("opening.path", "opening.merkle"),
    ] {
        for result in tamper(&scene, label) {
            assert_check(result, check);
        }
    }
    // Of the row combination the data part is bound by the claims, the tail only by the columns; the
    // positions depend on both.
    let combination = tamper(&scene, "opening.combination");
    assert_eq!(combination.len(), 3);
    for (result, in_tail) in combination.into_iter().zip([false, false, true]) {
        match result {
            Err(VerifyError::Check {
                name: "opening.inner_product",
                ..
            }) => assert!(!in_tail),
            Err(VerifyError::Check {
                name: "transcript.grind" | "opening.merkle",
                ..
            }) => assert!(in_tail),
            other => panic!("{other:?}"),
        }
    }
    for result in tamper(&scene, "opening.grind") {
        // Another nonce may work by luck; then other positions are asked for.
        assert!(matches!(
            result,
            Err(VerifyError::Check {
                name: "transcript.grind" | "opening.merkle",
                ..
            })
        ));
    }
    // Another root: other challenges, so the claimed values are wrong before the tree is looked at.
    for result in tamper(&scene, "root") {
        assert!(result.is_err());
    }
}

#[test]
fn every_byte_of_a_proof_matters() {
    let scene = Scene::new(code(2, 1, 5, 4), &[&[3, 1], &[2]], false);
    let (proof, _) = scene.prove(|_| {});
    assert_eq!(scene.verify(&proof), Ok(()));
    for byte in 0..proof.len() {
        let mut changed = proof.clone();
        changed[byte] ^= 1;
        assert!(scene.verify(&changed).is_err(), "byte {byte}");
    }
    for length in 0..proof.len() {
        assert!(scene.verify(&proof[..length]).is_err(), "length {length}");
    }
}

/// Verifies an opening of one claim with a transcript that already holds `root`.
fn verify_one(code: &CodeParameters, commitment: Commitment, proof: &[u8]) -> Result<(), VerifyError> {
    let mut channel = VerifierTranscript::new(DOMAIN, proof);
    channel.absorb("root", &commitment.root);
    let point: Vec<K> = channel.challenges("point", 6);
    let value = channel.read_scalar("value")?;
    let point = ClaimPoint {
        matrix: 0,
        first_row: 0,
        high: Coordinate::challenges(&point[..2]),
        low: point[2..].to_vec(),
    };
    verify_opening(&mut channel, code, &[commitment], &[(point, value)])?;
    channel.finish()
}

/// Opens one matrix of four rows at a challenge point, claiming the value of `claimed`, with `u` changed by
/// `lie`.
fn prove_one(matrix: &CommittedMatrix, claimed: &[M61], lie: impl Fn(&mut Vec<K>, &[K])) -> Vec<u8> {
    let code = matrix.parameters().clone();
    let mut channel = ProverTranscript::new(DOMAIN);
    channel.absorb("root", &matrix.commitment().root);
    let point: Vec<K> = channel.challenges("point", 6);
    channel.send_scalar("value", evaluate_by_definition(claimed, &point));
    let fold = plan::RowFold {
        matrix: 0,
        first_row: 0,
        high: Coordinate::challenges(&point[..2]),
    };
    let gamma = channel.challenge("opening.combine");
    let mut combination: Vec<K> = matrix
        .fold(&fold)
        .into_iter()
        .map(|value| gamma * value)
        .collect();
    lie(&mut combination, &[gamma]);
    channel.send_extension("opening.combination", &combination);
    channel.grind("opening.grind", code.grinding_bits);
    let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
    matrix
        .salts(&positions)
        .iter()
        .for_each(|salt| channel.send_digest("opening.salt", salt));
    channel.send_base("opening.columns", &matrix.columns(&positions));
    matrix
        .path(&positions)
        .iter()
        .for_each(|node| channel.send_digest("opening.path", node));
    channel.into_proof()
}

#[test]
fn a_combination_that_fits_a_false_value_is_caught_at_the_columns() {
    let code = code(4, 0, 7, 20);
    let mut random = Random(3);
    let cells = random.fields(64);
    let matrix = CommittedMatrix::commit(Rows::Field(cells.clone()), &code, random.seed()).unwrap();
    let honest = prove_one(&matrix, &cells, |_, _| {});
    assert_eq!(verify_one(&code, matrix.commitment(), &honest), Ok(()));

    // Claim the value of another matrix, and send the combination of its rows: consistent with the claim, not
    // with the columns.
    let mut other = cells.clone();
    other[21] += M61::ONE;
    let lying = CommittedMatrix::commit(Rows::Field(other.clone()), &code, random.seed()).unwrap();
    let proof = {
        let mut channel = ProverTranscript::new(DOMAIN);
        channel.absorb("root", &matrix.commitment().root);
        let point: Vec<K> = channel.challenges("point", 6);
        channel.send_scalar("value", evaluate_by_definition(&other, &point));
        let fold = plan::RowFold {
            matrix: 0,
            first_row: 0,
            high: Coordinate::challenges(&point[..2]),
        };
        let gamma = channel.challenge("opening.combine");
        let combination: Vec<K> = lying.fold(&fold).into_iter().map(|value| gamma * value).collect();
        channel.send_extension("opening.combination", &combination);
        channel.grind("opening.grind", code.grinding_bits);
        let positions = channel.positions("opening.positions", code.queries, code.codeword_length());
        matrix
            .salts(&positions)
            .iter()
            .for_each(|salt| channel.send_digest("opening.salt", salt));
        channel.send_base("opening.columns", &matrix.columns(&positions));
        matrix
            .path(&positions)
            .iter()
            .for_each(|node| channel.send_digest("opening.path", node));
        channel.into_proof()
    };
    assert_check(verify_one(&code, matrix.commitment(), &proof), "opening.column");
}

#[test]
fn a_false_tail_of_the_combination_is_caught_at_the_columns() {
    let code = code(4, 2, 7, 20);
    let mut random = Random(4);
    let cells = random.fields(64);
    let matrix = CommittedMatrix::commit(Rows::Field(cells.clone()), &code, random.seed()).unwrap();
    assert_eq!(
        verify_one(&code, matrix.commitment(), &prove_one(&matrix, &cells, |_, _| {})),
        Ok(())
    );
    // The tail is no part of the inner product; only the columns know it.
    let proof = prove_one(&matrix, &cells, |combination, _| combination[17] += K::ONE);
    assert_check(verify_one(&code, matrix.commitment(), &proof), "opening.column");
}

#[test]
fn a_row_that_is_no_codeword_is_rejected() {
    let code = code(4, 0, 7, 20);
    let mut random = Random(5);
    let cells = random.fields(64);
    let word = random.fields(128);
    let mut matrix = CommittedMatrix::commit(Rows::Field(cells.clone()), &code, random.seed()).unwrap();
    matrix.replace_encoded_row(2, &word);
    let proof = prove_one(&matrix, &cells, |_, _| {});
    assert_check(verify_one(&code, matrix.commitment(), &proof), "opening.column");

    // The same with the true row: the tree is rebuilt and all is well, so it is the word that was refused.
    let row = CircleCode::new(&code).unwrap().encode(&cells[32..48]);
    matrix.replace_encoded_row(2, &row);
    let proof = prove_one(&matrix, &cells, |_, _| {});
    assert_eq!(verify_one(&code, matrix.commitment(), &proof), Ok(()));
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
        let packing = Packing::new(&variables, log_row).unwrap();
        let columns: Vec<Vec<M61>> = variables.iter().map(|v| random.fields(1 << v)).collect();
        let cells = packing.fill(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(cells.len(), packing.rows << log_row);
        // Apart: every cell of every column is there, and nothing else is.
        let taken: usize = variables.iter().map(|v| 1usize << v).sum();
        assert!(packing.rows == taken.div_ceil(1 << log_row));
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
            assert_eq!(
                evaluate_by_definition(block, &[high, claim.low].concat()),
                evaluate_by_definition(column, &values)
            );
        }
        let wrong = packing
            .slots
            .first()
            .map(|slot| slot.split(&vec![Coordinate::Bit(true); slot.variables + 1]));
        assert!(wrong.is_none_or(|result| matches!(result, Err(VerifyError::Key(_)))));
    }
    assert!(Packing::new(&[64], 4).is_err());
    assert!(Packing::new(&[63, 63, 63], 4).is_err());
    assert!(Packing::new(&[4], 64).is_err());
}

#[test]
fn claims_that_do_not_fit_are_refused_by_both_sides() {
    let code = code(2, 0, 5, 4);
    let mut random = Random(8);
    let matrix = CommittedMatrix::commit(Rows::Field(random.fields(24)), &code, random.seed()).unwrap();
    let x = Coordinate::Challenge(K::new(random.field(), random.field()));
    let y = Coordinate::Challenge(K::new(random.field(), random.field()));
    let low = vec![K::ZERO; 2];
    let good = ClaimPoint {
        matrix: 0,
        first_row: 2,
        high: vec![x, y],
        low: low.clone(),
    };
    let bits = ClaimPoint {
        high: vec![Coordinate::Bit(true), Coordinate::Bit(true)],
        ..good.clone()
    };
    let bad = [
        ClaimPoint {
            matrix: 1,
            ..good.clone()
        },
        ClaimPoint {
            first_row: 3,
            ..good.clone()
        },
        ClaimPoint {
            first_row: usize::MAX,
            ..good.clone()
        },
        ClaimPoint {
            high: vec![x, Coordinate::Bit(true), y],
            ..good.clone()
        },
        ClaimPoint {
            high: vec![Coordinate::Bit(true); 64],
            ..good.clone()
        },
        ClaimPoint {
            low: vec![K::ZERO; 3],
            ..good.clone()
        },
        // One challenge for two row variables: the combination would test less than it should.
        ClaimPoint {
            high: vec![x, x],
            ..good.clone()
        },
    ];
    for point in [&good, &bits] {
        assert_eq!(claim::check_points(&code, &[6], [point]), Ok(()));
    }
    for point in bad {
        let claim = Claim {
            point: point.clone(),
            value: K::ZERO,
        };
        let mut prover = ProverTranscript::new(DOMAIN);
        assert!(matches!(
            prove_opening(&mut prover, &code, &[&matrix], &[claim]),
            Err(PcsError::Parameters(VerifyError::Key(_)))
        ));
        let mut verifier = VerifierTranscript::new(DOMAIN, &[]);
        assert!(matches!(
            verify_opening(&mut verifier, &code, &[matrix.commitment()], &[(point, K::ZERO)]),
            Err(VerifyError::Key(_))
        ));
    }
}

#[test]
fn data_that_makes_no_matrix_is_refused() {
    let code = code(2, 0, 5, 4);
    for cells in [0, 3, 7] {
        let result = CommittedMatrix::commit(Rows::Int8(vec![1; cells]), &code, Seed::from_bytes([0; 32]));
        assert_eq!(result.map(|_| ()), Err(PcsError::Shape { cells, row_length: 4 }));
    }
    let matrix = CommittedMatrix::commit(Rows::Int8(vec![1; 4]), &code, Seed::from_bytes([0; 32])).unwrap();
    let other = CodeParameters { queries: 5, ..code };
    let result = prove_opening(&mut ProverTranscript::new(DOMAIN), &other, &[&matrix], &[]);
    assert_eq!(result, Err(PcsError::OtherCode { matrix: 0 }));
}

#[test]
fn with_and_without_the_codeword_the_proof_is_the_same() {
    let mut random = Random(10);
    for (tail, count) in [(0, 1), (3, 8), (16, 150)] {
        let code = code(4, tail, 7, 21);
        let field = Rows::Field(random.fields(16 * count));
        let int8 = Rows::Int8(random.small(16 * count));
        for rows in [field, int8] {
            let seed = random.seed();
            let stored = CommittedMatrix::commit(rows.clone(), &code, seed.clone()).unwrap();
            let lean =
                CommittedMatrix::commit_keeping(rows.clone(), &code, seed.clone(), Keep::Tree).unwrap();
            let leaves = stored.leaves().to_vec();
            let restored = CommittedMatrix::restore(rows.clone(), &code, seed.clone(), leaves).unwrap();
            assert_eq!(stored.commitment(), lean.commitment());
            assert_eq!(stored.commitment(), restored.commitment());
            let proof = |matrix: &CommittedMatrix| {
                let mut channel = ProverTranscript::new(DOMAIN);
                let point = ClaimPoint {
                    matrix: 0,
                    first_row: 0,
                    high: vec![],
                    low: channel.challenges("point", 4),
                };
                prove_opening(&mut channel, &code, &[matrix], &[Claim { point, value: K::ONE }]).unwrap();
                channel.into_proof()
            };
            assert_eq!(proof(&stored), proof(&lean));
            assert_eq!(proof(&stored), proof(&restored));
            let short = CommittedMatrix::restore(rows, &code, seed, vec![[0; 32]; 64]);
            assert_eq!(
                short.map(|_| ()),
                Err(PcsError::Leaves {
                    expected: 128,
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
        CommittedMatrix::commit(Rows::Int8(vec![1; 8]), &code, Seed::from_bytes([byte; 32]))
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
    // One claim: value, then u, nonce, per query a salt and R cells, then the path.
    let code = code(4, 2, 7, 5);
    let mut random = Random(9);
    let cells = random.fields(64);
    let matrix = CommittedMatrix::commit(Rows::Field(cells.clone()), &code, random.seed()).unwrap();
    let proof = prove_one(&matrix, &cells, |_, _| {});
    let (fixed, queries) = (16 + 18 * 16 + 8, 5 * (32 + 4 * 8));
    assert!(proof.len() > fixed + queries && (proof.len() - fixed - queries).is_multiple_of(32));
    let value = k_from_bytes(proof[..16].try_into().unwrap()).unwrap();
    assert_eq!(k_to_bytes(value), proof[..16]);
    let encoded = CircleCode::new(&code).unwrap();
    let row = encoded.encode(&[&cells[..16], &matrix.tail_of_row(0)].concat());
    let start = fixed + 5 * 32;
    let first = &proof[start..start + 8];
    assert!(row.iter().any(|cell| m61_to_bytes(*cell) == first));
}
