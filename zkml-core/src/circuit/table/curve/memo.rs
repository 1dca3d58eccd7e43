//! Remembers the last computed table of a curve: a verifier needs it for every proof.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

/// A computed table.
#[derive(Clone)]
pub(in crate::circuit) struct Remembered {
    /// The entries.
    pub(in crate::circuit) entries: Arc<[i64]>,
    /// The number of entries that the fast computation left undecided.
    pub(in crate::circuit) slow: u32,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Remembered({} entries, {} slow)",
            self.entries.len(),
            self.slow
        )
    }
}

/// What the table depends on besides the curve: domain and limits.
type Key = (u32, (i64, i64));

/// Shared by all clones of a curve. It follows from the curve, so it is no part of comparisons or files.
#[derive(Debug, Clone, Default)]
pub(super) struct Memo(Arc<Mutex<Option<(Key, Remembered)>>>);

impl Memo {
    pub(super) fn recall(&self, domain_bits: u32, limits: (i64, i64)) -> Option<Remembered> {
        let memo = self.0.lock().ok()?;
        let (key, remembered) = memo.as_ref()?;
        (*key == (domain_bits, limits)).then(|| remembered.clone())
    }

    pub(super) fn remember(&self, domain_bits: u32, limits: (i64, i64), remembered: &Remembered) {
        if let Ok(mut memo) = self.0.lock() {
            *memo = Some(((domain_bits, limits), remembered.clone()));
        }
    }
}

impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

impl Hash for Memo {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialOrd for Memo {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Memo {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}
