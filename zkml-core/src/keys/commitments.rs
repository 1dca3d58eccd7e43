//! The prover's commitments to the weights of a key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Owner, ProveError, WeightsKey};
use crate::int8::Int8Cells;
use crate::pcs::{Keep, Rows, Tails, Uncommitted};
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
        let keep = match encoded_bytes(key) > MAXIMUM_CODEWORD_BYTES {
            true => Keep::Tree,
            false => Keep::Codeword,
        };
        self.get_keeping(key, number, keep)
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
        let tails = Tails {
            length: key.commitments.tail(key.code.queries, key.code.stride()),
            full: 0,
        };
        let _span = tracing::info_span!("commit weights", number).entered();
        let matrix = self.backend.commit(Uncommitted {
            rows: Rows::Int8(self.cells.clone()),
            code: key.code.wide(),
            seed: self.secret.seed(number),
            tails,
            keep,
        })?;
        let matrix = Arc::new(matrix);
        Ok(Arc::clone(self.lock().entry(number).or_insert(matrix)))
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

/// Bytes of one encoded commitment to the weights.
fn encoded_bytes(key: &WeightsKey) -> usize {
    let cells = key.commitments.rows.saturating_mul(key.code.codeword_length());
    cells.saturating_mul(8)
}
