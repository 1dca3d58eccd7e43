//! Outputs that a proof shows although the model's outputs are private.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

#[cfg(feature = "prover")]
use super::IntegerSite;
use super::{IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
use crate::circuit::{CircuitError, ColumnId};

/// Returns its operand. As an output it is public, whatever the [privacy](crate::privacy::Privacy) of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal;

impl Room for Reveal {
    fn properties(&self) -> Properties {
        Properties::MOVES_VALUES | Properties::REVEALS
    }
}

impl IntegerRoom for Reveal {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.hull()
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        Ok(lowering.operand(0).0)
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        site.operand(0).cloned()
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        site.operand(0).cloned()
    }
}
