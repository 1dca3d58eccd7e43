//! Public values: the integers that a proof speaks of.

use core::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Most outputs of a network. In a file an empty output takes a byte, and many times that in memory.
pub const MAXIMUM_OUTPUTS: usize = 1 << 10;

/// The public part of input and outputs: row-major, as the integers that the circuit computes with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicValues {
    /// The quantized input; `None` if it is private.
    pub input: Option<Vec<i64>>,
    /// The outputs, by number; `None` if they are private.
    #[serde(deserialize_with = "not_too_many")]
    pub outputs: Option<Vec<Vec<i64>>>,
}

fn not_too_many<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Vec<i64>>>, D::Error> {
    Option::<Outputs>::deserialize(from).map(|outputs| outputs.map(|Outputs(tensors)| tensors))
}

struct Outputs(Vec<Vec<i64>>);

impl<'de> Deserialize<'de> for Outputs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(OutputsVisitor)
    }
}

struct OutputsVisitor;

impl<'de> Visitor<'de> for OutputsVisitor {
    type Value = Outputs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAXIMUM_OUTPUTS} outputs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Outputs, A::Error> {
        let mut outputs = Vec::new();
        while let Some(output) = from.next_element()? {
            if outputs.len() == MAXIMUM_OUTPUTS {
                return Err(A::Error::custom(format!("more than {MAXIMUM_OUTPUTS} outputs")));
            }
            outputs.push(output);
        }
        Ok(Outputs(outputs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_has_more_outputs_than_a_network() {
        for (count, fits) in [(0, true), (MAXIMUM_OUTPUTS, true), (MAXIMUM_OUTPUTS + 1, false)] {
            let values = PublicValues {
                input: None,
                outputs: Some(vec![Vec::new(); count]),
            };
            let bytes = postcard::to_stdvec(&values).expect("an encoding");
            let read = postcard::from_bytes::<PublicValues>(&bytes);
            assert_eq!(read.ok(), fits.then_some(values), "{count}");
        }
    }
}
