//! The exponentials of a softmax: a table of how far a score lies below the largest one of its row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cells, Curve, CurveKind, TableError};
use crate::circuit::validate::MAXIMUM_TABLE_VARIABLES;

/// `{ (d, f(-d), [d = 0]) : 0 <= d < 2^bits }`, three columns, for the curve `f` of `e^x`.
///
/// The third column marks the rows of a largest score: where a sum of it is at least 1, some `d` is 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DecayTable {
    /// `e^x`, with the steps of the differences and of the results.
    pub curve: Curve,
    /// The differences are `[0, 2^bits)`; proving fails outside.
    pub bits: u32,
}

impl DecayTable {
    /// The curve is that of `e^x`, and the table is not too long.
    ///
    /// # Errors
    /// What is out of bounds.
    pub fn validate(&self) -> Result<(), TableError> {
        if self.curve.kind() != CurveKind::Exp {
            return Err(TableError::Parameter {
                what: "function of differences",
                expected: "exp",
                found: self.curve.kind().to_string(),
            });
        }
        // The curve is computed on both sides of 0.
        let limit = MAXIMUM_TABLE_VARIABLES - 1;
        if self.bits > limit {
            let found = self.bits.into();
            return Err(TableError::Domain { found, limit });
        }
        self.curve.validate()
    }

    /// Puts a fixed value in the place of what calibration chose: the step of the differences.
    pub(crate) fn forget_calibration(&mut self) {
        self.curve.forget_input();
    }

    /// The largest result, that of `d = 0`: the integer of 1.
    ///
    /// # Errors
    /// As [`Self::cells`].
    pub fn one(&self) -> Result<i64, TableError> {
        self.validate()?;
        self.curve.entry(0, LIMITS)
    }

    /// The smallest result, that of the largest difference.
    ///
    /// # Errors
    /// As [`Self::cells`].
    pub fn least(&self) -> Result<i64, TableError> {
        self.validate()?;
        self.curve.entry(1 - (1i64 << self.bits), LIMITS)
    }

    /// The results, that of `d = 0` first.
    ///
    /// # Errors
    /// Those of [`Self::validate`]; [`TableError::Undecided`] and [`TableError::Ties`].
    pub fn cells(&self) -> Result<Cells, TableError> {
        self.validate()?;
        // Results fall with d: those from -2^bits + 1 to 0, backwards.
        let table = self.curve.table(self.bits, LIMITS)?;
        let zero = 1usize << self.bits;
        let falling = table.entries.iter().take(zero + 1).rev().take(zero);
        let entries: Arc<[i64]> = falling.copied().collect();
        Ok(Cells::from_zero(entries))
    }

    /// As [`FunctionTable::slow_entries`](super::FunctionTable::slow_entries).
    pub(in crate::circuit) fn slow_entries(&self) -> Result<u32, TableError> {
        self.validate()?;
        Ok(self.curve.table(self.bits, LIMITS)?.slow)
    }
}

/// Results of a softmax have no sign, and 30 bits at most.
const LIMITS: (i64, i64) = (0, 1 << 30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Dyadic, Table};
    use crate::field::{K, to_i64_centered};
    use crate::poly::evaluate_base;
    use crate::sumcheck::testing::Stream;

    fn table(bits: u32) -> DecayTable {
        let (step, result) = (Dyadic::new(1, -6).unwrap(), Dyadic::new(1, -12).unwrap());
        let curve = Curve::new(CurveKind::Exp, step, result).unwrap();
        DecayTable { curve, bits }
    }

    #[test]
    fn results_are_rounded_exponentials() {
        let cells = table(12).cells().unwrap();
        for d in 0..1 << 12 {
            let exact = libm::exp(-(d as f64) / 64.0) * 4096.0;
            assert_eq!(cells.at(d), Some((exact + 0.5).floor() as i64), "{d}");
        }
        assert_eq!(cells.at(1 << 12), None);
        assert_eq!(cells.at(-1), None);
        assert_eq!((table(16).one(), table(16).least()), (Ok(4096), Ok(0)));
        assert_eq!(
            table(4).least(),
            Ok((libm::exp(-15.0 / 64.0) * 4096.0 + 0.5).floor() as i64)
        );
    }

    #[test]
    fn columns_have_their_extensions() {
        let bits = 10;
        let table = Table::Decay(table(bits));
        assert_eq!((table.arity(), table.variables(), table.first()), (3, 10, 0));
        let mut random = Stream(7);
        let point: Vec<K> = (0..bits).map(|_| random.element()).collect();
        for column in 0..3 {
            let cells = table.column(column).unwrap();
            assert_eq!(table.evaluate(column, &point), Ok(evaluate_base(&cells, &point)));
        }
        let marks = table.column(2).unwrap();
        assert_eq!(marks.iter().map(|cell| to_i64_centered(*cell)).sum::<i64>(), 1);
        assert_eq!(to_i64_centered(marks[0]), 1);
    }

    #[test]
    fn other_functions_are_refused() {
        let one = Dyadic::new(1, 0).unwrap();
        let silu = Curve::new(CurveKind::Silu, one, one).unwrap();
        let wrong = DecayTable { curve: silu, bits: 8 };
        assert!(matches!(wrong.cells(), Err(TableError::Parameter { .. })));
        for bits in [20, u32::MAX] {
            assert!(matches!(table(bits).cells(), Err(TableError::Domain { .. })));
        }
    }
}
