//! The tree of fractions in the memory of this process.

#![cfg(feature = "prover")]

use std::collections::{BTreeMap, BTreeSet};

use ark_ff::{AdditiveGroup, Field};

use super::layer::{Layer, Level};
use super::leaves::Leaves;
use super::tree::FractionTree;
use super::{Claims, Compression, Stack, Statement, suffix};
use crate::field::{K, M61, kernels};

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

/// The tree over the cells of a witness. The leaves are not written out; a level is dropped with its layer.
pub struct Fractions<'a> {
    witness: Witness<'a>,
    leaves: Leaves<'a>,
    denominator: K,
    /// The levels that are still to come, the next one last.
    levels: Vec<Level>,
}

/// In a stack of so many variables the level above the leaves, half of the tree's memory, is dropped when the next one
/// is made, and made again when its turn comes: setup proofs of large models. Tests see both.
const REBUILT_VARIABLES: usize = if cfg!(test) { 7 } else { 23 };

impl<'a> Fractions<'a> {
    /// Adds the fractions.
    ///
    /// # Panics
    /// If the witness does not have the shapes of the statement.
    pub fn new(statement: &Statement, compression: &Compression, witness: Witness<'a>) -> Self {
        assert!(
            witness.fits(statement),
            "the witness must have the shapes of the statement"
        );
        let leaves = Leaves::new(statement, &Stack::new(statement), compression, &witness);
        let mut levels = tree(&leaves);
        let denominator = levels.pop().map_or(K::ONE, |root| root.denominators[0]);
        Self {
            witness,
            leaves,
            denominator,
            levels,
        }
    }
}

impl<E> FractionTree<E> for Fractions<'_> {
    type Layer<'t>
        = Layer<'t>
    where
        Self: 't;

    fn denominator(&self) -> Result<K, E> {
        Ok(self.denominator)
    }

    fn layer(&mut self, point: &[K], lambda: K) -> Result<Layer<'_>, E> {
        if let Some(below) = self.levels.pop() {
            return Ok(Layer::new(below, point, lambda));
        }
        Ok(match point.len() + 1 < self.leaves.variables {
            true => Layer::new(self.leaves.above(), point, lambda),
            false => Layer::of_leaves(&self.leaves, point, lambda),
        })
    }

    fn claims(&self, point: Vec<K>) -> Result<Claims<K>, E> {
        let Witness {
            lookups,
            multiplicities,
            ..
        } = &self.witness;
        let columns = lookups.iter().flatten().chain(multiplicities);
        let variables: BTreeSet<usize> = columns.map(|column| column.len().ilog2() as usize).collect();
        let eq_tables: BTreeMap<usize, Vec<K>> = variables
            .into_iter()
            .map(|variables| (variables, kernels::eq_table(suffix(&point, variables))))
            .collect();
        let evaluate = |column: &&[M61]| {
            eq_tables
                .get(&(column.len().ilog2() as usize))
                .map_or(K::ZERO, |eq| kernels::dot_base(column, eq))
        };
        Ok(Claims {
            lookups: lookups
                .iter()
                .map(|columns| columns.iter().map(evaluate).collect())
                .collect(),
            multiplicities: multiplicities.iter().map(evaluate).collect(),
            point,
        })
    }
}

/// All levels of the tree above the leaves but those to be rebuilt, the root last; of a tree that is one leaf, that
/// leaf.
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
