//! Public values: the integers that a proof speaks of.

use serde::{Deserialize, Deserializer, Serialize};

use crate::graph::MAXIMUM_OUTPUTS;
use crate::untrusted::at_most;

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
    #[derive(Deserialize)]
    struct Outputs(#[serde(deserialize_with = "at_most::<MAXIMUM_OUTPUTS, _, _>")] Vec<Vec<i64>>);

    Option::<Outputs>::deserialize(from).map(|outputs| outputs.map(|Outputs(tensors)| tensors))
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
