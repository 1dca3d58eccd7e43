//! Builds a [`Circuit`] column by column, and shares equal constants and tables.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::{
    Axis, Block, Circuit, CircuitError, Column, ColumnId, ColumnKind, Contraction, Factor, Linear, Public,
    Selector, Split, Table, Term, View,
};
use crate::circuit::validate::MAXIMUM_COUNT;
use crate::field::{M61, from_i64};
use crate::poly::PaddedShape;

/// Adds columns, tables, lookups and equalities to a circuit.
#[derive(Debug)]
pub struct CircuitBuilder {
    /// The circuit so far.
    pub circuit: Circuit,
    /// Bits of a limb of a remainder.
    pub limb_bits: u32,
    /// How columns that are looked up are split; nothing where no column is.
    pub split: Option<Split>,
    /// The committed blocks of columns that are split.
    pub blocks: BTreeMap<ColumnId, Vec<(ColumnId, Block)>>,
    share_tables: bool,
    tables: HashMap<Table, u32>,
    /// Constants by the hash of shape and cells. The cells themselves stand in the columns alone: a size of a few bytes
    /// may ask for 128 MB of them.
    constants: HashMap<u64, Vec<ColumnId>>,
    hashing: RandomState,
    /// Constants so far.
    count: usize,
    /// For each column: is its padding forced to be 0?
    zero_padded: Vec<bool>,
    /// Cells of constants that follow from sizes.
    cells: usize,
    /// What was found of the size of values in constraints.
    pub bounds: Vec<Bound>,
}

/// Most cells of all constants that follow from sizes: 128 MB.
const MAXIMUM_CELLS: usize = 1 << 24;

/// How large a value in the constraints of a layer can get, for every input and all weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Name of the layer.
    pub layer: String,
    /// Which value.
    pub quantity: &'static str,
    /// Largest magnitude that cannot be excluded. It is below `p / 2`, or below `p` for a value that is never negative.
    pub reached: i128,
}

impl CircuitBuilder {
    /// An empty circuit. With `share_tables`, equal tables have one index.
    pub fn new(limb_bits: u32, share_tables: bool) -> Self {
        Self {
            circuit: Circuit::default(),
            limb_bits,
            split: None,
            blocks: BTreeMap::new(),
            share_tables,
            tables: HashMap::new(),
            constants: HashMap::new(),
            hashing: RandomState::new(),
            count: 0,
            zero_padded: Vec::new(),
            cells: 0,
            bounds: Vec::new(),
        }
    }

    /// Notes how large a value can get, and refuses it if it may wrap around.
    ///
    /// # Errors
    /// [`CircuitError::Overflow`] for a bound of `2^60 - 1` or more.
    pub(crate) fn check_bound(
        &mut self,
        layer: &str,
        quantity: &'static str,
        reached: i128,
    ) -> Result<(), CircuitError> {
        self.note_bound(layer, quantity, reached);
        check_bound(layer, quantity, reached)
    }

    /// Notes how large a value can get that was checked elsewhere.
    pub(crate) fn note_bound(&mut self, layer: &str, quantity: &'static str, reached: i128) {
        let layer = layer.to_owned();
        self.bounds.push(Bound {
            layer,
            quantity,
            reached,
        });
    }

    /// A column of any kind.
    pub fn column(&mut self, name: &str, shape: &[usize], kind: ColumnKind) -> ColumnId {
        let id = ColumnId(self.circuit.columns.len() as u32);
        let column = Column::new(name, shape, kind);
        self.zero_padded.push(column.is_zero_padded(&self.zero_padded));
        self.circuit.columns.push(column);
        id
    }

    /// `sum coefficient * column + constant`.
    pub fn linear_column(
        &mut self,
        name: &str,
        shape: &[usize],
        terms: &[(M61, ColumnId)],
        constant: M61,
    ) -> ColumnId {
        let terms = terms
            .iter()
            .map(|&(coefficient, column)| Term { coefficient, column })
            .collect();
        self.column(name, shape, ColumnKind::Linear(Linear { terms, constant }))
    }

    /// `sum coefficient * column` over integers.
    pub fn integer_sum(&mut self, name: &str, shape: &[usize], terms: &[(i64, ColumnId)]) -> ColumnId {
        let terms: Vec<(M61, ColumnId)> = terms.iter().map(|&(c, column)| (from_i64(c), column)).collect();
        self.linear_column(name, shape, &terms, M61::from(0u64))
    }

    /// A column that rearranges the cells of `source`.
    pub fn view(&mut self, name: &str, shape: &[usize], source: ColumnId, factors: Vec<Factor>) -> ColumnId {
        self.column(name, shape, ColumnKind::View(View { source, factors }))
    }

    /// An einsum of two columns.
    pub fn contraction(
        &mut self,
        name: &str,
        shape: &[usize],
        left: ColumnId,
        right: ColumnId,
        axes: Vec<Axis>,
    ) -> ColumnId {
        self.column(
            name,
            shape,
            ColumnKind::Contraction(Contraction { left, right, axes }),
        )
    }

    /// A public column that a rule gives.
    pub fn selector(&mut self, name: &str, shape: &[usize], rule: Selector) -> ColumnId {
        self.column(name, shape, ColumnKind::Public(Public::Selector(rule)))
    }

    /// A public constant. Constants of equal shape and cells share a column.
    pub fn constant(&mut self, shape: &[usize], cells: Vec<i64>) -> ColumnId {
        let hash = self.hashing.hash_one((shape, &cells));
        let mut of_this_hash = self.constants.get(&hash).into_iter().flatten();
        let same = |id: &&ColumnId| {
            let Column { shape: own, kind, .. } = &self.circuit[**id];
            matches!(kind, ColumnKind::Public(Public::Constant(known)) if *known == cells)
                && own.sizes() == shape
        };
        if let Some(&known) = of_this_hash.find(same) {
            return known;
        }
        let name = format!("constant.{}", self.count);
        self.count += 1;
        let id = self.column(&name, shape, ColumnKind::Public(Public::Constant(cells)));
        self.constants.entry(hash).or_default().push(id);
        id
    }

    /// 1 in every cell of the logical shape, 0 on padding.
    pub fn ones(&mut self, name: &str, shape: &[usize]) -> ColumnId {
        let one = self.constant(&[], vec![1]);
        let factors = (0..shape.len()).map(Factor::broadcast).collect();
        self.view(name, shape, one, factors)
    }

    /// The index of `table`. Equal tables have one index where the circuit shares tables.
    pub fn table(&mut self, table: Table) -> u32 {
        let next = self.circuit.tables.len() as u32;
        if !self.share_tables {
            self.circuit.tables.push(table);
            return next;
        }
        if let Some(&index) = self.tables.get(&table) {
            return index;
        }
        self.tables.insert(table.clone(), next);
        self.circuit.tables.push(table);
        next
    }

    /// `count` committed columns, each looked up in `[0, 2^limb_bits)`: the limbs of a remainder.
    pub fn limbs(&mut self, name: &str, shape: &[usize], count: u32) -> Vec<ColumnId> {
        (0..count)
            .map(|k| {
                let name = format!("{name}.{k}");
                let table = self.table(Table::range(self.limb_bits));
                let limb = self.committed(&name, shape, false);
                self.lookup(name, vec![limb], table);
                limb
            })
            .collect()
    }

    /// Refuses a circuit that has grown too large. Asked after each node, so that a network from a file ends in time.
    ///
    /// # Errors
    /// [`CircuitError::Malformed`].
    pub(crate) fn expect_room(&self) -> Result<(), CircuitError> {
        let circuit = &self.circuit;
        for (what, found) in [
            ("columns", circuit.columns.len()),
            ("tables", circuit.tables.len()),
            ("lookups", circuit.lookups.len()),
            ("equalities", circuit.equalities.len()),
        ] {
            if found > MAXIMUM_COUNT {
                return Err(CircuitError::Malformed {
                    place: what.into(),
                    expected: format!("at most {MAXIMUM_COUNT}"),
                    found: found.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Counts cells of a constant that follow from sizes, before any is made.
    ///
    /// # Errors
    /// [`CircuitError::Malformed`] for more than [`MAXIMUM_CELLS`] in all.
    pub(crate) fn expect_cells(&mut self, layer: &str, cells: usize) -> Result<(), CircuitError> {
        self.cells = self.cells.saturating_add(cells);
        if self.cells <= MAXIMUM_CELLS {
            return Ok(());
        }
        Err(CircuitError::Malformed {
            place: layer.to_owned(),
            expected: format!("at most {MAXIMUM_CELLS} public cells that follow from sizes, in all layers"),
            found: format!("{} up to this layer", self.cells),
        })
    }

    /// The circuit, valid.
    ///
    /// # Errors
    /// As [`Circuit::validate`].
    pub(crate) fn finish(self) -> Result<(Circuit, Vec<Bound>), CircuitError> {
        self.circuit.validate()?;
        Ok((self.circuit, self.bounds))
    }

    /// Whether the cells of a column outside its shape are forced to be 0.
    pub fn is_zero_padded(&self, column: ColumnId) -> bool {
        self.zero_padded[column.index()]
    }

    /// Requires that two columns of one shape agree in every cell, padding included: their difference is 0.
    pub fn equality(&mut self, name: &str, left: ColumnId, right: ColumnId) {
        let shape = self.circuit[left].shape.sizes();
        let kind = ColumnKind::Linear(Linear::difference(left, right));
        let difference = self.column(&format!("{name}/difference"), &shape, kind);
        self.circuit.equalities.push(difference);
    }
}

impl Column {
    pub(crate) fn new(name: &str, shape: &[usize], kind: ColumnKind) -> Self {
        Self {
            name: name.to_owned(),
            shape: PaddedShape::new(shape),
            kind,
        }
    }
}

/// Refuses a bound of `2^60 - 1` or more: below it, `|value| < p / 2 = 2^60 - 1/2` and no integer wraps around.
///
/// # Errors
/// [`CircuitError::Overflow`].
pub(crate) fn check_bound(layer: &str, quantity: &str, bound: i128) -> Result<(), CircuitError> {
    const LIMIT: i128 = 1 << 60;
    if bound < LIMIT - 1 {
        return Ok(());
    }
    Err(CircuitError::Overflow {
        layer: layer.to_owned(),
        quantity: quantity.to_owned(),
        found: bound.to_string(),
        limit: format!("2^60 = {LIMIT}"),
    })
}
