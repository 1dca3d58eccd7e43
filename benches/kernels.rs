//! The kernels of `field::kernels`, each on every backend of the machine, on one thread.
//!
//! `cargo bench --bench kernels`. Tables have 2^12 elements (64 KiB of `K`: they stay in the second-level cache),
//! `fold` is also measured on 2^16; the throughput is in elements that a kernel reads at an index (`fold` and the
//! rounds: of the result), in multiply-adds for products of integers and of `f32`. Tables of functions are computed as a
//! verifier does.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::ArrayD;
use zkml_core::circuit::{Curve, CurveKind, Dyadic, Function, FunctionTable};
use zkml_core::field::kernels::{Backend, Below, SmallLeaves, available_backends};
use zkml_core::field::{K, M61, from_u64};
use zkml_core::graph::{IntTensor, Window2d};
use zkml_core::ops::{FloatLayer, IntegerLayer, Layer};

const LENGTH: usize = 1 << 12;
const LONG: usize = 1 << 16;

/// Fixed pseudo-random residues.
fn residues(seed: u64) -> impl Iterator<Item = M61> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        from_u64(state)
    })
}

fn table(seed: u64, length: usize) -> Vec<K> {
    let mut source = residues(seed);
    (0..length)
        .filter_map(|_| Some(K::new(source.next()?, source.next()?)))
        .collect()
}

fn base_table(seed: u64, length: usize) -> Vec<M61> {
    residues(seed).take(length).collect()
}

/// Binding a variable of a table of `2^12` and of `2^16` elements.
fn folds(criterion: &mut Criterion) {
    let (base, r) = (base_table(6, LENGTH), table(1, LENGTH)[7]);
    for &backend in available_backends() {
        let mut group = criterion.benchmark_group(backend.name());
        group.sample_size(30);
        for length in [LENGTH, LONG] {
            let source = table(9, length);
            let mut values = source.clone();
            group.throughput(Throughput::Elements(length as u64 / 2));
            // The table is consumed: it is filled again in place, outside of the clock.
            group.bench_function(BenchmarkId::new("fold", length), |bencher| {
                bencher.iter_custom(|iterations| {
                    // On a thread of the pool, as in the prover: entering it would be measured otherwise.
                    rayon::scope(|_| {
                        let mut elapsed = Duration::ZERO;
                        for _ in 0..iterations {
                            values.clear();
                            values.extend_from_slice(&source);
                            let start = Instant::now();
                            backend.fold(black_box(&mut values), r);
                            elapsed += start.elapsed();
                        }
                        elapsed
                    })
                })
            });
        }
        group.throughput(Throughput::Elements(LENGTH as u64 / 2));
        group.bench_function("fold_base", |bencher| {
            bencher.iter(|| backend.fold_base(black_box(&base), r))
        });
    }
}

/// Rounds of sumchecks, and a layer of a tree of fractions.
fn rounds(criterion: &mut Criterion) {
    let [a, b, e, q0, q1] = [1, 2, 3, 4, 5].map(|seed| table(seed, LENGTH));
    for &backend in available_backends() {
        let mut group = criterion.benchmark_group(backend.name());
        group
            .sample_size(30)
            .throughput(Throughput::Elements(LENGTH as u64 / 2));
        group.bench_function("product_round", |bencher| {
            bencher.iter(|| backend.product_round(black_box(&a), black_box(&b)))
        });
        group.bench_function("eq_product_round", |bencher| {
            bencher.iter(|| backend.eq_product_round(black_box(&e), black_box(&a), black_box(&b)))
        });
        group.bench_function("fraction_layer", |bencher| {
            bencher.iter(|| backend.fraction_layer(black_box(&a), black_box(&b)))
        });
        group.bench_function("fraction_round", |bencher| {
            bencher.iter(|| {
                backend.fraction_round(
                    &e[..LENGTH / 2],
                    [&a, &b, &q0, &q1].map(|table| table.split_at(LENGTH / 2)),
                )
            })
        });
    }
}

/// The lowest levels of a tree of fractions from a group of small integers of one, two and three columns: two rounds of
/// the layer of the leaves and of the one above it from one pass, their tables after these rounds, and the third level.
fn small_leaves(criterion: &mut Criterion) {
    let constants = table(1, 3);
    let weights = |backend: Backend, variables: usize| backend.eq_table(&table(2, variables));
    for arity in 1..=3 {
        let columns = residues(3)
            .take(8192 * arity)
            .map(|x| (x.value >> 45) as u32)
            .collect();
        let Some(leaves) = SmallLeaves::new(columns, arity, constants[0], constants[1]) else {
            continue;
        };
        for &backend in available_backends() {
            let mut group = criterion.benchmark_group(backend.name());
            group.sample_size(30).throughput(Throughput::Elements(8192));
            let (lambda, eq) = (constants[2], weights(backend, 10));
            group.bench_function(BenchmarkId::new("small_leaf_grid", arity), |bencher| {
                bencher.iter(|| backend.small_leaf_grid(black_box(&leaves), lambda, &eq))
            });
            group.bench_function(BenchmarkId::new("small_pair_grid", arity), |bencher| {
                bencher.iter(|| backend.small_pair_grid(black_box(&leaves), lambda, &eq[..512]))
            });
            let corners = [eq[0], eq[1], eq[2], eq[3]];
            group.bench_function(BenchmarkId::new("small_leaf_folds", arity), |bencher| {
                let then = |_: usize, [u]: [&mut [K]; 1]| [u[0]; 2];
                bencher.iter(|| backend.small_leaf_folds(black_box(&[&leaves]), lambda, &corners, &then))
            });
            group.bench_function(BenchmarkId::new("small_pair_folds", arity), |bencher| {
                let then = |_: usize, [p, q]: [&mut [K]; 2]| [p[0], q[0]];
                bencher.iter(|| backend.small_pair_folds(black_box(&[&leaves]), lambda, &corners, &then))
            });
            group.bench_function(BenchmarkId::new("fraction_groups_of", arity), |bencher| {
                bencher.iter(|| {
                    backend.fraction_groups_of([1, 1024, 1024], |_| Below::Small(black_box(&leaves)))
                })
            });
        }
    }
}

/// Inner products, sums, products and combinations of tables; tables of the equality polynomial.
fn tables(criterion: &mut Criterion) {
    let (a, b, base) = (table(1, LENGTH), table(2, LENGTH), base_table(6, LENGTH));
    let (r, point) = (a[7], table(8, 12));
    let weights = &a[..12];
    let rows = base_table(7, weights.len() * LENGTH);
    let mut acc = b.clone();
    for &backend in available_backends() {
        let mut group = criterion.benchmark_group(backend.name());
        group
            .sample_size(30)
            .throughput(Throughput::Elements(LENGTH as u64));
        group.bench_function("dot", |bencher| {
            bencher.iter(|| backend.dot(black_box(&a), black_box(&b)))
        });
        group.bench_function("dot_base", |bencher| {
            bencher.iter(|| backend.dot_base(black_box(&base), black_box(&b)))
        });
        group.bench_function("add_scaled", |bencher| {
            bencher.iter(|| backend.add_scaled(&mut acc, r, black_box(&a)))
        });
        group.bench_function("add_scaled_base", |bencher| {
            bencher.iter(|| backend.add_scaled_base(&mut acc, r, black_box(&base)))
        });
        group.throughput(Throughput::Elements((weights.len() * LENGTH) as u64));
        group.bench_function("combine_rows", |bencher| {
            bencher.iter(|| backend.combine_rows(black_box(&rows), LENGTH, weights))
        });
        group.throughput(Throughput::Elements(LENGTH as u64));
        group.bench_function("multiply", |bencher| {
            bencher.iter(|| backend.multiply(&mut acc, black_box(&a)))
        });
        group.bench_function("eq_table", |bencher| {
            bencher.iter(|| backend.eq_table(black_box(&point)))
        });
    }
}

fn butterflies(criterion: &mut Criterion) {
    let mut values = base_table(1, LENGTH);
    let twiddles = base_table(2, LENGTH / 2);
    for &backend in available_backends() {
        let mut group = criterion.benchmark_group(backend.name());
        group
            .sample_size(30)
            .throughput(Throughput::Elements(LENGTH as u64 / 2));
        for half in [1, 2, 4, 8, 64, LENGTH / 2] {
            group.bench_function(BenchmarkId::new("butterfly_pairs", half), |bencher| {
                bencher.iter(|| backend.butterfly_pairs(black_box(&mut values), half, &twiddles))
            });
        }
        // Two layers: twice as many butterflies. Not the last ones, as most are.
        group.throughput(Throughput::Elements(LENGTH as u64));
        for quarter in [8, LENGTH / 4] {
            group.bench_function(BenchmarkId::new("butterfly_quads", quarter), |bencher| {
                let (outer, inner) = twiddles.split_at(LENGTH / (4 * quarter));
                bencher.iter(|| {
                    backend.butterfly_quads(black_box(&mut values), quarter, outer, inner, false);
                })
            });
        }
    }
}

fn int8(criterion: &mut Criterion) {
    for (rows, columns) in [(512, 4096), (4096, 512), (8192, 4096)] {
        let matrix: Vec<i8> = residues(3).take(rows * columns).map(|x| x.value as i8).collect();
        let (by_row, by_column) = (table(1, rows), table(2, columns));
        for &backend in available_backends() {
            let mut group = criterion.benchmark_group(backend.name());
            group
                .sample_size(10)
                .throughput(Throughput::Elements((16 * rows * columns) as u64));
            let shape = format!("{rows}x{columns}");
            group.bench_function(BenchmarkId::new("fold_rows_i8", &shape), |bencher| {
                bencher.iter(|| backend.fold_rows_i8(black_box(&matrix), columns, &by_row))
            });
            group.bench_function(BenchmarkId::new("rows_dot_i8", &shape), |bencher| {
                bencher.iter(|| backend.rows_dot_i8(black_box(&matrix), columns, &by_column))
            });
        }
    }
}

/// A convolution of VGG-16 (256 to 256 channels, 3 x 3, on 8 x 8) and a depthwise one, on 8 images in `f32`; the
/// throughput is in multiply-adds.
fn float_convolutions(criterion: &mut Criterion) {
    let mut next = residues(5);
    let mut tensor = |shape: &[usize]| {
        let value = |residue: M61| (residue.value % 2001) as f32 / 1000.0 - 1.0;
        ArrayD::from_shape_simple_fn(shape, || next.next().map_or(0.0, value))
    };
    let window = Window2d::new([3, 3], [1, 1], [1, 1], [1, 1]);
    for (name, groups) in [("float_convolution", 1), ("float_depthwise", 256)] {
        let (shape, weight) = ([1, 256, 8, 8], tensor(&[256, 256 / groups, 3, 3]));
        let Some(layer) = FloatLayer::new(weight.view(), None, Some((window, groups))) else {
            return;
        };
        let images: Vec<ArrayD<f32>> = (0..8).map(|_| tensor(&shape)).collect();
        let images: Vec<&ArrayD<f32>> = images.iter().collect();
        for &backend in available_backends() {
            let mut group = criterion.benchmark_group(backend.name());
            let products = images.len() * 64 * weight.len();
            group
                .sample_size(20)
                .throughput(Throughput::Elements(products as u64));
            group.bench_function(name, |bencher| {
                bencher.iter(|| layer.multiply_with(backend, black_box(&images), &shape))
            });
        }
    }
}

/// A layer of SmolLM2-135M, `[1536, 576]` on 64 tokens, with operands of 8 and of 16 bits; and with weights that are no
/// bytes, which run on 64 bits. The throughput is in multiply-adds.
fn integer_layers(criterion: &mut Criterion) {
    let (tokens, outputs, inputs) = (64usize, 1536usize, 576usize);
    let mut next = residues(7);
    let mut tensor = |shape: &[usize], bits: u32| {
        let value = |residue: M61| (residue.value & ((1 << bits) - 1)) as i64 - (1 << (bits - 1));
        ArrayD::from_shape_simple_fn(shape, || next.next().map_or(0, value))
    };
    let weights = tensor(&[outputs, inputs], 8).mapv(|weight| weight as i32);
    let wide = IntTensor::Int32(weights.clone());
    let bytes = IntTensor::from(weights);
    let mut group = criterion.benchmark_group("integer_layer");
    let products = tokens * outputs * inputs;
    group
        .sample_size(20)
        .throughput(Throughput::Elements(products as u64));
    for (name, weight, bits) in [
        ("8 bits", &bytes, 8),
        ("16 bits", &bytes, 16),
        ("64-bit weights", &wide, 16),
    ] {
        let operand = tensor(&[1, tokens, inputs], bits);
        let end = 1i64 << (bits - 1);
        let layer = IntegerLayer {
            weight,
            bias: None,
            range: (-end, end - 1),
            convolution: None,
        };
        let Some(layer) = Layer::new(&layer) else {
            return;
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| layer.multiply(black_box(&operand), &[1, tokens, outputs]))
        });
    }
}

/// Tables of functions on 2^13 values; the throughput is in entries.
fn function_tables(criterion: &mut Criterion) {
    let number = |value: f64| Dyadic::from_f64(value).ok();
    let (Some(input), Some(output), Some(one), Some(threshold)) =
        (number(0.00146), number(0.0313), number(1.0), number(20.0))
    else {
        return;
    };
    let kinds = [
        ("sigmoid", CurveKind::Sigmoid),
        ("tanh", CurveKind::Tanh),
        ("gelu", CurveKind::Gelu),
        ("gelu_tanh", CurveKind::GeluTanh),
        ("silu", CurveKind::Silu),
        ("leaky_relu", CurveKind::LeakyRelu { slope: output }),
        ("elu", CurveKind::Elu { alpha: one }),
        ("hardswish", CurveKind::Hardswish),
        ("hardsigmoid", CurveKind::Hardsigmoid),
        ("softplus", CurveKind::Softplus { beta: one, threshold }),
        ("abs", CurveKind::Abs),
        ("exp", CurveKind::Exp),
    ];
    let mut group = criterion.benchmark_group("function_tables");
    group.sample_size(20).throughput(Throughput::Elements(1 << 13));
    for (name, kind) in kinds {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                // A new curve has computed nothing yet.
                let curve = Curve::new(black_box(kind), input, output)?;
                let table = FunctionTable {
                    function: Function::Curve(curve),
                    domain_bits: 12,
                    minimum: -1023,
                    maximum: 1024,
                };
                table.cells()
            })
        });
    }
}

/// One thread, whatever the machine has. An error only says that the pool exists already.
fn one_thread(_: &mut Criterion) {
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
}

criterion_group!(
    kernels,
    one_thread,
    folds,
    rounds,
    small_leaves,
    tables,
    butterflies,
    int8,
    float_convolutions,
    integer_layers,
    function_tables
);
criterion_main!(kernels);
