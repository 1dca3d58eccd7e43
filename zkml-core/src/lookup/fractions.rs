//! The tree of fractions in the memory of this process.

#![cfg(feature = "prover")]

use std::collections::{BTreeMap, BTreeSet};

use ark_ff::{AdditiveGroup, Field};

use super::groups::{GroupedLevel, SHORTEST};
use super::layer::{Layer, Level};
use super::leaves::Leaves;
use super::tree::FractionTree;
use super::{Claims, Compression, Stack, Statement, suffix};
use crate::field::{K, M61, kernels};

/// The columns of all lookups and tables, and the multiplicities, in the order of the [`Statement`].
#[derive(Clone, Default)]
pub struct Witness<'a> {
    /// For each lookup its columns, `arity` of them, each of `2^variables` values.
    pub lookups: Vec<Vec<&'a [M61]>>,
    /// For each table its columns, `arity` of them, each of `2^variables` values.
    pub tables: Vec<Vec<&'a [M61]>>,
    /// For each table, how often each of its rows is looked up, by all lookups together.
    pub multiplicities: Vec<&'a [M61]>,
}

crate::debug_without_values!(
    Witness<'_>, self => "Witness({} lookups, {} tables)", self.lookups.len(), self.tables.len()
);

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
    /// The levels that are still to come in the order of the tree, the next one last.
    levels: Vec<Level>,
    /// The levels that come after them, the next one last.
    groups: Vec<GroupedLevel>,
}

/// In a stack of so many variables the level above the leaves, half of the tree's memory, is dropped when the next one
/// is made, and made again when its turn comes: setup proofs of large models. Tests see both.
const REBUILT_VARIABLES: usize = if cfg!(test) { 14 } else { 23 };

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
        let (groups, lowest) = if leaves.group_length() > 2 * SHORTEST {
            let mut groups = leaves.levels(2 * SHORTEST, leaves.variables < REBUILT_VARIABLES);
            let lowest = groups.pop().map(|level| level.in_tree_order(leaves.variables));
            (groups, lowest)
        } else {
            (vec![], None)
        };
        let mut levels = vec![lowest.unwrap_or_else(|| leaves.level())];
        while let Some(level) = levels.last()
            && let Some(above) = level.above()
        {
            levels.push(above);
        }
        let denominator = levels.pop().map_or(K::ONE, |root| root.denominators[0]);
        Self {
            witness,
            leaves,
            denominator,
            levels,
            groups,
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
        let rebuilt = || self.leaves.levels(self.leaves.group_length() / 2, true).pop();
        if point.len() + 1 < self.leaves.variables
            && let Some(below) = self.groups.pop().or_else(rebuilt)
        {
            return Ok(Layer::of_groups(below, point, lambda));
        }
        Ok(Layer::of_leaves(&self.leaves, point, lambda))
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
