//! The budget of a key with private weights: how often its commitments may still be opened.
//!
//! Every opening shows some columns of the committed weights. Their rows carry randomness for a fixed number of
//! openings. One more opening, or two with the same randomness, gives linear equations in the weights, and int8 weights
//! have little entropy. So each proof and each rotation takes a number that is given out once. It is counted before
//! anything made with it can leave the process:
//!
//! ```text
//! number = budget.take(purpose)?     // counted, and flushed to disk where the key is on disk
//! proof  = ... opening number `number` ...
//! ```
//!
//! A proof that fails or is killed later has spent its number. A key fresh from setup counts in memory. After it is
//! written to a file, it counts in a file beside it (`sidecar`), also through the value still in memory. A key has one
//! counter and never a second one: copies of the key cannot be told apart, and both would start at the same number.
//!
//! The records of a counter are authenticated with the secret of its key, and name the file that they are in. So
//! whoever cannot read the key cannot set its counter, and a counter that was copied or restored is refused
//! ([`BudgetError::Moved`]). What no program can see: an old counter written into the same file, and a copy of a whole
//! disk. Do neither.
//!
//! - `owner`: whose counter it is
//! - `identity`: which file it is in
//! - `sidecar`: the file, its format and what a crash leaves of it
//! - `error`: [`BudgetError`]

mod error;
mod identity;
mod owner;
mod sidecar;
#[cfg(test)]
mod tests;

pub use error::BudgetError;
pub use owner::Owner;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ROTATION_RESERVE;
use sidecar::{Locked, sidecar_path};

/// The purpose of an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A proof. The last [`ROTATION_RESERVE`] openings are kept for a rotation.
    Proof,
    /// The proof that a new commitment holds the same weights, which may take the last opening. Several are kept for
    /// it: an interrupted rotation has spent its own.
    Rotation,
}

/// Counts the openings of a key's private weights, from 0. Shared by threads, and on disk by processes.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    counter: Mutex<Counter>,
}

#[derive(Debug)]
enum Counter {
    /// Lost with the key: neither is in a file.
    Memory { used: u64 },
    /// In a file. `seen` is the highest count that was found there.
    File { path: PathBuf, owner: Owner, seen: u64 },
}

impl Budget {
    /// The budget of a new key that is not in a file: good for `limit` openings, `used` of them made.
    pub fn in_memory(limit: u64, used: u64) -> Self {
        Self {
            limit,
            counter: Mutex::new(Counter::Memory { used }),
        }
    }

    /// Makes the counter of a key that is about to be written to `key_path`: `limit` openings, `used` of them made. A
    /// [`ProvingKey`](super::ProvingKey) accepts no counter but that of its own [`Owner`], which it shows to nobody.
    ///
    /// # Errors
    /// [`BudgetError::AlreadyExists`] if the key is counted there already, [`BudgetError::Io`].
    pub fn create_beside(key_path: &Path, owner: &Owner, limit: u64, used: u64) -> Result<Self, BudgetError> {
        let budget = Self::in_memory(limit, used);
        budget.move_beside(key_path, owner)?;
        Ok(budget)
    }

    /// Opens the counter of the key that was read from `key_path` and allows `limit` openings.
    ///
    /// # Errors
    /// [`BudgetError::Missing`], [`BudgetError::Moved`], [`BudgetError::OtherKey`], [`BudgetError::OtherLimit`],
    /// [`BudgetError::Damaged`], [`BudgetError::Busy`], [`BudgetError::Io`].
    pub fn open_beside(key_path: &Path, owner: &Owner, limit: u64) -> Result<Self, BudgetError> {
        let path = counter_of(key_path, owner)?;
        let seen = Locked::open(&path, owner, limit)?.used();
        Ok(Self::in_file(path, owner, limit, seen))
    }

    /// Opens a counter that was [moved](BudgetError::Moved) to another file system together with its key, and takes the
    /// count over as it stands. The caller answers for it that no other copy of the key counts on.
    ///
    /// # Errors
    /// As [`Self::open_beside`], but for [`BudgetError::Moved`].
    pub(crate) fn adopt_beside(key_path: &Path, owner: &Owner, limit: u64) -> Result<Self, BudgetError> {
        let path = counter_of(key_path, owner)?;
        let seen = Locked::adopt(&path, owner, limit)?;
        Ok(Self::in_file(path, owner, limit, seen))
    }

    fn in_file(path: PathBuf, owner: &Owner, limit: u64, seen: u64) -> Self {
        let owner = owner.clone();
        Self {
            limit,
            counter: Mutex::new(Counter::File { path, owner, seen }),
        }
    }

    /// Moves the count to a file beside `key_path`, where the key is about to be written.
    ///
    /// Called *before* the key is written: a counter without its key is harmless, and a key that is being replaced
    /// keeps its own. A second call for the same place does nothing.
    ///
    /// # Errors
    /// [`BudgetError::AlreadyWritten`] if the key was written to another place before,
    /// [`BudgetError::AlreadyExists`] if a counter of this key is there but not this one, [`BudgetError::Io`].
    pub(crate) fn move_beside(&self, key_path: &Path, owner: &Owner) -> Result<(), BudgetError> {
        let wanted = sidecar_path(key_path, &owner.id)?;
        let mut counter = self.lock();
        match &*counter {
            Counter::Memory { used } => {
                let used = *used;
                sidecar::create(&wanted, owner, self.limit, used)?;
                *counter = Counter::File {
                    path: wanted,
                    owner: owner.clone(),
                    seen: used,
                };
                Ok(())
            }
            Counter::File { path, .. } if *path == wanted => Ok(()),
            Counter::File { path, .. } => Err(BudgetError::AlreadyWritten {
                path: path.clone(),
                wanted,
            }),
        }
    }

    /// Counts the next opening and returns its number, below [`Budget::limit`]. The number is then spent, whatever
    /// happens next: no other call, thread or process gets it.
    ///
    /// # Errors
    /// [`BudgetError::Exhausted`] and [`BudgetError::NothingLeft`] when no opening is left for this purpose; those of
    /// [`Budget::open_beside`]; [`BudgetError::WentBack`] for a counter that was put back.
    pub fn take(&self, purpose: Purpose) -> Result<u64, BudgetError> {
        let mut counter = self.lock();
        match &mut *counter {
            Counter::Memory { used } => {
                let number = *used;
                self.check(purpose, number, None)?;
                *used += 1;
                Ok(number)
            }
            Counter::File { path, owner, seen } => {
                let file = Locked::open(path, owner, self.limit)?;
                let found = file.used();
                if found < *seen {
                    let (path, seen) = (path.clone(), *seen);
                    return Err(BudgetError::WentBack { path, seen, found });
                }
                self.check(purpose, found, Some(path))?;
                // Noted before the write, which may fail: then no number is given out.
                *seen = found;
                let number = file.advance()?;
                *seen = number + 1;
                Ok(number)
            }
        }
    }

    /// How many openings the key is good for.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How many openings were made, by all processes.
    ///
    /// # Errors
    /// Those of [`Budget::open_beside`].
    pub fn used(&self) -> Result<u64, BudgetError> {
        self.used_of(&self.lock())
    }

    fn used_of(&self, counter: &Counter) -> Result<u64, BudgetError> {
        match counter {
            Counter::Memory { used } => Ok(*used),
            Counter::File { path, owner, .. } => Ok(Locked::open(path, owner, self.limit)?.used()),
        }
    }

    /// How many proofs can still be made: the openings left, less those kept for a rotation.
    ///
    /// # Errors
    /// Those of [`Budget::open_beside`].
    pub fn proofs_left(&self) -> Result<u64, BudgetError> {
        Ok(self.left_after(self.used()?))
    }

    /// As [`Self::proofs_left`], for a process that ends now: a thread that still wants an opening waits until then, so
    /// that what is said at the end stays true. Nothing else of this budget may be asked for afterwards.
    ///
    /// # Errors
    /// As [`Self::proofs_left`]; then no thread has to wait.
    pub fn close(&self) -> Result<u64, BudgetError> {
        let counter = self.lock();
        let left = self.left_after(self.used_of(&counter)?);
        // Never unlocked.
        core::mem::forget(counter);
        Ok(left)
    }

    fn left_after(&self, used: u64) -> u64 {
        self.limit.saturating_sub(used).saturating_sub(ROTATION_RESERVE)
    }

    /// The file it counts in, if the key is in a file.
    pub fn path(&self) -> Option<PathBuf> {
        match &*self.lock() {
            Counter::Memory { .. } => None,
            Counter::File { path, .. } => Some(path.clone()),
        }
    }

    /// Removes the counter's file after another key has replaced this one, which cannot be used any more.
    ///
    /// # Errors
    /// [`BudgetError::Io`].
    pub fn retire(&self) -> Result<(), BudgetError> {
        let Some(path) = self.path() else { return Ok(()) };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(BudgetError::Io {
                path,
                action: "remove",
                error,
            }),
            _ => Ok(()),
        }
    }

    fn check(&self, purpose: Purpose, used: u64, path: Option<&Path>) -> Result<(), BudgetError> {
        match (purpose, self.limit.saturating_sub(used)) {
            (Purpose::Rotation, 0) => Err(BudgetError::NothingLeft { limit: self.limit }),
            (Purpose::Proof, 0..=ROTATION_RESERVE) => Err(BudgetError::Exhausted {
                used,
                path: path.map(Path::to_path_buf),
            }),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counter> {
        // Each update is one step, so a panic elsewhere leaves the counter whole.
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of the counter: beside the key itself, not beside a symbolic link to it.
fn counter_of(key_path: &Path, owner: &Owner) -> Result<PathBuf, BudgetError> {
    let key_path = key_path.canonicalize().unwrap_or_else(|_| key_path.to_path_buf());
    sidecar_path(&key_path, &owner.id)
}
