//! The tree of fractions in the memory of this process.

#![cfg(feature = "prover")]

use ark_ff::Field;

use super::groups::{GroupedLevel, SHORTEST};
use super::layer::{Layer, Level};
use super::leaves::Leaves;
use super::tree::FractionTree;
use super::values::claims;
use super::{Claims, Compression, LookedUp, Stack, Statement};
use crate::field::{K, M61};

/// The columns of all lookups and tables, and the multiplicities, in the order of the [`Statement`].
#[derive(Clone, Default)]
pub struct Witness<'a> {
    /// For each lookup its columns, `arity` of them, each of `2^variables` values.
    pub lookups: Vec<Vec<LookedUp<'a>>>,
    /// For each table its columns, `arity` of them, each of `2^variables` values.
    pub tables: Vec<Vec<LookedUp<'a>>>,
    /// For each table, how often each of its rows is looked up, by all lookups together.
    pub multiplicities: Vec<&'a [M61]>,
}

crate::debug_without_values!(
    Witness<'_>, self => "Witness({} lookups, {} tables)", self.lookups.len(), self.tables.len()
);

impl Witness<'_> {
    /// Whether every slice has the length that the statement says.
    fn fits(&self, statement: &Statement) -> bool {
        let columns = |columns: &[LookedUp<'_>], arity: usize, variables: usize| {
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

/// The tree over the cells of a witness. The leaves are not written out, nor are the two levels above them where they
/// hold small integers; a level is dropped with its layer.
pub struct Fractions<'a> {
    witness: Witness<'a>,
    leaves: Leaves<'a>,
    denominator: K,
    /// The levels that are still to come in the order of the tree, the next one last.
    levels: Vec<Level>,
    /// The levels of all groups that come after them, the next one last.
    groups: Vec<GroupedLevel>,
    /// The two levels that come after those, of groups that do not hold small integers, the next one last.
    others: Vec<GroupedLevel>,
}

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
        // Of shorter groups the third level is not written group by group.
        let (others, mut groups) = if leaves.group_length() >= 16 * SHORTEST {
            let [first, second] = leaves.low_levels_of_others();
            let groups = leaves.levels(2 * SHORTEST, &second);
            (vec![first, second], groups)
        } else {
            (vec![], vec![])
        };
        let lowest = groups.pop().map(|level| level.in_tree_order(leaves.variables));
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
            others,
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
        if let Some(below) = self.groups.pop() {
            return Ok(Layer::of_groups(below, point, lambda));
        }
        let second = self.others.len() == 2;
        Ok(match self.others.pop() {
            Some(others) if second => Layer::of_second(&self.leaves, others, point, lambda),
            Some(others) => Layer::of_pairs(&self.leaves, others, point, lambda),
            None => Layer::of_leaves(&self.leaves, point, lambda),
        })
    }

    fn claims(&self, point: Vec<K>) -> Result<Claims<K>, E> {
        Ok(claims(&self.leaves, &self.witness, point))
    }
}
