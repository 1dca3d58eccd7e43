//! The circuit: what the argument proves, written once as data and read by prover and verifier alike.
//!
//! A circuit is a list of columns. A column is a tensor of field elements, each dimension padded to a power of two,
//! row-major, with the first dimension in the most significant bits: in shape `[2, 3]` cell `(1, 2)` lies at index
//! `1 * 4 + 2 = 6`. The argument works on the multilinear extension of the padded cells. `Committed`, `Parameter` and
//! `Public` columns are *given*. All others are *virtual*: never committed, only evaluated at random points.
//!
//! - [`Linear`]: `sum_k c_k column_k + c`
//! - [`View`]: cells of one column rearranged by a public affine map (strides, padding, concatenation, broadcast)
//! - [`Contraction`]: an einsum of two columns (matrix product, convolution, elementwise product)
//!
//! A [`Lookup`] says that each row of some columns is a row of a [`Table`]. An *equality* says that two columns agree in
//! every cell: their difference, a [`Linear`] column, is 0. The statement of the proof: there are committed columns for
//! which all lookups and equalities hold.
//!
//! Padding: a column is *zero-padded* when its cells outside the logical shape are forced to be 0
//! ([`Circuit::zero_padded`]). A contraction that sums needs a zero-padded operand, because the sum runs over padding
//! too.

mod blocks;
mod builder;
mod contraction;
pub(crate) mod schedule;
mod selector;
mod serde_m61;
mod setup;
mod table;
mod validate;
mod view;

pub use crate::error::CircuitError;
pub use blocks::{Block, Split};
pub(crate) use builder::check_bound;
pub use builder::{Bound, CircuitBuilder};
pub use contraction::{Axis, AxisRole, Contraction};
pub use schedule::Schedule;
pub use selector::Selector;
pub use setup::setup_circuit;
pub use table::{
    Cells, Curve, CurveKind, Custom, DecayTable, Dyadic, EvaluatedTable, Function, FunctionTable, Table,
    TableError,
};
pub use view::{Factor, FactorRole, View};

pub(crate) use validate::{MAXIMUM_SLOW_ENTRIES, MAXIMUM_TABLE_VARIABLES, check_shape};

use serde::{Deserialize, Serialize};

use crate::field::M61;
use crate::poly::PaddedShape;

/// Index of a column in its [`Circuit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnId(pub u32);

impl ColumnId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The whole statement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Circuit {
    /// Columns in topological order: a virtual column comes after what it is made of.
    pub columns: Vec<Column>,
    /// Tables, by index.
    pub tables: Vec<Table>,
    /// Rows that stand in tables.
    pub lookups: Vec<Lookup>,
    /// Columns that are 0 in every cell, padding included: differences of two columns that agree.
    pub equalities: Vec<ColumnId>,
    /// Whether each column is stored in rows of its own, padding included. Otherwise columns share rows
    /// (`pcs::Packing`).
    pub unpacked: bool,
    /// Whether each column that needs a sumcheck has a sumcheck of its own. Otherwise the columns of one depth of the
    /// [`Schedule`] share a batched sumcheck.
    pub unstacked: bool,
}

/// A tensor of field elements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Where it comes from: `conv1/accumulator`.
    pub name: String,
    /// Shape; each dimension is padded to a power of two.
    pub shape: PaddedShape,
    /// How its cells are given.
    pub kind: ColumnKind,
}

/// How the cells of a column are given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ColumnKind {
    /// Committed with the proof.
    Committed {
        /// Whether lookups and equalities on this column force 0 on its padding.
        zero_padded: bool,
        /// The commitment that holds its cells.
        home: Home,
    },
    /// Part of the committed weights: integers in `[-128, 127]`, which the setup proof shows ([`setup_circuit`]).
    Parameter {
        /// Whether 0 on padding is assumed: true in the circuit of a model, whose setup proof shows it; false in the
        /// circuit of that setup proof.
        zero_padded: bool,
    },
    /// Known to the verifier.
    Public(Public),
    /// A linear combination of columns of the same shape.
    Linear(Linear),
    /// A rearrangement of one column.
    View(View),
    /// An einsum of two columns.
    Contraction(Contraction),
}

/// The commitment in which a committed column lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Home {
    /// The trace of the proof.
    Trace,
    /// A commitment to the private input alone, by which proofs can be linked.
    Input,
    /// A commitment to the private outputs alone.
    Output,
}

/// Where a public column's cells come from; 0 on padding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Public {
    /// Input number `index` of the network, row-major; each value in `[minimum, maximum]`, checked by the verifier.
    Input {
        /// Which input.
        index: u32,
        /// Smallest value.
        minimum: i64,
        /// Largest value.
        maximum: i64,
    },
    /// Output number `index`, row-major; each value in `[minimum, maximum]`, checked by the verifier.
    Output {
        /// Which output.
        index: u32,
        /// Smallest value.
        minimum: i64,
        /// Largest value.
        maximum: i64,
    },
    /// Constants, row-major over the logical shape.
    Constant(Vec<i64>),
    /// Cells that a rule gives: nothing is written out.
    Selector(Selector),
}

/// `sum_k coefficient_k column_k + constant`; the constant stands in every cell, padding included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// Non-zero coefficients and their columns.
    pub terms: Vec<Term>,
    /// Constant.
    #[serde(with = "serde_m61")]
    pub constant: M61,
}

/// One term of a [`Linear`] column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Not zero.
    #[serde(with = "serde_m61")]
    pub coefficient: M61,
    /// Of the same shape.
    pub column: ColumnId,
}

/// Every row `(columns[0][i], columns[1][i], ...)`, padded rows too, is a row of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// What is checked: `conv1/remainder`.
    pub name: String,
    /// Columns of one shape, as many as the table has.
    pub columns: Vec<ColumnId>,
    /// Index of the table.
    pub table: u32,
}

impl Linear {
    /// The difference `left - right`.
    pub(crate) fn difference(left: ColumnId, right: ColumnId) -> Self {
        let term = |coefficient, column| Term { coefficient, column };
        let one = M61::from(1u64);
        Self {
            terms: vec![term(one, left), term(-one, right)],
            constant: M61::from(0u64),
        }
    }
}

impl ColumnKind {
    /// A column of the trace.
    pub fn trace(zero_padded: bool) -> Self {
        Self::Committed {
            zero_padded,
            home: Home::Trace,
        }
    }

    /// Is the column never committed?
    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self, Self::Linear(_) | Self::View(_) | Self::Contraction(_))
    }
}

impl ColumnKind {
    /// The range of a public input or output, which the verifier checks.
    pub(crate) fn public_range(&self) -> Option<(i64, i64)> {
        match self {
            Self::Public(
                Public::Input { minimum, maximum, .. } | Public::Output { minimum, maximum, .. },
            ) => Some((*minimum, *maximum)),
            _ => None,
        }
    }
}

impl core::ops::Index<ColumnId> for Circuit {
    type Output = Column;
    fn index(&self, id: ColumnId) -> &Column {
        &self.columns[id.index()]
    }
}

impl Circuit {
    /// Ids of all columns, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = ColumnId> + use<> {
        (0..self.columns.len() as u32).map(ColumnId)
    }

    /// The columns of the trace, in order.
    pub fn committed(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.tensors(Home::Trace)
    }

    /// The columns of the commitment `home`, in order.
    pub fn tensors(&self, home: Home) -> impl Iterator<Item = ColumnId> + '_ {
        self.ids().filter(
            move |id| matches!(self[*id].kind, ColumnKind::Committed { home: own, .. } if own == home),
        )
    }

    /// The columns of the committed weights, in order.
    pub fn parameters(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.ids()
            .filter(|id| matches!(self[*id].kind, ColumnKind::Parameter { .. }))
    }

    /// For each column: are its cells outside the logical shape forced to be 0?
    pub fn zero_padded(&self) -> Vec<bool> {
        let mut known: Vec<bool> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            known.push(column.is_zero_padded(&known));
        }
        known
    }
}

impl Column {
    /// Are the cells outside of the logical shape forced to be 0? `known` says it of all columns before this one.
    fn is_zero_padded(&self, known: &[bool]) -> bool {
        let is = |id: ColumnId| known[id.index()];
        self.shape.is_exact()
            || match &self.kind {
                ColumnKind::Committed { zero_padded, .. } | ColumnKind::Parameter { zero_padded } => {
                    *zero_padded
                }
                ColumnKind::Public(_) | ColumnKind::View(_) => true,
                ColumnKind::Linear(linear) => {
                    linear.constant.value == 0 && linear.terms.iter().all(|term| is(term.column))
                }
                ColumnKind::Contraction(contraction) => {
                    let (left, right) = (is(contraction.left), is(contraction.right));
                    contraction.axes.iter().all(|axis| match axis.role() {
                        AxisRole::FreeLeft => left,
                        AxisRole::FreeRight => right,
                        AxisRole::Shared => left || right,
                        AxisRole::Summed => true,
                    })
                }
            }
    }
}

#[cfg(test)]
impl Circuit {
    /// The two columns that an equality compares.
    pub(crate) fn sides(&self, equality: ColumnId) -> [ColumnId; 2] {
        match &self[equality].kind {
            ColumnKind::Linear(Linear { terms, .. }) => [terms[0].column, terms[1].column],
            kind => panic!("{kind:?} is no difference"),
        }
    }
}
