//! An input of token ids.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::input::float_input;
use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{OperandError, Shape, Site};

/// An input whose values are token ids: integers, written as floats. Only an [`Embedding`](super::Embedding) takes
/// them, and it checks their range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids;

impl Room for Ids {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        site.source()
    }

    fn properties(&self) -> Properties {
        Properties::INPUT
    }
}

float_input!(Ids, |quantizing| quantizing.ids());
