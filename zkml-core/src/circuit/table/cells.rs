//! A table of a function whose every entry is known.

use core::fmt;
use std::sync::Arc;

/// All entries of a table of a function. Clones are cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Identity { minimum: i64, maximum: i64 },
    Relu { minimum: i64, maximum: i64 },
    Explicit { first: i64, entries: Arc<[i64]> },
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { minimum, maximum } => write!(f, "Identity in [{minimum}, {maximum}]"),
            Self::Relu { minimum, maximum } => write!(f, "Relu in [{minimum}, {maximum}]"),
            Self::Explicit { first, entries } => write!(f, "{} entries from {first} on", entries.len()),
        }
    }
}

impl Cells {
    pub(super) fn identity(minimum: i64, maximum: i64) -> Self {
        Self(Kind::Identity { minimum, maximum })
    }

    pub(super) fn relu(minimum: i64, maximum: i64) -> Self {
        Self(Kind::Relu { minimum, maximum })
    }

    /// Entries from `-2^domain_bits` on.
    pub(super) fn explicit(domain_bits: u32, entries: Arc<[i64]>) -> Self {
        let first = -(1i64 << domain_bits);
        Self(Kind::Explicit { first, entries })
    }

    /// Entries from 0 on.
    pub(super) fn from_zero(entries: Arc<[i64]>) -> Self {
        Self(Kind::Explicit { first: 0, entries })
    }

    /// The entry for `v`; `None` outside of the domain. The caller checks the domain of the identity and of ReLU.
    pub fn at(&self, v: i64) -> Option<i64> {
        match &self.0 {
            Kind::Identity { minimum, maximum } => Some(v.max(*minimum).min(*maximum)),
            Kind::Relu { minimum, maximum } => Some(v.max(0).max(*minimum).min(*maximum)),
            Kind::Explicit { first, entries } => {
                let row = usize::try_from(v.checked_sub(*first)?).ok()?;
                entries.get(row).copied()
            }
        }
    }

    /// Writes the entry for each of `values` to `results`. Returns false if a value is outside of the domain; `results`
    /// is then incomplete. The caller checks the domain of the identity and of ReLU.
    pub fn look_up(&self, values: &[i64], results: &mut [i64]) -> bool {
        let pairs = values.iter().zip(results);
        match &self.0 {
            Kind::Identity { minimum, maximum } => {
                pairs.for_each(|(v, result)| *result = (*v).max(*minimum).min(*maximum));
                true
            }
            Kind::Relu { minimum, maximum } => {
                pairs.for_each(|(v, result)| *result = (*v).max(0).max(*minimum).min(*maximum));
                true
            }
            Kind::Explicit { first, entries } => {
                let mut inside = true;
                for (v, result) in pairs {
                    let row = usize::try_from(v.wrapping_sub(*first)).ok();
                    match row.and_then(|row| entries.get(row)) {
                        Some(entry) => *result = *entry,
                        None => inside = false,
                    }
                }
                inside
            }
        }
    }

    /// Smallest and largest entry over `low..=high`; none unless `low <= high` and both are in the domain.
    pub fn range_over(&self, low: i64, high: i64) -> Option<(i64, i64)> {
        match &self.0 {
            // Both are monotone.
            Kind::Identity { .. } | Kind::Relu { .. } if low <= high => Some((self.at(low)?, self.at(high)?)),
            Kind::Identity { .. } | Kind::Relu { .. } => None,
            Kind::Explicit { first, entries } => {
                let row = |v: i64| usize::try_from(v.checked_sub(*first)?).ok();
                let entries = entries.get(row(low)?..=row(high)?)?;
                Some((*entries.iter().min()?, *entries.iter().max()?))
            }
        }
    }
}
