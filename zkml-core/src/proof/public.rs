//! Public values: the integers a proof speaks of.

use serde::{Deserialize, Serialize};

use super::{Artifact, Kind};
use crate::transcript::VerifyError;
use crate::verify::{PublicTensor, Statement};

/// The public ones of input and outputs, row-major, as the integers the circuit computes with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicValues {
    /// The quantized input; `None` if it is private.
    pub input: Option<Vec<i64>>,
    /// The outputs, by number; `None` if they are private.
    pub outputs: Option<Vec<Vec<i64>>>,
}

impl Artifact for PublicValues {
    const KIND: Kind = Kind::PublicValues;
    const VERSION: u32 = 2;
    const MAXIMUM_BYTES: u64 = 1 << 30;
}

impl PublicValues {
    /// Checks presence, number, sizes and ranges against the circuit.
    ///
    /// # Errors
    /// [`VerifyError::PublicValue`] naming the first value that does not fit.
    pub fn check(&self, statement: &Statement<'_>) -> Result<(), VerifyError> {
        expect_presence("input", statement.input.is_some(), self.input.is_some())?;
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
        for (tensor, values) in statement.input.iter().zip(&self.input) {
            check_tensor(statement, "input", tensor, values)?;
        }
        for (index, (tensor, values)) in statement.outputs.iter().zip(outputs).enumerate() {
            check_tensor(statement, &format!("output.{index}"), tensor, values)?;
        }
        Ok(())
    }
}

/// Public where the circuit says so, and there alone.
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
