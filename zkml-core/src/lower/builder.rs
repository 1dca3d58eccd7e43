//! What all lowerings share: adding columns, tables and lookups.

use std::collections::HashMap;

use crate::circuit::{
    Axis, Circuit, CircuitError, Column, ColumnId, ColumnKind, Contraction, Equality, Factor, Linear, Lookup,
    Public, Table, Term, View,
};
use crate::field::{M61, from_i64};
use crate::graph::{Graph, Int, IntFact, IntOp, Node, NodeId, ParameterId};
use crate::int8::Int8Tensor;
use crate::optimize::circuit::{CircuitOptions, virtual_values};

use super::Lowered;

/// The cells of a parameter column.
#[derive(Debug, Clone)]
pub struct ParameterCells {
    /// The column.
    pub column: ColumnId,
    /// Its cells, of the column's shape; what pads them is 0.
    pub cells: Int8Tensor,
    /// Of a weight: the parameter of the network whose tensor they are, and which of the column's axes its axes are.
    pub tensor: Option<(ParameterId, Vec<usize>)>,
}

/// How the prover fills committed columns.
#[derive(Debug, Clone)]
pub enum Hint {
    /// The parts of a rescale node: `input * multiplier + half = value * 2^shift + sum_k limbs[k] * 2^(bits k)`.
    Rescale {
        /// The rescale node; its operand is the accumulator.
        node: NodeId,
        /// The value before the table; virtual, but known to the prover at once.
        value: ColumnId,
        /// The node's column, after the table.
        output: ColumnId,
        /// Remainder limbs, least significant first.
        limbs: Vec<ColumnId>,
        /// Bits of a limb.
        bits: u32,
    },
    /// `output = table(input)`, cell by cell.
    Apply {
        /// Index of a function table.
        table: u32,
        /// A virtual column.
        input: ColumnId,
        /// A committed column.
        output: ColumnId,
    },
    /// 1 where the index along `axis` is the one in the node's value.
    OneHot {
        /// The node that holds indices; it lacks `axis`.
        index: NodeId,
        /// Axis of `output`.
        axis: usize,
        /// A committed column.
        output: ColumnId,
    },
    /// The values of an input node.
    Input {
        /// The node.
        node: NodeId,
        /// A committed column; its padding is any value of the range.
        output: ColumnId,
    },
    /// The values of a node, in a virtual column and in a committed one; both are 0 on padding.
    Node {
        /// The node.
        node: NodeId,
        /// A virtual column.
        input: ColumnId,
        /// A committed column.
        output: ColumnId,
    },
    /// `output = input`, padding too.
    Copy {
        /// A column.
        input: ColumnId,
        /// A committed column.
        output: ColumnId,
    },
    /// The digits of a non-negative column in base `2^bits`, least significant first.
    Limbs {
        /// A virtual column.
        input: ColumnId,
        /// Committed columns.
        limbs: Vec<ColumnId>,
        /// Bits of a limb.
        bits: u32,
    },
}

/// A circuit under construction.
pub(crate) struct Builder<'g> {
    pub(crate) graph: &'g Graph<Int>,
    pub(crate) circuit: Circuit,
    pub(crate) nodes: Vec<ColumnId>,
    pub(crate) parameters: Vec<ParameterCells>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) limb_bits: u32,
    pub(crate) options: CircuitOptions,
    tables: HashMap<Table, u32>,
    constants: HashMap<(Vec<usize>, Vec<i64>), ColumnId>,
}

impl<'g> Builder<'g> {
    pub(crate) fn new(graph: &'g Graph<Int>, limb_bits: u32, options: CircuitOptions) -> Self {
        Self {
            graph,
            circuit: Circuit {
                unpacked: !options.trace_packing,
                unstacked: !options.layer_stacking,
                ..Circuit::default()
            },
            nodes: Vec::new(),
            parameters: Vec::new(),
            hints: Vec::new(),
            limb_bits,
            options,
            tables: HashMap::new(),
            constants: HashMap::new(),
        }
    }

    pub(crate) fn finish(self, outputs: Vec<ColumnId>) -> Result<Lowered, CircuitError> {
        self.circuit.validate()?;
        Ok(Lowered {
            input: self.nodes[self.graph.input.0],
            circuit: self.circuit,
            nodes: self.nodes,
            outputs,
            parameters: self.parameters,
            hints: self.hints,
        })
    }

    pub(crate) fn node(&self, id: NodeId) -> &'g Node<Int> {
        &self.graph[id]
    }

    /// The operand of a node: its column and what is known of it.
    pub(crate) fn operand(&self, id: NodeId, index: usize) -> (ColumnId, &'g IntFact) {
        let operand = self.graph[id].inputs[index];
        (self.nodes[operand.0], &self.graph[operand].fact)
    }

    pub(crate) fn column(&mut self, name: &str, shape: &[usize], kind: ColumnKind) -> ColumnId {
        let id = ColumnId(self.circuit.columns.len() as u32);
        self.circuit.columns.push(Column::new(name, shape, kind));
        id
    }

    pub(crate) fn linear_column(
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
    pub(crate) fn integer_sum(&mut self, name: &str, shape: &[usize], terms: &[(i64, ColumnId)]) -> ColumnId {
        let terms: Vec<(M61, ColumnId)> = terms.iter().map(|&(c, column)| (from_i64(c), column)).collect();
        self.linear_column(name, shape, &terms, M61::from(0u64))
    }

    pub(crate) fn view(
        &mut self,
        name: &str,
        shape: &[usize],
        source: ColumnId,
        factors: Vec<Factor>,
    ) -> ColumnId {
        self.column(name, shape, ColumnKind::View(View { source, factors }))
    }

    pub(crate) fn contraction(
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

    /// A public constant; equal ones share a column.
    pub(crate) fn constant(&mut self, shape: &[usize], cells: Vec<i64>) -> ColumnId {
        let key = (shape.to_vec(), cells);
        if let Some(&known) = self.constants.get(&key) {
            return known;
        }
        let name = format!("constant.{}", self.constants.len());
        let id = self.column(&name, shape, ColumnKind::Public(Public::Constant(key.1.clone())));
        self.constants.insert(key, id);
        id
    }

    /// 1 in every cell of the logical shape, 0 on padding.
    pub(crate) fn ones(&mut self, name: &str, shape: &[usize]) -> ColumnId {
        let one = self.constant(&[], vec![1]);
        let factors = (0..shape.len()).map(Factor::broadcast).collect();
        self.view(name, shape, one, factors)
    }

    /// A table; equal ones are shared.
    pub(crate) fn table(&mut self, table: Table) -> u32 {
        let next = self.circuit.tables.len() as u32;
        if !self.options.table_sharing {
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

    pub(crate) fn lookup(&mut self, name: String, columns: Vec<ColumnId>, table: u32) {
        self.circuit.lookups.push(Lookup { name, columns, table });
    }

    /// Committed limbs of `bits` each, range-checked.
    pub(crate) fn limbs(&mut self, name: &str, shape: &[usize], count: u32) -> Vec<ColumnId> {
        (0..count)
            .map(|k| {
                let name = format!("{name}.{k}");
                let table = self.table(Table::Range { bits: self.limb_bits });
                let limb = self.column(&name, shape, ColumnKind::trace(false));
                self.lookup(name, vec![limb], table);
                limb
            })
            .collect()
    }

    /// A committed column that equals a virtual one, for circuits without a pass that would leave it virtual. `None` where
    /// the column is not zero on padding, and hence has to stay virtual.
    pub(crate) fn committed(&mut self, column: ColumnId) -> Option<ColumnId> {
        if !self.is_zero_padded(column) {
            return None;
        }
        let Column { name, shape, .. } = &self.circuit[column];
        let (name, sizes) = (format!("{name}{}", virtual_values::SUFFIX), shape.sizes());
        // The equality forces the zeros of the padding as well.
        let output = self.column(&name, &sizes, ColumnKind::trace(true));
        self.circuit.equalities.push(Equality {
            name,
            left: column,
            right: output,
        });
        Some(output)
    }

    /// The cells of a view, laid out in a committed column.
    pub(crate) fn laid_out(&mut self, view: ColumnId) -> ColumnId {
        let Some(output) = self.committed(view) else {
            return view;
        };
        self.hints.push(Hint::Copy { input: view, output });
        output
    }

    /// The column of a node: committed, where the [pass](virtual_values) that leaves linear algebra virtual is off.
    pub(crate) fn commit_node(&mut self, id: NodeId, column: ColumnId) -> ColumnId {
        let accumulates = matches!(
            self.graph[id].op,
            IntOp::Conv2d { .. } | IntOp::Linear { .. } | IntOp::WeightedSum { .. } | IntOp::SumPool2d { .. }
        );
        if self.options.virtual_values || !accumulates {
            return column;
        }
        let Some(output) = self.committed(column) else {
            return column;
        };
        self.hints.push(Hint::Node {
            node: id,
            input: column,
            output,
        });
        output
    }

    pub(crate) fn is_zero_padded(&self, column: ColumnId) -> bool {
        self.circuit.zero_padded()[column.index()]
    }
}

/// An error when `|value|` may reach `p / 2`.
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

/// The largest absolute value in a range.
pub(crate) fn magnitude(range: (i64, i64)) -> i128 {
    i128::from(range.0).abs().max(i128::from(range.1).abs())
}
