//! The identities behind the reduction, by brute force: claims on views, factors, and folding.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::circuit::{Circuit, Column, ColumnId, ColumnKind, Factor, FactorRole, Schedule, View};
use crate::field::{K, M61};
use crate::int8::{Axis, Int8Tensor};
use crate::optimize::circuit::weight_blocks;
use crate::poly;
use crate::poly::PaddedShape;
use crate::reduce::fold::fold;
use crate::reduce::route::Route;
use crate::reduce::{Cells, Values, challenge_point, coordinates};

const SOURCE: ColumnId = ColumnId(0);
const VIEW: ColumnId = ColumnId(1);

fn random_point(rng: &mut StdRng, count: usize) -> Vec<K> {
    (0..count)
        .map(|_| K::new(M61::from(rng.r#gen::<u64>()), M61::from(rng.r#gen::<u64>())))
        .collect()
}

/// Random cells; 0 outside the logical shape where asked for.
fn random_cells(rng: &mut StdRng, shape: &PaddedShape, zero_padded: bool) -> Vec<M61> {
    if zero_padded {
        let cells: Vec<M61> = (0..shape.logical_len())
            .map(|_| M61::from(rng.gen_range(0..1u64 << 20)))
            .collect();
        return shape.pad(&cells, M61::from(0u64));
    }
    (0..shape.padded_len())
        .map(|_| M61::from(rng.gen_range(0..1u64 << 20)))
        .collect()
}

/// Sizes whose product is at most `limit`.
fn random_sizes(rng: &mut StdRng, rank: usize) -> Vec<usize> {
    (0..rank)
        .map(|_| [1, 1, 2, 3, 4, 5, 7, 8][rng.gen_range(0..8)])
        .collect()
}

/// A random view: each source axis is reached by a factor of one of all kinds.
fn random_view(rng: &mut StdRng) -> (Vec<usize>, Vec<usize>, Vec<Factor>) {
    let (mut view, mut source, mut factors) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rng.gen_range(1..4) {
        let (v, s) = (view.len(), source.len());
        match rng.gen_range(0..10) {
            // The same axis.
            0 => {
                let size = random_sizes(rng, 1)[0];
                view.push(size);
                source.push(size);
                factors.push(Factor::identity(v, s));
            }
            // A broadcast, a fixed index.
            1 => {
                view.extend(random_sizes(rng, 1));
                factors.push(Factor::broadcast(v));
            }
            2 => {
                let size = random_sizes(rng, 1)[0];
                source.push(size);
                factors.push(Factor::fixed(rng.gen_range(0..size), s));
            }
            // A part of a concatenation, or zeros around.
            3 => {
                source.extend(random_sizes(rng, 1));
                view.push(rng.gen_range(1..9));
                factors.push(Factor::affine(&[(v, 1)], rng.gen_range(-4..4), s));
            }
            // A part of an axis.
            9 => {
                let size = 1 << rng.gen_range(0..4);
                let start = rng.gen_range(0..3) * size;
                view.push(size);
                source.push(start + size + rng.gen_range(0..4));
                factors.push(Factor::affine(&[(v, 1)], start as i64, s));
            }
            // A block of an axis.
            8 => {
                let size = random_sizes(rng, 1)[0];
                let start = rng.gen_range(0..3) * size.next_power_of_two();
                source.push(size);
                view.push(start + size + rng.gen_range(0..4));
                factors.push(Factor::affine(&[(v, 1)], -(start as i64), s));
            }
            // A window: kernel offset and position.
            4 => {
                source.push(rng.gen_range(1..9));
                view.extend([rng.gen_range(1..4), rng.gen_range(1..6)]);
                let strides = [rng.gen_range(1..3), rng.gen_range(1..4)];
                factors.push(Factor::affine(
                    &[(v, strides[0]), (v + 1, strides[1])],
                    -rng.gen_range(0..3),
                    s,
                ));
            }
            // Backwards.
            5 => {
                let size = random_sizes(rng, 1)[0];
                source.push(size);
                view.push(size);
                factors.push(Factor::affine(&[(v, -1)], size as i64 - 1, s));
            }
            // A flatten and its inverse, of any sizes: on powers of two they only rename bits.
            6 => {
                let sizes = random_sizes(rng, 2);
                view.push(sizes[0] * sizes[1]);
                source.extend(sizes);
                factors.push(Factor::reshape(v..v + 1, &view, s..s + 2));
            }
            _ => {
                let sizes = random_sizes(rng, 2);
                source.push(sizes[0] * sizes[1]);
                view.extend(sizes);
                factors.push(Factor::reshape(v..v + 2, &view, s..s + 1));
            }
        }
    }
    factors.sort_by_key(|_| rng.r#gen::<u32>());
    (view, source, factors)
}

/// A circuit of a source and a view of it.
fn circuit_of(view: &[usize], source: &[usize], factors: Vec<Factor>, zero_padded: bool) -> Circuit {
    Circuit {
        columns: vec![
            Column::new("source", source, ColumnKind::trace(zero_padded)),
            Column::new(
                "view",
                view,
                ColumnKind::View(View {
                    source: SOURCE,
                    factors,
                }),
            ),
        ],
        ..Circuit::default()
    }
}

fn view_of(circuit: &Circuit) -> &View {
    match &circuit[VIEW].kind {
        ColumnKind::View(view) => view,
        _ => panic!("a view"),
    }
}

/// The cell of the view at a logical index, from the definition alone.
fn cell_by_definition(circuit: &Circuit, source: &[M61], index: &[usize]) -> M61 {
    let shape = &circuit[SOURCE].shape;
    let mut at = vec![0usize; shape.rank()];
    for factor in &view_of(circuit).factors {
        let terms = factor
            .view_axes
            .iter()
            .zip(&factor.strides)
            .map(|(&axis, &stride)| stride * index[usize::from(axis)] as i64);
        let mut flat = factor.offset + terms.sum::<i64>();
        let total: i64 = factor
            .source_axes
            .iter()
            .map(|&axis| shape.size(axis.into()) as i64)
            .product();
        if flat < 0 || flat >= total {
            return M61::from(0u64);
        }
        for &axis in factor.source_axes.iter().rev() {
            at[usize::from(axis)] = flat as usize % shape.size(axis.into());
            flat /= shape.size(axis.into()) as i64;
        }
    }
    let padded = (0..shape.rank()).fold(0usize, |flat, axis| flat << shape.bits(axis) | at[axis]);
    source[padded]
}

fn padded_index(shape: &PaddedShape, logical: usize) -> Vec<usize> {
    let mut rest = logical;
    let mut index = vec![0; shape.rank()];
    for axis in (0..shape.rank()).rev() {
        index[axis] = rest % shape.size(axis);
        rest /= shape.size(axis);
    }
    index
}

#[test]
fn claims_on_views_become_claims_on_their_sources() {
    let mut rng = StdRng::seed_from_u64(11);
    let mut roles = [0usize; 6];
    for round in 0..400 {
        let (view_sizes, source_sizes, factors) = random_view(&mut rng);
        let zero_padded = rng.gen_bool(0.5);
        let circuit = circuit_of(&view_sizes, &source_sizes, factors, zero_padded);
        circuit
            .validate()
            .unwrap_or_else(|error| panic!("round {round}: {error}"));
        let schedule = Schedule::new(&circuit);
        let (shape, source_shape) = (&circuit[VIEW].shape, &circuit[SOURCE].shape);
        let values = Values::new(&circuit);
        let source = random_cells(&mut rng, source_shape, zero_padded);
        values.set(SOURCE, Cells::Base(source.clone()));

        // The cells are those of the definition, 0 on padding.
        let cells: Vec<M61> = (0..shape.logical_len())
            .map(|i| cell_by_definition(&circuit, &source, &padded_index(shape, i)))
            .collect();
        let cells = shape.pad(&cells, M61::from(0u64));
        assert_eq!(
            values.cells(VIEW).to_base(),
            cells,
            "round {round}: {:?}",
            view_of(&circuit)
        );

        // view(z) = scalar * sum_j source(.., j) prod_f G_f(j_f)
        let z = random_point(&mut rng, shape.variables());
        let point = challenge_point(&z);
        let view = view_of(&circuit);
        let route = Route::new(&circuit, &schedule, VIEW, view, &point);
        let (kept, at) = (route.kept(view), route.known());
        let folded = fold(&circuit, &schedule, &values, SOURCE, &at, &kept);
        let weights = route.general.iter().fold(vec![route.scalar], |table, &factor| {
            let factor = &view.factors[factor];
            let own = factor.table(
                shape,
                source_shape,
                &coordinates(&Factor::restrict(&factor.view_axes, shape, &point)),
            );
            table
                .iter()
                .flat_map(|x| own.iter().map(move |y| *x * y))
                .collect()
        });
        assert_eq!(folded.len(), weights.len());
        let sum: K = folded.iter().zip(&weights).map(|(a, b)| *a * b).sum();
        assert_eq!(sum, poly::evaluate_base(&cells, &z), "round {round}: {view:?}");

        for factor in &view.factors {
            let role = factor.role(shape, source_shape, schedule.zero_padded[SOURCE.index()]);
            roles[match role {
                FactorRole::Fixed => 0,
                FactorRole::Broadcast => 1,
                FactorRole::Bitwise => 2,
                FactorRole::Block => 3,
                FactorRole::Part => 4,
                FactorRole::General => 5,
            }] += 1;
        }
    }
    assert!(roles.iter().all(|&count| count > 50), "{roles:?}");
}

#[test]
fn the_table_of_a_factor_and_its_evaluation_are_one_polynomial() {
    let mut rng = StdRng::seed_from_u64(12);
    for round in 0..300 {
        let (view_sizes, source_sizes, factors) = random_view(&mut rng);
        let (shape, source) = (PaddedShape::new(&view_sizes), PaddedShape::new(&source_sizes));
        for factor in &factors {
            let z = random_point(
                &mut rng,
                factor.view_axes.iter().map(|&axis| shape.bits(axis.into())).sum(),
            );
            let r = random_point(&mut rng, factor.source_variables(&source));
            let table = factor.table(&shape, &source, &z);
            let evaluated = factor.evaluate(&shape, &source, &z, &r);
            assert_eq!(poly::evaluate(&table, &r), evaluated, "round {round}: {factor:?}");
        }
    }
}

/// `sum_{free} eq(z, free) cells(free, kept)`, kept axes in the given order.
fn naive_fold(shape: &PaddedShape, cells: &[M61], z: &[K], kept: &[usize]) -> Vec<K> {
    let bits_of = |index: usize, axis: usize| {
        let range = shape.variable_range(axis);
        index >> (shape.variables() - range.end) & ((1 << range.len()) - 1)
    };
    let length: usize = kept.iter().map(|&axis| shape.bits(axis)).sum();
    let mut out = vec![K::from(0u64); 1 << length];
    for (index, &cell) in cells.iter().enumerate() {
        let to = kept
            .iter()
            .fold(0usize, |to, &axis| to << shape.bits(axis) | bits_of(index, axis));
        let weight: K = (0..shape.rank())
            .filter(|axis| !kept.contains(axis))
            .map(|axis| poly::eq_table(&z[shape.variable_range(axis)])[bits_of(index, axis)])
            .product();
        out[to] += weight * K::new(cell, M61::from(0u64));
    }
    out
}

/// A random subset of the axes, in random order.
fn random_axes(rng: &mut StdRng, rank: usize) -> Vec<usize> {
    let mut axes: Vec<usize> = (0..rank).filter(|_| rng.gen_bool(0.5)).collect();
    axes.sort_by_key(|_| rng.r#gen::<u32>());
    axes
}

#[test]
fn folding_cells_equals_the_naive_sum() {
    let mut rng = StdRng::seed_from_u64(13);
    for round in 0..300 {
        let rank = rng.gen_range(0..5);
        let sizes = random_sizes(&mut rng, rank);
        let (int8, zero_padded) = (rng.gen_bool(0.5), rng.gen_bool(0.5));
        let kind = if int8 {
            ColumnKind::Parameter { zero_padded }
        } else {
            ColumnKind::trace(false)
        };
        let circuit = Circuit {
            columns: vec![Column::new("c", &sizes, kind)],
            ..Circuit::default()
        };
        let shape = &circuit[SOURCE].shape;
        let weights = random_weights(&mut rng, &sizes);
        let values = Values::new(&circuit);
        let given = if int8 {
            Cells::Int8(&weights)
        } else {
            Cells::Base(random_cells(&mut rng, shape, false))
        };
        values.set(SOURCE, given);
        let z = random_point(&mut rng, shape.variables());
        let kept = random_axes(&mut rng, rank);
        let folded = fold(&circuit, &Schedule::new(&circuit), &values, SOURCE, &z, &kept);
        assert_eq!(
            folded,
            naive_fold(shape, &values.cells(SOURCE).to_base(), &z, &kept),
            "round {round}: {sizes:?} {kept:?}"
        );
    }
}

/// A tensor as it may stand in memory: in an order of its own, axes padded or not, other bytes between.
fn random_weights(rng: &mut StdRng, sizes: &[usize]) -> Int8Tensor {
    let values: Vec<i8> = (0..sizes.iter().product()).map(|_| rng.r#gen()).collect();
    let tensor = Int8Tensor::new(sizes, values).unwrap();
    if rng.gen_bool(0.3) {
        return tensor;
    }
    // Row-major most often, as in a commitment, but for rows that are left out.
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    if rng.gen_bool(0.3) {
        order.reverse();
    }
    let mut axes = vec![
        Axis {
            size: 0,
            stride: 0,
            present: 0
        };
        sizes.len()
    ];
    let (mut stride, mut padded) = (1, true);
    for &axis in order.iter().rev() {
        let size = sizes[axis];
        padded &= rng.gen_bool(0.8);
        let present = if padded { size.next_power_of_two() } else { size };
        axes[axis] = Axis {
            size,
            stride,
            present,
        };
        stride *= present;
    }
    let mut cells = vec![0i8; stride + 5];
    tensor.copy_to(&mut cells, 5, &axes);
    Int8Tensor::view(&cells.into(), 5, axes).unwrap()
}

/// Blocks of weights and the sum of views that show them, in that order; the sum is the last column.
fn circuit_of_blocks(shape: &[usize], blocks: &[Vec<core::ops::Range<usize>>]) -> Circuit {
    let mut builder = crate::circuit::CircuitBuilder::new(8, true);
    weight_blocks::columns(&mut builder, "w", shape, blocks);
    builder.circuit
}

#[test]
fn folding_a_matrix_by_its_blocks_equals_folding_its_cells() {
    let mut rng = StdRng::seed_from_u64(15);
    for round in 0..200 {
        let shape = [rng.gen_range(3..24), rng.gen_range(3..24)];
        let cut = |size: usize| {
            let half = size.next_power_of_two() / 2;
            [0..half, half..size]
        };
        let [rows, columns] = shape.map(cut);
        let blocks = rows
            .iter()
            .flat_map(|a| columns.iter().map(|b| vec![a.clone(), b.clone()]));
        let circuit = circuit_of_blocks(&shape, &blocks.collect::<Vec<_>>());
        circuit.validate().unwrap();
        let cells: Vec<Int8Tensor> = circuit
            .parameters()
            .map(|id| random_weights(&mut rng, &circuit[id].shape.sizes()))
            .collect();
        let (values, naive) = (Values::new(&circuit), Values::new(&circuit));
        for (id, cells) in circuit.parameters().zip(&cells) {
            values.set(id, Cells::Int8(cells));
            naive.set(id, Cells::Int8(cells));
        }
        let whole = circuit.ids().last().unwrap();
        let mut z = random_point(&mut rng, circuit[whole].shape.variables());
        let kept = random_axes(&mut rng, 2);
        let kept_all = kept.len() == 2;
        let folded = fold(&circuit, &Schedule::new(&circuit), &values, whole, &z, &kept);
        let expected = naive_fold(&circuit[whole].shape, &naive.cells(whole).to_base(), &z, &kept);
        assert_eq!(folded, expected, "round {round}: {shape:?} kept {kept:?}");
        assert!(!values.is_known(whole), "it is not written out");
        // The value of each block at a point with these coordinates follows from what was kept; at others it does not.
        let mut other = random_point(&mut rng, z.len());
        for axis in kept {
            let variables = circuit[whole].shape.variable_range(axis);
            z[variables.clone()].copy_from_slice(&other[variables]);
        }
        for placed in circuit
            .ids()
            .filter(|id| matches!(circuit[*id].kind, ColumnKind::View(_)))
        {
            let value = poly::evaluate_base(&naive.cells(placed).to_base(), &z);
            assert_eq!(values.recall(placed, &z), Some(value));
            other[0] += K::from(1u64);
            let outside = kept_all.then_some(poly::evaluate_base(&naive.cells(placed).to_base(), &other));
            assert_eq!(values.recall(placed, &other), outside);
        }
    }
}

#[test]
fn folding_a_view_through_its_factors_equals_folding_its_cells() {
    let mut rng = StdRng::seed_from_u64(14);
    for round in 0..400 {
        let (view_sizes, source_sizes, factors) = random_view(&mut rng);
        let zero_padded = rng.gen_bool(0.5);
        let circuit = circuit_of(&view_sizes, &source_sizes, factors, zero_padded);
        let values = Values::new(&circuit);
        let source = random_cells(&mut rng, &circuit[SOURCE].shape, zero_padded);
        values.set(SOURCE, Cells::Base(source));
        let shape = &circuit[VIEW].shape;
        let z = random_point(&mut rng, shape.variables());
        let kept = random_axes(&mut rng, shape.rank());
        // The view's own cells are not known yet: it is folded through its source.
        let folded = fold(&circuit, &Schedule::new(&circuit), &values, VIEW, &z, &kept);
        let naive = naive_fold(shape, &values.cells(VIEW).to_base(), &z, &kept);
        assert_eq!(
            folded,
            naive,
            "round {round}: {:?} kept {kept:?}",
            view_of(&circuit)
        );
    }
}
