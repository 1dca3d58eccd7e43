//! Builds the circuit of a network, node by node.

use crate::circuit::{Block, CircuitBuilder, CircuitError, ColumnId, ColumnKind, Public};
use crate::graph::{Graph, IntFact, NodeId, ParameterId, ParameterRole, WeightShape};
use crate::ops::{BIAS_DIGITS, Hint, Lowering, Properties, Skeleton, node_norm};
use crate::optimize::circuit::shifted_convolution::ShiftedConvolution;
use crate::optimize::circuit::virtual_values::{self, VirtualValues};
use crate::optimize::circuit::{layer_stacking, table_sharing, trace_blocks, trace_packing, weight_blocks};
use crate::optimize::{Pass, Switches};
use crate::privacy::Visibility;

use super::Lowered;

/// A parameter column, and where its cells come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterColumn {
    /// The column.
    pub column: ColumnId,
    /// The parameter of the network.
    pub parameter: ParameterId,
    /// How its values become cells.
    pub cells: ParameterCells,
    /// Of the tensor that these cells are, the part that the column holds: its indices along each axis.
    pub block: Block,
}

/// How the values of a parameter become the cells of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterCells {
    /// A weight: the tensor is reshaped to `split`, and axis `i` of the column is axis `order[i]` of the result.
    Weight {
        /// Sizes to which the tensor is reshaped.
        split: Vec<usize>,
        /// For each axis of the column the axis of the reshaped tensor.
        order: Vec<usize>,
    },
    /// A bias: `[4, length]`, its digits in base 256, least significant first.
    BiasDigits,
}

/// A circuit under construction.
pub(super) struct Builder<'g> {
    graph: &'g Graph<Skeleton>,
    pub(super) circuit: CircuitBuilder,
    pub(super) nodes: Vec<ColumnId>,
    parameters: Vec<ParameterColumn>,
    /// For each parameter that is used the column of its whole tensor, and how its values become cells.
    whole: Vec<(ParameterId, ColumnId, ParameterCells)>,
    pub(super) hints: Vec<Hint>,
    switches: Switches,
    input: Visibility,
    home: crate::circuit::Home,
    pub(super) output: Visibility,
    /// Outputs whose public columns are those of their nodes, by number.
    pub(super) shown: Vec<(usize, ColumnId)>,
    /// The node that is lowered.
    at: NodeId,
}

impl<'g> Builder<'g> {
    pub(super) fn new(
        graph: &'g Graph<Skeleton>,
        limb_bits: u32,
        switches: Switches,
        (input, home): (Visibility, crate::circuit::Home),
        output: Visibility,
    ) -> Self {
        let mut circuit = table_sharing::circuit(&switches, limb_bits);
        trace_packing::apply(&switches, &mut circuit.circuit);
        layer_stacking::apply(&switches, &mut circuit.circuit);
        trace_blocks::apply(&switches, &mut circuit);
        Self {
            graph,
            circuit,
            nodes: Vec::new(),
            parameters: Vec::new(),
            whole: Vec::new(),
            hints: Vec::new(),
            switches,
            input,
            home,
            output,
            shown: Vec::new(),
            at: NodeId(0),
        }
    }

    /// Lowers the next node.
    pub(super) fn node(&mut self, id: NodeId) -> Result<(), CircuitError> {
        self.at = id;
        let column = self.graph[id].op.room().lower(self)?;
        let column = self.commit_node(column);
        self.nodes.push(column);
        self.circuit.expect_room()
    }

    pub(super) fn finish(mut self, outputs: Vec<ColumnId>) -> Result<Lowered, CircuitError> {
        let blocks = core::mem::take(&mut self.circuit.blocks);
        let (circuit, bounds) = self.circuit.finish()?;
        Ok(Lowered {
            input: self.nodes[self.graph.input.0],
            circuit,
            bounds,
            nodes: self.nodes,
            outputs,
            parameters: self.parameters,
            hints: self.hints,
            blocks,
        })
    }

    pub(super) fn at(&self) -> NodeId {
        self.at
    }

    pub(super) fn graph(&self) -> &'g Graph<Skeleton> {
        self.graph
    }

    fn parameter(
        &self,
        id: ParameterId,
        role: ParameterRole,
        expected: &str,
    ) -> Result<&'g WeightShape, CircuitError> {
        let parameter = &self.graph[id];
        if parameter.role == role {
            return Ok(parameter);
        }
        Err(CircuitError::Malformed {
            place: format!("parameter `{}`", parameter.path),
            expected: expected.into(),
            found: "another role or another number of values".into(),
        })
    }

    /// The column of a parameter, committed as it is or [in blocks](weight_blocks). A parameter that several layers use
    /// is one column.
    ///
    /// # Errors
    /// A second use that reads the parameter in another order.
    fn parameter_column(
        &mut self,
        parameter: ParameterId,
        shape: &[usize],
        cells: ParameterCells,
    ) -> Result<ColumnId, CircuitError> {
        let mut known = self.whole.iter();
        if let Some((_, column, known)) = known.find(|known| known.0 == parameter) {
            if *known == cells {
                return Ok(*column);
            }
            return Err(CircuitError::Unsupported {
                layer: self.name().to_owned(),
                what: format!(
                    "a parameter, `{}`, that another layer reads in another order",
                    self.graph[parameter].path
                ),
            });
        }
        let path = &self.graph[parameter].path;
        let blocks = weight_blocks::blocks(&self.switches, shape);
        let (columns, whole) = weight_blocks::columns(&mut self.circuit, path, shape, &blocks);
        for (column, block) in columns.into_iter().zip(blocks) {
            let cells = cells.clone();
            self.parameters.push(ParameterColumn {
                column,
                parameter,
                cells,
                block,
            });
        }
        self.whole.push((parameter, whole, cells));
        Ok(whole)
    }

    /// A committed column that equals `column`, without the pass that leaves it virtual.
    fn committed(&mut self, pass: &dyn Pass, column: ColumnId) -> Option<ColumnId> {
        virtual_values::committed(pass, &self.switches, &mut self.circuit, column)
    }

    /// The column of the node: committed, where the [pass](virtual_values) that leaves linear algebra virtual is off.
    fn commit_node(&mut self, column: ColumnId) -> ColumnId {
        if !self.graph[self.at].op.room().has(Properties::ACCUMULATES) {
            return column;
        }
        let Some(output) = self.committed(&VirtualValues, column) else {
            return column;
        };
        self.hints.push(Hint::Node {
            node: self.at,
            input: column,
            output,
        });
        output
    }
}

impl<'g> Lowering<'g> for Builder<'g> {
    fn id(&self) -> NodeId {
        self.at
    }

    fn name(&self) -> &'g str {
        &self.graph[self.at].name
    }

    fn fact(&self) -> &'g IntFact {
        &self.graph[self.at].fact
    }

    fn operands(&self) -> usize {
        self.graph[self.at].inputs.len()
    }

    fn operand(&self, index: usize) -> (ColumnId, &'g IntFact) {
        let operand = self.graph[self.at].inputs[index];
        (self.nodes[operand.0], &self.graph[operand].fact)
    }

    fn operand_norm(&self, index: usize) -> Option<i128> {
        node_norm(self.graph, self.graph[self.at].inputs[index])
    }

    fn input(&mut self, revealed: bool) -> Result<ColumnId, CircuitError> {
        if self.input.is_private() && !revealed {
            return self.private_input(self.at, self.home);
        }
        let (name, fact) = (self.name(), self.fact());
        let (minimum, maximum) = fact.range;
        let index = self.graph.inputs().position(|id| id == self.at).unwrap_or(0);
        let kind = ColumnKind::Public(Public::Input {
            index: index as u32,
            minimum,
            maximum,
        });
        Ok(self.circuit.column(name, &fact.shape, kind))
    }

    fn public_output(&mut self) -> Option<ColumnId> {
        let index = self.public_index()?;
        let column = self.output_column(index, self.at);
        self.shown.push((index, column));
        Some(column)
    }

    fn circuit(&mut self) -> &mut CircuitBuilder {
        &mut self.circuit
    }

    fn parameter_shape(&self, id: ParameterId) -> &'g [usize] {
        &self.graph[id].shape
    }

    fn weight(
        &mut self,
        id: ParameterId,
        split: &[usize],
        order: &[usize],
    ) -> Result<ColumnId, CircuitError> {
        let parameter = self.parameter(id, ParameterRole::Weight, "an int8 weight")?;
        let values: usize = parameter.shape.iter().product();
        let shape: Option<Vec<usize>> = order.iter().map(|&axis| split.get(axis).copied()).collect();
        match shape.filter(|shape| shape.iter().product::<usize>() == values && split.len() == order.len()) {
            Some(shape) => {
                let (split, order) = (split.to_vec(), order.to_vec());
                self.parameter_column(id, &shape, ParameterCells::Weight { split, order })
            }
            None => Err(CircuitError::Malformed {
                place: format!("parameter `{}`", parameter.path),
                expected: format!("a weight of shape {split:?}"),
                found: format!("shape {:?}", parameter.shape),
            }),
        }
    }

    fn bias_digits(&mut self, id: ParameterId) -> Result<ColumnId, CircuitError> {
        let parameter = self.parameter(id, ParameterRole::Bias, "a bias")?;
        let length = parameter.shape.iter().product();
        self.parameter_column(id, &[BIAS_DIGITS, length], ParameterCells::BiasDigits)
    }

    fn windows(&mut self, view: ColumnId) -> ColumnId {
        let Some(output) = self.committed(&ShiftedConvolution, view) else {
            return view;
        };
        self.hints.push(Hint::Copy { input: view, output });
        output
    }

    fn looked_up(&mut self, value: ColumnId) -> ColumnId {
        self.committed(&VirtualValues, value).unwrap_or(value)
    }

    fn hint(&mut self, hint: Hint) {
        self.hints.push(hint);
    }
}
