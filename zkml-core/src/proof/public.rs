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
        let mismatch = |place: &str, expected: String, found: String| {
            Err(VerifyError::PublicValue {
                place: place.to_owned(),
                expected,
                found,
            })
        };
        let describe = |present: bool| {
            if present {
                "public values"
            } else {
                "none (private)"
            }
            .to_owned()
        };
        let present = [
            ("input", statement.input.is_some(), self.input.is_some()),
            ("outputs", !statement.outputs.is_empty(), self.outputs.is_some()),
        ];
        if let Some((place, expected, found)) =
            present.into_iter().find(|(_, expected, found)| expected != found)
        {
            return mismatch(place, describe(expected), describe(found));
        }
        let outputs = self.outputs.as_deref().unwrap_or_default();
        if outputs.len() != statement.outputs.len() {
            let (expected, found) = (statement.outputs.len(), outputs.len());
            return mismatch(
                "outputs",
                format!("{expected} tensors"),
                format!("{found} tensors"),
            );
        }
        let outputs = statement.outputs.iter().zip(outputs).enumerate();
        let input = statement.input.iter().zip(&self.input);
        let named = input
            .map(|(tensor, values)| ("input".to_owned(), tensor, values))
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
