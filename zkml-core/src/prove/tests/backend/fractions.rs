//! The tree of fractions by its definition, the sums of a round as the sum of two machines: one has the even terms, the
//! other the odd ones.

use super::Machines;
use crate::field::{K, k_from_base};
use crate::lookup::{
    BlockKind, Claims, Compression, FractionLayer, FractionTree, GROUP_VARIABLES, LookedUp, Stack, Statement,
    Witness,
};
use crate::pcs::PcsError;
use crate::poly;

/// All levels, and the columns.
pub(super) struct SplitTree<'a> {
    machines: Machines,
    witness: Witness<'a>,
    /// Numerators and denominators, the root first.
    levels: Vec<Vec<[K; 2]>>,
}

/// The four tables `p0, p1, q0, q1` of a layer.
pub(super) struct SplitLayer {
    machines: Machines,
    lambda: K,
    /// The coordinates of the rounds that are left.
    point: Vec<K>,
    tables: [Vec<K>; 4],
}

/// The fractions of all blocks, and `0/1` behind them.
fn leaves(statement: &Statement, compression: &Compression, witness: &Witness<'_>) -> Vec<[K; 2]> {
    let stack = Stack::new(statement);
    let mut cells = vec![[K::from(0u64), K::from(1u64)]; 1 << stack.variables];
    for block in &stack.blocks {
        let (columns, table, counts) = match block.kind {
            BlockKind::Lookup(index) => (&witness.lookups[index], statement.lookups[index].table, None),
            BlockKind::Table(index) => (&witness.tables[index], index, Some(witness.multiplicities[index])),
        };
        for row in 0..1 << block.variables {
            let terms = columns.iter().zip(compression.coefficients());
            let sum: K = terms
                .map(|(column, power)| power * k_from_base(column.piece(row..row + 1)[0]))
                .sum();
            let numerator = counts.map_or(K::from(1u64), |counts| -k_from_base(counts[row]));
            cells[block.offset as usize + row] = [numerator, compression.constant(table) + sum];
        }
    }
    cells
}

/// The cells in the order of the tree: the position in a group comes before the group.
fn in_tree_order(cells: &[[K; 2]]) -> Vec<[K; 2]> {
    let group = cells.len().min(1 << GROUP_VARIABLES);
    let cell = |inner: usize| cells[inner..].iter().step_by(group).copied();
    (0..group).flat_map(cell).collect()
}

/// The fractions of the two halves added.
fn above(level: &[[K; 2]]) -> Vec<[K; 2]> {
    let (low, high) = level.split_at(level.len() / 2);
    let sums = low
        .iter()
        .zip(high)
        .map(|([p0, q0], [p1, q1])| [*p0 * q1 + *p1 * q0, *q0 * q1]);
    sums.collect()
}

impl FractionTree<PcsError> for SplitTree<'_> {
    type Layer<'t>
        = SplitLayer
    where
        Self: 't;

    fn denominator(&self) -> Result<K, PcsError> {
        self.machines.call("root of fractions")?;
        Ok(self.levels[0][0][1])
    }

    fn layer(&mut self, point: &[K], lambda: K) -> Result<SplitLayer, PcsError> {
        self.machines.call("layer of fractions")?;
        let (low, high) = self.levels[point.len() + 1].split_at(1 << point.len());
        let table = |half: &[[K; 2]], part: usize| half.iter().map(|fraction| fraction[part]).collect();
        Ok(SplitLayer {
            machines: self.machines.clone(),
            lambda,
            point: point.to_vec(),
            tables: [table(low, 0), table(high, 0), table(low, 1), table(high, 1)],
        })
    }

    fn claims(&self, point: Vec<K>) -> Result<Claims<K>, PcsError> {
        self.machines.call("looked-up columns")?;
        let value = |column: &LookedUp<'_>| {
            let suffix = &point[point.len() - column.len().ilog2() as usize..];
            poly::evaluate_base(&column.piece(0..column.len()), suffix)
        };
        let lookups = self.witness.lookups.iter();
        Ok(Claims {
            lookups: lookups
                .map(|columns| columns.iter().map(value).collect())
                .collect(),
            multiplicities: self
                .witness
                .multiplicities
                .iter()
                .map(|column| value(&LookedUp::Field(column)))
                .collect(),
            point,
        })
    }
}

impl SplitLayer {
    /// The term of `x` in `G(t)`, the equality factor included.
    fn term(&self, t: K, x: usize) -> K {
        let [p0, p1, q0, q1] = self.tables.each_ref().map(|table| {
            let (low, high) = table.split_at(table.len() / 2);
            low[x] + t * (high[x] - low[x])
        });
        poly::eq_at_index(&self.point[1..], x) * (p0 * q1 + (p1 + self.lambda * q1) * q0)
    }
}

impl FractionLayer<PcsError> for SplitLayer {
    fn round(&mut self, _: K) -> Result<[K; 2], PcsError> {
        self.machines.call("round of fractions")?;
        let half = self.tables[0].len() / 2;
        let [zero, one, two] = [0u64, 1, 2].map(|t| {
            let machine = |first: usize| -> K {
                let own = (first..half).step_by(2);
                own.map(|x| self.term(K::from(t), x)).sum()
            };
            machine(0) + machine(1)
        });
        // G(1) = a + b + c, G(2) = a + 2 b + 4 c.
        let quadratic = (two - one - one + zero) / K::from(2u64);
        Ok([one - zero - quadratic, quadratic])
    }

    fn bind(&mut self, challenge: K) -> Result<(), PcsError> {
        self.machines.call("bind fractions")?;
        self.point.remove(0);
        for table in &mut self.tables {
            let high = table.split_off(table.len() / 2);
            let pairs = table.iter_mut().zip(high);
            pairs.for_each(|(low, high)| *low += challenge * (high - *low));
        }
        Ok(())
    }

    fn ends(self) -> Result<[K; 4], PcsError> {
        self.machines.call("ends of fractions")?;
        Ok(self.tables.map(|table| table[0]))
    }
}

impl Machines {
    pub(super) fn add_fractions<'a>(
        &self,
        statement: &Statement,
        compression: &Compression,
        witness: Witness<'a>,
    ) -> Result<SplitTree<'a>, PcsError> {
        self.call("fractions")?;
        let mut levels = vec![in_tree_order(&leaves(statement, compression, &witness))];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(above(level));
        }
        levels.reverse();
        Ok(SplitTree {
            machines: self.clone(),
            witness,
            levels,
        })
    }
}
