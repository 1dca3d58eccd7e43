//! Public columns that a rule gives: what a rule is for, and the ids that it reads.

use super::columns::MAXIMUM_RANK;
use super::expect::expect;
use crate::circuit::{Circuit, CircuitError, ColumnKind, Public, Selector};
use crate::poly::PaddedShape;

impl Circuit {
    /// The rank that a rule is for, and ids that are public, of the right shape, and stay below the size.
    pub(super) fn validate_selector(
        &self,
        rule: &Selector,
        shape: &PaddedShape,
        place: &str,
    ) -> Result<(), CircuitError> {
        let ranks = match rule {
            Selector::Ones => 0..=MAXIMUM_RANK,
            Selector::Index => 1..=1,
            Selector::Causal { .. } => 2..=2,
            Selector::LessThan { .. } | Selector::OneHot { .. } => 1..=MAXIMUM_RANK,
        };
        expect(ranks.contains(&shape.rank()), place, || {
            (format!("{ranks:?} dimensions"), shape.rank().to_string())
        })?;
        let (Some(ids), Some(last)) = (rule.ids(), shape.rank().checked_sub(1)) else {
            return Ok(());
        };
        let (sizes, of_ids) = (shape.sizes(), self[ids].shape.sizes());
        expect(sizes.get(..last) == Some(&of_ids[..]), place, || {
            (
                format!("ids of shape {:?}", sizes.get(..last).unwrap_or_default()),
                format!("{of_ids:?}"),
            )
        })?;
        // The verifier checks the range of public inputs and outputs, of no other column.
        let range = self[ids].kind.public_range();
        let size = shape.size(last) as i64;
        expect(
            range.is_some_and(|(low, high)| low >= 0 && high < size),
            place,
            || {
                let found = range.map_or("a column that is neither".to_owned(), |(low, high)| {
                    format!("[{low}, {high}]")
                });
                (format!("ids in [0, {size}), of a public input or output"), found)
            },
        )
    }
}

/// Cells that the verifier writes out, or visits, for a public column.
pub(super) fn visited(kind: &ColumnKind, shape: &PaddedShape) -> usize {
    match kind {
        ColumnKind::Public(Public::Selector(Selector::Ones | Selector::Index)) => 1,
        ColumnKind::Public(Public::Selector(_)) => {
            let last = shape.rank().checked_sub(1).map_or(0, |axis| shape.bits(axis));
            shape.padded_len() >> last
        }
        ColumnKind::Public(_) => shape.padded_len(),
        _ => 0,
    }
}
