//! Public values: the integers a proof speaks of.

use serde::{Deserialize, Serialize};

use super::{Artifact, Kind};
use crate::transcript::VerifyError;
use crate::verify::{PublicTensor, Statement};

/// The public input and outputs, row-major, as the integers the circuit computes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicValues {
    /// The quantized input.
    pub input: Vec<i64>,
    /// The outputs, by number.
    pub outputs: Vec<Vec<i64>>,
}

impl Artifact for PublicValues {
    const KIND: Kind = Kind::PublicValues;
    const VERSION: u32 = 1;
    const MAXIMUM_BYTES: u64 = 1 << 30;
}

impl PublicValues {
    /// Checks number, sizes and ranges against the circuit.
    ///
    /// # Errors
    /// [`VerifyError::PublicValue`] naming the first value that does not fit.
    pub fn check(&self, statement: &Statement<'_>) -> Result<(), VerifyError> {
        let mismatch = |place: &str, expected: String, found: String| {
            Err(VerifyError::PublicValue {
                place: place.to_owned(),
                expected,
                found,
            })
        };
        if self.outputs.len() != statement.outputs.len() {
            let (expected, found) = (statement.outputs.len(), self.outputs.len());
            return mismatch(
                "outputs",
                format!("{expected} tensors"),
                format!("{found} tensors"),
            );
        }
        let outputs = statement.outputs.iter().zip(&self.outputs).enumerate();
        let named = core::iter::once(("input".to_owned(), &statement.input, &self.input))
            .chain(outputs.map(|(index, (tensor, values))| (format!("output.{index}"), tensor, values)));
        for (
            name,
            PublicTensor {
                column,
                minimum,
                maximum,
            },
            values,
        ) in named
        {
            let shape = &statement.circuit()[*column].shape;
            if values.len() != shape.logical_len() {
                return mismatch(
                    &name,
                    format!("{} values (shape {shape})", shape.logical_len()),
                    values.len().to_string(),
                );
            }
            if let Some(index) = values.iter().position(|value| value < minimum || value > maximum) {
                let found = values.get(index).map_or(String::new(), i64::to_string);
                return mismatch(
                    &format!("{name}[{index}]"),
                    format!("a value in [{minimum}, {maximum}]"),
                    found,
                );
            }
        }
        Ok(())
    }
}
