//! Readable outputs against those that follow from public values.

use thiserror::Error;

use super::{ReadableOutput, ReadableOutputs};
use crate::privacy::Visibility;

/// Real numbers pass through decimal text: they agree up to this relative difference.
const TOLERANCE: f64 = 1e-9;

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
        expected
            .iter()
            .zip(found)
            .enumerate()
            .try_for_each(|(index, (expected, found))| found.check(index, expected))
    }
}

impl ReadableOutput {
    /// As [`ReadableOutputs::check`], for the output at `index`.
    fn check(&self, index: usize, expected: &Self) -> Result<(), OutputMismatch> {
        let place = |field: &str| format!("outputs[{index}].{field}");
        equal(&place("number"), &expected.number, &self.number)?;
        equal(&place("shape"), &expected.shape, &self.shape)?;
        equal(&place("scale.axes"), &expected.scale.axes, &self.scale.axes)?;
        let (scales, offsets) = (&self.scale.scales, &self.scale.offsets);
        all_close(&place("scale.scales"), &expected.scale.scales, scales)?;
        all_close(&place("scale.offsets"), &expected.scale.offsets, offsets)?;
        equal(
            &place("integers: length"),
            &expected.integers.len(),
            &self.integers.len(),
        )?;
        for (at, (expected, found)) in expected.integers.iter().zip(&self.integers).enumerate() {
            equal(&place(&format!("integers[{at}]")), expected, found)?;
        }
        all_close(&place("values"), &expected.values, &self.values)
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

fn all_close(place: &str, expected: &[f64], found: &[f64]) -> Result<(), OutputMismatch> {
    equal(&format!("{place}: length"), &expected.len(), &found.len())?;
    for (at, (&expected, &found)) in expected.iter().zip(found).enumerate() {
        close(&format!("{place}[{at}]"), expected, found)?;
    }
    Ok(())
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
