//! Checks of columns: shapes, operands, axes of contractions, and public integers.

use super::expect::{expect, expect_magnitude, expect_permutation};
use crate::circuit::{Circuit, CircuitError, ColumnId, ColumnKind, Contraction, Home, Public};
use crate::poly::PaddedShape;

/// Largest number of dimensions.
pub(super) const MAXIMUM_RANK: usize = 8;

/// Largest number of variables of a column.
const MAXIMUM_VARIABLES: usize = 36;

/// Largest ratio of padded to logical cells of a constant: a key lists the logical cells, memory holds the padded ones.
/// Padding less than doubles a dimension, and the lowering pads three dimensions of a constant at most.
const MAXIMUM_PADDING: usize = 8;

/// Checks the shape of a column: its rank and its sizes.
///
/// # Errors
/// [`CircuitError::Malformed`] that names the column.
pub(crate) fn check_shape(name: &str, shape: &PaddedShape) -> Result<(), CircuitError> {
    let place = format!("column `{name}`");
    expect(shape.rank() <= MAXIMUM_RANK, &place, || {
        (
            format!("at most {MAXIMUM_RANK} dimensions"),
            shape.rank().to_string(),
        )
    })?;
    for axis in 0..shape.rank() {
        expect(shape.size(axis) > 0, &place, || {
            ("positive sizes".into(), shape.to_string())
        })?;
    }
    expect(shape.variables() <= MAXIMUM_VARIABLES, &place, || {
        (format!("at most 2^{MAXIMUM_VARIABLES} cells"), shape.to_string())
    })
}

impl Circuit {
    pub(super) fn validate_shape(&self, id: ColumnId) -> Result<(), CircuitError> {
        check_shape(&self[id].name, &self[id].shape)
    }

    pub(super) fn validate_column(&self, id: ColumnId) -> Result<(), CircuitError> {
        let column = &self[id];
        let place = format!("column `{}`", column.name);
        let earlier = |operand: ColumnId| {
            expect(operand < id, &place, || {
                (format!("operands before column {}", id.0), operand.0.to_string())
            })
        };
        match &column.kind {
            // Proofs share this commitment, and another proof need not have 0 on its padding: this circuit range-checks
            // the cells and must not assume more.
            ColumnKind::Committed {
                zero_padded: true,
                home: home @ (Home::Input | Home::Output),
            } => expect(false, &place, || {
                (
                    "padding of any values in a commitment that proofs share".into(),
                    format!("{home:?}, with zeros taken for granted"),
                )
            }),
            ColumnKind::Committed { .. } | ColumnKind::Parameter { .. } => Ok(()),
            ColumnKind::Public(Public::Selector(rule)) => {
                rule.ids().map_or(Ok(()), earlier)?;
                self.validate_selector(rule, &column.shape, &place)
            }
            ColumnKind::Public(public) => validate_public(public, &column.shape, &place),
            ColumnKind::Linear(linear) => linear.terms.iter().try_for_each(|term| {
                earlier(term.column)?;
                expect(term.coefficient.value != 0, &place, || {
                    ("non-zero coefficients".into(), "0".into())
                })?;
                expect(self[term.column].shape == column.shape, &place, || {
                    (
                        format!("terms of shape {}", column.shape),
                        self[term.column].shape.to_string(),
                    )
                })
            }),
            ColumnKind::View(view) => {
                earlier(view.source)?;
                self.validate_view(id, view, &place)
            }
            ColumnKind::Contraction(contraction) => {
                earlier(contraction.left)?;
                earlier(contraction.right)?;
                self.validate_contraction(id, contraction, &place)
            }
        }
    }

    fn validate_contraction(
        &self,
        id: ColumnId,
        contraction: &Contraction,
        place: &str,
    ) -> Result<(), CircuitError> {
        let tensors = [
            &self[contraction.left].shape,
            &self[contraction.right].shape,
            &self[id].shape,
        ];
        let axes_of = |which: usize| -> Vec<u8> {
            contraction
                .axes
                .iter()
                .filter_map(|axis| [axis.left, axis.right, axis.out][which])
                .collect()
        };
        for (which, shape) in tensors.iter().enumerate() {
            expect_permutation(&axes_of(which), shape.rank(), place)?;
        }
        for axis in &contraction.axes {
            let sizes: Vec<usize> = [axis.left, axis.right, axis.out]
                .iter()
                .zip(tensors)
                .filter_map(|(axis, shape)| axis.map(|axis| shape.size(axis.into())))
                .collect();
            expect(sizes.len() >= 2, place, || {
                ("axes in at least two tensors".into(), format!("{axis:?}"))
            })?;
            expect(sizes.windows(2).all(|w| w[0] == w[1]), place, || {
                ("equal sizes along an axis".into(), format!("{sizes:?}"))
            })?;
        }
        Ok(())
    }
}

/// The number of constants, and the magnitude of all integers.
fn validate_public(public: &Public, shape: &PaddedShape, place: &str) -> Result<(), CircuitError> {
    match public {
        Public::Constant(cells) => {
            expect(cells.len() == shape.logical_len(), place, || {
                (
                    format!("{} constants", shape.logical_len()),
                    cells.len().to_string(),
                )
            })?;
            let padded = shape.padded_len();
            let fits = padded <= cells.len().saturating_mul(MAXIMUM_PADDING);
            expect(fits, place, || {
                (
                    format!("at most {MAXIMUM_PADDING} cells for each constant"),
                    format!("{padded} for {}", cells.len()),
                )
            })?;
            cells.iter().try_for_each(|&cell| expect_magnitude(cell, place))
        }
        // Of other columns: checked where those are at hand.
        Public::Selector(_) => Ok(()),
        Public::Input { minimum, maximum, .. } | Public::Output { minimum, maximum, .. } => {
            expect(minimum <= maximum, place, || {
                ("a range".into(), format!("[{minimum}, {maximum}]"))
            })?;
            expect_magnitude(*minimum, place)?;
            expect_magnitude(*maximum, place)
        }
    }
}
