//! Is a circuit well-formed? Everything that reads circuits relies on this having been asked once.

use super::{
    AxisRole, Circuit, CircuitError, ColumnId, ColumnKind, Contraction, FactorRole, FunctionTable, Home,
    Public, Table, View,
};

/// Largest number of columns, tables, lookups and equalities, each.
const MAXIMUM_COUNT: usize = 1 << 20;
/// Largest number of dimensions.
const MAXIMUM_RANK: usize = 8;
/// Largest number of variables of a column.
const MAXIMUM_VARIABLES: usize = 36;
/// Largest number of variables on either side of a factor of a view that is more than a renaming of bits: both sides
/// are written out.
const MAXIMUM_FACTOR_VARIABLES: usize = 22;
/// Largest number of padded cells of all public columns together: they are written out.
const MAXIMUM_PUBLIC_CELLS: usize = 1 << 28;
/// Padded cells of a constant for each of its own: its list in a key is as long as these, memory takes all. The lowering makes
/// constants of two dimensions at most.
const MAXIMUM_PADDING: usize = 4;
/// Public values and constants are below this in absolute value, so that no two of them are one field element.
pub(super) const MAXIMUM_MAGNITUDE: u64 = 1 << 60;
/// Largest number of variables of a table.
pub(crate) const MAXIMUM_TABLE_VARIABLES: u32 = 20;
/// Largest number of rows of all tables together.
const MAXIMUM_TABLE_ROWS: usize = 1 << 24;
/// Entries of all tables that the fast computation leaves undecided: each may take a millisecond.
const MAXIMUM_SLOW_ENTRIES: u32 = 1024;

impl Circuit {
    /// Checks that every part fits the others, that sums over padding are sound, and that sizes are sane.
    ///
    /// # Errors
    /// The first part that does not fit, by name.
    pub fn validate(&self) -> Result<(), CircuitError> {
        for (what, count) in [
            ("columns", self.columns.len()),
            ("tables", self.tables.len()),
            ("lookups", self.lookups.len()),
            ("equalities", self.equalities.len()),
        ] {
            expect(count <= MAXIMUM_COUNT, what, || {
                (format!("at most {MAXIMUM_COUNT}"), count.to_string())
            })?;
        }
        for id in self.ids() {
            self.validate_shape(id)?;
        }
        for id in self.ids() {
            self.validate_column(id)?;
        }
        self.validate_padding()?;
        self.validate_public()?;
        for (index, table) in self.tables.iter().enumerate() {
            validate_table(index, table)?;
        }
        let rows: usize = self.tables.iter().map(|table| 1 << table.variables()).sum();
        expect(rows <= MAXIMUM_TABLE_ROWS, "tables", || {
            (
                format!("at most {MAXIMUM_TABLE_ROWS} rows in all"),
                rows.to_string(),
            )
        })?;
        self.validate_functions()?;
        for lookup in &self.lookups {
            let place = format!("lookup `{}`", lookup.name);
            let table = self
                .tables
                .get(lookup.table as usize)
                .ok_or_else(|| CircuitError::Malformed {
                    place: place.clone(),
                    expected: format!("a table below {}", self.tables.len()),
                    found: lookup.table.to_string(),
                })?;
            expect(lookup.columns.len() == table.arity(), &place, || {
                (
                    format!("{} columns", table.arity()),
                    lookup.columns.len().to_string(),
                )
            })?;
            self.same_shape(&place, &lookup.columns)?;
        }
        for equality in &self.equalities {
            self.same_shape(
                &format!("equality `{}`", equality.name),
                &[equality.left, equality.right],
            )?;
        }
        Ok(())
    }

    fn validate_shape(&self, id: ColumnId) -> Result<(), CircuitError> {
        let column = &self[id];
        let place = format!("column `{}`", column.name);
        expect(column.shape.rank() <= MAXIMUM_RANK, &place, || {
            (
                format!("at most {MAXIMUM_RANK} dimensions"),
                column.shape.rank().to_string(),
            )
        })?;
        for axis in 0..column.shape.rank() {
            expect(column.shape.size(axis) > 0, &place, || {
                ("positive sizes".into(), column.shape.to_string())
            })?;
        }
        expect(column.shape.variables() <= MAXIMUM_VARIABLES, &place, || {
            (
                format!("at most 2^{MAXIMUM_VARIABLES} cells"),
                column.shape.to_string(),
            )
        })
    }

    fn validate_column(&self, id: ColumnId) -> Result<(), CircuitError> {
        let column = &self[id];
        let place = format!("column `{}`", column.name);
        let earlier = |operand: ColumnId| {
            expect(operand < id, &place, || {
                (format!("operands before column {}", id.0), operand.0.to_string())
            })
        };
        match &column.kind {
            // What another proof has committed to is range-checked here, padding and all, and no more: no gadget of this
            // circuit makes it.
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
            ColumnKind::Public(Public::Constant(cells)) => {
                expect(cells.len() == column.shape.logical_len(), &place, || {
                    (
                        format!("{} constants", column.shape.logical_len()),
                        cells.len().to_string(),
                    )
                })?;
                let padded = column.shape.padded_len();
                expect(
                    padded <= cells.len().saturating_mul(MAXIMUM_PADDING),
                    &place,
                    || {
                        (
                            format!("at most {MAXIMUM_PADDING} cells for each constant"),
                            format!("{padded} for {}", cells.len()),
                        )
                    },
                )?;
                cells.iter().try_for_each(|&cell| expect_magnitude(cell, &place))
            }
            ColumnKind::Public(
                Public::Input { minimum, maximum } | Public::Output { minimum, maximum, .. },
            ) => {
                expect(minimum <= maximum, &place, || {
                    ("a range".into(), format!("[{minimum}, {maximum}]"))
                })?;
                expect_magnitude(*minimum, &place)?;
                expect_magnitude(*maximum, &place)
            }
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

    fn validate_view(&self, id: ColumnId, view: &View, place: &str) -> Result<(), CircuitError> {
        let (shape, source) = (&self[id].shape, &self[view.source].shape);
        let of_view: Vec<u8> = view
            .factors
            .iter()
            .flat_map(|factor| factor.view_axes.iter().copied())
            .collect();
        let of_source: Vec<u8> = view
            .factors
            .iter()
            .flat_map(|factor| factor.source_axes.iter().copied())
            .collect();
        expect_permutation(&of_view, shape.rank(), place)?;
        expect_permutation(&of_source, source.rank(), place)?;
        for factor in &view.factors {
            expect(factor.strides.len() == factor.view_axes.len(), place, || {
                (
                    format!("{} strides", factor.view_axes.len()),
                    factor.strides.len().to_string(),
                )
            })?;
            expect(
                factor.view_axes.is_sorted() && factor.source_axes.windows(2).all(|w| w[0] + 1 == w[1]),
                place,
                || {
                    (
                        "axes in ascending order, those of the source consecutive".into(),
                        format!("{factor:?}"),
                    )
                },
            )?;
            let reach = factor
                .view_axes
                .iter()
                .zip(&factor.strides)
                .map(|(&axis, &stride)| stride.unsigned_abs() as u128 * shape.size(axis.into()) as u128)
                .sum::<u128>()
                + factor.offset.unsigned_abs() as u128;
            expect(reach < 1 << 62, place, || {
                ("indices below 2^62".into(), reach.to_string())
            })?;
            if factor.source_axes.is_empty() {
                let constant = factor.offset == 0 && factor.strides.iter().all(|&stride| stride == 0);
                expect(constant, place, || {
                    ("a broadcast with strides 0".into(), format!("{factor:?}"))
                })?;
            }
            if factor.view_axes.is_empty() {
                let size: usize = factor
                    .source_axes
                    .iter()
                    .map(|&axis| source.size(axis.into()))
                    .product();
                let inside = usize::try_from(factor.offset).is_ok_and(|index| index < size);
                expect(inside, place, || {
                    (format!("an index below {size}"), factor.offset.to_string())
                })?;
            }
        }
        Ok(())
    }

    /// Factors that need a table on either side must be small. Whether they do depends on padding, hence on all columns.
    fn validate_factors(&self, zero_padded: &[bool]) -> Result<(), CircuitError> {
        for column in &self.columns {
            let ColumnKind::View(view) = &column.kind else {
                continue;
            };
            let (shape, source) = (&column.shape, &self[view.source].shape);
            for factor in &view.factors {
                let viewed: usize = factor.view_axes.iter().map(|&axis| shape.bits(axis.into())).sum();
                let largest = match factor.role(shape, source, zero_padded[view.source.index()]) {
                    FactorRole::Fixed | FactorRole::Bitwise => 0,
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

    fn validate_public(&self) -> Result<(), CircuitError> {
        let public = self
            .columns
            .iter()
            .filter(|column| matches!(column.kind, ColumnKind::Public(_)));
        let cells = public.fold(0usize, |cells, column| {
            cells.saturating_add(column.shape.padded_len())
        });
        expect(cells <= MAXIMUM_PUBLIC_CELLS, "public columns", || {
            (
                format!("at most {MAXIMUM_PUBLIC_CELLS} cells in all"),
                cells.to_string(),
            )
        })
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

    fn validate_padding(&self) -> Result<(), CircuitError> {
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

    /// Can every table of a function be computed, in bounded time? Their rows are counted already.
    fn validate_functions(&self) -> Result<(), CircuitError> {
        let mut slow = 0u32;
        for (index, table) in self.tables.iter().enumerate() {
            let Table::Function(function) = table else {
                continue;
            };
            let place = format!("table {index}");
            let entries = function.slow_entries().map_err(|error| CircuitError::Table {
                place: place.clone(),
                error,
            })?;
            slow = slow.saturating_add(entries);
            expect(slow <= MAXIMUM_SLOW_ENTRIES, &place, || {
                (
                    format!("at most {MAXIMUM_SLOW_ENTRIES} entries of all tables next to ties"),
                    slow.to_string(),
                )
            })?;
        }
        Ok(())
    }

    fn same_shape(&self, place: &str, columns: &[ColumnId]) -> Result<(), CircuitError> {
        for &id in columns {
            expect(id.index() < self.columns.len(), place, || {
                (format!("columns below {}", self.columns.len()), id.0.to_string())
            })?;
        }
        let variables = |id: ColumnId| &self[id].shape;
        expect(
            columns
                .windows(2)
                .all(|pair| variables(pair[0]) == variables(pair[1])),
            place,
            || {
                (
                    "columns of one shape".into(),
                    columns
                        .iter()
                        .map(|&id| variables(id).to_string())
                        .collect::<Vec<_>>()
                        .join(", "),
                )
            },
        )
    }
}

fn validate_table(index: usize, table: &Table) -> Result<(), CircuitError> {
    let place = format!("table {index}");
    let bits = match table {
        Table::Range { bits } => *bits,
        Table::Integers { minimum, bits } => {
            expect_magnitude(*minimum, &place)?;
            expect_magnitude(minimum.saturating_add(1 << (*bits).min(62)), &place)?;
            *bits
        }
        Table::Function(FunctionTable {
            domain_bits,
            minimum,
            maximum,
            ..
        }) => {
            expect(
                minimum <= maximum && minimum.unsigned_abs().max(maximum.unsigned_abs()) < 1 << 60,
                &place,
                || {
                    (
                        "a range of results below 2^60".into(),
                        format!("[{minimum}, {maximum}]"),
                    )
                },
            )?;
            domain_bits.saturating_add(1)
        }
    };
    expect(bits <= MAXIMUM_TABLE_VARIABLES, &place, || {
        (
            format!("at most 2^{MAXIMUM_TABLE_VARIABLES} rows"),
            format!("2^{bits}"),
        )
    })
}

fn expect_magnitude(integer: i64, place: &str) -> Result<(), CircuitError> {
    expect(integer.unsigned_abs() < MAXIMUM_MAGNITUDE, place, || {
        (
            format!("an integer below {MAXIMUM_MAGNITUDE} in absolute value"),
            integer.to_string(),
        )
    })
}

/// Do `axes` name each of `0..rank` once?
fn expect_permutation(axes: &[u8], rank: usize, place: &str) -> Result<(), CircuitError> {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    expect(
        sorted.iter().map(|&axis| axis as usize).eq(0..rank),
        place,
        || (format!("each of {rank} dimensions once"), format!("{axes:?}")),
    )
}

fn expect(holds: bool, place: &str, describe: impl FnOnce() -> (String, String)) -> Result<(), CircuitError> {
    if holds {
        return Ok(());
    }
    let (expected, found) = describe();
    Err(CircuitError::Malformed {
        place: place.to_owned(),
        expected,
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Column, Curve, CurveKind, Custom, Dyadic, Function};
    use crate::poly::PaddedShape;

    fn one_column(sizes: &[usize], kind: ColumnKind) -> Circuit {
        let column = Column {
            name: "column".into(),
            shape: PaddedShape::new(sizes),
            kind,
        };
        Circuit {
            columns: vec![column],
            ..Circuit::default()
        }
    }

    fn assert_malformed(circuit: &Circuit, part: &str) {
        match circuit.validate() {
            Err(CircuitError::Malformed {
                place,
                expected,
                found,
            }) => {
                assert_eq!(place, "column `column`");
                assert!(expected.contains(part), "{expected}, {found}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn zeros_are_not_taken_for_granted_where_proofs_are_linked() {
        for home in [Home::Trace, Home::Input, Home::Output] {
            for zero_padded in [false, true] {
                let circuit = one_column(&[3, 5], ColumnKind::Committed { zero_padded, home });
                match zero_padded && home != Home::Trace {
                    false => assert_eq!(circuit.validate(), Ok(())),
                    true => assert_malformed(&circuit, "commitment that proofs share"),
                }
            }
        }
    }

    #[test]
    fn constants_that_are_mostly_padding_are_refused() {
        let constant = |sizes: &[usize]| {
            let cells = vec![1; sizes.iter().product()];
            one_column(sizes, ColumnKind::Public(Public::Constant(cells)))
        };
        // What the lowering makes: numbers, lists, windows and squares.
        for sizes in [
            &[][..],
            &[1],
            &[513],
            &[3, 3],
            &[65, 65],
            &[1, 9, 1, 9],
            &[3, 3, 3],
        ] {
            assert_eq!(constant(sizes).validate(), Ok(()), "{sizes:?}");
        }
        for sizes in [&[5, 5, 5][..], &[3; 6], &[2, 9, 9, 9], &[5; 8]] {
            assert_malformed(&constant(sizes), "cells for each constant");
        }
    }

    fn tables(functions: Vec<FunctionTable>) -> Circuit {
        Circuit {
            tables: functions.into_iter().map(Table::Function).collect(),
            ..Circuit::default()
        }
    }

    fn curve(kind: CurveKind, input: Dyadic, domain_bits: u32) -> FunctionTable {
        FunctionTable {
            function: Function::Curve(Curve::new(kind, input, input).unwrap()),
            domain_bits,
            minimum: -128,
            maximum: 127,
        }
    }

    #[test]
    fn tables_that_cannot_be_computed_are_refused() {
        let good = curve(CurveKind::Silu, Dyadic::new(1, -3).unwrap(), 8);
        assert_eq!(tables(vec![good.clone(), good.clone()]).validate(), Ok(()));
        let custom = |entries: Vec<i64>| FunctionTable {
            function: Function::Custom(Custom::new(entries)),
            domain_bits: 1,
            ..good.clone()
        };
        assert_eq!(tables(vec![custom(vec![1, 2, 3, -128])]).validate(), Ok(()));
        // A byte of the step's mantissa, which is 1 in zigzag: to 0.
        let mut bytes = postcard::to_stdvec(&good).unwrap();
        assert_eq!(bytes[..3], [2, 4, 2]);
        bytes[2] = 0;
        let hostile = postcard::from_bytes(&bytes).unwrap();
        for bad in [hostile, custom(vec![1, 2, 3]), custom(vec![1, 2, 3, 128])] {
            let outcome = tables(vec![good.clone(), bad]).validate();
            assert!(
                matches!(&outcome, Err(CircuitError::Table { place, .. }) if place == "table 1"),
                "{outcome:?}"
            );
        }
        let large = FunctionTable {
            domain_bits: 20,
            ..good
        };
        assert!(matches!(
            tables(vec![large]).validate(),
            Err(CircuitError::Malformed { .. })
        ));
    }

    /// Each table has as many entries next to ties as it may, all together have too many.
    #[test]
    fn tables_of_near_ties_are_counted_together() {
        let near_ties = FunctionTable {
            function: Function::Curve(
                Curve::new(
                    CurveKind::Tanh,
                    Dyadic::new(1, -70).unwrap(),
                    Dyadic::new(1, -69).unwrap(),
                )
                .unwrap(),
            ),
            domain_bits: 7,
            minimum: -128,
            maximum: 127,
        };
        // 255 each: 0 is exact.
        assert_eq!(tables(vec![near_ties.clone(); 4]).validate(), Ok(()));
        match tables(vec![near_ties; 5]).validate() {
            Err(CircuitError::Malformed { place, found, .. }) => {
                assert_eq!((place.as_str(), found.as_str()), ("table 4", "1275"));
            }
            other => panic!("{other:?}"),
        }
    }
}
