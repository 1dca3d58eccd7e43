//! Sumcheck and lookup argument: time per element and per lookup.
//!
//! One thread: `RAYON_NUM_THREADS=1 cargo bench --bench argument`.

mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::slice;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use support::Stream;
use zkml_core::field::{K, M61};
use zkml_core::lookup::{
    self, Compression, Fractions, LookedUp, LookupShape, Statement, TableShape, Witness,
};
use zkml_core::sumcheck::{EqProduct, Instance, Product, prove_batched};
use zkml_core::transcript::{ProverTranscript, VerifierTranscript};

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

/// Lookups of rows `(x, x^2 / 2^table, ..)` in the table of all `x` below `2^table`: integers as small as `x`.
struct Case {
    statement: Statement,
    /// Variables of the lookup and of the table.
    variables: (usize, usize),
    lookup: Vec<Vec<M61>>,
    table: Vec<Vec<M61>>,
    multiplicities: Vec<M61>,
}

impl Case {
    /// `2^variables` rows of `arity` columns, looked up in a table of `2^table` rows.
    fn new(variables: usize, table: usize, arity: usize) -> Self {
        let shape = LookupShape {
            variables,
            arity,
            table: 0,
        };
        let tables = vec![TableShape {
            variables: table,
            arity,
        }];
        let mut stream = Stream(1);
        let rows: Vec<u64> = (0..1u64 << variables)
            .map(|_| stream.word() >> (64 - table))
            .collect();
        let mut counts = vec![0u64; 1 << table];
        rows.iter().for_each(|row| counts[*row as usize] += 1);
        let all: Vec<u64> = (0..1 << table).collect();
        Self {
            statement: Statement {
                lookups: vec![shape],
                tables,
            },
            variables: (variables, table),
            lookup: columns(&rows, table, arity),
            table: columns(&all, table, arity),
            multiplicities: counts.into_iter().map(M61::from).collect(),
        }
    }

    fn prove(&self) -> (lookup::Claims<K>, Vec<u8>) {
        let witness = Witness {
            lookups: vec![looked_up(&self.lookup)],
            tables: vec![looked_up(&self.table)],
            multiplicities: vec![&self.multiplicities],
        };
        let mut channel = ProverTranscript::new("bench");
        let tree = |_: usize, compression: &Compression| -> Result<_, Infallible> {
            Ok(Fractions::new(&self.statement, compression, witness.clone()))
        };
        let Ok(mut claims) = lookup::prove(&mut channel, slice::from_ref(&self.statement), tree);
        (claims.remove(0), channel.into_proof())
    }

    /// The columns of the table at the point of the claims. Evaluating them is the circuit's: `verify` is given them.
    fn table_values(&self, claims: &lookup::Claims<K>) -> Vec<K> {
        let eq = zkml_core::field::kernels::eq_table(claims.suffix(self.variables.1));
        self.table
            .iter()
            .map(|column| zkml_core::field::kernels::dot_base(column, &eq))
            .collect()
    }

    fn verify(&self, proof: &[u8], table_values: &[K]) {
        let mut channel = VerifierTranscript::new("bench", proof);
        let result = lookup::verify(&mut channel, slice::from_ref(&self.statement), &|_, column, _| {
            table_values[column]
        });
        assert!(result.is_ok() && channel.finish().is_ok());
    }
}

/// Columns as the argument reads them.
fn looked_up(columns: &[Vec<M61>]) -> Vec<LookedUp<'_>> {
    columns
        .iter()
        .map(|column| LookedUp::from(column.as_slice()))
        .collect()
}

/// The columns `x, x^2 / 2^table, x^2 / 2^table, ..` of rows.
fn columns(rows: &[u64], table: usize, arity: usize) -> Vec<Vec<M61>> {
    let value = |column: usize, x: u64| M61::from(if column == 0 { x } else { (x * x) >> table });
    (0..arity)
        .map(|column| rows.iter().map(|x| value(column, *x)).collect())
        .collect()
}

fn lookups(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup");
    group.sample_size(10);
    for (variables, table, arity) in [(14, 8, 1), (18, 12, 2), (20, 16, 1), (20, 16, 2)] {
        let case = Case::new(variables, table, arity);
        let name = format!("2^{variables} in 2^{table}, {arity} columns");
        group.throughput(Throughput::Elements(1 << variables));
        group.bench_function(format!("prove/{name}"), |bencher| {
            bencher.iter(|| black_box(case.prove()))
        });
        let (claims, proof) = case.prove();
        let values = case.table_values(&claims);
        group.throughput(Throughput::Bytes(proof.len() as u64));
        group.bench_function(format!("verify/{name}"), |bencher| {
            bencher.iter(|| case.verify(&proof, &values))
        });
    }
    group.finish();
}

criterion_group!(benches, sumcheck, lookups);
criterion_main!(benches);
