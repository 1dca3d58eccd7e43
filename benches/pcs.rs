//! The polynomial commitment: encoding, hashing, committing, opening, verifying.
//!
//! One thread: `RAYON_NUM_THREADS=1 cargo bench --bench pcs`.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set up should stop"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zkml_core::field::{K, M61, k_from_base};
use zkml_core::pcs::hash::{LANES, leaf_digests, leaf_length};
use zkml_core::pcs::merkle::MerkleTree;
use zkml_core::pcs::recursive::{self, Functional, RecursionGoal, RecursionParameters};
use zkml_core::pcs::{
    CircleCode, Claim, ClaimPoint, CodeParameters, CommittedMatrix, Rows, StoredRows, TARGET_BITS,
    prove_opening, verify_opening,
};
use zkml_core::poly::Coordinate;
use zkml_core::secret::Seed;
use zkml_core::transcript::{ProverChannel, ProverTranscript, VerifierChannel, VerifierTranscript};

/// Deterministic pseudo-random words (splitmix64).
struct Stream(u64);

impl Stream {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn field(&mut self, cells: usize) -> Rows {
        Rows::Field((0..cells).map(|_| M61::from(self.word())).collect())
    }

    fn int8(&mut self, cells: usize) -> Rows {
        Rows::Int8((0..cells).map(|_| self.word() as i8).collect::<Vec<i8>>().into())
    }
}

fn code(log_row: u32, log_codeword: u32) -> CodeParameters {
    CodeParameters::for_target(log_row, 0, log_codeword, 0, TARGET_BITS).expect("parameters in range")
}

/// Leaves and inner nodes; throughput in bytes of the encoded matrix.
fn merkle(c: &mut Criterion) {
    let mut group = c.benchmark_group("merkle");
    for rows in [16, 64, 1024] {
        let (columns, length) = (1 << 13, leaf_length(rows));
        let bytes = vec![7u8; length * LANES];
        group.throughput(Throughput::Bytes((8 * rows * columns) as u64));
        group.bench_function(
            BenchmarkId::new("leaves_and_nodes", format!("{rows}x{columns}")),
            |bencher| {
                bencher.iter(|| {
                    let leaves = (0..columns / LANES).flat_map(|_| leaf_digests(black_box(&bytes), length));
                    MerkleTree::new(leaves.collect(), 32).root()
                })
            },
        );
    }
    group.finish();
}

/// Encoding and hashing; throughput in bytes of the encoded matrix.
fn commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("commit");
    group.sample_size(10);
    let shapes = [
        ("trace", 64, 10, 13),
        ("trace", 1024, 10, 13),
        ("trace", 128, 13, 15),
        ("weights", 128, 13, 15),
    ];
    for (kind, rows, log_row, log_codeword) in shapes {
        let code = code(log_row, log_codeword);
        let cells = rows << log_row;
        group.throughput(Throughput::Bytes(((8 * rows) << log_codeword) as u64));
        let name = format!("{kind}/{rows}x2^{log_row}->2^{log_codeword}");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    if kind == "trace" {
                        Stream(1).field(cells)
                    } else {
                        Stream(1).int8(cells)
                    }
                },
                |rows| CommittedMatrix::commit(rows, &code, Seed::from_bytes([1; 32])),
                criterion::BatchSize::LargeInput,
            )
        });
    }
    group.finish();
}

/// The verifier's encoder over `K`; throughput in bytes of the codeword.
fn encode_combination(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode_combination");
    for (log_row, log_codeword) in [(10, 13), (13, 15)] {
        let code = CircleCode::new(&code(log_row, log_codeword)).expect("parameters in range");
        let message: Vec<K> = (0..1u64 << log_row)
            .map(|i| K::new(M61::from(i), M61::from(i * i)))
            .collect();
        group.throughput(Throughput::Bytes(16 << log_codeword));
        group.bench_function(format!("2^{log_row}->2^{log_codeword}"), |bencher| {
            bencher.iter(|| code.encode_extension(black_box(&message)))
        });
    }
    group.finish();
}

/// Opening one trace and one weight matrix at one point each, and verifying that.
fn opening(c: &mut Criterion) {
    let mut group = c.benchmark_group("opening");
    group.sample_size(10);
    for (log_rows, log_row, log_codeword) in [(6, 10, 13), (10, 10, 13), (7, 13, 15)] {
        let code = code(log_row, log_codeword);
        let cells = 1usize << (log_rows + log_row);
        let commit =
            |rows| CommittedMatrix::commit(rows, &code, Seed::from_bytes([1; 32])).expect("whole rows");
        let (trace, weights) = (commit(Stream(1).field(cells)), commit(Stream(2).int8(cells)));
        let point = |challenges: &[K], matrix| ClaimPoint {
            matrix,
            first_row: 0,
            stored: StoredRows::full(log_rows as usize).expect("few rows"),
            high: Coordinate::challenges(&challenges[..log_rows as usize]),
            low: challenges[log_rows as usize..].to_vec(),
        };
        // The work does not depend on the values; what is verified below are the true ones.
        let values: Vec<K> = {
            let mut channel = ProverTranscript::new("bench");
            let challenges = channel.challenges("point", 2 * (log_rows + log_row) as usize);
            let eq = |challenges: &[K]| zkml_core::poly::eq_table(challenges);
            let (first, second) = challenges.split_at(challenges.len() / 2);
            [(&trace, eq(first)), (&weights, eq(second))]
                .into_iter()
                .map(|(matrix, eq)| match matrix.rows() {
                    Rows::Field(rows) => rows.iter().zip(&eq).map(|(x, eq)| *eq * k_from_base(*x)).sum(),
                    Rows::Int8(rows) => rows
                        .iter()
                        .zip(&eq)
                        .map(|(x, eq)| *eq * K::from(i64::from(*x)))
                        .sum(),
                })
                .collect()
        };
        let prove = || {
            let mut channel = ProverTranscript::new("bench");
            let challenges = channel.challenges("point", 2 * (log_rows + log_row) as usize);
            let claims: Vec<Claim> = challenges
                .chunks(challenges.len() / 2)
                .zip(&values)
                .enumerate()
                .map(|(matrix, (challenges, value))| Claim {
                    point: point(challenges, matrix),
                    value: *value,
                })
                .collect();
            prove_opening(
                &mut channel,
                (&code, &RecursionParameters::default()),
                &[&trace, &weights],
                &claims,
            )
            .expect("claims fit");
            channel.into_proof()
        };
        let proof = prove();
        let commitments = [trace.commitment(), weights.commitment()];
        let verify = || {
            let mut channel = VerifierTranscript::new("bench", &proof);
            let challenges = channel.challenges("point", 2 * (log_rows + log_row) as usize);
            let claims: Vec<(ClaimPoint, K)> = challenges
                .chunks(challenges.len() / 2)
                .zip(&values)
                .enumerate()
                .map(|(matrix, (challenges, value))| (point(challenges, matrix), *value))
                .collect();
            verify_opening(
                &mut channel,
                (&code, &RecursionParameters::default()),
                &commitments,
                &claims,
            )
            .expect("an honest proof");
        };
        let shape = format!(
            "2^{log_rows}x2^{log_row}->2^{log_codeword}/{}KB",
            proof.len() / 1000
        );
        group.bench_function(format!("prove/{shape}"), |bencher| bencher.iter(prove));
        group.bench_function(format!("verify/{shape}"), |bencher| bencher.iter(verify));
    }
    group.finish();
}

/// A recursion over a row combination of `2^17 + 9,000` elements: commitment, argument for one point and 130 positions,
/// verification. The proof of work is left out: it has nothing to do with the length.
fn recursion(c: &mut Criterion) {
    let mut group = c.benchmark_group("recursion");
    group.sample_size(10);
    for bytes_per_cell in [0.003, 0.01, 0.03] {
        let goal = RecursionGoal {
            grinding_bits: 20,
            bytes_per_cell,
            ..RecursionGoal::default()
        };
        let row = 1usize << 17;
        let mut parameters = RecursionParameters::choose(row + 9_000, &goal);
        let length = parameters.padded_length(row + 9_000);
        let base = CodeParameters {
            queries: 130,
            ..CodeParameters::for_target(17, length - row, 19, 0, TARGET_BITS).expect("parameters in range")
        };
        println!("{bytes_per_cell}: {:?} {parameters:?}", parameters.cost(length));
        for level in &mut parameters.levels {
            level.grinding_bits = 0;
        }
        let mut stream = Stream(3);
        let message: Vec<K> = (0..length)
            .map(|_| K::new(M61::from(stream.word()), M61::from(stream.word())))
            .collect();
        let functionals = |mut challenge: Box<dyn FnMut() -> K + '_>, positions: Vec<usize>| {
            let point = (0..17).map(|_| challenge()).collect();
            let positions = positions.into_iter().map(Functional::Position);
            core::iter::once(Functional::Eq(point))
                .chain(positions)
                .collect::<Vec<_>>()
        };
        let commit = || {
            let mut channel = ProverTranscript::new("bench");
            let committed = recursive::commit(&mut channel, &parameters, &message).expect("it fits");
            (channel, committed)
        };
        let prove = |(mut channel, committed): (ProverTranscript, recursive::Committed)| {
            let positions = channel.positions("positions", base.queries, base.codeword_length());
            let functionals = functionals(Box::new(|| channel.challenge("point")), positions);
            recursive::prove(&mut channel, &parameters, &base, committed, &functionals).expect("they fit");
            (channel.into_proof(), functionals)
        };
        let (proof, claimed) = prove(commit());
        let code = CircleCode::new(&base).expect("parameters in range");
        let codeword = code.encode_extension(&message);
        let claims: Vec<(Functional, K)> = claimed
            .into_iter()
            .map(|functional| {
                let value = match &functional {
                    Functional::Eq(point) => zkml_core::poly::evaluate(&message, point),
                    Functional::Position(position) => codeword[*position],
                };
                (functional, value)
            })
            .collect();
        let verify = || {
            let mut channel = VerifierTranscript::new("bench", &proof);
            let commitment =
                recursive::read_commitment(&mut channel, &parameters, length).expect("an honest proof");
            channel.positions("positions", base.queries, base.codeword_length());
            channel.challenges("point", 17);
            recursive::verify(&mut channel, &parameters, &base, commitment, &claims)
                .expect("an honest proof");
            channel.finish().expect("nothing follows");
        };
        let levels = parameters
            .levels
            .iter()
            .map(|level| format!("2^{}->2^{}", level.log_row, level.log_codeword));
        let shape = format!(
            "{}/{}KB",
            levels.collect::<Vec<_>>().join(","),
            proof.len() / 1000
        );
        group.bench_function(format!("commit/{shape}"), |bencher| bencher.iter(commit));
        group.bench_function(format!("prove/{shape}"), |bencher| {
            bencher.iter_batched(commit, prove, criterion::BatchSize::LargeInput)
        });
        group.bench_function(format!("verify/{shape}"), |bencher| bencher.iter(verify));
    }
    group.finish();
}

criterion_group!(benches, merkle, commit, encode_combination, opening, recursion);
criterion_main!(benches);
