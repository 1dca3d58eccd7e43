//! The prover of the lookup argument.

#![cfg(feature = "prover")]

use std::collections::{BTreeMap, BTreeSet};

use ark_ff::{AdditiveGroup, Field};
use tracing::{debug_span, info_span};

use super::layer::{Level, LevelClaim, prove_layer};
use super::leaf_layer::prove_leaf_layer;
use super::leaves::Leaves;
use super::soundness::grinding_bits;
use super::{Claims, Compression, Stack, Statement, suffix};
use crate::field::{K, M61, kernels};
use crate::transcript::ProverChannel;

/// The columns of all lookups and tables, and the multiplicities, in the order of the [`Statement`].
#[derive(Debug, Clone, Default)]
pub struct Witness<'a> {
    /// For each lookup its columns, `arity` of them, each of `2^variables` values.
    pub lookups: Vec<Vec<&'a [M61]>>,
    /// For each table its columns, `arity` of them, each of `2^variables` values.
    pub tables: Vec<Vec<&'a [M61]>>,
    /// For each table, how often each of its rows is looked up, by all lookups together.
    pub multiplicities: Vec<&'a [M61]>,
}

impl Witness<'_> {
    /// Whether every slice has the length that the statement says.
    fn fits(&self, statement: &Statement) -> bool {
        let columns = |columns: &[&[M61]], arity: usize, variables: usize| {
            columns.len() == arity && columns.iter().all(|column| column.len() == 1 << variables)
        };
        self.lookups.len() == statement.lookups.len()
            && self.tables.len() == statement.tables.len()
            && self.multiplicities.len() == statement.tables.len()
            && self
                .lookups
                .iter()
                .zip(&statement.lookups)
                .all(|(c, shape)| columns(c, shape.arity, shape.variables))
            && self
                .tables
                .iter()
                .zip(&statement.tables)
                .all(|(c, shape)| columns(c, shape.arity, shape.variables))
            && self
                .multiplicities
                .iter()
                .zip(&statement.tables)
                .all(|(m, shape)| m.len() == 1 << shape.variables)
    }
}

/// Proves the statement and returns the claims that are left, for the caller to prove.
///
/// The columns and multiplicities are committed before this is called. A witness that does not satisfy the statement
/// gives a proof that the verifier rejects. For the transcript see the [module](super).
///
/// # Panics
///
/// If the witness does not have the shapes of the statement.
pub fn prove(
    channel: &mut (impl ProverChannel + ?Sized),
    statement: &Statement,
    witness: Witness<'_>,
) -> Claims<K> {
    assert!(
        witness.fits(statement),
        "the witness must have the shapes of the statement"
    );
    let _span = info_span!("lookup").entered();
    let stack = Stack::new(statement);
    channel.grind("lookup.grind", grinding_bits(statement));
    let compression = Compression::draw(|label| channel.challenge(label));
    let leaves = Leaves::new(statement, &stack, &compression, &witness);
    let mut levels = info_span!("lookup tree").in_scope(|| tree(&leaves));

    let root = levels
        .pop()
        .map(|root| (root.numerators[0], root.denominators[0]));
    let (numerator, denominator) = root.unwrap_or((K::ZERO, K::ONE));
    // Without an inverse a denominator is 0: the soundness error bounds the probability, and the verifier rejects.
    let inverse = denominator.inverse().unwrap_or(K::ZERO);
    channel.send_scalars("lookup.root", &[numerator, denominator, inverse]);
    let mut claim = LevelClaim {
        point: Vec::new(),
        numerator,
        denominator,
    };
    while let Some(below) = levels.pop() {
        let _span = debug_span!("lookup layer", variables = claim.point.len()).entered();
        claim = prove_layer(channel, claim, below);
    }
    if leaves.variables >= REBUILT_VARIABLES {
        let _span = debug_span!("lookup layer", variables = claim.point.len()).entered();
        claim = prove_layer(channel, claim, leaves.above());
    }
    if leaves.variables > 0 {
        claim = info_span!("lookup leaf layer").in_scope(|| prove_leaf_layer(channel, claim, &leaves));
    }
    info_span!("lookup columns").in_scope(|| send_columns(channel, &stack, &witness, claim.point))
}

/// From so many variables on, the level above the leaves is dropped after the next level is made, and made again for
/// its layer: it is half of the memory of the tree, in setup proofs of large models. Tests cover both cases.
const REBUILT_VARIABLES: usize = if cfg!(test) { 7 } else { 23 };

/// The levels of the tree that are kept, the root last: those above the leaves, except one that is rebuilt. If the tree
/// is a single leaf, that leaf.
fn tree(leaves: &Leaves<'_>) -> Vec<Level> {
    let lowest = if leaves.variables == 0 {
        leaves.level()
    } else {
        leaves.above()
    };
    let next = match leaves.variables >= REBUILT_VARIABLES {
        true => lowest.above(),
        false => None,
    };
    let mut levels = vec![next.unwrap_or(lowest)];
    while let Some(level) = levels.last()
        && let Some(above) = level.above()
    {
        levels.push(above);
    }
    levels
}

/// Evaluates and sends every column of a lookup, and all multiplicities, at suffixes of the point.
fn send_columns(
    channel: &mut (impl ProverChannel + ?Sized),
    stack: &Stack,
    witness: &Witness<'_>,
    point: Vec<K>,
) -> Claims<K> {
    let eq_tables: BTreeMap<usize, Vec<K>> = stack
        .blocks
        .iter()
        .map(|block| block.variables)
        .collect::<BTreeSet<usize>>()
        .into_iter()
        .map(|variables| (variables, kernels::eq_table(suffix(&point, variables))))
        .collect();
    let evaluate = |column: &[M61]| {
        eq_tables
            .get(&(column.len().ilog2() as usize))
            .map_or(K::ZERO, |eq| kernels::dot_base(column, eq))
    };
    let lookups: Vec<Vec<K>> = witness
        .lookups
        .iter()
        .map(|columns| columns.iter().map(|column| evaluate(column)).collect())
        .collect();
    let multiplicities: Vec<K> = witness
        .multiplicities
        .iter()
        .map(|column| evaluate(column))
        .collect();
    for values in &lookups {
        channel.send_scalars("lookup.columns", values);
    }
    channel.send_scalars("lookup.multiplicities", &multiplicities);
    Claims {
        point,
        lookups,
        multiplicities,
    }
}
