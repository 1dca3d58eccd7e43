//! Functions of an integer, and their tables.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Cells, Curve, Custom, TableError};
use crate::circuit::validate::{MAXIMUM_MAGNITUDE, MAXIMUM_TABLE_VARIABLES};

/// A function of an integer, applied through a lookup table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Function {
    /// `v`
    Identity,
    /// `max(v, 0)`
    Relu,
    /// A real function, correctly rounded.
    Curve(Curve),
    /// Explicit entries.
    Custom(Custom),
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("Identity"),
            Self::Relu => f.write_str("Relu"),
            Self::Curve(curve) => curve.fmt(f),
            Self::Custom(custom) => custom.fmt(f),
        }
    }
}

/// The table `{ (v, clamp(f(v), minimum, maximum)) : -2^domain_bits <= v < 2^domain_bits }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionTable {
    /// `f`
    pub function: Function,
    /// The domain is `[-2^domain_bits, 2^domain_bits)`; proving fails outside of it.
    pub domain_bits: u32,
    /// Smallest result.
    pub minimum: i64,
    /// Largest result.
    pub maximum: i64,
}

impl FunctionTable {
    /// `f(v)`, clamped: a single entry. Loops use [`Self::cells`], which computes the whole table once.
    ///
    /// The caller checks the domain of the identity and of ReLU.
    ///
    /// # Errors
    /// Those of [`Self::validate`]; [`TableError::Outside`] for a value that is not in the domain;
    /// [`TableError::Undecided`].
    pub fn apply(&self, v: i64) -> Result<i64, TableError> {
        match &self.function {
            Function::Identity => Ok(self.clamp(v)),
            Function::Relu => Ok(self.clamp(v.max(0))),
            Function::Curve(curve) => {
                self.validate()?;
                let outside = || TableError::Outside {
                    value: v,
                    domain_bits: self.domain_bits,
                };
                self.contains(v).then_some(()).ok_or_else(outside)?;
                curve.entry(v, (self.minimum, self.maximum))
            }
            Function::Custom(_) => self.cells()?.at(v).ok_or(TableError::Outside {
                value: v,
                domain_bits: self.domain_bits,
            }),
        }
    }

    /// The whole table: a view for the identity and ReLU, which allocates nothing; all entries for other functions,
    /// which a curve remembers.
    ///
    /// # Errors
    /// Those of [`Self::validate`]; [`TableError::Undecided`] and [`TableError::Ties`].
    pub fn cells(&self) -> Result<Cells, TableError> {
        match &self.function {
            Function::Identity => Ok(Cells::identity(self.minimum, self.maximum)),
            Function::Relu => Ok(Cells::relu(self.minimum, self.maximum)),
            Function::Curve(curve) => {
                self.validate()?;
                let table = curve.table(self.domain_bits, (self.minimum, self.maximum))?;
                Ok(Cells::explicit(self.domain_bits, table.entries))
            }
            Function::Custom(custom) => {
                self.validate()?;
                Ok(Cells::explicit(self.domain_bits, custom.shared()))
            }
        }
    }

    /// The number of entries that the fast computation leaves undecided. Validation bounds it, since they are slow.
    ///
    /// # Errors
    /// As [`Self::cells`].
    pub(in crate::circuit) fn slow_entries(&self) -> Result<u32, TableError> {
        match &self.function {
            Function::Curve(curve) => {
                self.validate()?;
                Ok(curve.table(self.domain_bits, (self.minimum, self.maximum))?.slow)
            }
            Function::Identity | Function::Relu | Function::Custom(_) => self.validate().map(|()| 0),
        }
    }

    /// Puts fixed values in the place of what calibration chose: the domain, the steps of a curve, and bounds, for 6 is
    /// another integer at another scale, and a value may have more bits.
    pub(crate) fn forget_calibration(&mut self) {
        self.domain_bits = 0;
        match &mut self.function {
            // Its entries are given.
            Function::Custom(_) => return,
            Function::Curve(curve) => curve.forget_steps(),
            Function::Identity | Function::Relu => {}
        }
        (self.minimum, self.maximum) = (self.minimum.signum(), self.maximum.signum());
    }

    /// Are all parameters within bounds? Computes nothing.
    ///
    /// # Errors
    /// What is out of bounds.
    pub fn validate(&self) -> Result<(), TableError> {
        let (minimum, maximum) = (self.minimum, self.maximum);
        let magnitude = minimum.unsigned_abs().max(maximum.unsigned_abs());
        if minimum > maximum || magnitude >= MAXIMUM_MAGNITUDE {
            return Err(TableError::Results { minimum, maximum });
        }
        let variables = u64::from(self.domain_bits).saturating_add(1);
        if variables > u64::from(MAXIMUM_TABLE_VARIABLES) {
            return Err(TableError::Domain {
                found: variables,
                limit: MAXIMUM_TABLE_VARIABLES,
            });
        }
        match &self.function {
            Function::Identity | Function::Relu => Ok(()),
            Function::Curve(curve) => curve.validate(),
            Function::Custom(custom) => self.validate_entries(custom.entries(), 1 << variables),
        }
    }

    fn validate_entries(&self, entries: &[i64], expected: u64) -> Result<(), TableError> {
        let (minimum, maximum) = (self.minimum, self.maximum);
        if entries.len() as u64 != expected {
            return Err(TableError::Length {
                expected,
                found: entries.len(),
            });
        }
        let first = -(1i64 << self.domain_bits);
        let outside = (first..)
            .zip(entries)
            .find(|(_, entry)| !(minimum..=maximum).contains(*entry));
        match outside {
            None => Ok(()),
            Some((value, &entry)) => Err(TableError::Entry {
                value,
                entry,
                minimum,
                maximum,
            }),
        }
    }

    /// Smallest and largest entry over `low..=high`, which lies in the domain. No function is taken to be monotone.
    ///
    /// # Errors
    /// As [`Self::cells`]; [`TableError::Outside`] if an end is not in the domain or `low > high`.
    pub fn range_over(&self, low: i64, high: i64) -> Result<(i64, i64), TableError> {
        self.cells()?.range_over(low, high).ok_or(TableError::Outside {
            value: if self.contains(low) { high } else { low },
            domain_bits: self.domain_bits,
        })
    }

    fn contains(&self, v: i64) -> bool {
        let end = 1i64.checked_shl(self.domain_bits).unwrap_or(i64::MAX);
        (-end..end).contains(&v)
    }

    fn clamp(&self, y: i64) -> i64 {
        y.max(self.minimum).min(self.maximum)
    }
}
