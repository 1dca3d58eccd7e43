//! Tables of explicit integers.

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Explicit entries, the one for `-2^domain_bits` first. Clones share them.
///
/// In files: the integers, as a sequence.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Custom {
    entries: Arc<[i64]>,
}

impl Custom {
    /// The table of these entries. [`FunctionTable::validate`](super::FunctionTable::validate) says whether they fit a
    /// domain and a range of results.
    pub fn new(entries: Vec<i64>) -> Self {
        Self {
            entries: entries.into(),
        }
    }

    /// The entries.
    pub fn entries(&self) -> &[i64] {
        &self.entries
    }

    pub(super) fn shared(&self) -> Arc<[i64]> {
        Arc::clone(&self.entries)
    }

    /// BLAKE3 of the entries, eight bytes each, least significant first.
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.entries)
    }
}

/// BLAKE3 of integers, eight bytes each, least significant first.
pub(super) fn digest(entries: &[i64]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for entry in entries {
        hasher.update(&entry.to_le_bytes());
    }
    hasher.finalize().into()
}

impl fmt::Display for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("custom ")?;
        self.digest()
            .iter()
            .take(16)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custom({self}, {} entries)", self.entries.len())
    }
}

impl Serialize for Custom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Custom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::new)
    }
}
