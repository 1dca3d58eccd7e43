//! Padding: sums over it are sound, and padded tables that both sides write out stay small.

use super::expect::expect;
use super::selectors::visited;
use crate::circuit::{AxisRole, Circuit, CircuitError, ColumnKind, FactorRole};

/// Largest number of variables, of view or source, of a factor that needs `eq` tables: they are written out.
const MAXIMUM_FACTOR_VARIABLES: usize = 22;

/// Largest number of padded cells of all public columns together: they are written out.
const MAXIMUM_PUBLIC_CELLS: usize = 1 << 28;

impl Circuit {
    /// Every sum has an operand that is 0 on padding, and factors are small.
    pub(super) fn validate_padding(&self) -> Result<(), CircuitError> {
        let zero = self.zero_padded();
        for column in &self.columns {
            if let ColumnKind::Contraction(contraction) = &column.kind {
                let sums = contraction
                    .axes
                    .iter()
                    .any(|axis| axis.role() == AxisRole::Summed);
                if sums && !zero[contraction.left.index()] && !zero[contraction.right.index()] {
                    return Err(CircuitError::UnsoundPadding {
                        place: format!("column `{}`", column.name),
                    });
                }
            }
        }
        self.validate_factors(&zero)
    }

    /// A factor that needs `eq` tables must be small. Its role depends on whether the source is zero-padded.
    fn validate_factors(&self, zero_padded: &[bool]) -> Result<(), CircuitError> {
        for column in &self.columns {
            let ColumnKind::View(view) = &column.kind else {
                continue;
            };
            let (shape, source) = (&column.shape, &self[view.source].shape);
            for factor in &view.factors {
                let viewed: usize = factor.view_axes.iter().map(|&axis| shape.bits(axis.into())).sum();
                let largest = match factor.role(shape, source, zero_padded[view.source.index()]) {
                    FactorRole::Fixed | FactorRole::Bitwise | FactorRole::Block | FactorRole::Part => 0,
                    FactorRole::Broadcast => viewed,
                    FactorRole::General => viewed.max(factor.source_variables(source)),
                };
                expect(
                    largest <= MAXIMUM_FACTOR_VARIABLES,
                    &format!("column `{}`", column.name),
                    || {
                        (
                            format!("a factor of at most 2^{MAXIMUM_FACTOR_VARIABLES} indices"),
                            format!("2^{largest}"),
                        )
                    },
                )?;
            }
        }
        Ok(())
    }

    pub(super) fn validate_public(&self) -> Result<(), CircuitError> {
        let cells = self.columns.iter().fold(0usize, |cells, column| {
            cells.saturating_add(visited(&column.kind, &column.shape))
        });
        expect(cells <= MAXIMUM_PUBLIC_CELLS, "public columns", || {
            (
                format!("at most {MAXIMUM_PUBLIC_CELLS} cells in all"),
                cells.to_string(),
            )
        })
    }
}
