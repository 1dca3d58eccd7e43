//! The prover's commitments to the weights of a key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Owner, ProveError, WeightsKey};
use crate::int8::Int8Cells;
use crate::pcs::{CommittedMatrix, Keep, Rows, Tails, Uncommitted};
use crate::privacy::Visibility;
use crate::reduce::{Backend, Cpu};
use crate::secret::{Hedge, Seed};

/// The commitments to the weights. A new key keeps them from setup on where memory allows; otherwise each is made when
/// its turn comes. A commitment is dropped after its turn. All commitments and all readers of weights share the same
/// rows.
pub(crate) struct Commitments<B: Backend = Cpu> {
    /// Where they are made and kept.
    pub(crate) backend: B,
    pub(crate) secret: Secret,
    /// The rows: memory of the process for a new key, pages of its file for a key from a file.
    pub(crate) cells: Int8Cells,
    made: Mutex<BTreeMap<usize, Arc<B::Matrix>>>,
}

/// The secret from which the seeds of all commitments are derived, and from which those of proofs are hedged; as secret
/// as the weights. `None` for public weights.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub(crate) struct Secret(Option<[u8; 32]>);

impl Secret {
    /// A fresh secret from the operating system where the weights are private.
    pub(crate) fn fresh(weights: Visibility) -> Result<Self, ProveError> {
        Ok(Self(match weights {
            Visibility::Private => Some(*Seed::from_os()?.as_bytes()),
            Visibility::Public => None,
        }))
    }

    /// A chosen secret, for test vectors.
    #[cfg(test)]
    pub(crate) fn of(bytes: [u8; 32]) -> Self {
        Self(Some(bytes))
    }

    /// The seed of a proof in the making; `os` is fresh from the operating system.
    pub(crate) fn hedge(&self, os: &[u8; 32]) -> Hedge {
        Hedge::new(self.0.as_ref(), os)
    }

    /// The owner of the counter of the weights key with the digest `id`.
    pub(crate) fn owner(&self, id: [u8; 32]) -> Owner {
        // Public weights have no counter.
        let secret = self.0.unwrap_or_default();
        Owner::new(
            id,
            *Seed::from_bytes(secret).derive("counter of openings").as_bytes(),
        )
    }

    /// The seed of commitment `number`.
    fn seed(&self, number: usize) -> Seed {
        match &self.0 {
            None => Seed::PUBLIC,
            Some(secret) => {
                let mut hasher = Zeroizing::new(blake3::Hasher::new_keyed(secret));
                hasher.update(b"zkml weight commitment");
                hasher.update(&(number as u64).to_le_bytes());
                Seed::from_bytes(*Zeroizing::new(hasher.finalize()).as_bytes())
            }
        }
    }
}

/// Most bytes of all encoded commitments of a new key that are kept. Above it only the commitment of the next proof is
/// kept.
const MAXIMUM_KEPT_BYTES: usize = 1 << 28;

/// Most bytes of an encoded commitment that is kept. Of a larger one each proof recomputes the columns that it opens.
pub(crate) const MAXIMUM_CODEWORD_BYTES: usize = 1 << 30;

impl<B: Backend> Commitments<B> {
    pub(crate) fn new(backend: B, secret: Secret, cells: Int8Cells) -> Self {
        Self {
            backend,
            secret,
            cells,
            made: Mutex::default(),
        }
    }

    /// Commitment `number` to the weights, from memory or made again.
    pub(crate) fn get(&self, key: &WeightsKey, number: usize) -> Result<Arc<B::Matrix>, ProveError> {
        self.get_keeping(key, number, Self::keep(key))
    }

    /// What is kept of one commitment.
    pub(crate) fn keep(key: &WeightsKey) -> Keep {
        match encoded_bytes(key) > MAXIMUM_CODEWORD_BYTES {
            true => Keep::Tree,
            false => Keep::Codeword,
        }
    }

    /// As [`Self::get`]; `keep` counts only if the commitment is made now.
    pub(crate) fn get_keeping(
        &self,
        key: &WeightsKey,
        number: usize,
        keep: Keep,
    ) -> Result<Arc<B::Matrix>, ProveError> {
        if let Some(matrix) = self.lock().get(&number) {
            return Ok(Arc::clone(matrix));
        }
        // Made without the lock: a thread that waits for parallel work may take up another proof, and would wait for
        // itself. Two proofs at once may both make the commitment, with equal results.
        let _span = tracing::info_span!("commit weights", number).entered();
        let matrix = Arc::new(self.backend.commit(self.uncommitted(key, number, keep))?);
        Ok(Arc::clone(self.lock().entry(number).or_insert(matrix)))
    }

    fn uncommitted(&self, key: &WeightsKey, number: usize, keep: Keep) -> Uncommitted {
        Uncommitted {
            rows: Rows::Int8(self.cells.clone()),
            code: key.code.wide(),
            seed: self.secret.seed(number),
            tails: Tails {
                length: key.commitments.tail(key.code.queries, key.code.stride()),
                full: 0,
            },
            keep,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<B::Matrix>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same secret and rows on another backend; what was made is dropped.
    pub(crate) fn on<C: Backend>(&self, backend: C) -> Commitments<C> {
        Commitments::new(backend, self.secret.clone(), self.cells.clone())
    }

    /// Whether setup keeps the codewords of all commitments, or the trees alone.
    pub(crate) fn keep_all(key: &WeightsKey) -> Keep {
        let count = key.commitments.roots.len();
        match count.saturating_mul(encoded_bytes(key)) > MAXIMUM_KEPT_BYTES {
            true => Keep::Tree,
            false => Keep::Codeword,
        }
    }

    /// Drops all commitments: they are made again when their turn comes.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    /// Drops the commitments before `number`: openings are counted upwards.
    pub(crate) fn drop_before(&self, number: usize) {
        let mut made = self.lock();
        *made = made.split_off(&number);
    }
}

impl Commitments {
    /// The leaves of each commitment of which nothing but the tree is kept: the whole of its encoding was needed to make
    /// them.
    pub(crate) fn leaves(&self) -> Vec<(usize, Vec<u8>)> {
        let made = self.lock();
        let trees = made.iter().filter(|(_, matrix)| !matrix.keeps_codeword());
        trees
            .map(|(number, matrix)| (*number, matrix.leaves().as_flattened().to_vec()))
            .collect()
    }

    /// Commitment `number` from its leaves; nothing is encoded. Other leaves make another root.
    ///
    /// # Errors
    /// [`ProveError::Commitment`] for another number of leaves.
    pub(crate) fn restore(&self, key: &WeightsKey, number: usize, leaves: &[u8]) -> Result<(), ProveError> {
        let leaves = leaves.as_chunks().0.to_vec();
        let data = self.uncommitted(key, number, Keep::Tree);
        let matrix = CommittedMatrix::restore(data.rows, data.code, data.seed, data.tails, leaves)?;
        self.lock().insert(number, Arc::new(matrix));
        Ok(())
    }
}

/// Bytes of one encoded commitment to the weights.
fn encoded_bytes(key: &WeightsKey) -> usize {
    let cells = key.commitments.rows.saturating_mul(key.code.codeword_length());
    cells.saturating_mul(8)
}
