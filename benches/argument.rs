//! Sumcheck and lookup argument: time per element and per lookup.
//!
//! One thread: `RAYON_NUM_THREADS=1 cargo bench --bench argument`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use zkml_core::field::{K, M61};
use zkml_core::lookup::{self, LookupShape, Statement, TableShape, Witness};
use zkml_core::sumcheck::{EqProduct, Instance, Product, prove_batched};
use zkml_core::transcript::{ProverTranscript, VerifierTranscript};

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

    fn elements(&mut self, count: usize) -> Vec<K> {
        (0..count)
            .map(|_| K::new(M61::from(self.word()), M61::from(self.word())))
            .collect()
    }
}

/// A sumcheck over `2^variables` elements, the instance made anew for each run.
fn sumcheck(c: &mut Criterion) {
    let mut group = c.benchmark_group("sumcheck");
    for variables in [14, 20] {
        let tables: Vec<Vec<K>> = (0..3).map(|seed| Stream(seed).elements(1 << variables)).collect();
        group.throughput(Throughput::Elements(1 << variables));
        let mut run = |name: &str, instance: &dyn Fn() -> Box<dyn Instance>| {
            group.bench_function(format!("{name}/2^{variables}"), |bencher| {
                bencher.iter_batched(
                    || [instance()],
                    |mut instances| {
                        let mut channel = ProverTranscript::new("bench");
                        // The claim does not change the work: the true one is not needed.
                        let point = prove_batched(&mut channel, "sumcheck", &mut instances, &tables[0][..1]);
                        (point, instances)
                    },
                    BatchSize::LargeInput,
                )
            });
        };
        let table = |index: usize| tables[index].clone();
        run("product", &|| Box::new(Product::new(table(0), table(1))));
        run("eq_product", &|| {
            Box::new(EqProduct::new(table(0), table(1), table(2)))
        });
    }
    group.finish();
}

/// Lookups of `(x, f(x))` in a table, `2^variables` of them.
fn lookups(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup");
    group.sample_size(10);
    // (variables of the lookup, variables of the table, columns)
    for (variables, table, arity) in [(14, 8, 1), (18, 12, 2), (20, 16, 1)] {
        let statement = Statement {
            lookups: vec![LookupShape {
                variables,
                arity,
                table: 0,
            }],
            tables: vec![TableShape {
                variables: table,
                arity,
            }],
        };
        let mut stream = Stream(1);
        let rows: Vec<u64> = (0..1u64 << variables)
            .map(|_| stream.word() >> (64 - table))
            .collect();
        let mut counts = vec![0u64; 1 << table];
        rows.iter().for_each(|row| counts[*row as usize] += 1);
        let function = |column: usize, x: u64| M61::from(if column == 0 { x } else { x * x });
        let column = |rows: &[u64], column| rows.iter().map(|x| function(column, *x)).collect::<Vec<M61>>();
        let all: Vec<u64> = (0..1 << table).collect();
        let lookup: Vec<Vec<M61>> = (0..arity).map(|c| column(&rows, c)).collect();
        let table_columns: Vec<Vec<M61>> = (0..arity).map(|c| column(&all, c)).collect();
        let multiplicities: Vec<M61> = counts.iter().map(|count| M61::from(*count)).collect();
        let witness = Witness {
            lookups: vec![lookup.iter().map(Vec::as_slice).collect()],
            tables: vec![table_columns.iter().map(Vec::as_slice).collect()],
            multiplicities: vec![&multiplicities],
        };

        let prove = || {
            let mut channel = ProverTranscript::new("bench");
            let claims = lookup::prove(&mut channel, &statement, witness.clone());
            (claims, channel.into_proof())
        };
        let name = format!("2^{variables} in 2^{table}, {arity} columns");
        group.throughput(Throughput::Elements(1 << variables));
        group.bench_function(format!("prove/{name}"), |bencher| {
            bencher.iter(|| black_box(prove()))
        });

        // Evaluating the table is the circuit's: here the values of the honest run are given back.
        let (claims, proof) = prove();
        let eq = zkml_core::field::kernels::eq_table(claims.suffix(table));
        let values: Vec<K> = table_columns
            .iter()
            .map(|column| zkml_core::field::kernels::dot_base(column, &eq))
            .collect();
        group.throughput(Throughput::Bytes(proof.len() as u64));
        group.bench_function(format!("verify/{name}"), |bencher| {
            bencher.iter(|| {
                let mut channel = VerifierTranscript::new("bench", &proof);
                let result = lookup::verify(&mut channel, &statement, &|_, column, _| values[column]);
                assert!(result.is_ok() && channel.finish().is_ok());
            })
        });
    }
    group.finish();
}

criterion_group!(benches, sumcheck, lookups);
criterion_main!(benches);
