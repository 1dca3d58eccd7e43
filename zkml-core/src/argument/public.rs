//! Checks the public values of a statement, and evaluates its public columns.

use super::Statement;
use crate::circuit::{Circuit, Column, ColumnId, ColumnKind, Public};
use crate::field::{K, M61, from_i64};
use crate::keys::PublicTensor;
use crate::poly::{self, Coordinate};
use crate::proof::PublicValues;
use crate::reduce::coordinates;
use crate::transcript::VerifyError;

impl PublicValues {
    /// Checks presence, number, sizes and ranges against the circuit.
    ///
    /// # Errors
    /// [`VerifyError::PublicValue`] naming the first value that does not fit.
    pub fn check(&self, statement: &Statement<'_>) -> Result<(), VerifyError> {
        expect_presence("input", !statement.inputs.is_empty(), self.input.is_some())?;
        expect_presence("outputs", !statement.outputs.is_empty(), self.outputs.is_some())?;
        let outputs = self.outputs.as_deref().unwrap_or_default();
        if outputs.len() != statement.outputs.len() {
            let (expected, found) = (statement.outputs.len(), outputs.len());
            return mismatch(
                "outputs",
                format!("{expected} tensors"),
                format!("{found} tensors"),
            );
        }
        for (tensor, values) in self.split_input(statement)? {
            let name = match statement.inputs.len() {
                1 => "input".to_owned(),
                _ => format!("input.{}", tensor.index),
            };
            check_tensor(statement, &name, tensor, values)?;
        }
        for (tensor, values) in statement.outputs.iter().zip(outputs) {
            check_tensor(statement, &format!("output.{}", tensor.index), tensor, values)?;
        }
        Ok(())
    }

    /// The values of each public input. Inputs stand one after the other, in their order; the shape of each gives its
    /// length.
    ///
    /// # Errors
    /// [`VerifyError::PublicValue`] for another number of values.
    pub fn split_input<'s, 'v>(
        &'v self,
        statement: &'s Statement<'_>,
    ) -> Result<Vec<(&'s PublicTensor, &'v [i64])>, VerifyError> {
        let Some(input) = self.input.as_deref() else {
            return Ok(Vec::new());
        };
        if let [only] = statement.inputs.as_slice() {
            // A single input takes all values: `check_tensor` then reports a wrong length together with the shape.
            return Ok(vec![(only, input)]);
        }
        let (mut rest, mut expected) = (input, 0usize);
        let mut parts = Vec::with_capacity(statement.inputs.len());
        for tensor in &statement.inputs {
            let length = statement.circuit()[tensor.column].shape.logical_len();
            let (values, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            (rest, expected) = (after, expected.saturating_add(length));
            parts.push((tensor, values));
        }
        if expected != input.len() {
            mismatch("input", format!("{expected} values"), input.len().to_string())?;
        }
        Ok(parts)
    }
}

/// Public values are present exactly where the circuit has public columns.
fn expect_presence(place: &str, expected: bool, found: bool) -> Result<(), VerifyError> {
    let describe = |present: bool| match present {
        true => "public values".to_owned(),
        false => "none (private)".to_owned(),
    };
    if expected == found {
        return Ok(());
    }
    mismatch(place, describe(expected), describe(found))
}

/// The size of a tensor, and the range of its values.
fn check_tensor(
    statement: &Statement<'_>,
    name: &str,
    tensor: &PublicTensor,
    values: &[i64],
) -> Result<(), VerifyError> {
    let PublicTensor {
        column,
        minimum,
        maximum,
        ..
    } = tensor;
    let shape = &statement.circuit()[*column].shape;
    if values.len() != shape.logical_len() {
        return mismatch(
            name,
            format!("{} values (shape {shape})", shape.logical_len()),
            values.len().to_string(),
        );
    }
    let outside = values
        .iter()
        .enumerate()
        .find(|(_, value)| *value < minimum || *value > maximum);
    match outside {
        Some((index, value)) => mismatch(
            &format!("{name}[{index}]"),
            format!("a value in [{minimum}, {maximum}]"),
            value.to_string(),
        ),
        None => Ok(()),
    }
}

fn mismatch(place: &str, expected: String, found: String) -> Result<(), VerifyError> {
    Err(VerifyError::PublicValue {
        place: place.to_owned(),
        expected,
        found,
    })
}

/// The public columns' cells, for evaluation at points.
pub struct PublicCells<'c> {
    circuit: &'c Circuit,
    cells: Vec<Option<Vec<M61>>>,
}

impl<'c> PublicCells<'c> {
    /// Pads the public values and the circuit's constants. The values have been checked against the circuit.
    pub fn new(statement: &'c Statement<'_>, values: &PublicValues) -> Self {
        let circuit = statement.circuit();
        let mut cells: Vec<Option<Vec<M61>>> = circuit.columns.iter().map(|_| None).collect();
        let mut put = |column: ColumnId, integers: &[i64]| {
            let elements: Vec<M61> = integers.iter().map(|&integer| from_i64(integer)).collect();
            if let Some(slot) = cells.get_mut(column.index()) {
                *slot = Some(circuit[column].shape.pad(&elements, M61::from(0u64)));
            }
        };
        // Values that have been checked can be split.
        for (input, integers) in values.split_input(statement).unwrap_or_default() {
            put(input.column, integers);
        }
        for (output, integers) in statement.outputs.iter().zip(values.outputs.iter().flatten()) {
            put(output.column, integers);
        }
        for id in circuit.ids() {
            if let ColumnKind::Public(Public::Constant(constants)) = &circuit[id].kind {
                put(id, constants);
            }
        }
        Self { circuit, cells }
    }

    /// The padded cells of a public column.
    pub fn of(&self, column: ColumnId) -> Option<&[M61]> {
        self.cells.get(column.index())?.as_deref()
    }

    /// The multilinear extension of a public column; 0 for a column that is not public.
    pub fn evaluate(&self, column: ColumnId, point: &[Coordinate]) -> K {
        if let Some(cells) = self.of(column) {
            return poly::evaluate_base(cells, &coordinates(point));
        }
        match self.circuit.columns.get(column.index()) {
            Some(Column {
                shape,
                kind: ColumnKind::Public(Public::Selector(rule)),
                ..
            }) => {
                let ids = rule
                    .ids()
                    .and_then(|ids| Some((self.of(ids)?, &self.circuit.columns.get(ids.index())?.shape)));
                rule.evaluate(shape, &coordinates(point), ids)
            }
            _ => K::from(0u64),
        }
    }
}
