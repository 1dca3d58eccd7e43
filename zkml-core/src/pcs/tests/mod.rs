//! Openings: honest ones over many shapes, and every way of lying that we know of, each rejected by its
//! check.

// The fixtures are called by tests only.
#![allow(clippy::unwrap_used, clippy::panic)]

mod accepted;
mod refused;

use crate::poly::Coordinate;
use crate::secret::Seed;
use ark_ff::{AdditiveGroup, Field};

use super::testing::{code, every_byte_matters, send_columns};
use super::*;
use crate::field::{K, M61, P};
use crate::sumcheck::testing::Stream as Random;
use crate::transcript::{
    Event, ProverChannel, ProverTranscript, VerifierChannel, VerifierTranscript, VerifyError,
};

const DOMAIN: &str = "pcs test";

impl Random {
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
    /// One point in the row for all, or one for each column.
    one_point: bool,
    /// How the combination is shown.
    recursion: RecursionParameters,
}

impl Scene {
    /// `shapes[m]` are the variables of the columns of matrix `m`; a matrix with an odd number is of int8 and
    /// wide, the others narrow.
    fn new(code: CodeParameters, shapes: &[&[usize]], one_point: bool) -> Self {
        let mut random = Random(7);
        let mut scene = Self {
            code,
            matrices: vec![],
            columns: vec![],
            one_point,
            recursion: RecursionParameters::default(),
        };
        for (m, variables) in shapes.iter().enumerate() {
            let row_code = match m % 2 {
                0 => scene.code.narrow(),
                _ => scene.code.wide(),
            };
            let packing = Packing::new(&full(variables), row_code).unwrap();
            let rows = if m % 2 == 1 {
                let columns: Vec<Vec<i8>> = variables.iter().map(|v| random.small(1 << v)).collect();
                for (column, slot) in columns.iter().zip(&packing.slots) {
                    scene.columns.push((lift(column), m, slot.clone()));
                }
                {
                    let columns: Vec<&[i8]> = columns.iter().map(Vec::as_slice).collect();
                    Rows::Int8(packing.fill(&columns).into())
                }
            } else {
                let columns: Vec<Vec<M61>> = variables.iter().map(|v| random.fields(1 << v)).collect();
                for (column, slot) in columns.iter().zip(&packing.slots) {
                    scene.columns.push((column.clone(), m, slot.clone()));
                }
                Rows::Field(packing.fill(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>()))
            };
            let (tails, seed) = (Tails::whole(&row_code), random.seed());
            let matrix = CommittedMatrix::commit_with(rows, row_code, seed, tails, Keep::Codeword);
            scene.matrices.push(matrix.unwrap());
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
        prove_opening(&mut channel, (&self.code, &self.recursion), &matrices, &claims).unwrap();
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
        verify_opening(&mut channel, (&self.code, &self.recursion), &commitments, &claims)?;
        channel.finish()
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

/// Verifies an opening of one claim with a transcript that already holds `root`.
/// Columns that are stored whole.
fn full(variables: &[usize]) -> Vec<Extent> {
    variables
        .iter()
        .map(|&variables| Extent::full(variables))
        .collect()
}

fn verify_one(code: &CodeParameters, commitment: Commitment, proof: &[u8]) -> Result<(), VerifyError> {
    let mut channel = VerifierTranscript::new(DOMAIN, proof);
    channel.absorb("root", &commitment.root);
    let point: Vec<K> = channel.challenges("point", 6);
    let value = channel.read_scalar("value")?;
    let point = ClaimPoint {
        matrix: 0,
        first_row: 0,
        stored: StoredRows::full(2).unwrap(),
        high: Coordinate::challenges(&point[..2]),
        low: point[2..].to_vec(),
    };
    verify_opening(
        &mut channel,
        (code, &RecursionParameters::default()),
        &[commitment],
        &[(point, value)],
    )?;
    channel.finish()
}

/// Claims the value of `claimed`, four rows, at a challenge point, and opens it for `matrix` up to the combination, which
/// is returned.
fn send_combined(
    channel: &mut ProverTranscript,
    code: &CodeParameters,
    matrix: &CommittedMatrix,
    claimed: &[M61],
) -> Vec<K> {
    let point: Vec<K> = channel.challenges("point", 6);
    let value = evaluate_by_definition(claimed, &point);
    channel.send_scalar("value", value);
    let point = ClaimPoint {
        matrix: 0,
        first_row: 0,
        stored: StoredRows::full(2).unwrap(),
        high: Coordinate::challenges(&point[..2]),
        low: point[2..].to_vec(),
    };
    let plan = plan::Plan::new([&point]);
    let (z, sums) = merge::merge(channel, code.log_row, &plan, &[matrix], &[Claim { point, value }]).unwrap();
    channel.grind("opening.proximity.grind", soundness::PROXIMITY_GRINDING_BITS);
    let deltas = channel.challenges("opening.proximity", matrix.commitment().rows);
    let random = matrix.combine(&deltas).unwrap();
    let eq = crate::poly::eq_table(&z);
    let value = random.iter().zip(&eq).map(|(value, eq)| *value * eq).sum();
    channel.send_scalar("opening.proximity", value);
    channel.grind("opening.combine.grind", soundness::PROXIMITY_GRINDING_BITS);
    let gammas = channel.challenges("opening.combine", 2);
    let [(0, weights)] = sums[0].as_slice() else {
        panic!("the rows of one fold");
    };
    let both = matrix.combine(weights).unwrap().into_iter().zip(random);
    both.map(|(fold, random)| gammas[0] * fold + gammas[1] * random)
        .collect()
}

/// A matrix of four rows of 16 cells, and the cells.
fn four_rows(code: &CodeParameters, random: &mut Random) -> (CommittedMatrix, Vec<M61>) {
    let cells = random.fields(64);
    let matrix = CommittedMatrix::commit(Rows::Field(cells.clone()), code, random.seed()).unwrap();
    (matrix, cells)
}

/// Opens one matrix of four rows at a challenge point, claiming the value of `claimed`, with `u` changed by
/// `lie`.
fn prove_one(
    code: &CodeParameters,
    matrix: &CommittedMatrix,
    claimed: &[M61],
    lie: impl Fn(&mut Vec<K>),
) -> Vec<u8> {
    let mut channel = ProverTranscript::new(DOMAIN);
    channel.absorb("root", &matrix.commitment().root);
    let mut combination = send_combined(&mut channel, code, matrix, claimed);
    lie(&mut combination);
    channel.send_extension("opening.combination", &combination);
    send_columns(&mut channel, matrix, code);
    channel.into_proof()
}
