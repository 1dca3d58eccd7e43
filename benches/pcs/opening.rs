//! Opening one trace and one matrix of weights at one point each, and verifying that.

use criterion::Criterion;
use zkml_core::field::{K, k_from_base};
use zkml_core::pcs::recursive::RecursionParameters;
use zkml_core::pcs::{
    Claim, ClaimPoint, CodeParameters, CommittedMatrix, Rows, StoredRows, prove_opening, verify_opening,
};
use zkml_core::poly::Coordinate;
use zkml_core::poly::eq_table;
use zkml_core::secret::Seed;
use zkml_core::transcript::{ProverChannel, ProverTranscript, VerifierChannel, VerifierTranscript};

use super::support::Stream;
use super::{code, field_rows, int8_rows};

/// Two committed matrices of `2^log_rows` rows, and what is claimed about them.
struct Case {
    log_rows: usize,
    code: CodeParameters,
    recursion: RecursionParameters,
    matrices: [CommittedMatrix; 2],
    /// The values at the points that the transcript draws.
    values: Vec<K>,
}

impl Case {
    fn new(log_rows: usize, log_row: u32, log_codeword: u32) -> Self {
        let code = code(log_row, log_codeword);
        let cells = 1 << (log_rows + log_row as usize);
        let commit =
            |rows| CommittedMatrix::commit(rows, &code, Seed::from_bytes([1; 32])).expect("whole rows");
        let matrices = [
            commit(field_rows(&mut Stream(1), cells)),
            commit(int8_rows(&mut Stream(2), cells)),
        ];
        let mut case = Self {
            log_rows,
            code,
            recursion: RecursionParameters::default(),
            matrices,
            values: Vec::new(),
        };
        let challenges = ProverTranscript::new("bench").challenges("point", case.challenges());
        case.values = case
            .matrices
            .iter()
            .zip(challenges.chunks(challenges.len() / 2))
            .map(|(matrix, point)| evaluate(matrix.rows(), point))
            .collect();
        case
    }

    /// Challenges for both points.
    fn challenges(&self) -> usize {
        2 * (self.log_rows + self.code.log_row as usize)
    }

    /// A point for each matrix, with the value there.
    fn claims(&self, challenges: &[K]) -> Vec<(ClaimPoint, K)> {
        let points = challenges.chunks(challenges.len() / 2).enumerate();
        points
            .map(|(matrix, challenges)| {
                let (high, low) = challenges.split_at(self.log_rows);
                ClaimPoint {
                    matrix,
                    first_row: 0,
                    stored: StoredRows::full(self.log_rows).expect("few rows"),
                    high: Coordinate::challenges(high),
                    low: low.to_vec(),
                }
            })
            .zip(self.values.iter().copied())
            .collect()
    }

    fn prove(&self) -> Vec<u8> {
        let mut channel = ProverTranscript::new("bench");
        let challenges = channel.challenges("point", self.challenges());
        let claims = self.claims(&challenges).into_iter();
        let claims: Vec<Claim> = claims.map(|(point, value)| Claim { point, value }).collect();
        let parameters = (&self.code, &self.recursion);
        prove_opening(&mut channel, parameters, &self.matrices.each_ref(), &claims).expect("claims fit");
        channel.into_proof()
    }

    fn verify(&self, proof: &[u8]) {
        let commitments = self.matrices.each_ref().map(CommittedMatrix::commitment);
        let mut channel = VerifierTranscript::new("bench", proof);
        let challenges = channel.challenges("point", self.challenges());
        let claims = self.claims(&challenges);
        let parameters = (&self.code, &self.recursion);
        verify_opening(&mut channel, parameters, &commitments, &claims).expect("an honest proof");
    }
}

/// The multilinear extension of the cells at a point.
fn evaluate(rows: &Rows, point: &[K]) -> K {
    let eq = eq_table(point);
    match rows {
        Rows::Field(rows) => rows.iter().zip(&eq).map(|(x, eq)| *eq * k_from_base(*x)).sum(),
        Rows::Int8(rows) => rows
            .iter()
            .zip(&eq)
            .map(|(x, eq)| *eq * K::from(i64::from(*x)))
            .sum(),
    }
}

pub(crate) fn opening(c: &mut Criterion) {
    let mut group = c.benchmark_group("opening");
    group.sample_size(10);
    for (log_rows, log_row, log_codeword) in [(6, 10, 13), (10, 10, 13), (7, 13, 15)] {
        let case = Case::new(log_rows, log_row, log_codeword);
        let proof = case.prove();
        let kilobytes = proof.len() / 1000;
        let shape = format!("2^{log_rows}x2^{log_row}->2^{log_codeword}/{kilobytes}KB");
        group.bench_function(format!("prove/{shape}"), |bencher| bencher.iter(|| case.prove()));
        group.bench_function(format!("verify/{shape}"), |bencher| {
            bencher.iter(|| case.verify(&proof))
        });
    }
    group.finish();
}
