//! Why an opening could not be counted.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why an opening of the private weights was not allowed. No opening was spent, or it is counted as spent.
#[derive(Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// All openings but those kept for rotation are spent.
    #[error(
        "this key has made all its proofs (openings of its weights: {used}): another one would reuse the randomness that \
         hides them. Run `zkml rotate-key {} --output NEW --verifying-key NEW` to commit to the weights anew",
        key(path.as_ref())
    )]
    Exhausted {
        /// Openings made after setup.
        used: u64,
        /// The counter, if it is in a file.
        path: Option<PathBuf>,
    },
    /// Not even an opening for rotation is left.
    #[error(
        "all {limit} openings of this key are spent, those kept for its rotation too: set the model up anew and \
         publish the new verifying key"
    )]
    NothingLeft {
        /// Openings of the key.
        limit: u64,
    },
    /// A key with private weights has no counter beside it.
    #[error(
        "{}: missing. It counts how often the private weights of this key were opened; a copy of the key that starts \
         to count again would reuse the randomness that hides the weights. Move (do not copy) the file to this place; \
         to give someone else a key to the same weights, rotate it", path.display()
    )]
    Missing {
        /// Where the counter should be.
        path: PathBuf,
    },
    /// The counter was made as another file.
    #[error(
        "{}: expected the file in which this key was counted so far, found another one: it was copied, restored from a \
         backup, or moved to another file system. A counter that starts again at an old count reuses the randomness \
         that hides the weights. If key and counter were moved together and no other copy of them makes proofs, run `zkml \
         adopt-key {}`; if there may be one, set the model up anew", path.display(), key(Some(path))
    )]
    Moved {
        /// The counter.
        path: PathBuf,
    },
    /// Another process keeps the counter locked.
    #[error("{}: another process has held the lock for {seconds} seconds", path.display())]
    Busy {
        /// The counter.
        path: PathBuf,
        /// For how long its lock was waited for.
        seconds: u64,
    },
    /// The counter cannot be trusted.
    #[error(
        "{}: expected {expected}, found {found}. How many openings of the private weights were made is not known any \
         more, so this key must not be used again: set the model up anew", path.display()
    )]
    Damaged {
        /// The counter.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The counter stands lower than this process has seen it.
    #[error(
        "{}: the counter went back from {seen} openings to {found}: it was replaced by an older copy, and the \
         randomness that hides the weights would be used again", path.display()
    )]
    WentBack {
        /// The counter.
        path: PathBuf,
        /// Openings that this process knows of.
        seen: u64,
        /// Openings that the file tells of.
        found: u64,
    },
    /// The counter is that of another key.
    #[error("{}: expected the counter of key {expected}, found that of key {found}", path.display())]
    OtherKey {
        /// The counter.
        path: PathBuf,
        /// The key, in hexadecimal.
        expected: String,
        /// The key that the file names, in hexadecimal.
        found: String,
    },
    /// Key and counter do not agree how many openings the key is good for.
    #[error("{}: the key is good for {expected} openings, its counter says {found}", path.display())]
    OtherLimit {
        /// The counter.
        path: PathBuf,
        /// What the key says.
        expected: u64,
        /// What the counter says.
        found: u64,
    },
    /// The counter of this key is already there: it is never overwritten.
    #[error("{}: this key is already counted there, by another copy of it", path.display())]
    AlreadyExists {
        /// The counter.
        path: PathBuf,
    },
    /// The key was written to another place before.
    #[error(
        "this key is already counted in {}: with a second counter in {} its randomness would be used twice. Move \
         the key with its counter instead; to give someone else a key to the same weights, rotate it",
        path.display(), wanted.display()
    )]
    AlreadyWritten {
        /// The counter.
        path: PathBuf,
        /// Where a second one was to be made.
        wanted: PathBuf,
    },
    /// The operating system refused or failed.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// The counter.
        path: PathBuf,
        /// What was tried, such as "read".
        action: &'static str,
        /// What the operating system says.
        error: io::Error,
    },
}

crate::debug_as_display!(BudgetError);

/// The path of the key whose counter is at `path`, for the user to type.
fn key(path: Option<&PathBuf>) -> String {
    let Some(path) = path else { return "KEY".into() };
    // Cuts off `.budget` and the key's id: `my.key.0123456789abcdef.budget` becomes `my.key`.
    path.with_extension("").with_extension("").display().to_string()
}
