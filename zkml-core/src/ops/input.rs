//! An input of the network.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::range::wide;
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId};
use crate::graph::{OperandError, Shape, Site};

/// An input; quantized in the integer network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input;

/// An input that is public, whatever the [privacy](crate::privacy::Privacy) of inputs; otherwise as [`Input`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevealedInput;

/// The float room of an input, which evaluates nothing: the executor puts the value of an input in its place.
macro_rules! float_input {
    ($name:ident, |$quantizing:ident| $quantized:expr) => {
        impl FloatRoom for $name {
            #[cfg(feature = "prover")]
            fn evaluate(&self, _site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
                None
            }

            #[cfg(feature = "prover")]
            fn quantize(&self, $quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
                $quantized
            }
        }
    };
}

pub(super) use float_input;

float_input!(Input, |quantizing| quantizing.input());

/// The rooms of inputs: `$reveals` is whether the integers are public whatever the privacy. They execute nothing: the
/// executor puts the value of an input in its place.
macro_rules! input {
    ($name:ident, $reveals:literal) => {
        impl Room for $name {
            fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
                site.source()
            }

            fn properties(&self) -> Properties {
                Properties::INPUT | Properties::REVEALS.when($reveals)
            }
        }

        impl IntegerRoom for $name {
            fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
                site.accumulator(wide(site.fact.range))
            }

            fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
                lowering.input($reveals)
            }
        }
    };
}

input!(Input, false);
input!(RevealedInput, true);
