//! Whose counter it is.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key that a counter belongs to: its public id, and a secret that authenticates the counter's records.
///
/// The secret of a [`ProvingKey`](crate::keys::ProvingKey) follows from the secret of its commitments, in the file of
/// the key alone.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Owner {
    /// The digest of the weights key.
    pub(super) id: [u8; 32],
    secret: [u8; 32],
}

impl Owner {
    /// The owner with this id and this secret.
    pub const fn new(id: [u8; 32], secret: [u8; 32]) -> Self {
        Self { id, secret }
    }

    /// What authenticates the bytes of a record.
    pub(super) fn checksum(&self, bytes: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.secret, bytes)
    }
}

impl fmt::Debug for Owner {
    /// All but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({})", super::sidecar::hexadecimal(&self.id))
    }
}
