//! Public outputs for people: what stands in an `outputs.json` next to a proof.
//!
//! Such a file proves nothing. It is compared with the public values that a proof was checked for
//! ([`ReadableOutputs::check`]), so that people and programs may read it instead of them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::PublicValues;
use crate::privacy::Visibility;
use crate::transcript::VerifyError;
use crate::verify::{Statement, VerifyingKey};

/// Real numbers pass through decimal text: they agree when they differ by no more than this part.
const TOLERANCE: f64 = 1e-9;

/// The outputs of one execution, as integers and as the real numbers they stand for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadableOutputs {
    /// Name of the model, as in its verifying key.
    pub model: String,
    /// The class, if output 1 is public and one index: a model whose graph ends in an argmax of a batch of one.
    pub class: Option<i64>,
    /// The outputs, by number; `None` (in JSON `null`) if they are private.
    pub outputs: Option<Vec<ReadableOutput>>,
}

/// One output tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadableOutput {
    /// Its shape, batch first.
    pub shape: Vec<usize>,
    /// `real = scale * integer`.
    pub scale: f64,
    /// The proved integers, row-major.
    pub integers: Vec<i64>,
    /// The real numbers they stand for; the logits of a classifier.
    pub values: Vec<f64>,
}

/// The first entry of readable outputs that is not what the public values say.
#[derive(Clone, PartialEq, Eq, Error)]
#[error("{place}: the public values give {expected}, found {found}")]
pub struct OutputMismatch {
    /// The entry, such as `outputs[0].integers[7]`.
    pub place: String,
    /// What follows from the public values.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

crate::debug_as_display!(OutputMismatch);

impl ReadableOutputs {
    /// The readable form of `public.outputs`.
    ///
    /// # Errors
    /// [`VerifyError`] for a bad key, or public values that do not fit it.
    pub fn new(key: &VerifyingKey, public: &PublicValues) -> Result<Self, VerifyError> {
        let statement = Statement::new(key)?;
        public.check(&statement)?;
        let Some(values) = &public.outputs else {
            return Ok(Self {
                model: key.name.clone(),
                class: None,
                outputs: None,
            });
        };
        let tensors = statement
            .outputs
            .iter()
            .zip(&key.interface.output_scales)
            .zip(values);
        let outputs: Vec<ReadableOutput> = tensors
            .map(|((tensor, &scale), integers)| ReadableOutput {
                shape: key.circuit[tensor.column].shape.sizes(),
                scale,
                integers: integers.clone(),
                values: integers.iter().map(|&integer| scale * integer as f64).collect(),
            })
            .collect();
        let class = match (outputs.get(1), statement.outputs.get(1)) {
            (
                Some(ReadableOutput {
                    scale: 1.0, integers, ..
                }),
                Some(tensor),
            ) if tensor.minimum == 0 => integers.first().copied().filter(|_| integers.len() == 1),
            _ => None,
        };
        Ok(Self {
            model: key.name.clone(),
            class,
            outputs: Some(outputs),
        })
    }

    /// Compares every entry with `expected`, which was made from public values. Integers, shapes and names must be
    /// equal; real numbers may differ by their rounding to decimal text.
    ///
    /// # Errors
    /// [`OutputMismatch`] naming the first entry that differs.
    pub fn check(&self, expected: &Self) -> Result<(), OutputMismatch> {
        equal("model", &expected.model, &self.model)?;
        let class = |class: Option<i64>| class.map_or("none".to_owned(), |class| class.to_string());
        if expected.class != self.class {
            let (expected, found) = (class(expected.class), class(self.class));
            return Err(OutputMismatch {
                place: "class".to_owned(),
                expected,
                found,
            });
        }
        let visibility = |outputs: &Option<_>| {
            if outputs.is_some() {
                Visibility::Public
            } else {
                Visibility::Private
            }
        };
        equal(
            "outputs",
            &visibility(&expected.outputs),
            &visibility(&self.outputs),
        )?;
        let [expected, found] =
            [expected, self].map(|outputs| outputs.outputs.as_deref().unwrap_or_default());
        equal("number of outputs", &expected.len(), &found.len())?;
        for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
            let place = |field: &str| format!("outputs[{index}].{field}");
            equal(&place("shape"), &expected.shape, &found.shape)?;
            close(&place("scale"), expected.scale, found.scale)?;
            equal(
                &place("integers: length"),
                &expected.integers.len(),
                &found.integers.len(),
            )?;
            for (at, (expected, found)) in expected.integers.iter().zip(&found.integers).enumerate() {
                equal(&place(&format!("integers[{at}]")), expected, found)?;
            }
            equal(
                &place("values: length"),
                &expected.values.len(),
                &found.values.len(),
            )?;
            for (at, (&expected, &found)) in expected.values.iter().zip(&found.values).enumerate() {
                close(&place(&format!("values[{at}]")), expected, found)?;
            }
        }
        Ok(())
    }
}

fn equal<T: PartialEq + core::fmt::Debug>(
    place: &str,
    expected: &T,
    found: &T,
) -> Result<(), OutputMismatch> {
    if expected == found {
        return Ok(());
    }
    Err(OutputMismatch {
        place: place.to_owned(),
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
    })
}

/// NaN agrees with nothing.
fn close(place: &str, expected: f64, found: f64) -> Result<(), OutputMismatch> {
    if (expected - found).abs() <= expected.abs() * TOLERANCE {
        return Ok(());
    }
    Err(OutputMismatch {
        place: place.to_owned(),
        expected: expected.to_string(),
        found: found.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs() -> ReadableOutputs {
        let logits = ReadableOutput {
            shape: vec![1, 3],
            scale: 0.1,
            integers: vec![-3, 0, 12],
            values: vec![-0.3, 0.0, 1.2],
        };
        let class = ReadableOutput {
            shape: vec![1],
            scale: 1.0,
            integers: vec![2],
            values: vec![2.0],
        };
        ReadableOutputs {
            model: "small".into(),
            class: Some(2),
            outputs: Some(vec![logits, class]),
        }
    }

    #[test]
    fn text_and_back_agrees() {
        let text = serde_json::to_string_pretty(&outputs()).unwrap();
        let read: ReadableOutputs = serde_json::from_str(&text).unwrap();
        assert_eq!(read.check(&outputs()), Ok(()));
    }

    #[test]
    fn every_change_is_named() {
        type Change = fn(&mut ReadableOutputs);
        fn at(outputs: &mut ReadableOutputs, index: usize) -> &mut ReadableOutput {
            &mut outputs.outputs.as_mut().unwrap()[index]
        }
        let changes: [(Change, &str); 13] = [
            (|o| o.outputs = None, "outputs"),
            (|o| o.model.push('x'), "model"),
            (|o| o.class = Some(1), "class"),
            (|o| o.class = None, "class"),
            (|o| o.outputs.as_mut().unwrap().truncate(1), "number of outputs"),
            (|o| at(o, 0).shape = vec![3, 1], "outputs[0].shape"),
            (|o| at(o, 0).scale = 0.100_001, "outputs[0].scale"),
            (|o| at(o, 0).integers[2] = 13, "outputs[0].integers[2]"),
            (|o| at(o, 0).integers.push(0), "outputs[0].integers: length"),
            (|o| at(o, 0).values[1] = 1e-30, "outputs[0].values[1]"),
            (|o| at(o, 0).values[2] = f64::NAN, "outputs[0].values[2]"),
            (|o| at(o, 1).values.clear(), "outputs[1].values: length"),
            (|o| at(o, 1).integers[0] = 1, "outputs[1].integers[0]"),
        ];
        for (change, place) in changes {
            let mut changed = outputs();
            change(&mut changed);
            assert_eq!(changed.check(&outputs()).unwrap_err().place, place);
        }
    }

    #[test]
    fn unknown_entries_are_refused() {
        let mut text = serde_json::to_value(outputs()).unwrap();
        text["probability"] = 1.0.into();
        assert!(serde_json::from_value::<ReadableOutputs>(text).is_err());
    }
}
