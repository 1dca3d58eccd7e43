//! What a room sees of the compiler when it becomes columns of a circuit.

use crate::circuit::{CircuitBuilder, CircuitError, ColumnId, ColumnKind, View};
use crate::graph::{IntFact, NodeId, ParameterId};

/// The node that is lowered, and the circuit under construction. `'g` is the graph's lifetime.
pub trait Lowering<'g> {
    /// The node.
    fn id(&self) -> NodeId;

    /// Its name.
    fn name(&self) -> &'g str;

    /// What is known of its result.
    fn fact(&self) -> &'g IntFact;

    /// Number of its operands.
    fn operands(&self) -> usize;

    /// An operand: its column and what is known of it.
    fn operand(&self, index: usize) -> (ColumnId, &'g IntFact);

    /// A bound of the norm of each row of an operand, where its operation gives one: see
    /// [`IntegerRoom::norm`](super::IntegerRoom::norm).
    fn operand_norm(&self, index: usize) -> Option<i128>;

    /// The column of an input node: public, or committed and range-checked. A `revealed` input is public in any case.
    ///
    /// # Errors
    /// A range that no table covers.
    fn input(&mut self, revealed: bool) -> Result<ColumnId, CircuitError>;

    /// The column of this node as an output that the verifier knows, for constraints that read it. It is the node's
    /// column, and the output's. `None` if the node is no public output.
    fn public_output(&mut self) -> Option<ColumnId>;

    /// The circuit.
    fn circuit(&mut self) -> &mut CircuitBuilder;

    /// The shape of a parameter.
    fn parameter_shape(&self, id: ParameterId) -> &'g [usize];

    /// A weight tensor as a parameter column. The tensor is read with the sizes `split`; axis `i` of the column is then
    /// its axis `order[i]`. Example: a convolution's `[O, C, H, W]` in order `[2, 3, 0, 1]` is `[H, W, O, C]`.
    ///
    /// # Errors
    /// A parameter that is no int8 weight, or has another number of values.
    fn weight(&mut self, id: ParameterId, split: &[usize], order: &[usize])
    -> Result<ColumnId, CircuitError>;

    /// The digits of a bias, `[4, length]`: `bias = sum_k 256^k digit_k`, each an int8.
    ///
    /// # Errors
    /// A parameter that is no bias.
    fn bias_digits(&mut self, id: ParameterId) -> Result<ColumnId, CircuitError>;

    /// Windows that a convolution reads: the view itself, or a committed copy where the pass `shifted_convolution` is
    /// off.
    fn windows(&mut self, view: ColumnId) -> ColumnId;

    /// A value to look up: the column itself, or a committed copy where the pass `virtual_values` is off.
    fn looked_up(&mut self, value: ColumnId) -> ColumnId;

    /// Says how the prover fills committed columns.
    fn hint(&mut self, hint: Hint);
}

/// The column, or a view of it that is 0 on padding.
pub(super) fn cropped(lowering: &mut dyn Lowering<'_>, name: &str, column: ColumnId) -> ColumnId {
    let circuit = lowering.circuit();
    if circuit.is_zero_padded(column) {
        return column;
    }
    let shape = circuit.circuit[column].shape.sizes();
    circuit.column(name, &shape, ColumnKind::View(View::crop(column, shape.len())))
}

/// Digits of a bias in base 256.
pub(crate) const BIAS_DIGITS: usize = 4;

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
    /// 1 where the index along `axis` is the value of the node `index`, else 0.
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
    /// What the room computes besides its result ([`IntegerRoom::advice`](super::IntegerRoom::advice)).
    Advice {
        /// The node.
        node: NodeId,
        /// The columns, in the order of the room's lists, and what stands on the padding of each.
        columns: Vec<(ColumnId, i64)>,
    },
    /// The values of a node in a virtual column of another shape, row-major, which is 0 on padding.
    Value {
        /// The node.
        node: NodeId,
        /// A virtual column.
        output: ColumnId,
    },
    /// The parts of an embedding, two virtual columns.
    Embedding {
        /// The node.
        node: NodeId,
        /// The rows of the weight, one for each id.
        rows: ColumnId,
        /// Their multipliers, if there are several.
        scales: Option<ColumnId>,
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
    /// `floor(numerator / 2^shift + 1/2)`, padding too.
    Quotient {
        /// `sum_k coefficient_k column_k`
        numerator: Vec<(i64, ColumnId)>,
        /// At least 1.
        shift: u32,
        /// A committed column, or a virtual one that is the sum of committed digits.
        output: ColumnId,
    },
    /// The lowest bits of a column, padding too: `input - floor(input / 2^bits) 2^bits`.
    Remainder {
        /// A virtual column.
        input: ColumnId,
        /// How many bits.
        bits: u32,
        /// As in [`Hint::Quotient`].
        output: ColumnId,
    },
    /// `floor(sqrt input)`, padding too.
    Root {
        /// A virtual column without negative cells.
        input: ColumnId,
        /// As in [`Hint::Quotient`].
        output: ColumnId,
    },
    /// `floor(numerator / input)`, padding too.
    Reciprocal {
        /// Not negative.
        numerator: i64,
        /// A column of positive cells.
        input: ColumnId,
        /// As in [`Hint::Quotient`].
        output: ColumnId,
    },
    /// The digits of a column in base `2^bits`, padding too.
    Digits {
        /// A virtual column whose value is known.
        input: ColumnId,
        /// Committed columns, least significant first.
        low: Vec<ColumnId>,
        /// Bits of each of them.
        bits: u32,
        /// A committed column for what is left above them; it may be negative.
        top: Option<ColumnId>,
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
