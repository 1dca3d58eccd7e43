//! The layer of the leaves, the largest, if its lower half holds lookups alone: then `p0 = 1`.
//!
//! With `u = p + lambda q` the polynomial of every layer is `F = (u0 u1 - p0 p1) / lambda`. Here `p0 p1 = p1` is
//! linear. A round is one product of two tables, and a sum over the numerators `p1`, small numbers that are known
//! beforehand. The first challenge makes the tables of `u`, at half their length. Before it, cells are made from the
//! columns as they are needed.

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::layer::{Ends, LevelClaim, Rounds, prove_rounds};
use super::leaves::Leaves;
use crate::field::{K, M61, kernels};
use crate::transcript::ProverChannel;

/// From claims on the level above the leaves to claims on the leaves.
pub(super) fn prove_leaf_layer(
    channel: &mut (impl ProverChannel + ?Sized),
    claim: LevelClaim,
    leaves: &Leaves<'_>,
) -> LevelClaim {
    let lambda = channel.challenge("lookup.lambda");
    let mut rounds = Rounds::new(&claim, lambda);
    let ends = match lambda.inverse() {
        Some(inverse) if rounds.left() >= 2 && leaves.lower_half_is_lookups() => {
            prove_unit_rounds(channel, &mut rounds, leaves, lambda, inverse)
        }
        _ => prove_rounds(channel, &mut rounds, leaves.level(), lambda),
    };
    rounds.finish(channel, ends)
}

/// All rounds, where `p0 = 1`; there are at least two.
fn prove_unit_rounds(
    channel: &mut (impl ProverChannel + ?Sized),
    rounds: &mut Rounds,
    leaves: &Leaves<'_>,
    lambda: K,
    inverse: K,
) -> Ends {
    let half = (1usize << leaves.variables) / 2;
    let quarter = half / 2;
    let cells = |start: usize, out: &mut [K]| leaves.combination(start, lambda, K::ONE, out);
    let mut numerators = vec![M61::ZERO; half];
    numerators
        .par_chunks_mut(GRAIN)
        .enumerate()
        .for_each(|(index, out)| leaves.numerators(half + index * GRAIN, out));
    // From sums over u0 u1 and p1 to those over F.
    let over_f = |[at_zero, quadratic, p1]: [K; 3]| [(at_zero - p1) * inverse, quadratic * inverse];

    let sums = rounds.eq.sum(|start, eq| {
        let mut buffer = vec![K::ZERO; 4 * eq.len()];
        let mut tables = buffer.chunks_exact_mut(eq.len());
        let mut table = |first: usize| {
            let table = tables.next().unwrap_or_default();
            cells(first + start, table);
            &*table
        };
        if half + start >= leaves.filled {
            // u1 is lambda, p1 is 0.
            return [kernels::dot(eq, table(0)) * lambda, K::ZERO, K::ZERO];
        }
        let (u0, u1) = ((table(0), table(quarter)), (table(half), table(half + quarter)));
        let [at_zero, quadratic] = kernels::weighted_product_round(eq, u0, u1);
        let p1 = kernels::dot_base(&numerators[start..start + eq.len()], eq);
        [at_zero, quadratic, p1]
    });
    let at_one = |x: usize| {
        let mut u = [[K::ZERO]; 2];
        cells(quarter + x, &mut u[0]);
        cells(half + quarter + x, &mut u[1]);
        let mut p1 = K::from_base_prime_field(numerators[quarter + x]);
        p1 = u[0][0] * u[1][0] - p1;
        p1 * inverse
    };
    let r = rounds.send(channel, over_f(sums), at_one);

    let folded = |first: usize| {
        let mut table = vec![K::ZERO; quarter];
        table.par_chunks_mut(GRAIN).enumerate().for_each(|(index, low)| {
            if first + index * GRAIN >= leaves.filled {
                return low.fill(lambda);
            }
            let mut high = vec![K::ZERO; low.len()];
            cells(first + index * GRAIN, low);
            cells(first + quarter + index * GRAIN, &mut high);
            kernels::fold_halves(low, &high, r);
        });
        table
    };
    let (mut u0, mut u1) = (folded(0), folded(half));
    let mut p1 = kernels::fold_base(&numerators, r);
    drop(numerators);

    let terms = |eq: &[K], [u0, u1, p1]: [(&[K], &[K]); 3]| {
        let [at_zero, quadratic] = kernels::weighted_product_round(eq, u0, u1);
        [at_zero, quadratic, kernels::dot(eq, p1.0)]
    };
    let mut sums = rounds.eq.sum(|start, eq| {
        let halves = [&u0, &u1, &p1].map(|table| {
            let (low, high) = table.split_at(quarter / 2);
            (&low[start..start + eq.len()], &high[start..start + eq.len()])
        });
        terms(eq, halves)
    });
    loop {
        let at_one = |x: usize| {
            let [u0, u1, p1] = [&u0, &u1, &p1].map(|table| table[table.len() / 2 + x]);
            (u0 * u1 - p1) * inverse
        };
        let r = rounds.send(channel, over_f(sums), at_one);
        let tables = [&mut u0, &mut u1, &mut p1];
        if rounds.left() == 0 {
            tables.into_iter().for_each(|table| kernels::fold(table, r));
            break;
        }
        sums = rounds.eq.fold_then_sum(tables, r, terms);
    }
    let [u0, u1, p1] = [u0, u1, p1].map(|table| table.first().copied().unwrap_or_default());
    Ends {
        p0: K::ONE,
        p1,
        q0: (u0 - K::ONE) * inverse,
        q1: (u1 - p1) * inverse,
    }
}

/// Cells that are made at a time.
const GRAIN: usize = 1 << 11;
