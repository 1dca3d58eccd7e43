//! The polynomial commitment: encoding, hashing, committing, opening, verifying.
//!
//! One thread: `RAYON_NUM_THREADS=1 cargo bench --bench pcs`.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set up should stop"
)]

mod opening;
mod recursion;
#[path = "../support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use support::Stream;
use zkml_core::field::{K, M61};
use zkml_core::pcs::hash::{LANES, bare_leaf_digests, bare_leaf_length};
use zkml_core::pcs::merkle::MerkleTree;
use zkml_core::pcs::{
    CircleCode, CodeParameters, CommittedMatrix, Keep, MatrixOracle, Rows, TARGET_BITS, Tails,
};
use zkml_core::secret::Seed;

/// Cells of a trace.
fn field_rows(stream: &mut Stream, cells: usize) -> Rows {
    Rows::Field((0..cells).map(|_| M61::from(stream.word())).collect())
}

/// Cells of weights.
fn int8_rows(stream: &mut Stream, cells: usize) -> Rows {
    Rows::Int8(
        (0..cells)
            .map(|_| stream.word() as i8)
            .collect::<Vec<i8>>()
            .into(),
    )
}

fn code(log_row: u32, log_codeword: u32) -> CodeParameters {
    CodeParameters::for_target(log_row, 0, log_codeword, 0, TARGET_BITS).expect("parameters in range")
}

/// Leaves and inner nodes; throughput in bytes of the encoded matrix.
fn merkle(c: &mut Criterion) {
    let mut group = c.benchmark_group("merkle");
    for rows in [16, 64, 1024] {
        let (columns, length) = (1 << 13, bare_leaf_length(rows));
        let bytes = vec![7u8; length * LANES];
        group.throughput(Throughput::Bytes((8 * rows * columns) as u64));
        group.bench_function(
            BenchmarkId::new("leaves_and_nodes", format!("{rows}x{columns}")),
            |bencher| {
                bencher.iter(|| {
                    let leaves =
                        (0..columns / LANES).flat_map(|_| bare_leaf_digests(black_box(&bytes), length));
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
        ("trace", 33, 15, 17),
        ("trace", 124, 17, 19),
        ("weights", 128, 13, 15),
        ("weights", 252, 16, 18),
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
                        field_rows(&mut Stream(1), cells)
                    } else {
                        int8_rows(&mut Stream(1), cells)
                    }
                },
                |rows| CommittedMatrix::commit(rows, &code, Seed::from_bytes([1; 32])),
                criterion::BatchSize::LargeInput,
            )
        });
    }
    group.finish();
}

/// Columns of weights whose codeword was not kept; throughput in multiply-adds of a byte and an int8 value.
fn recompute(c: &mut Criterion) {
    let mut group = c.benchmark_group("recompute");
    group.sample_size(10);
    for (rows, log_row, columns) in [(64, 18, 121), (1024, 13, 121)] {
        let code = code(log_row, log_row + 2).wide();
        let cells = int8_rows(&mut Stream(1), rows << log_row);
        let seed = Seed::from_bytes([1; 32]);
        let matrix =
            CommittedMatrix::commit_with(cells, code, seed, Tails::NONE, Keep::Tree).expect("whole rows");
        let symbols: Vec<usize> = (0..columns)
            .map(|index| index * 7919 % code.codeword_length())
            .collect();
        group.throughput(Throughput::Elements(((8 * columns * rows) << log_row) as u64));
        group.bench_function(format!("{rows}x2^{log_row}, {columns} columns"), |bencher| {
            bencher.iter(|| matrix.columns(black_box(&symbols)))
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

criterion_group!(
    benches,
    merkle,
    commit,
    recompute,
    encode_combination,
    opening::opening,
    recursion::recursion
);
criterion_main!(benches);
